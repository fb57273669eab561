/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mediated vPMU: a vCPU that uses its PMU has the CPU's own while it is loaded.
 */
#ifndef __KVM_X86_MEDIATED_PMU_H
#define __KVM_X86_MEDIATED_PMU_H

#include <linux/kvm_host.h>

#include "x86.h"
#include "pmu.h"

static inline bool kvm_pmu_is_mediated(struct kvm_vcpu *vcpu)
{
	return vcpu->kvm->arch.mediated_pmu;
}

/*
 * Are the guest's registers in the hardware? With interrupts on the answer is
 * old at once, as perf may have them put: then it only saves work.
 */
static inline bool kvm_mediated_pmu_loaded(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu_to_pmu(vcpu)->mediated.loaded);
}

int kvm_mediated_pmu_init_vm(struct kvm *kvm);
void kvm_mediated_pmu_destroy_vm(struct kvm *kvm);
int kvm_mediated_pmu_check_cpuid(struct kvm_vcpu *vcpu,
				 struct kvm_cpuid_entry2 *leaf_0xa);
int kvm_mediated_lbr_check_cpuid(struct kvm_vcpu *vcpu,
				 struct kvm_cpuid_entry2 *leaf_0x1c);
int kvm_mediated_lbr_check_amd_cpuid(struct kvm_vcpu *vcpu,
				     struct kvm_cpuid_entry2 *leaf);
void kvm_mediated_pmu_init(struct kvm_vcpu *vcpu);
void kvm_mediated_pmu_reset(struct kvm_vcpu *vcpu);

bool kvm_mediated_pmu_enter(struct kvm_vcpu *vcpu);
void kvm_mediated_pmu_exit_irqoff(struct kvm_vcpu *vcpu);
void kvm_mediated_pmu_vcpu_put(struct kvm_vcpu *vcpu);
void kvm_mediated_pmu_run_end(struct kvm_vcpu *vcpu);

void kvm_mediated_pmu_reprogram(struct kvm_vcpu *vcpu);
void kvm_mediated_pmu_sync(struct kvm_vcpu *vcpu, u32 msr);
void kvm_mediated_pmu_count(struct kvm_pmc *pmc);
u64 kvm_mediated_pmu_get_status(struct kvm_vcpu *vcpu, bool hidden);
void kvm_mediated_pmu_clear_status(struct kvm_vcpu *vcpu, u64 bits);
void kvm_mediated_pmu_drop_status(struct kvm_vcpu *vcpu, u64 bits);
void kvm_mediated_pmu_fetch_global_ctrl(struct kvm_vcpu *vcpu);
u64 kvm_mediated_pmu_misc_enable(struct kvm_vcpu *vcpu, u64 data);

void kvm_mediated_lbr_want(struct kvm_vcpu *vcpu);
void kvm_mediated_lbr_record(struct kvm_vcpu *vcpu, bool on);
void kvm_mediated_lbr_sample(struct kvm_vcpu *vcpu, bool on);

static inline struct kvm_mediated_lbr *vcpu_to_mediated_lbr(struct kvm_vcpu *vcpu)
{
	return &vcpu_to_pmu(vcpu)->mediated.lbr;
}

/* Are the guest's branch records in the hardware? As above. */
static inline bool kvm_mediated_lbr_loaded(struct kvm_vcpu *vcpu)
{
	return kvm_mediated_pmu_loaded(vcpu) && vcpu_to_mediated_lbr(vcpu)->in_use;
}

/* For the vendors' load and save. */
void kvm_mediated_pmu_load_counter(struct kvm_pmc *pmc);
void kvm_mediated_pmu_save_counter(struct kvm_pmc *pmc);
void kvm_mediated_pmu_load_gp(struct kvm_pmu *pmu);
void kvm_mediated_pmu_save_gp(struct kvm_pmu *pmu);
void kvm_mediated_pmu_save_status(struct kvm_pmu *pmu);
void kvm_mediated_pmu_set_status(struct kvm_vcpu *vcpu, u64 bits);

#endif /* __KVM_X86_MEDIATED_PMU_H */
