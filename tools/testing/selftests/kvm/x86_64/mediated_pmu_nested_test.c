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
#include "mediated_pmu.h"
#include "pmu.h"
#include "processor.h"
#include "svm_util.h"
#include "test_util.h"
#include "vmx.h"

#define GUEST_ONLY	BIT_ULL(40)
#define HOST_ONLY	BIT_ULL(41)

#define IDLE_AFTER_US	1200000
#define ACCESSES	100

#define L2_STACK_SIZE	8192

static uint8_t l2_stack[L2_STACK_SIZE] __aligned(16);
static uint32_t l2_loops;
static uint64_t l2_saw;

/* L1's hold on its L2. */
static struct vmx_pages *vmx;
static struct svm_test_data *svm;
static bool launched;

/* SVM's map of MSRs, two pages, the library has but one. */
static uint8_t *msrpm;
static uint64_t msrpm_gpa;

static void spin(uint32_t loops)
{
	asm volatile("1: dec %0\n\t"
		     "jnz 1b\n\t"
		     : "+r"(loops) : : "cc");
}

/* CPUID would exit to L1. */
static void leave_l2(void)
{
	if (host_cpu_is_intel)
		vmcall();
	else
		vmmcall();
}

static void l2_spin(void)
{
	spin(READ_ONCE(l2_loops));
	leave_l2();
}

static void prepare_l2(void *data)
{
	if (host_cpu_is_intel) {
		vmx = data;
		GUEST_ASSERT(prepare_for_vmx_operation(vmx));
		GUEST_ASSERT(load_vmcs(vmx));
		prepare_vmcs(vmx, NULL, NULL);
		vmwrite(CPU_BASED_VM_EXEC_CONTROL,
			vmreadz(CPU_BASED_VM_EXEC_CONTROL) | CPU_BASED_USE_MSR_BITMAPS);
	} else {
		svm = data;
		generic_svm_setup(svm, NULL, NULL);
		svm->vmcb->control.msrpm_base_pa = msrpm_gpa;
		svm->vmcb->control.intercept |= BIT_ULL(INTERCEPT_MSR_PROT);
	}
}

/* Each time from the first instruction on, and tell how L2 was left. */
static uint64_t run_l2(void (*code)(void))
{
	uint64_t rsp = (uint64_t)l2_stack + L2_STACK_SIZE - 8;

	if (!host_cpu_is_intel) {
		svm->vmcb->save.rip = (uint64_t)code;
		svm->vmcb->save.rsp = rsp;
		run_guest(svm->vmcb, svm->vmcb_gpa);
		stgi();
		return svm->vmcb->control.exit_code;
	}

	vmwrite(GUEST_RIP, (uint64_t)code);
	vmwrite(GUEST_RSP, rsp);
	GUEST_ASSERT(!(launched ? vmresume() : vmlaunch()));
	launched = true;
	return vmreadz(VM_EXIT_REASON);
}

static uint64_t left_by_hypercall(void)
{
	return host_cpu_is_intel ? EXIT_REASON_VMCALL : SVM_EXIT_VMMCALL;
}

static void begin(void *data)
{
	x2apic_enable();
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	pmu_find();
	pmu_stop();
	prepare_l2(data);
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
	GUEST_ASSERT_EQ(run_l2(l2_spin), left_by_hypercall());
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
	leave_l2();
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
	GUEST_ASSERT_EQ(run_l2(l2_reads_global_ctrl), EXIT_REASON_VMCALL);
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
	return run_l2(l2_spin);
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
		svm->vmcb->control.intercept |= BIT_ULL(INTERCEPT_NMI);
		GUEST_ASSERT_EQ(overflow_in_l2(), SVM_EXIT_NMI);
		GUEST_ASSERT_EQ(READ_ONCE(pmu_nr_nmis), 1);
	}
	check_overflowed();
	GUEST_DONE();
}

static void l2_takes_pmi(void *data)
{
	begin(data);
	GUEST_ASSERT_EQ(overflow_in_l2(), left_by_hypercall());
	GUEST_ASSERT_EQ(READ_ONCE(pmu_nr_nmis), 1);
	check_overflowed();
	GUEST_DONE();
}

static void l2_rdpmc(void)
{
	uint64_t value;

	GUEST_ASSERT_EQ(rdpmc_safe(1, &value), 0);
	WRITE_ONCE(l2_saw, value);
	leave_l2();
}

