// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where nobody asked for a mediated vPMU there is none: with the parameter off
 * the vPMU is made of perf events, as ever, and a VM without a PMU has nothing
 * to do with either, whatever the parameter is.
 */
#include <sched.h>

#include "apic.h"
#include "host_events.h"
#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_pmu.h"
#include "pmu.h"
#include "processor.h"
#include "test_util.h"

#define MSR_CORE_PERF_GLOBAL_INUSE	0x00000392
#define AMD_GUEST_AND_HOST_ONLY		(BIT_ULL(40) | BIT_ULL(41))

#define GUEST_LOOPS		2000000
#define GUEST_INSNS		(GUEST_LOOPS * INSNS_PER_LOOP)
#define OVERFLOW_AFTER		(GUEST_INSNS / 2)

/*
 * Go round a loop with a PMI in the middle, and tell what was counted. One
 * counter is on: all of them would not leave perf one for the host.
 */
static void guest_code(void)
{
	struct pmu_switch counter;

	x2apic_enable();
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	pmu_find();
	pmu_stop();
	pmu_write_counter(0, -OVERFLOW_AFTER & COUNTER_MASK);
	counter = pmu_arm(BIT_ULL(0), ARCH_PERFMON_EVENTSEL_OS | ARCH_PERFMON_EVENTSEL_INT);
	pmu_count_loops(counter.msr, counter.on, GUEST_LOOPS, 1);
	GUEST_SYNC(pmu_read_counter(0));
	GUEST_SYNC(READ_ONCE(pmu_nr_nmis));
}

/* A kernel without the parameter is one where it is off. */
static bool mediated_pmu_is_on(void)
{
	if (host_cpu_is_intel)
		return host_has_setting("/sys/module/kvm_intel/parameters/enable_mediated_pmu") &&
		       get_kvm_intel_param_bool("enable_mediated_pmu");

	return host_has_setting("/sys/module/kvm_amd/parameters/enable_mediated_pmu") &&
	       get_kvm_amd_param_bool("enable_mediated_pmu");
}

/* All CPUs' PMIs for guests; 0 where the kernel does not know of such. */
static uint64_t nr_guest_pmis(void)
{
	FILE *file = fopen("/proc/interrupts", "r");
	uint64_t sum = 0, n;
	char line[1024], *at;
	int length;

	TEST_ASSERT(file, "No /proc/interrupts");
	while (fgets(line, sizeof(line), file)) {
		at = strstr(line, "GPM:");
		if (!at)
			continue;
		for (at += 4; sscanf(at, "%lu%n", &n, &length) == 1; at += length)
			sum += n;
	}
	fclose(file);

	return sum;
}

/* Return: 0, or the errno of KVM_CREATE_VCPU of a VM without in-kernel irqchip. */
static int try_vcpu_without_irqchip(bool pmu)
{
	struct kvm_vm *vm = vm_create_barebones();

	if (!pmu)
		vm_enable_cap(vm, KVM_CAP_PMU_CAPABILITY, KVM_PMU_CAP_DISABLE);
	return vm_try_vcpu(vm);
}

static void set_refuse(int value)
{
	if (host_has_setting(PERF_GUEST_PMU_REFUSE))
		host_set(PERF_GUEST_PMU_REFUSE, value);
}

/* Neither of the two refuses the other, in whichever order they come. */
static void assert_no_user(struct kvm_vm *vm)
{
	int vcpu, before, after;

	set_refuse(1);
	before = host_event_open_counting(COUNT_EVERYWHERE, -1, 0);
	TEST_ASSERT(before >= 0, "No event before the VM: %s", strerror(errno));
	vcpu = __vm_ioctl(vm, KVM_CREATE_VCPU, NULL);
	TEST_ASSERT(vcpu >= 0, "No vCPU beside an event: %s", strerror(errno));
	after = host_event_open_counting(COUNT_EVERYWHERE, -1, 0);
	TEST_ASSERT(after >= 0, "No event beside the VM: %s", strerror(errno));
	set_refuse(0);

	close(before);
	close(after);
	close(vcpu);
}

