// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD's part of CPUID (APM vol. 3, appendix E; PPR for family 19h).
 */
#include "pmu_cpuid.h"

#define LOG_THIS cpu->

/*
 * Family 19h.  Without CET: Bochs has Intel's, with indirect-branch tracking,
 * and its SVM does not switch the shadow-stack state.
 */
static const unsigned amd_isa[] = {
	BX_ISA_SVM, BX_ISA_SYSCALL_SYSRET_LEGACY, BX_ISA_SSE4A,
	BX_ISA_MISALIGNED_SSE, BX_ISA_ALT_MOV_CR8, BX_ISA_XAPIC_EXT,
	BX_ISA_CLZERO, BX_ISA_MONITORX_MWAITX, BX_ISA_FFXSR, BX_ISA_TCE,
	BX_ISA_ADX, BX_ISA_SMAP, BX_ISA_RDSEED, BX_ISA_SHA,
	BX_ISA_CLFLUSHOPT, BX_ISA_CLWB, BX_ISA_XSAVEC, BX_ISA_XSAVES,
	BX_ISA_VAES_VPCLMULQDQ, BX_ISA_UMIP, BX_ISA_RDPID, BX_ISA_PKU,
	0
};

/* APM vol. 2, 15.3: the SVM revision, and how many ASIDs there are */
#define SVM_REVISION	1
#define SVM_ASIDS	0x8000

pmu_amd_t::pmu_amd_t(BX_CPU_C *cpu, const struct pmu_identity *id):
	pmu_cpuid_t(cpu, id)
{
	enable(amd_isa);
}

void pmu_amd_t::vendor_leaf(Bit32u leaf, Bit32u subleaf,
			    cpuid_function_t *regs) const
{
	switch (leaf) {
	case 0x0:
		get_leaf_0(id->max_leaf, "AuthenticAMD", regs, 1);
		break;
	case 0x1:
		leaf_1(regs);
		break;
	case 0x80000000:
		get_leaf_0(id->max_ext, "AuthenticAMD", regs);
		break;
	case 0x80000001:
		ext_leaf_1(regs);
		break;
	case 0x80000008:
		ext_leaf_8(regs);
		break;
	case 0x8000000a:
		svm_leaf(regs);
		break;
	case 0x8000001d:
		cache_leaf(subleaf, regs);
		break;
	case 0x8000001e:
		/* Extended APIC ID; core ID of one thread; the only node */
		regs->eax = cpu->get_apic_id();
		regs->ebx = cpu->get_apic_id();
		break;
	case 0x80000026:
		ext_topology_leaf(subleaf, regs);
		break;
	default:
		table_leaf(leaf, subleaf, regs);
	}
}

void pmu_amd_t::leaf_1(cpuid_function_t *regs) const
{
	regs->eax = id->signature;
	leaf_1_ebx(regs);
	regs->ecx = get_std_cpuid_leaf_1_ecx();
	regs->edx = get_std_cpuid_leaf_1_edx(BX_CPUID_STD1_EDX_HT);
}

/* Counter extensions (ECX[28,24,23]) are the PMU library's. */
void pmu_amd_t::ext_leaf_1(cpuid_function_t *regs) const
{
	table_leaf(0x80000001, 0, regs);
	regs->eax = id->signature;
	regs->ecx = get_ext_cpuid_leaf_1_ecx(
			BX_CPUID_EXT1_ECX_CMP_LEGACY |
			BX_CPUID_EXT1_ECX_PREFETCHW |
			BX_CPUID_EXT1_ECX_TCE |
			BX_CPUID_EXT1_ECX_TOPOLOGY_EXTENSIONS);
	regs->edx = get_ext_cpuid_leaf_1_edx_amd();
}

/* Address widths; ECX[15:12]: bits of the core ID, ECX[7:0]: threads - 1 */
void pmu_amd_t::ext_leaf_8(cpuid_function_t *regs) const
{
	get_ext_cpuid_leaf_8(regs);
	regs->ebx |= id->ext8_ebx;
	regs->ecx = PMU_CORE_BITS << 12 | (processors() - 1);
}

void pmu_amd_t::svm_leaf(cpuid_function_t *regs) const
{
	regs->eax = SVM_REVISION;
	regs->ebx = SVM_ASIDS;
	regs->edx = id->svm;
}

/* As Intel's leaf 4: EAX[25:14] threads that share the cache, less one */
void pmu_amd_t::cache_leaf(Bit32u subleaf, cpuid_function_t *regs) const
{
	table_leaf(0x8000001d, subleaf, regs);
	if ((regs->eax >> 5 & 0x7) == 3)
		regs->eax |= ((1 << PMU_CORE_BITS) - 1) << 14;
}

/*
 * Cores, complexes, dies and the socket: the cores are one complex, which is
 * one die, which is the socket.
 */
void pmu_amd_t::ext_topology_leaf(Bit32u subleaf, cpuid_function_t *regs) const
{
	const Bit32u levels = 4;

	regs->ecx = subleaf & 0xff;
	regs->edx = cpu->get_apic_id();
	if (subleaf >= levels)
		return;
	regs->eax = subleaf ? PMU_CORE_BITS : 0;
	regs->ebx = subleaf ? processors() : 1;
	regs->ecx |= (subleaf + 1) << 8;
}
