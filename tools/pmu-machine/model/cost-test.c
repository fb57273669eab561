// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cost table: complete, of plausible size, and per model where the
 * models differ.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cost.h"

/* What only the one vendor's processors have */
static const enum pmu_cost intel_only[] = {
	COST_VMREAD, COST_VMWRITE, COST_VMPTRLD, COST_PEBS
};
static const enum pmu_cost amd_only[] = { COST_VMSAVE, COST_GIF };

#define COUNT(list)	(sizeof(list) / sizeof((list)[0]))

static bool among(enum pmu_cost cost, const enum pmu_cost *list, size_t n)
{
	while (n--) {
		if (list[n] == cost)
			return true;
	}
	return false;
}

static bool exists(const struct pmu_cpu *cpu, enum pmu_cost cost)
{
	if (cpu->vendor == PMU_INTEL)
		return !among(cost, amd_only, COUNT(amd_only));
	return !among(cost, intel_only, COUNT(intel_only));
}

static uint32_t cost_on(const char *name, enum pmu_cost cost)
{
	return pmu_cost(pmu_cpu_find(name), cost);
}

static void everything_has_a_cost_on_the_model(void **state)
{
	const struct pmu_cpu *cpu = pmu_cpu_find(*state);

	for (enum pmu_cost cost = 0; cost < COSTS; cost++) {
		if (exists(cpu, cost))
			assert_in_range(pmu_cost(cpu, cost), 1, 1000000);
		else
			assert_int_equal(pmu_cost(cpu, cost), 0);
	}
}

static void the_order_of_the_costs_is_the_processors(void **state)
{
	const struct pmu_cpu *cpu = pmu_cpu_find(*state);

	assert_true(pmu_cost(cpu, COST_RDTSC) < pmu_cost(cpu, COST_CPUID));
	assert_true(pmu_cost(cpu, COST_RDPMC) < pmu_cost(cpu, COST_RDMSR));
	assert_true(pmu_cost(cpu, COST_RDMSR) < pmu_cost(cpu, COST_WRMSR));
	assert_true(pmu_cost(cpu, COST_SYSCALL) < pmu_cost(cpu, COST_INT));
	assert_true(pmu_cost(cpu, COST_INT) < pmu_cost(cpu, COST_VM_EXIT));
	assert_true(pmu_cost(cpu, COST_TLB_WALK) <
		    pmu_cost(cpu, COST_TLB_WALK_NESTED));
	assert_true(pmu_cost(cpu, COST_CACHE_LINE_FLUSH) <
		    pmu_cost(cpu, COST_WBINVD));
}

/* Measured: 9, 140, 34, 160, 65 and 65 cycles. */
static void pause_differs_by_model(void **state)
{
	(void)state;
	assert_int_equal(cost_on("haswell", COST_PAUSE), 8);
	assert_int_equal(cost_on("skylake", COST_PAUSE), 139);
	assert_int_equal(cost_on("icelake", COST_PAUSE), 33);
	assert_int_equal(cost_on("sapphire-rapids", COST_PAUSE), 159);
	assert_int_equal(cost_on("zen3", COST_PAUSE), 64);
	assert_int_equal(cost_on("zen4", COST_PAUSE), 64);
}

/* The sources' round trips: 784 on Intel, 1344 to 1376 on AMD */
static void a_round_trip_to_the_guest_takes_what_was_measured(void **state)
{
	(void)state;
	assert_int_equal(cost_on("haswell", COST_VM_ENTRY) +
			 cost_on("haswell", COST_VM_EXIT), 784);
	assert_in_range(cost_on("zen3", COST_VM_ENTRY) +
			cost_on("zen3", COST_VM_EXIT) +
			2 * cost_on("zen3", COST_VMSAVE), 1344, 1376);
	assert_true(cost_on("haswell", COST_VM_EXIT) <
		    cost_on("icelake", COST_VM_EXIT));
}

#define ON(cpu, fact)	{ cpu ": " #fact, fact, NULL, NULL, (void *)cpu }
#define ON_ALL(fact)							\
	ON("haswell", fact), ON("skylake", fact), ON("icelake", fact),	\
	ON("sapphire-rapids", fact), ON("zen3", fact), ON("zen4", fact)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(everything_has_a_cost_on_the_model),
		ON_ALL(the_order_of_the_costs_is_the_processors),
		cmocka_unit_test(pause_differs_by_model),
		cmocka_unit_test(a_round_trip_to_the_guest_takes_what_was_measured),
	};

	return cmocka_run_group_tests_name("cost", tests, NULL, NULL);
}