FIXTURE(off)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
};

FIXTURE_SETUP(off)
{
	if (mediated_pmu_is_on())
		SKIP(return, "enable_mediated_pmu is Y");

	self->vm = vm_create_with_one_vcpu(&self->vcpu, guest_code);
}

FIXTURE_TEARDOWN(off)
{
	kvm_vm_free(self->vm);
}

TEST_F(off, cpuid_shows_a_pmu_that_perf_can_imitate)
{
	const struct kvm_cpuid_entry2 *leaf;

	if (!host_cpu_is_intel)
		SKIP(return, "CPUID 0AH is Intel's");

	TEST_ASSERT(kvm_cpu_property(X86_PROPERTY_PMU_VERSION) <= 2, "Version %u",
		    kvm_cpu_property(X86_PROPERTY_PMU_VERSION));
	TEST_ASSERT(kvm_cpu_property(X86_PROPERTY_PMU_NR_FIXED_COUNTERS) <= 3,
		    "%u fixed counters",
		    kvm_cpu_property(X86_PROPERTY_PMU_NR_FIXED_COUNTERS));
	leaf = get_cpuid_entry(kvm_get_supported_cpuid(), 0xa, 0);
	TEST_ASSERT_EQ(leaf->ecx, 0);
}

TEST_F(off, a_vm_with_a_pmu_needs_no_irqchip)
{
	TEST_ASSERT_EQ(try_vcpu_without_irqchip(true), 0);
}

TEST_F(off, a_vm_with_a_pmu_is_no_user_of_the_hosts)
{
	struct kvm_vm *vm = vm_create_barebones();

	vm_create_irqchip(vm);
	assert_no_user(vm);
	kvm_vm_free(vm);
}

/* Perf's event counts the guest, and so does the guest's, at the same time. */
TEST_F(off, a_guest_that_counts_takes_nothing_from_the_host)
{
	struct host_event_reading reading;
	uint64_t guest_pmis, value;
	int fd;

	kvm_pin_this_task_to_pcpu(sched_getcpu());
	vm_install_exception_handler(self->vm, NMI_VECTOR, pmu_nmi_handler);
	guest_pmis = nr_guest_pmis();

	fd = host_event_open_counting(COUNT_EVERYWHERE, -1, sched_getcpu());
	TEST_ASSERT(fd >= 0, "No event: %s", strerror(errno));
	value = vcpu_next_sync(self->vcpu);
	TEST_ASSERT(host_event_read(fd, &reading), "The event is in error");
	close(fd);

	TEST_ASSERT_EQ(reading.running, reading.enabled);
	TEST_ASSERT(reading.value > GUEST_INSNS, "The host counted %lu", reading.value);
	TEST_ASSERT(value > GUEST_INSNS / 4 && value < GUEST_INSNS,
		    "The guest counted %lu after its overflow", value);
	TEST_ASSERT_EQ(vcpu_next_sync(self->vcpu), 1);
	TEST_ASSERT_EQ(nr_guest_pmis(), guest_pmis);
}

/* Counters are what perf makes of them, so any width will do. */
TEST_F(off, cpuid_may_show_counters_of_another_width)
{
	if (!host_cpu_is_intel)
		SKIP(return, "CPUID 0AH is Intel's");

	vcpu_set_cpuid_property(self->vcpu, X86_PROPERTY_PMU_GP_COUNTERS_BIT_WIDTH, 40);
	vcpu_set_cpuid_property(self->vcpu, X86_PROPERTY_PMU_FIXED_COUNTERS_BIT_WIDTH, 40);
}

