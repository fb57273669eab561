// SPDX-License-Identifier: GPL-2.0-only
/*
 * PEBS records of a guest with a mediated vPMU: each is of the instruction that it
 * has to be of, with the registers of then, and none is lost or doubled, whatever
 * the host does to the vCPU meanwhile.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/time.h>

#include <linux/bitmap.h>

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

#define TURNS		20000
#define PER_TURN	3
#define FIRST_IN_LINE	2

static void sample_loop(const struct pebs_job *job, uint64_t turns)
{
	pebs_prepare(job);
	pebs_loop(job, turns);
	pebs_check_loop(job, turns);
	GUEST_ASSERT(pebs_nr_records > 1);
}

static void guest_each_counter(void)
{
	struct pebs_job job;
	unsigned int idx;

	pebs_find();
	for_each_set_bit(idx, &pmu.insn_counters, 64) {
		job = pebs_job_of_one(idx, 997, DATA_CFG_GPRS);
		sample_loop(&job, TURNS);
		GUEST_ASSERT(pebs_nr_records >= 60000 / 998);
	}
	GUEST_DONE();
}

/* Each group alone, and all; basic records whatever DATA_CFG says. */
static void guest_each_format(void)
{
	uint64_t data_cfg;
	struct pebs_job job;

	pebs_find();
	for (data_cfg = 0; data_cfg <= (DATA_CFG_MEMORY | DATA_CFG_GPRS | DATA_CFG_XMMS);
	     data_cfg++) {
		job = pebs_job_of_one(1, 1009, data_cfg);
		sample_loop(&job, TURNS);
		job.adaptive = 0;
		sample_loop(&job, TURNS);
	}
	GUEST_DONE();
}

/* With periods of their own, and at the same instructions */
static void guest_all_counters(void)
{
	struct pebs_job job = { .data_cfg = DATA_CFG_GPRS };
	unsigned int idx;

	pebs_find();
	job.counters = pmu.insn_counters;
	job.adaptive = pmu.insn_counters;
	for_each_set_bit(idx, &job.counters, 64)
		job.reset[idx] = 1500 + 371 * (idx % 32) + idx / 32;
	sample_loop(&job, TURNS);

	for_each_set_bit(idx, &job.counters, 64)
		job.reset[idx] = 1200 + pebs_has_no_skid(idx);
	sample_loop(&job, TURNS);

	/* One of them is enough for a record to be adaptive. */
	job.adaptive = BIT_ULL(1);
	sample_loop(&job, TURNS);
	GUEST_DONE();
}

/*
 * User space is in the middle of the line, each time at another distance. The first
 * instruction is that which starts it all.
 */
static void sample_line(unsigned int idx, unsigned int slack)
{
	uint64_t nr_records = 0;
	struct pebs_job job;
	unsigned int n;

	for (n = FIRST_IN_LINE; n < PEBS_LINE_LENGTH; n++) {
		job = pebs_job_of_one(idx, n, DATA_CFG_GPRS);
		job.slack = slack;
		pebs_prepare(&job);
		pebs_line(&job);
		pebs_check_line(&job);
		nr_records += pebs_nr_records;
	}
	GUEST_ASSERT(nr_records > 2 * PEBS_LINE_LENGTH);
}

static void guest_line(uint64_t slack)
{
	pebs_find();
	sample_line(pmu.nr_gp - 1, slack);
	/* PDIR or PDist */
	sample_line(pebs_has_no_skid(0) ? 0 : FIRST_FIXED, slack);
	GUEST_DONE();
}

static void run_to_end(struct kvm_vcpu *vcpu)
{
	uint64_t value;

	TEST_ASSERT(!vcpu_run_to_sync(vcpu, &value), "The guest was not done");
}

static void run_alone(void (*program)(void))
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	vm = vm_create_with_one_vcpu(&vcpu, program);
	run_to_end(vcpu);
	kvm_vm_free(vm);
}

TEST(each_counter_samples_what_it_has_to)
{
	run_alone(guest_each_counter);
}

TEST(records_hold_what_was_asked_for)
{
	run_alone(guest_each_format);
}

