// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tests of the mediated vPMU share.
 */
#include "apic.h"
#include "kvm_util.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

kvm_static_assert(INTEL_ARCH_INSTRUCTIONS_RETIRED == AMD_ZEN_INSTRUCTIONS_RETIRED);

struct pmu pmu;
unsigned int pmu_nr_nmis;

static void find_intel_pmu(void)
{
	unsigned int version = this_cpu_property(X86_PROPERTY_PMU_VERSION);
	uint64_t capabilities = 0;

	if (this_cpu_has(X86_FEATURE_PDCM))
		capabilities = rdmsr(MSR_IA32_PERF_CAPABILITIES);

	pmu = (struct pmu) {
		.selector = MSR_P6_EVNTSEL0,
		.counter = MSR_IA32_PERFCTR0,
		.stride = 1,
		.nr_gp = this_cpu_property(X86_PROPERTY_PMU_NR_GP_COUNTERS),
		.model = this_cpu_model(),
		.pebs = capabilities & PERF_CAP_PEBS_FORMAT,
		.adaptive_pebs = capabilities & PERF_CAP_PEBS_BASELINE,
	};
	if (version < 2)
		return;

	pmu.fixed_ctrl = MSR_CORE_PERF_FIXED_CTR_CTRL;
	pmu.fixed_counter = MSR_CORE_PERF_FIXED_CTR0;
	pmu.nr_fixed = this_cpu_property(X86_PROPERTY_PMU_NR_FIXED_COUNTERS);
	pmu.global_ctrl = MSR_CORE_PERF_GLOBAL_CTRL;
	pmu.global_status = MSR_CORE_PERF_GLOBAL_STATUS;
	pmu.global_clear = MSR_CORE_PERF_GLOBAL_OVF_CTRL;
	if (version >= 4)
		pmu.global_set = MSR_CORE_PERF_GLOBAL_STATUS_SET;
}

static void find_amd_pmu(void)
{
	pmu = (struct pmu) {
		.selector = MSR_K7_EVNTSEL0,
		.counter = MSR_K7_PERFCTR0,
		.stride = 1,
		.nr_gp = 4,
	};
	if (!this_cpu_has(X86_FEATURE_AMD_PERFCTR_CORE))
		return;

	pmu.selector = MSR_F15H_PERF_CTL0;
	pmu.counter = MSR_F15H_PERF_CTR0;
	pmu.stride = 2;
	pmu.nr_gp = 6;
	if (!this_cpu_has(X86_FEATURE_AMD_PERFMON_V2))
		return;

	pmu.nr_gp = this_cpu_property(X86_PROPERTY_AMD_NR_CORE_COUNTERS);
	pmu.global_ctrl = MSR_AMD64_GLOBAL_CTL;
	pmu.global_status = MSR_AMD64_GLOBAL_STATUS;
	pmu.global_clear = MSR_AMD64_GLOBAL_STATUS_CLR;
	pmu.global_set = MSR_AMD64_GLOBAL_STATUS_SET;
}

/* Fill in the guest's @pmu from the CPUID that it sees. */
void pmu_find(void)
{
	if (this_cpu_is_intel())
		find_intel_pmu();
	else
		find_amd_pmu();

	pmu.insn_counters = pmu_all_gp() | (pmu.nr_fixed ? BIT_ULL(FIRST_FIXED) : 0);
}

uint64_t pmu_all_gp(void)
{
	return BIT_ULL(pmu.nr_gp) - 1;
}

/* As GLOBAL_CTRL and GLOBAL_STATUS have them. */
uint64_t pmu_all_counters(void)
{
	return pmu_all_gp() | (BIT_ULL(pmu.nr_fixed) - 1) << 32;
}

uint64_t pmu_read_counter(unsigned int i)
{
	uint64_t value;

	GUEST_ASSERT_EQ(rdpmc_safe(i, &value), 0);
	return value;
}

void pmu_write_counter(unsigned int i, uint64_t value)
{
	wrmsr(pmu.counter + i * pmu.stride, value);
}

void pmu_write_selector(unsigned int i, uint64_t value)
{
	wrmsr(pmu.selector + i * pmu.stride, value);
}

