// SPDX-License-Identifier: GPL-2.0-only
/* Facts of Intel's core PMU: what there is, and the order in which it is looked at. */
#include "intel.h"
#include "intel-lbr.h"
#include "intel-pebs.h"

struct pmu pmu;

static void enumerate(void)
{
	struct cpuid leaf = cpuid(0xa, 0);
	u32 family, length;

	pmu.version = leaf.eax & 0xff;
	pmu.gp = leaf.eax >> 8 & 0xff;
	pmu.width = leaf.eax >> 16 & 0xff;
	length = leaf.eax >> 24;
	pmu.events = ~leaf.ebx & low_bits(length);
	pmu.fixed_width = leaf.edx >> 5 & 0xff;
	/* 20.2.5.2: supported if ECX has its bit or EDX[4:0] exceeds its number; only version 5 has the bitmap */
	while (pmu.fixed < 16 && ((leaf.edx & 0x1f) > pmu.fixed ||
				  (pmu.version >= 5 && leaf.ecx & BIT(pmu.fixed))))
		pmu.fixed++;
	pmu.no_any = leaf.edx & BIT(15);
	pmu.gp_mask = low_bits(pmu.gp);
	pmu.all = pmu.gp_mask | low_bits(pmu.fixed) << 32;
	if (cpuid(1, 0).ecx & BIT(15))
		rdmsr_safe(MSR_PERF_CAPS, &pmu.caps);
	cpu_family_model(&family, &pmu.model);
	if (family != 6)
		pmu.model = 0;
}

/**
 * pmu_reset() - every counter stopped and 0, nothing selected, no status, LVTPC masked, no PMI seen
 */
void pmu_reset(void)
{
	u32 i;

	wrmsr(MSR_GLOBAL_CTRL, 0);
	wrmsr(MSR_FIXED_CTRL, 0);
	for (i = 0; i < pmu.gp; i++) {
		wrmsr(MSR_EVTSEL(i), 0);
		wrmsr(MSR_PMC(i), 0);
	}
	for (i = 0; i < pmu.fixed; i++)
		wrmsr(MSR_FIXED(i), 0);
	wrmsr(MSR_STATUS_RESET, pmu.all | (pmu.version >= 4 ? CTR_FRZ | LBR_FRZ : 0));
	wrmsr(MSR_DEBUGCTL, 0);
	apic_write(APIC_LVTPC, LVT_MASKED | VECTOR_PMI);
	pmi_hook = 0;
	pmi_clear();
}

/**
 * gp_write() - set a general-purpose counter, in full width where that is possible
 * @i:		which
 * @value:	cut to the counter's width
 */
void gp_write(u32 i, u64 value)
{
	if (pmu.caps & CAPS_FW_WRITE)
		wrmsr(MSR_PMC_FULL(i), value & low_bits(pmu.width));
	else
		wrmsr(MSR_PMC(i), value);
}

/**
 * gp_run() - what a general-purpose counter makes of a function
 * @i:		which
 * @sel:	its selector
 * @fn:		what to count, besides run_counted()'s own
 * @arg:	its argument
 *
 * Return: the count from 0
 */
u64 gp_run(u32 i, u64 sel, void (*fn)(u64 arg), u64 arg)
{
	pmu_reset();
	wrmsr(MSR_EVTSEL(i), sel);
	run_counted(MSR_GLOBAL_CTRL, BIT(i), fn, arg);
	return rdmsr(MSR_PMC(i));
}

/**
 * fixed_run() - the same with a fixed-function counter
 * @i:		which
 * @field:	its field of FIXED_CTR_CTRL
 * @fn:		what to count
 * @arg:	its argument
 *
 * Return: the count from 0
 */
u64 fixed_run(u32 i, u64 field, void (*fn)(u64 arg), u64 arg)
{
	pmu_reset();
	wrmsr(MSR_FIXED_CTRL, FIXED_FIELD(i, field));
	run_counted(MSR_GLOBAL_CTRL, FIXED_BIT(i), fn, arg);
	return rdmsr(MSR_FIXED(i));
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
	char vendor[13];
	u32 lvtpc = apic_init();

	cpu_vendor(vendor);
	enumerate();
	print("# Intel core PMU: %s, family 6 model 0x%lx, version %u, %u+%u counters of %u bits, capabilities 0x%lx\n",
	      vendor, (u64)pmu.model, pmu.version, pmu.gp, pmu.fixed, pmu.width, pmu.caps);
	if (pmu.version < 2) {
		skip(FACT("pmu", "architectural performance monitoring version 2 or later", "3B 20.2"),
		     "CPUID.0AH has no such PMU, nothing to check");
		return report_end();
	}
	reset_facts(lvtpc);
	register_facts();
	counting_facts();
	overflow_facts();
	machine_facts();
	intel_lbr_facts();
	intel_pebs_facts();
	vmx_facts();
	return report_end();
}
