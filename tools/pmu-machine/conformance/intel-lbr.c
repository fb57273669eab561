// SPDX-License-Identifier: GPL-2.0-only
/* Facts of Intel's branch records: the model-specific ones, and the architectural ones of CPUID leaf 1CH. */
#include "intel.h"
#include "intel-lbr.h"

#define MSR_SELECT		0x1c8
#define MSR_TOS			0x1c9
#define MSR_LER_FROM		0x1dd
#define MSR_LER_TO		0x1de
#define MSR_LER_INFO		0x1e0
#define MSR_LEGACY_FROM		0x680
#define MSR_LEGACY_TO		0x6c0
#define MSR_LEGACY_INFO		0xdc0
#define MSR_ARCH_INFO		0x1200
#define MSR_ARCH_FROM		0x1500
#define MSR_ARCH_TO		0x1600

#define FORMAT_TSX		4	/* PERF_CAPABILITIES[5:0]: flags in FROM[63:61] */
#define FORMAT_INFO		5	/* INFO registers */
#define FORMAT_ARCH		0x3f

#define SELECT_KERNEL		BIT(0)
#define SELECT_USER		BIT(1)
#define SELECT_CALL_STACK	BIT(9)
#define SELECT_ALL		low_bits(10)

#define CTL_OS			BIT(1)
#define CTL_USR			BIT(2)
#define CTL_CALL_STACK		BIT(3)
#define CTL_ALL			(low_bits(4) | low_bits(7) << 16)

#define MISPREDICTED		BIT(63)
#define FREEZE_LBRS		BIT(11)
#define TURNS			3000
#define EARLY			1000	/* an overflow well within spin(TURNS) */

struct lbr intel_lbr;

static u32 format(void)
{
	return pmu.caps & 0x3f;
}

/* The model-specific registers */

static void legacy_clear(void)
{
	u32 i;

	wrmsr(MSR_DEBUGCTL, 0);
	for (i = 0; i < intel_lbr.depth; i++) {
		wrmsr(MSR_LEGACY_FROM + i, 0);
		wrmsr(MSR_LEGACY_TO + i, 0);
		if (format() == FORMAT_INFO)
			wrmsr(MSR_LEGACY_INFO + i, 0);
	}
}

static struct record legacy_entry(u32 i)
{
	struct record r = { .from = rdmsr(MSR_LEGACY_FROM + i), .to = rdmsr(MSR_LEGACY_TO + i) };
	u64 info;

	if (format() == FORMAT_INFO) {
		info = rdmsr(MSR_LEGACY_INFO + i);
		r.cycles = info & 0xffff;
		r.mispredicted = info >> 63;
	} else {
		r.mispredicted = r.from >> 63;
		r.from &= ~MISPREDICTED;
	}
	return r;
}

static void legacy_read(struct record *to)
{
	u32 top = rdmsr(MSR_TOS), i;

	for (i = 0; i < intel_lbr.depth; i++)
		to[i] = legacy_entry((top - i) % intel_lbr.depth);
}

static void legacy_filter(u32 types, bool kernel, bool user, bool call_stack)
{
	static const u8 bits[][2] = {	/* MSR_LBR_SELECT's, which suppress */
		{ BRANCH_COND, 2 }, { BRANCH_CALL, 3 }, { BRANCH_CALL_IND, 4 }, { BRANCH_RET, 5 },
		{ BRANCH_JMP_IND, 6 }, { BRANCH_JMP, 7 }, { BRANCH_FAR, 8 },
	};
	u64 select = (kernel ? 0 : SELECT_KERNEL) | (user ? 0 : SELECT_USER) |
		     (call_stack ? SELECT_CALL_STACK : 0);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bits); i++)
		if (!(types & BIT(bits[i][0])))
			select |= BIT(bits[i][1]);
	wrmsr(MSR_SELECT, select);
}

/* The architectural registers */

