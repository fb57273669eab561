// SPDX-License-Identifier: GPL-2.0-only
/* Facts of AMD's branch records: the last branch, and the LBR stack of LbrExtV2. */
#include "amd.h"
#include "amd-lbr.h"

#define LBR_STACK_OFFERED	BIT(1)	/* CPUID 8000_0022H:EAX */
#define SELECT_KERNEL		BIT(0)
#define SELECT_USER		BIT(1)
#define SELECT_ALL		(BIT(9) - 1)
#define MISPREDICTED		BIT(63)	/* of FROM */
#define VALID			BIT(63)	/* of TO */
#define SPECULATIVE		BIT(62)
#define IP			(BIT(57) - 1)
#define FREEZE_LBRS		BIT(11)
#define SPIN			3000
#define EARLY			1000	/* an overflow well within spin(SPIN) */

struct lbr amd_lbr;

static void stack_clear(void)
{
	u32 i;

	wrmsr(MSR_DEBUG_EXTN, 0);
	for (i = 0; i < 2 * amd_lbr.depth; i++)
		wrmsr(MSR_LBR_STACK + i, 0);
}

/* An entry that is not valid, or was never retired, is none. */
static void stack_read(struct record *to)
{
	u64 from, target;
	u32 i;

	for (i = 0; i < amd_lbr.depth; i++) {
		from = rdmsr(MSR_LBR_STACK + 2 * i);
		target = rdmsr(MSR_LBR_STACK + 2 * i + 1);
		to[i] = (struct record){ 0 };
		if ((target & (VALID | SPECULATIVE)) != VALID)
			continue;
		to[i].from = from & IP;
		to[i].to = target & IP;
		to[i].mispredicted = from >> 63;
	}
}

static void stack_filter(u32 types, bool kernel, bool user, bool call_stack)
{
	static const u8 bits[][2] = {
		{ BRANCH_COND, 2 }, { BRANCH_CALL, 3 }, { BRANCH_CALL_IND, 4 }, { BRANCH_RET, 5 },
		{ BRANCH_JMP_IND, 6 }, { BRANCH_JMP, 7 }, { BRANCH_FAR, 8 },
	};
	u64 select = (kernel ? 0 : SELECT_KERNEL) | (user ? 0 : SELECT_USER);
	u32 i;

	(void)call_stack;	/* there is no such mode */
	for (i = 0; i < ARRAY_SIZE(bits); i++)
		if (!(types & BIT(bits[i][0])))
			select |= BIT(bits[i][1]);
	wrmsr(MSR_LBR_SELECT, select);
}

static const struct lbr stack = {
	.ref = "APM 2 13.1.8", .depth = LBR_DEPTH, .msr = MSR_DEBUG_EXTN, .on = DEBUG_EXTN_LBRS,
	.en = DEBUG_EXTN_LBRS, .call_next = true,
	.clear = stack_clear, .read = stack_read, .filter = stack_filter,
};

static bool has_stack(void)
{
	return cpuid(0x80000000, 0).eax >= 0x80000022 && cpuid(0x80000022, 0).eax & LBR_STACK_OFFERED;
}

/* The four registers of the last branch and of the one before the last interrupt */
static void last_branch_facts(void)
{
	/* The last one, and the return from the interrupt before the last */
	const struct branch *last = events_branches + EVENTS_LAST, *before = last - 3;

	wrmsr(MSR_DEBUGCTL, 0);
	lbr_run_events(MSR_DEBUGCTL, DEBUGCTL_LBR);
	is(FACT("lbr-last-from", "DebugCtl.LBR: LastBranchFromIP has where the last branch came from", "APM 2 13.1.6"),
	   rdmsr(MSR_BR_FROM), last->from);
	is(FACT("lbr-last-to", "LastBranchToIP where it went", "APM 2 13.1.6"), rdmsr(MSR_BR_FROM + 1),
	   last->to);
	is(FACT("lbr-last-int", "LastIntFromIP and ToIP the last branch before the last interrupt", "APM 2 13.1.6"),
	   rdmsr(MSR_BR_FROM + 2) == before->from &&
	   rdmsr(MSR_BR_FROM + 3) == before->to, 1);
	is(FACT("lbr-last-read-only", "they can't be written", "APM 2 13.1.1.7"), msr_refused(MSR_BR_FROM, 0), 1);
	run_counted(MSR_DEBUGCTL, 0, walk, 0);
	is(FACT("lbr-last-off", "and stay without DebugCtl.LBR", "APM 2 13.1.6"), rdmsr(MSR_BR_FROM),
	   last->from);
}

