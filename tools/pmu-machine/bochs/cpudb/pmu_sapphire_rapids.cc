// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sapphire Rapids: Xeon Scalable, 0x806F8.
 *
 * Left out although Bochs has them: AMX (not configured), user interrupts and
 * supervisor protection keys (nothing uses them, little tested there), and the
 * virtualization of IA32_SPEC_CTRL.
 */
#include "pmu_cpuid.h"

static const unsigned isa[] = {
	BX_ISA_RDSEED, BX_ISA_ADX, BX_ISA_SMAP, BX_ISA_FDP_DEPRECATION,
	BX_ISA_XSAVEC, BX_ISA_XSAVES, BX_ISA_CLFLUSHOPT, BX_ISA_CLWB,
	BX_ISA_PKU, BX_ISA_SHA, BX_ISA_GFNI, BX_ISA_VAES_VPCLMULQDQ,
	BX_ISA_AVX_VNNI,
	BX_ISA_AVX512, BX_ISA_AVX512_DQ, BX_ISA_AVX512_CD, BX_ISA_AVX512_BW,
	BX_ISA_AVX512_IFMA52, BX_ISA_AVX512_VBMI, BX_ISA_AVX512_VBMI2,
	BX_ISA_AVX512_VNNI, BX_ISA_AVX512_BITALG, BX_ISA_AVX512_VPOPCNTDQ,
	BX_ISA_AVX512_BF16, BX_ISA_AVX512_FP16,
	BX_ISA_UMIP, BX_ISA_RDPID, BX_ISA_LA57, BX_ISA_MOVDIRI,
	BX_ISA_MOVDIR64B, BX_ISA_WAITPKG, BX_ISA_SERIALIZE, BX_ISA_CET,
	BX_ISA_ARCH_LBR,
	0
};

static const struct pmu_leaf leaves[] = {
	{ 0x00000002, PMU_ANY_SUBLEAF, { 0x00feff01, 0x000000f0, 0, 0 } },
	{ 0x00000004, 0, { 0x00000121, 0x02c0003f, 0x0000003f, 0 } },	/* 48 KB, 12 ways */
	{ 0x00000004, 1, { 0x00000122, 0x01c0003f, 0x0000003f, 0 } },	/* 32 KB, 8 ways */
	{ 0x00000004, 2, { 0x00000143, 0x03c0003f, 0x000007ff, 0 } },	/* 2 MB, 16 ways */
	{ 0x00000004, 3, { 0x00000163, 0x0380003f, 0x00001fff, 4 } },	/* 7.5 MB, 15 ways */
	{ 0x00000006, PMU_ANY_SUBLEAF, { 0x00000004, 0, 0, 0 } },	/* ARAT */
	/* EAX: subleaves; subleaf 2: bits of IA32_SPEC_CTRL that exist */
	{ 0x00000007, 0, { 2, 0, 0, 0 } },
	{ 0x00000007, 2, { 0, 0, 0, 0x00000017 } },
	{ 0x00000015, PMU_ANY_SUBLEAF, { 2, 80, 25000000, 0 } },
	{ 0x00000016, PMU_ANY_SUBLEAF, { 1000, 1000, 100, 0 } },
	/* TLBs: instructions 4K, 2M; data loads, stores; second level */
	{ 0x00000018, 0, { 8, 0, 0, 0 } },
	{ 0x00000018, 1, { 0, 0x00080001, 0x00000020, 0x00004022 } },
	{ 0x00000018, 2, { 0, 0x00080006, 0x00000004, 0x00004022 } },
	{ 0x00000018, 3, { 0, 0x0010000f, 0x00000001, 0x00004125 } },
	{ 0x00000018, 4, { 0, 0x00040001, 0x00000010, 0x00004024 } },
	{ 0x00000018, 5, { 0, 0x00040006, 0x00000008, 0x00004024 } },
	{ 0x00000018, 6, { 0, 0x00080008, 0x00000001, 0x00004124 } },
	{ 0x00000018, 7, { 0, 0x00080007, 0x00000080, 0x00004043 } },
	{ 0x00000018, 8, { 0, 0x00080009, 0x00000080, 0x00004043 } },
	{ 0x80000001, PMU_ANY_SUBLEAF, { 0, 0, BX_CPUID_EXT1_ECX_PREFETCHW, 0 } },
	{ 0x80000006, PMU_ANY_SUBLEAF, { 0, 0, 0x08007040, 0 } },
	{ 0x80000007, PMU_ANY_SUBLEAF, { 0, 0, 0, 0x00000100 } },	/* invariant TSC */
};

static const struct pmu_identity sapphire_rapids = {
	.name = "pmu_sapphire_rapids",
	.pmu = "sapphire-rapids",
	.model = PMU_CPU_SAPPHIRE_RAPIDS,
	.brand = "Intel(R) Xeon(R) Gold 6434 @ 1.00GHz",
	.signature = 0x000806f8,
	.max_leaf = 0x20,
	.max_ext = 0x80000008,
	.mwait = 0x00001020,
	.isa = isa,
	.leaf7_ebx = BX_CPUID_STD7_SUBLEAF0_EBX_ENCHANCED_REP_STRINGS,
	.leaf7_edx = PMU_LEAF7_EDX_SPECULATION |
		     BX_CPUID_STD7_SUBLEAF0_EDX_ARCH_CAPABILITIES_MSR |
		     BX_CPUID_STD7_SUBLEAF0_EDX_FAST_SHORT_REP_MOV,
	.leaf7_1_eax = BX_CPUID_STD7_SUBLEAF1_EAX_FAST_ZEROLEN_REP_MOVSB |
		       BX_CPUID_STD7_SUBLEAF1_EAX_FAST_ZEROLEN_REP_STOSB |
		       BX_CPUID_STD7_SUBLEAF1_EAX_FAST_ZEROLEN_REP_CMPSB,
	.ext8_ebx = PMU_EXT8_WBNOINVD,
	.leaves = leaves,
	.nleaves = sizeof(leaves) / sizeof(leaves[0]),
	.vmcs = 0x4,
	.vmx = PMU_VMX_COMMON | PMU_VMX_SERVER | BX_VMX_SPP |
	       BX_VMX_SAVE_PERF_GLOBAL_CTRL,
	.svm = 0,
};

bx_cpuid_t *create_pmu_sapphire_rapids_cpuid(BX_CPU_C *cpu)
{
	return new pmu_intel_t(cpu, &sapphire_rapids);
}
