// SPDX-License-Identifier: GPL-2.0-only
/* Facts of overflow: status, interrupt, freezing; and the properties that are this machine's own. */
#include "amd.h"

#define EARLY		100	/* an overflow well within TURNS */
#define INSN		(EVENT_INSN | SEL_ALL)
#define INSN_PMI	(INSN | SEL_INT)

/* What the PMI's handler found */
static volatile u64 seen_status, seen_count;

static void look(void)
{
	if (pmu.v2)
		seen_status = rdmsr(MSR_STATUS);
	seen_count = rdmsr(ctr(0));
}

/* Counter i overflows after EARLY events of TURNS turns; the handler looks. */
static void overflow(u32 i, u64 sel, u32 lvtpc, u64 debugctl, bool irqs)
{
	pmu_reset();
	seen_status = 0;
	seen_count = 0;
	pmi_hook = look;
	if (pmu.freeze)
		wrmsr(MSR_DEBUGCTL, debugctl);
	wrmsr(ctr(i), -(u64)EARLY & COUNTER_MASK);
	apic_write(APIC_LVTPC, lvtpc);
	if (irqs)
		irq_on();
	run_enabled(i, sel, loop_branches, TURNS);
	irq_off();
}

static void boundary_facts(void)
{
	u64 total = count(0, INSN, loop_branches, TURNS);

	section("overflow");
	pmu_reset();
	wrmsr(ctr(0), -(total + 1) & COUNTER_MASK);
	run_enabled(0, INSN, loop_branches, TURNS);
	is(FACT("boundary-ones", "a counter one event before its overflow reads 48 ones", "PPR 19h PerfCtr"),
	   rdmsr(ctr(0)), COUNTER_MASK);
	if (pmu.v2)
		is(FACT("boundary-below", "and has not overflowed", "APM 2 13.2.1"), rdmsr(MSR_STATUS), 0);
	else
		skip(FACT("boundary-below", "and has not overflowed", "APM 2 13.2.1"), "no PerfMonV2");
	pmu_reset();
	wrmsr(ctr(0), -total & COUNTER_MASK);
	run_enabled(0, INSN, loop_branches, TURNS);
	is(FACT("boundary-zero", "one event more and it reads 0", "PPR 19h PerfCtr"), rdmsr(ctr(0)), 0);
	if (pmu.v2)
		is(FACT("boundary-at", "and has overflowed", "APM 2 13.2.1"), rdmsr(MSR_STATUS), 1);
	else
		skip(FACT("boundary-at", "and has overflowed", "APM 2 13.2.1"), "no PerfMonV2");
	overflow(0, INSN, LVT_MASKED, 0, false);
	is(FACT("overflow-goes-on", "a counter goes on from 0 after its overflow", "APM 2 13.2.1"),
	   rdmsr(ctr(0)), total - EARLY);
}

static void status_facts(void)
{
	u64 right = 0;
	u32 i;

	if (!pmu.v2) {
		skip(FACT("overflow-bit", "overflow of counter n sets bit n of GlobalStatus", "APM 2 13.2.1"),
		     "no PerfMonV2");
		return;
	}
	for (i = 0; i < pmu.counters; i++) {
		overflow(i, INSN, LVT_MASKED, 0, false);
		if (rdmsr(MSR_STATUS) == BIT(i))
			right |= BIT(i);
	}
	is(FACT("overflow-bit", "overflow of counter n sets bit n of GlobalStatus, INT or not", "APM 2 13.2.1"),
	   right, pmu.all);
	wrmsr(ctr(pmu.counters - 1), 5);
	wrmsr(ctl(pmu.counters - 1), 0);
	is(FACT("status-sticks", "writing the counter or disabling it leaves its status", "APM 2 13.2.1"),
	   rdmsr(MSR_STATUS), BIT(pmu.counters - 1));
	wrmsr(MSR_STATUS_CLR, pmu.all >> 1);
	is(FACT("status-clr-other", "clearing the others too", "APM 2 figure 13-15"), rdmsr(MSR_STATUS),
	   BIT(pmu.counters - 1));
	wrmsr(MSR_STATUS_CLR, BIT(pmu.counters - 1));
	is(FACT("status-clr-own", "clearing its bit does not", "APM 2 figure 13-15"), rdmsr(MSR_STATUS), 0);
}