TEST(several_counters_sample_at_once)
{
	run_alone(guest_all_counters);
}

FIXTURE(paused)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
};

FIXTURE_VARIANT(paused)
{
	pause_fn pause;
	unsigned int slack;
	bool in_l2;
};

FIXTURE_VARIANT_ADD(paused, not)
{
	.pause = pause_not,
};

FIXTURE_VARIANT_ADD(paused, migrated)
{
	.pause = pause_and_migrate,
	/* The new VM has no page of the buffers mapped. */
	.slack = 4,
};

FIXTURE_VARIANT_ADD(paused, on_another_cpu)
{
	.pause = pause_and_move,
};

/* The guest's hypervisor leaves the PMU to its guest. */
FIXTURE_VARIANT_ADD(paused, in_l2)
{
	.pause = pause_not,
	.in_l2 = true,
};

FIXTURE_SETUP(paused)
{
	if (!can_pause(variant->pause))
		SKIP(return, "One CPU alone");
	if (variant->in_l2 && !kvm_cpu_has(X86_FEATURE_VMX))
		SKIP(return, "Guests have no VMX");

	self->vm = vm_create_with_one_vcpu(&self->vcpu, NULL);
}

FIXTURE_TEARDOWN(paused)
{
	kvm_vm_free(self->vm);
}

/* Overflowed, and waiting for the next event, too */
TEST_F(paused, each_place_makes_its_record)
{
	vcpu_set_program(self->vm, self->vcpu, variant->in_l2, guest_line,
			 variant->slack);
	TEST_ASSERT_EQ(vcpu_run_over_pauses(self->vm, self->vcpu, variant->pause),
		       2 * (PEBS_LINE_LENGTH - FIRST_IN_LINE));
}

/*
 * What the host does to a guest that samples, and is not asked: rounds of a loop
 * that takes some milliseconds.
 */
#define LONG_TURNS	2000000
#define NR_ROUNDS	8

static void guest_rounds(uint64_t slack)
{
	uint64_t gp_and_fixed;
	struct pebs_job job;
	int i;

	pebs_find();
	gp_and_fixed = BIT_ULL(1) | BIT_ULL(FIRST_FIXED);
	for (i = 0; i < NR_ROUNDS; i++) {
		job = pebs_job_of_one(1, 20011 + i, DATA_CFG_GPRS);
		job.slack = slack;
		/* Late records of two counters are not foreseen. */
		if (!slack) {
			job.counters = gp_and_fixed;
			job.adaptive = gp_and_fixed;
			job.reset[FIRST_FIXED] = 30011 + 17 * i;
		}
		sample_loop(&job, LONG_TURNS);
	}
	GUEST_DONE();
}

static void on_signal(int sig)
{
}

static void signal_in(unsigned int us)
{
	struct itimerval soon = { .it_value.tv_usec = us };

	setitimer(ITIMER_REAL, &soon, NULL);
}

/* Have a signal end KVM_RUN again and again, and tell how often it did. */
static unsigned int run_with_signals(struct kvm_vm *vm, struct kvm_vcpu *vcpu,
				     pause_fn pause)
{
	struct sigaction sa = { .sa_handler = on_signal };
	unsigned int nr = 0;
	struct ucall uc;

	sigaction(SIGALRM, &sa, NULL);
	do {
		signal_in(300 + nr % 8 * 130);
		while (__vcpu_run(vcpu)) {
			TEST_ASSERT_EQ(errno, EINTR);
			vcpu = pause(vm, vcpu);
			signal_in(300 + ++nr % 8 * 130);
		}
		if (get_ucall(vcpu, &uc) == UCALL_ABORT)
			REPORT_GUEST_ASSERT(uc);
	} while (uc.cmd != UCALL_DONE);
	signal_in(0);
	return nr;
}

TEST_F(paused, no_record_is_lost_or_doubled)
{
	unsigned int nr;

	vcpu_set_program(self->vm, self->vcpu, variant->in_l2, guest_rounds,
			 variant->slack);
	nr = run_with_signals(self->vm, self->vcpu, variant->pause);
	TEST_ASSERT(nr > NR_ROUNDS, "%u signals", nr);
}

