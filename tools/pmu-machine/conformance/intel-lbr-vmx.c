// SPDX-License-Identifier: GPL-2.0-only
/* Facts of Intel's branch records under VMX: what entries and exits do to the enable bit, and what is recorded. */
#include "intel.h"
#include "intel-lbr.h"
#include "vmx.h"

#define INJECT_INTERRUPT	(0x80000000ul | VECTOR_BARE)
#define INJECT_DB		(0x80000300ul | VECTOR_DB)
#define MAX_LIST		16

extern u8 vmx_guest_entry[], vmx_guest_end[];

static volatile u64 guest_saw;

/* walk()'s branches as a guest's, behind @n that come before */
static u32 guest_list(struct branch *list, u32 n)
{
	const struct branch *b;

	for (b = walk_branches; b < walk_branches_end; b++)
		list[n++] = *b;
	list[n - (walk_branches_end - walk_branches)].from = (u64)vmx_guest_entry;
	list[n - 1].to = (u64)vmx_guest_end;
	return n;
}

/* Are these the newest: what came before it, and the guest's walk()? */
static u64 guest_differs(const struct branch *before, u32 n)
{
	struct branch list[MAX_LIST];
	u32 i;

	for (i = 0; i < n; i++)
		list[i] = before[i];
	return lbr_newest_differ(&intel_lbr, list, guest_list(list, n));
}

static void read_control(u64 msr)
{
	guest_saw = rdmsr(msr);
}

static void fresh(u32 exit, u32 entry)
{
	pmu_reset();
	lbr_all(&intel_lbr);
	intel_lbr.clear();
	guest_saw = ~0ul;
	vmx_prepare(0, 0, exit, entry);
}

static u64 run(void (*fn)(u64 arg), u64 arg)
{
	int failed = vmx_run(fn, arg);

	return failed ? BIT(62) | failed : vmread(VMCS_EXIT_REASON);
}

/* A guest that an entry starts to record */
static void prepare_guest(u64 injected)
{
	if (lbr_is_arch()) {
		fresh(EXIT_CLEAR_LBR_CTL, ENTRY_LOAD_LBR_CTL);
		vmwrite(VMCS_GUEST_LBR_CTL, intel_lbr.on);
	} else {
		fresh(0, ENTRY_LOAD_DEBUG);
		vmwrite(VMCS_GUEST_DEBUGCTL, intel_lbr.on);
	}
	vmwrite(VMCS_ENTRY_INT_INFO, injected);
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
}

static void record_facts(void)
{
	const struct branch event[] = {
		{ (u64)vmx_guest_entry, (u64)bare_return, BRANCH_FAR, 0 },
		{ (u64)bare_return, (u64)vmx_guest_entry, BRANCH_FAR, 0 },
	};

	prepare_guest(0);
	run(walk, 0);
	is(FACT("lbr-guest", "what an entry switches on and an exit off records the guest, and neither of the two",
		"3C 27.3.2.1, 28.5.1"), guest_differs(0, 0), 0);
	set_vector(VECTOR_BARE, bare_return);
	prepare_guest(INJECT_INTERRUPT);
	run(walk, 0);
	set_vector(VECTOR_BARE, 0);
	is(FACT("lbr-inject", "an injected event is recorded", "3C 27.6.1.1"), guest_differs(event, 2), 0);
	set_vector(VECTOR_DB, bare_return);
	prepare_guest(INJECT_DB);
	run(walk, 0);
	set_vector(VECTOR_DB, 0);
	is(FACT("lbr-inject-db", "so is an injected #DB, which does not switch recording off", "3C 27.6.1.1"),
	   guest_differs(event, 2), 0);
}

/* A #DB of the guest that exits: it has changed nothing then. */
static void debug_exit_facts(void)
{
	struct branch list[] = {
		{ (u64)vmx_guest_entry, (u64)step, BRANCH_CALL_IND, 0 }, step_branches[1],
	};
	u64 field = lbr_is_arch() ? VMCS_GUEST_LBR_CTL : VMCS_GUEST_DEBUGCTL;

	prepare_guest(0);
	if (!lbr_is_arch())
		vmwrite(VMCS_EXIT_CONTROLS, vmread(VMCS_EXIT_CONTROLS) | EXIT_SAVE_DEBUG);
	vmwrite(VMCS_EXCEPTION_BITMAP, BIT(VECTOR_DB));
	is(FACT("lbr-db-exit", "a #DB that is intercepted exits, reason 0", "3C 26.2"), run(step, intel_lbr.msr),
	   EXIT_REASON_NMI);
	is(FACT("lbr-db-exit-keeps", "and leaves recording enabled in the guest's state", "3C 28.1"),
	   vmread(field) & LBR_EN, LBR_EN);
	is(FACT("lbr-db-exit-record", "and no record", "3C 28.1"), lbr_newest_differ(&intel_lbr, list, 2), 0);
}

