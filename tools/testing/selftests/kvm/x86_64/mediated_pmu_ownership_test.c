// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests claim and release the PMU, over and over, while the host does whatever
 * takes it from them: events come and go, CPUs too, the machine is put to sleep,
 * VMs are killed. The guests' counts stay exact, each overflow is one PMI, and
 * in the end nobody is left who uses the PMU.
 *
 * usage: mediated_pmu_ownership_test [-n ROUNDS] [option of the harness]...
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

#include "apic.h"
#include "host_events.h"
#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_pmu.h"
#include "test_util.h"

#define NR_GUESTS		2
#define LOOPS			10000
#define CPUIDS			2
#define OVERFLOW_AFTER		5000

/* Claims of each guest, at least, and of them beside each disturbance, at most. */
static unsigned int rounds = 400;
#define ROUNDS_PER_DISTURBANCE	20

static void count_exactly(uint64_t least)
{
	uint64_t value = pmu_measure_from_zero(0, LOOPS + 1, CPUIDS + 1);
	unsigned int i;

	GUEST_ASSERT_EQ(value, least + LOOPS * INSNS_PER_LOOP + CPUIDS * INSNS_PER_CPUID);
	for (i = 1; pmu.global_ctrl && i < pmu.nr_gp; i++)
		GUEST_ASSERT_EQ(pmu_read_counter(i), value);
}

static void overflow_once(unsigned int i)
{
	unsigned int before = READ_ONCE(pmu_nr_nmis);

	pmu_write_counter(i, -OVERFLOW_AFTER & COUNTER_MASK);
	pmu_measure(i, ARCH_PERFMON_EVENTSEL_INT, LOOPS, CPUIDS);
	GUEST_ASSERT_EQ(READ_ONCE(pmu_nr_nmis), before + 1);
	pmu_clear_status();
}

static void guest_code(void)
{
	unsigned int i = 0;
	uint64_t least;

	x2apic_enable();
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	pmu_find();
	pmu_stop();
	least = pmu_measure_from_zero(0, 1, 1);

	for (;;) {
		count_exactly(least);
		GUEST_SYNC(0);
		overflow_once(i++ % pmu.nr_gp);
		GUEST_SYNC(0);
	}
}

static struct kvm_vcpu *make_guest(void)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = vm_create_with_one_vcpu(&vcpu, guest_code);

	vm_install_exception_handler(vm, NMI_VECTOR, pmu_nmi_handler);
	return vcpu;
}

/* One that claims the PMU round by round. */
struct guest {
	struct kvm_vcpu *vcpu;
	pthread_t thread;
	pid_t tid;
	unsigned int claims;
};

static struct guest guests[NR_GUESTS];
static pthread_barrier_t all_run;

/* Guests and disturbers that have not done their share; the others go on. */
static unsigned int nr_busy;

static void did(unsigned int times, unsigned int share)
{
	if (times == share)
		__atomic_sub_fetch(&nr_busy, 1, __ATOMIC_SEQ_CST);
}

static void *claim(void *arg)
{
	struct guest *guest = arg;

	guest->tid = gettid();
	pthread_barrier_wait(&all_run);
	while (READ_ONCE(nr_busy)) {
		vcpu_next_sync(guest->vcpu);
		did(++guest->claims, rounds);
	}
	return NULL;
}

static int random_below(int n)
{
	return random() % n;
}

/* The guests' are milliseconds: be awake a few times in each of their claims. */
static void rest(void)
{
	usleep(random_below(300));
}

static const uint64_t configs[] = {
	PERF_COUNT_HW_CPU_CYCLES,
	PERF_COUNT_HW_INSTRUCTIONS,
	PERF_COUNT_HW_BRANCH_INSTRUCTIONS,
};

static struct perf_event_attr random_attr(void)
{
	struct perf_event_attr attr;

	attr = host_event_attr(configs[random_below(ARRAY_SIZE(configs))],
			       random_below(NR_COUNT_WHERE));
	attr.pinned = random_below(2);
	attr.disabled = random_below(2);
	if (random_below(2))
		attr.sample_period = 10007 + random_below(100000);
	return attr;
}

/*
 * Perf takes events for a CPU that is coming up before the CPU does, and then
 * they never run.
 */
static bool cpus_come_and_go;

