// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mediated vPMU, Intel: which registers the guest reaches by itself, and how
 * they come into the hardware and out of it.
 *
 * GLOBAL_CTRL is loaded at VM entry and 0 at VM exit, which is what stops the
 * counters: a VM exit by itself does not, SDM vol. 3C, "Loading MSRs" and vol.
 * 3B, "Performance Monitoring and VMX". The guest's value is saved by the exit
 * where the processor can (Sapphire Rapids is the first), else by the list of
 * MSRs to store.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kvm_host.h>

#include <asm/msr.h>
#include <asm/perf_event.h>

#include "mediated_pmu.h"
#include "pmu.h"
#include "vmx.h"
#include "vmx_onhyperv.h"
#include "x86.h"

/*
 * The first version with GLOBAL_STATUS_SET. Before it an overflow bit can't be
 * given back to the hardware: what is owed to the guest stays in
 * pmu->global_status, and the status registers are intercepted.
 */
static bool can_set_status(void)
{
	return kvm_host_pmu.version >= 4;
}

/* What GLOBAL_STATUS_SET takes, SDM vol. 3B, "IA32_PERF_GLOBAL_STATUS_SET". */
static u64 settable(u64 status)
{
	return status & ~(MSR_CORE_PERF_GLOBAL_OVF_CTRL_COND_CHGD);
}

/* Does the guest see all of the host's counters? */
static bool has_whole_pmu(struct kvm_pmu *pmu)
{
	u64 host = (BIT_ULL(kvm_host_pmu.num_counters_gp) - 1) |
		   (BIT_ULL(kvm_host_pmu.num_counters_fixed) - 1) << KVM_FIXED_PMC_BASE_IDX;

	return pmu->version > 1 && *(u64 *)pmu->all_valid_pmc_idx == host;
}

/*
 * PERF_METRICS is not the guest's, but RDPMC and a bit of GLOBAL_CTRL reach it
 * along with the counters.
 */
static void clear_metrics(void)
{
	u64 metrics;

	if (!kvm_host_pmu.perf_metrics)
		return;

	rdmsrl(MSR_PERF_METRICS, metrics);
	if (metrics)
		wrmsrl(MSR_PERF_METRICS, 0);
}

/* See kvm_mediated_pmu_clear_status() for what PEBS has to do with it. */
static u8 status_intercepts(struct kvm_pmu *pmu)
{
	bool owed = pmu->global_status;

	if (!pmu->mediated.in_use || !has_whole_pmu(pmu) || owed)
		return MSR_TYPE_RW;

	return (pmu->mediated.hidden_status ? MSR_TYPE_R : 0) |
	       (pmu->pebs_enable ? MSR_TYPE_W : 0);
}

/* Those of L2 were merged when it was entered: what is too many is so until then. */
static void add_status_intercepts_of_l2(struct vcpu_vmx *vmx, u8 types)
{
	unsigned long *bitmap = vmx->nested.vmcs02.msr_bitmap;

	if (types & MSR_TYPE_R)
		vmx_set_msr_bitmap_read(bitmap, MSR_CORE_PERF_GLOBAL_STATUS);
	if (types & MSR_TYPE_W)
		vmx_set_msr_bitmap_write(bitmap, MSR_CORE_PERF_GLOBAL_OVF_CTRL);
}

static void set_status_intercepts(struct kvm_vcpu *vcpu, u8 types)
{
	vcpu_to_pmu(vcpu)->mediated.status_intercepted = types;
	vmx_set_intercept_for_msr(vcpu, MSR_CORE_PERF_GLOBAL_STATUS,
				  MSR_TYPE_R, types & MSR_TYPE_R);
	vmx_set_intercept_for_msr(vcpu, MSR_CORE_PERF_GLOBAL_OVF_CTRL,
				  MSR_TYPE_RW, types & MSR_TYPE_W);
	if (is_guest_mode(vcpu))
		add_status_intercepts_of_l2(to_vmx(vcpu), types);
}

