// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest with a mediated vPMU that is a hypervisor itself: L1 counts its L2 to
 * the instruction, or one of the two alone as either vendor provides for it;
 * PMIs and L2's accesses go where L1 said; and what is intercepted follows
 * whether L1 uses its PMU, wherever the vCPU has been meanwhile.
 */
#include "apic.h"
#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_l2.h"
#include "mediated_pmu.h"
#include "pmu.h"
#include "processor.h"
#include "test_util.h"

#define GUEST_ONLY	BIT_ULL(40)
#define HOST_ONLY	BIT_ULL(41)

#define IDLE_AFTER_US	1200000
#define ACCESSES	100

static uint32_t l2_loops;
static uint64_t l2_saw;

static void spin(uint32_t loops)
{
	asm volatile("1: dec %0\n\t"
		     "jnz 1b\n\t"
		     : "+r"(loops) : : "cc");
}

static void l2_spin(void)
{
	spin(READ_ONCE(l2_loops));
	l2_leave();
}

static void begin(void *data)
{
	x2apic_enable();
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	pmu_find();
	pmu_stop();
	l2_prepare(data);
}

/*
 * Count from here on in L1 and in L2. With a vmcs12 that loads GLOBAL_CTRL,
 * @global_ctrl is what L1 has at first.
 */
static uint64_t count(uint64_t flags, uint64_t global_ctrl, uint32_t loops, uint32_t in_l2)
{
	WRITE_ONCE(l2_loops, in_l2);
	pmu_write_counter(0, 0);
	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, global_ctrl);
	pmu_write_selector(0, COUNT_INSTRUCTIONS | flags);
	spin(loops);
	GUEST_ASSERT_EQ(l2_run(l2_spin), l2_left_by_itself());
	pmu_write_selector(0, 0);
	return pmu_read_counter(0);
}

/* The way there and back is the same each time, but for the first. */
static void check_counts(uint64_t flags, uint64_t global_ctrl, bool l1, bool l2)
{
	uint64_t least;

	count(flags, global_ctrl, 1, 1);
	least = count(flags, global_ctrl, 1, 1);
	GUEST_ASSERT_EQ(count(flags, global_ctrl, 10001, 1),
			least + (l1 ? 10000 * INSNS_PER_LOOP : 0));
	GUEST_ASSERT_EQ(count(flags, global_ctrl, 1, 10001),
			least + (l2 ? 10000 * INSNS_PER_LOOP : 0));
}

static void l1_counts_both(void *data)
{
	begin(data);
	check_counts(0, 1, true, true);
	GUEST_DONE();
}

static void l2_reads_global_ctrl(void)
{
	l2_saw = rdmsr(pmu.global_ctrl);
	l2_leave();
}

/* Have vmcs12 load @in_l2 at entry and @in_l1 at exit. */
static void check_vmcs12_loads(void *data, uint64_t in_l1, uint64_t in_l2)
{
	begin(data);
	vmwrite(VM_ENTRY_CONTROLS, vmreadz(VM_ENTRY_CONTROLS) |
				   VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL);
	vmwrite(VM_EXIT_CONTROLS, vmreadz(VM_EXIT_CONTROLS) |
				  VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL);
	vmwrite(GUEST_IA32_PERF_GLOBAL_CTRL, in_l2);
	vmwrite(HOST_IA32_PERF_GLOBAL_CTRL, in_l1);

	check_counts(0, in_l1, in_l1, in_l2);
	GUEST_ASSERT_EQ(l2_run(l2_reads_global_ctrl), EXIT_REASON_VMCALL);
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), in_l2);
	GUEST_ASSERT_EQ(rdmsr(pmu.global_ctrl), in_l1);
	GUEST_DONE();
}

static void l1_loads_for_l2_alone(void *data)
{
	check_vmcs12_loads(data, 0, 1);
}

static void l1_loads_for_itself_alone(void *data)
{
	check_vmcs12_loads(data, 1, 0);
}

static void l1_counts_by_mode(void *data)
{
	begin(data);
	check_counts(GUEST_ONLY, 1, false, true);
	check_counts(HOST_ONLY, 1, true, false);
	check_counts(GUEST_ONLY | HOST_ONLY, 1, true, true);
	check_counts(0, 1, true, true);
	GUEST_DONE();
}

static uint64_t overflow_in_l2(void)
{
	WRITE_ONCE(l2_loops, 100000);
	pmu_write_counter(0, -10000 & COUNTER_MASK);
	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, 1);
	pmu_write_selector(0, COUNT_INSTRUCTIONS | ARCH_PERFMON_EVENTSEL_INT);
	return l2_run(l2_spin);
}

static void check_overflowed(void)
{
	pmu_write_selector(0, 0);
	GUEST_ASSERT(pmu_read_counter(0) < BIT_ULL(40));
	if (pmu.global_ctrl)
		GUEST_ASSERT_EQ(rdmsr(pmu.global_status), 1);
}

