// SPDX-License-Identifier: GPL-2.0-only
/*
 * Architectural LBRs (SDM vol. 3B, "Last Branch Records"; vol. 4, Table 2-2).
 */
#include "regs.h"

#define MSR_LER_FROM		0x1dd
#define MSR_LER_TO		0x1de
#define MSR_LER_INFO		0x1e0
#define MSR_LBR_INFO		0x1200
#define MSR_LBR_CTL		0x14ce
#define MSR_LBR_DEPTH		0x14cf
#define MSR_LBR_FROM		0x1500
#define MSR_LBR_TO		0x1600

#define CTL_OS			BIT(1)
#define CTL_USR			BIT(2)
#define CTL_CALL_STACK		BIT(3)
#define CTL_BRANCHES		(MASK(7) << 16)
#define CTL_VALID		(LBR_CTL_EN | CTL_OS | CTL_USR | \
				 CTL_CALL_STACK | CTL_BRANCHES)

#define INFO_TYPE_SHIFT		56
#define INFO_CYCLES_VALID	BIT(60)
#define INFO_MISPREDICTED	BIT(63)
#define INFO_UNDEFINED		(MASK(56) & ~MASK(16))

static bool call_stack(const struct pmu *pmu)
{
	return pmu->lbr.ctl & CTL_CALL_STACK;
}

/*
 * "Branch Type Filtering": what is set is recorded.  A CALL to the next
 * sequential IP counts as none.
 */
static bool type_enabled(uint64_t ctl, const struct pmu_taken *taken)
{
	static const uint64_t enables[] = {
		[PMU_BRANCH_COND] = BIT(16),
		[PMU_BRANCH_JMP] = BIT(17),
		[PMU_BRANCH_JMP_IND] = BIT(18),
		[PMU_BRANCH_CALL] = BIT(19),
		[PMU_BRANCH_CALL_IND] = BIT(20),
		[PMU_BRANCH_RET] = BIT(21),
		[PMU_BRANCH_FAR] = BIT(22),
		[PMU_BRANCH_INT] = BIT(22),
		[PMU_BRANCH_EVENT] = BIT(22),
	};

	return ctl & enables[taken->type] && !taken->next;
}

static bool cpl_enabled(uint64_t ctl, bool user)
{
	return ctl & (user ? CTL_USR : CTL_OS);
}

/* IA32_LBR_x_INFO.BR_TYPE; 1xxxb: other branch */
static uint64_t branch_type(enum pmu_branch type)
{
	static const uint8_t types[] = {
		[PMU_BRANCH_COND] = 0,
		[PMU_BRANCH_JMP_IND] = 1,
		[PMU_BRANCH_JMP] = 2,
		[PMU_BRANCH_CALL_IND] = 3,
		[PMU_BRANCH_CALL] = 4,
		[PMU_BRANCH_RET] = 5,
		[PMU_BRANCH_FAR] = 8,
		[PMU_BRANCH_INT] = 8,
		[PMU_BRANCH_EVENT] = 8,
	};

	return (uint64_t)types[type] << INFO_TYPE_SHIFT;
}

/*
 * "CPL Filtering": an operation that changes the CPL is recorded if the CPL at
 * its end is enabled.  Where the other one is not, FROM_IP is all ones.
 */
static struct pmu_record format(struct pmu *pmu, const struct pmu_taken *taken)
{
	struct pmu_record r = {
		.from = taken->from,
		.to = taken->to,
		.info = branch_type(taken->type),
	};

	if (!cpl_enabled(pmu->lbr.ctl, taken->from_user))
		r.from = UINT64_MAX;
	if (taken->mispredicted)
		r.info |= INFO_MISPREDICTED;
	if (pmu->lbr.timed)
		r.info |= INFO_CYCLES_VALID | pmu_lbr_cycles(pmu);
	return r;
}

void pmu_lbr_arch_record(struct pmu *pmu, const struct pmu_taken *taken)
{
	if (!type_enabled(pmu->lbr.ctl, taken) ||
	    !cpl_enabled(pmu->lbr.ctl, taken->to_user))
		return;
	pmu_lbr_event(pmu, taken, *pmu_lbr_entry(pmu, 0));
	pmu_lbr_keep(pmu, taken, format(pmu, taken), call_stack(pmu));
}

