// SPDX-License-Identifier: GPL-2.0-only
/*
 * PEBS: what a record tells of an access to memory.
 *
 * SDM vol. 3B, "Load Latency Performance Monitoring Facility", "Data Address
 * Profiling"; how Linux decodes the data source.
 */
#include "pmu-fixture.h"

#define TOP	LOW(48)
#define ALWAYS	(OS | USR | EN)
#define COUNTER	2
#define DATA	(PMU_MODEL_DATA | PMU_MODEL_MEMORY | PMU_MODEL_CACHE)

#define LOAD	UINT64_C(0x1234)
#define STORE	UINT64_C(0x5678)

static bool is_skylake(const struct fixture *f)
{
	return f->cpu.version < 5;
}

/* The counter samples, and its next event makes a record with all groups. */
static void prepare(struct fixture *f, unsigned int i, uint64_t event)
{
	enable_all(f);
	if (is_skylake(f)) {
		pebs_on(f, B(i) | B(32 + i));
	} else {
		wr(f, MSR_PEBS_DATA_CFG, 1);
		pebs_on(f, B(i));
		event |= ADAPTIVE;
	}
	start(f, i, event | ALWAYS);
	wr(f, IA32_GLOBAL_STATUS_SET, B(i));
}

/* An instruction that loads and stores */
static void access_memory(struct fixture *f, enum pmu_level load,
			  enum pmu_level store)
{
	f->state.load.address = load ? LOAD : 0;
	f->state.load.level = load;
	f->state.store.address = store ? STORE : 0;
	f->state.store.level = store;
	happen(f, PMU_LOADS, !!load);
	happen(f, PMU_STORES, !!store);
	happen(f, PMU_SLOW_LOADS, !!load);
	retire(f, 1);
}

static void check(struct fixture *f, uint64_t address, uint64_t source,
		  uint64_t latency)
{
	uint64_t at = BUFFER + (is_skylake(f) ? 0x98 : 0x20);

	assert_int_not_equal(*ds(f, PEBS_INDEX), BUFFER);
	assert_int_equal(*word(f, at), address);
	assert_int_equal(*word(f, at + 8), source);
	assert_int_equal(*word(f, at + 16), latency);
}

static void a_load_has_its_address_only(void **state)
{
	struct fixture *f = *state;

	prepare(f, COUNTER, EV_LOADS);
	access_memory(f, PMU_L1, PMU_L2);
	check(f, LOAD, 0, 0);
}

/* "DCU Hit (Bit 0): The store hit the data cache closest to the core" */
static void a_store_has_its_address_and_whether_it_hit(void **state)
{
	struct fixture *f = *state;

	prepare(f, COUNTER, EV_STORES);
	access_memory(f, PMU_RAM, PMU_L1);
	check(f, STORE, 1, 0);
	for (enum pmu_level level = PMU_L2; level <= PMU_RAM; level++) {
		prepare(f, COUNTER, EV_STORES);
		access_memory(f, PMU_L1, level);
		check(f, STORE, 0, 0);
	}
}

static void an_event_of_both_has_the_load_if_there_is_one(void **state)
{
	struct fixture *f = *state;

	prepare(f, COUNTER, EV_ACCESSES);
	access_memory(f, PMU_L2, PMU_L1);
	check(f, LOAD, 0, 0);
	prepare(f, COUNTER, EV_ACCESSES);
	access_memory(f, PMU_NOWHERE, PMU_L1);
	check(f, STORE, 1, 0);
}

static const struct {
	enum pmu_level level;
	uint64_t source, latency;
} levels[] = {
	{ PMU_L1, 0x1, 5 }, { PMU_L2, 0x3, 14 }, { PMU_L3, 0x4, 70 },
	{ PMU_RAM, 0xa, 200 },
};

#define LEVELS	(sizeof(levels) / sizeof(levels[0]))

/* Of the instruction in bits 15:0, of the cache in bits 47:32 */
static uint64_t latency_field(const struct fixture *f, uint64_t cycles)
{
	return f->cpu.two_latencies ? cycles << 32 | cycles : cycles;
}

static void load_latency_has_source_and_latency(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < LEVELS; i++) {
		prepare(f, COUNTER, EV_LOAD_LATENCY);
		access_memory(f, levels[i].level, PMU_L1);
		check(f, LOAD, levels[i].source,
		      latency_field(f, levels[i].latency));
	}
}

