// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which accesses to a mediated vPMU exit: all, while the guest enables no
 * counter; then those to selectors and to what concerns counters that the guest
 * has not; and all again when it has left its PMU alone for long enough. For
 * guests with the host's PMU and with less. User space's MSR filter is stronger.
 */
#include <pthread.h>
#include <time.h>

#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_pmu.h"
#include "pmu.h"
#include "processor.h"
#include "test_util.h"

#define MSR_CORE_PERF_GLOBAL_INUSE	0x00000392

/* A second without an enabled counter, and what the guest may do before that. */
#define IDLE_AFTER_MS	1200
#define STILL_IN_USE_MS	800

#define ACCESSES	100
#define MAX_ACCESSES	128

enum kind { NOTHING, RDMSR, WRMSR, RDPMC };

enum exits {
	IF_UNUSED,	/* the guest reaches the register by itself if it uses its PMU */
	ALWAYS,
};

struct access {
	enum kind kind;
	enum exits exits;
	uint32_t index;
	uint64_t value;
};

static const char *const kinds[] = { "Nothing", "RDMSR", "WRMSR", "RDPMC" };

/* Of the guest, all but one of whose counters always stand still. */
static struct access accesses[MAX_ACCESSES];
static unsigned int nr_accesses;
static bool has_whole_pmu;

/* Written by user space: what the guest does next. */
static struct {
	void (*run)(void);
	struct access access;
} job;

static void do_access(void)
{
	uint32_t index = job.access.index;
	uint64_t value;
	unsigned int i;

	for (i = 0; i < ACCESSES; i++) {
		switch (job.access.kind) {
		case NOTHING:
			break;
		case RDMSR:
			rdmsr(index);
			break;
		case WRMSR:
			wrmsr(index, job.access.value);
			break;
		case RDPMC:
			GUEST_ASSERT_EQ(rdpmc_safe(index, &value), 0);
			break;
		}
	}
}

/* The filter denies it. */
static void do_refused_access(void)
{
	uint64_t value;
	uint8_t vector;

	if (job.access.kind == RDMSR)
		vector = rdmsr_safe(job.access.index, &value);
	else
		vector = wrmsr_safe(job.access.index, job.access.value);
	__GUEST_ASSERT(vector == GP_VECTOR, "MSR 0x%x: vector %u", job.access.index, vector);
}

/* The last counter is the one that is used; GLOBAL_CTRL is on all the time. */
static void use_pmu(void)
{
	pmu_write_selector(pmu.nr_gp - 1, COUNT_INSTRUCTIONS);
}

static void stop_using_pmu(void)
{
	pmu_write_selector(pmu.nr_gp - 1, 0);
}

static void add(enum kind kind, uint32_t index, uint64_t value, enum exits exits)
{
	GUEST_ASSERT(nr_accesses < MAX_ACCESSES);
	accesses[nr_accesses++] = (struct access) {
		.kind = kind,
		.exits = exits,
		.index = index,
		.value = value,
	};
}

static void add_register(uint32_t msr, uint64_t value, enum exits exits)
{
	add(RDMSR, msr, value, exits);
	add(WRMSR, msr, value, exits);
}

static void list_intel(void)
{
	enum exits if_whole = has_whole_pmu ? IF_UNUSED : ALWAYS;
	unsigned int i;

	for (i = 0; i < pmu.nr_gp; i++) {
		add_register(MSR_IA32_PERFCTR0 + i, i, IF_UNUSED);
		if (rdmsr(MSR_IA32_PERF_CAPABILITIES) & PMU_CAP_FW_WRITES)
			add_register(MSR_IA32_PMC0 + i, i, IF_UNUSED);
		add(RDPMC, i, 0, if_whole);
	}
	for (i = 0; i < pmu.nr_fixed; i++) {
		add_register(pmu.fixed_counter + i, i, IF_UNUSED);
		add(RDPMC, INTEL_RDPMC_FIXED | i, 0, if_whole);
	}

	if (!pmu.global_ctrl)
		return;
	add_register(pmu.fixed_ctrl, 0, ALWAYS);
	add_register(pmu.global_ctrl, pmu_all_counters(), if_whole);
	add(RDMSR, pmu.global_status, 0, if_whole);
	add_register(pmu.global_clear, 0, if_whole);
	if (!pmu.global_set)
		return;
	add_register(pmu.global_set, 0, ALWAYS);
	add(RDMSR, MSR_CORE_PERF_GLOBAL_INUSE, 0, ALWAYS);
}