/* User space reads one of the guest's MSRs. */
static bool has_msr(struct kvm_vcpu *vcpu, uint32_t index)
{
	struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) + sizeof(msrs->entries[0]));
	int nr;

	TEST_ASSERT(msrs, "No memory");
	msrs->nmsrs = 1;
	msrs->entries[0].index = index;
	nr = __vcpu_ioctl(vcpu, KVM_GET_MSRS, msrs);
	free(msrs);

	return nr == 1;
}

TEST_F(off, there_are_no_registers_of_version_4)
{
	if (!host_cpu_is_intel)
		SKIP(return, "PMU version 4 is Intel's");

	vcpu_set_cpuid_property(self->vcpu, X86_PROPERTY_PMU_VERSION, 4);
	TEST_ASSERT(has_msr(self->vcpu, MSR_CORE_PERF_GLOBAL_STATUS), "No GLOBAL_STATUS");
	TEST_ASSERT(!has_msr(self->vcpu, MSR_CORE_PERF_GLOBAL_STATUS_SET),
		    "GLOBAL_STATUS_SET is there");
	TEST_ASSERT(!has_msr(self->vcpu, MSR_CORE_PERF_GLOBAL_INUSE), "INUSE is there");
}

/* The guest may be a hypervisor, but its selectors do not know of that. */
TEST_F(off, selectors_have_no_guestonly_and_hostonly)
{
	if (!host_cpu_is_amd)
		SKIP(return, "GuestOnly and HostOnly are AMD's");
	if (!kvm_cpu_has(X86_FEATURE_SVM))
		SKIP(return, "no nested SVM");

	TEST_ASSERT_EQ(_vcpu_set_msr(self->vcpu, MSR_F15H_PERF_CTL0,
				     COUNT_INSTRUCTIONS | AMD_GUEST_AND_HOST_ONLY), 1);
	TEST_ASSERT_EQ(vcpu_get_msr(self->vcpu, MSR_F15H_PERF_CTL0), COUNT_INSTRUCTIONS);
}

FIXTURE(vm_without_a_pmu)
{
	struct kvm_vm *vm;
};

FIXTURE_SETUP(vm_without_a_pmu)
{
	self->vm = vm_create_barebones();
	vm_enable_cap(self->vm, KVM_CAP_PMU_CAPABILITY, KVM_PMU_CAP_DISABLE);
}

FIXTURE_TEARDOWN(vm_without_a_pmu)
{
	kvm_vm_free(self->vm);
}

TEST_F(vm_without_a_pmu, needs_no_irqchip)
{
	TEST_ASSERT_EQ(try_vcpu_without_irqchip(false), 0);
}

TEST_F(vm_without_a_pmu, is_no_user_of_the_hosts)
{
	assert_no_user(self->vm);
}

/* The other way round, so that the cases above are known to tell the two apart. */
FIXTURE(on)
{
};

FIXTURE_SETUP(on)
{
	if (!mediated_pmu_is_on())
		SKIP(return, "enable_mediated_pmu is N, or there is no such parameter");
}

FIXTURE_TEARDOWN(on)
{
}

TEST_F(on, a_vm_with_a_pmu_needs_an_irqchip)
{
	TEST_ASSERT_EQ(try_vcpu_without_irqchip(true), EINVAL);
}

TEST_F(on, cpuid_shows_counters_of_the_hosts_width)
{
	struct kvm_cpuid_entry2 *leaf;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (!host_cpu_is_intel)
		SKIP(return, "CPUID 0AH is Intel's");

	vm = vm_create_with_one_vcpu(&vcpu, guest_code);
	leaf = vcpu_get_cpuid_entry(vcpu, 0xa);
	leaf->eax = (leaf->eax & ~GENMASK(23, 16)) | 40 << 16;
	TEST_ASSERT(__vcpu_set_cpuid(vcpu) && errno == EINVAL, "Not refused");
	kvm_vm_free(vm);
}

int main(int argc, char *argv[])
{
	TEST_REQUIRE(kvm_is_pmu_enabled());
	host_settings_keep();
	return test_harness_run(argc, argv);
}
