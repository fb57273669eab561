// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID's account of the PMU, and that the registers agree with it.
 */
#include "pmu-fixture.h"

enum { EAX, EBX, ECX, EDX };

static void subleaf(const struct fixture *f, uint32_t number, uint32_t sub,
		    uint32_t fill, uint32_t regs[4])
{
	for (int i = 0; i < 4; i++)
		regs[i] = fill;
	pmu_cpuid_leaf(&f->cpu, number, sub, regs);
}

static void leaf(const struct fixture *f, uint32_t number, uint32_t fill,
		 uint32_t regs[4])
{
	subleaf(f, number, 0, fill, regs);
}

/* Whatever was there before, leaf 0AH is the PMU's alone. */
static void check_leaf_a(struct fixture *f, uint32_t eax, uint32_t ecx,
			 uint32_t edx)
{
	uint32_t regs[4];

	for (uint32_t fill = 0; fill < 2; fill++) {
		leaf(f, 0xa, -fill, regs);
		assert_int_equal(regs[EAX], eax);
		assert_int_equal(regs[EBX], 0);
		assert_int_equal(regs[ECX], ecx);
		assert_int_equal(regs[EDX], edx);
	}
}

/*
 * SDM vol. 2, CPUID leaf 0AH: EAX version, counters, width, length of EBX;
 * EBX the architectural events that are absent; ECX (version 5) the fixed
 * counters as a mask; EDX their number and width, 15 AnyThread deprecation.
 */
static void haswell_leaf_a(void **state)
{
	check_leaf_a(*state, 0x07300403, 0, 0x00000603);
}

static void skylake_leaf_a(void **state)
{
	check_leaf_a(*state, 0x07300404, 0, 0x00000603);
}

static void v5_leaf_a(void **state)
{
	check_leaf_a(*state, 0x08300805, 0xf, 0x00008604);
}

/*
 * Leaf 1: ECX[15] PDCM, there is IA32_PERF_CAPABILITIES; ECX[2] DTES64 and
 * EDX[21] DS, the debug store.
 */
static void check_leaf_1(struct fixture *f, uint32_t dtes64, uint32_t ds)
{
	const uint32_t ecx = 1 << 15 | 1 << 2, edx = 1 << 21;
	uint32_t regs[4];

	leaf(f, 1, 0, regs);
	assert_int_equal(regs[ECX], 1 << 15 | dtes64);
	assert_int_equal(regs[EDX], ds);
	leaf(f, 1, UINT32_MAX, regs);
	assert_int_equal(regs[ECX], (UINT32_MAX & ~ecx) | 1 << 15 | dtes64);
	assert_int_equal(regs[EDX], (UINT32_MAX & ~edx) | ds);
	assert_int_equal(regs[EAX], UINT32_MAX);
	assert_int_equal(regs[EBX], UINT32_MAX);
}

static void leaf_1_says_debug_store(void **state)
{
	check_leaf_1(*state, 1 << 2, 1 << 21);
}

static void leaf_1_says_no_debug_store(void **state)
{
	check_leaf_1(*state, 0, 0);
}

static void other_leaves_are_left_alone(void **state)
{
	struct fixture *f = *state;
	const uint32_t numbers[] = { 0, 2, 0xb, 0xd, 0x15, 0x16, 0x80000000,
				     0x80000008, 0x8000000a };
	uint32_t regs[4];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		leaf(f, numbers[i], 0x5a5a5a5a, regs);
		for (int r = 0; r < 4; r++)
			assert_int_equal(regs[r], 0x5a5a5a5a);
	}
}

/* SDM vol. 2, leaf 07H, subleaf 0: EDX[19] architectural LBRs */
static void check_leaf_7(struct fixture *f, uint32_t edx)
{
	uint32_t regs[4];

	for (uint32_t fill = 0; fill < 2; fill++) {
		leaf(f, 7, -fill, regs);
		assert_int_equal(regs[EDX] & 1 << 19, edx);
		assert_int_equal(regs[EDX] | 1 << 19, -fill | 1 << 19);
		assert_int_equal(regs[EAX], -fill);
		assert_int_equal(regs[EBX], -fill);
		assert_int_equal(regs[ECX], -fill);
		subleaf(f, 7, 1, -fill, regs);
		assert_int_equal(regs[EDX], -fill);
	}
}

