// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which branches are recorded.
 *
 * SDM vol. 3B, "Last Branch, Interrupt, and Exception Recording Overview",
 * "Filtering of Last Branch Records"; "Last Branch Records", on architectural
 * LBRs.  APM vol. 2, 13.1.1.8, 13.1.1.9, 13.1.8.
 */
#include "pmu-fixture.h"

static const enum pmu_branch types[] = {
	PMU_BRANCH_COND, PMU_BRANCH_JMP, PMU_BRANCH_JMP_IND, PMU_BRANCH_CALL,
	PMU_BRANCH_CALL_IND, PMU_BRANCH_RET, PMU_BRANCH_FAR, PMU_BRANCH_INT,
	PMU_BRANCH_EVENT,
};

#define TYPES	(sizeof(types) / sizeof(types[0]))

/* Is a branch to an address where nobody was before recorded? */
static bool is_recorded(struct fixture *f, struct pmu_taken branch)
{
	static uint64_t address = 0x10000;

	address += 0x10;
	branch.from = address;
	branch.to = address + 5;
	pmu_record_branch(&f->pmu, &branch);
	return lbr_to(f, 0) == address + 5;
}

static bool records(struct fixture *f, enum pmu_branch type)
{
	return is_recorded(f, (struct pmu_taken){ .type = type });
}

static bool records_cpl(struct fixture *f, int from_cpl, int to_cpl)
{
	return is_recorded(f, (struct pmu_taken){
		.type = PMU_BRANCH_FAR,
		.from_user = from_cpl,
		.to_user = to_cpl,
	});
}

static void nothing_is_recorded_after_reset(void **state)
{
	struct fixture *f = *state;

	assert_false(shown(f));
	for (size_t i = 0; i < TYPES; i++)
		assert_false(records(f, types[i]));
	assert_int_equal(lbr_from(f, 0), 0);
}

/* "Branches, interrupts and exceptions" */
static void all_is_recorded_without_filters(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	assert_true(shown(f));
	for (size_t i = 0; i < TYPES; i++)
		assert_true(records(f, types[i]));
	assert_true(records_cpl(f, 0, 3));
	assert_true(records_cpl(f, 3, 0));
	assert_true(records_cpl(f, 3, 3));
}

static void switched_off_records_nothing(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	taken(f, PMU_BRANCH_JMP, 1, 2);
	wr(f, f->cpu.lbr == PMU_LBR_LEGACY ? IA32_DEBUGCTL :
	      f->cpu.lbr == PMU_LBR_ARCH ? IA32_LBR_CTL : AMD_DEBUG_EXTN, 0);
	assert_false(shown(f));
	taken(f, PMU_BRANCH_JMP, 3, 4);
	assert_int_equal(lbr_from(f, 0), 1);
	assert_int_equal(lbr_from(f, 1), 0);
}

/* The other kinds' switches switch nothing. */
static void each_kind_has_its_switch(void **state)
{
	struct fixture *f = *state;

	if (f->cpu.lbr != PMU_LBR_LEGACY)
		wr(f, IA32_DEBUGCTL, DEBUGCTL_LBR);
	assert_false(records(f, PMU_BRANCH_JMP));
	if (f->cpu.lbr == PMU_LBR_ARCH)
		wr(f, IA32_LBR_CTL, LBR_ALL & ~LBR_EN);
	assert_false(records(f, PMU_BRANCH_JMP));
}

/* 2 JCC, 3 and 4 direct and indirect CALL, 5 RET, 6 and 7 indirect and direct
 * JMP, 8 far branches: "when set, do not capture"
 */
static const unsigned int suppressing[TYPES] = { 2, 7, 6, 3, 4, 5, 8, 8, 8 };

static void check_select(struct fixture *f, uint32_t select)
{
	lbr_on(f);
	for (unsigned int bit = 2; bit <= 8; bit++) {
		wr(f, select, B(bit));
		for (size_t i = 0; i < TYPES; i++)
			assert_int_equal(records(f, types[i]),
					 suppressing[i] != bit);
	}
	wr(f, select, 0x1fc);
	for (size_t i = 0; i < TYPES; i++)
		assert_false(records(f, types[i]));
}

