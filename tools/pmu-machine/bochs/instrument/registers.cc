// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses to the PMU's registers: RDMSR, WRMSR, RDPMC, VM entry and exit,
 * the local APIC's LVT entry.
 */
#define NEED_CPU_REG_SHORTCUTS 1
#include "bochs.h"
#include "cpu/cpu.h"
#include "cpu/apic.h"
#include "cpu/msr.h"
#define LOG_THIS BX_CPU_THIS_PTR

#include "pmu_stats.h"

#define MSR_PRED_CMD	0x49
#define PRED_CMD_IBPB	1

void BX_CPU_C::pmu_count_access(Bit32u msr, bool write)
{
	pmu_stats_msr(&pmu_stats, pmu.model.mode.guest, msr, write,
		      pmu.list ? PMU_BY_LIST : PMU_BY_INSTRUCTION);
}

/* For rdmsr(): what is not the PMU's goes on to Bochs. */
enum pmu_result BX_CPU_C::pmu_msr_read(Bit32u msr, Bit64u *value)
{
	uint64_t v;
	enum pmu_result result = ::pmu_rdmsr(&pmu.model, msr, &v);

	if (result == PMU_OK) {
		pmu_count_access(msr, false);
		*value = v;
	}
	return result;
}

/*
 * A write takes effect at once: the WRMSR that enables a counter is the first
 * instruction that it counts, the one that disables it is not counted.  So it is
 * the first that PEBS may record, too.
 */
enum pmu_result BX_CPU_C::pmu_msr_write(Bit32u msr, Bit64u value)
{
	enum pmu_result result = ::pmu_wrmsr(&pmu.model, msr, value);

	pmu.instruction = prev_rip;
	if (result == PMU_OK)
		pmu_count_access(msr, true);
	else if (msr == MSR_PRED_CMD && value & PRED_CMD_IBPB)
		pmu_predictor_reset(&pmu.predictor);
	return result;
}

bool BX_CPU_C::pmu_read_counter(Bit32u index, Bit64u *value)
{
	uint64_t v;

	if (::pmu_rdpmc(&pmu.model, index, &v) != PMU_OK)
		return false;
	pmu_stats_rdpmc(&pmu_stats, pmu.model.mode.guest);
	*value = v;
	return true;
}

void BX_CPU_C::pmu_request_pmi(void)
{
	Bit32u *lvtpc = lapic->pmi_entry();
	enum pmu_delivery how = pmu_lvtpc_deliver(&pmu.model, lvtpc);
	Bit8u vector = *lvtpc & 0xff;

	pmu.pmi = true;
	pmu_stats_pmi(&pmu_stats, pmu.model.mode.guest, how, vector);
	switch (how) {
	case PMU_FIXED_VECTOR:
		lapic->trigger_irq(vector, APIC_EDGE_TRIGGERED);
		break;
	case PMU_NMI:
		deliver_NMI();
		break;
	case PMU_SMI:
		deliver_SMI();
		break;
	case PMU_DROPPED:
		break;
	}
}

/* VM entry: the checks are done, nothing of the guest is loaded yet. */
void BX_CPU_C::pmu_vm_entry(void)
{
	struct pmu_mode mode = pmu_present_mode();

	pmu_charge(COST_VM_ENTRY);
	pmu.ahead = true;	/* the entry retires on the host's side */
	mode.guest = true;
	mode.svme = pmu.model.mode.svme;
	pmu_follow_mode(mode, CPL);
	pmu.model.pebs.due = 0;	/* what VMRESUME would call for comes later */
	pmu_attend(PMU_ATTEND_MODE);	/* the guest's CPL, and to end "ahead" */
}

/* The fields and lists of a VM entry or exit, as MSR accesses */
void BX_CPU_C::pmu_load_field(Bit32u msr, Bit64u value)
{
	pmu.list = true;
	pmu_count_access(msr, true);
	pmu.list = false;
	switch (msr) {
	case BX_MSR_DEBUGCTLMSR:
		pmu_load_debugctl(&pmu.model, value);
		break;
	case BX_MSR_IA32_LBR_CTL:
		pmu_load_lbr_ctl(&pmu.model, value);
		break;
	default:
		pmu_load_global_ctrl(&pmu.model, value);
	}
}

Bit64u BX_CPU_C::pmu_save_field(Bit32u msr)
{
	pmu.list = true;
	pmu_count_access(msr, false);
	pmu.list = false;
	switch (msr) {
	case BX_MSR_DEBUGCTLMSR:
		return pmu.model.debugctl;
	case BX_MSR_IA32_LBR_CTL:
		return pmu.model.lbr.ctl;
	default:
		return pmu.model.global_ctrl;
	}
}

/*
 * VM exit: still the guest's.  A trap-like exit out of an instruction comes
 * after it has retired (SDM vol. 3C, "APIC-Write VM Exits").
 */
void BX_CPU_C::pmu_vm_exit_begins(Bit32u reason, bool trap_like)
{
	pmu_forget_memory();
	if (trap_like && !pmu.between)
		pmu.ahead = true;
	pmu_sync(&pmu.model);
	pmu_stats_vmexit(&pmu_stats, reason);
}

/* VM exit: from here on it is the host's. */
void BX_CPU_C::pmu_vm_exit_is_host(void)
{
	struct pmu_mode mode = pmu_present_mode();

	mode.user = false;
	mode.guest = false;
	mode.svme = pmu.model.mode.svme;
	pmu_follow_mode(mode, 0);
	pmu.model.pebs.due = 0;	/* "skid to after the subsequent VM Entry" */
	pmu_attend(PMU_ATTEND_MODE);
}
