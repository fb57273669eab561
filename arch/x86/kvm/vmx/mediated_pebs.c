// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mediated vPMU, Intel: PEBS. The processor itself writes records of what a
 * counter samples to memory, at linear addresses of whoever runs. So while the
 * counters are the guest's, from load to put, the registers that switch it on
 * and say where to are in the hardware from VM entry to VM exit only, by the
 * lists of MSRs, and only if the guest samples. All accesses to them exit.
 *
 * When PEBS is switched on, a counter whose bit in GLOBAL_STATUS is set waits for
 * its record. So that it does comes and goes with GLOBAL_STATUS, and those bits
 * are kept for it: see kvm_mediated_pmu_clear_status().
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kvm_host.h>

#include <asm/msr.h>
#include <asm/perf_event.h>
#include <asm/perf_guest_pebs.h>

#include "mediated_pmu.h"
#include "pmu.h"
#include "smm.h"
#include "vmx.h"

static bool records_branches(struct kvm_pmu *pmu)
{
	return pmu->pebs_enable && pmu->pebs_data_cfg & PEBS_DATACFG_LBRS;
}

/* A counter that PEBS is switched off for waits for no record any more. */
static void drop_hidden_status(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	u64 bits = pmu->mediated.hidden_status & ~pmu->pebs_enable;

	if (!bits)
		return;

	guard(irqsave)();
	kvm_mediated_pmu_drop_status(vcpu, bits);
}

/**
 * vmx_mediated_pebs_changed - PEBS_ENABLE or PEBS_DATA_CFG was written
 * @vcpu: the vCPU
 *
 * Records that hold branch records take those in the hardware, so they must be
 * the guest's.
 *
 * Context: process, the vCPU is loaded.
 */
void vmx_mediated_pebs_changed(struct kvm_vcpu *vcpu)
{
	if (!kvm_pmu_is_mediated(vcpu))
		return;

	drop_hidden_status(vcpu);
	kvm_mediated_lbr_sample(vcpu, records_branches(vcpu_to_pmu(vcpu)));
}

/**
 * vmx_mediated_pebs_refresh - the guest's CPUID or PERF_CAPABILITIES changed
 * @vcpu: the vCPU
 *
 * MISC_ENABLE says what there is, and a guest that has no branch records can't
 * ask for any.
 */
void vmx_mediated_pebs_refresh(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);

	if (!kvm_pmu_is_mediated(vcpu))
		return;

	if (!guest_cpuid_has(vcpu, X86_FEATURE_DS))
		pmu->pebs_enable_rsvd = ~0ULL;
	if (!vcpu_to_lbr_records(vcpu)->nr)
		pmu->pebs_data_cfg_rsvd |= PEBS_DATACFG_LBRS;

	vcpu->arch.ia32_misc_enable_msr =
		kvm_mediated_pmu_misc_enable(vcpu, vcpu->arch.ia32_misc_enable_msr);
}

/**
 * vmx_mediated_pebs_reset - RESET or INIT
 * @vcpu: the vCPU
 * @init_event: it is INIT
 *
 * SDM vol. 3B, "BTS and DS Save Area": INIT, too, ends recording.
 */
void vmx_mediated_pebs_reset(struct kvm_vcpu *vcpu, bool init_event)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);

	if (!kvm_pmu_is_mediated(vcpu))
		return;

	pmu->pebs_enable = 0;
	if (!init_event) {
		pmu->ds_area = 0;
		pmu->pebs_data_cfg = 0;
		pmu->mediated.ld_lat = 0;
	}
	vmx_mediated_pebs_changed(vcpu);
}

/*
 * SDM vol. 3B, "BTS and DS Save Area": nothing is recorded in SMM. Branch records
 * of the host's are none of the guest's business.
 */
static bool can_record(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);

	return pmu->pebs_enable && kvm_mediated_pmu_loaded(vcpu) && !is_smm(vcpu) &&
	       (!records_branches(pmu) || kvm_mediated_lbr_loaded(vcpu));
}

static void unlist(struct vcpu_vmx *vmx)
{
	clear_atomic_switch_msr(vmx, MSR_IA32_PEBS_ENABLE);
	clear_atomic_switch_msr(vmx, MSR_PEBS_DATA_CFG);
	clear_atomic_switch_msr(vmx, MSR_IA32_DS_AREA);
}

/* The lists are in order: what PEBS_ENABLE switches on must be there before. */
static void list(struct vcpu_vmx *vmx, const struct vmx_pebs_switch *next)
{
	unlist(vmx);
	add_atomic_switch_msr(vmx, MSR_IA32_DS_AREA, next->guest.ds_area,
			      next->host.ds_area, false);
	if (vmx->vcpu.arch.perf_capabilities & PERF_CAP_PEBS_BASELINE)
		add_atomic_switch_msr(vmx, MSR_PEBS_DATA_CFG, next->guest.data_cfg,
				      next->host.data_cfg, false);
	add_atomic_switch_msr(vmx, MSR_IA32_PEBS_ENABLE, next->enable, 0, false);
}

