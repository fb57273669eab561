/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A processor's caches, for the events that count references and misses.
 *
 * Three levels: data and code apart in the first, together in the second and
 * in the last; 64-byte lines, set-associative, least recently used out first,
 * writes allocate.  A level is filled when it is missed; no level drops a
 * line because another one does.  The sizes are those of a processor of the
 * model (cache.c).
 *
 * One prefetcher, a streamer between the first and the second level, as in
 * Intel's optimization manual, "Data Prefetching", "Streamer": it watches the
 * first level's misses, finds ascending and descending runs within a 4-KByte
 * page, and fetches two lines a request, up to 20 lines ahead, within the
 * page.  Its requests count as second-level references and as nothing else.
 *
 * The hierarchy is one processor's own and sees only what its processor does
 * while a counter wants it; it never feeds the cycle count.
 */
#ifndef PMU_CACHE_H
#define PMU_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "pmu.h"

struct pmu_cache;

/**
 * struct pmu_cache_counts - what accesses did at each level
 * @l1d_refs:	     lines of data referenced
 * @l1d_misses:	     of those, not in the first level
 * @l1d_load_misses: of those, for a read
 * @l1i_refs:	     lines of code referenced
 * @l1i_misses:	     of those, not in the first level
 * @l2_refs:	     requests to the second level, the prefetcher's included
 * @l2_misses:	     first-level misses that were not in the second level
 * @llc_refs:	     those again: requests to the last level
 * @llc_misses:	     of those, not in the last level
 */
struct pmu_cache_counts {
	uint32_t l1d_refs, l1d_misses, l1d_load_misses;
	uint32_t l1i_refs, l1i_misses;
	uint32_t l2_refs, l2_misses;
	uint32_t llc_refs, llc_misses;
};

struct pmu_cache *pmu_cache_create(const struct pmu_cpu *cpu);
void pmu_cache_free(struct pmu_cache *cache);
void pmu_cache_data(struct pmu_cache *cache, uint64_t paddr, bool write,
		    struct pmu_cache_counts *counts);
void pmu_cache_code(struct pmu_cache *cache, uint64_t paddr,
		    struct pmu_cache_counts *counts);
enum pmu_level pmu_cache_level(const struct pmu_cache_counts *counts);
void pmu_cache_flush_line(struct pmu_cache *cache, uint64_t paddr);
void pmu_cache_flush_all(struct pmu_cache *cache);

#endif /* PMU_CACHE_H */
