// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mediated vPMU as a guest sees it: counts are exact, on all counters at
 * once, whether instructions are the CPU's or KVM's; each overflow is one PMI;
 * and user space can save and restore the vCPU while it counts.
 */
#include "apic.h"
#include "kvm_util.h"
#include "pmu.h"
#include "processor.h"
#include "test_util.h"

#define MSR_AMD64_GLOBAL_STATUS		0xc0000300
#define MSR_AMD64_GLOBAL_CTL		0xc0000301
#define MSR_AMD64_GLOBAL_STATUS_CLR	0xc0000302

#define X86_FEATURE_AMD_PERFMON_V2	KVM_X86_CPU_FEATURE(0x80000022, 0, EAX, 0)
#define X86_FEATURE_AMD_PERFCTR_CORE	KVM_X86_CPU_FEATURE(0x80000001, 0, ECX, 23)

#define APIC_LVTPC		0x340
#define LVTPC_NMI		APIC_DM_NMI

#define COUNTER_MASK		GENMASK_ULL(47, 0)
#define COUNT_INSTRUCTIONS	(RAW_EVENT(0xc0, 0) | ARCH_PERFMON_EVENTSEL_ENABLE | \
				 ARCH_PERFMON_EVENTSEL_OS | ARCH_PERFMON_EVENTSEL_USR)

/* What the instructions of one iteration of the two loops below are. */
#define INSNS_PER_LOOP		2
#define INSNS_PER_CPUID		4

/* Instructions retired by both vendors' CPUs are the same event. */
kvm_static_assert(INTEL_ARCH_INSTRUCTIONS_RETIRED == AMD_ZEN_INSTRUCTIONS_RETIRED);

struct pmu {
	uint32_t selector, counter, stride;
	uint32_t global_ctrl, global_status, global_clear;
	unsigned int nr_counters;
};

static struct pmu pmu;
static unsigned int nr_nmis;

static void guest_find_pmu(void)
{
	if (this_cpu_is_intel()) {
		pmu = (struct pmu) {
			.selector = MSR_P6_EVNTSEL0,
			.counter = MSR_IA32_PERFCTR0,
			.stride = 1,
			.global_ctrl = MSR_CORE_PERF_GLOBAL_CTRL,
			.global_status = MSR_CORE_PERF_GLOBAL_STATUS,
			.global_clear = MSR_CORE_PERF_GLOBAL_OVF_CTRL,
			.nr_counters = this_cpu_property(X86_PROPERTY_PMU_NR_GP_COUNTERS),
		};
		return;
	}

	pmu = (struct pmu) {
		.selector = MSR_F15H_PERF_CTL0,
		.counter = MSR_F15H_PERF_CTR0,
		.stride = 2,
		.nr_counters = 6,
	};
	GUEST_ASSERT(this_cpu_has(X86_FEATURE_AMD_PERFCTR_CORE));
	if (!this_cpu_has(X86_FEATURE_AMD_PERFMON_V2))
		return;

	pmu.global_ctrl = MSR_AMD64_GLOBAL_CTL;
	pmu.global_status = MSR_AMD64_GLOBAL_STATUS;
	pmu.global_clear = MSR_AMD64_GLOBAL_STATUS_CLR;
}

static uint64_t read_counter(unsigned int i)
{
	uint64_t value;

	GUEST_ASSERT_EQ(rdpmc_safe(i, &value), 0);
	return value;
}

static uint64_t all_counters(void)
{
	return BIT_ULL(pmu.nr_counters) - 1;
}

/*
 * Write @on, go round both loops, write 0, all in one piece so that no
 * compiler puts anything between.
 */
static void count(uint32_t msr, uint64_t on, uint32_t loops, uint32_t cpuids)
{
	register uint32_t r8 asm("r8") = loops;
	register uint32_t r9 asm("r9") = cpuids;
	uint32_t eax = on, edx = on >> 32, ecx = msr;

	asm volatile("wrmsr\n\t"
		     "1: dec %%r8d\n\t"
		     "jnz 1b\n\t"
		     "2: xor %%eax, %%eax\n\t"
		     "cpuid\n\t"
		     "dec %%r9d\n\t"
		     "jnz 2b\n\t"
		     "mov %%esi, %%ecx\n\t"
		     "xor %%eax, %%eax\n\t"
		     "xor %%edx, %%edx\n\t"
		     "wrmsr\n\t"
		     : "+a"(eax), "+d"(edx), "+c"(ecx), "+r"(r8), "+r"(r9)
		     : "S"(msr)
		     : "ebx", "cc", "memory");
}

static void write_counter(unsigned int i, uint64_t value)
{
	wrmsr(pmu.counter + i * pmu.stride, value);
}

static void write_selector(unsigned int i, uint64_t value)
{
	wrmsr(pmu.selector + i * pmu.stride, value);
}

