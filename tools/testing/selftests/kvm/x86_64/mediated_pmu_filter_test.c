// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event filter before a mediated vPMU: what it denies counts nothing, on
 * the CPU or in KVM, overflows nothing and reads as the guest wrote it; and it
 * may change while the guest counts.
 */
#include <pthread.h>
#include <time.h>

#include "apic.h"
#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_pmu.h"
#include "pmu.h"
#include "processor.h"
#include "test_util.h"

#define EVENT_MASK	(ARCH_PERFMON_EVENTSEL_EVENT | ARCH_PERFMON_EVENTSEL_UMASK)
#define COUNT		(COUNT_INSTRUCTIONS & ~EVENT_MASK)

#define INSTRUCTIONS	INTEL_ARCH_INSTRUCTIONS_RETIRED
#define BRANCHES	(host_cpu_is_intel ? INTEL_ARCH_BRANCHES_RETIRED : \
					     AMD_ZEN_BRANCHES_RETIRED)

/* Of any unit mask, and of one alone. */
#define ANY_UMASK(event)	KVM_PMU_ENCODE_MASKED_ENTRY(event, 0, 0, false)
#define EXCLUDE(event, umask)	KVM_PMU_ENCODE_MASKED_ENTRY(event, 0xff, umask, true)

#define NR_FIXED	4

/* Written by user space: what the guest does next, and with what. */
static struct {
	uint64_t (*run)(void);
	uint64_t event;
	unsigned int fixed;
	uint32_t loops, cpuids;
} job;

static uint64_t job_count(void)
{
	pmu_write_counter(0, 0);
	pmu_count_loops(pmu.selector, COUNT | job.event, job.loops, job.cpuids);
	return pmu_read_counter(0);
}

static uint64_t job_count_fixed(void)
{
	uint64_t field = FIXED_PMC_KERNEL | FIXED_PMC_USER;

	wrmsr(pmu.fixed_counter + job.fixed, 0);
	pmu_count_loops(pmu.fixed_ctrl, FIXED_PMC_CTRL(job.fixed, field), job.loops,
			job.cpuids);
	return pmu_read_counter(INTEL_RDPMC_FIXED | job.fixed);
}

/* Does each selector read as written? */
static uint64_t job_read_back(void)
{
	uint64_t eventsel = COUNT | job.event;
	uint64_t fixed_ctrl = GENMASK_ULL(1, 0);
	unsigned int i;

	for (i = 0; i < pmu.nr_gp; i++)
		pmu_write_selector(i, eventsel);
	for (i = 0; i < pmu.nr_gp; i++)
		GUEST_ASSERT_EQ(rdmsr(pmu.selector + i * pmu.stride), eventsel);
	if (pmu.nr_fixed) {
		wrmsr(pmu.fixed_ctrl, fixed_ctrl);
		GUEST_ASSERT_EQ(rdmsr(pmu.fixed_ctrl), fixed_ctrl);
	}
	pmu_stop();
	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, pmu_all_counters());
	return 0;
}

/* Overflow at the first event, and tell how often that was announced. */
static uint64_t job_overflow(void)
{
	unsigned int before = READ_ONCE(pmu_nr_nmis);
	uint64_t overflows;

	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	pmu_write_counter(0, COUNTER_MASK);
	pmu_count_loops(pmu.selector, COUNT | ARCH_PERFMON_EVENTSEL_INT | job.event,
			10, 10);
	overflows = READ_ONCE(pmu_nr_nmis) - before;
	if (pmu.global_ctrl)
		GUEST_ASSERT_EQ(rdmsr(pmu.global_status), overflows);
	pmu_clear_status();
	return overflows;
}

static void guest_code(void)
{
	x2apic_enable();
	pmu_find();
	pmu_stop();
	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, pmu_all_counters());

	for (;;)
		GUEST_SYNC(job.run());
}

