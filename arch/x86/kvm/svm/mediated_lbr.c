// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mediated vPMU, AMD: the last branch records of LbrExtV2.
 *
 * With LBR virtualisation the processor itself loads the guest's from the VMCB
 * at VMRUN and saves them at #VMEXIT, APM vol. 2, "Last Branch Record
 * Virtualization", so there is nothing to load or put. It is on while the guest
 * uses the records. The host's are lost then, and have the guest's branches among
 * them otherwise: either way they begin anew at #VMEXIT.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kvm_host.h>
#include <linux/nospec.h>

#include <asm/msr.h>
#include <asm/perf_event.h>
#include <asm/perf_guest_lbr.h>

#include "cpuid.h"
#include "mediated_pmu.h"
#include "pmu.h"
#include "svm.h"

/* FROM and TO */
#define NR_ENTRY_MSRS	(2 * AMD_LBR_V2_ENTRIES)

/* PPR, "LBR_SELECT": what is not to be recorded. */
#define LBR_SELECT_VALID	GENMASK_ULL(8, 0)

/**
 * svm_lbr_stack_is_mediated - can guests have this CPU's LbrExtV2?
 *
 * Context: any, once the module's parameters are settled.
 */
bool svm_lbr_stack_is_mediated(void)
{
	union cpuid_0x80000022_ebx ebx;

	if (!enable_mediated_pmu || !lbrv || !boot_cpu_has(X86_FEATURE_AMD_LBR_V2))
		return false;

	ebx.full = cpuid_ebx(0x80000022);
	return ebx.split.lbr_v2_stack_sz == AMD_LBR_V2_ENTRIES;
}

u32 amd_mediated_lbr_msr(unsigned int i)
{
	if (!svm_lbr_stack_is_mediated())
		return 0;

	switch (i) {
	case 0:
		return MSR_AMD64_LBR_SELECT;
	case 1:
		return MSR_AMD_DBG_EXTN_CFG;
	default:
		i -= 2;
		return i < NR_ENTRY_MSRS ? MSR_AMD_SAMP_BR_FROM + i : 0;
	}
}

/* The guest's register in the VMCB, or NULL if it has none of this number. */
u64 *svm_mediated_lbr_find(struct kvm_vcpu *vcpu, u32 msr)
{
	struct vmcb_save_area *save = &to_svm(vcpu)->vmcb->save;
	u32 i = msr - MSR_AMD_SAMP_BR_FROM;

	if (!kvm_pmu_is_mediated(vcpu) ||
	    !guest_cpuid_has(vcpu, X86_FEATURE_AMD_LBR_V2))
		return NULL;

	if (msr == MSR_AMD64_LBR_SELECT)
		return &save->lbr_select;
	if (msr == MSR_AMD_DBG_EXTN_CFG)
		return &save->dbg_extn_cfg;
	if (i >= NR_ENTRY_MSRS)
		return NULL;

	return &save->lbr_stack[array_index_nospec(i, NR_ENTRY_MSRS)];
}

static bool is_valid(u32 msr, u64 data)
{
	switch (msr) {
	case MSR_AMD64_LBR_SELECT:
		return !(data & ~LBR_SELECT_VALID);
	case MSR_AMD_DBG_EXTN_CFG:
		return !(data & ~DBG_EXTN_CFG_LBRV2EN);
	default:
		return true;
	}
}

/**
 * svm_mediated_lbr_set - write one of the guest's LBR registers
 * @vcpu: the vCPU
 * @msr_info: which, one that it has, and what
 *
 * Context: process, the vCPU is loaded.
 * Return: false if the register can't hold this.
 */
bool svm_mediated_lbr_set(struct kvm_vcpu *vcpu, struct msr_data *msr_info)
{
	if (!is_valid(msr_info->index, msr_info->data))
		return false;

	*svm_mediated_lbr_find(vcpu, msr_info->index) = msr_info->data;
	vmcb_mark_dirty(to_svm(vcpu)->vmcb, VMCB_LBR);

	if (!msr_info->host_initiated && vcpu_to_pmu(vcpu)->mediated.in_use)
		kvm_mediated_lbr_want(vcpu);
	if (msr_info->index == MSR_AMD_DBG_EXTN_CFG)
		kvm_mediated_lbr_record(vcpu, msr_info->data & DBG_EXTN_CFG_LBRV2EN);
	return true;
}

