// SPDX-License-Identifier: GPL-2.0-only
/*
 * Save a vCPU while its PMU counts, destroy the VM, make it anew and restore it,
 * as live migration does. The guest can't tell: it finds the same counts, status
 * and PMIs at the same places of its program as if nothing had been.
 */
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include <linux/bitmap.h>

#include "apic.h"
#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

#define EVERY_RING	(ARCH_PERFMON_EVENTSEL_OS | ARCH_PERFMON_EVENTSEL_USR)
#define PERIOD		20011

#define MAX_COUNTERS	16
#define NR_PHASES	12
/* In these the guest clears the status, and stops all counters at its exit. */
#define CLEAR_PHASE	4
#define STOPPED_PHASE	7

/* What the guest finds at the end of a phase. */
struct findings {
	uint64_t counters[MAX_COUNTERS];
	uint64_t status;
	uint64_t nr_pmis;
};

static struct findings found[NR_PHASES];
static uint64_t nr_pmis;

static uint64_t selector_of(unsigned int i)
{
	/* Counter 0 interrupts, the last one counts ring 3 alone. */
	if (i == 0)
		return COUNT_INSTRUCTIONS | ARCH_PERFMON_EVENTSEL_INT;
	if (i == pmu.nr_gp - 1)
		return COUNT_INSTRUCTIONS & ~ARCH_PERFMON_EVENTSEL_OS;
	return COUNT_INSTRUCTIONS;
}

#define FIXED_CTRL	FIXED_PMC_CTRL(0, FIXED_PMC_KERNEL | FIXED_PMC_USER)

static void stop_counters(void)
{
	unsigned int i;

	if (pmu.global_ctrl) {
		wrmsr(pmu.global_ctrl, 0);
		return;
	}
	for (i = 0; i < pmu.nr_gp; i++)
		pmu_write_selector(i, 0);
}

static void start_counters(void)
{
	unsigned int i;

	if (pmu.global_ctrl) {
		wrmsr(pmu.global_ctrl, pmu.insn_counters);
		return;
	}
	for (i = 0; i < pmu.nr_gp; i++)
		pmu_write_selector(i, selector_of(i));
}

static void handle_pmi(struct ex_regs *regs)
{
	nr_pmis++;
	stop_counters();
	pmu_write(0, (pmu_read(0) - PERIOD) & COUNTER_MASK);
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	start_counters();
}

/* Each has a count of its own; that of 1 wraps at once and that of 2 later. */
static void set_up(void)
{
	unsigned int i;

	x2apic_enable();
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	pmu_find();
	pmu_stop();

	for (i = 0; i < pmu.nr_gp; i++) {
		pmu_write_counter(i, 0x12345678 + i);
		if (pmu.global_ctrl)
			pmu_write_selector(i, selector_of(i));
	}
	pmu_write(0, -PERIOD & COUNTER_MASK);
	pmu_write(1, -10 & COUNTER_MASK);
	pmu_write(2, -30000 & COUNTER_MASK);
	if (!pmu.nr_fixed)
		return;

	pmu_write(FIRST_FIXED, 0xa98765432100);
	wrmsr(pmu.fixed_ctrl, FIXED_CTRL);
	for (i = 1; i < pmu.nr_fixed; i++)
		wrmsr(pmu.fixed_counter + i, 0x1111111111 * i);
}

/* What the guest wrote it reads. */
static void check_controls(bool counting)
{
	unsigned int i;

	for (i = 0; i < pmu.nr_gp; i++)
		GUEST_ASSERT_EQ(rdmsr(pmu.selector + i * pmu.stride),
				counting || pmu.global_ctrl ? selector_of(i) : 0);
	if (pmu.global_ctrl)
		GUEST_ASSERT_EQ(rdmsr(pmu.global_ctrl), counting ? pmu.insn_counters : 0);
	if (pmu.nr_fixed)
		GUEST_ASSERT_EQ(rdmsr(pmu.fixed_ctrl), FIXED_CTRL);
	GUEST_ASSERT_EQ(x2apic_read_reg(APIC_LVTPC), LVTPC_NMI);
}

static void find(struct findings *result)
{
	uint64_t counters = pmu_all_counters();
	unsigned int idx, n = 0;

	for_each_set_bit(idx, &counters, 64)
		result->counters[n++] = pmu_read(idx);
	result->status = pmu_status();
	result->nr_pmis = nr_pmis;
}

