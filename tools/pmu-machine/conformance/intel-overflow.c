// SPDX-License-Identifier: GPL-2.0-only
/* Facts of overflow: status, interrupt, freezing; and the properties that are this machine's own. */
#include "intel.h"

#define TURNS		1000
#define MORE_TURNS	3000
#define EARLY		100	/* an overflow well within TURNS */
#define INSN_PMI	(EVENT_INSN | SEL_ALL | SEL_INT)

/* What the PMI's handler found */
static volatile u64 seen_status, seen_global, seen_count;

static void look(void)
{
	seen_status = rdmsr(MSR_STATUS);
	seen_global = rdmsr(MSR_GLOBAL_CTRL);
	seen_count = rdmsr(MSR_PMC(0));
}

/* Counter 0 overflows after EARLY events of TURNS turns; the handler looks. */
static void overflow(u64 sel, u32 lvtpc, u64 debugctl, bool irqs)
{
	pmu_reset();
	seen_status = 0;
	seen_global = 0;
	seen_count = 0;
	pmi_hook = look;
	wrmsr(MSR_DEBUGCTL, debugctl);
	wrmsr(MSR_EVTSEL(0), sel);
	gp_write(0, -(u64)EARLY);
	apic_write(APIC_LVTPC, lvtpc);
	if (irqs)
		irq_on();
	run_counted(MSR_GLOBAL_CTRL, 1, loop_branches, TURNS);
	irq_off();
}

static void fixed_overflow(u32 i, u64 field, u32 lvtpc)
{
	pmu_reset();
	wrmsr(MSR_FIXED_CTRL, FIXED_FIELD(i, field));
	wrmsr(MSR_FIXED(i), -(u64)EARLY & low_bits(pmu.fixed_width));
	apic_write(APIC_LVTPC, lvtpc);
	irq_on();
	run_counted(MSR_GLOBAL_CTRL, FIXED_BIT(i), loop_branches, TURNS);
	irq_off();
}

static void status_facts(void)
{
	u64 right = 0;
	u32 i;

	section("overflow status");
	for (i = 0; i < pmu.gp; i++) {
		pmu_reset();
		wrmsr(MSR_EVTSEL(i), EVENT_INSN | SEL_ALL);
		gp_write(i, -(u64)EARLY);
		run_counted(MSR_GLOBAL_CTRL, BIT(i), loop_branches, TURNS);
		if (rdmsr(MSR_STATUS) == BIT(i))
			right |= BIT(i);
	}
	is(FACT("overflow-gp", "overflow of counter n sets bit n of GLOBAL_STATUS and no other", "3B 20.2.2"),
	   right, pmu.gp_mask);
	for (i = 0, right = 0; i < pmu.fixed; i++) {
		fixed_overflow(i, FIXED_ALL, LVT_MASKED);
		if (rdmsr(MSR_STATUS) == FIXED_BIT(i))
			right |= BIT(i);
	}
	is(FACT("overflow-fixed", "overflow of fixed counter n sets bit 32 + n and no other", "3B 20.2.2"),
	   right, low_bits(pmu.fixed));
}