static void intercept_rdpmc(void)
{
	if (host_cpu_is_intel)
		vmwrite(CPU_BASED_VM_EXEC_CONTROL,
			vmreadz(CPU_BASED_VM_EXEC_CONTROL) | CPU_BASED_RDPMC_EXITING);
	else
		svm->vmcb->control.intercept |= BIT_ULL(INTERCEPT_RDPMC);
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
	GUEST_ASSERT_EQ(run_l2(l2_rdpmc), left_by_hypercall());
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), 0x12345);
	GUEST_DONE();
}

static void l1_keeps_rdpmc(void *data)
{
	begin(data);
	use_pmu();
	intercept_rdpmc();
	GUEST_ASSERT_EQ(run_l2(l2_rdpmc),
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
	leave_l2();
}

/*
 * Bits for reading: VMX has one each from the start of the page on, SVM two
 * each, for 0xc0010000 and what follows from the second page on.
 */
static void intercept_counter(void)
{
	uint32_t bit = counter_1();

	if (host_cpu_is_intel) {
		((uint8_t *)vmx->msr)[bit / 8] |= BIT(bit % 8);
		return;
	}

	bit = (bit - 0xc0010000) * 2;
	msrpm[0x1000 + bit / 8] |= BIT(bit % 8);
}

static void l1_gives_counter(void *data)
{
	begin(data);
	use_pmu();
	GUEST_ASSERT_EQ(run_l2(l2_reads_counter), left_by_hypercall());
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), 0x12345);
	GUEST_DONE();
}

static void l2_reads_counter_once(void)
{
	WRITE_ONCE(l2_saw, rdmsr(counter_1()));
	leave_l2();
}

static void l1_keeps_counter(void *data)
{
	begin(data);
	use_pmu();
	intercept_counter();
	GUEST_ASSERT_EQ(run_l2(l2_reads_counter_once),
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
	leave_l2();
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
	GUEST_ASSERT_EQ(run_l2(l2_rdpmc), left_by_hypercall());
	pmu_write_selector(0, 0);
	GUEST_ASSERT_EQ(run_l2(l2_pauses), left_by_hypercall());
	GUEST_ASSERT_EQ(rdmsr(counter_1()), 0x54321);

	be_idle();
	wrmsr(counter_1(), 0x6789a);
	GUEST_ASSERT_EQ(run_l2(l2_reads_counter), left_by_hypercall());
	GUEST_ASSERT_EQ(READ_ONCE(l2_saw), 0x6789a);
	GUEST_ASSERT_EQ(run_l2(l2_rdpmc), left_by_hypercall());
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
	vm_vaddr_t data, map;

	self->vm = vm_create_with_one_vcpu(&self->vcpu, NULL);
	vm_install_exception_handler(self->vm, NMI_VECTOR, pmu_nmi_handler);
	if (host_cpu_is_intel) {
		vcpu_alloc_vmx(self->vm, &data);
	} else {
		vcpu_alloc_svm(self->vm, &data);
		map = vm_vaddr_alloc(self->vm, 2 * getpagesize(), KVM_UTIL_MIN_VADDR);
		memset(addr_gva2hva(self->vm, map), 0, 2 * getpagesize());
		msrpm = (uint8_t *)map;
		msrpm_gpa = addr_gva2gpa(self->vm, map);
		sync_global_to_guest(self->vm, msrpm);
		sync_global_to_guest(self->vm, msrpm_gpa);
	}
	vcpu_args_set(self->vcpu, 1, data);
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

static uint64_t exits_to_next_sync(struct kvm_vcpu *vcpu)
{
	uint64_t before = vcpu_get_exits(vcpu);

	vcpu_next_sync(vcpu);
	return vcpu_get_exits(vcpu) - before;
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
	exits = exits_to_next_sync(self->vcpu);
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
	exits = exits_to_next_sync(self->vcpu);
	TEST_ASSERT(exits >= ACCESSES, "%lu exits for %u accesses", exits, ACCESSES);
	TEST_ASSERT(!vcpu_run_to_sync(self->vcpu, &value), "The guest goes on");
}

int main(int argc, char *argv[])
{
	require_mediated_pmu();
	TEST_REQUIRE(kvm_cpu_has(host_cpu_is_intel ? X86_FEATURE_VMX : X86_FEATURE_SVM));

	return test_harness_run(argc, argv);
}
