// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's perf events beside a guest that owns the PMU: what they count, what
 * their clocks say, who is admitted; read by read(), in groups, by samples and
 * by BPF.
 *
 * Each measurement is the same stretch: a loop in the host, a longer one in a
 * guest that counts it on its own counter or leaves its PMU alone, and again
 * one in the host.
 */
#include <linux/bpf.h>
#include <linux/filter.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>

#include "apic.h"
#include "host_events.h"
#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_pmu.h"
#include "test_util.h"

#define HOST_LOOPS		100000
#define HOST_INSNS		(2 * HOST_LOOPS * INSNS_PER_LOOP)
#define GUEST_LOOPS		4000000
#define GUEST_INSNS		(GUEST_LOOPS * INSNS_PER_LOOP)

/*
 * What the host may need for a guest's stretch: exits, and the tick's work. The
 * guest's is so long that there is no doubt which of the two was counted.
 */
#define HOST_INSNS_MAX		(GUEST_INSNS / 4 * 3)

/* Written by user space: does the guest use its PMU? */
static bool uses_pmu;

static void guest_code(void)
{
	uint64_t least = 0;

	pmu_find();
	if (READ_ONCE(uses_pmu))
		least = pmu_measure_from_zero(0, 1, 1);
	GUEST_SYNC(0);

	for (;;) {
		if (READ_ONCE(uses_pmu))
			GUEST_ASSERT_EQ(pmu_measure_from_zero(0, GUEST_LOOPS + 1, 1),
					least + GUEST_INSNS);
		else
			count_down(GUEST_LOOPS);
		GUEST_SYNC(0);
	}
}

static void *run_guest(void *vcpu)
{
	vcpu_next_sync(vcpu);
	return NULL;
}

static void run_guest_in_new_thread(struct kvm_vcpu *vcpu)
{
	pthread_t thread;

	TEST_ASSERT(!pthread_create(&thread, NULL, run_guest, vcpu),
		    "No thread");
	pthread_join(thread, NULL);
}

/* Where an event may be. */
enum target {
	TASK,
	TASK_ON_CPU,
	INHERITED,
	CPU,
	CGROUP,
	NR_TARGETS,
};

static const char * const target_names[] = {
	"a task", "a task on a CPU", "a task and its children", "a CPU", "a cgroup",
};

static const char * const where_names[] = {
	"everywhere", "in the host", "in guests",
};

struct combination {
	enum target target;
	enum host_event_where where;
	bool pinned;
};

#define NR_COMBINATIONS		(NR_TARGETS * NR_COUNT_WHERE * 2)

static struct combination combination(int i)
{
	return (struct combination) {
		.target = i % NR_TARGETS,
		.where = i / NR_TARGETS % NR_COUNT_WHERE,
		.pinned = i / NR_TARGETS / NR_COUNT_WHERE,
	};
}

static const char *describe(const struct combination *c, bool uses)
{
	static char text[128];

	snprintf(text, sizeof(text), "Of %s%s, counting %s, beside a guest that %s its PMU",
		 target_names[c->target], c->pinned ? ", pinned" : "",
		 where_names[c->where], uses ? "uses" : "leaves");
	return text;
}

#define TEST_COMBINATION(c, uses, e, fmt, ...)	\
	TEST_ASSERT(e, "%s: " fmt, describe(c, uses), ##__VA_ARGS__)

static const char cgroup_mount[] = "/tmp/mediated_pmu_cgroup";
static const char cgroup_path[] = "/tmp/mediated_pmu_cgroup/mediated_pmu_test";

static bool write_in_cgroup(const char *cgroup, const char *name, const char *text)
{
	char *path;
	FILE *file;
	bool ok;

	TEST_ASSERT(asprintf(&path, "%s/%s", cgroup, name) > 0, "No memory");
	file = fopen(path, "w");
	free(path);
	if (!file)
		return false;
	ok = fputs(text, file) >= 0;
	return !fclose(file) && ok;
}

static void enter_cgroup(const char *cgroup)
{
	TEST_ASSERT(write_in_cgroup(cgroup, "cgroup.procs", "0"), "Can't enter %s: %s",
		    cgroup, strerror(errno));
}

/*
 * A cgroup with this process in it; -1 if there can't be one. The root's children
 * have their implicit controllers, perf_event is one, only after the root was
 * given any controller; most systems have done it.
 */
static int open_cgroup(void)
{
	if (mkdir(cgroup_mount, 0700) && errno != EEXIST)
		return -1;
	if (mount("none", cgroup_mount, "cgroup2", 0, NULL) && errno != EBUSY)
		return -1;
	write_in_cgroup(cgroup_mount, "cgroup.subtree_control", "+cpu");
	if (mkdir(cgroup_path, 0700) && errno != EEXIST)
		return -1;
	enter_cgroup(cgroup_path);

	return open(cgroup_path, O_RDONLY | O_DIRECTORY);
}

static void close_cgroup(int fd)
{
	enter_cgroup(cgroup_mount);
	close(fd);
	rmdir(cgroup_path);
	umount(cgroup_mount);
	rmdir(cgroup_mount);
}

FIXTURE(host_events)
{
	int cpu;
};

FIXTURE_VARIANT(host_events)
{
	bool refuse;
};

FIXTURE_VARIANT_ADD(host_events, side_by_side)
{
	.refuse = false,
};

FIXTURE_VARIANT_ADD(host_events, kept_apart)
{
	.refuse = true,
};

FIXTURE_SETUP(host_events)
{
	self->cpu = sched_getcpu();
	kvm_pin_this_task_to_pcpu(self->cpu);
}

FIXTURE_TEARDOWN(host_events)
{
	host_settings_restore();
}

/* A VM comes first, so that the one who may be refused is the event. */
static struct kvm_vcpu *start_under(bool refuse, void (*code)(void), bool uses)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	host_set(PERF_GUEST_PMU_REFUSE, 0);
	vm = vm_create_with_one_vcpu(&vcpu, code);
	uses_pmu = uses;
	sync_global_to_guest(vm, uses_pmu);
	vcpu_next_sync(vcpu);
	host_set(PERF_GUEST_PMU_REFUSE, refuse);
	return vcpu;
}

