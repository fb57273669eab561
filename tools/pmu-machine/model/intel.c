// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intel's PMU registers (SDM vol. 4; vol. 3B, "Architectural Performance
 * Monitoring").
 */
#include "regs.h"

#define MSR_SMI_COUNT		0x34
#define MSR_PMC0		0xc1
#define MSR_PERFEVTSEL0		0x186
#define MSR_MISC_ENABLE		0x1a0
#define MSR_OFFCORE_RSP_0	0x1a6
#define MSR_DEBUGCTL		0x1d9
#define MSR_FIXED_CTR0		0x309
#define MSR_PERF_METRICS	0x329
#define MSR_PERF_CAPABILITIES	0x345
#define MSR_FIXED_CTR_CTRL	0x38d
#define MSR_GLOBAL_STATUS	0x38e
#define MSR_GLOBAL_CTRL		0x38f
#define MSR_GLOBAL_OVF_CTRL	0x390	/* GLOBAL_STATUS_RESET from version 4 */
#define MSR_GLOBAL_STATUS_SET	0x391
#define MSR_GLOBAL_INUSE	0x392
#define MSR_PEBS_LD_LAT		0x3f6
#define MSR_PEBS_FRONTEND	0x3f7
#define MSR_A_PMC0		0x4c1

/* The registers that hold what was written, or NULL.  Only ld_lat has a use. */
static uint64_t *storage(struct pmu *pmu, uint32_t msr)
{
	if (in(msr, MSR_OFFCORE_RSP_0, 2))
		return &pmu->storage.offcore_rsp[msr - MSR_OFFCORE_RSP_0];
	if (msr == MSR_PEBS_LD_LAT)
		return &pmu->storage.ld_lat;
	if (msr == MSR_PEBS_FRONTEND && pmu->cpu->version >= 4)
		return &pmu->storage.frontend;
	return NULL;
}

static bool has_full_width(const struct pmu *pmu)
{
	return pmu->cpu->perf_capabilities & CAP_FW_WRITE;
}

static struct pmu_counter *find_counter(struct pmu *pmu, uint32_t msr)
{
	if (in(msr, MSR_PMC0, pmu->cpu->gp))
		return pmu_gp(pmu, msr - MSR_PMC0);
	if (in(msr, MSR_A_PMC0, pmu->cpu->gp) && has_full_width(pmu))
		return pmu_gp(pmu, msr - MSR_A_PMC0);
	if (in(msr, MSR_FIXED_CTR0, pmu->cpu->fixed))
		return pmu_fixed(pmu, msr - MSR_FIXED_CTR0);
	return NULL;
}

/*
 * SDM vol. 3B, "Full-Width Writes to Performance Counter Registers": a write
 * to IA32_PMCx takes bits 31:0 and extends their sign; one to IA32_A_PMCx
 * takes the whole width, and bits above the width must be 0.  The fixed
 * counters always take the whole width.
 */
static enum pmu_result write_counter(struct pmu *pmu, uint32_t msr,
				     struct pmu_counter *c, uint64_t value)
{
	if (in(msr, MSR_PMC0, pmu->cpu->gp))
		value = (uint64_t)(int64_t)(int32_t)value & PMU_WIDTH_MASK;
	else if (value & ~PMU_WIDTH_MASK)
		return PMU_GP;
	c->value = value;
	return PMU_OK;
}

/*
 * SDM vol. 3B, "IA32_PERFEVTSELx": bits 63:32 are reserved, but for bit 34 of
 * adaptive PEBS, and bit 21 where
 * CPUID.0AH:EDX[15] says that AnyThread is deprecated.  Bit 19, pin control,
 * is "reserved (not writeable)" from Sandy Bridge on.
 */
static enum pmu_result write_select(struct pmu *pmu, unsigned int i,
				    uint64_t value)
{
	uint64_t valid = MASK(32);

	if (!pmu->cpu->anythread)
		valid &= ~SEL_ANYTHREAD;
	if (pmu_has_adaptive_pebs(pmu))
		valid |= SEL_ADAPTIVE;
	if (value & ~valid)
		return PMU_GP;
	pmu_gp(pmu, i)->select = value & ~SEL_PC;
	pmu_select_gp(pmu, pmu_gp(pmu, i));
	return PMU_OK;
}

