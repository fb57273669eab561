// SPDX-License-Identifier: GPL-2.0-only
/* Facts of PEBS. References to Documentation/machine/pebs.md are to its rules, which name the manual's sections. */
#include "intel-lbr.h"
#include "intel-pebs.h"

#define MISC_PEBS_UNAVAILABLE	BIT(12)
#define CAPS_FORMAT(caps)	((caps) >> 8 & 15)
#define CAPS_TRAP_ARCH		(BIT(6) | BIT(7))
#define CPUID_DS		BIT(21)	/* 01H:EDX */
#define CPUID_DTES64		BIT(2)	/* 01H:ECX */
#define LL_ENABLE		(15ul << 32)
#define RFLAGS_ZF		BIT(6)

#define USER			(SEL_EN | SEL_USR)
#define INSN			(EVENT_INSN | USER)
#define BRANCH			(EVENT_BRANCH | USER)

#define PERIOD			100
#define TURNS			200
#define USER_BEFORE		7	/* instructions of user_ladder() before the first turn, */
#define USER_AFTER		2	/* and after the last */
#define USER_INSNS		(USER_BEFORE + LADDER_STEPS * TURNS + USER_AFTER)
#define XMM_VALUE		0x1122334455667788ul

static u8 window[WINDOW_PAGES][PAGE] __aligned(4096);
static u64 window_pdpt[512] __aligned(4096);
static u64 window_directory[512] __aligned(4096);
static volatile u64 window_pages[512] __aligned(4096);

/**
 * pebs_adaptive() - are records what MSR_PEBS_DATA_CFG says?
 *
 * Return: whether PERF_CAPABILITIES has PEBS_BASELINE
 */
bool pebs_adaptive(void)
{
	return pmu.caps & CAPS_PEBS_BASELINE;
}

/**
 * pebs_window_page() - where a page of the window is
 * @page:	its number
 *
 * Return: its physical address, which is mapped to itself as well
 */
u64 pebs_window_page(u32 page)
{
	return (u64)window[page];
}

/**
 * pebs_map() - map a page of the window
 * @page:	its number
 * @rights:	PTE_PRESENT, PTE_WRITE or neither
 */
void pebs_map(u32 page, u64 rights)
{
	window_pages[page] = pebs_window_page(page) | rights;
	invlpg(WINDOW + page * PAGE);
}

static void map_window(void)
{
	u64 *pml4 = (u64 *)(read_cr3() & ~0xffful), rights = PTE_PRESENT | PTE_WRITE;
	u32 i;

	window_directory[0] = (u64)window_pages | rights;
	window_pdpt[0] = (u64)window_directory | rights;
	pml4[WINDOW >> 39] = (u64)window_pdpt | rights;
	for (i = 0; i < WINDOW_PAGES; i++)
		pebs_map(i, rights);
}

/**
 * pebs_fresh() - nothing counts, the buffer is empty, records would have all registers
 * @counters:	that are to sample
 */
void pebs_fresh(u64 counters)
{
	u32 i;

	pmu_reset();
	wrmsr(MSR_STATUS_RESET, OVF_BUFFER);
	wrmsr(MSR_PEBS_ENABLE, 0);
	fault_hook = 0;
	for (i = 0; i < WINDOW_PAGES; i++)
		pebs_map(i, PTE_PRESENT | PTE_WRITE);
	memset(window, 0, sizeof(window));
	DS->base = BUFFER;
	DS->index = BUFFER;
	DS->maximum = BUFFER_END;
	DS->threshold = BUFFER_END;
	wrmsr(MSR_DS_AREA, WINDOW);
	if (pebs_adaptive())
		wrmsr(MSR_PEBS_DATA_CFG, PEBS_CFG_GPRS);
	wrmsr(MSR_PEBS_ENABLE, counters);
}

/**
 * pebs_gp() - a general-purpose counter that samples
 * @i:		which
 * @sel:	its selector, but for Adaptive_Record
 * @period:	to the overflow
 */
void pebs_gp(u32 i, u64 sel, u64 period)
{
	wrmsr(MSR_EVTSEL(i), sel | (pebs_adaptive() ? SEL_ADAPTIVE : 0));
	gp_write(i, -period);
	DS->reset[i] = -period & low_bits(pmu.width);
}

static void start_fixed(u32 i, u64 field, u64 period)
{
	wrmsr(MSR_FIXED_CTRL, FIXED_FIELD(i, field) | (pebs_adaptive() ? FIXED_ADAPTIVE(i) : 0));
	wrmsr(MSR_FIXED(i), -period & low_bits(pmu.fixed_width));
	DS->fixed_reset[i] = -period & low_bits(pmu.fixed_width);
}

static void read_format3(const u64 *at, struct pebs_record *r)
{
	static const u8 order[] = { RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP };
	u32 i;

	*r = (struct pebs_record){
		.size = 200, .flags = at[0], .next = at[1], .counters = at[18],
		.memory = { at[19], at[20], at[21] }, .ip = at[22], .tsc = at[24],
	};
	for (i = 0; i < 8; i++)
		r->gpr[order[i]] = at[2 + i];
	for (; i < 16; i++)
		r->gpr[i] = at[2 + i];
}

