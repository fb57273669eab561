// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PEBS counter of a guest with a mediated vPMU that has overflowed waits for the
 * event that makes its record, until PEBS is switched off for it: whatever the
 * guest makes of its status, and whatever the host does to the vCPU meanwhile.
 */
#include <string.h>

#include "apic.h"
#include "host_events.h"
#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_l2.h"
#include "mediated_lbr.h"
#include "mediated_pebs.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

/* A general-purpose counter with skid */
#define COUNTER		1
#define RESET		1000

/* Two instructions that count: one of these WRMSRs, and the one between them. */
#define NR_COUNTED	2

static void run_pair(void)
{
	uint32_t eax = BIT(COUNTER), edx = 0, ecx = pmu.global_ctrl;

	asm volatile("wrmsr\n"
		     "	xor %%eax, %%eax\n"
		     "	wrmsr\n"
		     : "+a"(eax), "+d"(edx), "+c"(ecx) : : "cc", "memory");
}

static uint64_t nr_records(void)
{
	return (pebs_area->index - pebs_records) / sizeof(struct pebs_basic);
}

/* Its second instruction overflows, the next one will make the record. */
static void arm(void)
{
	struct pebs_job job = pebs_job_of_one(COUNTER, NR_COUNTED, 0);

	pebs_prepare(&job);
	pebs_area->reset_gp[COUNTER] = -RESET & COUNTER_MASK;
	run_pair();
	GUEST_ASSERT_EQ(nr_records(), 0);
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), BIT_ULL(COUNTER));
}

/* The WRMSR that makes the guest of a new VM a user is not counted. */
static void check_one_record(void)
{
	run_pair();
	GUEST_ASSERT_EQ(nr_records(), 1);
	GUEST_ASSERT_EQ(((struct pebs_basic *)pebs_records)->counters, BIT_ULL(COUNTER));
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), 0);
	GUEST_ASSERT(((pmu_read(COUNTER) + RESET) & COUNTER_MASK) < NR_COUNTED);
	run_pair();
	GUEST_ASSERT_EQ(nr_records(), 1);
}

static void check_no_record(uint64_t status)
{
	run_pair();
	GUEST_ASSERT_EQ(nr_records(), 0);
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), status);
	GUEST_ASSERT_EQ(pmu_read(COUNTER), NR_COUNTED);
}

static void switch_off_and_on(void)
{
	wrmsr(MSR_IA32_PEBS_ENABLE, 0);
	wrmsr(MSR_IA32_PEBS_ENABLE, BIT_ULL(COUNTER));
}

/* An access of PEBS that has to exit would delay the record. */
static void exit_and_pause(void)
{
	rdmsr(pmu.selector);
	lbr_pause();
	WRITE_ONCE(pebs_area->index, pebs_area->index);
	WRITE_ONCE(*(uint64_t *)pebs_area->index, 0);
}

static void check_cleared(bool keeps_hidden)
{
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), 0);
	exit_and_pause();
	if (keeps_hidden)
		GUEST_ASSERT_EQ(rdmsr(pmu.global_status), 0);
}

static void guest_clears(uint64_t keeps_hidden)
{
	pebs_find();
	arm();
	pmu_clear_status();
	check_cleared(keeps_hidden);
	check_one_record();

	/* It is another overflow each time. */
	pmu_write(COUNTER, -NR_COUNTED & COUNTER_MASK);
	run_pair();
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), BIT_ULL(COUNTER));

	arm();
	exit_and_pause();
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), BIT_ULL(COUNTER));
	check_one_record();

	arm();
	pmu_clear_status();
	check_cleared(keeps_hidden);
	wrmsr(pmu.global_set, BIT_ULL(COUNTER));
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), BIT_ULL(COUNTER));
	check_one_record();
	GUEST_DONE();
}

static void guest_switches(uint64_t keeps_hidden)
{
	pebs_find();
	arm();
	pmu_clear_status();
	check_cleared(keeps_hidden);
	switch_off_and_on();
	exit_and_pause();
	if (keeps_hidden)
		check_no_record(0);

	arm();
	exit_and_pause();
	switch_off_and_on();
	check_one_record();

	/* Off, it is a status like any other. */
	arm();
	wrmsr(MSR_IA32_PEBS_ENABLE, 0);
	pmu_clear_status();
	exit_and_pause();
	wrmsr(MSR_IA32_PEBS_ENABLE, BIT_ULL(COUNTER));
	check_no_record(0);
	GUEST_DONE();
}