static void lbr_select_suppresses_types(void **state)
{
	check_select(*state, MSR_LBR_SELECT);
}

static void amd_select_suppresses_types(void **state)
{
	check_select(*state, AMD_LBR_SELECT);
}

/* 0 CPL_EQ_0, 1 CPL_NEQ_0: "do not capture branches ending in ring 0", "> 0" */
static void check_cpl(struct fixture *f, uint32_t select)
{
	lbr_on(f);
	wr(f, select, B(0));
	assert_false(records_cpl(f, 0, 0));
	assert_false(records_cpl(f, 3, 0));
	assert_true(records_cpl(f, 0, 3));
	assert_true(records_cpl(f, 3, 3));
	wr(f, select, B(1));
	assert_true(records_cpl(f, 0, 0));
	assert_true(records_cpl(f, 3, 0));
	assert_false(records_cpl(f, 0, 3));
	assert_false(records_cpl(f, 3, 3));
	wr(f, select, B(0) | B(1));
	assert_false(records_cpl(f, 0, 0));
	assert_false(records_cpl(f, 3, 3));
}

static void lbr_select_suppresses_cpls(void **state)
{
	check_cpl(*state, MSR_LBR_SELECT);
}

static void amd_select_suppresses_cpls(void **state)
{
	check_cpl(*state, AMD_LBR_SELECT);
}

/* Neither hides where a branch came from. */
static void select_keeps_the_source(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	wr(f, f->cpu.lbr == PMU_LBR_LEGACY ? MSR_LBR_SELECT : AMD_LBR_SELECT,
	   B(0));
	taken_cpl(f, PMU_BRANCH_FAR, 0, 3);
	assert_int_equal(lbr_from(f, 0), 0x1000);
}

/* 16 COND, 17, 18 NEAR_REL_JMP, _IND_, 19, 20 CALL, 21 RET, 22 OTHER_BRANCH */
static void lbr_ctl_enables_types(void **state)
{
	static const unsigned int enabling[TYPES] = {
		16, 17, 18, 19, 20, 21, 22, 22, 22
	};
	struct fixture *f = *state;

	for (unsigned int bit = 16; bit <= 22; bit++) {
		wr(f, IA32_LBR_CTL, LBR_EN | LBR_OS | LBR_USR | B(bit));
		for (size_t i = 0; i < TYPES; i++)
			assert_int_equal(records(f, types[i]),
					 enabling[i] == bit);
	}
	wr(f, IA32_LBR_CTL, LBR_EN | LBR_OS | LBR_USR);
	for (size_t i = 0; i < TYPES; i++)
		assert_false(records(f, types[i]));
}

/* "... only if the CPL at the end of the operation is enabled" */
static void lbr_ctl_enables_cpls(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_LBR_CTL, LBR_ALL & ~LBR_USR);
	assert_true(records_cpl(f, 0, 0));
	assert_true(records_cpl(f, 3, 0));
	assert_false(records_cpl(f, 0, 3));
	assert_false(records_cpl(f, 3, 3));
	wr(f, IA32_LBR_CTL, LBR_ALL & ~LBR_OS);
	assert_false(records_cpl(f, 0, 0));
	assert_false(records_cpl(f, 3, 0));
	assert_true(records_cpl(f, 0, 3));
	assert_true(records_cpl(f, 3, 3));
	wr(f, IA32_LBR_CTL, LBR_EN | LBR_BRANCHES);
	assert_false(records_cpl(f, 0, 0));
	assert_false(records_cpl(f, 3, 3));
}

/*
 * "In cases where the CPL transitions from a value that is filtered out to a
 * value that is enabled for LBR recording, the FROM_IP address [...] will be
 * 0FFFFFFFFFFFFFFFFH."
 */
