// SPDX-License-Identifier: GPL-2.0-only
/* Facts of counting: what a counter makes of code whose instructions are known. */
#include "intel.h"

#define TURNS		1000
#define MORE_TURNS	3000
#define LONG_LOOP	200000
#define HLT_TICKS	4000000

/* How much MORE_TURNS of a loop add to TURNS of it: exact whatever starting and stopping counts. */
static u64 gp_grows(u32 i, u64 sel, void (*fn)(u64 arg))
{
	u64 few = gp_run(i, sel, fn, TURNS);

	return gp_run(i, sel, fn, MORE_TURNS) - few;
}

static u64 fixed_grows(u32 i, u64 field, void (*fn)(u64 arg))
{
	u64 few = fixed_run(i, field, fn, TURNS);

	return fixed_run(i, field, fn, MORE_TURNS) - few;
}

#define GROWTH (MORE_TURNS - TURNS)

static void enable_facts(void)
{
	u64 sel = EVENT_INSN | SEL_ALL;

	section("what enables a counter");
	is(FACT("enable-both", "a counter counts with GLOBAL_CTRL's bit and EN both set", "3B 20.2.2"),
	   gp_grows(0, sel, loop_branches), 2 * GROWTH);
	is(FACT("enable-no-en", "with EN clear it stands still", "3B 20.2.1.1"),
	   gp_run(0, sel & ~SEL_EN, loop_branches, TURNS), 0);
	pmu_reset();
	wrmsr(MSR_EVTSEL(0), sel);
	run_counted(MSR_GLOBAL_CTRL, BIT(1), loop_branches, TURNS);
	is(FACT("enable-no-global", "with GLOBAL_CTRL's bit clear it stands still", "3B 20.2.2"),
	   rdmsr(MSR_PMC(0)), 0);
	is(FACT("enable-no-ring", "with neither USR nor OS it stands still", "3B 20.2.1.1"),
	   gp_run(0, EVENT_INSN | SEL_EN, loop_branches, TURNS), 0);
	is(FACT("fixed-enable", "fixed counter 0 counts instructions with field 3", "3B 20.2.2"),
	   fixed_grows(0, FIXED_ALL, loop_branches), 2 * GROWTH);
	is(FACT("fixed-off", "and stands still with field 0", "3B 20.2.2"),
	   fixed_run(0, 0, loop_branches, TURNS), 0);
	pmu_reset();
	wrmsr(MSR_FIXED_CTRL, FIXED_ALL);
	run_counted(MSR_GLOBAL_CTRL, BIT(0), loop_branches, TURNS);
	is(FACT("fixed-no-global", "and with GLOBAL_CTRL[32] clear", "3B 20.2.2"), rdmsr(MSR_FIXED(0)), 0);
}

/* Counters that agree with the hand count, each alone */
static u64 exact_counters(u64 event, u64 want)
{
	u64 right = 0;
	u32 i;

	for (i = 0; i < pmu.gp; i++)
		if (gp_grows(i, event | SEL_ALL, loop_branches) == want)
			right |= BIT(i);
	return right;
}

static void together_facts(void)
{
	u64 equal = 0;
	u32 i;

	pmu_reset();
	for (i = 0; i < pmu.gp; i++)
		wrmsr(MSR_EVTSEL(i), EVENT_INSN | SEL_ALL);
	wrmsr(MSR_FIXED_CTRL, FIXED_ALL);
	run_counted(MSR_GLOBAL_CTRL, pmu.gp_mask | FIXED_BIT(0), loop_branches, TURNS);
	for (i = 0; i < pmu.gp; i++)
		if (rdmsr(MSR_PMC(i)) == rdmsr(MSR_FIXED(0)))
			equal |= BIT(i);
	is(FACT("together", "all counters of one event, started by one WRMSR, agree with fixed counter 0",
		"3B 20.2.2"), equal, pmu.gp_mask);
	is(FACT("together-count", "and have counted", "3B 20.2.2"), rdmsr(MSR_FIXED(0)) >= 2 * TURNS, 1);
	run_counted(MSR_GLOBAL_CTRL, 0, loop_branches, TURNS);
	is(FACT("stopped", "a stopped counter keeps its count", "3B 20.2.2"),
	   rdmsr(MSR_PMC(0)), rdmsr(MSR_FIXED(0)));
}

