// SPDX-License-Identifier: GPL-2.0-only
/*
 * Branch records: what the kinds have in common.
 *
 * All keep their entries in a ring.  Legacy registers name the slots of the
 * ring, the others count from the newest entry backwards.
 */
#include <string.h>

#include "regs.h"

/**
 * pmu_lbr_reset - RESET or power-up
 * @pmu: the PMU
 *
 * SDM vol. 3A, "Processor State Following Power-up, Reset, or INIT": the LBR
 * stack and its registers are 0.  Vol. 3B, "Last Branch Records": a warm reset
 * leaves the architectural ones as they are, but for LBREn; at power-up the
 * depth is the greatest.
 */
void pmu_lbr_reset(struct pmu *pmu)
{
	bool power_up = !pmu->lbr.depth;

	if (pmu->cpu->lbr == PMU_LBR_ARCH && !power_up) {
		pmu->lbr.ctl &= ~LBR_CTL_EN;
		return;
	}
	memset(&pmu->lbr, 0, sizeof(pmu->lbr));
	pmu->lbr.depth = pmu->cpu->lbr_depth;
}

/* Clear the entries. */
void pmu_lbr_clear(struct pmu *pmu)
{
	memset(pmu->lbr.ring, 0, sizeof(pmu->lbr.ring));
	pmu->lbr.timed = false;
}

/* The entry that is @age entries older than the newest. */
struct pmu_record *pmu_lbr_entry(struct pmu *pmu, unsigned int age)
{
	unsigned int depth = pmu->lbr.depth;

	return &pmu->lbr.ring[(pmu->lbr.top + depth - age) % depth];
}

static void push(struct pmu *pmu, struct pmu_record record)
{
	pmu->lbr.top = (pmu->lbr.top + 1) % pmu->lbr.depth;
	*pmu_lbr_entry(pmu, 0) = record;
	pmu->lbr.stamp = pmu_cycles(pmu);
	pmu->lbr.timed = true;
}

/* "The last captured branch record is flushed", in the order LIFO. */
static void pop(struct pmu *pmu)
{
	*pmu_lbr_entry(pmu, 0) = (struct pmu_record){ 0 };
	pmu->lbr.top = (pmu->lbr.top + pmu->lbr.depth - 1) % pmu->lbr.depth;
}

/**
 * pmu_lbr_event - if it is an event, keep the last branch before it
 * @pmu:   the PMU
 * @taken: the branch or event
 * @last:  the record of the last branch
 *
 * SDM vol. 3B, "Last Branch Records": the LER "records the last taken branch
 * preceding the last exception, hardware interrupt, or software interrupt".
 * APM vol. 2, 13.1.6.1: LastInt* are loaded from LastBranch* when these are
 * taken.
 */
void pmu_lbr_event(struct pmu *pmu, const struct pmu_taken *taken,
		   struct pmu_record last)
{
	if (taken->type == PMU_BRANCH_INT || taken->type == PMU_BRANCH_EVENT)
		pmu->lbr.ler = last;
}

/**
 * pmu_lbr_keep - a branch passed the filters
 * @pmu:	the PMU
 * @taken:	the branch
 * @record:	its record
 * @call_stack: in call-stack mode
 *
 * SDM vol. 3B, "Last Branch, Call Stack, Interrupt, and Exception
 * Recording for Processors based on Haswell Microarchitecture": in call-stack
 * mode a return removes the newest entry, and calls of length zero, which have
 * no return, are left out.
 */
void pmu_lbr_keep(struct pmu *pmu, const struct pmu_taken *taken,
		  struct pmu_record record, bool call_stack)
{
	if (call_stack && taken->type == PMU_BRANCH_RET)
		pop(pmu);
	else if (!(call_stack && taken->next))
		push(pmu, record);
}

/* Cycles since an entry was last made, saturating at 16 bits. */
uint64_t pmu_lbr_cycles(const struct pmu *pmu)
{
	uint64_t cycles = pmu_cycles(pmu) - pmu->lbr.stamp;

	return cycles < MASK(16) ? cycles : MASK(16);
}

/*
 * MSR_LBR_SELECT (SDM vol. 3B, "Filtering of Last Branch Records") and
 * LastBranchStackSelect (APM vol. 2, 13.1.1.9): a bit that is set suppresses
 * records.  Of a branch that changes the CPL the one at which it ends decides.
 */
bool pmu_lbr_suppressed(uint64_t select, const struct pmu_taken *taken)
{
	static const uint64_t suppresses[] = {
		[PMU_BRANCH_COND] = BIT(2),
		[PMU_BRANCH_CALL] = BIT(3),
		[PMU_BRANCH_CALL_IND] = BIT(4),
		[PMU_BRANCH_RET] = BIT(5),
		[PMU_BRANCH_JMP_IND] = BIT(6),
		[PMU_BRANCH_JMP] = BIT(7),
		[PMU_BRANCH_FAR] = BIT(8),
		[PMU_BRANCH_INT] = BIT(8),
		[PMU_BRANCH_EVENT] = BIT(8),
	};

	return select & (suppresses[taken->type] | BIT(taken->to_user));
}

