/* SPDX-License-Identifier: GPL-2.0-only */
/* The event encodings of the processor models: events-intel.c, events-amd.c. */
#ifndef PMU_EVENTS_H
#define PMU_EVENTS_H

#include "pmu.h"

extern const struct pmu_event pmu_events_haswell[];
extern const struct pmu_event pmu_events_skylake[];
extern const struct pmu_event pmu_events_icelake[];
extern const struct pmu_event pmu_events_sapphire_rapids[];
extern const struct pmu_event pmu_events_zen3[];
extern const struct pmu_event pmu_events_zen4[];

/* Sums of accumulators that several encodings count */
#define ACCS_COND	(PMU_ACC(PMU_COND_TAKEN) | PMU_ACC(PMU_COND_NTAKEN))
#define ACCS_CALL	(PMU_ACC(PMU_NEAR_CALL) | PMU_ACC(PMU_NEAR_CALL_IND))
#define ACCS_NEAR_TAKEN	(PMU_ACC(PMU_COND_TAKEN) | PMU_ACC(PMU_NEAR_JMP) | \
			 PMU_ACC(PMU_NEAR_JMP_IND) | ACCS_CALL | \
			 PMU_ACC(PMU_NEAR_RET))
#define ACCS_BRANCHES	(ACCS_NEAR_TAKEN | PMU_ACC(PMU_COND_NTAKEN) | \
			 PMU_ACC(PMU_FAR))
#define ACCS_MISP	(PMU_ACC(PMU_MISP_COND) | PMU_ACC(PMU_MISP_IND) | \
			 PMU_ACC(PMU_MISP_RET))
#define ACCS_MEMORY	(PMU_ACC(PMU_LOADS) | PMU_ACC(PMU_STORES) | \
			 PMU_ACC(PMU_LOAD_STORES))
#define ACCS_DATA	(ACCS_MEMORY | PMU_ACC(PMU_SLOW_LOADS))
#define ACCS_CACHE	(PMU_ACC(PMU_L1D_REFS) | PMU_ACC(PMU_L1D_MISSES) | \
			 PMU_ACC(PMU_L1I_REFS) | PMU_ACC(PMU_L1I_MISSES) | \
			 PMU_ACC(PMU_L2_REFS) | PMU_ACC(PMU_L2_MISSES) | \
			 PMU_ACC(PMU_LLC_REFS) | PMU_ACC(PMU_LLC_MISSES))

#endif /* PMU_EVENTS_H */
