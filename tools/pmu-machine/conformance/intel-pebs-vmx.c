// SPDX-License-Identifier: GPL-2.0-only
/* Facts of PEBS under VMX: its registers by the MSR lists, and records that run into EPT. */
#include "intel-pebs.h"
#include "vmx.h"

#define COUNTER			2
#define INSN			(EVENT_INSN | SEL_EN | SEL_OS)
#define PERIOD			100
#define TURNS			200
#define CFG			PEBS_CFG_GPRS

extern u8 vmx_guest_entry[], vmx_guest_end[];

static struct vmx_msr entry_list[3] __aligned(16), exit_list[1] __aligned(16);
static volatile u64 guest_saw;
static u64 before;	/* events of the guest ahead of ladder()'s first turn */

/* Guest code */

static void read_msr(u64 msr)
{
	guest_saw = rdmsr(msr);
}

static void read_memory(u64 address)
{
	guest_saw = *(volatile u64 *)address;
}

/* Host side */

/* The counter and PEBS run in the guest alone. */
static void prepare_vmcs(void)
{
	vmx_prepare(0, CPU_SECONDARY, EXIT_LOAD_GLOBAL_CTRL, ENTRY_LOAD_GLOBAL_CTRL);
	vmx_ept_on();
	vmwrite(VMCS_GUEST_GLOBAL_CTRL, BIT(COUNTER));
	vmwrite(VMCS_HOST_GLOBAL_CTRL, 0);
	entry_list[0] = (struct vmx_msr){ .index = MSR_PEBS_ENABLE, .value = BIT(COUNTER) };
	entry_list[1] = (struct vmx_msr){ .index = MSR_DS_AREA, .value = WINDOW };
	entry_list[2] = (struct vmx_msr){ .index = MSR_PEBS_DATA_CFG, .value = CFG };
	exit_list[0] = (struct vmx_msr){ .index = MSR_PEBS_ENABLE };
	vmwrite(VMCS_ENTRY_LOAD_ADDR, (u64)entry_list);
	vmwrite(VMCS_ENTRY_LOAD_COUNT, pebs_adaptive() ? 3 : 2);
	vmwrite(VMCS_EXIT_LOAD_ADDR, (u64)exit_list);
	vmwrite(VMCS_EXIT_LOAD_COUNT, 1);
}

static void fresh(void)
{
	pebs_fresh(0);
	pebs_gp(COUNTER, INSN, PERIOD);
	wrmsr(MSR_DS_AREA, 0);
	if (pebs_adaptive())
		wrmsr(MSR_PEBS_DATA_CFG, 0);
	prepare_vmcs();
}

static u64 exit_reason(int failed)
{
	return failed ? BIT(62) | failed : vmread(VMCS_EXIT_REASON);
}

static u64 run(void (*fn)(u64 arg), u64 arg)
{
	return exit_reason(vmx_run(fn, arg));
}

static void list_facts(void)
{
	fresh();
	run(read_msr, MSR_PEBS_ENABLE);
	is(FACT("pebs-vmx-enable", "the entry's MSR list loads PEBS_ENABLE", "3C 27.4"), guest_saw, BIT(COUNTER));
	is(FACT("pebs-vmx-enable-off", "and the exit's clears it", "3C 28.6"), rdmsr(MSR_PEBS_ENABLE), 0);
	fresh();
	run(read_msr, MSR_DS_AREA);
	is(FACT("pebs-vmx-ds", "the entry's loads DS_AREA", "3C 27.4"), guest_saw, WINDOW);
	if (pebs_adaptive()) {
		fresh();
		run(read_msr, MSR_PEBS_DATA_CFG);
		is(FACT("pebs-vmx-cfg", "and PEBS_DATA_CFG", "3C 27.4"), guest_saw, CFG);
	}
	fresh();
	entry_list[0].value = BIT(pmu.gp);
	is(FACT("pebs-vmx-reserved", "a bit of PEBS_ENABLE that WRMSR would refuse fails the entry, reason 34",
		"3C 27.4"), run(read_msr, MSR_PEBS_ENABLE), EXIT_REASON_BAD_MSR);
	fresh();
	entry_list[1].value = BIT(63);
	is(FACT("pebs-vmx-canonical", "and so does a DS_AREA that is not canonical", "3C 27.4"),
	   run(read_msr, MSR_PEBS_ENABLE), EXIT_REASON_BAD_MSR);
}

