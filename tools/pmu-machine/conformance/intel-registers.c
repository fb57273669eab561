// SPDX-License-Identifier: GPL-2.0-only
/* Facts of the registers: which exist, what they take, what they read, before anything counts. */
#include "intel.h"

#define MISC_PERFMON		BIT(7)
#define MISC_BTS_UNAVAILABLE	BIT(11)
#define MISC_PEBS_UNAVAILABLE	BIT(12)

/* Bits from..to, both included */
static u64 bits(u32 from, u32 to)
{
	return low_bits(to + 1) & ~low_bits(from);
}

/**
 * reset_facts() - the state after power-up; must be called before anything else touches the PMU
 * @lvtpc:	what the local APIC's entry held
 */
void reset_facts(u32 lvtpc)
{
	u64 ored = 0;
	u32 i;

	section("after power-up");
	is(FACT("reset-global-ctrl", "GLOBAL_CTRL enables every general-purpose counter and no fixed one",
		"3A table 10-1"), rdmsr(MSR_GLOBAL_CTRL), pmu.gp_mask);
	is(FACT("reset-fixed-ctrl", "FIXED_CTR_CTRL is 0", "3A table 10-1"), rdmsr(MSR_FIXED_CTRL), 0);
	is(FACT("reset-status", "GLOBAL_STATUS is 0", "3A table 10-1"), rdmsr(MSR_STATUS), 0);
	for (i = 0; i < pmu.gp; i++)
		ored |= rdmsr(MSR_EVTSEL(i)) | rdmsr(MSR_PMC(i));
	for (i = 0; i < pmu.fixed; i++)
		ored |= rdmsr(MSR_FIXED(i));
	is(FACT("reset-counters", "all selectors and counters are 0", "3A table 10-1"), ored, 0);
	is(FACT("reset-lvtpc", "LVTPC is masked and otherwise 0", "3A 11.4.7.1"), lvtpc, LVT_MASKED);
}

static void presence_facts(void)
{
	u64 full = pmu.caps & CAPS_FW_WRITE ? pmu.gp_mask : 0;

	section("which registers exist");
	/* 8 is the most that the numbers from 0xc1 and 0x186 leave room for */
	is(FACT("gp-counters", "IA32_PMCn exists for n < CPUID.0AH:EAX[15:8], RDMSR of the rest up to 8 is #GP",
		"3B 20.2.1.1"), msrs_readable(MSR_PMC(0), 1, 8), pmu.gp_mask);
	is(FACT("gp-selectors", "IA32_PERFEVTSELn likewise", "3B 20.2.1.1"), msrs_readable(MSR_EVTSEL(0), 1, 8),
	   pmu.gp_mask);
	is(FACT("full-width-present", "IA32_A_PMCn exists, for the same n, exactly if PERF_CAPABILITIES[13]",
		"3B 20.2.6"), msrs_readable(MSR_PMC_FULL(0), 1, 8), full);
	is(FACT("fixed-counters", "IA32_FIXED_CTRn exists exactly as CPUID.0AH:ECX and EDX[4:0] say",
		"3B 20.2.5.2"), msrs_readable(MSR_FIXED(0), 1, 8), low_bits(pmu.fixed));
	is(FACT("global-registers", "FIXED_CTR_CTRL, GLOBAL_STATUS, GLOBAL_CTRL, OVF_CTRL exist from version 2",
		"3B 20.2.2"), msrs_readable(MSR_FIXED_CTRL, 1, 4), 0xf);
	is(FACT("metrics-present", "MSR_PERF_METRICS exists exactly if PERF_CAPABILITIES[15]", "4 table 2-2"),
	   msr_readable(MSR_PERF_METRICS), !!(pmu.caps & CAPS_METRICS));
	is(FACT("ds-present", "IA32_DS_AREA exists exactly if CPUID.01H:EDX[21]", "4 table 2-2"),
	   msr_readable(MSR_DS_AREA), cpuid(1, 0).edx >> 21 & 1);
	is(FACT("caps-present", "PERF_CAPABILITIES exists exactly if CPUID.01H:ECX[15]", "4 table 2-2"),
	   msr_readable(MSR_PERF_CAPS), cpuid(1, 0).ecx >> 15 & 1);
}

