// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event tables: in order, and the encodings that software relies on count
 * what their manual says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "events.h"

#define A(acc)		PMU_ACC(PMU_ ## acc)
#define NONE		UINT64_C(0)
#define ROWS_MAX	200

#define CONDITIONAL	(A(COND_TAKEN) | A(COND_NTAKEN))
#define NEAR_CALLS	(A(NEAR_CALL) | A(NEAR_CALL_IND))
#define NEAR_TAKEN	(A(COND_TAKEN) | A(NEAR_JMP) | A(NEAR_JMP_IND) | \
			 NEAR_CALLS | A(NEAR_RET))
#define BRANCHES	(NEAR_TAKEN | A(COND_NTAKEN) | A(FAR))
#define MISPREDICTED	(A(MISP_COND) | A(MISP_IND) | A(MISP_RET))
#define WALKS		(A(DTLB_LOAD_WALKS) | A(DTLB_STORE_WALKS))

static const struct pmu_event *find(const struct pmu_cpu *cpu, uint32_t code)
{
	for (const struct pmu_event *e = cpu->events; e->accs; e++) {
		if (e->code == code)
			return e;
	}
	return NULL;
}

/* @select: as perf's raw event, AMD's high bits in 35:32 */
static uint64_t accs_of(const char *name, uint64_t select)
{
	uint32_t code = (uint32_t)(select & 0xffff) |
			(uint32_t)(select >> 32 & 0xf) << 16;
	const struct pmu_event *e = find(pmu_cpu_find(name), code);

	return e ? e->accs : NONE;
}

static void counts(void **state, uint64_t select, uint64_t accs)
{
	assert_int_equal(accs_of(*state, select), accs);
}

/* event select, then unit mask */
static uint32_t rank(uint32_t code)
{
	return (code & 0xff) << 8 | (code >> 16) << 16 | (code >> 8 & 0xff);
}

static void rows_are_in_order_and_none_is_there_twice(void **state)
{
	const struct pmu_event *e = pmu_cpu_find(*state)->events;

	for (; e[0].accs && e[1].accs; e++)
		assert_true(rank(e[0].code) < rank(e[1].code));
}

static void rows_are_well_formed(void **state)
{
	const struct pmu_event *e = pmu_cpu_find(*state)->events;
	size_t rows = 0;

	for (; e[rows].accs; rows++) {
		assert_true(rows < ROWS_MAX);
		assert_int_equal(e[rows].accs >> PMU_ACCS, 0);
		assert_int_equal(e[rows].code >> 20, 0);
		assert_true(e[rows].mul >= 1);
		assert_true(e[rows].div >= 1);
	}
	assert_true(rows > 20);
}

/* Only clocks are scaled, and a clock is not mixed with anything. */
static void scaled_rows_count_cycles(void **state)
{
	const struct pmu_event *e = pmu_cpu_find(*state)->events;

	for (; e->accs; e++) {
		if (e->mul != 1 || e->div != 1)
			assert_int_equal(e->accs, A(CYCLES));
		if (e->accs & A(CYCLES))
			assert_int_equal(e->accs, A(CYCLES));
	}
}

/* SDM vol. 3B, "Pre-defined Architectural Performance Events" */
static void architectural_events(void **state)
{
	counts(state, 0x003c, A(CYCLES));
	counts(state, 0x00c0, A(INSTRUCTIONS));
	counts(state, 0x013c, A(CYCLES));
	counts(state, 0x4f2e, A(LLC_REFS));
	counts(state, 0x412e, A(LLC_MISSES));
	counts(state, 0x00c4, BRANCHES);
	counts(state, 0x00c5, MISPREDICTED);
}

static const struct pmu_event *row(void **state, uint32_t code)
{
	const struct pmu_event *e = find(pmu_cpu_find(*state), code);

	assert_non_null(e);
	return e;
}

