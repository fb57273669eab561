// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a counter counts: privilege level, host and guest, SMM, AnyThread.
 */
#include "pmu-fixture.h"

static uint64_t count_in(struct fixture *f, unsigned int i, struct pmu_mode mode)
{
	uint64_t before = rd(f, counter(f, i));

	pmu_set_mode(&f->pmu, mode);
	run(f, 10);
	return rd(f, counter(f, i)) - before;
}

static uint64_t fixed_count_in(struct fixture *f, unsigned int i, bool user)
{
	uint64_t before = rd(f, IA32_FIXED_CTR0 + i);

	pmu_set_mode(&f->pmu, (struct pmu_mode){ .user = user });
	run(f, 10);
	return rd(f, IA32_FIXED_CTR0 + i) - before;
}

/*
 * SDM vol. 3B, "IA32_PERFEVTSELx": USR counts at privilege levels 1, 2 or 3,
 * OS at 0; "can be used with" each other.  APM vol. 2, 13.2.1: the same.
 */
static void usr_and_os(void **state)
{
	struct fixture *f = *state;
	const struct pmu_mode kernel = { 0 }, user = { .user = true };

	enable_all(f);
	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		start(f, i, EN | EV_INSTRUCTIONS);
		assert_int_equal(count_in(f, i, kernel), 0);
		assert_int_equal(count_in(f, i, user), 0);
		start(f, i, EN | OS | EV_INSTRUCTIONS);
		assert_int_equal(count_in(f, i, kernel), 10);
		assert_int_equal(count_in(f, i, user), 0);
		start(f, i, EN | USR | EV_INSTRUCTIONS);
		assert_int_equal(count_in(f, i, kernel), 0);
		assert_int_equal(count_in(f, i, user), 10);
		start(f, i, EN | USR | OS | EV_INSTRUCTIONS);
		assert_int_equal(count_in(f, i, kernel), 10);
		assert_int_equal(count_in(f, i, user), 10);
	}
}

/*
 * SDM vol. 3B, 18.2.2: bit 0 of the four "while [...] at ring 0", bit 1 "at
 * ring greater than 0", 11B "irrespective of privilege levels", 00B stops.
 */
static void fixed_usr_and_os(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	for (unsigned int i = 0; i < f->cpu.fixed; i++) {
		uint64_t all = i == 3 ? 10 * f->cpu.slots : 10;

		for (uint64_t field = 0; field < 4; field++) {
			wr(f, IA32_FIXED_CTR_CTRL, field << (4 * i));
			assert_int_equal(fixed_count_in(f, i, false),
					 field & 1 ? all : 0);
			assert_int_equal(fixed_count_in(f, i, true),
					 field & 2 ? all : 0);
		}
	}
}

/* The mode changes with no register read in between. */
static void every_change_of_mode_is_seen(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start(f, 0, EN | USR | EV_INSTRUCTIONS);
	start(f, 1, EN | OS | EV_INSTRUCTIONS);
	for (unsigned int i = 1; i <= 10; i++) {
		pmu_set_mode(&f->pmu, (struct pmu_mode){ .user = true });
		run(f, i);
		pmu_set_mode(&f->pmu, (struct pmu_mode){ .user = false });
		run(f, 2 * i);
	}
	assert_int_equal(rd(f, counter(f, 0)), 55);
	assert_int_equal(rd(f, counter(f, 1)), 110);
}

static void mode_may_change_before_anything_runs(void **state)
{
	struct fixture *f = *state;

	pmu_set_mode(&f->pmu, (struct pmu_mode){ .user = true });
	run(f, 5);
	enable_all(f);
	start(f, 0, EN | USR | EV_INSTRUCTIONS);
	run(f, 5);
	assert_int_equal(rd(f, counter(f, 0)), 5);
}

/*
 * APM vol. 2, 13.2.1, HostOnly and GuestOnly (bits 41 and 40): with neither,
 * or with both and EFER.SVME set, host and guest are counted; one alone
 * counts only there.  A counter with either of them does not count at all
 * while EFER.SVME is clear.
 */
