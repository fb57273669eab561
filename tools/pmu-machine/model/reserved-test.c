// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reserved bits, read-only registers and registers that are not there.
 *
 * SDM vol. 2, WRMSR: "#GP(0) [...] If the value in EDX:EAX sets bits that are
 * reserved in the MSR specified by ECX", and for RDMSR and WRMSR "If the value
 * in ECX specifies a reserved or unimplemented MSR address".
 *
 * refused() checks besides that nothing at all was changed.
 */
#include "pmu-fixture.h"

/*
 * Every bit of @writable is taken and read back; every bit that is neither
 * writable nor @open is refused.  The open ones are those whose presence
 * hangs on a feature that is not the PMU's.
 */
static void check_bits(struct fixture *f, uint32_t msr, uint64_t writable,
		       uint64_t open)
{
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (writable & B(bit)) {
			wr(f, msr, B(bit));
			assert_int_equal(rd(f, msr), B(bit));
		} else if (!(open & B(bit))) {
			wr(f, msr, 0);
			refused(f, msr, B(bit));
			refused(f, msr, B(bit) | writable);
		}
	}
	wr(f, msr, writable);
	assert_int_equal(rd(f, msr), writable);
	wr(f, msr, 0);
}

/* The same for a register whose ones do something and which reads as 0 */
static void check_command_bits(struct fixture *f, uint32_t msr, uint64_t valid)
{
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (valid & B(bit))
			wr(f, msr, B(bit));
		else
			refused(f, msr, B(bit));
		assert_int_equal(rd(f, msr), 0);
	}
}

static uint64_t counters(const struct fixture *f)
{
	return LOW(f->cpu.gp) | LOW(f->cpu.fixed) << 32;
}

/* The level of the manual that each model is at, written down by hand */
static bool is_v5(const struct fixture *f)
{
	return f->cpu.gp == 8;
}

/*
 * SDM vol. 3B, "IA32_PERFEVTSELx": bits 63:32 are reserved, but for bit 34,
 * Adaptive_Record; bit 21, AnyThread, came with version 3 and is reserved again
 * where CPUID.0AH:EDX[15] is 1 (Ice Lake on both).  Bit 19 is "reserved (not writeable)" from Sandy Bridge on,
 * and processors let it be written all the same: left open.
 */
static void perfevtsel(void **state)
{
	struct fixture *f = *state;
	uint64_t writable = LOW(32) & ~B(19);

	if (is_v5(f))
		writable = (writable & ~ANYTHREAD) | ADAPTIVE;
	for (unsigned int i = 0; i < f->cpu.gp; i++)
		check_bits(f, IA32_PERFEVTSEL0 + i, writable, B(19));
}

/*
 * SDM vol. 4, 38DH: four bits a counter, the third AnyThread up to version 4;
 * bits 32, 36, 40, 44 Adaptive_Record from Ice Lake on; bits of counters that are not there are reserved.
 */
static void fixed_ctr_ctrl(void **state)
{
	struct fixture *f = *state;

	check_bits(f, IA32_FIXED_CTR_CTRL, is_v5(f) ? 0x11110000bbbb : 0xfff, 0);
}

/*
 * SDM vol. 3B, 18.9.1: "If CPUID.0AH:EAX[15:8] = 4, attempts to set the
 * invalid bits will cause #GP."  Bit 48 enables PERF_METRICS.
 */
static void global_ctrl(void **state)
{
	struct fixture *f = *state;
	uint64_t writable = is_v5(f) ? 0x0001000f000000ff : 0x70000000f;

	check_bits(f, IA32_GLOBAL_CTRL, writable, 0);
}

/*
 * SDM vol. 4, 390H: up to version 3 counters, 61, 62, 63 (60:56 reserved);
 * from version 4 on 58, 59, 60 too; 48 with PERF_METRICS; 55 needs Processor
 * Trace.
 */
static void global_ovf_ctrl(void **state)
{
	struct fixture *f = *state;
	uint64_t valid = counters(f) | B(61) | B(62) | B(63);

	if (f->cpu.version >= 4)
		valid |= B(58) | B(59) | B(60);
	if (is_v5(f))
		valid |= B(48);
	check_command_bits(f, IA32_GLOBAL_OVF_CTRL, valid);
}

