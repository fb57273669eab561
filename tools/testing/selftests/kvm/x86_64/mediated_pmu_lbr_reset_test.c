// SPDX-License-Identifier: GPL-2.0-only
/*
 * Branch records of a guest with a mediated vPMU over what happens to its vCPU:
 * an SMI, in L2, too; INIT; a reset by user space; and another CPU to run on.
 */
#include <string.h>
#include <sys/sysinfo.h>

#include "apic.h"
#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_l2.h"
#include "mediated_lbr.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

#define SMRAM_SIZE	65536
#define SMRAM_GPA	0x1000000
/* In the address space of SMM */
#define SMRAM_SLOT	0x10001

/* Where the handler begins, and where it leaves what it has read. */
#define SMI_HANDLER	0x8000
#define SMI_SAW		0x7000

#define NR_SMI_JUMPS	4

/* In 16-bit mode, with segments that reach all of memory. */
static const uint8_t smi_handler[] = {
	0xeb, 0x00, 0xeb, 0x00,			/* jmp .+2 */
	0xeb, 0x00, 0xeb, 0x00,
	0x66, 0xb9, 0x00, 0x00, 0x00, 0x00,	/* mov $CONTROL, %ecx */
	0x0f, 0x32,				/* rdmsr */
	0x67, 0x66, 0xa3,			/* mov %eax, SMRAM_GPA + SMI_SAW */
	0x00, 0x70, 0x00, 0x01,
	0xba, LBR_PORT & 0xff, LBR_PORT >> 8,	/* mov $LBR_PORT, %dx */
	0xee,					/* outb %al, %dx */
	0x0f, 0xaa,				/* rsm */
};

#define SMI_CONTROL_AT	10

static void self_smi(void)
{
	x2apic_write_reg(APIC_ICR, APIC_DEST_SELF | APIC_INT_ASSERT | APIC_DM_SMI);
}

/*
 * The records of the SMI handler, at offsets in its code segment, behind @newer
 * ones. There are none with architectural LBR, whose LBREn an SMI clears until
 * RSM. The others need DEBUGCTL.FREEZE_WHILE_SMM for that, or have no such rule.
 */
static unsigned int check_smi_records(unsigned int newer)
{
	struct lbr_edge edge;
	unsigned int i;

	if (lbr.kind == LBR_ARCH)
		return 0;

	for (i = 0; i < NR_SMI_JUMPS; i++) {
		edge = lbr_record(newer + NR_SMI_JUMPS - 1 - i);
		GUEST_ASSERT_EQ(edge.from, SMI_HANDLER + 2 * i);
		GUEST_ASSERT_EQ(edge.to, SMI_HANDLER + 2 * i + 2);
	}
	return NR_SMI_JUMPS;
}

/* Recording goes on after what interrupted it. A call of this would be recorded. */
static __always_inline void check_goes_on(void)
{
	uint64_t control = rdmsr(lbr.control);

	lbr_hops();
	wrmsr(lbr.control, 0);
	GUEST_ASSERT_EQ(control, lbr.on);
	lbr_check_hops(0);
}

static void guest_smi(void)
{
	unsigned int newer;
	int i;

	x2apic_enable();
	lbr_find();
	for (i = 0; i < 2; i++) {
		lbr_begin();
		self_smi();
		check_goes_on();
		newer = LBR_NR_HOPS + check_smi_records(LBR_NR_HOPS);
		/* That lbr_run_ring() returned */
		lbr_check_older(ALL_BRANCHES, newer + 1);
	}
	GUEST_DONE();
}

/* SMM does not make one record that did not. */
static void guest_smi_off(void)
{
	x2apic_enable();
	lbr_find();
	lbr_fill(ALL_BRANCHES);
	self_smi();
	GUEST_ASSERT_EQ(rdmsr(lbr.control), 0);
	lbr_check(ALL_BRANCHES);
	GUEST_DONE();
}

static void l2_smi(void)
{
	wrmsr(lbr.control, lbr.on);
	lbr_hops();
	self_smi();
	lbr_hops();
	wrmsr(lbr.control, 0);
	lbr_check_hops(0);
	l2_leave();
}

/*
 * KVM leaves L2 for the handler: VMX's DEBUGCTL is 0 for that long, and the
 * handler's branches are not recorded.
 */
static void l1_smi(void *data)
{
	unsigned int newer = LBR_NR_HOPS;

	x2apic_enable();
	lbr_find();
	l2_prepare(data);
	lbr_fill(ALL_BRANCHES);
	GUEST_ASSERT_EQ(l2_run(l2_smi), l2_left_by_itself());
	GUEST_ASSERT_EQ(rdmsr(lbr.control), 0);
	lbr_check_hops(0);
	if (lbr.kind == LBR_AMD)
		newer += check_smi_records(newer);
	lbr_check_hops(newer);
	lbr_check_older(ALL_BRANCHES, newer + LBR_NR_HOPS);
	GUEST_DONE();
}

