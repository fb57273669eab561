// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad input to the mediated vPMU: each reserved bit of each register, registers
 * that are not there, RDPMC of counters that are not there; from a guest that
 * uses its PMU and reaches the registers by itself, from one that does not, and
 * from user space. Intel's processors raise #GP, AMD's ignore what is reserved.
 * In either case the register stays as it was, and what counts goes on.
 */
#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_pmu.h"
#include "pmu.h"
#include "processor.h"
#include "test_util.h"

#define MSR_CORE_PERF_GLOBAL_INUSE	0x00000392
#define MSR_PERF_METRICS		0x00000329
#define MSR_AMD64_L3_CTL		0xc0010230
#define MSR_AMD64_NB_CTL		0xc0010240

#define X86_FEATURE_ANYTHREAD_DEPRECATED KVM_X86_CPU_FEATURE(0xa, 0, EDX, 15)

/* Counters of either vendor's present processors; KVM refuses other widths. */
#define COUNTER_WIDTH	48

/* The numbers from a first register on that are counters' on some processor. */
#define MSRS_GP		8
#define MSRS_FIXED	7

#define X86_FEATURE_AMD_FREEZE	KVM_X86_CPU_FEATURE(0x80000022, 0, EAX, 2)

#define LBR_FORMAT	GENMASK_ULL(5, 0)	/* all ones: architectural */
#define STATUS_LBR_FRZ	BIT_ULL(58)
#define STATUS_CTR_FRZ	BIT_ULL(59)
#define STATUS_OVF_BUF	BIT_ULL(62)
#define STATUS_COND_CHGD BIT_ULL(63)

/* Of PERF_METRICS, Intel PT, SGX and the uncore, in Intel's GLOBAL_STATUS. */
#define STATUS_OTHERS	(BIT_ULL(48) | BIT_ULL(55) | BIT_ULL(60) | BIT_ULL(61))

enum outcome {
	REFUSED,	/* #GP */
	DROPPED,	/* written, and not there */
	EITHER,		/* the processor's choice of the two */
};

/* The guest's: does it use its PMU, and which counter is not being tested? */
static bool pmu_is_used;
static unsigned int witness;

static uint32_t selector_msr(unsigned int i)
{
	return pmu.selector + i * pmu.stride;
}

static uint64_t fixed_fields(uint64_t field)
{
	uint64_t value = 0;
	unsigned int i;

	for (i = 0; i < pmu.nr_fixed; i++)
		value |= FIXED_PMC_CTRL(i, field);

	return value;
}

/* No bit of either value enables a counter in a guest that does not use its PMU. */
static void begin(bool used)
{
	uint64_t eventsel = COUNT_INSTRUCTIONS;
	uint64_t field = FIXED_PMC_ENABLE_PMI;
	unsigned int i;

	pmu_is_used = used;
	if (used)
		field = FIXED_PMC_KERNEL | FIXED_PMC_USER;
	else
		eventsel &= ~ARCH_PERFMON_EVENTSEL_ENABLE;

	pmu_find();
	pmu_stop();
	for (i = 0; i < pmu.nr_gp; i++)
		pmu_write_selector(i, eventsel);
	if (pmu.nr_fixed)
		wrmsr(pmu.fixed_ctrl, fixed_fields(field));
	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, pmu_all_counters());
}

static void check_witness(uint64_t before)
{
	uint64_t now = pmu_read_counter(witness);

	if (pmu_is_used)
		GUEST_ASSERT(now > before);
	else
		GUEST_ASSERT_EQ(now, before);
}

static void check_write(uint32_t msr, uint64_t value, enum outcome outcome)
{
	uint64_t count = pmu_read_counter(witness);
	uint64_t old = rdmsr(msr);
	uint8_t vector = wrmsr_safe(msr, value);

	if (outcome == EITHER)
		__GUEST_ASSERT(!vector || vector == GP_VECTOR,
			       "WRMSR 0x%x 0x%lx: vector %u", msr, value, vector);
	else
		__GUEST_ASSERT(vector == (outcome == REFUSED ? GP_VECTOR : 0),
			       "WRMSR 0x%x 0x%lx: vector %u", msr, value, vector);
	__GUEST_ASSERT(rdmsr(msr) == old,
		       "WRMSR 0x%x 0x%lx: reads 0x%lx, was 0x%lx", msr, value,
		       rdmsr(msr), old);
	check_witness(count);
}