static void absent_facts(void)
{
	u64 value;

	is(FACT("lbr-absent", "without the LBR stack its registers are #GP", "PPR"),
	   rdmsr_safe(MSR_LBR_SELECT, &value) == VECTOR_GP && rdmsr_safe(MSR_DEBUG_EXTN, &value) == VECTOR_GP &&
	   rdmsr_safe(MSR_LBR_STACK, &value) == VECTOR_GP, 1);
	skip(FACT("lbr-walk", "the LBR stack", "APM 2 13.1.8"), "not offered");
}

static void register_facts_of_stack(void)
{
	u64 value;

	is(FACT("lbr-depth", "the LBR stack has CPUID 8000_0022H:EBX[9:4] entries: 16", "APM 3 E.4.24"),
	   cpuid(0x80000022, 0).ebx >> 4 & 63, LBR_DEPTH);
	is(FACT("lbr-behind", "and no register behind them", "PPR"),
	   rdmsr_safe(MSR_LBR_STACK + 2 * LBR_DEPTH, &value), VECTOR_GP);
	is(FACT("lbr-extn-reserved", "reserved bits of DebugExtnCtl are #GP", "APM 2 13.1.1.8"),
	   msr_refused_bits(MSR_DEBUG_EXTN, 0, ~DEBUG_EXTN_LBRS), ~DEBUG_EXTN_LBRS);
	wrmsr(MSR_LBR_SELECT, SELECT_ALL);
	is(FACT("lbr-select", "all filters can be set", "APM 2 13.1.1.9"), rdmsr(MSR_LBR_SELECT), SELECT_ALL);
	wrmsr(MSR_LBR_SELECT, 0);
	wrmsr(MSR_LBR_STACK + 7, VALID | 0x123456);
	is(FACT("lbr-stack-write", "entries can be written", "PPR"), rdmsr(MSR_LBR_STACK + 7), VALID | 0x123456);
	amd_lbr.clear();
}

/* Freezing: as on Intel's version 4 */

static struct record seen;
static u64 seen_status;

static void look(void)
{
	struct record records[MAX_RECORDS];

	seen_status = rdmsr(MSR_STATUS);
	amd_lbr.read(records);
	seen = records[0];
}

static bool spinning(struct record r)
{
	return r.from == (u64)spin_jump && r.to == (u64)spin_top;
}

static void overflow(u64 debugctl)
{
	pmu_reset();
	amd_lbr.clear();
	pmi_hook = look;
	wrmsr(MSR_DEBUGCTL, debugctl);
	wrmsr(ctl(0), EVENT_INSN | SEL_ALL | SEL_INT);
	wrmsr(ctr(0), -(u64)EARLY & COUNTER_MASK);
	apic_write(APIC_LVTPC, VECTOR_PMI);
	irq_on();
	wrmsr(MSR_GLOBAL_CTL, 1);
	run_counted(amd_lbr.msr, amd_lbr.on, spin, SPIN);
	wrmsr(MSR_GLOBAL_CTL, 0);
	irq_off();
}

static void freeze_facts(void)
{
	const struct branch none = { 0 };

	overflow(0);
	is(FACT("lbr-no-freeze", "a PMI does not stop recording by itself", "APM 2 13.2.1"),
	   pmis() == 1 && !spinning(seen), 1);
	overflow(FREEZE_LBRS);
	is(FACT("lbr-freeze", "DebugCtl[11]: the handler finds the branch before the PMI as the newest",
		"PPR"), pmis() == 1 && spinning(seen), 1);
	is(FACT("lbr-freeze-status", "and the status bit for it", "PPR"), seen_status, LBR_FRZ | 1);
	lbr_run(&amd_lbr, walk, 0);
	is(FACT("lbr-freeze-holds", "enabling again records nothing", "PPR"), lbr_newest_differ(&amd_lbr, &none, 1),
	   0);
	wrmsr(MSR_STATUS_CLR, LBR_FRZ);
	lbr_run(&amd_lbr, walk, 0);
	is(FACT("lbr-freeze-thaws", "until the bit is cleared", "PPR"),
	   lbr_differs(&amd_lbr, LIST(walk), EVERY_BRANCH, true, true), 0);
	pmu_reset();
}

/**
 * amd_lbr_facts() - all facts of this file
 */
void amd_lbr_facts(void)
{
	section("branch records");
	pmu_reset();
	last_branch_facts();
	if (!has_stack()) {
		absent_facts();
		return;
	}
	amd_lbr = stack;
	register_facts_of_stack();
	lbr_facts(&amd_lbr);
	freeze_facts();
	lbr_machine_facts(&amd_lbr);
}
