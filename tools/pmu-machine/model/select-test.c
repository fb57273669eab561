// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event, edge, inv and cmask.
 *
 * SDM vol. 3B, "IA32_PERFEVTSELx": with a counter mask that is not zero "the
 * logical processor compares this mask to the events count [...] during a
 * single cycle.  If the event count is greater than or equal to this mask,
 * the counter is incremented by one"; inv makes it "less than" and is ignored
 * where the mask is zero; edge counts the times that the condition goes from
 * false to true.  APM vol. 2, 13.2.1: the same.
 *
 * The reference below walks through every cycle.  The modelled core retires
 * one instruction in a cycle, after the stall cycles of that instruction, and
 * the instruction's events happen in the cycle in which it retires.
 */
#include <stdlib.h>

#include "pmu-fixture.h"

struct instruction {
	uint64_t cycles;	/* the last one is that in which it retires */
	bool branch;
	unsigned int walks;
};

struct reference {
	uint64_t select;
	uint64_t count;
	uint64_t slow;		/* cycles of the slow clock's present one */
	bool above;
};

static uint64_t events_in_cycle(struct reference *r,
				const struct instruction *in, bool last)
{
	switch (r->select & 0xffff) {
	case EV_INSTRUCTIONS:
		return last;
	case EV_CYCLES:
		return 1;
	case EV_BRANCHES:
		return last && in->branch;
	case EV_WALKS:
		return last ? in->walks : 0;
	case EV_SLOTS:
		return EV_SLOTS_MUL;
	case EV_SLOW_CLOCK:
		r->slow++;
		return r->slow % 4 == 0;
	default:
		return 0;
	}
}

static void reference_cycle(struct reference *r, const struct instruction *in,
			    bool last)
{
	uint64_t events = events_in_cycle(r, in, last);
	uint64_t cmask = r->select >> 24 & 0xff;
	bool above;

	if (!cmask && !(r->select & EDGE)) {
		r->count += events;
		return;
	}
	above = events >= (cmask ? cmask : 1);
	if (cmask && r->select & INV)
		above = !above;
	if (r->select & EDGE)
		r->count += above && !r->above;
	else
		r->count += above;
	r->above = above;
}

static void reference_retire(struct reference *r, const struct instruction *in)
{
	for (uint64_t c = 1; c <= in->cycles; c++)
		reference_cycle(r, in, c == in->cycles);
}

/* Small numbers, so that runs, single cycles and stalls all come up often */
static struct instruction any_instruction(void)
{
	return (struct instruction){
		.cycles = rand() % 3 ? 1 : 1 + rand() % 6,
		.branch = rand() % 3 == 0,
		.walks = rand() % 2 ? 0 : rand() % 5,
	};
}

/* One in four reads the counter itself, after its stall, before it retires. */
static void perform(struct fixture *f, const struct instruction *in)
{
	uint64_t stall = in->cycles - 1;

	if (rand() % 4)
		stall = 0;
	f->cycles += stall;
	if (stall)
		rd(f, counter(f, 0));
	if (in->branch)
		happen(f, PMU_COND_TAKEN, 1);
	if (in->walks)
		happen(f, PMU_DTLB_LOAD_WALKS, in->walks);
	retire(f, in->cycles - stall);
}

static void check_select(struct fixture *f, uint64_t select, unsigned int length)
{
	struct reference r = { .select = select };

	start(f, 0, EN | OS | select);
	for (unsigned int i = 0; i < length; i++) {
		struct instruction in = any_instruction();

		perform(f, &in);
		reference_retire(&r, &in);
		if (rand() % 16 == 0 && rd(f, counter(f, 0)) != r.count)
			break;
	}
	if (rd(f, counter(f, 0)) != r.count)
		fail_msg("%s: selector %#llx counted %llu, should be %llu",
			 f->cpu.name, (unsigned long long)select,
			 (unsigned long long)rd(f, counter(f, 0)),
			 (unsigned long long)r.count);
}

/* All modifiers on one event */
static void check_event(struct fixture *f, uint64_t event)
{
	static const unsigned int cmasks[] = { 0, 1, 2, 3, 4, 5, 6, 16, 255 };

	enable_all(f);
	srand(event);
	for (size_t i = 0; i < sizeof(cmasks) / sizeof(cmasks[0]); i++) {
		uint64_t select = event | CMASK(cmasks[i]);

		check_select(f, select, 300);
		check_select(f, select | INV, 300);
		check_select(f, select | EDGE, 300);
		check_select(f, select | EDGE | INV, 300);
	}
}

