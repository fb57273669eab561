// SPDX-License-Identifier: GPL-2.0-only
/*
 * The caches: sizes, replacement, flushing, the prefetcher, and what of it
 * all is counted at which level.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cache.h"

#define LINE		64u
#define PAGE		4096u
#define KB		1024u
#define MB		(1024u * KB)
#define STREAM		(64u * MB)

struct caches {
	struct pmu_cache *cache;
	struct pmu_cache_counts n;
};

static int setup(void **state)
{
	struct caches *c = calloc(1, sizeof(*c));

	if (!c)
		return -1;
	c->cache = pmu_cache_create(pmu_cpu_find(*state));
	*state = c;
	return c->cache ? 0 : -1;
}

static int teardown(void **state)
{
	struct caches *c = *state;

	pmu_cache_free(c->cache);
	free(c);
	return 0;
}

static void forget(struct caches *c)
{
	c->n = (struct pmu_cache_counts){ 0 };
}

static void load(struct caches *c, uint64_t paddr)
{
	pmu_cache_data(c->cache, paddr, false, &c->n);
}

static void store(struct caches *c, uint64_t paddr)
{
	pmu_cache_data(c->cache, paddr, true, &c->n);
}

static void fetch(struct caches *c, uint64_t paddr)
{
	pmu_cache_code(c->cache, paddr, &c->n);
}

/* Load from n places. */
static void walk(struct caches *c, uint64_t paddr, uint32_t n, uint32_t stride)
{
	for (uint32_t i = 0; i < n; i++)
		load(c, paddr + (uint64_t)i * stride);
}

static void the_first_access_misses_everywhere(void **state)
{
	struct caches *c = *state;

	load(c, 0x12345);
	assert_int_equal(c->n.l1d_refs, 1);
	assert_int_equal(c->n.l1d_misses, 1);
	assert_int_equal(c->n.l2_refs, 1);
	assert_int_equal(c->n.l2_misses, 1);
	assert_int_equal(c->n.llc_refs, 1);
	assert_int_equal(c->n.llc_misses, 1);
	assert_int_equal(c->n.l1i_refs, 0);
}

static void a_line_is_64_bytes(void **state)
{
	struct caches *c = *state;

	load(c, 0x1000);
	forget(c);
	load(c, 0x103f);
	assert_int_equal(c->n.l1d_misses, 0);
	load(c, 0x1040);
	assert_int_equal(c->n.l1d_misses, 1);
}

static void the_line_at_physical_address_zero_is_not_there_beforehand(void **state)
{
	struct caches *c = *state;

	load(c, 0);
	fetch(c, 0);
	assert_int_equal(c->n.l1d_misses, 1);
	assert_int_equal(c->n.l1i_misses, 1);
}

static void writes_allocate_and_are_no_load_misses(void **state)
{
	struct caches *c = *state;

	store(c, 0x1000);
	assert_int_equal(c->n.l1d_misses, 1);
	assert_int_equal(c->n.l1d_load_misses, 0);
	load(c, 0x1000);
	assert_int_equal(c->n.l1d_misses, 1);
	load(c, 0x5000);
	assert_int_equal(c->n.l1d_misses, 2);
	assert_int_equal(c->n.l1d_load_misses, 1);
}

/* A set has as many lines as the cache has ways, of which the oldest goes. */
static void check_ways(struct caches *c, uint32_t sets, uint32_t ways)
{
	const uint32_t stride = sets * LINE;

	walk(c, 0, ways, stride);
	forget(c);
	walk(c, 0, ways, stride);
	assert_int_equal(c->n.l1d_misses, 0);
	load(c, (uint64_t)ways * stride);
	assert_int_equal(c->n.l1d_misses, 1);
	load(c, stride);
	assert_int_equal(c->n.l1d_misses, 1);
	load(c, 0);
	assert_int_equal(c->n.l1d_misses, 2);
}

static void the_first_level_has_8_ways_of_64_sets(void **state)
{
	check_ways(*state, 64, 8);
}

static void the_first_level_has_12_ways_of_64_sets(void **state)
{
	check_ways(*state, 64, 12);
}

/* As much as fits stays, though the first level is too small for it. */
static void check_l2(struct caches *c, uint32_t size)
{
	walk(c, 0, size / LINE, LINE);
	forget(c);
	walk(c, 0, size / LINE, LINE);
	assert_true(c->n.l1d_misses);
	assert_int_equal(c->n.l2_misses, 0);
}