/* SDM vol. 4, 391H: as 390H, but bit 63 is reserved */
static void global_status_set(void **state)
{
	struct fixture *f = *state;
	uint64_t valid = counters(f) | B(58) | B(59) | B(60) | B(61) | B(62);

	if (is_v5(f))
		valid |= B(48);
	check_command_bits(f, IA32_GLOBAL_STATUS_SET, valid);
}

/*
 * SDM vol. 4, 1D9H: bits 5:3 and 63:16 are reserved.  Bits 2 (bus-lock
 * detection), 13 (uncore PMI) and 15 (RTM) hang on other features.
 */
static void debugctl(void **state)
{
	struct fixture *f = *state;

	check_bits(f, IA32_DEBUGCTL, 0x5fc3, B(2) | B(13) | B(15));
}

/* With architectural LBRs bit 0 "can be written to 0 or 1, but reads ... 0". */
static void debugctl_lbr_is_ignored(void **state)
{
	struct fixture *f = *state;

	check_bits(f, IA32_DEBUGCTL, 0x5fc2, B(0) | B(2) | B(13) | B(15));
	wr(f, IA32_DEBUGCTL, FREEZE_LBRS | DEBUGCTL_LBR);
	assert_int_equal(rd(f, IA32_DEBUGCTL), FREEZE_LBRS);
}

/* "FREEZE_WHILE_SMM is supported if IA32_PERF_CAPABILITIES[12] is reporting 1" */
static void debugctl_smm_freeze_needs_the_capability(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_DEBUGCTL, FREEZE_SMM);
	wr(f, IA32_DEBUGCTL, 0);
	f->cpu.perf_capabilities &= ~B(12);
	refused(f, IA32_DEBUGCTL, FREEZE_SMM);
}

static void counter_widths(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < f->cpu.gp; i++)
		check_bits(f, IA32_A_PMC0 + i, LOW(48), 0);
	for (unsigned int i = 0; i < f->cpu.fixed; i++)
		check_bits(f, IA32_FIXED_CTR0 + i, LOW(48), 0);
}

/*
 * SDM vol. 4, 1A0H: 2:1, 6:4, 10 and 8, 15:14, 17, 21, 33:24, 37:35, 63:39
 * are reserved in every processor with this PMU.
 */
static void misc_enable(void **state)
{
	struct fixture *f = *state;
	uint64_t reserved = 0x6 | 0x70 | 0x500 | 0xc000 | B(17) | B(21) |
			    0x3ff000000 | 0x3800000000 | ~LOW(39);
	uint64_t value = rd(f, IA32_MISC_ENABLE);

	for (unsigned int bit = 0; bit < 64; bit++) {
		if (reserved & B(bit))
			refused(f, IA32_MISC_ENABLE, value | B(bit));
	}
}

/*
 * Bit 7, performance monitoring available, and bits 11 and 12, BTS and PEBS
 * unavailable, are read-only.
 */
static void check_misc_enable(struct fixture *f, uint64_t expected)
{
	const uint64_t read_only = B(7) | B(11) | B(12);
	uint64_t value = rd(f, IA32_MISC_ENABLE);

	assert_int_equal(value & read_only, expected);
	wr(f, IA32_MISC_ENABLE, value ^ read_only);
	assert_int_equal(rd(f, IA32_MISC_ENABLE) & read_only, expected);
}

static void misc_enable_says_pebs(void **state)
{
	check_misc_enable(*state, B(7) | B(11));
}

static void misc_enable_says_no_pebs(void **state)
{
	check_misc_enable(*state, B(7) | B(11) | B(12));
}

/* SDM vol. 4: 34H, 345H, 38EH and (from version 4) 392H are RO. */
static void read_only_registers(void **state)
{
	struct fixture *f = *state;
	const uint32_t msrs[] = { MSR_SMI_COUNT, IA32_PERF_CAPABILITIES,
				  IA32_GLOBAL_STATUS, IA32_GLOBAL_INUSE };
	unsigned int count = f->cpu.version >= 4 ? 4 : 3;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t value = rd(f, msrs[i]);

		refused(f, msrs[i], 0);
		refused(f, msrs[i], value);
		refused(f, msrs[i], 1);
	}
}

static void check_absent(struct fixture *f, uint32_t first, uint32_t last)
{
	for (uint32_t msr = first; msr <= last; msr++) {
		unreadable(f, msr);
		refused(f, msr, 0);
		refused(f, msr, 1);
	}
}