/* The eighth architectural event came with version 5. */
static void slots_are_as_many_as_the_fixed_counter_counts(void **state)
{
	const struct pmu_event *e = row(state, 0x01a4);

	assert_int_equal(e->accs, A(CYCLES));
	assert_int_equal(e->mul, pmu_cpu_find(*state)->slots);
	assert_int_equal(e->div, 1);
}

static void there_is_no_slots_event(void **state)
{
	counts(state, 0x01a4, NONE);
}

/* At 1000 MHz: "counts at 100 MHz rate" */
static void the_reference_clock_is_the_bus(void **state)
{
	assert_int_equal(row(state, 0x013c)->div, 10);
}

/* "Core crystal clock cycles", of 25 MHz */
static void the_reference_clock_is_the_crystal(void **state)
{
	assert_int_equal(row(state, 0x013c)->div, 40);
}

static void the_reference_clock_is_the_tsc(void **state)
{
	assert_int_equal(row(state, 0x013c)->div, 1);
}

static void conditional_branches_are_01c4(void **state)
{
	counts(state, 0x01c4, CONDITIONAL);
	counts(state, 0x10c4, A(COND_NTAKEN));
	counts(state, 0x11c4, NONE);
	counts(state, 0x01c5, A(MISP_COND));
}

static void conditional_branches_are_11c4(void **state)
{
	counts(state, 0x11c4, CONDITIONAL);
	counts(state, 0x01c4, A(COND_TAKEN));
	counts(state, 0x10c4, A(COND_NTAKEN));
	counts(state, 0x11c5, A(MISP_COND));
	counts(state, 0x80c4, A(NEAR_JMP_IND) | A(NEAR_CALL_IND));
	counts(state, 0x80c5, A(MISP_IND));
}

static void intel_branch_kinds(void **state)
{
	counts(state, 0x02c4, NEAR_CALLS);
	counts(state, 0x08c4, A(NEAR_RET));
	counts(state, 0x20c4, NEAR_TAKEN);
	counts(state, 0x40c4, A(FAR));
}

/* An instruction that does both is a load and a store, but one instruction. */
static void memory_instructions(void **state)
{
	counts(state, 0x81d0, A(LOADS) | A(LOAD_STORES));
	counts(state, 0x82d0, A(STORES) | A(LOAD_STORES));
}

static void any_memory_instruction_is_83d0(void **state)
{
	counts(state, 0x83d0, A(LOADS) | A(STORES) | A(LOAD_STORES));
}

static void precise_instructions_are_01c0(void **state)
{
	counts(state, 0x01c0, A(INSTRUCTIONS));
}

static void walks_are_at_08_49_85(void **state)
{
	counts(state, 0x0e08, A(DTLB_LOAD_WALKS));
	counts(state, 0x0e49, A(DTLB_STORE_WALKS));
	counts(state, 0x0e85, A(ITLB_WALKS));
	counts(state, 0x0e12, NONE);
}

static void walks_are_at_12_13_11(void **state)
{
	counts(state, 0x0e12, A(DTLB_LOAD_WALKS));
	counts(state, 0x0e13, A(DTLB_STORE_WALKS));
	counts(state, 0x0e11, A(ITLB_WALKS));
	counts(state, 0x0e08, NONE);
}

static void hardware_interrupts_are_01cb(void **state)
{
	counts(state, 0x01cb, A(INTERRUPTS));
}

/* PPR for family 19h, "Performance Monitor Counters" */
static void amd_events(void **state)
{
	counts(state, 0x76, A(CYCLES));
	counts(state, 0xc0, A(INSTRUCTIONS));
	counts(state, 0xc3, MISPREDICTED);
	counts(state, 0xc8, A(NEAR_RET));
	counts(state, 0xd1, CONDITIONAL);
	counts(state, 0x2b, A(SMIS));
	counts(state, 0x2c, A(INTERRUPTS));
}