static void legacy_control_facts(void)
{
	fresh(0, 0);
	if (vmread(VMCS_ENTRY_CONTROLS) & ENTRY_LOAD_DEBUG) {
		skip(FACT("lbr-no-load", "without the entry control the host's recording goes on in the guest",
			  "3C 27.3.2.1"), "the control must be 1");
	} else {
		wrmsr(MSR_DEBUGCTL, LBR_EN);
		run(walk, 0);
		is(FACT("lbr-no-load", "without the entry control the host's recording goes on in the guest",
			"3C 27.3.2.1"), guest_differs(0, 0), 0);
	}
	is(FACT("lbr-exit", "every exit switches recording off", "3C 28.5.1"), rdmsr(MSR_DEBUGCTL), 0);
	is(FACT("lbr-field", "the VMCS has no field for IA32_LBR_CTL without architectural LBRs", "3D B"),
	   vmwrite_safe(VMCS_GUEST_LBR_CTL, 0), 0);
	is(FACT("lbr-controls", "and the controls for it can't be 1", "3D A"),
	   vmx_may_enter(ENTRY_LOAD_LBR_CTL) || vmx_may_exit(EXIT_CLEAR_LBR_CTL), 0);
}

static void arch_entry_facts(void)
{
	const u64 on = intel_lbr.on;

	is(FACT("lbr-controls", "architectural LBRs come with controls to load and clear IA32_LBR_CTL", "3D A"),
	   vmx_may_enter(ENTRY_LOAD_LBR_CTL) && vmx_may_exit(EXIT_CLEAR_LBR_CTL), 1);
	fresh(0, ENTRY_LOAD_LBR_CTL);
	vmwrite(VMCS_GUEST_LBR_CTL, on & ~LBR_EN);
	run(read_control, MSR_LBR_CTL);
	is(FACT("lbr-ctl-load", "the entry control loads IA32_LBR_CTL", "3C 27.3.2.1"), guest_saw, on & ~LBR_EN);
	is(FACT("lbr-ctl-stays", "which stays so after the exit without the exit control", "3C 28.5.1"),
	   rdmsr(MSR_LBR_CTL), on & ~LBR_EN);
	fresh(0, 0);
	vmwrite(VMCS_GUEST_LBR_CTL, BIT(1));
	wrmsr(MSR_LBR_CTL, BIT(2));
	run(read_control, MSR_LBR_CTL);
	is(FACT("lbr-ctl-no-load", "without the entry control the guest sees the host's", "3C 27.3.2.1"),
	   guest_saw, BIT(2));
	fresh(0, ENTRY_LOAD_LBR_CTL);
	vmwrite(VMCS_GUEST_LBR_CTL, BIT(4));
	is(FACT("lbr-ctl-reserved", "a reserved bit in the field fails the entry, reason 33", "3C 27.3.1.1"),
	   run(read_control, MSR_LBR_CTL), EXIT_REASON_BAD_GUEST);
	fresh(0, 0);
	vmwrite(VMCS_GUEST_LBR_CTL, BIT(4));
	is(FACT("lbr-ctl-unchecked", "without the entry control it is not checked", "3C 27.3.1.1"),
	   run(read_control, MSR_LBR_CTL), EXIT_REASON_VMCALL);
}

static void arch_exit_facts(void)
{
	fresh(0, 0);
	vmwrite(VMCS_GUEST_LBR_CTL, BIT(1));
	wrmsr(MSR_LBR_CTL, BIT(2));
	run(read_control, MSR_LBR_CTL);
	is(FACT("lbr-ctl-save", "every exit saves the guest's, whatever the controls are", "3C 28.3.1"),
	   vmread(VMCS_GUEST_LBR_CTL), BIT(2));
	fresh(EXIT_CLEAR_LBR_CTL, 0);
	wrmsr(MSR_LBR_CTL, BIT(2));
	run(read_control, MSR_LBR_CTL);
	is(FACT("lbr-ctl-clear", "the exit control clears the register", "3C 28.5.1"), rdmsr(MSR_LBR_CTL), 0);
	is(FACT("lbr-ctl-save-first", "after it was saved", "3C 28.5.1"), vmread(VMCS_GUEST_LBR_CTL), BIT(2));
	fresh(EXIT_CLEAR_LBR_CTL, 0);
	wrmsr(MSR_LBR_CTL, intel_lbr.on);
	run(walk, 0);
	is(FACT("lbr-no-load", "without the entry control the host's recording goes on in the guest",
		"3C 27.3.2.1"), guest_differs(0, 0), 0);
	fresh(0, ENTRY_LOAD_LBR_CTL);
	vmwrite(VMCS_GUEST_LBR_CTL, intel_lbr.on);
	run(walk, 0);
	wrmsr(MSR_LBR_CTL, 0);
	holds(FACT("lbr-no-clear", "and without the exit control the guest's in the host", "3C 28.5.1"),
	      guest_differs(0, 0));
}

/**
 * intel_lbr_vmx_facts() - all facts of this file, in VMX operation
 */
void intel_lbr_vmx_facts(void)
{
	section("branch records and VMX");
	if (!intel_lbr.depth) {
		skip(FACT("lbr-guest", "records of a guest", "3C 27, 28"), "no branch records");
		return;
	}
	record_facts();
	debug_exit_facts();
	if (lbr_is_arch()) {
		arch_entry_facts();
		arch_exit_facts();
	} else {
		legacy_control_facts();
	}
	intel_lbr.clear();
}
