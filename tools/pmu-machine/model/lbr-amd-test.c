// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD's branch records: the control-transfer recording MSRs, the LBR stack, LBR
 * virtualization.
 *
 * APM vol. 2, 13.1.1.6 to 13.1.1.9, 13.1.6.1, 13.1.8, 15.23.
 */
#include <string.h>

#include "pmu-fixture.h"

#define VALID		B(63)
#define SPECULATIVE	B(62)
#define MISPREDICT	B(63)

static void jump(struct fixture *f, uint64_t from)
{
	taken(f, PMU_BRANCH_JMP, from, from + 0x1000);
}

/* "On branch instructions": the branch, and where it went */
static void last_branch_is_recorded(void **state)
{
	struct fixture *f = *state;

	jump(f, 100);
	assert_int_equal(rd(f, AMD_BR_FROM), 0);
	wr(f, IA32_DEBUGCTL, DEBUGCTL_LBR);
	assert_true(shown(f));
	taken(f, PMU_BRANCH_COND, 0xffffffff81000000, 0xffffffff81000010);
	assert_int_equal(rd(f, AMD_BR_FROM), 0xffffffff81000000);
	assert_int_equal(rd(f, AMD_BR_TO), 0xffffffff81000010);
	assert_int_equal(rd(f, AMD_INT_FROM), 0);
	wr(f, IA32_DEBUGCTL, 0);
	assert_false(shown(f));
	jump(f, 200);
	assert_int_equal(rd(f, AMD_BR_FROM), 0xffffffff81000000);
}

/*
 * "On interrupts and exceptions" LastBranch* take them, and LastInt* what
 * LastBranch* had.
 */
static void last_int_is_the_branch_before(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_DEBUGCTL, DEBUGCTL_LBR);
	taken(f, PMU_BRANCH_CALL, 100, 200);
	taken(f, PMU_BRANCH_EVENT, 210, 900);
	assert_int_equal(rd(f, AMD_BR_FROM), 210);
	assert_int_equal(rd(f, AMD_BR_TO), 900);
	assert_int_equal(rd(f, AMD_INT_FROM), 100);
	assert_int_equal(rd(f, AMD_INT_TO), 200);
	taken(f, PMU_BRANCH_RET, 910, 920);
	assert_int_equal(rd(f, AMD_INT_FROM), 100);
	taken(f, PMU_BRANCH_INT, 930, 940);
	assert_int_equal(rd(f, AMD_INT_FROM), 910);
}

/* "LBR Stack recording is independent of Last Branch Record (LBR)." */
static void stack_and_single_records_are_independent(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_DEBUGCTL, DEBUGCTL_LBR);
	jump(f, 100);
	assert_int_equal(lbr_from(f, 0), 0);
	assert_int_equal(rd(f, AMD_BR_FROM), 100);
	wr(f, IA32_DEBUGCTL, 0);
	wr(f, AMD_DEBUG_EXTN, AMD_LBRS);
	jump(f, 200);
	assert_int_equal(lbr_from(f, 0), 200);
	assert_int_equal(rd(f, AMD_BR_FROM), 100);
}

/* LastBranchStackSelect "controls the recording [...] to the LBR Stack". */
static void select_is_the_stacks_alone(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_DEBUGCTL, DEBUGCTL_LBR);
	wr(f, AMD_DEBUG_EXTN, AMD_LBRS);
	wr(f, AMD_LBR_SELECT, 0x1ff);
	jump(f, 100);
	assert_int_equal(lbr_from(f, 0), 0);
	assert_int_equal(rd(f, AMD_BR_FROM), 100);
}

/* The sixteen "most recent control-transfer instructions", newest first */
static void stack_entry_0_is_the_newest(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	for (unsigned int i = 1; i <= 40; i++)
		jump(f, i);
	for (unsigned int age = 0; age < 16; age++) {
		assert_int_equal(lbr_from(f, age), 40 - age);
		assert_int_equal(lbr_to(f, age), 0x1000 + 40 - age);
	}
}

/* Table 13-3: V = 1, SPEC = 0: "normal recorded branch"; 0, 0: none yet */
static void entries_are_valid_and_not_speculative(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	jump(f, 100);
	assert_int_equal(rd(f, AMD_LBR_TO_0) & (VALID | SPECULATIVE), VALID);
	assert_int_equal(rd(f, AMD_LBR_TO_0 + 2), 0);
}