static void the_second_level_holds_256_kb(void **state)
{
	check_l2(*state, 256 * KB);
}

static void the_second_level_holds_512_kb(void **state)
{
	check_l2(*state, 512 * KB);
}

static void the_second_level_holds_1_mb(void **state)
{
	check_l2(*state, 1 * MB);
}

static void the_second_level_holds_1280_kb(void **state)
{
	check_l2(*state, 1280 * KB);
}

static void the_second_level_holds_2_mb(void **state)
{
	check_l2(*state, 2 * MB);
}

/* A stride of two lines shows the prefetcher no stream. */
static void check_llc(struct caches *c, uint32_t size)
{
	const uint32_t lines = size / LINE;

	walk(c, 0, lines / 2, 2 * LINE);
	walk(c, LINE, lines / 2, 2 * LINE);
	forget(c);
	walk(c, 0, lines / 2, 2 * LINE);
	walk(c, LINE, lines / 2, 2 * LINE);
	assert_true(c->n.llc_refs);
	assert_int_equal(c->n.llc_misses, 0);
	walk(c, size, lines / 2, 2 * LINE);
	forget(c);
	walk(c, 0, lines / 2, 2 * LINE);
	assert_int_equal(c->n.llc_misses, lines / 2);
}

static void the_last_level_holds_8_mb(void **state)
{
	check_llc(*state, 8 * MB);
}

static void the_last_level_holds_8448_kb(void **state)
{
	check_llc(*state, 8448 * KB);
}

static void the_last_level_holds_24_mb(void **state)
{
	check_llc(*state, 24 * MB);
}

static void the_last_level_holds_30_mb(void **state)
{
	check_llc(*state, 30 * MB);
}

static void the_last_level_holds_32_mb(void **state)
{
	check_llc(*state, 32 * MB);
}

static void code_and_data_meet_in_the_second_level(void **state)
{
	struct caches *c = *state;

	load(c, 0x1000);
	fetch(c, 0x1000);
	assert_int_equal(c->n.l1i_misses, 1);
	assert_int_equal(c->n.l2_refs, 2);
	assert_int_equal(c->n.l2_misses, 1);
}

static void instructions_of_a_line_are_one_reference(void **state)
{
	struct caches *c = *state;

	for (uint64_t ip = 0x1000; ip < 0x1080; ip += 4)
		fetch(c, ip);
	assert_int_equal(c->n.l1i_refs, 2);
	fetch(c, 0x1000);
	assert_int_equal(c->n.l1i_refs, 3);
	assert_int_equal(c->n.l1i_misses, 2);
}

static void a_flushed_line_comes_from_memory(void **state)
{
	struct caches *c = *state;

	load(c, 0x1000);
	load(c, 0x3000);
	pmu_cache_flush_line(c->cache, 0x1020);
	forget(c);
	load(c, 0x1000);
	load(c, 0x3000);
	assert_int_equal(c->n.l1d_misses, 1);
	assert_int_equal(c->n.llc_misses, 1);
}

static void flushing_what_is_not_there_changes_nothing(void **state)
{
	struct caches *c = *state;

	load(c, 0x1000);
	pmu_cache_flush_line(c->cache, 0x1000 + 64 * MB);
	forget(c);
	load(c, 0x1000);
	assert_int_equal(c->n.l1d_misses, 0);
}

/* A flush leaves the other lines of the set in their order. */
static void a_flushed_way_is_used_first(void **state)
{
	struct caches *c = *state;

	walk(c, 0, 8, PAGE);
	pmu_cache_flush_line(c->cache, 3 * PAGE);
	load(c, 100 * PAGE);
	forget(c);
	walk(c, 0, 3, PAGE);
	walk(c, 4 * PAGE, 4, PAGE);
	assert_int_equal(c->n.l1d_misses, 0);
}

static void a_line_is_flushed_whatever_was_flushed_before(void **state)
{
	struct caches *c = *state;

	walk(c, 0, 8, PAGE);
	pmu_cache_flush_line(c->cache, 3 * PAGE);
	pmu_cache_flush_line(c->cache, 0);
	forget(c);
	load(c, 0);
	assert_int_equal(c->n.l1d_misses, 1);
	assert_int_equal(c->n.llc_misses, 1);
}

