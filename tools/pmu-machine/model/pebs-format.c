// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is in a PEBS record: SDM vol. 3B, "PEBS Record Format for 6th Generation
 * Intel Core Processor Family" and "Adaptive PEBS".
 */
#include "regs.h"

#define RECORD_SIZE_SHIFT	48

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

/* 00H to C7H; the field for transactions that abort is 0: there is no TSX. */
static size_t format_fixed(struct pmu *pmu, uint64_t due,
			   const struct pmu_pebs_state *s, uint64_t *out)
{
	static const uint8_t order[] = { RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP };
	uint64_t *const first = out;

	*out++ = s->flags;
	*out++ = s->ip;
	for (unsigned int i = 0; i < sizeof(order); i++)
		*out++ = s->gpr[order[i]];
	for (unsigned int i = sizeof(order); i < PMU_GPRS; i++)
		*out++ = s->gpr[i];
	*out++ = due;
	pmu_pebs_data(pmu, due, s, out);
	out += 3;
	*out++ = s->eventing_ip;
	*out++ = 0;
	*out++ = s->tsc;
	return out - first;
}

/* The same three, and what there would be of a transaction */
static uint64_t *format_memory(struct pmu *pmu, uint64_t due,
			       const struct pmu_pebs_state *s, uint64_t *out)
{
	pmu_pebs_data(pmu, due, s, out);
	out += 3;
	*out++ = 0;
	return out;
}

static uint64_t *format_gprs(const struct pmu_pebs_state *s, uint64_t *out)
{
	*out++ = s->flags;
	*out++ = s->ip;
	for (unsigned int i = 0; i < PMU_GPRS; i++)
		*out++ = s->gpr[i];
	return out;
}

static uint64_t *format_xmms(const struct pmu_pebs_state *s, uint64_t *out)
{
	for (unsigned int i = 0; i < PMU_XMMS; i++) {
		*out++ = s->xmm[i][0];
		*out++ = s->xmm[i][1];
	}
	return out;
}

/* From the newest on; those that the processor does not have are 0. */
static uint64_t *format_lbrs(struct pmu *pmu, unsigned int entries,
			     uint64_t *out)
{
	for (unsigned int age = 0; age < entries; age++) {
		struct pmu_record r = { 0 };

		if (age < pmu->lbr.depth)
			r = *pmu_lbr_entry(pmu, age);
		*out++ = r.from;
		*out++ = r.to;
		*out++ = r.info;
	}
	return out;
}

/*
 * IA32_PERFEVTSELx.Adaptive_Record and its like in IA32_FIXED_CTR_CTRL: "If this
 * bit is not set, a basic record is generated."
 */
static bool wants_adaptive(struct pmu *pmu, uint64_t due)
{
	for (unsigned int i = 0; i < pmu->cpu->gp; i++) {
		if (due & BIT(i) && pmu_gp(pmu, i)->select & SEL_ADAPTIVE)
			return true;
	}
	for (unsigned int i = 0; i < pmu->cpu->fixed; i++) {
		if (due & BIT(GLOBAL_FIXED_SHIFT + i) &&
		    pmu->fixed_ctrl & FIXED_ADAPTIVE(i))
			return true;
	}
	return false;
}

static size_t format_adaptive(struct pmu *pmu, uint64_t due,
			      const struct pmu_pebs_state *s, uint64_t *first)
{
	uint64_t cfg = wants_adaptive(pmu, due) ? pmu->pebs.data_cfg : 0;
	uint64_t *out = first + 1;
	size_t qwords;

	*out++ = s->eventing_ip;
	*out++ = due;
	*out++ = s->tsc;
	if (cfg & PEBS_CFG_MEMORY)
		out = format_memory(pmu, due, s, out);
	if (cfg & PEBS_CFG_GPRS)
		out = format_gprs(s, out);
	if (cfg & PEBS_CFG_XMMS)
		out = format_xmms(s, out);
	if (cfg & PEBS_CFG_LBRS)
		out = format_lbrs(pmu, (cfg >> PEBS_CFG_LBR_SHIFT) + 1, out);

	qwords = out - first;
	*first = cfg | (uint64_t)(8 * qwords) << RECORD_SIZE_SHIFT;
	return qwords;
}

/**
 * pmu_pebs_format - put a record together
 * @pmu:   the PMU
 * @due:   the counters that it is of
 * @state: the processor's state
 * @out:   the record
 *
 * Return: how long it is, in units of eight bytes.
 */
size_t pmu_pebs_format(struct pmu *pmu, uint64_t due,
		       const struct pmu_pebs_state *state,
		       uint64_t out[PMU_PEBS_MAX_QWORDS])
{
	if (pmu_has_adaptive_pebs(pmu))
		return format_adaptive(pmu, due, state, out);
	return format_fixed(pmu, due, state, out);
}