static void read_adaptive(const u64 *at, struct pebs_record *r)
{
	u32 i;

	*r = (struct pebs_record){
		.format = at[0] & 0xffffffffffff, .size = at[0] >> 48, .ip = at[1], .counters = at[2], .tsc = at[3],
	};
	at += 4;
	if (r->format & PEBS_CFG_MEMORY)
		for (i = 0; i < 4; i++)
			r->memory[i] = *at++;
	if (r->format & PEBS_CFG_GPRS) {
		r->flags = *at++;
		r->next = *at++;
		for (i = 0; i < 16; i++)
			r->gpr[i] = *at++;
	}
	if (r->format & PEBS_CFG_XMMS)
		for (i = 0; i < 2 * XMMS; i++)
			r->xmm[i / 2][i % 2] = *at++;
	if (r->format & PEBS_CFG_LBRS)
		r->lbr = at;
}

/**
 * pebs_record() - read a record
 * @at:		its address
 * @r:		out
 *
 * Return: the address of the next
 */
u64 pebs_record(u64 at, struct pebs_record *r)
{
	if (pebs_adaptive())
		read_adaptive((const u64 *)at, r);
	else
		read_format3((const u64 *)at, r);
	if (!r->size)
		stop("a PEBS record without a size at", at);
	return at + r->size;
}

/**
 * pebs_records() - how many records there are
 *
 * Return: those below the index
 */
u64 pebs_records(void)
{
	struct pebs_record r;
	u64 at = DS->base, n = 0;

	while (at < DS->index) {
		at = pebs_record(at, &r);
		n++;
	}
	return n;
}

/**
 * ladder_ip() - an instruction in a turn of ladder()
 * @number:	of the instruction, the first one of the first turn is 1
 *
 * Return: its address
 */
u64 ladder_ip(u64 number)
{
	return (u64)ladder_top + 3 * ((number - 1) % LADDER_STEPS);
}

/**
 * ladder_number() - which instruction of ladder() is a record of?
 * @r:		the record
 * @turns:	ladder()'s argument
 *
 * Return: its number, see ladder_ip()
 */
u64 ladder_number(const struct pebs_record *r, u64 turns)
{
	u64 step = (r->ip - (u64)ladder_top) / 3;

	return LADDER_STEPS * (turns - r->gpr[RCX] - (step >= LADDER_STEPS - 2)) + step + 1;
}

/* What differs from a record of this instruction of ladder(): a bit each */
static u64 record_differs(const struct pebs_record *r, u64 number, u64 turns)
{
	u64 turn = (number - 1) / LADDER_STEPS, step = (number - 1) % LADDER_STEPS;
	u64 incs = LADDER_STEPS - 2, left = turns - turn - (step >= incs);
	u64 next = step < incs + 1 ? ladder_ip(number + 1) : left ? (u64)ladder_top : (u64)ladder_end;

	return (r->ip != ladder_ip(number)) | (r->next != next) << 1 | (r->gpr[RCX] != left) << 2 |
	       (r->gpr[R8] != incs * turn + (step < incs ? step + 1 : incs)) << 3 |
	       (!(r->flags & RFLAGS_ZF) == (step >= incs && !left)) << 4;
}

/**
 * ladder_differs() - are the records of these instructions of ladder(), and their state that after each?
 * @first:	number of the first one's
 * @step:	to the next
 * @turns:	ladder()'s argument
 *
 * Return: 0, or BIT(0) EventingIP, 1 RIP, 2 RCX, 3 R8, 4 RFLAGS, 32 the number of records
 */
u64 ladder_differs(u64 first, u64 step, u64 turns)
{
	u64 at = DS->base, number, differs = 0, expected = 0;
	struct pebs_record r;

	for (number = first; number <= LADDER_STEPS * turns; number += step)
		expected++;
	if (pebs_records() != expected)
		return BIT(32);
	for (number = first; at < DS->index; number += step) {
		at = pebs_record(at, &r);
		differs |= record_differs(&r, number, turns);
	}
	return differs;
}

static void in_user_ladder(u64 turns)
{
	user_run(user_ladder, turns, 0);
}

static void in_user_ladder_with_interrupts(u64 turns)
{
	user_run(user_ladder, turns, RFLAGS_IF);
}

static void run(u64 counters)
{
	run_counted(MSR_GLOBAL_CTRL, counters, in_user_ladder, TURNS);
}

/* The records if each is of the instruction @after events behind the last, from the WRMSR in user mode on */
static u64 differs(u64 after)
{
	return ladder_differs(after - USER_BEFORE, after, TURNS);
}

/* Availability and registers */

