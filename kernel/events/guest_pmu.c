// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual machines that may own PMUs, and the host's events beside them: who is
 * admitted, and what an event shows of the time it stood still.
 */
#include <linux/export.h>
#include <linux/init.h>
#include <linux/mutex.h>
#include <linux/perf_event.h>
#include <linux/perf_guest_pmu.h>
#include <linux/sysctl.h>

/*
 * Protects the counts below and the choice, so that a VM and an event that come
 * at the same time do not miss each other.
 */
static DEFINE_MUTEX(guest_pmu_mutex);

/* VMs that may own PMUs. */
static unsigned int nr_vms;

/* Per-CPU events that want to count in guests. */
static unsigned int nr_events;

/*
 * What the administrator wants when a VM and such an event meet: 0, the event
 * stands still while a guest owns its CPU's PMU; 1, who comes second is
 * refused.
 */
static int guest_pmu_refuse;

/**
 * perf_guest_pmu_get - announce a VM that may own PMUs
 *
 * Context: process, may sleep.
 * Return: 0; -EBUSY if the administrator wants VMs and per-CPU events that
 *	count in guests apart, and there is such an event.
 */
int perf_guest_pmu_get(void)
{
	guard(mutex)(&guest_pmu_mutex);

	if (guest_pmu_refuse && nr_events)
		return -EBUSY;

	nr_vms++;
	return 0;
}
EXPORT_SYMBOL_GPL(perf_guest_pmu_get);

/**
 * perf_guest_pmu_release - undo a perf_guest_pmu_get()
 *
 * Context: process, may sleep. None of the VM's virtual CPUs owns a PMU.
 */
void perf_guest_pmu_release(void)
{
	guard(mutex)(&guest_pmu_mutex);

	if (!WARN_ON_ONCE(!nr_vms))
		nr_vms--;
}
EXPORT_SYMBOL_GPL(perf_guest_pmu_release);

/*
 * Any thread may become a virtual CPU later, so nothing can be said of a task's
 * event when it is opened.
 */
static bool counts_in_guests_of_a_cpu(struct perf_event *event)
{
	return event->pmu->capabilities & PERF_PMU_CAP_GUEST_PMU &&
	       !(event->attach_state & PERF_ATTACH_TASK) &&
	       !event->attr.exclude_guest;
}

/**
 * perf_guest_pmu_admit - may this event be opened beside the VMs there are?
 * @event: a new event, its PMU known
 *
 * Context: process, may sleep.
 * Return: 0, and perf_guest_pmu_dismiss() is due; -EOPNOTSUPP if the
 *	administrator wants VMs and such events apart, and there is a VM.
 */
int perf_guest_pmu_admit(struct perf_event *event)
{
	if (!counts_in_guests_of_a_cpu(event))
		return 0;

	guard(mutex)(&guest_pmu_mutex);

	if (guest_pmu_refuse && nr_vms)
		return -EOPNOTSUPP;

	nr_events++;
	return 0;
}

/**
 * perf_guest_pmu_dismiss - undo a perf_guest_pmu_admit()
 * @event: an admitted event that is going away
 *
 * Context: process, may sleep.
 */
void perf_guest_pmu_dismiss(struct perf_event *event)
{
	if (!counts_in_guests_of_a_cpu(event))
		return;

	guard(mutex)(&guest_pmu_mutex);
	nr_events--;
}

/**
 * perf_guest_pmu_stood_still - an active event lost time to a guest
 * @event: an active event of this CPU
 * @ns: how long a guest owned the PMU, in ns of local_clock()
 *
 * An event that excludes guests lost nothing.
 *
 * Context: interrupts off, on the event's CPU.
 */
void perf_guest_pmu_stood_still(struct perf_event *event, u64 ns)
{
	if (!event->attr.exclude_guest)
		event->time_still += ns;
}

static struct ctl_table guest_pmu_sysctls[] = {
	{
		.procname	= "perf_guest_pmu_refuse",
		.data		= &guest_pmu_refuse,
		.maxlen		= sizeof(guest_pmu_refuse),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ZERO,
		.extra2		= SYSCTL_ONE,
	},
};

static int __init guest_pmu_init(void)
{
	register_sysctl_init("kernel", guest_pmu_sysctls);
	return 0;
}
late_initcall(guest_pmu_init);
