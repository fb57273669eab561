// SPDX-License-Identifier: GPL-2.0-only
/* Facts of the registers: which exist, what they take, what they read, before anything counts. */
#include "amd.h"

/**
 * reset_facts() - the state after power-up; must be called before anything else touches the PMU
 * @lvtpc:	what the local APIC's entry held
 */
void reset_facts(u32 lvtpc)
{
	u64 ored = 0;
	u32 i;

	section("after power-up");
	for (i = 0; i < pmu.counters; i++)
		ored |= rdmsr(ctl(i));
	is(FACT("reset-selectors", "all selectors are 0", "APM 2 A.6"), ored, 0);
	for (i = 0, ored = 0; i < pmu.counters; i++)
		ored |= rdmsr(ctr(i));
	is(FACT("reset-counters", "all counters are 0", "APM 2 A.6"), ored, 0);
	is(FACT("reset-lvtpc", "LVTPC is masked and otherwise 0", "APM 2 16.4"), lvtpc, LVT_MASKED);
	if (pmu.v2)
		is(FACT("reset-status", "GlobalStatus is 0", "APM 2 13.2.1"), rdmsr(MSR_STATUS), 0);
	else
		skip(FACT("reset-status", "GlobalStatus is 0", "APM 2 13.2.1"), "no PerfMonV2");
}

static void presence_facts(void)
{
	u32 ecx = cpuid(0x80000001, 0).ecx;

	section("which registers exist");
	is(FACT("ext-core", "CPUID 8000_0001 ECX[23] says that there are six core counters at least",
		"APM 2 13.2.2"), ecx >> 23 & 1 && pmu.counters >= 6, 1);
	is(FACT("ext-ctl", "PerfEvtSeln exists for n below the number of counters, the rest up to 8 is #GP",
		"APM 2 13.2.2"), msrs_readable(MSR_EXT_CTL(0), 2, 8), pmu.all);
	is(FACT("ext-ctr", "PerfCtrn likewise", "APM 2 13.2.2"), msrs_readable(MSR_EXT_CTR(0), 2, 8), pmu.all);
	is(FACT("legacy-ctl", "the four legacy selectors exist", "APM 2 13.2.1"),
	   msrs_readable(MSR_LEGACY_CTL(0), 1, LEGACY_COUNTERS), 15);
	is(FACT("legacy-ctr", "the four legacy counters exist", "APM 2 13.2.1"),
	   msrs_readable(MSR_LEGACY_CTR(0), 1, LEGACY_COUNTERS), 15);
	is(FACT("nb-present", "the four NB selectors exist exactly if CPUID 8000_0001 ECX[24]", "APM 2 13.2.2"),
	   msrs_readable(MSR_NB_CTL(0), 2, NB_COUNTERS), pmu.nb ? 15 : 0);
	is(FACT("nb-ctr-present", "and the NB counters", "APM 2 13.2.2"),
	   msrs_readable(MSR_NB_CTR(0), 2, NB_COUNTERS), pmu.nb ? 15 : 0);
	is(FACT("l3-present", "the six L3 selectors exist exactly if CPUID 8000_0001 ECX[28]", "PPR 19h"),
	   msrs_readable(MSR_L3_CTL(0), 2, L3_COUNTERS), pmu.l3 ? 63 : 0);
	is(FACT("l3-ctr-present", "and the L3 counters", "PPR 19h"),
	   msrs_readable(MSR_L3_CTR(0), 2, L3_COUNTERS), pmu.l3 ? 63 : 0);
	is(FACT("global-present", "GlobalStatus and GlobalCtl exist exactly if CPUID 8000_0022 EAX[0]",
		"APM 2 13.2.2"), msrs_readable(MSR_STATUS, 1, 2), pmu.v2 ? 3 : 0);
	is(FACT("global-clr", "GlobalStatusClr can be written exactly then", "APM 2 13.2.2"),
	   wrmsr_safe(MSR_STATUS_CLR, 0), pmu.v2 ? NO_FAULT : VECTOR_GP);
	is(FACT("global-set", "and GlobalStatusSet", "APM 2 13.2.2"),
	   wrmsr_safe(MSR_STATUS_SET, 0), pmu.v2 ? NO_FAULT : VECTOR_GP);
	is(FACT("irperf-present", "the Instructions Retired counter exists exactly if CPUID 8000_0008 EBX[1]",
		"APM 2 13.2.1"), msr_readable(MSR_IRPERF), cpuid(0x80000008, 0).ebx >> 1 & 1);
	is(FACT("intel-ctrl", "Intel's GLOBAL_CTRL, 0x38f, does not exist", "PPR 19h"), msr_readable(0x38f), 0);
	is(FACT("intel-leaf", "nor does CPUID leaf 0AH say anything", "APM 3 E.3"), cpuid(0xa, 0).eax, 0);
	if (pmu.v2)
		is(FACT("v2-counters", "CPUID 8000_0022 EBX[3:0] is the number of core counters, six or more",
			"APM 2 13.2.2"), (cpuid(0x80000022, 0).ebx & 15) >= 6, 1);
	else
		skip(FACT("v2-counters", "CPUID 8000_0022 EBX[3:0] is the number of core counters",
			  "APM 2 13.2.2"), "no PerfMonV2");
}