FIXTURE(smm)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
};

FIXTURE_VARIANT(smm)
{
	pause_fn pause;
};

FIXTURE_VARIANT_ADD(smm, at_once)
{
	.pause = pause_not,
};

FIXTURE_VARIANT_ADD(smm, idle)
{
	.pause = pause_long,
};

FIXTURE_VARIANT_ADD(smm, migrated)
{
	.pause = pause_and_migrate,
};

FIXTURE_VARIANT_ADD(smm, on_another_cpu)
{
	.pause = pause_and_move,
};

static uint32_t control_msr(void)
{
	if (host_cpu_is_amd)
		return MSR_AMD_DBG_EXTN;

	return kvm_cpu_has(X86_FEATURE_LBR_ARCH) ? MSR_ARCH_LBR_CTL :
						   MSR_IA32_DEBUGCTLMSR;
}

FIXTURE_SETUP(smm)
{
	uint32_t control = control_msr();
	uint8_t *handler;

	if (!can_pause(variant->pause))
		SKIP(return, "One CPU alone");

	self->vm = vm_create_with_one_vcpu(&self->vcpu, NULL);
	vm_userspace_mem_region_add(self->vm, VM_MEM_SRC_ANONYMOUS, SMRAM_GPA, SMRAM_SLOT,
				    SMRAM_SIZE / getpagesize(), 0);
	handler = addr_gpa2hva(self->vm, SMRAM_GPA + SMI_HANDLER);
	memcpy(handler, smi_handler, sizeof(smi_handler));
	memcpy(handler + SMI_CONTROL_AT, &control, sizeof(control));
	vcpu_set_msr(self->vcpu, MSR_IA32_SMBASE, SMRAM_GPA);
}

FIXTURE_TEARDOWN(smm)
{
	kvm_vm_free(self->vm);
}

static uint32_t smi_saw(struct kvm_vm *vm)
{
	return *(uint32_t *)addr_gpa2hva(vm, SMRAM_GPA + SMI_SAW);
}

TEST_F(smm, recording_goes_on_behind_an_smi)
{
	uint64_t enabled = host_cpu_is_amd ? LBR_AMD_ENABLE : LBR_CTL_ENABLE;

	vcpu_arch_set_entry_point(self->vcpu, guest_smi);
	TEST_ASSERT_EQ(vcpu_run_over_pauses(self->vm, self->vcpu, variant->pause), 2);
	if (kvm_cpu_has(X86_FEATURE_LBR_ARCH))
		TEST_ASSERT(!(smi_saw(self->vm) & enabled) && smi_saw(self->vm),
			    "LBR_CTL was %x in SMM", smi_saw(self->vm));
	else
		TEST_ASSERT_EQ(smi_saw(self->vm), enabled);
}

TEST_F(smm, an_smi_does_not_start_recording)
{
	vcpu_arch_set_entry_point(self->vcpu, guest_smi_off);
	TEST_ASSERT_EQ(vcpu_run_over_pauses(self->vm, self->vcpu, variant->pause), 1);
	TEST_ASSERT_EQ(smi_saw(self->vm), 0);
}

TEST_F(smm, recording_goes_on_behind_an_smi_in_l2)
{
	vcpu_args_set(self->vcpu, 1, vcpu_alloc_l2(self->vm));
	vcpu_arch_set_entry_point(self->vcpu, l1_smi);
	TEST_ASSERT_EQ(vcpu_run_over_pauses(self->vm, self->vcpu, variant->pause), 1);
}

/* Without it no guest can keep an SMI handler out of its legacy records. */
static void guest_freeze_while_smm(void)
{
	GUEST_ASSERT_EQ(wrmsr_safe(MSR_IA32_DEBUGCTLMSR, DEBUGCTLMSR_FREEZE_IN_SMM),
			GP_VECTOR);
	GUEST_ASSERT(!(rdmsr(MSR_IA32_PERF_CAPABILITIES) & BIT_ULL(12)));
	GUEST_DONE();
}

TEST(freeze_while_smm_is_not_offered)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (host_cpu_is_amd)
		SKIP(return, "Intel's");

	vm = vm_create_with_one_vcpu(&vcpu, guest_freeze_while_smm);
	vcpu_run_over_pauses(vm, vcpu, pause_not);
	kvm_vm_free(vm);
}

/* Interrupted at the pause, while it records, and going on there. */
static void guest_interrupted(void)
{
	x2apic_enable();
	lbr_find();
	lbr_begin();
	lbr_pause();
	check_goes_on();
	/* That lbr_run_ring() returned */
	lbr_check_older(ALL_BRANCHES, LBR_NR_HOPS + 1);
	GUEST_DONE();
}

