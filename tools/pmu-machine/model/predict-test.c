// SPDX-License-Identifier: GPL-2.0-only
/*
 * The branch predictor: what it has to learn, and what it can't know.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "predict.h"

#define IP	0x401000
#define TARGET	0x402000
#define OTHER	0x403000

static int setup(void **state)
{
	struct pmu_predictor *p = malloc(sizeof(*p));

	if (!p)
		return -1;
	pmu_predictor_reset(p);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* Mispredictions of a branch that is taken n times. */
static unsigned int loop(struct pmu_predictor *p, unsigned int n)
{
	unsigned int missed = 0;

	while (n--)
		missed += pmu_predict_cond(p, IP, true);
	return missed;
}

static void a_loop_branch_is_learnt(void **state)
{
	assert_in_range(loop(*state, 1000), 1, 20);
	assert_int_equal(loop(*state, 1000), 0);
}

static void the_end_of_a_loop_is_mispredicted(void **state)
{
	loop(*state, 1000);
	assert_true(pmu_predict_cond(*state, IP, false));
}

static unsigned int alternate(struct pmu_predictor *p, unsigned int n)
{
	unsigned int missed = 0;

	for (unsigned int i = 0; i < n; i++)
		missed += pmu_predict_cond(p, IP, i & 1);
	return missed;
}

static void a_short_pattern_is_learnt_from_the_history(void **state)
{
	alternate(*state, 100);
	assert_int_equal(alternate(*state, 1000), 0);
}

/* Knuth's linear congruential generator, its top bit */
static bool coin(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 63;
}

static unsigned int toss(struct pmu_predictor *p, unsigned int n)
{
	unsigned int missed = 0;
	uint64_t seed = 1;

	while (n--)
		missed += pmu_predict_cond(p, IP, coin(&seed));
	return missed;
}

static void chance_is_mispredicted_half_of_the_time(void **state)
{
	assert_in_range(toss(*state, 100000), 45000, 55000);
}

static void the_same_branches_give_the_same_mispredictions(void **state)
{
	unsigned int first = toss(*state, 10000);

	pmu_predictor_reset(*state);
	assert_int_equal(toss(*state, 10000), first);
}

static void an_indirect_branch_goes_where_it_went_before(void **state)
{
	assert_true(pmu_predict_indirect(*state, IP, TARGET));
	assert_false(pmu_predict_indirect(*state, IP, TARGET));
	assert_true(pmu_predict_indirect(*state, IP, OTHER));
	assert_false(pmu_predict_indirect(*state, IP, OTHER));
}

static void an_indirect_branch_to_address_zero_is_not_known_beforehand(void **state)
{
	assert_true(pmu_predict_indirect(*state, 0, 0));
}

static void indirect_branches_are_told_apart(void **state)
{
	pmu_predict_indirect(*state, IP, TARGET);
	assert_true(pmu_predict_indirect(*state, IP + PREDICT_TARGETS, TARGET));
	assert_true(pmu_predict_indirect(*state, IP, TARGET));
}

/* Call to a depth and return again; mispredicted returns. */
static unsigned int recurse(struct pmu_predictor *p, unsigned int depth)
{
	unsigned int missed = 0;

	for (unsigned int i = 0; i < depth; i++)
		pmu_predict_call(p, IP + i);
	while (depth--)
		missed += pmu_predict_ret(p, IP + depth);
	return missed;
}

static void returns_go_back_to_their_calls(void **state)
{
	assert_int_equal(recurse(*state, PREDICT_RETURNS), 0);
}

static void a_return_without_a_call_is_mispredicted(void **state)
{
	assert_true(pmu_predict_ret(*state, 0));
	pmu_predict_call(*state, IP);
	assert_false(pmu_predict_ret(*state, IP));
	assert_true(pmu_predict_ret(*state, 0));
}

static void a_return_elsewhere_is_mispredicted(void **state)
{
	pmu_predict_call(*state, IP);
	assert_true(pmu_predict_ret(*state, OTHER));
}

static void deep_recursion_loses_the_oldest_calls(void **state)
{
	assert_int_equal(recurse(*state, PREDICT_RETURNS + 5), 5);
}

/* Where all calls are the same one, too */
static void what_is_lost_is_not_predicted_by_chance(void **state)
{
	unsigned int missed = 0;

	for (unsigned int i = 0; i < PREDICT_RETURNS + 5; i++)
		pmu_predict_call(*state, IP);
	for (unsigned int i = 0; i < PREDICT_RETURNS + 5; i++)
		missed += pmu_predict_ret(*state, IP);
	assert_int_equal(missed, 5);
}

/* SDM vol. 3A, "Indirect Branch Predictor Barrier" */
static void a_barrier_forgets_the_targets(void **state)
{
	pmu_predict_indirect(*state, IP, TARGET);
	pmu_predict_call(*state, IP);
	pmu_predictor_reset(*state);
	assert_true(pmu_predict_indirect(*state, IP, TARGET));
	assert_true(pmu_predict_ret(*state, IP));
}

/* A million times round a loop; a barrier, a call and an indirect jump. */
static unsigned int long_loop(struct pmu_predictor *p, bool barrier)
{
	unsigned int missed = loop(p, 999999);

	missed += pmu_predict_cond(p, IP, false);
	if (barrier)
		pmu_predictor_reset(p);
	pmu_predict_call(p, IP + 100);
	return missed + pmu_predict_indirect(p, IP + 110, TARGET);
}

static void a_barrier_makes_for_more_mispredictions(void **state)
{
	unsigned int with, without;

	long_loop(*state, false);
	long_loop(*state, false);
	without = long_loop(*state, false);
	with = long_loop(*state, true);
	assert_in_range(without, 1, 100000);
	assert_in_range(with, without + 1, 100000);
}

#define FACT(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(a_loop_branch_is_learnt),
		FACT(the_end_of_a_loop_is_mispredicted),
		FACT(a_short_pattern_is_learnt_from_the_history),
		FACT(chance_is_mispredicted_half_of_the_time),
		FACT(the_same_branches_give_the_same_mispredictions),
		FACT(an_indirect_branch_goes_where_it_went_before),
		FACT(an_indirect_branch_to_address_zero_is_not_known_beforehand),
		FACT(indirect_branches_are_told_apart),
		FACT(returns_go_back_to_their_calls),
		FACT(a_return_without_a_call_is_mispredicted),
		FACT(a_return_elsewhere_is_mispredicted),
		FACT(deep_recursion_loses_the_oldest_calls),
		FACT(what_is_lost_is_not_predicted_by_chance),
		FACT(a_barrier_forgets_the_targets),
		FACT(a_barrier_makes_for_more_mispredictions),
	};

	return cmocka_run_group_tests_name("predict", tests, NULL, NULL);
}
