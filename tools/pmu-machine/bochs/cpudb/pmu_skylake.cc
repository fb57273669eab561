// SPDX-License-Identifier: GPL-2.0-only
/*
 * Skylake: the server part (Xeon Scalable, 0x50654), which rr and Linux know
 * as the plain case: no TSX force-abort workaround on counter 3, PEBS isolation
 * right from stepping 4 on.
 *
 * Leaf 15H gives the ratio only (ECX = 0, as on these parts); with leaf 16H
 * software finds the 25 MHz crystal: 1000 MHz * 2 / 80.
 */
#include "pmu_cpuid.h"

static const unsigned isa[] = {
	BX_ISA_RDSEED, BX_ISA_ADX, BX_ISA_SMAP, BX_ISA_FDP_DEPRECATION,
	BX_ISA_XSAVEC, BX_ISA_XSAVES, BX_ISA_CLFLUSHOPT, BX_ISA_CLWB,
	BX_ISA_PKU, BX_ISA_AVX512, BX_ISA_AVX512_DQ, BX_ISA_AVX512_CD,
	BX_ISA_AVX512_BW,
	0
};

static const struct pmu_leaf leaves[] = {
	{ 0x00000002, PMU_ANY_SUBLEAF, { 0x76036301, 0x00f0b5ff, 0, 0x00c30000 } },
	{ 0x00000004, 0, { 0x00000121, 0x01c0003f, 0x0000003f, 0 } },	/* 32 KB, 8 ways */
	{ 0x00000004, 1, { 0x00000122, 0x01c0003f, 0x0000003f, 0 } },	/* 32 KB, 8 ways */
	{ 0x00000004, 2, { 0x00000143, 0x03c0003f, 0x000003ff, 0 } },	/* 1 MB, 16 ways */
	{ 0x00000004, 3, { 0x00000163, 0x0280003f, 0x00001fff, 4 } },	/* 5.5 MB, 11 ways */
	{ 0x00000006, PMU_ANY_SUBLEAF, { 0x00000004, 0, 0, 0 } },	/* ARAT */
	{ 0x00000015, PMU_ANY_SUBLEAF, { 2, 80, 0, 0 } },
	{ 0x00000016, PMU_ANY_SUBLEAF, { 1000, 1000, 100, 0 } },
	{ 0x80000001, PMU_ANY_SUBLEAF, { 0, 0, BX_CPUID_EXT1_ECX_PREFETCHW, 0 } },
	{ 0x80000006, PMU_ANY_SUBLEAF, { 0, 0, 0x01006040, 0 } },
	{ 0x80000007, PMU_ANY_SUBLEAF, { 0, 0, 0, 0x00000100 } },	/* invariant TSC */
};

static const struct pmu_identity skylake = {
	.name = "pmu_skylake",
	.pmu = "skylake",
	.model = PMU_CPU_SKYLAKE,
	.brand = "Intel(R) Xeon(R) Gold 5122 CPU @ 1.00GHz",
	.signature = 0x00050654,
	.max_leaf = 0x16,
	.max_ext = 0x80000008,
	.mwait = 0x00002020,
	.isa = isa,
	.leaf7_ebx = BX_CPUID_STD7_SUBLEAF0_EBX_ENCHANCED_REP_STRINGS,
	.leaf7_edx = PMU_LEAF7_EDX_SPECULATION,
	.leaf7_1_eax = 0,
	.ext8_ebx = 0,
	.leaves = leaves,
	.nleaves = sizeof(leaves) / sizeof(leaves[0]),
	.vmcs = 0x4,
	.vmx = PMU_VMX_COMMON | PMU_VMX_SERVER,
	.svm = 0,
};

bx_cpuid_t *create_pmu_skylake_cpuid(BX_CPU_C *cpu)
{
	return new pmu_intel_t(cpu, &skylake);
}
