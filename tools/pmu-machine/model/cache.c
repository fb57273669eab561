// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cache hierarchy of cache.h.
 */
#include <stdlib.h>
#include <string.h>

#include "cache.h"

#define LINE_SHIFT	6
#define PAGE_LINES	64	/* of a 4-KByte page */
#define KB		(1024u >> LINE_SHIFT)	/* in lines */
#define MB		(1024u * KB)

#define STREAMS		32	/* one a page, the optimization manual says */
#define STREAM_AHEAD	20
#define STREAM_BURST	2

enum { L1D, L1I, L2, LLC, LEVELS };

static const struct geometry {
	const char *name;
	struct {
		uint32_t lines, ways;
	} level[LEVELS];
} geometries[] = {
	/* Core i7-4770 */
	{ "haswell", { { 32 * KB, 8 }, { 32 * KB, 8 }, { 256 * KB, 8 },
		       { 8 * MB, 16 } } },
	/* six cores with 1.375 MB of the last level each */
	{ "skylake", { { 32 * KB, 8 }, { 32 * KB, 8 }, { 1 * MB, 16 },
		       { 8448 * KB, 11 } } },
	/* 16 cores with 1.5 MB of the last level each */
	{ "icelake", { { 48 * KB, 12 }, { 32 * KB, 8 }, { 1280 * KB, 20 },
		       { 24 * MB, 12 } } },
	/* 16 cores with 1.875 MB of the last level each */
	{ "sapphire-rapids", { { 48 * KB, 12 }, { 32 * KB, 8 }, { 2 * MB, 16 },
			       { 30 * MB, 15 } } },
	/* one core complex */
	{ "zen3", { { 32 * KB, 8 }, { 32 * KB, 8 }, { 512 * KB, 8 },
		    { 32 * MB, 16 } } },
	{ "zen4", { { 32 * KB, 8 }, { 32 * KB, 8 }, { 1 * MB, 8 },
		    { 32 * MB, 16 } } },
};

/* struct level: the lines of a set stand together, the newest used first */
struct level {
	uint32_t sets, ways;
	uint64_t *tags;		/* line number + 1; 0: empty */
};

/* struct stream: requests of the first level to a page */
struct stream {
	uint64_t page;		/* page number + 1; 0: free */
	uint64_t used;		/* when, by the count of requests */
	int last;		/* line of the page last requested */
	int step;		/* 1 or -1; 0 until a direction shows */
	int fetched;		/* the farthest line prefetched */
};

struct pmu_cache {
	struct level level[LEVELS];
	struct stream stream[STREAMS];
	uint64_t requests;
	uint64_t fetching;	/* line number + 1 of the last code fetch */
	uint64_t tags[];
};

static const struct geometry *find_geometry(const struct pmu_cpu *cpu)
{
	size_t i = 0;

	while (strcmp(geometries[i].name, cpu->name))
		i++;
	return &geometries[i];
}

/**
 * pmu_cache_create - empty caches
 * @cpu: the processor model, one of pmu_cpu_list()
 *
 * The memory that they take grows with what is used of it.
 *
 * Return: the caches, or NULL without memory.
 */
struct pmu_cache *pmu_cache_create(const struct pmu_cpu *cpu)
{
	const struct geometry *g = find_geometry(cpu);
	struct pmu_cache *cache;
	size_t lines = 0;

	for (int i = 0; i < LEVELS; i++)
		lines += g->level[i].lines;
	cache = calloc(1, sizeof(*cache) + lines * sizeof(cache->tags[0]));
	if (!cache)
		return NULL;

	lines = 0;
	for (int i = 0; i < LEVELS; i++) {
		cache->level[i].ways = g->level[i].ways;
		cache->level[i].sets = g->level[i].lines / g->level[i].ways;
		cache->level[i].tags = cache->tags + lines;
		lines += g->level[i].lines;
	}
	return cache;
}

/**
 * pmu_cache_free - give the memory back
 * @cache: the caches, or NULL
 */
void pmu_cache_free(struct pmu_cache *cache)
{
	free(cache);
}

static uint64_t *set_of(const struct level *l, uint64_t line)
{
	return l->tags + line % l->sets * l->ways;
}

/* The way that holds a line, or the number of ways if none does. */
static uint32_t way_of(const struct level *l, const uint64_t *set, uint64_t line)
{
	uint32_t way = 0;

	while (way < l->ways && set[way] != line + 1)
		way++;
	return way;
}

/* Use a line, and bring it in if it is not there; true if it was. */
static bool use(struct level *l, uint64_t line)
{
	uint64_t *set = set_of(l, line);
	uint32_t way = way_of(l, set, line);
	bool hit = way < l->ways;

	if (!hit)
		way = l->ways - 1;
	memmove(set + 1, set, way * sizeof(*set));
	set[0] = line + 1;
	return hit;
}