static void root_facts(void)
{
	struct pebs_record r = { 0 };

	pebs_fresh(BIT(COUNTER));
	pebs_gp(COUNTER, INSN, PERIOD);
	run_counted(MSR_GLOBAL_CTRL, BIT(COUNTER), ladder, TURNS);
	pebs_record(BUFFER, &r);
	is(FACT("pebs-vmx-root", "in VMX root operation PEBS works as it does outside", "pebs.md 2"),
	   ladder_differs(ladder_number(&r, TURNS), PERIOD + 1, TURNS), 0);
}

static void guest_facts(void)
{
	struct pebs_record r = { 0 };
	u64 index;

	fresh();
	is(FACT("pebs-vmx-runs", "a guest with EPT runs and exits by VMCALL", "3C 28.1"), run(ladder, TURNS),
	   EXIT_REASON_VMCALL);
	pebs_record(BUFFER, &r);
	before = PERIOD + 1 - ladder_number(&r, TURNS);
	between(FACT("pebs-vmx-first", "its first event is its first instruction (VMLAUNCH itself aside)",
		     "3C 27.3.2.1"), before, 3, 4);
	is(FACT("pebs-vmx-guest", "its records are exact", "pebs.md 2"),
	   ladder_differs(PERIOD + 1 - before, PERIOD + 1, TURNS), 0);
	index = DS->index;
	run_counted(MSR_GLOBAL_CTRL, BIT(COUNTER), ladder, TURNS);
	is(FACT("pebs-vmx-host", "with PEBS_ENABLE 0 from the exit on nothing is written for the host",
		"pebs.md 1"), DS->index, index);
	is(FACT("pebs-vmx-host-overflow", "and the counter overflows", "3B 20.2.2"), rdmsr(MSR_STATUS), BIT(COUNTER));
	gp_write(COUNTER, 0);
	DS->index = BUFFER;
	run_counted(MSR_GLOBAL_CTRL, BIT(COUNTER), ladder, TURNS);
	is(FACT("pebs-vmx-armed-host", "nor if the counter is armed", "pebs.md 1"), DS->index, BUFFER);
	prepare_vmcs();
	run(ladder, TURNS);
	pebs_record(BUFFER, &r);
	is(FACT("pebs-vmx-armed-guest", "in the guest its first event then makes the record", "pebs.md 2"), r.ip,
	   (u64)vmx_guest_entry);
}

/* EPT has these rights to a page of the window. */
static void violate(u32 page, u64 rights)
{
	fresh();
	vmx_ept_set(pebs_window_page(page), rights);
}

/* The page gets its rights back. */
static void skid_fact(const struct fact *again, const struct fact *next)
{
	vmx_ept_set(pebs_window_page(1), EPT_ALL);
	is(again, exit_reason(vmx_resume()), EXIT_REASON_VMCALL);
	is(next, ladder_differs(PERIOD + 2 - before, PERIOD + 1, TURNS), 0);
}