static void arch_clear(void)
{
	wrmsr(MSR_LBR_CTL, 0);
	wrmsr(MSR_LBR_DEPTH, intel_lbr.depth);
}

static void arch_read(struct record *to)
{
	u64 info;
	u32 i, type;

	for (i = 0; i < intel_lbr.depth; i++) {
		info = rdmsr(MSR_ARCH_INFO + i);
		type = info >> 56 & 15;
		to[i] = (struct record){
			.from = rdmsr(MSR_ARCH_FROM + i), .to = rdmsr(MSR_ARCH_TO + i),
			.type = type & 8 ? BRANCH_FAR : type, .cycles = info & 0xffff, .mispredicted = info >> 63,
		};
	}
}

static void arch_filter(u32 types, bool kernel, bool user, bool call_stack)
{
	static const u8 bits[][2] = {	/* IA32_LBR_CTL's, which enable */
		{ BRANCH_COND, 16 }, { BRANCH_JMP, 17 }, { BRANCH_JMP_IND, 18 }, { BRANCH_CALL, 19 },
		{ BRANCH_CALL_IND, 20 }, { BRANCH_RET, 21 }, { BRANCH_FAR, 22 },
	};
	u32 i;

	intel_lbr.on = LBR_EN | (kernel ? CTL_OS : 0) | (user ? CTL_USR : 0) | (call_stack ? CTL_CALL_STACK : 0);
	for (i = 0; i < ARRAY_SIZE(bits); i++)
		if (types & BIT(bits[i][0]))
			intel_lbr.on |= BIT(bits[i][1]);
}

static const struct lbr legacy = {
	.ref = "3B 18.4", .msr = MSR_DEBUGCTL, .on = LBR_EN, .en = LBR_EN, .call_next = true,
	.clear = legacy_clear, .read = legacy_read, .filter = legacy_filter,
};

static const struct lbr arch = {
	.ref = "3B 19.1", .msr = MSR_LBR_CTL, .en = LBR_EN, .types = true, .crossing = true,
	.clear = arch_clear, .read = arch_read, .filter = arch_filter,
};

/**
 * enumerate() - fill in intel_lbr
 *
 * Return: NULL, or why there are no facts
 */
static const char *enumerate(void)
{
	switch (format()) {
	case FORMAT_TSX:
		intel_lbr = legacy;
		intel_lbr.depth = 16;
		return (const char *)0;
	case FORMAT_INFO:
		intel_lbr = legacy;
		intel_lbr.depth = 32;
		return (const char *)0;
	case FORMAT_ARCH:
		intel_lbr = arch;
		intel_lbr.depth = 32;
		return (const char *)0;
	}
	return "PERF_CAPABILITIES names no format that is known here";
}

/* Registers */

static void presence_facts(void)
{
	bool is_arch = format() == FORMAT_ARCH;
	u64 own = low_bits(intel_lbr.depth), info = format() == FORMAT_INFO ? own : 0;
	u64 from = is_arch ? 0 : own;

	is(FACT("lbr-from-present", "0x680 and on: a FROM for each model-specific entry, #GP behind them", "4 chapter 2"),
	   msrs_readable(MSR_LEGACY_FROM, 1, 32), from);
	is(FACT("lbr-to-present", "0x6c0 and on: a TO likewise", "4 chapter 2"), msrs_readable(MSR_LEGACY_TO, 1, 32), from);
	is(FACT("lbr-info-present", "0xdc0 and on: an INFO with format 5", "4 chapter 2"),
	   msrs_readable(MSR_LEGACY_INFO, 1, 32), info);
	is(FACT("lbr-select-present", "MSR_LBR_SELECT and the top of the stack, with model-specific entries", "4 chapter 2"),
	   msrs_readable(MSR_SELECT, 1, 2), is_arch ? 0 : 3);
	is(FACT("lbr-arch-present", "IA32_LBR_CTL and DEPTH exist exactly if CPUID.07H:EDX[19]", "4 table 2-2"),
	   msrs_readable(MSR_LBR_CTL, 1, 2), cpuid(7, 0).edx & BIT(19) ? 3 : 0);
	is(FACT("lbr-arch-format", "which is exactly if the format is 3FH", "3B 19.1"),
	   cpuid(7, 0).edx >> 19 & 1, is_arch);
	is(FACT("lbr-arch-from", "with a FROM, a TO and an INFO for each entry, and #GP else", "4 table 2-2"),
	   msrs_readable(MSR_ARCH_FROM, 1, 32) & msrs_readable(MSR_ARCH_TO, 1, 32) & msrs_readable(MSR_ARCH_INFO, 1, 32),
	   is_arch ? own : 0);
	is(FACT("lbr-arch-absent", "and none where there is no entry", "4 table 2-2"),
	   msrs_readable(MSR_ARCH_FROM, 1, 32) | msrs_readable(MSR_ARCH_TO, 1, 32) | msrs_readable(MSR_ARCH_INFO, 1, 32),
	   is_arch ? own : 0);
}

