// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a hypervisor must know of the host's branch records.
 */
#include <linux/export.h>
#include <linux/percpu.h>

#include <asm/perf_guest_lbr.h>

#include "perf_event.h"

/* What the host's events made of its control of branch records; 0: off. */
DEFINE_PER_CPU(u64, x86_host_lbr_ctl);

/**
 * perf_host_lbr_ctl - do the host's events record branches on this CPU?
 *
 * VM entry with architectural LBR or LbrExtV2 does not stop that by itself, and
 * VM exit does not bring LBR_CTL back where it was told to clear it.
 *
 * Context: interrupts off. An NMI leaves it as it was.
 * Return: architectural LBR: what LBR_CTL is to be for the host. LbrExtV2: not
 *	0. With either, 0 if they don't.
 */
u64 perf_host_lbr_ctl(void)
{
	return this_cpu_read(x86_host_lbr_ctl);
}
EXPORT_SYMBOL_GPL(perf_host_lbr_ctl);