static void boundary_facts(void)
{
	u64 total = gp_run(0, EVENT_INSN | SEL_ALL, loop_branches, TURNS);

	pmu_reset();
	wrmsr(MSR_EVTSEL(0), EVENT_INSN | SEL_ALL);
	gp_write(0, -(total + 1));
	run_counted(MSR_GLOBAL_CTRL, 1, loop_branches, TURNS);
	is(FACT("boundary-below", "a counter that ends at all ones has not overflowed", "3B 20.2.2"),
	   rdmsr(MSR_STATUS), 0);
	is(FACT("boundary-ones", "and reads all ones of its width", "3B 20.2.1.1"), rdmsr(MSR_PMC(0)),
	   low_bits(pmu.width));
	gp_write(0, -total);
	run_counted(MSR_GLOBAL_CTRL, 1, loop_branches, TURNS);
	is(FACT("boundary-at", "one event more and it has", "3B 20.2.2"), rdmsr(MSR_STATUS), 1);
	is(FACT("boundary-zero", "and reads 0", "3B 20.2.1.1"), rdmsr(MSR_PMC(0)), 0);
	wrmsr(MSR_STATUS_RESET, 1);
	gp_write(0, -(u64)EARLY);
	run_counted(MSR_GLOBAL_CTRL, 1, loop_branches, TURNS);
	is(FACT("overflow-goes-on", "a counter goes on from 0 after its overflow", "3B 20.2.1.1"),
	   rdmsr(MSR_PMC(0)), total - EARLY);
	gp_write(0, 5);
	is(FACT("status-sticks", "writing the counter leaves its status bit set", "3B 20.2.2"),
	   rdmsr(MSR_STATUS), 1);
	wrmsr(MSR_GLOBAL_CTRL, 0);
	wrmsr(MSR_EVTSEL(0), 0);
	is(FACT("status-sticks-off", "and so does disabling it", "3B 20.2.2"), rdmsr(MSR_STATUS), 1);
	wrmsr(MSR_STATUS_RESET, 0);
	is(FACT("reset-zero", "writing 0 to OVF_CTRL / STATUS_RESET clears nothing", "3B 20.2.2"),
	   rdmsr(MSR_STATUS), 1);
	wrmsr(MSR_STATUS_RESET, 2 | FIXED_BIT(0));
	is(FACT("reset-other", "nor does writing other bits", "3B 20.2.2"), rdmsr(MSR_STATUS), 1);
	wrmsr(MSR_STATUS_RESET, 1);
	is(FACT("reset-own", "writing its bit does", "3B 20.2.2"), rdmsr(MSR_STATUS), 0);
}

static void pmi_facts(void)
{
	section("the interrupt");
	overflow(INSN_PMI, VECTOR_PMI, 0, true);
	is(FACT("pmi-vector", "an overflow with INT interrupts once, by LVTPC's vector", "3A 11.5.1"),
	   pmi_log.vectors, 1);
	is(FACT("pmi-status", "the handler finds the status bit set", "3B 20.2.2"), seen_status, 1);
	is(FACT("pmi-no-freeze", "and GLOBAL_CTRL as it was", "3B 18.4.7"), seen_global, 1);
	is(FACT("pmi-masks", "delivery sets LVTPC's mask bit", "3A 11.5.1"), pmi_log.lvtpc,
	   LVT_MASKED | VECTOR_PMI);
	pmi_clear();
	gp_write(0, -(u64)EARLY);
	wrmsr(MSR_STATUS_RESET, 1);
	irq_on();
	run_counted(MSR_GLOBAL_CTRL, 1, loop_branches, TURNS);
	is(FACT("pmi-while-masked", "an overflow while LVTPC is masked does not interrupt", "3A 11.5.1"), pmis(), 0);
	is(FACT("pmi-masked-status", "but sets its status bit", "3B 20.2.2"), rdmsr(MSR_STATUS), 1);
	apic_write(APIC_LVTPC, VECTOR_PMI);
	loop_branches(TURNS);
	is(FACT("pmi-unmask", "unmasking LVTPC does not bring it back", "3A 11.5.1"), pmis(), 0);
	wrmsr(MSR_STATUS_RESET, 1);
	gp_write(0, -(u64)EARLY);
	run_counted(MSR_GLOBAL_CTRL, 1, loop_branches, TURNS);
	irq_off();
	is(FACT("pmi-again", "the next overflow interrupts", "3A 11.5.1"), pmi_log.vectors, 1);
	overflow(INSN_PMI & ~SEL_INT, VECTOR_PMI, 0, true);
	is(FACT("pmi-no-int", "an overflow without INT does not interrupt", "3B 20.2.1.1"), pmis(), 0);
	is(FACT("pmi-no-int-lvtpc", "and leaves LVTPC alone", "3A 11.5.1"), apic_read(APIC_LVTPC), VECTOR_PMI);
	is(FACT("pmi-no-int-status", "but sets its status bit", "3B 20.2.2"), rdmsr(MSR_STATUS), 1);
	overflow(INSN_PMI, LVT_MASKED | VECTOR_PMI, 0, true);
	is(FACT("pmi-masked", "LVTPC masked from the start: no interrupt", "3A 11.5.1"), pmis(), 0);
	is(FACT("pmi-masked-irr", "and none requested", "3A 11.8.4"), apic_requested(VECTOR_PMI), 0);
}

