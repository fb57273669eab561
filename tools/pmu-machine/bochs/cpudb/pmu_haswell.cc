// SPDX-License-Identifier: GPL-2.0-only
/*
 * Haswell: Core i7-4770 (client, 4 cores), family 6 model 3CH stepping 3.
 *
 * No leaves 15H and 16H: software measures the clocks.  TSX is absent, as
 * microcode has left it on these steppings.
 *
 * VMX (i7-4770): no virtual-interrupt delivery, APIC-register virtualization,
 * posted interrupts, #VE, PML or TSC scaling.
 */
#include "pmu_cpuid.h"

static const struct pmu_leaf leaves[] = {
	{ 0x00000002, PMU_ANY_SUBLEAF, { 0x76036301, 0x00f0b5ff, 0, 0x00c10000 } },
	{ 0x00000004, 0, { 0x00000121, 0x01c0003f, 0x0000003f, 0 } },	/* 32 KB, 8 ways */
	{ 0x00000004, 1, { 0x00000122, 0x01c0003f, 0x0000003f, 0 } },	/* 32 KB, 8 ways */
	{ 0x00000004, 2, { 0x00000143, 0x01c0003f, 0x000001ff, 0 } },	/* 256 KB, 8 ways */
	{ 0x00000004, 3, { 0x00000163, 0x03c0003f, 0x00001fff, 6 } },	/* 8 MB, 16 ways */
	{ 0x00000006, PMU_ANY_SUBLEAF, { 0x00000004, 0, 0, 0 } },	/* ARAT */
	{ 0x80000006, PMU_ANY_SUBLEAF, { 0, 0, 0x01006040, 0 } },
	{ 0x80000007, PMU_ANY_SUBLEAF, { 0, 0, 0, 0x00000100 } },	/* invariant TSC */
};

static const struct pmu_identity haswell = {
	.name = "pmu_haswell",
	.pmu = "haswell",
	.model = PMU_CPU_HASWELL,
	.brand = "Intel(R) Core(TM) i7-4770 CPU @ 1.00GHz",
	.signature = 0x000306c3,
	.max_leaf = 0xd,
	.max_ext = 0x80000008,
	.mwait = 0x00042120,
	.isa = (const unsigned[]){ 0 },
	.leaf7_ebx = BX_CPUID_STD7_SUBLEAF0_EBX_ENCHANCED_REP_STRINGS,
	.leaf7_edx = PMU_LEAF7_EDX_SPECULATION,
	.leaf7_1_eax = 0,
	.ext8_ebx = 0,
	.leaves = leaves,
	.nleaves = sizeof(leaves) / sizeof(leaves[0]),
	.vmcs = 0x12,
	.vmx = PMU_VMX_COMMON | BX_VMX_VMCS_SHADOWING,
	.svm = 0,
};

bx_cpuid_t *create_pmu_haswell_cpuid(BX_CPU_C *cpu)
{
	return new pmu_intel_t(cpu, &haswell);
}
