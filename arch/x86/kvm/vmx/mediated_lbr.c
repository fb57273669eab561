// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mediated vPMU, Intel: last branch records. They are loaded and put with the
 * counters, from when the guest first uses them until it has not for a while.
 * In between its accesses don't exit; before and after, all of them do, and the
 * registers are in memory.
 *
 * What records is switched at VM entry and exit, so that no branch of the host
 * is among the guest's: DEBUGCTL always is, SDM vol. 3C, "Loading Host Control
 * Registers, Debug Registers, MSRs". LBR_CTL of architectural LBR has controls
 * for it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kvm_host.h>
#include <linux/nospec.h>

#include <asm/msr.h>
#include <asm/perf_event.h>
#include <asm/perf_guest_lbr.h>

#include "cpuid.h"
#include "kvm_cache_regs.h"
#include "mediated_pmu.h"
#include "nested.h"
#include "pmu.h"
#include "smm.h"
#include "vmx.h"
#include "x86.h"

/* SDM vol. 4, "MSR_LBR_SELECT": what is not to be recorded, and call stacks. */
#define LBR_SELECT_VALID	GENMASK_ULL(9, 0)

/* SDM vol. 3B, "LBR_INFO": mispredicted, in a transaction, aborted; cycles. */
#define LBR_INFO_VALID		(LBR_INFO_MISPRED | LBR_INFO_IN_TX | \
				 LBR_INFO_ABORT | LBR_INFO_CYCLES)

static bool is_architectural(void)
{
	return cpu_feature_enabled(X86_FEATURE_ARCH_LBR);
}

/**
 * vmx_arch_lbr_is_mediated - can guests have this CPU's architectural LBR?
 *
 * Later vmx_lbr_caps says so: without the mediated vPMU it has none of these.
 *
 * Context: while KVM is set up, once the VMCS configuration is known.
 */
bool vmx_arch_lbr_is_mediated(void)
{
	return enable_mediated_pmu && is_architectural() &&
	       perf_guest_lbr_supported() &&
	       vmcs_config.vmentry_ctrl & VM_ENTRY_LOAD_IA32_LBR_CTL;
}

/* Where in struct lbr_entry a register is, or -1. */
static int entry_field(const struct x86_pmu_lbr *lbr, u32 msr, unsigned int *i)
{
	static const int fields[] = {
		offsetof(struct lbr_entry, from),
		offsetof(struct lbr_entry, to),
		offsetof(struct lbr_entry, info),
	};
	const u32 first[] = { lbr->from, lbr->to, lbr->info };
	int f;

	for (f = 0; f < ARRAY_SIZE(fields); f++) {
		if (first[f] && msr >= first[f] && msr - first[f] < lbr->nr) {
			*i = array_index_nospec(msr - first[f], lbr->nr);
			return fields[f];
		}
	}

	return -1;
}

/* The two registers beside the entries. */
static const u32 *control_msrs(void)
{
	static const u32 legacy[] = { MSR_LBR_SELECT, MSR_LBR_TOS };
	static const u32 architectural[] = { MSR_ARCH_LBR_CTL, MSR_ARCH_LBR_DEPTH };

	return is_architectural() ? architectural : legacy;
}

/* In the order in which user space is to write them. */
u32 intel_mediated_lbr_msr(unsigned int i)
{
	const struct x86_pmu_lbr *lbr = &vmx_lbr_caps;

	if (!lbr->nr)
		return 0;
	if (i < 2)
		return control_msrs()[i];

	i -= 2;
	if (i < lbr->nr)
		return lbr->from + i;
	if (i < 2 * lbr->nr)
		return lbr->to + i - lbr->nr;
	if (lbr->info && i < 3 * lbr->nr)
		return lbr->info + i - 2 * lbr->nr;
	return 0;
}

/* The guest's register in memory, or NULL if it has none of this number. */
static u64 *find_register(struct kvm_vcpu *vcpu, u32 msr)
{
	struct perf_guest_lbr *regs = &vcpu_to_mediated_lbr(vcpu)->regs;
	struct x86_pmu_lbr *lbr = vcpu_to_lbr_records(vcpu);
	unsigned int i;
	int field;

	if (!lbr->nr)
		return NULL;

	if (msr == control_msrs()[0])
		return is_architectural() ? &vcpu_to_mediated_lbr(vcpu)->ctl :
					    &regs->select;
	if (msr == control_msrs()[1])
		return is_architectural() ? &regs->depth : &regs->tos;

	field = entry_field(lbr, msr, &i);
	return field < 0 ? NULL : (void *)&regs->entries[i] + field;
}

bool vmx_mediated_lbr_has(struct kvm_vcpu *vcpu, u32 msr)
{
	return find_register(vcpu, msr);
}

