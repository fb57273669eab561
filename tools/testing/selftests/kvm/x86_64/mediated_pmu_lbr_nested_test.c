// SPDX-License-Identifier: GPL-2.0-only
/*
 * Branch records of a guest with a mediated vPMU that is a hypervisor itself. L1
 * and L2 have one set of them, as on the CPU; what of it L1 keeps exits to L1;
 * and whether L2 records is what L1's VMCS or VMCB says.
 */
#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_l2.h"
#include "mediated_lbr.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

/* VMX: what KVM may offer to L1 for architectural LBR and its XSAVE state. */
#define VM_ENTRY_LOAD_LBR_CTL		BIT(21)
#define VM_EXIT_CLEAR_LBR_CTL		BIT(26)
#define GUEST_LBR_CTL			0x2816
#define SECONDARY_ENABLE_XSAVES		BIT(20)

/* SVM: offsets in the VMCB's save area that svm.h has no names for. */
#define SAVE_DBG_EXTN		0x298
#define SAVE_LBR_STACK		0x670
#define SAVE_LBR_SELECT		0x770

#define NR_READS		100
#define UNSEEN			0x5ee5ee5ee

static uint64_t l2_saw;

static void begin(void *data)
{
	lbr_find();
	l2_prepare(data);
}

/* @newer records, those of lbr_hops() behind them, and then L1's ring. */
static void check_hops_and_ring(unsigned int newer)
{
	lbr_check_hops(newer);
	lbr_check_older(ALL_BRANCHES, newer + LBR_NR_HOPS);
}

static void l2_records(void)
{
	lbr_check(ALL_BRANCHES);
	lbr_pause();
	wrmsr(lbr.control, lbr.on);
	lbr_pause();
	lbr_hops();
	lbr_pause();
	wrmsr(lbr.control, 0);
	check_hops_and_ring(0);
	lbr_pause();
	check_hops_and_ring(0);
	l2_leave();
}

static void l1_shares(void *data)
{
	int i;

	begin(data);
	for (i = 0; i < 2; i++) {
		lbr_fill(ALL_BRANCHES);
		lbr_pause();
		GUEST_ASSERT_EQ(l2_run(l2_records), l2_left_by_itself());
		GUEST_ASSERT_EQ(rdmsr(lbr.control), 0);
		check_hops_and_ring(0);
		lbr_pause();
		check_hops_and_ring(0);
	}
	GUEST_DONE();
}

/* L2 is the first to use the records. */
static void check_hops_alone(void)
{
	struct lbr_edge edge = lbr_record(LBR_NR_HOPS);

	lbr_check_hops(0);
	GUEST_ASSERT(!edge.from && !edge.to);
}

static void l2_comes_first(void)
{
	lbr_check_none();
	lbr_set_filter(ALL_BRANCHES);
	wrmsr(lbr.control, lbr.on);
	lbr_hops();
	wrmsr(lbr.control, 0);
	lbr_pause();
	check_hops_alone();
	l2_leave();
}

static void l1_comes_second(void *data)
{
	begin(data);
	lbr_pause();
	GUEST_ASSERT_EQ(l2_run(l2_comes_first), l2_left_by_itself());
	check_hops_alone();
	lbr_pause();
	check_hops_alone();
	GUEST_DONE();
}

static void l2_reads_many(void)
{
	unsigned int i;

	GUEST_SYNC(0);
	for (i = 0; i < NR_READS; i++)
		lbr_record(i % lbr.nr);
	GUEST_SYNC(0);
	l2_leave();
}

static void l1_gives_records(void *data)
{
	begin(data);
	lbr_fill(ALL_BRANCHES);
	GUEST_ASSERT_EQ(l2_run(l2_reads_many), l2_left_by_itself());
	GUEST_DONE();
}

/* What L1 keeps of the records */
static uint32_t l2_msr;
static uint64_t l2_value;

static void l2_reads(void)
{
	WRITE_ONCE(l2_saw, rdmsr(l2_msr));
	l2_leave();
}

static void l2_writes(void)
{
	wrmsr(l2_msr, l2_value);
	l2_leave();
}

static uint64_t left_by_msr(bool write)
{
	if (host_cpu_is_intel)
		return write ? EXIT_REASON_MSR_WRITE : EXIT_REASON_MSR_READ;

	GUEST_ASSERT_EQ(l2_svm->vmcb->control.exit_info_1, write);
	return SVM_EXIT_MSR;
}