/* Version, general-purpose counters (of a thread, HT on) and fixed ones of the models that there are */
static const struct {
	u8 model, version, gp, fixed;
} known[] = {
	{ 0x3c, 3, 4, 3 }, { 0x3f, 3, 4, 3 }, { 0x45, 3, 4, 3 }, { 0x46, 3, 4, 3 },	/* Haswell */
	{ 0x4e, 4, 4, 3 }, { 0x55, 4, 4, 3 }, { 0x5e, 4, 4, 3 },			/* Skylake */
	{ 0x6a, 5, 8, 4 }, { 0x6c, 5, 8, 4 }, { 0x7e, 5, 8, 4 },			/* Ice Lake */
	{ 0x8f, 5, 8, 4 },								/* Sapphire Rapids */
};

static void model_fact(void)
{
	const struct fact *fact = FACT("cpuid-model", "version and numbers of counters are those of the model",
				       "3B 20.3.6, 20.3.8, 20.3.9, 20.3.11");
	u32 i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].model != pmu.model)
			continue;
		is(fact, pmu.version << 16 | pmu.gp << 8 | pmu.fixed,
		   known[i].version << 16 | known[i].gp << 8 | known[i].fixed);
		return;
	}
	skip(fact, "unknown model");
}

static void enumeration_facts(void)
{
	struct cpuid leaf = cpuid(0xa, 0);

	section("what CPUID leaf 0AH says of itself");
	is(FACT("cpuid-reserved", "EDX[14:13] and EDX[31:16] are 0", "2A CPUID 0AH"), leaf.edx & 0xffff6000, 0);
	is(FACT("cpuid-events", "EBX has no bit at or beyond EAX[31:24]", "2A CPUID 0AH"),
	   leaf.ebx & ~low_bits(leaf.eax >> 24), 0);
	if (pmu.version >= 5)
		is(FACT("cpuid-fixed", "ECX names at least the counters that EDX[4:0] promises", "3B 20.2.5.2"),
		   leaf.ecx & low_bits(leaf.edx & 0x1f), low_bits(leaf.edx & 0x1f));
	else
		is(FACT("cpuid-fixed", "ECX is 0 before version 5", "2A CPUID 0AH"), leaf.ecx, 0);
	model_fact();
}

/*
 * Before version 4 the numbers 0x391 and 0x392 belong, where they exist, to the uncore: what must not be is
 * that they act on the core's status.
 */
static void version_facts(void)
{
	const struct fact *set = FACT("status-set-version",
		"0x391 sets a bit of GLOBAL_STATUS from version 4 on, and not before", "3B 20.2.4.2");
	const struct fact *inuse = FACT("inuse-version",
		"0x392 reports a selector in use from version 4 on, and not before", "3B 20.2.4.3");
	u64 value = 0;

	pmu_reset();
	wrmsr_safe(MSR_STATUS_SET, BIT(0));
	is(set, rdmsr(MSR_STATUS) & 1, pmu.version >= 4);
	pmu_reset();
	wrmsr(MSR_EVTSEL(0), EVENT_INSN);
	rdmsr_safe(MSR_INUSE, &value);
	is(inuse, value & 1, pmu.version >= 4);
}