static struct kvm_vcpu *start_guest_under(bool refuse, bool uses)
{
	return start_under(refuse, guest_code, uses);
}

static int open_combination(const struct combination *c, int cpu, int cgroup,
			    struct perf_event_attr *attr)
{
	attr->pinned = c->pinned;

	switch (c->target) {
	case TASK:
		return host_event_open(attr, 0, -1, -1);
	case TASK_ON_CPU:
		return host_event_open(attr, 0, cpu, -1);
	case INHERITED:
		attr->inherit = 1;
		return host_event_open(attr, 0, -1, -1);
	case CPU:
		return host_event_open(attr, -1, cpu, -1);
	case CGROUP:
		return syscall(__NR_perf_event_open, attr, cgroup, cpu, -1,
			       PERF_FLAG_PID_CGROUP);
	default:
		TEST_FAIL("No such target: %d", c->target);
	}

	return -1;
}

static bool may_be_refused(const struct combination *c)
{
	return (c->target == CPU || c->target == CGROUP) &&
	       c->where != COUNT_IN_HOST;
}

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

/*
 * A stretch, as the event shows it and as the system's clocks do: how long it
 * took, and how long the guest had a CPU.
 */
struct stretch {
	struct host_event_reading event;
	uint64_t ns;
	uint64_t ns_of_guest;
	bool in_error;
};

static struct stretch measure(int fd, struct kvm_vcpu *vcpu, bool in_new_thread)
{
	uint64_t begin = now(CLOCK_MONOTONIC_RAW), enter;
	struct stretch s = {};

	host_event_ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	count_down(HOST_LOOPS);
	enter = now(CLOCK_PROCESS_CPUTIME_ID);
	if (in_new_thread)
		run_guest_in_new_thread(vcpu);
	else
		vcpu_run(vcpu);
	s.ns_of_guest = now(CLOCK_PROCESS_CPUTIME_ID) - enter;
	count_down(HOST_LOOPS);
	host_event_ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	s.in_error = !host_event_read(fd, &s.event);
	s.ns = now(CLOCK_MONOTONIC_RAW) - begin;

	return s;
}

/* What the event should have counted, by where it counts. */
static void judge_count(const struct combination *c, bool uses, uint64_t value)
{
	bool host = c->where != COUNT_IN_GUESTS;
	bool guest = c->where != COUNT_IN_HOST && !uses;
	uint64_t least = host * HOST_INSNS + guest * GUEST_INSNS;

	TEST_COMBINATION(c, uses, value >= least && value < least + HOST_INSNS_MAX,
			 "%lu instructions, should be from %lu on", value, least);
}

/*
 * The guest had the PMU for nearly all of the time that it ran. Beside events of
 * the host's its registers are switched at each exit, which is the host's time.
 */
static void judge_clocks(const struct combination *c, bool uses,
			 const struct stretch *s)
{
	uint64_t lost = s->event.enabled - s->event.running;
	bool loses = c->where != COUNT_IN_HOST && uses;

	TEST_COMBINATION(c, uses, s->event.enabled <= s->ns,
			 "%lu ns enabled in %lu", s->event.enabled, s->ns);
	TEST_COMBINATION(c, uses, s->event.enabled >= s->ns_of_guest,
			 "%lu ns enabled, the guest ran %lu", s->event.enabled,
			 s->ns_of_guest);
	if (!loses) {
		TEST_COMBINATION(c, uses, !lost, "lost %lu ns of %lu", lost,
				 s->event.enabled);
		return;
	}
	TEST_COMBINATION(c, uses, lost <= s->ns_of_guest && lost >= s->ns_of_guest / 2,
			 "lost %lu ns of %lu, the guest ran %lu", lost,
			 s->event.enabled, s->ns_of_guest);
}

static void test_combination(const struct combination *c, struct kvm_vcpu *vcpu,
			     int cpu, int cgroup, bool refuse)
{
	struct perf_event_attr attr = host_event_attr(PERF_COUNT_HW_INSTRUCTIONS,
						      c->where);
	int fd = open_combination(c, cpu, cgroup, &attr);
	struct stretch s;

	if (refuse && may_be_refused(c)) {
		TEST_COMBINATION(c, uses_pmu, fd < 0 && errno == EOPNOTSUPP,
				 "should be refused, not %d, %s", fd, strerror(errno));
		return;
	}
	TEST_COMBINATION(c, uses_pmu, fd >= 0, "can't be opened: %s", strerror(errno));

	s = measure(fd, vcpu, c->target == INHERITED);
	TEST_COMBINATION(c, uses_pmu, !s.in_error, "in error");
	judge_count(c, uses_pmu, s.event.value);
	judge_clocks(c, uses_pmu, &s);
	close(fd);
}

/* All of them, but those of a cgroup, or those alone. */
static void test_combinations(struct kvm_vcpu *vcpu, int cpu, int cgroup, bool refuse)
{
	struct combination c;
	int i;

	for (i = 0; i < NR_COMBINATIONS; i++) {
		c = combination(i);
		if (cgroup < 0 ? c.target != CGROUP : c.target == CGROUP)
			test_combination(&c, vcpu, cpu, cgroup, refuse);
	}
}

TEST_F(host_events, stand_still_while_a_guest_owns_the_pmu)
{
	struct kvm_vcpu *vcpu = start_guest_under(variant->refuse, true);

	test_combinations(vcpu, self->cpu, -1, variant->refuse);
	kvm_vm_free(vcpu->vm);
}

TEST_F(host_events, count_a_guest_that_leaves_its_pmu_alone)
{
	struct kvm_vcpu *vcpu = start_guest_under(variant->refuse, false);

	test_combinations(vcpu, self->cpu, -1, variant->refuse);
	kvm_vm_free(vcpu->vm);
}