/* SDM vol. 4: "If CPUID.0AH:EAX[7:0] > 3" */
static void version_4_registers_are_absent(void **state)
{
	check_absent(*state, IA32_GLOBAL_STATUS_SET, IA32_GLOBAL_INUSE);
}

static void metrics_are_absent(void **state)
{
	check_absent(*state, MSR_PERF_METRICS, MSR_PERF_METRICS);
}

/* MISC_ENABLE[12:11] say that there is neither PEBS nor BTS; CPUID: no DS. */
static void pebs_is_absent(void **state)
{
	struct fixture *f = *state;

	check_absent(f, IA32_PEBS_ENABLE, MSR_PEBS_DATA_CFG);
	check_absent(f, IA32_DS_AREA, IA32_DS_AREA);
	check_absent(f, MSR_PEBS_FRONTEND, MSR_PEBS_FRONTEND);
}

/*
 * SDM vol. 3B, "IA32_PEBS_ENABLE": on Skylake 3:0 PEBS, 35:32 load latency; with
 * extended PEBS a bit for each counter
 */
static void pebs_enable(void **state)
{
	struct fixture *f = *state;

	check_bits(f, IA32_PEBS_ENABLE, is_v5(f) ? 0xf000000ff : 0xf0000000f, 0);
}

/* "MSR_PEBS_DATA_CFG": 3:0 groups, 31:24 LBR entries; only with PEBS_BASELINE */
static void pebs_data_cfg(void **state)
{
	check_bits(*state, MSR_PEBS_DATA_CFG, 0xff00000f, 0);
}

static void pebs_data_cfg_is_absent(void **state)
{
	check_absent(*state, MSR_PEBS_DATA_CFG, MSR_PEBS_DATA_CFG);
}

/* CPUID.07H:EDX[19] is 0: no architectural LBR. */
static void architectural_lbr_is_absent(void **state)
{
	struct fixture *f = *state;

	check_absent(f, IA32_LER_INFO, IA32_LER_INFO);
	check_absent(f, 0x14ce, 0x14cf);
	check_absent(f, 0x1200, 0x121f);
	check_absent(f, 0x1500, 0x151f);
	check_absent(f, 0x1600, 0x161f);
}

/* The Core microarchitecture's LBR stack has long gone, the P6's before it. */
static void old_lbrs_are_absent(void **state)
{
	check_absent(*state, 0x40, 0x47);
	check_absent(*state, 0x1db, 0x1dc);
}

/*
 * SDM vol. 3B, "LBR Stack": 16 entries on Haswell, 32 on Skylake and Ice Lake;
 * LBR_INFO from Skylake on; none of it where the LBRs are architectural.
 */
static void legacy_lbr_has_its_depth(void **state)
{
	struct fixture *f = *state;
	unsigned int depth = f->cpu.version < 4 ? 16 : 32;

	for (unsigned int i = 0; i < depth; i++) {
		wr(f, MSR_LBR_FROM_0 + i, 100 + i);
		wr(f, MSR_LBR_TO_0 + i, 200 + i);
	}
	for (unsigned int i = 0; i < depth; i++) {
		assert_int_equal(rd(f, MSR_LBR_FROM_0 + i), 100 + i);
		assert_int_equal(rd(f, MSR_LBR_TO_0 + i), 200 + i);
	}
	rd(f, MSR_LBR_SELECT);
	rd(f, MSR_LBR_TOS);
	for (unsigned int i = depth; i < 32; i++) {
		check_absent(f, MSR_LBR_FROM_0 + i, MSR_LBR_FROM_0 + i);
		check_absent(f, MSR_LBR_TO_0 + i, MSR_LBR_TO_0 + i);
	}
}

static void legacy_lbr_info(void **state)
{
	struct fixture *f = *state;

	if (f->cpu.version < 4) {
		check_absent(f, MSR_LBR_INFO_0, MSR_LBR_INFO_0 + 31);
		return;
	}
	for (unsigned int i = 0; i < 32; i++) {
		wr(f, MSR_LBR_INFO_0 + i, i);
		assert_int_equal(rd(f, MSR_LBR_INFO_0 + i), i);
	}
}

/* "MSR_LBR_SELECT": 0 to 8 filters, 9 EN_CALLSTACK, "63:10 must be zero" */
static void lbr_select(void **state)
{
	check_bits(*state, MSR_LBR_SELECT, 0x3ff, 0);
}