static void delivery_facts(void)
{
	overflow(INSN_PMI, VECTOR_PMI, 0, false);
	is(FACT("pmi-if-clear", "with IF clear the interrupt waits", "3A 11.8.4"), pmis(), 0);
	is(FACT("pmi-irr", "in IRR", "3A 11.8.4"), apic_requested(VECTOR_PMI), 1);
	irq_on();
	irq_off();
	is(FACT("pmi-sti", "and comes when IF is set", "3A 11.8.4"), pmi_log.vectors, 1);
	overflow(INSN_PMI, LVT_NMI, 0, false);
	is(FACT("pmi-nmi", "LVTPC in NMI mode: one NMI, IF clear or not", "3A 11.5.1"), pmi_log.nmis, 1);
	is(FACT("pmi-nmi-vector", "and no vector", "3A 11.5.1"), pmi_log.vectors, 0);
	is(FACT("pmi-nmi-masks", "delivery sets the mask bit in NMI mode too", "3A 11.5.1"), pmi_log.lvtpc,
	   LVT_MASKED | LVT_NMI);
	fixed_overflow(0, FIXED_ALL | FIXED_PMI, VECTOR_PMI);
	is(FACT("pmi-fixed", "a fixed counter interrupts with the PMI bit of its field", "3B 20.2.2"),
	   pmi_log.vectors, 1);
	fixed_overflow(0, FIXED_ALL, VECTOR_PMI);
	is(FACT("pmi-fixed-off", "and not without", "3B 20.2.2"), pmis(), 0);

	pmu_reset();
	pmi_hook = look;
	wrmsr(MSR_EVTSEL(0), INSN_PMI);
	wrmsr(MSR_EVTSEL(1), INSN_PMI);
	gp_write(0, -(u64)EARLY);
	gp_write(1, -(u64)EARLY);
	apic_write(APIC_LVTPC, VECTOR_PMI);
	irq_on();
	run_counted(MSR_GLOBAL_CTRL, 3, loop_branches, TURNS);
	irq_off();
	is(FACT("pmi-two", "two counters that overflow together interrupt once", "3A 11.5.1"), pmi_log.vectors, 1);
	is(FACT("pmi-two-status", "with both status bits set", "3B 20.2.2"), seen_status, 3);

	pmu_reset();
	wrmsr(MSR_EVTSEL(0), (INSN_PMI & ~SEL_OS));
	gp_write(0, -(u64)EARLY);
	apic_write(APIC_LVTPC, LVT_NMI);
	run_counted(MSR_GLOBAL_CTRL, 1, in_user, TURNS);
	is(FACT("pmi-user", "a counter of CPL 3 that overflows there interrupts there", "3B 20.2.1.1"),
	   pmi_log.nmis == 1 && pmi_log.from_user, 1);
}

static void legacy_freeze_facts(void)
{
	overflow(INSN_PMI, VECTOR_PMI, DEBUGCTL_FREEZE_PERFMON, true);
	is(FACT("freeze-global", "FREEZE_PERFMON_ON_PMI: the PMI clears GLOBAL_CTRL", "3B 18.4.7"), seen_global, 0);
	is(FACT("freeze-status", "the status bit alone is set", "3B 18.4.7"), seen_status, 1);
	is(FACT("freeze-stops", "counting has stopped for good", "3B 18.4.7"), rdmsr(MSR_PMC(0)), seen_count);
	overflow(INSN_PMI & ~SEL_INT, VECTOR_PMI, DEBUGCTL_FREEZE_PERFMON, true);
	is(FACT("freeze-no-int", "an overflow without INT freezes nothing", "3B 18.4.7"),
	   rdmsr(MSR_PMC(0)) > TURNS, 1);
	skip(FACT("ctr-frz", "CTR_Frz, streamlined freezing", "3B 18.4.7"), "version below 4");
}

