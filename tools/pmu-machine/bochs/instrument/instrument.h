/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The places at which Bochs calls its instrumentation library, and what of
 * them the PMU needs.  All but the first group are expanded in methods of
 * BX_CPU_C.
 */
#ifndef PMU_INSTRUMENT_H
#define PMU_INSTRUMENT_H

#include "pmu_glue.h"

void bx_instr_initialize(unsigned cpu);
void bx_instr_reset(unsigned cpu, unsigned type);

#define BX_INSTR_INITIALIZE(cpu_id)	 bx_instr_initialize(cpu_id)
#define BX_INSTR_RESET(cpu_id, type)	 bx_instr_reset(cpu_id, type)

#define PMU_COUNT(what)	(BX_CPU_THIS_PTR pmu.model.acc[what]++)
#define PMU_MODELS(m)	BX_UNLIKELY(BX_CPU_THIS_PTR pmu.model.models & (m))

#define BX_UNLIKELY(x)	__builtin_expect(!!(x), 0)

/* PMU_MODEL_PREDICTOR is there whenever PMU_MODEL_BRANCHES is. */
#define BX_INSTR_CNEAR_BRANCH_TAKEN(cpu_id, from, to) do {		\
	PMU_COUNT(PMU_COND_TAKEN);					\
	if (PMU_MODELS(PMU_MODEL_PREDICTOR))				\
		BX_CPU_THIS_PTR pmu_cond_taken(from, to);		\
} while (0)

#define BX_INSTR_CNEAR_BRANCH_NOT_TAKEN(cpu_id, from) do {		\
	PMU_COUNT(PMU_COND_NTAKEN);					\
	if (PMU_MODELS(PMU_MODEL_PREDICTOR))				\
		BX_CPU_THIS_PTR pmu_cond_not_taken(from);		\
} while (0)

/* how is a constant wherever this is expanded; i is the instruction */
#define BX_INSTR_UCNEAR_BRANCH(cpu_id, how, from, to) do {		\
	PMU_COUNT((how) == BX_INSTR_IS_JMP ? PMU_NEAR_JMP :		\
		  (how) == BX_INSTR_IS_JMP_INDIRECT ? PMU_NEAR_JMP_IND : \
		  (how) == BX_INSTR_IS_CALL ? PMU_NEAR_CALL :		\
		  (how) == BX_INSTR_IS_CALL_INDIRECT ? PMU_NEAR_CALL_IND : \
		  PMU_NEAR_RET);					\
	if (PMU_MODELS(PMU_MODEL_PREDICTOR))				\
		BX_CPU_THIS_PTR pmu_near_taken(how, from,		\
			(from) + (i)->ilen(), to);			\
} while (0)

#define BX_INSTR_FAR_BRANCH(cpu_id, what, prev_cs, prev_eip, new_cs, new_eip) do { \
	PMU_COUNT(PMU_FAR);						\
	BX_CPU_THIS_PTR pmu.delivering = false;				\
	if (PMU_MODELS(PMU_MODEL_BRANCHES))				\
		BX_CPU_THIS_PTR pmu_far_taken(what, prev_eip,	\
					       new_eip);	\
} while (0)

#define BX_INSTR_HWINTERRUPT(cpu_id, vector, cs, eip) \
	BX_CPU_THIS_PTR pmu_interrupt_taken(vector)

#define BX_INSTR_LIN_ACCESS(cpu_id, lin, phy, len, memtype, rw) do {	\
	if (PMU_MODELS(PMU_MODEL_MEMORY | PMU_MODEL_CACHE) &&		\
	    !BX_CPU_THIS_PTR pmu.storing)				\
		BX_CPU_THIS_PTR pmu_memory_access(lin, phy, len, rw);	\
} while (0)

#define BX_INSTR_CLFLUSH(cpu_id, laddr, paddr) do {			\
	if (PMU_MODELS(PMU_MODEL_CACHE))				\
		pmu_cache_flush_line(BX_CPU_THIS_PTR pmu.cache, paddr);	\
} while (0)

#define BX_INSTR_CACHE_CNTRL(cpu_id, what) do {				\
	if (PMU_MODELS(PMU_MODEL_CACHE))				\
		pmu_cache_flush_all(BX_CPU_THIS_PTR pmu.cache);		\
} while (0)

#define BX_INSTR_VMEXIT(cpu_id, reason, qualification) \
	BX_CPU_THIS_PTR pmu_vm_exit_begins(reason, IS_TRAP_LIKE_VMEXIT(reason))

#define BX_INSTR_INIT_ENV()
#define BX_INSTR_EXIT_ENV()
#define BX_INSTR_EXIT(cpu_id)
#define BX_INSTR_OPCODE(cpu_id, i, opcode, len, is32, is64)
#define BX_INSTR_HLT(cpu_id)
#define BX_INSTR_MWAIT(cpu_id, addr, len, flags)
#define BX_INSTR_DEBUG_PROMPT()
#define BX_INSTR_DEBUG_CMD(cmd)
#define BX_INSTR_EXCEPTION(cpu_id, vector, error_code)
#define BX_INSTR_INTERRUPT(cpu_id, vector)
#define BX_INSTR_TLB_CNTRL(cpu_id, what, new_cr3)
#define BX_INSTR_PREFETCH_HINT(cpu_id, what, seg, offset)
#define BX_INSTR_BEFORE_EXECUTION(cpu_id, i)
#define BX_INSTR_AFTER_EXECUTION(cpu_id, i)
#define BX_INSTR_REPEAT_ITERATION(cpu_id, i)
#define BX_INSTR_INP(addr, len)
#define BX_INSTR_INP2(addr, len, val)
#define BX_INSTR_OUTP(addr, len, val)
#define BX_INSTR_PHY_ACCESS(cpu_id, phy, len, memtype, rw)
#define BX_INSTR_WRMSR(cpu_id, addr, value)

#endif /* PMU_INSTRUMENT_H */