void pmu_clear_status(void)
{
	if (pmu.global_ctrl)
		wrmsr(pmu.global_clear, pmu_all_counters());
}

/* Everything off and zero. */
void pmu_stop(void)
{
	unsigned int i;

	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, 0);
	for (i = 0; i < pmu.nr_gp; i++) {
		pmu_write_selector(i, 0);
		pmu_write_counter(i, 0);
	}
	if (pmu.nr_fixed)
		wrmsr(pmu.fixed_ctrl, 0);
	for (i = 0; i < pmu.nr_fixed; i++)
		wrmsr(pmu.fixed_counter + i, 0);
	pmu_clear_status();
}

void pmu_nmi_handler(struct ex_regs *regs)
{
	WRITE_ONCE(pmu_nr_nmis, READ_ONCE(pmu_nr_nmis) + 1);
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
}

/*
 * Write @on, go round both loops, write 0, all in one piece so that no
 * compiler puts anything between.
 */
void pmu_count_loops(uint32_t msr, uint64_t on, uint32_t loops, uint32_t cpuids)
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

/*
 * Count instructions on counter @i, whose selector has @flags in addition, and
 * on all the others where one write starts them.
 */
uint64_t pmu_measure(unsigned int i, uint64_t flags, uint32_t loops, uint32_t cpuids)
{
	uint64_t eventsel = COUNT_INSTRUCTIONS | flags;
	unsigned int n;

	if (!pmu.global_ctrl) {
		pmu_count_loops(pmu.selector + i * pmu.stride, eventsel, loops, cpuids);
		return pmu_read_counter(i);
	}

	wrmsr(pmu.global_ctrl, 0);
	for (n = 0; n < pmu.nr_gp; n++)
		pmu_write_selector(n, n == i ? eventsel : COUNT_INSTRUCTIONS);

	pmu_count_loops(pmu.global_ctrl, pmu_all_gp(), loops, cpuids);

	for (n = 0; n < pmu.nr_gp; n++)
		pmu_write_selector(n, 0);
	return pmu_read_counter(i);
}

uint64_t pmu_measure_from_zero(unsigned int i, uint32_t loops, uint32_t cpuids)
{
	unsigned int n;

	for (n = 0; n < pmu.nr_gp; n++)
		pmu_write_counter(n, 0);

	return pmu_measure(i, 0, loops, cpuids);
}

/* Read the counter of GLOBAL_CTRL's bit @idx. */
uint64_t pmu_read(unsigned int idx)
{
	if (idx >= FIRST_FIXED)
		return pmu_read_counter(INTEL_RDPMC_FIXED | (idx - FIRST_FIXED));

	return pmu_read_counter(idx);
}

/* Write the counter of GLOBAL_CTRL's bit @idx. */
void pmu_write(unsigned int idx, uint64_t value)
{
	if (idx >= FIRST_FIXED)
		wrmsr(pmu.fixed_counter + idx - FIRST_FIXED, value);
	else
		pmu_write_counter(idx, value);
}

/* What overflowed, as far as the PMU tells. */
uint64_t pmu_status(void)
{
	return pmu.global_ctrl ? rdmsr(pmu.global_status) & pmu_all_counters() : 0;
}

static uint64_t fixed_flags(uint64_t eventsel)
{
	return (eventsel & ARCH_PERFMON_EVENTSEL_OS ? FIXED_PMC_KERNEL : 0) |
	       (eventsel & ARCH_PERFMON_EVENTSEL_USR ? FIXED_PMC_USER : 0) |
	       (eventsel & ARCH_PERFMON_EVENTSEL_INT ? FIXED_PMC_ENABLE_PMI : 0);
}

/*
 * Have @counters, which are out of pmu.insn_counters, count instructions from
 * when the switch that this returns is on. @flags are those of a selector
 * beside the event. A PMU without GLOBAL_CTRL has a switch for each counter, so
 * @counters are one there.
 */
struct pmu_switch pmu_arm(uint64_t counters, uint64_t flags)
{
	uint64_t eventsel = INTEL_ARCH_INSTRUCTIONS_RETIRED |
			    ARCH_PERFMON_EVENTSEL_ENABLE | flags;
	unsigned int i;

