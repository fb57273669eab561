// SPDX-License-Identifier: GPL-2.0-only
/*
 * Perf events of the host beside a VM.
 */
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "host_events.h"
#include "kvm_util.h"
#include "test_util.h"

/* An event that is off until it is told otherwise, in all rings. */
struct perf_event_attr host_event_attr(uint64_t config, enum host_event_where where)
{
	return (struct perf_event_attr) {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(struct perf_event_attr),
		.config = config,
		.disabled = 1,
		.exclude_guest = where == COUNT_IN_HOST,
		.exclude_host = where == COUNT_IN_GUESTS,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED |
			       PERF_FORMAT_TOTAL_TIME_RUNNING,
	};
}

/* Return: the event's file descriptor, or -1 with errno set. */
int host_event_open(struct perf_event_attr *attr, pid_t pid, int cpu, int group)
{
	return syscall(__NR_perf_event_open, attr, pid, cpu, group,
		       PERF_FLAG_FD_CLOEXEC);
}

/* Open an event for instructions that counts at once, or give -1 and errno. */
int host_event_open_counting(enum host_event_where where, pid_t pid, int cpu)
{
	struct perf_event_attr attr = host_event_attr(PERF_COUNT_HW_INSTRUCTIONS, where);

	attr.disabled = 0;
	return host_event_open(&attr, pid, cpu, -1);
}

void host_event_ioctl(int fd, unsigned long request, unsigned long arg)
{
	int r = ioctl(fd, request, arg);

	TEST_ASSERT(!r, "ioctl 0x%lx of a perf event: %s", request, strerror(errno));
}

/* Return: false if the event is in error: then a read finds the end of file. */
bool host_event_read(int fd, struct host_event_reading *reading)
{
	ssize_t r = read(fd, reading, sizeof(*reading));

	TEST_ASSERT(!r || r == sizeof(*reading),
		    "read() of a perf event gave %ld: %s", r, strerror(errno));
	return r;
}

/*
 * What an event of this thread, which is off, counts of a loop. A difference of
 * two such counts holds nothing but loop: no assertion is between, as it calls
 * strerror(), which takes a lock.
 */
uint64_t host_count_own_loop(int fd, uint32_t n)
{
	struct host_event_reading reading;
	int error;

	host_event_ioctl(fd, PERF_EVENT_IOC_RESET, 0);
	error = ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	count_down(n);
	error |= ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	TEST_ASSERT(!error, "The event can't be switched: %s", strerror(errno));
	TEST_ASSERT(host_event_read(fd, &reading), "The event is in error");

	return reading.value;
}

bool host_has_setting(const char *path)
{
	return !access(path, F_OK);
}

int host_setting(const char *path)
{
	FILE *file = fopen(path, "r");
	int value;

	TEST_ASSERT(file && fscanf(file, "%d", &value) == 1, "Can't read %s", path);
	fclose(file);
	return value;
}

void host_set(const char *path, int value)
{
	FILE *file = fopen(path, "w");

	TEST_ASSERT(file && fprintf(file, "%d\n", value) > 0 && !fclose(file),
		    "Can't write %d to %s: %s", value, path, strerror(errno));
}

/* What was set when the program began; -1 if there is no such setting. */
static int old_refuse = -1;
static int old_nmi_watchdog = -1;
static int old_max_cpu_time;
static int old_max_sample_rate;

/* Only where the kernel may lower the rate by itself it can be written. */
static bool sample_rate_is_fixed(void)
{
	int percent = host_setting(PERF_MAX_CPU_TIME);

	return percent == 0 || percent == 100;
}

/* However long samples take, the kernel is to take up to @rate in a second. */
void host_allow_samples(int rate)
{
	if (sample_rate_is_fixed())
		return;
	host_set(PERF_MAX_SAMPLE_RATE, rate);
	host_set(PERF_MAX_CPU_TIME, 0);
}

/* Refuse comes last: while it is on, the watchdog's event may be refused. */
void host_settings_restore(void)
{
	host_set(PERF_MAX_CPU_TIME, old_max_cpu_time);
	if (!sample_rate_is_fixed())
		host_set(PERF_MAX_SAMPLE_RATE, old_max_sample_rate);
	if (old_refuse >= 0)
		host_set(PERF_GUEST_PMU_REFUSE, 0);
	if (old_nmi_watchdog >= 0)
		host_set(NMI_WATCHDOG, old_nmi_watchdog);
	if (old_refuse > 0)
		host_set(PERF_GUEST_PMU_REFUSE, old_refuse);
}

/*
 * Put back what tests change when the program ends: the harness does not return
 * to main(), and a test that fails does not get to its teardown.
 */
void host_settings_keep(void)
{
	if (host_has_setting(PERF_GUEST_PMU_REFUSE))
		old_refuse = host_setting(PERF_GUEST_PMU_REFUSE);
	if (host_has_setting(NMI_WATCHDOG))
		old_nmi_watchdog = host_setting(NMI_WATCHDOG);
	old_max_cpu_time = host_setting(PERF_MAX_CPU_TIME);
	old_max_sample_rate = host_setting(PERF_MAX_SAMPLE_RATE);
	TEST_ASSERT(!atexit(host_settings_restore), "No room at exit");
}

/*
 * Make a vCPU, and destroy it and the VM.
 *
 * Return: 0, or the errno of KVM_CREATE_VCPU.
 */
int vm_try_vcpu(struct kvm_vm *vm)
{
	int fd, error = 0;

	fd = __vm_ioctl(vm, KVM_CREATE_VCPU, NULL);
	if (fd < 0)
		error = errno;
	else
		close(fd);
	kvm_vm_free(vm);

	return error;
}

/* The same in a VM of its own, with an in-kernel irqchip. */
int kvm_try_vcpu(void)
{
	struct kvm_vm *vm = vm_create_barebones();

	vm_create_irqchip(vm);
	return vm_try_vcpu(vm);
}
