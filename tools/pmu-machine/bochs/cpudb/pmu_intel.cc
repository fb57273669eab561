// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intel's part of CPUID (SDM vol. 2A, "CPUID").
 */
#include "pmu_cpuid.h"

#define LOG_THIS cpu->

static const unsigned intel_isa[] = {
	BX_ISA_VMX, BX_ISA_TSC_ADJUST, BX_ISA_TSC_DEADLINE,
	BX_ISA_FCS_FDS_DEPRECATION,
	0
};

pmu_intel_t::pmu_intel_t(BX_CPU_C *cpu, const struct pmu_identity *id):
	pmu_cpuid_t(cpu, id)
{
	enable(intel_isa);
}

void pmu_intel_t::vendor_leaf(Bit32u leaf, Bit32u subleaf,
			      cpuid_function_t *regs) const
{
	switch (leaf) {
	case 0x0:
		get_leaf_0(id->max_leaf, "GenuineIntel", regs);
		break;
	case 0x1:
		leaf_1(regs);
		break;
	case 0x4:
		leaf_4(subleaf, regs);
		break;
	case 0x1f:
		topology_leaf(subleaf, regs);
		break;
	case 0x80000000:
		regs->eax = id->max_ext;
		break;
	case 0x80000001:
		table_leaf(leaf, subleaf, regs);
		regs->ecx = get_ext_cpuid_leaf_1_ecx(regs->ecx);
		regs->edx = get_ext_cpuid_leaf_1_edx_intel();
		break;
	case 0x80000008:
		get_ext_cpuid_leaf_8(regs);
		regs->ebx = id->ext8_ebx;
		break;
	default:
		table_leaf(leaf, subleaf, regs);
	}
}

void pmu_intel_t::leaf_1(cpuid_function_t *regs) const
{
	regs->eax = id->signature;
	leaf_1_ebx(regs);
	regs->ecx = get_std_cpuid_leaf_1_ecx();
	regs->edx = get_std_cpuid_leaf_1_edx(BX_CPUID_STD1_EDX_SELF_SNOOP |
					     BX_CPUID_STD1_EDX_HT);
}

/*
 * Caches.  EAX[31:26]: core IDs in the package, EAX[25:14]: threads that share
 * the cache, both less one.  The third level is everyone's, the others are one
 * core's.
 */
void pmu_intel_t::leaf_4(Bit32u subleaf, cpuid_function_t *regs) const
{
	const Bit32u ids = (1 << PMU_CORE_BITS) - 1;

	table_leaf(0x4, subleaf, regs);
	if (!(regs->eax & 0x1f))
		return;
	regs->eax |= ids << 26;
	if ((regs->eax >> 5 & 0x7) == 3)
		regs->eax |= ids << 14;
}
