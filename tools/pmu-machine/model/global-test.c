// SPDX-License-Identifier: GPL-2.0-only
/*
 * The global registers: enabling, overflow status, in use, and their values
 * after RESET.
 */
#include "pmu-fixture.h"

#define TOP	LOW(48)

static uint64_t all_status(const struct fixture *f)
{
	return LOW(f->cpu.gp) | LOW(f->cpu.fixed) << 32;
}

static uint32_t status_clear(const struct fixture *f)
{
	return is_intel(f) ? IA32_GLOBAL_OVF_CTRL : AMD_GLOBAL_STATUS_CLR;
}

static uint32_t status_set(const struct fixture *f)
{
	return is_intel(f) ? IA32_GLOBAL_STATUS_SET : AMD_GLOBAL_STATUS_SET;
}

static void check_reset_state(struct fixture *f)
{
	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		assert_int_equal(rd(f, counter(f, i)), 0);
		assert_int_equal(rd(f, selector(f, i)), 0);
	}
	for (unsigned int i = 0; i < f->cpu.fixed; i++)
		assert_int_equal(rd(f, IA32_FIXED_CTR0 + i), 0);
	assert_int_equal(rd(f, IA32_DEBUGCTL), 0);
	if (is_intel(f))
		assert_int_equal(rd(f, IA32_FIXED_CTR_CTRL), 0);
	if (has_global(f))
		assert_int_equal(status(f), 0);
}

/*
 * SDM vol. 3A, "IA-32 and Intel 64 Processor States Following Power-up, Reset,
 * or INIT": "Perf. Counters and Event Select: Power up or Reset: 0H".
 */
static void registers_are_zero_after_power_up(void **state)
{
	check_reset_state(*state);
}

static void dirty_all(struct fixture *f)
{
	for (unsigned int i = 0; i < f->cpu.gp; i++)
		start_at(f, i, EN | OS | INT | EV_CYCLES, TOP);
	if (is_intel(f)) {
		wr(f, IA32_FIXED_CTR_CTRL, 0xbbb);
		for (unsigned int i = 0; i < f->cpu.fixed; i++)
			wr(f, IA32_FIXED_CTR0 + i, TOP - 1);
	}
	enable_all(f);
	wr(f, IA32_DEBUGCTL, DEBUGCTL_LBR);
	run(f, 10);
}

static void registers_are_zero_after_reset(void **state)
{
	struct fixture *f = *state;

	dirty_all(f);
	pmu_reset(&f->pmu);
	check_reset_state(f);
}

static void nothing_counts_after_reset(void **state)
{
	struct fixture *f = *state;
	unsigned int pmis;

	dirty_all(f);
	pmu_reset(&f->pmu);
	pmis = f->pmis;
	run(f, 50);
	check_reset_state(f);
	assert_int_equal(f->pmis, pmis);
	assert_true(f->deadline > f->cycles);
}

/* The LBR stack and its registers are 0 after RESET (vol. 3A, same table). */
static void lbr_registers_are_zero_after_reset(void **state)
{
	struct fixture *f = *state;

	wr(f, MSR_LBR_SELECT, 1);
	wr(f, MSR_LBR_TOS, 3);
	wr(f, MSR_LBR_FROM_0 + 2, 4);
	wr(f, MSR_LBR_TO_0 + 15, 5);
	pmu_reset(&f->pmu);
	assert_int_equal(rd(f, MSR_LBR_SELECT), 0);
	assert_int_equal(rd(f, MSR_LBR_TOS), 0);
	assert_int_equal(rd(f, MSR_LBR_FROM_0 + 2), 0);
	assert_int_equal(rd(f, MSR_LBR_TO_0 + 15), 0);
}

/*
 * SDM vol. 3A, same table: IA32_PERF_GLOBAL_CTRL "sets bits n-1:0 and clears
 * the upper bits", n being the number of general-purpose counters.  PPR for
 * Zen 4: PerfCntrGlobalCtl likewise.
 */
static void global_ctrl_enables_the_gp_counters_after_reset(void **state)
{
	struct fixture *f = *state;
	uint32_t msr = is_intel(f) ? IA32_GLOBAL_CTRL : AMD_GLOBAL_CTL;

	assert_int_equal(rd(f, msr), LOW(f->cpu.gp));
	wr(f, msr, 0);
	pmu_reset(&f->pmu);
	assert_int_equal(rd(f, msr), LOW(f->cpu.gp));
}