static void check_bits(uint32_t msr, uint64_t bits, enum outcome outcome)
{
	uint64_t old = rdmsr(msr);
	unsigned int i;

	for (i = 0; i < 64; i++) {
		if (bits & BIT_ULL(i))
			check_write(msr, old | BIT_ULL(i), outcome);
	}
}

static enum outcome vendors_way(void)
{
	return this_cpu_is_intel() ? REFUSED : DROPPED;
}

/*
 * What a selector may have. KVM lets guests set Intel's pin control, which
 * processors don't have any more, and keeps it for the guest to read. AnyThread
 * is reserved if CPUID says so, and to a guest of the mediated vPMU it does.
 */
static uint64_t selector_bits(unsigned int i)
{
	uint64_t bits = GENMASK_ULL(31, 0) & ~ARCH_PERFMON_EVENTSEL_ANY;

	if (!this_cpu_is_intel()) {
		bits &= ~ARCH_PERFMON_EVENTSEL_PIN_CONTROL;
		bits |= GENMASK_ULL(35, 32);
		if (this_cpu_has(X86_FEATURE_SVM))
			bits |= BIT_ULL(40) | BIT_ULL(41);
		return bits;
	}

	GUEST_ASSERT(this_cpu_has(X86_FEATURE_ANYTHREAD_DEPRECATED));
	if (pmu.adaptive_pebs)
		bits |= SELECTOR_ADAPTIVE;
	/* IN_TX, and IN_TXCP on the third counter alone. */
	if (this_cpu_has(X86_FEATURE_HLE) || this_cpu_has(X86_FEATURE_RTM))
		bits |= BIT_ULL(32) | (i == 2 ? BIT_ULL(33) : 0);
	return bits;
}

static void guest_selectors(bool used)
{
	unsigned int i;

	begin(used);
	for (i = 0; i < pmu.nr_gp; i++) {
		witness = !i;
		check_bits(selector_msr(i), ~selector_bits(i), vendors_way());
		if (pmu.stride == 2 && i < 4)
			check_bits(MSR_K7_EVNTSEL0 + i, ~selector_bits(i), DROPPED);
	}
	GUEST_DONE();
}

/*
 * The counter under test stands still, as it is to keep its value. Intel's
 * legacy names take 32 bits, extend their sign and ignore the rest.
 */
static void check_gp_counter(unsigned int i)
{
	uint64_t above = ~GENMASK_ULL(COUNTER_WIDTH - 1, 0);

	pmu_write_selector(i, 0);
	pmu_write_counter(i, 0x12345678);
	if (!this_cpu_is_intel()) {
		check_bits(pmu.counter + i * pmu.stride, above, DROPPED);
		if (i < 4)
			check_bits(MSR_K7_PERFCTR0 + i, above, DROPPED);
		return;
	}

	check_bits(MSR_IA32_PERFCTR0 + i, GENMASK_ULL(63, 32), DROPPED);
	if (rdmsr(MSR_IA32_PERF_CAPABILITIES) & PMU_CAP_FW_WRITES)
		check_bits(MSR_IA32_PMC0 + i, above, REFUSED);
}

static void guest_gp_counters(bool used)
{
	unsigned int i;

	begin(used);
	for (i = 0; i < pmu.nr_gp; i++) {
		witness = !i;
		check_gp_counter(i);
		pmu_write_counter(i, 0);
		pmu_write_selector(i, rdmsr(selector_msr(witness)));
	}
	GUEST_DONE();
}

