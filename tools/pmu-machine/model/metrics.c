// SPDX-License-Identifier: GPL-2.0-only
/*
 * PERF_METRICS (SDM vol. 3B, "Performance Metrics"): eight fields of eight
 * bits, each the share of the slots counted by fixed counter 3.
 *
 * The modelled core uses one slot a cycle, to retire an instruction; every
 * other slot is lost to the back end.  The fields of the second level, which
 * Ice Lake does not have, hold what is written to them and count nothing.
 */
#include "regs.h"

#define FIELD_MAX	0xff

enum { RETIRING, BAD_SPECULATION, FRONTEND_BOUND, BACKEND_BOUND };

/**
 * pmu_metrics_count - split slots into the categories
 * @pmu:	  the PMU, with fixed counter 3 counting
 * @instructions: retired
 * @cycles:	  gone by
 */
void pmu_metrics_count(struct pmu *pmu, uint64_t instructions, uint64_t cycles)
{
	uint64_t slots = cycles * pmu->cpu->slots;

	pmu->metrics[RETIRING] += instructions;
	pmu->metrics[BACKEND_BOUND] += slots - instructions;
}

/**
 * pmu_metrics_read - the value of MSR_PERF_METRICS
 * @pmu: the PMU
 *
 * Return: the register's value; 0 while no slot has been counted.
 */
uint64_t pmu_metrics_read(const struct pmu *pmu)
{
	uint64_t slots = pmu->metrics[RETIRING] + pmu->metrics[BAD_SPECULATION] +
			 pmu->metrics[FRONTEND_BOUND] +
			 pmu->metrics[BACKEND_BOUND];
	uint64_t value = 0;

	if (!slots)
		return 0;
	for (int i = 0; i < pmu->cpu->metrics; i++) {
		uint64_t share = (pmu->metrics[i] * FIELD_MAX + slots / 2) / slots;

		value |= (share & FIELD_MAX) << (8 * i);
	}
	return value;
}

/**
 * pmu_metrics_write - write MSR_PERF_METRICS
 * @pmu:   the PMU; fixed counter 3 holds the slots that @value divides
 * @value: the fields
 *
 * A restored value must go on from where it was, so the fields become shares
 * of the slots that fixed counter 3 holds.
 */
void pmu_metrics_write(struct pmu *pmu, uint64_t value)
{
	uint64_t slots = pmu_fixed(pmu, 3)->value;

	for (int i = 0; i < pmu->cpu->metrics; i++)
		pmu->metrics[i] = (value >> (8 * i) & FIELD_MAX) * slots / FIELD_MAX;
}