static void unmapped_facts(void)
{
	violate(1, 0);
	is(FACT("pebs-ept", "a record in a page that EPT does not map is an EPT violation, reason 48",
		"pebs.md 17"), run(ladder, TURNS), EXIT_REASON_EPT);
	is(FACT("pebs-ept-asynchronous", "asynchronous to instruction execution, says its qualification",
		"3C table 28-7"), vmread(VMCS_EXIT_QUALIFICATION) & EPT_ASYNCHRONOUS, EPT_ASYNCHRONOUS);
	is(FACT("pebs-ept-physical", "of the buffer's guest-physical address", "3C 28.2.1"),
	   vmread(VMCS_GUEST_PHYSICAL), pebs_window_page(1));
	is(FACT("pebs-ept-linear", "and its linear one", "3C 28.2.1"), vmread(VMCS_GUEST_LINEAR), BUFFER);
	is(FACT("pebs-ept-where", "the guest stands behind the instruction that the record would have been of",
		"pebs.md 17"), vmread(VMCS_GUEST_RIP), ladder_ip(PERIOD + 1 - before + 1));
	is(FACT("pebs-ept-armed", "no record was made: the counter is armed", "pebs.md 17"),
	   rdmsr(MSR_STATUS) | (DS->index - BUFFER), BIT(COUNTER));
	skid_fact(FACT("pebs-ept-resumed", "with the page mapped the guest goes on to its end", "pebs.md 17"),
		  FACT("pebs-ept-skid", "and the record is of the next event, and so on from there", "pebs.md 17"));
}

static void read_only_facts(void)
{
	violate(1, EPT_READ | EPT_EXECUTE);
	is(FACT("pebs-ept-write", "so is one in a page that EPT does not let it write", "pebs.md 17"),
	   run(ladder, TURNS), EXIT_REASON_EPT);
	is(FACT("pebs-ept-write-what", "of a write", "3C table 28-7"),
	   vmread(VMCS_EXIT_QUALIFICATION) & (EPT_ASYNCHRONOUS | EPT_WRITE), EPT_ASYNCHRONOUS | EPT_WRITE);
	skid_fact(FACT("pebs-ept-write-resumed", "with the page writable the guest goes on to its end", "pebs.md 17"),
		  FACT("pebs-ept-write-skid", "and the record is of the next event, and so on from there",
		       "pebs.md 17"));
	violate(0, 0);
	is(FACT("pebs-ept-ds", "and one whose DS area EPT does not map", "pebs.md 17"), run(ladder, TURNS),
	   EXIT_REASON_EPT);
	is(FACT("pebs-ept-ds-what", "with the DS area's address", "3C 28.2.1"),
	   vmread(VMCS_GUEST_LINEAR) / PAGE << 17 | (vmread(VMCS_EXIT_QUALIFICATION) & EPT_ASYNCHRONOUS),
	   WINDOW / PAGE << 17 | EPT_ASYNCHRONOUS);
	skid_fact(FACT("pebs-ept-ds-resumed", "with the page mapped the guest goes on to its end", "pebs.md 17"),
		  FACT("pebs-ept-ds-skid", "and the record is of the next event, and so on from there",
		       "pebs.md 17"));
}

static void own_access_facts(void)
{
	violate(1, 0);
	is(FACT("pebs-ept-own", "an instruction's own access to such a page is an EPT violation", "3C 29.3.3.2"),
	   run(read_memory, BUFFER), EXIT_REASON_EPT);
	is(FACT("pebs-ept-own-bit", "that is not asynchronous", "3C table 28-7"),
	   vmread(VMCS_EXIT_QUALIFICATION) & EPT_ASYNCHRONOUS, 0);
}

/**
 * intel_pebs_vmx_facts() - all facts of this file, in VMX operation
 */
void intel_pebs_vmx_facts(void)
{
	const char *missing = vmx_ept_missing();

	section("PEBS and VMX");
	if (!msr_readable(MSR_PEBS_ENABLE))
		missing = "no PEBS";
	if (missing) {
		skip(FACT("pebs-vmx", "records of a guest", "pebs.md 17"), missing);
		return;
	}
	list_facts();
	root_facts();
	guest_facts();
	unmapped_facts();
	read_only_facts();
	own_access_facts();
	pebs_fresh(0);
}