static void leaf_7_says_architectural_lbr(void **state)
{
	check_leaf_7(*state, 1 << 19);
}

static void leaf_7_says_no_architectural_lbr(void **state)
{
	check_leaf_7(*state, 0);
}

/*
 * SDM vol. 2, leaf 1CH.  EAX[7:0]: bit n, the depth 8 * (n + 1) is supported;
 * 31 linear IPs.  EBX: 0 CPL filtering, 1 branch filtering, 2 call-stack mode.
 * ECX: 0 misprediction, 1 cycles, 2 branch type.
 */
static void arch_lbr_leaf_1c(void **state)
{
	uint32_t regs[4];

	leaf(*state, 0x1c, UINT32_MAX, regs);
	assert_int_equal(regs[EAX] & 0xff, 1 << 0 | 1 << 1 | 1 << 3);
	assert_int_equal(regs[EAX] & 1u << 31, 0);
	assert_int_equal(regs[EBX], 7);
	assert_int_equal(regs[ECX], 7);
	assert_int_equal(regs[EDX], 0);
	subleaf(*state, 0x1c, 1, UINT32_MAX, regs);
	for (int i = 0; i < 4; i++)
		assert_int_equal(regs[i], 0);
}

static bool is_there(struct fixture *f, uint32_t msr)
{
	uint64_t value;

	return pmu_rdmsr(&f->pmu, msr, &value) == PMU_OK;
}

/* Each depth that is promised can be set, and no other. */
static void depths_agree_with_leaf_1c(void **state)
{
	struct fixture *f = *state;
	uint32_t regs[4];

	leaf(f, 0x1c, 0, regs);
	for (uint64_t depth = 0; depth < 80; depth++) {
		bool promised = depth && depth % 8 == 0 &&
				regs[EAX] & 0xff & 1 << (depth / 8 - 1);

		assert_int_equal(pmu_wrmsr(&f->pmu, IA32_LBR_DEPTH, depth),
				 promised ? PMU_OK : PMU_GP);
	}
}

/*
 * APM vol. 3, 8000_0001H:ECX: 23 PerfCtrExtCore, 24 PerfCtrExtNB, 28
 * PerfCtrExtLLC; not 10 IBS nor 27 PerfTsc.
 */
static void amd_leaf_80000001(void **state)
{
	const uint32_t set = 1 << 23 | 1 << 24 | 1 << 28;
	const uint32_t clear = 1 << 10 | 1 << 27;
	uint32_t regs[4];

	leaf(*state, 0x80000001, 0, regs);
	assert_int_equal(regs[ECX], set);
	assert_int_equal(regs[EDX], 0);
	leaf(*state, 0x80000001, UINT32_MAX, regs);
	assert_int_equal(regs[ECX], UINT32_MAX & ~clear);
	assert_int_equal(regs[EDX], UINT32_MAX);
}

/*
 * APM vol. 3, 8000_0022H: EAX 0 PerfMonV2, 1 LbrStack, 2 LbrAndPmcFreeze;
 * EBX[3:0] core counters, [9:4] LBR entries, [15:10] northbridge counters.
 */
static void zen4_leaf_80000022(void **state)
{
	uint32_t regs[4];

	leaf(*state, 0x80000022, UINT32_MAX, regs);
	assert_int_equal(regs[EAX], 1 << 0 | 1 << 1 | 1 << 2);
	assert_int_equal(regs[EBX], 6 | 16 << 4 | 4 << 10);
	assert_int_equal(regs[ECX], 0);
	assert_int_equal(regs[EDX], 0);
}

static void zen3_leaf_80000022(void **state)
{
	uint32_t regs[4];

	leaf(*state, 0x80000022, UINT32_MAX, regs);
	for (int i = 0; i < 4; i++)
		assert_int_equal(regs[i], 0);
}