static void drop(struct level *l, uint64_t line)
{
	uint64_t *set = set_of(l, line);
	uint32_t way = way_of(l, set, line);

	if (way == l->ways)
		return;
	memmove(set + way, set + way + 1, (l->ways - 1 - way) * sizeof(*set));
	set[l->ways - 1] = 0;
}

/* The page's stream, or the one unused for longest, made the page's. */
static struct stream *find_stream(struct pmu_cache *cache, uint64_t page)
{
	struct stream *oldest = cache->stream;

	for (struct stream *s = oldest; s < cache->stream + STREAMS; s++) {
		if (s->page == page + 1)
			return s;
		if (s->used < oldest->used)
			oldest = s;
	}
	memset(oldest, 0, sizeof(*oldest));
	oldest->page = page + 1;
	return oldest;
}

/* Go on in the stream's direction, from the line just requested. */
static void prefetch(struct pmu_cache *cache, struct stream *s,
		     struct pmu_cache_counts *counts)
{
	for (int i = 0; i < STREAM_BURST; i++) {
		int next = s->fetched + s->step;
		uint64_t line;

		if (next < 0 || next >= PAGE_LINES ||
		    abs(next - s->last) > STREAM_AHEAD)
			return;
		line = (s->page - 1) * PAGE_LINES + (uint64_t)next;
		counts->l2_refs++;
		if (!use(&cache->level[L2], line))
			use(&cache->level[LLC], line);
		s->fetched = next;
	}
}

static void watch(struct pmu_cache *cache, uint64_t line,
		  struct pmu_cache_counts *counts)
{
	struct stream *s = find_stream(cache, line / PAGE_LINES);
	int at = (int)(line % PAGE_LINES);
	int step = at - s->last;
	bool known = s->used;

	s->used = ++cache->requests;
	s->last = at;
	if (!known || abs(step) != 1) {
		s->step = 0;
		return;
	}
	if (s->step != step)
		s->fetched = at;
	s->step = step;
	prefetch(cache, s, counts);
}

static void second_level(struct pmu_cache *cache, uint64_t line,
			 struct pmu_cache_counts *counts)
{
	counts->l2_refs++;
	if (!use(&cache->level[L2], line)) {
		counts->l2_misses++;
		counts->llc_refs++;
		counts->llc_misses += !use(&cache->level[LLC], line);
	}
	watch(cache, line, counts);
}

/**
 * pmu_cache_data - an access to data
 * @cache:  the caches
 * @paddr:  its physical address; the access lies within one line
 * @write:  a write, or a read for a write
 * @counts: what it did is added to this
 */
void pmu_cache_data(struct pmu_cache *cache, uint64_t paddr, bool write,
		    struct pmu_cache_counts *counts)
{
	uint64_t line = paddr >> LINE_SHIFT;

	counts->l1d_refs++;
	if (use(&cache->level[L1D], line))
		return;
	counts->l1d_misses++;
	counts->l1d_load_misses += !write;
	second_level(cache, line, counts);
}

/**
 * pmu_cache_code - an instruction is fetched
 * @cache:  the caches
 * @paddr:  the physical address of its first byte
 * @counts: what that did is added to this
 *
 * A line is referenced once for all instructions that run in it one after
 * the other, unless it is flushed among them.
 */
void pmu_cache_code(struct pmu_cache *cache, uint64_t paddr,
		    struct pmu_cache_counts *counts)
{
	uint64_t line = paddr >> LINE_SHIFT;

	if (cache->fetching == line + 1)
		return;
	cache->fetching = line + 1;
	counts->l1i_refs++;
	if (use(&cache->level[L1I], line))
		return;
	counts->l1i_misses++;
	second_level(cache, line, counts);
}

/**
 * pmu_cache_level - where data was found
 * @counts: what the accesses to it did: of several lines the farthest counts
 *
 * Return: the level.
 */
enum pmu_level pmu_cache_level(const struct pmu_cache_counts *counts)
{
	return counts->llc_misses ? PMU_RAM : counts->l2_misses ? PMU_L3 :
	       counts->l1d_misses ? PMU_L2 : PMU_L1;
}

/**
 * pmu_cache_flush_line - CLFLUSH and its like
 * @cache: the caches
 * @paddr: a physical address in the line
 */
void pmu_cache_flush_line(struct pmu_cache *cache, uint64_t paddr)
{
	uint64_t line = paddr >> LINE_SHIFT;

	for (int i = 0; i < LEVELS; i++)
		drop(&cache->level[i], line);
	if (cache->fetching == line + 1)
		cache->fetching = 0;
}

/**
 * pmu_cache_flush_all - WBINVD and INVD
 * @cache: the caches
 *
 * The prefetcher's streams are forgotten, too.
 */
void pmu_cache_flush_all(struct pmu_cache *cache)
{
	for (int i = 0; i < LEVELS; i++) {
		struct level *l = &cache->level[i];

		memset(l->tags, 0, sizeof(*l->tags) * l->sets * l->ways);
	}
	memset(cache->stream, 0, sizeof(cache->stream));
	cache->fetching = 0;
}