static void lbr_ctl_hides_the_filtered_source(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_LBR_CTL, LBR_ALL & ~LBR_USR);
	taken_cpl(f, PMU_BRANCH_EVENT, 3, 0);
	assert_int_equal(lbr_from(f, 0), UINT64_MAX);
	assert_int_equal(lbr_to(f, 0), 0x2000);
	taken_cpl(f, PMU_BRANCH_FAR, 0, 0);
	assert_int_equal(lbr_from(f, 0), 0x1000);
	wr(f, IA32_LBR_CTL, LBR_ALL & ~LBR_OS);
	taken_cpl(f, PMU_BRANCH_FAR, 0, 3);
	assert_int_equal(lbr_from(f, 0), UINT64_MAX);
	wr(f, IA32_LBR_CTL, LBR_ALL);
	taken_cpl(f, PMU_BRANCH_FAR, 0, 3);
	assert_int_equal(lbr_from(f, 0), 0x1000);
}

static void show_next_call(struct fixture *f)
{
	const struct pmu_taken call = {
		.type = PMU_BRANCH_CALL,
		.from = 0x100, .to = 0x105, .next = true,
	};

	pmu_record_branch(&f->pmu, &call);
}

/* NEAR_REL_CALL: "excluding CALLs to the next sequential IP" */
static void arch_leaves_out_calls_to_the_next_ip(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	show_next_call(f);
	assert_int_equal(lbr_from(f, 0), 0);
}

static void others_record_calls_to_the_next_ip(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	show_next_call(f);
	assert_int_equal(lbr_from(f, 0), 0x100);
}

/* The counters' models are not touched by switching the records. */
static void models_follow_the_counters_and_the_records(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->pmu.models, 0);
	lbr_on(f);
	assert_int_equal(f->pmu.models, PMU_MODEL_BRANCHES | PMU_MODEL_PREDICTOR);
	pmu_set_mode(&f->pmu, (struct pmu_mode){ .user = true });
	assert_true(shown(f));
	pmu_debug_exception(&f->pmu);
	assert_int_equal(f->pmu.models, 0);
}

/*
 * SDM vol. 3B, "Monitoring Branches, Exceptions, and Interrupts"; "On a debug
 * breakpoint event (#DB), IA32_LBR_CTL.LBREn is cleared."  APM vol. 2, 13.1.1.8:
 * the same of LBRSE.  The rest stays.
 */
static void debug_exception_switches_off(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_DEBUGCTL, DEBUGCTL_BTF | DEBUGCTL_LBR);
	lbr_on(f);
	taken(f, PMU_BRANCH_JMP, 1, 2);
	pmu_debug_exception(&f->pmu);
	assert_false(shown(f));
	taken(f, PMU_BRANCH_EVENT, 3, 4);
	assert_int_equal(lbr_from(f, 0), 1);
	assert_int_equal(rd(f, IA32_DEBUGCTL), 0);
	if (f->cpu.lbr == PMU_LBR_ARCH)
		assert_int_equal(rd(f, IA32_LBR_CTL), LBR_ALL & ~LBR_EN);
	if (f->cpu.lbr == PMU_LBR_AMD)
		assert_int_equal(rd(f, AMD_DEBUG_EXTN), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_LBR(nothing_is_recorded_after_reset),
		ON_LBR(all_is_recorded_without_filters),
		ON_LBR(switched_off_records_nothing),
		ON_LBR(each_kind_has_its_switch),
		ON_LEGACY_LBR(lbr_select_suppresses_types),
		ON("zen4", amd_select_suppresses_types),
		ON_LEGACY_LBR(lbr_select_suppresses_cpls),
		ON("zen4", amd_select_suppresses_cpls),
		ON_LEGACY_LBR(select_keeps_the_source),
		ON("zen4", select_keeps_the_source),
		ON_ARCH_LBR(lbr_ctl_enables_types),
		ON_ARCH_LBR(lbr_ctl_enables_cpls),
		ON_ARCH_LBR(lbr_ctl_hides_the_filtered_source),
		ON_ARCH_LBR(arch_leaves_out_calls_to_the_next_ip),
		ON_LEGACY_LBR(others_record_calls_to_the_next_ip),
		ON("zen4", others_record_calls_to_the_next_ip),
		ON_LBR(models_follow_the_counters_and_the_records),
		ON_LBR(debug_exception_switches_off),
	};

	return cmocka_run_group_tests_name("lbr-filter", tests, NULL, NULL);
}
