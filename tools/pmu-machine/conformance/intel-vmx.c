// SPDX-License-Identifier: GPL-2.0-only
/* Facts of the PMU under VMX: what entries and exits load, save, check and intercept. */
#include "intel.h"
#include "intel-lbr.h"
#include "intel-pebs.h"
#include "vmx.h"

#define TURNS		1000
#define MORE_TURNS	3000
#define EARLY		100
#define INSN		(EVENT_INSN | SEL_ALL)
#define NMI_INFO	0x80000202ul	/* valid, type NMI, vector 2 */
#define PMI_INFO	(0x80000000ul | VECTOR_PMI)

static volatile u64 guest_saw;
static volatile int guest_fault;

static struct vmx_msr list[1] __aligned(16);

/* Guest code */

static void read_msr(u64 msr)
{
	u64 value;

	guest_fault = rdmsr_safe(msr, &value);
	guest_saw = value;
}

static void set_global_ctrl(u64 value)
{
	guest_fault = wrmsr_safe(MSR_GLOBAL_CTRL, value);
}

static void set_debugctl(u64 value)
{
	guest_fault = wrmsr_safe(MSR_DEBUGCTL, value);
}

static void read_counter(u64 index)
{
	u64 value;

	guest_fault = rdpmc_safe(index, &value);
	guest_saw = value;
}

static void irq_loop(u64 n)
{
	irq_on();
	loop_branches(n);
	irq_off();
}

/* Host side */

static void fresh(u32 pin, u32 cpu, u32 exit, u32 entry)
{
	pmu_reset();
	guest_saw = ~0ul;
	guest_fault = 0;
	vmx_prepare(pin, cpu, exit, entry);
}

static u64 run(void (*fn)(u64 arg), u64 arg)
{
	int failed = vmx_run(fn, arg);

	return failed ? BIT(62) | failed : vmread(VMCS_EXIT_REASON);
}

static void entry_load_facts(void)
{
	if (!vmx_may_enter(ENTRY_LOAD_GLOBAL_CTRL)) {
		skip(FACT("entry-load", "VM entry can load GLOBAL_CTRL", "3C 27.3.2.1"), "control not offered");
		return;
	}
	fresh(0, 0, 0, ENTRY_LOAD_GLOBAL_CTRL);
	vmwrite(VMCS_GUEST_GLOBAL_CTRL, 1);
	is(FACT("vmx-works", "a guest runs and exits by VMCALL", "3C 28.1"), run(read_msr, MSR_GLOBAL_CTRL),
	   EXIT_REASON_VMCALL);
	is(FACT("entry-load", "the entry control loads GLOBAL_CTRL from the VMCS", "3C 27.3.2.1"), guest_saw, 1);
	is(FACT("entry-load-stays", "without the exit control it stays so after the exit", "3C 28.5.1"),
	   rdmsr(MSR_GLOBAL_CTRL), 1);
	fresh(0, 0, 0, 0);
	vmwrite(VMCS_GUEST_GLOBAL_CTRL, 1);
	wrmsr(MSR_GLOBAL_CTRL, 2);
	run(read_msr, MSR_GLOBAL_CTRL);
	is(FACT("entry-no-load", "without the entry control the guest sees the host's value", "3C 27.3.2.1"),
	   guest_saw, 2);
	fresh(0, 0, 0, ENTRY_LOAD_GLOBAL_CTRL);
	vmwrite(VMCS_GUEST_GLOBAL_CTRL, BIT(pmu.gp));
	is(FACT("entry-reserved", "a reserved bit in the guest's field fails the entry, reason 33", "3C 27.3.1.1"),
	   run(read_msr, MSR_GLOBAL_CTRL), EXIT_REASON_BAD_GUEST);
	is(FACT("entry-reserved-msr", "and GLOBAL_CTRL is not loaded", "3C 27.8"), rdmsr(MSR_GLOBAL_CTRL), 0);
	fresh(0, 0, 0, 0);
	vmwrite(VMCS_GUEST_GLOBAL_CTRL, BIT(pmu.gp));
	is(FACT("entry-unchecked", "without the entry control the field is not checked", "3C 27.3.1.1"),
	   run(read_msr, MSR_GLOBAL_CTRL), EXIT_REASON_VMCALL);
}