static void host_only_and_guest_only(void **state)
{
	const uint64_t selects[] = { 0, GUEST_ONLY, HOST_ONLY,
				     GUEST_ONLY | HOST_ONLY };
	const struct pmu_mode no_svme = { 0 }, host = { .svme = true };
	const struct pmu_mode guest = { .svme = true, .guest = true };
	const unsigned int expected[][3] = {	/* no SVME, host, guest */
		{ 10, 10, 10 }, { 0, 0, 10 }, { 0, 10, 0 }, { 0, 10, 10 },
	};
	struct fixture *f = *state;

	enable_all(f);
	for (unsigned int i = 0; i < 4; i++) {
		start(f, 3, EN | USR | OS | selects[i] | EV_INSTRUCTIONS);
		assert_int_equal(count_in(f, 3, no_svme), expected[i][0]);
		assert_int_equal(count_in(f, 3, host), expected[i][1]);
		assert_int_equal(count_in(f, 3, guest), expected[i][2]);
	}
}

static void guest_only_and_privilege_level(void **state)
{
	const struct pmu_mode kernel = { .svme = true, .guest = true };
	const struct pmu_mode user = { .user = true, .svme = true, .guest = true };
	struct fixture *f = *state;

	enable_all(f);
	start(f, 0, EN | USR | GUEST_ONLY | EV_INSTRUCTIONS);
	assert_int_equal(count_in(f, 0, kernel), 0);
	assert_int_equal(count_in(f, 0, user), 10);
	start(f, 0, EN | OS | GUEST_ONLY | EV_INSTRUCTIONS);
	assert_int_equal(count_in(f, 0, kernel), 10);
	assert_int_equal(count_in(f, 0, user), 0);
}

/* VMX knows no such filter: GLOBAL_CTRL is switched instead. */
static void vmx_non_root_mode_is_no_filter(void **state)
{
	struct fixture *f = *state;
	const struct pmu_mode guest = { .guest = true };

	enable_all(f);
	start(f, 0, EN | OS | EV_INSTRUCTIONS);
	assert_int_equal(count_in(f, 0, guest), 10);
	assert_int_equal(count_in(f, 0, (struct pmu_mode){ 0 }), 10);
}

/*
 * SDM vol. 3B, 17.4.1, FREEZE_WHILE_SMM_EN: "upon the delivery of an SMI, the
 * processor will clear all the enable bits of IA32_PERF_GLOBAL_CTRL"; they
 * are set again by RSM.
 */
static void freeze_while_smm(void **state)
{
	struct fixture *f = *state;
	const struct pmu_mode smm = { .smm = true }, kernel = { 0 };

	enable_all(f);
	start(f, 0, EN | OS | EV_INSTRUCTIONS);
	wr(f, IA32_FIXED_CTR_CTRL, 1);
	wr(f, IA32_DEBUGCTL, FREEZE_SMM);
	assert_int_equal(count_in(f, 0, kernel), 10);
	assert_int_equal(count_in(f, 0, smm), 0);
	assert_int_equal(count_in(f, 0, kernel), 10);
	assert_int_equal(rd(f, IA32_FIXED_CTR0), 20);
	wr(f, IA32_DEBUGCTL, 0);
	assert_int_equal(count_in(f, 0, smm), 10);
}

static void smm_is_counted_on_amd(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start(f, 0, EN | OS | EV_INSTRUCTIONS);
	assert_int_equal(count_in(f, 0, (struct pmu_mode){ .smm = true }), 10);
}

/*
 * SDM vol. 3B, 18.2.3: AnyThread counts "across all logical processors sharing
 * a processor core", "including matching the thread's CPL": every core of the
 * machine has one.
 */
static void any_thread_is_this_thread(void **state)
{
	struct fixture *f = *state;
	const struct pmu_mode kernel = { 0 }, user = { .user = true };

	enable_all(f);
	start(f, 0, EN | USR | ANYTHREAD | EV_INSTRUCTIONS);
	assert_int_equal(count_in(f, 0, kernel), 0);
	assert_int_equal(count_in(f, 0, user), 10);
	wr(f, IA32_FIXED_CTR_CTRL, 0x6);
	assert_int_equal(fixed_count_in(f, 0, false), 0);
	assert_int_equal(fixed_count_in(f, 0, true), 10);
	wr(f, IA32_FIXED_CTR_CTRL, 0x4);
	assert_int_equal(fixed_count_in(f, 0, true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(usr_and_os),
		ON_INTEL(fixed_usr_and_os),
		ON_ALL(every_change_of_mode_is_seen),
		ON_ALL(mode_may_change_before_anything_runs),
		ON_AMD(host_only_and_guest_only),
		ON_AMD(guest_only_and_privilege_level),
		ON_INTEL(vmx_non_root_mode_is_no_filter),
		ON_INTEL(freeze_while_smm),
		ON_AMD(smm_is_counted_on_amd),
		ON("haswell", any_thread_is_this_thread),
		ON("skylake", any_thread_is_this_thread),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