static void guest_fixed_counters(bool used)
{
	unsigned int i;

	begin(used);
	for (i = 0; i < pmu.nr_fixed; i++) {
		wrmsr(pmu.fixed_ctrl, rdmsr(pmu.fixed_ctrl) & ~FIXED_PMC_CTRL(i, 0xful));
		wrmsr(pmu.fixed_counter + i, 0x123456789abc);
		check_bits(pmu.fixed_counter + i, ~GENMASK_ULL(COUNTER_WIDTH - 1, 0),
			   REFUSED);
	}
	GUEST_DONE();
}

static uint64_t fixed_ctrl_bits(void)
{
	uint64_t bits = fixed_fields(FIXED_PMC_KERNEL | FIXED_PMC_USER |
				     FIXED_PMC_ENABLE_PMI);

	return bits | (pmu.adaptive_pebs ? fixed_fields(1) << FIXED_ADAPTIVE_SHIFT : 0);
}

static void guest_fixed_ctrl(bool used)
{
	begin(used);
	check_bits(pmu.fixed_ctrl, ~fixed_ctrl_bits(), REFUSED);
	GUEST_DONE();
}

/*
 * The bit of PERF_METRICS, which comes with the fourth fixed counter, is not
 * the guest's, but it is the processor's where the guest reaches the register
 * by itself: it may be set there, and is dropped when the register is saved.
 */
static void check_metrics_bit(void)
{
	uint64_t old = rdmsr(pmu.global_ctrl), value;
	uint8_t vector = wrmsr_safe(pmu.global_ctrl, old | BIT_ULL(48));

	if (pmu.nr_fixed < 4 || !pmu_is_used)
		GUEST_ASSERT_EQ(vector, GP_VECTOR);
	if (vector)
		GUEST_ASSERT_EQ(rdmsr(pmu.global_ctrl), old);
	wrmsr(pmu.global_ctrl, old);

	/* Nothing to be read there, with or without #GP. */
	if (!rdpmc_safe(INTEL_RDPMC_METRICS, &value))
		GUEST_ASSERT(pmu.nr_fixed == 4 && pmu_is_used);
	GUEST_ASSERT_EQ(rdmsr_safe(MSR_PERF_METRICS, &value), GP_VECTOR);
}

/* As before, with user space to look at it meanwhile. */
static void guest_metrics_bit(bool used)
{
	begin(used);
	wrmsr_safe(pmu.global_ctrl, pmu_all_counters() | BIT_ULL(48));
	GUEST_SYNC(pmu_all_counters());
	GUEST_ASSERT_EQ(rdmsr(pmu.global_ctrl), pmu_all_counters());
	GUEST_DONE();
}

static void guest_global_ctrl(bool used)
{
	begin(used);
	if (this_cpu_is_intel()) {
		check_bits(pmu.global_ctrl, ~(pmu_all_counters() | BIT_ULL(48)), REFUSED);
		check_metrics_bit();
	} else {
		check_bits(pmu.global_ctrl, ~pmu_all_counters(), EITHER);
	}
	GUEST_DONE();
}

/*
 * Bits of GLOBAL_STATUS that are neither counters' nor have been given out to
 * anything by the version of the PMU that the guest is shown.
 */
static uint64_t status_reserved(void)
{
	uint64_t defined = pmu_all_counters();

	if (this_cpu_is_intel())
		defined |= STATUS_OVF_BUF | STATUS_COND_CHGD;
	if (pmu.global_set && (this_cpu_is_intel() || this_cpu_has(X86_FEATURE_AMD_FREEZE)))
		defined |= STATUS_LBR_FRZ | STATUS_CTR_FRZ;

	return ~defined;
}

/*
 * The status as a guest of either vendor may write it, or may not. What others
 * than counters have in it is there if the processor has them; KVM, which
 * gives them to no guest, refuses it.
 */
