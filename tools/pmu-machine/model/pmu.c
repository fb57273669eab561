// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PMU as a whole: power-up state, mode changes, register accesses.
 */
#include <string.h>

#include "regs.h"

static void number_counters(struct pmu *pmu)
{
	for (unsigned int i = 0; i < PMU_MAX_GP; i++)
		pmu_gp(pmu, i)->bit = i;
	for (unsigned int i = 0; i < PMU_MAX_FIXED; i++)
		pmu_fixed(pmu, i)->bit = GLOBAL_FIXED_SHIFT + i;
}

/**
 * pmu_init - make a PMU in its power-up state
 * @pmu: storage for it
 * @cpu: the processor model
 * @ops: what it asks of its user
 * @ctx: handed to @ops
 */
void pmu_init(struct pmu *pmu, const struct pmu_cpu *cpu,
	      const struct pmu_ops *ops, void *ctx)
{
	memset(pmu, 0, sizeof(*pmu));
	pmu->cpu = cpu;
	pmu->ops = ops;
	pmu->ctx = ctx;
	pmu->pmi_at = PMU_NEVER;
	pmu_reset(pmu);
}

/**
 * pmu_reset - RESET or power-up
 * @pmu: the PMU
 *
 * SDM vol. 3A, "Processor State Following Power-up, Reset, or INIT": all
 * performance-monitoring registers are cleared, but GLOBAL_CTRL has the bits
 * of the general-purpose counters set, so that software that knows version 1
 * only finds them enabled.  INIT leaves all of it alone: do not call this.
 */
void pmu_reset(struct pmu *pmu)
{
	pmu_sync(pmu);
	pmu->pmi_at = PMU_NEVER;
	memset(pmu->counter, 0, sizeof(pmu->counter));
	number_counters(pmu);
	for (unsigned int i = 0; i < PMU_MAX_GP; i++)
		pmu_gp(pmu, i)->mul = pmu_gp(pmu, i)->div = 1;
	pmu->fixed_ctrl = 0;
	for (unsigned int i = 0; i < pmu->cpu->fixed; i++)
		pmu_select_fixed(pmu, i);
	pmu->global_ctrl = pmu_gp_mask(pmu);
	pmu->global_status = 0;
	pmu->debugctl = 0;
	pmu->misc_enable = MISC_ENABLE_FAST_STRINGS | MISC_ENABLE_EMON |
			   MISC_ENABLE_BTS_UNAVAIL | MISC_ENABLE_MWAIT;
	if (!pmu_has_pebs(pmu))
		pmu->misc_enable |= MISC_ENABLE_PEBS_UNAVAIL;
	memset(pmu->metrics, 0, sizeof(pmu->metrics));
	memset(&pmu->storage, 0, sizeof(pmu->storage));
	memset(&pmu->pebs, 0, sizeof(pmu->pebs));
	pmu_lbr_reset(pmu);
	pmu->smis_at_reset = pmu->acc[PMU_SMIS];
	pmu_update(pmu);
}

static bool same_mode(struct pmu_mode a, struct pmu_mode b)
{
	return a.user == b.user && a.guest == b.guest && a.svme == b.svme &&
	       a.smm == b.smm;
}

/**
 * pmu_set_mode - the processor is in another mode from here on
 * @pmu:  the PMU
 * @mode: the mode
 *
 * An instruction that changes the mode belongs to the mode in which it began:
 * call this when it has retired.
 */
void pmu_set_mode(struct pmu *pmu, struct pmu_mode mode)
{
	bool smm = pmu->mode.smm != mode.smm;

	if (same_mode(pmu->mode, mode))
		return;
	if (!pmu->running && !smm) {
		pmu->mode = mode;
		return;
	}
	pmu_sync(pmu);
	if (smm)
		pmu_lbr_smm(pmu, mode.smm);
	pmu->mode = mode;
	pmu_update(pmu);
}

/**
 * pmu_rdmsr - RDMSR, or a read by a VM-exit MSR-store list
 * @pmu:   the PMU
 * @msr:   the register's number
 * @value: where to store its value
 *
 * Return: PMU_OK; PMU_GP for a register of the PMU's ranges that this
 * processor does not have; PMU_NOT_MINE for any other.
 */
enum pmu_result pmu_rdmsr(struct pmu *pmu, uint32_t msr, uint64_t *value)
{
	enum pmu_result result;

	pmu_sync(pmu);
	result = pmu_lbr_rdmsr(pmu, msr, value);
	if (result == PMU_NOT_MINE)
		result = pmu_pebs_rdmsr(pmu, msr, value);
	if (result != PMU_NOT_MINE)
		return result;
	if (pmu_is_intel(pmu))
		return pmu_intel_rdmsr(pmu, msr, value);
	return pmu_amd_rdmsr(pmu, msr, value);
}

/**
 * pmu_wrmsr - WRMSR, or a write by a VMX MSR-load list
 * @pmu:   the PMU
 * @msr:   the register's number
 * @value: what to write
 *
 * Return: PMU_OK; PMU_GP for an absent or read-only register or a reserved
 * bit, with nothing changed; PMU_NOT_MINE for any other register.
 */
enum pmu_result pmu_wrmsr(struct pmu *pmu, uint32_t msr, uint64_t value)
{
	enum pmu_result result;

	pmu_sync(pmu);
	result = pmu_lbr_wrmsr(pmu, msr, value);
	if (result == PMU_NOT_MINE)
		result = pmu_pebs_wrmsr(pmu, msr, value);
	if (result == PMU_NOT_MINE && pmu_is_intel(pmu))
		result = pmu_intel_wrmsr(pmu, msr, value);
	else if (result == PMU_NOT_MINE)
		result = pmu_amd_wrmsr(pmu, msr, value);
	if (result == PMU_OK)
		pmu_update(pmu);
	return result;
}