/* RDPMC would reach the counters of the L3 cache, so it exits always. */
static void list_amd(void)
{
	enum exits if_whole = has_whole_pmu ? IF_UNUSED : ALWAYS;
	unsigned int i;

	for (i = 0; i < pmu.nr_gp; i++) {
		add_register(pmu.counter + i * pmu.stride, i, IF_UNUSED);
		if (pmu.stride == 2 && i < 4)
			add_register(MSR_K7_PERFCTR0 + i, i, IF_UNUSED);
		add(RDPMC, i, 0, ALWAYS);
	}

	if (!pmu.global_ctrl)
		return;
	add_register(pmu.global_ctrl, pmu_all_counters(), if_whole);
	add(RDMSR, pmu.global_status, 0, if_whole);
	add(WRMSR, pmu.global_status, 0, ALWAYS);
	add_register(pmu.global_clear, 0, if_whole);
	add_register(pmu.global_set, 0, ALWAYS);
}

static void list_accesses(void)
{
	unsigned int i;

	for (i = 0; i < pmu.nr_gp; i++)
		add(RDMSR, pmu.selector + i * pmu.stride, 0, ALWAYS);
	add(WRMSR, pmu.selector, 0, ALWAYS);
	if (this_cpu_is_intel())
		list_intel();
	else
		list_amd();
}

static void find_pmu(void)
{
	pmu_find();
	pmu_stop();
	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, pmu_all_counters());
}

static void guest_code(bool whole)
{
	has_whole_pmu = whole;
	find_pmu();
	list_accesses();

	for (;;) {
		GUEST_SYNC(0);
		job.run();
	}
}

/* Until it is refused. */
static void guest_reads(void)
{
	uint64_t value;

	find_pmu();
	use_pmu();
	GUEST_SYNC(0);
	while (!rdmsr_safe(pmu.counter, &value))
		;
	GUEST_DONE();
}

FIXTURE(intercept) {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
};

/*
 * What the guest is shown of the host's PMU, and whether that is less than all;
 * AMD's says how many counters it has only in version 2.
 */
FIXTURE_VARIANT(intercept) {
	void (*shape)(struct kvm_vcpu *vcpu);
	bool intel, amd, amd_v2, less;
};

static void lower(struct kvm_vcpu *vcpu, struct kvm_x86_cpu_property property)
{
	vcpu_set_cpuid_property(vcpu, property, kvm_cpu_property(property) - 1);
}

static void set_version(struct kvm_vcpu *vcpu, unsigned int version)
{
	vcpu_set_cpuid_property(vcpu, X86_PROPERTY_PMU_VERSION, version);
}

static void hosts_pmu(struct kvm_vcpu *vcpu)
{
}

FIXTURE_VARIANT_ADD(intercept, hosts_pmu) {
	.shape = hosts_pmu,
	.intel = true,
	.amd = true,
};

static void fewer_gp_counters(struct kvm_vcpu *vcpu)
{
	if (host_cpu_is_intel)
		lower(vcpu, X86_PROPERTY_PMU_NR_GP_COUNTERS);
	else
		lower(vcpu, X86_PROPERTY_AMD_NR_CORE_COUNTERS);
}

FIXTURE_VARIANT_ADD(intercept, fewer_gp_counters) {
	.shape = fewer_gp_counters,
	.intel = true,
	.amd = true,
	.amd_v2 = true,
	.less = true,
};

/* From version 5 on the fixed counters are listed as well. */
static void fewer_fixed_counters(struct kvm_vcpu *vcpu)
{
	lower(vcpu, X86_PROPERTY_PMU_NR_FIXED_COUNTERS);
	if (kvm_cpu_property(X86_PROPERTY_PMU_VERSION) >= 5)
		set_version(vcpu, 4);
}

FIXTURE_VARIANT_ADD(intercept, fewer_fixed_counters) {
	.shape = fewer_fixed_counters,
	.intel = true,
	.less = true,
};

static void no_full_width_writes(struct kvm_vcpu *vcpu)
{
	vcpu_set_msr(vcpu, MSR_IA32_PERF_CAPABILITIES, 0);
}

FIXTURE_VARIANT_ADD(intercept, no_full_width_writes) {
	.shape = no_full_width_writes,
	.intel = true,
};

static void version_2(struct kvm_vcpu *vcpu)
{
	set_version(vcpu, 2);
}

FIXTURE_VARIANT_ADD(intercept, version_2) {
	.shape = version_2,
	.intel = true,
};

static void version_1(struct kvm_vcpu *vcpu)
{
	if (host_cpu_is_intel)
		set_version(vcpu, 1);
	else
		vcpu_clear_cpuid_feature(vcpu, X86_FEATURE_AMD_PERFMON_V2);
}