static void guest_status(bool used)
{
	begin(used);
	if (!this_cpu_is_intel()) {
		check_bits(pmu.global_status, ~0ull, DROPPED);
		check_bits(pmu.global_clear, ~0ull, DROPPED);
		check_bits(pmu.global_set, status_reserved(), DROPPED);
		GUEST_ASSERT_EQ(rdmsr(pmu.global_status), 0);
		GUEST_DONE();
	}

	check_write(pmu.global_status, 0, REFUSED);
	check_bits(pmu.global_status, ~0ull, REFUSED);
	check_bits(pmu.global_clear, status_reserved() & ~STATUS_OTHERS, REFUSED);
	check_bits(pmu.global_clear, STATUS_OTHERS, EITHER);
	if (pmu.global_set) {
		check_bits(pmu.global_set, status_reserved() | STATUS_COND_CHGD, REFUSED);
		check_write(MSR_CORE_PERF_GLOBAL_INUSE, 0, REFUSED);
		check_bits(MSR_CORE_PERF_GLOBAL_INUSE, ~0ull, REFUSED);
	}
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), 0);
	GUEST_DONE();
}

static void check_absent(uint32_t first, unsigned int nr)
{
	uint64_t count, value;
	uint32_t msr;

	for (msr = first; msr < first + nr; msr++) {
		count = pmu_read_counter(witness);
		__GUEST_ASSERT(rdmsr_safe(msr, &value) == GP_VECTOR, "RDMSR 0x%x", msr);
		__GUEST_ASSERT(wrmsr_safe(msr, 0) == GP_VECTOR, "WRMSR 0x%x 0", msr);
		__GUEST_ASSERT(wrmsr_safe(msr, 1) == GP_VECTOR, "WRMSR 0x%x 1", msr);
		check_witness(count);
	}
}

/* From @first on there are @nr registers, of @max numbers kept for them. */
static void check_beyond(uint32_t first, unsigned int nr, unsigned int max)
{
	if (nr < max)
		check_absent(first + nr, max - nr);
}

/* PERF_CAPABILITIES' LBR format: 0 says that there is none. */
static bool has_legacy_lbr(void)
{
	uint64_t format = rdmsr(MSR_IA32_PERF_CAPABILITIES) & LBR_FORMAT;

	return format && format != LBR_FORMAT;
}

static void check_absent_intel(void)
{
	bool fw_writes = rdmsr(MSR_IA32_PERF_CAPABILITIES) & PMU_CAP_FW_WRITES;

	check_beyond(MSR_IA32_PERFCTR0, pmu.nr_gp, MSRS_GP);
	check_beyond(MSR_P6_EVNTSEL0, pmu.nr_gp, MSRS_GP);
	check_beyond(MSR_IA32_PMC0, fw_writes ? pmu.nr_gp : 0, MSRS_GP);
	check_beyond(MSR_CORE_PERF_FIXED_CTR0, pmu.nr_fixed, MSRS_FIXED);
	if (!pmu.global_set)
		check_absent(MSR_CORE_PERF_GLOBAL_STATUS_SET, 2);

	/* PERF_METRICS is not given to guests. */
	check_absent(MSR_PERF_METRICS, 1);
	if (!pmu.pebs)
		check_absent(MSR_IA32_PEBS_ENABLE, 1);
	if (!pmu.adaptive_pebs)
		check_absent(MSR_PEBS_DATA_CFG, 1);
	if (!this_cpu_has(X86_FEATURE_DS))
		check_absent(MSR_IA32_DS_AREA, 1);
	if (!has_legacy_lbr())
		check_absent(MSR_LBR_SELECT, 2);

	check_absent(MSR_F15H_PERF_CTL0, 12);
	check_absent(MSR_AMD64_GLOBAL_STATUS, 4);
}

static void check_absent_amd(void)
{
	check_beyond(MSR_F15H_PERF_CTL0, pmu.stride == 2 ? 2 * pmu.nr_gp : 0,
		     2 * MSRS_GP);
	if (!pmu.global_ctrl)
		check_absent(MSR_AMD64_GLOBAL_STATUS, 4);

	/* The L3 cache's and the data fabric's are the host's. */
	check_absent(MSR_AMD64_L3_CTL, 12);
	check_absent(MSR_AMD64_NB_CTL, 8);

	check_absent(MSR_CORE_PERF_FIXED_CTR0, 3);
	check_absent(MSR_CORE_PERF_FIXED_CTR_CTRL, 6);
}

