// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ice Lake: the server part (Xeon Scalable, 0x606A6).
 */
#include "pmu_cpuid.h"

static const unsigned isa[] = {
	BX_ISA_RDSEED, BX_ISA_ADX, BX_ISA_SMAP, BX_ISA_FDP_DEPRECATION,
	BX_ISA_XSAVEC, BX_ISA_XSAVES, BX_ISA_CLFLUSHOPT, BX_ISA_CLWB,
	BX_ISA_PKU, BX_ISA_SHA, BX_ISA_GFNI, BX_ISA_VAES_VPCLMULQDQ,
	BX_ISA_AVX512, BX_ISA_AVX512_DQ, BX_ISA_AVX512_CD, BX_ISA_AVX512_BW,
	BX_ISA_AVX512_IFMA52, BX_ISA_AVX512_VBMI, BX_ISA_AVX512_VBMI2,
	BX_ISA_AVX512_VNNI, BX_ISA_AVX512_BITALG, BX_ISA_AVX512_VPOPCNTDQ,
	BX_ISA_UMIP, BX_ISA_RDPID, BX_ISA_LA57,
	0
};

static const struct pmu_leaf leaves[] = {
	{ 0x00000002, PMU_ANY_SUBLEAF, { 0x00feff01, 0x000000f0, 0, 0 } },
	{ 0x00000004, 0, { 0x00000121, 0x02c0003f, 0x0000003f, 0 } },	/* 48 KB, 12 ways */
	{ 0x00000004, 1, { 0x00000122, 0x01c0003f, 0x0000003f, 0 } },	/* 32 KB, 8 ways */
	{ 0x00000004, 2, { 0x00000143, 0x04c0003f, 0x000003ff, 0 } },	/* 1.25 MB, 20 ways */
	{ 0x00000004, 3, { 0x00000163, 0x02c0003f, 0x00001fff, 4 } },	/* 6 MB, 12 ways */
	{ 0x00000006, PMU_ANY_SUBLEAF, { 0x00000004, 0, 0, 0 } },	/* ARAT */
	{ 0x00000015, PMU_ANY_SUBLEAF, { 2, 80, 25000000, 0 } },
	{ 0x00000016, PMU_ANY_SUBLEAF, { 1000, 1000, 100, 0 } },
	/* TLBs: instructions 4K, 2M; data 4K, 2M, 1G; second level */
	{ 0x00000018, 0, { 7, 0, 0, 0 } },
	{ 0x00000018, 1, { 0, 0x00080007, 0x00000001, 0x00004122 } },
	{ 0x00000018, 2, { 0, 0x0010000f, 0x00000001, 0x00004125 } },
	{ 0x00000018, 3, { 0, 0x00040001, 0x00000010, 0x00004024 } },
	{ 0x00000018, 4, { 0, 0x00040006, 0x00000008, 0x00004024 } },
	{ 0x00000018, 5, { 0, 0x00080008, 0x00000001, 0x00004124 } },
	{ 0x00000018, 6, { 0, 0x00080007, 0x00000080, 0x00004043 } },
	{ 0x00000018, 7, { 0, 0x00080009, 0x00000080, 0x00004043 } },
	{ 0x80000001, PMU_ANY_SUBLEAF, { 0, 0, BX_CPUID_EXT1_ECX_PREFETCHW, 0 } },
	{ 0x80000006, PMU_ANY_SUBLEAF, { 0, 0, 0x01006040, 0 } },
	{ 0x80000007, PMU_ANY_SUBLEAF, { 0, 0, 0, 0x00000100 } },	/* invariant TSC */
};

static const struct pmu_identity icelake = {
	.name = "pmu_icelake",
	.pmu = "icelake",
	.model = PMU_CPU_ICELAKE,
	.brand = "Intel(R) Xeon(R) Gold 6334 CPU @ 1.00GHz",
	.signature = 0x000606a6,
	.max_leaf = 0x1b,
	.max_ext = 0x80000008,
	.mwait = 0x00001020,
	.isa = isa,
	.leaf7_ebx = BX_CPUID_STD7_SUBLEAF0_EBX_ENCHANCED_REP_STRINGS,
	.leaf7_edx = PMU_LEAF7_EDX_SPECULATION |
		     BX_CPUID_STD7_SUBLEAF0_EDX_ARCH_CAPABILITIES_MSR |
		     BX_CPUID_STD7_SUBLEAF0_EDX_FAST_SHORT_REP_MOV,
	.leaf7_1_eax = 0,
	.ext8_ebx = PMU_EXT8_WBNOINVD,
	.leaves = leaves,
	.nleaves = sizeof(leaves) / sizeof(leaves[0]),
	.vmcs = 0x4,
	.vmx = PMU_VMX_COMMON | PMU_VMX_SERVER | BX_VMX_SPP,
	.svm = 0,
};

bx_cpuid_t *create_pmu_icelake_cpuid(BX_CPU_C *cpu)
{
	return new pmu_intel_t(cpu, &icelake);
}