	if (!pmu.global_ctrl) {
		GUEST_ASSERT_EQ(counters & (counters - 1), 0);
		i = __builtin_ctzll(counters);
		return (struct pmu_switch) { pmu.selector + i * pmu.stride, eventsel };
	}

	wrmsr(pmu.global_ctrl, 0);
	for (i = 0; i < pmu.nr_gp; i++)
		pmu_write_selector(i, counters & BIT_ULL(i) ? eventsel : 0);
	if (pmu.nr_fixed)
		wrmsr(pmu.fixed_ctrl,
		      counters & BIT_ULL(FIRST_FIXED) ? fixed_flags(flags) : 0);

	return (struct pmu_switch) { pmu.global_ctrl, counters };
}

void require_mediated_pmu(void)
{
	TEST_REQUIRE(kvm_is_pmu_enabled());
	TEST_REQUIRE(host_cpu_is_intel ? get_kvm_intel_param_bool("enable_mediated_pmu") :
					 get_kvm_amd_param_bool("enable_mediated_pmu"));
}

/*
 * Run to the guest's next GUEST_SYNC() and give its value.
 *
 * Return: false if the guest said GUEST_DONE() instead.
 */
bool vcpu_run_to_sync(struct kvm_vcpu *vcpu, uint64_t *value)
{
	struct ucall uc;

	vcpu_run(vcpu);
	switch (get_ucall(vcpu, &uc)) {
	case UCALL_SYNC:
		*value = uc.args[1];
		return true;
	case UCALL_DONE:
		return false;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(uc);
	default:
		TEST_FAIL("Unexpected ucall: %lu", uc.cmd);
	}

	return false;
}

uint64_t vcpu_next_sync(struct kvm_vcpu *vcpu)
{
	uint64_t value;

	TEST_ASSERT(vcpu_run_to_sync(vcpu, &value), "The guest was done too early");
	return value;
}

/* VM exits since the vCPU was created, those that KVM handled by itself included. */
uint64_t vcpu_get_exits(struct kvm_vcpu *vcpu)
{
	struct kvm_stats_desc *descs, *desc;
	struct kvm_stats_header header;
	uint64_t exits = 0;
	bool found = false;
	unsigned int i;
	int fd;

	fd = vcpu_get_stats_fd(vcpu);
	read_stats_header(fd, &header);
	descs = read_stats_descriptors(fd, &header);
	for (i = 0; i < header.num_desc && !found; i++) {
		desc = get_stats_descriptor(descs, i, &header);
		found = !strcmp(desc->name, "exits");
		if (found)
			read_stat_data(fd, &header, desc, &exits, 1);
	}
	TEST_ASSERT(found, "No statistic of VM exits");
	free(descs);
	close(fd);

	return exits;
}

uint64_t vcpu_exits_to_next_sync(struct kvm_vcpu *vcpu)
{
	uint64_t before = vcpu_get_exits(vcpu);

	vcpu_next_sync(vcpu);
	return vcpu_get_exits(vcpu) - before;
}

/*
 * Have the guest see some of the host's counters only. AMD's has four without
 * the core extensions.
 */
void vcpu_give_part_of_pmu(struct kvm_vcpu *vcpu)
{
	if (!host_cpu_is_intel) {
		vcpu_clear_cpuid_feature(vcpu, X86_FEATURE_AMD_PERFCTR_CORE);
		if (kvm_cpu_has(X86_FEATURE_AMD_PERFMON_V2))
			vcpu_clear_cpuid_feature(vcpu, X86_FEATURE_AMD_PERFMON_V2);
		return;
	}

	/* Version 5 lists the fixed counters, too. */
	vcpu_get_cpuid_entry(vcpu, 0xa)->ecx = 1;
	vcpu_set_cpuid_property(vcpu, X86_PROPERTY_PMU_NR_FIXED_COUNTERS, 1);
	vcpu_set_cpuid_property(vcpu, X86_PROPERTY_PMU_NR_GP_COUNTERS, 2);
}

/* As live migration does: the VM's memory stays, its vCPU is made anew. */
struct kvm_vcpu *vcpu_save_and_restore(struct kvm_vm *vm, struct kvm_vcpu *vcpu)
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