static void pmi_facts(void)
{
	u64 interrupting = 0;
	u32 i;

	section("the interrupt");
	overflow(0, INSN_PMI, VECTOR_PMI, 0, true);
	is(FACT("pmi-vector", "an overflow with INT interrupts once, by LVTPC's vector", "APM 2 13.2.3.2"),
	   pmi_log.vectors, 1);
	is(FACT("pmi-not-masked", "delivery leaves LVTPC's mask bit clear", "APM 2 16.4"), pmi_log.lvtpc, VECTOR_PMI);
	if (pmu.v2)
		is(FACT("pmi-status", "the handler finds the status bit set", "APM 2 13.2.1"), seen_status, 1);
	else
		skip(FACT("pmi-status", "the handler finds the status bit set", "APM 2 13.2.1"), "no PerfMonV2");
	holds(FACT("pmi-wrapped", "and the counter past its wrap", "APM 2 13.2.3.2"), seen_count < 2 * TURNS);
	pmi_clear();
	wrmsr(ctr(0), -(u64)EARLY & COUNTER_MASK);
	irq_on();
	run_enabled(0, INSN_PMI, loop_branches, TURNS);
	irq_off();
	is(FACT("pmi-again", "a second overflow interrupts with LVTPC untouched", "APM 2 16.4"), pmi_log.vectors, 1);
	overflow(0, INSN, VECTOR_PMI, 0, true);
	is(FACT("pmi-no-int", "an overflow without INT does not interrupt", "APM 2 13.2.3.2"), pmis(), 0);
	overflow(0, INSN_PMI, LVT_MASKED | VECTOR_PMI, 0, true);
	is(FACT("pmi-masked", "nor does one while LVTPC is masked", "APM 2 16.4"), pmis(), 0);
	is(FACT("pmi-masked-irr", "and none is requested", "APM 2 16.6.4"), apic_requested(VECTOR_PMI), 0);
	for (i = 0; i < pmu.counters; i++) {
		overflow(i, INSN_PMI, VECTOR_PMI, 0, true);
		if (pmi_log.vectors == 1)
			interrupting |= BIT(i);
	}
	is(FACT("pmi-every", "every counter can interrupt", "APM 2 13.2.3.2"), interrupting, pmu.all);
}

static void delivery_facts(void)
{
	overflow(0, INSN_PMI, VECTOR_PMI, 0, false);
	is(FACT("pmi-if-clear", "with IF clear the interrupt waits", "APM 2 16.6.4"), pmis(), 0);
	is(FACT("pmi-irr", "in IRR", "APM 2 16.6.4"), apic_requested(VECTOR_PMI), 1);
	irq_on();
	irq_off();
	is(FACT("pmi-sti", "and comes when IF is set", "APM 2 16.6.4"), pmi_log.vectors, 1);
	overflow(0, INSN_PMI, LVT_NMI, 0, false);
	is(FACT("pmi-nmi", "LVTPC in NMI mode: one NMI, IF clear or not", "APM 2 16.4"), pmi_log.nmis, 1);
	is(FACT("pmi-nmi-vector", "and no vector", "APM 2 16.4"), pmi_log.vectors, 0);
	is(FACT("pmi-nmi-not-masked", "and no mask bit", "APM 2 16.4"), apic_read(APIC_LVTPC), LVT_NMI);
	pmu_reset();
	wrmsr(ctr(0), -(u64)EARLY & COUNTER_MASK);
	apic_write(APIC_LVTPC, LVT_NMI);
	run_enabled(0, INSN_PMI & ~SEL_OS, in_user, TURNS);
	is(FACT("pmi-user", "a counter of CPL 3 that overflows there interrupts there", "APM 2 table 13-6"),
	   pmi_log.nmis == 1 && pmi_log.from_user, 1);
}

