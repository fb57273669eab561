// SPDX-License-Identifier: GPL-2.0-only
/*
 * Architectural LBRs: order, entries, depth, LER, call-stack mode; what SMM, VM
 * entry and exit, and RESET do to them.
 *
 * SDM vol. 3B, "Last Branch Records"; vol. 4, "Architectural MSRs"; vol. 3C,
 * "Loading Guest Control Registers, Debug Registers, and MSRs".
 */
#include "pmu-fixture.h"

#define CALL_STACK	(LBR_EN | LBR_OS | LBR_USR | LBR_CALL_STACK | \
			 B(19) | B(20) | B(21))

#define MISPRED		B(63)
#define CYC_CNT_VALID	B(60)
#define BR_TYPE(info)	((info) >> 56 & 0xf)

static void jump(struct fixture *f, uint64_t from)
{
	taken(f, PMU_BRANCH_JMP, from, from + 0x1000);
}

static void call(struct fixture *f, uint64_t from)
{
	taken(f, PMU_BRANCH_CALL, from, from + 0x1000);
}

static void ret(struct fixture *f)
{
	taken(f, PMU_BRANCH_RET, 0x9000, 0x9999);
}

/* "Entry 0 is the youngest"; the oldest is lost. */
static void entry_0_is_the_newest(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	for (unsigned int i = 1; i <= 70; i++)
		jump(f, i);
	for (unsigned int age = 0; age < 32; age++) {
		assert_int_equal(lbr_from(f, age), 70 - age);
		assert_int_equal(lbr_to(f, age), 0x1000 + 70 - age);
	}
}

static void a_smaller_depth_keeps_fewer(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_LBR_DEPTH, 8);
	lbr_on(f);
	for (unsigned int i = 1; i <= 20; i++)
		jump(f, i);
	for (unsigned int age = 0; age < 8; age++)
		assert_int_equal(lbr_from(f, age), 20 - age);
}

/* Software may write entries; they age like others. */
static void written_entries_age(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 32; i++)
		wr(f, IA32_LBR_0_FROM_IP + i, 500 + i);
	lbr_on(f);
	jump(f, 100);
	assert_int_equal(lbr_from(f, 0), 100);
	for (unsigned int age = 1; age < 32; age++)
		assert_int_equal(lbr_from(f, age), 499 + age);
}

/* "On a software write to IA32_LBR_DEPTH, all LBR entries are reset to 0." */
static void a_write_of_the_depth_clears(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	for (unsigned int i = 1; i <= 40; i++)
		taken(f, PMU_BRANCH_EVENT, i, i);
	wr(f, IA32_LBR_DEPTH, 32);
	for (unsigned int age = 0; age < 32; age++) {
		assert_int_equal(lbr_from(f, age), 0);
		assert_int_equal(lbr_to(f, age), 0);
		assert_int_equal(lbr_info(f, age), 0);
	}
	assert_int_equal(rd(f, IA32_LER_FROM_IP), 39);
	assert_int_equal(rd(f, IA32_LBR_CTL), LBR_ALL);
}

/* Table "IA32_LBR_x_INFO": BR_TYPE */
static void info_has_the_branch_type(void **state)
{
	struct fixture *f = *state;
	static const struct { enum pmu_branch type; unsigned int code; } codes[] = {
		{ PMU_BRANCH_COND, 0 }, { PMU_BRANCH_JMP_IND, 1 },
		{ PMU_BRANCH_JMP, 2 }, { PMU_BRANCH_CALL_IND, 3 },
		{ PMU_BRANCH_CALL, 4 }, { PMU_BRANCH_RET, 5 },
	};
	static const enum pmu_branch others[] = {
		PMU_BRANCH_FAR, PMU_BRANCH_INT, PMU_BRANCH_EVENT
	};

	lbr_on(f);
	for (size_t i = 0; i < 6; i++) {
		taken(f, codes[i].type, 1, 2);
		assert_int_equal(BR_TYPE(lbr_info(f, 0)), codes[i].code);
	}
	for (size_t i = 0; i < 3; i++) {
		taken(f, others[i], 1, 2);
		assert_int_equal(BR_TYPE(lbr_info(f, 0)) & 8, 8);
	}
}