/* An event of the host's that counts has KVM hand the PMU over at each exit. */
TEST(records_beside_an_event_of_the_host)
{
	struct host_event_reading reading;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	int fd;

	fd = host_event_open_counting(COUNT_IN_HOST, 0, -1);
	TEST_ASSERT(fd >= 0, "No event: %s", strerror(errno));
	vm = vm_create_with_one_vcpu(&vcpu, guest_rounds);
	vcpu_args_set(vcpu, 1, 0ul);
	run_with_signals(vm, vcpu, pause_not);
	TEST_ASSERT(host_event_read(fd, &reading) && reading.value, "The event did not count");
	kvm_vm_free(vm);
	close(fd);
}

/* And one whose records PEBS makes for the host, in its own buffers */
#define HOST_PERIOD	20011
#define NR_PAGES	64

TEST(records_beside_records_of_the_host)
{
	struct perf_event_attr attr =
		host_event_attr(PERF_COUNT_HW_INSTRUCTIONS, COUNT_IN_HOST);
	struct perf_event_mmap_page *page;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	int fd;

	attr.precise_ip = 2;
	attr.sample_period = HOST_PERIOD;
	attr.sample_type = PERF_SAMPLE_IP;
	fd = host_event_open(&attr, 0, -1, -1);
	TEST_ASSERT(fd >= 0, "No precise event: %s", strerror(errno));
	page = mmap(NULL, (NR_PAGES + 1) * getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, 0);
	TEST_ASSERT(page != MAP_FAILED, "No ring buffer: %s", strerror(errno));
	host_event_ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);

	vm = vm_create_with_one_vcpu(&vcpu, guest_rounds);
	vcpu_args_set(vcpu, 1, 0ul);
	run_with_signals(vm, vcpu, pause_not);
	kvm_vm_free(vm);

	host_event_ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	TEST_ASSERT(page->data_head > 16 * 16, "The host has %llu bytes of samples",
		    page->data_head);
	munmap(page, (NR_PAGES + 1) * getpagesize());
	close(fd);
}

static bool is_done;

TEST(records_of_a_vcpu_that_is_moved)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (get_nprocs() < 2)
		SKIP(return, "One CPU alone");

	vm = vm_create_with_one_vcpu(&vcpu, guest_rounds);
	vcpu_args_set(vcpu, 1, 0ul);
	start_moving();
	run_to_end(vcpu);
	stop_moving();
	kvm_vm_free(vm);
}

static void *spin_until_done(void *data)
{
	while (!__atomic_load_n(&is_done, __ATOMIC_ACQUIRE))
		asm volatile("pause" ::: "memory");
	return NULL;
}

/* Preempted by a thread, and by the vCPU of a VM that samples, too */
static void *run_rounds(void *data)
{
	run_to_end(data);
	return NULL;
}

TEST(records_of_two_guests_in_turn)
{
	struct kvm_vcpu *vcpus[2];
	struct kvm_vm *vms[2];
	pthread_t threads[2], spinner;
	int i;

	pthread_create(&spinner, NULL, spin_until_done, NULL);
	for (i = 0; i < 2; i++) {
		vms[i] = vm_create_with_one_vcpu(&vcpus[i], guest_rounds);
		vcpu_args_set(vcpus[i], 1, 0ul);
		pthread_create(&threads[i], NULL, run_rounds, vcpus[i]);
	}
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&is_done, true, __ATOMIC_RELEASE);
	pthread_join(spinner, NULL);
	for (i = 0; i < 2; i++)
		kvm_vm_free(vms[i]);
}

/*
 * The PMI of each full buffer. What its handler itself counts shortens the first
 * period behind it, always by the same.
 */
#define PER_BUFFER	5
#define PMI_RESET	2003

static uint64_t nr_pmis, nr_pmi_records, newest_r8, handler_counts;

