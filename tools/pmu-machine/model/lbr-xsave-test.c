// SPDX-License-Identifier: GPL-2.0-only
/*
 * The architectural LBRs as XSAVE state component 15.
 *
 * SDM vol. 1, chapter 13, "Architectural LBR State"; vol. 3B, "Last Branch
 * Records".
 */
#include <string.h>

#include "pmu-fixture.h"

enum { CTL, DEPTH, LER_FROM, LER_TO, LER_INFO, ENTRY_0 };

typedef uint64_t area_t[PMU_LBR_XSAVE_QWORDS];

/* More branches than entries, the last of them an event */
static void record(struct fixture *f)
{
	lbr_on(f);
	for (unsigned int i = 1; i <= 50; i++) {
		retire(f, i);
		taken(f, i % 10 ? PMU_BRANCH_JMP : PMU_BRANCH_EVENT, i, 1000 + i);
	}
}

static void clear(area_t area)
{
	memset(area, 0, sizeof(area_t));
}

/* CPUID.(0DH, 15):EAX */
static void the_component_has_808_bytes(void **state)
{
	(void)state;
	assert_int_equal(sizeof(area_t), 808);
}

static void xsave_saves_all(void **state)
{
	struct fixture *f = *state;
	area_t area;

	record(f);
	memset(area, 0xa5, sizeof(area));
	pmu_lbr_xsave(&f->pmu, area);
	assert_int_equal(area[CTL], LBR_ALL);
	assert_int_equal(area[DEPTH], 32);
	assert_int_equal(area[LER_FROM], 49);
	assert_int_equal(area[LER_TO], 1049);
	assert_int_equal(area[LER_INFO], rd(f, IA32_LER_INFO));
	for (unsigned int age = 0; age < 32; age++) {
		assert_int_equal(area[ENTRY_0 + 3 * age], 50 - age);
		assert_int_equal(area[ENTRY_0 + 3 * age + 1], 1050 - age);
		assert_int_equal(area[ENTRY_0 + 3 * age + 2], lbr_info(f, age));
	}
}

static void xsave_changes_nothing(void **state)
{
	struct fixture *f = *state;
	area_t area;

	record(f);
	pmu_lbr_xsave(&f->pmu, area);
	assert_true(shown(f));
	assert_int_equal(rd(f, IA32_LBR_CTL), LBR_ALL);
	assert_int_equal(lbr_from(f, 31), 19);
}

static void xrstor_brings_all_back(void **state)
{
	struct fixture *f = *state;
	area_t before, after;

	record(f);
	pmu_lbr_xsave(&f->pmu, before);
	pmu_lbr_xinit(&f->pmu);
	assert_true(pmu_lbr_xrstor(&f->pmu, before));
	pmu_lbr_xsave(&f->pmu, after);
	assert_memory_equal(before, after, sizeof(area_t));
	assert_true(shown(f));
	taken(f, PMU_BRANCH_JMP, 100, 200);
	assert_int_equal(lbr_from(f, 0), 100);
	assert_int_equal(lbr_from(f, 1), 50);
	assert_int_equal(lbr_from(f, 31), 20);
}

/* Cycles since an entry of another context are nobody's. */
static void cycles_begin_with_xrstor(void **state)
{
	struct fixture *f = *state;
	area_t area;

	record(f);
	pmu_lbr_xsave(&f->pmu, area);
	assert_true(pmu_lbr_xrstor(&f->pmu, area));
	taken(f, PMU_BRANCH_JMP, 100, 200);
	assert_int_equal(lbr_info(f, 0) & B(60), 0);
}

/*
 * "IA32_LBR_DEPTH is saved by XSAVES, but it is not written by XRSTORS in any
 * circumstance."  Entries of another depth are cleared.
 */
static void xrstor_with_another_depth_clears(void **state)
{
	struct fixture *f = *state;
	area_t area;

	record(f);
	pmu_lbr_xsave(&f->pmu, area);
	area[DEPTH] = 16;
	assert_true(pmu_lbr_xrstor(&f->pmu, area));
	assert_int_equal(rd(f, IA32_LBR_DEPTH), 32);
	for (unsigned int age = 0; age < 32; age++) {
		assert_int_equal(lbr_from(f, age), 0);
		assert_int_equal(lbr_to(f, age), 0);
		assert_int_equal(lbr_info(f, age), 0);
	}
	assert_int_equal(rd(f, IA32_LER_FROM_IP), 49);
	assert_int_equal(rd(f, IA32_LBR_CTL), LBR_ALL);
}

