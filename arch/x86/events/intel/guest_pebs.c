// SPDX-License-Identifier: GPL-2.0-only
/*
 * PEBS in a guest's hands: what the host's registers hold beside it.
 */
#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/percpu.h>

#include <asm/perf_guest_pebs.h>

#include "../perf_event.h"

/**
 * perf_guest_pebs_host - what a VM exit is to load for the host
 * @host: where to store it
 *
 * PEBS_ENABLE is 0 while a guest owns the PMU. Buffers of the host's come and go
 * meanwhile, so ask before each VM entry.
 *
 * Context: interrupts off, a guest owns this CPU's PMU.
 */
void perf_guest_pebs_host(struct perf_guest_pebs *host)
{
	struct cpu_hw_events *cpuc = this_cpu_ptr(&cpu_hw_events);

	lockdep_assert_irqs_disabled();

	host->ds_area = (unsigned long)cpuc->ds;
	host->data_cfg = cpuc->active_pebs_data_cfg;
}
EXPORT_SYMBOL_GPL(perf_guest_pebs_host);
