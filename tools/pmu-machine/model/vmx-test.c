// SPDX-License-Identifier: GPL-2.0-only
/*
 * VM entry and VM exit.
 *
 * SDM vol. 3C, "Loading Guest Control Registers, Debug Registers, and MSRs"
 * and "Loading Host State": both may load IA32_PERF_GLOBAL_CTRL; entry may
 * load IA32_DEBUGCTL, exit clears it.
 */
#include "pmu-fixture.h"

#define TOP	LOW(48)

/*
 * "Checks on Guest Control Registers, Debug Registers, and MSRs": "Bits
 * reserved in the IA32_PERF_GLOBAL_CTRL MSR must be 0 in the field for that
 * register": those that WRMSR refuses.
 */
static void global_ctrl_check_is_that_of_wrmsr(void **state)
{
	struct fixture *f = *state;

	for (unsigned int bit = 0; bit < 64; bit++) {
		bool ok = pmu_wrmsr(&f->pmu, IA32_GLOBAL_CTRL, B(bit)) == PMU_OK;

		assert_int_equal(pmu_global_ctrl_valid(&f->pmu, B(bit)), ok);
	}
	assert_true(pmu_global_ctrl_valid(&f->pmu, 0));
	assert_true(pmu_global_ctrl_valid(&f->pmu, 0x70000000f));
	assert_false(pmu_global_ctrl_valid(&f->pmu, 0x7000000ff | B(20)));
}

/* "Bits reserved in the IA32_DEBUGCTL MSR must be 0" */
static void debugctl_check_is_that_of_wrmsr(void **state)
{
	struct fixture *f = *state;

	for (unsigned int bit = 0; bit < 64; bit++) {
		bool ok = pmu_wrmsr(&f->pmu, IA32_DEBUGCTL, B(bit)) == PMU_OK;

		assert_int_equal(pmu_debugctl_valid(&f->pmu, B(bit)), ok);
	}
	assert_true(pmu_debugctl_valid(&f->pmu, 0));
}

static void entry_starts_the_counters(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_GLOBAL_CTRL, 0);
	wr(f, IA32_FIXED_CTR_CTRL, 1);
	start(f, 1, EN | OS | EV_INSTRUCTIONS);
	run(f, 5);
	pmu_load_global_ctrl(&f->pmu, B(1) | B(32));
	run(f, 7);
	assert_int_equal(rd(f, counter(f, 1)), 7);
	assert_int_equal(rd(f, IA32_FIXED_CTR0), 7);
	assert_int_equal(rd(f, IA32_GLOBAL_CTRL), B(1) | B(32));
}

static void exit_stops_the_counters(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start(f, 1, EN | OS | EV_INSTRUCTIONS);
	run(f, 5);
	pmu_load_global_ctrl(&f->pmu, 0);
	run(f, 7);
	assert_int_equal(rd(f, counter(f, 1)), 5);
	assert_int_equal(rd(f, IA32_GLOBAL_CTRL), 0);
	assert_int_equal(f->deadline, UINT64_MAX);
}

/* No count goes to the wrong side in many entries and exits. */
static void entry_and_exit_divide_exactly(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_GLOBAL_CTRL, B(0));
	start(f, 0, EN | OS | EV_INSTRUCTIONS);
	start(f, 1, EN | OS | EV_INSTRUCTIONS);
	for (unsigned int i = 1; i <= 20; i++) {
		run(f, i);
		pmu_load_global_ctrl(&f->pmu, B(1));
		run(f, 3 * i);
		pmu_load_global_ctrl(&f->pmu, B(0));
	}
	assert_int_equal(rd(f, counter(f, 0)), 210);
	assert_int_equal(rd(f, counter(f, 1)), 630);
}

/*
 * "Loading Host State": "Bits that are reserved in that MSR are maintained
 * with their reserved values."
 */
static void load_ignores_reserved_bits(void **state)
{
	struct fixture *f = *state;

	pmu_load_global_ctrl(&f->pmu, UINT64_MAX);
	assert_int_equal(rd(f, IA32_GLOBAL_CTRL),
			 f->cpu.gp == 8 ? 0x0001000f000000ff : 0x70000000f);
}

static void load_leaves_the_status(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start_at(f, 0, EN | OS | EV_INSTRUCTIONS, TOP);
	run(f, 2);
	pmu_load_global_ctrl(&f->pmu, 0);
	assert_int_equal(status(f), B(0));
	pmu_load_global_ctrl(&f->pmu, 1);
	assert_int_equal(status(f), B(0));
}

/* What overflowed before the exit has interrupted, and the exit's value wins. */
static void overflow_before_the_exit_interrupts_once(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	wr(f, IA32_DEBUGCTL, FREEZE_PERFMON);
	start_at(f, 0, EN | OS | INT | EV_INSTRUCTIONS, TOP);
	f->instructions += 1;
	f->cycles += 1;
	pmu_load_global_ctrl(&f->pmu, B(3));
	assert_int_equal(f->pmis, 1);
	assert_int_equal(rd(f, IA32_GLOBAL_CTRL), B(3));
	run(f, 5);
	assert_int_equal(f->pmis, 1);
}

static void entry_loads_debugctl(void **state)
{
	struct fixture *f = *state;

	pmu_load_debugctl(&f->pmu, FREEZE_PERFMON | debugctl_lbr(f));
	assert_int_equal(rd(f, IA32_DEBUGCTL), FREEZE_PERFMON | debugctl_lbr(f));
	enable_all(f);
	start_at(f, 0, EN | OS | INT | EV_INSTRUCTIONS, TOP);
	run(f, 5);
	assert_int_equal(rd(f, counter(f, 0)), 0);
}

/* "IA32_DEBUGCTL MSR is cleared to 00000000_00000000H" */
static void exit_clears_debugctl(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_DEBUGCTL, FREEZE_PERFMON | FREEZE_LBRS | DEBUGCTL_LBR);
	pmu_load_debugctl(&f->pmu, 0);
	assert_int_equal(rd(f, IA32_DEBUGCTL), 0);
	enable_all(f);
	start_at(f, 0, EN | OS | INT | EV_INSTRUCTIONS, TOP);
	run(f, 5);
	assert_int_equal(f->pmis, 1);
	assert_int_equal(rd(f, counter(f, 0)), 4);
}

/* FREEZE_WHILE_SMM acts at once, loaded in either direction. */
static void debugctl_load_is_in_time(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start(f, 0, EN | OS | EV_INSTRUCTIONS);
	pmu_set_mode(&f->pmu, (struct pmu_mode){ .smm = true });
	run(f, 3);
	pmu_load_debugctl(&f->pmu, FREEZE_SMM);
	run(f, 5);
	pmu_load_debugctl(&f->pmu, 0);
	run(f, 9);
	assert_int_equal(rd(f, counter(f, 0)), 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_INTEL(global_ctrl_check_is_that_of_wrmsr),
		ON_INTEL(debugctl_check_is_that_of_wrmsr),
		ON_INTEL(entry_starts_the_counters),
		ON_INTEL(exit_stops_the_counters),
		ON_INTEL(entry_and_exit_divide_exactly),
		ON_INTEL(load_ignores_reserved_bits),
		ON_INTEL(load_leaves_the_status),
		ON_INTEL(overflow_before_the_exit_interrupts_once),
		ON_INTEL(entry_loads_debugctl),
		ON_INTEL(exit_clears_debugctl),
		ON_INTEL(debugctl_load_is_in_time),
	};

	return cmocka_run_group_tests_name("vmx", tests, NULL, NULL);
}
