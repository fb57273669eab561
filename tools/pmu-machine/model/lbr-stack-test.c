// SPDX-License-Identifier: GPL-2.0-only
/*
 * The legacy LBR stack: its order, what an entry says, call-stack mode.
 *
 * SDM vol. 3B, "LBR Stack"; "Last Branch, Call Stack, Interrupt, and Exception
 * Recording for Processors based on Haswell Microarchitecture", "... Skylake".
 */
#include "pmu-fixture.h"

#define CALL_STACK	(B(9) | B(8) | B(7) | B(6) | B(2))

static unsigned int depth(const struct fixture *f)
{
	return f->cpu.version < 4 ? 16 : 32;
}

static void call(struct fixture *f, uint64_t from)
{
	taken(f, PMU_BRANCH_CALL, from, from + 0x1000);
}

static void ret(struct fixture *f)
{
	taken(f, PMU_BRANCH_RET, 0x9000, 0x9999);
}

/* "Incremented by 1 before recording the next pair": the newest is at TOS. */
static void tos_points_to_the_newest(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	for (unsigned int i = 1; i <= 3; i++) {
		taken(f, PMU_BRANCH_JMP, 100 + i, 200 + i);
		assert_int_equal(rd(f, MSR_LBR_TOS), i);
		assert_int_equal(rd(f, MSR_LBR_FROM_0 + i), 100 + i);
		assert_int_equal(rd(f, MSR_LBR_TO_0 + i), 200 + i);
	}
	assert_int_equal(rd(f, MSR_LBR_FROM_0), 0);
}

/* It is a ring: the oldest entry is overwritten. */
static void the_stack_wraps(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	for (unsigned int i = 0; i < 3 * depth(f) + 5; i++)
		taken(f, PMU_BRANCH_JMP, i, i + 1000);
	assert_int_equal(rd(f, MSR_LBR_TOS), 5);
	for (unsigned int age = 0; age < depth(f); age++) {
		assert_int_equal(lbr_from(f, age), 3 * depth(f) + 4 - age);
		assert_int_equal(lbr_to(f, age), 3 * depth(f) + 1004 - age);
	}
}

/* Software may put the stack back and go on with it. */
static void recording_goes_on_at_a_written_tos(void **state)
{
	struct fixture *f = *state;

	wr(f, MSR_LBR_TOS, depth(f) - 1);
	wr(f, MSR_LBR_FROM_0 + depth(f) - 1, 77);
	lbr_on(f);
	taken(f, PMU_BRANCH_JMP, 100, 200);
	assert_int_equal(rd(f, MSR_LBR_TOS), 0);
	assert_int_equal(rd(f, MSR_LBR_FROM_0), 100);
	assert_int_equal(lbr_from(f, 1), 77);
}

static void mispredict(struct fixture *f, uint64_t from, bool mispredicted)
{
	const struct pmu_taken branch = {
		.type = PMU_BRANCH_COND, .from = from, .to = 0x2000,
		.mispredicted = mispredicted,
	};

	pmu_record_branch(&f->pmu, &branch);
}

/* "FROM_IP with TSX Information": 63 MISPRED, 62 IN_TSX, 61 TSX_ABORT, 60:48 sign */
static void format_4_has_the_flag_in_from(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	mispredict(f, 0x1000, true);
	assert_int_equal(lbr_from(f, 0), B(63) | 0x1000);
	mispredict(f, 0x1000, false);
	assert_int_equal(lbr_from(f, 0), 0x1000);
	mispredict(f, 0xffffffff81000000, false);
	assert_int_equal(lbr_from(f, 0), 0x1fffffff81000000);
	mispredict(f, 0xffffffff81000000, true);
	assert_int_equal(lbr_from(f, 0), 0x9fffffff81000000);
}

/* What the processor recorded can't be written back as it is. */
static void format_4_kernel_addresses_cannot_be_restored(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	mispredict(f, 0xffffffff81000000, false);
	refused(f, MSR_LBR_FROM_0, lbr_from(f, 0));
	wr(f, MSR_LBR_FROM_0, lbr_from(f, 0) | B(62) | B(61));
}

