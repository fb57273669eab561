// SPDX-License-Identifier: GPL-2.0-only
/*
 * PEBS records: the processor's state is gathered here, and stored through the
 * guest's and the host's page tables.
 */
#define NEED_CPU_REG_SHORTCUTS 1
#include "bochs.h"
#include "cpu/cpu.h"
#include "memory/memory-bochs.h"
#define LOG_THIS BX_CPU_THIS_PTR

#include "pmu_stats.h"

void BX_CPU_C::pmu_gather(struct pmu_pebs_state *state)
{
	state->eventing_ip = pmu.instruction;
	state->ip = RIP;
	state->flags = read_eflags();
	for (unsigned i = 0; i < PMU_GPRS; i++)
		state->gpr[i] = BX_READ_64BIT_REG(i);
	for (unsigned i = 0; i < PMU_XMMS; i++) {
		state->xmm[i][0] = BX_READ_XMM_REG_LO_QWORD(i);
		state->xmm[i][1] = BX_READ_XMM_REG_HI_QWORD(i);
	}
	state->tsc = get_Virtual_TSC();
	if (pmu.memory_ordinal == pmu_retired()) {
		state->load = pmu.load;
		state->store = pmu.store;
	}
}

/* An access that wants to write, but reads, has the faults of a write. */
void BX_CPU_C::pmu_touch(bx_address laddr)
{
	Bit64u value;

	if (access_read_linear(laddr, sizeof(value), 0, BX_RW, 0, &value) < 0)
		exception(BX_GP_EXCEPTION, 0);
}

/*
 * Between two instructions.  An access may fault or cause a VM exit, which ends
 * in pmu_abandon() and leaves the counter armed.
 */
void BX_CPU_C::pmu_store_record(void)
{
	struct pmu_pebs_state state = {};
	bool stored;

	pmu_gather(&state);
	pmu.storing = true;
	stored = pmu_pebs_store(&pmu.model, &state);
	pmu.storing = false;
	pmu_charge(COST_PEBS);
	if (stored)
		pmu_stats_pebs(&pmu_stats, pmu.model.mode.guest);
}
