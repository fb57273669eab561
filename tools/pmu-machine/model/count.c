// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counting: what happened since the last time is added to the counters that
 * were counting, and the next time by which that must be done is worked out.
 *
 * The modelled core retires one instruction in a cycle; every cost (cost.h)
 * is a stall of so many cycles in which nothing retires, before the cycle in
 * which the instruction that caused it does.  An instruction's events happen
 * in the cycle in which it retires.  That is all that edge, inv and cmask
 * need (SDM vol. 3B, "IA32_PERFEVTSELx": a cmask makes the counter count
 * cycles with at least so many events, inv those with fewer, edge the cycles
 * in which the condition becomes true).
 */
#include <string.h>

#include "events.h"
#include "regs.h"

/* Add to a counter; true if it wrapped. */
static bool advance(struct pmu_counter *c, uint64_t n)
{
	uint64_t sum = c->value + n;

	c->value = sum & PMU_WIDTH_MASK;
	return sum > PMU_WIDTH_MASK;
}

static uint64_t sum_of(uint64_t accs, const uint64_t *delta)
{
	uint64_t sum = 0;

	for (; accs; accs &= accs - 1)
		sum += delta[__builtin_ctzll(accs)];
	return sum;
}

static bool condition(const struct pmu_counter *c, uint64_t events)
{
	return (events >= c->cmask) != c->inv;
}

/* One more cycle, or stretch of equal cycles, for a counter with edge set. */
static uint64_t edge(struct pmu_counter *c, bool above)
{
	bool rises = above && !c->above;

	c->above = above;
	return rises;
}

/* cycles - 1 stall cycles, then the one in which all the events happen. */
static uint64_t count_stepped(struct pmu_counter *c, const uint64_t *delta)
{
	uint64_t cycles = delta[PMU_CYCLES];
	uint64_t events, idle = 0, n = 0;

	if (c->accs & PMU_ACC(PMU_CYCLES)) {
		events = c->mul;
		idle = c->mul;
	} else {
		events = sum_of(c->accs, delta) * c->mul;
		if (!cycles && events)
			cycles = 1;
	}
	if (!cycles)
		return 0;

	if (c->edge) {
		if (cycles > 1)
			n += edge(c, condition(c, idle));
		return n + edge(c, condition(c, events));
	}
	return (cycles - 1) * condition(c, idle) + condition(c, events);
}

static uint64_t count_plain(struct pmu_counter *c, const uint64_t *delta)
{
	uint64_t units = sum_of(c->accs, delta) * c->mul;

	if (c->div == 1)
		return units;
	units += c->rest;
	c->rest = units % c->div;
	return units / c->div;
}

static void count_all(struct pmu *pmu)
{
	uint64_t delta[PMU_ACCS], overflow = 0, n;
	struct pmu_counter *c;
	bool wrapped;

	for (size_t i = 0; i < PMU_ACCS; i++)
		delta[i] = pmu->acc[i] - pmu->last[i];
	memcpy(pmu->last, pmu->acc, sizeof(pmu->last));

	for (c = pmu->counter; c < pmu->counter + PMU_MAX_COUNTERS; c++) {
		if (!c->active)
			continue;
		n = c->stepped ? count_stepped(c, delta) :
				 count_plain(c, delta);
		wrapped = advance(c, n);
		if (wrapped)
			overflow |= BIT(c->bit);
		if (delta[PMU_INSTRUCTIONS])
			pmu_pebs_event(pmu, c, n, wrapped);
	}
	if (pmu->global_ctrl & GLOBAL_METRICS && pmu_fixed(pmu, 3)->active)
		pmu_metrics_count(pmu, delta[PMU_INSTRUCTIONS],
				  delta[PMU_CYCLES]);
	if (overflow)
		pmu_overflow(pmu, overflow);
}

/**
 * pmu_sync - bring the counters up to date
 * @pmu: the PMU
 *
 * Everything that the accumulators gained since the last call happened in
 * the present mode, under the present register values.  May request a PMI.
 */
void pmu_sync(struct pmu *pmu)
{
	pmu->ops->now(pmu->ctx, &pmu->acc[PMU_INSTRUCTIONS],
		      &pmu->acc[PMU_CYCLES]);
	if (pmu->running)
		count_all(pmu);
	pmu_interrupt_if_due(pmu);
}

static bool interrupts(const struct pmu *pmu, const struct pmu_counter *c)
{
	bool fixed = pmu_is_fixed(pmu, c);

	return c->select & (fixed ? FIXED_PMI : SEL_INT);
}

/* The least number of cycles in which the counter can wrap. */
static uint64_t cycles_left(const struct pmu_counter *c)
{
	uint64_t left = PMU_WIDTH_MASK + 1 - c->value;

	return (left * c->div - c->rest + c->mul - 1) / c->mul;
}

