// SPDX-License-Identifier: GPL-2.0-only
/* Facts of the PMU under SVM: host and guest counting, intercepts, interrupts and GIF. */
#include "amd.h"
#include "amd-lbr.h"
#include "svm.h"

#define EARLY		100
#define INSN		(EVENT_INSN | SEL_ALL)

static volatile u64 guest_saw;
static volatile int guest_fault;

/* Guest code */

static void read_msr(u64 msr)
{
	u64 value;

	guest_fault = rdmsr_safe(msr, &value);
	guest_saw = value;
}

static void read_counter(u64 index)
{
	u64 value;

	guest_fault = rdpmc_safe(index, &value);
	guest_saw = value;
}

/* Host side */

static void fresh(u32 intercepts, u64 rflags)
{
	pmu_reset();
	guest_saw = ~0ul;
	guest_fault = 0;
	svm_prepare(intercepts, rflags);
}

static u64 run(void (*fn)(u64 arg), u64 arg)
{
	u64 code = svm_run(fn, arg);

	stgi();
	return code;
}

/* As functions to count: a guest that loops, and as much in the host */
static void in_guest(u64 n)
{
	svm_run(loop_branches, n);
	stgi();
}

static u64 guest_grows(u64 sel)
{
	svm_prepare(0, 0);
	return grows(0, INSN | sel, in_guest);
}

static void host_guest_facts(void)
{
	section("host and guest counting");
	is(FACT("svm-works", "a guest runs and exits by VMMCALL", "APM 2 15.6"),
	   (fresh(0, 0), run(read_msr, ctl(0))), SVM_EXIT_VMMCALL);
	is(FACT("hg-none-host", "00b counts in the host", "APM 2 table 13-4"),
	   grows(0, INSN, loop_branches), 2 * GROWTH);
	is(FACT("hg-none-guest", "00b counts in the guest", "APM 2 table 13-4"), guest_grows(0), 2 * GROWTH);
	is(FACT("hg-guest-host", "01b counts nothing in the host", "APM 2 table 13-4"),
	   count(0, INSN | SEL_GUEST, loop_branches, TURNS), 0);
	is(FACT("hg-guest-guest", "01b counts in the guest, exactly", "APM 2 table 13-4"), guest_grows(SEL_GUEST),
	   2 * GROWTH);
	is(FACT("hg-host-host", "10b counts in the host", "APM 2 table 13-4"),
	   grows(0, INSN | SEL_HOST, loop_branches), 2 * GROWTH);
	is(FACT("hg-host-guest", "10b counts nothing of the guest", "APM 2 table 13-4"), guest_grows(SEL_HOST), 0);
	is(FACT("hg-both-host", "11b counts in the host", "APM 2 table 13-4"),
	   grows(0, INSN | SEL_HOST | SEL_GUEST, loop_branches), 2 * GROWTH);
	is(FACT("hg-both-guest", "11b counts in the guest", "APM 2 table 13-4"),
	   guest_grows(SEL_HOST | SEL_GUEST), 2 * GROWTH);
	svm_prepare(0, 0);
	is(FACT("hg-split", "01b and 10b counts of the same code add up to 00b's", "APM 2 table 13-4"),
	   count(0, INSN | SEL_HOST, in_guest, TURNS) + count(0, INSN | SEL_GUEST, in_guest, TURNS),
	   count(0, INSN, in_guest, TURNS));
	between(FACT("hg-guest-only", "01b counts the guest's instructions and no others (VMRUN and VMMCALL aside)",
		     "APM 2 table 13-4"), count(0, INSN | SEL_GUEST, in_guest, TURNS), 2 * TURNS + 3,
		2 * TURNS + 5);
	is(FACT("hg-usr", "01b goes together with USR: nothing at the guest's CPL 0", "APM 2 13.2.1"),
	   count(0, (INSN | SEL_GUEST) & ~SEL_OS, in_guest, TURNS), 0);
}

