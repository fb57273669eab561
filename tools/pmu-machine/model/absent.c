// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers that are the PMU's on some processor.  Where this one has no such
 * register the access is a #GP, and not whatever the emulator does with
 * registers that it never heard of.
 */
#include "regs.h"

static const struct { uint32_t first, last; } ranges[] = {
	{ 0x34, 0x34 },			/* SMI_COUNT */
	{ 0x40, 0x47 },			/* LBR of the Core microarchitecture */
	{ 0xc1, 0xc8 },			/* PMC */
	{ 0x186, 0x18d },		/* PERFEVTSEL */
	{ 0x1a0, 0x1a0 },		/* MISC_ENABLE */
	{ 0x1a6, 0x1a7 },		/* OFFCORE_RSP */
	{ 0x1c8, 0x1c9 },		/* LBR_SELECT, LBR_TOS */
	{ 0x1d9, 0x1d9 },		/* DEBUGCTL */
	{ 0x1db, 0x1de },		/* AMD: LastBranch*, LastInt*; LER_FROM, LER_TO */
	{ 0x1e0, 0x1e0 },		/* LER_INFO */
	{ 0x309, 0x310 },		/* FIXED_CTR */
	{ 0x329, 0x329 },		/* PERF_METRICS */
	{ 0x345, 0x345 },		/* PERF_CAPABILITIES */
	{ 0x38d, 0x392 },		/* FIXED_CTR_CTRL to GLOBAL_INUSE */
	{ 0x3f1, 0x3f2 },		/* PEBS_ENABLE, PEBS_DATA_CFG */
	{ 0x3f6, 0x3f7 },		/* PEBS_LD_LAT, PEBS_FRONTEND */
	{ 0x4c1, 0x4c8 },		/* A_PMC */
	{ 0x600, 0x600 },		/* DS_AREA */
	{ 0x680, 0x69f },		/* LBR_FROM */
	{ 0x6c0, 0x6df },		/* LBR_TO */
	{ 0xdc0, 0xddf },		/* LBR_INFO */
	{ 0x1200, 0x121f },		/* architectural LBR: INFO */
	{ 0x14ce, 0x14cf },		/* LBR_CTL, LBR_DEPTH */
	{ 0x1500, 0x151f },		/* FROM */
	{ 0x1600, 0x161f },		/* TO */
	{ 0xc000010e, 0xc000010f },	/* AMD LBRv2: select, DBG_EXTN_CFG */
	{ 0xc0000300, 0xc0000303 },	/* PerfMonV2 */
	{ 0xc0010000, 0xc0010007 },	/* PERF_CTL, PERF_CTR: legacy */
	{ 0xc0010200, 0xc001020f },	/* core */
	{ 0xc0010230, 0xc001023b },	/* L3 */
	{ 0xc0010240, 0xc0010247 },	/* northbridge */
	{ 0xc0010300, 0xc001031f },	/* AMD LBRv2: from, to */
};

/**
 * pmu_absent - what becomes of an access to a register that is not there
 * @msr: its number
 *
 * Return: PMU_GP if it is the PMU's on some processor, else PMU_NOT_MINE.
 */
enum pmu_result pmu_absent(uint32_t msr)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (msr >= ranges[i].first && msr <= ranges[i].last)
			return PMU_GP;
	}
	return PMU_NOT_MINE;
}
