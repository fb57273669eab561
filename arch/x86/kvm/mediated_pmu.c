// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mediated vPMU: a vCPU that uses its PMU has the CPU's own while it is loaded.
 *
 * A guest that never enables a counter is left alone: its PMU registers are
 * intercepted and live in struct kvm_pmu, and the host keeps its PMU. The first
 * write that enables one makes the guest a user. From then on the registers are
 * loaded into the hardware at VM entry and stay there over VM exits, until perf
 * asks for the PMU or the vCPU is put. Where the host has events of its own on
 * the CPU, they are put at each VM exit.
 *
 * In either place there is one rule for who may look: loaded registers are
 * touched with interrupts off only, because perf's request to put them comes
 * from an interrupt, see linux/perf_guest_pmu.h. Event selectors are always
 * intercepted, so what the guest sees of them stays in struct kvm_pmu, with
 * what runs in hardware (the event filter applied) beside it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jiffies.h>
#include <linux/kvm_host.h>
#include <linux/perf_guest_pmu.h>

#include <asm/msr.h>
#include <asm/perf_event.h>

#include "cpuid.h"
#include "irq.h"
#include "lapic.h"
#include "mediated_pmu.h"
#include "pmu.h"
#include "x86.h"

/* A guest that enables nothing for this long is no user any more. */
#define IDLE_AFTER	HZ

bool __read_mostly enable_mediated_pmu;
EXPORT_SYMBOL_GPL(enable_mediated_pmu);

/* What the host's PMU has, whatever KVM shows of it. */
struct x86_pmu_capability __read_mostly kvm_host_pmu;
EXPORT_SYMBOL_GPL(kvm_host_pmu);

struct kvm_pmu_msrs __read_mostly kvm_pmu_msrs;

static struct kvm_mediated_pmu *vcpu_to_mediated(struct kvm_vcpu *vcpu)
{
	return &vcpu_to_pmu(vcpu)->mediated;
}

static struct kvm_vcpu *owner_to_vcpu(struct perf_guest_pmu *owner)
{
	return container_of(owner, struct kvm_vcpu, arch.pmu.mediated.owner);
}

/**
 * kvm_mediated_pmu_forgo - say why there is no mediated vPMU here
 * @reason: what this host lacks
 *
 * Context: initialisation of a vendor module, before any VM.
 */
void kvm_mediated_pmu_forgo(const char *reason)
{
	if (!enable_mediated_pmu)
		return;

	pr_warn("no mediated vPMU: %s\n", reason);
	enable_mediated_pmu = false;
	kvm_pmu_cap_unmediated();
}
EXPORT_SYMBOL_GPL(kvm_mediated_pmu_forgo);

/**
 * kvm_mediated_pmu_init_vm - decide whether a VM's PMUs are mediated
 * @kvm: a VM that gets a vCPU
 *
 * Context: kvm->lock is held.
 * Return: 0; -EINVAL if the VM has PMUs but no in-kernel local APIC, through
 *	which a PMI is injected, or if it has protected state; -EBUSY if the
 *	administrator keeps such VMs and per-CPU perf events that count in
 *	guests apart.
 */
int kvm_mediated_pmu_init_vm(struct kvm *kvm)
{
	int r;

	if (!enable_mediated_pmu || !kvm->arch.enable_pmu ||
	    kvm->arch.mediated_pmu)
		return 0;

	if (!irqchip_in_kernel(kvm)) {
		pr_warn_once("a mediated vPMU takes the in-kernel local APIC; have one, or no PMU\n");
		return -EINVAL;
	}
	if (kvm->arch.has_protected_state) {
		pr_warn_once("no mediated vPMU for a guest with protected state; have no PMU\n");
		return -EINVAL;
	}

	r = perf_guest_pmu_get();
	if (!r)
		kvm->arch.mediated_pmu = true;
	return r;
}

/**
 * kvm_mediated_pmu_destroy_vm - a VM is going away
 * @kvm: the VM, its vCPUs are gone
 */
void kvm_mediated_pmu_destroy_vm(struct kvm *kvm)
{
	if (kvm->arch.mediated_pmu)
		perf_guest_pmu_release();
}