static void no_svme_facts(void)
{
	svm_off();
	is(FACT("no-svme-none", "EFER.SVME = 0: 00b counts", "APM 2 table 13-4"),
	   grows(0, INSN, loop_branches), 2 * GROWTH);
	is(FACT("no-svme-guest", "01b stands still", "APM 2 table 13-4"),
	   count(0, INSN | SEL_GUEST, loop_branches, TURNS), 0);
	is(FACT("no-svme-host", "10b stands still", "APM 2 table 13-4"),
	   count(0, INSN | SEL_HOST, loop_branches, TURNS), 0);
	is(FACT("no-svme-both", "11b stands still", "APM 2 table 13-4"),
	   count(0, INSN | SEL_HOST | SEL_GUEST, loop_branches, TURNS), 0);
	svm_on();
}

static void access_facts(void)
{
	section("a guest's access");
	fresh(0, 0);
	wrmsr(ctr(0), 0x4711);
	run(read_msr, ctr(0));
	is(FACT("guest-msr", "without an intercept the guest reads the host's counter by MSR", "APM 2 15.11"),
	   guest_saw, 0x4711);
	fresh(0, 0);
	wrmsr(ctr(0), 0x4711);
	run(read_counter, 0);
	is(FACT("guest-rdpmc", "and by RDPMC", "APM 2 15.9"), guest_saw, 0x4711);
	fresh(SVM_RDPMC, 0);
	is(FACT("rdpmc-intercept", "the RDPMC intercept exits, code 6Fh", "APM 2 15.9"), run(read_counter, 0),
	   SVM_EXIT_RDPMC);
	fresh(0, 0);
	run(read_counter, pmu.rdpmc_end);
	is(FACT("guest-rdpmc-gp", "an index beyond all is the guest's #GP", "APM 3 RDPMC"), guest_fault, VECTOR_GP);
	fresh(SVM_MSR_PROT, 0);
	svm_intercept_msr(ctl(0));
	is(FACT("msr-intercept", "a selector whose bits are set in the MSR map exits, code 7Ch", "APM 2 15.11"),
	   run(read_msr, ctl(0)), SVM_EXIT_MSR);
	is(FACT("msr-intercept-read", "EXITINFO1 says RDMSR", "APM 2 15.11"), svm_exit_info1(), 0);
	fresh(SVM_MSR_PROT, 0);
	svm_intercept_msr(ctl(0));
	is(FACT("msr-intercept-other", "its neighbour does not", "APM 2 15.11"), run(read_msr, ctl(1)),
	   SVM_EXIT_VMMCALL);
	fresh(0, 0);
	wrmsr(ctl(1), EVENT_BRANCH);
	if (pmu.v2)
		wrmsr(MSR_GLOBAL_CTL, 2);
	run(read_msr, ctl(1));
	is(FACT("vmrun-keeps", "VMRUN and #VMEXIT leave selectors alone", "APM 2 15.5"),
	   guest_saw == EVENT_BRANCH && rdmsr(ctl(1)) == EVENT_BRANCH, 1);
	if (pmu.v2)
		is(FACT("vmrun-keeps-global", "and GlobalCtl", "APM 2 15.5"), rdmsr(MSR_GLOBAL_CTL), 2);
	else
		skip(FACT("vmrun-keeps-global", "and GlobalCtl", "APM 2 15.5"), "no PerfMonV2");
}

/* Counter 0 overflows in a guest; GIF stays 0 */
static u64 guest_overflow(u32 intercepts, u64 rflags, u32 lvtpc)
{
	u64 code;

	fresh(intercepts, rflags);
	wrmsr(ctr(0), -(u64)EARLY & COUNTER_MASK);
	apic_write(APIC_LVTPC, lvtpc);
	wrmsr(ctl(0), INSN | SEL_INT | SEL_GUEST);
	if (pmu.v2)
		wrmsr(MSR_GLOBAL_CTL, 1);
	code = svm_run(loop_branches, TURNS);
	wrmsr(ctl(0), 0);
	return code;
}