/* Ten times: CLFLUSH of the line that it is in, MFENCE, LOOP. */
static void code_that_flushes_itself_misses_in_the_last_level(void **state)
{
	struct caches *c = *state;

	fetch(c, 0x1000);
	forget(c);
	for (int i = 0; i < 10; i++) {
		fetch(c, 0x1000);
		pmu_cache_flush_line(c->cache, 0x1000);
		fetch(c, 0x1007);
		fetch(c, 0x100a);
	}
	assert_int_equal(c->n.l1i_refs, 10);
	assert_int_equal(c->n.llc_refs, 10);
	assert_int_equal(c->n.llc_misses, 10);
}

static void flushing_all_empties_all(void **state)
{
	struct caches *c = *state;

	fetch(c, 0x8000);
	walk(c, 0, 100, 2 * LINE);
	pmu_cache_flush_all(c->cache);
	forget(c);
	fetch(c, 0x8000);
	walk(c, 0, 100, 2 * LINE);
	assert_int_equal(c->n.l1i_misses, 1);
	assert_int_equal(c->n.l1d_misses, 100);
	assert_int_equal(c->n.llc_misses, 101);
}

static void flushing_all_forgets_the_streams(void **state)
{
	struct caches *c = *state;

	load(c, 0);
	pmu_cache_flush_all(c->cache);
	load(c, LINE);
	forget(c);
	load(c, 2 * LINE);
	assert_int_equal(c->n.llc_misses, 1);
}

/* The second request of a page shows the direction; no page is left. */
static void an_ascending_stream_misses_twice_a_page(void **state)
{
	struct caches *c = *state;

	walk(c, 0, 10 * PAGE / LINE, LINE);
	assert_int_equal(c->n.llc_refs, 20);
	assert_int_equal(c->n.llc_misses, 20);
	assert_int_equal(c->n.l2_misses, 20);
}

static void a_descending_stream_misses_twice_a_page(void **state)
{
	struct caches *c = *state;

	for (uint32_t line = 10 * PAGE / LINE; line-- > 0;)
		load(c, (uint64_t)line * LINE);
	assert_int_equal(c->n.llc_misses, 20);
}

/* Each line is asked for once by the first level and at most once ahead. */
static void prefetches_are_second_level_references(void **state)
{
	struct caches *c = *state;

	walk(c, 0, PAGE / LINE, LINE);
	assert_int_equal(c->n.l2_refs, 64 + 62);
}

static void the_prefetcher_is_20_lines_ahead_at_most(void **state)
{
	struct caches *c = *state;

	walk(c, 0, 30, LINE);
	forget(c);
	load(c, (29 + 20) * LINE);
	assert_int_equal(c->n.llc_misses, 0);
	load(c, (29 + 21) * LINE);
	assert_int_equal(c->n.llc_misses, 1);
}

static void two_lines_are_prefetched_at_a_time(void **state)
{
	struct caches *c = *state;

	walk(c, 0, 2, LINE);
	forget(c);
	load(c, 3 * LINE);
	assert_int_equal(c->n.llc_misses, 0);
	load(c, 4 * LINE);
	assert_int_equal(c->n.llc_misses, 1);
}

/* 1 MB pushes the lines out of the second level. */
static void prefetched_lines_are_in_the_last_level_too(void **state)
{
	struct caches *c = *state;

	walk(c, 0, PAGE / LINE, LINE);
	walk(c, 1 * MB, 512 * KB / LINE, 2 * LINE);
	walk(c, 1 * MB + LINE, 512 * KB / LINE, 2 * LINE);
	forget(c);
	load(c, 32 * LINE);
	assert_int_equal(c->n.l2_misses, 1);
	assert_int_equal(c->n.llc_misses, 0);
}

static void a_turn_starts_a_new_stream(void **state)
{
	struct caches *c = *state;

	load(c, 40 * LINE);
	load(c, 41 * LINE);
	load(c, 40 * LINE);	/* a first-level hit, which it does not see */
	load(c, 39 * LINE);	/* no neighbour of 41 */
	load(c, 38 * LINE);
	forget(c);
	load(c, 37 * LINE);
	load(c, 36 * LINE);
	assert_int_equal(c->n.llc_misses, 0);
}