/**
 * kvm_mediated_pmu_check_cpuid - can the CPU's PMU be what this leaf says?
 * @vcpu: a vCPU that is given CPUID
 * @leaf_0xa: its leaf 0AH, or NULL
 *
 * Counters of another width would wrap elsewhere.
 *
 * Return: 0 or -EINVAL.
 */
int kvm_mediated_pmu_check_cpuid(struct kvm_vcpu *vcpu,
				 struct kvm_cpuid_entry2 *leaf_0xa)
{
	union cpuid10_eax eax;
	union cpuid10_edx edx;

	if (!kvm_pmu_is_mediated(vcpu) || !leaf_0xa)
		return 0;

	eax.full = leaf_0xa->eax;
	edx.full = leaf_0xa->edx;
	if (!eax.split.version_id)
		return 0;

	if (eax.split.num_counters &&
	    eax.split.bit_width != kvm_host_pmu.bit_width_gp)
		return -EINVAL;

	if (eax.split.version_id > 1 && edx.split.num_counters_fixed &&
	    edx.split.bit_width_fixed != kvm_host_pmu.bit_width_fixed)
		return -EINVAL;

	return 0;
}

/**
 * kvm_mediated_lbr_check_cpuid - can the CPU's LBR be what this leaf says?
 * @vcpu: a vCPU that is given CPUID with architectural LBR
 * @leaf_0x1c: its leaf 1CH, or NULL
 *
 * The registers are the CPU's own, with all that they take and show.
 *
 * Return: 0 or -EINVAL.
 */
int kvm_mediated_lbr_check_cpuid(struct kvm_vcpu *vcpu,
				 struct kvm_cpuid_entry2 *leaf_0x1c)
{
	u32 eax, ebx, ecx, edx;

	if (!kvm_pmu_is_mediated(vcpu))
		return 0;
	if (!leaf_0x1c)
		return -EINVAL;

	cpuid(0x1c, &eax, &ebx, &ecx, &edx);
	return leaf_0x1c->eax == eax && leaf_0x1c->ebx == ebx &&
	       leaf_0x1c->ecx == ecx ? 0 : -EINVAL;
}

/**
 * kvm_mediated_lbr_check_amd_cpuid - can the CPU's LBR be what this leaf says?
 * @vcpu: a vCPU that is given CPUID
 * @leaf: its leaf 80000022H, or NULL
 *
 * Return: 0 or -EINVAL.
 */
int kvm_mediated_lbr_check_amd_cpuid(struct kvm_vcpu *vcpu,
				     struct kvm_cpuid_entry2 *leaf)
{
	union cpuid_0x80000022_ebx ebx;

	if (!kvm_pmu_is_mediated(vcpu) || !leaf ||
	    !(leaf->eax & feature_bit(AMD_LBR_V2)))
		return 0;

	ebx.full = leaf->ebx;
	return ebx.split.lbr_v2_stack_sz == AMD_LBR_V2_ENTRIES ? 0 : -EINVAL;
}

static bool lvtpc_is_masked(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic *apic = vcpu->arch.apic;

	return !kvm_apic_hw_enabled(apic) ||
	       kvm_lapic_get_reg(apic, APIC_LVTPC) & APIC_LVT_MASKED;
}

static bool pmc_wants_pmi(struct kvm_pmc *pmc)
{
	if (pmc_is_gp(pmc))
		return pmc->eventsel & ARCH_PERFMON_EVENTSEL_INT;

	return fixed_ctrl_field(pmc_to_pmu(pmc)->fixed_ctr_ctrl,
				pmc->idx - KVM_FIXED_PMC_BASE_IDX) &
	       INTEL_FIXED_0_ENABLE_PMI;
}

static bool any_wants_pmi(struct kvm_pmu *pmu, u64 status)
{
	struct kvm_pmc *pmc;
	int i;

	kvm_for_each_pmc(pmu, pmc, i, (unsigned long *)&status) {
		if (pmc_wants_pmi(pmc))
			return true;
	}

	return false;
}

static bool any_counts(struct kvm_pmu *pmu)
{
	struct kvm_pmc *pmc;
	int i;

	kvm_for_each_pmc(pmu, pmc, i, pmu->all_valid_pmc_idx) {
		if (pmc_speculative_in_use(pmc) && pmc_is_globally_enabled(pmc))
			return true;
	}

	return false;
}

static bool is_idle(unsigned long last_use)
{
	return time_after(jiffies, last_use + IDLE_AFTER);
}