/* Every register of a set keeps what is written to it, whatever is written to the others. */
static u64 separate(u32 (*number)(u32 i), u64 value)
{
	u64 right = 0;
	u32 i;

	for (i = 0; i < pmu.counters; i++)
		wrmsr(number(i), value + i);
	for (i = 0; i < pmu.counters; i++)
		if (rdmsr(number(i)) == value + i)
			right |= BIT(i);
	return right;
}

static u64 aliased(u32 (*number)(u32 i), u32 legacy, u64 value)
{
	u64 right = 0;
	u32 i;

	for (i = 0; i < LEGACY_COUNTERS; i++) {
		wrmsr(number(i), value + i);
		if (rdmsr(legacy + i) != value + i)
			continue;
		wrmsr(legacy + i, value + 0x100 + i);
		if (rdmsr(number(i)) == value + 0x100 + i)
			right |= BIT(i);
	}
	return right;
}

static void counter_facts(void)
{
	u64 odd = 0xfedcba987654;

	section("counters and their aliases");
	pmu_reset();
	is(FACT("ctr-separate", "every counter keeps a value of its own", "APM 2 13.2.1"),
	   separate(ctr, 0x1000), pmu.all);
	is(FACT("ctl-separate", "every selector too", "APM 2 13.2.1"), separate(ctl, 0x3000), pmu.all);
	pmu_reset();
	is(FACT("ctr-alias", "the legacy counters are the first four, both ways", "APM 2 13.2.1"),
	   aliased(ctr, MSR_LEGACY_CTR(0), 0x5000), 15);
	is(FACT("ctl-alias", "the legacy selectors are the first four, both ways", "APM 2 13.2.1"),
	   aliased(ctl, MSR_LEGACY_CTL(0), 0x7000), 15);
	pmu_reset();
	wrmsr(ctr(0), odd);
	is(FACT("ctr-48", "all 48 bits of a counter are written and read", "PPR 19h PerfCtr"), rdmsr(ctr(0)), odd);
	wrmsr(MSR_LEGACY_CTR(0), odd + 1);
	is(FACT("ctr-legacy-48", "by its legacy number too: nothing is sign-extended", "PPR 19h PerfCtr"),
	   rdmsr(ctr(0)), odd + 1);
	wrmsr(ctr(0), 0x80000000);
	is(FACT("ctr-no-sign", "bit 31 is a bit like others", "PPR 19h PerfCtr"), rdmsr(ctr(0)), 0x80000000);
	wrmsr_safe(ctr(0), ~0ul << WIDTH | 5);
	is(FACT("ctr-above", "bits above 47 cannot be set", "PPR 19h PerfCtr"), rdmsr(ctr(0)) >> WIDTH, 0);
}

