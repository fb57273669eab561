// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Intel's and AMD's models share: the dispatch of a CPUID leaf, the
 * topology, the model-specific registers.
 */
#include "pmu_cpuid.h"

#define LOG_THIS cpu->

/* Instructions and modes of all six. */
static const unsigned common_isa[] = {
	BX_ISA_X87, BX_ISA_486, BX_ISA_PENTIUM, BX_ISA_P6, BX_ISA_MMX,
	BX_ISA_SYSENTER_SYSEXIT, BX_ISA_CLFLUSH, BX_ISA_DEBUG_EXTENSIONS,
	BX_ISA_VME, BX_ISA_PSE, BX_ISA_PAE, BX_ISA_PGE, BX_ISA_MTRR,
	BX_ISA_PAT, BX_ISA_XAPIC, BX_ISA_X2APIC, BX_ISA_LONG_MODE,
	BX_ISA_LM_LAHF_SAHF, BX_ISA_CMPXCHG16B, BX_ISA_NX, BX_ISA_1G_PAGES,
	BX_ISA_PCID, BX_ISA_INVPCID, BX_ISA_SMEP, BX_ISA_FSGSBASE,
	BX_ISA_SSE, BX_ISA_SSE2, BX_ISA_SSE3, BX_ISA_SSSE3, BX_ISA_SSE4_1,
	BX_ISA_SSE4_2, BX_ISA_POPCNT, BX_ISA_MONITOR_MWAIT, BX_ISA_RDTSCP,
	BX_ISA_XSAVE, BX_ISA_XSAVEOPT, BX_ISA_AES_PCLMULQDQ, BX_ISA_MOVBE,
	BX_ISA_AVX, BX_ISA_AVX_F16C, BX_ISA_AVX2, BX_ISA_AVX_FMA,
	BX_ISA_LZCNT, BX_ISA_BMI1, BX_ISA_BMI2, BX_ISA_RDRAND,
	0
};

pmu_cpuid_t::pmu_cpuid_t(BX_CPU_C *cpu, const struct pmu_identity *id):
	bx_cpuid_t(cpu, id->vmcs), id(id), pmu(pmu_cpu_find(id->pmu))
{
	enable(common_isa);
	enable(id->isa);

	for (unsigned i = 0; i < pmu_msr_count; i++)
		msr_value[i] = pmu_msr_table[i].value;
}

void pmu_cpuid_t::enable(const unsigned *isa)
{
	for (; *isa; isa++)
		enable_cpu_extension(*isa);
}

void pmu_cpuid_t::get_cpuid_leaf(Bit32u leaf, Bit32u subleaf,
				 cpuid_function_t *regs) const
{
	Bit32u max = leaf & 0x80000000 ? id->max_ext : id->max_leaf;

	get_reserved_leaf(regs);
	if (leaf > max) {
		leaf = out_of_range();
		if (!leaf)
			return;
	}

	switch (leaf) {
	case 0x80000002:
	case 0x80000003:
	case 0x80000004:
		get_ext_cpuid_brand_string_leaf(id->brand, leaf, regs);
		break;
	case 0x5:
		get_std_cpuid_monitor_mwait_leaf(regs, id->mwait);
		break;
	case 0x7:
		leaf_7(subleaf, regs);
		break;
	case 0xb:
		topology_leaf(subleaf, regs);
		break;
	case 0xd:
		get_std_cpuid_xsave_leaf(subleaf, regs);
		break;
	default:
		vendor_leaf(leaf, subleaf, regs);
	}

	Bit32u raw[4] = { regs->eax, regs->ebx, regs->ecx, regs->edx };

	pmu_cpuid_leaf(pmu, leaf, subleaf, raw);
	get_leaf(regs, raw[0], raw[1], raw[2], raw[3]);
}

void pmu_cpuid_t::table_leaf(Bit32u leaf, Bit32u subleaf,
			     cpuid_function_t *regs) const
{
	for (unsigned i = 0; i < id->nleaves; i++) {
		const struct pmu_leaf *row = &id->leaves[i];

		if (row->leaf == leaf && (row->subleaf == PMU_ANY_SUBLEAF ||
					  row->subleaf == subleaf))
			get_leaf(regs, row->regs[0], row->regs[1],
				 row->regs[2], row->regs[3]);
	}
}

/* Leaves 0BH and 1FH: threads (one) of a core, cores of the package */
void pmu_cpuid_t::topology_leaf(Bit32u subleaf, cpuid_function_t *regs) const
{
	const Bit32u thread = 1, core = 2;

	regs->ecx = subleaf & 0xff;
	regs->edx = cpu->get_apic_id();
	if (subleaf == 0) {
		regs->ebx = 1;
		regs->ecx |= thread << 8;
	} else if (subleaf == 1) {
		regs->eax = PMU_CORE_BITS;
		regs->ebx = processors();
		regs->ecx |= core << 8;
	}
}

/* CLFLUSH line in 8-byte units, IDs in the package, initial APIC ID */
void pmu_cpuid_t::leaf_1_ebx(cpuid_function_t *regs) const
{
	regs->ebx = (CACHE_LINE_SIZE / 8) << 8 | (1 << PMU_CORE_BITS) << 16 |
		    (Bit32u)cpu->get_apic_id() << 24;
}

void pmu_cpuid_t::leaf_7(Bit32u subleaf, cpuid_function_t *regs) const
{
	/* EAX, the highest subleaf, comes from the table. */
	table_leaf(0x7, subleaf, regs);
	if (subleaf == 0) {
		regs->ebx = get_std_cpuid_leaf_7_ebx(id->leaf7_ebx);
		regs->ecx = get_std_cpuid_leaf_7_ecx();
		regs->edx = get_std_cpuid_leaf_7_edx(id->leaf7_edx);
	} else if (subleaf == 1) {
		regs->eax = get_std_cpuid_leaf_7_subleaf_1_eax(id->leaf7_1_eax);
	}
}

void pmu_cpuid_t::dump_cpuid(void) const
{
	bx_cpuid_t::dump_cpuid(id->max_leaf, id->max_ext);
}

/*
 * Bochs asks here for every register that it has not itself.  The answers are
 * its own: 1 done, 0 raise #GP, -1 not known here.
 */
int pmu_cpuid_t::rdmsr(Bit32u index, Bit64u *value)
{
	const pmu_msr_t *msr = pmu_find_msr(id->model, index);

	if (!msr)
		return -1;
	if (msr->flags & PMU_MSR_WRITE_ONLY)
		return 0;
	*value = msr_value[msr - pmu_msr_table];
	return 1;
}

int pmu_cpuid_t::wrmsr(Bit32u index, Bit64u value)
{
	const pmu_msr_t *msr = pmu_find_msr(id->model, index);

	if (!msr)
		return -1;
	if (msr->flags & PMU_MSR_READ_ONLY)
		return 0;
	if (msr->flags & PMU_MSR_WRITE_IGNORED)
		return 1;
	/* Bits that are not writable may be written as they are. */
	if ((value ^ msr_value[msr - pmu_msr_table]) & ~msr->writable)
		return 0;
	if (!(msr->flags & PMU_MSR_WRITE_ONLY))
		msr_value[msr - pmu_msr_table] = value;
	return 1;
}
