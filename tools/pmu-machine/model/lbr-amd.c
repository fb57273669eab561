// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD's branch records: the four control-transfer recording MSRs that every
 * processor has (APM vol. 2, 13.1.1.7, 13.1.6.1), the LBR stack of Zen 4
 * (13.1.1.8, 13.1.1.9, 13.1.8), and how VMRUN swaps them (15.23).
 */
#include "regs.h"

#define MSR_BR_FROM		0x1db
#define MSR_BR_TO		0x1dc
#define MSR_INT_FROM		0x1dd
#define MSR_INT_TO		0x1de
#define MSR_SELECT		0xc000010e	/* LastBranchStackSelect */
#define MSR_DEBUG_EXTN		0xc000010f	/* DebugExtnCtl */
#define MSR_STACK		0xc0010300	/* entry n: FROM 2n, TO 2n + 1 */

#define SELECT_VALID		MASK(9)

#define STACK_IP		MASK(57)
#define FROM_MISPREDICTED	BIT(63)
#define TO_VALID		BIT(63)
#define TO_SPECULATIVE		BIT(62)
#define FROM_BITS		(FROM_MISPREDICTED | STACK_IP)
#define TO_BITS			(TO_VALID | TO_SPECULATIVE | STACK_IP)

static bool has_stack(const struct pmu *pmu)
{
	return pmu->cpu->lbr_depth;
}

/* The stack records, and no PMI has frozen it (13.1.1.6). */
bool pmu_lbr_amd_stack_on(const struct pmu *pmu)
{
	return pmu->lbr.debug_extn & DEBUG_EXTN_LBRS &&
	       !(pmu->global_status & STATUS_LBR_FRZ);
}

/*
 * 13.1.8: "LBR Stack recording is independent of Last Branch Record".  Nothing
 * here is recorded on a wrong path: valid, and not speculative (Table 13-3).
 */
static void record_stack(struct pmu *pmu, const struct pmu_taken *taken)
{
	struct pmu_record r = {
		.from = taken->from & STACK_IP,
		.to = (taken->to & STACK_IP) | TO_VALID,
	};

	if (pmu_lbr_suppressed(pmu->lbr.select, taken))
		return;
	if (taken->mispredicted)
		r.from |= FROM_MISPREDICTED;
	pmu_lbr_keep(pmu, taken, r, false);
}

void pmu_lbr_amd_record(struct pmu *pmu, const struct pmu_taken *taken)
{
	if (pmu->debugctl & DEBUGCTL_LBR) {
		pmu_lbr_event(pmu, taken, pmu->lbr.last);
		pmu->lbr.last.from = taken->from;
		pmu->lbr.last.to = taken->to;
	}
	if (pmu_lbr_amd_stack_on(pmu))
		record_stack(pmu, taken);
}

/* The register and its bits; none can be written in a read-only one. */
static uint64_t *find(struct pmu *pmu, uint32_t msr, uint64_t *writable)
{
	struct pmu_record *entry;

	*writable = 0;
	switch (msr) {
	case MSR_BR_FROM:
		return &pmu->lbr.last.from;
	case MSR_BR_TO:
		return &pmu->lbr.last.to;
	case MSR_INT_FROM:
		return &pmu->lbr.ler.from;
	case MSR_INT_TO:
		return &pmu->lbr.ler.to;
	}
	if (!has_stack(pmu))
		return NULL;
	if (msr == MSR_SELECT) {
		*writable = SELECT_VALID;
		return &pmu->lbr.select;
	}
	if (msr == MSR_DEBUG_EXTN) {
		*writable = DEBUG_EXTN_LBRS;
		return &pmu->lbr.debug_extn;
	}
	if (!in(msr, MSR_STACK, 2 * AMD_LBR_DEPTH))
		return NULL;
	entry = pmu_lbr_entry(pmu, (msr - MSR_STACK) / 2);
	*writable = msr & 1 ? TO_BITS : FROM_BITS;
	return msr & 1 ? &entry->to : &entry->from;
}