FIXTURE_VARIANT_ADD(intercept, version_1) {
	.shape = version_1,
	.intel = true,
	.amd = true,
	.less = true,
};

static void no_perfctr_core(struct kvm_vcpu *vcpu)
{
	version_1(vcpu);
	vcpu_clear_cpuid_feature(vcpu, X86_FEATURE_AMD_PERFCTR_CORE);
}

FIXTURE_VARIANT_ADD(intercept, no_perfctr_core) {
	.shape = no_perfctr_core,
	.amd = true,
	.less = true,
};

FIXTURE_SETUP(intercept)
{
	if (!(host_cpu_is_intel ? variant->intel : variant->amd))
		SKIP(return, "A PMU of the other vendor's");
	if (!host_cpu_is_intel && variant->amd_v2 &&
	    !kvm_cpu_has(X86_FEATURE_AMD_PERFMON_V2))
		SKIP(return, "Takes version 2 of AMD's PMU");

	self->vm = vm_create_with_one_vcpu(&self->vcpu, guest_code);
	variant->shape(self->vcpu);
	vcpu_args_set(self->vcpu, 1, !variant->less);
}

FIXTURE_TEARDOWN(intercept)
{
	kvm_vm_free(self->vm);
}

static void guest_does(struct kvm_vcpu *vcpu, void (*run)(void))
{
	job.run = run;
	sync_global_to_guest(vcpu->vm, job);
	vcpu_next_sync(vcpu);
}

static uint64_t count_exits(struct kvm_vcpu *vcpu, struct access access)
{
	uint64_t before = vcpu_get_exits(vcpu);

	job.access = access;
	guest_does(vcpu, do_access);
	return vcpu_get_exits(vcpu) - before;
}

/* The guest leaves for user space once in any case, and for the host's timer. */
static void check_access(struct kvm_vcpu *vcpu, struct access access, bool exits)
{
	uint64_t nr = count_exits(vcpu, access);

	TEST_ASSERT(exits ? nr >= ACCESSES : nr < ACCESSES / 2,
		    "%s 0x%x: %lu exits for %u, %s expected", kinds[access.kind],
		    access.index, nr, ACCESSES, exits ? "all" : "none");
}

static void check_accesses(struct kvm_vcpu *vcpu, bool used)
{
	unsigned int i;

	check_access(vcpu, (struct access) { .kind = NOTHING }, false);
	for (i = 0; i < nr_accesses; i++)
		check_access(vcpu, accesses[i], !used || accesses[i].exits == ALWAYS);
}

static void begin(struct kvm_vcpu *vcpu)
{
	vcpu_next_sync(vcpu);
	sync_global_from_guest(vcpu->vm, pmu);
	sync_global_from_guest(vcpu->vm, nr_accesses);
	sync_global_from_guest(vcpu->vm, accesses);
	TEST_ASSERT(nr_accesses > 10, "%u accesses", nr_accesses);
}

TEST_F(intercept, all_accesses_exit_while_no_counter_is_enabled)
{
	begin(self->vcpu);
	check_accesses(self->vcpu, false);
}

TEST_F(intercept, registers_that_are_the_guests_do_not_exit_once_it_counts)
{
	begin(self->vcpu);
	guest_does(self->vcpu, use_pmu);
	check_accesses(self->vcpu, true);
}

static uint64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* It takes a KVM_RUN to end after that time for the next to begin as an unused PMU's. */
static void be_idle(struct kvm_vcpu *vcpu)
{
	guest_does(vcpu, stop_using_pmu);
	usleep(IDLE_AFTER_MS * 1000);
	count_exits(vcpu, (struct access) { .kind = NOTHING });
}

TEST_F(intercept, all_accesses_exit_again_a_second_after_the_last_use)
{
	int i;

	begin(self->vcpu);
	for (i = 0; i < 2; i++) {
		guest_does(self->vcpu, use_pmu);
		check_accesses(self->vcpu, true);
		be_idle(self->vcpu);
		check_accesses(self->vcpu, false);
	}
}

/*
 * Before version 4 of Intel's PMU a status bit can't be given to the CPU, so
 * KVM keeps it and has to see who asks.
 */