static void judge_event(int fd, const struct perf_event_attr *attr)
{
	struct host_event_reading reading;

	TEST_ASSERT(host_event_read(fd, &reading), "An event is in error");
	TEST_ASSERT(reading.running <= reading.enabled, "It ran %lu ns of %lu",
		    reading.running, reading.enabled);
	if (cpus_come_and_go && !reading.running)
		return;
	TEST_ASSERT(!attr->exclude_guest || reading.running == reading.enabled,
		    "It excludes guests, but ran %lu ns of %lu", reading.running,
		    reading.enabled);
}

/* An event comes, is switched on and off and on, and goes. */
static void event_comes_and_goes(pid_t pid, int cpu, int may_fail_with)
{
	struct perf_event_attr attr = random_attr();
	int fd = host_event_open(&attr, pid, cpu, -1);

	if (fd < 0) {
		TEST_ASSERT(errno == may_fail_with, "No event: %s", strerror(errno));
		return;
	}
	rest();
	host_event_ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	rest();
	judge_event(fd, &attr);
	host_event_ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	rest();
	host_event_ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	judge_event(fd, &attr);
	close(fd);
}

/* In the end a guest's thread may be gone. */
static void task_events(void)
{
	event_comes_and_goes(guests[random_below(NR_GUESTS)].tid, -1, ESRCH);
}

/* The CPU may be off, if that is one of the things which happen. */
static void cpu_events(void)
{
	event_comes_and_goes(-1, random_below(get_nprocs_conf()), ENODEV);
}

/* The host's own count is exact meanwhile, or an instruction an interrupt more. */
#define OWN_LOOPS	20000
#define OWN_INTERRUPTS	10

static void own_counts(void)
{
	struct perf_event_attr attr = host_event_attr(PERF_COUNT_HW_INSTRUCTIONS,
						      COUNT_IN_HOST);
	uint64_t least, value;
	int fd;

	attr.exclude_kernel = 1;
	fd = host_event_open(&attr, 0, -1, -1);
	TEST_ASSERT(fd >= 0, "No event: %s", strerror(errno));
	least = host_count_own_loop(fd, 1);
	value = host_count_own_loop(fd, OWN_LOOPS + 1) - least;
	TEST_ASSERT(value + OWN_INTERRUPTS >= OWN_LOOPS * INSNS_PER_LOOP &&
		    value <= OWN_LOOPS * INSNS_PER_LOOP + OWN_INTERRUPTS,
		    "%lu instructions counted of %u", value, OWN_LOOPS * INSNS_PER_LOOP);
	close(fd);
	rest();
}

static void parameter_readers(void)
{
	TEST_ASSERT(host_cpu_is_intel ? get_kvm_intel_param_bool("enable_mediated_pmu") :
					get_kvm_amd_param_bool("enable_mediated_pmu"),
		    "The parameter reads N");
	rest();
}

/* Who comes second is refused, or not, but nobody waits and nobody is lost. */
static void changes_of_policy(void)
{
	int error;

	host_set(PERF_GUEST_PMU_REFUSE, random_below(2));
	event_comes_and_goes(-1, 0, EOPNOTSUPP);
	error = kvm_try_vcpu();
	TEST_ASSERT(!error || error == EBUSY, "No vCPU: %s", strerror(error));
}

static void victim(int started)
{
	struct kvm_vcpu *vcpu = make_guest();
	char byte = 0;

	vcpu_next_sync(vcpu);
	TEST_ASSERT_EQ(write(started, &byte, 1), 1);
	for (;;)
		vcpu_next_sync(vcpu);
}

/* A VM is killed when it claims the PMU; or earlier, by chance. */
static void killed_vms(void)
{
	int started[2], status;
	char byte;
	pid_t pid;

	TEST_ASSERT(!pipe(started), "No pipe");
	pid = fork();
	TEST_ASSERT(pid >= 0, "No process");
	if (!pid)
		victim(started[1]);

	close(started[1]);
	if (random_below(4))
		TEST_ASSERT(read(started[0], &byte, 1) == 1, "The VM failed");
	usleep(random_below(5000));
	kill(pid, SIGKILL);
	TEST_ASSERT_EQ(waitpid(pid, &status, 0), pid);
	TEST_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		    "The VM ended with status 0x%x", status);
	close(started[0]);
}

#define CPU1_ONLINE	"/sys/devices/system/cpu/cpu1/online"

static void bring_cpu_back(void)
{
	host_set(CPU1_ONLINE, 1);
}

static void cpu_hotplug(void)
{
	host_set(CPU1_ONLINE, 0);
	rest();
	bring_cpu_back();
	rest();
}

