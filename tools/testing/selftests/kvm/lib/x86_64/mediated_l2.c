// SPDX-License-Identifier: GPL-2.0-only
/*
 * An L1 that runs an L2 of its own.
 */
#include <string.h>

#include "kvm_util.h"
#include "mediated_l2.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

#define L2_STACK_SIZE	8192

static uint8_t l2_stack[L2_STACK_SIZE] __aligned(16);

struct vmx_pages *l2_vmx;
struct svm_test_data *l2_svm;
static bool launched;

/* SVM's map of MSRs, two pages, the library has but one. */
static uint8_t *msrpm;
static uint64_t msrpm_gpa;

/* CPUID would exit to L1. */
void l2_leave(void)
{
	if (host_cpu_is_intel)
		vmcall();
	else
		vmmcall();
}

/* Have an L2 that may do all that L1 may. */
void l2_prepare(void *data)
{
	if (host_cpu_is_intel) {
		l2_vmx = data;
		GUEST_ASSERT(prepare_for_vmx_operation(l2_vmx));
		GUEST_ASSERT(load_vmcs(l2_vmx));
		prepare_vmcs(l2_vmx, NULL, NULL);
		vmwrite(CPU_BASED_VM_EXEC_CONTROL,
			vmreadz(CPU_BASED_VM_EXEC_CONTROL) | CPU_BASED_USE_MSR_BITMAPS);
	} else {
		l2_svm = data;
		generic_svm_setup(l2_svm, NULL, NULL);
		l2_svm->vmcb->control.msrpm_base_pa = msrpm_gpa;
		l2_svm->vmcb->control.intercept |= BIT_ULL(INTERCEPT_MSR_PROT);
	}
}

/* Each time from the first instruction on, and tell how L2 was left. */
uint64_t l2_run(void (*code)(void))
{
	uint64_t rsp = (uint64_t)l2_stack + L2_STACK_SIZE - 8;

	if (!host_cpu_is_intel) {
		l2_svm->vmcb->save.rip = (uint64_t)code;
		l2_svm->vmcb->save.rsp = rsp;
		run_guest(l2_svm->vmcb, l2_svm->vmcb_gpa);
		stgi();
		return l2_svm->vmcb->control.exit_code;
	}

	vmwrite(GUEST_RIP, (uint64_t)code);
	vmwrite(GUEST_RSP, rsp);
	GUEST_ASSERT(!(launched ? vmresume() : vmlaunch()));
	launched = true;
	return vmreadz(VM_EXIT_REASON);
}

/* What l2_run() gives for l2_leave(). */
uint64_t l2_left_by_itself(void)
{
	return host_cpu_is_intel ? EXIT_REASON_VMCALL : SVM_EXIT_VMMCALL;
}

static void set_bit_in(uint8_t *map, uint32_t bit, bool on)
{
	if (on)
		map[bit / 8] |= BIT(bit % 8);
	else
		map[bit / 8] &= ~BIT(bit % 8);
}

/*
 * VMX has a bit for each of the MSRs up to 0x1fff for reading, and half a page
 * on for writing. SVM has two bits side by side, for 0xc0000000 on from 0x800,
 * for 0xc0010000 on from the second page on.
 */
void l2_intercept_msr(uint32_t msr, bool read, bool write)
{
	uint32_t bit;

	if (host_cpu_is_intel) {
		GUEST_ASSERT(msr < 0x2000);
		set_bit_in(l2_vmx->msr, msr, read);
		set_bit_in(l2_vmx->msr + 0x800, msr, write);
		return;
	}

	bit = (msr & 0x1fff) * 2 + (msr < 0xc0010000 ? 0x800 : 0x1000) * 8;
	set_bit_in(msrpm, bit, read);
	set_bit_in(msrpm, bit + 1, write);
}

static void (*l2_program)(uint64_t);
static uint64_t l2_arg;

static void l2_runs_program(void)
{
	l2_program(l2_arg);
}

static void l1_runs_program(void *data)
{
	l2_prepare(data);
	pmu_find();
	/* A user of its PMU passes it on. */
	pmu_measure_from_zero(0, 1, 1);
	l2_run(l2_runs_program);
	GUEST_FAIL("L2 was left");
}

vm_vaddr_t vcpu_alloc_l2(struct kvm_vm *vm)
{
	vm_vaddr_t data, map;

	if (host_cpu_is_intel) {
		vcpu_alloc_vmx(vm, &data);
		return data;
	}

	vcpu_alloc_svm(vm, &data);
	map = vm_vaddr_alloc(vm, 2 * getpagesize(), KVM_UTIL_MIN_VADDR);
	memset(addr_gva2hva(vm, map), 0, 2 * getpagesize());
	msrpm = (uint8_t *)map;
	msrpm_gpa = addr_gva2gpa(vm, map);
	sync_global_to_guest(vm, msrpm);
	sync_global_to_guest(vm, msrpm_gpa);
	return data;
}

void vcpu_set_program(struct kvm_vm *vm, struct kvm_vcpu *vcpu, bool in_l2,
		      void (*program)(uint64_t), uint64_t arg)
{
	if (!in_l2) {
		vcpu_arch_set_entry_point(vcpu, program);
		vcpu_args_set(vcpu, 1, arg);
		return;
	}

	l2_program = program;
	l2_arg = arg;
	sync_global_to_guest(vm, l2_program);
	sync_global_to_guest(vm, l2_arg);
	vcpu_arch_set_entry_point(vcpu, l1_runs_program);
	vcpu_args_set(vcpu, 1, vcpu_alloc_l2(vm));
}