static void legacy_register_facts(void)
{
	is(FACT("lbr-select-reserved", "reserved bits of MSR_LBR_SELECT are #GP", "3B table 18-13"),
	   msr_refused_bits(MSR_SELECT, 0, ~SELECT_ALL), ~SELECT_ALL);
	is(FACT("lbr-top-range", "the top of the stack is a number of an entry", "branches.md"),
	   msr_refused(MSR_TOS, intel_lbr.depth), 1);
	if (format() == FORMAT_TSX) {
		is(FACT("lbr-from-tsx", "FROM[62:61] set by WRMSR are #GP without TSX", "branches.md"),
		   msr_refused_bits(MSR_LEGACY_FROM, 0, BIT(61) | BIT(62)), BIT(61) | BIT(62));
		wrmsr(MSR_LEGACY_FROM, MISPREDICTED | 0x1234);
		is(FACT("lbr-from-flag", "FROM[63] is a flag and can be written", "3B table 18-14"),
		   rdmsr(MSR_LEGACY_FROM), MISPREDICTED | 0x1234);
	} else {
		skip(FACT("lbr-from-tsx", "FROM[62:61] set by WRMSR are #GP without TSX", "branches.md"),
		     "flags are in INFO");
	}
	wrmsr(MSR_LEGACY_TO + 3, 0x123456789);
	is(FACT("lbr-to-write", "TO can be written", "3B 18.4.8"), rdmsr(MSR_LEGACY_TO + 3), 0x123456789);
	intel_lbr.clear();
}