/* SDM vol. 4, 34H: "SMI Count (R/O)", "count of SMIs since last RESET" */
static void smi_count(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rd(f, MSR_SMI_COUNT), 0);
	happen(f, PMU_SMIS, 1);
	assert_int_equal(rd(f, MSR_SMI_COUNT), 1);
	happen(f, PMU_SMIS, 2);
	assert_int_equal(rd(f, MSR_SMI_COUNT), 3);
	pmu_reset(&f->pmu);
	assert_int_equal(rd(f, MSR_SMI_COUNT), 0);
	happen(f, PMU_SMIS, 1);
	assert_int_equal(rd(f, MSR_SMI_COUNT), 1);
}

/*
 * SDM vol. 3B, 18.2.2: "Each enable bit in IA32_PERF_GLOBAL_CTRL is AND'ed
 * with the enable bits for all privilege levels in the respective
 * IA32_PERFEVTSELx [...] MSRs to start/stop the counting".
 */
static void gp_counter_needs_both_enables(void **state)
{
	struct fixture *f = *state;
	uint32_t msr = is_intel(f) ? IA32_GLOBAL_CTRL : AMD_GLOBAL_CTL;

	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		wr(f, msr, LOW(f->cpu.gp) & ~B(i));
		start(f, i, EN | OS | EV_INSTRUCTIONS);
		run(f, 5);
		assert_int_equal(rd(f, counter(f, i)), 0);
		wr(f, msr, B(i));
		run(f, 5);
		assert_int_equal(rd(f, counter(f, i)), 5);
		wr(f, selector(f, i), OS | EV_INSTRUCTIONS);
		run(f, 5);
		assert_int_equal(rd(f, counter(f, i)), 5);
	}
}

static void fixed_counter_needs_both_enables(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < f->cpu.fixed; i++) {
		wr(f, IA32_FIXED_CTR_CTRL, UINT64_C(1) << (4 * i));
		wr(f, IA32_GLOBAL_CTRL, LOW(f->cpu.gp));
		run(f, 5);
		assert_int_equal(rd(f, IA32_FIXED_CTR0 + i), 0);
		wr(f, IA32_GLOBAL_CTRL, B(32 + i));
		run(f, 5);
		assert_int_equal(rd(f, IA32_FIXED_CTR0 + i),
				 i == 3 ? 5 * f->cpu.slots : 5);
		wr(f, IA32_FIXED_CTR_CTRL, 0);
		run(f, 5);
		assert_int_equal(rd(f, IA32_FIXED_CTR0 + i),
				 i == 3 ? 5 * f->cpu.slots : 5);
	}
}

/* APM vol. 2, 13.2: before PerfMonV2 a counter's own enable bit is all. */
static void counter_needs_one_enable(void **state)
{
	struct fixture *f = *state;

	start(f, 5, EN | OS | EV_INSTRUCTIONS);
	run(f, 4);
	assert_int_equal(rd(f, counter(f, 5)), 4);
}

/* SDM vol. 3B, Table "Fixed-Function Performance Counters" */
static void fixed_counters_count_what_they_are_for(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	wr(f, IA32_FIXED_CTR_CTRL, 0x111);
	if (f->cpu.fixed > 3)
		wr(f, IA32_FIXED_CTR_CTRL, 0x1111);
	for (unsigned int i = 0; i < 10; i++)
		retire(f, 3);
	assert_int_equal(rd(f, IA32_FIXED_CTR0), 10);
	assert_int_equal(rd(f, IA32_FIXED_CTR0 + 1), 30);
	assert_int_equal(rd(f, IA32_FIXED_CTR0 + 2), 30);
	if (f->cpu.fixed > 3)
		assert_int_equal(rd(f, IA32_FIXED_CTR0 + 3), 30 * f->cpu.slots);
}

/* "Ovf_PMCn: Overflow status of IA32_PMCn"; PerfCntrGlobalStatus likewise */
static void gp_overflow_sets_its_bit_alone(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		start_at(f, i, EN | OS | EV_INSTRUCTIONS, TOP - 1);
		run(f, 1);
		assert_int_equal(status(f), 0);
		run(f, 1);
		assert_int_equal(status(f), B(i));
		wr(f, status_clear(f), B(i));
		assert_int_equal(status(f), 0);
		wr(f, selector(f, i), 0);
	}
	assert_int_equal(f->pmis, 0);
}

