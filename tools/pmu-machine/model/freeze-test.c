// SPDX-License-Identifier: GPL-2.0-only
/*
 * Freezing on a PMI.
 *
 * SDM vol. 3B, 17.4.7 "Freezing LBR and Performance Counters on PMI": legacy,
 * versions 2 and 3; streamlined, version 4 and later.  PPR for Zen 4:
 * PerfMonV2's DebugCtl[12:11] and PerfCntrGlobalStatus[59:58].
 */
#include "pmu-fixture.h"

#define TOP	LOW(48)

static uint32_t global_ctrl(const struct fixture *f)
{
	return is_intel(f) ? IA32_GLOBAL_CTRL : AMD_GLOBAL_CTL;
}

static uint32_t status_clear(const struct fixture *f)
{
	return is_intel(f) ? IA32_GLOBAL_OVF_CTRL : AMD_GLOBAL_STATUS_CLR;
}

/* Counter 0 will interrupt at its third instruction, counter 1 counts on. */
static void start_pair(struct fixture *f, uint64_t debugctl, uint64_t interrupt)
{
	wr(f, IA32_DEBUGCTL, debugctl);
	enable_all(f);
	start_at(f, 0, EN | OS | interrupt | EV_INSTRUCTIONS, TOP - 2);
	start(f, 1, EN | OS | EV_INSTRUCTIONS);
}

/*
 * Legacy: "the processor responds to the PMI request by clearing
 * IA32_PERF_GLOBAL_CTRL".
 */
static void legacy_clears_global_ctrl(void **state)
{
	struct fixture *f = *state;

	start_pair(f, FREEZE_PERFMON, INT);
	run(f, 2);
	assert_int_not_equal(rd(f, IA32_GLOBAL_CTRL), 0);
	run(f, 1);
	assert_int_equal(f->pmis, 1);
	assert_int_equal(rd(f, IA32_GLOBAL_CTRL), 0);
	assert_int_equal(status(f), B(0));
}

static void legacy_stops_all_counters(void **state)
{
	struct fixture *f = *state;

	start_pair(f, FREEZE_PERFMON, INT);
	wr(f, IA32_FIXED_CTR_CTRL, 0x3);
	run(f, 20);
	assert_int_equal(rd(f, counter(f, 0)), 0);
	assert_int_equal(rd(f, counter(f, 1)), 3);
	assert_int_equal(rd(f, IA32_FIXED_CTR0), 3);
	assert_int_equal(f->pmis, 1);
}

/* The handler starts them again by writing GLOBAL_CTRL. */
static void legacy_goes_on_when_enabled_again(void **state)
{
	struct fixture *f = *state;

	start_pair(f, FREEZE_PERFMON, INT);
	run(f, 10);
	wr(f, IA32_GLOBAL_OVF_CTRL, B(0));
	run(f, 10);
	assert_int_equal(rd(f, counter(f, 1)), 3);
	wr(f, IA32_GLOBAL_CTRL, 3);
	run(f, 4);
	assert_int_equal(rd(f, counter(f, 0)), 4);
	assert_int_equal(rd(f, counter(f, 1)), 7);
}

/* FREEZE_LBRS_ON_PMI: "clears the LBR bit" of IA32_DEBUGCTL, nothing more. */
static void legacy_clears_debugctl_lbr(void **state)
{
	struct fixture *f = *state;

	start_pair(f, FREEZE_LBRS | DEBUGCTL_LBR, INT);
	run(f, 2);
	assert_int_equal(rd(f, IA32_DEBUGCTL), FREEZE_LBRS | DEBUGCTL_LBR);
	run(f, 10);
	assert_int_equal(rd(f, IA32_DEBUGCTL), FREEZE_LBRS);
	assert_int_equal(rd(f, counter(f, 1)), 12);
	assert_int_not_equal(rd(f, IA32_GLOBAL_CTRL), 0);
}

/* Version 3 has no such status bits. */
static void legacy_sets_no_freeze_status(void **state)
{
	struct fixture *f = *state;

	start_pair(f, FREEZE_LBRS | FREEZE_PERFMON | DEBUGCTL_LBR, INT);
	run(f, 10);
	assert_int_equal(status(f), B(0));
}

/* Streamlined: CTR_Frz is set, IA32_PERF_GLOBAL_CTRL is left alone. */
static void streamlined_sets_ctr_frz(void **state)
{
	struct fixture *f = *state;
	uint64_t ctrl;

	start_pair(f, FREEZE_PERFMON, INT);
	ctrl = rd(f, global_ctrl(f));
	run(f, 2);
	assert_int_equal(status(f), 0);
	run(f, 1);
	assert_int_equal(f->pmis, 1);
	assert_int_equal(status(f), CTR_FRZ | B(0));
	assert_int_equal(rd(f, global_ctrl(f)), ctrl);
}

static void streamlined_stops_all_counters(void **state)
{
	struct fixture *f = *state;

	start_pair(f, FREEZE_PERFMON, INT);
	run(f, 20);
	assert_int_equal(rd(f, counter(f, 0)), 0);
	assert_int_equal(rd(f, counter(f, 1)), 3);
	assert_int_equal(f->pmis, 1);
}

static void streamlined_stops_fixed_counters(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_DEBUGCTL, FREEZE_PERFMON);
	enable_all(f);
	wr(f, IA32_FIXED_CTR_CTRL, 0x1b);
	wr(f, IA32_FIXED_CTR0, TOP - 4);
	run(f, 50);
	assert_int_equal(rd(f, IA32_FIXED_CTR0), 0);
	assert_int_equal(rd(f, IA32_FIXED_CTR0 + 1), 5);
	assert_int_equal(status(f), CTR_FRZ | B(32));
}

