// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core PMU of x86 processors in a guest's hands: stop the host's events,
 * turn the local APIC's LVTPC to the guest, and back.
 *
 * See linux/perf_guest_pmu.h for the rules.
 */
#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/percpu.h>
#include <linux/perf_event.h>
#include <linux/perf_guest_pmu.h>
#include <linux/sched/clock.h>

#include <asm/apic.h>
#include <asm/irq_vectors.h>
#include <asm/msr.h>
#include <asm/perf_event.h>
#include <asm/tlbflush.h>

#include "perf_event.h"

DEFINE_PER_CPU(struct perf_guest_pmu *, x86_guest_pmu);

/**
 * perf_guest_pmu_supported - can a guest own this machine's PMUs?
 *
 * On Intel it takes global control and counters that can be written in full,
 * or they could not be given back as they were. On AMD it takes the core
 * performance counter extensions.
 *
 * Context: any.
 */
bool perf_guest_pmu_supported(void)
{
	return x86_get_pmu(raw_smp_processor_id())->capabilities &
	       PERF_PMU_CAP_GUEST_PMU;
}
EXPORT_SYMBOL_GPL(perf_guest_pmu_supported);

/* Does the PMU driver of this machine know how to step back? */
bool __init x86_guest_pmu_capable(void)
{
	if (is_hybrid() || !boot_cpu_has(X86_FEATURE_APIC))
		return false;

	switch (boot_cpu_data.x86_vendor) {
	case X86_VENDOR_INTEL:
		return x86_pmu.version >= 2 && x86_pmu.intel_cap.full_width_write;
	case X86_VENDOR_AMD:
	case X86_VENDOR_HYGON:
		return boot_cpu_has(X86_FEATURE_PERFCTR_CORE);
	default:
		return false;
	}
}

/*
 * Only Intel's local APIC sets LVTPC's mask bit when it delivers the interrupt,
 * SDM vol. 3B, "Performance Monitoring Interrupt".
 */
static bool lvtpc_masks_itself(void)
{
	return boot_cpu_data.x86_vendor == X86_VENDOR_INTEL;
}

static void write_lvtpc(struct perf_guest_pmu *guest, bool masked)
{
	guest->lvtpc = GUEST_PMI_VECTOR | (masked ? APIC_LVT_MASKED : 0);
	apic_write(APIC_LVTPC, guest->lvtpc);
}

static bool irr_holds_pmi(void)
{
	u32 irr = apic_read(APIC_IRR + GUEST_PMI_VECTOR / 32 * 0x10);

	return irr & BIT(GUEST_PMI_VECTOR % 32);
}

/* An interrupt that the local APIC took, but not yet the CPU. */
static bool pmi_in_flight(struct perf_guest_pmu *guest)
{
	if (guest->lvtpc & APIC_LVT_MASKED)
		return false;

	if (lvtpc_masks_itself())
		return apic_read(APIC_LVTPC) & APIC_LVT_MASKED;

	return irr_holds_pmi();
}

/**
 * perf_guest_pmu_contended - does the host use this CPU's PMU, too?
 *
 * If so the owner is to put it at each VM exit before interrupts go on, so that
 * the host's events count all of the host's own time.
 *
 * Context: interrupts off.
 */
bool perf_guest_pmu_contended(void)
{
	return this_cpu_read(cpu_hw_events.n_events) ||
	       intel_bts_active_local() || intel_pt_active_local();
}
EXPORT_SYMBOL_GPL(perf_guest_pmu_contended);

/* Zen 3 and older have no global registers. */
static bool has_global_status(void)
{
	return x86_pmu.version >= 2;
}

static u64 read_status(void)
{
	u64 status;

	if (boot_cpu_data.x86_vendor == X86_VENDOR_INTEL)
		rdmsrl(MSR_CORE_PERF_GLOBAL_STATUS, status);
	else
		rdmsrl(MSR_AMD64_PERF_CNTR_GLOBAL_STATUS, status);

	return status;
}

static void clear_status(u64 status)
{
	if (boot_cpu_data.x86_vendor == X86_VENDOR_INTEL)
		wrmsrl(MSR_CORE_PERF_GLOBAL_OVF_CTRL, status);
	else
		wrmsrl(MSR_AMD64_PERF_CNTR_GLOBAL_STATUS_CLR, status);
}

/* Intel's version 4. Before it, what waits for a record when it is stopped is lost. */
static bool can_set_status(void)
{
	return x86_pmu.version >= 4;
}

/*
 * Find overflows of the host's that have not reached the NMI handler; where
 * there is no status, AMD's disable_all() has waited for them. Bits that no
 * active event stands for announce nothing, nor do those of PEBS events, whose
 * next event makes a record, maybe not before the task runs on. Clear them, they
 * are not the guest's.
 *
 * Return: true if the NMI is still to come, and then nothing changed.
 */
