/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An L1 that runs an L2 of its own, as tests of the mediated vPMU have it on
 * either vendor's CPUs.
 */
#ifndef SELFTEST_KVM_MEDIATED_L2_H
#define SELFTEST_KVM_MEDIATED_L2_H

#include "kvm_util.h"
#include "svm_util.h"
#include "vmx.h"

/* L1's hold on its L2: that of its vendor. */
extern struct vmx_pages *l2_vmx;
extern struct svm_test_data *l2_svm;

/* In L1. */
void l2_prepare(void *data);
uint64_t l2_run(void (*code)(void));
uint64_t l2_left_by_itself(void);
void l2_intercept_msr(uint32_t msr, bool read, bool write);

/* In L2. */
void l2_leave(void);

/* On the host: L1's argument. */
vm_vaddr_t vcpu_alloc_l2(struct kvm_vm *vm);

/* On the host: what runs in the guest, or in an L2 of its, and ends the test. */
void vcpu_set_program(struct kvm_vm *vm, struct kvm_vcpu *vcpu, bool in_l2,
		      void (*program)(uint64_t), uint64_t arg);

#endif /* SELFTEST_KVM_MEDIATED_L2_H */
