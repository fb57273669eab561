// SPDX-License-Identifier: GPL-2.0-only
/*
 * Branch records of a guest with a mediated vPMU: those of a ring of known
 * branches are what the CPU took, entry by entry, whatever comes between, and
 * neither the host nor another guest finds them among its own.
 */
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/perf_event.h>

#include "apic.h"
#include "host_events.h"
#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_lbr.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

#define STATUS_LBR_FROZEN	BIT_ULL(58)

#define XSS_LBR			BIT_ULL(15)

/* Each phase ends with an exit to user space, which does what it likes. */
static void guest_phases(void)
{
	lbr_find();
	lbr_check_none();
	for (;;) {
		lbr_fill(ALL_BRANCHES);
		lbr_check(ALL_BRANCHES);
		GUEST_SYNC(0);
		lbr_check(ALL_BRANCHES);
		lbr_fill(CALLS);
		GUEST_SYNC(1);
		lbr_check(CALLS);
		lbr_fill(USER_BRANCHES);
		lbr_check_none();
		GUEST_SYNC(2);
		lbr_check_none();
	}
}

/* With a counter that counts, as profilers have it. */
static void guest_phases_counting(void)
{
	struct pmu_switch sw;

	pmu_find();
	pmu_stop();
	sw = pmu_arm(1, ARCH_PERFMON_EVENTSEL_OS);
	wrmsr(sw.msr, sw.on);
	guest_phases();
}

/* Recording goes on over the exit to user space, which takes no branch. */
static void guest_recording(void)
{
	lbr_find();
	for (;;) {
		lbr_begin();
		lbr_pause();
		wrmsr(lbr.control, 0);
		/* That lbr_run_ring() returned */
		GUEST_ASSERT_EQ(lbr_nr_after_ring(), 1);
		lbr_check_older(ALL_BRANCHES, 1);
		GUEST_SYNC(0);
	}
}

/* The ring's branches of a guest that leaves LBR alone */
static void guest_not_recording(void)
{
	unsigned int i;

	lbr_find();
	for (i = 0;; i = (i + 1) % 3) {
		lbr_run_ring(0, 0, LBR_ROUNDS);
		GUEST_SYNC(i);
	}
}

#define NR_READS	100

static void guest_reads(void)
{
	int i;

	lbr_find();
	lbr_fill(ALL_BRANCHES);
	GUEST_SYNC(0);
	lbr_record(0);
	GUEST_SYNC(1);
	for (i = 0; i < NR_READS; i++)
		lbr_record(i % lbr.nr);
	GUEST_SYNC(2);
	GUEST_DONE();
}

FIXTURE(lbr)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
};

FIXTURE_VARIANT(lbr)
{
	void (*program)(void);
};

FIXTURE_VARIANT_ADD(lbr, alone)
{
	.program = guest_phases,
};

FIXTURE_VARIANT_ADD(lbr, beside_a_counter)
{
	.program = guest_phases_counting,
};

FIXTURE_SETUP(lbr)
{
	self->vm = vm_create_with_one_vcpu(&self->vcpu, variant->program);
}

FIXTURE_TEARDOWN(lbr)
{
	kvm_vm_free(self->vm);
}

#define PHASES	6

TEST_F(lbr, records_are_the_branches_taken)
{
	int i;

	for (i = 0; i < PHASES; i++)
		TEST_ASSERT_EQ(vcpu_next_sync(self->vcpu), i % 3);
}

/* Longer than a guest's PMU is idle before its registers exit again. */
TEST_F(lbr, records_stay_while_the_guest_sleeps)
{
	int i;

	for (i = 0; i < PHASES; i++) {
		TEST_ASSERT_EQ(vcpu_next_sync(self->vcpu), i % 3);
		usleep(1200000);
	}
}

TEST_F(lbr, records_are_not_another_guest_s)
{
	struct kvm_vcpu *other;
	struct kvm_vm *vm;
	int i;

	vm = vm_create_with_one_vcpu(&other, variant->program);
	for (i = 0; i < PHASES; i++) {
		TEST_ASSERT_EQ(vcpu_next_sync(self->vcpu), i % 3);
		if (i % 2)
			TEST_ASSERT_EQ(vcpu_next_sync(other), i / 2);
	}
	kvm_vm_free(vm);
}