/* Figure 13-7: FROM[63] mispredict, [56:0] the address */
static void entries_have_addresses_and_the_misprediction(void **state)
{
	struct fixture *f = *state;
	struct pmu_taken branch = {
		.type = PMU_BRANCH_COND, .mispredicted = true,
		.from = 0xffffffff81000000, .to = 0xffffffff81000010,
	};

	lbr_on(f);
	pmu_record_branch(&f->pmu, &branch);
	assert_int_equal(rd(f, AMD_LBR_FROM_0), MISPREDICT | 0x01ffffff81000000);
	assert_int_equal(rd(f, AMD_LBR_TO_0), VALID | 0x01ffffff81000010);
	branch.mispredicted = false;
	pmu_record_branch(&f->pmu, &branch);
	assert_int_equal(rd(f, AMD_LBR_FROM_0), 0x01ffffff81000000);
}

/* There is no call-stack mode: returns are entries. */
static void returns_are_entries(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	taken(f, PMU_BRANCH_CALL, 100, 200);
	taken(f, PMU_BRANCH_RET, 210, 105);
	assert_int_equal(lbr_from(f, 0), 210);
	assert_int_equal(lbr_from(f, 1), 100);
}

static void reset_clears_all(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_DEBUGCTL, DEBUGCTL_LBR);
	wr(f, AMD_LBR_SELECT, 1 << 4);
	lbr_on(f);
	jump(f, 100);
	pmu_reset(&f->pmu);
	assert_false(shown(f));
	assert_int_equal(rd(f, AMD_DEBUG_EXTN), 0);
	assert_int_equal(rd(f, AMD_LBR_SELECT), 0);
	assert_int_equal(rd(f, AMD_BR_FROM), 0);
	assert_int_equal(rd(f, AMD_LBR_FROM_0), 0);
	assert_int_equal(rd(f, AMD_LBR_TO_0), 0);
}

static struct pmu_svm_lbr guest_of_the_test(void)
{
	struct pmu_svm_lbr guest = {
		.debugctl = DEBUGCTL_LBR | DEBUGCTL_BTF,
		.br_from = 11, .br_to = 12, .excp_from = 13, .excp_to = 14,
		.debug_extn = AMD_LBRS, .select = 1 << 5,
	};

	for (unsigned int i = 0; i < 16; i++) {
		guest.stack[2 * i] = 1000 + i;
		guest.stack[2 * i + 1] = VALID | (2000 + i);
	}
	return guest;
}

/* 15.23.1: "VMRUN saves [...], then loads the same [...] for the guest" */
static void vmrun_loads_the_guests_single_records(void **state)
{
	struct fixture *f = *state;
	const struct pmu_svm_lbr guest = guest_of_the_test();

	pmu_svm_lbr_enter(&f->pmu, &guest);
	assert_true(shown(f));
	assert_int_equal(rd(f, IA32_DEBUGCTL), DEBUGCTL_LBR | DEBUGCTL_BTF);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(rd(f, AMD_BR_FROM + i), 11 + i);
}

static void vmexit_saves_the_guests_single_records(void **state)
{
	struct fixture *f = *state;
	struct pmu_svm_lbr guest = guest_of_the_test();

	pmu_svm_lbr_enter(&f->pmu, &guest);
	taken(f, PMU_BRANCH_EVENT, 500, 600);
	pmu_svm_lbr_leave(&f->pmu, &guest);
	assert_int_equal(guest.debugctl, DEBUGCTL_LBR | DEBUGCTL_BTF);
	assert_int_equal(guest.br_from, 500);
	assert_int_equal(guest.br_to, 600);
	assert_int_equal(guest.excp_from, 11);
	assert_int_equal(guest.excp_to, 12);
}

static void vmexit_gives_back_the_hosts_single_records(void **state)
{
	struct fixture *f = *state;
	struct pmu_svm_lbr guest = guest_of_the_test();

	wr(f, IA32_DEBUGCTL, DEBUGCTL_LBR);
	taken(f, PMU_BRANCH_JMP, 1, 2);
	taken(f, PMU_BRANCH_EVENT, 3, 4);
	guest.debugctl = 0;
	pmu_svm_lbr_enter(&f->pmu, &guest);
	jump(f, 100);
	assert_int_equal(rd(f, AMD_BR_FROM), 11);
	pmu_svm_lbr_leave(&f->pmu, &guest);
	assert_true(shown(f));
	assert_int_equal(rd(f, IA32_DEBUGCTL), DEBUGCTL_LBR);
	assert_int_equal(rd(f, AMD_BR_FROM), 3);
	assert_int_equal(rd(f, AMD_BR_TO), 4);
	assert_int_equal(rd(f, AMD_INT_FROM), 1);
	assert_int_equal(rd(f, AMD_INT_TO), 2);
}