void vmx_mediated_update_status_intercepts(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	u8 types = status_intercepts(pmu);

	if (pmu->mediated.status_intercepted != types)
		set_status_intercepts(vcpu, types);
}

static void load_status(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);

	if (can_set_status() && pmu->global_status) {
		wrmsrl(MSR_CORE_PERF_GLOBAL_STATUS_SET,
		       settable(pmu->global_status));
		pmu->global_status = 0;
	}
	vmx_mediated_update_status_intercepts(vcpu);
}

void intel_mediated_load(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	int i;

	kvm_mediated_pmu_load_gp(pmu);

	for (i = 0; i < pmu->nr_arch_fixed_counters; i++)
		kvm_mediated_pmu_load_counter(&pmu->fixed_counters[i]);
	wrmsrl(MSR_CORE_PERF_FIXED_CTR_CTRL, pmu->mediated.hw_fixed_ctr_ctrl);

	clear_metrics();
	if (pmu->mediated.ld_lat)
		wrmsrl(MSR_PEBS_LD_LAT_THRESHOLD, pmu->mediated.ld_lat);
	if (vcpu_to_mediated_lbr(vcpu)->in_use)
		intel_mediated_load_lbr(vcpu);
	load_status(vcpu);
}

void intel_mediated_save(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	int i;

	kvm_mediated_pmu_save_gp(pmu);

	for (i = 0; i < pmu->nr_arch_fixed_counters; i++)
		kvm_mediated_pmu_save_counter(&pmu->fixed_counters[i]);

	clear_metrics();
	if (pmu->mediated.ld_lat)
		wrmsrl(MSR_PEBS_LD_LAT_THRESHOLD, 0);
	if (vcpu_to_mediated_lbr(vcpu)->in_use)
		vmx_mediated_lbr_save(vcpu);
	kvm_mediated_pmu_save_status(pmu);
}

void intel_mediated_set_status(struct kvm_vcpu *vcpu, u64 bits)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);

	if (can_set_status()) {
		wrmsrl(MSR_CORE_PERF_GLOBAL_STATUS_SET, bits);
		return;
	}

	pmu->global_status |= bits;
	vmx_mediated_update_status_intercepts(vcpu);
}

/*
 * SDM vol. 3B, "Freezing LBR and Performance Counters on PMI": from version 4 on
 * it is in GLOBAL_STATUS, before that what is enabled is switched off.
 */
static bool freezes_in_status(int version)
{
	return version >= 4;
}

/* Is what the processor does on a PMI what the guest's version says? */
bool vmx_mediated_freezes(struct kvm_vcpu *vcpu)
{
	int version = vcpu_to_pmu(vcpu)->version;

	return kvm_pmu_is_mediated(vcpu) && version > 1 &&
	       freezes_in_status(version) == freezes_in_status(kvm_host_pmu.version);
}

void intel_mediated_freeze(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	u64 debugctl = vmx_guest_debugctl_read();
	u64 frozen = 0;

	if (debugctl & DEBUGCTLMSR_FREEZE_LBRS_ON_PMI)
		frozen |= GLOBAL_STATUS_LBRS_FROZEN;
	if (debugctl & DEBUGCTLMSR_FREEZE_PERFMON_ON_PMI)
		frozen |= GLOBAL_STATUS_COUNTERS_FROZEN;
	if (!frozen)
		return;

	if (freezes_in_status(pmu->version)) {
		kvm_mediated_pmu_set_status(vcpu, frozen);
		return;
	}

	if (frozen & GLOBAL_STATUS_LBRS_FROZEN)
		vmx_guest_debugctl_write(vcpu, debugctl & ~DEBUGCTLMSR_LBR);
	if (frozen & GLOBAL_STATUS_COUNTERS_FROZEN)
		pmu->global_ctrl = 0;
}

u64 intel_mediated_eventsel(struct kvm_pmc *pmc)
{
	return pmc->eventsel & ~ARCH_PERFMON_EVENTSEL_PIN_CONTROL;
}