static void availability_facts(void)
{
	u64 format = CAPS_FORMAT(pmu.caps), want = 0;

	if (pmu.model == MODEL_SKYLAKE)
		want = 3;
	else if (pmu.model == MODEL_ICELAKE || pmu.model == MODEL_SAPPHIRE_RAPIDS)
		want = 4;
	is(FACT("pebs-format", "the format: 3 on Skylake, 4 on Ice Lake and Sapphire Rapids, 0 without PEBS",
		"pebs.md"), format, want);
	is(FACT("pebs-misc", "MISC_ENABLE[12] is 0 if and only if there is PEBS", "4 table 2-2"),
	   !(rdmsr(MSR_MISC_ENABLE) & MISC_PEBS_UNAVAILABLE), !!format);
	is(FACT("pebs-cpuid", "and CPUID.01H has DS and DTES64", "2A CPUID 01H"),
	   cpuid(1, 0).edx & CPUID_DS && cpuid(1, 0).ecx & CPUID_DTES64, !!format);
	is(FACT("pebs-trap", "PERF_CAPABILITIES then has PEBS_TRAP and PEBS_ARCH_REG", "pebs.md"),
	   pmu.caps & CAPS_TRAP_ARCH, format ? CAPS_TRAP_ARCH : 0);
	is(FACT("pebs-baseline", "PEBS_BASELINE comes with format 4", "pebs.md"), pebs_adaptive(), format >= 4);
	is(FACT("pebs-present", "IA32_PEBS_ENABLE and IA32_DS_AREA exist with PEBS", "4 table 2-2"),
	   (u64)msr_readable(MSR_PEBS_ENABLE) << 1 | msr_readable(MSR_DS_AREA), format ? 3 : 0);
	is(FACT("pebs-cfg-present", "MSR_PEBS_DATA_CFG if it is adaptive", "pebs.md"),
	   msr_readable(MSR_PEBS_DATA_CFG), pebs_adaptive());
}

static void register_facts_of_pebs(void)
{
	u64 enable = pebs_adaptive() ? pmu.all : pmu.gp_mask | LL_ENABLE;
	u64 groups = low_bits(4) | 0xfful << 24;
	u32 bits = cpuid(0x80000008, 0).eax >> 8 & 0xff;

	is(FACT("pebs-reset", "they are 0 after RESET", "pebs.md 8"), rdmsr(MSR_PEBS_ENABLE) |
	   rdmsr(MSR_DS_AREA) | (pebs_adaptive() ? rdmsr(MSR_PEBS_DATA_CFG) : 0), 0);
	is(FACT("pebs-enable-reserved", "PEBS_ENABLE: a bit for each counter that can sample, the others are #GP",
		"pebs.md"), msr_refused_bits(MSR_PEBS_ENABLE, 0, ~0ul), ~enable);
	is(FACT("pebs-ds-canonical", "a DS area that is not canonical is #GP", "2B WRMSR"),
	   msr_refused_bits(MSR_DS_AREA, 0, BIT(bits - 1) | BIT(63)), BIT(bits - 1) | BIT(63));
	wrmsr(MSR_DS_AREA, ~low_bits(bits - 1));
	is(FACT("pebs-ds-high", "and one in the upper half can be set", "2B WRMSR"), rdmsr(MSR_DS_AREA),
	   ~low_bits(bits - 1));
	wrmsr(MSR_DS_AREA, 0);
	if (!pebs_adaptive()) {
		skip(FACT("pebs-cfg-reserved", "MSR_PEBS_DATA_CFG: 3:0 and 31:24, the others are #GP", "pebs.md"),
		     "not adaptive");
		return;
	}
	is(FACT("pebs-cfg-reserved", "MSR_PEBS_DATA_CFG: 3:0 and 31:24, the others are #GP", "pebs.md"),
	   msr_refused_bits(MSR_PEBS_DATA_CFG, 0, ~0ul), ~groups);
	wrmsr(MSR_PEBS_DATA_CFG, 0);
}

static void inuse_facts(void)
{
	pebs_fresh(BIT(0));
	is(FACT("pebs-inuse", "GLOBAL_INUSE[63]: PEBS may interrupt", "3B 20.2.4.3"), rdmsr(MSR_INUSE), BIT(63));
	pebs_fresh(0);
	is(FACT("pebs-inuse-off", "and does not if no counter samples", "3B 20.2.4.3"), rdmsr(MSR_INUSE), 0);
}

/* Which instruction, and what of it */

/* Has the counter no skid with this event? */
static bool pdist(u32 i, u64 sel)
{
	if (pmu.model == MODEL_SKYLAKE)
		return i == 1 && (sel & 0xffff) == EVENT_INSN_DIST;
	return pmu.model == MODEL_SAPPHIRE_RAPIDS && i == 0;
}

static u64 insn_differs(u32 i, u64 sel)
{
	pebs_fresh(BIT(i));
	pebs_gp(i, sel, PERIOD);
	run(BIT(i));
	return differs(PERIOD + !pdist(i, sel));
}

static void instruction_facts(void)
{
	u64 wrong = 0;
	u32 i;

	for (i = 0; i < pmu.gp; i++)
		wrong |= insn_differs(i, INSN);
	is(FACT("pebs-gp", "each counter records the instruction after the overflow's, and the state after it",
		"pebs.md 2, 18"), wrong, 0);
}

static u64 first_ip(void)
{
	struct pebs_record r;

	if (DS->index == BUFFER)
		return 0;
	pebs_record(BUFFER, &r);
	return r.ip;
}