static enum pmu_result write_fixed_ctrl(struct pmu *pmu, uint64_t value)
{
	uint64_t one = FIXED_OS | FIXED_USR | FIXED_PMI;
	uint64_t valid = 0;

	if (pmu->cpu->anythread)
		one |= FIXED_ANYTHREAD;
	for (unsigned int i = 0; i < pmu->cpu->fixed; i++) {
		valid |= one << (4 * i);
		if (pmu_has_adaptive_pebs(pmu))
			valid |= FIXED_ADAPTIVE(i);
	}
	if (value & ~valid)
		return PMU_GP;
	pmu->fixed_ctrl = value;
	for (unsigned int i = 0; i < pmu->cpu->fixed; i++)
		pmu_select_fixed(pmu, i);
	return PMU_OK;
}

/* The bits of GLOBAL_STATUS that this version can set and clear. */
static uint64_t status_mask(const struct pmu *pmu)
{
	uint64_t mask = pmu_global_ctrl_mask(pmu) | STATUS_OVF_UNCORE |
			STATUS_OVF_BUF;

	if (pmu->cpu->version >= 4)
		mask |= STATUS_LBR_FRZ | STATUS_CTR_FRZ | STATUS_ASCI;
	return mask;
}

/* OVF_CTRL, and from version 4 on GLOBAL_STATUS_RESET: clear what is 1 */
static enum pmu_result write_status_reset(struct pmu *pmu, uint64_t value)
{
	if (value & ~(status_mask(pmu) | STATUS_COND_CHGD))
		return PMU_GP;
	pmu->global_status &= ~value;
	return PMU_OK;
}

static enum pmu_result write_status_set(struct pmu *pmu, uint64_t value)
{
	if (value & ~status_mask(pmu))
		return PMU_GP;
	pmu->global_status |= value;
	pmu_pebs_arm(pmu, value);
	return PMU_OK;
}

/*
 * SDM vol. 3B, "IA32_PERF_GLOBAL_INUSE": a selector with an event in it, a
 * fixed counter that is enabled, and in bit 63 anything that may interrupt, PEBS
 * among it.
 */
static uint64_t inuse(struct pmu *pmu)
{
	uint64_t value = pmu->pebs.enable ? BIT(63) : 0;

	for (unsigned int i = 0; i < pmu->cpu->gp; i++) {
		uint64_t select = pmu_gp(pmu, i)->select;

		if (select & 0xff)
			value |= BIT(i);
		if (select & SEL_INT)
			value |= BIT(63);
	}
	for (unsigned int i = 0; i < pmu->cpu->fixed; i++) {
		uint64_t select = pmu_fixed(pmu, i)->select;

		if (select & (FIXED_OS | FIXED_USR))
			value |= BIT(GLOBAL_FIXED_SHIFT + i);
		if (select & FIXED_PMI)
			value |= BIT(63);
	}
	return value;
}

/*
 * SDM vol. 4, 1A0H: bits 7, 11 and 12 are read-only, and writes to them are
 * ignored; 0, 3, 16, 18, 22, 23, 34, 38 and the thermal and prefetch bits can
 * be written; the others are reserved.
 */
#define MISC_ENABLE_READ_ONLY	(MISC_ENABLE_EMON | MISC_ENABLE_BTS_UNAVAIL | \
				 MISC_ENABLE_PEBS_UNAVAIL)
#define MISC_ENABLE_VALID	(MISC_ENABLE_READ_ONLY | BIT(0) | BIT(3) | \
				 BIT(9) | BIT(13) | BIT(16) | BIT(18) | \
				 BIT(19) | BIT(20) | BIT(22) | BIT(23) | \
				 BIT(34) | BIT(38))

static enum pmu_result write_misc_enable(struct pmu *pmu, uint64_t value)
{
	if (value & ~MISC_ENABLE_VALID)
		return PMU_GP;
	pmu->misc_enable = (value & ~MISC_ENABLE_READ_ONLY) |
			   (pmu->misc_enable & MISC_ENABLE_READ_ONLY);
	return PMU_OK;
}