static bool host_overflow_pending(struct cpu_hw_events *cpuc)
{
	u64 active = *(u64 *)cpuc->active_mask | GLOBAL_STATUS_BUFFER_OVF |
		     GLOBAL_STATUS_TRACE_TOPAPMI |
		     BIT_ULL(GLOBAL_STATUS_PERF_METRICS_OVF_BIT);
	u64 pebs = cpuc->pebs_enabled & x86_pmu.pebs_capable;
	u64 status;

	if (!has_global_status())
		return false;

	status = read_status();
	if (perf_guest_pmu_contended() && status & active & ~pebs)
		return true;

	cpuc->guest_armed = can_set_status() ? status & pebs : 0;

	if (status)
		clear_status(status);
	return false;
}

/*
 * Stop the events as if they were scheduled out, though perf core does not
 * know: the counts are drained and sampling periods go on where they were.
 * Those that perf core throttled are stopped already, but it will go on with
 * what their counters hold. Draining PEBS' buffer disables and enables the PMU
 * itself, so count one up meanwhile.
 */
static void stop_events(struct cpu_hw_events *cpuc, struct pmu *pmu)
{
	struct perf_event *event;
	int i;

	this_cpu_inc(*pmu->pmu_disable_count);
	for (i = 0; i < cpuc->n_events; i++) {
		event = cpuc->event_list[i];
		if (event->hw.state & PERF_HES_UPTODATE)
			continue;

		if (event->hw.state & PERF_HES_STOPPED)
			__set_bit(i, cpuc->guest_throttled);
		x86_pmu_stop(event, PERF_EF_UPDATE);
		__set_bit(i, cpuc->guest_stopped);
	}
	this_cpu_dec(*pmu->pmu_disable_count);
}

/**
 * perf_guest_pmu_still_for - how long has an event lost to this CPU's owner?
 * @event: an event, active on this CPU or not
 * @now: in ns of local_clock()
 *
 * What is read in an NMI, or by a tracepoint between load and put, must not
 * show time that put takes back. So it is to the reader's own @now: a clock
 * that is read again shows another time.
 *
 * Context: any.
 */
u64 perf_guest_pmu_still_for(struct perf_event *event, u64 now)
{
	struct perf_guest_pmu *guest = this_cpu_read(x86_guest_pmu);

	if (likely(!guest) || event->attr.exclude_guest ||
	    !(event->pmu->capabilities & PERF_PMU_CAP_GUEST_PMU) ||
	    event->oncpu != raw_smp_processor_id())
		return 0;

	return now > guest->since ? now - guest->since : 0;
}

/* Before anything that can be traced: a reader must not find half of it. */
static void account_still(struct cpu_hw_events *cpuc, u64 since)
{
	u64 still;
	int i;

	if (!since)
		return;

	still = local_clock() - since;
	for (i = 0; i < cpuc->n_events; i++)
		perf_guest_pmu_stood_still(cpuc->event_list[i], still);
}

/*
 * An event that had overflowed, and waits for the next one to make its record,
 * goes on from there. Its period begins with that.
 */
static void start_event(struct cpu_hw_events *cpuc, struct perf_event *event)
{
	struct hw_perf_event *hwc = &event->hw;

	if (!(cpuc->guest_armed & BIT_ULL(hwc->idx))) {
		x86_pmu_start(event, PERF_EF_RELOAD);
		return;
	}

	wrmsrl(hwc->event_base, local64_read(&hwc->prev_count) & x86_pmu.cntval_mask);
	x86_pmu_start(event, 0);
}

static void start_events(struct cpu_hw_events *cpuc)
{
	int i;

	if (cpuc->guest_armed)
		wrmsrl(MSR_CORE_PERF_GLOBAL_STATUS_SET, cpuc->guest_armed);

	for_each_set_bit(i, cpuc->guest_stopped, X86_PMC_IDX_MAX) {
		start_event(cpuc, cpuc->event_list[i]);
		if (test_bit(i, cpuc->guest_throttled))
			x86_pmu_stop(cpuc->event_list[i], 0);
	}
	bitmap_zero(cpuc->guest_stopped, X86_PMC_IDX_MAX);
	bitmap_zero(cpuc->guest_throttled, X86_PMC_IDX_MAX);
	cpuc->guest_armed = 0;
}

/*
 * The guest's counts are still in the counters, as those of a task that left
 * the CPU would be: perf clears them before another may read them. Its control
 * of Intel's fixed counters is nothing that perf has written.
 */