/*
 * SDM vol. 3A, "Processor State Following Power-up, Reset, or INIT", and APM vol. 2,
 * "Processor Initialization State": INIT leaves these MSRs as they are. What it
 * does change, user space puts back for the guest to look.
 */
TEST(init_leaves_records_and_recording_alone)
{
	struct kvm_vcpu *vcpus[2];
	uint64_t control;
	struct kvm_vm *vm;

	vm = vm_create_with_vcpus(2, guest_inits_other, vcpus);
	vcpu_arch_set_entry_point(vcpus[1], guest_interrupted);
	vcpu_run_to_pause(vcpus[1]);
	control = vcpu_get_msr(vcpus[1], control_msr());
	TEST_ASSERT(control, "The guest does not record");

	vcpu_take_init(vm, vcpus[0], vcpus[1]);
	TEST_ASSERT_EQ(vcpu_get_msr(vcpus[1], control_msr()), control);
	vcpu_run_over_pauses(vm, vcpus[1], pause_not);
	kvm_vm_free(vm);
}

static void guest_reset(void)
{
	lbr_find();
	lbr_run_ring(lbr.on, lbr.on, LBR_ROUNDS);
	if (lbr.select)
		wrmsr(lbr.select, 1);
	lbr_pause();
	/* Records none of these. */
	lbr_hops();
	GUEST_ASSERT_EQ(rdmsr(lbr.control), 0);
	if (lbr.select)
		GUEST_ASSERT_EQ(rdmsr(lbr.select), 0);
	if (lbr.kind == LBR_LEGACY)
		GUEST_ASSERT_EQ(rdmsr(MSR_LBR_TOS), 0);
	if (lbr.kind == LBR_ARCH)
		GUEST_ASSERT_EQ(rdmsr(MSR_ARCH_LBR_DEPTH), LBR_MAX_DEPTH);
	lbr_check_none();
	lbr_fill(ALL_BRANCHES);
	lbr_check(ALL_BRANCHES);
	GUEST_DONE();
}

/* What of a reset there is: user space writes each register. */
static void write_reset_values(struct kvm_vm *vm, struct kvm_vcpu *vcpu)
{
	unsigned int i;

	sync_global_from_guest(vm, lbr);
	vcpu_set_msr(vcpu, lbr.control, 0);
	if (lbr.select)
		vcpu_set_msr(vcpu, lbr.select, 0);
	if (lbr.kind == LBR_LEGACY)
		vcpu_set_msr(vcpu, MSR_LBR_TOS, 0);
	if (lbr.kind == LBR_ARCH)
		vcpu_set_msr(vcpu, MSR_ARCH_LBR_DEPTH, LBR_MAX_DEPTH);

	for (i = 0; i < lbr.nr; i++) {
		vcpu_set_msr(vcpu, lbr.from + i * lbr.stride, 0);
		vcpu_set_msr(vcpu, lbr.to + i * lbr.stride, 0);
		if (lbr.info)
			vcpu_set_msr(vcpu, lbr.info + i, 0);
	}
}

TEST(a_reset_by_user_space_ends_recording)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	vm = vm_create_with_one_vcpu(&vcpu, guest_reset);
	vcpu_run_to_pause(vcpu);
	write_reset_values(vm, vcpu);
	vcpu_run_over_pauses(vm, vcpu, pause_not);
	kvm_vm_free(vm);
}

TEST(records_are_there_at_once_on_another_cpu)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	int i;

	if (get_nprocs() < 2)
		SKIP(return, "One CPU alone");

	for (i = 0; i < 10; i++) {
		vm = vm_create_with_one_vcpu(&vcpu, guest_interrupted);
		TEST_ASSERT_EQ(vcpu_run_over_pauses(vm, vcpu, pause_and_move), 1);
		kvm_vm_free(vm);
	}
}

/* Without ever going to user space, and with a long time to be moved in. */
#define NR_FILLS	1000

static void guest_fills(void)
{
	int i;

	lbr_find();
	for (i = 0; i < NR_FILLS; i++) {
		lbr_fill(i % 2 ? CALLS : ALL_BRANCHES);
		lbr_check(i % 2 ? CALLS : ALL_BRANCHES);
	}
	GUEST_DONE();
}

TEST(records_move_with_the_vcpu_that_runs)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (get_nprocs() < 2)
		SKIP(return, "One CPU alone");

	vm = vm_create_with_one_vcpu(&vcpu, guest_fills);
	start_moving();
	vcpu_run_over_pauses(vm, vcpu, pause_not);
	stop_moving();
	kvm_vm_free(vm);
}

int main(int argc, char *argv[])
{
	require_lbr();
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_X86_SMM));
	TEST_REQUIRE(kvm_cpu_has(host_cpu_is_intel ? X86_FEATURE_VMX : X86_FEATURE_SVM));

	return test_harness_run(argc, argv);
}