/* "LBR Stack Size and TOS Pointer Range": "0 to 15", "0 to 31" */
static void lbr_tos(void **state)
{
	struct fixture *f = *state;
	unsigned int depth = f->cpu.version < 4 ? 16 : 32;

	for (uint64_t tos = 0; tos < depth; tos++) {
		wr(f, MSR_LBR_TOS, tos);
		assert_int_equal(rd(f, MSR_LBR_TOS), tos);
	}
	refused(f, MSR_LBR_TOS, depth);
	refused(f, MSR_LBR_TOS, B(63));
}

/* SDM vol. 4, 1DDH, 1DEH: MSR_LER_FROM_LIP (R), MSR_LER_TO_LIP (R) */
static void legacy_lers_are_read_only(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rd(f, IA32_LER_FROM_IP), 0);
	assert_int_equal(rd(f, IA32_LER_TO_IP), 0);
	refused(f, IA32_LER_FROM_IP, 0);
	refused(f, IA32_LER_TO_IP, 0);
}

/*
 * Format 4 on a processor without TSX: bits 62:61 of a value that is written
 * have to repeat the address's sign, although the processor itself records
 * them as 0.  (Known of hardware; Linux works around it.)  Bit 63 is a flag.
 */
static void haswell_from_takes_flags_for_address_bits(void **state)
{
	struct fixture *f = *state;

	wr(f, MSR_LBR_FROM_0, 0xffff800000001000);
	wr(f, MSR_LBR_FROM_0, 0x7fff800000001000);
	wr(f, MSR_LBR_FROM_0, 0x8000000000001000);
	assert_int_equal(rd(f, MSR_LBR_FROM_0), 0x8000000000001000);
	refused(f, MSR_LBR_FROM_0, 0x1fff800000001000);
	refused(f, MSR_LBR_FROM_0, 0x9fff800000001000);
	refused(f, MSR_LBR_FROM_0, 0x4000000000001000);
	refused(f, MSR_LBR_FROM_0, 0x2000000000001000);
	refused(f, MSR_LBR_FROM_0, 0x0000800000001000);
}

static void check_canonical(struct fixture *f, uint32_t msr)
{
	unsigned int bits = f->cpu.version < 5 ? 48 : 57;

	wr(f, msr, LOW(bits - 1));
	wr(f, msr, ~LOW(bits - 1));
	assert_int_equal(rd(f, msr), ~LOW(bits - 1));
	refused(f, msr, B(bits - 1));
	refused(f, msr, ~LOW(bits));
	refused(f, msr, B(63));
}

/* "SIGN_EXT 63:48"; 57 bits of linear addresses from Ice Lake on */
static void lbr_from_is_canonical(void **state)
{
	check_canonical(*state, MSR_LBR_FROM_0 + 7);
}

static void lbr_to_is_canonical(void **state)
{
	check_canonical(*state, MSR_LBR_TO_0 + 7);
}

/* SDM vol. 2, WRMSR: #GP for a non-canonical address in IA32_DS_AREA */
static void ds_area_is_canonical(void **state)
{
	check_canonical(*state, IA32_DS_AREA);
}

/* "MSR_LBR_INFO_x": 15:0 cycles, 61 TSX_ABORT, 62 IN_TSX, 63 MISPRED */
static void lbr_info_reserved_bits(void **state)
{
	check_bits(*state, MSR_LBR_INFO_0 + 31, 0xe00000000000ffff, 0);
}

static void legacy_lbr_is_absent(void **state)
{
	struct fixture *f = *state;

	check_absent(f, MSR_LBR_SELECT, MSR_LBR_TOS);
	check_absent(f, MSR_LBR_FROM_0, MSR_LBR_FROM_0 + 31);
	check_absent(f, MSR_LBR_TO_0, MSR_LBR_TO_0 + 31);
	check_absent(f, MSR_LBR_INFO_0, MSR_LBR_INFO_0 + 31);
}

/* SDM vol. 4, 14CEH: 0 LBREn, 1 OS, 2 USR, 3 CALL_STACK, 22:16 branch types */
static void lbr_ctl(void **state)
{
	check_bits(*state, IA32_LBR_CTL, 0x7f000f, 0);
}