static void guest_absent(bool used)
{
	begin(used);
	if (this_cpu_is_intel())
		check_absent_intel();
	else
		check_absent_amd();
	GUEST_DONE();
}

static void check_no_rdpmc(uint32_t index)
{
	uint64_t count = pmu_read_counter(witness), value;

	__GUEST_ASSERT(rdpmc_safe(index, &value) == GP_VECTOR, "RDPMC 0x%x", index);
	check_witness(count);
}

/*
 * AMD's six that follow are the L3 cache's, and there may be the fabric's
 * before them. Intel's 2^29 is PERF_METRICS, see check_metrics_bit(). KVM takes
 * 0x10000 to 0x10002, where it looks, for VMware's backdoor.
 */
static void guest_rdpmc(bool used)
{
	uint64_t value;
	uint32_t i;

	begin(used);
	for (i = 0; i < pmu.nr_gp; i++)
		GUEST_ASSERT_EQ(rdpmc_safe(i, &value), 0);
	for (i = pmu.nr_gp; i <= 64; i++)
		check_no_rdpmc(i);

	for (i = 0; i < pmu.nr_fixed; i++)
		GUEST_ASSERT_EQ(rdpmc_safe(INTEL_RDPMC_FIXED | i, &value), 0);
	for (i = pmu.nr_fixed; i <= 32; i++)
		check_no_rdpmc(INTEL_RDPMC_FIXED | i);

	if (pmu.nr_fixed < 4)
		check_no_rdpmc(INTEL_RDPMC_METRICS);
	check_no_rdpmc(INTEL_RDPMC_METRICS | 1);
	check_no_rdpmc(INTEL_RDPMC_FAST);
	check_no_rdpmc(BIT(28));
	check_no_rdpmc(-1u);
	GUEST_DONE();
}

/* For user space: of a selector, whichever it is, and of GLOBAL_STATUS. */
static uint64_t selector_reserved, status_is_reserved;

/* User space does its worst meanwhile. */
static void guest_counts(bool used)
{
	uint64_t count;

	begin(used);
	selector_reserved = ~(selector_bits(0) | selector_bits(2));
	status_is_reserved = status_reserved();
	count = pmu_read_counter(0);
	GUEST_SYNC(0);

	check_witness(count);
	if (pmu.global_ctrl)
		GUEST_ASSERT_EQ(rdmsr(pmu.global_ctrl), pmu_all_counters());
	pmu_stop();
	GUEST_DONE();
}

FIXTURE(bad_input) {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
};

FIXTURE_VARIANT(bad_input) {
	bool small;
	bool used;
};

FIXTURE_VARIANT_ADD(bad_input, pmu_not_used) {
};

FIXTURE_VARIANT_ADD(bad_input, pmu_used) {
	.used = true,
};

FIXTURE_VARIANT_ADD(bad_input, small_pmu_not_used) {
	.small = true,
};

FIXTURE_VARIANT_ADD(bad_input, small_pmu_used) {
	.small = true,
	.used = true,
};

/* Fewer counters than the host's, and an older version. */
static void give_small_pmu(struct kvm_vcpu *vcpu)
{
	if (!host_cpu_is_intel) {
		vcpu_clear_cpuid_feature(vcpu, X86_FEATURE_AMD_PERFMON_V2);
		vcpu_clear_cpuid_feature(vcpu, X86_FEATURE_AMD_PERFCTR_CORE);
		return;
	}

	vcpu_set_cpuid_property(vcpu, X86_PROPERTY_PMU_VERSION, 2);
	vcpu_set_cpuid_property(vcpu, X86_PROPERTY_PMU_NR_GP_COUNTERS, 2);
	vcpu_set_cpuid_property(vcpu, X86_PROPERTY_PMU_NR_FIXED_COUNTERS, 1);
	vcpu_set_msr(vcpu, MSR_IA32_PERF_CAPABILITIES, 0);
}