static void width_facts(void)
{
	u64 top = low_bits(pmu.width) & ~low_bits(pmu.width - 1);
	u64 odd = 0x123456789abcdef1 & low_bits(pmu.width);

	section("width and writes of counters");
	pmu_reset();
	wrmsr(MSR_PMC(0), 0x80000000);
	is(FACT("legacy-sign", "WRMSR IA32_PMC0 sign-extends bit 31 to the counter's width", "3B 20.2.6"),
	   rdmsr(MSR_PMC(0)), 0xffffffff80000000 & low_bits(pmu.width));
	wrmsr(MSR_PMC(0), 0x7fffffff);
	is(FACT("legacy-positive", "and so clears the bits above with bit 31 clear", "3B 20.2.6"),
	   rdmsr(MSR_PMC(0)), 0x7fffffff);
	wrmsr(MSR_PMC(0), 0x1200000001);
	is(FACT("legacy-edx", "WRMSR IA32_PMC0 takes EAX alone", "3B 20.2.6"), rdmsr(MSR_PMC(0)), 1);
	if (pmu.caps & CAPS_FW_WRITE) {
		wrmsr(MSR_PMC_FULL(0), odd);
		is(FACT("full-write", "WRMSR IA32_A_PMC0 writes every bit of the counter", "3B 20.2.6"),
		   rdmsr(MSR_PMC(0)), odd);
		is(FACT("full-alias", "RDMSR IA32_A_PMC0 reads the same counter", "3B 20.2.6"),
		   rdmsr(MSR_PMC_FULL(0)), odd);
		is(FACT("full-reserved", "bits above the width are #GP, and the counter stays", "3B 20.2.6"),
		   msr_refused_bits(MSR_PMC_FULL(0), odd, ~low_bits(pmu.width)), ~low_bits(pmu.width));
	} else {
		skip(FACT("full-write", "full-width writes", "3B 20.2.6"), "not offered");
	}
	wrmsr(MSR_FIXED(0), odd & low_bits(pmu.fixed_width));
	is(FACT("fixed-write", "WRMSR IA32_FIXED_CTR0 writes every bit of the counter", "3B 20.2.2"),
	   rdmsr(MSR_FIXED(0)), odd & low_bits(pmu.fixed_width));
	gp_write(0, top);
	is(FACT("width-top", "the top bit that CPUID.0AH:EAX[23:16] names can be set", "3B 20.2.1.1"),
	   rdmsr(MSR_PMC(0)) >> (pmu.width - 1), 1);
}

static u64 gp_all(void (*write)(u32 i), u64 (*read)(u32 i))
{
	u64 right = 0;
	u32 i;

	for (i = 0; i < pmu.gp; i++)
		write(i);
	for (i = 0; i < pmu.gp; i++)
		if (read(i))
			right |= BIT(i);
	return right;
}

static void write_own(u32 i)
{
	wrmsr(MSR_PMC(i), 0x1000 + i);
	wrmsr(MSR_EVTSEL(i), 0x5300 + i);
}

static u64 reads_own(u32 i)
{
	return rdmsr(MSR_PMC(i)) == 0x1000 + i && rdmsr(MSR_EVTSEL(i)) == 0x5300 + i;
}

static void separate_facts(void)
{
	pmu_reset();
	is(FACT("gp-separate", "every counter and selector keeps a value of its own", "3B 20.2.1.1"),
	   gp_all(write_own, reads_own), pmu.gp_mask);
	pmu_reset();
}

static void selector_facts(void)
{
	u64 reserved = bits(36, 63), defined = 0xff00ffff | SEL_USR | SEL_OS | SEL_EDGE | SEL_INT | SEL_INV;

	if (!(cpuid(7, 0).ebx & BIT(11)))	/* IN_TX, IN_TXCP come with RTM */
		reserved |= bits(32, 33);
	if (!(pmu.caps & CAPS_PEBS_BASELINE))
		reserved |= BIT(34);
	is(FACT("selector-reserved", "reserved bits of IA32_PERFEVTSEL0 are #GP", "3B figure 20-1"),
	   msr_refused_bits(MSR_EVTSEL(0), 0, reserved), reserved);
	wrmsr(MSR_EVTSEL(0), defined);
	is(FACT("selector-defined", "the defined bits of IA32_PERFEVTSEL0 are kept", "3B figure 20-1"),
	   rdmsr(MSR_EVTSEL(0)), defined);
	wrmsr(MSR_EVTSEL(0), 0);
	wrmsr_safe(MSR_EVTSEL(0), SEL_PC);
	is(FACT("selector-pc", "pin control cannot be set since Sandy Bridge", "3B 20.2.1.1"),
	   rdmsr(MSR_EVTSEL(0)), 0);
	wrmsr(MSR_EVTSEL(0), 0);
	if (pmu.version >= 3 && !pmu.no_any) {
		wrmsr_safe(MSR_EVTSEL(0), SEL_ANY);
		is(FACT("selector-any", "AnyThread can be set in IA32_PERFEVTSEL0", "3B 20.2.3"),
		   rdmsr(MSR_EVTSEL(0)), SEL_ANY);
	} else {
		skip(FACT("selector-any", "AnyThread can be set in IA32_PERFEVTSEL0", "3B 20.2.3"),
		     "deprecated or not there yet");
	}
	pmu_reset();
}

