// SPDX-License-Identifier: GPL-2.0-only
/*
 * What PEBS of a guest with a mediated vPMU is not to do: record denied events, in
 * SMM or behind an INIT, or the host's branches; and registers and bits that the
 * guest does not have.
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
#include "mediated_pebs.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

#define TURNS		20000
#define RESET		997
#define COUNTER		1

static struct pebs_job plain_job(uint64_t data_cfg)
{
	return pebs_job_of_one(COUNTER, RESET, data_cfg);
}

static void run_to_end(struct kvm_vcpu *vcpu, void *program)
{
	uint64_t value;

	vcpu_arch_set_entry_point(vcpu, program);
	TEST_ASSERT(!vcpu_run_to_sync(vcpu, &value), "The guest was not done");
}

static uint64_t capabilities(void)
{
	return kvm_get_feature_msr(MSR_IA32_PERF_CAPABILITIES);
}

/* The event filter */
static void guest_denied(void)
{
	struct pebs_job job = plain_job(DATA_CFG_GPRS);

	pebs_find();
	job.counters |= BIT_ULL(FIRST_FIXED);
	job.reset[FIRST_FIXED] = RESET;
	pebs_prepare(&job);
	pebs_loop(&job, TURNS);
	GUEST_ASSERT_EQ(pebs_area->index, pebs_records);
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), 0);
	GUEST_ASSERT_EQ(pmu_read(COUNTER), -RESET & COUNTER_MASK);
	GUEST_DONE();
}

static void guest_allowed(void)
{
	struct pebs_job job = plain_job(DATA_CFG_GPRS);

	pebs_find();
	pebs_prepare(&job);
	pebs_loop(&job, TURNS);
	pebs_check_loop(&job, TURNS);
	GUEST_ASSERT(pebs_nr_records);
	GUEST_DONE();
}

TEST(a_denied_event_makes_no_record)
{
	struct kvm_pmu_event_filter *filter;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (!pebs_is_offered())
		SKIP(return, "Guests have no PEBS");

	filter = calloc(1, sizeof(*filter) + sizeof(filter->events[0]));
	filter->action = KVM_PMU_EVENT_DENY;
	filter->nevents = 1;
	filter->events[0] = INTEL_ARCH_INSTRUCTIONS_RETIRED;
	filter->fixed_counter_bitmap = BIT(0);

	vm = vm_create_with_one_vcpu(&vcpu, NULL);
	vm_ioctl(vm, KVM_SET_PMU_EVENT_FILTER, filter);
	run_to_end(vcpu, guest_denied);
	kvm_vm_free(vm);

	vm = vm_create_with_one_vcpu(&vcpu, NULL);
	filter->events[0] = INTEL_ARCH_BRANCHES_RETIRED;
	vm_ioctl(vm, KVM_SET_PMU_EVENT_FILTER, filter);
	run_to_end(vcpu, guest_allowed);
	kvm_vm_free(vm);
	free(filter);
}

/* Registers and their bits, written by the guest: which are #GP? */
static void check_bits(uint32_t msr, uint64_t valid)
{
	unsigned int bit;
	uint8_t vector;

	for (bit = 0; bit < 64; bit++) {
		vector = wrmsr_safe(msr, BIT_ULL(bit));
		__GUEST_ASSERT(vector == (valid & BIT_ULL(bit) ? 0 : GP_VECTOR),
			       "MSR %x, bit %u: vector %u", msr, bit, vector);
		if (!vector)
			GUEST_ASSERT_EQ(rdmsr(msr), BIT_ULL(bit));
	}
	GUEST_ASSERT_EQ(wrmsr_safe(msr, 0), 0);
}

static void guest_bits(uint64_t data_cfg)
{
	unsigned int i;
	uint64_t adaptive = 0;

	pmu_find();
	for (i = 0; i < pmu.nr_fixed; i++)
		adaptive |= FIXED_ADAPTIVE(i);

	check_bits(MSR_IA32_PEBS_ENABLE, pmu_all_counters());
	check_bits(MSR_PEBS_DATA_CFG, data_cfg);
	GUEST_ASSERT_EQ(wrmsr_safe(pmu.fixed_ctrl, adaptive), 0);
	GUEST_ASSERT_EQ(rdmsr(pmu.fixed_ctrl), adaptive);
	GUEST_ASSERT_EQ(wrmsr_safe(pmu.fixed_ctrl, adaptive << 1), GP_VECTOR);
	GUEST_ASSERT_EQ(wrmsr_safe(pmu.selector, EVENTSEL_ADAPTIVE), 0);
	GUEST_ASSERT_EQ(rdmsr(pmu.selector), EVENTSEL_ADAPTIVE);
	GUEST_ASSERT_EQ(wrmsr_safe(pmu.selector, EVENTSEL_ADAPTIVE << 1), GP_VECTOR);
	GUEST_DONE();
}

