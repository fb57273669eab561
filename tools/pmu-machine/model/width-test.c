// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters themselves: how wide they are and how they are written.
 */
#include "pmu-fixture.h"

#define TOP	LOW(48)		/* the greatest value of a counter */

/*
 * SDM vol. 3B, "Architectural Performance Monitoring Version 1 Facilities":
 * CPUID.0AH:EAX[23:16] is the width; APM vol. 2, 13.2: 48 bits.
 */
static void counter_wraps_at_48_bits(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		start_at(f, i, EN | OS | EV_INSTRUCTIONS, TOP);
		run(f, 1);
		assert_int_equal(rd(f, counter(f, i)), 0);
		run(f, 2);
		assert_int_equal(rd(f, counter(f, i)), 2);
	}
}

static void fixed_counter_wraps_at_48_bits(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	wr(f, IA32_FIXED_CTR_CTRL, 0x111);
	for (unsigned int i = 0; i < 3; i++) {
		wr(f, IA32_FIXED_CTR0 + i, TOP - 1);
		run(f, 3);
		assert_int_equal(rd(f, IA32_FIXED_CTR0 + i), 1);
	}
}

static void counter_keeps_its_value_while_disabled(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start_at(f, 0, OS | EV_INSTRUCTIONS, 77);
	run(f, 5);
	assert_int_equal(rd(f, counter(f, 0)), 77);
}

/*
 * SDM vol. 3B, 18.9.3 "Full Width Writes to Performance Counters": "WRMSR to
 * IA32_PMCx results in a sign-extended 32-bit value of the input EAX written
 * into IA32_PMCx."
 */
static void legacy_write_extends_the_sign_of_bit_31(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		wr(f, IA32_PMC0 + i, 0x80000000);
		assert_int_equal(rd(f, IA32_PMC0 + i), 0xffff80000000);
		wr(f, IA32_PMC0 + i, 0x7fffffff);
		assert_int_equal(rd(f, IA32_PMC0 + i), 0x7fffffff);
	}
}

static void legacy_write_ignores_edx(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_PMC0, 0xfedcba9800000001);
	assert_int_equal(rd(f, IA32_PMC0), 1);
	wr(f, IA32_PMC0, 0x00000001ffffffff);
	assert_int_equal(rd(f, IA32_PMC0), TOP);
}

/* SDM vol. 4, 4C1H: "Full Width Writable IA32_PMC0 Alias" */
static void alias_writes_the_full_width(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		wr(f, IA32_A_PMC0 + i, 0x123480000000);
		assert_int_equal(rd(f, IA32_A_PMC0 + i), 0x123480000000);
		assert_int_equal(rd(f, IA32_PMC0 + i), 0x123480000000);
	}
}

/* The bits above CPUID.0AH:EAX[23:16] are reserved in IA32_A_PMCx. */
static void alias_refuses_bits_above_the_width(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_A_PMC0, 5);
	for (unsigned int bit = 48; bit < 64; bit++)
		refused(f, IA32_A_PMC0, B(bit) | 6);
	assert_int_equal(rd(f, IA32_A_PMC0), 5);
}

/* "... If CPUID.0AH:EAX[15:8] > 0 && IA32_PERF_CAPABILITIES[13] = 1" */
static void alias_needs_the_capability(void **state)
{
	struct fixture *f = *state;

	f->cpu.perf_capabilities &= ~B(13);
	unreadable(f, IA32_A_PMC0);
	refused(f, IA32_A_PMC0, 0);
}

static void fixed_counter_takes_the_full_width(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < f->cpu.fixed; i++) {
		wr(f, IA32_FIXED_CTR0 + i, TOP);
		assert_int_equal(rd(f, IA32_FIXED_CTR0 + i), TOP);
		wr(f, IA32_FIXED_CTR0 + i, 0x80000000);
		assert_int_equal(rd(f, IA32_FIXED_CTR0 + i), 0x80000000);
	}
}

/*
 * SDM vol. 3B, "Architectural Performance Monitoring Version 2": "Bits beyond
 * the width of the fixed-function counter are reserved and must be written as
 * zeros."
 */
static void fixed_counter_refuses_bits_above_the_width(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_FIXED_CTR0 + 1, 9);
	for (unsigned int bit = 48; bit < 64; bit++)
		refused(f, IA32_FIXED_CTR0 + 1, B(bit));
	assert_int_equal(rd(f, IA32_FIXED_CTR0 + 1), 9);
}