/* The counter without skid is at its maximum before the WRMSR that starts it. */
static void pdist_wrmsr_fact(void)
{
	u64 on = pmu.model == MODEL_SKYLAKE ? BIT(1) : pmu.model == MODEL_ICELAKE ? FIXED_BIT(0) : BIT(0);

	pebs_fresh(on);
	if (pmu.model == MODEL_SKYLAKE)
		pebs_gp(1, EVENT_INSN_DIST | SEL_EN | SEL_OS, 1);
	else if (pmu.model == MODEL_ICELAKE)
		start_fixed(0, FIXED_OS, 1);
	else
		pebs_gp(0, EVENT_INSN | SEL_EN | SEL_OS, 1);
	run_counted(MSR_GLOBAL_CTRL, on, loop_branches, 1);
	is(FACT("pebs-pdist-wrmsr", "without skid it may be the WRMSR that starts the counter", "pebs.md 6"),
	   first_ip(), (u64)run_call - 2);
}

static void pdist_facts(void)
{
	switch (pmu.model) {
	case MODEL_SKYLAKE:
		is(FACT("pebs-pdir", "PDIR: counter 1 and PREC_DIST record the instruction that overflows",
			"pebs.md 6"), insn_differs(1, EVENT_INSN_DIST | USER), 0);
		is(FACT("pebs-pdir-counter", "no other counter does", "pebs.md 6"),
		   insn_differs(2, EVENT_INSN_DIST | USER), 0);
		break;
	case MODEL_SAPPHIRE_RAPIDS:
		is(FACT("pebs-pdist", "PDist: counter 0 records the instruction that overflows", "pebs.md 6"),
		   insn_differs(0, INSN), 0);
		is(FACT("pebs-pdist-counter", "no other counter does", "pebs.md 6"), insn_differs(1, INSN), 0);
		break;
	}
	pdist_wrmsr_fact();
	pebs_fresh(FIXED_BIT(0));
	start_fixed(0, FIXED_USR, PERIOD);
	run(FIXED_BIT(0));
	if (pebs_adaptive())
		is(FACT("pebs-fixed", "fixed counter 0: the instruction that overflows, Sapphire Rapids: the next",
			"pebs.md 6"), differs(PERIOD + (pmu.model == MODEL_SAPPHIRE_RAPIDS)), 0);
	else
		is(FACT("pebs-fixed", "a fixed counter makes none on Skylake, but overflows", "pebs.md 1"),
		   rdmsr(MSR_STATUS) | pebs_records(), FIXED_BIT(0));
}

/* The registers that ladder() does not change, the Applicable Counters, the TSC */
static u64 fields_differ(u64 counters, u64 from, u64 to)
{
	u64 at = BUFFER, differs = 0;
	struct pebs_record r;

	while (at < DS->index) {
		at = pebs_record(at, &r);
		differs |= (r.gpr[RAX] != LADDER_RAX) | (r.gpr[RBX] != LADDER_RBX) << 1 |
			   (r.gpr[RDX] != TURNS) << 2 | (r.gpr[RBP] != LADDER_RBP) << 3 |
			   (r.gpr[RSI] != LADDER_RSI) << 4 | (r.gpr[RDI] != TURNS) << 5 |
			   (r.gpr[RSP] != (u64)user_stack_top - 8) << 6;
		if (r.counters != counters)
			differs |= BIT(8);
		if (r.tsc <= from || r.tsc >= to)
			differs |= BIT(9);
		from = r.tsc;
	}
	return differs;
}

static void field_facts(void)
{
	u64 from = rdtsc(), wrong;

	pebs_fresh(BIT(2));
	pebs_gp(2, INSN, PERIOD);
	run(BIT(2));
	wrong = fields_differ(BIT(2), from, rdtsc());
	is(FACT("pebs-registers", "every register has its own place", "pebs.md 21"), wrong & 0xff, 0);
	is(FACT("pebs-applicable", "Applicable Counters is the counter", "pebs.md 11"),
	   wrong & BIT(8), 0);
	is(FACT("pebs-tsc", "the TSC grows from record to record", "pebs.md 18"), wrong & BIT(9), 0);
	is(FACT("pebs-reload", "a record reloads the counter, which goes on from there", "pebs.md 12"),
	   rdmsr(MSR_PMC(2)), (-(u64)PERIOD + USER_INSNS % (PERIOD + 1)) & low_bits(pmu.width));
	is(FACT("pebs-status", "and clears its overflow status", "pebs.md 12"), rdmsr(MSR_STATUS), 0);
	is(FACT("pebs-index", "the index is behind the last record", "pebs.md 12"), DS->index,
	   BUFFER + USER_INSNS / (PERIOD + 1) * (pebs_adaptive() ? 176 : 200));
	is(FACT("pebs-no-pmi", "there is no interrupt below the threshold", "pebs.md 12, 13"),
	   pmis() || apic_requested(VECTOR_PMI), 0);
}