/* What a guest counts that never stops of itself. */
static struct live {
	uint64_t gp, fixed, rounds;
	bool stop;
} live;

/* Neither counter is read by an instruction that exits. */
static void guest_counts(void)
{
	uint64_t rounds = 0;

	pmu_find();
	pmu_stop();
	pmu_write_selector(0, COUNT | INSTRUCTIONS);
	if (pmu.nr_fixed)
		wrmsr(pmu.fixed_ctrl, FIXED_PMC_KERNEL | FIXED_PMC_USER);
	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, pmu_all_counters());

	while (!READ_ONCE(live.stop)) {
		WRITE_ONCE(live.gp, rdmsr(pmu.counter));
		if (pmu.nr_fixed)
			WRITE_ONCE(live.fixed, rdmsr(pmu.fixed_counter));
		WRITE_ONCE(live.rounds, ++rounds);
	}

	GUEST_ASSERT_EQ(rdmsr(pmu.selector), COUNT | INSTRUCTIONS);
	pmu_stop();
	GUEST_DONE();
}

static uint64_t run_job(struct kvm_vcpu *vcpu)
{
	sync_global_to_guest(vcpu->vm, job);
	return vcpu_next_sync(vcpu);
}

static uint64_t count(struct kvm_vcpu *vcpu, uint32_t loops, uint32_t cpuids)
{
	job.loops = loops;
	job.cpuids = cpuids;
	return run_job(vcpu);
}

/* CPUID is KVM's to count, the rest is the CPU's. */
static void check_counts(struct kvm_vcpu *vcpu, uint64_t per_loop, uint64_t per_cpuid)
{
	uint64_t least = count(vcpu, 1, 1);

	TEST_ASSERT(!least == !per_loop, "0x%lx counts %lu at least", job.event, least);
	TEST_ASSERT_EQ(count(vcpu, 1001, 1), least + 1000 * per_loop);
	TEST_ASSERT_EQ(count(vcpu, 1, 101), least + 100 * per_cpuid);
}

static void check_instructions(struct kvm_vcpu *vcpu, bool allowed)
{
	job.run = job_count;
	job.event = INSTRUCTIONS;
	check_counts(vcpu, allowed ? INSNS_PER_LOOP : 0, allowed ? INSNS_PER_CPUID : 0);
}

/* One in each iteration of either loop. */
static void check_branches(struct kvm_vcpu *vcpu, bool allowed)
{
	job.run = job_count;
	job.event = BRANCHES;
	check_counts(vcpu, allowed, allowed);
}

/* The first counts instructions, the others count something. */
static void check_fixed(struct kvm_vcpu *vcpu, unsigned int i, bool allowed)
{
	job.run = job_count_fixed;
	job.fixed = i;
	if (i)
		TEST_ASSERT(!!count(vcpu, 1000, 1) == allowed, "Fixed counter %u is %s", i,
			    allowed ? "denied" : "allowed");
	else
		check_counts(vcpu, allowed ? INSNS_PER_LOOP : 0,
			     allowed ? INSNS_PER_CPUID : 0);
}

static void check_all_fixed(struct kvm_vcpu *vcpu, uint32_t allowed)
{
	unsigned int i;

	for (i = 0; i < kvm_cpu_property(X86_PROPERTY_PMU_NR_FIXED_COUNTERS); i++)
		check_fixed(vcpu, i, allowed & BIT(i));
}

static void check_read_back(struct kvm_vcpu *vcpu, uint64_t event)
{
	job.run = job_read_back;
	job.event = event;
	run_job(vcpu);
}

#define MAX_EVENTS	2

struct filter {
	struct kvm_pmu_event_filter f;
	uint64_t events[MAX_EVENTS];
};

static int try_filter(struct kvm_vm *vm, struct filter filter)
{
	return __vm_ioctl(vm, KVM_SET_PMU_EVENT_FILTER, &filter.f);
}

