// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens when a counter wraps: status bits, freezing, the interrupt.
 */
#include "regs.h"

/**
 * pmu_frozen - whether a freeze stops all the counters
 * @pmu: the PMU
 *
 * SDM vol. 3B, "Streamlined Freeze_PerfMon_On_PMI": from version 4 on the
 * counters stand still while GLOBAL_STATUS.CTR_FRZ is set.  PerfMonV2 has
 * the same bit.
 */
bool pmu_frozen(const struct pmu *pmu)
{
	return pmu->global_status & STATUS_CTR_FRZ;
}

/* PerfMonV2 and Intel's version 4 keep a status bit until it is cleared. */
static bool streamlined(const struct pmu *pmu)
{
	return pmu->cpu->version >= (pmu_is_intel(pmu) ? 4 : 2);
}

/*
 * SDM vol. 3B, "Freezing LBR and Performance Counters on PMI": versions 2
 * and 3 clear GLOBAL_CTRL and DEBUGCTL.LBR.  Zen 3 can't freeze.
 */
static void freeze(struct pmu *pmu)
{
	if (streamlined(pmu)) {
		if (pmu->debugctl & DEBUGCTL_FREEZE_PERFMON)
			pmu->global_status |= STATUS_CTR_FRZ;
		if (pmu->debugctl & DEBUGCTL_FREEZE_LBRS)
			pmu->global_status |= STATUS_LBR_FRZ;
	} else if (pmu_is_intel(pmu)) {
		if (pmu->debugctl & DEBUGCTL_FREEZE_PERFMON)
			pmu->global_ctrl = 0;
		if (pmu->debugctl & DEBUGCTL_FREEZE_LBRS)
			pmu->debugctl &= ~DEBUGCTL_LBR;
	}
	pmu_update(pmu);
}

static bool wants_pmi(struct pmu *pmu, uint64_t bits)
{
	for (unsigned int i = 0; i < pmu->cpu->gp; i++) {
		if (bits & BIT(i) && pmu_gp(pmu, i)->select & SEL_INT)
			return true;
	}
	for (unsigned int i = 0; i < pmu->cpu->fixed; i++) {
		if (bits & BIT(GLOBAL_FIXED_SHIFT + i) &&
		    pmu_fixed(pmu, i)->select & FIXED_PMI)
			return true;
	}
	return false;
}

static void interrupt_soon(struct pmu *pmu)
{
	if (pmu->pmi_at == PMU_NEVER)
		pmu->pmi_at = pmu->acc[PMU_CYCLES] + pmu->skid;
}

/**
 * pmu_overflow - counters wrapped
 * @pmu:  the PMU
 * @bits: which, as their bits in GLOBAL_STATUS
 *
 * The status shows it at once.  The interrupt, and the freeze that is the
 * interrupt's, come when the skid is over, one for all that happens meanwhile:
 * SDM vol. 3B, "Performance Monitoring Interrupt", leaves open when.
 */
void pmu_overflow(struct pmu *pmu, uint64_t bits)
{
	if (pmu_has_global(pmu))
		pmu->global_status |= bits;
	pmu_pebs_arm(pmu, bits);
	if (wants_pmi(pmu, bits))
		interrupt_soon(pmu);
}

/**
 * pmu_buffer_overflow - PEBS' buffer is full up to its threshold
 * @pmu: the PMU
 */
void pmu_buffer_overflow(struct pmu *pmu)
{
	pmu->global_status |= STATUS_OVF_BUF;
	interrupt_soon(pmu);
}

/**
 * pmu_hurry - request the interrupt that is to come, if there is one
 * @pmu: the PMU, of a processor whose cycles stop
 */
void pmu_hurry(struct pmu *pmu)
{
	if (pmu->pmi_at == PMU_NEVER)
		return;
	pmu->pmi_at = PMU_NEVER;
	if (pmu->debugctl & (DEBUGCTL_FREEZE_PERFMON | DEBUGCTL_FREEZE_LBRS))
		freeze(pmu);
	pmu->ops->pmi(pmu->ctx);
}

/* The skid of an overflow may be over. */
void pmu_interrupt_if_due(struct pmu *pmu)
{
	if (pmu->acc[PMU_CYCLES] >= pmu->pmi_at)
		pmu_hurry(pmu);
}