FIXTURE_SETUP(bad_input)
{
	self->vm = vm_create_with_one_vcpu(&self->vcpu, NULL);
	if (variant->small)
		give_small_pmu(self->vcpu);
}

FIXTURE_TEARDOWN(bad_input)
{
	kvm_vm_free(self->vm);
}

static void begin_guest(struct kvm_vcpu *vcpu, void *guest_code, bool used)
{
	vcpu_arch_set_entry_point(vcpu, guest_code);
	vcpu_args_set(vcpu, 1, used);
}

static void run_guest_to_end(struct kvm_vcpu *vcpu)
{
	uint64_t value;

	TEST_ASSERT(!vcpu_run_to_sync(vcpu, &value), "The guest goes on");
}

static void run_guest(struct kvm_vcpu *vcpu, void *guest_code, bool used)
{
	begin_guest(vcpu, guest_code, used);
	run_guest_to_end(vcpu);
}

static bool guest_has_globals(bool small)
{
	return host_cpu_is_intel || (!small && kvm_cpu_has(X86_FEATURE_AMD_PERFMON_V2));
}

TEST_F(bad_input, reserved_bits_of_selectors)
{
	run_guest(self->vcpu, guest_selectors, variant->used);
}

TEST_F(bad_input, reserved_bits_of_gp_counters)
{
	run_guest(self->vcpu, guest_gp_counters, variant->used);
}

TEST_F(bad_input, reserved_bits_of_fixed_counters)
{
	if (!host_cpu_is_intel)
		SKIP(return, "AMD has no fixed counters");
	run_guest(self->vcpu, guest_fixed_counters, variant->used);
}

TEST_F(bad_input, reserved_bits_of_fixed_ctr_ctrl)
{
	if (!host_cpu_is_intel)
		SKIP(return, "AMD has no fixed counters");
	run_guest(self->vcpu, guest_fixed_ctrl, variant->used);
}

TEST_F(bad_input, reserved_bits_of_global_ctrl)
{
	if (!guest_has_globals(variant->small))
		SKIP(return, "No global registers");
	run_guest(self->vcpu, guest_global_ctrl, variant->used);
}

TEST_F(bad_input, bit_of_perf_metrics_does_not_reach_user_space)
{
	uint64_t all;

	if (!host_cpu_is_intel)
		SKIP(return, "AMD has no PERF_METRICS");

	begin_guest(self->vcpu, guest_metrics_bit, variant->used);
	all = vcpu_next_sync(self->vcpu);
	TEST_ASSERT_EQ(vcpu_get_msr(self->vcpu, MSR_CORE_PERF_GLOBAL_CTRL), all);
	run_guest_to_end(self->vcpu);
}

TEST_F(bad_input, reserved_bits_of_status_registers)
{
	if (!guest_has_globals(variant->small))
		SKIP(return, "No global registers");
	run_guest(self->vcpu, guest_status, variant->used);
}

TEST_F(bad_input, absent_registers_are_gp)
{
	run_guest(self->vcpu, guest_absent, variant->used);
}

TEST_F(bad_input, rdpmc_of_absent_counters_is_gp)
{
	run_guest(self->vcpu, guest_rdpmc, variant->used);
}

/* The guest is in the middle of it, and what it knows of its PMU is here, too. */
static void run_to_counting(struct kvm_vcpu *vcpu, bool used)
{
	begin_guest(vcpu, guest_counts, used);
	vcpu_next_sync(vcpu);
	sync_global_from_guest(vcpu->vm, pmu);
	sync_global_from_guest(vcpu->vm, selector_reserved);
	sync_global_from_guest(vcpu->vm, status_is_reserved);
}

/*
 * Write three registers at once, the second of which is bad: the first is
 * written, the others are not.
 */