#define DATA_CFG_VALID		(DATA_CFG_MEMORY | DATA_CFG_GPRS | DATA_CFG_XMMS | \
				 DATA_CFG_NR_LBRS(256))

static void refuse(struct kvm_vcpu *vcpu, uint32_t msr, uint64_t value)
{
	TEST_ASSERT(!_vcpu_set_msr(vcpu, msr, value), "KVM_SET_MSRS %x, %lx", msr, value);
}

TEST(reserved_bits_are_refused)
{
	uint64_t lbrs = capabilities() & LBR_FMT ? DATA_CFG_LBRS : 0;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (!pebs_is_offered())
		SKIP(return, "Guests have no PEBS");

	vm = vm_create_with_one_vcpu(&vcpu, NULL);
	refuse(vcpu, MSR_IA32_PEBS_ENABLE, BIT_ULL(63));
	refuse(vcpu, MSR_PEBS_DATA_CFG, BIT_ULL(4));
	vcpu_args_set(vcpu, 1, DATA_CFG_VALID | lbrs);
	run_to_end(vcpu, guest_bits);
	kvm_vm_free(vm);
}

TEST(branches_are_refused_without_lbr)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (!pebs_is_offered())
		SKIP(return, "Guests have no PEBS");

	vm = vm_create_with_one_vcpu(&vcpu, NULL);
	vcpu_set_msr(vcpu, MSR_IA32_PERF_CAPABILITIES, capabilities() & ~LBR_FMT);
	if (kvm_cpu_has(X86_FEATURE_LBR_ARCH))
		vcpu_clear_cpuid_feature(vcpu, X86_FEATURE_LBR_ARCH);
	refuse(vcpu, MSR_PEBS_DATA_CFG, DATA_CFG_LBRS);
	vcpu_args_set(vcpu, 1, DATA_CFG_VALID);
	run_to_end(vcpu, guest_bits);
	kvm_vm_free(vm);
}

static void guest_misc_enable(void)
{
	const uint64_t bits = MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL |
			      MSR_IA32_MISC_ENABLE_BTS_UNAVAIL;

	GUEST_ASSERT_EQ(rdmsr(MSR_IA32_MISC_ENABLE) & bits,
			MSR_IA32_MISC_ENABLE_BTS_UNAVAIL);
	GUEST_DONE();
}

/* User space may not know these bits, so it can write others and finds them set. */
static void check_misc_enable(uint64_t written)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	vm = vm_create_with_one_vcpu(&vcpu, NULL);
	TEST_ASSERT(_vcpu_set_msr(vcpu, MSR_IA32_MISC_ENABLE, written),
		    "%lx was refused", written);
	run_to_end(vcpu, guest_misc_enable);
	kvm_vm_free(vm);
}

TEST(misc_enable_tells_the_truth)
{
	if (!pebs_is_offered())
		SKIP(return, "Guests have no PEBS");

	check_misc_enable(1);
	check_misc_enable(MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL | 1);
}

static void guest_without(void)
{
	static const uint32_t msrs[] = {
		MSR_IA32_PEBS_ENABLE, MSR_PEBS_DATA_CFG, MSR_IA32_DS_AREA,
	};
	uint64_t value;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		__GUEST_ASSERT(rdmsr_safe(msrs[i], &value) == GP_VECTOR,
			       "RDMSR %x", msrs[i]);
		__GUEST_ASSERT(wrmsr_safe(msrs[i], 0) == GP_VECTOR, "WRMSR %x", msrs[i]);
	}
	if (this_cpu_is_intel()) {
		GUEST_ASSERT(!(rdmsr(MSR_IA32_PERF_CAPABILITIES) & PERF_CAP_PEBS_MASK));
		GUEST_ASSERT(rdmsr(MSR_IA32_MISC_ENABLE) &
			     MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL);
	}
	GUEST_DONE();
}