/* Clearing CTR_Frz starts the counters again; the overflow bit does not. */
static void streamlined_goes_on_when_cleared(void **state)
{
	struct fixture *f = *state;

	start_pair(f, FREEZE_PERFMON, INT);
	run(f, 10);
	wr(f, status_clear(f), B(0));
	run(f, 10);
	assert_int_equal(rd(f, counter(f, 1)), 3);
	wr(f, status_clear(f), CTR_FRZ);
	run(f, 4);
	assert_int_equal(rd(f, counter(f, 0)), 4);
	assert_int_equal(rd(f, counter(f, 1)), 7);
}

static void streamlined_stays_frozen_whatever_is_enabled(void **state)
{
	struct fixture *f = *state;

	start_pair(f, FREEZE_PERFMON, INT);
	run(f, 10);
	enable_all(f);
	start(f, 2, EN | OS | EV_INSTRUCTIONS);
	wr(f, IA32_DEBUGCTL, 0);
	run(f, 10);
	assert_int_equal(rd(f, counter(f, 1)), 3);
	assert_int_equal(rd(f, counter(f, 2)), 0);
}

/* LBR_Frz is set, IA32_DEBUGCTL is left alone; the counters go on. */
static void streamlined_sets_lbr_frz(void **state)
{
	struct fixture *f = *state;

	start_pair(f, FREEZE_LBRS | debugctl_lbr(f), INT);
	run(f, 10);
	assert_int_equal(rd(f, IA32_DEBUGCTL), FREEZE_LBRS | debugctl_lbr(f));
	assert_int_equal(status(f), LBR_FRZ | B(0));
	assert_int_equal(rd(f, counter(f, 1)), 10);
}

static void streamlined_freezes_both(void **state)
{
	struct fixture *f = *state;

	start_pair(f, FREEZE_LBRS | FREEZE_PERFMON, INT);
	run(f, 10);
	assert_int_equal(status(f), LBR_FRZ | CTR_FRZ | B(0));
}

/* Software can freeze with IA32_PERF_GLOBAL_STATUS_SET.CTR_Frz, too. */
static void status_set_freezes(void **state)
{
	struct fixture *f = *state;
	uint32_t set = is_intel(f) ? IA32_GLOBAL_STATUS_SET :
				     AMD_GLOBAL_STATUS_SET;

	enable_all(f);
	start(f, 0, EN | OS | EV_INSTRUCTIONS);
	run(f, 5);
	wr(f, set, LBR_FRZ);
	run(f, 5);
	wr(f, set, CTR_FRZ);
	run(f, 5);
	assert_int_equal(rd(f, counter(f, 0)), 10);
	wr(f, status_clear(f), CTR_FRZ);
	run(f, 5);
	assert_int_equal(rd(f, counter(f, 0)), 15);
}

/* "... are frozen on a PMI request": an overflow without one freezes nothing. */
static void overflow_without_pmi_freezes_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t debugctl = FREEZE_LBRS | FREEZE_PERFMON | debugctl_lbr(f);

	start_pair(f, debugctl, 0);
	run(f, 10);
	assert_int_equal(status(f), B(0));
	assert_int_equal(rd(f, IA32_DEBUGCTL), debugctl);
	run(f, 10);
	assert_int_equal(rd(f, counter(f, 1)), 20);
	assert_int_equal(f->pmis, 0);
}

static void pmi_without_freezing_freezes_nothing(void **state)
{
	struct fixture *f = *state;

	start_pair(f, debugctl_lbr(f), INT);
	run(f, 20);
	assert_int_equal(f->pmis, 1);
	assert_int_equal(status(f), B(0));
	assert_int_equal(rd(f, IA32_DEBUGCTL), debugctl_lbr(f));
	assert_int_equal(rd(f, counter(f, 0)), 17);
	assert_int_equal(rd(f, counter(f, 1)), 20);
}

/* Zen 3 can't freeze. */
static void freeze_bits_are_reserved(void **state)
{
	refused(*state, IA32_DEBUGCTL, FREEZE_PERFMON);
	refused(*state, IA32_DEBUGCTL, FREEZE_LBRS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_V3(legacy_clears_global_ctrl),
		ON_V3(legacy_stops_all_counters),
		ON_V3(legacy_goes_on_when_enabled_again),
		ON_V3(legacy_clears_debugctl_lbr),
		ON_V3(legacy_sets_no_freeze_status),
		ON_V4_UP(streamlined_sets_ctr_frz),
		ON("zen4", streamlined_sets_ctr_frz),
		ON_V4_UP(streamlined_stops_all_counters),
		ON("zen4", streamlined_stops_all_counters),
		ON_V4_UP(streamlined_stops_fixed_counters),
		ON_V4_UP(streamlined_goes_on_when_cleared),
		ON("zen4", streamlined_goes_on_when_cleared),
		ON_V4_UP(streamlined_stays_frozen_whatever_is_enabled),
		ON("zen4", streamlined_stays_frozen_whatever_is_enabled),
		ON_V4_UP(streamlined_sets_lbr_frz),
		ON("zen4", streamlined_sets_lbr_frz),
		ON_V4_UP(streamlined_freezes_both),
		ON("zen4", streamlined_freezes_both),
		ON_V4_UP(status_set_freezes),
		ON("zen4", status_set_freezes),
		ON_INTEL(overflow_without_pmi_freezes_nothing),
		ON("zen4", overflow_without_pmi_freezes_nothing),
		ON_INTEL(pmi_without_freezing_freezes_nothing),
		ON("zen4", pmi_without_freezing_freezes_nothing),
		ON("zen3", freeze_bits_are_reserved),
	};

	return cmocka_run_group_tests_name("freeze", tests, NULL, NULL);
}
