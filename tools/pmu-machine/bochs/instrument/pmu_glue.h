/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a Bochs processor keeps for its PMU: the model, and how Bochs' own
 * instruction count turns into retired instructions and cycles.
 *
 *   retired instructions = icount - not_retired + ahead
 *   cycles               = icount + cost + ahead
 *
 * icount counts every iteration of a REP, every fault and every VM exit as
 * one.  Those are cycles, but not instructions that retire.
 */
#ifndef PMU_GLUE_H
#define PMU_GLUE_H

extern "C" {
#include "../../cpu/pmu/cache.h"
#include "../../cpu/pmu/cost.h"
#include "../../cpu/pmu/pmu.h"
#include "../../cpu/pmu/predict.h"
#include "../../cpu/pmu/stats.h"
}

/* Why pmu_between() must have a look before the next instruction */
enum {
	PMU_ATTEND_MODE = 1,	/* the mode may have changed */
	PMU_ATTEND_BURST = 2,	/* a burst that a counter waits for */
	PMU_ATTEND_NEAR = 4	/* the deadline is near: one instruction at a time */
};

struct pmu_glue {
	struct pmu model;
	Bit64u cost;		/* cycles beyond icount */
	Bit64u not_retired;	/* of icount */
	Bit64u near_icount;	/* icount from which the deadline is near */
	unsigned attention;	/* PMU_ATTEND_* */
	bool ahead;		/* the instruction under way counts as retired */
	bool between;		/* no instruction is under way */
	bool delivering;	/* memory accesses are an event's, not an instruction's */
	bool pmi;		/* a PMI was requested */
	bool storing;		/* memory accesses are those of a PEBS record */
	bool list;		/* register accesses are a VMX MSR list's */
	Bit8u mode;		/* what updateFetchModeMask() last told, packed */
	unsigned interrupts;	/* taken, and not yet counted: see pmu_settle() */
	unsigned exceptions;
	Bit64u event_from;	/* where the event under way came */
	bool event_user;
	Bit64u instruction;	/* RIP of the one under way, if it is watched */
	Bit64u memory_ordinal;	/* the instruction whose accesses these are: */
	unsigned memory;	/* 1 it read, 2 it wrote */
	struct pmu_access load, store;	/* its slowest load, its last store */
	bool slow;		/* it counts as one of SLOW_LOADS */
	Bit32u cost_of[COSTS];
	struct pmu_predictor predictor;
	struct pmu_cache *cache;
	bool lbr_swapped;	/* until #VMEXIT */
	struct {
		bool guest;
		unsigned cpl;
		Bit64u retired, cycles;
	} told;			/* to the statistics */
};

#endif /* PMU_GLUE_H */