static void check_kept(uint32_t msr, uint64_t other)
{
	uint64_t value = rdmsr(msr);

	l2_msr = msr;
	l2_value = value;
	l2_intercept_msr(msr, true, false);
	GUEST_ASSERT_EQ(l2_run(l2_writes), l2_left_by_itself());
	value = rdmsr(msr);
	WRITE_ONCE(l2_saw, UNSEEN);
	GUEST_ASSERT_EQ(l2_run(l2_reads), left_by_msr(false));
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), UNSEEN);

	l2_value = other;
	l2_intercept_msr(msr, false, true);
	GUEST_ASSERT_EQ(l2_run(l2_reads), l2_left_by_itself());
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), value);
	GUEST_ASSERT_EQ(l2_run(l2_writes), left_by_msr(true));
	GUEST_ASSERT_EQ(rdmsr(msr), value);
	l2_intercept_msr(msr, false, false);
}

static void l1_keeps_records(void *data)
{
	unsigned int i;

	begin(data);
	lbr_fill(ALL_BRANCHES);
	for (i = 0; i < lbr.nr; i += lbr.nr - 1) {
		check_kept(lbr.from + i * lbr.stride, 0);
		check_kept(lbr.to + i * lbr.stride, 0);
		if (lbr.info)
			check_kept(lbr.info + i, 0);
	}
	check_kept(lbr.control, lbr.on);
	if (lbr.select)
		check_kept(lbr.select, 1);
	if (lbr.kind == LBR_LEGACY)
		check_kept(MSR_LBR_TOS, 1);
	if (lbr.kind == LBR_ARCH)
		check_kept(MSR_ARCH_LBR_DEPTH, 8);
	GUEST_DONE();
}

/* L2 leaves what records alone. */
static void l2_hops(void)
{
	WRITE_ONCE(l2_saw, rdmsr(lbr.control));
	lbr_pause();
	lbr_hops();
	lbr_pause();
	l2_leave();
}

static void set_control(uint32_t field, uint64_t bit, bool on)
{
	uint64_t controls = vmreadz(field);

	vmwrite(field, on ? controls | bit : controls & ~bit);
}

/*
 * Enter L2 with DEBUGCTL @in_l1 and @in_l2 in vmcs12, which has it loaded at
 * entry or not. VM exits clear it in any case.
 */
static void check_debugctl(bool load, uint64_t in_l1, uint64_t in_l2)
{
	uint64_t expected = load ? in_l2 : in_l1;

	lbr_fill(ALL_BRANCHES);
	set_control(VM_ENTRY_CONTROLS, VM_ENTRY_LOAD_DEBUG_CONTROLS, load);
	vmwrite(GUEST_IA32_DEBUGCTL, in_l2);
	lbr_pause();
	wrmsr(MSR_IA32_DEBUGCTLMSR, in_l1);
	GUEST_ASSERT_EQ(l2_run(l2_hops), l2_left_by_itself());

	GUEST_ASSERT_EQ(rdmsr(MSR_IA32_DEBUGCTLMSR), 0);
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), expected);
	/* KVM does not save there what it has not loaded from there. */
	if (load)
		GUEST_ASSERT_EQ(vmreadz(GUEST_IA32_DEBUGCTL), in_l2);
	if (!expected) {
		GUEST_ASSERT_EQ(lbr_nr_after_hops(), lbr.nr);
		lbr_check_older(ALL_BRANCHES, lbr_nr_after_ring());
	} else {
		/* That L2 went to l2_leave(), at most */
		GUEST_ASSERT(lbr_nr_after_hops() < 4);
		lbr_check_hops(lbr_nr_after_hops());
	}
	/* Nothing but L2's lbr_hops() was recorded. */
	if (load && in_l2 && !in_l1)
		check_hops_and_ring(lbr_nr_after_hops());
	if (!load && !in_l1)
		lbr_check(ALL_BRANCHES);
}

static void l1_sets_debugctl(void *data)
{
	begin(data);
	check_debugctl(true, 0, lbr.on);
	check_debugctl(true, 0, 0);
	check_debugctl(true, lbr.on, 0);
	check_debugctl(true, lbr.on, lbr.on);
	check_debugctl(false, 0, lbr.on);
	check_debugctl(false, lbr.on, 0);
	check_debugctl(false, 0, 0);
	GUEST_DONE();
}

