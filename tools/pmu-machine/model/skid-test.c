// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware needs some time from a counter's overflow to the interrupt.
 *
 * SDM vol. 3B, "Performance Monitoring Interrupt": status bits tell what has
 * overflowed; nothing says how soon the interrupt comes.
 */
#include "pmu-fixture.h"

#define TOP	LOW(48)
#define SKID	100

/* Counter 0 overflows with the next instruction. */
static void overflow(struct fixture *f, uint64_t skid)
{
	f->pmu.skid = skid;
	enable_all(f);
	start_at(f, 0, EV_INSTRUCTIONS | OS | USR | INT | EN, TOP);
	retire(f, 1);
}

static void comes_at_once_without(void **state)
{
	struct fixture *f = *state;

	overflow(f, 0);
	assert_int_equal(f->pmis, 1);
}

static void comes_after_so_many_cycles(void **state)
{
	struct fixture *f = *state;

	overflow(f, SKID);
	run(f, SKID - 1);
	assert_int_equal(f->pmis, 0);
	run(f, 1);
	assert_int_equal(f->pmis, 1);
	run(f, 10 * SKID);
	assert_int_equal(f->pmis, 1);
}

static void status_does_not_wait(void **state)
{
	struct fixture *f = *state;

	overflow(f, SKID);
	if (has_global(f))
		assert_int_equal(status(f), B(0));
	assert_int_equal(f->pmis, 0);
}

/* The interrupt is on its way, whatever becomes of the counter. */
static void comes_though_the_counter_is_off(void **state)
{
	struct fixture *f = *state;

	overflow(f, SKID);
	wr(f, selector(f, 0), 0);
	run(f, SKID);
	assert_int_equal(f->pmis, 1);
}

static void one_comes_for_two_overflows(void **state)
{
	struct fixture *f = *state;

	overflow(f, SKID);
	start_at(f, 1, EV_INSTRUCTIONS | OS | USR | INT | EN, TOP);
	run(f, 2 * SKID);
	assert_int_equal(f->pmis, 1);
}

/* A processor that sleeps has no cycles in which to wait. */
static void does_not_wait_for_a_halted_processor(void **state)
{
	struct fixture *f = *state;

	overflow(f, SKID);
	pmu_hurry(&f->pmu);
	assert_int_equal(f->pmis, 1);
	run(f, 2 * SKID);
	assert_int_equal(f->pmis, 1);
}

static void is_forgotten_at_reset(void **state)
{
	struct fixture *f = *state;

	overflow(f, SKID);
	pmu_reset(&f->pmu);
	run(f, 2 * SKID);
	assert_int_equal(f->pmis, 0);
}

/* "Freeze on PMI": the counters go on until then. */
static void freezes_with_the_interrupt(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_DEBUGCTL, FREEZE_PERFMON);
	overflow(f, SKID);
	run(f, SKID);
	assert_int_equal(rd(f, counter(f, 0)), SKID);
	run(f, SKID);
	assert_int_equal(rd(f, counter(f, 0)), SKID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(comes_at_once_without),
		ON_ALL(comes_after_so_many_cycles),
		ON_ALL(status_does_not_wait),
		ON_ALL(comes_though_the_counter_is_off),
		ON_ALL(one_comes_for_two_overflows),
		ON_ALL(does_not_wait_for_a_halted_processor),
		ON_ALL(is_forgotten_at_reset),
		ON_INTEL(freezes_with_the_interrupt),
	};

	return cmocka_run_group_tests_name("skid", tests, NULL, NULL);
}
