/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine's six processor models: their identity, as Bochs asks for it.
 *
 * One file a model holds the facts (pmu_haswell.cc to pmu_zen4.cc), two classes
 * the vendors' rules, pmu_msrs.cc the model-specific registers.
 *
 * What all six have in common:
 *
 * - A feature is advertised if the real processor has it and Bochs executes it.
 *   So there is no TSX, SGX, AMX, Processor Trace, resource director, IBS, BRS,
 *   AVIC and so on, and no power management (EST, turbo, HWP, MPERF/APERF,
 *   thermal monitor): the machine's clock does not change.
 * - Every clock runs at 1000 MHz, and all that speaks of frequency says so.
 * - What belongs to the PMU (leaf 0AH, PDCM, DS, 80000022H, AMD's counter
 *   extensions...) is written over it by the PMU library, pmu_cpuid_leaf().
 * - All processors are cores of one package, of one thread each, APIC IDs 0 to
 *   n-1, with room for four: Bochs and its BIOS number them so.  This is what
 *   the tables say however Bochs' "count" is split.  On Haswell and Skylake
 *   it is the one place where the model does not agree with itself: their four
 *   general-purpose counters are those of Hyper-Threading switched on (with it
 *   off there are eight, SDM vol. 3B), where cores whose second thread was
 *   never started would have even IDs.
 */
#ifndef PMU_CPUID_H
#define PMU_CPUID_H

#include "bochs.h"
#include "cpu.h"
#include "cpuid.h"

#include "pmu_msrs.h"

#if BX_SUPPORT_VMX < 2 || !BX_SUPPORT_SVM || !BX_SUPPORT_EVEX || \
	!BX_SUPPORT_MONITOR_MWAIT || !BX_SUPPORT_PKEYS || !BX_SUPPORT_CET
#error "the PMU machine's models need VMX=2, SVM, EVEX, MWAIT, PKEYS and CET"
#endif

extern "C" {
#include "pmu/pmu.h"
}

#define PMU_ANY_SUBLEAF	0xffffffffu

/* Leaf 7 EDX: the interfaces against speculation that all four Intel have */
#define PMU_LEAF7_EDX_SPECULATION					\
	((Bit32u)BX_CPUID_STD7_SUBLEAF0_EDX_MD_CLEAR |			\
	 BX_CPUID_STD7_SUBLEAF0_EDX_SCA_IBRS_IBPB |			\
	 BX_CPUID_STD7_SUBLEAF0_EDX_SCA_STIBP |				\
	 BX_CPUID_STD7_SUBLEAF0_EDX_L1D_FLUSH |				\
	 (Bit32u)BX_CPUID_STD7_SUBLEAF0_EDX_SCA_SSBD)

/*
 * Leaf 80000008H EBX: WBNOINVD; AMD's XSAVE of error pointers (Bochs always
 * saves them); IBPB, IBRS, STIBP, SSBD, PSFD
 */
#define PMU_EXT8_WBNOINVD	(1u << 9)
#define PMU_EXT8_XSAVE_ERPTR	(1u << 2)
#define PMU_EXT8_SPECULATION	(1u << 12 | 1u << 14 | 1u << 15 | 1u << 24 | 1u << 28)

/* Leaf 80000021H EAX: LFENCE serializes; a null selector clears the base */
#define PMU_AMD_LFENCE		(1u << 2)
#define PMU_AMD_NULL_SEL	(1u << 6)

/*
 * VMX: what all four Intel have, and what came with the server parts.  The
 * preemption timer counts every tick of the TSC (IA32_VMX_MISC[4:0] = 0), with
 * which Bochs is built; processors have every 32nd or 128th.  The controls of
 * Processor Trace and of MPX are not there.
 */
#define PMU_VMX_COMMON							\
	(BX_VMX_TPR_SHADOW | BX_VMX_VIRTUAL_NMI |			\
	 BX_VMX_APIC_VIRTUALIZATION | BX_VMX_WBINVD_VMEXIT |		\
	 BX_VMX_MONITOR_TRAP_FLAG | BX_VMX_VPID | BX_VMX_EPT |		\
	 BX_VMX_UNRESTRICTED_GUEST | BX_VMX_SAVE_DEBUGCTL_DISABLE |	\
	 BX_VMX_PERF_GLOBAL_CTRL | BX_VMX_PAT | BX_VMX_EFER |		\
	 BX_VMX_DESCRIPTOR_TABLE_EXIT | BX_VMX_X2APIC_VIRTUALIZATION |	\
	 BX_VMX_PREEMPTION_TIMER | BX_VMX_PAUSE_LOOP_EXITING |		\
	 BX_VMX_EPTP_SWITCHING | BX_VMX_EPT_ACCESS_DIRTY)
#define PMU_VMX_SERVER							\
	(BX_VMX_VINTR_DELIVERY | BX_VMX_POSTED_INTERRUPTS |		\
	 BX_VMX_VMCS_SHADOWING | BX_VMX_EPT_EXCEPTION | BX_VMX_PML |	\
	 BX_VMX_SW_INTERRUPT_INJECTION_ILEN_0 | BX_VMX_MBE_CONTROL |	\
	 BX_VMX_TSC_SCALING)

/*
 * SVM.  Not there, because Bochs does not do it: TSC rate, decode assists (no
 * instruction bytes on a nested page fault), pause-filter threshold, AVIC,
 * virtual VMLOAD/VMSAVE, virtual GIF, virtual NMI.  VMCB clean bits are hints
 * that Bochs does not take (APM vol. 2, 15.15).
 */