static void exact_facts(void)
{
	section("exact counts");
	is(FACT("insn-every", "instructions of a known loop are exact on every counter", "3B table 20-1"),
	   exact_counters(EVENT_INSN, 2 * GROWTH), pmu.gp_mask);
	is(FACT("branch-every", "branches likewise", "3B table 20-1"),
	   exact_counters(EVENT_BRANCH, GROWTH), pmu.gp_mask);
	is(FACT("branch-calls", "a near call and its return are two branches", "3B table 20-1"),
	   gp_grows(0, EVENT_BRANCH | SEL_ALL, loop_calls), 3 * GROWTH);
	is(FACT("insn-calls", "and two instructions", "3B table 20-1"),
	   gp_grows(0, EVENT_INSN | SEL_ALL, loop_calls), 4 * GROWTH);
	is(FACT("unit-mask", "event 0xc0 with a unit mask that is not architectural is another event",
		"3B table 20-1"), gp_grows(0, 0x80c0 | SEL_ALL, loop_branches) == 2 * GROWTH, 0);
	together_facts();
}

static u64 tlb_event(void)
{
	if (pmu.version < 4)
		return 0x0108;
	return pmu.model == MODEL_SAPPHIRE_RAPIDS ? 0x0e12 : 0x0e08;
}

/* The models' own encodings, from Intel's event lists */
static void model_facts(void)
{
	u64 conditional = pmu.version < 5 ? 0x01c4 : 0x11c4;

	section("events of this model");
	if (pmu.version < 3 || !pmu.model) {
		skip(FACT("model-events", "events of Haswell and later", "event list of the model"), "other model");
		return;
	}
	is(FACT("conditional", "conditional branches", "BR_INST_RETIRED.CONDITIONAL / COND"),
	   gp_grows(0, conditional | SEL_ALL, loop_calls), GROWTH);
	is(FACT("near-call", "near calls", "BR_INST_RETIRED.NEAR_CALL"),
	   gp_grows(0, 0x02c4 | SEL_ALL, loop_calls), GROWTH);
	is(FACT("near-return", "near returns", "BR_INST_RETIRED.NEAR_RETURN"),
	   gp_grows(0, 0x08c4 | SEL_ALL, loop_calls), GROWTH);
	is(FACT("near-taken", "taken near branches", "BR_INST_RETIRED.NEAR_TAKEN"),
	   gp_grows(0, 0x20c4 | SEL_ALL, loop_calls), 3 * GROWTH);
	is(FACT("not-taken", "conditional branches that are not taken", "BR_INST_RETIRED.NOT_TAKEN / COND_NTAKEN"),
	   gp_run(0, 0x10c4 | SEL_ALL, loop_branches, TURNS), 1);
	is(FACT("far", "far branches: SYSCALL at CPL 3", "BR_INST_RETIRED.FAR_BRANCH"),
	   gp_grows(0, 0x40c4 | SEL_EN | SEL_USR, in_user_syscalls), GROWTH);
	is(FACT("far-none", "and no near call", "BR_INST_RETIRED.FAR_BRANCH"),
	   gp_grows(0, 0x40c4 | SEL_ALL, loop_calls), 0);
	between(FACT("tlb-walk", "a load after its TLB entry is gone walks the page tables",
		     "DTLB_LOAD_MISSES.MISS_CAUSES_A_WALK / WALK_COMPLETED"),
		gp_grows(0, tlb_event() | SEL_ALL, loop_tlb), GROWTH, 2 * GROWTH);
	is(FACT("loads", "retired loads", "MEM_UOPS_RETIRED / MEM_INST_RETIRED.ALL_LOADS"),
	   gp_grows(0, 0x81d0 | SEL_ALL, loop_loads), GROWTH);
	is(FACT("stores", "retired stores", "MEM_UOPS_RETIRED / MEM_INST_RETIRED.ALL_STORES"),
	   gp_grows(0, 0x82d0 | SEL_ALL, loop_stores), GROWTH);
	if (pmu.version < 4)
		skip(FACT("interrupts", "one interrupt is received", "HW_INTERRUPTS.RECEIVED"),
		     "not an event of Haswell");
	else
		is(FACT("interrupts", "one interrupt is received", "HW_INTERRUPTS.RECEIVED"),
		   gp_run(0, 0x01cb | SEL_ALL, in_hlt, 10000), 1);
	is(FACT("stores-not-loads", "a store is no load", "MEM_UOPS_RETIRED / MEM_INST_RETIRED.ALL_LOADS"),
	   gp_grows(0, 0x81d0 | SEL_ALL, loop_stores), 0);
}

