/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Branch records of a guest that owns a CPU's PMU, see linux/perf_guest_pmu.h.
 * They are the guest's from load to put like the counters.
 */
#ifndef _ASM_X86_PERF_GUEST_LBR_H
#define _ASM_X86_PERF_GUEST_LBR_H

#include <linux/types.h>

#include <asm/fpu/types.h>

#define PERF_GUEST_LBR_ENTRIES	32

/**
 * struct perf_guest_lbr - a guest's branch records while they are in memory
 * @select: LBR_SELECT. Architectural LBR has none.
 * @tos: LBR_TOS. Architectural LBR has none.
 * @depth: LBR_DEPTH, of architectural LBR alone; there are no more entries
 * @entries: by the registers' numbers
 */
struct perf_guest_lbr {
	u64 select;
	u64 tos;
	u64 depth;
	struct lbr_entry entries[PERF_GUEST_LBR_ENTRIES];
};

u64 perf_host_lbr_ctl(void);

#ifdef CONFIG_CPU_SUP_INTEL

bool perf_guest_lbr_supported(void);
void perf_guest_lbr_load(const struct perf_guest_lbr *lbr);
void perf_guest_lbr_save(struct perf_guest_lbr *lbr);

#else

static inline bool perf_guest_lbr_supported(void)
{
	return false;
}

static inline void perf_guest_lbr_load(const struct perf_guest_lbr *lbr) { }
static inline void perf_guest_lbr_save(struct perf_guest_lbr *lbr) { }

#endif /* CONFIG_CPU_SUP_INTEL */

#ifdef CONFIG_CPU_SUP_AMD
void perf_host_lbr_restart(void);
#else
static inline void perf_host_lbr_restart(void) { }
#endif

#endif /* _ASM_X86_PERF_GUEST_LBR_H */
