/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Perf events of the host beside a VM, and what the administrator says of the
 * two meeting: what the host's side of the mediated vPMU's tests share.
 */
#ifndef SELFTEST_KVM_HOST_EVENTS_H
#define SELFTEST_KVM_HOST_EVENTS_H

#include <linux/perf_event.h>

#include "kvm_util.h"

/* What an event shows, with both of its clocks. */
struct host_event_reading {
	uint64_t value;
	uint64_t enabled;
	uint64_t running;
};

/* In which of the two does an event count? */
enum host_event_where {
	COUNT_EVERYWHERE,
	COUNT_IN_HOST,
	COUNT_IN_GUESTS,
	NR_COUNT_WHERE,
};

/*
 * A loop of 2 * @n instructions. Both sides can go round it, in the host or in
 * a guest.
 */
static inline void count_down(uint32_t n)
{
	asm volatile("1: dec %0\n\t"
		     "jnz 1b\n\t"
		     : "+r"(n) : : "cc");
}

struct perf_event_attr host_event_attr(uint64_t config, enum host_event_where where);
int host_event_open(struct perf_event_attr *attr, pid_t pid, int cpu, int group);
int host_event_open_counting(enum host_event_where where, pid_t pid, int cpu);
void host_event_ioctl(int fd, unsigned long request, unsigned long arg);
bool host_event_read(int fd, struct host_event_reading *reading);
uint64_t host_count_own_loop(int fd, uint32_t n);

bool host_has_setting(const char *path);
int host_setting(const char *path);
void host_set(const char *path, int value);
void host_allow_samples(int rate);
void host_settings_keep(void);
void host_settings_restore(void);

#define PERF_GUEST_PMU_REFUSE	"/proc/sys/kernel/perf_guest_pmu_refuse"
#define NMI_WATCHDOG		"/proc/sys/kernel/nmi_watchdog"
#define PERF_MAX_SAMPLE_RATE	"/proc/sys/kernel/perf_event_max_sample_rate"
#define PERF_MAX_CPU_TIME	"/proc/sys/kernel/perf_cpu_time_max_percent"

int vm_try_vcpu(struct kvm_vm *vm);
int kvm_try_vcpu(void);

#endif /* SELFTEST_KVM_HOST_EVENTS_H */
