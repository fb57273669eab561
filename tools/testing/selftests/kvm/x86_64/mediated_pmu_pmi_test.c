// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each overflow of a guest's counter is one PMI, be LVTPC an NMI or a vector,
 * and none if it is masked: whether the CPU or KVM retires the instruction, and
 * whatever happens to the vCPU then. None is lost, none is invented.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/bitmap.h>

#include "apic.h"
#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

#define PMI_VECTOR	0x41
#define TIMER_VECTOR	0x42
/* The bus clock is 1 GHz, so this is long after a vCPU fell asleep. */
#define TIMER_TICKS	5000000

#define COUNT_AND_INTERRUPT	(ARCH_PERFMON_EVENTSEL_OS | ARCH_PERFMON_EVENTSEL_USR | \
				 ARCH_PERFMON_EVENTSEL_INT)

/* How far an interrupt's handler may find itself from its cause. */
#define MAX_SKID	5000

/* More than the handler counts itself. */
#define PERIOD		10007

/* What the handler of PMIs is to do, beside counting them. */
static uint64_t lvtpc = LVTPC_NMI;
static uint64_t overflowing;
static bool reload, leave_lvtpc;
static struct pmu_switch running;

/* What it found. */
static struct {
	unsigned int nr, nr_early, nr_late, nr_timers;
	uint64_t status, rip, r9;
} pmis;

static bool counter_wrapped(unsigned int idx)
{
	return pmu_read(idx) < MAX_SKID;
}

static void start_again(unsigned int idx)
{
	wrmsr(running.msr, 0);
	pmu_write(idx, (pmu_read(idx) - PERIOD) & COUNTER_MASK);
	pmu_clear_status();
	wrmsr(running.msr, running.on);
}

static void handle_pmi(struct ex_regs *regs)
{
	unsigned int idx = __builtin_ctzll(overflowing);

	pmis.nr++;
	pmis.rip = regs->rip;
	pmis.r9 = regs->r9;
	pmis.status |= pmu_status();
	if (!counter_wrapped(idx))
		pmis.nr_early++;

	if (!leave_lvtpc)
		x2apic_write_reg(APIC_LVTPC, lvtpc);
	if (!reload)
		return;

	/* It may come just after the code that counts has stopped. */
	if (rdmsr(running.msr))
		start_again(idx);
	else
		pmis.nr_late++;
}

static void handle_irq(struct ex_regs *regs)
{
	handle_pmi(regs);
	x2apic_write_reg(APIC_EOI, 0);
}

static void handle_timer(struct ex_regs *regs)
{
	pmis.nr_timers++;
	x2apic_write_reg(APIC_EOI, 0);
}

static void start_guest(void)
{
	x2apic_enable();
	x2apic_write_reg(APIC_LVTPC, lvtpc);
	pmu_find();
	pmu_stop();
}

/* An NMI needs none of this. What is pending comes before this returns. */
static void enable_irqs(void)
{
	if (lvtpc != LVTPC_NMI)
		asm volatile("sti\n\t"
			     "nop" ::: "memory");
}

static void disable_irqs(void)
{
	asm volatile("cli" ::: "memory");
}

static void prepare_overflow(uint64_t counters, uint64_t after)
{
	unsigned int idx;

	pmu_stop();
	for_each_set_bit(idx, &counters, 64)
		pmu_write(idx, -after & COUNTER_MASK);
	overflowing = counters;
	memset(&pmis, 0, sizeof(pmis));
	running = pmu_arm(counters, COUNT_AND_INTERRUPT);
}

static void overflow(uint64_t counters, uint64_t after, uint32_t loops, uint32_t cpuids)
{
	prepare_overflow(counters, after);
	pmu_count_loops(running.msr, running.on, loops, cpuids);
}

/* Hardware may take its time from an overflow to the interrupt. */
static void wait_for_pmis(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < MAX_SKID && READ_ONCE(pmis.nr) < nr; i++)
		cpu_relax();
}