static enum pmu_result read_global(struct pmu *pmu, uint32_t msr,
				   uint64_t *value)
{
	bool v4 = pmu->cpu->version >= 4;

	switch (msr) {
	case MSR_FIXED_CTR_CTRL:
		*value = pmu->fixed_ctrl;
		return PMU_OK;
	case MSR_GLOBAL_STATUS:
		*value = pmu->global_status;
		return PMU_OK;
	case MSR_GLOBAL_CTRL:
		*value = pmu->global_ctrl;
		return PMU_OK;
	case MSR_GLOBAL_OVF_CTRL:
		*value = 0;
		return PMU_OK;
	case MSR_GLOBAL_STATUS_SET:
		*value = 0;
		return v4 ? PMU_OK : PMU_GP;
	case MSR_GLOBAL_INUSE:
		*value = inuse(pmu);
		return v4 ? PMU_OK : PMU_GP;
	default:
		return PMU_GP;
	}
}

static enum pmu_result write_global(struct pmu *pmu, uint32_t msr,
				    uint64_t value)
{
	switch (msr) {
	case MSR_FIXED_CTR_CTRL:
		return write_fixed_ctrl(pmu, value);
	case MSR_GLOBAL_CTRL:
		if (!pmu_global_ctrl_valid(pmu, value))
			return PMU_GP;
		pmu->global_ctrl = value;
		return PMU_OK;
	case MSR_GLOBAL_OVF_CTRL:
		return write_status_reset(pmu, value);
	case MSR_GLOBAL_STATUS_SET:
		if (pmu->cpu->version < 4)
			return PMU_GP;
		return write_status_set(pmu, value);
	default:			/* GLOBAL_STATUS and INUSE are read-only */
		return PMU_GP;
	}
}

static enum pmu_result read_other(struct pmu *pmu, uint32_t msr,
				  uint64_t *value)
{
	switch (msr) {
	case MSR_SMI_COUNT:
		*value = (pmu->acc[PMU_SMIS] - pmu->smis_at_reset) & MASK(32);
		return PMU_OK;
	case MSR_MISC_ENABLE:
		*value = pmu->misc_enable;
		return PMU_OK;
	case MSR_DEBUGCTL:
		*value = pmu->debugctl;
		return PMU_OK;
	case MSR_PERF_CAPABILITIES:
		*value = pmu->cpu->perf_capabilities;
		return PMU_OK;
	case MSR_PERF_METRICS:
		if (!pmu_has_metrics(pmu))
			return PMU_GP;
		*value = pmu_metrics_read(pmu);
		return PMU_OK;
	default:
		return pmu_absent(msr);
	}
}

static enum pmu_result write_other(struct pmu *pmu, uint32_t msr,
				   uint64_t value)
{
	switch (msr) {
	case MSR_MISC_ENABLE:
		return write_misc_enable(pmu, value);
	case MSR_DEBUGCTL:
		if (!pmu_debugctl_valid(pmu, value))
			return PMU_GP;
		pmu_set_debugctl(pmu, value);
		return PMU_OK;
	case MSR_PERF_METRICS:
		if (!pmu_has_metrics(pmu) || value & ~MASK(8 * pmu->cpu->metrics))
			return PMU_GP;
		pmu_metrics_write(pmu, value);
		return PMU_OK;
	default:
		return pmu_absent(msr);
	}
}

enum pmu_result pmu_intel_rdmsr(struct pmu *pmu, uint32_t msr, uint64_t *value)
{
	const struct pmu_counter *c = find_counter(pmu, msr);
	const uint64_t *stored = storage(pmu, msr);

	if (c)
		*value = c->value;
	else if (stored)
		*value = *stored;
	else if (in(msr, MSR_PERFEVTSEL0, pmu->cpu->gp))
		*value = pmu_gp(pmu, msr - MSR_PERFEVTSEL0)->select;
	else if (in(msr, MSR_FIXED_CTR_CTRL, 6))
		return read_global(pmu, msr, value);
	else
		return read_other(pmu, msr, value);
	return PMU_OK;
}

enum pmu_result pmu_intel_wrmsr(struct pmu *pmu, uint32_t msr, uint64_t value)
{
	struct pmu_counter *c = find_counter(pmu, msr);
	uint64_t *stored = storage(pmu, msr);

	if (c)
		return write_counter(pmu, msr, c, value);
	if (stored) {
		*stored = value;
		return PMU_OK;
	}
	if (in(msr, MSR_PERFEVTSEL0, pmu->cpu->gp))
		return write_select(pmu, msr - MSR_PERFEVTSEL0, value);
	if (in(msr, MSR_FIXED_CTR_CTRL, 6))
		return write_global(pmu, msr, value);
	return write_other(pmu, msr, value);
}