static bool needs_lbr(struct kvm_mediated_lbr *lbr)
{
	return lbr->recording || lbr->sampled || lbr->wanted;
}

static void note_use(struct kvm_vcpu *vcpu)
{
	struct kvm_mediated_pmu *mediated = vcpu_to_mediated(vcpu);

	if (needs_lbr(&mediated->lbr))
		mediated->lbr.last_use = jiffies;
	if (any_counts(vcpu_to_pmu(vcpu)) || mediated->lbr.in_use)
		mediated->last_use = jiffies;
}

static u32 selector_msr(struct kvm_pmc *pmc)
{
	return kvm_pmu_msrs.selector + pmc->idx * kvm_pmu_msrs.stride;
}

static u32 counter_msr(struct kvm_pmc *pmc)
{
	if (pmc_is_fixed(pmc))
		return MSR_CORE_PERF_FIXED_CTR0 + pmc->idx -
		       KVM_FIXED_PMC_BASE_IDX;

	return kvm_pmu_msrs.counter + pmc->idx * kvm_pmu_msrs.stride;
}

static u64 read_hardware(struct kvm_pmc *pmc)
{
	u32 index = pmc->idx;
	u64 value;

	if (pmc_is_fixed(pmc))
		index = INTEL_PMC_FIXED_RDPMC_BASE |
			(pmc->idx - KVM_FIXED_PMC_BASE_IDX);

	rdpmcl(index, value);
	return value & pmc_bitmask(pmc);
}

/*
 * The value is still there if nobody else has used the counter since it was
 * saved, and a read is cheaper than a write.
 */
void kvm_mediated_pmu_load_counter(struct kvm_pmc *pmc)
{
	if (read_hardware(pmc) != pmc->counter)
		wrmsrl(counter_msr(pmc), pmc->counter);
}
EXPORT_SYMBOL_GPL(kvm_mediated_pmu_load_counter);

/* The hardware's copy stays; perf sees to it that nobody reads it. */
void kvm_mediated_pmu_save_counter(struct kvm_pmc *pmc)
{
	pmc->counter = read_hardware(pmc);
}
EXPORT_SYMBOL_GPL(kvm_mediated_pmu_save_counter);

void kvm_mediated_pmu_load_gp(struct kvm_pmu *pmu)
{
	struct kvm_pmc *pmc;
	int i;

	for (i = 0; i < pmu->nr_arch_gp_counters; i++) {
		pmc = &pmu->gp_counters[i];
		kvm_mediated_pmu_load_counter(pmc);
		if (pmc->hw_eventsel)
			wrmsrl(selector_msr(pmc), pmc->hw_eventsel);
	}
}
EXPORT_SYMBOL_GPL(kvm_mediated_pmu_load_gp);

void kvm_mediated_pmu_save_gp(struct kvm_pmu *pmu)
{
	struct kvm_pmc *pmc;
	int i;

	for (i = 0; i < pmu->nr_arch_gp_counters; i++) {
		pmc = &pmu->gp_counters[i];
		if (pmc->hw_eventsel)
			wrmsrl(selector_msr(pmc), 0);
		kvm_mediated_pmu_save_counter(pmc);
	}
}
EXPORT_SYMBOL_GPL(kvm_mediated_pmu_save_gp);

/*
 * Zen 3 has no status. An overflow whose interrupt is not even in the local
 * APIC when the last counter has been saved can't be told from none.
 */
static u64 read_status(void)
{
	u64 status;

	if (kvm_host_pmu.version < 2)
		return 0;

	rdmsrl(kvm_pmu_msrs.status, status);
	return status;
}

void kvm_mediated_pmu_save_status(struct kvm_pmu *pmu)
{
	u64 status = read_status();

	if (!status)
		return;

	wrmsrl(kvm_pmu_msrs.status_clear, status);
	pmu->global_status |= status & ~pmu->global_status_rsvd;
}
EXPORT_SYMBOL_GPL(kvm_mediated_pmu_save_status);

/*
 * An overflow whose interrupt has not reached the local APIC yet: its status is
 * newer than the last PMI. One whose bit the guest had left set since an earlier
 * one can't be told from none.
 */