static void pmi_facts(void)
{
	section("interrupts in a guest, and GIF");
	is(FACT("pmi-guest", "a PMI that nothing intercepts is the guest's", "APM 2 15.21.1"),
	   guest_overflow(0, RFLAGS_IF, VECTOR_PMI), SVM_EXIT_VMMCALL);
	is(FACT("pmi-guest-vector", "by its own IDT", "APM 2 15.21.1"), pmi_log.vectors, 1);
	stgi();
	is(FACT("pmi-intr", "with the INTR intercept it exits, code 60h", "APM 2 15.13.1"),
	   guest_overflow(SVM_INTR, RFLAGS_IF, VECTOR_PMI), SVM_EXIT_INTR);
	is(FACT("pmi-intr-pending", "still pending", "APM 2 15.13.1"), apic_requested(VECTOR_PMI), 1);
	stgi();
	irq_on();
	irq_off();
	is(FACT("pmi-intr-host", "and then taken by the host", "APM 2 15.13.1"), pmi_log.vectors, 1);
	is(FACT("pmi-nmi-exits", "with the NMI intercept an NMI-mode PMI exits, code 61h", "APM 2 15.13.2"),
	   guest_overflow(SVM_NMI, 0, LVT_NMI), SVM_EXIT_NMI);
	is(FACT("pmi-nmi-gif", "GIF = 0 after the exit holds it", "APM 2 15.17"), pmi_log.nmis, 0);
	stgi();
	is(FACT("pmi-nmi-stgi", "STGI lets the host take it", "APM 2 15.17"), pmi_log.nmis, 1);
	guest_overflow(0, 0, LVT_NMI);
	is(FACT("pmi-nmi-guest", "without the intercept it is the guest's", "APM 2 15.21.1"), pmi_log.nmis, 1);
	stgi();
	is(FACT("pmi-nmi-once", "once", "APM 2 15.21.1"), pmi_log.nmis, 1);
}

/* A PMI that the host got but, with IF clear, has not taken when it enters the guest */
static void pending_facts(void)
{
	fresh(SVM_INTR, RFLAGS_IF);
	wrmsr(ctr(0), -(u64)EARLY & COUNTER_MASK);
	apic_write(APIC_LVTPC, VECTOR_PMI);
	run_enabled(0, INSN | SEL_INT, loop_branches, TURNS);
	is(FACT("pmi-at-entry", "a PMI that waits in IRR at VMRUN exits at once, code 60h", "APM 2 15.13.1"),
	   run(read_msr, ctr(0)), SVM_EXIT_INTR);
	is(FACT("pmi-at-entry-first", "before the guest's first instruction", "APM 2 15.13.1"), guest_saw, ~0ul);
	irq_on();
	irq_off();
	is(FACT("pmi-at-entry-host", "and the host takes it", "APM 2 15.13.1"), pmi_log.vectors, 1);
}

static void gif_facts(void)
{
	pmu_reset();
	wrmsr(ctr(0), -(u64)EARLY & COUNTER_MASK);
	apic_write(APIC_LVTPC, LVT_NMI);
	clgi();
	run_enabled(0, INSN | SEL_INT, loop_branches, TURNS);
	is(FACT("gif-holds", "CLGI holds an NMI-mode PMI", "APM 2 15.17"), pmi_log.nmis, 0);
	holds(FACT("gif-counts", "while counting goes on", "APM 2 15.17"), rdmsr(ctr(0)) > TURNS &&
	      rdmsr(ctr(0)) < 3 * TURNS);
	stgi();
	is(FACT("gif-releases", "STGI releases it", "APM 2 15.17"), pmi_log.nmis, 1);
}

/**
 * svm_facts() - all facts of this file
 */
void svm_facts(void)
{
	const char *why = svm_on();

	if (why) {
		section("SVM");
		skip(FACT("svm", "the PMU under SVM", "APM 2 15"), why);
		return;
	}
	host_guest_facts();
	no_svme_facts();
	access_facts();
	pmi_facts();
	pending_facts();
	gif_facts();
	amd_lbr_svm_facts();
	pmu_reset();
}