static void info_has_the_misprediction(void **state)
{
	struct fixture *f = *state;
	struct pmu_taken branch = { .type = PMU_BRANCH_COND, .mispredicted = true };

	lbr_on(f);
	pmu_record_branch(&f->pmu, &branch);
	assert_int_equal(lbr_info(f, 0) & MISPRED, MISPRED);
	assert_int_equal(lbr_from(f, 0) & MISPRED, 0);
	branch.mispredicted = false;
	pmu_record_branch(&f->pmu, &branch);
	assert_int_equal(lbr_info(f, 0) & MISPRED, 0);
}

/* There is no transactional memory: 61 TSX_ABORT and 62 IN_TSX stay 0. */
static void addresses_are_whole(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	taken(f, PMU_BRANCH_JMP, 0xffffffff81000000, 0xff00000000000000);
	assert_int_equal(lbr_from(f, 0), 0xffffffff81000000);
	assert_int_equal(lbr_to(f, 0), 0xff00000000000000);
	assert_int_equal(lbr_info(f, 0) >> 61 & 3, 0);
}

static uint64_t cycles(struct fixture *f)
{
	return lbr_info(f, 0) & (CYC_CNT_VALID | 0xffff);
}

/* CPUID.1CH:ECX[1]: "cycles since last LBR entry", and whether it is valid */
static void info_has_the_cycles(void **state)
{
	struct fixture *f = *state;

	retire(f, 1000);
	lbr_on(f);
	retire(f, 5);
	jump(f, 100);
	assert_int_equal(cycles(f), 0);
	retire(f, 7);
	jump(f, 200);
	assert_int_equal(cycles(f), CYC_CNT_VALID | 7);
	jump(f, 300);
	assert_int_equal(cycles(f), CYC_CNT_VALID | 0);
	retire(f, 0x12345);
	jump(f, 400);
	assert_int_equal(cycles(f), CYC_CNT_VALID | 0xffff);
}

static void cycles_begin_with_recording(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	jump(f, 100);
	wr(f, IA32_LBR_CTL, 0);
	lbr_on(f);
	jump(f, 200);
	assert_int_equal(cycles(f), 0);
	jump(f, 300);
	assert_int_equal(cycles(f), CYC_CNT_VALID);
	wr(f, IA32_LBR_DEPTH, 16);
	jump(f, 400);
	assert_int_equal(cycles(f), 0);
	jump(f, 500);
	wr(f, IA32_LBR_CTL, LBR_ALL & ~LBR_USR);
	jump(f, 600);
	assert_int_equal(cycles(f), CYC_CNT_VALID);
}

/* "CALLs are pushed, RETs pop them": entries move up, the last becomes 0. */
static void call_stack_mode_pops_at_returns(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_LBR_CTL, CALL_STACK);
	for (unsigned int i = 1; i <= 40; i++)
		call(f, i);
	ret(f);
	for (unsigned int age = 0; age < 31; age++)
		assert_int_equal(lbr_from(f, age), 39 - age);
	assert_int_equal(lbr_from(f, 31), 0);
	assert_int_equal(lbr_to(f, 31), 0);
	assert_int_equal(lbr_info(f, 31), 0);
	taken(f, PMU_BRANCH_CALL_IND, 100, 200);
	assert_int_equal(lbr_from(f, 0), 100);
	assert_int_equal(lbr_from(f, 1), 39);
	for (unsigned int i = 0; i < 40; i++)
		ret(f);
	for (unsigned int age = 0; age < 32; age++)
		assert_int_equal(lbr_from(f, age), 0);
}

/* A RET pops if NEAR_RET is enabled, at a CPL that is. */
static void call_stack_mode_is_filtered(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_LBR_CTL, CALL_STACK & ~B(21));
	call(f, 100);
	ret(f);
	assert_int_equal(lbr_from(f, 0), 100);
	wr(f, IA32_LBR_CTL, CALL_STACK & ~LBR_USR);
	taken_cpl(f, PMU_BRANCH_RET, 3, 3);
	assert_int_equal(lbr_from(f, 0), 100);
	ret(f);
	assert_int_equal(lbr_from(f, 0), 0);
}