/* Count on counter @i, and on all the others where one write starts them. */
static uint64_t measure(unsigned int i, uint64_t flags, uint32_t loops,
			uint32_t cpuids)
{
	uint64_t eventsel = COUNT_INSTRUCTIONS | flags;
	unsigned int n;

	if (!pmu.global_ctrl) {
		count(pmu.selector + i * pmu.stride, eventsel, loops, cpuids);
		return read_counter(i);
	}

	wrmsr(pmu.global_ctrl, 0);
	for (n = 0; n < pmu.nr_counters; n++)
		write_selector(n, n == i ? eventsel : COUNT_INSTRUCTIONS);

	count(pmu.global_ctrl, all_counters(), loops, cpuids);

	for (n = 0; n < pmu.nr_counters; n++)
		write_selector(n, 0);
	return read_counter(i);
}

static uint64_t measure_from_zero(unsigned int i, uint32_t loops, uint32_t cpuids)
{
	unsigned int n;

	for (n = 0; n < pmu.nr_counters; n++)
		write_counter(n, 0);

	return measure(i, 0, loops, cpuids);
}

/* Which of the two WRMSRs is counted is the processor's choice. */
static void test_exact_counts(void)
{
	unsigned int i;

	for (i = 0; i < pmu.nr_counters; i++) {
		uint64_t least = measure_from_zero(i, 1, 1);

		GUEST_ASSERT(least >= INSNS_PER_LOOP + INSNS_PER_CPUID + 3);
		GUEST_ASSERT(least <= INSNS_PER_LOOP + INSNS_PER_CPUID + 5);
		GUEST_ASSERT_EQ(measure_from_zero(i, 100001, 1),
				least + 100000 * INSNS_PER_LOOP);
		GUEST_ASSERT_EQ(measure_from_zero(i, 1, 101),
				least + 100 * INSNS_PER_CPUID);
	}
}

static void test_all_at_once(void)
{
	uint64_t first;
	unsigned int i;

	if (!pmu.global_ctrl)
		return;

	first = measure_from_zero(0, 5000, 50);
	for (i = 1; i < pmu.nr_counters; i++)
		GUEST_ASSERT_EQ(read_counter(i), first);
}

static void nmi_handler(struct ex_regs *regs)
{
	WRITE_ONCE(nr_nmis, READ_ONCE(nr_nmis) + 1);
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
}

static void clear_status(void)
{
	if (pmu.global_ctrl)
		wrmsr(pmu.global_clear, all_counters());
}

/*
 * Overflow @after instructions, which may be in a loop of the CPU's or in one
 * whose every fourth instruction is KVM's.
 */
static void test_overflow(unsigned int i, uint64_t after)
{
	unsigned int before = READ_ONCE(nr_nmis);
	unsigned int n;
	uint64_t value;

	for (n = 0; n < pmu.nr_counters; n++)
		write_counter(n, 0);
	clear_status();
	write_counter(i, -after & COUNTER_MASK);

	/* It wrapped, and counted the handler of the PMI, too. */
	value = measure(i, ARCH_PERFMON_EVENTSEL_INT, 10, 10);
	GUEST_ASSERT(value < 10000);
	GUEST_ASSERT_EQ(READ_ONCE(nr_nmis), before + 1);
	if (pmu.global_ctrl)
		GUEST_ASSERT_EQ(rdmsr(pmu.global_status) & all_counters(), BIT_ULL(i));
	clear_status();
	if (pmu.global_ctrl)
		GUEST_ASSERT_EQ(rdmsr(pmu.global_status) & all_counters(), 0);
}

static void test_overflows(void)
{
	uint64_t after;
	unsigned int i;

	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	for (i = 0; i < pmu.nr_counters; i++) {
		for (after = 1; after <= 10 * (INSNS_PER_LOOP + INSNS_PER_CPUID); after++)
			test_overflow(i, after);
	}
}

/* No PMI comes late for what overflowed while LVTPC was masked. */
static void test_masked_overflow(void)
{
	unsigned int before = READ_ONCE(nr_nmis);

	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI | APIC_LVT_MASKED);
	write_counter(0, -10 & COUNTER_MASK);
	measure(0, ARCH_PERFMON_EVENTSEL_INT, 100, 1);
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	measure(0, 0, 100, 1);
	GUEST_ASSERT_EQ(READ_ONCE(nr_nmis), before);
	clear_status();
}

/*
 * Count while user space is left, with an overflow to be remembered, and tell
 * it what was counted. User space saves and restores the vCPU every other time,
 * and compares.
 */
static void count_over_exit(void)
{
	unsigned int n;

	for (n = 0; n < pmu.nr_counters; n++)
		write_counter(n, 1000 + n);
	write_counter(1, -10 & COUNTER_MASK);

	for (n = 0; n < pmu.nr_counters; n++)
		write_selector(n, COUNT_INSTRUCTIONS);
	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, all_counters());

	GUEST_SYNC(0);

	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, 0);
	for (n = 0; n < pmu.nr_counters; n++)
		write_selector(n, 0);

	for (n = 0; n < pmu.nr_counters; n++)
		GUEST_SYNC(read_counter(n));
	GUEST_SYNC(pmu.global_ctrl ? rdmsr(pmu.global_status) : 0);
	clear_status();
}