/* FREEZE_PERFMON_ON_PMI: the handler finds the counter as it was at the overflow. */
#define DEBUGCTL_FREEZE_PERFMON	BIT_ULL(12)
#define STATUS_CTR_FRZ		BIT_ULL(59)

static uint64_t nr_pmis, pmi_status;

static void handle_pmi(struct ex_regs *regs)
{
	nr_pmis++;
	pmi_status = rdmsr(pmu.global_status);
	wrmsr(pmu.global_ctrl, 0);
	wrmsr(pmu.global_clear, pmi_status);
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), 0);
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
}

/* With PEBS and INT: each overflow is a PMI that says so. */
static void guest_takes_pmis(uint64_t unused)
{
	struct pebs_job job = pebs_job_of_one(COUNTER, 5, 0);
	uint64_t n;

	x2apic_enable();
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	pebs_find();
	pebs_prepare(&job);
	wrmsr(MSR_IA32_DEBUGCTLMSR, DEBUGCTL_FREEZE_PERFMON);
	pmu_write_selector(COUNTER, COUNT_INSTRUCTIONS | ARCH_PERFMON_EVENTSEL_INT);
	for (n = 1; n < 10; n++) {
		pebs_loop(&job, 100);
		GUEST_ASSERT_EQ(nr_pmis, n);
		GUEST_ASSERT_EQ(pmi_status, BIT_ULL(COUNTER) | STATUS_CTR_FRZ);
		/* The one before had not been recorded when it was. */
		GUEST_ASSERT_EQ(nr_records(), n - 1);
		exit_and_pause();
	}
	GUEST_DONE();
}

FIXTURE(armed)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
};

FIXTURE_VARIANT(armed)
{
	pause_fn pause;
	bool beside_host, in_l2;
};

FIXTURE_VARIANT_ADD(armed, paused)
{
	.pause = pause_not,
};

FIXTURE_VARIANT_ADD(armed, migrated)
{
	.pause = pause_and_migrate,
};

FIXTURE_VARIANT_ADD(armed, on_another_cpu)
{
	.pause = pause_and_move,
};

/* KVM hands the PMU over at each exit. */
FIXTURE_VARIANT_ADD(armed, beside_an_event_of_the_host)
{
	.pause = pause_not,
	.beside_host = true,
};

FIXTURE_VARIANT_ADD(armed, in_l2)
{
	.pause = pause_not,
	.in_l2 = true,
};

FIXTURE_SETUP(armed)
{
	if (!can_pause(variant->pause))
		SKIP(return, "One CPU alone");
	if (variant->in_l2 && !kvm_cpu_has(X86_FEATURE_VMX))
		SKIP(return, "Guests have no VMX");

	self->vm = vm_create_with_one_vcpu(&self->vcpu, NULL);
}

FIXTURE_TEARDOWN(armed)
{
	kvm_vm_free(self->vm);
}

/* User space can't tell the new VM what is hidden. */
static bool keeps_hidden(pause_fn pause)
{
	return pause != pause_and_migrate;
}

static void run(struct kvm_vm *vm, struct kvm_vcpu *vcpu, pause_fn pause, bool beside_host)
{
	int fd = -1;

	if (beside_host) {
		fd = host_event_open_counting(COUNT_IN_HOST, 0, -1);
		TEST_ASSERT(fd >= 0, "No event: %s", strerror(errno));
	}
	TEST_ASSERT(vcpu_run_over_pauses(vm, vcpu, pause), "No pause");
	if (beside_host)
		close(fd);
}

TEST_F(armed, stays_so_when_its_status_is_cleared)
{
	vcpu_set_program(self->vm, self->vcpu, variant->in_l2, guest_clears,
			 keeps_hidden(variant->pause));
	run(self->vm, self->vcpu, variant->pause, variant->beside_host);
}

TEST_F(armed, is_no_more_when_pebs_is_switched_off)
{
	vcpu_set_program(self->vm, self->vcpu, variant->in_l2, guest_switches,
			 keeps_hidden(variant->pause));
	run(self->vm, self->vcpu, variant->pause, variant->beside_host);
}

TEST_F(armed, overflows_again_with_a_pmi)
{
	vm_install_exception_handler(self->vm, NMI_VECTOR, handle_pmi);
	vcpu_set_program(self->vm, self->vcpu, variant->in_l2, guest_takes_pmis, 0);
	run(self->vm, self->vcpu, variant->pause, variant->beside_host);
}

int main(int argc, char *argv[])
{
	require_pebs();
	return test_harness_run(argc, argv);
}