/*
 * Counters pass one by one, what is about all of them only if the guest has
 * all of them. GLOBAL_STATUS_SET stays intercepted: a bit that the guest sets
 * itself announces no PMI, and KVM must know. So does INUSE: it would tell
 * what runs in hardware, not what the guest asked for.
 */
void intel_mediated_intercept(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	bool intercept = !pmu->mediated.in_use;
	int i;

	for (i = 0; i < pmu->nr_arch_gp_counters; i++) {
		vmx_set_intercept_for_msr(vcpu, MSR_IA32_PERFCTR0 + i,
					  MSR_TYPE_RW, intercept);
		if (intel_pmu_has_fw_writes(vcpu))
			vmx_set_intercept_for_msr(vcpu, MSR_IA32_PMC0 + i,
						  MSR_TYPE_RW, intercept);
	}
	for (i = 0; i < pmu->nr_arch_fixed_counters; i++) {
		if (get_fixed_pmc(pmu, MSR_CORE_PERF_FIXED_CTR0 + i))
			vmx_set_intercept_for_msr(vcpu, MSR_CORE_PERF_FIXED_CTR0 + i,
						  MSR_TYPE_RW, intercept);
	}

	vmx_set_intercept_for_msr(vcpu, MSR_CORE_PERF_GLOBAL_CTRL, MSR_TYPE_RW,
				  intercept || !has_whole_pmu(pmu));
	/* User space's MSR filter may have changed, too. */
	set_status_intercepts(vcpu, status_intercepts(pmu));
	vmx_mediated_lbr_intercept(vcpu);
}

static bool exit_saves_global_ctrl(void)
{
	return vmcs_config.vmexit_ctrl & VM_EXIT_SAVE_IA32_PERF_GLOBAL_CTRL;
}

/* Version 1 has no GLOBAL_CTRL: every counter is on. */
static u64 guest_global_ctrl(struct kvm_pmu *pmu)
{
	if (kvm_pmu_has_perf_global_ctrl(pmu))
		return pmu->global_ctrl;

	return BIT_ULL(pmu->nr_arch_gp_counters) - 1;
}

/* The list's entry for GLOBAL_CTRL; it is the first, and always there. */
static struct vmx_msr_entry *stored_global_ctrl(struct vcpu_vmx *vmx)
{
	return &vmx->msr_autostore.guest.val[0];
}

void vmx_mediated_pmu_init(struct vcpu_vmx *vmx)
{
	struct vmx_msrs *list = &vmx->msr_autostore.guest;

	if (!kvm_pmu_is_mediated(&vmx->vcpu) || exit_saves_global_ctrl())
		return;

	list->val[0].index = MSR_CORE_PERF_GLOBAL_CTRL;
	list->nr = 1;
}

/* The list serves nested VMX, too, which writes its length at entry to L2. */
static void set_autostore(struct vcpu_vmx *vmx, bool on)
{
	if (exit_saves_global_ctrl() || is_guest_mode(&vmx->vcpu))
		return;

	vmcs_write64(VM_EXIT_MSR_STORE_ADDR, __pa(vmx->msr_autostore.guest.val));
	vmcs_write32(VM_EXIT_MSR_STORE_COUNT,
		     on ? vmx->msr_autostore.guest.nr : 0);
}

static void set_rdpmc_exiting(struct vcpu_vmx *vmx, bool on)
{
	/* L2's was merged when it was entered, with L0's on. */
	if (is_guest_mode(&vmx->vcpu))
		return;

	if (on)
		exec_controls_setbit(vmx, CPU_BASED_RDPMC_EXITING);
	else
		exec_controls_clearbit(vmx, CPU_BASED_RDPMC_EXITING);
}

/*
 * Nested VMX writes the controls of L2's VMCS at each entry to L2, so set them
 * each time; they are written to the VMCS only if they differ.
 */
