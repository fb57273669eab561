// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model-specific registers that software reads to find out what the processor
 * is, with what a real one returns (SDM vol. 4; PPR for family 19h), and the
 * registers of features that need no emulation.
 *
 * Writing bit 0 of IA32_PRED_CMD empties the branch predictor: that is the PMU
 * glue's, which sees the write first.
 */
#include "pmu_msrs.h"

#define HSW	PMU_CPU_HASWELL
#define SKX	PMU_CPU_SKYLAKE
#define ICX	PMU_CPU_ICELAKE
#define SPR	PMU_CPU_SAPPHIRE_RAPIDS
#define ZEN3	PMU_CPU_ZEN3
#define ZEN4	PMU_CPU_ZEN4
#define SERVER	(SKX | ICX | SPR)
#define INTEL	(HSW | SERVER)
#define AMD	(ZEN3 | ZEN4)
#define ALL	(INTEL | AMD)

#define RO	PMU_MSR_READ_ONLY
#define WO	PMU_MSR_WRITE_ONLY
#define WI	PMU_MSR_WRITE_IGNORED

#define ANY	BX_CONST64(0xffffffffffffffff)

const pmu_msr_t pmu_msr_table[] = {
	/* Microcode revision; Intel's is in the upper half, and CPUID puts it there */
	{ 0x0000008b, HSW,    WI, BX_CONST64(0x0000002800000000), 0 },
	{ 0x0000008b, SKX,    WI, BX_CONST64(0x02006b0600000000), 0 },
	{ 0x0000008b, ICX,    WI, BX_CONST64(0x0d00039000000000), 0 },
	{ 0x0000008b, SPR,    WI, BX_CONST64(0x2b00057100000000), 0 },
	{ 0x0000008b, ZEN3,   RO, 0x0a20102e, 0 },
	{ 0x0000008b, ZEN4,   RO, 0x0a60120a, 0 },

	/* Speculation: SPEC_CTRL, PRED_CMD (IBPB), FLUSH_CMD, ARCH_CAPABILITIES */
	{ 0x00000048, INTEL & ~SPR, 0, 0, 0x007 },
	{ 0x00000048, SPR,    0,  0, 0x4ff },
	{ 0x00000048, AMD,    0,  0, 0x087 },
	{ 0x00000049, ALL,    WO, 0, 0x1 },
	{ 0x0000010b, INTEL,  WO, 0, 0x1 },
	{ 0x0000010a, ICX,    RO, 0x0002416b, 0 },
	{ 0x0000010a, SPR,    RO, 0x0d02e16b, 0 },

	/* Machine check: no banks, no control register */
	{ 0x00000179, ALL,    RO, 0, 0 },
	{ 0x0000017a, ALL,    0,  0, 0x7 },

	/* Intel: platform ID, 1 << this in the microcode's header */
	{ 0x00000017, HSW,    RO, BX_CONST64(1) << 50, 0 },
	{ 0x00000017, SERVER, RO, 0, 0 },
	/* Microcode update trigger */
	{ 0x00000079, INTEL,  WO, 0, ANY },
	/* Protected inventory number: locked out */
	{ 0x0000004e, SERVER, RO, 0x1, 0 },
	/* Platform information: ratios of 100 MHz; no CPUID faulting */
	{ 0x000000ce, INTEL,  RO, BX_CONST64(0x00000a0000000a00), 0 },
	/* Features of no consequence: none is enabled */
	{ 0x00000140, INTEL,  0,  0, 0 },

	/* AMD: system configuration, top of memory: nothing above 4 GB */
	{ 0xc0010010, AMD,    0,  0, 0x007c0000 },
	{ 0xc001001a, AMD,    0,  0, ANY },
	{ 0xc001001d, AMD,    0,  0, ANY },
	/* Northbridge configuration: access to extended PCI configuration by CF8H */
	{ 0xc001001f, AMD,    0,  0, ANY },
	/* Hardware configuration: the TSC runs at P0's frequency */
	{ 0xc0010015, AMD,    0,  1 << 24, ANY },
	/* Microcode patch loader */
	{ 0xc0010020, AMD,    WO, 0, ANY },
	/* P-states: limit, control, status; P0 is 1000 MHz: 200 * 28H / 8 */
	{ 0xc0010061, AMD,    RO, 0, 0 },
	{ 0xc0010062, AMD,    0,  0, 0x7 },
	{ 0xc0010063, AMD,    RO, 0, 0 },
	{ 0xc0010064, AMD,    0,  BX_CONST64(0x8000000000000828), ANY },
	/* Memory-mapped configuration space: disabled */
	{ 0xc0010058, AMD,    0,  0, ANY },
	/* SMM: base and mask of TSeg */
	{ 0xc0010112, AMD,    0,  0, ANY },
	{ 0xc0010113, AMD,    0,  0, ANY },
	/* Configuration of units (LS, IC, DC, DE, BP): bits of errata and of rr */
	{ 0xc0011020, AMD,    0,  0, ANY },
	{ 0xc0011021, AMD,    0,  0, ANY },
	{ 0xc0011022, AMD,    0,  0, ANY },
	{ 0xc0011029, AMD,    0,  0x2, ANY },
	{ 0xc001102e, ZEN4,   0,  0, ANY },
};

const unsigned pmu_msr_count = sizeof(pmu_msr_table) / sizeof(pmu_msr_table[0]);

static_assert(sizeof(pmu_msr_table) / sizeof(pmu_msr_table[0]) <= PMU_MAX_MSRS,
	      "PMU_MAX_MSRS is too small");

/**
 * pmu_find_msr - look a register up
 * @model: PMU_CPU_* bit of the processor
 * @index: number of the register
 *
 * Return: its entry in pmu_msr_table, or NULL if this processor has none here.
 */
const pmu_msr_t *pmu_find_msr(unsigned model, Bit32u index)
{
	for (unsigned i = 0; i < pmu_msr_count; i++) {
		const pmu_msr_t *msr = &pmu_msr_table[i];

		if (msr->index == index && (msr->models & model))
			return msr;
	}
	return NULL;
}