TEST_F(lbr, records_migrate)
{
	int i;

	for (i = 0; i < PHASES; i++) {
		TEST_ASSERT_EQ(vcpu_next_sync(self->vcpu), i % 3);
		self->vcpu = vcpu_save_and_restore(self->vm, self->vcpu);
	}
}

/* Once the guest has reached for one record, it reads the others by itself. */
TEST(reading_records_does_not_exit)
{
	struct kvm_vcpu *vcpu;
	uint64_t exits;
	struct kvm_vm *vm;

	vm = vm_create_with_one_vcpu(&vcpu, guest_reads);
	vcpu_next_sync(vcpu);
	vcpu_next_sync(vcpu);
	exits = vcpu_exits_to_next_sync(vcpu);
	TEST_ASSERT(exits < NR_READS / 2, "%lu exits", exits);
	kvm_vm_free(vm);
}

TEST(recording_goes_on_over_exits)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	int i;

	vm = vm_create_with_one_vcpu(&vcpu, guest_recording);
	for (i = 0; i < 3; i++) {
		vcpu_run_to_pause(vcpu);
		vcpu_next_sync(vcpu);
	}
	kvm_vm_free(vm);
}

/* Frozen by the overflow of a counter in the middle of the ring. */
static uint64_t frozen_at;

static void handle_frozen(struct ex_regs *regs)
{
	frozen_at = regs->rip;
	wrmsr(lbr.control, 0);
	pmu_nmi_handler(regs);
}

static void guest_freezes(void)
{
	uint64_t freeze = DEBUGCTLMSR_FREEZE_LBRS_ON_PMI;
	struct pmu_switch sw;
	unsigned int n, i;
	struct lbr_edge edge;

	x2apic_enable();
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	pmu_find();
	pmu_stop();
	lbr_find();
	lbr_empty();
	lbr_set_filter(ALL_BRANCHES);

	/* About the middle, and at the instruction that KVM retires, too. */
	for (n = 140; n < 160; n++) {
		pmu_write(0, -(uint64_t)n & COUNTER_MASK);
		sw = pmu_arm(1, ARCH_PERFMON_EVENTSEL_OS | ARCH_PERFMON_EVENTSEL_INT);
		if (lbr.kind != LBR_LEGACY)
			wrmsr(MSR_IA32_DEBUGCTLMSR, freeze);
		else
			lbr.on = DEBUGCTLMSR_LBR | freeze;
		pmu_nr_nmis = 0;
		wrmsr(sw.msr, sw.on);
		lbr_run_ring(lbr.on, 0, LBR_ROUNDS);
		wrmsr(sw.msr, 0);
		GUEST_ASSERT_EQ(pmu_nr_nmis, 1);

		/* No record is of the interrupt, or of what came after. */
		for (i = 0; i < lbr.nr; i++) {
			edge = lbr_record(i);
			__GUEST_ASSERT(lbr_is_of_ring(edge.from, edge.to),
				       "Record %u is %lx to %lx, frozen at %lx",
				       i, edge.from, edge.to, frozen_at);
		}
		if (pmu.global_ctrl)
			wrmsr(pmu.global_clear, pmu_all_counters() |
			      (pmu.global_set ? STATUS_LBR_FROZEN : 0));
	}
	GUEST_DONE();
}

TEST(records_freeze_when_a_counter_overflows)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	uint64_t value;

	vm = vm_create_with_one_vcpu(&vcpu, guest_freezes);
	vm_install_exception_handler(vm, NMI_VECTOR, handle_frozen);
	TEST_ASSERT(!vcpu_run_to_sync(vcpu, &value), "The guest was not done");
	kvm_vm_free(vm);
}

/* A debug exception stops recording for its handler; the records stay. */
#define EFLAGS_TF	BIT_ULL(8)

static bool recorded_in_handler;

static void handle_db(struct ex_regs *regs)
{
	recorded_in_handler = rdmsr(lbr.control) & lbr.enable;
	regs->rflags &= ~EFLAGS_TF;
}