/*
 * The clock of a cgroup is right only after the cgroup was switched out and in
 * again with an event open, whatever guests do.
 */
static int start_clock_of_cgroup(int cgroup, int cpu)
{
	struct perf_event_attr attr = host_event_attr(PERF_COUNT_HW_INSTRUCTIONS,
						      COUNT_IN_HOST);
	struct combination c = { .target = CGROUP, .where = COUNT_IN_HOST };
	int fd;

	attr.disabled = 0;
	fd = open_combination(&c, cpu, cgroup, &attr);
	TEST_ASSERT(fd >= 0, "No event of a cgroup: %s", strerror(errno));
	usleep(1000);
	return fd;
}

TEST_F(host_events, of_a_cgroup_do_either)
{
	struct kvm_vcpu *vcpu;
	int cgroup, clock, uses;

	cgroup = open_cgroup();
	if (cgroup < 0)
		SKIP(return, "no cgroup2 to put events on: %s", strerror(errno));
	clock = start_clock_of_cgroup(cgroup, self->cpu);

	for (uses = 0; uses <= 1; uses++) {
		vcpu = start_guest_under(variant->refuse, uses);
		test_combinations(vcpu, self->cpu, cgroup, variant->refuse);
		kvm_vm_free(vcpu->vm);
	}
	close(clock);
	close_cgroup(cgroup);
}

#define CLOCK_LOOPS		1000000
#define CLOCK_ROUNDS		10

/* Tell how long a loop took by the TSC; a counter is on all the time. */
static void timing_guest_code(void)
{
	struct pmu_switch counter;
	uint64_t begin;

	pmu_find();
	counter = pmu_arm(BIT_ULL(0), ARCH_PERFMON_EVENTSEL_OS);
	wrmsr(counter.msr, counter.on);
	GUEST_SYNC(0);

	for (;;) {
		begin = rdtsc();
		count_down(CLOCK_LOOPS);
		GUEST_SYNC(rdtsc() - begin);
	}
}

/*
 * A round of that, timed thrice: by the guest, by the host around and within the
 * system calls that switch the event on and off, and by the event.
 */
struct timing {
	uint64_t guest, inner, outer;
	struct host_event_reading event;
};

static struct timing time_round(struct kvm_vcpu *vcpu, pid_t pid, int cpu)
{
	struct perf_event_attr attr = host_event_attr(PERF_COUNT_HW_INSTRUCTIONS,
						      COUNT_EVERYWHERE);
	int fd = host_event_open(&attr, pid, cpu, -1);
	uint64_t outer, inner, ticks;
	struct timing t;

	TEST_ASSERT(fd >= 0, "No event: %s", strerror(errno));
	outer = now(CLOCK_MONOTONIC_RAW);
	host_event_ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	inner = now(CLOCK_MONOTONIC_RAW);
	ticks = vcpu_next_sync(vcpu);
	t.inner = now(CLOCK_MONOTONIC_RAW) - inner;
	host_event_ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	t.outer = now(CLOCK_MONOTONIC_RAW) - outer;
	t.guest = ticks * (NSEC_PER_SEC / 1000) / guest_tsc_khz;
	TEST_ASSERT(host_event_read(fd, &t.event), "The event is in error");
	close(fd);

	return t;
}

/* The round without a VM exit in the loop, or with the fewest. */
static struct timing quietest_round(struct kvm_vcpu *vcpu, pid_t pid, int cpu)
{
	struct timing t, quietest = { .outer = -1 };
	int i;

	for (i = 0; i < CLOCK_ROUNDS; i++) {
		t = time_round(vcpu, pid, cpu);
		if (t.outer < quietest.outer)
			quietest = t;
	}

	return quietest;
}

/*
 * The clocks differ by their rounding, a thousandth at most. What the guest had
 * beside its loop is a few microseconds to the host and back.
 */
static void judge_timing(const struct timing *t)
{
	uint64_t lost = t->event.enabled - t->event.running;

	ksft_print_msg("%lu to %lu ns passed, %lu enabled; the guest's loop took %lu, %lu lost\n",
		       t->inner, t->outer, t->event.enabled, t->guest, lost);
	TEST_ASSERT(t->event.enabled >= t->inner - t->inner / 1000 &&
		    t->event.enabled <= t->outer + t->outer / 1000,
		    "%lu ns enabled, should be %lu to %lu", t->event.enabled,
		    t->inner, t->outer);
	TEST_ASSERT(lost >= t->guest - t->guest / 1000 &&
		    lost <= t->guest + t->guest / 20 && lost <= t->inner,
		    "lost %lu ns, the guest's loop took %lu", lost, t->guest);
}

TEST_F(host_events, lose_the_time_that_the_guest_measures)
{
	struct kvm_vcpu *vcpu = start_under(variant->refuse, timing_guest_code, true);
	struct timing t;

	t = quietest_round(vcpu, 0, -1);
	judge_timing(&t);
	if (!variant->refuse) {
		t = quietest_round(vcpu, -1, self->cpu);
		judge_timing(&t);
	}
	kvm_vm_free(vcpu->vm);
}

/* What an event counts of one stretch. */
static uint64_t count_once(const struct combination *c, struct perf_event_attr attr,
			   struct kvm_vcpu *vcpu, int cpu)
{
	int fd = open_combination(c, cpu, -1, &attr);
	struct stretch s;

	TEST_COMBINATION(c, uses_pmu, fd >= 0, "can't be opened: %s", strerror(errno));
	s = measure(fd, vcpu, c->target == INHERITED);
	close(fd);
	return s.event.value;
}

/* An interrupt may make some CPUs count an instruction too many, so the least. */
#define ROUNDS		5