static void vmrun_loads_the_guests_stack(void **state)
{
	struct fixture *f = *state;
	const struct pmu_svm_lbr guest = guest_of_the_test();

	lbr_on(f);
	for (unsigned int i = 0; i < 5; i++)
		jump(f, 7);
	wr(f, AMD_DEBUG_EXTN, 0);
	pmu_svm_lbr_enter(&f->pmu, &guest);
	assert_int_equal(rd(f, AMD_DEBUG_EXTN), AMD_LBRS);
	assert_int_equal(rd(f, AMD_LBR_SELECT), 1 << 5);
	for (unsigned int i = 0; i < 16; i++) {
		assert_int_equal(rd(f, AMD_LBR_FROM_0 + 2 * i), 1000 + i);
		assert_int_equal(rd(f, AMD_LBR_TO_0 + 2 * i), VALID | (2000 + i));
	}
}

/* The stack's fields are in MSR order: entry 0 first, FROM before TO. */
static void vmexit_saves_the_guests_stack(void **state)
{
	struct fixture *f = *state;
	struct pmu_svm_lbr guest = guest_of_the_test();

	pmu_svm_lbr_enter(&f->pmu, &guest);
	jump(f, 100);
	wr(f, AMD_LBR_SELECT, 1 << 6);
	memset(guest.stack, 0, sizeof(guest.stack));
	pmu_svm_lbr_leave(&f->pmu, &guest);
	assert_int_equal(guest.stack[0], 100);
	assert_int_equal(guest.stack[1], VALID | 0x1064);
	for (unsigned int i = 1; i < 16; i++) {
		assert_int_equal(guest.stack[2 * i], 999 + i);
		assert_int_equal(guest.stack[2 * i + 1], VALID | (1999 + i));
	}
	assert_int_equal(guest.select, 1 << 6);
	assert_int_equal(guest.debug_extn, AMD_LBRS);
}

/*
 * "VMRUN restores only guest state and #VMEXIT saves only guest state" for the
 * stack and its select register; DebugExtnCtl is the host's again.
 */
static void vmexit_leaves_the_guests_stack(void **state)
{
	struct fixture *f = *state;
	struct pmu_svm_lbr guest = guest_of_the_test();

	wr(f, AMD_LBR_SELECT, 1 << 2);
	pmu_svm_lbr_enter(&f->pmu, &guest);
	assert_true(shown(f));
	pmu_svm_lbr_leave(&f->pmu, &guest);
	assert_false(shown(f));
	assert_int_equal(rd(f, AMD_DEBUG_EXTN), 0);
	assert_int_equal(rd(f, AMD_LBR_SELECT), 1 << 5);
	assert_int_equal(rd(f, AMD_LBR_FROM_0), 1000);
	assert_int_equal(rd(f, AMD_LBR_FROM_0 + 30), 1015);
}

static void vmrun_ignores_reserved_bits(void **state)
{
	struct fixture *f = *state;
	struct pmu_svm_lbr guest;

	memset(&guest, 0xff, sizeof(guest));
	pmu_svm_lbr_enter(&f->pmu, &guest);
	assert_true(pmu_debugctl_valid(&f->pmu, rd(f, IA32_DEBUGCTL)));
	if (f->cpu.lbr_depth) {
		assert_int_equal(rd(f, AMD_DEBUG_EXTN), AMD_LBRS);
		assert_int_equal(rd(f, AMD_LBR_SELECT), 0x1ff);
		assert_int_equal(rd(f, AMD_LBR_FROM_0), B(63) | LOW(57));
		assert_int_equal(rd(f, AMD_LBR_TO_0), B(63) | B(62) | LOW(57));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_AMD(last_branch_is_recorded),
		ON_AMD(last_int_is_the_branch_before),
		ON("zen4", stack_and_single_records_are_independent),
		ON("zen4", select_is_the_stacks_alone),
		ON("zen4", stack_entry_0_is_the_newest),
		ON("zen4", entries_are_valid_and_not_speculative),
		ON("zen4", entries_have_addresses_and_the_misprediction),
		ON("zen4", returns_are_entries),
		ON("zen4", reset_clears_all),
		ON_AMD(vmrun_loads_the_guests_single_records),
		ON_AMD(vmexit_saves_the_guests_single_records),
		ON_AMD(vmexit_gives_back_the_hosts_single_records),
		ON("zen4", vmrun_loads_the_guests_stack),
		ON("zen4", vmexit_saves_the_guests_stack),
		ON("zen4", vmexit_leaves_the_guests_stack),
		ON_AMD(vmrun_ignores_reserved_bits),
	};

	return cmocka_run_group_tests_name("lbr-amd", tests, NULL, NULL);
}
