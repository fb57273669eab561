/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the mediated vPMU share: the registers of either vendor's
 * PMU, a piece of code whose instructions are known, and how a test and its
 * guest talk.
 */
#ifndef SELFTEST_KVM_MEDIATED_PMU_H
#define SELFTEST_KVM_MEDIATED_PMU_H

#include "kvm_util.h"
#include "pmu.h"
#include "processor.h"

#define MSR_CORE_PERF_GLOBAL_STATUS_SET	0x00000391
#define MSR_AMD64_GLOBAL_STATUS		0xc0000300
#define MSR_AMD64_GLOBAL_CTL		0xc0000301
#define MSR_AMD64_GLOBAL_STATUS_CLR	0xc0000302
#define MSR_AMD64_GLOBAL_STATUS_SET	0xc0000303

#define X86_FEATURE_DS			KVM_X86_CPU_FEATURE(0x1, 0, EDX, 21)
#define X86_FEATURE_AMD_PERFMON_V2	KVM_X86_CPU_FEATURE(0x80000022, 0, EAX, 0)
#define X86_FEATURE_AMD_PERFCTR_CORE	KVM_X86_CPU_FEATURE(0x80000001, 0, ECX, 23)
#define X86_PROPERTY_AMD_NR_CORE_COUNTERS \
					KVM_X86_CPU_PROPERTY(0x80000022, 0, EBX, 0, 3)

#define APIC_LVTPC		0x340
#define LVTPC_NMI		APIC_DM_NMI

#define COUNTER_MASK		GENMASK_ULL(47, 0)

/* Adaptive_Record in a selector, and that of the first fixed counter. */
#define SELECTOR_ADAPTIVE	BIT_ULL(34)
#define FIXED_ADAPTIVE_SHIFT	32

/* Instructions retired by both vendors' CPUs are the same event. */
#define COUNT_INSTRUCTIONS	(INTEL_ARCH_INSTRUCTIONS_RETIRED | \
				 ARCH_PERFMON_EVENTSEL_ENABLE | \
				 ARCH_PERFMON_EVENTSEL_OS | ARCH_PERFMON_EVENTSEL_USR)

/* GLOBAL_CTRL's bit of the first fixed counter, which counts instructions. */
#define FIRST_FIXED		32

/* What the instructions of one iteration of count_loops()'s two loops are. */
#define INSNS_PER_LOOP		2
#define INSNS_PER_CPUID		4

/**
 * struct pmu - the PMU of a guest
 * @selector: MSR of the first event selector
 * @counter: MSR of the first counter; on Intel the legacy one
 * @stride: from one to the next of either
 * @fixed_ctrl: MSR that controls the fixed counters, 0 if there are none
 * @fixed_counter: MSR of the first fixed counter
 * @global_ctrl: MSR that enables counters all at once, 0 if there is none
 * @global_status: MSR of the overflow bits
 * @global_clear: MSR that clears them
 * @global_set: MSR that sets them, 0 if there is none
 * @nr_gp: general-purpose counters
 * @nr_fixed: fixed counters
 * @insn_counters: those that can count instructions, as GLOBAL_CTRL has them
 * @model: of the CPU, of Intel's
 * @pebs: PERF_CAPABILITIES has a format of PEBS records
 * @adaptive_pebs: and they are adaptive, of all counters
 */
struct pmu {
	uint32_t selector, counter, stride;
	uint32_t fixed_ctrl, fixed_counter;
	uint32_t global_ctrl, global_status, global_clear, global_set;
	unsigned int nr_gp, nr_fixed;
	uint64_t insn_counters;
	unsigned int model;
	bool pebs, adaptive_pebs;
};

/**
 * struct pmu_switch - the one write that starts counters, and 0 stops them
 * @msr: GLOBAL_CTRL, or the selector of a counter of a PMU without it
 * @on: what starts them
 */
struct pmu_switch {
	uint32_t msr;
	uint64_t on;
};

/* The guest's; the host's program has its own copy. */
extern struct pmu pmu;

/* NMIs that pmu_nmi_handler() took in the guest. */
extern unsigned int pmu_nr_nmis;

/* In a guest. */
void pmu_find(void);
uint64_t pmu_all_gp(void);
uint64_t pmu_all_counters(void);
uint64_t pmu_read_counter(unsigned int i);
void pmu_write_counter(unsigned int i, uint64_t value);
void pmu_write_selector(unsigned int i, uint64_t value);
void pmu_clear_status(void);
void pmu_stop(void);
void pmu_nmi_handler(struct ex_regs *regs);
void pmu_count_loops(uint32_t msr, uint64_t on, uint32_t loops, uint32_t cpuids);
uint64_t pmu_measure(unsigned int i, uint64_t flags, uint32_t loops, uint32_t cpuids);
uint64_t pmu_measure_from_zero(unsigned int i, uint32_t loops, uint32_t cpuids);
uint64_t pmu_read(unsigned int idx);
void pmu_write(unsigned int idx, uint64_t value);
uint64_t pmu_status(void);
struct pmu_switch pmu_arm(uint64_t counters, uint64_t flags);

/* On the host. */
void require_mediated_pmu(void);
uint64_t vcpu_next_sync(struct kvm_vcpu *vcpu);
bool vcpu_run_to_sync(struct kvm_vcpu *vcpu, uint64_t *value);
uint64_t vcpu_get_exits(struct kvm_vcpu *vcpu);
uint64_t vcpu_exits_to_next_sync(struct kvm_vcpu *vcpu);
void vcpu_give_part_of_pmu(struct kvm_vcpu *vcpu);
struct kvm_vcpu *vcpu_save_and_restore(struct kvm_vm *vm, struct kvm_vcpu *vcpu);

#endif /* SELFTEST_KVM_MEDIATED_PMU_H */