static void check_user_refused(struct kvm_vcpu *vcpu, uint32_t msr, uint64_t value)
{
	static uint64_t unique = 0x1000;
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entries[3];
	} msrs = {
		.header.nmsrs = 3,
		.entries = {
			{ .index = MSR_STAR, .data = ++unique },
			{ .index = msr, .data = value },
			{ .index = MSR_CSTAR, .data = unique },
		},
	};
	int r = __vcpu_ioctl(vcpu, KVM_SET_MSRS, &msrs.header);

	TEST_ASSERT(r == 1, "KVM_SET_MSRS 0x%x 0x%lx: %d", msr, value, r);
	TEST_ASSERT_EQ(vcpu_get_msr(vcpu, MSR_STAR), unique);
	TEST_ASSERT(vcpu_get_msr(vcpu, MSR_CSTAR) != unique,
		    "KVM_SET_MSRS goes on after 0x%x 0x%lx", msr, value);
}

static void check_user_bits(struct kvm_vcpu *vcpu, uint32_t msr, uint64_t bits,
			    enum outcome outcome)
{
	uint64_t old = vcpu_get_msr(vcpu, msr);
	unsigned int i;

	for (i = 0; i < 64; i++) {
		if (!(bits & BIT_ULL(i)))
			continue;
		if (outcome == REFUSED)
			check_user_refused(vcpu, msr, old | BIT_ULL(i));
		else
			TEST_ASSERT_EQ(_vcpu_set_msr(vcpu, msr, old | BIT_ULL(i)), 1);
		TEST_ASSERT(vcpu_get_msr(vcpu, msr) == old,
			    "MSR 0x%x: 0x%lx, was 0x%lx before bit %u", msr,
			    vcpu_get_msr(vcpu, msr), old, i);
	}
}

static enum outcome users_way(void)
{
	return host_cpu_is_intel ? REFUSED : DROPPED;
}

TEST_F(bad_input, user_space_reserved_bits_of_selectors)
{
	unsigned int i;

	run_to_counting(self->vcpu, variant->used);
	for (i = 0; i < pmu.nr_gp; i++)
		check_user_bits(self->vcpu, selector_msr(i), selector_reserved,
				users_way());
	run_guest_to_end(self->vcpu);
}

/*
 * KVM has always dropped what user space writes above a counter's width, but
 * for the full-width names.
 */
TEST_F(bad_input, user_space_reserved_bits_of_counters)
{
	uint64_t above = ~GENMASK_ULL(COUNTER_WIDTH - 1, 0);
	unsigned int i;

	run_to_counting(self->vcpu, variant->used);
	for (i = 0; i < pmu.nr_gp; i++) {
		check_user_bits(self->vcpu, pmu.counter + i * pmu.stride, above, DROPPED);
		if (host_cpu_is_intel && !variant->small)
			check_user_bits(self->vcpu, MSR_IA32_PMC0 + i, above, REFUSED);
	}
	for (i = 0; i < pmu.nr_fixed; i++)
		check_user_bits(self->vcpu, pmu.fixed_counter + i, above, DROPPED);
	run_guest_to_end(self->vcpu);
}

TEST_F(bad_input, user_space_reserved_bits_of_controls)
{
	run_to_counting(self->vcpu, variant->used);
	if (pmu.nr_fixed)
		check_user_bits(self->vcpu, pmu.fixed_ctrl, ~fixed_ctrl_bits(), REFUSED);
	if (pmu.global_ctrl)
		check_user_bits(self->vcpu, pmu.global_ctrl, ~pmu_all_counters(),
				users_way());
	run_guest_to_end(self->vcpu);
}

/* What clears and sets status bits does nothing when user space writes it. */
TEST_F(bad_input, user_space_reserved_bits_of_status_registers)
{
	struct kvm_vcpu *vcpu = self->vcpu;

	if (!guest_has_globals(variant->small))
		SKIP(return, "No global registers");

	run_to_counting(vcpu, variant->used);
	check_user_bits(vcpu, pmu.global_status, status_is_reserved, REFUSED);
	check_user_bits(vcpu, pmu.global_clear, status_is_reserved, users_way());
	if (pmu.global_set)
		check_user_bits(vcpu, pmu.global_set, status_is_reserved, users_way());
	if (pmu.global_set && host_cpu_is_intel) {
		check_user_refused(vcpu, pmu.global_set, STATUS_COND_CHGD);
		check_user_bits(vcpu, MSR_CORE_PERF_GLOBAL_INUSE, ~0ull, DROPPED);
	}
	run_guest_to_end(vcpu);
}