/* Which of the architectural events advance while flushed lines are read and branches are unpredictable */
static void architectural_facts(void)
{
	static const u16 events[] = {
		EVENT_CYCLES, EVENT_INSN, EVENT_REF, EVENT_LLC_REF, EVENT_LLC_MISS, EVENT_BRANCH,
		EVENT_BRANCH_MISS, EVENT_SLOTS,
	};
	u64 seen = 0, known = low_bits(ARRAY_SIZE(events)), count[ARRAY_SIZE(events)] = { 0 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		if (!(pmu.events & BIT(i)))
			continue;
		count[i] = gp_run(0, events[i] | SEL_ALL, stream, BUFFER_LINES);
		if (count[i])
			seen |= BIT(i);
	}
	is(FACT("architectural", "every event that CPUID.0AH:EBX offers counts in code that has it",
		"3B 20.2.1.2"), seen, pmu.events & known);
	holds(FACT("llc", "last-level misses are no more than its references", "3B table 20-1"),
	      count[3] && count[4] <= count[3]);
	holds(FACT("branch-miss", "mispredicted branches are no more than branches", "3B table 20-1"),
	      count[5] && count[6] <= count[5]);
}

static void ring_facts(void)
{
	u64 usr = EVENT_INSN | SEL_EN | SEL_USR, os = EVENT_INSN | SEL_EN | SEL_OS;

	section("privilege levels");
	is(FACT("usr-in-kernel", "USR alone counts nothing at CPL 0", "3B 20.2.1.1"),
	   gp_run(0, usr, loop_branches, TURNS), 0);
	is(FACT("os-in-kernel", "OS alone counts at CPL 0", "3B 20.2.1.1"),
	   gp_grows(0, os, loop_branches), 2 * GROWTH);
	is(FACT("usr-in-user", "USR alone counts a loop at CPL 3 exactly", "3B 20.2.1.1"),
	   gp_grows(0, usr, in_user), 2 * GROWTH);
	is(FACT("os-in-user", "OS alone counts nothing of it", "3B 20.2.1.1"), gp_grows(0, os, in_user), 0);
	is(FACT("both-in-user", "both count it", "3B 20.2.1.1"),
	   gp_grows(0, EVENT_INSN | SEL_ALL, in_user), 2 * GROWTH);
	is(FACT("usr-branches", "branches are filtered the same way", "3B 20.2.1.1"),
	   gp_grows(0, EVENT_BRANCH | SEL_EN | SEL_USR, in_user), GROWTH);
	is(FACT("usr-cycles", "cycles too: USR counts none at CPL 0", "3B 20.2.1.1"),
	   gp_run(0, EVENT_CYCLES | SEL_EN | SEL_USR, loop_branches, TURNS), 0);
	is(FACT("fixed-usr-in-kernel", "fixed field 2 counts nothing at CPL 0", "3B 20.2.2"),
	   fixed_run(0, FIXED_USR, loop_branches, TURNS), 0);
	is(FACT("fixed-os-in-kernel", "fixed field 1 counts at CPL 0", "3B 20.2.2"),
	   fixed_grows(0, FIXED_OS, loop_branches), 2 * GROWTH);
	is(FACT("fixed-usr-in-user", "fixed field 2 counts a loop at CPL 3 exactly", "3B 20.2.2"),
	   fixed_grows(0, FIXED_USR, in_user), 2 * GROWTH);
	is(FACT("fixed-os-in-user", "fixed field 1 counts nothing of it", "3B 20.2.2"),
	   fixed_grows(0, FIXED_OS, in_user), 0);
}