static void expect_pmis(unsigned int nr, uint64_t after)
{
	wait_for_pmis(nr);
	__GUEST_ASSERT(pmis.nr == nr && !pmis.nr_early,
		       "%u PMIs, %u of them without an overflow, not %u; counters %lx, after %lu",
		       pmis.nr, pmis.nr_early, nr, overflowing, after);
	if (pmu.global_ctrl && nr)
		GUEST_ASSERT_EQ(pmis.status, overflowing);
}

/* In the loop of the CPU's, or in that whose every fourth instruction is KVM's. */
static void overflow_everywhere(uint64_t counters)
{
	uint64_t after;

	for (after = 1; after <= 10 * (INSNS_PER_LOOP + INSNS_PER_CPUID); after++) {
		overflow(counters, after, 10, 10);
		expect_pmis(1, after);
		if (pmu.global_ctrl)
			GUEST_ASSERT_EQ(pmu_status(), counters);
		pmu_clear_status();
		GUEST_ASSERT_EQ(pmu_status(), 0);
	}
}

static void guest_each_overflow(void)
{
	unsigned int idx;

	start_guest();
	enable_irqs();
	for_each_set_bit(idx, &pmu.insn_counters, 64)
		overflow_everywhere(BIT_ULL(idx));
	GUEST_DONE();
}

/* A status bit that stays set hides no overflow. */
static void check_status_kept(unsigned int idx)
{
	uint64_t after;

	prepare_overflow(BIT_ULL(idx), 0);
	for (after = 1; after <= 10 * (INSNS_PER_LOOP + INSNS_PER_CPUID); after++) {
		pmu_write(idx, -after & COUNTER_MASK);
		pmu_count_loops(running.msr, running.on, 10, 10);
		expect_pmis(after, after);
	}
	GUEST_ASSERT_EQ(pmu_status(), overflowing);
}

static void guest_status_kept(void)
{
	unsigned int idx;

	start_guest();
	enable_irqs();
	for_each_set_bit(idx, &pmu.insn_counters, 64)
		check_status_kept(idx);
	GUEST_DONE();
}

static void guest_all_overflow(void)
{
	start_guest();
	enable_irqs();
	overflow_everywhere(pmu.insn_counters);
	GUEST_DONE();
}

/*
 * One after another, each long after the handler of the one before. Where a
 * switch is one counter's, the others are on already.
 */
static void guest_one_by_one(void)
{
	unsigned int idx, nr = 0;
	uint64_t others;

	start_guest();
	enable_irqs();
	prepare_overflow(pmu.global_ctrl ? pmu.insn_counters : 1, 0);
	others = pmu.insn_counters & ~overflowing;
	for_each_set_bit(idx, &pmu.insn_counters, 64)
		pmu_write(idx, -(uint64_t)(++nr * 5000) & COUNTER_MASK);
	for_each_set_bit(idx, &others, 64)
		pmu_write_selector(idx, running.on);
	pmu_count_loops(running.msr, running.on, nr * 5000, 1);
	for_each_set_bit(idx, &others, 64)
		pmu_write_selector(idx, 0);

	wait_for_pmis(nr);
	GUEST_ASSERT_EQ(pmis.nr, nr);
	if (pmu.global_ctrl)
		GUEST_ASSERT_EQ(pmu_status(), overflowing);
	GUEST_DONE();
}

#define NR_CPUIDS	10

/*
 * The PMI of an overflow by CPUID, which KVM retires, comes before the next
 * instruction. One of the CPU's own may be late and come there, too, so look
 * for the last place from which an overflow gets there.
 */
static void check_after_cpuid(unsigned int idx)
{
	uint64_t after, last[NR_CPUIDS + 1] = {};
	unsigned int i;

	for (after = 1; after <= INSNS_PER_LOOP + (NR_CPUIDS + 1) * INSNS_PER_CPUID; after++) {
		overflow(BIT_ULL(idx), after, 1, NR_CPUIDS);
		GUEST_ASSERT_EQ(pmis.nr_early, 0);
		/* The opcode is 0F A2. */
		if (pmis.nr && *(uint16_t *)(pmis.rip - 2) == 0xa20f)
			last[pmis.r9] = after;
	}

	GUEST_ASSERT(last[NR_CPUIDS]);
	for (i = 1; i < NR_CPUIDS; i++)
		GUEST_ASSERT_EQ(last[NR_CPUIDS - i], last[NR_CPUIDS] + i * INSNS_PER_CPUID);
}