static void exit_load_facts(void)
{
	if (!vmx_may_exit(EXIT_LOAD_GLOBAL_CTRL)) {
		skip(FACT("exit-load", "VM exit can load GLOBAL_CTRL", "3C 28.5.1"), "control not offered");
		return;
	}
	fresh(0, 0, EXIT_LOAD_GLOBAL_CTRL, 0);
	vmwrite(VMCS_HOST_GLOBAL_CTRL, 2);
	run(set_global_ctrl, 1);
	is(FACT("exit-load", "the exit control loads GLOBAL_CTRL from the VMCS", "3C 28.5.1"),
	   rdmsr(MSR_GLOBAL_CTRL), 2);
	is(FACT("guest-write", "the guest's own write of it succeeds", "3C 26.1.3"), guest_fault, NO_FAULT);
	fresh(0, 0, 0, 0);
	vmwrite(VMCS_HOST_GLOBAL_CTRL, 2);
	run(set_global_ctrl, 1);
	is(FACT("exit-no-load", "without the exit control the guest's value stays", "3C 28.5.1"),
	   rdmsr(MSR_GLOBAL_CTRL), 1);
	fresh(0, 0, EXIT_LOAD_GLOBAL_CTRL, 0);
	vmwrite(VMCS_HOST_GLOBAL_CTRL, BIT(pmu.gp));
	is(FACT("exit-reserved", "a reserved bit in the host's field makes VMLAUNCH fail", "3C 27.2.2"),
	   vmx_run(read_msr, MSR_GLOBAL_CTRL), VMX_FAIL_VALID);
	is(FACT("exit-reserved-error", "with error 8, invalid host-state field", "3C 31.4"),
	   vmread(VMCS_INSN_ERROR), 8);
	fresh(0, 0, 0, 0);
	vmwrite(VMCS_HOST_GLOBAL_CTRL, BIT(pmu.gp));
	is(FACT("exit-unchecked", "without the exit control the field is not checked", "3C 27.2.2"),
	   run(read_msr, MSR_GLOBAL_CTRL), EXIT_REASON_VMCALL);
}

static void exit_save_facts(void)
{
	const struct fact *fact = FACT("exit-save", "the exit control saves the guest's GLOBAL_CTRL to the VMCS",
				       "3C 28.3.1");

	if (!vmx_may_enter(ENTRY_LOAD_GLOBAL_CTRL))
		return;
	fresh(0, 0, 0, ENTRY_LOAD_GLOBAL_CTRL);
	vmwrite(VMCS_GUEST_GLOBAL_CTRL, 1);
	run(set_global_ctrl, 3);
	is(FACT("exit-no-save", "without the save control the guest's field stays as it was", "3C 28.3.1"),
	   vmread(VMCS_GUEST_GLOBAL_CTRL), 1);
	if (!vmx_may_exit(EXIT_SAVE_GLOBAL_CTRL)) {
		skip(fact, "control not offered");
		return;
	}
	fresh(0, 0, EXIT_SAVE_GLOBAL_CTRL | EXIT_LOAD_GLOBAL_CTRL, ENTRY_LOAD_GLOBAL_CTRL);
	vmwrite(VMCS_GUEST_GLOBAL_CTRL, 1);
	vmwrite(VMCS_HOST_GLOBAL_CTRL, 0);
	run(set_global_ctrl, 3);
	is(fact, vmread(VMCS_GUEST_GLOBAL_CTRL), 3);
	is(FACT("exit-save-load", "before the host's is loaded", "3C 28.5.1"), rdmsr(MSR_GLOBAL_CTRL), 0);
}

/* Counter 0 over one guest that loops; the host's and the guest's GLOBAL_CTRL as given */
static u64 counted(u64 host, u64 guest, u64 turns)
{
	fresh(0, 0, EXIT_LOAD_GLOBAL_CTRL, ENTRY_LOAD_GLOBAL_CTRL);
	vmwrite(VMCS_GUEST_GLOBAL_CTRL, guest);
	vmwrite(VMCS_HOST_GLOBAL_CTRL, host);
	wrmsr(MSR_EVTSEL(0), INSN);
	wrmsr(MSR_GLOBAL_CTRL, host);
	run(loop_branches, turns);
	wrmsr(MSR_GLOBAL_CTRL, 0);
	return rdmsr(MSR_PMC(0));
}