static uint64_t least_user_count(const struct combination *c, struct kvm_vcpu *vcpu,
				 int cpu)
{
	struct perf_event_attr attr = host_event_attr(PERF_COUNT_HW_INSTRUCTIONS,
						      COUNT_IN_HOST);
	uint64_t least = -1, count;
	int i;

	attr.exclude_kernel = 1;
	for (i = 0; i < ROUNDS; i++) {
		count = count_once(c, attr, vcpu, cpu);
		if (count < least)
			least = count;
	}

	return least;
}

/* A CPU's may count another task, and starting a thread is not always the same. */
static bool counts_the_same_code(const struct combination *c)
{
	return c->target == TASK || c->target == TASK_ON_CPU;
}

TEST_F(host_events, that_exclude_guests_count_the_same_beside_either_guest)
{
	struct kvm_vcpu *using = start_guest_under(variant->refuse, true);
	struct kvm_vcpu *leaving = start_guest_under(variant->refuse, false);
	uint64_t beside_using, beside_leaving;
	struct combination c;
	int i;

	for (i = 0; i < NR_COMBINATIONS; i++) {
		c = combination(i);
		if (c.where != COUNT_IN_HOST || !counts_the_same_code(&c))
			continue;

		beside_using = least_user_count(&c, using, self->cpu);
		beside_leaving = least_user_count(&c, leaving, self->cpu);
		TEST_COMBINATION(&c, true, beside_using >= HOST_INSNS,
				 "only %lu user instructions", beside_using);
		TEST_COMBINATION(&c, true, beside_using == beside_leaving,
				 "%lu user instructions, %lu beside one that leaves it",
				 beside_using, beside_leaving);
	}
	kvm_vm_free(using->vm);
	kvm_vm_free(leaving->vm);
}

/* Of the guest's between two calls of the host; each makes it exit. */
static uint32_t nr_cpuids;

#define NR_CPUIDS		1000

/* Far less than it takes to leave a guest, handle CPUID, and enter the guest. */
#define INSNS_PER_EXIT		200

/* A counter is on all the time, and raises no PMI. */
static void exiting_guest_code(void)
{
	uint32_t eax, ebx, ecx, edx, n;
	struct pmu_switch counter;

	x2apic_enable();
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	pmu_find();
	counter = pmu_arm(BIT_ULL(0), ARCH_PERFMON_EVENTSEL_OS);
	wrmsr(counter.msr, counter.on);

	for (;;) {
		GUEST_SYNC(0);
		for (n = READ_ONCE(nr_cpuids); n; n--)
			cpuid(0, &eax, &ebx, &ecx, &edx);
		GUEST_ASSERT_EQ(READ_ONCE(pmu_nr_nmis), 0);
	}
}

static struct kvm_vcpu *start_exiting_guest_under(bool refuse)
{
	struct kvm_vcpu *vcpu = start_under(refuse, exiting_guest_code, true);

	vm_install_exception_handler(vcpu->vm, NMI_VECTOR, pmu_nmi_handler);
	return vcpu;
}

static void let_exit(struct kvm_vcpu *vcpu, uint32_t times)
{
	nr_cpuids = times;
	sync_global_to_guest(vcpu->vm, nr_cpuids);
}

static uint64_t count_beside_exits(const struct combination *c, struct kvm_vcpu *vcpu,
				   int cpu, uint32_t exits)
{
	struct perf_event_attr attr = host_event_attr(PERF_COUNT_HW_INSTRUCTIONS,
						      c->where);

	let_exit(vcpu, exits);
	return count_once(c, attr, vcpu, cpu);
}

/* All of it is within one KVM_RUN. */
TEST_F(host_events, count_what_the_host_does_between_exits)
{
	struct kvm_vcpu *vcpu = start_exiting_guest_under(variant->refuse);
	uint64_t without, with;
	struct combination c;
	int i;

	for (i = 0; i < NR_COMBINATIONS; i++) {
		c = combination(i);
		if (c.where == COUNT_IN_GUESTS || c.target == INHERITED ||
		    c.target == CGROUP || (variant->refuse && may_be_refused(&c)))
			continue;

		without = count_beside_exits(&c, vcpu, self->cpu, 0);
		with = count_beside_exits(&c, vcpu, self->cpu, NR_CPUIDS);
		TEST_COMBINATION(&c, true, with >= without + NR_CPUIDS * INSNS_PER_EXIT,
				 "%lu instructions with %u exits, %lu without", with,
				 NR_CPUIDS, without);
	}
	kvm_vm_free(vcpu->vm);
}

/* What read() gives of a group. */
struct group_reading {
	uint64_t nr, enabled, running;
	uint64_t values[4];
};

/* Twice the same event, what the guest may not disturb, and what it stops. */
static const struct {
	uint64_t config;
	bool exclude_kernel;
	enum host_event_where where;
} group_events[] = {
	{ PERF_COUNT_HW_INSTRUCTIONS, true, COUNT_IN_HOST },
	{ PERF_COUNT_HW_INSTRUCTIONS, true, COUNT_IN_HOST },
	{ PERF_COUNT_HW_BRANCH_INSTRUCTIONS, false, COUNT_IN_HOST },
	{ PERF_COUNT_HW_INSTRUCTIONS, false, COUNT_EVERYWHERE },
};

#define NR_GROUP_EVENTS		ARRAY_SIZE(group_events)

static int open_group(int fds[], pid_t pid, int cpu)
{
	struct perf_event_attr attr;
	unsigned int i;

	for (i = 0; i < NR_GROUP_EVENTS; i++) {
		attr = host_event_attr(group_events[i].config, group_events[i].where);
		attr.exclude_kernel = group_events[i].exclude_kernel;
		attr.disabled = !i;
		attr.read_format |= i ? 0 : PERF_FORMAT_GROUP;
		fds[i] = host_event_open(&attr, pid, cpu, i ? fds[0] : -1);
		if (fds[i] < 0)
			return -1;
	}

	return 0;
}

static struct group_reading measure_group(int fds[], struct kvm_vcpu *vcpu)
{
	struct group_reading group;