static void sampled_stores_have_them_too(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < LEVELS; i++) {
		prepare(f, 0, EV_STORE_SAMPLE);
		access_memory(f, PMU_L1, levels[i].level);
		check(f, STORE, levels[i].source,
		      latency_field(f, levels[i].latency));
	}
}

static void sapphire_rapids_alone_has_two_latencies(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->cpu.two_latencies,
			 f->cpu.lbr == PMU_LBR_ARCH);
}

static void other_events_have_nothing(void **state)
{
	struct fixture *f = *state;

	prepare(f, COUNTER, EV_INSTRUCTIONS);
	access_memory(f, PMU_L2, PMU_L1);
	check(f, 0, 0, 0);
}

/* Two counters, one record: the first of those whose event has an address */
static void the_first_counter_says_which(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start(f, 1, EV_INSTRUCTIONS | ALWAYS);
	start(f, 3, EV_LOADS | ALWAYS);
	prepare(f, 2, EV_STORES);
	wr(f, IA32_PEBS_ENABLE, B(1) | B(2) | B(3));
	wr(f, IA32_GLOBAL_STATUS_SET, B(1) | B(2) | B(3));
	access_memory(f, PMU_L2, PMU_L1);
	check(f, STORE, 1, 0);
}

/* "Loads with latencies greater than this value are eligible for counting" */
static void a_load_is_slow_above_the_threshold(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < LEVELS; i++) {
		wr(f, MSR_PEBS_LD_LAT, levels[i].latency - 1);
		assert_true(pmu_load_is_slow(&f->pmu, levels[i].level));
		wr(f, MSR_PEBS_LD_LAT, levels[i].latency);
		assert_false(pmu_load_is_slow(&f->pmu, levels[i].level));
	}
	wr(f, MSR_PEBS_LD_LAT, 0x10003);	/* bits 15:0 */
	assert_true(pmu_load_is_slow(&f->pmu, PMU_L1));
}

static uint64_t slow_loads(struct fixture *f, uint64_t enable)
{
	enable_all(f);
	wr(f, IA32_PEBS_ENABLE, enable);
	start(f, COUNTER, EV_LOAD_LATENCY | ALWAYS);
	happen(f, PMU_SLOW_LOADS, 1);
	retire(f, 1);
	return rd(f, counter(f, COUNTER));
}

/* "both the PEBS_EN_CTRx and LL_EN_CTRx bits" */
static void skylake_counts_with_the_bit_for_load_latency(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(slow_loads(f, B(COUNTER)), 0);
	assert_int_equal(slow_loads(f, B(COUNTER) | B(32 + COUNTER + 1)), 0);
	assert_int_equal(slow_loads(f, B(COUNTER) | B(32 + COUNTER)), 1);
}

static void later_ones_have_no_such_bit(void **state)
{
	assert_int_equal(slow_loads(*state, 0), 1);
}

/* What is slow in the emulator is asked for only if somebody wants it. */
static void accesses_are_wanted_for_records_and_for_latency(void **state)
{
	struct fixture *f = *state;

	prepare(f, COUNTER, EV_INSTRUCTIONS);
	assert_int_equal(f->pmu.models, 0);
	prepare(f, COUNTER, EV_LOADS);
	assert_int_equal(f->pmu.models, DATA);
	wr(f, IA32_PEBS_ENABLE, 0);
	assert_int_equal(f->pmu.models, PMU_MODEL_MEMORY);
	prepare(f, COUNTER, EV_LOAD_LATENCY);
	assert_int_equal(f->pmu.models, DATA);
	wr(f, IA32_GLOBAL_CTRL, 0);
	assert_int_equal(f->pmu.models, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_V4_UP(a_load_has_its_address_only),
		ON_V4_UP(a_store_has_its_address_and_whether_it_hit),
		ON_V4_UP(an_event_of_both_has_the_load_if_there_is_one),
		ON_V4_UP(load_latency_has_source_and_latency),
		ON("sapphire-rapids", sampled_stores_have_them_too),
		ON_V4_UP(sapphire_rapids_alone_has_two_latencies),
		ON_V4_UP(other_events_have_nothing),
		ON_V4_UP(the_first_counter_says_which),
		ON_V4_UP(a_load_is_slow_above_the_threshold),
		ON("skylake", skylake_counts_with_the_bit_for_load_latency),
		ON_V5(later_ones_have_no_such_bit),
		ON_V4_UP(accesses_are_wanted_for_records_and_for_latency),
	};

	return cmocka_run_group_tests_name("pebs-data", tests, NULL, NULL);
}