static void streamlined_freeze_facts(void)
{
	u64 count;

	overflow(INSN_PMI, VECTOR_PMI, DEBUGCTL_FREEZE_PERFMON, true);
	is(FACT("freeze-ctr-frz", "FREEZE_PERFMON_ON_PMI: the PMI sets CTR_Frz beside the status bit",
		"3B 20.2.4.1"), seen_status, CTR_FRZ | 1);
	is(FACT("freeze-global", "and leaves GLOBAL_CTRL alone", "3B 18.4.7"), seen_global, 1);
	count = rdmsr(MSR_PMC(0));
	is(FACT("freeze-stops", "counting has stopped", "3B 20.2.4.1"), count, seen_count);
	wrmsr(MSR_STATUS_RESET, 1);
	is(FACT("freeze-stays", "clearing the overflow bit leaves CTR_Frz", "3B 20.2.4.1"), rdmsr(MSR_STATUS),
	   CTR_FRZ);
	run_counted(MSR_GLOBAL_CTRL, 1, loop_branches, TURNS);
	is(FACT("freeze-holds", "writing GLOBAL_CTRL does not start frozen counters", "3B 20.2.4.1"),
	   rdmsr(MSR_PMC(0)), count);
	wrmsr(MSR_STATUS_RESET, CTR_FRZ);
	run_counted(MSR_GLOBAL_CTRL, 1, loop_branches, TURNS);
	holds(FACT("freeze-thaws", "clearing CTR_Frz lets them count again", "3B 20.2.4.1"),
	      rdmsr(MSR_PMC(0)) >= count + 2 * TURNS);
	overflow(INSN_PMI & ~SEL_INT, VECTOR_PMI, DEBUGCTL_FREEZE_PERFMON, true);
	is(FACT("freeze-no-int", "an overflow without INT freezes nothing", "3B 18.4.7"), rdmsr(MSR_STATUS), 1);
	overflow(INSN_PMI, VECTOR_PMI, 0, true);
	is(FACT("freeze-off", "nor does a PMI without FREEZE_PERFMON_ON_PMI", "3B 18.4.7"), seen_status, 1);
	pmu_reset();
	wrmsr(MSR_STATUS_SET, CTR_FRZ);
	wrmsr(MSR_EVTSEL(0), EVENT_INSN | SEL_ALL);
	run_counted(MSR_GLOBAL_CTRL, 1, loop_branches, TURNS);
	is(FACT("freeze-by-set", "CTR_Frz set by software freezes as well", "3B 20.2.4.1"), rdmsr(MSR_PMC(0)), 0);
	pmu_reset();
}

/**
 * overflow_facts() - all facts of this file that the manual states
 */
void overflow_facts(void)
{
	status_facts();
	boundary_facts();
	pmi_facts();
	delivery_facts();
	section("freezing");
	if (pmu.version < 4)
		legacy_freeze_facts();
	else
		streamlined_freeze_facts();
}

static u64 user_count(void (*code)(void), u64 n, u64 sel, u64 rflags)
{
	pmu_reset();
	wrmsr(MSR_EVTSEL(0), EVENT_INSN | SEL_EN | sel);
	wrmsr(MSR_GLOBAL_CTRL, 1);
	user_run(code, n, rflags);
	wrmsr(MSR_GLOBAL_CTRL, 0);
	return rdmsr(MSR_PMC(0));
}

static u64 interrupted_count(u32 *interrupts)
{
	u64 count;

	pmu_reset();
	wrmsr(MSR_EVTSEL(0), EVENT_INSN | SEL_EN | SEL_USR);
	apic_timer(20000);
	wrmsr(MSR_GLOBAL_CTRL, 1);
	user_run(user_loop, 1000 * TURNS, RFLAGS_IF);
	wrmsr(MSR_GLOBAL_CTRL, 0);
	count = rdmsr(MSR_PMC(0));
	*interrupts = pmi_log.timers;
	return count;
}

/* Where the PMI comes when counter 0 overflows with the NOP number @nops of the sled */
static u64 sled_pmi(u32 nops, u32 lvtpc)
{
	u64 start;

	gp_run(0, EVENT_INSN | SEL_ALL, probe, 0);
	start = user_result - 1;	/* without probe()'s XOR */
	pmu_reset();
	wrmsr(MSR_EVTSEL(0), INSN_PMI);
	gp_write(0, -(start + nops));
	apic_write(APIC_LVTPC, lvtpc);
	irq_on();
	run_counted(MSR_GLOBAL_CTRL, 1, sled, 0);
	irq_off();
	return pmi_log.rip - (u64)sled;
}