/* Where the CPU has none, and where user space takes it away */
TEST(a_guest_without_pebs_has_none)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	vm = vm_create_with_one_vcpu(&vcpu, NULL);
	if (pebs_is_offered()) {
		vcpu_set_msr(vcpu, MSR_IA32_PERF_CAPABILITIES,
			     capabilities() & ~PERF_CAP_PEBS_MASK);
		vcpu_clear_cpuid_feature(vcpu, X86_FEATURE_DS);
	} else {
		TEST_ASSERT(!kvm_cpu_has(X86_FEATURE_DS) &&
			    !kvm_cpu_has(X86_FEATURE_DTES64), "CPUID has DS");
	}
	run_to_end(vcpu, guest_without);
	kvm_vm_free(vm);
}

/* SMM: what overflows there records the first instruction behind it. */
#define SMRAM_SIZE	65536
#define SMRAM_GPA	0x1000000
/* In the address space of SMM */
#define SMRAM_SLOT	0x10001
#define SMI_HANDLER	0x8000

static const uint8_t smi_handler[] = {
	0xb9, 0x00, 0x20,		/* mov $0x2000, %cx */
	0x49,				/* dec %cx */
	0x75, 0xfd,			/* jnz .-1 */
	0x0f, 0xaa,			/* rsm */
};

/* Returns where the SMI's handler goes back to. */
static noinline uint64_t run_smi(uint64_t on)
{
	uint32_t eax = on, edx = on >> 32, ecx = pmu.global_ctrl;
	uint64_t behind;

	asm volatile("	lea behind_smi(%%rip), %[behind]\n"
		     "	wrmsr\n"
		     "	mov %[icr], %%ecx\n"
		     "	mov %[smi], %%eax\n"
		     "	xor %%edx, %%edx\n"
		     "	wrmsr\n"
		     "behind_smi:	nop\n"
		     "	nop\n"
		     "	mov %%esi, %%ecx\n"
		     "	xor %%eax, %%eax\n"
		     "	wrmsr\n"
		     : "+a"(eax), "+d"(edx), "+c"(ecx), [behind] "=&r"(behind)
		     : "S"(pmu.global_ctrl), [icr] "i"(APIC_BASE_MSR + (APIC_ICR >> 4)),
		       [smi] "i"(APIC_DEST_SELF | APIC_INT_ASSERT | APIC_DM_SMI)
		     : "cc", "memory");
	return behind;
}

static void guest_smi(void)
{
	const struct pebs_basic *record;
	struct pebs_job job = plain_job(DATA_CFG_GPRS);
	uint64_t behind;

	x2apic_enable();
	pebs_find();
	pebs_prepare(&job);
	behind = run_smi(job.counters);
	record = (void *)pebs_records;
	GUEST_ASSERT_EQ(pebs_area->index, pebs_records + (record->format >> 48));
	GUEST_ASSERT_EQ(record->ip, behind);
	GUEST_ASSERT_EQ(record->counters, job.counters);
	GUEST_DONE();
}

TEST(no_record_is_made_in_smm)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (!pebs_is_offered())
		SKIP(return, "Guests have no PEBS");
	if (!kvm_has_cap(KVM_CAP_X86_SMM))
		SKIP(return, "KVM has no SMM");

	vm = vm_create_with_one_vcpu(&vcpu, NULL);
	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, SMRAM_GPA, SMRAM_SLOT,
				    SMRAM_SIZE / getpagesize(), 0);
	memcpy(addr_gpa2hva(vm, SMRAM_GPA + SMI_HANDLER), smi_handler, sizeof(smi_handler));
	vcpu_set_msr(vcpu, MSR_IA32_SMBASE, SMRAM_GPA);
	run_to_end(vcpu, guest_smi);
	kvm_vm_free(vm);
}

/* INIT ends recording, and leaves the rest. */
static void guest_interrupted(void)
{
	struct pebs_job job = plain_job(DATA_CFG_GPRS);

	x2apic_enable();
	pebs_find();
	pebs_prepare(&job);
	lbr_pause();
	GUEST_ASSERT_EQ(rdmsr(MSR_IA32_PEBS_ENABLE), 0);
	GUEST_ASSERT_EQ(rdmsr(MSR_IA32_DS_AREA), (uint64_t)pebs_area);
	GUEST_ASSERT_EQ(rdmsr(MSR_PEBS_DATA_CFG), DATA_CFG_GPRS);
	pebs_loop(&job, TURNS);
	GUEST_ASSERT_EQ(pebs_area->index, pebs_records);
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), job.counters);
	GUEST_DONE();
}