static bool overflow_unannounced(struct kvm_pmu *pmu)
{
	struct kvm_mediated_pmu *mediated = &pmu->mediated;
	u64 new = pmu->global_status & ~mediated->old_status;

	return !(mediated->owner.lvtpc & APIC_LVT_MASKED) &&
	       (new & GLOBAL_STATUS_BUFFER_OVF || any_wants_pmi(pmu, new));
}

static void put(struct perf_guest_pmu *owner)
{
	struct kvm_vcpu *vcpu = owner_to_vcpu(owner);
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	bool owed;

	kvm_pmu_call(mediated_save)(vcpu);
	pmu->mediated.loaded = false;

	owed = overflow_unannounced(pmu);
	owed |= perf_guest_pmu_put(owner);
	if (owed)
		kvm_make_request(KVM_REQ_PMI, vcpu);
}

static void pmi(struct perf_guest_pmu *owner)
{
	struct kvm_vcpu *vcpu = owner_to_vcpu(owner);

	/* It may be for all that has overflowed until now. */
	vcpu_to_mediated(vcpu)->old_status |= read_status();
	kvm_make_request(KVM_REQ_PMI, vcpu);
}

static void put_if_loaded(struct kvm_vcpu *vcpu)
{
	guard(irqsave)();

	if (kvm_mediated_pmu_loaded(vcpu))
		put(&vcpu_to_mediated(vcpu)->owner);
}

/*
 * What the guest did to its LVTPC, or a PMI did, reaches the hardware's before
 * the guest runs on.
 */
static void sync_lvtpc(struct kvm_vcpu *vcpu)
{
	struct kvm_mediated_pmu *mediated = vcpu_to_mediated(vcpu);
	bool masked = lvtpc_is_masked(vcpu);

	if (masked == !!(mediated->owner.lvtpc & APIC_LVT_MASKED))
		return;

	perf_guest_pmu_mask(&mediated->owner, masked);
	if (!masked)
		mediated->old_status = read_status() |
				       vcpu_to_pmu(vcpu)->global_status;
}

/**
 * kvm_mediated_pmu_enter - have a user's registers in the hardware
 * @vcpu: a vCPU that is about to be entered
 *
 * Context: interrupts off.
 * Return: false if the host is to take a PMI of its own first; don't enter.
 */
bool kvm_mediated_pmu_enter(struct kvm_vcpu *vcpu)
{
	struct kvm_mediated_pmu *mediated = vcpu_to_mediated(vcpu);

	if (!mediated->in_use)
		return true;

	if (mediated->loaded) {
		sync_lvtpc(vcpu);
		return true;
	}

	if (!perf_guest_pmu_load(&mediated->owner, lvtpc_is_masked(vcpu)))
		return false;

	/* The hardware's status is 0 before the guest's is loaded. */
	mediated->old_status = vcpu_to_pmu(vcpu)->global_status;
	kvm_pmu_call(mediated_load)(vcpu);
	mediated->loaded = true;
	return true;
}

/**
 * kvm_mediated_pmu_exit_irqoff - a VM exit, interrupts not yet on
 * @vcpu: the vCPU that exited
 *
 * Give the PMU back at once where the host has events to count.
 *
 * Context: interrupts off.
 */
void kvm_mediated_pmu_exit_irqoff(struct kvm_vcpu *vcpu)
{
	if (kvm_mediated_pmu_loaded(vcpu) && perf_guest_pmu_contended())
		put(&vcpu_to_mediated(vcpu)->owner);
}

/**
 * kvm_mediated_pmu_vcpu_put - the vCPU leaves this CPU
 * @vcpu: the vCPU
 *
 * Context: preemption off.
 */
void kvm_mediated_pmu_vcpu_put(struct kvm_vcpu *vcpu)
{
	struct kvm_mediated_pmu *mediated = vcpu_to_mediated(vcpu);

	if (!mediated->in_use)
		return;

	put_if_loaded(vcpu);
	note_use(vcpu);
	if (is_idle(mediated->last_use) ||
	    (mediated->lbr.in_use && is_idle(mediated->lbr.last_use)))
		kvm_make_request(KVM_REQ_PMU, vcpu);
}

/**
 * kvm_mediated_pmu_run_end - KVM_RUN is about to return
 * @vcpu: the vCPU
 *
 * User space may save the vCPU now, so a PMI that it is owed becomes the
 * interrupt that user space can read.
 *
 * Context: process, the vCPU is loaded.
 */