static void guest_after_cpuid(void)
{
	unsigned int idx;

	start_guest();
	enable_irqs();
	for_each_set_bit(idx, &pmu.insn_counters, 64)
		check_after_cpuid(idx);
	GUEST_DONE();
}

/*
 * An interrupt waits in the local APIC while the guest has interrupts off, an
 * NMI does not.
 */
static void guest_irqs_off(void)
{
	unsigned int idx;

	start_guest();
	for_each_set_bit(idx, &pmu.insn_counters, 64) {
		overflow(BIT_ULL(idx), 10, 1, 10);
		expect_pmis(lvtpc == LVTPC_NMI, 10);
		enable_irqs();
		disable_irqs();
		GUEST_ASSERT_EQ(pmis.nr, 1);
	}
	GUEST_DONE();
}

/* What overflowed while LVTPC was masked is in the status, and no PMI ever. */
static void check_masked(unsigned int idx, uint64_t after)
{
	x2apic_write_reg(APIC_LVTPC, lvtpc | APIC_LVT_MASKED);
	overflow(BIT_ULL(idx), after, 10, 10);
	expect_pmis(0, after);
	if (pmu.global_ctrl)
		GUEST_ASSERT_EQ(pmu_status(), BIT_ULL(idx));

	x2apic_write_reg(APIC_LVTPC, lvtpc);
	expect_pmis(0, after);
	pmu_count_loops(running.msr, running.on, 100, 10);
	expect_pmis(0, after);
	GUEST_SYNC(0);
	pmu_count_loops(running.msr, running.on, 100, 10);
	expect_pmis(0, after);

	overflow(BIT_ULL(idx), after, 10, 10);
	expect_pmis(1, after);
}

static void guest_masked(void)
{
	unsigned int idx;

	start_guest();
	enable_irqs();
	for_each_set_bit(idx, &pmu.insn_counters, 64) {
		check_masked(idx, 10);
		check_masked(idx, 41);
		check_masked(idx, 42);
		check_masked(idx, 43);
		check_masked(idx, 44);
	}
	GUEST_DONE();
}

/*
 * Intel's local APIC masks LVTPC when it delivers a PMI, SDM vol. 3B,
 * "Performance Monitoring Interrupt", and what comes then is dropped.
 */
static void guest_lvtpc_masks_itself(void)
{
	uint64_t after_pmi = this_cpu_is_intel() ? lvtpc | APIC_LVT_MASKED : lvtpc;
	unsigned int idx, second = this_cpu_is_intel() ? 0 : 1;

	leave_lvtpc = true;
	start_guest();
	enable_irqs();
	for_each_set_bit(idx, &pmu.insn_counters, 64) {
		overflow(BIT_ULL(idx), 10, 1, 10);
		expect_pmis(1, 10);
		GUEST_ASSERT_EQ(x2apic_read_reg(APIC_LVTPC), after_pmi);
		overflow(BIT_ULL(idx), 10, 10, 1);
		expect_pmis(second, 10);

		x2apic_write_reg(APIC_LVTPC, lvtpc);
		pmu_count_loops(running.msr, running.on, 10, 1);
		expect_pmis(second, 10);
	}
	GUEST_DONE();
}

/* A bit that software sets is no overflow. */
static void guest_status_set(void)
{
	start_guest();
	prepare_overflow(pmu.insn_counters, 100000);
	wrmsr(running.msr, running.on);
	wrmsr(pmu.global_set, overflowing);
	GUEST_SYNC(0);
	wrmsr(running.msr, 0);
	GUEST_ASSERT_EQ(pmis.nr, 0);
	GUEST_ASSERT_EQ(pmu_status(), overflowing);
	GUEST_DONE();
}

static void halt_while_counting(uint32_t msr, uint64_t on)
{
	uint32_t eax = on, edx = on >> 32;

	asm volatile("wrmsr\n\t"
		     "nop\n\t"
		     "nop\n\t"
		     "sti\n\t"
		     "hlt\n\t"
		     "cli\n\t"
		     "nop\n\t"
		     "nop\n\t"
		     "xor %%eax, %%eax\n\t"
		     "xor %%edx, %%edx\n\t"
		     "wrmsr\n\t"
		     : "+a"(eax), "+d"(edx)
		     : "c"(msr)
		     : "cc", "memory");
}

