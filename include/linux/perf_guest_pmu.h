/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that owns a CPU's performance monitoring unit: what a hypervisor and
 * perf say to each other.
 *
 * There are two levels of ownership.
 *
 * A virtual machine that may own PMUs announces itself once, with
 * perf_guest_pmu_get(), from process context.
 *
 * Each CPU's PMU belongs to the host or to one guest. The hypervisor takes it
 * with perf_guest_pmu_load() just before it enters the guest and gives it back
 * with perf_guest_pmu_put(). It may keep it across VM exits. Perf never takes
 * it back by itself: when it is about to touch the registers it calls the
 * owner's put(), on that CPU, with interrupts off. So nobody but the owner
 * touches the PMU of a CPU that is a guest's, and nothing is lost.
 *
 * While a guest owns the PMU the host's events stand still. One that excludes
 * guests does not notice, it would not have counted anyway. One that does not
 * shows what it lost: its time_enabled advances, its time_running does not.
 */
#ifndef _LINUX_PERF_GUEST_PMU_H
#define _LINUX_PERF_GUEST_PMU_H

#include <linux/types.h>

struct perf_event;

/**
 * struct perf_guest_pmu - a guest's virtual CPU, as an owner of a CPU's PMU
 * @put: Save the guest's registers and call perf_guest_pmu_put(). Perf calls
 *	it on the CPU that the guest owns, with interrupts off and any of perf's
 *	and the scheduler's locks held: it takes no lock and wakes nobody.
 * @pmi: The guest's PMU raised an interrupt. Called in interrupt context on the
 *	CPU that the guest owns. It must not call perf_guest_pmu_put().
 * @lvtpc: What the local APIC's LVTPC holds. For perf only.
 * @since: When the host's events had stopped, in ns of local_clock(). For perf
 *	only.
 */
struct perf_guest_pmu {
	void (*put)(struct perf_guest_pmu *guest);
	void (*pmi)(struct perf_guest_pmu *guest);
	u32 lvtpc;
	u64 since;
};

#ifdef CONFIG_PERF_GUEST_PMU

int perf_guest_pmu_get(void);
void perf_guest_pmu_release(void);

bool perf_guest_pmu_supported(void);
bool perf_guest_pmu_load(struct perf_guest_pmu *guest, bool masked);
bool perf_guest_pmu_put(struct perf_guest_pmu *guest);
void perf_guest_pmu_mask(struct perf_guest_pmu *guest, bool masked);
bool perf_guest_pmu_contended(void);
u64 perf_guest_pmu_still_for(struct perf_event *event, u64 now);

int perf_guest_pmu_admit(struct perf_event *event);
void perf_guest_pmu_dismiss(struct perf_event *event);
void perf_guest_pmu_stood_still(struct perf_event *event, u64 ns);

#else

static inline int perf_guest_pmu_admit(struct perf_event *event)
{
	return 0;
}

static inline void perf_guest_pmu_dismiss(struct perf_event *event) { }

static inline u64 perf_guest_pmu_still_for(struct perf_event *event, u64 now)
{
	return 0;
}

#endif /* CONFIG_PERF_GUEST_PMU */

#endif /* _LINUX_PERF_GUEST_PMU_H */