/*
 * Haswell's format has flags in the upper bits of FROM, which are a part of the
 * sign in what is written where there is no TSX.
 */
static u64 address_of(struct kvm_vcpu *vcpu, u32 msr, u64 data)
{
	struct x86_pmu_lbr *lbr = vcpu_to_lbr_records(vcpu);

	if (lbr->info || msr - lbr->from >= lbr->nr)
		return data;

	return sign_extend64(data, 60);
}

/* SDM vol. 3B, "IA32_LBR_CTL": what CPUID.1CH:EBX says. */
static u64 valid_ctl(void)
{
	u32 ebx = cpuid_ebx(0x1c);

	return ARCH_LBR_CTL_LBREN |
	       (ebx & BIT(0) ? ARCH_LBR_CTL_CPL : 0) |
	       (ebx & BIT(1) ? ARCH_LBR_CTL_FILTER : 0) |
	       (ebx & BIT(2) ? ARCH_LBR_CTL_STACK : 0);
}

/* Depths are multiples of 8: CPUID.1CH:EAX[7:0] says which. */
static bool is_valid_depth(u64 depth)
{
	return depth && !(depth % 8) && depth <= PERF_GUEST_LBR_ENTRIES &&
	       cpuid_eax(0x1c) & BIT(depth / 8 - 1);
}

static u64 valid_info(void)
{
	return is_architectural() ? LBR_INFO_VALID | LBR_INFO_CYC_CNT_VALID |
				    LBR_INFO_BR_TYPE : LBR_INFO_VALID;
}

static bool is_valid(struct kvm_vcpu *vcpu, u32 msr, u64 data)
{
	struct x86_pmu_lbr *lbr = vcpu_to_lbr_records(vcpu);

	switch (msr) {
	case MSR_LBR_SELECT:
		return !(data & ~LBR_SELECT_VALID);
	case MSR_LBR_TOS:
		return data < lbr->nr;
	case MSR_ARCH_LBR_CTL:
		return !(data & ~valid_ctl());
	case MSR_ARCH_LBR_DEPTH:
		return is_valid_depth(data);
	}

	if (lbr->info && msr - lbr->info < lbr->nr)
		return !(data & ~valid_info());
	if (is_architectural())
		return true;

	return !is_noncanonical_msr_address(address_of(vcpu, msr, data), vcpu);
}

/*
 * SDM vol. 4, "IA32_LBR_x_FROM_IP": architectural LBR's addresses are as wide as
 * linear ones, and what is above repeats the sign.
 */
static u64 held(struct kvm_vcpu *vcpu, u32 msr, u64 data)
{
	struct x86_pmu_lbr *lbr = vcpu_to_lbr_records(vcpu);
	int width = boot_cpu_has(X86_FEATURE_LA57) ? 57 : 48;

	if (!is_architectural() ||
	    (msr - lbr->from >= lbr->nr && msr - lbr->to >= lbr->nr))
		return data;

	return sign_extend64(data, width - 1);
}

/*
 * What a guest that uses its PMU has reached for will be in the hardware next
 * time. One that does not may look at what there is in memory.
 */
static void note_access(struct kvm_vcpu *vcpu, bool host_initiated)
{
	if (!host_initiated && vcpu_to_pmu(vcpu)->mediated.in_use)
		kvm_mediated_lbr_want(vcpu);
}

/**
 * vmx_mediated_lbr_get - read one of the guest's LBR registers
 * @vcpu: the vCPU
 * @msr_info: which, and where to put the value
 *
 * Context: process, the vCPU is loaded, its PMU is not.
 * Return: false if the guest has no such register.
 */
bool vmx_mediated_lbr_get(struct kvm_vcpu *vcpu, struct msr_data *msr_info)
{
	u64 *reg = find_register(vcpu, msr_info->index);

	if (!reg)
		return false;

	msr_info->data = *reg;
	note_access(vcpu, msr_info->host_initiated);
	return true;
}

static void clear_entries(struct kvm_vcpu *vcpu)
{
	struct perf_guest_lbr *regs = &vcpu_to_mediated_lbr(vcpu)->regs;

	memset(regs->entries, 0, sizeof(regs->entries));
}

/**
 * vmx_mediated_lbr_set - write one of the guest's LBR registers
 * @vcpu: the vCPU
 * @msr_info: which, and what
 *
 * Context: process, the vCPU is loaded, its PMU is not.
 * Return: false if the guest has no such register, or it can't hold this.
 */
