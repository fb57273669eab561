// SPDX-License-Identifier: GPL-2.0-only
/*
 * The branch predictor of predict.h.
 */
#include <string.h>

#include "predict.h"

#define WEAKLY_NOT_TAKEN	1
#define WEAKLY_TAKEN		2
#define STRONGLY_TAKEN		3

/**
 * pmu_predictor_reset - forget everything
 * @p: the predictor
 *
 * At power-on and for an indirect branch predictor barrier (PRED_CMD.IBPB).
 * A barrier has to forget the targets of indirect branches (SDM vol. 3A,
 * "Indirect Branch Predictor Barrier"); more may go, and here all of it does.
 */
void pmu_predictor_reset(struct pmu_predictor *p)
{
	memset(p, 0, sizeof(*p));
	memset(p->counter, WEAKLY_NOT_TAKEN, sizeof(p->counter));
}

static void train(uint8_t *counter, bool taken)
{
	if (taken && *counter < STRONGLY_TAKEN)
		++*counter;
	else if (!taken && *counter)
		--*counter;
}

/**
 * pmu_predict_cond - a conditional branch retires
 * @p:	   the predictor
 * @ip:	   the branch's address
 * @taken: what it did
 *
 * Return: true if that was mispredicted.
 */
bool pmu_predict_cond(struct pmu_predictor *p, uint64_t ip, bool taken)
{
	uint8_t *counter = &p->counter[(ip ^ p->history) % PREDICT_COUNTERS];
	bool mispredicted = (*counter >= WEAKLY_TAKEN) != taken;

	train(counter, taken);
	p->history = (p->history << 1 | taken) % PREDICT_COUNTERS;
	return mispredicted;
}

/**
 * pmu_predict_indirect - an indirect jump or call retires
 * @p:	    the predictor
 * @ip:	    the branch's address
 * @target: where it went
 *
 * Of a call pmu_predict_call() has to know as well.
 *
 * Return: true if it was mispredicted, as one seen for the first time is.
 */
bool pmu_predict_indirect(struct pmu_predictor *p, uint64_t ip, uint64_t target)
{
	size_t slot = ip % PREDICT_TARGETS;
	bool mispredicted = !p->target[slot].valid ||
			    p->target[slot].ip != ip ||
			    p->target[slot].target != target;

	p->target[slot].ip = ip;
	p->target[slot].target = target;
	p->target[slot].valid = true;
	return mispredicted;
}

/**
 * pmu_predict_call - a near call, direct or indirect, retires
 * @p:		    the predictor
 * @return_address: the address of the next instruction
 *
 * The oldest return address is lost if the stack is full.
 */
void pmu_predict_call(struct pmu_predictor *p, uint64_t return_address)
{
	p->returns[p->top] = return_address;
	p->top = (p->top + 1) % PREDICT_RETURNS;
	if (p->depth < PREDICT_RETURNS)
		p->depth++;
}

/**
 * pmu_predict_ret - a near return retires
 * @p:	    the predictor
 * @target: where it went
 *
 * Return: true if it was mispredicted, as one is that finds the stack empty.
 */
bool pmu_predict_ret(struct pmu_predictor *p, uint64_t target)
{
	if (!p->depth)
		return true;
	p->depth--;
	p->top = (p->top + PREDICT_RETURNS - 1) % PREDICT_RETURNS;
	return p->returns[p->top] != target;
}
