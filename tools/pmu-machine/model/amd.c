// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD's PMU registers (APM vol. 2, 13.2 "Performance Monitoring Counters";
 * PPR for family 19h).
 */
#include "regs.h"

#define MSR_DEBUGCTL		0x1d9
#define MSR_GLOBAL_STATUS	0xc0000300	/* PerfCntrGlobalStatus */
#define MSR_GLOBAL_CTL		0xc0000301
#define MSR_GLOBAL_STATUS_CLR	0xc0000302
#define MSR_GLOBAL_STATUS_SET	0xc0000303
#define MSR_LEGACY_CTL		0xc0010000	/* aliases of the first four */
#define MSR_LEGACY_CTR		0xc0010004
#define MSR_PERF_CTL		0xc0010200	/* CTLn at 2n, CTRn at 2n + 1 */
#define MSR_L3_CTL		0xc0010230
#define MSR_NB_CTL		0xc0010240
#define LEGACY_COUNTERS		4

static struct pmu_counter *find_select(struct pmu *pmu, uint32_t msr)
{
	if (in(msr, MSR_LEGACY_CTL, LEGACY_COUNTERS))
		return pmu_gp(pmu, msr - MSR_LEGACY_CTL);
	if (in(msr, MSR_PERF_CTL, 2 * pmu->cpu->gp) && !(msr & 1))
		return pmu_gp(pmu, (msr - MSR_PERF_CTL) / 2);
	return NULL;
}

static struct pmu_counter *find_counter(struct pmu *pmu, uint32_t msr)
{
	if (in(msr, MSR_LEGACY_CTR, LEGACY_COUNTERS))
		return pmu_gp(pmu, msr - MSR_LEGACY_CTR);
	if (in(msr, MSR_PERF_CTL, 2 * pmu->cpu->gp) && msr & 1)
		return pmu_gp(pmu, (msr - MSR_PERF_CTL) / 2);
	return NULL;
}

/*
 * The northbridge's and the L3's counters are there to be reached, or not to
 * be, by RDPMC; none of their events is modelled.
 */
static uint64_t *find_uncore(struct pmu *pmu, uint32_t msr)
{
	uint64_t *nb = msr & 1 ? pmu->storage.uncore_ctr : pmu->storage.uncore_ctl;

	if (in(msr, MSR_NB_CTL, 2 * AMD_NB_COUNTERS))
		return &nb[(msr - MSR_NB_CTL) / 2];
	if (in(msr, MSR_L3_CTL, 2 * AMD_L3_COUNTERS))
		return &nb[AMD_NB_COUNTERS + (msr - MSR_L3_CTL) / 2];
	return NULL;
}

/*
 * APM vol. 2, 13.2.1: bits 63:42, 39:36, 21 and 19 are reserved and read as
 * zero.  No Zen raises #GP for them.  (Milan has been seen to keep 19 and 42.)
 */
static void write_select(struct pmu *pmu, struct pmu_counter *c, uint64_t value)
{
	uint64_t kept = MASK(32) & ~(SEL_ANYTHREAD | SEL_PC);

	kept |= SEL_AMD_EVENT_HIGH | SEL_AMD_GUEST_ONLY | SEL_AMD_HOST_ONLY;
	c->select = value & kept;
	pmu_select_gp(pmu, c);
}

static uint64_t status_mask(const struct pmu *pmu)
{
	return pmu_gp_mask(pmu) | STATUS_LBR_FRZ | STATUS_CTR_FRZ;
}

static enum pmu_result read_global(struct pmu *pmu, uint32_t msr,
				   uint64_t *value)
{
	if (!pmu_has_global(pmu))
		return PMU_GP;
	switch (msr) {
	case MSR_GLOBAL_STATUS:
		*value = pmu->global_status;
		break;
	case MSR_GLOBAL_CTL:
		*value = pmu->global_ctrl;
		break;
	default:			/* CLR and SET are write-only: read as 0 */
		*value = 0;
	}
	return PMU_OK;
}

static enum pmu_result write_global(struct pmu *pmu, uint32_t msr,
				    uint64_t value)
{
	if (!pmu_has_global(pmu))
		return PMU_GP;
	switch (msr) {
	case MSR_GLOBAL_CTL:
		if (value & ~pmu_gp_mask(pmu))
			return PMU_GP;
		pmu->global_ctrl = value;
		break;
	case MSR_GLOBAL_STATUS_CLR:
		pmu->global_status &= ~value;
		break;
	case MSR_GLOBAL_STATUS_SET:
		pmu->global_status |= value & status_mask(pmu);
		break;
	default:			/* PPR: GLOBAL_STATUS is read-only; ignored */
		break;
	}
	return PMU_OK;
}

enum pmu_result pmu_amd_rdmsr(struct pmu *pmu, uint32_t msr, uint64_t *value)
{
	const struct pmu_counter *select = find_select(pmu, msr);
	const struct pmu_counter *counter = find_counter(pmu, msr);
	const uint64_t *uncore = find_uncore(pmu, msr);

	if (select)
		*value = select->select;
	else if (counter)
		*value = counter->value;
	else if (uncore)
		*value = *uncore;
	else if (in(msr, MSR_GLOBAL_STATUS, 4))
		return read_global(pmu, msr, value);
	else if (msr == MSR_DEBUGCTL)
		*value = pmu->debugctl;
	else
		return pmu_absent(msr);
	return PMU_OK;
}

enum pmu_result pmu_amd_wrmsr(struct pmu *pmu, uint32_t msr, uint64_t value)
{
	struct pmu_counter *select = find_select(pmu, msr);
	struct pmu_counter *counter = find_counter(pmu, msr);
	uint64_t *uncore = find_uncore(pmu, msr);

	if (in(msr, MSR_GLOBAL_STATUS, 4))
		return write_global(pmu, msr, value);
	if (select) {
		write_select(pmu, select, value);
	} else if (counter) {
		counter->value = value & PMU_WIDTH_MASK;
	} else if (uncore) {
		*uncore = value;
	} else if (msr == MSR_DEBUGCTL) {
		if (!pmu_debugctl_valid(pmu, value))
			return PMU_GP;
		pmu->debugctl = value;
	} else {
		return pmu_absent(msr);
	}
	return PMU_OK;
}
