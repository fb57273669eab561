// SPDX-License-Identifier: GPL-2.0-only
/*
 * PEBS: its registers, when a record is due, and where it goes (SDM vol. 3B,
 * "Processor Event Based Sampling", and for Goldmont, from which Ice Lake has
 * the extended PEBS, the section of that name).
 */
#include "regs.h"

#define MSR_PEBS_ENABLE		0x3f1
#define MSR_PEBS_DATA_CFG	0x3f2
#define MSR_DS_AREA		0x600

/* The DS buffer management area, 64-bit format */
#define DS_PEBS_BASE		0x20
#define DS_PEBS_INDEX		0x28
#define DS_PEBS_MAXIMUM		0x30
#define DS_PEBS_THRESHOLD	0x38
#define DS_PEBS_RESET		0x40
#define DS_PEBS_FIXED_RESET	0x80

#define PAGE_QWORDS		512

/*
 * Adaptive PEBS has a bit for each counter, Skylake one for each general-purpose
 * counter and another to record the latency of loads.
 */
static uint64_t valid_enable(const struct pmu *pmu)
{
	if (pmu_has_adaptive_pebs(pmu))
		return pmu_counter_mask(pmu);
	return pmu_gp_mask(pmu) | pmu_gp_mask(pmu) << PEBS_LL_SHIFT;
}

static uint64_t *find(struct pmu *pmu, uint32_t msr, uint64_t *valid)
{
	switch (msr) {
	case MSR_PEBS_ENABLE:
		*valid = valid_enable(pmu);
		return &pmu->pebs.enable;
	case MSR_PEBS_DATA_CFG:
		*valid = PEBS_CFG_VALID;
		return pmu_has_adaptive_pebs(pmu) ? &pmu->pebs.data_cfg : NULL;
	case MSR_DS_AREA:
		*valid = UINT64_MAX;
		return &pmu->pebs.ds_area;
	default:
		return NULL;
	}
}

enum pmu_result pmu_pebs_rdmsr(struct pmu *pmu, uint32_t msr, uint64_t *value)
{
	uint64_t valid;
	const uint64_t *reg = find(pmu, msr, &valid);

	if (!pmu_has_pebs(pmu) || !reg)
		return PMU_NOT_MINE;
	*value = *reg;
	return PMU_OK;
}

/*
 * A counter that is switched off waits for no record any more.  One that is
 * switched on does so if it has overflowed before: see pebs.md, rule 3.
 */
static void enable(struct pmu *pmu, uint64_t value)
{
	uint64_t on = value & ~pmu->pebs.enable;

	pmu->pebs.armed = (pmu->pebs.armed & value) | (pmu->global_status & on);
}

/* SDM vol. 4, 600H: a linear address; WRMSR checks that it is canonical. */
enum pmu_result pmu_pebs_wrmsr(struct pmu *pmu, uint32_t msr, uint64_t value)
{
	uint64_t valid, *reg = find(pmu, msr, &valid);

	if (!pmu_has_pebs(pmu) || !reg)
		return PMU_NOT_MINE;
	if (value & ~valid)
		return PMU_GP;
	if (msr == MSR_DS_AREA && pmu_canonical(pmu, value) != value)
		return PMU_GP;
	if (msr == MSR_PEBS_ENABLE)
		enable(pmu, value);
	*reg = value;
	return PMU_OK;
}

/*
 * SDM vol. 3B, "Precise Events for the Skylake Microarchitecture", and Intel's
 * event lists of the later models.  Of INST_RETIRED and the branches Skylake's
 * has some unit masks only, but Linux samples the others as well.
 */
static bool is_precise(const struct pmu *pmu, const struct pmu_counter *c)
{
	if (pmu_is_fixed(pmu, c))
		return c == pmu->counter + PMU_MAX_GP;
	switch (c->select & 0xff) {
	case 0xc0:	/* INST_RETIRED */
	case 0xc4:	/* BR_INST_RETIRED */
	case 0xc5:	/* BR_MISP_RETIRED */
	case 0xcd:	/* MEM_TRANS_RETIRED */
	case 0xd0:	/* MEM_INST_RETIRED */
		return true;
	default:
		return false;
	}
}