void kvm_mediated_pmu_run_end(struct kvm_vcpu *vcpu)
{
	if (!vcpu_to_mediated(vcpu)->in_use)
		return;

	put_if_loaded(vcpu);
	if (kvm_check_request(KVM_REQ_PMI, vcpu))
		kvm_pmu_deliver_pmi(vcpu);
}

static u64 hw_eventsel(struct kvm_pmc *pmc)
{
	if (!pmc_speculative_in_use(pmc) || !check_pmu_event_filter(pmc))
		return 0;

	return kvm_pmu_call(mediated_eventsel)(pmc);
}

static u64 hw_fixed_ctr_ctrl(struct kvm_pmu *pmu)
{
	u64 ctrl = pmu->fixed_ctr_ctrl;
	int i;

	for (i = 0; i < pmu->nr_arch_fixed_counters; i++) {
		if (!check_pmu_event_filter(&pmu->fixed_counters[i]))
			ctrl &= ~intel_fixed_bits_by_idx(i, INTEL_FIXED_BITS_MASK);
	}

	return ctrl;
}

static void reprogram_gp(struct kvm_pmc *pmc)
{
	u64 eventsel = hw_eventsel(pmc);

	guard(irqsave)();

	if (pmc->hw_eventsel == eventsel)
		return;

	pmc->hw_eventsel = eventsel;
	if (kvm_mediated_pmu_loaded(pmc->vcpu))
		wrmsrl(selector_msr(pmc), eventsel);
}

static void reprogram_fixed(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	u64 ctrl = hw_fixed_ctr_ctrl(pmu);

	guard(irqsave)();

	if (pmu->mediated.hw_fixed_ctr_ctrl == ctrl)
		return;

	pmu->mediated.hw_fixed_ctr_ctrl = ctrl;
	if (kvm_mediated_pmu_loaded(vcpu))
		wrmsrl(MSR_CORE_PERF_FIXED_CTR_CTRL, ctrl);
}

static void use_lbr(struct kvm_vcpu *vcpu)
{
	guard(irqsave)();

	if (vcpu_to_mediated_lbr(vcpu)->in_use)
		return;

	vcpu_to_mediated_lbr(vcpu)->in_use = true;
	if (kvm_mediated_pmu_loaded(vcpu))
		static_call_cond(kvm_x86_pmu_mediated_load_lbr)(vcpu);
}

/*
 * The intercepts of L2 are merged when it is entered: don't take back what it
 * may rely on until L1 runs.
 */
static void set_in_use(struct kvm_vcpu *vcpu)
{
	struct kvm_mediated_pmu *mediated = vcpu_to_mediated(vcpu);
	struct kvm_mediated_lbr *lbr = &mediated->lbr;
	bool keep = kvm_mediated_pmu_loaded(vcpu) || is_guest_mode(vcpu);

	note_use(vcpu);

	if (needs_lbr(lbr))
		use_lbr(vcpu);
	else if (!keep && is_idle(lbr->last_use))
		lbr->in_use = false;
	lbr->wanted = false;

	if (any_counts(vcpu_to_pmu(vcpu)) || lbr->in_use)
		mediated->in_use = true;
	else if (!keep && is_idle(mediated->last_use))
		mediated->in_use = false;
}

/**
 * kvm_mediated_pmu_reprogram - selectors, controls or the filter changed
 * @vcpu: the vCPU
 *
 * Context: process, the vCPU is loaded, kvm->srcu is held.
 */
void kvm_mediated_pmu_reprogram(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	bool lbr_was_in_use = pmu->mediated.lbr.in_use;
	bool was_in_use = pmu->mediated.in_use;
	int i;

	for (i = 0; i < pmu->nr_arch_gp_counters; i++)
		reprogram_gp(&pmu->gp_counters[i]);
	if (pmu->nr_arch_fixed_counters)
		reprogram_fixed(vcpu);

	set_in_use(vcpu);
	if (pmu->mediated.in_use != was_in_use ||
	    pmu->mediated.lbr.in_use != lbr_was_in_use)
		kvm_pmu_call(mediated_intercept)(vcpu);
}