/* Of the CPU's instructions and KVM's. */
static void work(uint32_t loops, uint32_t cpuids)
{
	uint32_t eax, ebx, ecx, edx;

	asm volatile("1: dec %0\n\t"
		     "jnz 1b" : "+r"(loops) :: "cc");
	while (cpuids--)
		cpuid(0, &eax, &ebx, &ecx, &edx);
}

static void guest_program(uint32_t loops)
{
	unsigned int phase;

	set_up();
	start_counters();
	for (phase = 0; phase < NR_PHASES; phase++) {
		work(loops + phase * 100, 10 + phase);
		if (phase == STOPPED_PHASE)
			stop_counters();

		GUEST_SYNC(phase);

		check_controls(phase != STOPPED_PHASE);
		if (phase == STOPPED_PHASE)
			start_counters();
		find(&found[phase]);
		if (phase == CLEAR_PHASE) {
			pmu_clear_status();
			GUEST_ASSERT_EQ(pmu_status(), 0);
		}
	}
	stop_counters();
	GUEST_DONE();
}

/* Written by user space: where counter 0 overflows. */
static uint64_t overflow_after;

/* Overflow about where user space saves the vCPU. */
static void guest_owed_pmi(void)
{
	struct pmu_switch sw;

	x2apic_enable();
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	pmu_find();
	for (;;) {
		pmu_stop();
		pmu_write(0, -READ_ONCE(overflow_after) & COUNTER_MASK);
		sw = pmu_arm(1, EVERY_RING | ARCH_PERFMON_EVENTSEL_INT);
		pmu_nr_nmis = 0;
		wrmsr(sw.msr, sw.on);
		GUEST_SYNC(0);
		wrmsr(sw.msr, 0);
		GUEST_SYNC(pmu_nr_nmis);
	}
}

static bool is_in(const struct kvm_msr_entry *entries, int nr, uint32_t index)
{
	while (nr--) {
		if (entries[nr].index == index)
			return true;
	}
	return false;
}

struct msrs {
	struct kvm_msrs header;
	struct kvm_msr_entry entries[64];
};

static void add(struct msrs *msrs, uint32_t index, uint64_t data)
{
	TEST_ASSERT(msrs->header.nmsrs < ARRAY_SIZE(msrs->entries), "Too many MSRs");
	msrs->entries[msrs->header.nmsrs++] = (struct kvm_msr_entry) {
		.index = index,
		.data = data,
	};
}

static void add_saved(struct msrs *msrs, struct kvm_vcpu *vcpu, uint32_t index)
{
	if (index)
		add(msrs, index, vcpu_get_msr(vcpu, index));
}

/*
 * The PMU's registers in the order that QEMU writes them: first what stops all
 * counters, last what starts them.
 */
static struct msrs save_pmu(struct kvm_vcpu *vcpu)
{
	struct msrs msrs = {};
	unsigned int i;

	if (pmu.fixed_ctrl)
		add(&msrs, pmu.fixed_ctrl, 0);
	if (pmu.global_ctrl)
		add(&msrs, pmu.global_ctrl, 0);
	for (i = 0; i < pmu.nr_fixed; i++)
		add_saved(&msrs, vcpu, pmu.fixed_counter + i);
	for (i = 0; i < pmu.nr_gp; i++) {
		add_saved(&msrs, vcpu, pmu.counter + i * pmu.stride);
		add_saved(&msrs, vcpu, pmu.selector + i * pmu.stride);
	}
	add_saved(&msrs, vcpu, pmu.global_status);
	add_saved(&msrs, vcpu, pmu.global_clear);
	add_saved(&msrs, vcpu, pmu.fixed_ctrl);
	add_saved(&msrs, vcpu, pmu.global_ctrl);
	return msrs;
}

/* Replace the PMU's registers in @state by @pmu_msrs, which come last. */
static struct kvm_x86_state *reorder(struct kvm_x86_state *state, const struct msrs *pmu_msrs)
{
	uint32_t i, nr = 0, nr_pmu = pmu_msrs->header.nmsrs;
	struct kvm_msr_entry *entries;

	state = realloc(state, sizeof(*state) +
			(state->msrs.nmsrs + nr_pmu) * sizeof(state->msrs.entries[0]));
	TEST_ASSERT(state, "No memory");
	entries = state->msrs.entries;

