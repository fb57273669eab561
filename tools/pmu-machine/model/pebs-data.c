// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a PEBS record tells of an access to memory: its address, where it hit,
 * how long it took (SDM vol. 3B, "Load Latency Performance Monitoring Facility",
 * "Data Address Profiling").
 *
 * A level has one latency.  Sources:
 *   [O]  Intel's optimization manual: the first-level cache 4 to 5 cycles, the
 *	  second level 12 to 14, Skylake Server's last level 50 to 70
 * Memory is an estimate, of 80 ns at 2.5 GHz.  Change them freely.
 */
#include "events.h"
#include "regs.h"

#define MEM_TRANS_RETIRED	0xcd
#define LD_LAT_THRESHOLD	MASK(16)	/* of MSR_PEBS_LD_LAT */
#define CACHE_LATENCY_SHIFT	32

static const struct {
	uint8_t source;		/* as Linux decodes it for these models */
	uint8_t latency;
} levels[] = {
	[PMU_NOWHERE] = { 0, 0 },
	[PMU_L1] = { 0x1, 5 },
	[PMU_L2] = { 0x3, 14 },
	[PMU_L3] = { 0x4, 70 },
	[PMU_RAM] = { 0xa, 200 },
};

/**
 * pmu_load_is_slow - does a load count as one of PMU_SLOW_LOADS?
 * @pmu:   the PMU
 * @level: where it hit
 *
 * "Loads with latencies greater than this value are eligible for counting".
 *
 * Return: whether it does.
 */
bool pmu_load_is_slow(const struct pmu *pmu, enum pmu_level level)
{
	return levels[level].latency > (pmu->storage.ld_lat & LD_LAT_THRESHOLD);
}

/**
 * pmu_wants_data - does a counter need PMU_MODEL_DATA?
 * @pmu: the PMU
 * @c:	 the counter, enabled
 *
 * Return: whether it does: for what it counts, or for the records that it makes.
 */
bool pmu_wants_data(const struct pmu *pmu, const struct pmu_counter *c)
{
	if (c->accs & PMU_ACC(PMU_SLOW_LOADS))
		return true;
	return c->accs & ACCS_MEMORY && pmu_pebs_samples(pmu, c);
}

/**
 * pmu_latency_enabled - may a counter count what it selects?
 * @pmu: the PMU
 * @c:	 the counter
 *
 * Before adaptive PEBS "both the PEBS_EN_CTRx and LL_EN_CTRx bits" of a counter
 * are to be set for load latency.
 *
 * Return: false if it selects load latency, and the latter bit is not set.
 */
bool pmu_latency_enabled(const struct pmu *pmu, const struct pmu_counter *c)
{
	return !(c->accs & PMU_ACC(PMU_SLOW_LOADS)) ||
	       pmu_has_adaptive_pebs(pmu) ||
	       pmu->pebs.enable & BIT(PEBS_LL_SHIFT + c->bit);
}

/* Of the counters of a record the first one whose event has a data address */
static const struct pmu_counter *find_counter(struct pmu *pmu, uint64_t due)
{
	for (unsigned int i = 0; i < pmu->cpu->gp; i++) {
		if (due & BIT(i) && pmu_gp(pmu, i)->accs & ACCS_DATA)
			return pmu_gp(pmu, i);
	}
	return NULL;
}

/* An event of loads and stores has the load, if there was one. */
static const struct pmu_access *find_access(const struct pmu_counter *c,
					    const struct pmu_pebs_state *s)
{
	uint64_t loads = PMU_ACC(PMU_LOADS) | PMU_ACC(PMU_SLOW_LOADS);

	return c->accs & loads && s->load.level ? &s->load : &s->store;
}

/* From Sapphire Rapids on there is the latency of the instruction as well. */
static uint64_t latency(const struct pmu *pmu, enum pmu_level level)
{
	uint64_t cycles = levels[level].latency;

	return pmu->cpu->two_latencies ? cycles << CACHE_LATENCY_SHIFT | cycles :
					 cycles;
}

/**
 * pmu_pebs_data - what a record tells of an access to memory
 * @pmu:   the PMU
 * @due:   the counters that it is of
 * @state: the processor's state
 * @out:   data linear address, data source, latency; 0 if no event has them
 *
 * "Data Address Profiling": for events other than MEM_TRANS_RETIRED the source
 * says of a store that it "hit the data cache closest to the core", and no more.
 */
void pmu_pebs_data(struct pmu *pmu, uint64_t due,
		   const struct pmu_pebs_state *state, uint64_t out[3])
{
	const struct pmu_counter *c = find_counter(pmu, due);
	const struct pmu_access *a;

	out[0] = out[1] = out[2] = 0;
	if (!c)
		return;
	a = find_access(c, state);
	out[0] = a->address;
	if ((c->select & 0xff) == MEM_TRANS_RETIRED) {
		out[1] = levels[a->level].source;
		out[2] = latency(pmu, a->level);
	} else if (a == &state->store) {
		out[1] = a->level == PMU_L1;
	}
}