#define PMU_SVM								\
	(BX_CPUID_SVM_NESTED_PAGING | BX_CPUID_SVM_LBR_VIRTUALIZATION |	\
	 BX_CPUID_SVM_SVM_LOCK |					\
	 BX_CPUID_SVM_NRIP_SAVE | BX_CPUID_SVM_VMCB_CLEAN_BITS |	\
	 BX_CPUID_SVM_FLUSH_BY_ASID | BX_CPUID_SVM_PAUSE_FILTER)

/* APIC ID bits below the package: four cores of one thread */
#define PMU_CORE_BITS	2

/* struct pmu_leaf - a CPUID leaf that depends on nothing */
struct pmu_leaf {
	Bit32u leaf;
	Bit32u subleaf;		/* or PMU_ANY_SUBLEAF */
	Bit32u regs[4];		/* EAX, EBX, ECX, EDX */
};

/**
 * struct pmu_identity - what tells one model from another
 * @name:	 of the Bochs model, "cpu: model="
 * @pmu:	 of the PMU library's model
 * @model:	 PMU_CPU_* bit, for the MSR table
 * @brand:	 leaves 80000002H to 80000004H
 * @signature:	 leaf 1 EAX: family, model, stepping
 * @max_leaf:	 highest basic leaf
 * @max_ext:	 highest extended leaf
 * @mwait:	 leaf 5 EDX: C-states of MWAIT
 * @isa:	 BX_ISA_* beyond the common and the vendor's, ends with 0
 * @leaf7_ebx:	 leaf 7, features that need no emulation
 * @leaf7_edx:	 the same
 * @leaf7_1_eax: the same, subleaf 1
 * @ext8_ebx:	 leaf 80000008H EBX, beyond CLZERO
 * @leaves:	 all leaves that no code makes
 * @nleaves:	 how many
 * @vmcs:	 VMCS revision, IA32_VMX_BASIC[30:0]
 * @vmx:	 BX_VMX_*, or
 * @svm:	 BX_CPUID_SVM_*
 */
struct pmu_identity {
	const char *name;
	const char *pmu;
	unsigned model;
	char brand[48 + 1];
	Bit32u signature;
	Bit32u max_leaf;
	Bit32u max_ext;
	Bit32u mwait;
	const unsigned *isa;
	Bit32u leaf7_ebx;
	Bit32u leaf7_edx;
	Bit32u leaf7_1_eax;
	Bit32u ext8_ebx;
	const struct pmu_leaf *leaves;
	unsigned nleaves;
	Bit32u vmcs;
	Bit32u vmx;
	Bit32u svm;
};

/* pmu_cpuid_t - what both vendors share */
class pmu_cpuid_t : public bx_cpuid_t {
public:
	pmu_cpuid_t(BX_CPU_C *cpu, const struct pmu_identity *id);

	const char *get_name(void) const override { return id->name; }
	Bit32u get_vmx_extensions_bitmask(void) const override { return id->vmx; }
	Bit32u get_svm_extensions_bitmask(void) const override { return id->svm; }
	void get_cpuid_leaf(Bit32u leaf, Bit32u subleaf,
			    cpuid_function_t *regs) const override;
	void dump_cpuid(void) const override;
	int rdmsr(Bit32u index, Bit64u *value) override;
	int wrmsr(Bit32u index, Bit64u value) override;

protected:
	const struct pmu_identity *const id;

	void enable(const unsigned *isa);
	unsigned processors(void) const { return nprocessors * ncores * nthreads; }
	void table_leaf(Bit32u leaf, Bit32u subleaf, cpuid_function_t *regs) const;
	void topology_leaf(Bit32u subleaf, cpuid_function_t *regs) const;
	void leaf_1_ebx(cpuid_function_t *regs) const;
	void leaf_7(Bit32u subleaf, cpuid_function_t *regs) const;

	/* Leaves of one vendor; leaf is in range. */
	virtual void vendor_leaf(Bit32u leaf, Bit32u subleaf,
				 cpuid_function_t *regs) const = 0;
	/* The leaf that answers for one out of range, or 0: all zeros. */
	virtual Bit32u out_of_range(void) const = 0;

private:
	const struct pmu_cpu *const pmu;
	Bit64u msr_value[PMU_MAX_MSRS];
};

class pmu_intel_t : public pmu_cpuid_t {
public:
	pmu_intel_t(BX_CPU_C *cpu, const struct pmu_identity *id);

protected:
	void vendor_leaf(Bit32u leaf, Bit32u subleaf,
			 cpuid_function_t *regs) const override;
	Bit32u out_of_range(void) const override { return id->max_leaf; }

private:
	void leaf_1(cpuid_function_t *regs) const;
	void leaf_4(Bit32u subleaf, cpuid_function_t *regs) const;
};

class pmu_amd_t : public pmu_cpuid_t {
public:
	pmu_amd_t(BX_CPU_C *cpu, const struct pmu_identity *id);

protected:
	void vendor_leaf(Bit32u leaf, Bit32u subleaf,
			 cpuid_function_t *regs) const override;
	Bit32u out_of_range(void) const override { return 0; }

private:
	void leaf_1(cpuid_function_t *regs) const;
	void ext_leaf_1(cpuid_function_t *regs) const;
	void ext_leaf_8(cpuid_function_t *regs) const;
	void svm_leaf(cpuid_function_t *regs) const;
	void cache_leaf(Bit32u subleaf, cpuid_function_t *regs) const;
	void ext_topology_leaf(Bit32u subleaf, cpuid_function_t *regs) const;
};

#endif /* PMU_CPUID_H */