static void l2_starts(void)
{
	wrmsr(lbr.control, lbr.on);
	lbr_hops();
	lbr_pause();
	l2_leave();
}

/* What L2 wrote is in vmcs12 after it, if VM exit is to save it. */
static void check_saved_debugctl(bool save)
{
	lbr_fill(ALL_BRANCHES);
	set_control(VM_EXIT_CONTROLS, VM_EXIT_SAVE_DEBUG_CONTROLS, save);
	vmwrite(GUEST_IA32_DEBUGCTL, 0);
	GUEST_ASSERT_EQ(l2_run(l2_starts), l2_left_by_itself());
	GUEST_ASSERT_EQ(vmreadz(GUEST_IA32_DEBUGCTL), save ? lbr.on : 0);
	GUEST_ASSERT_EQ(rdmsr(MSR_IA32_DEBUGCTLMSR), 0);
	check_hops_and_ring(lbr_nr_after_hops());
}

static void l1_saves_debugctl(void *data)
{
	begin(data);
	check_saved_debugctl(true);
	check_saved_debugctl(false);
	GUEST_DONE();
}

/* Without controls for it, LBR_CTL is the same on either side. */
static void l1_and_l2_have_one_lbr_ctl(void *data)
{
	begin(data);
	GUEST_ASSERT(!(rdmsr(MSR_IA32_VMX_TRUE_ENTRY_CTLS) >> 32 & VM_ENTRY_LOAD_LBR_CTL));
	GUEST_ASSERT(!(rdmsr(MSR_IA32_VMX_TRUE_EXIT_CTLS) >> 32 & VM_EXIT_CLEAR_LBR_CTL));
	GUEST_ASSERT(vmwrite(GUEST_LBR_CTL, lbr.on));

	lbr_fill(ALL_BRANCHES);
	wrmsr(lbr.control, lbr.on);
	GUEST_ASSERT_EQ(l2_run(l2_hops), l2_left_by_itself());
	GUEST_ASSERT_EQ(rdmsr(lbr.control), lbr.on);
	wrmsr(lbr.control, 0);
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), lbr.on);
	lbr_check_hops(lbr_nr_after_hops());

	lbr_fill(ALL_BRANCHES);
	GUEST_ASSERT_EQ(l2_run(l2_starts), l2_left_by_itself());
	GUEST_ASSERT_EQ(rdmsr(lbr.control), lbr.on);
	wrmsr(lbr.control, 0);
	check_hops_and_ring(lbr_nr_after_hops());
	GUEST_DONE();
}

static void l1_enters_with_lbr_ctl(void *data)
{
	begin(data);
	set_control(VM_ENTRY_CONTROLS, VM_ENTRY_LOAD_LBR_CTL, true);
	GUEST_ASSERT(vmlaunch());
	set_control(VM_ENTRY_CONTROLS, VM_ENTRY_LOAD_LBR_CTL, false);
	set_control(VM_EXIT_CONTROLS, VM_EXIT_CLEAR_LBR_CTL, true);
	GUEST_ASSERT(vmlaunch());
	GUEST_DONE();
}

#define EFLAGS_TF	BIT_ULL(8)

static void handle_db(struct ex_regs *regs)
{
	WRITE_ONCE(l2_saw, rdmsr(lbr.control));
	regs->rflags &= ~EFLAGS_TF;
}

static void l2_debug_exception(void)
{
	wrmsr(lbr.control, lbr.on);
	lbr_hops();
	asm volatile("pushf\n\t"
		     "orl $0x100, (%%rsp)\n\t"
		     "popf\n\t"
		     "nop\n\t"
		     : : : "cc", "memory");
	lbr_pause();
	l2_leave();
}

/* It stops recording in L2, and that reaches vmcs12. */
static void l1_of_debug_exception(void *data)
{
	begin(data);
	lbr_fill(ALL_BRANCHES);
	WRITE_ONCE(l2_saw, UNSEEN);
	GUEST_ASSERT_EQ(l2_run(l2_debug_exception), l2_left_by_itself());
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), lbr.on & ~lbr.enable);
	if (lbr.kind == LBR_LEGACY)
		GUEST_ASSERT_EQ(vmreadz(GUEST_IA32_DEBUGCTL), 0);
	else
		GUEST_ASSERT_EQ(rdmsr(lbr.control), lbr.on & ~lbr.enable);
	/* The exception may be recorded, its handler's branches are not. */
	GUEST_ASSERT(lbr_nr_after_hops() <= 1);
	check_hops_and_ring(lbr_nr_after_hops());
	GUEST_DONE();
}