/*
 * "It records the last taken branch preceding the last exception, hardware
 * interrupt, or software interrupt."
 */
static void ler_is_the_branch_before_the_event(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	taken(f, PMU_BRANCH_CALL, 100, 200);
	assert_int_equal(rd(f, IA32_LER_FROM_IP), 0);
	taken(f, PMU_BRANCH_EVENT, 210, 900);
	assert_int_equal(rd(f, IA32_LER_FROM_IP), 100);
	assert_int_equal(rd(f, IA32_LER_TO_IP), 200);
	assert_int_equal(BR_TYPE(rd(f, IA32_LER_INFO)), 4);
	taken(f, PMU_BRANCH_COND, 903, 905);
	taken(f, PMU_BRANCH_FAR, 910, 920);
	assert_int_equal(rd(f, IA32_LER_FROM_IP), 100);
	taken(f, PMU_BRANCH_INT, 930, 940);
	assert_int_equal(rd(f, IA32_LER_FROM_IP), 910);
	assert_int_equal(BR_TYPE(rd(f, IA32_LER_INFO)) & 8, 8);
}

/* It "is subject to the same dependencies on enabling and filtering". */
static void ler_is_filtered(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_LBR_CTL, LBR_ALL & ~B(17));
	call(f, 100);
	jump(f, 200);
	taken(f, PMU_BRANCH_EVENT, 300, 400);
	assert_int_equal(rd(f, IA32_LER_FROM_IP), 100);
	wr(f, IA32_LBR_CTL, 0);
	taken(f, PMU_BRANCH_EVENT, 500, 600);
	assert_int_equal(rd(f, IA32_LER_FROM_IP), 100);
}

/* "IA32_LBR_CTL.LBREn is saved and cleared on #SMI, and restored on RSM." */
static void smm_switches_off(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	jump(f, 100);
	pmu_set_mode(&f->pmu, (struct pmu_mode){ .smm = true });
	assert_int_equal(rd(f, IA32_LBR_CTL), LBR_ALL & ~LBR_EN);
	assert_false(shown(f));
	jump(f, 200);
	pmu_set_mode(&f->pmu, (struct pmu_mode){ 0 });
	assert_int_equal(rd(f, IA32_LBR_CTL), LBR_ALL);
	assert_true(shown(f));
	jump(f, 300);
	assert_int_equal(lbr_from(f, 0), 300);
	assert_int_equal(lbr_from(f, 1), 100);
}

/* An SMI handler may use the records itself, and RSM ends that. */
static void smm_can_switch_on(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_LBR_CTL, LBR_ALL & ~LBR_EN);
	pmu_set_mode(&f->pmu, (struct pmu_mode){ .smm = true });
	lbr_on(f);
	jump(f, 200);
	assert_int_equal(lbr_from(f, 0), 200);
	pmu_set_mode(&f->pmu, (struct pmu_mode){ 0 });
	assert_int_equal(rd(f, IA32_LBR_CTL), LBR_ALL & ~LBR_EN);
	assert_false(shown(f));
}

/* The VMCS field is checked as WRMSR checks the register. */
static void vmcs_check_is_that_of_wrmsr(void **state)
{
	struct fixture *f = *state;

	for (unsigned int bit = 0; bit < 64; bit++) {
		bool ok = pmu_wrmsr(&f->pmu, IA32_LBR_CTL, B(bit)) == PMU_OK;

		assert_int_equal(pmu_lbr_ctl_valid(&f->pmu, B(bit)), ok);
	}
	assert_true(pmu_lbr_ctl_valid(&f->pmu, 0));
	assert_true(pmu_lbr_ctl_valid(&f->pmu, LBR_ALL | LBR_CALL_STACK));
}

static void others_have_no_such_vmcs_field(void **state)
{
	struct fixture *f = *state;

	assert_false(pmu_lbr_ctl_valid(&f->pmu, LBR_ALL));
}