static void count_facts(void)
{
	u64 few;

	if (!vmx_may_enter(ENTRY_LOAD_GLOBAL_CTRL) || !vmx_may_exit(EXIT_LOAD_GLOBAL_CTRL)) {
		skip(FACT("guest-count", "counting in the guest alone", "3C 27.3.2.1"), "controls not offered");
		return;
	}
	few = counted(0, 1, TURNS);
	is(FACT("guest-count", "a counter enabled by the entry and disabled by the exit counts the guest exactly",
		"3C 27.3.2.1"), counted(0, 1, MORE_TURNS) - few, 2 * (MORE_TURNS - TURNS));
	between(FACT("guest-only", "and nothing of the host (VMLAUNCH itself aside)", "3C 28.5.1"), few,
		2 * TURNS + 3, 2 * TURNS + 4);
	few = counted(1, 0, TURNS);
	is(FACT("host-count", "a counter disabled by the entry counts nothing of the guest", "3C 27.3.2.1"),
	   counted(1, 0, MORE_TURNS) - few, 0);
	holds(FACT("host-only", "but counts in the host", "3C 28.5.1"), few);
	few = counted(1, 1, TURNS);
	is(FACT("both-count", "enabled in both it counts both", "3B 20.2.2"), counted(1, 1, MORE_TURNS) - few,
	   2 * (MORE_TURNS - TURNS));
}

static void rdpmc_facts(void)
{
	fresh(0, CPU_RDPMC, 0, 0);
	is(FACT("rdpmc-exits", "RDPMC exits with RDPMC exiting, reason 15", "3C 26.1.3"), run(read_counter, 0),
	   EXIT_REASON_RDPMC);
	fresh(0, 0, 0, 0);
	gp_write(0, 0x4711);
	is(FACT("rdpmc-stays", "and not without", "3C 26.1.3"), run(read_counter, 0), EXIT_REASON_VMCALL);
	is(FACT("rdpmc-reads", "the guest reads the counter", "3C 26.1.3"), guest_saw, 0x4711);
	fresh(0, 0, 0, 0);
	run(read_counter, pmu.gp);
	is(FACT("rdpmc-guest-gp", "and gets #GP for an absent one", "2B RDPMC"), guest_fault, VECTOR_GP);
}

static void bitmap_facts(void)
{
	fresh(0, 0, 0, 0);
	vmx_intercept_msr(MSR_PMC(0), true, false);
	is(FACT("bitmap-read", "RDMSR of a counter whose read bit is set exits, reason 31", "3C 26.1.3"),
	   run(read_msr, MSR_PMC(0)), EXIT_REASON_RDMSR);
	fresh(0, 0, 0, 0);
	vmx_intercept_msr(MSR_GLOBAL_CTRL, false, true);
	is(FACT("bitmap-write", "WRMSR of GLOBAL_CTRL whose write bit is set exits, reason 32", "3C 26.1.3"),
	   run(set_global_ctrl, 1), EXIT_REASON_WRMSR);
	is(FACT("bitmap-no-write", "and writes nothing", "3C 26.1.3"), rdmsr(MSR_GLOBAL_CTRL), 0);
	fresh(0, 0, 0, 0);
	vmx_intercept_msr(MSR_GLOBAL_CTRL, true, false);
	is(FACT("bitmap-other", "the read bit does not intercept the write", "3C 25.6.9"),
	   run(set_global_ctrl, 1), EXIT_REASON_VMCALL);
	fresh(0, 0, 0, 0);
	run(set_global_ctrl, BIT(pmu.gp));
	is(FACT("guest-reserved", "a guest that may write GLOBAL_CTRL gets #GP for a reserved bit", "3B figure 20-3"),
	   guest_fault, VECTOR_GP);
}

static void set_list(u64 address_field, u64 count_field, u32 msr, u64 value)
{
	list[0] = (struct vmx_msr){ .index = msr, .value = value };
	vmwrite(address_field, (u64)list);
	vmwrite(count_field, 1);
}

static void list_facts(void)
{
	fresh(0, 0, 0, 0);
	set_list(VMCS_ENTRY_LOAD_ADDR, VMCS_ENTRY_LOAD_COUNT, MSR_EVTSEL(0), INSN);
	run(read_msr, MSR_EVTSEL(0));
	is(FACT("list-entry", "the entry's MSR list loads a selector", "3C 27.4"), guest_saw, INSN);
	fresh(0, 0, 0, 0);
	set_list(VMCS_ENTRY_LOAD_ADDR, VMCS_ENTRY_LOAD_COUNT, MSR_GLOBAL_CTRL, BIT(pmu.gp));
	is(FACT("list-entry-bad", "a value that WRMSR would refuse fails the entry, reason 34", "3C 27.4"),
	   run(read_msr, MSR_EVTSEL(0)), EXIT_REASON_BAD_MSR);
	is(FACT("list-entry-number", "and the qualification names the entry", "3C 27.8"),
	   vmread(VMCS_EXIT_QUALIFICATION), 1);
	fresh(0, 0, 0, 0);
	set_list(VMCS_EXIT_STORE_ADDR, VMCS_EXIT_STORE_COUNT, MSR_GLOBAL_CTRL, 0);
	run(set_global_ctrl, 3);
	is(FACT("list-store", "the exit's store list saves the guest's GLOBAL_CTRL", "3C 28.4"), list[0].value, 3);
	fresh(0, 0, 0, 0);
	set_list(VMCS_EXIT_LOAD_ADDR, VMCS_EXIT_LOAD_COUNT, MSR_GLOBAL_CTRL, 2);
	run(set_global_ctrl, 1);
	is(FACT("list-load", "the exit's load list sets the host's", "3C 28.6"), rdmsr(MSR_GLOBAL_CTRL), 2);
}