static u64 fixed_fields(u64 field)
{
	u64 value = 0;
	u32 i;

	for (i = 0; i < pmu.fixed; i++)
		value |= FIXED_FIELD(i, field);
	return value;
}

static void fixed_ctrl_facts(void)
{
	u64 reserved = ~low_bits(4 * pmu.fixed);

	if (pmu.caps & CAPS_PEBS_BASELINE)	/* the adaptive-record bits of the fixed counters */
		reserved &= ~(fixed_fields(1) << 32);
	is(FACT("fixed-ctrl-reserved", "FIXED_CTR_CTRL bits of absent counters are #GP", "3B figure 20-2"),
	   msr_refused_bits(MSR_FIXED_CTRL, 0, reserved), reserved);
	wrmsr(MSR_FIXED_CTRL, fixed_fields(FIXED_ALL | FIXED_PMI));
	is(FACT("fixed-ctrl-defined", "enable and PMI bits of every fixed counter are kept", "3B figure 20-2"),
	   rdmsr(MSR_FIXED_CTRL), fixed_fields(FIXED_ALL | FIXED_PMI));
	wrmsr(MSR_FIXED_CTRL, 0);
	if (pmu.version >= 3 && !pmu.no_any) {
		wrmsr_safe(MSR_FIXED_CTRL, fixed_fields(FIXED_ANY));
		is(FACT("fixed-ctrl-any", "AnyThread can be set in every field", "3B figure 20-6"),
		   rdmsr(MSR_FIXED_CTRL), fixed_fields(FIXED_ANY));
	} else {
		skip(FACT("fixed-ctrl-any", "AnyThread can be set in every field", "3B figure 20-6"),
		     "deprecated or not there yet");
	}
	pmu_reset();
}

static void global_facts(void)
{
	u64 allowed = pmu.all | (pmu.caps & CAPS_METRICS ? METRICS_BIT : 0);
	u64 status = bits(pmu.gp, 31) | bits(32 + pmu.fixed, 47) | bits(49, 54) | bits(56, 57);
	u64 before;

	is(FACT("global-ctrl-reserved", "GLOBAL_CTRL bits of absent counters are #GP", "3B figure 20-3"),
	   msr_refused_bits(MSR_GLOBAL_CTRL, 0, ~allowed), ~allowed);
	wrmsr(MSR_GLOBAL_CTRL, allowed);
	is(FACT("global-ctrl-defined", "GLOBAL_CTRL keeps the bits of all counters", "3B figure 20-3"),
	   rdmsr(MSR_GLOBAL_CTRL), allowed);
	pmu_reset();
	before = rdmsr(MSR_STATUS);
	is(FACT("status-read-only", "WRMSR GLOBAL_STATUS is #GP", "4 table 2-2 (RO)"),
	   wrmsr_safe(MSR_STATUS, before), VECTOR_GP);
	is(FACT("status-reset-reserved", "reserved bits of OVF_CTRL / STATUS_RESET are #GP", "3B figure 20-4"),
	   msr_refused_bits(MSR_STATUS_RESET, 0, status), status);
	if (pmu.version >= 4)
		is(FACT("status-set-reserved", "reserved bits of STATUS_SET are #GP", "3B figure 20-10"),
		   msr_refused_bits(MSR_STATUS_SET, 0, status), status);
	else
		skip(FACT("status-set-reserved", "reserved bits of STATUS_SET are #GP", "3B figure 20-10"),
		     "version below 4");
}