static void arch_register_facts(void)
{
	struct cpuid leaf = cpuid(0x1c, 0);
	u64 depths = 0;
	u32 i;

	for (i = 1; i <= 8; i++)
		if (!msr_refused(MSR_LBR_DEPTH, 8 * i))
			depths |= BIT(i - 1);
	is(FACT("lbr-depths", "IA32_LBR_DEPTH takes the depths of CPUID.1CH:EAX[7:0]", "3B 19.1.2.2"), depths,
	   leaf.eax & 0xff);
	is(FACT("lbr-depth-odd", "and no other number", "3B 19.1.2.2"),
	   msr_refused(MSR_LBR_DEPTH, 0) && msr_refused(MSR_LBR_DEPTH, 7) && msr_refused(MSR_LBR_DEPTH, 72), 1);
	wrmsr(MSR_LBR_DEPTH, 8);
	is(FACT("lbr-depth-limits", "entries at or behind the depth are #GP", "3B 19.1.2.2"),
	   msrs_readable(MSR_ARCH_FROM, 1, 32) | msrs_readable(MSR_ARCH_TO, 1, 32) | msrs_readable(MSR_ARCH_INFO, 1, 32), 0xff);
	wrmsr(MSR_LBR_DEPTH, intel_lbr.depth);
	is(FACT("lbr-ctl-reserved", "reserved bits of IA32_LBR_CTL are #GP", "4 table 2-2"),
	   msr_refused_bits(MSR_LBR_CTL, 0, ~CTL_ALL), ~CTL_ALL);
	wrmsr(MSR_LBR_CTL, CTL_ALL & ~LBR_EN);
	is(FACT("lbr-ctl-defined", "and the others are kept, as CPUID.1CH:EBX[2:0] says", "4 table 2-2"),
	   rdmsr(MSR_LBR_CTL) | (u64)(~leaf.ebx & 7) << 32, CTL_ALL & ~LBR_EN);
	wrmsr(MSR_LBR_CTL, 0);
	intel_lbr.filter(EVERY_BRANCH, true, true, false);
	lbr_run(&intel_lbr, walk, 0);
	wrmsr(MSR_LBR_DEPTH, intel_lbr.depth);
	is(FACT("lbr-depth-clears", "a write of IA32_LBR_DEPTH clears the entries", "3B 19.1.2.2"),
	   rdmsr(MSR_ARCH_FROM) | rdmsr(MSR_ARCH_TO) | rdmsr(MSR_ARCH_INFO) | rdmsr(MSR_ARCH_FROM + 5), 0);
}

/* The last event record: the branch before the interrupt at the end of events() */
static void event_record_facts(void)
{
	const struct branch *before = events_branches + EVENTS_LAST - 3;

	intel_lbr.clear();
	lbr_run_events(intel_lbr.msr, intel_lbr.on);
	is(FACT("lbr-ler", "the last event record is the branch before the last exception or interrupt",
		"3B 18.4.5, 19.1"), (rdmsr(MSR_LER_FROM) & ~MISPREDICTED) == before->from &&
	   rdmsr(MSR_LER_TO) == before->to, 1);
	is(FACT("lbr-ler-info", "and has an INFO exactly with architectural LBRs", "4 table 2-2"),
	   msr_readable(MSR_LER_INFO), lbr_is_arch());
}

static void call_stack_fact(void)
{
	const struct branches *list = LIST(deep);

	intel_lbr.filter(NEAR_BRANCHES & ~(BIT(BRANCH_COND) | BIT(BRANCH_JMP) | BIT(BRANCH_JMP_IND)), true, true,
			 true);
	lbr_run(&intel_lbr, deep, intel_lbr.msr);
	is(FACT("lbr-call-stack", "in call-stack mode calls that have not returned are left", "3B 18.11, 19.1.2.5"),
	   lbr_newest_differ(&intel_lbr, list->first, list->end - list->first), 0);
	lbr_run(&intel_lbr, call_next, 0);
	is(FACT("lbr-call-stack-next", "in which a CALL to the next instruction is none", "3B 18.11, 19.1.2.5"),
	   lbr_newest_differ(&intel_lbr, &(const struct branch){ 0 }, 1), 0);
	lbr_all(&intel_lbr);
}

/* Freezing */

static struct record seen;
static u64 seen_status, seen_control;

static void look(void)
{
	struct record records[MAX_RECORDS];

	seen_status = rdmsr(MSR_STATUS);
	seen_control = rdmsr(intel_lbr.msr);
	intel_lbr.read(records);
	seen = records[0];
}

static bool spinning(struct record r)
{
	return r.from == (u64)spin_jump && r.to == (u64)spin_top;
}

/* A counter overflows in spin(), with records of it. */
static void overflow(u64 debugctl)
{
	u64 on = intel_lbr.on | (intel_lbr.msr == MSR_DEBUGCTL ? debugctl : 0);

	pmu_reset();
	intel_lbr.clear();
	pmi_hook = look;
	wrmsr(MSR_DEBUGCTL, debugctl);
	wrmsr(MSR_EVTSEL(0), EVENT_INSN | SEL_ALL | SEL_INT);
	gp_write(0, -(u64)EARLY);
	apic_write(APIC_LVTPC, VECTOR_PMI);
	irq_on();
	wrmsr(MSR_GLOBAL_CTRL, 1);
	run_counted(intel_lbr.msr, on, spin, TURNS);
	wrmsr(MSR_GLOBAL_CTRL, 0);
	irq_off();
}

