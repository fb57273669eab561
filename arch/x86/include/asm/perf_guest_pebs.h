/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PEBS of a guest that owns a CPU's PMU, see linux/perf_guest_pmu.h. Its
 * registers are in the hardware while the guest runs and no longer.
 */
#ifndef _ASM_X86_PERF_GUEST_PEBS_H
#define _ASM_X86_PERF_GUEST_PEBS_H

#include <linux/types.h>

/**
 * struct perf_guest_pebs - where PEBS records go, and what is in them
 * @ds_area: DS_AREA
 * @data_cfg: PEBS_DATA_CFG of adaptive PEBS
 */
struct perf_guest_pebs {
	u64 ds_area;
	u64 data_cfg;
};

#ifdef CONFIG_CPU_SUP_INTEL
void perf_guest_pebs_host(struct perf_guest_pebs *host);
#else
static inline void perf_guest_pebs_host(struct perf_guest_pebs *host) { }
#endif

#endif /* _ASM_X86_PERF_GUEST_PEBS_H */