static void guest_debug_exception(void)
{
	lbr_find();
	lbr_empty();
	lbr_run_ring(lbr.on, lbr.on, LBR_ROUNDS);
	recorded_in_handler = true;
	asm volatile("pushf\n\t"
		     "orl $0x100, (%%rsp)\n\t"
		     "popf\n\t"
		     "nop\n\t"
		     : : : "cc", "memory");
	GUEST_ASSERT(!recorded_in_handler);
	wrmsr(lbr.control, 0);
	/* That lbr_run_ring() returned, and the exception */
	GUEST_ASSERT(lbr_nr_after_ring() <= 2);
	lbr_check_older(ALL_BRANCHES, lbr_nr_after_ring());
	GUEST_DONE();
}

TEST(a_debug_exception_stops_recording)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	uint64_t value;

	if (host_cpu_is_amd)
		SKIP(return, "LbrExtV2 has no such rule");

	vm = vm_create_with_one_vcpu(&vcpu, guest_debug_exception);
	vm_install_exception_handler(vm, DB_VECTOR, handle_db);
	TEST_ASSERT(!vcpu_run_to_sync(vcpu, &value), "The guest was not done");
	kvm_vm_free(vm);
}

/* Registers and values that there are not. */
static uint32_t bad_msr;
static uint64_t bad_value;

static void guest_bad_input(void)
{
	for (;;) {
		GUEST_SYNC(wrmsr_safe(bad_msr, bad_value));
		GUEST_SYNC(rdmsr_safe(bad_msr, &bad_value));
	}
}

static void expect_gp(struct kvm_vm *vm, struct kvm_vcpu *vcpu, uint32_t msr,
		      uint64_t value, bool absent)
{
	uint64_t vector;

	bad_msr = msr;
	bad_value = value;
	sync_global_to_guest(vm, bad_msr);
	sync_global_to_guest(vm, bad_value);
	vector = vcpu_next_sync(vcpu);
	TEST_ASSERT(vector == GP_VECTOR, "WRMSR %x, %lx: vector %lu", msr, value, vector);
	vector = vcpu_next_sync(vcpu);
	TEST_ASSERT(absent == (vector == GP_VECTOR), "RDMSR %x: vector %lu", msr, vector);
	if (!absent)
		TEST_ASSERT(!_vcpu_set_msr(vcpu, msr, value), "KVM_SET_MSRS %x, %lx",
			    msr, value);
}

TEST(bad_input_is_an_error)
{
	uint64_t format = kvm_get_feature_msr(MSR_IA32_PERF_CAPABILITIES) & LBR_FMT;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (host_cpu_is_amd)
		SKIP(return, "AMD's registers ignore reserved bits");

	vm = vm_create_with_one_vcpu(&vcpu, guest_bad_input);
	if (kvm_cpu_has(X86_FEATURE_LBR_ARCH)) {
		expect_gp(vm, vcpu, MSR_ARCH_LBR_CTL, BIT_ULL(4), false);
		expect_gp(vm, vcpu, MSR_ARCH_LBR_CTL, BIT_ULL(63), false);
		expect_gp(vm, vcpu, MSR_ARCH_LBR_DEPTH, 0, false);
		expect_gp(vm, vcpu, MSR_ARCH_LBR_DEPTH, 40, false);
		expect_gp(vm, vcpu, MSR_ARCH_LBR_FROM + LBR_MAX_DEPTH, 0, true);
		expect_gp(vm, vcpu, MSR_LEGACY_LBR_FROM, 0, true);
		expect_gp(vm, vcpu, MSR_LBR_SELECT, 0, true);
	} else {
		expect_gp(vm, vcpu, MSR_LBR_SELECT, BIT_ULL(10), false);
		expect_gp(vm, vcpu, MSR_LBR_TOS, 32, false);
		expect_gp(vm, vcpu, MSR_LEGACY_LBR_TO, BIT_ULL(63), false);
		expect_gp(vm, vcpu, MSR_LEGACY_LBR_FROM + 32, 0, true);
		expect_gp(vm, vcpu, MSR_ARCH_LBR_CTL, 0, true);
		if (format == LBR_FORMAT_FLAGS_IN_FROM)
			expect_gp(vm, vcpu, MSR_LEGACY_LBR_INFO, 0, true);
	}
	kvm_vm_free(vm);
}