/* VMX takes the NMI with the exit, SVM leaves it to L1 to take it. */
static void l1_takes_pmi(void *data)
{
	begin(data);
	if (host_cpu_is_intel) {
		vmwrite(PIN_BASED_VM_EXEC_CONTROL,
			vmreadz(PIN_BASED_VM_EXEC_CONTROL) | PIN_BASED_NMI_EXITING);
		GUEST_ASSERT_EQ(overflow_in_l2(), EXIT_REASON_EXCEPTION_NMI);
		GUEST_ASSERT_EQ(vmreadz(VM_EXIT_INTR_INFO) & 0xff, NMI_VECTOR);
		GUEST_ASSERT_EQ(READ_ONCE(pmu_nr_nmis), 0);
	} else {
		l2_svm->vmcb->control.intercept |= BIT_ULL(INTERCEPT_NMI);
		GUEST_ASSERT_EQ(overflow_in_l2(), SVM_EXIT_NMI);
		GUEST_ASSERT_EQ(READ_ONCE(pmu_nr_nmis), 1);
	}
	check_overflowed();
	GUEST_DONE();
}

static void l2_takes_pmi(void *data)
{
	begin(data);
	GUEST_ASSERT_EQ(overflow_in_l2(), l2_left_by_itself());
	GUEST_ASSERT_EQ(READ_ONCE(pmu_nr_nmis), 1);
	check_overflowed();
	GUEST_DONE();
}

static void l2_rdpmc(void)
{
	uint64_t value;

	GUEST_ASSERT_EQ(rdpmc_safe(1, &value), 0);
	WRITE_ONCE(l2_saw, value);
	l2_leave();
}

static void intercept_rdpmc(void)
{
	if (host_cpu_is_intel)
		vmwrite(CPU_BASED_VM_EXEC_CONTROL,
			vmreadz(CPU_BASED_VM_EXEC_CONTROL) | CPU_BASED_RDPMC_EXITING);
	else
		l2_svm->vmcb->control.intercept |= BIT_ULL(INTERCEPT_RDPMC);
}

/* Counter 1 stands still, counter 0 has the PMU in use. */
static void use_pmu(void)
{
	pmu_write_selector(0, COUNT_INSTRUCTIONS);
	pmu_write_counter(1, 0x12345);
	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, 1);
}

static void l1_gives_rdpmc(void *data)
{
	begin(data);
	use_pmu();
	GUEST_ASSERT_EQ(l2_run(l2_rdpmc), l2_left_by_itself());
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), 0x12345);
	GUEST_DONE();
}

static void l1_keeps_rdpmc(void *data)
{
	begin(data);
	use_pmu();
	intercept_rdpmc();
	GUEST_ASSERT_EQ(l2_run(l2_rdpmc),
			host_cpu_is_intel ? EXIT_REASON_RDPMC : SVM_EXIT_RDPMC);
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), 0);
	GUEST_DONE();
}

static uint32_t counter_1(void)
{
	return pmu.counter + pmu.stride;
}

static void l2_reads_counter(void)
{
	unsigned int i;

	GUEST_SYNC(0);
	for (i = 0; i < ACCESSES; i++)
		WRITE_ONCE(l2_saw, rdmsr(counter_1()));
	GUEST_SYNC(0);
	l2_leave();
}

static void l1_gives_counter(void *data)
{
	begin(data);
	use_pmu();
	GUEST_ASSERT_EQ(l2_run(l2_reads_counter), l2_left_by_itself());
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), 0x12345);
	GUEST_DONE();
}

static void l2_reads_counter_once(void)
{
	WRITE_ONCE(l2_saw, rdmsr(counter_1()));
	l2_leave();
}

static void l1_keeps_counter(void *data)
{
	begin(data);
	use_pmu();
	l2_intercept_msr(counter_1(), true, false);
	GUEST_ASSERT_EQ(l2_run(l2_reads_counter_once),
			host_cpu_is_intel ? EXIT_REASON_MSR_READ : SVM_EXIT_MSR);
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), 0);
	GUEST_DONE();
}

/* User space waits at each sync, the second of which is another end of KVM_RUN. */
static void be_idle(void)
{
	GUEST_SYNC(0);
	GUEST_SYNC(0);
}

static uint64_t count_in_l2(uint32_t loops)
{
	pmu_write_counter(0, 0);
	pmu_write_selector(0, COUNT_INSTRUCTIONS);
	spin(loops);
	pmu_write_selector(0, 0);
	return rdmsr(pmu.counter);
}

/* Idle for long, and then in use as if nothing had been. */
static void l2_pauses(void)
{
	uint64_t least;

	be_idle();
	least = count_in_l2(1);
	GUEST_ASSERT_EQ(count_in_l2(10001), least + 10000 * INSNS_PER_LOOP);
	wrmsr(counter_1(), 0x54321);
	GUEST_ASSERT_EQ(rdmsr(counter_1()), 0x54321);
	l2_leave();
}

/*
 * The CPU's counter is the guest's no more when L1 has been idle, neither
 * L1's nor L2's.
 */