static void thirty_two_pages_are_followed_at_once(void **state)
{
	struct caches *c = *state;

	walk(c, 0, 32, PAGE);
	walk(c, LINE, 32, PAGE);
	assert_int_equal(c->n.llc_misses, 64);
	walk(c, 2 * LINE, 32, PAGE);
	assert_int_equal(c->n.llc_misses, 64);
}

static void more_streams_than_it_has_are_lost(void **state)
{
	struct caches *c = *state;

	walk(c, 0, 33, PAGE);
	forget(c);
	load(c, LINE);		/* of the page that was replaced */
	load(c, 2 * LINE);
	assert_int_equal(c->n.llc_misses, 2);
}

static void scattered_accesses_are_not_prefetched(void **state)
{
	struct caches *c = *state;

	walk(c, 0, 1000, 3 * LINE);
	assert_int_equal(c->n.llc_misses, 1000);
	assert_int_equal(c->n.l2_refs, 1000);
}

/* Real processors stay far below a miss a line, and so must this. */
static void streaming_64_mb_misses_seldom(void **state)
{
	struct caches *c = *state;

	walk(c, 16 * MB, STREAM / LINE, LINE);
	assert_int_equal(c->n.l1d_misses, STREAM / LINE);
	assert_int_equal(c->n.llc_misses, 2 * (STREAM / PAGE));
	assert_in_range(c->n.llc_misses, 1, 1000000);
}

#define ON(cpu, fact)	{ cpu ": " #fact, fact, setup, teardown, (void *)cpu }
#define ON_ALL(fact)							\
	ON("haswell", fact), ON("skylake", fact), ON("icelake", fact),	\
	ON("sapphire-rapids", fact), ON("zen3", fact), ON("zen4", fact)
#define FACT(fact)	ON("haswell", fact)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(the_first_access_misses_everywhere),
		FACT(a_line_is_64_bytes),
		FACT(the_line_at_physical_address_zero_is_not_there_beforehand),
		FACT(writes_allocate_and_are_no_load_misses),
		ON("haswell", the_first_level_has_8_ways_of_64_sets),
		ON("skylake", the_first_level_has_8_ways_of_64_sets),
		ON("icelake", the_first_level_has_12_ways_of_64_sets),
		ON("sapphire-rapids", the_first_level_has_12_ways_of_64_sets),
		ON("zen3", the_first_level_has_8_ways_of_64_sets),
		ON("zen4", the_first_level_has_8_ways_of_64_sets),
		ON("haswell", the_second_level_holds_256_kb),
		ON("skylake", the_second_level_holds_1_mb),
		ON("icelake", the_second_level_holds_1280_kb),
		ON("sapphire-rapids", the_second_level_holds_2_mb),
		ON("zen3", the_second_level_holds_512_kb),
		ON("zen4", the_second_level_holds_1_mb),
		ON("haswell", the_last_level_holds_8_mb),
		ON("skylake", the_last_level_holds_8448_kb),
		ON("icelake", the_last_level_holds_24_mb),
		ON("sapphire-rapids", the_last_level_holds_30_mb),
		ON("zen3", the_last_level_holds_32_mb),
		ON("zen4", the_last_level_holds_32_mb),
		FACT(code_and_data_meet_in_the_second_level),
		FACT(instructions_of_a_line_are_one_reference),
		FACT(a_flushed_line_comes_from_memory),
		FACT(flushing_what_is_not_there_changes_nothing),
		FACT(a_flushed_way_is_used_first),
		FACT(a_line_is_flushed_whatever_was_flushed_before),
		ON_ALL(code_that_flushes_itself_misses_in_the_last_level),
		FACT(flushing_all_empties_all),
		FACT(flushing_all_forgets_the_streams),
		FACT(an_ascending_stream_misses_twice_a_page),
		FACT(a_descending_stream_misses_twice_a_page),
		FACT(prefetches_are_second_level_references),
		FACT(the_prefetcher_is_20_lines_ahead_at_most),
		FACT(two_lines_are_prefetched_at_a_time),
		FACT(prefetched_lines_are_in_the_last_level_too),
		FACT(a_turn_starts_a_new_stream),
		FACT(thirty_two_pages_are_followed_at_once),
		FACT(more_streams_than_it_has_are_lost),
		FACT(scattered_accesses_are_not_prefetched),
		ON_ALL(streaming_64_mb_misses_seldom),
	};

	return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