static void fixed_overflow_sets_its_bit_alone(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	for (unsigned int i = 0; i < f->cpu.fixed; i++) {
		wr(f, IA32_FIXED_CTR_CTRL, UINT64_C(1) << (4 * i));
		wr(f, IA32_FIXED_CTR0 + i, TOP);
		run(f, 1);
		assert_int_equal(status(f), B(32 + i));
		wr(f, IA32_GLOBAL_OVF_CTRL, B(32 + i));
		assert_int_equal(status(f), 0);
	}
	assert_int_equal(f->pmis, 0);
}

/* A status bit stays until software clears it; writing a counter does not. */
static void status_is_sticky(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start_at(f, 1, EN | OS | EV_INSTRUCTIONS, TOP);
	run(f, 1);
	start(f, 1, EN | OS | EV_INSTRUCTIONS);
	run(f, 20);
	assert_int_equal(status(f), B(1));
	wr(f, status_clear(f), 0);
	assert_int_equal(status(f), B(1));
	wr(f, status_clear(f), B(0) | B(2));
	assert_int_equal(status(f), B(1));
}

static void clear_takes_the_ones_away(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start_at(f, 0, EN | OS | EV_INSTRUCTIONS, TOP);
	start_at(f, 1, EN | OS | EV_INSTRUCTIONS, TOP - 1);
	start_at(f, 2, EN | OS | EV_INSTRUCTIONS, TOP - 2);
	run(f, 10);
	assert_int_equal(status(f), 7);
	wr(f, status_clear(f), B(1));
	assert_int_equal(status(f), 5);
	wr(f, status_clear(f), 5);
	assert_int_equal(status(f), 0);
}

/*
 * SDM vol. 3B, 18.2.4.2: IA32_PERF_GLOBAL_STATUS_SET "allows software to set
 * individual bits in IA32_PERF_GLOBAL_STATUS".
 */
static void status_set_sets_bits(void **state)
{
	struct fixture *f = *state;

	wr(f, status_set(f), B(2));
	assert_int_equal(status(f), B(2));
	wr(f, status_set(f), B(0));
	assert_int_equal(status(f), B(2) | B(0));
	wr(f, status_set(f), 0);
	assert_int_equal(status(f), B(2) | B(0));
	wr(f, status_set(f), all_status(f) | LBR_FRZ | CTR_FRZ);
	assert_int_equal(status(f), all_status(f) | LBR_FRZ | CTR_FRZ);
	wr(f, status_clear(f), all_status(f) | LBR_FRZ | CTR_FRZ);
	assert_int_equal(status(f), 0);
	assert_int_equal(f->pmis, 0);
}

/* IA32_PERF_GLOBAL_OVF_CTRL exists before version 4, STATUS_SET does not. */
static void status_reset_and_set_read_as_zero(void **state)
{
	struct fixture *f = *state;

	wr(f, status_set(f), all_status(f));
	assert_int_equal(rd(f, status_set(f)), 0);
	assert_int_equal(rd(f, status_clear(f)), 0);
	assert_int_equal(status(f), all_status(f));
}

/* PPR: PerfCntrGlobalStatus is read-only; a write to it is ignored. */
static void amd_status_write_is_ignored(void **state)
{
	struct fixture *f = *state;

	wr(f, AMD_GLOBAL_STATUS_SET, B(3));
	wr(f, AMD_GLOBAL_STATUS, UINT64_MAX);
	assert_int_equal(status(f), B(3));
	wr(f, AMD_GLOBAL_STATUS, 0);
	assert_int_equal(status(f), B(3));
}

/* "PERFEVTSELn_InUse [...] reflects (IA32_PERFEVTSELn[7:0] != 0)" */
static void inuse_shows_selectors(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rd(f, IA32_GLOBAL_INUSE), 0);
	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		wr(f, selector(f, i), 0x80);
		assert_int_equal(rd(f, IA32_GLOBAL_INUSE), B(i));
		wr(f, selector(f, i), EN | OS | 0xff00);
		assert_int_equal(rd(f, IA32_GLOBAL_INUSE), 0);
		wr(f, selector(f, i), 0);
	}
}

/* "FCi_InUse: [...] (IA32_FIXED_CTR_CTRL[4i+1:4i] != 0)" */
static void inuse_shows_fixed_counters(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < f->cpu.fixed; i++) {
		for (uint64_t on = 1; on <= 3; on++) {
			wr(f, IA32_FIXED_CTR_CTRL, on << (4 * i));
			assert_int_equal(rd(f, IA32_GLOBAL_INUSE), B(32 + i));
		}
	}
	wr(f, IA32_FIXED_CTR_CTRL, 0);
	assert_int_equal(rd(f, IA32_GLOBAL_INUSE), 0);
}