/* "An attempt to read or write [entry x] such that x >= DEPTH will #GP" */
static uint64_t *find(struct pmu *pmu, uint32_t msr)
{
	uint32_t depth = pmu->lbr.depth;

	if (in(msr, MSR_LBR_FROM, depth))
		return &pmu_lbr_entry(pmu, msr - MSR_LBR_FROM)->from;
	if (in(msr, MSR_LBR_TO, depth))
		return &pmu_lbr_entry(pmu, msr - MSR_LBR_TO)->to;
	if (in(msr, MSR_LBR_INFO, depth))
		return &pmu_lbr_entry(pmu, msr - MSR_LBR_INFO)->info;
	if (msr == MSR_LER_FROM)
		return &pmu->lbr.ler.from;
	if (msr == MSR_LER_TO)
		return &pmu->lbr.ler.to;
	if (msr == MSR_LER_INFO)
		return &pmu->lbr.ler.info;
	return NULL;
}

enum pmu_result pmu_lbr_arch_rdmsr(struct pmu *pmu, uint32_t msr,
				   uint64_t *value)
{
	const uint64_t *reg = find(pmu, msr);

	if (msr == MSR_LBR_CTL)
		*value = pmu->lbr.ctl;
	else if (msr == MSR_LBR_DEPTH)
		*value = pmu->lbr.depth;
	else if (reg)
		*value = *reg;
	else
		return PMU_NOT_MINE;
	return PMU_OK;
}

/**
 * pmu_lbr_ctl_valid - may this be written to IA32_LBR_CTL?
 * @pmu:   the PMU
 * @value: the value
 *
 * WRMSR and VM entry check it, CPUID.1CH:EBX says what can be set.
 */
bool pmu_lbr_ctl_valid(const struct pmu *pmu, uint64_t value)
{
	return pmu->cpu->lbr == PMU_LBR_ARCH && !(value & ~CTL_VALID);
}

/* The cycles before recording was switched on are nobody's. */
static void set_ctl(struct pmu *pmu, uint64_t value)
{
	if (value & ~pmu->lbr.ctl & LBR_CTL_EN)
		pmu->lbr.timed = false;
	pmu->lbr.ctl = value;
}

/**
 * pmu_load_lbr_ctl - VM entry or exit loads IA32_LBR_CTL
 * @pmu:   the PMU
 * @value: from the VMCS; 0 at VM exit
 */
void pmu_load_lbr_ctl(struct pmu *pmu, uint64_t value)
{
	pmu_sync(pmu);
	set_ctl(pmu, value & CTL_VALID);
	pmu_update(pmu);
}

/*
 * Vol. 4, 14CFH: "Writes of unsupported values will #GP fault."  A write clears
 * all entries, and leaves the LER alone.
 */
static enum pmu_result write_depth(struct pmu *pmu, uint64_t value)
{
	if (value < 8 || value > 64 || value % 8 ||
	    !(LBR_DEPTHS & BIT(value / 8 - 1)))
		return PMU_GP;
	pmu_lbr_clear(pmu);
	pmu->lbr.depth = value;
	pmu->lbr.top = 0;
	return PMU_OK;
}

/*
 * Vol. 4, 1200H, 1500H: bits of an address above the linear address width are
 * ignored and read as its sign; the undefined bits of INFO may be written and
 * need not be kept.
 */
struct pmu_record pmu_lbr_arch_written(const struct pmu *pmu,
				       struct pmu_record r)
{
	r.from = pmu_canonical(pmu, r.from);
	r.to = pmu_canonical(pmu, r.to);
	r.info &= ~INFO_UNDEFINED;
	return r;
}

static void write_entry(struct pmu *pmu, uint32_t msr, uint64_t *reg,
			uint64_t value)
{
	struct pmu_record r = { value, value, value };
	bool info = msr == MSR_LER_INFO || in(msr, MSR_LBR_INFO, PMU_MAX_LBR);

	r = pmu_lbr_arch_written(pmu, r);
	*reg = info ? r.info : r.from;
}

enum pmu_result pmu_lbr_arch_wrmsr(struct pmu *pmu, uint32_t msr,
				   uint64_t value)
{
	uint64_t *reg = find(pmu, msr);

	if (msr == MSR_LBR_DEPTH)
		return write_depth(pmu, value);
	if (msr == MSR_LBR_CTL) {
		if (!pmu_lbr_ctl_valid(pmu, value))
			return PMU_GP;
		set_ctl(pmu, value);
		return PMU_OK;
	}
	if (!reg)
		return PMU_NOT_MINE;
	write_entry(pmu, msr, reg, value);
	return PMU_OK;
}