static void freeze_facts(void)
{
	u64 frozen;

	section("freezing");
	if (!pmu.freeze) {
		skip(FACT("freeze", "DebugCtl[12], freeze on a PMC's interrupt", "APM 2 13.1.1.6"),
		     "CPUID 8000_0022 EAX[2] is 0");
		return;
	}
	overflow(0, INSN_PMI, VECTOR_PMI, DEBUGCTL_FREEZE_PMC, true);
	is(FACT("freeze-status", "DebugCtl[12]: the PMI sets PMCF beside the overflow bit", "APM 2 figure 13-13"),
	   seen_status, PMC_FRZ | 1);
	frozen = rdmsr(ctr(0));
	is(FACT("freeze-stops", "counting has stopped", "APM 2 13.2.1"), frozen, seen_count);
	run_enabled(0, INSN, loop_branches, TURNS);
	is(FACT("freeze-holds", "and GlobalCtl does not start it", "APM 2 13.2.1"), rdmsr(ctr(0)), frozen);
	wrmsr(MSR_STATUS_CLR, PMC_FRZ);
	run_enabled(0, INSN, loop_branches, TURNS);
	holds(FACT("freeze-thaws", "clearing PMCF does", "APM 2 figure 13-15"), rdmsr(ctr(0)) >= frozen + 2 * TURNS);
	overflow(0, INSN, VECTOR_PMI, DEBUGCTL_FREEZE_PMC, true);
	is(FACT("freeze-no-int", "an overflow without INT freezes nothing", "APM 2 13.1.1.6"), rdmsr(MSR_STATUS), 1);
	overflow(0, INSN_PMI, VECTOR_PMI, 0, true);
	is(FACT("freeze-off", "nor does a PMI with DebugCtl[12] clear", "APM 2 13.1.1.6"), seen_status, 1);
	pmu_reset();
	wrmsr(MSR_STATUS_SET, PMC_FRZ);
	run_enabled(0, INSN, loop_branches, TURNS);
	is(FACT("freeze-by-set", "PMCF set by software freezes as well", "APM 2 figure 13-14"), rdmsr(ctr(0)), 0);
	pmu_reset();
}

/**
 * overflow_facts() - all facts of this file that the manual states
 */
void overflow_facts(void)
{
	boundary_facts();
	status_facts();
	pmi_facts();
	delivery_facts();
	freeze_facts();
}

static u64 user_count(void (*code)(void), u64 n, u64 sel)
{
	pmu_reset();
	if (pmu.v2)
		wrmsr(MSR_GLOBAL_CTL, 1);
	wrmsr(ctl(0), EVENT_INSN | SEL_EN | sel);
	user_run(code, n, 0);
	wrmsr(ctl(0), 0);
	return rdmsr(ctr(0));
}

static u64 interrupted_count(u32 *interrupts)
{
	pmu_reset();
	if (pmu.v2)
		wrmsr(MSR_GLOBAL_CTL, 1);
	apic_timer(20000);
	wrmsr(ctl(0), EVENT_INSN | SEL_EN | SEL_USR);
	user_run(user_loop, 1000 * TURNS, RFLAGS_IF);
	wrmsr(ctl(0), 0);
	*interrupts = pmi_log.timers;
	return rdmsr(ctr(0));
}

/* Where the PMI comes when counter 0 overflows with the NOP number @nops of the sled */
static u64 sled_pmi(u32 nops, u32 lvtpc)
{
	u64 start;

	count(0, INSN, probe, 0);
	start = user_result - 1;	/* without probe()'s XOR */
	pmu_reset();
	wrmsr(ctr(0), -(start + nops) & COUNTER_MASK);
	apic_write(APIC_LVTPC, lvtpc);
	irq_on();
	run_enabled(0, INSN_PMI, sled, 0);
	irq_off();
	return pmi_log.rip - (u64)sled;
}

