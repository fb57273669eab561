// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local vector table's performance-monitoring entry.
 */
#include "regs.h"

#define LVT_MODE(lvt)	((lvt) >> 8 & 7)
#define LVT_MASKED	(UINT32_C(1) << 16)

/**
 * pmu_lvtpc_deliver - what a PMI request becomes at the local APIC
 * @pmu:   the PMU that requests it
 * @lvtpc: its LVT entry; Intel's is masked by the delivery
 *
 * SDM vol. 3A, "Local Vector Table": "when a performance-monitoring counters
 * interrupt is generated, the mask bit for its associated LVT entry is set".
 * AMD's is left as it is.  A request at a masked entry is lost, not latched.
 *
 * Return: how to deliver the interrupt; the vector is in @lvtpc[7:0].
 */
enum pmu_delivery pmu_lvtpc_deliver(const struct pmu *pmu, uint32_t *lvtpc)
{
	if (*lvtpc & LVT_MASKED)
		return PMU_DROPPED;
	if (pmu_is_intel(pmu))
		*lvtpc |= LVT_MASKED;

	switch (LVT_MODE(*lvtpc)) {
	case 0:
		return PMU_FIXED_VECTOR;
	case 2:
		return PMU_SMI;
	case 4:
		return PMU_NMI;
	default:		/* reserved or not meaningful for this entry */
		return PMU_DROPPED;
	}
}
