// SPDX-License-Identifier: GPL-2.0-only
/*
 * PERF_METRICS and the slots counter.
 *
 * SDM vol. 3B, "Performance Metrics": each field is "an 8-bit integer
 * fraction" of the slots that IA32_FIXED_CTR3 counts; IA32_PERF_GLOBAL_CTRL[48]
 * enables them; both registers are started from zero together.
 */
#include <stdlib.h>

#include "pmu-fixture.h"

#define EN_PERF_METRICS	B(48)
#define EN_FIXED_CTR3	B(35)
#define FIXED_CTR3	(IA32_FIXED_CTR0 + 3)
#define RDPMC_METRICS	0x20000000u

static void start_metrics(struct fixture *f)
{
	wr(f, IA32_FIXED_CTR_CTRL, UINT64_C(3) << 12);
	wr(f, IA32_GLOBAL_CTRL, EN_PERF_METRICS | EN_FIXED_CTR3);
}

static unsigned int field(uint64_t metrics, unsigned int i)
{
	return metrics >> (8 * i) & 0xff;
}

static void slots_are_the_width_times_the_cycles(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->cpu.slots, f->cpu.metrics == 4 ? 5 : 6);
	start_metrics(f);
	for (unsigned int i = 0; i < 10; i++)
		retire(f, 4);
	assert_int_equal(rd(f, FIXED_CTR3), 40 * f->cpu.slots);
}

/* Retiring, bad speculation, front end, back end: they make up the whole. */
static void level_one_adds_up(void **state)
{
	struct fixture *f = *state;

	start_metrics(f);
	for (unsigned int i = 0; i < 1000; i++) {
		uint64_t metrics;
		int sum = 0;

		retire(f, 1 + i % 7);
		metrics = rd(f, MSR_PERF_METRICS);
		for (unsigned int n = 0; n < 4; n++)
			sum += field(metrics, n);
		assert_in_range(sum, 0xff - 2, 0xff + 2);
	}
}

/* One instruction in a cycle of so many slots */
static void retiring_is_the_share_of_instructions(void **state)
{
	struct fixture *f = *state;

	start_metrics(f);
	run(f, 1000);
	assert_int_equal(field(rd(f, MSR_PERF_METRICS), 0),
			 f->cpu.slots == 5 ? 51 : 43);	/* 255/5, 255/6 */
	for (unsigned int i = 0; i < 1000; i++)
		retire(f, 3);
	assert_int_equal(field(rd(f, MSR_PERF_METRICS), 0),
			 f->cpu.slots == 5 ? 26 : 21);	/* half as much */
}

/* A read in the middle of an instruction may find it retired too early. */
static void early_instruction_spoils_nothing(void **state)
{
	struct fixture *f = *state;

	start_metrics(f);
	for (unsigned int i = 0; i < 100; i++) {
		f->instructions++;
		rd(f, MSR_PERF_METRICS);
		f->cycles++;
		run(f, 99);
	}
	assert_int_equal(rd(f, FIXED_CTR3), 10000 * f->cpu.slots);
	assert_int_equal(field(rd(f, MSR_PERF_METRICS), 0),
			 f->cpu.slots == 5 ? 51 : 43);
}

static void rdpmc_reads_the_same(void **state)
{
	struct fixture *f = *state;
	uint64_t value;

	start_metrics(f);
	run(f, 1234);
	assert_int_equal(pmu_rdpmc(&f->pmu, RDPMC_METRICS, &value), PMU_OK);
	assert_int_equal(value, rd(f, MSR_PERF_METRICS));
	assert_int_not_equal(value, 0);
}

static void reading_changes_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t metrics, slots;

	start_metrics(f);
	run(f, 100);
	metrics = rd(f, MSR_PERF_METRICS);
	slots = rd(f, FIXED_CTR3);
	assert_int_equal(rd(f, MSR_PERF_METRICS), metrics);
	assert_int_equal(rd(f, FIXED_CTR3), slots);
}

/* "EN_PERF_METRICS: If 1, enables the PERF_METRICS" */
static void metrics_need_their_enable(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_FIXED_CTR_CTRL, UINT64_C(3) << 12);
	wr(f, IA32_GLOBAL_CTRL, EN_FIXED_CTR3);
	run(f, 100);
	assert_int_equal(rd(f, FIXED_CTR3), 100 * f->cpu.slots);
	assert_int_equal(rd(f, MSR_PERF_METRICS), 0);
}