/* Two events at most; those that are 0 don't count. */
static void set_filter(struct kvm_vm *vm, uint32_t action, uint32_t flags,
		       uint64_t event0, uint64_t event1)
{
	struct filter filter = {
		.f.action = action,
		.f.flags = flags,
		.f.nevents = !!event0 + !!event1,
		.events = { event0, event1 },
	};

	TEST_ASSERT_EQ(try_filter(vm, filter), 0);
}

static void set_fixed_filter(struct kvm_vm *vm, uint32_t action, uint32_t counters)
{
	struct filter filter = {
		.f.action = action,
		.f.fixed_counter_bitmap = counters,
	};

	TEST_ASSERT_EQ(try_filter(vm, filter), 0);
}

static void deny(struct kvm_vm *vm, uint64_t event0, uint64_t event1)
{
	set_filter(vm, KVM_PMU_EVENT_DENY, 0, event0, event1);
}

static void allow(struct kvm_vm *vm, uint64_t event0, uint64_t event1)
{
	set_filter(vm, KVM_PMU_EVENT_ALLOW, 0, event0, event1);
}

KVM_ONE_VCPU_TEST_SUITE(filter);

KVM_ONE_VCPU_TEST(filter, deny_list_stops_what_it_lists, guest_code)
{
	check_instructions(vcpu, true);
	check_branches(vcpu, true);

	deny(vcpu->vm, INSTRUCTIONS, 0);
	check_instructions(vcpu, false);
	check_branches(vcpu, true);

	deny(vcpu->vm, INSTRUCTIONS, BRANCHES);
	check_instructions(vcpu, false);
	check_branches(vcpu, false);

	deny(vcpu->vm, 0, 0);
	check_instructions(vcpu, true);
	check_branches(vcpu, true);
}

KVM_ONE_VCPU_TEST(filter, allow_list_stops_what_it_does_not_list, guest_code)
{
	allow(vcpu->vm, INSTRUCTIONS, 0);
	check_instructions(vcpu, true);
	check_branches(vcpu, false);

	allow(vcpu->vm, BRANCHES, 0);
	check_instructions(vcpu, false);
	check_branches(vcpu, true);

	allow(vcpu->vm, 0, 0);
	check_instructions(vcpu, false);
	check_branches(vcpu, false);
}

static void set_masked(struct kvm_vm *vm, uint32_t action, uint64_t entry0, uint64_t entry1)
{
	set_filter(vm, action, KVM_PMU_EVENT_FLAG_MASKED_EVENTS, entry0, entry1);
}

KVM_ONE_VCPU_TEST(filter, masked_entries_match_unit_masks, guest_code)
{
	uint64_t event = INSTRUCTIONS & ARCH_PERFMON_EVENTSEL_EVENT;

	set_masked(vcpu->vm, KVM_PMU_EVENT_ALLOW, ANY_UMASK(event), 0);
	check_instructions(vcpu, true);
	check_branches(vcpu, false);

	set_masked(vcpu->vm, KVM_PMU_EVENT_ALLOW, ANY_UMASK(event), EXCLUDE(event, 0));
	check_instructions(vcpu, false);

	set_masked(vcpu->vm, KVM_PMU_EVENT_ALLOW, ANY_UMASK(event), EXCLUDE(event, 1));
	check_instructions(vcpu, true);

	/* Unit masks 0 and 1, and then 1 alone. */
	set_masked(vcpu->vm, KVM_PMU_EVENT_DENY,
		   KVM_PMU_ENCODE_MASKED_ENTRY(event, 0xfe, 0, false), 0);
	check_instructions(vcpu, false);
	check_branches(vcpu, true);

	set_masked(vcpu->vm, KVM_PMU_EVENT_DENY,
		   KVM_PMU_ENCODE_MASKED_ENTRY(event, 0xff, 1, false), 0);
	check_instructions(vcpu, true);
}