static void status_set_facts(void)
{
	if (pmu.version < 4) {
		skip(FACT("status-set", "STATUS_SET and STATUS_RESET", "3B 20.2.4.2"), "version below 4");
		return;
	}
	pmu_reset();
	wrmsr(MSR_STATUS_SET, pmu.all);
	is(FACT("status-set", "STATUS_SET sets the overflow bits written as 1", "3B 20.2.4.2"),
	   rdmsr(MSR_STATUS), pmu.all);
	wrmsr(MSR_STATUS_SET, 0);
	is(FACT("status-set-zero", "bits written as 0 stay", "3B 20.2.4.2"), rdmsr(MSR_STATUS), pmu.all);
	wrmsr(MSR_STATUS_RESET, BIT(0) | FIXED_BIT(0));
	is(FACT("status-reset", "STATUS_RESET clears the bits written as 1, and only them", "3B 20.2.4.2"),
	   rdmsr(MSR_STATUS), pmu.all & ~(BIT(0) | FIXED_BIT(0)));
	wrmsr(MSR_STATUS_RESET, pmu.all);
	wrmsr(MSR_STATUS_SET, CTR_FRZ | LBR_FRZ);
	is(FACT("status-set-frozen", "STATUS_SET can set CTR_Frz and LBR_Frz", "3B 20.2.4.2"),
	   rdmsr(MSR_STATUS), CTR_FRZ | LBR_FRZ);
	wrmsr(MSR_STATUS_RESET, CTR_FRZ | LBR_FRZ);
	is(FACT("status-reset-frozen", "STATUS_RESET can clear them", "3B 20.2.4.2"), rdmsr(MSR_STATUS), 0);
}

static void inuse_facts(void)
{
	if (pmu.version < 4) {
		skip(FACT("inuse", "GLOBAL_INUSE", "3B 20.2.4.3"), "version below 4");
		return;
	}
	pmu_reset();
	is(FACT("inuse-none", "GLOBAL_INUSE is 0 with nothing programmed", "3B 20.2.4.3"), rdmsr(MSR_INUSE), 0);
	wrmsr(MSR_EVTSEL(1), EVENT_INSN);
	is(FACT("inuse-selector", "bit n is set by an event selected in counter n, enabled or not",
		"3B 20.2.4.3"), rdmsr(MSR_INUSE), BIT(1));
	wrmsr(MSR_EVTSEL(1), SEL_ALL);
	is(FACT("inuse-no-event", "and not by an enabled selector whose event is 0", "3B 20.2.4.3"),
	   rdmsr(MSR_INUSE), 0);
	wrmsr(MSR_EVTSEL(1), 0);
	wrmsr(MSR_FIXED_CTRL, FIXED_FIELD(1, FIXED_USR));
	is(FACT("inuse-fixed", "bit 32 + n is set by a non-zero enable field of fixed counter n",
		"3B 20.2.4.3"), rdmsr(MSR_INUSE), FIXED_BIT(1));
	wrmsr(MSR_FIXED_CTRL, 0);
	wrmsr(MSR_EVTSEL(0), EVENT_INSN | SEL_INT);
	is(FACT("inuse-pmi", "bit 63 is set by a selector's INT bit", "3B 20.2.4.3"), rdmsr(MSR_INUSE),
	   BIT(63) | BIT(0));
	wrmsr(MSR_EVTSEL(0), 0);
	wrmsr(MSR_FIXED_CTRL, FIXED_FIELD(0, FIXED_PMI));
	is(FACT("inuse-fixed-pmi", "and by a fixed counter's PMI bit", "3B 20.2.4.3"), rdmsr(MSR_INUSE), BIT(63));
	pmu_reset();
	is(FACT("inuse-read-only", "GLOBAL_INUSE cannot be written", "3B 20.2.4.3"),
	   wrmsr_safe(MSR_INUSE, 0), VECTOR_GP);
}