static uint8_t xsave_area[4096] __aligned(64);

static void save_by_xsaves(void)
{
	uint32_t eax = XFEATURE_MASK_LBR, edx = 0;

	asm volatile("xsaves %0" : "+m"(xsave_area) : "a"(eax), "d"(edx));
}

static void load_by_xrstors(void)
{
	uint32_t eax = XFEATURE_MASK_LBR, edx = 0;

	asm volatile("xrstors %0" : : "m"(xsave_area), "a"(eax), "d"(edx));
}

static void l2_restores(void)
{
	load_by_xrstors();
	lbr_check(ALL_BRANCHES);
	lbr_pause();
	lbr_check(ALL_BRANCHES);
	l2_leave();
}

static void l2_saves(void)
{
	save_by_xsaves();
	l2_leave();
}

static void l2_restores_at_once(void)
{
	load_by_xrstors();
	l2_leave();
}

static void begin_xsaves(void *data, uint64_t exiting)
{
	set_cr4(get_cr4() | X86_CR4_OSXSAVE);
	wrmsr(MSR_IA32_XSS, XFEATURE_MASK_LBR);
	begin(data);
	set_control(SECONDARY_VM_EXEC_CONTROL, SECONDARY_ENABLE_XSAVES, true);
	GUEST_ASSERT(!vmwrite(XSS_EXIT_BITMAP, exiting));
}

/* Two ends of KVM_RUN, the later after a long time if the first took one. */
static void be_idle(void)
{
	lbr_pause();
	lbr_pause();
}

/* The records that L2 saves, and those that it restores, are L1's. */
static void l1_gives_xsaves(void *data)
{
	begin_xsaves(data, ~XFEATURE_MASK_LBR);
	lbr_fill(ALL_BRANCHES);
	be_idle();
	GUEST_ASSERT_EQ(l2_run(l2_saves), l2_left_by_itself());
	lbr_check(ALL_BRANCHES);
	lbr_empty();
	be_idle();
	GUEST_ASSERT_EQ(l2_run(l2_restores), l2_left_by_itself());
	lbr_check(ALL_BRANCHES);
	GUEST_DONE();
}

static void l1_keeps_xsaves(void *data)
{
	begin_xsaves(data, XFEATURE_MASK_LBR);
	GUEST_ASSERT_EQ(l2_run(l2_saves), EXIT_REASON_XSAVES);
	lbr_fill(ALL_BRANCHES);
	GUEST_ASSERT_EQ(l2_run(l2_saves), EXIT_REASON_XSAVES);
	GUEST_ASSERT_EQ(l2_run(l2_restores_at_once), EXIT_REASON_XRSTORS);
	lbr_check(ALL_BRANCHES);
	be_idle();
	GUEST_ASSERT_EQ(l2_run(l2_restores_at_once), EXIT_REASON_XRSTORS);
	lbr_check(ALL_BRANCHES);
	/* Of the bits that L2 asks for, none is in IA32_XSS. */
	wrmsr(MSR_IA32_XSS, 0);
	GUEST_ASSERT_EQ(l2_run(l2_saves), l2_left_by_itself());
	GUEST_DONE();
}

/* L2 has a stack of its own in vmcb12. */
static uint64_t l2_stack_saw[2 * LBR_MAX_DEPTH];

static uint64_t *vmcb12_save(unsigned int offset)
{
	return (void *)&l2_svm->vmcb->save + offset;
}

static uint64_t before_l2(unsigned int i)
{
	return 0x100000 + 16 * i;
}

static void l2_has_own_records(void)
{
	unsigned int i;

	WRITE_ONCE(l2_saw, rdmsr(lbr.control));
	lbr_pause();
	lbr_hops();
	lbr_pause();
	wrmsr(lbr.control, 0);
	lbr_check_hops(0);
	for (i = LBR_NR_HOPS; i < lbr.nr; i++) {
		GUEST_ASSERT_EQ(lbr_record(i).from, before_l2(2 * (i - LBR_NR_HOPS)));
		GUEST_ASSERT_EQ(lbr_record(i).to, before_l2(2 * (i - LBR_NR_HOPS) + 1));
	}
	lbr_pause();
	lbr_check_hops(0);
	for (i = 0; i < 2 * lbr.nr; i++)
		l2_stack_saw[i] = rdmsr(lbr.from + i);
	l2_leave();
}

