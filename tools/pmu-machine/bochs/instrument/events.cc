// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the PMU's events count, where Bochs' execution shows it; the costs of
 * instructions; marks.
 */
#define NEED_CPU_REG_SHORTCUTS 1
#include <errno.h>
#include <stdlib.h>

#include "bochs.h"
#include "cpu/cpu.h"
#include "memory/memory-bochs.h"
#include "cpu/svm.h"
#define LOG_THIS BX_CPU_THIS_PTR

#include "cpu/decoder/ia_opcodes.h"

#include "pmu_stats.h"

struct pmu_stats pmu_stats;

/* --stats: the file that the environment names gets the JSON at the end. */
static void write_stats(void)
{
	const char *name = getenv("PMU_STATS");
	FILE *file;

	if (!name)
		return;
	for (int i = 0; i < BX_SMP_PROCESSORS; i++)
		BX_CPU(i)->pmu_tell();
	file = fopen(name, "w");
	if (!file || !pmu_stats_write_json(&pmu_stats, file) || fclose(file))
		fprintf(stderr, "PMU: %s: %s\n", name, strerror(errno));
}

void pmu_stats_start(void)
{
	static bool started;

	if (started)
		return;
	started = true;
	pmu_stats_init(&pmu_stats);
	atexit(write_stats);
}

/* An event that is not bounded by the number of instructions */
void BX_CPU_C::pmu_burst_event(unsigned acc, Bit64u n)
{
	if (n && ::pmu_burst(&pmu.model, (enum pmu_acc)acc, n))
		pmu_attend(PMU_ATTEND_BURST);
}

/* The accumulator of an instruction that accessed memory in these ways */
static int memory_acc(unsigned rw)
{
	static const int acc[] = {
		-1, PMU_LOADS, PMU_STORES, PMU_LOAD_STORES
	};

	return acc[rw];
}

/*
 * LOADS and STORES count instructions, not accesses: an instruction is known
 * by the number that it will have when it retires.  The accesses of an event
 * that is being delivered are no instruction's.
 */
void BX_CPU_C::pmu_count_memory(unsigned rw)
{
	Bit64u ordinal = pmu_retired() + 1;
	unsigned how = rw == BX_WRITE ? 2 : rw & 1 ? 3 : 1;

	if (pmu.memory_ordinal != ordinal) {
		pmu.memory_ordinal = ordinal;
		pmu.memory = 0;
		pmu.slow = false;
		pmu.load.level = pmu.store.level = PMU_NOWHERE;
	}
	if ((pmu.memory | how) == pmu.memory)
		return;
	if (pmu.memory)
		pmu.model.acc[memory_acc(pmu.memory)]--;
	pmu.memory |= how;
	PMU_COUNT(memory_acc(pmu.memory));
}

/* The instruction under way will not retire: take back what it counted. */
void BX_CPU_C::pmu_forget_memory(void)
{
	if (pmu.memory && pmu.memory_ordinal == pmu_retired() + 1) {
		pmu.model.acc[memory_acc(pmu.memory)]--;
		pmu.model.acc[PMU_SLOW_LOADS] -= pmu.slow;
	}
	pmu.memory = 0;
	pmu.slow = false;
}

/* Behind pmu_count_memory(): for records of the instruction under way */
void BX_CPU_C::pmu_keep_access(bx_address laddr, unsigned rw,
			       enum pmu_level level)
{
	struct pmu_access access = { laddr, level };

	if (rw & 1)
		pmu.store = access;
	if (rw == BX_WRITE || level < pmu.load.level)
		return;
	pmu.load = access;
	if (!pmu.slow && pmu_load_is_slow(&pmu.model, level)) {
		pmu.slow = true;
		PMU_COUNT(PMU_SLOW_LOADS);
	}
}

void BX_CPU_C::pmu_count_cache(const struct pmu_cache_counts *c)
{
	pmu_burst_event(PMU_L1D_REFS, c->l1d_refs);
	pmu_burst_event(PMU_L1D_MISSES, c->l1d_misses);
	pmu_burst_event(PMU_L1I_REFS, c->l1i_refs);
	pmu_burst_event(PMU_L1I_MISSES, c->l1i_misses);
	pmu_burst_event(PMU_L2_REFS, c->l2_refs);
	pmu_burst_event(PMU_L2_MISSES, c->l2_misses);
	pmu_burst_event(PMU_LLC_REFS, c->llc_refs);
	pmu_burst_event(PMU_LLC_MISSES, c->llc_misses);
}