	for (i = 0; i < state->msrs.nmsrs; i++) {
		if (!is_in(pmu_msrs->entries, nr_pmu, entries[i].index))
			entries[nr++] = entries[i];
	}
	memcpy(&entries[nr], pmu_msrs->entries, nr_pmu * sizeof(entries[0]));
	state->msrs.nmsrs = nr + nr_pmu;
	return state;
}

static void check_pmu(struct kvm_vcpu *vcpu, const struct msrs *saved)
{
	struct msrs now = save_pmu(vcpu);
	int i;

	for (i = 0; i < now.header.nmsrs; i++)
		TEST_ASSERT(now.entries[i].data == saved->entries[i].data,
			    "MSR %x is %llx, was %llx", now.entries[i].index,
			    now.entries[i].data, saved->entries[i].data);
}

static struct kvm_vcpu *migrate(struct kvm_vm *vm, struct kvm_vcpu *vcpu)
{
	struct kvm_x86_state *state = vcpu_save_state(vcpu);
	struct kvm_lapic_state lapic;
	struct msrs msrs;

	sync_global_from_guest(vm, pmu);
	msrs = save_pmu(vcpu);
	vcpu_ioctl(vcpu, KVM_GET_LAPIC, &lapic);
	state = reorder(state, &msrs);

	kvm_vm_release(vm);
	vcpu = vm_recreate_with_one_vcpu(vm);

	vcpu_load_state(vcpu, state);
	vcpu_ioctl(vcpu, KVM_SET_LAPIC, &lapic);
	kvm_x86_state_cleanup(state);
	check_pmu(vcpu, &msrs);
	return vcpu;
}

#define EACH_PHASE	(BIT(NR_PHASES) - 1)

/* Run the program, migrate in the phases of the mask, and tell what it found. */
static void run_program(uint32_t loops, uint32_t phases, struct findings *result)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	uint64_t phase;

	vm = vm_create_with_one_vcpu(&vcpu, guest_program);
	vm_install_exception_handler(vm, NMI_VECTOR, handle_pmi);
	vcpu_args_set(vcpu, 1, loops);
	while (vcpu_run_to_sync(vcpu, &phase)) {
		if (phases & BIT(phase))
			vcpu = migrate(vm, vcpu);
	}
	memcpy(result, addr_gva2hva(vm, (vm_vaddr_t)found), sizeof(found));
	kvm_vm_free(vm);
}

static void compare(const struct findings *expected, const struct findings *result,
		    const char *what)
{
	int phase, i;

	for (phase = 0; phase < NR_PHASES; phase++) {
		for (i = 0; i < MAX_COUNTERS; i++)
			TEST_ASSERT(result[phase].counters[i] == expected[phase].counters[i],
				    "%s: counter %d is %lx after phase %d, not %lx",
				    what, i, result[phase].counters[i], phase,
				    expected[phase].counters[i]);
		TEST_ASSERT(result[phase].status == expected[phase].status,
			    "%s: status is %lx after phase %d, not %lx", what,
			    result[phase].status, phase, expected[phase].status);
		TEST_ASSERT(result[phase].nr_pmis == expected[phase].nr_pmis,
			    "%s: %lu PMIs after phase %d, not %lu", what,
			    result[phase].nr_pmis, phase, expected[phase].nr_pmis);
	}
}

#define LOOPS		20000

/* What is compared is not nothing. */
TEST(the_program_counts_and_interrupts)
{
	struct findings once[NR_PHASES], again[NR_PHASES];

	run_program(LOOPS, 0, once);
	TEST_ASSERT(once[NR_PHASES - 1].nr_pmis > NR_PHASES, "%lu PMIs",
		    once[NR_PHASES - 1].nr_pmis);
	if (!host_cpu_is_amd || kvm_cpu_has(X86_FEATURE_AMD_PERFMON_V2))
		TEST_ASSERT((once[0].status & 6) == 6 && !(once[NR_PHASES - 1].status & 6),
			    "Status %lx at first, %lx at last", once[0].status,
			    once[NR_PHASES - 1].status);
	run_program(LOOPS, 0, again);
	compare(once, again, "Not migrated");
}