#define PM_TEST		"/sys/power/pm_test"
#define PM_TEST_DELAY	"/sys/module/suspend/parameters/pm_test_delay"

static bool host_can(const char *path, const char *word)
{
	char line[256] = "";
	FILE *file = fopen(path, "r");

	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	return strstr(line, word);
}

static void host_say(const char *path, const char *word)
{
	FILE *file = fopen(path, "w");

	TEST_ASSERT(file && fprintf(file, "%s\n", word) > 0 && !fclose(file),
		    "Can't write %s to %s: %s", word, path, strerror(errno));
}

/*
 * As far as the host can go without falling asleep: with "mem" other CPUs go,
 * and KVM and the local APIC are suspended.
 */
static void suspend(void)
{
	bool deep = host_can("/sys/power/state", "mem") &&
		    host_can("/sys/power/mem_sleep", "deep");

	host_set(PM_TEST_DELAY, 0);
	host_say(PM_TEST, deep ? "core" : "platform");
	host_say("/sys/power/state", deep ? "mem" : "freeze");
	host_say(PM_TEST, "none");
	usleep(1000);
}

/* What happens beside the guests, again and again. */
struct disturber {
	const char *name;
	void (*disturb)(void);
	unsigned int times;
	pthread_t thread;
};

enum {
	TASK_EVENTS,
	CPU_EVENTS,
	OWN_COUNTS,
	PARAMETER_READERS,
	CHANGES_OF_POLICY,
	KILLED_VMS,
	CPU_HOTPLUG,
	SUSPEND,
	NR_DISTURBERS,
};

static struct disturber disturbers[NR_DISTURBERS] = {
	[TASK_EVENTS]		= { "events of threads", task_events },
	[CPU_EVENTS]		= { "events of CPUs", cpu_events },
	[OWN_COUNTS]		= { "own counts", own_counts },
	[PARAMETER_READERS]	= { "readings of the parameter", parameter_readers },
	[CHANGES_OF_POLICY]	= { "changes of policy", changes_of_policy },
	[KILLED_VMS]		= { "killed VMs", killed_vms },
	[CPU_HOTPLUG]		= { "times CPU 1 went", cpu_hotplug },
	[SUSPEND]		= { "suspends", suspend },
};

static void *disturb(void *arg)
{
	struct disturber *disturber = arg;

	pthread_barrier_wait(&all_run);
	while (READ_ONCE(nr_busy)) {
		disturber->disturb();
		did(++disturber->times, 1 + rounds / ROUNDS_PER_DISTURBANCE);
	}
	return NULL;
}

static void start(pthread_t *thread, void *(*code)(void *), void *arg)
{
	TEST_ASSERT(!pthread_create(thread, NULL, code, arg), "No thread");
}

static void claim_beside(unsigned long which)
{
	int i;

	nr_busy = NR_GUESTS + __builtin_popcountl(which);
	TEST_ASSERT(!pthread_barrier_init(&all_run, NULL, nr_busy), "No barrier");
	for (i = 0; i < NR_GUESTS; i++) {
		guests[i].vcpu = make_guest();
		start(&guests[i].thread, claim, &guests[i]);
	}
	for (i = 0; i < NR_DISTURBERS; i++) {
		if (which & BIT(i))
			start(&disturbers[i].thread, disturb, &disturbers[i]);
	}

	for (i = 0; i < NR_GUESTS; i++)
		pthread_join(guests[i].thread, NULL);
	for (i = 0; i < NR_DISTURBERS; i++) {
		if (which & BIT(i))
			pthread_join(disturbers[i].thread, NULL);
	}
	for (i = 0; i < NR_GUESTS; i++)
		kvm_vm_free(guests[i].vcpu->vm);
}

/*
 * With VMs and events that count in guests kept apart, a user that was left
 * behind shows: the watchdog's events are such users.
 */
static void assert_nobody_left(void)
{
	int cpu, fd;

	if (host_has_setting(NMI_WATCHDOG))
		host_set(NMI_WATCHDOG, 0);
	host_set(PERF_GUEST_PMU_REFUSE, 1);

	for (cpu = 0; cpu < get_nprocs(); cpu++) {
		fd = host_event_open_counting(COUNT_EVERYWHERE, -1, cpu);
		TEST_ASSERT(fd >= 0, "No event on CPU %d: %s", cpu, strerror(errno));
		close(fd);
	}
	TEST_ASSERT_EQ(kvm_try_vcpu(), 0);
}