static void split_facts(void)
{
	u64 usr, os;

	pmu_reset();
	wrmsr(MSR_EVTSEL(0), EVENT_INSN | SEL_EN | SEL_USR);
	wrmsr(MSR_EVTSEL(1), EVENT_INSN | SEL_EN | SEL_OS);
	wrmsr(MSR_FIXED_CTRL, FIXED_ALL);
	run_counted(MSR_GLOBAL_CTRL, 3 | FIXED_BIT(0), in_user, TURNS);
	usr = rdmsr(MSR_PMC(0));
	os = rdmsr(MSR_PMC(1));
	is(FACT("split", "USR and OS counts add up to the count of both", "3B 20.2.1.1"), usr + os,
	   rdmsr(MSR_FIXED(0)));
	is(FACT("split-both", "and neither is 0", "3B 20.2.1.1"), usr && os, 1);
}

static void cycle_facts(void)
{
	u64 start, tsc, gp, fixed, ref;

	section("cycles");
	pmu_reset();
	wrmsr(MSR_EVTSEL(0), EVENT_CYCLES | SEL_ALL);
	wrmsr(MSR_FIXED_CTRL, FIXED_FIELD(1, FIXED_ALL) | FIXED_FIELD(2, FIXED_ALL));
	start = rdtsc();
	run_counted(MSR_GLOBAL_CTRL, 1 | FIXED_BIT(1) | FIXED_BIT(2), loop_branches, LONG_LOOP);
	tsc = rdtsc() - start;
	gp = rdmsr(MSR_PMC(0));
	fixed = rdmsr(MSR_FIXED(1));
	ref = rdmsr(MSR_FIXED(2));
	is(FACT("cycles-fixed", "event 0x3c and fixed counter 1 agree", "3B table 20-2"), gp, fixed);
	between(FACT("cycles-advance", "a loop takes between a quarter and 100 cycles an instruction",
		     "3B table 20-1"), gp, LONG_LOOP / 2, 200 * LONG_LOOP);
	between(FACT("ref-tsc", "fixed counter 2 advances at the rate of the TSC (within 2 %)", "3B table 20-2"),
		ref, tsc - tsc / 50, tsc + tsc / 50);

	pmu_reset();
	wrmsr(MSR_EVTSEL(0), EVENT_CYCLES | SEL_ALL);
	wrmsr(MSR_FIXED_CTRL, FIXED_FIELD(1, FIXED_ALL) | FIXED_FIELD(2, FIXED_ALL));
	start = rdtsc();
	run_counted(MSR_GLOBAL_CTRL, 1 | FIXED_BIT(1) | FIXED_BIT(2), in_hlt, HLT_TICKS);
	tsc = rdtsc() - start;
	between(FACT("hlt-cycles", "event 0x3c stands still in HLT", "3B table 20-1"), rdmsr(MSR_PMC(0)), 1,
		tsc / 20);
	between(FACT("hlt-fixed", "so does fixed counter 1", "3B table 20-2"), rdmsr(MSR_FIXED(1)), 1, tsc / 20);
	between(FACT("hlt-ref", "and fixed counter 2", "3B table 20-2"), rdmsr(MSR_FIXED(2)), 1, tsc / 20);
}

static void slots_facts(void)
{
	u64 metrics, sum = 0;
	u32 i;

	if (pmu.fixed < 4) {
		skip(FACT("slots", "fixed counter 3 counts slots", "3B table 20-2"), "no fixed counter 3");
		return;
	}
	pmu_reset();
	wrmsr(MSR_FIXED_CTRL, FIXED_FIELD(0, FIXED_ALL) | FIXED_FIELD(1, FIXED_ALL) | FIXED_FIELD(3, FIXED_ALL));
	run_counted(MSR_GLOBAL_CTRL, FIXED_BIT(0) | FIXED_BIT(1) | FIXED_BIT(3) |
		    (pmu.caps & CAPS_METRICS ? METRICS_BIT : 0), loop_branches, LONG_LOOP);
	holds(FACT("slots", "fixed counter 3, slots, is no less than the instructions", "3B table 20-2"),
	      rdmsr(MSR_FIXED(3)) >= rdmsr(MSR_FIXED(0)) && rdmsr(MSR_FIXED(0)));
	is(FACT("slots-width", "and a whole multiple of the unhalted cycles", "TOPDOWN.SLOTS"),
	   rdmsr(MSR_FIXED(3)) % rdmsr(MSR_FIXED(1)), 0);
	if (!(pmu.caps & CAPS_METRICS)) {
		skip(FACT("metrics-sum", "PERF_METRICS' level 1 adds up", "3B 20.3.9.3"), "not offered");
		return;
	}
	metrics = rdmsr(MSR_PERF_METRICS);
	for (i = 0; i < 4; i++)
		sum += metrics >> (8 * i) & 0xff;
	between(FACT("metrics-sum", "the four level-1 fields of PERF_METRICS add up to 0xff (rounded)",
		     "3B 20.3.9.3"), sum, 0xff - 4, 0xff + 4);
}