	host_event_ioctl(fds[0], PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
	count_down(HOST_LOOPS);
	vcpu_run(vcpu);
	count_down(HOST_LOOPS);
	host_event_ioctl(fds[0], PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);

	TEST_ASSERT_EQ(read(fds[0], &group, sizeof(group)), sizeof(group));
	TEST_ASSERT_EQ(group.nr, NR_GROUP_EVENTS);
	return group;
}

static void judge_group(int fds[], const struct group_reading *group)
{
	struct host_event_reading each;
	unsigned int i;

	TEST_ASSERT(group->enabled == group->running,
		    "The leader, which excludes guests, lost %lu ns",
		    group->enabled - group->running);
	TEST_ASSERT_EQ(group->values[0], group->values[1]);
	TEST_ASSERT(group->values[0] >= HOST_INSNS && group->values[0] < HOST_INSNS_MAX,
		    "%lu user instructions", group->values[0]);
	TEST_ASSERT(group->values[2] >= HOST_INSNS / 2 && group->values[2] < HOST_INSNS_MAX / 2,
		    "%lu branches", group->values[2]);
	TEST_ASSERT(group->values[3] > group->values[0] && group->values[3] < HOST_INSNS_MAX,
		    "%lu instructions in all rings", group->values[3]);

	for (i = 1; i < NR_GROUP_EVENTS; i++) {
		TEST_ASSERT(host_event_read(fds[i], &each), "%u is in error", i);
		TEST_ASSERT_EQ(each.value, group->values[i]);
		TEST_ASSERT_EQ(each.enabled, group->enabled);
		TEST_ASSERT((each.running < each.enabled) ==
			    (group_events[i].where == COUNT_EVERYWHERE),
			    "Event %u ran %lu ns of %lu", i, each.running, each.enabled);
	}
}

static void test_group(struct kvm_vcpu *vcpu, pid_t pid, int cpu)
{
	struct group_reading group;
	int fds[NR_GROUP_EVENTS];
	unsigned int i;

	TEST_ASSERT(!open_group(fds, pid, cpu), "No group: %s", strerror(errno));
	group = measure_group(fds, vcpu);
	judge_group(fds, &group);
	for (i = 0; i < NR_GROUP_EVENTS; i++)
		close(fds[i]);
}

TEST_F(host_events, in_a_group_agree)
{
	struct kvm_vcpu *vcpu = start_guest_under(variant->refuse, true);

	test_group(vcpu, 0, -1);
	if (!variant->refuse)
		test_group(vcpu, -1, self->cpu);
	kvm_vm_free(vcpu->vm);
}

/* Short, so that the guest is often entered where an overflow waits */
#define PRECISE_PERIOD		1009
#define PRECISE_ROUNDS		4000
#define SAMPLE_PERIOD		10007
#define SAMPLE_ROUNDS		10
#define MAX_SAMPLE_RATE		1000000
#define RING_PAGES		128

/* What the samples in a ring say. */
struct samples {
	uint64_t in_host, in_guest, lost;
};

static struct perf_event_mmap_page *map_ring(int fd)
{
	void *ring = mmap(NULL, (RING_PAGES + 1) * getpagesize(),
			  PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	TEST_ASSERT(ring != MAP_FAILED, "No ring: %s", strerror(errno));
	return ring;
}

static struct samples count_samples(struct perf_event_mmap_page *ring)
{
	uint64_t size = RING_PAGES * getpagesize();
	char *data = (char *)ring + getpagesize();
	struct perf_event_header *header;
	struct samples samples = {};
	uint64_t at;

	for (at = 0; at < ring->data_head; at += header->size) {
		header = (void *)(data + at % size);
		if (header->type != PERF_RECORD_SAMPLE)
			samples.lost++;
		else if ((header->misc & PERF_RECORD_MISC_CPUMODE_MASK) >=
			 PERF_RECORD_MISC_GUEST_KERNEL)
			samples.in_guest++;
		else
			samples.in_host++;
	}
	TEST_ASSERT(ring->data_head < size, "The ring is too small");

	return samples;
}

static struct perf_event_attr sampling_attr(enum host_event_where where)
{
	struct perf_event_attr attr = host_event_attr(PERF_COUNT_HW_INSTRUCTIONS, where);