static void l1_and_l2_pause(void *data)
{
	uint64_t value;

	begin(data);
	use_pmu();
	GUEST_ASSERT_EQ(l2_run(l2_rdpmc), l2_left_by_itself());
	pmu_write_selector(0, 0);
	GUEST_ASSERT_EQ(l2_run(l2_pauses), l2_left_by_itself());
	GUEST_ASSERT_EQ(rdmsr(counter_1()), 0x54321);

	be_idle();
	wrmsr(counter_1(), 0x6789a);
	GUEST_ASSERT_EQ(l2_run(l2_reads_counter), l2_left_by_itself());
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), 0x6789a);
	GUEST_ASSERT_EQ(l2_run(l2_rdpmc), l2_left_by_itself());
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), 0x6789a);
	GUEST_ASSERT_EQ(rdpmc_safe(1, &value), 0);
	GUEST_ASSERT_EQ(value, 0x6789a);
	GUEST_DONE();
}

FIXTURE(nested) {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
};

FIXTURE_SETUP(nested)
{
	self->vm = vm_create_with_one_vcpu(&self->vcpu, NULL);
	vm_install_exception_handler(self->vm, NMI_VECTOR, pmu_nmi_handler);
	vcpu_args_set(self->vcpu, 1, vcpu_alloc_l2(self->vm));
}

FIXTURE_TEARDOWN(nested)
{
	kvm_vm_free(self->vm);
}

static void run_to_end(struct kvm_vcpu *vcpu, void *l1)
{
	uint64_t value;

	vcpu_arch_set_entry_point(vcpu, l1);
	TEST_ASSERT(!vcpu_run_to_sync(vcpu, &value), "The guest goes on");
}

TEST_F(nested, l1_counts_l2_to_the_instruction)
{
	run_to_end(self->vcpu, l1_counts_both);
}

TEST_F(nested, vmcs12_loads_global_ctrl_for_l2_alone)
{
	if (!host_cpu_is_intel)
		SKIP(return, "VMX's");
	run_to_end(self->vcpu, l1_loads_for_l2_alone);
}

TEST_F(nested, vmcs12_loads_global_ctrl_for_l1_alone)
{
	if (!host_cpu_is_intel)
		SKIP(return, "VMX's");
	run_to_end(self->vcpu, l1_loads_for_itself_alone);
}

TEST_F(nested, guest_only_and_host_only_are_l1s)
{
	if (host_cpu_is_intel)
		SKIP(return, "SVM's");
	run_to_end(self->vcpu, l1_counts_by_mode);
}

TEST_F(nested, pmi_in_l2_exits_to_l1_that_wants_it)
{
	run_to_end(self->vcpu, l1_takes_pmi);
}

TEST_F(nested, pmi_in_l2_is_l2s_if_l1_lets_it)
{
	run_to_end(self->vcpu, l2_takes_pmi);
}

TEST_F(nested, rdpmc_that_l1_gives_l2_reads_l1s_counter)
{
	run_to_end(self->vcpu, l1_gives_rdpmc);
}

TEST_F(nested, rdpmc_that_l1_keeps_exits_to_l1)
{
	run_to_end(self->vcpu, l1_keeps_rdpmc);
}

TEST_F(nested, counter_that_l1_gives_l2_does_not_exit_at_all)
{
	uint64_t value, exits;

	vcpu_arch_set_entry_point(self->vcpu, l1_gives_counter);
	vcpu_next_sync(self->vcpu);
	exits = vcpu_exits_to_next_sync(self->vcpu);
	TEST_ASSERT(exits < ACCESSES / 2, "%lu exits for %u accesses", exits, ACCESSES);
	TEST_ASSERT(!vcpu_run_to_sync(self->vcpu, &value), "The guest goes on");
}

TEST_F(nested, counter_that_l1_keeps_exits_to_l1)
{
	run_to_end(self->vcpu, l1_keeps_counter);
}

static void wait_idle(struct kvm_vcpu *vcpu)
{
	vcpu_next_sync(vcpu);
	usleep(IDLE_AFTER_US);
	vcpu_next_sync(vcpu);
}

TEST_F(nested, pause_in_l2_and_in_l1_lasts_and_ends)
{
	uint64_t value, exits;

	vcpu_arch_set_entry_point(self->vcpu, l1_and_l2_pause);
	wait_idle(self->vcpu);
	wait_idle(self->vcpu);

	vcpu_next_sync(self->vcpu);
	exits = vcpu_exits_to_next_sync(self->vcpu);
	TEST_ASSERT(exits >= ACCESSES, "%lu exits for %u accesses", exits, ACCESSES);
	TEST_ASSERT(!vcpu_run_to_sync(self->vcpu, &value), "The guest goes on");
}

int main(int argc, char *argv[])
{
	require_mediated_pmu();
	TEST_REQUIRE(kvm_cpu_has(host_cpu_is_intel ? X86_FEATURE_VMX : X86_FEATURE_SVM));

	return test_harness_run(argc, argv);
}