/* 14CFH: "Writes of unsupported values will #GP fault." */
static void lbr_depth(void **state)
{
	struct fixture *f = *state;

	for (uint64_t depth = 0; depth <= 64; depth++) {
		if (depth == 8 || depth == 16 || depth == 32)
			wr(f, IA32_LBR_DEPTH, depth);
		else
			refused(f, IA32_LBR_DEPTH, depth);
	}
	refused(f, IA32_LBR_DEPTH, B(32) | 8);
	assert_int_equal(rd(f, IA32_LBR_DEPTH), 32);
}

/*
 * 1200H, 1500H, 1600H: "An attempt to read or write IA32_LBR_x_INFO such that
 * x >= IA32_LBR_DEPTH.DEPTH will #GP."
 */
static void arch_lbr_has_its_depth(void **state)
{
	struct fixture *f = *state;

	for (unsigned int depth = 8; depth <= 32; depth *= 2) {
		wr(f, IA32_LBR_DEPTH, depth);
		for (unsigned int i = 0; i < depth; i++) {
			wr(f, IA32_LBR_0_FROM_IP + i, 100 + i);
			wr(f, IA32_LBR_0_TO_IP + i, 200 + i);
			wr(f, IA32_LBR_0_INFO + i, 300 + i);
		}
		for (unsigned int i = 0; i < depth; i++) {
			assert_int_equal(rd(f, IA32_LBR_0_FROM_IP + i), 100 + i);
			assert_int_equal(rd(f, IA32_LBR_0_TO_IP + i), 200 + i);
			assert_int_equal(rd(f, IA32_LBR_0_INFO + i), 300 + i);
		}
		for (unsigned int i = depth; i < 32; i++) {
			check_absent(f, IA32_LBR_0_FROM_IP + i, IA32_LBR_0_FROM_IP + i);
			check_absent(f, IA32_LBR_0_TO_IP + i, IA32_LBR_0_TO_IP + i);
			check_absent(f, IA32_LBR_0_INFO + i, IA32_LBR_0_INFO + i);
		}
	}
}

/* Bits above the linear addresses are ignored, and read as the sign. */
static void arch_lbr_addresses_are_canonical(void **state)
{
	struct fixture *f = *state;
	const uint32_t msrs[] = { IA32_LBR_0_FROM_IP + 3, IA32_LBR_0_TO_IP + 3,
				  IA32_LER_FROM_IP, IA32_LER_TO_IP };

	for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		wr(f, msrs[i], B(57) | B(63) | 0x1000);
		assert_int_equal(rd(f, msrs[i]), 0x1000);
		wr(f, msrs[i], B(56));
		assert_int_equal(rd(f, msrs[i]), ~LOW(56));
	}
}

/* INFO[55:16]: "Writes of non-zero values do not fault" */
static void arch_lbr_info_undefined_bits(void **state)
{
	struct fixture *f = *state;

	check_bits(f, IA32_LBR_0_INFO + 3, 0xff0000000000ffff, LOW(56) & ~LOW(16));
	check_bits(f, IA32_LER_INFO, 0xff0000000000ffff, LOW(56) & ~LOW(16));
	wr(f, IA32_LBR_0_INFO, UINT64_MAX);
	wr(f, IA32_LER_INFO, UINT64_MAX);
}

static void amd_registers_are_absent(void **state)
{
	struct fixture *f = *state;

	check_absent(f, AMD_GLOBAL_STATUS, AMD_GLOBAL_STATUS_SET);
	check_absent(f, AMD_LEGACY_CTL0, AMD_LEGACY_CTR0 + 3);
	check_absent(f, AMD_CTL0, AMD_CTL0 + 11);
}

static void intel_registers_are_absent(void **state)
{
	struct fixture *f = *state;

	check_absent(f, IA32_PMC0, IA32_PMC0 + 7);
	check_absent(f, IA32_PERFEVTSEL0, IA32_PERFEVTSEL0 + 7);
	check_absent(f, IA32_FIXED_CTR0, IA32_FIXED_CTR0 + 3);
	check_absent(f, MSR_PERF_METRICS, MSR_PERF_METRICS);
	check_absent(f, IA32_PERF_CAPABILITIES, IA32_PERF_CAPABILITIES);
	check_absent(f, IA32_FIXED_CTR_CTRL, IA32_GLOBAL_INUSE);
	check_absent(f, IA32_A_PMC0, IA32_A_PMC0 + 7);
}