/* "Load guest IA32_LBR_CTL", "clear IA32_LBR_CTL" */
static void vm_entry_and_exit_load_lbr_ctl(void **state)
{
	struct fixture *f = *state;

	pmu_load_lbr_ctl(&f->pmu, LBR_ALL);
	assert_true(shown(f));
	assert_int_equal(rd(f, IA32_LBR_CTL), LBR_ALL);
	jump(f, 100);
	assert_int_equal(cycles(f), 0);
	pmu_load_lbr_ctl(&f->pmu, 0);
	assert_false(shown(f));
	jump(f, 200);
	assert_int_equal(lbr_from(f, 0), 100);
	assert_int_equal(rd(f, IA32_LBR_CTL), 0);
}

/* IA32_DEBUGCTL[0] "has no meaning" and reads as 0, whoever wrote it. */
static void debugctl_switches_nothing(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_DEBUGCTL, DEBUGCTL_LBR | FREEZE_LBRS);
	assert_false(shown(f));
	assert_int_equal(rd(f, IA32_DEBUGCTL), FREEZE_LBRS);
	pmu_load_debugctl(&f->pmu, DEBUGCTL_LBR | FREEZE_LBRS);
	assert_false(shown(f));
	assert_int_equal(rd(f, IA32_DEBUGCTL), FREEZE_LBRS);
}

/* Without the controls both go on with the same register. */
static void vm_exit_leaves_lbr_ctl(void **state)
{
	struct fixture *f = *state;

	lbr_on(f);
	pmu_load_debugctl(&f->pmu, 0);
	jump(f, 100);
	assert_int_equal(lbr_from(f, 0), 100);
}

/* Vol. 4, 14CFH: "The reset value will match the maximum supported." */
static void power_up(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rd(f, IA32_LBR_DEPTH), 32);
	assert_int_equal(rd(f, IA32_LBR_CTL), 0);
	assert_int_equal(rd(f, IA32_LER_FROM_IP), 0);
	for (unsigned int age = 0; age < 32; age++)
		assert_int_equal(lbr_from(f, age), 0);
}

/*
 * "On a warm reset, all LBR MSRs, including IA32_LBR_DEPTH, have their values
 * preserved.  However, IA32_LBR_CTL.LBREn is cleared to 0."
 */
static void warm_reset_switches_off(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_LBR_DEPTH, 16);
	lbr_on(f);
	jump(f, 100);
	taken(f, PMU_BRANCH_EVENT, 200, 300);
	pmu_reset(&f->pmu);
	assert_false(shown(f));
	assert_int_equal(rd(f, IA32_LBR_CTL), LBR_ALL & ~LBR_EN);
	assert_int_equal(rd(f, IA32_LBR_DEPTH), 16);
	assert_int_equal(lbr_from(f, 0), 200);
	assert_int_equal(lbr_from(f, 1), 100);
	assert_int_equal(rd(f, IA32_LER_FROM_IP), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ARCH_LBR(entry_0_is_the_newest),
		ON_ARCH_LBR(a_smaller_depth_keeps_fewer),
		ON_ARCH_LBR(written_entries_age),
		ON_ARCH_LBR(a_write_of_the_depth_clears),
		ON_ARCH_LBR(info_has_the_branch_type),
		ON_ARCH_LBR(info_has_the_misprediction),
		ON_ARCH_LBR(addresses_are_whole),
		ON_ARCH_LBR(info_has_the_cycles),
		ON_ARCH_LBR(cycles_begin_with_recording),
		ON_ARCH_LBR(call_stack_mode_pops_at_returns),
		ON_ARCH_LBR(call_stack_mode_is_filtered),
		ON_ARCH_LBR(ler_is_the_branch_before_the_event),
		ON_ARCH_LBR(ler_is_filtered),
		ON_ARCH_LBR(smm_switches_off),
		ON_ARCH_LBR(smm_can_switch_on),
		ON_ARCH_LBR(vmcs_check_is_that_of_wrmsr),
		ON_LEGACY_LBR(others_have_no_such_vmcs_field),
		ON_ARCH_LBR(vm_entry_and_exit_load_lbr_ctl),
		ON_ARCH_LBR(debugctl_switches_nothing),
		ON_ARCH_LBR(vm_exit_leaves_lbr_ctl),
		ON_ARCH_LBR(power_up),
		ON_ARCH_LBR(warm_reset_switches_off),
	};

	return cmocka_run_group_tests_name("lbr-arch", tests, NULL, NULL);
}