/*
 * HLT overflows once in these, and its PMI wakes the vCPU it has put to sleep
 * before the timer does.
 */
static void check_halt(unsigned int idx)
{
	unsigned int woken = 0;
	uint64_t after;

	for (after = 1; after <= 7; after++) {
		prepare_overflow(BIT_ULL(idx), after);
		x2apic_write_reg(APIC_TMICT, TIMER_TICKS);
		enable_irqs();
		halt_while_counting(running.msr, running.on);
		enable_irqs();
		x2apic_write_reg(APIC_TMICT, 0);

		expect_pmis(1, after);
		if (!pmis.nr_timers)
			woken++;
	}
	GUEST_ASSERT(woken);
	/*
	 * An interrupt takes time, so those of the instructions before HLT may
	 * wake it, too. The two behind it can't.
	 */
	GUEST_ASSERT(woken <= 5);
}

static void guest_halt(void)
{
	unsigned int idx;

	start_guest();
	x2apic_write_reg(APIC_TDCR, 0xb);
	x2apic_write_reg(APIC_LVTT, TIMER_VECTOR);
	for_each_set_bit(idx, &pmu.insn_counters, 64)
		check_halt(idx);
	GUEST_DONE();
}

/* Go round both loops, with a PMI every PERIOD. Return: all that counted. */
static uint64_t count_periods(unsigned int idx, uint64_t first, uint32_t loops, uint32_t cpuids)
{
	overflow(BIT_ULL(idx), first, loops, cpuids);
	return (pmu_read(idx) + first + (uint64_t)pmis.nr * PERIOD) & COUNTER_MASK;
}

/*
 * What counts is the code, the two WRMSRs as the processor likes, and in each
 * handler the same instructions, so one run of none and one of one PMI tell
 * what any number of them must make. A PMI too few would have left the counter
 * to run on past its period.
 */
static void check_many(unsigned int idx, uint32_t loops, uint32_t cpuids)
{
	uint64_t none, one, many, left;

	none = count_periods(idx, PERIOD, 1, 1);
	GUEST_ASSERT_EQ(pmis.nr, 0);
	one = count_periods(idx, 10, 100, 1) - 99 * INSNS_PER_LOOP;
	GUEST_ASSERT_EQ(pmis.nr, 1);

	many = count_periods(idx, PERIOD, loops, cpuids);
	left = pmu_read(idx);
	__GUEST_ASSERT(left >= COUNTER_MASK - PERIOD + 1 && !pmis.nr_early,
		       "Counter %u is %lx after %u PMIs, %u of them without an overflow",
		       idx, left, pmis.nr, pmis.nr_early);
	GUEST_ASSERT_EQ(many, none + (uint64_t)(loops - 1) * INSNS_PER_LOOP +
			      (uint64_t)(cpuids - 1) * INSNS_PER_CPUID +
			      (pmis.nr - pmis.nr_late) * (one - none));
}

static void guest_many(uint32_t loops, uint32_t cpuids)
{
	unsigned int idx;

	reload = true;
	start_guest();
	enable_irqs();
	for_each_set_bit(idx, &pmu.insn_counters, 64) {
		check_many(idx, loops, cpuids);
		GUEST_SYNC(pmis.nr);
	}
	GUEST_DONE();
}

/* Written by user space: which counter overflows, and where. */
static unsigned int exit_idx;
static uint64_t exit_after;

/*
 * Overflow about where a PMI may find that KVM_RUN has ended, and tell user
 * space how many came.
 */
static void guest_overflow_at_exit(void)
{
	start_guest();
	enable_irqs();
	GUEST_SYNC(pmu.insn_counters);
	for (;;) {
		prepare_overflow(BIT_ULL(READ_ONCE(exit_idx)), READ_ONCE(exit_after));
		wrmsr(running.msr, running.on);
		GUEST_SYNC(0);
		wrmsr(running.msr, 0);
		wait_for_pmis(1);
		GUEST_ASSERT_EQ(pmis.nr_early, 0);
		GUEST_SYNC(pmis.nr);
	}
}