static void check_full_buffer(void)
{
	const uint64_t size = sizeof(struct pebs_basic) + sizeof(struct pebs_gprs);
	const struct pebs_gprs *gprs;
	uint64_t i, delta;

	GUEST_ASSERT_EQ(pebs_area->index, pebs_records + PER_BUFFER * size);
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), STATUS_BUFFER_OVF);
	for (i = 0; i < PER_BUFFER; i++) {
		gprs = (void *)(pebs_records + i * size + sizeof(struct pebs_basic));
		delta = PER_TURN * (newest_r8 - gprs->r8);
		newest_r8 = gprs->r8;
		if (!nr_pmi_records++)
			continue;
		/* Turns, so up to two instructions less */
		if (i) {
			GUEST_ASSERT(delta + 2 >= PMI_RESET + 1 && delta <= PMI_RESET + 3);
			continue;
		}
		delta = PMI_RESET + 1 - delta;
		if (!handler_counts)
			handler_counts = delta;
		GUEST_ASSERT(delta + 4 >= handler_counts && delta <= handler_counts + 4);
	}
}

static void handle_full_buffer(struct ex_regs *regs)
{
	wrmsr(pmu.global_ctrl, 0);
	nr_pmis++;
	check_full_buffer();
	pebs_area->index = pebs_records;
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	wrmsr(pmu.global_clear, STATUS_BUFFER_OVF);
	wrmsr(pmu.global_ctrl, BIT_ULL(1));
}

static void guest_full_buffers(uint64_t unused)
{
	struct pebs_job job = pebs_job_of_one(1, PMI_RESET, DATA_CFG_GPRS);

	x2apic_enable();
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	pebs_find();
	pebs_prepare(&job);
	pebs_area->threshold = pebs_records +
		PER_BUFFER * (sizeof(struct pebs_basic) + sizeof(struct pebs_gprs));
	newest_r8 = LONG_TURNS;
	pebs_loop(&job, LONG_TURNS);

	GUEST_ASSERT_EQ(nr_pmis, nr_pmi_records / PER_BUFFER);
	GUEST_ASSERT(nr_pmis > 100);
	/* What is counted beside the loop is the handler's. */
	GUEST_ASSERT(handler_counts && handler_counts < PMI_RESET / 2);
	GUEST_ASSERT(newest_r8 < 2 * PER_BUFFER * PMI_RESET / PER_TURN);
	GUEST_DONE();
}

TEST_F(paused, each_full_buffer_is_one_pmi)
{
	if (variant->slack)
		SKIP(return, "Records would be late");

	vm_install_exception_handler(self->vm, NMI_VECTOR, handle_full_buffer);
	vcpu_set_program(self->vm, self->vcpu, variant->in_l2, guest_full_buffers,
			 variant->slack);
	run_with_signals(self->vm, self->vcpu, variant->pause);
}

/* A PMI that has not come when user space has the vCPU is not forgotten. */
static void guest_line_pmi(uint64_t unused)
{
	struct pebs_job job;
	unsigned int n;

	x2apic_enable();
	pebs_find();
	for (n = 10; n < PEBS_LINE_PAUSE - 1; n++) {
		x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
		job = pebs_job_of_one(2, n, DATA_CFG_GPRS);
		pebs_prepare(&job);
		pebs_area->threshold = pebs_records + 1;
		pebs_area->reset_gp[2] = 0;
		pmu_nr_nmis = 0;
		pebs_line(&job);
		GUEST_ASSERT_EQ(pmu_nr_nmis, 1);
		GUEST_ASSERT_EQ(rdmsr(pmu.global_status), STATUS_BUFFER_OVF);
	}
	GUEST_DONE();
}

TEST_F(paused, a_pmi_is_not_forgotten)
{
	if (variant->slack)
		SKIP(return, "Records would be late");

	vm_install_exception_handler(self->vm, NMI_VECTOR, pmu_nmi_handler);
	vcpu_set_program(self->vm, self->vcpu, variant->in_l2, guest_line_pmi,
			 variant->slack);
	vcpu_run_over_pauses(self->vm, self->vcpu, variant->pause);
}

int main(int argc, char *argv[])
{
	require_pebs();
	return test_harness_run(argc, argv);
}