bool vmx_mediated_lbr_set(struct kvm_vcpu *vcpu, struct msr_data *msr_info)
{
	u64 *reg = find_register(vcpu, msr_info->index);

	if (!reg || !is_valid(vcpu, msr_info->index, msr_info->data))
		return false;

	*reg = held(vcpu, msr_info->index, msr_info->data);
	note_access(vcpu, msr_info->host_initiated);

	if (msr_info->index == MSR_ARCH_LBR_CTL)
		kvm_mediated_lbr_record(vcpu, *reg & ARCH_LBR_CTL_LBREN);
	/* User space has an order of its own. */
	if (msr_info->index == MSR_ARCH_LBR_DEPTH && !msr_info->host_initiated)
		clear_entries(vcpu);
	return true;
}

void intel_mediated_load_lbr(struct kvm_vcpu *vcpu)
{
	perf_guest_lbr_load(&vcpu_to_mediated_lbr(vcpu)->regs);
}

void vmx_mediated_lbr_save(struct kvm_vcpu *vcpu)
{
	perf_guest_lbr_save(&vcpu_to_mediated_lbr(vcpu)->regs);
}

static void pass(struct kvm_vcpu *vcpu, u32 first, unsigned int nr, bool on)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		vmx_set_intercept_for_msr(vcpu, first + i, MSR_TYPE_RW, !on);
}

/**
 * vmx_mediated_lbr_intercept - let the guest's accesses pass, or have them exit
 * @vcpu: the vCPU
 *
 * Context: process, the vCPU is loaded.
 */
void vmx_mediated_lbr_intercept(struct kvm_vcpu *vcpu)
{
	struct x86_pmu_lbr *lbr = vcpu_to_lbr_records(vcpu);
	bool on = vcpu_to_mediated_lbr(vcpu)->in_use;

	if (!lbr->nr)
		return;

	pass(vcpu, lbr->from, lbr->nr, on);
	pass(vcpu, lbr->to, lbr->nr, on);
	if (lbr->info)
		pass(vcpu, lbr->info, lbr->nr, on);
	pass(vcpu, control_msrs()[0], 1, on);
	pass(vcpu, control_msrs()[1], 1, on);
}

static bool has_lbr(struct kvm_vcpu *vcpu)
{
	if (is_architectural())
		return vmx_lbr_caps.nr && vmx_mediated_freezes(vcpu) &&
		       guest_cpuid_has(vcpu, X86_FEATURE_ARCH_LBR);

	return vcpu_to_lbr_records(vcpu)->nr &&
	       (!kvm_pmu_is_mediated(vcpu) || vmx_mediated_freezes(vcpu));
}

/**
 * vmx_mediated_lbr_refresh - the guest's CPUID or PERF_CAPABILITIES changed
 * @vcpu: the vCPU
 *
 * CPUID alone says whether there is architectural LBR.
 */
void vmx_mediated_lbr_refresh(struct kvm_vcpu *vcpu)
{
	struct x86_pmu_lbr *lbr = vcpu_to_lbr_records(vcpu);

	if (has_lbr(vcpu))
		*lbr = vmx_lbr_caps;
	else
		lbr->nr = 0;
	vcpu_to_mediated_lbr(vcpu)->regs.depth = lbr->nr;
}

/*
 * Nested VMX writes the controls of L2's VMCS at each entry to L2, so set them
 * each time; they are written to the VMCS only if they differ.
 */
static void switch_lbr_ctl(struct vcpu_vmx *vmx, u64 guest)
{
	struct loaded_vmcs *vmcs = vmx->loaded_vmcs;

	vm_entry_controls_setbit(vmx, VM_ENTRY_LOAD_IA32_LBR_CTL);
	vm_exit_controls_setbit(vmx, VM_EXIT_CLEAR_IA32_LBR_CTL);
	if (!vmcs->switches_lbr_ctl || vmcs->guest_lbr_ctl != guest)
		vmcs_write64(GUEST_IA32_LBR_CTL, guest);

	vmcs->switches_lbr_ctl = true;
	vmcs->guest_lbr_ctl = guest;
}

static void leave_lbr_ctl(struct vcpu_vmx *vmx)
{
	vm_entry_controls_clearbit(vmx, VM_ENTRY_LOAD_IA32_LBR_CTL);
	vm_exit_controls_clearbit(vmx, VM_EXIT_CLEAR_IA32_LBR_CTL);
	vmx->loaded_vmcs->switches_lbr_ctl = false;
}

/* The guest's XSAVES and XRSTORS reach the records, too, if its XSS says so. */
static void set_xsaves_exiting(struct vcpu_vmx *vmx, bool on)
{
	struct kvm_vcpu *vcpu = &vmx->vcpu;
	u64 bitmap = on ? XFEATURE_MASK_LBR : 0;

	if (is_guest_mode(vcpu))
		bitmap |= get_vmcs12(vcpu)->xss_exit_bitmap;
	if (vmx->loaded_vmcs->xss_exit_bitmap != bitmap)
		vmx_write_xss_exit_bitmap(vmx, bitmap);
}