static void event_facts(void)
{
	u64 at = BUFFER, n = 0, wrong = 0;
	struct pebs_record r;

	pebs_fresh(BIT(2));
	pebs_gp(2, BRANCH, 7);
	run(BIT(2));
	while (at < DS->index) {	/* the CALL is the first branch, the JNZ of the first turn the second */
		at = pebs_record(at, &r);
		wrong |= ladder_number(&r, TURNS) - LADDER_STEPS * (8 * ++n - 1);
	}
	is(FACT("pebs-branch", "of branches every eighth, as it is 7 to the overflow", "pebs.md 2"), wrong, 0);
	is(FACT("pebs-branch-all", "each of them", "pebs.md 2"), n, TURNS / 8);
	pebs_fresh(BIT(2));
	pebs_gp(2, EVENT_CYCLES | USER, PERIOD);
	run(BIT(2));
	if (pebs_adaptive())
		holds(FACT("pebs-other", "an event that is not precise makes records on Ice Lake and later",
			   "pebs.md 1"), pebs_records());
	else
		is(FACT("pebs-other", "an event that is not precise makes none on Skylake, but overflows",
			"pebs.md 1"), rdmsr(MSR_STATUS) | pebs_records() << 32, BIT(2));
	pebs_fresh(0);
	pebs_gp(2, INSN, PERIOD);
	run(BIT(2));
	is(FACT("pebs-off-overflow", "nor does a counter whose PEBS_ENABLE bit is 0", "pebs.md 1"),
	   rdmsr(MSR_STATUS) | pebs_records() << 32, BIT(2));
}

static void kernel_fact(void)
{
	struct pebs_record r = { 0 };

	pebs_fresh(BIT(2));
	pebs_gp(2, EVENT_INSN | SEL_EN | SEL_OS, PERIOD);
	run_counted(MSR_GLOBAL_CTRL, BIT(2), ladder, TURNS);
	pebs_record(BUFFER, &r);
	is(FACT("pebs-kernel", "at CPL 0 it is the same", "pebs.md 2"),
	   ladder_differs(ladder_number(&r, TURNS), PERIOD + 1, TURNS), 0);
}

static void shared_facts(void)
{
	pebs_fresh(BIT(2) | BIT(3));
	pebs_gp(2, INSN, PERIOD);
	pebs_gp(3, INSN, PERIOD);
	run(BIT(2) | BIT(3));
	is(FACT("pebs-shared", "counters whose events come at the same instruction share a record", "pebs.md 11"),
	   differs(PERIOD + 1) | fields_differ(BIT(2) | BIT(3), 0, ~0ul), 0);
	is(FACT("pebs-shared-reload", "and are both reloaded", "pebs.md 11"),
	   rdmsr(MSR_PMC(2)) == rdmsr(MSR_PMC(3)) && rdmsr(MSR_STATUS) == 0, 1);
}

static void armed_facts(void)
{
	pebs_fresh(BIT(2));
	pebs_gp(2, INSN, USER_INSNS);
	run(BIT(2));
	is(FACT("pebs-armed", "an overflow makes no record", "pebs.md 2"), rdmsr(MSR_STATUS) | pebs_records() << 32,
	   BIT(2));
	run(0);
	is(FACT("pebs-armed-off", "nor does a counter that is off", "pebs.md 7"), pebs_records(), 0);
	DS->reset[2] = -(u64)PERIOD & low_bits(pmu.width);
	run(BIT(2));
	is(FACT("pebs-armed-on", "it stays armed: its next event does", "pebs.md 7"), first_ip(), (u64)user_ladder);
	is(FACT("pebs-armed-records", "and the counter goes on from its reset value", "pebs.md 12"),
	   pebs_records(), 1 + (USER_INSNS - 1) / (PERIOD + 1));
	pebs_fresh(BIT(2));
	pebs_gp(2, INSN, 2 * USER_INSNS);
	wrmsr(MSR_STATUS_SET, BIT(2));
	run(BIT(2));
	is(FACT("pebs-status-set", "an overflow set by WRMSR arms", "pebs.md 3"), first_ip(), (u64)user_ladder);
	pebs_fresh(BIT(2));
	pebs_gp(2, INSN, USER_INSNS);
	run(BIT(2));
	wrmsr(MSR_STATUS_RESET, BIT(2));
	run(BIT(2));
	is(FACT("pebs-cleared", "one cleared by WRMSR leaves it armed", "pebs.md 3"), first_ip(), (u64)user_ladder);
	pebs_fresh(BIT(2));
	pebs_gp(2, INSN, USER_INSNS);
	run(BIT(2));
	wrmsr(MSR_PEBS_ENABLE, 0);
	wrmsr(MSR_PEBS_ENABLE, BIT(2));
	run(BIT(2));
	is(FACT("pebs-enable", "switched off and on it is armed if its status is set", "pebs.md 3"), first_ip(),
	   (u64)user_ladder);
	pebs_fresh(BIT(2));
	pebs_gp(2, INSN, USER_INSNS);
	run(BIT(2));
	wrmsr(MSR_STATUS_RESET, BIT(2));
	wrmsr(MSR_PEBS_ENABLE, 0);
	wrmsr(MSR_PEBS_ENABLE, BIT(2));
	run(BIT(2));
	is(FACT("pebs-disarm", "and not if that was cleared", "pebs.md 3"), pebs_records(), 0);
}

/* The buffer's end, and its threshold */

static u64 seen_status, seen_index;

static void look(void)
{
	seen_status = rdmsr(MSR_STATUS);
	seen_index = DS->index;
}