static void rdpmc_facts(void)
{
	u64 right = 0, value;
	u32 i;

	section("RDPMC");
	pmu_reset();
	for (i = 0; i < pmu.gp; i++) {
		gp_write(i, 0xabcd00000001 + i);
		if (rdpmc_safe(i, &value) == NO_FAULT && value && value == rdmsr(MSR_PMC(i)))
			right |= BIT(i);
	}
	is(FACT("rdpmc-gp", "RDPMC(n) reads counter n in full width", "2B RDPMC"), right, pmu.gp_mask);
	for (i = 0, right = 0; i < pmu.fixed; i++) {
		wrmsr(MSR_FIXED(i), 0x543200000000 + i);
		if (rdpmc_safe(RDPMC_FIXED | i, &value) == NO_FAULT && value == 0x543200000000ul + i)
			right |= BIT(i);
	}
	is(FACT("rdpmc-fixed", "RDPMC(2^30 + n) reads fixed counter n in full width", "2B RDPMC"), right,
	   low_bits(pmu.fixed));
	right = rdpmc_wide(0, &value);
	is(FACT("rdpmc-rcx", "RDPMC takes ECX alone: the upper half of RCX is ignored", "2B RDPMC"), value,
	   rdmsr(MSR_PMC(0)));
	is(FACT("rdpmc-upper", "and clears the upper halves of RAX and RDX", "2B RDPMC"), right, 1);
	is(FACT("rdpmc-gp-absent", "RDPMC of the first absent counter is #GP", "2B RDPMC"),
	   rdpmc_safe(pmu.gp, &value), VECTOR_GP);
	is(FACT("rdpmc-fixed-absent", "RDPMC of the first absent fixed counter is #GP", "2B RDPMC"),
	   rdpmc_safe(RDPMC_FIXED | pmu.fixed, &value), VECTOR_GP);
	is(FACT("rdpmc-64", "RDPMC(64) is #GP", "2B RDPMC"), rdpmc_safe(64, &value), VECTOR_GP);
	is(FACT("rdpmc-fast", "bit 31, NetBurst's fast read, is #GP", "2B RDPMC"),
	   rdpmc_safe(BIT(31), &value), VECTOR_GP);
	is(FACT("rdpmc-metrics", "RDPMC(2^29) reads PERF_METRICS exactly if PERF_CAPABILITIES[15], else #GP",
		"2B RDPMC"), rdpmc_safe(RDPMC_METRICS, &value), pmu.caps & CAPS_METRICS ? NO_FAULT : VECTOR_GP);
}

static void privilege_facts(void)
{
	pmu_reset();
	gp_write(0, 0x77);
	write_cr4(read_cr4() & ~CR4_PCE);
	is(FACT("pce-clear", "RDPMC at CPL 3 with CR4.PCE = 0 is #GP", "2B RDPMC"),
	   user_run(user_rdpmc, 0, 0), VECTOR_GP);
	is(FACT("pce-kernel", "and at CPL 0 it is not", "2B RDPMC"), rdpmc(0), 0x77);
	write_cr4(read_cr4() | CR4_PCE);
	user_result = 0;
	is(FACT("pce-set", "RDPMC at CPL 3 with CR4.PCE = 1 does not fault", "2B RDPMC"),
	   user_run(user_rdpmc, 0, 0), VECTOR_USER_EXIT);
	is(FACT("pce-value", "and reads the counter", "2B RDPMC"), user_result, 0x77);
	is(FACT("pce-absent", "but an absent counter is #GP", "2B RDPMC"), user_run(user_rdpmc, pmu.gp, 0),
	   VECTOR_GP);
	write_cr4(read_cr4() & ~CR4_PCE);
	is(FACT("user-rdmsr", "RDMSR of a counter at CPL 3 is #GP", "2B RDMSR"),
	   user_run(user_rdmsr, MSR_PMC(0), 0), VECTOR_GP);
	is(FACT("user-wrmsr", "WRMSR of a counter at CPL 3 is #GP", "2D WRMSR"),
	   user_run(user_wrmsr, MSR_PMC(0), 0), VECTOR_GP);
}