static void mark_dirty(struct cpu_hw_events *cpuc)
{
	*(u64 *)cpuc->dirty |= x86_pmu.cntr_mask64 |
			       x86_pmu.fixed_cntr_mask64 << INTEL_PMC_IDX_FIXED;
	cpuc->active_fixed_ctrl_val = ~0ULL;
}

/* The task that runs may read them, and no switch to it is to come. */
static void clear_dirty(void)
{
	if (cr4_read_shadow() & X86_CR4_PCE)
		perf_clear_dirty_counters();
}

static void enable_host(struct cpu_hw_events *cpuc)
{
	cpuc->enabled = 1;
	barrier();
	static_call(x86_pmu_enable_all)(0);
}

/**
 * perf_guest_pmu_load - take this CPU's PMU for a guest
 * @guest: the new owner
 * @masked: is the guest's LVTPC masked?
 *
 * Afterwards no counter counts, global control and status (if there are any) are
 * 0, and event selectors are disabled. Counters and Intel's control of fixed
 * counters may hold values of the host's or another guest's: write all that the
 * guest can read, and the control.
 *
 * Context: interrupts off, just before the guest is entered.
 * Return: false if an overflow of the host's is about to be delivered: nothing
 *	changed. Let interrupts and NMIs in and try again.
 */
bool perf_guest_pmu_load(struct perf_guest_pmu *guest, bool masked)
{
	struct cpu_hw_events *cpuc = this_cpu_ptr(&cpu_hw_events);
	struct pmu *pmu = x86_get_pmu(smp_processor_id());

	lockdep_assert_irqs_disabled();
	if (WARN_ON_ONCE(this_cpu_read(x86_guest_pmu) || !cpuc->enabled))
		return false;

	cpuc->enabled = 0;
	barrier();
	static_call(x86_pmu_disable_all)();
	intel_bts_disable_local();
	intel_pt_suspend_local();

	if (host_overflow_pending(cpuc)) {
		intel_pt_resume_local();
		intel_bts_enable_local();
		enable_host(cpuc);
		return false;
	}
	stop_events(cpuc, pmu);

	/*
	 * From here on, an NMI leaves the PMU alone, and the clocks of what has
	 * stopped stand still for who reads them.
	 */
	guest->since = cpuc->n_events ? local_clock() : 0;
	this_cpu_write(x86_guest_pmu, guest);
	write_lvtpc(guest, masked);
	return true;
}
EXPORT_SYMBOL_GPL(perf_guest_pmu_load);

/**
 * perf_guest_pmu_put - give this CPU's PMU back to the host
 * @guest: the owner
 *
 * The owner has saved the guest's registers and zeroed selectors, global control
 * and status. Counters and Intel's control of fixed counters may stay as they
 * are: if nobody else uses them, the owner need not write them again.
 *
 * Context: interrupts off, any locks held.
 * Return: true if the guest is owed a PMI that @guest->pmi was not told of. It
 *	won't be any more.
 */
bool perf_guest_pmu_put(struct perf_guest_pmu *guest)
{
	struct cpu_hw_events *cpuc = this_cpu_ptr(&cpu_hw_events);
	bool owed;

	lockdep_assert_irqs_disabled();
	if (WARN_ON_ONCE(this_cpu_read(x86_guest_pmu) != guest))
		return false;

	owed = pmi_in_flight(guest);

	/* Masked first: what is still in flight must not become an NMI. */
	write_lvtpc(guest, true);
	account_still(cpuc, guest->since);
	this_cpu_write(x86_guest_pmu, NULL);
	perf_events_lapic_init();

	mark_dirty(cpuc);
	start_events(cpuc);
	enable_host(cpuc);
	clear_dirty();
	intel_pt_resume_local();
	intel_bts_enable_local();

	return owed;
}
EXPORT_SYMBOL_GPL(perf_guest_pmu_put);

/**
 * perf_guest_pmu_mask - the guest masked or unmasked its LVTPC
 * @guest: the owner
 * @masked: the new state
 *
 * Context: interrupts off.
 */
void perf_guest_pmu_mask(struct perf_guest_pmu *guest, bool masked)
{
	lockdep_assert_irqs_disabled();

	if (!WARN_ON_ONCE(this_cpu_read(x86_guest_pmu) != guest))
		write_lvtpc(guest, masked);
}
EXPORT_SYMBOL_GPL(perf_guest_pmu_mask);

/*
 * An interrupt without an owner was in flight when the PMU was put, which has
 * accounted for it.
 */
void x86_guest_pmu_interrupt(void)
{
	struct perf_guest_pmu *guest = this_cpu_read(x86_guest_pmu);

	if (!guest)
		return;

	if (lvtpc_masks_itself())
		guest->lvtpc |= APIC_LVT_MASKED;
	guest->pmi(guest);
}