/* They are shares of what the slots counter counts: it must count. */
static void metrics_need_the_slots_counter(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_FIXED_CTR_CTRL, UINT64_C(3) << 12);
	wr(f, IA32_GLOBAL_CTRL, EN_PERF_METRICS);
	run(f, 100);
	wr(f, IA32_FIXED_CTR_CTRL, 0);
	wr(f, IA32_GLOBAL_CTRL, EN_PERF_METRICS | EN_FIXED_CTR3);
	run(f, 100);
	assert_int_equal(rd(f, MSR_PERF_METRICS), 0);
	assert_int_equal(rd(f, FIXED_CTR3), 0);
}

static void metrics_obey_the_privilege_level(void **state)
{
	struct fixture *f = *state;
	uint64_t metrics;

	start_metrics(f);
	wr(f, IA32_FIXED_CTR_CTRL, UINT64_C(2) << 12);
	pmu_set_mode(&f->pmu, (struct pmu_mode){ .user = true });
	run(f, 100);
	metrics = rd(f, MSR_PERF_METRICS);
	pmu_set_mode(&f->pmu, (struct pmu_mode){ .user = false });
	for (unsigned int i = 0; i < 100; i++)
		retire(f, 9);
	assert_int_equal(rd(f, MSR_PERF_METRICS), metrics);
}

static void both_start_again_from_zero(void **state)
{
	struct fixture *f = *state;

	start_metrics(f);
	for (unsigned int i = 0; i < 100; i++)
		retire(f, 20);
	wr(f, FIXED_CTR3, 0);
	wr(f, MSR_PERF_METRICS, 0);
	assert_int_equal(rd(f, MSR_PERF_METRICS), 0);
	run(f, 100);
	assert_int_equal(field(rd(f, MSR_PERF_METRICS), 0),
			 f->cpu.slots == 5 ? 51 : 43);
}

/* What is saved can be restored: the slots first, then their shares. */
static void saved_values_can_be_restored(void **state)
{
	struct fixture *f = *state;

	srand(3);
	for (unsigned int i = 0; i < 200; i++) {
		uint64_t metrics, slots;

		start_metrics(f);
		for (unsigned int n = rand() % 300; n; n--)
			retire(f, 1 + rand() % 3);
		metrics = rd(f, MSR_PERF_METRICS);
		slots = rd(f, FIXED_CTR3);
		wr(f, IA32_GLOBAL_CTRL, 0);
		wr(f, FIXED_CTR3, 0);
		wr(f, MSR_PERF_METRICS, 0);
		wr(f, FIXED_CTR3, slots);
		wr(f, MSR_PERF_METRICS, metrics);
		assert_int_equal(rd(f, MSR_PERF_METRICS), metrics);
		assert_int_equal(rd(f, FIXED_CTR3), slots);
	}
}

/* A restored share weighs as much as the slots that it is a share of. */
static void restored_values_go_on(void **state)
{
	struct fixture *f = *state;

	start_metrics(f);
	wr(f, FIXED_CTR3, 1000 * f->cpu.slots);
	wr(f, MSR_PERF_METRICS, 0xff000000);	/* all lost to the back end */
	run(f, 1000);
	assert_int_equal(field(rd(f, MSR_PERF_METRICS), 0),
			 f->cpu.slots == 5 ? 26 : 21);
}

/* Four fields on Ice Lake, eight on Sapphire Rapids */
static void fields_that_are_not_there_are_reserved(void **state)
{
	struct fixture *f = *state;

	wr(f, FIXED_CTR3, 100000);
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (bit < 8u * f->cpu.metrics)
			wr(f, MSR_PERF_METRICS, B(bit));
		else
			refused(f, MSR_PERF_METRICS, B(bit));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_V5(slots_are_the_width_times_the_cycles),
		ON_V5(level_one_adds_up),
		ON_V5(retiring_is_the_share_of_instructions),
		ON_V5(early_instruction_spoils_nothing),
		ON_V5(rdpmc_reads_the_same),
		ON_V5(reading_changes_nothing),
		ON_V5(metrics_need_their_enable),
		ON_V5(metrics_need_the_slots_counter),
		ON_V5(metrics_obey_the_privilege_level),
		ON_V5(both_start_again_from_zero),
		ON_V5(saved_values_can_be_restored),
		ON_V5(restored_values_go_on),
		ON_V5(fields_that_are_not_there_are_reserved),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