static void threshold_facts(void)
{
	u64 size = pebs_adaptive() ? 176 : 200;

	pebs_fresh(BIT(2));
	pebs_gp(2, INSN, PERIOD);
	DS->threshold = BUFFER + 3 * size;
	pmi_hook = look;
	apic_write(APIC_LVTPC, VECTOR_PMI);
	run_counted(MSR_GLOBAL_CTRL, BIT(2), in_user_ladder_with_interrupts, TURNS);
	is(FACT("pebs-threshold", "the record that reaches the threshold interrupts, without INT", "pebs.md 12"),
	   pmis(), 1);
	is(FACT("pebs-threshold-index", "at once", "this machine"), seen_index, DS->threshold);
	is(FACT("pebs-threshold-where", "behind the instruction of that record", "this machine"), pmi_log.rip,
	   ladder_ip(3 * (PERIOD + 1) - USER_BEFORE + 1));
	is(FACT("pebs-threshold-status", "with GLOBAL_STATUS[62] set and no other bit", "pebs.md 12"), seen_status,
	   OVF_BUFFER);
	is(FACT("pebs-threshold-on", "records go on behind it", "pebs.md 12"), differs(PERIOD + 1), 0);
	wrmsr(MSR_STATUS_RESET, OVF_BUFFER);
	is(FACT("pebs-threshold-reset", "the bit is cleared like the others", "3B 20.2.2"), rdmsr(MSR_STATUS), 0);
}

static void full_facts(void)
{
	u64 size = pebs_adaptive() ? 176 : 200;

	pebs_fresh(BIT(2));
	pebs_gp(2, INSN, PERIOD);
	DS->maximum = BUFFER + 3 * size - 8;
	run(BIT(2));
	is(FACT("pebs-full", "a record that does not fit below the maximum is not written", "pebs.md 14"),
	   pebs_records(), 2);
	is(FACT("pebs-full-beyond", "nor a part of it", "pebs.md 14"),
	   *(u64 *)(BUFFER + 2 * size) | *(u64 *)(BUFFER + 2 * size + 8), 0);
	if (pebs_adaptive())
		is(FACT("pebs-full-status", "bit 62 is set, the counter's is cleared", "pebs.md 14"),
		   rdmsr(MSR_STATUS), OVF_BUFFER);
	else
		is(FACT("pebs-full-status", "no signal: the counter stays armed", "pebs.md 14"),
		   rdmsr(MSR_STATUS), BIT(2));
}

/* Adaptive records */

static u64 group_size(u64 cfg)
{
	return 32 + (cfg & PEBS_CFG_MEMORY ? 32 : 0) + (cfg & PEBS_CFG_GPRS ? 144 : 0) +
	       (cfg & PEBS_CFG_XMMS ? 256 : 0) + (cfg & PEBS_CFG_LBRS ? 24 * ((cfg >> 24) + 1) : 0);
}

static void one_record(u64 cfg, u64 sel)
{
	pebs_fresh(BIT(2));
	pebs_gp(2, INSN, 1000);
	wrmsr(MSR_EVTSEL(2), sel);
	DS->reset[2] = 0;
	wrmsr(MSR_PEBS_DATA_CFG, cfg);
	run(BIT(2));
}

static void group_facts(void)
{
	u64 cfg, wrong = 0, sizes = 0;
	struct pebs_record r;

	for (cfg = 0; cfg < 16; cfg++) {
		one_record(cfg | PEBS_CFG_ENTRIES(5), INSN | SEL_ADAPTIVE);
		pebs_record(BUFFER, &r);
		if (r.format != (cfg | PEBS_CFG_ENTRIES(5)))
			wrong |= BIT(cfg);
		if (r.size != group_size(cfg | PEBS_CFG_ENTRIES(5)) || DS->index != BUFFER + r.size)
			sizes |= BIT(cfg);
		if (cfg & PEBS_CFG_GPRS && record_differs(&r, 1001 - USER_BEFORE, TURNS))
			wrong |= BIT(cfg);
	}
	is(FACT("pebs-groups", "an adaptive record has the groups of MSR_PEBS_DATA_CFG, in their order",
		"pebs.md 20"), wrong, 0);
	is(FACT("pebs-groups-size", "and their size in its first word", "pebs.md 20"), sizes, 0);
	one_record(low_bits(4), INSN);
	pebs_record(BUFFER, &r);
	is(FACT("pebs-basic", "without Adaptive_Record it is a basic one, of 32 bytes", "pebs.md 20"),
	   r.format << 16 | r.size, 32);
	write_cr4(read_cr4() | CR4_OSFXSR);
	asm volatile("movq %0, %%xmm3; pxor %%xmm5, %%xmm5; movq %0, %%xmm9" : : "r"(XMM_VALUE));
	one_record(PEBS_CFG_XMMS, INSN | SEL_ADAPTIVE);
	pebs_record(BUFFER, &r);
	is(FACT("pebs-xmm", "XMM registers are in it", "pebs.md 20"),
	   r.xmm[3][0] == XMM_VALUE && !r.xmm[3][1] && !r.xmm[5][0] && r.xmm[9][0] == XMM_VALUE, 1);
}