/* Bits above the processor's linear addresses repeat the highest of them. */
uint64_t pmu_canonical(const struct pmu *pmu, uint64_t address)
{
	unsigned int unused = 64 - pmu->cpu->address_bits;

	return (uint64_t)((int64_t)(address << unused) >> unused);
}

static bool enabled(const struct pmu *pmu)
{
	switch (pmu->cpu->lbr) {
	case PMU_LBR_LEGACY:
		return pmu->debugctl & DEBUGCTL_LBR;
	case PMU_LBR_ARCH:
		return pmu->lbr.ctl & LBR_CTL_EN;
	default:
		return pmu->debugctl & DEBUGCTL_LBR || pmu_lbr_amd_stack_on(pmu);
	}
}

/**
 * pmu_lbr_recording - could a branch be recorded now?
 * @pmu: the PMU
 *
 * SDM vol. 3B, "Freezing LBR and Performance Counters on PMI": not while
 * GLOBAL_STATUS.LBR_FRZ is set; AMD's is the stack's alone.  FREEZE_WHILE_SMM
 * stops them in SMM.
 */
bool pmu_lbr_recording(const struct pmu *pmu)
{
	if (pmu->mode.smm && pmu->debugctl & DEBUGCTL_FREEZE_SMM)
		return false;
	if (pmu_is_intel(pmu) && pmu->global_status & STATUS_LBR_FRZ)
		return false;
	return enabled(pmu);
}

/**
 * pmu_lbr_smm - SMM begins or ends
 * @pmu: the PMU, in its old mode
 * @smm: it begins
 *
 * SDM vol. 3B, "Last Branch Records": "IA32_LBR_CTL.LBREn is saved and cleared
 * on #SMI, and restored on RSM."
 */
void pmu_lbr_smm(struct pmu *pmu, bool smm)
{
	if (smm)
		pmu->lbr.smm = pmu->lbr.ctl & LBR_CTL_EN;
	pmu->lbr.ctl &= ~LBR_CTL_EN;
	if (!smm)
		pmu->lbr.ctl |= pmu->lbr.smm;
}

/**
 * pmu_record_branch - a branch is taken, or an event
 * @pmu:   the PMU
 * @taken: what there is to know of it
 */
void pmu_record_branch(struct pmu *pmu, const struct pmu_taken *taken)
{
	if (!(pmu->models & PMU_MODEL_BRANCHES))
		return;
	switch (pmu->cpu->lbr) {
	case PMU_LBR_LEGACY:
		pmu_lbr_legacy_record(pmu, taken);
		break;
	case PMU_LBR_ARCH:
		pmu_lbr_arch_record(pmu, taken);
		break;
	case PMU_LBR_AMD:
		pmu_lbr_amd_record(pmu, taken);
		break;
	}
}

/**
 * pmu_debug_exception - a #DB is delivered
 * @pmu: the PMU
 *
 * SDM vol. 3B, "Monitoring Branches, Exceptions, and Interrupts", "Single-
 * Stepping on Branches" and "Last Branch Records"; APM vol. 2, 13.1.1.8,
 * 13.1.6: recording and single-stepping on branches are switched off, and the
 * records stay as they are.
 */
void pmu_debug_exception(struct pmu *pmu)
{
	pmu_sync(pmu);
	pmu->debugctl &= ~(DEBUGCTL_LBR | DEBUGCTL_BTF);
	pmu->lbr.ctl &= ~LBR_CTL_EN;
	pmu->lbr.debug_extn &= ~DEBUG_EXTN_LBRS;
	pmu_update(pmu);
}

/* RDMSR and WRMSR, or PMU_NOT_MINE if it is no register of these records */
enum pmu_result pmu_lbr_rdmsr(struct pmu *pmu, uint32_t msr, uint64_t *value)
{
	switch (pmu->cpu->lbr) {
	case PMU_LBR_LEGACY:
		return pmu_lbr_legacy_rdmsr(pmu, msr, value);
	case PMU_LBR_ARCH:
		return pmu_lbr_arch_rdmsr(pmu, msr, value);
	default:
		return pmu_lbr_amd_rdmsr(pmu, msr, value);
	}
}

enum pmu_result pmu_lbr_wrmsr(struct pmu *pmu, uint32_t msr, uint64_t value)
{
	switch (pmu->cpu->lbr) {
	case PMU_LBR_LEGACY:
		return pmu_lbr_legacy_wrmsr(pmu, msr, value);
	case PMU_LBR_ARCH:
		return pmu_lbr_arch_wrmsr(pmu, msr, value);
	default:
		return pmu_lbr_amd_wrmsr(pmu, msr, value);
	}
}