/* "MSR_LBR_INFO_x": 63 MISPRED; FROM and TO are addresses only */
static void format_5_has_the_flag_in_info(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	mispredict(f, 0xffffffff81000000, true);
	assert_int_equal(lbr_from(f, 0), 0xffffffff81000000);
	assert_int_equal(lbr_info(f, 0) >> 61, 4);
	mispredict(f, 0xffffffff81000000, false);
	assert_int_equal(lbr_info(f, 0) >> 61, 0);
}

/* LBR_INFO[15:0]: "elapsed core clocks since last update to the LBR stack" */
static void format_5_has_cycles(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	call(f, 100);
	retire(f, 1);
	retire(f, 6);
	call(f, 200);
	assert_int_equal(lbr_info(f, 0), 7);
	call(f, 300);
	assert_int_equal(lbr_info(f, 0), 0);
	wr(f, MSR_LBR_SELECT, B(3));
	retire(f, 10);
	call(f, 400);
	wr(f, MSR_LBR_SELECT, 0);
	retire(f, 5);
	call(f, 500);
	assert_int_equal(lbr_info(f, 0), 15);
}

/* "(saturating)" */
static void format_5_cycles_saturate(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	call(f, 100);
	retire(f, 0xfffe);
	call(f, 200);
	assert_int_equal(lbr_info(f, 0), 0xfffe);
	retire(f, 0x10000);
	call(f, 300);
	assert_int_equal(lbr_info(f, 0), 0xffff);
}

/* "As return instructions are executed the last captured record is flushed" */
static void call_stack_mode_pops_at_returns(void **state)
{
	struct fixture *f = *state;

	wr(f, MSR_LBR_SELECT, CALL_STACK);
	lbr_on(f);
	call(f, 100);
	call(f, 200);
	call(f, 300);
	ret(f);
	assert_int_equal(rd(f, MSR_LBR_TOS), 2);
	assert_int_equal(lbr_from(f, 0), 200);
	assert_int_equal(lbr_from(f, 1), 100);
	assert_int_equal(rd(f, MSR_LBR_FROM_0 + 3), 0);
	assert_int_equal(rd(f, MSR_LBR_TO_0 + 3), 0);
	taken(f, PMU_BRANCH_CALL_IND, 400, 500);
	assert_int_equal(lbr_from(f, 0), 400);
	assert_int_equal(lbr_from(f, 1), 200);
	ret(f);
	ret(f);
	assert_int_equal(lbr_from(f, 0), 100);
}

/* TOS turns round downwards, too. */
static void call_stack_mode_wraps_both_ways(void **state)
{
	struct fixture *f = *state;

	wr(f, MSR_LBR_SELECT, CALL_STACK);
	lbr_on(f);
	for (unsigned int i = 1; i <= depth(f) + 2; i++)
		call(f, i);
	assert_int_equal(rd(f, MSR_LBR_TOS), 2);
	for (unsigned int i = depth(f) + 1; i >= 3; i--) {
		ret(f);
		assert_int_equal(lbr_from(f, 0), i);
	}
	ret(f);
	for (unsigned int age = 0; age < depth(f); age++)
		assert_int_equal(lbr_from(f, age), 0);
}

/* "Zero length calls are excluded from writing into the LBRs." */
static void call_stack_mode_leaves_out_zero_length_calls(void **state)
{
	struct fixture *f = *state;
	const struct pmu_taken next = {
		.type = PMU_BRANCH_CALL, .from = 200, .to = 205, .next = true,
	};

	wr(f, MSR_LBR_SELECT, CALL_STACK);
	lbr_on(f);
	call(f, 100);
	pmu_record_branch(&f->pmu, &next);
	assert_int_equal(lbr_from(f, 0), 100);
	assert_int_equal(rd(f, MSR_LBR_TOS), 1);
}