/* The newest are ladder()'s jumps, then comes the CALL of it, then what went to user mode. */
static u64 lbr_differs_from_ladder(const u64 *lbr, u32 jumps)
{
	u64 wrong = 0;
	u32 i;

	for (i = 0; i < jumps; i++)
		if (lbr[3 * i] != (u64)ladder_end - 2 || lbr[3 * i + 1] != (u64)ladder_top)
			wrong |= BIT(i);
	if (lbr[3 * i + 1] != (u64)ladder || lbr[3 * (i + 1) + 1] != (u64)user_ladder)
		wrong |= BIT(i);
	return wrong;
}

static void lbr_group_facts(void)
{
	struct pebs_record r;
	u64 i, beyond = 0;

	if (!intel_lbr.depth) {
		skip(FACT("pebs-lbr", "records with branch records", "pebs.md 22"), "no branch records");
		return;
	}
	lbr_all(&intel_lbr);
	intel_lbr.clear();
	pebs_fresh(BIT(2));
	pebs_gp(2, INSN, PERIOD);
	DS->reset[2] = 0;
	wrmsr(MSR_PEBS_DATA_CFG, PEBS_CFG_LBRS | PEBS_CFG_ENTRIES(PEBS_MAX_LBRS));
	wrmsr(intel_lbr.msr, intel_lbr.on);
	run(BIT(2));
	wrmsr(intel_lbr.msr, 0);
	pebs_record(BUFFER, &r);
	is(FACT("pebs-lbr", "branch records are those before the instruction, the newest first", "pebs.md 22"),
	   lbr_differs_from_ladder(r.lbr, (PERIOD + 1 - USER_BEFORE) / LADDER_STEPS), 0);
	for (i = 3 * intel_lbr.depth; i < 3 * PEBS_MAX_LBRS; i++)
		beyond |= r.lbr[i];
	is(FACT("pebs-lbr-beyond", "those beyond the depth are 0", "pebs.md 22"), beyond, 0);
	intel_lbr.clear();
}

/* Data addresses */

#define LATENCY_LL(i)		(pebs_adaptive() ? 0 : BIT(32 + (i)))
#define L1_HIT			1
#define L1_CYCLES		5

/* How many records of a loop that loads or stores scratch have another address, source or latency? */
static u64 data_differs(u64 event, void (*loop)(u64 n), u64 address, u64 source, u64 cycles)
{
	u64 at = BUFFER, wrong = 0;
	struct pebs_record r;

	pebs_fresh(BIT(2) | LATENCY_LL(2));
	loop(1);	/* the line is in the cache */
	pebs_gp(2, event | SEL_EN | SEL_OS, PERIOD);
	if (pebs_adaptive())
		wrmsr(MSR_PEBS_DATA_CFG, PEBS_CFG_MEMORY);
	run_counted(MSR_GLOBAL_CTRL, BIT(2), loop, 10 * PERIOD);
	while (at < DS->index) {
		at = pebs_record(at, &r);
		wrong += r.memory[0] != address || r.memory[1] != source || (r.memory[2] & 0xffff) != cycles ||
			 r.memory[3];
	}
	return pebs_records() ? wrong : ~0ul;
}

static void data_facts(void)
{
	const u64 at = (u64)&scratch;

	is(FACT("pebs-data-load", "a record of a load has its address", "pebs.md 23"),
	   data_differs(EVENT_LOADS, loop_loads, at, 0, 0), 0);
	is(FACT("pebs-data-store", "one of a store, too, and whether it hit the first-level cache", "pebs.md 23"),
	   data_differs(EVENT_STORES, loop_stores, at, L1_HIT, 0), 0);
	is(FACT("pebs-data-other", "one of another event has none", "pebs.md"),
	   data_differs(EVENT_INSN, loop_loads, 0, 0, 0), 0);
	wrmsr(MSR_PEBS_LD_LAT, L1_CYCLES - 1);
	is(FACT("pebs-data-latency", "load latency has the address, where it hit and how long it took", "pebs.md 25"),
	   data_differs(EVENT_LOAD_LATENCY, loop_loads, at, L1_HIT, L1_CYCLES), 0);
	is(FACT("pebs-data-count", "and counts each load that takes longer than MSR_PEBS_LD_LAT", "pebs.md 28"),
	   gp_run(2, EVENT_LOAD_LATENCY | SEL_EN | SEL_OS, loop_loads, 1000), 1000 + 2);
	wrmsr(MSR_PEBS_LD_LAT, L1_CYCLES);
	is(FACT("pebs-data-threshold", "and none that does not", "pebs.md 28"),
	   gp_run(2, EVENT_LOAD_LATENCY | SEL_EN | SEL_OS, loop_loads, 1000), 0);
	if (!pebs_adaptive()) {
		wrmsr(MSR_PEBS_ENABLE, BIT(2));
		wrmsr(MSR_PEBS_LD_LAT, L1_CYCLES - 1);
		is(FACT("pebs-data-bit", "without PEBS_ENABLE[35:32] it counts nothing on Skylake", "pebs.md 28"),
		   gp_run(2, EVENT_LOAD_LATENCY | SEL_EN | SEL_OS, loop_loads, 1000), 0);
	}
	wrmsr(MSR_PEBS_LD_LAT, 0);
}