static void debugctl_facts(void)
{
	fresh(0, 0, 0, ENTRY_LOAD_DEBUG);
	vmwrite(VMCS_GUEST_DEBUGCTL, DEBUGCTL_FREEZE_PERFMON);
	run(read_msr, MSR_DEBUGCTL);
	is(FACT("debugctl-load", "the entry control loads DEBUGCTL from the VMCS", "3C 27.3.2.1"), guest_saw,
	   DEBUGCTL_FREEZE_PERFMON);
	is(FACT("debugctl-clear", "every exit clears DEBUGCTL", "3C 28.5.1"), rdmsr(MSR_DEBUGCTL), 0);
	fresh(0, 0, 0, 0);
	if (vmread(VMCS_ENTRY_CONTROLS) & ENTRY_LOAD_DEBUG) {
		skip(FACT("debugctl-no-load", "without the entry control the host's DEBUGCTL stays", "3C 27.3.2.1"),
		     "the control must be 1");
	} else {
		wrmsr(MSR_DEBUGCTL, DEBUGCTL_FREEZE_PERFMON);
		run(read_msr, MSR_DEBUGCTL);
		is(FACT("debugctl-no-load", "without the entry control the host's DEBUGCTL stays", "3C 27.3.2.1"),
		   guest_saw, DEBUGCTL_FREEZE_PERFMON);
	}
	fresh(0, 0, EXIT_SAVE_DEBUG, 0);
	run(set_debugctl, DEBUGCTL_FREEZE_PERFMON);
	is(FACT("debugctl-save", "the exit control saves the guest's DEBUGCTL", "3C 28.3.1"),
	   vmread(VMCS_GUEST_DEBUGCTL), DEBUGCTL_FREEZE_PERFMON);
	fresh(0, 0, 0, 0);
	if (vmread(VMCS_EXIT_CONTROLS) & EXIT_SAVE_DEBUG) {
		skip(FACT("debugctl-no-save", "and not without it", "3C 28.3.1"), "the control must be 1");
	} else {
		run(set_debugctl, DEBUGCTL_FREEZE_PERFMON);
		is(FACT("debugctl-no-save", "and not without it", "3C 28.3.1"), vmread(VMCS_GUEST_DEBUGCTL), 0);
	}
}

/* Counter 0 overflows in the guest */
static u64 guest_overflow(u32 pin, u32 exit, u32 lvtpc, void (*fn)(u64 arg))
{
	u64 reason;

	fresh(pin, 0, exit, 0);
	wrmsr(MSR_EVTSEL(0), INSN | SEL_INT);
	gp_write(0, -(u64)EARLY);
	apic_write(APIC_LVTPC, lvtpc);
	wrmsr(MSR_GLOBAL_CTRL, 1);
	reason = run(fn, TURNS);
	wrmsr(MSR_GLOBAL_CTRL, 0);
	return reason;
}

