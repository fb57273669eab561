// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mediated vPMU, AMD: which registers the guest reaches by itself, and how they
 * come into the hardware and out of it.
 *
 * Nothing switches the PMU at VMRUN and #VMEXIT. GuestOnly in every selector
 * does what is needed: such a counter stands still in the host, APM vol. 2,
 * "Performance Monitoring Counters".
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kvm_host.h>

#include <asm/msr.h>
#include <asm/perf_event.h>

#include "mediated_pmu.h"
#include "pmu.h"
#include "svm.h"
#include "x86.h"

/* PerfMonV2's global registers; Zen 3 does without. */
static bool host_has_globals(void)
{
	return kvm_host_pmu.version >= 2;
}

static bool has_whole_pmu(struct kvm_pmu *pmu)
{
	return pmu->nr_arch_gp_counters == kvm_host_pmu.num_counters_gp;
}

void amd_mediated_load(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);

	kvm_mediated_pmu_load_gp(pmu);

	if (!host_has_globals())
		return;

	if (pmu->global_status) {
		wrmsrl(MSR_AMD64_PERF_CNTR_GLOBAL_STATUS_SET, pmu->global_status);
		pmu->global_status = 0;
	}
	/* To a guest without global registers every counter is on. */
	wrmsrl(MSR_AMD64_PERF_CNTR_GLOBAL_CTL,
	       pmu->version > 1 ? pmu->global_ctrl :
				  BIT_ULL(pmu->nr_arch_gp_counters) - 1);
}

void amd_mediated_global_ctrl(struct kvm_vcpu *vcpu)
{
	if (vcpu_to_pmu(vcpu)->version > 1)
		rdmsrl(MSR_AMD64_PERF_CNTR_GLOBAL_CTL,
		       vcpu_to_pmu(vcpu)->global_ctrl);
}

void amd_mediated_save(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);

	if (host_has_globals()) {
		amd_mediated_global_ctrl(vcpu);
		wrmsrl(MSR_AMD64_PERF_CNTR_GLOBAL_CTL, 0);
		kvm_mediated_pmu_save_status(pmu);
	}
	kvm_mediated_pmu_save_gp(pmu);
	svm_mediated_lbr_put(to_svm(vcpu));
}

void amd_mediated_set_status(struct kvm_vcpu *vcpu, u64 bits)
{
	wrmsrl(MSR_AMD64_PERF_CNTR_GLOBAL_STATUS_SET, bits);
}

/*
 * What the guest, as a hypervisor of its own, asked for with HostOnly and
 * GuestOnly: with neither or both a counter counts always, but with any of them
 * it stands still while EFER.SVME is 0.
 */
static bool counts_in_this_mode(struct kvm_pmc *pmc)
{
	u64 only = pmc->eventsel & AMD64_EVENTSEL_HOST_AND_GUEST_ONLY;
	struct kvm_vcpu *vcpu = pmc->vcpu;

	if (!only)
		return true;
	if (!(vcpu->arch.efer & EFER_SVME))
		return false;
	if (only == AMD64_EVENTSEL_HOST_AND_GUEST_ONLY)
		return true;

	return only == (is_guest_mode(vcpu) ? AMD64_EVENTSEL_GUESTONLY :
					      AMD64_EVENTSEL_HOSTONLY);
}

u64 amd_mediated_eventsel(struct kvm_pmc *pmc)
{
	if (!counts_in_this_mode(pmc))
		return 0;

	return (pmc->eventsel & ~AMD64_EVENTSEL_HOSTONLY) |
	       AMD64_EVENTSEL_GUESTONLY;
}

/**
 * amd_mediated_mode_changed - the guest went to L2 or back, or wrote EFER.SVME
 * @vcpu: the vCPU
 */
void amd_mediated_mode_changed(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	int i;

	if (!pmu->mediated.in_use)
		return;

	for (i = 0; i < pmu->nr_arch_gp_counters; i++) {
		if (pmu->gp_counters[i].eventsel & AMD64_EVENTSEL_HOST_AND_GUEST_ONLY) {
			kvm_make_request(KVM_REQ_PMU, vcpu);
			return;
		}
	}
}

static void pass(struct kvm_vcpu *vcpu, u32 msr, bool read, bool write)
{
	set_msr_interception(vcpu, to_svm(vcpu)->msrpm, msr, read, write);
}

/*
 * The counters' old names reach the first four. GLOBAL_STATUS_SET stays
 * intercepted: a bit that the guest sets itself announces no PMI, and KVM must
 * know. RDPMC always exits: it would reach the counters of the L3 cache and of
 * the data fabric.
 */
void amd_mediated_intercept(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	bool core = guest_cpuid_has(vcpu, X86_FEATURE_PERFCTR_CORE);
	bool on = pmu->mediated.in_use;
	bool globals = on && pmu->version > 1 && has_whole_pmu(pmu);
	int i;

	for (i = 0; i < pmu->nr_arch_gp_counters; i++) {
		if (core)
			pass(vcpu, MSR_F15H_PERF_CTR + 2 * i, on, on);
		if (i < AMD64_NUM_COUNTERS)
			pass(vcpu, MSR_K7_PERFCTR0 + i, on, on);
	}

	pass(vcpu, MSR_AMD64_PERF_CNTR_GLOBAL_CTL, globals, globals);
	pass(vcpu, MSR_AMD64_PERF_CNTR_GLOBAL_STATUS, globals, false);
	pass(vcpu, MSR_AMD64_PERF_CNTR_GLOBAL_STATUS_CLR, globals, globals);
	svm_update_lbrv(vcpu);
}

/* PPR: DebugCtl's two bits set those of PerfCntrGlobalStatus. */
void amd_mediated_freeze(struct kvm_vcpu *vcpu)
{
	u64 debugctl = to_svm(vcpu)->vmcb->save.dbgctl;
	u64 frozen = 0;

	if (debugctl & DEBUGCTLMSR_FREEZE_LBRS_ON_PMI)
		frozen |= GLOBAL_STATUS_LBRS_FROZEN;
	if (debugctl & DEBUGCTLMSR_FREEZE_PERFMON_ON_PMI)
		frozen |= GLOBAL_STATUS_COUNTERS_FROZEN;
	if (frozen)
		kvm_mediated_pmu_set_status(vcpu, frozen);
}
