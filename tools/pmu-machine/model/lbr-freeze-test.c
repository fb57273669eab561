// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PMI, and SMM, stop the recording of branches.
 *
 * SDM vol. 3B, "Freezing LBR and Performance Counters on PMI": legacy, version
 * 3; streamlined, version 4 and later.  "IA32_DEBUGCTL": FREEZE_WHILE_SMM.
 * APM vol. 2, 13.1.1.6, and the PPR for Zen 4: DebugCtl[11],
 * PerfCntrGlobalStatus[58].
 */
#include "pmu-fixture.h"

#define TOP	LOW(48)

static uint32_t status_clear(const struct fixture *f)
{
	return is_intel(f) ? IA32_GLOBAL_OVF_CTRL : AMD_GLOBAL_STATUS_CLR;
}

static uint32_t status_set(const struct fixture *f)
{
	return is_intel(f) ? IA32_GLOBAL_STATUS_SET : AMD_GLOBAL_STATUS_SET;
}

/* Is a branch to an address where nobody was before recorded? */
static bool records(struct fixture *f)
{
	static uint64_t address = 0x20000;

	address += 0x10;
	taken(f, PMU_BRANCH_JMP, address, address + 5);
	return lbr_from(f, 0) == address;
}

/* The counter will interrupt at its third instruction. */
static void start_with(struct fixture *f, uint64_t debugctl, uint64_t interrupt)
{
	wr(f, IA32_DEBUGCTL, debugctl);
	lbr_on(f);
	enable_all(f);
	start_at(f, 0, EN | OS | interrupt | EV_INSTRUCTIONS, TOP - 2);
}

static void pmi_freezes(void **state)
{
	struct fixture *f = *state;

	start_with(f, FREEZE_LBRS, INT);
	run(f, 2);
	assert_true(records(f));
	assert_true(shown(f));
	run(f, 1);
	assert_int_equal(f->pmis, 1);
	assert_false(shown(f));
	assert_false(records(f));
}

/* The interrupt's own branch, which is taken after the freeze, is not there. */
static void frozen_entries_stay(void **state)
{
	struct fixture *f = *state;

	start_with(f, FREEZE_LBRS, INT);
	taken(f, PMU_BRANCH_JMP, 100, 200);
	run(f, 3);
	taken(f, PMU_BRANCH_EVENT, 300, 400);
	assert_int_equal(lbr_from(f, 0), 100);
	assert_int_equal(lbr_to(f, 0), 200);
}

/* The freeze comes with the interrupt: with a skid, so much later. */
static void the_skid_is_recorded(void **state)
{
	struct fixture *f = *state;

	f->pmu.skid = 5;
	start_with(f, FREEZE_LBRS, INT);
	run(f, 3 + 4);
	assert_true(records(f));
	run(f, 1);
	assert_int_equal(f->pmis, 1);
	assert_false(records(f));
}

/* Legacy: the LBR bit is cleared; writing it again starts them again. */
static void legacy_goes_on_when_enabled_again(void **state)
{
	struct fixture *f = *state;

	start_with(f, FREEZE_LBRS, INT);
	run(f, 3);
	assert_int_equal(rd(f, IA32_DEBUGCTL), FREEZE_LBRS);
	wr(f, IA32_GLOBAL_OVF_CTRL, B(0));
	assert_false(records(f));
	wr(f, IA32_DEBUGCTL, FREEZE_LBRS | DEBUGCTL_LBR);
	assert_true(records(f));
}

/* Streamlined: clearing LBR_Frz does, and nothing else. */
static void streamlined_goes_on_when_cleared(void **state)
{
	struct fixture *f = *state;

	start_with(f, FREEZE_LBRS, INT);
	run(f, 3);
	assert_int_equal(status(f), LBR_FRZ | B(0));
	lbr_on(f);
	assert_false(records(f));
	wr(f, status_clear(f), B(0));
	assert_false(records(f));
	wr(f, IA32_DEBUGCTL, rd(f, IA32_DEBUGCTL) & ~FREEZE_LBRS);
	assert_false(records(f));
	wr(f, status_clear(f), LBR_FRZ);
	assert_true(shown(f));
	assert_true(records(f));
}

/* IA32_PERF_GLOBAL_STATUS_SET can freeze them, too. */
static void status_set_freezes(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	wr(f, status_set(f), CTR_FRZ);
	assert_true(records(f));
	wr(f, status_set(f), LBR_FRZ);
	assert_false(shown(f));
	assert_false(records(f));
	wr(f, status_clear(f), CTR_FRZ | LBR_FRZ);
	assert_true(records(f));
}

static void pmi_without_freezing_goes_on(void **state)
{
	struct fixture *f = *state;

	start_with(f, FREEZE_PERFMON, INT);
	run(f, 10);
	assert_int_equal(f->pmis, 1);
	assert_true(records(f));
}

static void overflow_without_pmi_goes_on(void **state)
{
	struct fixture *f = *state;

	start_with(f, FREEZE_LBRS, 0);
	run(f, 10);
	assert_true(records(f));
}

/* "Freeze the Last Branch Record (LBR) Stack": the single records go on. */
static void amd_freezes_the_stack_alone(void **state)
{
	struct fixture *f = *state;

	start_with(f, FREEZE_LBRS | DEBUGCTL_LBR, INT);
	run(f, 3);
	assert_true(shown(f));
	assert_false(records(f));
	taken(f, PMU_BRANCH_JMP, 100, 200);
	assert_int_equal(rd(f, AMD_BR_FROM), 100);
}

static void smm(struct fixture *f, bool in)
{
	pmu_set_mode(&f->pmu, (struct pmu_mode){ .smm = in });
}

static void freeze_while_smm(void **state)
{
	struct fixture *f = *state;

	start_with(f, FREEZE_SMM, 0);
	smm(f, true);
	assert_false(shown(f));
	assert_false(records(f));
	smm(f, false);
	assert_true(shown(f));
	assert_true(records(f));
}

static void legacy_records_in_smm_otherwise(void **state)
{
	struct fixture *f = *state;

	start_with(f, 0, 0);
	smm(f, true);
	assert_true(records(f));
	smm(f, false);
	assert_true(records(f));
}

/* No counter has to run for a mode change to be seen. */
static void smm_is_seen_without_counters(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_DEBUGCTL, FREEZE_SMM);
	lbr_on(f);
	smm(f, true);
	assert_false(shown(f));
	smm(f, false);
	assert_true(shown(f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_LBR(pmi_freezes),
		ON_LBR(frozen_entries_stay),
		ON_LBR(the_skid_is_recorded),
		ON_V3(legacy_goes_on_when_enabled_again),
		ON_V4_UP(streamlined_goes_on_when_cleared),
		ON("zen4", streamlined_goes_on_when_cleared),
		ON_V4_UP(status_set_freezes),
		ON("zen4", status_set_freezes),
		ON_LBR(pmi_without_freezing_goes_on),
		ON_LBR(overflow_without_pmi_goes_on),
		ON("zen4", amd_freezes_the_stack_alone),
		ON_LEGACY_LBR(freeze_while_smm),
		ON_ARCH_LBR(freeze_while_smm),
		ON_LEGACY_LBR(legacy_records_in_smm_otherwise),
		ON_LEGACY_LBR(smm_is_seen_without_counters),
		ON_ARCH_LBR(smm_is_seen_without_counters),
	};

	return cmocka_run_group_tests_name("lbr-freeze", tests, NULL, NULL);
}