static void a_smaller_depth_is_saved_and_restored(void **state)
{
	struct fixture *f = *state;
	area_t area;

	wr(f, IA32_LBR_DEPTH, 8);
	record(f);
	pmu_lbr_xsave(&f->pmu, area);
	assert_int_equal(area[DEPTH], 8);
	assert_int_equal(area[ENTRY_0 + 3 * 7], 43);
	for (unsigned int i = ENTRY_0 + 3 * 8; i < PMU_LBR_XSAVE_QWORDS; i++)
		assert_int_equal(area[i], 0);
	pmu_lbr_xinit(&f->pmu);
	assert_true(pmu_lbr_xrstor(&f->pmu, area));
	for (unsigned int age = 0; age < 8; age++)
		assert_int_equal(lbr_from(f, age), 50 - age);
}

/* Reserved bits of IA32_LBR_CTL are a #GP, and nothing is restored. */
static void xrstor_checks_lbr_ctl(void **state)
{
	struct fixture *f = *state;
	area_t area;

	clear(area);
	area[DEPTH] = 32;
	record(f);
	for (unsigned int bit = 0; bit < 64; bit++) {
		area[CTL] = B(bit);
		if (0x7f000f & B(bit))
			continue;
		assert_false(pmu_lbr_xrstor(&f->pmu, area));
		assert_int_equal(lbr_from(f, 0), 50);
		assert_int_equal(rd(f, IA32_LBR_CTL), LBR_ALL);
	}
}

/* The other registers take what WRMSR takes, as WRMSR does. */
static void xrstor_writes_like_wrmsr(void **state)
{
	struct fixture *f = *state;
	area_t area;

	memset(area, 0xff, sizeof(area));
	area[CTL] = 0;
	area[DEPTH] = 32;
	area[ENTRY_0] = B(60) | 0x1000;
	assert_true(pmu_lbr_xrstor(&f->pmu, area));
	assert_int_equal(lbr_from(f, 0), 0x1000);
	assert_int_equal(lbr_to(f, 31), UINT64_MAX);
	assert_int_equal(lbr_info(f, 31), 0xff0000000000ffff);
	assert_int_equal(rd(f, IA32_LER_INFO), 0xff0000000000ffff);
}

/* The initial configuration: all 0 but the depth */
static void xinit_clears_all_but_the_depth(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_LBR_DEPTH, 16);
	record(f);
	pmu_lbr_xinit(&f->pmu);
	assert_false(shown(f));
	assert_int_equal(rd(f, IA32_LBR_CTL), 0);
	assert_int_equal(rd(f, IA32_LBR_DEPTH), 16);
	assert_int_equal(rd(f, IA32_LER_FROM_IP), 0);
	assert_int_equal(rd(f, IA32_LER_TO_IP), 0);
	assert_int_equal(rd(f, IA32_LER_INFO), 0);
	for (unsigned int age = 0; age < 16; age++) {
		assert_int_equal(lbr_from(f, age), 0);
		assert_int_equal(lbr_to(f, age), 0);
		assert_int_equal(lbr_info(f, age), 0);
	}
}

/* XINUSE[15] is 0 in the initial configuration only. */
static void in_use_unless_initial(void **state)
{
	struct fixture *f = *state;
	const uint32_t msrs[] = {
		IA32_LBR_CTL, IA32_LER_FROM_IP, IA32_LER_TO_IP, IA32_LER_INFO,
		IA32_LBR_0_FROM_IP + 31, IA32_LBR_0_TO_IP, IA32_LBR_0_INFO + 7,
	};

	assert_false(pmu_lbr_in_use(&f->pmu));
	wr(f, IA32_LBR_DEPTH, 16);
	assert_false(pmu_lbr_in_use(&f->pmu));
	wr(f, IA32_LBR_DEPTH, 32);
	for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		wr(f, msrs[i], 1);
		assert_true(pmu_lbr_in_use(&f->pmu));
		wr(f, msrs[i], 0);
		assert_false(pmu_lbr_in_use(&f->pmu));
	}
	record(f);
	assert_true(pmu_lbr_in_use(&f->pmu));
	pmu_lbr_xinit(&f->pmu);
	assert_false(pmu_lbr_in_use(&f->pmu));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_component_has_808_bytes),
		ON_ARCH_LBR(xsave_saves_all),
		ON_ARCH_LBR(xsave_changes_nothing),
		ON_ARCH_LBR(xrstor_brings_all_back),
		ON_ARCH_LBR(cycles_begin_with_xrstor),
		ON_ARCH_LBR(xrstor_with_another_depth_clears),
		ON_ARCH_LBR(a_smaller_depth_is_saved_and_restored),
		ON_ARCH_LBR(xrstor_checks_lbr_ctl),
		ON_ARCH_LBR(xrstor_writes_like_wrmsr),
		ON_ARCH_LBR(xinit_clears_all_but_the_depth),
		ON_ARCH_LBR(in_use_unless_initial),
	};

	return cmocka_run_group_tests_name("lbr-xsave", tests, NULL, NULL);
}