enum pmu_result pmu_lbr_amd_rdmsr(struct pmu *pmu, uint32_t msr,
				  uint64_t *value)
{
	uint64_t writable;
	const uint64_t *reg = find(pmu, msr, &writable);

	if (!reg)
		return PMU_NOT_MINE;
	*value = *reg;
	return PMU_OK;
}

/*
 * The reserved bits of DebugExtnCtl must be zero, those of the select register
 * and of the stack read as zero.
 */
enum pmu_result pmu_lbr_amd_wrmsr(struct pmu *pmu, uint32_t msr,
				  uint64_t value)
{
	uint64_t writable;
	uint64_t *reg = find(pmu, msr, &writable);

	if (!reg)
		return PMU_NOT_MINE;
	if (!writable || (msr == MSR_DEBUG_EXTN && value & ~writable))
		return PMU_GP;
	*reg = value & writable;
	return PMU_OK;
}

static void load_stack(struct pmu *pmu, const struct pmu_svm_lbr *guest)
{
	for (unsigned int i = 0; i < AMD_LBR_DEPTH; i++) {
		struct pmu_record *entry = pmu_lbr_entry(pmu, i);

		entry->from = guest->stack[2 * i] & FROM_BITS;
		entry->to = guest->stack[2 * i + 1] & TO_BITS;
	}
	pmu->lbr.select = guest->select & SELECT_VALID;
	pmu->lbr.debug_extn = guest->debug_extn & DEBUG_EXTN_LBRS;
}

static void save_stack(struct pmu *pmu, struct pmu_svm_lbr *guest)
{
	for (unsigned int i = 0; i < AMD_LBR_DEPTH; i++) {
		const struct pmu_record *entry = pmu_lbr_entry(pmu, i);

		guest->stack[2 * i] = entry->from;
		guest->stack[2 * i + 1] = entry->to;
	}
	guest->select = pmu->lbr.select;
	guest->debug_extn = pmu->lbr.debug_extn;
}

/**
 * pmu_svm_lbr_enter - VMRUN with LBR_VIRTUALIZATION_ENABLE
 * @pmu:   the PMU
 * @guest: from the VMCB
 *
 * APM vol. 2, 15.23.1: the host's five control-transfer MSRs and DebugExtnCtl
 * are saved; the guest's are loaded, and its stack and select register, over
 * what the host has in them.
 */
void pmu_svm_lbr_enter(struct pmu *pmu, const struct pmu_svm_lbr *guest)
{
	struct pmu_lbr *lbr = &pmu->lbr;

	pmu_sync(pmu);
	lbr->host.debugctl = pmu->debugctl;
	lbr->host.debug_extn = lbr->debug_extn;
	lbr->host.last = lbr->last;
	lbr->host.ler = lbr->ler;
	pmu->debugctl = guest->debugctl & pmu_debugctl_mask(pmu);
	lbr->last = (struct pmu_record){ guest->br_from, guest->br_to, 0 };
	lbr->ler = (struct pmu_record){ guest->excp_from, guest->excp_to, 0 };
	if (has_stack(pmu))
		load_stack(pmu, guest);
	pmu_update(pmu);
}

/**
 * pmu_svm_lbr_leave - #VMEXIT with LBR_VIRTUALIZATION_ENABLE
 * @pmu:   the PMU
 * @guest: to the VMCB
 *
 * 15.23.1: the host gets back what VMRUN saved; the guest's stack and select
 * register stay where they are.
 */
void pmu_svm_lbr_leave(struct pmu *pmu, struct pmu_svm_lbr *guest)
{
	struct pmu_lbr *lbr = &pmu->lbr;

	pmu_sync(pmu);
	guest->debugctl = pmu->debugctl;
	guest->br_from = lbr->last.from;
	guest->br_to = lbr->last.to;
	guest->excp_from = lbr->ler.from;
	guest->excp_to = lbr->ler.to;
	if (has_stack(pmu))
		save_stack(pmu, guest);
	pmu->debugctl = lbr->host.debugctl;
	lbr->debug_extn = lbr->host.debug_extn;
	lbr->last = lbr->host.last;
	lbr->ler = lbr->host.ler;
	pmu_update(pmu);
}