/* The stack and filter of L1 are lost then, but not whether it records. */
static void l1_virtualizes(void *data)
{
	unsigned int i;

	begin(data);
	lbr_fill(ALL_BRANCHES);
	l2_svm->vmcb->control.virt_ext |= LBR_CTL_ENABLE_MASK;
	*vmcb12_save(SAVE_DBG_EXTN) = LBR_AMD_ENABLE;
	*vmcb12_save(SAVE_LBR_SELECT) = 0;
	for (i = 0; i < 2 * lbr.nr; i++)
		vmcb12_save(SAVE_LBR_STACK)[i] = before_l2(i);

	lbr_pause();
	GUEST_ASSERT_EQ(l2_run(l2_has_own_records), l2_left_by_itself());
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), LBR_AMD_ENABLE);
	GUEST_ASSERT_EQ(*vmcb12_save(SAVE_DBG_EXTN), 0);
	GUEST_ASSERT_EQ(rdmsr(lbr.control), 0);
	for (i = 0; i < 2 * lbr.nr; i++)
		GUEST_ASSERT_EQ(vmcb12_save(SAVE_LBR_STACK)[i], l2_stack_saw[i]);

	wrmsr(lbr.control, lbr.on);
	GUEST_ASSERT_EQ(l2_run(l2_hops), l2_left_by_itself());
	GUEST_ASSERT_EQ(rdmsr(lbr.control), lbr.on);
	lbr_hops();
	wrmsr(lbr.control, 0);
	lbr_check_hops(0);
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), 0);
	GUEST_ASSERT_EQ(*vmcb12_save(SAVE_DBG_EXTN), 0);
	for (i = 0; i < 2 * lbr.nr; i++)
		GUEST_ASSERT_EQ(vmcb12_save(SAVE_LBR_STACK)[i], l2_stack_saw[i]);
	GUEST_DONE();
}

/* vmcb12's DebugCtl is L2's with all of the bits that L1's can have. */
static void l2_reads_debugctl(void)
{
	WRITE_ONCE(l2_saw, rdmsr(MSR_IA32_DEBUGCTLMSR));
	l2_leave();
}

static void l1_virtualizes_debugctl(void *data)
{
	uint64_t freeze = DEBUGCTLMSR_FREEZE_LBRS_ON_PMI |
			  DEBUGCTLMSR_FREEZE_PERFMON_ON_PMI;

	begin(data);
	wrmsr(MSR_IA32_DEBUGCTLMSR, freeze);
	GUEST_ASSERT_EQ(rdmsr(MSR_IA32_DEBUGCTLMSR), freeze);
	wrmsr(MSR_IA32_DEBUGCTLMSR, 0);
	l2_svm->vmcb->control.virt_ext |= LBR_CTL_ENABLE_MASK;
	l2_svm->vmcb->save.dbgctl = freeze;
	GUEST_ASSERT_EQ(l2_run(l2_reads_debugctl), l2_left_by_itself());
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), freeze);
	GUEST_ASSERT_EQ(l2_svm->vmcb->save.dbgctl, freeze);
	GUEST_ASSERT_EQ(rdmsr(MSR_IA32_DEBUGCTLMSR), 0);
	GUEST_DONE();
}

FIXTURE(nested_lbr)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
};

FIXTURE_VARIANT(nested_lbr)
{
	pause_fn pause;
};

FIXTURE_VARIANT_ADD(nested_lbr, at_once)
{
	.pause = pause_not,
};

FIXTURE_VARIANT_ADD(nested_lbr, idle)
{
	.pause = pause_long,
};

FIXTURE_VARIANT_ADD(nested_lbr, migrated)
{
	.pause = pause_and_migrate,
};

FIXTURE_VARIANT_ADD(nested_lbr, on_another_cpu)
{
	.pause = pause_and_move,
};

FIXTURE_SETUP(nested_lbr)
{
	if (!can_pause(variant->pause))
		SKIP(return, "One CPU alone");

	self->vm = vm_create_with_one_vcpu(&self->vcpu, NULL);
	vm_install_exception_handler(self->vm, DB_VECTOR, handle_db);
	vcpu_args_set(self->vcpu, 1, vcpu_alloc_l2(self->vm));
}

FIXTURE_TEARDOWN(nested_lbr)
{
	kvm_vm_free(self->vm);
}