static void intel_lbr_and_pebs_registers_are_absent(void **state)
{
	struct fixture *f = *state;

	check_absent(f, MSR_LBR_SELECT, MSR_LBR_TOS);
	check_absent(f, MSR_LBR_FROM_0, MSR_LBR_FROM_0 + 31);
	check_absent(f, MSR_LBR_TO_0, MSR_LBR_TO_0 + 31);
	check_absent(f, IA32_PEBS_ENABLE, MSR_PEBS_DATA_CFG);
	check_absent(f, MSR_PEBS_LD_LAT, MSR_PEBS_FRONTEND);
	check_absent(f, IA32_DS_AREA, IA32_DS_AREA);
	check_absent(f, MSR_OFFCORE_RSP_0, MSR_OFFCORE_RSP_0 + 1);
}

/* PPR: PerfMonV2 (Zen 4) brought C000_0300H to C000_0303H. */
static void global_registers_are_absent(void **state)
{
	check_absent(*state, AMD_GLOBAL_STATUS, AMD_GLOBAL_STATUS_SET);
}

/*
 * PERF_CTL: event select 7:0 and 35:32, unit mask 15:8, 16 to 18, 20, 22, 23,
 * counter mask 31:24, 40, 41.  The others are reserved and read as zero; no
 * Zen raises #GP for them.
 */
static void perf_ctl_drops_reserved_bits(void **state)
{
	struct fixture *f = *state;
	const uint64_t kept = 0x0000030fffd7ffff;

	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		for (unsigned int bit = 0; bit < 64; bit++) {
			wr(f, AMD_CTL0 + 2 * i, B(bit));
			assert_int_equal(rd(f, AMD_CTL0 + 2 * i), kept & B(bit));
		}
	}
}

/* PPR: PerfCntrGlobalCtl[5:0] enable the counters, 63:6 are reserved. */
static void amd_global_ctl_has_six_bits(void **state)
{
	struct fixture *f = *state;
	uint64_t value;

	for (unsigned int bit = 0; bit < 6; bit++) {
		wr(f, AMD_GLOBAL_CTL, B(bit));
		assert_int_equal(rd(f, AMD_GLOBAL_CTL), B(bit));
	}
	for (unsigned int bit = 6; bit < 64; bit++) {
		assert_int_not_equal(pmu_wrmsr(&f->pmu, AMD_GLOBAL_CTL, B(bit)),
				     PMU_NOT_MINE);
		value = rd(f, AMD_GLOBAL_CTL);
		assert_int_equal(value & ~LOW(6), 0);
	}
}

static void amd_global_status_has_eight_bits(void **state)
{
	struct fixture *f = *state;

	wr(f, AMD_GLOBAL_STATUS_SET, UINT64_MAX);
	assert_int_equal(rd(f, AMD_GLOBAL_STATUS), LOW(6) | LBR_FRZ | CTR_FRZ);
}

/*
 * APM vol. 2, "DebugCtl MSR": LBR, BTF and, without bus-lock trapping, PB3 to
 * PB0 in 5:2; the others must be zero, but for Zen 4's freeze bits 11 and 12.
 */
static void amd_debugctl(void **state)
{
	struct fixture *f = *state;
	uint64_t writable = f->cpu.version >= 2 ? 0x183f : 0x3f;

	check_bits(f, IA32_DEBUGCTL, writable, 0);
}

/* APM vol. 2, 13.1.1.7: "These MSRs are read-only." */
static void amd_single_records_are_read_only(void **state)
{
	struct fixture *f = *state;

	for (uint32_t msr = AMD_BR_FROM; msr <= AMD_INT_TO; msr++) {
		assert_int_equal(rd(f, msr), 0);
		refused(f, msr, 0);
	}
}

/* 8000_0022H:EAX[1] is 0. */
static void amd_lbr_stack_is_absent(void **state)
{
	check_absent(*state, AMD_LBR_SELECT, AMD_DEBUG_EXTN);
	check_absent(*state, AMD_LBR_FROM_0, AMD_LBR_FROM_0 + 31);
}

static void check_kept(struct fixture *f, uint32_t msr, uint64_t kept)
{
	for (unsigned int bit = 0; bit < 64; bit++) {
		wr(f, msr, B(bit));
		assert_int_equal(rd(f, msr), kept & B(bit));
	}
}

/* APM vol. 2, 13.1.1.9: LastBranchStackSelect: 63:9 reserved, RAZ */
static void amd_lbr_select(void **state)
{
	check_kept(*state, AMD_LBR_SELECT, 0x1ff);
}