/* 0 may be written to what KVM lists for saving, whether the guest has it or not. */
static void check_user_absent(struct kvm_vcpu *vcpu, uint32_t first, unsigned int nr)
{
	uint32_t msr;

	for (msr = first; msr < first + nr; msr++)
		check_user_refused(vcpu, msr, 1);
}

TEST_F(bad_input, user_space_absent_registers)
{
	struct kvm_vcpu *vcpu = self->vcpu;

	run_to_counting(vcpu, variant->used);
	if (!host_cpu_is_intel) {
		check_user_absent(vcpu, MSR_CORE_PERF_FIXED_CTR0, 3);
		check_user_absent(vcpu, MSR_CORE_PERF_FIXED_CTR_CTRL, 6);
		if (!pmu.global_ctrl)
			check_user_absent(vcpu, MSR_AMD64_GLOBAL_STATUS, 4);
		if (variant->small)
			check_user_absent(vcpu, MSR_F15H_PERF_CTL0, 12);
		run_guest_to_end(vcpu);
		return;
	}

	if (pmu.nr_gp < MSRS_GP) {
		check_user_absent(vcpu, MSR_IA32_PERFCTR0 + pmu.nr_gp, MSRS_GP - pmu.nr_gp);
		check_user_absent(vcpu, MSR_P6_EVNTSEL0 + pmu.nr_gp, MSRS_GP - pmu.nr_gp);
		check_user_absent(vcpu, MSR_IA32_PMC0 + pmu.nr_gp, MSRS_GP - pmu.nr_gp);
	}
	if (variant->small)
		check_user_absent(vcpu, MSR_IA32_PMC0, pmu.nr_gp);
	check_user_absent(vcpu, MSR_CORE_PERF_FIXED_CTR0 + pmu.nr_fixed,
			  MSRS_FIXED - pmu.nr_fixed);
	if (!pmu.global_set)
		check_user_absent(vcpu, MSR_CORE_PERF_GLOBAL_STATUS_SET, 2);
	check_user_absent(vcpu, MSR_PERF_METRICS, 1);
	if (!pmu.pebs)
		check_user_absent(vcpu, MSR_IA32_PEBS_ENABLE, 1);
	if (!kvm_cpu_has(X86_FEATURE_DS))
		check_user_absent(vcpu, MSR_IA32_DS_AREA, 1);
	run_guest_to_end(vcpu);
}

/* Counters of another width than the CPU's would wrap elsewhere. */
static void check_width_refused(struct kvm_vcpu *vcpu,
				struct kvm_x86_cpu_property property, uint32_t width)
{
	struct kvm_cpuid_entry2 *entry = __vcpu_get_cpuid_entry(vcpu, property.function, 0);
	uint32_t *reg = &entry->eax + property.reg, old = *reg;

	*reg &= ~GENMASK(property.hi_bit, property.lo_bit);
	*reg |= width << property.lo_bit;
	TEST_ASSERT(__vcpu_set_cpuid(vcpu) == -1 && errno == EINVAL,
		    "A width of %u is taken", width);
	*reg = old;
	vcpu_set_cpuid(vcpu);
}

TEST_F(bad_input, cpuid_of_other_width_is_refused)
{
	uint32_t width;

	if (!host_cpu_is_intel)
		SKIP(return, "AMD's CPUID has no width");

	for (width = 0; width < 64; width++) {
		if (width == COUNTER_WIDTH)
			continue;
		check_width_refused(self->vcpu, X86_PROPERTY_PMU_GP_COUNTERS_BIT_WIDTH,
				    width);
		check_width_refused(self->vcpu, X86_PROPERTY_PMU_FIXED_COUNTERS_BIT_WIDTH,
				    width);
	}
}

int main(int argc, char *argv[])
{
	require_mediated_pmu();

	return test_harness_run(argc, argv);
}