/* What is not the CPU's LBR is refused, and a guest without has none. */
TEST(a_guest_without_lbr_has_none)
{
	struct kvm_vcpu *vcpu;
	uint64_t capabilities;
	struct kvm_vm *vm;

	if (host_cpu_is_amd)
		SKIP(return, "CPUID alone says so there");

	vm = vm_create_with_one_vcpu(&vcpu, guest_bad_input);
	capabilities = vcpu_get_msr(vcpu, MSR_IA32_PERF_CAPABILITIES);
	TEST_ASSERT(capabilities & LBR_FMT, "No LBR to leave out");
	TEST_ASSERT(!_vcpu_set_msr(vcpu, MSR_IA32_PERF_CAPABILITIES,
				   (capabilities & ~LBR_FMT) |
				   ((capabilities & LBR_FMT) ^ 1)),
		    "Another format was taken");
	vcpu_set_msr(vcpu, MSR_IA32_PERF_CAPABILITIES, capabilities & ~LBR_FMT);
	if (kvm_cpu_has(X86_FEATURE_LBR_ARCH)) {
		vcpu_clear_cpuid_feature(vcpu, X86_FEATURE_LBR_ARCH);
		expect_gp(vm, vcpu, MSR_ARCH_LBR_CTL, 0, true);
		expect_gp(vm, vcpu, MSR_ARCH_LBR_FROM, 0, true);
	} else {
		expect_gp(vm, vcpu, MSR_LBR_SELECT, 0, true);
		expect_gp(vm, vcpu, MSR_LEGACY_LBR_FROM, 0, true);
	}
	kvm_vm_free(vm);
}

TEST(another_leaf_1ch_is_refused)
{
	struct kvm_cpuid_entry2 *leaf;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (!kvm_cpu_has(X86_FEATURE_LBR_ARCH))
		SKIP(return, "No architectural LBR");

	vm = vm_create_with_one_vcpu(&vcpu, guest_bad_input);
	leaf = vcpu_get_cpuid_entry(vcpu, 0x1c);
	leaf->ebx ^= 1;
	TEST_ASSERT(__vcpu_set_cpuid(vcpu), "Another EBX was taken");
	leaf->ebx ^= 1;
	leaf->eax ^= 1;
	TEST_ASSERT(__vcpu_set_cpuid(vcpu), "Another EAX was taken");
	leaf->eax ^= 1;
	TEST_ASSERT(!__vcpu_set_cpuid(vcpu), "The CPU's own was not");
	kvm_vm_free(vm);
}

/* Architectural LBR: another depth, and records that XSAVES has seen. */
static void guest_depth(void)
{
	unsigned int depth;

	lbr_find();
	for (depth = 8; depth <= LBR_MAX_DEPTH; depth += 8) {
		if (!(this_cpu_property(X86_PROPERTY_LBR_DEPTHS) & BIT(depth / 8 - 1)))
			continue;
		lbr_fill(ALL_BRANCHES);
		lbr.nr = depth;
		lbr_empty();
		GUEST_ASSERT_EQ(rdmsr(MSR_ARCH_LBR_DEPTH), depth);
		lbr_check_none();
		lbr_fill(ALL_BRANCHES);
		lbr_check(ALL_BRANCHES);
		GUEST_SYNC(depth);
		GUEST_ASSERT_EQ(rdmsr(MSR_ARCH_LBR_DEPTH), depth);
		lbr_check(ALL_BRANCHES);
	}
	GUEST_DONE();
}

TEST(any_depth_is_kept)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	uint64_t depth;

	if (!kvm_cpu_has(X86_FEATURE_LBR_ARCH))
		SKIP(return, "No architectural LBR");

	vm = vm_create_with_one_vcpu(&vcpu, guest_depth);
	while (vcpu_run_to_sync(vcpu, &depth))
		vcpu = vcpu_save_and_restore(vm, vcpu);
	kvm_vm_free(vm);
}

static uint8_t xsave_area[4096] __aligned(64);

/* XRSTORS is the first that the guest does with its records. */
static void guest_xsaves(void)
{
	uint32_t eax = XSS_LBR, edx = 0;

	set_cr4(get_cr4() | X86_CR4_OSXSAVE);
	wrmsr(MSR_IA32_XSS, XSS_LBR);
	lbr_find();
	for (;;) {
		lbr_fill(ALL_BRANCHES);
		asm volatile("xsaves %0" : "+m"(xsave_area) : "a"(eax), "d"(edx));
		GUEST_SYNC(0);
		lbr_empty();
		lbr_check_none();
		GUEST_SYNC(1);
		asm volatile("xrstors %0" : : "m"(xsave_area), "a"(eax), "d"(edx));
		lbr_check(ALL_BRANCHES);
		GUEST_SYNC(2);
	}
}