/**
 * vmx_mediated_pebs_enter - set up the lists for this entry
 * @vmx: a vCPU that is about to be entered
 *
 * Context: interrupts off.
 */
void vmx_mediated_pebs_enter(struct vcpu_vmx *vmx)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(&vmx->vcpu);
	struct vmx_pebs_switch next = { };

	if (!pmu->pebs_enable && !vmx->pebs_switch.enable)
		return;

	vmx_mediated_update_status_intercepts(&vmx->vcpu);
	if (can_record(&vmx->vcpu) && !vmx->pebs_paused) {
		next.enable = pmu->pebs_enable;
		next.guest.ds_area = pmu->ds_area;
		next.guest.data_cfg = pmu->pebs_data_cfg;
		perf_guest_pebs_host(&next.host);
	}
	vmx->pebs_paused = false;

	if (!memcmp(&vmx->pebs_switch, &next, sizeof(next)))
		return;

	if (next.enable)
		list(vmx, &next);
	else
		unlist(vmx);
	vmx->pebs_switch = next;
}

/**
 * vmx_mediated_pebs_pause - an access may have been PEBS', and can't be emulated
 * @vcpu: the vCPU, after an EPT misconfiguration
 *
 * The exit does not tell. Have the guest go on without PEBS until its next exit:
 * if it was an access of its own, it comes again.
 *
 * Return: whether it is worth a try.
 */
bool vmx_mediated_pebs_pause(struct kvm_vcpu *vcpu)
{
	struct vcpu_vmx *vmx = to_vmx(vcpu);

	vmx->pebs_paused = vmx->pebs_switch.enable;
	return vmx->pebs_paused;
}

/**
 * vmx_mediated_pebs_skip - PEBS found no memory where the guest's buffers are
 * @vcpu: the vCPU
 *
 * What is read there is all ones, and no place for a record: the processor then
 * skips it and sets OvfBuffer, SDM vol. 3B, "Enhancements to
 * IA32_PERF_GLOBAL_STATUS.OvfDSBuffer[62]".
 *
 * Return: 1, to go on with the guest.
 */
int vmx_mediated_pebs_skip(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);

	guard(irqsave)();

	kvm_mediated_pmu_drop_status(vcpu, pmu->pebs_enable);
	kvm_mediated_pmu_set_status(vcpu, GLOBAL_STATUS_BUFFER_OVF);
	pmu->mediated.old_status |= GLOBAL_STATUS_BUFFER_OVF;
	intel_mediated_freeze(vcpu);
	kvm_make_request(KVM_REQ_PMI, vcpu);
	return 1;
}

/**
 * vmx_mediated_set_ld_lat - write PEBS_LD_LAT_THRESHOLD
 * @vcpu: the vCPU
 * @data: loads that take longer than so many cycles are events
 *
 * Perf writes the host's before each event that goes by it.
 *
 * Context: process, the vCPU is loaded.
 */
void vmx_mediated_set_ld_lat(struct kvm_vcpu *vcpu, u64 data)
{
	guard(irqsave)();

	vcpu_to_pmu(vcpu)->mediated.ld_lat = data;
	if (kvm_mediated_pmu_loaded(vcpu))
		wrmsrl(MSR_PEBS_LD_LAT_THRESHOLD, data);
}

/**
 * vmx_mediated_pebs_accessed - was it an access of PEBS that caused the exit?
 * @vcpu: the vCPU, after an EPT violation or APIC access
 *
 * Its bit in the exit qualification is the same for both, SDM vol. 3C, "Exit
 * Qualification for EPT Violations" and "for APIC-Access VM Exits".
 */
bool vmx_mediated_pebs_accessed(struct kvm_vcpu *vcpu)
{
	return to_vmx(vcpu)->pebs_switch.enable &&
	       vmx_get_exit_qual(vcpu) & EPT_VIOLATION_ASYNC;
}

/**
 * vmx_mediated_pebs_has_memory - can PEBS go on once a page is there?
 * @vcpu: the vCPU
 * @gpa: where it was to read or write
 * @write: which
 *
 * L2's addresses are L1's to judge first.
 */
bool vmx_mediated_pebs_has_memory(struct kvm_vcpu *vcpu, gpa_t gpa, bool write)
{
	struct kvm_memory_slot *slot;

	if (is_guest_mode(vcpu))
		return true;

	slot = kvm_vcpu_gfn_to_memslot(vcpu, gpa_to_gfn(gpa));
	return slot && !(write && slot->flags & KVM_MEM_READONLY);
}