/* Faults */

static struct {
	u64 n, rip, error, address, from_user;
	u64 index, status, begun;
} fault;

static bool map_and_go_on(const struct regs *regs)
{
	u64 page = (read_cr2() - WINDOW) / PAGE;

	if (regs->vector != VECTOR_PF || page >= WINDOW_PAGES)
		return false;
	fault.n++;
	fault.rip = regs->rip;
	fault.error = regs->error;
	fault.address = read_cr2();
	fault.from_user = regs->cs & 3;
	fault.status = rdmsr(MSR_STATUS);
	pebs_map(page, PTE_PRESENT | PTE_WRITE);
	fault.index = DS->index;
	fault.begun = *(volatile u64 *)fault.index;
	return true;
}

/* Counter 2 samples, and a page of the window is not as it should be. */
static void run_into(u32 page, u64 rights, u64 index)
{
	pebs_fresh(BIT(2));
	pebs_gp(2, INSN, PERIOD);
	DS->index = index;
	pebs_map(page, rights);
	fault.n = 0;
	fault_hook = map_and_go_on;
	run(BIT(2));
	fault_hook = 0;
	DS->base = index;	/* for those that read the records */
}

static void fault_facts(void)
{
	const u64 second = BUFFER + PAGE, recorded = PERIOD + 1;

	run_into(1, 0, BUFFER);
	is(FACT("pebs-fault", "a record whose page is not present is a #PF", "pebs.md 16"), fault.n, 1);
	is(FACT("pebs-fault-error", "of a supervisor's access, whatever the CPL is", "pebs.md 16"),
	   (fault.error & 5) | fault.from_user << 8, 3 << 8);
	is(FACT("pebs-fault-where", "behind the instruction that the record would have been of", "pebs.md 16"),
	   fault.rip, ladder_ip(recorded - USER_BEFORE + 1));
	is(FACT("pebs-fault-before", "nothing has changed then: the index is where it was", "pebs.md 16"), fault.index,
	   BUFFER);
	is(FACT("pebs-fault-armed", "and the counter armed", "pebs.md 17"), fault.status, BIT(2));
	is(FACT("pebs-fault-next", "its next event makes the record, and so on from there", "pebs.md 17"),
	   ladder_differs(recorded + 1 - USER_BEFORE, recorded, TURNS), 0);
	run_into(2, 0, second - 64);
	is(FACT("pebs-fault-part", "a record of which a part is not present is not begun", "pebs.md 16"),
	   fault.n == 1 && fault.index == second - 64 && fault.address / PAGE == second / PAGE && !fault.begun, 1);
	is(FACT("pebs-fault-part-next", "and written as a whole by the next event", "pebs.md 17"),
	   ladder_differs(recorded + 1 - USER_BEFORE, recorded, TURNS), 0);
	run_into(0, 0, BUFFER);
	is(FACT("pebs-fault-ds", "a DS area that is not present is a #PF as well", "pebs.md 16"),
	   fault.n == 1 && fault.address / PAGE == WINDOW / PAGE, 1);
	is(FACT("pebs-fault-ds-next", "and the record comes by the next event", "pebs.md 17"),
	   ladder_differs(recorded + 1 - USER_BEFORE, recorded, TURNS), 0);
	write_cr0(read_cr0() | CR0_WP);
	run_into(1, PTE_PRESENT, BUFFER);
	is(FACT("pebs-fault-write", "a buffer that is read-only is a #PF of a write", "pebs.md 16"),
	   fault.n << 8 | fault.error, 1 << 8 | 3);
	is(FACT("pebs-fault-write-next", "and the record comes by the next event", "pebs.md 17"),
	   ladder_differs(recorded + 1 - USER_BEFORE, recorded, TURNS), 0);
	run_into(0, PTE_PRESENT, BUFFER);
	is(FACT("pebs-fault-ds-write", "so is a DS area that is read-only", "pebs.md 16"),
	   (fault.n << 8 | fault.error) + fault.index - BUFFER, 1 << 8 | 3);
	write_cr0(read_cr0() & ~CR0_WP);
	is(FACT("pebs-supervisor", "user mode can't read what its records were written to", "3A 4.6.1"),
	   user_run(user_read, BUFFER, 0), VECTOR_PF);
}

/**
 * intel_pebs_facts() - all facts of this file
 */
void intel_pebs_facts(void)
{
	section("PEBS");
	pmu_reset();
	availability_facts();
	if (!CAPS_FORMAT(pmu.caps)) {
		skip(FACT("pebs", "processor event-based sampling", "pebs.md"), "no PEBS");
		return;
	}
	register_facts_of_pebs();
	map_window();
	inuse_facts();
	instruction_facts();
	pdist_facts();
	field_facts();
	event_facts();
	kernel_fact();
	shared_facts();
	armed_facts();
	threshold_facts();
	full_facts();
	if (pebs_adaptive()) {
		group_facts();
		lbr_group_facts();
	}
	data_facts();
	fault_facts();
	pebs_fresh(0);
}