TEST_F(filter, fixed_counters_go_by_the_bitmap)
{
	struct kvm_vcpu *vcpu = self->vcpu;
	uint32_t all = BIT(NR_FIXED) - 1;
	unsigned int i;

	if (!host_cpu_is_intel)
		SKIP(return, "AMD has no fixed counters");

	vcpu_arch_set_entry_point(vcpu, guest_code);
	check_all_fixed(vcpu, all);
	for (i = 0; i < NR_FIXED; i++) {
		set_fixed_filter(vcpu->vm, KVM_PMU_EVENT_DENY, BIT(i));
		check_all_fixed(vcpu, all & ~BIT(i));
		set_fixed_filter(vcpu->vm, KVM_PMU_EVENT_ALLOW, BIT(i));
		check_all_fixed(vcpu, BIT(i));
	}
	set_fixed_filter(vcpu->vm, KVM_PMU_EVENT_ALLOW, 0);
	check_all_fixed(vcpu, 0);
	set_fixed_filter(vcpu->vm, KVM_PMU_EVENT_DENY, 0);
	check_all_fixed(vcpu, all);
}

TEST_F(filter, list_of_events_does_not_concern_fixed_counters)
{
	struct kvm_vcpu *vcpu = self->vcpu;

	if (!host_cpu_is_intel)
		SKIP(return, "AMD has no fixed counters");

	vcpu_arch_set_entry_point(vcpu, guest_code);
	deny(vcpu->vm, INSTRUCTIONS, 0);
	check_instructions(vcpu, false);
	check_fixed(vcpu, 0, true);
}

KVM_ONE_VCPU_TEST(filter, denied_selectors_read_as_written, guest_code)
{
	check_read_back(vcpu, INSTRUCTIONS);
	allow(vcpu->vm, 0, 0);
	check_read_back(vcpu, INSTRUCTIONS);
	check_read_back(vcpu, BRANCHES);
}

KVM_ONE_VCPU_TEST(filter, denied_events_do_not_overflow, guest_code)
{
	vm_install_exception_handler(vcpu->vm, NMI_VECTOR, pmu_nmi_handler);

	job.run = job_overflow;
	job.event = INSTRUCTIONS;
	TEST_ASSERT_EQ(run_job(vcpu), 1);
	deny(vcpu->vm, INSTRUCTIONS, 0);
	TEST_ASSERT_EQ(run_job(vcpu), 0);
	deny(vcpu->vm, 0, 0);
	TEST_ASSERT_EQ(run_job(vcpu), 1);
}

KVM_ONE_VCPU_TEST(filter, bad_filter_leaves_the_old_one, guest_code)
{
	struct filter bad = { .f.action = KVM_PMU_EVENT_DENY + 1 };

	deny(vcpu->vm, INSTRUCTIONS, 0);

	TEST_ASSERT(try_filter(vcpu->vm, bad) && errno == EINVAL, "Unknown action");
	bad.f.action = KVM_PMU_EVENT_DENY;
	bad.f.flags = KVM_PMU_EVENT_FLAGS_VALID_MASK + 1;
	TEST_ASSERT(try_filter(vcpu->vm, bad) && errno == EINVAL, "Unknown flag");
	bad.f.flags = 0;
	bad.f.nevents = KVM_PMU_EVENT_FILTER_MAX_EVENTS + 1;
	TEST_ASSERT(try_filter(vcpu->vm, bad) && errno == E2BIG, "Too many events");
	bad.f.flags = KVM_PMU_EVENT_FLAG_MASKED_EVENTS;
	bad.f.nevents = 1;
	bad.events[0] = BIT_ULL(20);
	TEST_ASSERT(try_filter(vcpu->vm, bad) && errno == EINVAL, "Reserved bit of an entry");

	check_instructions(vcpu, false);
	check_branches(vcpu, true);
}

static uint64_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

#define ROUNDS		100
#define STABLE		10
#define PATIENCE	5