/*
 * SDM vol. 3B, "Architectural Last Branch Records": an SMI clears LBREn and RSM
 * brings it back. The guest's stays in memory meanwhile.
 */
static u64 kept_in_smm(struct kvm_vcpu *vcpu)
{
	return is_smm(vcpu) ? ARCH_LBR_CTL_LBREN : 0;
}

/**
 * vmx_mediated_lbr_enter - set up the VMCS for this entry
 * @vmx: a vCPU that is about to be entered
 *
 * If it is the host that records branches, the guest's must not be among them.
 *
 * Context: interrupts off.
 */
void vmx_mediated_lbr_enter(struct vcpu_vmx *vmx)
{
	struct kvm_mediated_lbr *lbr = vcpu_to_mediated_lbr(&vmx->vcpu);
	bool loaded = kvm_mediated_lbr_loaded(&vmx->vcpu);

	if (!is_architectural() || !vmx_lbr_caps.nr)
		return;

	if (loaded)
		switch_lbr_ctl(vmx, lbr->ctl & ~kept_in_smm(&vmx->vcpu));
	else if (perf_host_lbr_ctl())
		switch_lbr_ctl(vmx, 0);
	else if (vmx->loaded_vmcs->switches_lbr_ctl)
		leave_lbr_ctl(vmx);

	if (cpu_has_vmx_xsaves())
		set_xsaves_exiting(vmx, !loaded);
}

/**
 * vmx_mediated_lbr_exit - fetch what the exit saved, and let the host go on
 * @vmx: the vCPU that exited
 *
 * Context: interrupts off.
 */
void vmx_mediated_lbr_exit(struct vcpu_vmx *vmx)
{
	struct kvm_mediated_lbr *lbr = vcpu_to_mediated_lbr(&vmx->vcpu);
	u64 ctl, kept = kept_in_smm(&vmx->vcpu);

	if (!vmx->loaded_vmcs->switches_lbr_ctl || vmx->fail)
		return;

	if (!kvm_mediated_lbr_loaded(&vmx->vcpu)) {
		wrmsrl(MSR_ARCH_LBR_CTL, perf_host_lbr_ctl());
		return;
	}

	ctl = vmcs_read64(GUEST_IA32_LBR_CTL);
	vmx->loaded_vmcs->guest_lbr_ctl = ctl;
	lbr->ctl = (ctl & ~kept) | (lbr->ctl & kept);
	lbr->recording = lbr->ctl & ARCH_LBR_CTL_LBREN;
}

/*
 * Is it L0's bit that makes L2's XSAVES or XRSTORS exit?
 */
bool vmx_mediated_lbr_wants_xsaves(struct kvm_vcpu *vcpu)
{
	u64 wanted = kvm_read_edx_eax(vcpu) & vcpu->arch.ia32_xss;

	return !(wanted & get_vmcs12(vcpu)->xss_exit_bitmap);
}

/**
 * vmx_handle_xsaves - the guest saves or restores branch records
 * @vcpu: the vCPU
 *
 * It does so again when it has them.
 */
int vmx_handle_xsaves(struct kvm_vcpu *vcpu)
{
	if (intel_pmu_lbr_is_enabled(vcpu))
		kvm_mediated_lbr_want(vcpu);
	else
		kvm_inject_gp(vcpu, 0);
	return 1;
}

/**
 * vmx_mediated_lbr_debugctl - the guest's DEBUGCTL changes
 * @vcpu: the vCPU
 * @debugctl: its new value, L1's or L2's
 */
void vmx_mediated_lbr_debugctl(struct kvm_vcpu *vcpu, u64 debugctl)
{
	if (kvm_pmu_is_mediated(vcpu) && intel_pmu_lbr_is_enabled(vcpu) &&
	    !is_architectural())
		kvm_mediated_lbr_record(vcpu, debugctl & DEBUGCTLMSR_LBR);
}

/*
 * SDM vol. 3B, "Last Branch, Interrupt, and Exception Recording" and
 * "Architectural Last Branch Records": recording stops for the handler. The
 * processor does not do that when it is KVM that injects the exception.
 */
void intel_mediated_debug_exception(struct kvm_vcpu *vcpu)
{
	struct kvm_mediated_lbr *lbr = vcpu_to_mediated_lbr(vcpu);
	u64 debugctl;

	if (!intel_pmu_lbr_is_enabled(vcpu))
		return;

	if (is_architectural()) {
		lbr->ctl &= ~ARCH_LBR_CTL_LBREN;
		kvm_mediated_lbr_record(vcpu, false);
		return;
	}

	debugctl = vmx_guest_debugctl_read();
	if (debugctl & DEBUGCTLMSR_LBR)
		vmx_guest_debugctl_write(vcpu, debugctl & ~DEBUGCTLMSR_LBR);
}