	attr.sample_period = SAMPLE_PERIOD;
	attr.sample_type = PERF_SAMPLE_IP;
	return attr;
}

/* Sample this thread over rounds of a loop and the guest; tell what it counted. */
static struct samples sample_rounds(struct perf_event_attr attr, struct kvm_vcpu *vcpu,
				    int rounds, uint32_t loops, uint64_t *count)
{
	struct host_event_reading reading;
	struct samples samples;
	void *ring;
	int fd, i;

	host_allow_samples(MAX_SAMPLE_RATE);
	fd = host_event_open(&attr, 0, -1, -1);
	TEST_ASSERT(fd >= 0, "No sampling event: %s", strerror(errno));
	ring = map_ring(fd);

	host_event_ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	for (i = 0; i < rounds; i++) {
		count_down(loops);
		vcpu_run(vcpu);
	}
	host_event_ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	TEST_ASSERT(host_event_read(fd, &reading), "The sampling event is in error");
	*count = reading.value;
	samples = count_samples(ring);
	TEST_ASSERT(!samples.lost, "%lu records are no samples", samples.lost);

	munmap(ring, (RING_PAGES + 1) * getpagesize());
	close(fd);
	return samples;
}

static struct samples sample(struct perf_event_attr attr, struct kvm_vcpu *vcpu,
			     uint64_t *count)
{
	return sample_rounds(attr, vcpu, SAMPLE_ROUNDS, HOST_LOOPS, count);
}

static void judge_samples_each(const struct samples *samples, uint64_t count,
			       unsigned int period)
{
	TEST_ASSERT(!samples->in_guest, "%lu samples of the guest", samples->in_guest);
	TEST_ASSERT(samples->in_host + 1 >= count / period &&
		    samples->in_host <= count / period + 1,
		    "%lu samples, one each %u of %lu", samples->in_host, period, count);
}

static void judge_samples(const struct samples *samples, uint64_t count)
{
	judge_samples_each(samples, count, SAMPLE_PERIOD);
}

TEST_F(host_events, that_sample_the_host_lose_no_sample)
{
	struct kvm_vcpu *vcpu = start_guest_under(variant->refuse, true);
	struct perf_event_attr attr = sampling_attr(COUNT_IN_HOST);
	struct samples samples;
	uint64_t count;

	attr.exclude_kernel = 1;
	samples = sample(attr, vcpu, &count);
	judge_samples(&samples, count);
	kvm_vm_free(vcpu->vm);
}

/* Overflows come at any place between two entries; some are just before one. */
TEST_F(host_events, that_sample_the_host_between_exits_lose_no_sample)
{
	struct kvm_vcpu *vcpu = start_exiting_guest_under(variant->refuse);
	struct samples samples;
	uint64_t count;

	let_exit(vcpu, NR_CPUIDS);
	samples = sample(sampling_attr(COUNT_IN_HOST), vcpu, &count);
	judge_samples(&samples, count);
	kvm_vm_free(vcpu->vm);
}

/*
 * A counter with PEBS that has overflowed waits for its next event, often over
 * a run of the guest: without an interrupt to come, and with no event
 * before user space runs on.
 */
TEST_F(host_events, that_sample_precisely_lose_no_sample)
{
	struct kvm_vcpu *vcpu = start_exiting_guest_under(variant->refuse);
	struct perf_event_attr attr = sampling_attr(COUNT_IN_HOST);
	struct samples samples;
	uint64_t count;
	int fd;

	attr.precise_ip = 2;
	attr.exclude_kernel = 1;
	attr.sample_period = PRECISE_PERIOD;
	fd = host_event_open(&attr, 0, -1, -1);
	if (fd < 0) {
		kvm_vm_free(vcpu->vm);
		SKIP(return, "The host has no PEBS");
	}
	close(fd);

	let_exit(vcpu, 1);
	samples = sample_rounds(attr, vcpu, PRECISE_ROUNDS, 1, &count);
	judge_samples_each(&samples, count, PRECISE_PERIOD);
	kvm_vm_free(vcpu->vm);
}

TEST_F(host_events, that_sample_guests_see_those_that_leave_their_pmu)
{
	struct kvm_vcpu *using = start_guest_under(variant->refuse, true);
	struct kvm_vcpu *leaving = start_guest_under(variant->refuse, false);
	uint64_t due = SAMPLE_ROUNDS * (GUEST_INSNS / SAMPLE_PERIOD);
	struct samples samples;
	uint64_t count;

	samples = sample(sampling_attr(COUNT_EVERYWHERE), using, &count);
	TEST_ASSERT(samples.in_guest < due / 20, "%lu samples of a guest that counts",
		    samples.in_guest);
	samples = sample(sampling_attr(COUNT_EVERYWHERE), leaving, &count);
	TEST_ASSERT(samples.in_guest >= due - due / 20,
		    "%lu samples of a guest that does not, out of %lu",
		    samples.in_guest, due);
	kvm_vm_free(using->vm);
	kvm_vm_free(leaving->vm);
}

/* What the BPF program finds of an event: by the simple helper, by the other. */
struct finding {
	uint64_t simple;
	struct bpf_perf_event_value full;
	int64_t error;
};

#define NR_FINDINGS	4096

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr));
}

static int bpf_map(enum bpf_map_type type, int key_size, int value_size, int nr)
{
	union bpf_attr attr = {
		.map_type = type,
		.key_size = key_size,
		.value_size = value_size,
		.max_entries = nr,
	};

	return bpf(BPF_MAP_CREATE, &attr);
}

#define ON_STACK(member)	((int)offsetof(struct finding, member) - \
				 (int)sizeof(struct finding))

/* Read the event on this CPU in both ways and put what was found in a queue. */
static int load_reader(int events, int queue)
{
	struct bpf_insn insns[] = {
		BPF_LD_MAP_FD(BPF_REG_1, events),
		BPF_MOV32_IMM(BPF_REG_2, (int)BPF_F_CURRENT_CPU),
		BPF_EMIT_CALL(BPF_FUNC_perf_event_read),
		BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_0, ON_STACK(simple)),
		BPF_LD_MAP_FD(BPF_REG_1, events),
		BPF_MOV32_IMM(BPF_REG_2, (int)BPF_F_CURRENT_CPU),
		BPF_MOV64_REG(BPF_REG_3, BPF_REG_10),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, ON_STACK(full)),
		BPF_MOV64_IMM(BPF_REG_4, sizeof(struct bpf_perf_event_value)),
		BPF_EMIT_CALL(BPF_FUNC_perf_event_read_value),
		BPF_STX_MEM(BPF_DW, BPF_REG_10, BPF_REG_0, ON_STACK(error)),
		BPF_LD_MAP_FD(BPF_REG_1, queue),
		BPF_MOV64_REG(BPF_REG_2, BPF_REG_10),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_2, ON_STACK(simple)),
		BPF_MOV64_IMM(BPF_REG_3, 0),
		BPF_EMIT_CALL(BPF_FUNC_map_push_elem),
		BPF_MOV64_IMM(BPF_REG_0, 0),
		BPF_EXIT_INSN(),
	};
	static char log[65536];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACEPOINT,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t)"GPL",
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	int program = bpf(BPF_PROG_LOAD, &attr);

	TEST_ASSERT(program >= 0, "The BPF program was refused: %s\n%s",
		    strerror(errno), log);
	return program;
}

#define KVM_TRACEPOINTS	"/sys/kernel/tracing/events/kvm"