void BX_CPU_C::pmu_memory_access(bx_address laddr, bx_phy_address paddr,
				 unsigned len, unsigned rw)
{
	struct pmu_cache_counts counts = {};

	if (pmu.model.models & PMU_MODEL_MEMORY && !pmu.delivering)
		pmu_count_memory(rw);
	if (!(pmu.model.models & PMU_MODEL_CACHE))
		return;
	pmu_cache_data(pmu.cache, paddr, rw & 1, &counts);
	if ((paddr & 63) + len > 64)
		pmu_cache_data(pmu.cache, paddr + len - 1, rw & 1, &counts);
	pmu_count_cache(&counts);
	if (pmu.model.models & PMU_MODEL_DATA && !pmu.delivering)
		pmu_keep_access(laddr, rw, pmu_cache_level(&counts));
}

/* With the cache model running every instruction is fetched on its own. */
void BX_CPU_C::pmu_code_fetch(bx_phy_address paddr)
{
	struct pmu_cache_counts counts = {};

	pmu_cache_code(pmu.cache, paddr, &counts);
	pmu_count_cache(&counts);
}

/* A translation that the TLB did not have; nested: through a second table. */
void BX_CPU_C::pmu_page_walk(unsigned rw)
{
	unsigned acc = rw == BX_EXECUTE ? PMU_ITLB_WALKS :
		       rw & 1 ? PMU_DTLB_STORE_WALKS : PMU_DTLB_LOAD_WALKS;
	bool nested = (in_vmx_guest && vmcs.vmexec_ctrls2.EPT_ENABLE()) ||
		      (in_svm_guest && SVM_NESTED_PAGING_ENABLED);

	pmu_burst_event(acc, 1);
	pmu_charge(nested ? COST_TLB_WALK_NESTED : COST_TLB_WALK);
}

void BX_CPU_C::pmu_interrupt_taken(unsigned vector)
{
	pmu_stats_interrupt(&pmu_stats, pmu.told.guest, vector);
	pmu.interrupts++;
	pmu_charge(COST_INTERRUPT);
	pmu_attend(PMU_ATTEND_MODE);
}

/* From interrupt(): an event goes through the IDT. */
void BX_CPU_C::pmu_delivery_begins(unsigned type)
{
	pmu.delivering = true;
	pmu.storing = false;
	pmu.event_from = RIP;
	pmu.event_user = CPL != 0;
	if (type == BX_HARDWARE_EXCEPTION) {
		pmu.exceptions++;
		pmu_charge(COST_EXCEPTION);
	}
}

/*
 * The event has arrived.  Behind INT n, INT3, INTO and INT1 follows
 * BX_INSTR_FAR_BRANCH(), but not if a VM entry, which is ahead of its
 * retirement, injected them.
 */
void BX_CPU_C::pmu_delivery_ends(unsigned type)
{
	bool event = type == BX_EXTERNAL_INTERRUPT || type == BX_NMI ||
		     type == BX_HARDWARE_EXCEPTION;

	if (PMU_MODELS(PMU_MODEL_BRANCHES) && (event || pmu.ahead))
		pmu_taken(event ? PMU_BRANCH_EVENT : PMU_BRANCH_INT,
			  pmu.event_from, RIP, pmu.event_user, false, false);
}

void BX_CPU_C::pmu_smi_taken(void)
{
	pmu_burst_event(PMU_SMIS, 1);
	pmu_charge(COST_SMI);
}

/* A branch that was taken has retired: for the records. */
void BX_CPU_C::pmu_taken(enum pmu_branch type, bx_address from, bx_address to,
			 bool from_user, bool mispredicted, bool next)
{
	struct pmu_taken taken;

	taken.type = type;
	taken.from = from;
	taken.to = to;
	taken.from_user = from_user;
	taken.to_user = CPL != 0;
	taken.mispredicted = mispredicted;
	taken.next = next;
	pmu_record_branch(&pmu.model, &taken);
}