/* Has it overflowed, so that the next event makes a PEBS record? */
static bool is_armed(const struct pmu *pmu, const struct pmu_counter *c)
{
	return pmu->pebs.armed & BIT(c->bit) && pmu_pebs_samples(pmu, c);
}

static void set_deadline(struct pmu *pmu)
{
	uint64_t now = pmu->acc[PMU_CYCLES];
	uint64_t left = pmu->pmi_at - now, one;
	struct pmu_counter *c;

	pmu->armed = 0;
	for (c = pmu->counter; c < pmu->counter + PMU_MAX_COUNTERS; c++) {
		if (!c->active)
			continue;
		if (c->stepped || is_armed(pmu, c)) {
			left = 1;
		} else if (c->accs && (interrupts(pmu, c) ||
				       pmu_pebs_samples(pmu, c))) {
			pmu->armed |= c->accs & PMU_BURST_ACCS;
			one = cycles_left(c);
			if (one < left)
				left = one;
		}
	}
	if (pmu->deadline != now + left) {
		pmu->deadline = now + left;
		pmu->ops->deadline(pmu->ctx, pmu->deadline);
	}
}

/**
 * pmu_boundary - the deadline is reached, or a burst asked for a look
 * @pmu: the PMU
 *
 * To be called between two instructions.  May request a PMI.
 */
void pmu_boundary(struct pmu *pmu)
{
	pmu_sync(pmu);
	set_deadline(pmu);
}

static bool enabled(const struct pmu *pmu, const struct pmu_counter *c)
{
	bool fixed = pmu_is_fixed(pmu, c);
	uint64_t on = fixed ? FIXED_OS | FIXED_USR : SEL_EN;

	if (!(c->select & on) || pmu_frozen(pmu) ||
	    !pmu_latency_enabled(pmu, c))
		return false;
	return !pmu_has_global(pmu) || pmu->global_ctrl & BIT(c->bit);
}

/*
 * APM vol. 2, 13.2.1: with HostOnly or GuestOnly set the counter counts only
 * while EFER.SVME is set, and then in the modes that are named.
 */
static bool counts_host_guest(const struct pmu *pmu, const struct pmu_counter *c)
{
	uint64_t only = c->select & (SEL_AMD_GUEST_ONLY | SEL_AMD_HOST_ONLY);

	if (pmu_is_intel(pmu) || !only)
		return true;
	return pmu->mode.svme &&
	       only & (pmu->mode.guest ? SEL_AMD_GUEST_ONLY : SEL_AMD_HOST_ONLY);
}

static bool counts_in_mode(const struct pmu *pmu, const struct pmu_counter *c)
{
	bool fixed = pmu_is_fixed(pmu, c);
	uint64_t usr = fixed ? FIXED_USR : SEL_USR;
	uint64_t os = fixed ? FIXED_OS : SEL_OS;

	/* FREEZE_WHILE_SMM, SDM vol. 3B, "IA32_DEBUGCTL" */
	if (pmu->mode.smm && pmu->debugctl & DEBUGCTL_FREEZE_SMM)
		return false;
	return c->select & (pmu->mode.user ? usr : os) &&
	       counts_host_guest(pmu, c);
}

/**
 * pmu_update - work out anew which counters count, which models run
 * @pmu: the PMU, after pmu_sync() and a change of a register or of the mode
 */
void pmu_update(struct pmu *pmu)
{
	struct pmu_counter *c;
	uint64_t accs = 0;
	bool running = false, data = false;

	for (c = pmu->counter; c < pmu->counter + PMU_MAX_COUNTERS; c++) {
		bool on = enabled(pmu, c);

		c->active = on && counts_in_mode(pmu, c);
		running |= on;
		if (on)
			accs |= c->accs;
		data |= on && pmu_wants_data(pmu, c);
	}
	if (running && !pmu->running)
		memcpy(pmu->last, pmu->acc, sizeof(pmu->last));
	pmu->running = running;
	pmu->models = (accs & ACCS_MEMORY ? PMU_MODEL_MEMORY : 0) |
		      (accs & ACCS_MISP ? PMU_MODEL_PREDICTOR : 0) |
		      (accs & ACCS_CACHE ? PMU_MODEL_CACHE : 0);
	if (data)
		pmu->models |= PMU_MODEL_DATA | PMU_MODEL_MEMORY | PMU_MODEL_CACHE;
	if (pmu_lbr_recording(pmu))
		pmu->models |= PMU_MODEL_BRANCHES | PMU_MODEL_PREDICTOR;
	set_deadline(pmu);
}