/* "PMI_InUse": any PERFEVTSELn.INT, any FIXED_CTR_CTRL.ENi_PMI */
static void inuse_shows_interrupts(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		wr(f, selector(f, i), INT);
		assert_int_equal(rd(f, IA32_GLOBAL_INUSE), B(63));
		wr(f, selector(f, i), 0);
	}
	for (unsigned int i = 0; i < f->cpu.fixed; i++) {
		wr(f, IA32_FIXED_CTR_CTRL, UINT64_C(8) << (4 * i));
		assert_int_equal(rd(f, IA32_GLOBAL_INUSE), B(63));
	}
}

/* SDM vol. 3B: INT "generates an exception through its local APIC on overflow" */
static void interrupt_needs_its_bit(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		f->pmis = 0;
		start_at(f, i, EN | OS | EV_INSTRUCTIONS, TOP);
		run(f, 3);
		rd(f, counter(f, i));
		assert_int_equal(f->pmis, 0);
		start_at(f, i, EN | OS | INT | EV_INSTRUCTIONS, TOP);
		run(f, 3);
		assert_int_equal(f->pmis, 1);
		wr(f, selector(f, i), 0);
	}
}

static void fixed_interrupt_needs_its_bit(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	for (unsigned int i = 0; i < f->cpu.fixed; i++) {
		f->pmis = 0;
		wr(f, IA32_FIXED_CTR_CTRL, UINT64_C(1) << (4 * i));
		wr(f, IA32_FIXED_CTR0 + i, TOP);
		run(f, 3);
		rd(f, IA32_FIXED_CTR0 + i);
		assert_int_equal(f->pmis, 0);
		wr(f, IA32_FIXED_CTR_CTRL, UINT64_C(9) << (4 * i));
		wr(f, IA32_FIXED_CTR0 + i, TOP);
		run(f, 3);
		assert_int_equal(f->pmis, 1);
	}
}

/* An overflow bit that is still set does not hold the next interrupt back. */
static void every_overflow_interrupts(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	for (unsigned int n = 1; n <= 3; n++) {
		start_at(f, 0, EN | OS | INT | EV_INSTRUCTIONS, TOP);
		run(f, 2);
		assert_int_equal(f->pmis, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(registers_are_zero_after_power_up),
		ON_ALL(registers_are_zero_after_reset),
		ON_ALL(nothing_counts_after_reset),
		ON("haswell", lbr_registers_are_zero_after_reset),
		ON("skylake", lbr_registers_are_zero_after_reset),
		ON("icelake", lbr_registers_are_zero_after_reset),
		ON_INTEL(global_ctrl_enables_the_gp_counters_after_reset),
		ON("zen4", global_ctrl_enables_the_gp_counters_after_reset),
		ON_INTEL(smi_count),
		ON_INTEL(gp_counter_needs_both_enables),
		ON("zen4", gp_counter_needs_both_enables),
		ON_INTEL(fixed_counter_needs_both_enables),
		ON("zen3", counter_needs_one_enable),
		ON_INTEL(fixed_counters_count_what_they_are_for),
		ON_INTEL(gp_overflow_sets_its_bit_alone),
		ON("zen4", gp_overflow_sets_its_bit_alone),
		ON_INTEL(fixed_overflow_sets_its_bit_alone),
		ON_INTEL(status_is_sticky),
		ON("zen4", status_is_sticky),
		ON_INTEL(clear_takes_the_ones_away),
		ON("zen4", clear_takes_the_ones_away),
		ON_V4_UP(status_set_sets_bits),
		ON("zen4", status_set_sets_bits),
		ON_V4_UP(status_reset_and_set_read_as_zero),
		ON("zen4", status_reset_and_set_read_as_zero),
		ON("zen4", amd_status_write_is_ignored),
		ON_V4_UP(inuse_shows_selectors),
		ON_V4_UP(inuse_shows_fixed_counters),
		ON_V4_UP(inuse_shows_interrupts),
		ON_ALL(interrupt_needs_its_bit),
		ON_INTEL(fixed_interrupt_needs_its_bit),
		ON_ALL(every_overflow_interrupts),
	};

	return cmocka_run_group_tests_name("global", tests, NULL, NULL);
}