/* Does this counter count while the guest goes round its loop? */
static bool moves(struct live *guest, uint64_t *counter)
{
	uint64_t rounds = READ_ONCE(guest->rounds) + ROUNDS;
	uint64_t value = READ_ONCE(*counter);
	uint64_t end = seconds() + PATIENCE;

	while (READ_ONCE(guest->rounds) < rounds) {
		TEST_ASSERT(seconds() <= end, "The guest does not run");
		usleep(1000);
	}

	return READ_ONCE(*counter) != value;
}

static void wait_until(struct live *guest, uint64_t *counter, bool counts)
{
	uint64_t end = seconds() + PATIENCE;
	unsigned int i;

	while (moves(guest, counter) != counts)
		TEST_ASSERT(seconds() <= end, "It still %s", counts ? "stands" : "counts");

	for (i = 0; i < STABLE; i++)
		TEST_ASSERT(moves(guest, counter) == counts, "It %s again",
			    counts ? "stands" : "counts");
}

/* Its vCPU runs until the guest is done. */
static void *run_vcpu(void *vcpu)
{
	uint64_t value;

	TEST_ASSERT(!vcpu_run_to_sync(vcpu, &value), "The guest leaves its loop");
	return NULL;
}

/* Stopped and started, it goes on from where it was. */
static void check_change(struct kvm_vm *vm, struct live *guest, uint64_t *counter,
			 uint64_t event, uint32_t fixed)
{
	struct filter denied = {
		.f.action = KVM_PMU_EVENT_DENY,
		.f.nevents = !!event,
		.f.fixed_counter_bitmap = fixed,
		.events = { event },
	};
	struct filter allowed = { .f.action = KVM_PMU_EVENT_DENY };
	uint64_t stood_at;

	wait_until(guest, counter, true);
	TEST_ASSERT_EQ(try_filter(vm, denied), 0);
	wait_until(guest, counter, false);
	stood_at = READ_ONCE(*counter);
	TEST_ASSERT_EQ(try_filter(vm, allowed), 0);
	wait_until(guest, counter, true);
	TEST_ASSERT(READ_ONCE(*counter) > stood_at, "It begins at %lu, stood at %lu",
		    READ_ONCE(*counter), stood_at);
}

KVM_ONE_VCPU_TEST(filter, changes_reach_a_guest_that_runs, guest_counts)
{
	struct live *guest = addr_gva2hva(vcpu->vm, (vm_vaddr_t)&live);
	pthread_t thread;
	int i;

	TEST_ASSERT(!pthread_create(&thread, NULL, run_vcpu, vcpu), "No thread");
	for (i = 0; i < 3; i++) {
		check_change(vcpu->vm, guest, &guest->gp, INSTRUCTIONS, 0);
		if (host_cpu_is_intel)
			check_change(vcpu->vm, guest, &guest->fixed, 0, BIT(0));
	}
	WRITE_ONCE(guest->stop, true);
	pthread_join(thread, NULL);
}

/* What was denied when the guest wrote its selector needs no other write. */
KVM_ONE_VCPU_TEST(filter, lifted_filter_starts_what_was_denied_all_along, guest_counts)
{
	struct live *guest = addr_gva2hva(vcpu->vm, (vm_vaddr_t)&live);
	pthread_t thread;

	allow(vcpu->vm, 0, 0);
	TEST_ASSERT(!pthread_create(&thread, NULL, run_vcpu, vcpu), "No thread");
	wait_until(guest, &guest->gp, false);
	TEST_ASSERT_EQ(READ_ONCE(guest->gp), 0);
	deny(vcpu->vm, 0, 0);
	wait_until(guest, &guest->gp, true);
	WRITE_ONCE(guest->stop, true);
	pthread_join(thread, NULL);
}

int main(int argc, char *argv[])
{
	require_mediated_pmu();

	return test_harness_run(argc, argv);
}
