// SPDX-License-Identifier: GPL-2.0-only
/*
 * The LBRs of Haswell, Skylake and Ice Lake (SDM vol. 3B, "Last Branch, Call
 * Stack, Interrupt, and Exception Recording for Processors based on Haswell
 * Microarchitecture", "... Skylake Microarchitecture"; vol. 4): a ring of
 * registers, a pointer to the newest, a register of filters.
 */
#include "regs.h"

#define MSR_LBR_SELECT		0x1c8
#define MSR_LBR_TOS		0x1c9
#define MSR_LER_FROM		0x1dd
#define MSR_LER_TO		0x1de
#define MSR_LBR_FROM		0x680
#define MSR_LBR_TO		0x6c0
#define MSR_LBR_INFO		0xdc0

#define SELECT_CALL_STACK	BIT(9)
#define SELECT_VALID		MASK(10)

#define MISPREDICTED		BIT(63)

/*
 * PERF_CAPABILITIES' format 5 has LBR_INFO registers; format 4 has their flags
 * in the FROM registers.
 */
static bool has_info(const struct pmu *pmu)
{
	return (pmu->cpu->perf_capabilities & CAP_LBR_FMT) == LBR_FMT_INFO;
}

/*
 * Format 4 ("MSR_LASTBRANCH_x_FROM_IP with TSX Information"): [63] mispredicted,
 * [62:61] transactional memory, of which there is none: 0.
 */
static struct pmu_record format(struct pmu *pmu, const struct pmu_taken *taken)
{
	uint64_t mispredicted = taken->mispredicted ? MISPREDICTED : 0;
	struct pmu_record r = { .from = taken->from, .to = taken->to };

	if (has_info(pmu))
		r.info = mispredicted | pmu_lbr_cycles(pmu);
	else
		r.from = (taken->from & MASK(61)) | mispredicted;
	return r;
}

void pmu_lbr_legacy_record(struct pmu *pmu, const struct pmu_taken *taken)
{
	uint64_t select = pmu->lbr.select;

	if (pmu_lbr_suppressed(select, taken))
		return;
	pmu_lbr_event(pmu, taken, *pmu_lbr_entry(pmu, 0));
	pmu_lbr_keep(pmu, taken, format(pmu, taken), select & SELECT_CALL_STACK);
}

static uint64_t *find(struct pmu *pmu, uint32_t msr)
{
	struct pmu_record *ring = pmu->lbr.ring;
	uint32_t depth = pmu->lbr.depth;

	if (in(msr, MSR_LBR_FROM, depth))
		return &ring[msr - MSR_LBR_FROM].from;
	if (in(msr, MSR_LBR_TO, depth))
		return &ring[msr - MSR_LBR_TO].to;
	if (in(msr, MSR_LBR_INFO, depth) && has_info(pmu))
		return &ring[msr - MSR_LBR_INFO].info;
	if (msr == MSR_LBR_SELECT)
		return &pmu->lbr.select;
	if (msr == MSR_LER_FROM)
		return &pmu->lbr.ler.from;
	if (msr == MSR_LER_TO)
		return &pmu->lbr.ler.to;
	return NULL;
}

enum pmu_result pmu_lbr_legacy_rdmsr(struct pmu *pmu, uint32_t msr,
				     uint64_t *value)
{
	const uint64_t *reg = find(pmu, msr);

	if (msr == MSR_LBR_TOS)
		*value = pmu->lbr.top;
	else if (reg)
		*value = *reg;
	else
		return PMU_NOT_MINE;
	return PMU_OK;
}

/*
 * Addresses have to be canonical, also where the manual calls the bits above
 * them the processor's own.  Without transactional memory, WRMSR takes bits
 * 62:61 of format 4 for bits of the address, although the processor itself
 * never sets them: a value that was read can't always be written back.
 */
static bool from_valid(const struct pmu *pmu, uint64_t value)
{
	if (!has_info(pmu))
		value = (uint64_t)((int64_t)(value << 1) >> 1);
	return value == pmu_canonical(pmu, value);
}

static bool valid(const struct pmu *pmu, uint32_t msr, uint64_t value)
{
	if (in(msr, MSR_LBR_FROM, PMU_MAX_LBR))
		return from_valid(pmu, value);
	if (in(msr, MSR_LBR_TO, PMU_MAX_LBR))
		return value == pmu_canonical(pmu, value);
	if (in(msr, MSR_LBR_INFO, PMU_MAX_LBR))		/* "MSR_LBR_INFO_x" */
		return !(value & ~(7ULL << 61 | MASK(16)));
	if (msr == MSR_LBR_SELECT)
		return !(value & ~SELECT_VALID);
	return false;			/* the LERs are read-only */
}

enum pmu_result pmu_lbr_legacy_wrmsr(struct pmu *pmu, uint32_t msr,
				     uint64_t value)
{
	uint64_t *reg = find(pmu, msr);

	if (msr == MSR_LBR_TOS) {
		if (value >= pmu->lbr.depth)
			return PMU_GP;
		pmu->lbr.top = value;
	} else if (!reg) {
		return PMU_NOT_MINE;
	} else {
		if (!valid(pmu, msr, value))
			return PMU_GP;
		*reg = value;
	}
	return PMU_OK;
}