static void mask_facts(void)
{
	u64 insn = EVENT_INSN | SEL_ALL, plain, one, two, cycles;

	section("counter mask, invert, edge");
	plain = gp_run(0, insn, loop_branches, LONG_LOOP);
	one = gp_run(0, insn | SEL_CMASK(1), loop_branches, LONG_LOOP);
	two = gp_run(0, insn | SEL_CMASK(2), loop_branches, LONG_LOOP);
	cycles = gp_run(0, EVENT_CYCLES | SEL_ALL, loop_branches, LONG_LOOP);
	is(FACT("cmask-255", "no cycle retires 255 instructions", "3B 20.2.1.1"),
	   gp_run(0, insn | SEL_CMASK(255), loop_branches, LONG_LOOP), 0);
	holds(FACT("cmask-cycles", "with CMASK 1 a cycle counts once: no more than the cycles", "3B 20.2.1.1"),
	      one && one <= cycles);
	holds(FACT("cmask-plain", "nor more than the plain event", "3B 20.2.1.1"), one && one <= plain);
	holds(FACT("cmask-falls", "CMASK 2 counts no more than CMASK 1", "3B 20.2.1.1"), one && two <= one);
	is(FACT("inv-alone", "INV is ignored with CMASK 0", "3B 20.2.1.1"),
	   gp_run(0, insn | SEL_INV, loop_branches, LONG_LOOP), plain);
	pmu_reset();
	wrmsr(MSR_EVTSEL(0), insn | SEL_CMASK(1));
	wrmsr(MSR_EVTSEL(1), insn | SEL_CMASK(1) | SEL_INV);
	wrmsr(MSR_EVTSEL(2), insn | SEL_CMASK(16) | SEL_INV);
	wrmsr(MSR_FIXED_CTRL, FIXED_FIELD(1, FIXED_ALL));
	run_counted(MSR_GLOBAL_CTRL, 7 | FIXED_BIT(1), loop_branches, LONG_LOOP);
	cycles = rdmsr(MSR_FIXED(1));
	is(FACT("inv-complement", "CMASK 1 and its inverse add up to the cycles", "3B 20.2.1.1"),
	   rdmsr(MSR_PMC(0)) + rdmsr(MSR_PMC(1)), cycles);
	is(FACT("inv-16", "fewer than 16 instructions retire in every cycle: INV with CMASK 16 counts cycles",
		"3B 20.2.1.1"), rdmsr(MSR_PMC(2)), cycles);
	holds(FACT("edge-level", "E counts transitions: a lasting condition counts far less than its cycles",
		   "3B 20.2.1.1"),
	      gp_run(0, EVENT_CYCLES | SEL_ALL | SEL_EDGE | SEL_CMASK(1), loop_branches, LONG_LOOP) <=
	      cycles / 100);
	is(FACT("cmask-usr", "INV with CMASK counts at the selected level only", "3B 20.2.1.1"),
	   gp_run(0, EVENT_INSN | SEL_EN | SEL_USR | SEL_CMASK(16) | SEL_INV, loop_branches, TURNS), 0);
}

/**
 * counting_facts() - all facts of this file
 */
void counting_facts(void)
{
	enable_facts();
	exact_facts();
	model_facts();
	architectural_facts();
	ring_facts();
	split_facts();
	cycle_facts();
	slots_facts();
	mask_facts();
}