static void switch_global_ctrl(struct vcpu_vmx *vmx, u64 guest)
{
	struct loaded_vmcs *vmcs = vmx->loaded_vmcs;

	vm_entry_controls_setbit(vmx, VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL);
	vm_exit_controls_setbit(vmx, VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL);
	if (exit_saves_global_ctrl())
		vm_exit_controls_setbit(vmx, VM_EXIT_SAVE_IA32_PERF_GLOBAL_CTRL);

	if (!vmcs->mediated_pmu) {
		vmcs_write64(HOST_IA32_PERF_GLOBAL_CTRL, 0);
		set_autostore(vmx, true);
		set_rdpmc_exiting(vmx, enable_vmware_backdoor ||
				  !has_whole_pmu(vcpu_to_pmu(&vmx->vcpu)));
	}
	if (!vmcs->mediated_pmu || vmcs->guest_global_ctrl != guest)
		vmcs_write64(GUEST_IA32_PERF_GLOBAL_CTRL, guest);

	vmcs->mediated_pmu = true;
	vmcs->guest_global_ctrl = guest;
}

/* The perf-based path sets anew what it needs. */
static void leave_global_ctrl(struct vcpu_vmx *vmx)
{
	vm_entry_controls_clearbit(vmx, VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL);
	vm_exit_controls_clearbit(vmx, VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL |
				       VM_EXIT_SAVE_IA32_PERF_GLOBAL_CTRL);
	set_autostore(vmx, false);
	set_rdpmc_exiting(vmx, true);
	vmx->loaded_vmcs->mediated_pmu = false;
}

/**
 * vmx_mediated_pmu_enter - set up the VMCS for this entry
 * @vmx: a vCPU that is about to be entered
 *
 * Context: interrupts off.
 * Return: true if the guest owns the PMU, and perf's way of switching it is to
 *	stay away.
 */
bool vmx_mediated_pmu_enter(struct vcpu_vmx *vmx)
{
	u64 global_ctrl;

	vmx_mediated_lbr_enter(vmx);
	vmx_mediated_pebs_enter(vmx);

	if (!kvm_mediated_pmu_loaded(&vmx->vcpu)) {
		if (vmx->loaded_vmcs->mediated_pmu)
			leave_global_ctrl(vmx);
		return false;
	}

	global_ctrl = guest_global_ctrl(vcpu_to_pmu(&vmx->vcpu));
	switch_global_ctrl(vmx, global_ctrl);
	if (!exit_saves_global_ctrl())
		stored_global_ctrl(vmx)->value = global_ctrl;
	return true;
}

/**
 * vmx_mediated_pmu_exit - fetch what the exit saved
 * @vmx: the vCPU that exited
 *
 * Put may come from anywhere later, when the VMCS can't be read. A bit that the
 * processor has and the guest has not, such as that of PERF_METRICS, is dropped.
 *
 * Context: interrupts off.
 */
void vmx_mediated_pmu_exit(struct vcpu_vmx *vmx)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(&vmx->vcpu);
	u64 global_ctrl;

	vmx_mediated_lbr_exit(vmx);

	if (!kvm_mediated_pmu_loaded(&vmx->vcpu) || vmx->fail)
		return;

	if (exit_saves_global_ctrl()) {
		global_ctrl = vmcs_read64(GUEST_IA32_PERF_GLOBAL_CTRL);
		vmx->loaded_vmcs->guest_global_ctrl = global_ctrl;
	} else {
		global_ctrl = stored_global_ctrl(vmx)->value;
	}
	if (kvm_pmu_has_perf_global_ctrl(pmu))
		pmu->global_ctrl = global_ctrl & ~pmu->global_ctrl_rsvd;
}

/**
 * vmx_mediated_pmu_check - say what VMX lacks for a mediated vPMU
 *
 * Context: initialisation of the module, the VMCS configuration is known.
 */
void __init vmx_mediated_pmu_check(void)
{
	if (!cpu_has_load_perf_global_ctrl() || !cpu_has_vmx_msr_bitmap())
		kvm_mediated_pmu_forgo("VMX can't switch GLOBAL_CTRL");
	else if (kvm_is_using_evmcs())
		kvm_mediated_pmu_forgo("not with an enlightened VMCS");
}