/**
 * pmu_pebs_samples - does the counter make records?
 * @pmu: the PMU
 * @c:	 the counter
 *
 * "The PEBS facility also supports the use of non-precise events", says the
 * section on Goldmont; Skylake's does not.  Its bits 35:32 are no fixed counter's.
 */
bool pmu_pebs_samples(const struct pmu *pmu, const struct pmu_counter *c)
{
	if (!(pmu->pebs.enable & BIT(c->bit)))
		return false;
	return pmu_has_adaptive_pebs(pmu) ||
	       (!pmu_is_fixed(pmu, c) && is_precise(pmu, c));
}

/*
 * SDM vol. 3B, "Precise Distribution of Instructions Retired (PDIR)": the record
 * is of the instruction that made the counter wrap.  Skylake has it for
 * INST_RETIRED.PREC_DIST on counter 1, Ice Lake on fixed counter 0, and Sapphire
 * Rapids for every precise event on counter 0 (PDist).
 */
static bool has_no_skid(const struct pmu *pmu, const struct pmu_counter *c)
{
	if (!(pmu->cpu->pdist & BIT(c->bit)) || !is_precise(pmu, c))
		return false;
	return pmu_has_adaptive_pebs(pmu) || (c->select & SEL_EVENT) == 0x01c0;
}

/**
 * pmu_pebs_arm - counters have overflowed
 * @pmu:  the PMU
 * @bits: which, as their bits in GLOBAL_STATUS
 *
 * "When the counter overflows from maximum count to zero, the PEBS hardware is
 * armed."  And Goldmont's section: a record "may also be generated after an
 * overflow is set by an MSR write to IA32_PERF_GLOBAL_STATUS_SET."
 */
void pmu_pebs_arm(struct pmu *pmu, uint64_t bits)
{
	pmu->pebs.armed |= bits & pmu->pebs.enable;
}

/**
 * pmu_pebs_event - an instruction has retired; is a record due?
 * @pmu:     the PMU
 * @c:	     a counter that was counting
 * @n:	     how many events it counted
 * @wrapped: it wrapped
 *
 * "Upon occurrence of the next PEBS event, the PEBS hardware triggers an assist".
 * Of a non-precise event "a PEBS record will be generated at the next
 * opportunity".  "The recording mechanism [is] disabled on transition to
 * system-management mode".
 */
void pmu_pebs_event(struct pmu *pmu, const struct pmu_counter *c, uint64_t n,
		    bool wrapped)
{
	bool armed = pmu->pebs.armed & BIT(c->bit);

	if (!pmu_pebs_samples(pmu, c) || pmu->mode.smm)
		return;
	if ((armed && (n || !is_precise(pmu, c))) ||
	    (wrapped && has_no_skid(pmu, c)))
		pmu->pebs.due |= BIT(c->bit);
}

static uint64_t load(struct pmu *pmu, uint64_t offset)
{
	return pmu->ops->load(pmu->ctx, pmu->pebs.ds_area + offset);
}

/* Have faults now, while nothing has changed. */
static void touch(struct pmu *pmu, uint64_t address)
{
	pmu->ops->touch(pmu->ctx, address);
}

static uint64_t reset_offset(unsigned int bit)
{
	if (bit < GLOBAL_FIXED_SHIFT)
		return DS_PEBS_RESET + 8 * bit;
	return DS_PEBS_FIXED_RESET + 8 * (bit - GLOBAL_FIXED_SHIFT);
}

static struct pmu_counter *counter(struct pmu *pmu, unsigned int bit)
{
	if (bit < GLOBAL_FIXED_SHIFT)
		return pmu_gp(pmu, bit);
	return pmu_fixed(pmu, bit - GLOBAL_FIXED_SHIFT);
}

/*
 * "After each PEBS record is written, the processor checks each counter to see
 * if it overflowed and was enabled for PEBS.  If these conditions are met, then
 * the reset value for each overflowed counter is loaded".
 */
