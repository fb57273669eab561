/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine's one set of statistics. */
#ifndef PMU_GLUE_STATS_H
#define PMU_GLUE_STATS_H

extern struct pmu_stats pmu_stats;

void pmu_stats_start(void);

#endif /* PMU_GLUE_STATS_H */
