/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small branch predictor, for the events that count mispredictions.
 *
 * It is nobody's in particular: a gshare direction predictor, a target buffer
 * for indirect branches and a return stack, each with its textbook rule.  It
 * runs only while a counter wants it, never feeds the cycle count, and the
 * same branches always give the same mispredictions.
 *
 * Direct jumps and calls are never mispredicted (the decoder knows their
 * target), nor are far branches (they are not predicted at all).
 */
#ifndef PMU_PREDICT_H
#define PMU_PREDICT_H

#include <stdbool.h>
#include <stdint.h>

#define PREDICT_HISTORY_BITS	12
#define PREDICT_COUNTERS	(1 << PREDICT_HISTORY_BITS)
#define PREDICT_TARGETS		512
#define PREDICT_RETURNS		16

/**
 * struct pmu_predictor - what the predictor has learnt
 * @counter: two-bit saturating counters, 2 and 3 mean taken
 * @history: the last conditional branches, the newest in bit 0
 * @target:  targets of indirect jumps and calls, direct-mapped by address
 * @returns: return stack, a ring
 * @top:     next free slot of @returns
 * @depth:   how many of @returns are valid
 */
struct pmu_predictor {
	uint8_t counter[PREDICT_COUNTERS];
	uint32_t history;
	struct {
		uint64_t ip, target;
		bool valid;
	} target[PREDICT_TARGETS];
	uint64_t returns[PREDICT_RETURNS];
	unsigned int top, depth;
};

void pmu_predictor_reset(struct pmu_predictor *p);
bool pmu_predict_cond(struct pmu_predictor *p, uint64_t ip, bool taken);
bool pmu_predict_indirect(struct pmu_predictor *p, uint64_t ip, uint64_t target);
void pmu_predict_call(struct pmu_predictor *p, uint64_t return_address);
bool pmu_predict_ret(struct pmu_predictor *p, uint64_t target);

#endif /* PMU_PREDICT_H */