static void selector_facts(void)
{
	u64 defined = 0x0000030fff97ffff & ~SEL_RESERVED;

	section("control and status registers");
	pmu_reset();
	wrmsr(ctl(0), defined & ~SEL_EN);
	is(FACT("ctl-defined", "every defined bit of PerfEvtSel0 is kept", "APM 2 figure 13-11"), rdmsr(ctl(0)),
	   defined & ~SEL_EN);
	wrmsr(ctl(0), 0);
	wrmsr_safe(ctl(0), SEL_RESERVED);
	is(FACT("ctl-reserved", "the reserved bits read as zero", "APM 2 figure 13-11 (RAZ)"), rdmsr(ctl(0)), 0);
	pmu_reset();
}

static void global_facts(void)
{
	if (!pmu.v2) {
		skip(FACT("global", "GlobalCtl, GlobalStatus, GlobalStatusClr, GlobalStatusSet", "APM 2 13.2.1"),
		     "no PerfMonV2");
		return;
	}
	wrmsr(MSR_GLOBAL_CTL, pmu.all);
	is(FACT("global-ctl", "GlobalCtl keeps a bit for every counter", "APM 2 figure 13-12"),
	   rdmsr(MSR_GLOBAL_CTL), pmu.all);
	wrmsr(MSR_GLOBAL_CTL, 0);
	wrmsr_safe(MSR_GLOBAL_CTL, ~pmu.all);
	is(FACT("global-ctl-reserved", "its reserved bits read as zero", "APM 2 figure 13-12 (RAZ)"),
	   rdmsr(MSR_GLOBAL_CTL), 0);
	wrmsr(MSR_GLOBAL_CTL, 0);
	wrmsr(MSR_STATUS_SET, pmu.all);
	is(FACT("status-set", "GlobalStatusSet sets the bits written as 1", "APM 2 figure 13-14"),
	   rdmsr(MSR_STATUS), pmu.all);
	is(FACT("status-set-quiet", "which requests no interrupt", "APM 2 13.2.1"), apic_requested(VECTOR_PMI), 0);
	wrmsr(MSR_STATUS_SET, 0);
	is(FACT("status-set-zero", "bits written as 0 stay", "APM 2 figure 13-14"), rdmsr(MSR_STATUS), pmu.all);
	wrmsr(MSR_STATUS_CLR, 1);
	is(FACT("status-clr", "GlobalStatusClr clears the bits written as 1, and only them", "APM 2 figure 13-15"),
	   rdmsr(MSR_STATUS), pmu.all & ~1ul);
	wrmsr_safe(MSR_STATUS, 0);
	is(FACT("status-read-only", "GlobalStatus cannot be written", "APM 2 figure 13-13 (RO)"),
	   rdmsr(MSR_STATUS), pmu.all & ~1ul);
	wrmsr(MSR_STATUS_CLR, pmu.all);
	wrmsr_safe(MSR_STATUS_SET, 0x03fffffffffffffful & ~pmu.all);
	is(FACT("status-reserved", "the reserved bits of GlobalStatus cannot be set", "APM 2 figure 13-13"),
	   rdmsr(MSR_STATUS), 0);
	pmu_reset();
}