void BX_CPU_C::pmu_cond_taken(bx_address from, bx_address to)
{
	bool mispredicted = pmu_predict_cond(&pmu.predictor, from, true);

	if (mispredicted)
		PMU_COUNT(PMU_MISP_COND);
	if (PMU_MODELS(PMU_MODEL_BRANCHES))
		pmu_taken(PMU_BRANCH_COND, from, to, CPL != 0, mispredicted,
			  false);
}

void BX_CPU_C::pmu_cond_not_taken(bx_address from)
{
	if (pmu_predict_cond(&pmu.predictor, from, false))
		PMU_COUNT(PMU_MISP_COND);
}

/* Was it mispredicted?  A direct jump or call never is. */
bool BX_CPU_C::pmu_predict_near(unsigned what, bx_address from, bx_address next,
				bx_address to)
{
	bool mispredicted = false;

	switch (what) {
	case BX_INSTR_IS_CALL:
		pmu_predict_call(&pmu.predictor, next);
		break;
	case BX_INSTR_IS_CALL_INDIRECT:
		pmu_predict_call(&pmu.predictor, next);
		/* fall through */
	case BX_INSTR_IS_JMP_INDIRECT:
		mispredicted = pmu_predict_indirect(&pmu.predictor, from, to);
		if (mispredicted)
			PMU_COUNT(PMU_MISP_IND);
		break;
	case BX_INSTR_IS_RET:
		mispredicted = pmu_predict_ret(&pmu.predictor, to);
		if (mispredicted)
			PMU_COUNT(PMU_MISP_RET);
		break;
	}
	return mispredicted;
}

static enum pmu_branch near_type(unsigned what)
{
	switch (what) {
	case BX_INSTR_IS_CALL:
		return PMU_BRANCH_CALL;
	case BX_INSTR_IS_CALL_INDIRECT:
		return PMU_BRANCH_CALL_IND;
	case BX_INSTR_IS_JMP_INDIRECT:
		return PMU_BRANCH_JMP_IND;
	case BX_INSTR_IS_RET:
		return PMU_BRANCH_RET;
	default:
		return PMU_BRANCH_JMP;
	}
}

/* @next is the address of the instruction behind it. */
void BX_CPU_C::pmu_near_taken(unsigned what, bx_address from, bx_address next,
			      bx_address to)
{
	bool mispredicted = pmu_predict_near(what, from, next, to);

	if (PMU_MODELS(PMU_MODEL_BRANCHES))
		pmu_taken(near_type(what), from, to, CPL != 0, mispredicted,
			  what == BX_INSTR_IS_CALL && to == next);
}

/* CPL is that of the target: the model still has where the branch began. */
void BX_CPU_C::pmu_far_taken(unsigned what, bx_address from, bx_address to)
{
	pmu_taken(what == BX_INSTR_IS_INT ? PMU_BRANCH_INT : PMU_BRANCH_FAR,
		  from, to, pmu.model.mode.user, false, false);
}