/**
 * kvm_mediated_lbr_want - the guest reached for branch records, in vain
 * @vcpu: the vCPU
 *
 * It is to have them in the hardware before it runs on.
 *
 * Context: process, the vCPU is loaded.
 */
void kvm_mediated_lbr_want(struct kvm_vcpu *vcpu)
{
	vcpu_to_mediated_lbr(vcpu)->wanted = true;
	kvm_make_request(KVM_REQ_PMU, vcpu);
}
EXPORT_SYMBOL_GPL(kvm_mediated_lbr_want);

static void set_need_of_lbr(struct kvm_vcpu *vcpu, bool *need, bool on)
{
	if (*need == on)
		return;

	/* If it ended, idle time begins here. */
	note_use(vcpu);
	*need = on;
	if (on)
		kvm_make_request(KVM_REQ_PMU, vcpu);
}

/**
 * kvm_mediated_lbr_record - the guest began or stopped to record branches
 * @vcpu: the vCPU
 * @on: does it record now?
 *
 * The processor may have stopped it since: that is found out with the guest's
 * next write.
 *
 * Context: process, the vCPU is loaded.
 */
void kvm_mediated_lbr_record(struct kvm_vcpu *vcpu, bool on)
{
	set_need_of_lbr(vcpu, &vcpu_to_mediated_lbr(vcpu)->recording, on);
}
EXPORT_SYMBOL_GPL(kvm_mediated_lbr_record);

/**
 * kvm_mediated_lbr_sample - samples begin or cease to hold branch records
 * @vcpu: the vCPU
 * @on: do they now?
 *
 * Context: process, the vCPU is loaded.
 */
void kvm_mediated_lbr_sample(struct kvm_vcpu *vcpu, bool on)
{
	set_need_of_lbr(vcpu, &vcpu_to_mediated_lbr(vcpu)->sampled, on);
}
EXPORT_SYMBOL_GPL(kvm_mediated_lbr_sample);

/*
 * The guest is about to ask a counter for PMIs, or not to. What has overflowed
 * without one announces none later.
 */
static void settle_silent_overflows(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	struct kvm_pmc *pmc;
	u64 status;
	int i;

	guard(irqsave)();

	if (!kvm_mediated_pmu_loaded(vcpu))
		return;

	status = read_status();
	kvm_for_each_pmc(pmu, pmc, i, (unsigned long *)&status) {
		if (!pmc_wants_pmi(pmc))
			pmu->mediated.old_status |= BIT_ULL(i);
	}
}

/**
 * kvm_mediated_pmu_sync - have a register in struct kvm_pmu
 * @vcpu: the vCPU
 * @msr: the register that KVM is about to read or write for the guest or for
 *	user space
 *
 * Selectors are always there. What VM entry and exit load and save is not in
 * the hardware either: Intel's GLOBAL_CTRL, LBR_CTL and registers of PEBS, AMD's
 * branch records.
 *
 * Context: process, the vCPU is loaded.
 */
void kvm_mediated_pmu_sync(struct kvm_vcpu *vcpu, u32 msr)
{
	switch (msr) {
	case MSR_P6_EVNTSEL0 ... MSR_P6_EVNTSEL0 + KVM_MAX_NR_INTEL_GP_COUNTERS - 1:
	case MSR_CORE_PERF_FIXED_CTR_CTRL:
	case MSR_K7_EVNTSEL0 ... MSR_K7_EVNTSEL3:
		settle_silent_overflows(vcpu);
		return;
	case MSR_CORE_PERF_GLOBAL_STATUS:
	case MSR_CORE_PERF_GLOBAL_OVF_CTRL:
	case MSR_AMD64_PERF_CNTR_GLOBAL_STATUS:
	case MSR_AMD64_PERF_CNTR_GLOBAL_STATUS_CLR:
		/* User space writes the status while it is not loaded. */
	case MSR_CORE_PERF_GLOBAL_CTRL:
	case MSR_ARCH_LBR_CTL:
	case MSR_IA32_PEBS_ENABLE:
	case MSR_PEBS_DATA_CFG:
	case MSR_IA32_DS_AREA:
	case MSR_PEBS_LD_LAT_THRESHOLD:
	case MSR_AMD64_LBR_SELECT:
	case MSR_AMD_DBG_EXTN_CFG:
	case MSR_AMD_SAMP_BR_FROM ...
	     MSR_AMD_SAMP_BR_FROM + 2 * AMD_LBR_V2_ENTRIES - 1:
		return;
	case MSR_F15H_PERF_CTL0 ... MSR_F15H_PERF_CTR5:
		if ((msr - MSR_F15H_PERF_CTL0) & 1)
			break;
		settle_silent_overflows(vcpu);
		return;
	}

	put_if_loaded(vcpu);
}