TEST(init_ends_recording)
{
	struct kvm_vcpu *vcpus[2];
	struct kvm_vm *vm;

	if (!pebs_is_offered())
		SKIP(return, "Guests have no PEBS");

	vm = vm_create_with_vcpus(2, guest_inits_other, vcpus);
	vcpu_arch_set_entry_point(vcpus[1], guest_interrupted);
	vcpu_run_to_pause(vcpus[1]);
	TEST_ASSERT_EQ(vcpu_get_msr(vcpus[1], MSR_IA32_PEBS_ENABLE), BIT_ULL(COUNTER));

	vcpu_take_init(vm, vcpus[0], vcpus[1]);
	vcpu_run_over_pauses(vm, vcpus[1], pause_not);
	kvm_vm_free(vm);
}

/* Branches in the records */
#define NR_LBRS		4

static const struct pebs_lbr *branches_of(uint64_t at)
{
	return (void *)(at + sizeof(struct pebs_basic) + sizeof(struct pebs_gprs));
}

/* Every branch of the loop is its last instruction. */
static void check_branches(bool recorded)
{
	const struct pebs_lbr *lbrs;
	unsigned int i, nr = 0;
	uint64_t at;

	for (at = pebs_records; at < pebs_area->index;
	     at += ((struct pebs_basic *)at)->format >> 48) {
		lbrs = branches_of(at);
		for (i = 0; i < NR_LBRS; i++) {
			GUEST_ASSERT_EQ(lbrs[i].from,
					recorded ? (uint64_t)pebs_loop_jnz : 0);
			GUEST_ASSERT_EQ(lbrs[i].to, recorded ? (uint64_t)pebs_loop_dec : 0);
		}
		nr++;
	}
	GUEST_ASSERT(nr > 10);
}

static void guest_branches(bool record, unsigned int rounds)
{
	struct pebs_job job = plain_job(DATA_CFG_GPRS | DATA_CFG_LBRS |
					DATA_CFG_NR_LBRS(NR_LBRS));

	pebs_find();
	lbr_find();
	while (rounds--) {
		pebs_prepare(&job);
		if (record) {
			lbr_set_filter(ALL_BRANCHES);
			wrmsr(lbr.control, lbr.on);
		}
		pebs_loop(&job, TURNS);
		wrmsr(lbr.control, 0);
		pebs_check_loop(&job, TURNS);
		check_branches(record);
		GUEST_SYNC(0);
	}
	GUEST_DONE();
}

static int open_host_branches(void)
{
	struct perf_event_attr attr =
		host_event_attr(PERF_COUNT_HW_INSTRUCTIONS, COUNT_IN_HOST);
	int fd;

	attr.sample_period = 10007;
	attr.sample_type = PERF_SAMPLE_BRANCH_STACK;
	attr.branch_sample_type = PERF_SAMPLE_BRANCH_ANY;
	fd = host_event_open(&attr, -1, sched_getcpu(), -1);
	TEST_ASSERT(fd >= 0, "No event with branch records: %s", strerror(errno));
	host_event_ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	return fd;
}

static void stay_on_this_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	TEST_ASSERT(!sched_setaffinity(0, sizeof(one), &one), "Can't stay on one CPU");
}

static void run_branches(bool record, bool host)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	uint64_t value;
	int fd = -1;

	stay_on_this_cpu();
	if (host)
		fd = open_host_branches();
	vm = vm_create_with_one_vcpu(&vcpu, guest_branches);
	vcpu_args_set(vcpu, 2, (uint64_t)record, 10ul);
	while (vcpu_run_to_sync(vcpu, &value))
		usleep(1000);
	kvm_vm_free(vm);
	if (host)
		close(fd);
}

FIXTURE(branches)
{
};

FIXTURE_VARIANT(branches)
{
	bool record, host;
};

FIXTURE_VARIANT_ADD(branches, recorded)
{
	.record = true,
};

FIXTURE_VARIANT_ADD(branches, recorded_beside_the_host_s)
{
	.record = true,
	.host = true,
};

FIXTURE_VARIANT_ADD(branches, not_recorded)
{
};

FIXTURE_VARIANT_ADD(branches, not_recorded_beside_the_host_s)
{
	.host = true,
};

FIXTURE_SETUP(branches)
{
	if (!pebs_is_offered() || !(capabilities() & LBR_FMT))
		SKIP(return, "Guests have no PEBS with branches");
}

FIXTURE_TEARDOWN(branches)
{
}

TEST_F(branches, those_in_records_are_the_guest_s)
{
	run_branches(variant->record, variant->host);
}

int main(int argc, char *argv[])
{
	require_mediated_pmu();
	host_settings_keep();
	return test_harness_run(argc, argv);
}
