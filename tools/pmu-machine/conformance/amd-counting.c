// SPDX-License-Identifier: GPL-2.0-only
/* Facts of counting: what a counter makes of code whose instructions are known. */
#include "amd.h"

#define HLT_TICKS	4000000
#define INSN		(EVENT_INSN | SEL_ALL)

static void enable_facts(void)
{
	section("what enables a counter");
	is(FACT("enable", "an enabled counter counts", "APM 2 13.2.3.1"), grows(0, INSN, loop_branches), 2 * GROWTH);
	is(FACT("enable-no-en", "with EN clear it stands still", "APM 2 13.2.3.1"),
	   count(0, INSN & ~SEL_EN, loop_branches, TURNS), 0);
	is(FACT("enable-no-ring", "with neither USR nor OS it stands still", "APM 2 table 13-6"),
	   count(0, EVENT_INSN | SEL_EN, loop_branches, TURNS), 0);
	pmu_reset();
	run_enabled(0, INSN, loop_branches, TURNS);
	wrmsr(ctl(0), 0);
	is(FACT("stopped", "clearing EN leaves the count", "APM 2 13.2.3.1"), rdmsr(ctr(0)) >= 2 * TURNS, 1);
	pmu_reset();
	if (pmu.v2) {
		wrmsr(ctl(0), INSN);
		run_counted(MSR_GLOBAL_CTL, 2, loop_branches, TURNS);
		is(FACT("global-gates", "with GlobalCtl's bit clear it stands still", "APM 2 13.2.1"), rdmsr(ctr(0)),
		   0);
	} else {
		skip(FACT("global-gates", "with GlobalCtl's bit clear it stands still", "APM 2 13.2.1"),
		     "no PerfMonV2");
	}
	pmu_reset();
	if (pmu.v2)
		wrmsr(MSR_GLOBAL_CTL, pmu.all);
	run_counted(MSR_LEGACY_CTL(0), INSN, loop_branches, TURNS);
	is(FACT("legacy-counts", "a counter set up through its legacy numbers counts", "APM 2 13.2.1"),
	   rdmsr(MSR_LEGACY_CTR(0)) >= 2 * TURNS && rdmsr(MSR_LEGACY_CTR(0)) <= 2 * TURNS + 10, 1);
}

static u64 exact_counters(u64 event, void (*fn)(u64 arg), u64 want)
{
	u64 right = 0;
	u32 i;

	for (i = 0; i < pmu.counters; i++)
		if (grows(i, event | SEL_ALL, fn) == want)
			right |= BIT(i);
	return right;
}