/**
 * kvm_mediated_pmu_read - read a counter wherever it is
 * @pmc: the counter
 */
u64 kvm_mediated_pmu_read(struct kvm_pmc *pmc)
{
	guard(irqsave)();

	if (kvm_mediated_pmu_loaded(pmc->vcpu))
		return read_hardware(pmc);

	return pmc->counter & pmc_bitmask(pmc);
}
EXPORT_SYMBOL_GPL(kvm_mediated_pmu_read);

/**
 * kvm_mediated_pmu_fetch_global_ctrl - have GLOBAL_CTRL in struct kvm_pmu
 * @vcpu: the vCPU
 *
 * Intel's is there since VM exit.
 */
void kvm_mediated_pmu_fetch_global_ctrl(struct kvm_vcpu *vcpu)
{
	guard(irqsave)();

	if (kvm_mediated_pmu_loaded(vcpu))
		static_call_cond(kvm_x86_pmu_mediated_global_ctrl)(vcpu);
}

/**
 * kvm_mediated_pmu_set_status - add to the status that the guest sees
 * @vcpu: the vCPU
 * @bits: of GLOBAL_STATUS
 *
 * Context: interrupts off, the vCPU is loaded.
 */
void kvm_mediated_pmu_set_status(struct kvm_vcpu *vcpu, u64 bits)
{
	if (kvm_mediated_pmu_loaded(vcpu))
		kvm_pmu_call(mediated_set_status)(vcpu, bits);
	else
		vcpu_to_pmu(vcpu)->global_status |= bits;
}
EXPORT_SYMBOL_GPL(kvm_mediated_pmu_set_status);

static u64 current_status(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);

	if (!kvm_mediated_pmu_loaded(vcpu))
		return pmu->global_status;

	return pmu->global_status | (read_status() & ~pmu->global_status_rsvd);
}

/**
 * kvm_mediated_pmu_drop_status - forget overflows
 * @vcpu: the vCPU
 * @bits: of GLOBAL_STATUS
 *
 * Context: interrupts off, the vCPU is loaded.
 */
void kvm_mediated_pmu_drop_status(struct kvm_vcpu *vcpu, u64 bits)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	u64 set = bits & current_status(vcpu);

	pmu->global_status &= ~bits;
	pmu->mediated.old_status &= ~bits;
	pmu->mediated.hidden_status &= ~bits;
	if (set && kvm_mediated_pmu_loaded(vcpu))
		wrmsrl(kvm_pmu_msrs.status_clear, set);
}
EXPORT_SYMBOL_GPL(kvm_mediated_pmu_drop_status);

/**
 * kvm_mediated_pmu_clear_status - the guest writes GLOBAL_STATUS_RESET
 * @vcpu: the vCPU
 * @bits: which are to be clear
 *
 * A PEBS counter that has overflowed waits for the event that makes its record,
 * whatever software makes of its status. But KVM switches PEBS off at VM exit,
 * and on again at VM entry, and then the status alone tells the processor that
 * the counter waits: keep that set, and only the guest from seeing it.
 *
 * Context: process, the vCPU is loaded.
 */
void kvm_mediated_pmu_clear_status(struct kvm_vcpu *vcpu, u64 bits)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	u64 waiting;

	guard(irqsave)();

	waiting = bits & current_status(vcpu) & pmu->pebs_enable;
	kvm_mediated_pmu_drop_status(vcpu, bits & ~waiting);
	pmu->mediated.hidden_status |= waiting;
}

/**
 * kvm_mediated_pmu_get_status - read GLOBAL_STATUS wherever it is
 * @vcpu: the vCPU
 * @hidden: with bits that are hidden from the guest; user space is to restore them
 *
 * A record clears the bit of its counter, and with that it is hidden no more. If
 * that has overflowed again since, it does not show before the next PMI.
 *
 * Context: process, the vCPU is loaded.
 */