static void run_to_end(struct kvm_vm *vm, struct kvm_vcpu *vcpu, pause_fn pause,
		       void *l1)
{
	vcpu_arch_set_entry_point(vcpu, l1);
	vcpu_run_over_pauses(vm, vcpu, pause);
}

static bool has_legacy_lbr(void)
{
	return host_cpu_is_intel && !kvm_cpu_has(X86_FEATURE_LBR_ARCH);
}

TEST_F(nested_lbr, l1_and_l2_have_one_set_of_records)
{
	run_to_end(self->vm, self->vcpu, variant->pause, l1_shares);
}

TEST_F(nested_lbr, l2_may_be_the_first_to_use_them)
{
	run_to_end(self->vm, self->vcpu, variant->pause, l1_comes_second);
}

TEST_F(nested_lbr, vmcs12_says_whether_l2_records)
{
	if (!has_legacy_lbr())
		SKIP(return, "DEBUGCTL does not switch these records");
	run_to_end(self->vm, self->vcpu, variant->pause, l1_sets_debugctl);
}

TEST_F(nested_lbr, vmcs12_has_l2s_debugctl_if_l1_wants_it)
{
	if (!has_legacy_lbr())
		SKIP(return, "DEBUGCTL does not switch these records");
	run_to_end(self->vm, self->vcpu, variant->pause, l1_saves_debugctl);
}

TEST_F(nested_lbr, lbr_ctl_is_not_switched)
{
	if (!kvm_cpu_has(X86_FEATURE_LBR_ARCH))
		SKIP(return, "No architectural LBR");
	run_to_end(self->vm, self->vcpu, variant->pause, l1_and_l2_have_one_lbr_ctl);
}

TEST_F(nested_lbr, a_debug_exception_stops_l2s_recording)
{
	if (host_cpu_is_amd)
		SKIP(return, "LbrExtV2 has no such rule");
	run_to_end(self->vm, self->vcpu, variant->pause, l1_of_debug_exception);
}

TEST_F(nested_lbr, xsaves_that_l1_gives_reach_the_records)
{
	if (!kvm_cpu_has(X86_FEATURE_LBR_ARCH))
		SKIP(return, "No architectural LBR");
	run_to_end(self->vm, self->vcpu, variant->pause, l1_gives_xsaves);
}

TEST_F(nested_lbr, xsaves_that_l1_keeps_exit_to_l1)
{
	if (!kvm_cpu_has(X86_FEATURE_LBR_ARCH))
		SKIP(return, "No architectural LBR");
	run_to_end(self->vm, self->vcpu, variant->pause, l1_keeps_xsaves);
}

TEST_F(nested_lbr, vmcb12_has_l2s_records_if_l1_wants_it)
{
	if (host_cpu_is_intel)
		SKIP(return, "SVM's");
	run_to_end(self->vm, self->vcpu, variant->pause, l1_virtualizes);
}

/* Those with no pause in them */
static void run_alone(void *l1)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	vm = vm_create_with_one_vcpu(&vcpu, l1);
	vcpu_args_set(vcpu, 1, vcpu_alloc_l2(vm));
	vcpu_run_over_pauses(vm, vcpu, pause_not);
	kvm_vm_free(vm);
}

TEST(registers_that_l1_keeps_exit_to_l1)
{
	run_alone(l1_keeps_records);
}

TEST(registers_that_l1_gives_do_not_exit)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	uint64_t exits;

	vm = vm_create_with_one_vcpu(&vcpu, l1_gives_records);
	vcpu_args_set(vcpu, 1, vcpu_alloc_l2(vm));
	vcpu_next_sync(vcpu);
	exits = vcpu_exits_to_next_sync(vcpu);
	TEST_ASSERT(exits < NR_READS / 2, "%lu exits", exits);
	kvm_vm_free(vm);
}

TEST(controls_that_are_not_offered_fail)
{
	if (!kvm_cpu_has(X86_FEATURE_LBR_ARCH))
		SKIP(return, "No architectural LBR");
	run_alone(l1_enters_with_lbr_ctl);
}

TEST(vmcb12_has_all_of_l2s_debugctl)
{
	if (host_cpu_is_intel)
		SKIP(return, "SVM's");
	run_alone(l1_virtualizes_debugctl);
}

int main(int argc, char *argv[])
{
	require_lbr();
	TEST_REQUIRE(kvm_cpu_has(host_cpu_is_intel ? X86_FEATURE_VMX : X86_FEATURE_SVM));

	return test_harness_run(argc, argv);
}