static void exact_facts(void)
{
	section("exact counts");
	is(FACT("insn-every", "PMCx0C0: instructions of a known loop are exact on every counter", "PPR 19h"),
	   exact_counters(EVENT_INSN, loop_branches, 2 * GROWTH), pmu.all);
	is(FACT("branch-every", "PMCx0C2: branches likewise", "PPR 19h"),
	   exact_counters(EVENT_BRANCH, loop_branches, GROWTH), pmu.all);
	is(FACT("conditional-every", "PMCx0D1: conditional branches likewise", "PPR 19h"),
	   exact_counters(EVENT_CONDITIONAL, loop_calls, GROWTH), pmu.all);
	is(FACT("branch-calls", "PMCx0C2: a near call and its return are two branches", "PPR 19h"),
	   grows(0, EVENT_BRANCH | SEL_ALL, loop_calls), 3 * GROWTH);
	is(FACT("insn-calls", "PMCx0C0: and two instructions", "PPR 19h"),
	   grows(0, INSN, loop_calls), 4 * GROWTH);
	is(FACT("taken", "PMCx0C4: taken branches", "PPR 19h"),
	   grows(0, EVENT_TAKEN | SEL_ALL, loop_calls), 3 * GROWTH);
	is(FACT("return", "PMCx0C8: near returns", "PPR 19h"),
	   grows(0, EVENT_RETURN | SEL_ALL, loop_calls), GROWTH);
	is(FACT("loads", "PMCx029 unit mask 1: loads", "PPR 19h"),
	   grows(0, EVENT_LOADS | SEL_ALL, loop_loads), GROWTH);
	is(FACT("stores", "PMCx029 unit mask 2: stores", "PPR 19h"),
	   grows(0, EVENT_STORES | SEL_ALL, loop_stores), GROWTH);
	is(FACT("loads-not-stores", "and a store is no load", "PPR 19h"),
	   grows(0, EVENT_LOADS | SEL_ALL, loop_stores), 0);
	holds(FACT("branch-miss", "PMCx0C3: mispredicted branches are no more than branches", "PPR 19h"),
	      count(0, EVENT_BRANCH_MISS | SEL_ALL, stream, BUFFER_LINES) <=
	      count(0, EVENT_BRANCH | SEL_ALL, stream, BUFFER_LINES));
	holds(FACT("branch-miss-some", "and unpredictable ones are mispredicted", "PPR 19h"),
	      count(0, EVENT_BRANCH_MISS | SEL_ALL, stream, BUFFER_LINES));
	is(FACT("far", "PMCx0C6: SYSCALL is a far control transfer, at CPL 3", "PPR 19h"),
	   grows(0, EVENT_FAR | SEL_EN | SEL_USR, in_user_syscalls), GROWTH);
	is(FACT("far-none", "PMCx0C6: a near call is none", "PPR 19h"),
	   grows(0, EVENT_FAR | SEL_ALL, loop_calls), 0);
	is(FACT("interrupts", "PMCx02C: one interrupt is taken", "PPR 19h"),
	   count(0, EVENT_INTERRUPTS | SEL_ALL, in_hlt, 10000), 1);
	between(FACT("tlb-miss", "PMCx045: a load after its TLB entry is gone misses", "PPR 19h"),
		grows(0, EVENT_TLB_MISS | SEL_ALL, loop_tlb), GROWTH, 2 * GROWTH);
	is(FACT("event-high", "EVENT_SELECT[11:8] is part of the event: 0x1C0 is not 0x0C0", "APM 2 13.2.1"),
	   grows(0, INSN | BIT(32), loop_branches) == 2 * GROWTH, 0);
}

static void together_facts(void)
{
	u64 equal = 0;
	u32 i;

	if (!pmu.v2) {
		skip(FACT("together", "counters of one event, started by one WRMSR, agree", "APM 2 13.2.1"),
		     "no PerfMonV2");
		return;
	}
	pmu_reset();
	for (i = 0; i < pmu.counters; i++)
		wrmsr(ctl(i), INSN);
	run_counted(MSR_GLOBAL_CTL, pmu.all, loop_branches, TURNS);
	for (i = 0; i < pmu.counters; i++)
		if (rdmsr(ctr(i)) == rdmsr(ctr(0)) && rdmsr(ctr(0)) >= 2 * TURNS)
			equal |= BIT(i);
	is(FACT("together", "counters of one event, started by one WRMSR, agree", "APM 2 13.2.1"), equal, pmu.all);
}

static void ring_facts(void)
{
	u64 usr = EVENT_INSN | SEL_EN | SEL_USR, os = EVENT_INSN | SEL_EN | SEL_OS, split;

	section("privilege levels");
	is(FACT("usr-in-kernel", "USR alone counts nothing at CPL 0", "APM 2 table 13-6"),
	   count(0, usr, loop_branches, TURNS), 0);
	is(FACT("os-in-kernel", "OS alone counts at CPL 0", "APM 2 table 13-6"),
	   grows(0, os, loop_branches), 2 * GROWTH);
	is(FACT("usr-in-user", "USR alone counts a loop at CPL 3 exactly", "APM 2 table 13-6"),
	   grows(0, usr, in_user), 2 * GROWTH);
	is(FACT("os-in-user", "OS alone counts nothing of it", "APM 2 table 13-6"), grows(0, os, in_user), 0);
	is(FACT("both-in-user", "both count it", "APM 2 table 13-6"), grows(0, INSN, in_user), 2 * GROWTH);
	is(FACT("usr-branches", "branches are filtered the same way", "APM 2 table 13-6"),
	   grows(0, EVENT_BRANCH | SEL_EN | SEL_USR, in_user), GROWTH);
	is(FACT("usr-cycles", "cycles too: USR counts none at CPL 0", "APM 2 table 13-6"),
	   count(0, EVENT_CYCLES | SEL_EN | SEL_USR, loop_branches, TURNS), 0);
	split = count(0, usr, in_user, TURNS);
	split += count(0, os, in_user, TURNS);
	is(FACT("split", "USR and OS counts of the same code add up to the count of both", "APM 2 table 13-6"),
	   split, count(0, INSN, in_user, TURNS));
}