/* Return: the tracepoint with @program at it. */
static int attach(int program, const char *tracepoint)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
	};
	char *path;
	int fd;

	TEST_ASSERT(asprintf(&path, KVM_TRACEPOINTS "/%s/id", tracepoint) > 0,
		    "No memory");
	attr.config = host_setting(path);
	free(path);
	fd = host_event_open(&attr, -1, 0, -1);
	TEST_ASSERT(fd >= 0, "No tracepoint %s: %s", tracepoint, strerror(errno));
	host_event_ioctl(fd, PERF_EVENT_IOC_SET_BPF, program);

	return fd;
}

static bool next_finding(int queue, struct finding *finding)
{
	union bpf_attr attr = {
		.map_fd = queue,
		.value = (uintptr_t)finding,
	};

	return !bpf(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &attr);
}

static void put_in_map(int events, int cpu, int fd)
{
	union bpf_attr attr = {
		.map_fd = events,
		.key = (uintptr_t)&cpu,
		.value = (uintptr_t)&fd,
	};

	TEST_ASSERT(!bpf(BPF_MAP_UPDATE_ELEM, &attr), "%s", strerror(errno));
}

/* Neither count nor clock goes back, and no time is shown that there was not. */
static void judge_finding(enum host_event_where where, unsigned int i,
			  const struct finding *finding, const struct finding *last)
{
	const struct bpf_perf_event_value *full = &finding->full;

	TEST_ASSERT(!finding->error, "Counting %s, finding %u: error %ld",
		    where_names[where], i, finding->error);
	TEST_ASSERT(finding->simple == full->counter,
		    "Counting %s, finding %u: %lu and %llu", where_names[where], i,
		    finding->simple, full->counter);
	TEST_ASSERT(full->counter >= last->full.counter,
		    "Counting %s, finding %u: %llu counted, %llu before",
		    where_names[where], i, full->counter, last->full.counter);
	TEST_ASSERT(full->enabled >= last->full.enabled,
		    "Counting %s, finding %u: %llu ns enabled, %llu before",
		    where_names[where], i, full->enabled, last->full.enabled);
	TEST_ASSERT(full->running >= last->full.running,
		    "Counting %s, finding %u: %llu ns running, %llu before",
		    where_names[where], i, full->running, last->full.running);
	TEST_ASSERT(full->running <= full->enabled,
		    "Counting %s, finding %u: %llu ns running of %llu",
		    where_names[where], i, full->running, full->enabled);
	if (where == COUNT_IN_HOST)
		TEST_ASSERT_EQ(full->running, full->enabled);
}

static void judge_findings(enum host_event_where where, int queue, int fd)
{
	struct finding finding, last = {};
	struct host_event_reading reading;
	unsigned int i;

	for (i = 0; next_finding(queue, &finding); i++) {
		judge_finding(where, i, &finding, &last);
		last = finding;
	}
	TEST_ASSERT(i >= 3 && i < NR_FINDINGS, "%u findings", i);

	TEST_ASSERT(host_event_read(fd, &reading), "The event is in error");
	TEST_ASSERT(reading.value >= last.full.counter, "%lu, but BPF saw %llu",
		    reading.value, last.full.counter);
	TEST_ASSERT(reading.running >= last.full.running, "Ran %lu ns, but BPF saw %llu",
		    reading.running, last.full.running);
	TEST_ASSERT((reading.running < reading.enabled) == (where == COUNT_EVERYWHERE),
		    "Ran %lu ns of %lu", reading.running, reading.enabled);
}

/* Where the guest owns the PMU, and where it just did. */
static const char * const tracepoints[] = {
	"kvm_entry", "kvm_exit", "kvm_userspace_exit",
};

/*
 * Counting user instructions, so that the program itself does not count between
 * its two reads.
 */
static void test_bpf(enum host_event_where where, int events, int queue,
		     struct kvm_vcpu *vcpu, int cpu)
{
	struct perf_event_attr attr = host_event_attr(PERF_COUNT_HW_INSTRUCTIONS, where);
	int fd, program, at[ARRAY_SIZE(tracepoints)];
	unsigned int i;

	attr.exclude_kernel = 1;
	fd = host_event_open(&attr, 0, -1, -1);
	TEST_ASSERT(fd >= 0, "No event: %s", strerror(errno));
	put_in_map(events, cpu, fd);
	program = load_reader(events, queue);

	host_event_ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	for (i = 0; i < ARRAY_SIZE(at); i++)
		at[i] = attach(program, tracepoints[i]);
	vcpu_next_sync(vcpu);
	for (i = 0; i < ARRAY_SIZE(at); i++)
		close(at[i]);
	host_event_ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);

	judge_findings(where, queue, fd);
	close(program);
	close(fd);
}

TEST_F(host_events, are_read_by_bpf_while_a_guest_owns_the_pmu)
{
	struct kvm_vcpu *vcpu;
	int events, queue;

	events = bpf_map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, sizeof(int), sizeof(int),
			 get_nprocs_conf());
	queue = bpf_map(BPF_MAP_TYPE_QUEUE, 0, sizeof(struct finding), NR_FINDINGS);
	if (events < 0 || queue < 0)
		SKIP(return, "no BPF maps: %s", strerror(errno));
	if (access(KVM_TRACEPOINTS, F_OK))
		SKIP(return, "no " KVM_TRACEPOINTS);

	vcpu = start_guest_under(variant->refuse, true);
	test_bpf(COUNT_IN_HOST, events, queue, vcpu, self->cpu);
	test_bpf(COUNT_EVERYWHERE, events, queue, vcpu, self->cpu);
	kvm_vm_free(vcpu->vm);
}

FIXTURE(admission)
{
	int cpu;
};

FIXTURE_SETUP(admission)
{
	self->cpu = sched_getcpu();
	if (host_has_setting(NMI_WATCHDOG))
		host_set(NMI_WATCHDOG, 0);
	host_set(PERF_GUEST_PMU_REFUSE, 1);
}

FIXTURE_TEARDOWN(admission)
{
	host_settings_restore();
}

static void assert_refused(int fd)
{
	TEST_ASSERT(fd < 0 && errno == EOPNOTSUPP, "Not refused, but %d, %s", fd,
		    strerror(errno));
}