static void rdpmc_facts(void)
{
	u64 value, right = 0;
	u32 i;

	section("RDPMC");
	pmu_reset();
	for (i = 0; i < pmu.counters && i < NB_RDPMC; i++) {
		wrmsr(ctr(i), 0xabcd00000001ul + i);
		if (rdpmc_safe(i, &value) == NO_FAULT && value == 0xabcd00000001ul + i)
			right |= BIT(i);
	}
	is(FACT("rdpmc-core", "RDPMC 0 to 5 reads the core counters in full width", "APM 3 RDPMC"), right, 63);
	right = rdpmc_wide(0, &value);
	is(FACT("rdpmc-rcx", "RDPMC takes ECX alone: the upper half of RCX is ignored", "APM 3 RDPMC"), value,
	   rdmsr(ctr(0)));
	is(FACT("rdpmc-upper", "and clears the upper halves of RAX and RDX", "APM 3 RDPMC"), right, 1);
	for (i = 0, right = 0; i < NB_COUNTERS; i++)
		if (rdpmc_safe(NB_RDPMC + i, &value) == NO_FAULT)
			right |= BIT(i);
	is(FACT("rdpmc-nb", "RDPMC 6 to 9 exist exactly with the NB counters", "APM 3 RDPMC"), right,
	   pmu.nb ? 15 : 0);
	for (i = 0, right = 0; i < L3_COUNTERS; i++)
		if (rdpmc_safe(L3_RDPMC + i, &value) == NO_FAULT)
			right |= BIT(i);
	is(FACT("rdpmc-l3", "RDPMC 10 to 15 exist exactly with the L3 counters", "APM 3 RDPMC"), right,
	   pmu.l3 ? 63 : 0);
	is(FACT("rdpmc-end", "the first index beyond all is #GP", "APM 3 RDPMC"),
	   rdpmc_safe(pmu.rdpmc_end, &value), VECTOR_GP);
	is(FACT("rdpmc-64", "RDPMC(64) is #GP", "APM 3 RDPMC"), rdpmc_safe(64, &value), VECTOR_GP);
	is(FACT("rdpmc-intel-fixed", "Intel's 2^30 is #GP", "APM 3 RDPMC"), rdpmc_safe(BIT(30), &value), VECTOR_GP);
	is(FACT("rdpmc-bit-31", "so is bit 31", "APM 3 RDPMC"), rdpmc_safe(BIT(31), &value), VECTOR_GP);
	if (!pmu.nb) {
		skip(FACT("rdpmc-nb-value", "RDPMC 6 reads NB counter 0", "APM 3 RDPMC"), "no NB counters");
		return;
	}
	wrmsr(MSR_NB_CTR(0), 0x4242);
	is(FACT("rdpmc-nb-value", "RDPMC 6 reads NB counter 0", "APM 3 RDPMC"), rdpmc(NB_RDPMC), 0x4242);
	wrmsr(MSR_NB_CTR(0), 0);
}

static void privilege_facts(void)
{
	pmu_reset();
	wrmsr(ctr(0), 0x77);
	write_cr4(read_cr4() & ~CR4_PCE);
	is(FACT("pce-clear", "RDPMC at CPL 3 with CR4.PCE = 0 is #GP", "APM 2 13.2.1"),
	   user_run(user_rdpmc, 0, 0), VECTOR_GP);
	is(FACT("pce-kernel", "and at CPL 0 it is not", "APM 2 13.2.1"), rdpmc(0), 0x77);
	write_cr4(read_cr4() | CR4_PCE);
	user_result = 0;
	is(FACT("pce-set", "RDPMC at CPL 3 with CR4.PCE = 1 does not fault", "APM 2 13.2.1"),
	   user_run(user_rdpmc, 0, 0), VECTOR_USER_EXIT);
	is(FACT("pce-value", "and reads the counter", "APM 2 13.2.1"), user_result, 0x77);
	is(FACT("pce-absent", "but an index beyond all is #GP", "APM 3 RDPMC"),
	   user_run(user_rdpmc, pmu.rdpmc_end, 0), VECTOR_GP);
	write_cr4(read_cr4() & ~CR4_PCE);
	is(FACT("user-rdmsr", "RDMSR of a selector at CPL 3 is #GP", "APM 2 13.2.1"),
	   user_run(user_rdmsr, ctl(0), 0), VECTOR_GP);
	is(FACT("user-wrmsr", "WRMSR of a selector at CPL 3 is #GP", "APM 2 13.2.1"),
	   user_run(user_wrmsr, ctl(0), 0), VECTOR_GP);
}

/**
 * register_facts() - all facts of this file but the first
 */
void register_facts(void)
{
	presence_facts();
	counter_facts();
	selector_facts();
	global_facts();
	rdpmc_facts();
	privilege_facts();
}