static void streamlined_freeze_facts(void)
{
	is(FACT("lbr-freeze-status", "LBR_FRZ is set with it", "3B 20.2.4.1"), seen_status, LBR_FRZ | 1);
	is(FACT("lbr-freeze-control", "and recording stays enabled", "3B 18.4.7"), seen_control & LBR_EN, LBR_EN);
	lbr_run(&intel_lbr, walk, 0);
	is(FACT("lbr-freeze-holds", "enabling again records nothing", "3B 20.2.4.1"),
	   lbr_newest_differ(&intel_lbr, &(const struct branch){ 0 }, 1), 0);
	wrmsr(MSR_STATUS_RESET, LBR_FRZ);
	lbr_run(&intel_lbr, walk, 0);
	is(FACT("lbr-freeze-thaws", "until LBR_FRZ is cleared", "3B 20.2.4.1"),
	   lbr_differs(&intel_lbr, LIST(walk), EVERY_BRANCH, true, true), 0);
	wrmsr(MSR_STATUS_SET, LBR_FRZ);
	lbr_run(&intel_lbr, walk, 0);
	is(FACT("lbr-freeze-set", "LBR_FRZ set by software freezes as well", "3B 20.2.4.2"),
	   lbr_newest_differ(&intel_lbr, &(const struct branch){ 0 }, 1), 0);
}

static void freeze_facts(void)
{
	const struct fact *fact = FACT("lbr-freeze-status", "LBR_FRZ is set with it", "3B 20.2.4.1");

	overflow(0);
	is(FACT("lbr-no-freeze", "a PMI does not stop recording by itself", "3B 18.4.7"),
	   pmis() == 1 && !spinning(seen) && seen_control & LBR_EN, 1);
	overflow(FREEZE_LBRS);
	is(FACT("lbr-freeze", "FREEZE_LBRS_ON_PMI: the handler finds the branch before the PMI as the newest",
		"3B 18.4.7"), pmis() == 1 && spinning(seen), 1);
	if (pmu.version >= 4) {
		streamlined_freeze_facts();
	} else {
		is(FACT("lbr-freeze-control", "and DEBUGCTL.LBR cleared", "3B 18.4.7"), seen_control, FREEZE_LBRS);
		skip(fact, "version below 4");
	}
	pmu_reset();
}

static void machine_facts_of_lbr(void)
{
	struct record records[MAX_RECORDS];

	lbr_machine_facts(&intel_lbr);
	lbr_run(&intel_lbr, spin, 3 * intel_lbr.depth);
	intel_lbr.read(records);
	if (format() == FORMAT_TSX)
		skip(FACT("lbr-cycles", "cycles since the last record", "this machine"), "not in format 4");
	else
		is(FACT("lbr-cycles", "cycles since the last record: 2 for a loop of 2 instructions", "this machine"),
		   records[2].cycles, 2);
}

/**
 * intel_lbr_facts() - all facts of this file, and of the two beside it
 */
void intel_lbr_facts(void)
{
	const char *why = enumerate();

	section("branch records");
	if (why) {
		skip(FACT("lbr", "last branch records", "3B 18.4, 19"), why);
		return;
	}
	pmu_reset();
	presence_facts();
	if (format() == FORMAT_ARCH)
		arch_register_facts();
	else
		legacy_register_facts();
	lbr_facts(&intel_lbr);
	event_record_facts();
	call_stack_fact();
	freeze_facts();
	intel_lbr_xsave_facts();
	machine_facts_of_lbr();
	intel_lbr.clear();
}