TEST(xsaves_and_xrstors_reach_the_records)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	int i;

	if (!kvm_cpu_has(X86_FEATURE_LBR_ARCH))
		SKIP(return, "No architectural LBR");

	vm = vm_create_with_one_vcpu(&vcpu, guest_xsaves);
	for (i = 0; i < 2 * PHASES; i++) {
		TEST_ASSERT_EQ(vcpu_next_sync(vcpu), i % 3);
		usleep(i < PHASES ? 0 : 1200000);
	}
	kvm_vm_free(vm);
}

/* The host's records */
#define NR_PAGES	64

static int open_host_records(void **ring_buffer)
{
	struct perf_event_attr attr =
		host_event_attr(PERF_COUNT_HW_INSTRUCTIONS, COUNT_IN_HOST);
	int fd;

	attr.sample_period = 1009;
	attr.sample_type = PERF_SAMPLE_BRANCH_STACK;
	attr.branch_sample_type = PERF_SAMPLE_BRANCH_ANY;
	fd = host_event_open(&attr, -1, sched_getcpu(), -1);
	TEST_ASSERT(fd >= 0, "No event with branch records: %s", strerror(errno));
	*ring_buffer = mmap(NULL, (NR_PAGES + 1) * getpagesize(), PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, 0);
	TEST_ASSERT(*ring_buffer != MAP_FAILED, "No ring buffer: %s", strerror(errno));
	return fd;
}

/* Count the host's records, and those of the guest's ring among them. */
static void count_records(void *ring_buffer, uint64_t *all, uint64_t *guests)
{
	struct perf_event_mmap_page *page = ring_buffer;
	uint64_t size = (uint64_t)NR_PAGES * getpagesize();
	uint8_t *data = (uint8_t *)ring_buffer + getpagesize();
	uint64_t at, head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
	uint64_t i, words[3 * LBR_MAX_DEPTH + 1];
	struct perf_event_header header;

	for (at = page->data_tail; at < head; at += header.size) {
		for (i = 0; i < sizeof(header); i++)
			((uint8_t *)&header)[i] = data[(at + i) % size];
		if (header.type != PERF_RECORD_SAMPLE || header.size > sizeof(words) + 8)
			continue;
		for (i = 0; i < header.size - sizeof(header); i++)
			((uint8_t *)words)[i] = data[(at + sizeof(header) + i) % size];
		for (i = 0; i < words[0]; i++) {
			*guests += lbr_is_of_ring(words[1 + 3 * i], words[2 + 3 * i]);
			++*all;
		}
	}
	__atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
}

static void check_host_records(struct kvm_vcpu *vcpu)
{
	uint64_t all = 0, guests = 0;
	void *ring_buffer;
	int i, fd;

	fd = open_host_records(&ring_buffer);
	host_event_ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	for (i = 0; i < 10 * PHASES; i++) {
		TEST_ASSERT_EQ(vcpu_next_sync(vcpu), i % 3);
		count_records(ring_buffer, &all, &guests);
	}
	host_event_ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	TEST_ASSERT(all > 1000, "%lu records of the host", all);
	TEST_ASSERT(!guests, "%lu of the host's %lu records are the guest's", guests, all);
	munmap(ring_buffer, (NR_PAGES + 1) * getpagesize());
	close(fd);
}

TEST_F(lbr, the_host_s_records_are_not_the_guest_s)
{
	check_host_records(self->vcpu);
}

TEST(the_host_s_records_leave_out_a_guest_without_any)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	vm = vm_create_with_one_vcpu(&vcpu, guest_not_recording);
	check_host_records(vcpu);
	kvm_vm_free(vm);
}

static void pin_to_this_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	TEST_ASSERT(!sched_setaffinity(0, sizeof(one), &one), "Can't stay on one CPU");
}

int main(int argc, char *argv[])
{
	require_lbr();
	host_settings_keep();
	pin_to_this_cpu();
	return test_harness_run(argc, argv);
}