/* LVTPC can be an NMI or a vector. */
FIXTURE(pmi)
{
	struct kvm_vcpu *vcpu;
};

FIXTURE_VARIANT(pmi)
{
	uint64_t lvtpc;
};

FIXTURE_VARIANT_ADD(pmi, as_nmi) { .lvtpc = LVTPC_NMI };
FIXTURE_VARIANT_ADD(pmi, as_vector) { .lvtpc = PMI_VECTOR };

FIXTURE_SETUP(pmi)
{
	struct kvm_vm *vm = vm_create_with_one_vcpu(&self->vcpu, NULL);

	vm_install_exception_handler(vm, NMI_VECTOR, handle_pmi);
	vm_install_exception_handler(vm, PMI_VECTOR, handle_irq);
	vm_install_exception_handler(vm, TIMER_VECTOR, handle_timer);
	lvtpc = variant->lvtpc;
	sync_global_to_guest(vm, lvtpc);
}

FIXTURE_TEARDOWN(pmi)
{
	kvm_vm_free(self->vcpu->vm);
}

static unsigned int nr_signals;

/* Signals may end KVM_RUN. Return: false if the guest is done. */
static bool run_to_sync(struct kvm_vcpu *vcpu, uint64_t *value)
{
	struct ucall uc;

	while (__vcpu_run(vcpu)) {
		TEST_ASSERT_EQ(errno, EINTR);
		nr_signals++;
	}

	switch (get_ucall(vcpu, &uc)) {
	case UCALL_SYNC:
		*value = uc.args[1];
		return true;
	case UCALL_DONE:
		return false;
	default:
		REPORT_GUEST_ASSERT(uc);
	}
	return false;
}

static void run_guest(struct kvm_vcpu *vcpu, void *guest)
{
	uint64_t value;

	vcpu_arch_set_entry_point(vcpu, guest);
	while (run_to_sync(vcpu, &value))
		;
}

#define NO_GLOBALS	"no register starts all counters at once"
#define NO_STATUS	"there is no status"
#define NO_STATUS_SET	"software can't set status bits"

static bool has_globals(void)
{
	return !host_cpu_is_amd || kvm_cpu_has(X86_FEATURE_AMD_PERFMON_V2);
}

static bool can_set_status(void)
{
	return host_cpu_is_amd ? has_globals() :
	       kvm_cpu_property(X86_PROPERTY_PMU_VERSION) >= 4;
}

TEST_F(pmi, each_overflow_is_one)
{
	run_guest(self->vcpu, guest_each_overflow);
}

TEST_F(pmi, comes_again_while_the_status_is_set)
{
	if (!has_globals())
		SKIP(return, NO_STATUS);

	run_guest(self->vcpu, guest_status_kept);
}

TEST_F(pmi, one_by_cpuid_comes_right_after_it)
{
	run_guest(self->vcpu, guest_after_cpuid);
}

TEST_F(pmi, waits_while_interrupts_are_off_unless_it_is_an_nmi)
{
	run_guest(self->vcpu, guest_irqs_off);
}

TEST_F(pmi, does_not_follow_what_overflowed_while_masked)
{
	run_guest(self->vcpu, guest_masked);
}

TEST_F(pmi, masks_lvtpc_as_the_vendor_has_it)
{
	run_guest(self->vcpu, guest_lvtpc_masks_itself);
}

TEST_F(pmi, by_hlt_wakes_the_vcpu)
{
	run_guest(self->vcpu, guest_halt);
}

TEST_F(pmi, is_one_for_all_counters_at_once)
{
	if (!has_globals())
		SKIP(return, NO_GLOBALS);

	run_guest(self->vcpu, guest_all_overflow);
}

TEST_F(pmi, is_one_for_each_counter_one_by_one)
{
	run_guest(self->vcpu, guest_one_by_one);
}

TEST_F(pmi, does_not_follow_a_status_bit_that_is_set)
{
	if (!can_set_status())
		SKIP(return, NO_STATUS_SET);

	run_guest(self->vcpu, guest_status_set);
}

#define MANY_LOOPS	500000
#define MANY_CPUIDS	1000

