// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PMU's part of CPUID.
 */
#include "regs.h"

enum { EAX, EBX, ECX, EDX };

#define STD7_EDX_ARCH_LBR	BIT(19)
#define STD1_EDX_DS		BIT(21)
#define STD1_ECX_DTES64		BIT(2)
#define STD1_ECX_PDCM		BIT(15)
#define EXT1_ECX_IBS		BIT(10)
#define EXT1_ECX_PERFCTR_CORE	BIT(23)
#define EXT1_ECX_PERFCTR_NB	BIT(24)
#define EXT1_ECX_PERFTSC	BIT(27)
#define EXT1_ECX_PERFCTR_LLC	BIT(28)

static void clear_and_set(uint32_t *reg, uint64_t clear, uint64_t set)
{
	*reg = (*reg & ~(uint32_t)clear) | (uint32_t)set;
}

/*
 * SDM vol. 2, CPUID leaf 0AH.  EBX: the bits say which architectural events
 * are *not* there; the eighth, slots, came with version 5.
 */
static void intel_leaf_a(const struct pmu_cpu *cpu, uint32_t regs[4])
{
	uint32_t architectural = cpu->slots ? 8 : 7;

	regs[EAX] = cpu->version | cpu->gp << 8 | PMU_WIDTH << 16 |
		    architectural << 24;
	regs[EBX] = 0;
	regs[ECX] = cpu->version >= 5 ? (uint32_t)MASK(cpu->fixed) : 0;
	regs[EDX] = cpu->fixed | PMU_WIDTH << 5 | (cpu->anythread ? 0 : 1 << 15);
}

/*
 * SDM vol. 2, CPUID leaf 1CH.  EAX: depths; [30] records may be lost in deep C
 * states; [31] clear, IPs are effective.  EBX: filters by CPL and by branch
 * type, call-stack mode.  ECX: mispredictions, cycles, branch types.
 */
static void intel_leaf_1c(uint32_t subleaf, uint32_t regs[4])
{
	regs[EAX] = regs[EBX] = regs[ECX] = regs[EDX] = 0;
	if (subleaf)
		return;
	regs[EAX] = LBR_DEPTHS | UINT32_C(1) << 30;
	regs[EBX] = 1 << 0 | 1 << 1 | 1 << 2;
	regs[ECX] = 1 << 0 | 1 << 1 | 1 << 2;
}

static void intel_cpuid(const struct pmu_cpu *cpu, uint32_t leaf,
			uint32_t subleaf, uint32_t regs[4])
{
	bool arch_lbr = cpu->lbr == PMU_LBR_ARCH;

	if (leaf == 1) {
		bool pebs = cpu->perf_capabilities & CAP_PEBS_FMT;

		/* a debug store only with PEBS: there is no BTS */
		clear_and_set(&regs[ECX], STD1_ECX_DTES64,
			      STD1_ECX_PDCM | (pebs ? STD1_ECX_DTES64 : 0));
		clear_and_set(&regs[EDX], STD1_EDX_DS, pebs ? STD1_EDX_DS : 0);
	} else if (leaf == 7 && !subleaf) {
		clear_and_set(&regs[EDX], STD7_EDX_ARCH_LBR,
			      arch_lbr ? STD7_EDX_ARCH_LBR : 0);
	} else if (leaf == 0xa) {
		intel_leaf_a(cpu, regs);
	} else if (leaf == 0x1c && arch_lbr) {
		intel_leaf_1c(subleaf, regs);
	}
}

/* APM vol. 3, appendix E: 8000_0001H:ECX, 8000_0022H */
static void amd_cpuid(const struct pmu_cpu *cpu, uint32_t leaf,
		      uint32_t regs[4])
{
	if (leaf == 0x80000001) {
		clear_and_set(&regs[ECX], EXT1_ECX_IBS | EXT1_ECX_PERFTSC,
			      EXT1_ECX_PERFCTR_CORE | EXT1_ECX_PERFCTR_NB |
			      EXT1_ECX_PERFCTR_LLC);
	} else if (leaf == 0x80000022) {
		regs[EAX] = regs[EBX] = regs[ECX] = regs[EDX] = 0;
		if (cpu->version >= 2) {
			/* PerfMonV2, LbrStack, LbrAndPmcFreeze */
			regs[EAX] = 1 << 0 | 1 << 1 | 1 << 2;
			/* NumPerfCtrCore, LbrStackSize, NumPerfCtrNB */
			regs[EBX] = cpu->gp | cpu->lbr_depth << 4 |
				    AMD_NB_COUNTERS << 10;
		}
	}
}

/**
 * pmu_cpuid_leaf - let the PMU's bits of a CPUID leaf agree with the model
 * @cpu:  the processor model
 * @leaf: EAX on input
 * @subleaf: ECX on input
 * @regs: EAX, EBX, ECX, EDX as the processor would report them without a
 *	  PMU; changed where the PMU has a say
 */
void pmu_cpuid_leaf(const struct pmu_cpu *cpu, uint32_t leaf, uint32_t subleaf,
		    uint32_t regs[4])
{
	if (cpu->vendor == PMU_INTEL)
		intel_cpuid(cpu, leaf, subleaf, regs);
	else
		amd_cpuid(cpu, leaf, regs);
}