u64 kvm_mediated_pmu_get_status(struct kvm_vcpu *vcpu, bool hidden)
{
	struct kvm_mediated_pmu *mediated = vcpu_to_mediated(vcpu);
	u64 status;

	guard(irqsave)();

	status = current_status(vcpu);
	mediated->hidden_status &= status;
	return hidden ? status : status & ~mediated->hidden_status;
}

static void overflow(struct kvm_pmc *pmc)
{
	struct kvm_pmu *pmu = pmc_to_pmu(pmc);
	struct kvm_vcpu *vcpu = pmc->vcpu;

	if (kvm_pmu_has_perf_global_ctrl(pmu)) {
		kvm_mediated_pmu_set_status(vcpu, BIT_ULL(pmc->idx));
		pmu->mediated.old_status |= BIT_ULL(pmc->idx);
	}

	if (!pmc_wants_pmi(pmc))
		return;

	static_call_cond(kvm_x86_pmu_mediated_freeze)(vcpu);
	kvm_make_request(KVM_REQ_PMI, vcpu);
}

/*
 * One instruction makes a cycle with one event in it: with a counter mask above
 * that, or asked for cycles with less, the counter stands still. It may stand
 * still in the vCPU's present mode, too.
 */
static bool counts_single_events(struct kvm_pmc *pmc)
{
	if (pmc_is_fixed(pmc))
		return true;

	return !(pmc->eventsel & ARCH_PERFMON_EVENTSEL_INV) &&
	       (pmc->eventsel & ARCH_PERFMON_EVENTSEL_CMASK) <= BIT(24) &&
	       kvm_pmu_call(mediated_eventsel)(pmc);
}

/**
 * kvm_mediated_pmu_count - a counter counts an instruction that KVM retired
 * @pmc: the counter, which counts that event and is enabled
 *
 * Context: the vCPU is loaded.
 */
void kvm_mediated_pmu_count(struct kvm_pmc *pmc)
{
	u64 value;

	if (!counts_single_events(pmc))
		return;

	guard(irqsave)();

	if (kvm_mediated_pmu_loaded(pmc->vcpu)) {
		value = (read_hardware(pmc) + 1) & pmc_bitmask(pmc);
		wrmsrl(counter_msr(pmc), value);
	} else {
		value = (pmc->counter + 1) & pmc_bitmask(pmc);
		pmc->counter = value;
	}

	if (!value)
		overflow(pmc);
}

/**
 * kvm_mediated_pmu_misc_enable - what MISC_ENABLE says of PEBS and BTS
 * @vcpu: the vCPU
 * @data: what user space wants it to hold
 *
 * User space may not know these bits, and clear them.
 *
 * Return: @data, with the truth in it.
 */
u64 kvm_mediated_pmu_misc_enable(struct kvm_vcpu *vcpu, u64 data)
{
	if (!kvm_pmu_is_mediated(vcpu))
		return data;

	data |= MSR_IA32_MISC_ENABLE_BTS_UNAVAIL;
	if (~vcpu_to_pmu(vcpu)->pebs_enable_rsvd)
		return data & ~MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL;

	return data | MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL;
}
EXPORT_SYMBOL_GPL(kvm_mediated_pmu_misc_enable);

/**
 * kvm_mediated_pmu_reset - forget what runs in hardware
 * @vcpu: a vCPU whose PMU registers are reset
 *
 * Context: the vCPU's registers are not loaded.
 */
void kvm_mediated_pmu_reset(struct kvm_vcpu *vcpu)
{
	struct kvm_pmu *pmu = vcpu_to_pmu(vcpu);
	int i;

	WARN_ON_ONCE(pmu->mediated.loaded);

	for (i = 0; i < pmu->nr_arch_gp_counters; i++)
		pmu->gp_counters[i].hw_eventsel = 0;
	pmu->mediated.hw_fixed_ctr_ctrl = 0;
	memset(&pmu->mediated.lbr.regs, 0, sizeof(pmu->mediated.lbr.regs));
}

/**
 * kvm_mediated_pmu_init - make a new vCPU an owner that can be called
 * @vcpu: the vCPU
 */
void kvm_mediated_pmu_init(struct kvm_vcpu *vcpu)
{
	vcpu_to_mediated(vcpu)->owner.put = put;
	vcpu_to_mediated(vcpu)->owner.pmi = pmi;
}
