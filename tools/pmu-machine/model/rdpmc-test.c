// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDPMC's index.
 *
 * SDM vol. 2, RDPMC: ECX[31:16] is the type (0 general-purpose, 4000H fixed,
 * 2000H performance metrics), ECX[15:0] the number; "Specifying an unsupported
 * PMC encoding will cause a general protection exception #GP(0)".
 * APM vol. 3, RDPMC: 0 to 5 core, 6 to 9 northbridge, 10 to 15 L3.
 */
#include "pmu-fixture.h"

#define TYPE_METRICS	(UINT32_C(0x2000) << 16)
#define TYPE_FIXED	(UINT32_C(0x4000) << 16)
#define AMD_NB_CTR0	0xc0010241u
#define AMD_L3_CTR0	0xc0010231u

static uint64_t rdpmc(struct fixture *f, uint32_t index)
{
	uint64_t value = 0;

	if (pmu_rdpmc(&f->pmu, index, &value) != PMU_OK)
		fail_msg("%s: RDPMC of %#x failed", f->cpu.name, index);
	return value;
}

static void no_counter(struct fixture *f, uint32_t index)
{
	uint64_t value;

	if (pmu_rdpmc(&f->pmu, index, &value) != PMU_GP)
		fail_msg("%s: no #GP for RDPMC of %#x", f->cpu.name, index);
}

static void gp_counters(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < f->cpu.gp; i++)
		wr(f, counter(f, i), 0x812345678900 + i);
	for (unsigned int i = 0; i < f->cpu.gp; i++)
		assert_int_equal(rdpmc(f, i), 0x812345678900 + i);
}

static void fixed_counters(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < f->cpu.fixed; i++)
		wr(f, IA32_FIXED_CTR0 + i, 0x912345678900 + i);
	for (unsigned int i = 0; i < f->cpu.fixed; i++)
		assert_int_equal(rdpmc(f, TYPE_FIXED | i), 0x912345678900 + i);
}

static void running_counter_is_up_to_date(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start(f, 0, EN | OS | EV_INSTRUCTIONS);
	run(f, 12);
	assert_int_equal(rdpmc(f, 0), 12);
	run(f, 1);
	assert_int_equal(rdpmc(f, 0), 13);
}

/* 64 is an index that no processor has. */
static void index_beyond_the_last_is_refused(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = f->cpu.gp; i < 0x10000; i++)
		no_counter(f, i);
	for (uint32_t i = f->cpu.fixed; i < 0x10000; i++)
		no_counter(f, TYPE_FIXED | i);
}

static void other_types_are_refused(void **state)
{
	struct fixture *f = *state;

	for (uint32_t type = 1; type < 0x10000; type++) {
		if (type != 0x4000 && type != 0x2000)
			no_counter(f, type << 16);
	}
	/* Netburst's "fast read" in bit 31 */
	no_counter(f, B(31) | TYPE_FIXED);
}

static void metrics(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rdpmc(f, TYPE_METRICS), 0);
	for (uint32_t i = 1; i < 0x10000; i++)
		no_counter(f, TYPE_METRICS | i);
}

static void metrics_are_refused(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 0x10000; i++)
		no_counter(f, TYPE_METRICS | i);
}

static void amd_northbridge_and_l3_counters(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 4; i++)
		wr(f, AMD_NB_CTR0 + 2 * i, 0x100 + i);
	for (uint32_t i = 0; i < 6; i++)
		wr(f, AMD_L3_CTR0 + 2 * i, 0x200 + i);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(rdpmc(f, 6 + i), 0x100 + i);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(rdpmc(f, 10 + i), 0x200 + i);
}

static void amd_index_beyond_the_last_is_refused(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 16; i < 0x10000; i++)
		no_counter(f, i);
	for (unsigned int bit = 16; bit < 32; bit++)
		no_counter(f, UINT32_C(1) << bit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(gp_counters),
		ON_INTEL(fixed_counters),
		ON_ALL(running_counter_is_up_to_date),
		ON_INTEL(index_beyond_the_last_is_refused),
		ON_INTEL(other_types_are_refused),
		ON_V5(metrics),
		ON("haswell", metrics_are_refused),
		ON("skylake", metrics_are_refused),
		ON_AMD(amd_northbridge_and_l3_counters),
		ON_AMD(amd_index_beyond_the_last_is_refused),
	};

	return cmocka_run_group_tests_name("rdpmc", tests, NULL, NULL);
}
