// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's LVT entry for performance monitoring.
 *
 * SDM vol. 3A, 10.5.1 "Local Vector Table": vector 7:0, delivery mode 10:8,
 * mask 16.
 */
#include "pmu-fixture.h"

#define MASKED		0x10000u
#define FIXED_MODE	0x000u
#define SMI_MODE	0x200u
#define NMI_MODE	0x400u

static enum pmu_delivery deliver(struct fixture *f, uint32_t *lvtpc)
{
	return pmu_lvtpc_deliver(&f->pmu, lvtpc);
}

static void delivery_modes(void **state)
{
	struct fixture *f = *state;
	uint32_t lvtpc;

	lvtpc = FIXED_MODE | 0xef;
	assert_int_equal(deliver(f, &lvtpc), PMU_FIXED_VECTOR);
	lvtpc = SMI_MODE;
	assert_int_equal(deliver(f, &lvtpc), PMU_SMI);
	lvtpc = NMI_MODE | 0xef;
	assert_int_equal(deliver(f, &lvtpc), PMU_NMI);
}

/* 001, 011 and 110 are reserved. */
static void reserved_modes_deliver_nothing(void **state)
{
	const uint32_t modes[] = { 0x100, 0x300, 0x600 };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		uint32_t lvtpc = modes[i] | 0x40;

		assert_int_equal(deliver(f, &lvtpc), PMU_DROPPED);
	}
}

/* "Mask: 0 enables reception of the interrupt and 1 inhibits reception" */
static void masked_entry_delivers_nothing(void **state)
{
	struct fixture *f = *state;
	uint32_t lvtpc = MASKED | NMI_MODE;

	assert_int_equal(deliver(f, &lvtpc), PMU_DROPPED);
	assert_int_equal(lvtpc, MASKED | NMI_MODE);
	lvtpc = MASKED | FIXED_MODE | 0x33;
	assert_int_equal(deliver(f, &lvtpc), PMU_DROPPED);
	assert_int_equal(lvtpc, MASKED | FIXED_MODE | 0x33);
}

/*
 * SDM vol. 3A, 10.5.1: "When a performance monitoring counters interrupt is
 * generated, the mask bit for its associated LVT entry is set."
 */
static void intel_delivery_masks_the_entry(void **state)
{
	struct fixture *f = *state;
	uint32_t lvtpc = NMI_MODE | 2;

	assert_int_equal(deliver(f, &lvtpc), PMU_NMI);
	assert_int_equal(lvtpc, MASKED | NMI_MODE | 2);
	assert_int_equal(deliver(f, &lvtpc), PMU_DROPPED);
	lvtpc = FIXED_MODE | 0xf6;
	assert_int_equal(deliver(f, &lvtpc), PMU_FIXED_VECTOR);
	assert_int_equal(lvtpc, MASKED | FIXED_MODE | 0xf6);
	lvtpc = SMI_MODE;
	assert_int_equal(deliver(f, &lvtpc), PMU_SMI);
	assert_int_equal(lvtpc, MASKED | SMI_MODE);
}

/* APM vol. 2, 16.4: nothing of the kind is said of AMD's local APIC. */
static void amd_delivery_leaves_the_entry(void **state)
{
	struct fixture *f = *state;
	uint32_t lvtpc = NMI_MODE;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(deliver(f, &lvtpc), PMU_NMI);
		assert_int_equal(lvtpc, NMI_MODE);
	}
	lvtpc = FIXED_MODE | 0xf6;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(deliver(f, &lvtpc), PMU_FIXED_VECTOR);
		assert_int_equal(lvtpc, FIXED_MODE | 0xf6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(delivery_modes),
		ON_ALL(reserved_modes_deliver_nothing),
		ON_ALL(masked_entry_delivers_nothing),
		ON_INTEL(intel_delivery_masks_the_entry),
		ON_AMD(amd_delivery_leaves_the_entry),
	};

	return cmocka_run_group_tests_name("lvtpc", tests, NULL, NULL);
}
