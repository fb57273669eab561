// SPDX-License-Identifier: GPL-2.0-only
/* Facts of AMD's core PMU: what there is, and the order in which it is looked at. */
#include "amd.h"
#include "amd-lbr.h"

struct pmu pmu;

static void enumerate(void)
{
	u32 ecx = cpuid(0x80000001, 0).ecx, nb = 0;

	pmu.ext = ecx & BIT(23);
	pmu.nb = ecx & BIT(24);
	pmu.l3 = ecx & BIT(28);
	pmu.counters = pmu.ext ? 6 : LEGACY_COUNTERS;
	if (cpuid(0x80000000, 0).eax >= 0x80000022) {
		struct cpuid leaf = cpuid(0x80000022, 0);

		pmu.v2 = leaf.eax & BIT(0);
		pmu.freeze = leaf.eax & BIT(2);
		if (leaf.ebx & 15)
			pmu.counters = leaf.ebx & 15;
		nb = leaf.ebx >> 10 & 63;
	}
	pmu.all = BIT(pmu.counters) - 1;
	/* APM 3 RDPMC: NB counters beyond the fourth follow the L3's */
	pmu.rdpmc_end = L3_RDPMC + L3_COUNTERS + (nb > NB_COUNTERS ? nb - NB_COUNTERS : 0);
}

/* A family 15h or later processor; the registers of K7 alone are not worth a program. */
static bool has_pmu(void)
{
	u32 family, model;

	cpu_family_model(&family, &model);
	return family >= 0x15 && pmu.ext && msr_readable(MSR_EXT_CTL(0));
}

/**
 * pmu_reset() - every counter stopped and 0, no status, LVTPC masked, no PMI seen
 */
void pmu_reset(void)
{
	u32 i;

	if (pmu.v2)
		wrmsr(MSR_GLOBAL_CTL, 0);
	for (i = 0; i < pmu.counters; i++) {
		wrmsr(ctl(i), 0);
		wrmsr(ctr(i), 0);
	}
	if (pmu.v2)
		wrmsr(MSR_STATUS_CLR, pmu.all | (pmu.freeze ? PMC_FRZ | LBR_FRZ : 0));
	if (pmu.freeze)
		wrmsr(MSR_DEBUGCTL, 0);
	apic_write(APIC_LVTPC, LVT_MASKED | VECTOR_PMI);
	pmi_hook = 0;
	pmi_clear();
}

/**
 * run_enabled() - run a function with one counter on: through GlobalCtl if there is one
 * @i:		the counter
 * @sel:	its selector
 * @fn:		what to run
 * @arg:	its argument
 */
void run_enabled(u32 i, u64 sel, void (*fn)(u64 arg), u64 arg)
{
	if (!pmu.v2) {
		run_counted(ctl(i), sel, fn, arg);
		return;
	}
	wrmsr(ctl(i), sel);
	run_counted(MSR_GLOBAL_CTL, BIT(i), fn, arg);
}

/**
 * count() - what a counter makes of a function
 * @i:		the counter
 * @sel:	its selector
 * @fn:		what to count, besides run_counted()'s own
 * @arg:	its argument
 *
 * Return: the count from 0
 */
u64 count(u32 i, u64 sel, void (*fn)(u64 arg), u64 arg)
{
	pmu_reset();
	run_enabled(i, sel, fn, arg);
	return rdmsr(ctr(i));
}

/**
 * grows() - how much MORE_TURNS of a loop add to TURNS of it: exact whatever starting and stopping counts
 * @i:		the counter
 * @sel:	its selector
 * @fn:		the loop
 *
 * Return: the difference
 */
u64 grows(u32 i, u64 sel, void (*fn)(u64 arg))
{
	u64 few = count(i, sel, fn, TURNS);

	return count(i, sel, fn, MORE_TURNS) - few;
}

/**
 * in_user() - n turns of a loop at CPL 3, as a function to count
 * @n:		turns
 */
void in_user(u64 n)
{
	user_run(user_loop, n, 0);
}

/**
 * in_user_syscalls() - n SYSCALLs from CPL 3, as a function to count
 * @n:		how many
 */
void in_user_syscalls(u64 n)
{
	user_run(user_syscalls, n, 0);
}

/**
 * in_hlt() - stand still, as a function to count
 * @ticks:	of the APIC timer
 */
void in_hlt(u64 ticks)
{
	hlt_for(ticks);
}

/**
 * main() - the program
 *
 * Return: 0 if no fact failed
 */
int main(void)
{
	u32 lvtpc = apic_init(), family, model;
	char vendor[13];

	cpu_vendor(vendor);
	cpu_family_model(&family, &model);
	enumerate();
	print("# AMD core PMU: %s, family 0x%lx model 0x%lx, %u counters%s%s%s%s%s\n", vendor, (u64)family,
	      (u64)model, pmu.counters, pmu.ext ? ", extended" : "", pmu.nb ? ", NB" : "", pmu.l3 ? ", L3" : "",
	      pmu.v2 ? ", PerfMonV2" : "", pmu.freeze ? ", freeze" : "");
	if (has_pmu()) {
		reset_facts(lvtpc);
		register_facts();
		counting_facts();
		overflow_facts();
		machine_facts();
		amd_lbr_facts();
		svm_facts();
	} else {
		skip(FACT("pmu", "the extended core counters", "APM 2 13.2.2"),
		     "CPUID or RDMSR knows no such PMU, nothing to check");
	}
	return report_end();
}