static void pmi_facts(void)
{
	is(FACT("pmi-guest", "a PMI in a guest that intercepts nothing is the guest's", "3C 26.2"),
	   guest_overflow(0, 0, VECTOR_PMI, irq_loop), EXIT_REASON_VMCALL);
	is(FACT("pmi-guest-vector", "by its own IDT", "3C 26.2"), pmi_log.vectors, 1);
	is(FACT("pmi-guest-status", "GLOBAL_STATUS is not touched by the exit", "3C 28.5.1"), rdmsr(MSR_STATUS), 1);
	is(FACT("pmi-extint", "with external-interrupt exiting it exits, reason 1", "3C 26.2"),
	   guest_overflow(PIN_EXTINT, EXIT_ACK_INT, VECTOR_PMI, loop_branches), EXIT_REASON_EXTINT);
	is(FACT("pmi-extint-info", "acknowledged, with its vector in the VMCS", "3C 28.2.2"),
	   vmread(VMCS_EXIT_INT_INFO), PMI_INFO);
	is(FACT("pmi-extint-lvtpc", "and LVTPC masked", "3A 11.5.1"), apic_read(APIC_LVTPC),
	   LVT_MASKED | VECTOR_PMI);
	apic_write(APIC_EOI, 0);
	is(FACT("pmi-nmi-exits", "with NMI exiting an NMI-mode PMI exits, reason 0", "3C 26.2"),
	   guest_overflow(PIN_NMI, 0, LVT_NMI, loop_branches), EXIT_REASON_NMI);
	is(FACT("pmi-nmi-info", "described as an NMI", "3C 28.2.2"), vmread(VMCS_EXIT_INT_INFO), NMI_INFO);
	is(FACT("pmi-nmi-not-taken", "and not delivered in the guest", "3C 26.2"), pmi_log.nmis, 0);
	nmi_unblock();
	is(FACT("pmi-nmi-guest", "without NMI exiting it is the guest's", "3C 26.2"),
	   guest_overflow(0, 0, LVT_NMI, loop_branches), EXIT_REASON_VMCALL);
	is(FACT("pmi-nmi-guest-once", "once", "3C 26.2"), pmi_log.nmis, 1);
}

/* A PMI that the host got but, with IF clear, has not taken when it enters the guest */
static void pending_facts(void)
{
	fresh(PIN_EXTINT, 0, EXIT_ACK_INT, 0);
	wrmsr(MSR_EVTSEL(0), INSN | SEL_INT);
	gp_write(0, -(u64)EARLY);
	apic_write(APIC_LVTPC, VECTOR_PMI);
	run_counted(MSR_GLOBAL_CTRL, 1, loop_branches, TURNS);
	is(FACT("pmi-at-entry", "a PMI that waits in IRR at the entry exits at once, reason 1", "3C 26.2"),
	   run(read_msr, MSR_PMC(0)), EXIT_REASON_EXTINT);
	is(FACT("pmi-at-entry-first", "before the guest's first instruction", "3C 27.7"), guest_saw, ~0ul);
	apic_write(APIC_EOI, 0);
}

/* Freezing works in a guest as it does outside: by its own DEBUGCTL. */
static void freeze_facts(void)
{
	fresh(0, 0, 0, ENTRY_LOAD_DEBUG);
	vmwrite(VMCS_GUEST_DEBUGCTL, DEBUGCTL_FREEZE_PERFMON);
	wrmsr(MSR_EVTSEL(0), INSN | SEL_INT);
	gp_write(0, -(u64)EARLY);
	apic_write(APIC_LVTPC, VECTOR_PMI);
	wrmsr(MSR_GLOBAL_CTRL, 1);
	run(irq_loop, TURNS);
	holds(FACT("freeze-guest", "a PMI in a guest freezes by the DEBUGCTL that the entry loaded", "3B 18.4.7"),
	      pmis() == 1 && rdmsr(MSR_PMC(0)) < TURNS);
	if (pmu.version < 4)
		is(FACT("freeze-guest-how", "GLOBAL_CTRL is 0 after it (version 3), or CTR_Frz set (4 on)",
			"3B 18.4.7"), rdmsr(MSR_GLOBAL_CTRL), 0);
	else
		is(FACT("freeze-guest-how", "GLOBAL_CTRL is 0 after it (version 3), or CTR_Frz set (4 on)",
			"3B 18.4.7"), rdmsr(MSR_STATUS), CTR_FRZ | 1);
}

/**
 * vmx_facts() - all facts of this file
 */
void vmx_facts(void)
{
	const char *why = vmx_on();

	section("VMX");
	if (why) {
		skip(FACT("vmx", "the PMU under VMX", "3C 25 to 28"), why);
		return;
	}
	is(FACT("vmx-cap-save", "the save control of the exit comes with the load controls only", "3D A.4"),
	   vmx_may_exit(EXIT_SAVE_GLOBAL_CTRL) && !vmx_may_enter(ENTRY_LOAD_GLOBAL_CTRL), 0);
	entry_load_facts();
	exit_load_facts();
	exit_save_facts();
	count_facts();
	rdpmc_facts();
	bitmap_facts();
	list_facts();
	debugctl_facts();
	pmi_facts();
	pending_facts();
	freeze_facts();
	intel_lbr_vmx_facts();
	intel_pebs_vmx_facts();
	pmu_reset();
}