static void unchanged(const struct fact *fact, u32 msr, u64 bit)
{
	u64 before = rdmsr(msr);

	wrmsr_safe(msr, before ^ bit);
	is(fact, rdmsr(msr), before);
}

static void capability_facts(void)
{
	u64 misc = rdmsr(MSR_MISC_ENABLE), value = 0;

	section("capabilities");
	is(FACT("misc-perfmon", "MISC_ENABLE[7] says that performance monitoring is available", "4 table 2-2"),
	   !!(misc & MISC_PERFMON), 1);
	unchanged(FACT("misc-perfmon-ro", "MISC_ENABLE[7] is read-only", "4 table 2-2"), MSR_MISC_ENABLE,
		  MISC_PERFMON);
	unchanged(FACT("misc-bts-ro", "MISC_ENABLE[11], BTS unavailable, is read-only", "4 table 2-2"),
		  MSR_MISC_ENABLE, MISC_BTS_UNAVAILABLE);
	unchanged(FACT("misc-pebs-ro", "MISC_ENABLE[12], PEBS unavailable, is read-only", "4 table 2-2"),
		  MSR_MISC_ENABLE, MISC_PEBS_UNAVAILABLE);
	if (misc & MISC_PEBS_UNAVAILABLE) {
		wrmsr_safe(MSR_PEBS_ENABLE, 1);
		rdmsr_safe(MSR_PEBS_ENABLE, &value);
		is(FACT("pebs-off", "with PEBS unavailable PEBS_ENABLE[0] cannot be set", "4 table 2-2"), value, 0);
	} else {
		is(FACT("pebs-on", "with PEBS available PEBS_ENABLE can be read", "4 table 2-2"),
		   rdmsr_safe(MSR_PEBS_ENABLE, &value), NO_FAULT);
	}
	if (cpuid(1, 0).ecx & BIT(15)) {
		is(FACT("caps-read-only", "WRMSR PERF_CAPABILITIES is #GP", "4 table 2-2 (RO)"),
		   wrmsr_safe(MSR_PERF_CAPS, pmu.caps), VECTOR_GP);
		wrmsr_safe(MSR_DEBUGCTL, BIT(14));
		is(FACT("caps-smm-freeze", "DEBUGCTL[14] can be set exactly if PERF_CAPABILITIES[12]",
			"3B 18.4.1"), rdmsr(MSR_DEBUGCTL) >> 14 & 1, !!(pmu.caps & CAPS_SMM_FREEZE));
		wrmsr(MSR_DEBUGCTL, 0);
	}
	wrmsr_safe(MSR_DEBUGCTL, DEBUGCTL_FREEZE_PERFMON);
	is(FACT("debugctl-freeze", "DEBUGCTL[12], FREEZE_PERFMON_ON_PMI, can be set", "3B 18.4.1"),
	   rdmsr(MSR_DEBUGCTL), DEBUGCTL_FREEZE_PERFMON);
	wrmsr(MSR_DEBUGCTL, 0);
}

/**
 * register_facts() - all facts of this file but the first
 */
void register_facts(void)
{
	enumeration_facts();
	presence_facts();
	version_facts();
	width_facts();
	separate_facts();
	section("control and status registers");
	selector_facts();
	fixed_ctrl_facts();
	global_facts();
	status_set_facts();
	inuse_facts();
	rdpmc_facts();
	privilege_facts();
	capability_facts();
}