/* On each CPU perf counts what it should, whatever was done to the PMU there. */
static void assert_host_counts(void)
{
	struct perf_event_attr attr = host_event_attr(PERF_COUNT_HW_INSTRUCTIONS,
						      COUNT_IN_HOST);
	uint64_t value, least;
	int cpu, fd, i;

	attr.exclude_kernel = 1;
	for (cpu = 0; cpu < get_nprocs(); cpu++) {
		kvm_pin_this_task_to_pcpu(cpu);
		fd = host_event_open(&attr, 0, -1, -1);
		TEST_ASSERT(fd >= 0, "No event: %s", strerror(errno));
		least = host_count_own_loop(fd, 1);
		for (i = 0; i < 5; i++) {
			value = host_count_own_loop(fd, OWN_LOOPS + 1) - least;
			if (value == OWN_LOOPS * INSNS_PER_LOOP)
				break;
		}
		TEST_ASSERT_EQ(value, OWN_LOOPS * INSNS_PER_LOOP);
		close(fd);
	}
}

FIXTURE(claims)
{
};

FIXTURE_VARIANT(claims)
{
	unsigned long beside;
};

FIXTURE_VARIANT_ADD(claims, beside_each_other)
{
	.beside = 0,
};

FIXTURE_VARIANT_ADD(claims, beside_events_of_their_threads)
{
	.beside = BIT(TASK_EVENTS),
};

FIXTURE_VARIANT_ADD(claims, beside_events_of_cpus)
{
	.beside = BIT(CPU_EVENTS),
};

FIXTURE_VARIANT_ADD(claims, beside_counts_of_the_host)
{
	.beside = BIT(OWN_COUNTS),
};

FIXTURE_VARIANT_ADD(claims, beside_readers_of_the_parameter)
{
	.beside = BIT(PARAMETER_READERS),
};

FIXTURE_VARIANT_ADD(claims, beside_changes_of_policy)
{
	.beside = BIT(CHANGES_OF_POLICY),
};

FIXTURE_VARIANT_ADD(claims, beside_killed_vms)
{
	.beside = BIT(KILLED_VMS),
};

FIXTURE_VARIANT_ADD(claims, beside_cpu_hotplug)
{
	.beside = BIT(CPU_HOTPLUG) | BIT(CPU_EVENTS),
};

FIXTURE_VARIANT_ADD(claims, beside_suspend)
{
	.beside = BIT(SUSPEND) | BIT(TASK_EVENTS),
};

FIXTURE_VARIANT_ADD(claims, beside_events_kills_and_readers)
{
	.beside = BIT(TASK_EVENTS) | BIT(CPU_EVENTS) | BIT(OWN_COUNTS) |
		  BIT(KILLED_VMS) | BIT(PARAMETER_READERS),
};

FIXTURE_SETUP(claims)
{
	cpus_come_and_go = variant->beside & BIT(CPU_HOTPLUG);
	if (cpus_come_and_go && (access(CPU1_ONLINE, W_OK) || !host_setting(CPU1_ONLINE)))
		SKIP(return, "no CPU 1 that can be switched off");
	/* A test that fails leaves it off. */
	if (cpus_come_and_go)
		TEST_ASSERT(!atexit(bring_cpu_back), "No room at exit");
	if (variant->beside & BIT(SUSPEND) && access(PM_TEST, W_OK))
		SKIP(return, "no " PM_TEST ": it takes CONFIG_SUSPEND and CONFIG_PM_DEBUG");
}

FIXTURE_TEARDOWN(claims)
{
	host_settings_restore();
}

TEST_F_TIMEOUT(claims, stay_exact_and_leave_nobody, 3600)
{
	int i;

	claim_beside(variant->beside);
	assert_nobody_left();
	assert_host_counts();

	for (i = 0; i < NR_GUESTS; i++)
		ksft_print_msg("%u claims of guest %d\n", guests[i].claims, i);
	for (i = 0; i < NR_DISTURBERS; i++) {
		if (variant->beside & BIT(i))
			ksft_print_msg("%u %s\n", disturbers[i].times,
				       disturbers[i].name);
	}
}

int main(int argc, char *argv[])
{
	if (argc > 2 && !strcmp(argv[1], "-n")) {
		rounds = atoi_positive("Number of rounds", argv[2]);
		argv[2] = argv[0];
		argv += 2;
		argc -= 2;
	}
	require_mediated_pmu();
	host_settings_keep();
	return test_harness_run(argc, argv);
}
