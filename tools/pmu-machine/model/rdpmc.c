// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDPMC: what its index means.  CR4.PCE and the intercepts are the
 * emulator's business.
 */
#include "regs.h"

/* SDM vol. 2, "RDPMC": ECX[31:16] is the type, ECX[15:0] the index. */
#define TYPE(index)		((index) >> 16)
#define NUMBER(index)		((index) & 0xffff)
#define TYPE_GP			0
#define TYPE_METRICS		0x2000
#define TYPE_FIXED		0x4000

/* APM vol. 3, "RDPMC": six core counters, four northbridge, six L3. */
#define AMD_UNCORE_FIRST	6

static enum pmu_result intel_rdpmc(struct pmu *pmu, uint32_t index,
				   uint64_t *value)
{
	uint32_t n = NUMBER(index);

	switch (TYPE(index)) {
	case TYPE_GP:
		if (n >= pmu->cpu->gp)
			return PMU_GP;
		*value = pmu_gp(pmu, n)->value;
		return PMU_OK;
	case TYPE_FIXED:
		if (n >= pmu->cpu->fixed)
			return PMU_GP;
		*value = pmu_fixed(pmu, n)->value;
		return PMU_OK;
	case TYPE_METRICS:
		if (n || !pmu_has_metrics(pmu))
			return PMU_GP;
		*value = pmu_metrics_read(pmu);
		return PMU_OK;
	default:
		return PMU_GP;
	}
}

static enum pmu_result amd_rdpmc(struct pmu *pmu, uint32_t index,
				 uint64_t *value)
{
	if (index < pmu->cpu->gp) {
		*value = pmu_gp(pmu, index)->value;
		return PMU_OK;
	}
	if (index < AMD_UNCORE_FIRST + PMU_MAX_UNCORE) {
		*value = pmu->storage.uncore_ctr[index - AMD_UNCORE_FIRST];
		return PMU_OK;
	}
	return PMU_GP;
}

/**
 * pmu_rdpmc - the RDPMC instruction
 * @pmu:   the PMU
 * @index: ECX
 * @value: where to store the counter
 *
 * Return: PMU_OK or PMU_GP.
 */
enum pmu_result pmu_rdpmc(struct pmu *pmu, uint32_t index, uint64_t *value)
{
	pmu_sync(pmu);
	if (pmu_is_intel(pmu))
		return intel_rdpmc(pmu, index, value);
	return amd_rdpmc(pmu, index, value);
}