/* What an opcode costs, or COSTS for nothing beyond its own cycle */
static enum pmu_cost cost_of(unsigned opcode)
{
	switch (opcode) {
	case BX_IA_RDMSR:
		return COST_RDMSR;
	case BX_IA_WRMSR:
		return COST_WRMSR;
	case BX_IA_RDPMC:
		return COST_RDPMC;
	case BX_IA_RDTSC:
	case BX_IA_RDTSCP:
		return COST_RDTSC;
	case BX_IA_CPUID:
		return COST_CPUID;
	case BX_IA_IN_ALDX:
	case BX_IA_IN_ALIb:
	case BX_IA_IN_AXDX:
	case BX_IA_IN_AXIb:
	case BX_IA_IN_EAXDX:
	case BX_IA_IN_EAXIb:
	case BX_IA_OUT_DXAL:
	case BX_IA_OUT_DXAX:
	case BX_IA_OUT_DXEAX:
	case BX_IA_OUT_IbAL:
	case BX_IA_OUT_IbAX:
	case BX_IA_OUT_IbEAX:
		return COST_PORT_IO;
	case BX_IA_PAUSE:
		return COST_PAUSE;
	case BX_IA_MFENCE:
	case BX_IA_SERIALIZE:
		return COST_SERIALIZE;
	case BX_IA_CLFLUSH:
	case BX_IA_CLFLUSHOPT:
	case BX_IA_CLWB:
		return COST_CACHE_LINE_FLUSH;
	case BX_IA_INVD:
	case BX_IA_WBINVD:
		return COST_WBINVD;
	case BX_IA_MOV_CR0Rq:
	case BX_IA_MOV_CR0Rd:
	case BX_IA_MOV_CR4Rq:
	case BX_IA_MOV_CR4Rd:
		return COST_MOV_CR;
	case BX_IA_MOV_CR3Rq:
	case BX_IA_MOV_CR3Rd:
		return COST_MOV_CR3;
	case BX_IA_INVLPG:
		return COST_INVLPG;
	case BX_IA_INVPCID:
		return COST_INVPCID;
	case BX_IA_DIV_RAXEq:
	case BX_IA_IDIV_RAXEq:
		return COST_DIV64;
	case BX_IA_XSAVE:
	case BX_IA_XSAVEC:
	case BX_IA_XSAVEOPT:
	case BX_IA_XSAVES:
	case BX_IA_XRSTOR:
	case BX_IA_XRSTORS:
		return COST_XSAVE;
	case BX_IA_SYSCALL:
	case BX_IA_SYSCALL_LEGACY:
	case BX_IA_SYSENTER:
		return COST_SYSCALL;
	case BX_IA_SYSRET:
	case BX_IA_SYSRET_LEGACY:
	case BX_IA_SYSEXIT:
		return COST_SYSRET;
	case BX_IA_INT_Ib:
	case BX_IA_INT1:
	case BX_IA_INT3:
		return COST_INT;
	case BX_IA_IRET_Op16:
	case BX_IA_IRET_Op32:
	case BX_IA_IRET_Op64:
		return COST_IRET;
	case BX_IA_RSM:
		return COST_SMI;
	case BX_IA_VMREAD_EdGd:
	case BX_IA_VMREAD_EqGq:
		return COST_VMREAD;
	case BX_IA_VMWRITE_GdEd:
	case BX_IA_VMWRITE_GqEq:
		return COST_VMWRITE;
	case BX_IA_VMPTRLD_Mq:
		return COST_VMPTRLD;
	case BX_IA_INVEPT:
	case BX_IA_INVVPID:
	case BX_IA_INVLPGA:
		return COST_INVEPT;
	case BX_IA_VMSAVE:
	case BX_IA_VMLOAD:
		return COST_VMSAVE;
	case BX_IA_STGI:
	case BX_IA_CLGI:
		return COST_GIF;
	default:
		return COSTS;
	}
}

/* init/pmu-mark.h: a multi-byte NOP at this displacement from RAX */
#define MARK_DISPLACEMENT	0x504d5501
#define MARK_NAME_MAX		63

static bool is_mark(const bxInstruction_c *i)
{
	return i->getIaOpcode() == BX_IA_NOP && !i->modC0() &&
	       i->displ32s() == MARK_DISPLACEMENT;
}

/* From the decoder: is pmu_instruction_begins() to be called for this one? */
bool BX_CPU_C::pmu_wants_instruction(const bxInstruction_c *i)
{
	return cost_of(i->getIaOpcode()) != COSTS || is_mark(i);
}

/* It costs what it costs even if it then faults or exits. */
void BX_CPU_C::pmu_instruction_begins(const bxInstruction_c *i)
{
	if (is_mark(i))
		pmu_mark();
	else
		pmu_charge(cost_of(i->getIaOpcode()));
}

/*
 * A new section of the statistics begins with the next instruction.  The mark
 * is left out of the counts: it retires nothing and takes no cycle.
 */
void BX_CPU_C::pmu_mark(void)
{
	char name[MARK_NAME_MAX + 1] = "";
	bx_phy_address paddr;

	for (int n = 0; n < MARK_NAME_MAX; n++) {
		if (!dbg_xlate_linear2phy(RAX + n, &paddr) ||
		    !BX_MEM(0)->dbg_fetch_mem(this, paddr, 1, (Bit8u *)&name[n]) ||
		    !name[n])
			break;
	}
	for (int n = 0; n < BX_SMP_PROCESSORS; n++)
		BX_CPU(n)->pmu_tell();
	pmu_stats_mark(&pmu_stats, name, pmu.told.guest);
	pmu.not_retired++;
	pmu.cost--;
	icount_last_sync++;
	pmu.near_icount++;
}