static void instructions_as_cycle_by_cycle(void **state)
{
	check_event(*state, EV_INSTRUCTIONS);
}

static void cycles_as_cycle_by_cycle(void **state)
{
	check_event(*state, EV_CYCLES);
}

static void branches_as_cycle_by_cycle(void **state)
{
	check_event(*state, EV_BRANCHES);
}

static void walks_as_cycle_by_cycle(void **state)
{
	check_event(*state, EV_WALKS);
}

static void slots_as_cycle_by_cycle(void **state)
{
	check_event(*state, EV_SLOTS);
}

static void unknown_event_as_cycle_by_cycle(void **state)
{
	check_event(*state, EV_UNKNOWN);
}

/* Modifiers of a slow clock are not defined by the model's rule. */
static void slow_clock_as_cycle_by_cycle(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	for (unsigned int i = 0; i < 10; i++)
		check_select(f, EV_SLOW_CLOCK, 301);
}

/* cycles:P of Linux on Skylake: cycles in which fewer than 16 retire are all */
static void fewer_than_sixteen_instructions_is_every_cycle(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start(f, 0, EN | OS | INV | CMASK(16) | EV_INSTRUCTIONS);
	for (unsigned int i = 0; i < 100; i++)
		retire(f, 7);
	assert_int_equal(rd(f, counter(f, 0)), 700);
	assert_true(f->deadline > f->cycles + 1000000);
}

static void inverted_mask_of_one_counts_stalls(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start(f, 0, EN | OS | INV | CMASK(1) | EV_INSTRUCTIONS);
	for (unsigned int i = 0; i < 10; i++) {
		retire(f, 1);
		retire(f, 5);
	}
	assert_int_equal(rd(f, counter(f, 0)), 40);
}

static void edge_counts_stalls_not_their_length(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start(f, 0, EN | OS | EDGE | INV | CMASK(1) | EV_INSTRUCTIONS);
	for (unsigned int i = 0; i < 10; i++) {
		retire(f, 1);
		retire(f, 5);
		retire(f, 2);
	}
	assert_int_equal(rd(f, counter(f, 0)), 20);
}

/* "Note if counter-mask is programmed to zero, INV flag is ignored." */
static void inv_without_a_mask_is_ignored(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start(f, 0, EN | OS | INV | EV_INSTRUCTIONS);
	for (unsigned int i = 0; i < 10; i++)
		retire(f, 3);
	assert_int_equal(rd(f, counter(f, 0)), 10);
}

/* AMD: PERF_CTL[35:32] are the event select's bits 11:8. */
static void amd_event_select_has_twelve_bits(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start(f, 0, EN | OS | EV_AMD_HIGH);
	start(f, 1, EN | OS | (EV_AMD_HIGH & 0xffff));
	start(f, 2, EN | OS | B(33) | EV_INSTRUCTIONS);
	run(f, 9);
	assert_int_equal(rd(f, counter(f, 0)), 9);
	assert_int_equal(rd(f, counter(f, 1)), 0);
	assert_int_equal(rd(f, counter(f, 2)), 0);
}

static void unknown_event_is_logged_once(void **state)
{
	struct fixture *f = *state;

	start(f, 0, EN | OS | EV_INSTRUCTIONS);
	start(f, 0, OS | EV_UNKNOWN);
	assert_int_equal(f->logs, 0);
	start(f, 0, EN | OS | EV_UNKNOWN);
	assert_int_equal(f->logs, 1);
	start(f, 1, EN | USR | EV_UNKNOWN);
	assert_int_equal(f->logs, 1);
	start(f, 1, EN | USR | (EV_UNKNOWN + 1));
	assert_int_equal(f->logs, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(instructions_as_cycle_by_cycle),
		ON_ALL(cycles_as_cycle_by_cycle),
		ON_ALL(branches_as_cycle_by_cycle),
		ON_ALL(walks_as_cycle_by_cycle),
		ON_ALL(slots_as_cycle_by_cycle),
		ON_ALL(unknown_event_as_cycle_by_cycle),
		ON_ALL(slow_clock_as_cycle_by_cycle),
		ON_ALL(fewer_than_sixteen_instructions_is_every_cycle),
		ON_ALL(inverted_mask_of_one_counts_stalls),
		ON_ALL(edge_counts_stalls_not_their_length),
		ON_ALL(inv_without_a_mask_is_ignored),
		ON_AMD(amd_event_select_has_twelve_bits),
		ON_ALL(unknown_event_is_logged_once),
	};

	return cmocka_run_group_tests_name("select", tests, NULL, NULL);
}
