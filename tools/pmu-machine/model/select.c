// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a selector to what its counter counts.
 */
#include <inttypes.h>
#include <stdio.h>

#include "events.h"
#include "regs.h"

#define AMD_EVENT_HIGH_TO_CODE(sel)	(((sel) & SEL_AMD_EVENT_HIGH) >> 16)

static uint32_t event_code(const struct pmu *pmu, uint64_t select)
{
	uint32_t code = select & SEL_EVENT;

	if (!pmu_is_intel(pmu))
		code |= AMD_EVENT_HIGH_TO_CODE(select);
	return code;
}

/* An unknown event counts zero; say so, once for each code (by a small hash). */
static void log_unknown(struct pmu *pmu, uint32_t code)
{
	unsigned int hash = (code ^ code >> 8) & 0xff;
	char line[80];

	if (!code || pmu->logged[hash >> 6] & BIT(hash & 63))
		return;
	pmu->logged[hash >> 6] |= BIT(hash & 63);
	snprintf(line, sizeof(line), "%s: event %#" PRIx32 " is not modelled, counts 0",
		 pmu->cpu->name, code);
	pmu->ops->log(pmu->ctx, line);
}

static const struct pmu_event nothing = { .mul = 1, .div = 1 };

static const struct pmu_event *find_event(struct pmu *pmu, uint64_t select)
{
	uint32_t code = event_code(pmu, select);
	const struct pmu_event *e;

	for (e = pmu->cpu->events; e->accs; e++) {
		if (e->code == code)
			return e;
	}
	if (select & SEL_EN)
		log_unknown(pmu, code);
	return &nothing;
}

static uint64_t most_in_a_cycle(const struct pmu_counter *c)
{
	if (c->accs & PMU_BURST_ACCS)
		return UINT64_MAX;
	return c->accs ? c->mul : 0;
}

/*
 * A cmask, inv or edge that makes no difference to the count, or makes it
 * the cycles' or nothing, needs no look at single cycles.  Skylake's precise
 * cycles (event 01c0H, inv, cmask 16) is one of those.
 */
static void simplify(struct pmu_counter *c)
{
	uint64_t most = most_in_a_cycle(c);
	bool clock = c->accs & PMU_ACC(PMU_CYCLES);

	c->stepped = false;
	if (c->edge && !c->cmask)
		c->cmask = 1;
	if (!c->cmask)
		return;
	if (!c->edge && c->cmask > most) {
		c->accs = c->inv ? PMU_ACC(PMU_CYCLES) : 0;
		c->mul = c->div = 1;
	} else if (!c->edge && clock && c->div == 1) {
		c->accs = c->inv ? 0 : PMU_ACC(PMU_CYCLES);
		c->mul = 1;
	} else if (c->edge || c->inv || most != 1) {
		c->stepped = true;
	}
}

static void decode(struct pmu_counter *c, const struct pmu_event *e)
{
	c->accs = e->accs;
	c->mul = e->mul;
	c->div = e->div;
	c->rest = 0;
	c->above = false;
}

/**
 * pmu_select_gp - decode a general-purpose counter's selector
 * @pmu: the PMU
 * @c:	 the counter, with @c->select written
 */
void pmu_select_gp(struct pmu *pmu, struct pmu_counter *c)
{
	decode(c, find_event(pmu, c->select));
	c->cmask = c->select >> SEL_CMASK_SHIFT & 0xff;
	c->inv = c->cmask && c->select & SEL_INV;
	c->edge = c->select & SEL_EDGE;
	simplify(c);
}

/**
 * pmu_select_fixed - set a fixed-function counter up
 * @pmu: the PMU, with fixed_ctrl written
 * @i:	 which
 *
 * SDM vol. 3B, "Fixed-Function Performance Counters": 0 instructions retired,
 * 1 core cycles, 2 reference cycles at the rate of the TSC, 3 slots.  The
 * core's clock is the TSC's.
 */
void pmu_select_fixed(struct pmu *pmu, unsigned int i)
{
	struct pmu_counter *c = pmu_fixed(pmu, i);
	struct pmu_event e = { .mul = 1, .div = 1 };

	e.accs = PMU_ACC(i ? PMU_CYCLES : PMU_INSTRUCTIONS);
	if (i == 3)
		e.mul = pmu->cpu->slots;
	c->select = pmu->fixed_ctrl >> (4 * i) & 0xf;
	decode(c, &e);
}