/*
 * SDM vol. 4, 345H: 5:0 LBR format (vol. 3B, "LBR Stack and Intel 64
 * Processors": 4 with flags in FROM, 5 with LBR_INFO; 3FH architectural), 6
 * PEBS_TRAP, 7 PEBS_ARCH_REG, 11:8 PEBS_FMT, 12 SMM_FREEZE, 13 FW_WRITE, 14
 * PEBS_BASELINE, 15 PERF_METRICS
 */
static void check_capabilities(struct fixture *f, uint64_t format)
{
	uint64_t expected = format | B(12) | B(13);

	if (f->cpu.version == 4)
		expected |= B(6) | B(7) | 3 << 8;
	if (f->cpu.version == 5)
		expected |= B(6) | B(7) | 4 << 8 | B(14) | B(15);
	assert_int_equal(rd(f, IA32_PERF_CAPABILITIES), expected);
}

static void haswell_capabilities(void **state)
{
	check_capabilities(*state, 4);
}

static void lbr_info_capabilities(void **state)
{
	check_capabilities(*state, 5);
}

static void arch_lbr_capabilities(void **state)
{
	check_capabilities(*state, 0x3f);
}

/* What CPUID promises can be read, and no more. */
static void registers_agree_with_leaf_a(void **state)
{
	struct fixture *f = *state;
	uint32_t regs[4], gp, fixed;

	leaf(f, 0xa, 0, regs);
	gp = regs[EAX] >> 8 & 0xff;
	fixed = regs[EDX] & 0x1f;
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(is_there(f, IA32_PMC0 + i), i < gp);
		assert_int_equal(is_there(f, IA32_PERFEVTSEL0 + i), i < gp);
		assert_int_equal(is_there(f, IA32_A_PMC0 + i), i < gp);
	}
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(is_there(f, IA32_FIXED_CTR0 + i), i < fixed);
	assert_int_equal(is_there(f, IA32_GLOBAL_INUSE), (regs[EAX] & 0xff) > 3);
	assert_int_equal(is_there(f, MSR_PERF_METRICS),
			 rd(f, IA32_PERF_CAPABILITIES) >> 15 & 1);
	assert_int_equal(is_there(f, MSR_PEBS_DATA_CFG),
			 rd(f, IA32_PERF_CAPABILITIES) >> 14 & 1);
	assert_int_equal(regs[EAX] >> 16 & 0xff, 48);
	assert_int_equal(regs[EDX] >> 5 & 0xff, 48);
}

static void the_six_models(void **state)
{
	static const char * const names[] = {
		"haswell", "skylake", "icelake", "sapphire-rapids",
		"zen3", "zen4",
	};
	const struct pmu_cpu *cpus;
	size_t count;

	(void)state;
	cpus = pmu_cpu_list(&count);
	assert_int_equal(count, 6);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(cpus[i].name, names[i]);
		assert_ptr_equal(pmu_cpu_find(names[i]), &cpus[i]);
	}
	assert_null(pmu_cpu_find("pentium"));
	assert_null(pmu_cpu_find(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON("haswell", haswell_leaf_a),
		ON("skylake", skylake_leaf_a),
		ON_V5(v5_leaf_a),
		ON_V3(leaf_1_says_no_debug_store),
		ON_V4_UP(leaf_1_says_debug_store),
		ON_ALL(other_leaves_are_left_alone),
		ON_AMD(amd_leaf_80000001),
		ON("zen4", zen4_leaf_80000022),
		ON("zen3", zen3_leaf_80000022),
		ON_LEGACY_LBR(leaf_7_says_no_architectural_lbr),
		ON_ARCH_LBR(leaf_7_says_architectural_lbr),
		ON_ARCH_LBR(arch_lbr_leaf_1c),
		ON_ARCH_LBR(depths_agree_with_leaf_1c),
		ON_V3(haswell_capabilities),
		ON_LBR_INFO(lbr_info_capabilities),
		ON_ARCH_LBR(arch_lbr_capabilities),
		ON_INTEL(registers_agree_with_leaf_a),
		cmocka_unit_test(the_six_models),
	};

	return cmocka_run_group_tests_name("cpuid", tests, NULL, NULL);
}