static void assert_admitted(int fd)
{
	TEST_ASSERT(fd >= 0, "Not admitted: %s", strerror(errno));
	close(fd);
}

/* Each round would be refused if the one before had left a user behind. */
TEST_F(admission, alternates_when_each_goes_before_the_other_comes)
{
	int i;

	for (i = 0; i < 10; i++) {
		TEST_ASSERT_EQ(kvm_try_vcpu(), 0);
		assert_admitted(host_event_open_counting(COUNT_EVERYWHERE, -1, self->cpu));
	}
}

TEST_F(admission, of_an_event_ends_with_the_first_vcpu)
{
	struct kvm_vm *vm = vm_create_barebones();
	int vcpu;

	vm_create_irqchip(vm);
	assert_admitted(host_event_open_counting(COUNT_EVERYWHERE, -1, self->cpu));

	vcpu = __vm_ioctl(vm, KVM_CREATE_VCPU, NULL);
	TEST_ASSERT(vcpu >= 0, "No vCPU: %s", strerror(errno));
	assert_refused(host_event_open_counting(COUNT_EVERYWHERE, -1, self->cpu));
	assert_refused(host_event_open_counting(COUNT_IN_GUESTS, -1, self->cpu));
	assert_admitted(host_event_open_counting(COUNT_IN_HOST, -1, self->cpu));
	assert_admitted(host_event_open_counting(COUNT_EVERYWHERE, 0, -1));
	assert_admitted(host_event_open_counting(COUNT_EVERYWHERE, 0, self->cpu));

	close(vcpu);
	kvm_vm_free(vm);
	assert_admitted(host_event_open_counting(COUNT_EVERYWHERE, -1, self->cpu));
}

TEST_F(admission, of_a_vm_ends_with_the_first_event)
{
	int first = host_event_open_counting(COUNT_EVERYWHERE, -1, self->cpu);
	int second = host_event_open_counting(COUNT_IN_GUESTS, -1, self->cpu);

	TEST_ASSERT(first >= 0 && second >= 0, "No event: %s", strerror(errno));
	TEST_ASSERT_EQ(kvm_try_vcpu(), EBUSY);
	close(first);
	TEST_ASSERT_EQ(kvm_try_vcpu(), EBUSY);
	close(second);
	TEST_ASSERT_EQ(kvm_try_vcpu(), 0);
}

TEST_F(admission, of_a_vm_is_open_beside_events_that_can_do_without_guests)
{
	int host = host_event_open_counting(COUNT_IN_HOST, -1, self->cpu);
	int task = host_event_open_counting(COUNT_EVERYWHERE, 0, -1);

	TEST_ASSERT(host >= 0 && task >= 0, "No event: %s", strerror(errno));
	TEST_ASSERT_EQ(kvm_try_vcpu(), 0);
	close(host);
	close(task);
}

/* A VM without a PMU is not meant, whoever comes first. */
TEST_F(admission, is_open_to_a_vm_without_a_pmu)
{
	struct kvm_vm *vm = vm_create_barebones();
	int event = host_event_open_counting(COUNT_EVERYWHERE, -1, self->cpu);
	int vcpu;

	TEST_ASSERT(event >= 0, "No event: %s", strerror(errno));
	vm_enable_cap(vm, KVM_CAP_PMU_CAPABILITY, KVM_PMU_CAP_DISABLE);
	vm_create_irqchip(vm);
	vcpu = __vm_ioctl(vm, KVM_CREATE_VCPU, NULL);
	TEST_ASSERT(vcpu >= 0, "No vCPU: %s", strerror(errno));
	close(event);
	assert_admitted(host_event_open_counting(COUNT_EVERYWHERE, -1, self->cpu));
	close(vcpu);
	kvm_vm_free(vm);
}

/* The choice may change at any time; who is there stays, and is counted. */
TEST_F(admission, counts_those_who_came_while_all_were_welcome)
{
	struct kvm_vm *vm = vm_create_barebones();
	int event, vcpu;

	vm_create_irqchip(vm);
	vcpu = __vm_ioctl(vm, KVM_CREATE_VCPU, NULL);
	TEST_ASSERT(vcpu >= 0, "No vCPU: %s", strerror(errno));

	host_set(PERF_GUEST_PMU_REFUSE, 0);
	event = host_event_open_counting(COUNT_EVERYWHERE, -1, self->cpu);
	TEST_ASSERT(event >= 0, "No event: %s", strerror(errno));
	TEST_ASSERT_EQ(kvm_try_vcpu(), 0);

	host_set(PERF_GUEST_PMU_REFUSE, 1);
	TEST_ASSERT_EQ(kvm_try_vcpu(), EBUSY);
	assert_refused(host_event_open_counting(COUNT_EVERYWHERE, -1, self->cpu));
	close(event);
	TEST_ASSERT_EQ(kvm_try_vcpu(), 0);
	close(vcpu);
	kvm_vm_free(vm);
	assert_admitted(host_event_open_counting(COUNT_EVERYWHERE, -1, self->cpu));
}

TEST_F(admission, is_refused_beside_the_nmi_watchdog)
{
	int r;

	host_set(PERF_GUEST_PMU_REFUSE, 0);
	if (host_has_setting(NMI_WATCHDOG))
		host_set(NMI_WATCHDOG, 1);
	if (!host_has_setting(NMI_WATCHDOG) || !host_setting(NMI_WATCHDOG))
		SKIP(return, "no NMI watchdog that is a perf event");

	host_set(PERF_GUEST_PMU_REFUSE, 1);
	r = kvm_try_vcpu();
	host_set(NMI_WATCHDOG, 0);
	TEST_ASSERT_EQ(r, EBUSY);
	TEST_ASSERT_EQ(kvm_try_vcpu(), 0);
}

int main(int argc, char *argv[])
{
	require_mediated_pmu();
	host_settings_keep();
	return test_harness_run(argc, argv);
}