static u64 repeated(u32 times)
{
	u64 first = count(0, INSN, loop_branches, TURNS);
	u32 same = 0, i;

	for (i = 0; i < times; i++)
		if (count(0, INSN, loop_branches, TURNS) == first)
			same++;
	return same;
}

/**
 * machine_facts() - what the manual leaves open and this machine defines
 */
void machine_facts(void)
{
	u32 interrupts;

	section("this machine: what it defines beyond the manual");
	is(FACT("wrmsr-once", "of the WRMSRs that start and stop a counter one counts", "this machine"),
	   count(0, INSN, nothing, 0), RUN_INSNS + 1);
	pmu_reset();
	if (pmu.v2)
		wrmsr(MSR_GLOBAL_CTL, 1);
	run_counted(ctl(0), INSN, nothing, 0);
	is(FACT("wrmsr-once-sel", "by the selector's EN too", "this machine"), rdmsr(ctr(0)), RUN_INSNS + 1);
	is(FACT("loop-total", "a loop counts to the instruction", "this machine"),
	   count(0, INSN, loop_branches, TURNS), 2 * TURNS + 2 + RUN_INSNS);
	is(FACT("branch-total", "and to the branch", "this machine"),
	   count(0, EVENT_BRANCH | SEL_ALL, loop_branches, TURNS), TURNS + 1 + RUN_BRANCHES);
	is(FACT("conditional-total", "conditional ones too", "this machine"),
	   count(0, EVENT_CONDITIONAL | SEL_ALL, loop_branches, TURNS), TURNS);
	is(FACT("repeatable", "ten runs of ten agree", "this machine"), repeated(10), 10);
	is(FACT("rep-once", "a REP of 4096 counts once", "this machine"), count(0, INSN, rep_store, 4096),
	   5 + RUN_INSNS);
	is(FACT("rep-zero", "a REP of 0 too", "this machine"), count(0, INSN, rep_store, 0), 5 + RUN_INSNS);
	is(FACT("int-user", "INT counts at the level where it began", "this machine"),
	   user_count(user_loop, TURNS, SEL_USR), 2 * TURNS + 2);
	is(FACT("fault", "a faulting instruction does not count", "this machine"),
	   user_count(user_faults, TURNS, SEL_USR), 2 * TURNS + 1);
	is(FACT("syscall-user", "SYSCALL counts at CPL 3", "this machine"),
	   user_count(user_syscalls, TURNS, SEL_USR), 3 * TURNS + 1);
	is(FACT("sysret-kernel", "SYSRET counts at CPL 0", "this machine"),
	   user_count(user_syscalls, MORE_TURNS, SEL_OS) - user_count(user_syscalls, TURNS, SEL_OS), GROWTH);
	is(FACT("interrupt", "an interrupt does not count at the level it interrupts", "this machine"),
	   interrupted_count(&interrupts), 2000 * TURNS + 2);
	is(FACT("interrupt-came", "(the timer did interrupt)", "this machine"), interrupts, 1);
	is(FACT("skid-10", "the PMI comes with no skid: after 10 of the sled's NOPs", "this machine"),
	   sled_pmi(10, VECTOR_PMI), 10);
	is(FACT("skid-33", "after 33", "this machine"), sled_pmi(33, VECTOR_PMI), 33);
	is(FACT("skid-nmi", "and as an NMI after 17", "this machine"), sled_pmi(17, LVT_NMI), 17);
	is(FACT("unknown-event", "an event that does not exist counts 0", "this machine"),
	   count(0, 0xf000000feul | 0xff00 | SEL_ALL, stream, 64), 0);
	pmu_reset();
}
