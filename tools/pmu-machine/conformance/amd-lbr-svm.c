// SPDX-License-Identifier: GPL-2.0-only
/* Facts of AMD's branch records under SVM: shared by host and guest, or virtualized. */
#include "amd.h"
#include "amd-lbr.h"
#include "svm.h"

#define SVM_LBR_VIRT		BIT(1)	/* CPUID 8000_000AH:EDX */

/* Offsets in the VMCB (APM 2 appendix B) */
#define VMCB_LBR_VIRT		0x0b8
#define VMCB_DEBUGCTL		0x670
#define VMCB_BR_FROM		0x678
#define VMCB_DEBUG_EXTN		0x698
#define VMCB_STACK		0xa70
#define VMCB_SELECT		0xb70


extern u8 svm_guest_entry[], svm_guest_end[];

static volatile u64 guest_saw;

static void read_msr(u64 msr)
{
	guest_saw = rdmsr(msr);
}

static void record_walk(u64 unused)
{
	(void)unused;
	run_counted(MSR_DEBUG_EXTN, DEBUG_EXTN_LBRS, walk, 0);
}

static void run(void (*fn)(u64 arg), u64 arg)
{
	svm_run(fn, arg);
	stgi();
}

static void fresh(bool virtualize)
{
	pmu_reset();
	wrmsr(MSR_DEBUGCTL, 0);
	guest_saw = ~0ul;
	svm_prepare(0, 0);
	svm_put(VMCB_LBR_VIRT, virtualize);
}

static void shared_facts(void)
{
	fresh(false);
	svm_put(VMCB_DEBUGCTL, 0);
	wrmsr(MSR_DEBUGCTL, DEBUGCTL_LBR);
	run(read_msr, MSR_DEBUGCTL);
	is(FACT("lbr-svm-shared", "without LBR virtualization host and guest share DebugCtl", "APM 2 15.23"),
	   guest_saw == DEBUGCTL_LBR && rdmsr(MSR_DEBUGCTL) == DEBUGCTL_LBR, 1);
	is(FACT("lbr-svm-no-save", "and the VMCB is not written", "APM 2 15.23"), svm_get(VMCB_DEBUGCTL), 0);
	wrmsr(MSR_DEBUGCTL, 0);
}

static void virtual_facts(void)
{
	fresh(true);
	svm_put(VMCB_DEBUGCTL, DEBUGCTL_LBR);
	run(walk, 0);
	is(FACT("lbr-svm-guest", "with it VMRUN loads DebugCtl, and #VMEXIT saves the guest's last branch",
		"APM 2 15.23"), svm_get(VMCB_BR_FROM) == walk_branches[WALK_LAST].from &&
	   svm_get(VMCB_BR_FROM + 8) == (u64)svm_guest_end, 1);
	is(FACT("lbr-svm-host", "and the host has its own DebugCtl back", "APM 2 15.23"), rdmsr(MSR_DEBUGCTL), 0);
	is(FACT("lbr-svm-host-last", "and its own last branch", "APM 2 15.23"),
	   rdmsr(MSR_BR_FROM + 1) != (u64)svm_guest_end, 1);
	fresh(true);
	svm_put(VMCB_BR_FROM, 0x4711);
	run(read_msr, MSR_BR_FROM);
	is(FACT("lbr-svm-load", "the guest reads the last branch of its VMCB", "APM 2 15.23"), guest_saw, 0x4711);
}

/* Entry @i of the stack in the VMCB, without its flags */
static struct branch saved(u32 i)
{
	return (struct branch){
		.from = svm_get(VMCB_STACK + 16 * i) & ~BIT(63),
		.to = svm_get(VMCB_STACK + 16 * i + 8) & ~BIT(63),
	};
}

/* Does the VMCB hold walk() as a guest's? */
static u64 saved_differs(void)
{
	u32 i;

	for (i = 0; i <= WALK_LAST; i++) {
		struct branch want = walk_branches[WALK_LAST - i], got = saved(i);

		if (i == 0)
			want.to = (u64)svm_guest_end;
		if (i == WALK_LAST)
			want.from = (u64)svm_guest_entry;
		if (got.from != want.from || got.to != want.to)
			return i + 1;
	}
	return 0;
}

static void stack_facts(void)
{
	lbr_all(&amd_lbr);
	amd_lbr.clear();
	fresh(false);
	run(record_walk, 0);
	is(FACT("lbr-svm-stack-shared", "without it what the guest records is in the host's stack", "APM 2 15.23"),
	   lbr_differs(&amd_lbr, LIST(walk), EVERY_BRANCH, true, true), 0);
	amd_lbr.clear();
	fresh(true);
	svm_put(VMCB_DEBUG_EXTN, DEBUG_EXTN_LBRS);
	svm_put(VMCB_SELECT, 0);
	run(walk, 0);
	is(FACT("lbr-svm-stack", "with it the guest's stack is saved in the VMCB", "APM 2 15.23.1"),
	   saved_differs(), 0);
	is(FACT("lbr-svm-stack-off", "and DebugExtnCtl is the host's again: nothing of it is recorded",
		"APM 2 15.23.1"), rdmsr(MSR_DEBUG_EXTN), 0);
	fresh(true);
	svm_put(VMCB_STACK, 0x1234);
	svm_put(VMCB_STACK + 8, BIT(63) | 0x5678);
	svm_put(VMCB_SELECT, 0x1f);
	run(read_msr, MSR_LBR_STACK + 1);
	is(FACT("lbr-svm-stack-load", "VMRUN loads the stack", "APM 2 15.23.1"), guest_saw, BIT(63) | 0x5678);
	run(read_msr, MSR_LBR_SELECT);
	is(FACT("lbr-svm-select-load", "and its filter", "APM 2 15.23.1"), guest_saw, 0x1f);
	amd_lbr.clear();
	lbr_all(&amd_lbr);
}

/**
 * amd_lbr_svm_facts() - all facts of this file, with EFER.SVME set
 */
void amd_lbr_svm_facts(void)
{
	section("branch records and SVM");
	shared_facts();
	if (!(cpuid(0x8000000a, 0).edx & SVM_LBR_VIRT)) {
		skip(FACT("lbr-svm-guest", "LBR virtualization", "APM 2 15.23"), "not offered");
		return;
	}
	virtual_facts();
	if (amd_lbr.depth)
		stack_facts();
	else
		skip(FACT("lbr-svm-stack", "LBR virtualization of the LBR stack", "APM 2 15.23.1"), "no LBR stack");
}