TEST_F(intercept, status_that_user_space_sets_is_the_cpus_if_it_can_be)
{
	struct access read = { .kind = RDMSR }, clear = { .kind = WRMSR, .value = 1 };

	begin(self->vcpu);
	if (!pmu.global_status || variant->less)
		SKIP(return, "The status is always KVM's");

	read.index = pmu.global_status;
	clear.index = pmu.global_clear;
	guest_does(self->vcpu, use_pmu);
	vcpu_set_msr(self->vcpu, read.index, 1);
	check_access(self->vcpu, read,
		     host_cpu_is_intel && kvm_cpu_property(X86_PROPERTY_PMU_VERSION) < 4);
	TEST_ASSERT_EQ(vcpu_get_msr(self->vcpu, read.index), 1);

	count_exits(self->vcpu, clear);
	check_access(self->vcpu, read, false);
	TEST_ASSERT_EQ(vcpu_get_msr(self->vcpu, read.index), 0);
}

/* A guest that stops counters often is not made to exit by that. */
TEST_F(intercept, pause_of_less_changes_nothing)
{
	struct access access = { .kind = RDMSR };
	uint64_t end;

	begin(self->vcpu);
	guest_does(self->vcpu, use_pmu);
	guest_does(self->vcpu, stop_using_pmu);
	end = milliseconds() + STILL_IN_USE_MS;
	access.index = pmu.counter;
	while (milliseconds() < end) {
		check_access(self->vcpu, access, false);
		usleep(50000);
	}
}

/* The numbers from each of these on, as many as a bitmap has bits. */
static const uint32_t first_msr[] = { 0, 0xc0000000, 0xc0010000 };
static uint8_t allowed[ARRAY_SIZE(first_msr)][0x200] = {
	[0 ... ARRAY_SIZE(first_msr) - 1] = { [0 ... 0x1ff] = 0xff },
};

#define MSRS_IN_BITMAP	(sizeof(allowed[0]) * 8)

static void deny(uint32_t msr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(first_msr); i++) {
		uint32_t bit = msr - first_msr[i];

		if (bit < MSRS_IN_BITMAP)
			allowed[i][bit / 8] &= ~BIT(bit % 8);
	}
}

static void set_filter(struct kvm_vm *vm)
{
	struct kvm_msr_filter filter = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(first_msr); i++)
		filter.ranges[i] = (struct kvm_msr_filter_range) {
			.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			.nmsrs = MSRS_IN_BITMAP,
			.base = first_msr[i],
			.bitmap = allowed[i],
		};

	vm_ioctl(vm, KVM_X86_SET_MSR_FILTER, &filter);
	memset(allowed, 0xff, sizeof(allowed));
}

static bool takes_no_exit(const struct access *access)
{
	return access->kind != RDPMC && access->exits == IF_UNUSED;
}

static void check_refused(struct kvm_vcpu *vcpu, const struct access *access)
{
	job.access = *access;
	guest_does(vcpu, do_refused_access);
}

TEST_F(intercept, msr_filter_of_before_is_stronger)
{
	unsigned int i;

	begin(self->vcpu);
	for (i = 0; i < nr_accesses; i++) {
		if (takes_no_exit(&accesses[i]))
			deny(accesses[i].index);
	}
	set_filter(self->vm);
	guest_does(self->vcpu, use_pmu);
	for (i = 0; i < nr_accesses; i++) {
		if (takes_no_exit(&accesses[i]))
			check_refused(self->vcpu, &accesses[i]);
	}

	set_filter(self->vm);
	check_accesses(self->vcpu, true);
}

TEST_F(intercept, msr_filter_that_comes_later_is_stronger)
{
	unsigned int i;

	begin(self->vcpu);
	guest_does(self->vcpu, use_pmu);
	for (i = 0; i < nr_accesses; i++) {
		if (!takes_no_exit(&accesses[i]))
			continue;
		check_access(self->vcpu, accesses[i], false);
		deny(accesses[i].index);
		set_filter(self->vm);
		check_refused(self->vcpu, &accesses[i]);
		set_filter(self->vm);
		check_access(self->vcpu, accesses[i], false);
	}
}

static void *run_vcpu(void *vcpu)
{
	uint64_t value;

	TEST_ASSERT(!vcpu_run_to_sync(vcpu, &value), "The guest reads on");
	return NULL;
}

/* Nothing but the filter ends the guest. */
TEST_F(intercept, msr_filter_reaches_a_guest_that_runs)
{
	pthread_t thread;

	vcpu_arch_set_entry_point(self->vcpu, guest_reads);
	vcpu_next_sync(self->vcpu);
	sync_global_from_guest(self->vm, pmu);

	TEST_ASSERT(!pthread_create(&thread, NULL, run_vcpu, self->vcpu), "No thread");
	usleep(50000);
	deny(pmu.counter);
	set_filter(self->vm);
	pthread_join(thread, NULL);
}

int main(int argc, char *argv[])
{
	require_mediated_pmu();

	return test_harness_run(argc, argv);
}