/* A counter's share of the loops' instructions, and some for the handlers'. */
#define MANY_PMIS	((MANY_LOOPS * INSNS_PER_LOOP + MANY_CPUIDS * INSNS_PER_CPUID) / PERIOD)

static void run_many(struct kvm_vcpu *vcpu)
{
	uint64_t nr;

	vcpu_arch_set_entry_point(vcpu, guest_many);
	vcpu_args_set(vcpu, 2, MANY_LOOPS, MANY_CPUIDS);
	while (run_to_sync(vcpu, &nr))
		TEST_ASSERT(nr >= MANY_PMIS, "Only %lu PMIs", nr);
}

TEST_F(pmi, of_many_is_not_lost)
{
	run_many(self->vcpu);
}

static void on_signal(int sig)
{
}

TEST_F(pmi, of_many_is_not_lost_when_signals_end_kvm_run)
{
	struct itimerval every_ms = { { 0, 1000 }, { 0, 1000 } }, never = {};
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every_ms, NULL);
	run_many(self->vcpu);
	setitimer(ITIMER_REAL, &never, NULL);
	TEST_ASSERT(nr_signals >= 5, "Only %u signals", nr_signals);
}

static cpu_set_t allowed;
static pthread_t vcpu_thread;
static atomic_bool stop;
static unsigned int nr_disturbances;

/* The @n-th of the CPUs that this program may run on. */
static cpu_set_t one_cpu(unsigned int n)
{
	cpu_set_t set;
	int cpu;

	CPU_ZERO(&set);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &allowed) && !n--)
			break;
	}
	CPU_SET(cpu, &set);
	return set;
}

static void move_vcpu(unsigned int n)
{
	cpu_set_t set = one_cpu(n & 1);

	TEST_ASSERT_EQ(pthread_setaffinity_np(vcpu_thread, sizeof(set), &set), 0);
}

/* Take the CPU from the vCPU again and again, for a moment each. */
static void *preempt(void *unused)
{
	while (!stop) {
		usleep(300);
		nr_disturbances++;
	}
	return NULL;
}

static void *move(void *unused)
{
	while (!stop) {
		usleep(500);
		move_vcpu(nr_disturbances++);
	}
	return NULL;
}

static void run_many_beside(struct kvm_vcpu *vcpu, void *(*thread)(void *))
{
	cpu_set_t here = one_cpu(0);
	pthread_t disturber;

	vcpu_thread = pthread_self();
	TEST_ASSERT_EQ(sched_setaffinity(0, sizeof(here), &here), 0);
	TEST_ASSERT_EQ(pthread_create(&disturber, NULL, thread, NULL), 0);
	run_many(vcpu);
	stop = true;
	pthread_join(disturber, NULL);
	TEST_ASSERT(nr_disturbances > 10, "Only %u disturbances", nr_disturbances);
}

TEST_F(pmi, of_many_is_not_lost_when_preempted)
{
	run_many_beside(self->vcpu, preempt);
}

#define ONE_CPU		"the vCPU can't move, there is one CPU"

TEST_F(pmi, of_many_is_not_lost_when_moved)
{
	if (CPU_COUNT(&allowed) < 2)
		SKIP(return, ONE_CPU);

	run_many_beside(self->vcpu, move);
}

/* What a counter shows to user space. */
static uint64_t counter_of(struct kvm_vcpu *vcpu, unsigned int idx)
{
	if (host_cpu_is_amd)
		return vcpu_get_msr(vcpu, MSR_F15H_PERF_CTR0 + 2 * idx);
	if (idx >= FIRST_FIXED)
		return vcpu_get_msr(vcpu, MSR_CORE_PERF_FIXED_CTR0 + idx - FIRST_FIXED);

	return vcpu_get_msr(vcpu, MSR_IA32_PERFCTR0 + idx);
}

static void set_overflow_at_exit(struct kvm_vm *vm, unsigned int idx, uint64_t after)
{
	exit_idx = idx;
	exit_after = after;
	sync_global_to_guest(vm, exit_idx);
	sync_global_to_guest(vm, exit_after);
}