static void cycle_facts(void)
{
	u64 cycles = EVENT_CYCLES | SEL_ALL, start, tsc;

	section("cycles");
	between(FACT("cycles-advance", "PMCx076: a loop takes between a quarter and 100 cycles an instruction",
		     "PPR 19h"), count(0, cycles, loop_branches, LONG_LOOP), LONG_LOOP / 2, 200 * LONG_LOOP);
	pmu_reset();
	start = rdtsc();
	run_enabled(0, cycles, in_hlt, HLT_TICKS);
	tsc = rdtsc() - start;
	between(FACT("hlt-cycles", "PMCx076: cycles not in halt stand still in HLT", "PPR 19h"), rdmsr(ctr(0)), 1,
		tsc / 20);
	if (!pmu.v2) {
		skip(FACT("ref-tsc", "PMCx120 unit mask 1: P0 cycles advance with the TSC", "PPR 19h model 11h"),
		     "Zen 3 has no such event");
		return;
	}
	pmu_reset();
	start = rdtsc();
	run_enabled(0, EVENT_REF | SEL_ALL, loop_branches, LONG_LOOP);
	tsc = rdtsc() - start;
	between(FACT("ref-tsc", "PMCx120 unit mask 1: P0 cycles advance with the TSC (within 2 %)",
		     "PPR 19h model 11h"), rdmsr(ctr(0)), tsc - tsc / 50, tsc + tsc / 50);
}

static void mask_facts(void)
{
	u64 plain, one, two, cycles, inverse;

	section("counter mask, invert, edge");
	plain = count(0, INSN, loop_branches, LONG_LOOP);
	one = count(0, INSN | SEL_CMASK(1), loop_branches, LONG_LOOP);
	two = count(0, INSN | SEL_CMASK(2), loop_branches, LONG_LOOP);
	inverse = count(0, INSN | SEL_CMASK(1) | SEL_INV, loop_branches, LONG_LOOP);
	cycles = count(0, EVENT_CYCLES | SEL_ALL, loop_branches, LONG_LOOP);
	holds(FACT("cmask-plain", "with a mask of 1 a cycle counts once: no more than the plain event",
		   "APM 2 table 13-5"), one && one <= plain);
	holds(FACT("cmask-cycles", "nor more than the cycles", "APM 2 table 13-5"), one && one <= cycles);
	holds(FACT("cmask-falls", "a mask of 2 counts no more than 1", "APM 2 table 13-5"), one && two <= one);
	is(FACT("cmask-many", "no cycle retires 31 instructions", "APM 2 table 13-5"),
	   count(0, INSN | SEL_CMASK(31), loop_branches, LONG_LOOP), 0);
	is(FACT("inv-alone", "INV with a mask of 0 changes nothing", "APM 2 table 13-5"),
	   count(0, INSN | SEL_INV, loop_branches, LONG_LOOP), plain);
	between(FACT("inv-complement", "mask 1 and its inverse add up to the cycles (runs apart: within 1 %)",
		     "APM 2 table 13-5"), one + inverse, cycles - cycles / 100, cycles + cycles / 100);
	between(FACT("inv-31", "INV with 31 counts cycles (within 1 %)", "APM 2 table 13-5"),
		count(0, INSN | SEL_CMASK(31) | SEL_INV, loop_branches, LONG_LOOP), cycles - cycles / 100,
		cycles + cycles / 100);
	holds(FACT("edge-level", "EDGE counts transitions: a lasting condition counts far less than its cycles",
		   "APM 2 13.2.1"),
	      count(0, EVENT_CYCLES | SEL_ALL | SEL_EDGE | SEL_CMASK(1), loop_branches, LONG_LOOP) <= cycles / 100);
}

/**
 * counting_facts() - all facts of this file
 */
void counting_facts(void)
{
	enable_facts();
	exact_facts();
	together_facts();
	ring_facts();
	cycle_facts();
	mask_facts();
}
