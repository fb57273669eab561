// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zen 4: Ryzen 7000 (Raphael), family 19h model 61h stepping 2.
 *
 * No automatic IBRS (EFER.AIBRSE), which Bochs does not have, and no virtual
 * NMI, for the same reason.  Bochs places the AVX-512 and PKRU parts of the
 * XSAVE area where Intel has them; leaf 0DH tells so.
 */
#include "pmu_cpuid.h"

static const unsigned isa[] = {
	BX_ISA_GFNI, BX_ISA_AVX512, BX_ISA_AVX512_DQ, BX_ISA_AVX512_CD,
	BX_ISA_AVX512_BW, BX_ISA_AVX512_IFMA52, BX_ISA_AVX512_VBMI,
	BX_ISA_AVX512_VBMI2, BX_ISA_AVX512_VNNI, BX_ISA_AVX512_BITALG,
	BX_ISA_AVX512_VPOPCNTDQ, BX_ISA_AVX512_BF16,
	0
};

static const struct pmu_leaf leaves[] = {
	{ 0x00000006, PMU_ANY_SUBLEAF, { 0x00000004, 0, 0, 0 } },	/* ARAT */
	{ 0x00000007, 0, { 1, 0, 0, 0 } },				/* subleaves */
	{ 0x80000001, PMU_ANY_SUBLEAF, { 0, 0x00000000, 0, 0 } },	/* package AM5 */
	{ 0x80000005, PMU_ANY_SUBLEAF, { 0xff48ff40, 0xff48ff40, 0x20080140, 0x20080140 } },
	{ 0x80000006, PMU_ANY_SUBLEAF, { 0x5c002200, 0x6c004200, 0x04006140, 0x01009140 } },
	{ 0x80000007, PMU_ANY_SUBLEAF, { 0, 0, 0, 0x00000100 } },	/* invariant TSC */
	{ 0x80000019, PMU_ANY_SUBLEAF, { 0xf048f040, 0xf0400000, 0, 0 } },
	{ 0x8000001a, PMU_ANY_SUBLEAF, { 0x00000006, 0, 0, 0 } },	/* MOVU, 256-bit FP */
	{ 0x8000001d, 0, { 0x00000121, 0x01c0003f, 0x0000003f, 0 } },	/* 32 KB, 8 ways */
	{ 0x8000001d, 1, { 0x00000122, 0x01c0003f, 0x0000003f, 0 } },	/* 32 KB, 8 ways */
	{ 0x8000001d, 2, { 0x00000143, 0x01c0003f, 0x000007ff, 2 } },	/* 1 MB, 8 ways */
	{ 0x8000001d, 3, { 0x00000163, 0x03c0003f, 0x00007fff, 1 } },	/* 32 MB, 16 ways */
	{ 0x80000021, PMU_ANY_SUBLEAF, { PMU_AMD_LFENCE | PMU_AMD_NULL_SEL, 0, 0, 0 } },
};

static const struct pmu_identity zen4 = {
	.name = "pmu_zen4",
	.pmu = "zen4",
	.model = PMU_CPU_ZEN4,
	.brand = "AMD Ryzen 5 7600X 4-Core 1.00GHz (emulated)",
	.signature = 0x00a60f12,
	.max_leaf = 0x10,
	.max_ext = 0x80000028,
	.mwait = 0x00000011,
	.isa = isa,
	.leaf7_ebx = BX_CPUID_STD7_SUBLEAF0_EBX_ENCHANCED_REP_STRINGS,
	.leaf7_edx = BX_CPUID_STD7_SUBLEAF0_EDX_FAST_SHORT_REP_MOV,
	.leaf7_1_eax = 0,
	.ext8_ebx = PMU_EXT8_XSAVE_ERPTR | PMU_EXT8_WBNOINVD |
		    PMU_EXT8_SPECULATION,
	.leaves = leaves,
	.nleaves = sizeof(leaves) / sizeof(leaves[0]),
	.vmcs = 0,
	.vmx = 0,
	.svm = PMU_SVM,
};

bx_cpuid_t *create_pmu_zen4_cpuid(BX_CPU_C *cpu)
{
	return new pmu_amd_t(cpu, &zen4);
}