static u64 repeated(u32 times)
{
	u64 first = gp_run(0, EVENT_INSN | SEL_ALL, loop_branches, TURNS);
	u32 same = 0, i;

	for (i = 0; i < times; i++)
		if (gp_run(0, EVENT_INSN | SEL_ALL, loop_branches, TURNS) == first)
			same++;
	return same;
}

/**
 * machine_facts() - what the manual leaves open and this machine defines
 */
void machine_facts(void)
{
	u64 insn = EVENT_INSN | SEL_ALL;
	u32 interrupts;

	section("this machine: what it defines beyond the manual");
	is(FACT("wrmsr-once", "of the WRMSRs that start and stop a counter one counts", "this machine"),
	   gp_run(0, insn, nothing, 0), RUN_INSNS + 1);
	is(FACT("wrmsr-once-fixed", "for a fixed counter too", "this machine"),
	   fixed_run(0, FIXED_ALL, nothing, 0), RUN_INSNS + 1);
	is(FACT("loop-total", "a loop counts to the instruction", "this machine"),
	   gp_run(0, insn, loop_branches, TURNS), 2 * TURNS + 2 + RUN_INSNS);
	is(FACT("branch-total", "and to the branch", "this machine"),
	   gp_run(0, EVENT_BRANCH | SEL_ALL, loop_branches, TURNS), TURNS + 1 + RUN_BRANCHES);
	is(FACT("repeatable", "ten runs of ten agree", "this machine"), repeated(10), 10);
	is(FACT("rep-once", "a REP of 4096 counts once", "this machine"), gp_run(0, insn, rep_store, 4096),
	   5 + RUN_INSNS);
	is(FACT("rep-zero", "a REP of 0 too", "this machine"), gp_run(0, insn, rep_store, 0), 5 + RUN_INSNS);
	is(FACT("int-user", "INT counts at the level where it began", "this machine"),
	   user_count(user_loop, TURNS, SEL_USR, 0), 2 * TURNS + 2);
	is(FACT("fault", "a faulting instruction does not count", "this machine"),
	   user_count(user_faults, TURNS, SEL_USR, 0), 2 * TURNS + 1);
	is(FACT("syscall-user", "SYSCALL counts at CPL 3", "this machine"),
	   user_count(user_syscalls, TURNS, SEL_USR, 0), 3 * TURNS + 1);
	is(FACT("sysret-kernel", "SYSRET counts at CPL 0", "this machine"),
	   user_count(user_syscalls, MORE_TURNS, SEL_OS, 0) - user_count(user_syscalls, TURNS, SEL_OS, 0),
	   MORE_TURNS - TURNS);
	is(FACT("interrupt", "an interrupt does not count at the level it interrupts", "this machine"),
	   interrupted_count(&interrupts), 2000 * TURNS + 2);
	is(FACT("interrupt-came", "(the timer did interrupt)", "this machine"), interrupts, 1);
	is(FACT("skid-10", "the PMI comes with no skid: after 10 of the sled's NOPs", "this machine"),
	   sled_pmi(10, VECTOR_PMI), 10);
	is(FACT("skid-33", "after 33", "this machine"), sled_pmi(33, VECTOR_PMI), 33);
	is(FACT("skid-nmi", "and as an NMI after 17", "this machine"), sled_pmi(17, LVT_NMI), 17);
	overflow(INSN_PMI, VECTOR_PMI, DEBUGCTL_FREEZE_PERFMON, true);
	is(FACT("freeze-exact", "freezing on the PMI leaves the overflowed counter at 0", "this machine"),
	   pmis() == 1 && rdmsr(MSR_PMC(0)) == 0, 1);
	is(FACT("unknown-event", "an event that does not exist counts 0", "this machine"),
	   gp_run(0, 0xfeff | SEL_ALL, stream, 64), 0);
	pmu_reset();
}