/* "including exceptions and interrupts" */
static void amd_branches_include_interrupts(void **state)
{
	const uint64_t far = A(FAR) | A(INTERRUPTS) | A(EXCEPTIONS);

	counts(state, 0xc2, BRANCHES | far);
	counts(state, 0xc4, NEAR_TAKEN | far);
	counts(state, 0xc6, far);
}

static void amd_dispatches_are_told_apart(void **state)
{
	counts(state, 0x0129, A(LOADS));
	counts(state, 0x0229, A(STORES));
	counts(state, 0x0429, A(LOAD_STORES));
	counts(state, 0x0729, A(LOADS) | A(STORES) | A(LOAD_STORES));
}

/* What Linux opens for cache-references and the like */
static void amd_cache_events(void **state)
{
	counts(state, 0xff60, A(L2_REFS));
	counts(state, 0x0964, A(L2_MISSES));
	counts(state, 0xc860, A(L1D_MISSES));
	counts(state, 0xff45, WALKS);
	counts(state, 0xf045, WALKS);
	counts(state, 0xff85, A(ITLB_WALKS));
}

/* rr takes a processor for broken where that moves with a LOCKed access. */
static void speculative_locks_count_nothing(void **state)
{
	counts(state, 0x0825, NONE);
}

static void event_selects_have_12_bits(void **state)
{
	counts(state, 0x1000000c7, A(MISP_COND));
	counts(state, 0x1000000c0, NONE);
	counts(state, 0x10000188e, A(L1I_MISSES));
	counts(state, 0x188e, NONE);
}

static void reference_cycles_are_event_120(void **state)
{
	counts(state, 0x100000120, A(CYCLES));
	counts(state, 0x0120, NONE);
}

static void there_are_no_reference_cycles(void **state)
{
	counts(state, 0x100000120, NONE);
}

#define ON(cpu, fact)	{ cpu ": " #fact, fact, NULL, NULL, (void *)cpu }
#define ON_OLD(fact)	ON("haswell", fact), ON("skylake", fact)
#define ON_NEW(fact)	ON("icelake", fact), ON("sapphire-rapids", fact)
#define ON_INTEL(fact)	ON_OLD(fact), ON_NEW(fact)
#define ON_AMD(fact)	ON("zen3", fact), ON("zen4", fact)
#define ON_ALL(fact)	ON_INTEL(fact), ON_AMD(fact)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(rows_are_in_order_and_none_is_there_twice),
		ON_ALL(rows_are_well_formed),
		ON_ALL(scaled_rows_count_cycles),
		ON_INTEL(architectural_events),
		ON_NEW(slots_are_as_many_as_the_fixed_counter_counts),
		ON_OLD(there_is_no_slots_event),
		ON("haswell", the_reference_clock_is_the_bus),
		ON("skylake", the_reference_clock_is_the_crystal),
		ON("icelake", the_reference_clock_is_the_crystal),
		ON("sapphire-rapids", the_reference_clock_is_the_tsc),
		ON_OLD(conditional_branches_are_01c4),
		ON_NEW(conditional_branches_are_11c4),
		ON_INTEL(intel_branch_kinds),
		ON_INTEL(memory_instructions),
		ON("skylake", any_memory_instruction_is_83d0),
		ON_NEW(any_memory_instruction_is_83d0),
		ON_OLD(precise_instructions_are_01c0),
		ON_OLD(walks_are_at_08_49_85),
		ON("icelake", walks_are_at_08_49_85),
		ON("sapphire-rapids", walks_are_at_12_13_11),
		ON_INTEL(hardware_interrupts_are_01cb),
		ON_AMD(amd_events),
		ON_AMD(amd_branches_include_interrupts),
		ON_AMD(amd_dispatches_are_told_apart),
		ON_AMD(amd_cache_events),
		ON_AMD(speculative_locks_count_nothing),
		ON_AMD(event_selects_have_12_bits),
		ON("zen4", reference_cycles_are_event_120),
		ON("zen3", there_are_no_reference_cycles),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