/* Written by user space: what to do next, and where to overflow. */
static bool at_exit;
static uint64_t overflow_after;

/*
 * Overflow about there, where a PMI may find that KVM_RUN has ended, and tell
 * user space how many came.
 */
static void overflow_at_exit(void)
{
	unsigned int before = READ_ONCE(nr_nmis);

	write_counter(0, -READ_ONCE(overflow_after) & COUNTER_MASK);
	write_selector(0, COUNT_INSTRUCTIONS | ARCH_PERFMON_EVENTSEL_INT);
	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, 1);

	GUEST_SYNC(0);

	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, 0);
	write_selector(0, 0);
	clear_status();
	GUEST_SYNC(READ_ONCE(nr_nmis) - before);
}

static void guest_code(void)
{
	x2apic_enable();
	guest_find_pmu();

	test_exact_counts();
	test_all_at_once();
	test_overflows();
	test_masked_overflow();

	GUEST_SYNC(pmu.nr_counters);
	for (;;) {
		if (READ_ONCE(at_exit))
			overflow_at_exit();
		else
			count_over_exit();
	}
}

static uint64_t next_sync(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	vcpu_run(vcpu);
	switch (get_ucall(vcpu, &uc)) {
	case UCALL_SYNC:
		return uc.args[1];
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(uc);
	default:
		TEST_FAIL("Unexpected ucall: %lu", uc.cmd);
	}

	return 0;
}

static struct kvm_vcpu *save_and_restore(struct kvm_vm *vm, struct kvm_vcpu *vcpu)
{
	struct kvm_x86_state *state = vcpu_save_state(vcpu);
	struct kvm_lapic_state lapic;

	vcpu_ioctl(vcpu, KVM_GET_LAPIC, &lapic);
	kvm_vm_release(vm);
	vcpu = vm_recreate_with_one_vcpu(vm);
	vcpu_load_state(vcpu, state);
	vcpu_ioctl(vcpu, KVM_SET_LAPIC, &lapic);
	kvm_x86_state_cleanup(state);

	return vcpu;
}

#define MAX_RESULTS	16

static struct kvm_vcpu *test_counts_over_exit(struct kvm_vm *vm, struct kvm_vcpu *vcpu)
{
	uint64_t first[MAX_RESULTS], value;
	int nr_results, round, i;

	/* All counters, and the status. */
	nr_results = next_sync(vcpu) + 1;
	TEST_ASSERT(nr_results <= MAX_RESULTS, "%d counters", nr_results - 1);

	for (round = 0; round < 6; round++) {
		next_sync(vcpu);
		if (round & 1)
			vcpu = save_and_restore(vm, vcpu);

		for (i = 0; i < nr_results; i++) {
			value = next_sync(vcpu);
			if (!round)
				first[i] = value;
			TEST_ASSERT(value == first[i],
				    "Round %d, result %d: 0x%lx, was 0x%lx at first",
				    round, i, value, first[i]);
		}
	}

	return vcpu;
}

/* What counter 0 shows to user space. */
static uint64_t counter_of(struct kvm_vcpu *vcpu)
{
	return vcpu_get_msr(vcpu, host_cpu_is_intel ? MSR_IA32_PERFCTR0 :
						      MSR_F15H_PERF_CTR0);
}

/*
 * The instruction that leaves for user space is counted by KVM when KVM_RUN
 * completes it, also if KVM_RUN is only called to have the vCPU saved then.
 */
static void test_overflows_at_exit(struct kvm_vm *vm, struct kvm_vcpu *vcpu)
{
	uint64_t before_exit, after, nr;
	int round;

	at_exit = true;
	sync_global_to_guest(vm, at_exit);
	next_sync(vcpu);
	before_exit = counter_of(vcpu);
	TEST_ASSERT(before_exit > 2, "Only %lu instructions", before_exit);
	next_sync(vcpu);

	for (after = before_exit - 1; after <= before_exit + 2; after++) {
		overflow_after = after;
		sync_global_to_guest(vm, overflow_after);
		for (round = 0; round < 2; round++) {
			next_sync(vcpu);
			if (round)
				vcpu = save_and_restore(vm, vcpu);
			nr = next_sync(vcpu);
			TEST_ASSERT(nr == 1,
				    "%lu PMIs, overflow after %lu, exit after %lu, %s",
				    nr, after, before_exit,
				    round ? "restored" : "kept");
		}
	}
}

int main(int argc, char *argv[])
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	TEST_REQUIRE(kvm_is_pmu_enabled());
	TEST_REQUIRE(host_cpu_is_intel ? get_kvm_intel_param_bool("enable_mediated_pmu") :
					 get_kvm_amd_param_bool("enable_mediated_pmu"));

	vm = vm_create_with_one_vcpu(&vcpu, guest_code);
	vm_install_exception_handler(vm, NMI_VECTOR, nmi_handler);

	vcpu = test_counts_over_exit(vm, vcpu);
	test_overflows_at_exit(vm, vcpu);

	kvm_vm_free(vm);
	return 0;
}