/* 13.1.1.8: DebugExtnCtl: 6 LBRSE; 63:7 and 5:0 reserved, MBZ */
static void amd_debug_extn(void **state)
{
	check_bits(*state, AMD_DEBUG_EXTN, B(6), 0);
}

/* 13.1.1.9: FROM 56:0, 63 mispredict; TO 56:0, 62 speculative, 63 valid */
static void amd_lbr_stack_bits(void **state)
{
	for (uint32_t i = 0; i < 16; i++) {
		check_kept(*state, AMD_LBR_FROM_0 + 2 * i, B(63) | LOW(57));
		check_kept(*state, AMD_LBR_TO_0 + 2 * i, B(63) | B(62) | LOW(57));
	}
}

/* Other registers are the emulator's business. */
static void foreign_registers_are_left_alone(void **state)
{
	struct fixture *f = *state;
	const uint32_t msrs[] = { 0x10, 0x1b, 0x8b, 0x179, 0x277, 0x6e0, 0x830,
				  0xc0000080, 0xc0000102, 0xc0010015 };
	uint64_t value;

	for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		assert_int_equal(pmu_rdmsr(&f->pmu, msrs[i], &value),
				 PMU_NOT_MINE);
		assert_int_equal(pmu_wrmsr(&f->pmu, msrs[i], 0), PMU_NOT_MINE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_INTEL(perfevtsel),
		ON_INTEL(fixed_ctr_ctrl),
		ON_INTEL(global_ctrl),
		ON_INTEL(global_ovf_ctrl),
		ON_V4_UP(global_status_set),
		ON_LEGACY_LBR(debugctl),
		ON_ARCH_LBR(debugctl_lbr_is_ignored),
		ON_INTEL(debugctl_smm_freeze_needs_the_capability),
		ON_INTEL(counter_widths),
		ON_INTEL(misc_enable),
		ON_V4_UP(misc_enable_says_pebs),
		ON_V3(misc_enable_says_no_pebs),
		ON_INTEL(read_only_registers),
		ON_V3(version_4_registers_are_absent),
		ON_V3(metrics_are_absent),
		ON("skylake", metrics_are_absent),
		ON_V3(pebs_is_absent),
		ON_V4_UP(pebs_enable),
		ON_V5(pebs_data_cfg),
		ON("skylake", pebs_data_cfg_is_absent),
		ON_V4_UP(ds_area_is_canonical),
		ON_LEGACY_LBR(architectural_lbr_is_absent),
		ON_INTEL(old_lbrs_are_absent),
		ON_LEGACY_LBR(legacy_lbr_has_its_depth),
		ON_LEGACY_LBR(legacy_lbr_info),
		ON_LEGACY_LBR(lbr_select),
		ON_LEGACY_LBR(lbr_tos),
		ON_LEGACY_LBR(legacy_lers_are_read_only),
		ON_V3(haswell_from_takes_flags_for_address_bits),
		ON_LBR_INFO(lbr_from_is_canonical),
		ON_LEGACY_LBR(lbr_to_is_canonical),
		ON_LBR_INFO(lbr_info_reserved_bits),
		ON_ARCH_LBR(legacy_lbr_is_absent),
		ON_ARCH_LBR(lbr_ctl),
		ON_ARCH_LBR(lbr_depth),
		ON_ARCH_LBR(arch_lbr_has_its_depth),
		ON_ARCH_LBR(arch_lbr_addresses_are_canonical),
		ON_ARCH_LBR(arch_lbr_info_undefined_bits),
		ON_INTEL(amd_registers_are_absent),
		ON_AMD(intel_registers_are_absent),
		ON_AMD(intel_lbr_and_pebs_registers_are_absent),
		ON("zen3", global_registers_are_absent),
		ON_AMD(perf_ctl_drops_reserved_bits),
		ON("zen4", amd_global_ctl_has_six_bits),
		ON("zen4", amd_global_status_has_eight_bits),
		ON_AMD(amd_single_records_are_read_only),
		ON("zen3", amd_lbr_stack_is_absent),
		ON("zen4", amd_lbr_select),
		ON("zen4", amd_debug_extn),
		ON("zen4", amd_lbr_stack_bits),
		ON_AMD(amd_debugctl),
		ON_ALL(foreign_registers_are_left_alone),
	};

	return cmocka_run_group_tests_name("reserved", tests, NULL, NULL);
}