/*
 * SDM vol. 3B, 18.9.2: "If CPUID.0AH:EAX[15:8] report 4, access to
 * IA32_PMC4-IA32_PMC7 [...] will cause #GP."
 */
static void counters_beyond_the_last_are_absent(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = f->cpu.gp; i < 8; i++) {
		unreadable(f, IA32_PMC0 + i);
		unreadable(f, IA32_A_PMC0 + i);
		unreadable(f, IA32_PERFEVTSEL0 + i);
		refused(f, IA32_PMC0 + i, 0);
		refused(f, IA32_A_PMC0 + i, 0);
		refused(f, IA32_PERFEVTSEL0 + i, 0);
	}
	for (unsigned int i = f->cpu.fixed; i < 4; i++) {
		unreadable(f, IA32_FIXED_CTR0 + i);
		refused(f, IA32_FIXED_CTR0 + i, 0);
	}
}

static void all_counters_are_different_ones(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		wr(f, counter(f, i), 100 + i);
		wr(f, selector(f, i), OS | (i + 1));
	}
	for (unsigned int i = 0; i < f->cpu.fixed; i++)
		wr(f, IA32_FIXED_CTR0 + i, 200 + i);
	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		assert_int_equal(rd(f, counter(f, i)), 100 + i);
		assert_int_equal(rd(f, selector(f, i)), OS | (i + 1));
	}
	for (unsigned int i = 0; i < f->cpu.fixed; i++)
		assert_int_equal(rd(f, IA32_FIXED_CTR0 + i), 200 + i);
}

/* APM vol. 2, 13.2.1: PerfCtr[47:0]; bits 63:48 are reserved, read as zero. */
static void amd_counter_drops_bits_above_the_width(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		wr(f, AMD_CTR0 + 2 * i, UINT64_MAX);
		assert_int_equal(rd(f, AMD_CTR0 + 2 * i), TOP);
		wr(f, AMD_CTR0 + 2 * i, 0xffff800000000001);
		assert_int_equal(rd(f, AMD_CTR0 + 2 * i), 0x800000000001);
	}
}

/*
 * APM vol. 2, 13.2.1: C001_0000H to C001_0007H are the first four counters
 * and selectors of C001_0200H to C001_0207H.
 */
static void amd_legacy_registers_are_aliases(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 4; i++) {
		wr(f, AMD_LEGACY_CTL0 + i, OS | (10 + i));
		wr(f, AMD_LEGACY_CTR0 + i, 0x800000000000 + i);
		assert_int_equal(rd(f, AMD_CTL0 + 2 * i), OS | (10 + i));
		assert_int_equal(rd(f, AMD_CTR0 + 2 * i), 0x800000000000 + i);
		wr(f, AMD_CTL0 + 2 * i, USR | (20 + i));
		wr(f, AMD_CTR0 + 2 * i, 30 + i);
		assert_int_equal(rd(f, AMD_LEGACY_CTL0 + i), USR | (20 + i));
		assert_int_equal(rd(f, AMD_LEGACY_CTR0 + i), 30 + i);
	}
}

static void amd_has_six_counters(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->cpu.gp, 6);
	for (uint32_t msr = AMD_CTL0 + 12; msr < AMD_CTL0 + 16; msr++) {
		unreadable(f, msr);
		refused(f, msr, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(counter_wraps_at_48_bits),
		ON_INTEL(fixed_counter_wraps_at_48_bits),
		ON_ALL(counter_keeps_its_value_while_disabled),
		ON_INTEL(legacy_write_extends_the_sign_of_bit_31),
		ON_INTEL(legacy_write_ignores_edx),
		ON_INTEL(alias_writes_the_full_width),
		ON_INTEL(alias_refuses_bits_above_the_width),
		ON_INTEL(alias_needs_the_capability),
		ON_INTEL(fixed_counter_takes_the_full_width),
		ON_INTEL(fixed_counter_refuses_bits_above_the_width),
		ON_INTEL(counters_beyond_the_last_are_absent),
		ON_ALL(all_counters_are_different_ones),
		ON_AMD(amd_counter_drops_bits_above_the_width),
		ON_AMD(amd_legacy_registers_are_aliases),
		ON_AMD(amd_has_six_counters),
	};

	return cmocka_run_group_tests_name("width", tests, NULL, NULL);
}