static void reload(struct pmu *pmu, uint64_t due)
{
	for (; due; due &= due - 1) {
		unsigned int bit = __builtin_ctzll(due);

		counter(pmu, bit)->value = load(pmu, reset_offset(bit)) &
					   PMU_WIDTH_MASK;
	}
}

/* "[...] clear the counter overflow status" */
static void disarm(struct pmu *pmu, uint64_t due)
{
	pmu->pebs.armed &= ~due;
	pmu->global_status &= ~due;
}

/*
 * "If the bounds checks fail, the PEBS will be skipped entirely".  Goldmont, from
 * which Ice Lake has the extended PEBS: OvfDSBuffer is set, and "the overflow bits
 * in GLOBAL_STATUS will be cleared according to Applicable Counters, however the
 * IA32_PMCx values will not be reloaded".
 */
static void skip(struct pmu *pmu, uint64_t due)
{
	if (!pmu_has_adaptive_pebs(pmu))
		return;
	disarm(pmu, due);
	pmu_buffer_overflow(pmu);
}

/* Where the record is to go, or 0 if the bounds checks fail */
static uint64_t find_room(struct pmu *pmu, size_t qwords)
{
	uint64_t base = load(pmu, DS_PEBS_BASE);
	uint64_t index = load(pmu, DS_PEBS_INDEX);
	uint64_t maximum = load(pmu, DS_PEBS_MAXIMUM);

	if (index < base || index > maximum || maximum - index < 8 * qwords)
		return 0;
	return index;
}

static void write_record(struct pmu *pmu, uint64_t due, uint64_t index,
			 const uint64_t *record, size_t qwords)
{
	for (size_t i = 0; i < qwords; i += PAGE_QWORDS)
		touch(pmu, index + 8 * i);
	touch(pmu, index + 8 * (qwords - 1));
	touch(pmu, pmu->pebs.ds_area + DS_PEBS_INDEX);
	load(pmu, reset_offset(63 - __builtin_clzll(due)));

	for (size_t i = 0; i < qwords; i++)
		pmu->ops->store(pmu->ctx, index + 8 * i, record[i]);
	index += 8 * qwords;
	pmu->ops->store(pmu->ctx, pmu->pebs.ds_area + DS_PEBS_INDEX, index);
	reload(pmu, due);
	disarm(pmu, due);
	if (index >= load(pmu, DS_PEBS_THRESHOLD))
		pmu_buffer_overflow(pmu);
}

/**
 * pmu_pebs_store - write the record that is due
 * @pmu:   the PMU
 * @state: the processor's state after the instruction
 *
 * Calls load and store of pmu_ops, which need not return if they fault: all
 * pages are touched before anything changes.  The counter stays armed then, and
 * its next event calls for a record again: "the PEBS record will not be lost but
 * instead will skid to after the subsequent VM Entry [...] by one event
 * occurrence" (SDM vol. 3B, "EPT-Friendly PEBS").  Of page faults the manual says
 * only that recording "may not operate properly".
 *
 * Return: whether a record was written; false if the bounds checks fail.
 */
bool pmu_pebs_store(struct pmu *pmu, const struct pmu_pebs_state *state)
{
	uint64_t record[PMU_PEBS_MAX_QWORDS];
	uint64_t due = pmu->pebs.due;
	size_t qwords = pmu_pebs_format(pmu, due, state, record);
	uint64_t index;

	pmu->pebs.due = 0;
	index = find_room(pmu, qwords);
	if (index)
		write_record(pmu, due, index, record, qwords);
	else
		skip(pmu, due);
	pmu_interrupt_if_due(pmu);
	pmu_update(pmu);
	return index;
}

/**
 * pmu_pebs_init - an INIT
 * @pmu: the PMU
 *
 * SDM vol. 3B, "BTS and DS Save Area": "the recording mechanism [...] is cleared
 * on processor RESET and INIT".
 */
void pmu_pebs_init(struct pmu *pmu)
{
	pmu_sync(pmu);
	pmu->pebs.enable = 0;
	pmu->pebs.armed = 0;
	pmu->pebs.due = 0;
	pmu_update(pmu);
}