/* Things that can happen to a vCPU between two KVM_RUNs. */
static struct kvm_vcpu *stay(struct kvm_vcpu *vcpu)
{
	return vcpu;
}

static struct kvm_vcpu *sleep_a_little(struct kvm_vcpu *vcpu)
{
	usleep(2000);
	return vcpu;
}

static struct kvm_vcpu *change_cpu(struct kvm_vcpu *vcpu)
{
	static unsigned int n;

	vcpu_thread = pthread_self();
	move_vcpu(n++);
	return vcpu;
}

static struct kvm_vcpu *restore(struct kvm_vcpu *vcpu)
{
	return vcpu_save_and_restore(vcpu->vm, vcpu);
}

static bool irr_holds(struct kvm_vcpu *vcpu, int vector)
{
	struct kvm_lapic_state lapic;

	vcpu_ioctl(vcpu, KVM_GET_LAPIC, &lapic);
	return *(uint32_t *)&lapic.regs[APIC_IRR + vector / 32 * 0x10] & BIT(vector % 32);
}

/*
 * The instruction that exits counts when KVM_RUN completes it, and get_ucall()
 * calls that for nothing else: so user space must see its PMI now.
 */
static struct kvm_vcpu *look(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_events events;

	vcpu_events_get(vcpu, &events);
	TEST_ASSERT(lvtpc == LVTPC_NMI ? events.nmi.pending : irr_holds(vcpu, PMI_VECTOR),
		    "User space sees no PMI");
	return vcpu;
}

static struct kvm_vcpu *overflow_at_exit(struct kvm_vcpu *vcpu, unsigned int idx, uint64_t after,
					 struct kvm_vcpu *(*happens)(struct kvm_vcpu *))
{
	uint64_t nr;

	set_overflow_at_exit(vcpu->vm, idx, after);
	vcpu_next_sync(vcpu);
	vcpu = happens(vcpu);
	nr = vcpu_next_sync(vcpu);
	TEST_ASSERT(nr == 1, "Counter %u after %lu: %lu PMIs", idx, after, nr);
	return vcpu;
}

/* How many instructions there are up to the one that exits, and that. */
static uint64_t insns_to_exit(struct kvm_vcpu *vcpu, unsigned int idx)
{
	uint64_t value;

	set_overflow_at_exit(vcpu->vm, idx, 0);
	vcpu_next_sync(vcpu);
	value = counter_of(vcpu, idx);
	TEST_ASSERT(value > 3 && value < 1000, "%lu instructions", value);
	TEST_ASSERT_EQ(vcpu_next_sync(vcpu), 0);
	return value;
}

/* Return: the vCPU, which may be a new one. */
static struct kvm_vcpu *overflow_at_exits(struct kvm_vcpu *vcpu,
					  struct kvm_vcpu *(*happens)(struct kvm_vcpu *))
{
	uint64_t counters, at, after;
	unsigned int idx;

	vcpu_arch_set_entry_point(vcpu, guest_overflow_at_exit);
	counters = vcpu_next_sync(vcpu);
	for_each_set_bit(idx, &counters, 64) {
		at = insns_to_exit(vcpu, idx);
		for (after = at - 2; after <= at + 2; after++)
			vcpu = overflow_at_exit(vcpu, idx, after, happens);
		vcpu = overflow_at_exit(vcpu, idx, at, look);
	}
	return vcpu;
}

TEST_F(pmi, is_not_lost_over_kvm_run)
{
	self->vcpu = overflow_at_exits(self->vcpu, stay);
}

TEST_F(pmi, is_not_lost_when_user_space_sleeps)
{
	self->vcpu = overflow_at_exits(self->vcpu, sleep_a_little);
}

TEST_F(pmi, is_not_lost_on_another_cpu)
{
	if (CPU_COUNT(&allowed) < 2)
		SKIP(return, ONE_CPU);

	self->vcpu = overflow_at_exits(self->vcpu, change_cpu);
}

TEST_F(pmi, is_not_lost_when_saved_and_restored)
{
	self->vcpu = overflow_at_exits(self->vcpu, restore);
}

int main(int argc, char *argv[])
{
	require_mediated_pmu();
	TEST_ASSERT_EQ(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	return test_harness_run(argc, argv);
}