/* A return that is filtered out removes nothing. */
static void call_stack_mode_is_filtered(void **state)
{
	struct fixture *f = *state;

	wr(f, MSR_LBR_SELECT, CALL_STACK | B(0));
	lbr_on(f);
	taken_cpl(f, PMU_BRANCH_CALL, 3, 3);
	call(f, 100);
	assert_int_equal(lbr_from(f, 0), 0x1000);
	ret(f);
	assert_int_equal(lbr_from(f, 0), 0x1000);
	taken(f, PMU_BRANCH_EVENT, 5, 6);
	taken_cpl(f, PMU_BRANCH_EVENT, 0, 3);
	taken_cpl(f, PMU_BRANCH_JMP, 3, 3);
	assert_int_equal(rd(f, MSR_LBR_TOS), 1);
	taken_cpl(f, PMU_BRANCH_RET, 3, 3);
	assert_int_equal(rd(f, MSR_LBR_TOS), 0);
	assert_int_equal(lbr_from(f, 0), 0);
}

/* Without the mode a return is an entry like others. */
static void returns_are_entries_otherwise(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	call(f, 100);
	ret(f);
	assert_int_equal(lbr_from(f, 0), 0x9000);
	assert_int_equal(lbr_from(f, 1), 100);
}

/* MSR_LER_*: the last branch "prior to the last exception [...] or interrupt" */
static void ler_is_the_branch_before_the_event(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	call(f, 100);
	taken(f, PMU_BRANCH_FAR, 150, 151);
	assert_int_equal(rd(f, IA32_LER_FROM_IP), 0);
	taken(f, PMU_BRANCH_EVENT, 160, 900);
	assert_int_equal(rd(f, IA32_LER_FROM_IP), 150);
	assert_int_equal(rd(f, IA32_LER_TO_IP), 151);
	taken(f, PMU_BRANCH_JMP, 902, 910);
	assert_int_equal(rd(f, IA32_LER_FROM_IP), 150);
	taken(f, PMU_BRANCH_INT, 912, 920);
	assert_int_equal(rd(f, IA32_LER_FROM_IP), 902);
	assert_int_equal(rd(f, IA32_LER_TO_IP), 910);
}

/* VM exits clear IA32_DEBUGCTL; the stack stays for the host to read. */
static void vm_exit_stops_and_entry_goes_on(void **state)
{
	struct fixture *f = *state;

	pmu_load_debugctl(&f->pmu, DEBUGCTL_LBR);
	assert_true(shown(f));
	call(f, 100);
	pmu_load_debugctl(&f->pmu, 0);
	assert_false(shown(f));
	call(f, 200);
	assert_int_equal(lbr_from(f, 0), 100);
	pmu_load_debugctl(&f->pmu, DEBUGCTL_LBR);
	call(f, 300);
	assert_int_equal(lbr_from(f, 0), 300);
	assert_int_equal(lbr_from(f, 1), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_LEGACY_LBR(tos_points_to_the_newest),
		ON_LEGACY_LBR(the_stack_wraps),
		ON_LEGACY_LBR(recording_goes_on_at_a_written_tos),
		ON_V3(format_4_has_the_flag_in_from),
		ON_V3(format_4_kernel_addresses_cannot_be_restored),
		ON_LBR_INFO(format_5_has_the_flag_in_info),
		ON_LBR_INFO(format_5_has_cycles),
		ON_LBR_INFO(format_5_cycles_saturate),
		ON_LEGACY_LBR(call_stack_mode_pops_at_returns),
		ON_LEGACY_LBR(call_stack_mode_wraps_both_ways),
		ON_LEGACY_LBR(call_stack_mode_leaves_out_zero_length_calls),
		ON_LEGACY_LBR(call_stack_mode_is_filtered),
		ON_LEGACY_LBR(returns_are_entries_otherwise),
		ON_LEGACY_LBR(ler_is_the_branch_before_the_event),
		ON_LEGACY_LBR(vm_exit_stops_and_entry_goes_on),
	};

	return cmocka_run_group_tests_name("lbr-stack", tests, NULL, NULL);
}