TEST(a_guest_can_not_tell_that_it_was_migrated_once)
{
	struct findings never[NR_PHASES], result[NR_PHASES];
	char what[32];
	int phase;

	run_program(LOOPS, 0, never);
	for (phase = 0; phase < NR_PHASES; phase++) {
		run_program(LOOPS, BIT(phase), result);
		snprintf(what, sizeof(what), "Migrated in phase %d", phase);
		compare(never, result, what);
	}
}

TEST(a_guest_can_not_tell_that_it_was_migrated_again_and_again)
{
	struct findings never[NR_PHASES], result[NR_PHASES];

	run_program(LOOPS, 0, never);
	run_program(LOOPS, EACH_PHASE, result);
	compare(never, result, "Migrated in each phase");
}

static void on_signal(int sig)
{
}

/* Of a time that no clock keeps step with, and each migration takes its own. */
#define MANY_LOOPS	2000000
#define MANY_MIGRATIONS	60

static void signal_soon(unsigned int n)
{
	struct itimerval soon = { .it_value.tv_usec = 200 + n % 8 * 130 };

	setitimer(ITIMER_REAL, &soon, NULL);
}

/* Signals end KVM_RUN wherever the guest is. */
static unsigned int run_program_with_signals(struct findings *result)
{
	struct itimerval never = {};
	unsigned int nr_migrations = 0;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	struct ucall uc;

	vm = vm_create_with_one_vcpu(&vcpu, guest_program);
	vm_install_exception_handler(vm, NMI_VECTOR, handle_pmi);
	vcpu_args_set(vcpu, 1, MANY_LOOPS);
	for (;;) {
		if (nr_migrations < MANY_MIGRATIONS)
			signal_soon(nr_migrations);
		if (__vcpu_run(vcpu)) {
			TEST_ASSERT_EQ(errno, EINTR);
			vcpu = migrate(vm, vcpu);
			nr_migrations++;
			continue;
		}
		if (get_ucall(vcpu, &uc) == UCALL_ABORT)
			REPORT_GUEST_ASSERT(uc);
		if (uc.cmd == UCALL_DONE)
			break;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	memcpy(result, addr_gva2hva(vm, (vm_vaddr_t)found), sizeof(found));
	kvm_vm_free(vm);
	return nr_migrations;
}

TEST(a_guest_can_not_tell_that_it_was_migrated_at_any_instruction)
{
	struct findings never[NR_PHASES], result[NR_PHASES];
	struct sigaction sa = { .sa_handler = on_signal };
	unsigned int nr_migrations;

	run_program(MANY_LOOPS, 0, never);
	sigaction(SIGALRM, &sa, NULL);
	nr_migrations = run_program_with_signals(result);
	TEST_ASSERT(nr_migrations >= 10, "%u migrations", nr_migrations);
	compare(never, result, "Migrated now and then");
}

static uint64_t owed_pmis(struct kvm_vm *vm, struct kvm_vcpu **vcpu, uint64_t after)
{
	overflow_after = after;
	sync_global_to_guest(vm, overflow_after);
	vcpu_next_sync(*vcpu);
	*vcpu = migrate(vm, *vcpu);
	return vcpu_next_sync(*vcpu);
}

/*
 * The instruction that leaves for user space counts when KVM_RUN completes it,
 * and the guest does not run then.
 */
TEST(a_pmi_that_is_owed_migrates)
{
	uint64_t at, after, nr;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	vm = vm_create_with_one_vcpu(&vcpu, guest_owed_pmi);
	vm_install_exception_handler(vm, NMI_VECTOR, pmu_nmi_handler);
	vcpu_next_sync(vcpu);
	sync_global_from_guest(vm, pmu);
	at = vcpu_get_msr(vcpu, pmu.counter);
	TEST_ASSERT(at > 3 && at < 1000, "%lu instructions", at);
	vcpu_next_sync(vcpu);

	for (after = at - 2; after <= at + 3; after++) {
		nr = owed_pmis(vm, &vcpu, after);
		TEST_ASSERT(nr == 1, "%lu PMIs, overflow after %lu, exit after %lu",
			    nr, after, at);
	}
	TEST_ASSERT_EQ(owed_pmis(vm, &vcpu, 100000), 0);
	kvm_vm_free(vm);
}

int main(int argc, char *argv[])
{
	require_mediated_pmu();
	return test_harness_run(argc, argv);
}