void svm_mediated_lbr_reset(struct kvm_vcpu *vcpu)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb01.ptr;

	vmcb->save.dbg_extn_cfg = 0;
	vmcb->save.lbr_select = 0;
	memset(vmcb->save.lbr_stack, 0, sizeof(vmcb->save.lbr_stack));
	vmcb_mark_dirty(vmcb, VMCB_LBR);
	kvm_mediated_lbr_record(vcpu, false);
}

/* L1's and L2's are in VMCBs of their own. What L1 or user space wrote is checked. */
void svm_copy_lbr_stack(struct vmcb_save_area *to, struct vmcb_save_area *from)
{
	if (!svm_lbr_stack_is_mediated())
		return;

	to->dbg_extn_cfg = from->dbg_extn_cfg & DBG_EXTN_CFG_LBRV2EN;
	to->lbr_select = from->lbr_select & LBR_SELECT_VALID;
	memcpy(to->lbr_stack, from->lbr_stack, sizeof(to->lbr_stack));
}

/* Another VMCB is the current one, in which the guest may record or not. */
void svm_mediated_lbr_note(struct kvm_vcpu *vcpu)
{
	u64 *dbg_extn_cfg = svm_mediated_lbr_find(vcpu, MSR_AMD_DBG_EXTN_CFG);

	if (dbg_extn_cfg)
		kvm_mediated_lbr_record(vcpu, *dbg_extn_cfg & DBG_EXTN_CFG_LBRV2EN);
}

bool svm_mediated_lbr_in_use(struct kvm_vcpu *vcpu)
{
	return vcpu_to_mediated_lbr(vcpu)->in_use;
}

/* Let the guest's accesses pass, or have them exit. */
void svm_mediated_lbr_pass(struct kvm_vcpu *vcpu, bool on)
{
	u32 *msrpm = to_svm(vcpu)->msrpm;
	unsigned int i;

	if (!kvm_pmu_is_mediated(vcpu) ||
	    !guest_cpuid_has(vcpu, X86_FEATURE_AMD_LBR_V2))
		return;

	set_msr_interception(vcpu, msrpm, MSR_AMD64_LBR_SELECT, on, on);
	set_msr_interception(vcpu, msrpm, MSR_AMD_DBG_EXTN_CFG, on, on);
	for (i = 0; i < NR_ENTRY_MSRS; i++)
		set_msr_interception(vcpu, msrpm, MSR_AMD_SAMP_BR_FROM + i, on, on);
}

/**
 * svm_mediated_lbr_exit - note whether the guest records, and let the host go on
 * @svm: the vCPU that exited
 *
 * The host's records must not have the guest's branches among them.
 *
 * Context: interrupts and GIF off.
 */
void svm_mediated_lbr_exit(struct vcpu_svm *svm)
{
	struct kvm_mediated_lbr *lbr = vcpu_to_mediated_lbr(&svm->vcpu);

	if (svm->vmcb->control.virt_ext & LBR_CTL_ENABLE_MASK)
		svm->lbr_stack_in_cpu = true;
	if (enable_mediated_pmu && perf_host_lbr_ctl())
		perf_host_lbr_restart();
	if (lbr->in_use)
		lbr->recording = svm->vmcb->save.dbg_extn_cfg & DBG_EXTN_CFG_LBRV2EN;
}

/**
 * svm_mediated_lbr_put - leave none of the guest's records in the hardware
 * @svm: the vCPU whose PMU is put
 *
 * They are in the VMCB, but still in the hardware, too, from whichever VMCB had
 * LBR virtualisation: L1's or L2's, for whatever reason.
 *
 * Context: interrupts off.
 */
void svm_mediated_lbr_put(struct vcpu_svm *svm)
{
	if (svm->lbr_stack_in_cpu &&
	    guest_cpuid_has(&svm->vcpu, X86_FEATURE_AMD_LBR_V2))
		perf_host_lbr_restart();
	svm->lbr_stack_in_cpu = false;
}
