/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What micro.c, on the host, and its guest, micro-guest.c, agree about.
 */
#ifndef MICRO_H
#define MICRO_H

#include <stdint.h>

#include "../init/pmu-mark.h"

/* The guest's memory; 2 MB pages map it where it is. */
#define MEMORY		0x400000
#define PAGE_TABLES	0x1000
#define ORDER		0x8000
#define STACK		0x80000
#define CODE		0x100000

/* The flat segments that the guest starts with and its GDT repeats. */
#define SELECTOR_CODE	0x08
#define SELECTOR_DATA	0x10

/*
 * An OUT to PORT_READY asks for the next order; one to PORT_NOTHING just exits to
 * user space.  None of KVM's own devices has them.
 */
#define PORT_READY	0x500
#define PORT_NOTHING	0x501

/* What the guest uses of its PMU */
enum use {
	USE_NONE,
	USE_USER,	/* all counters, of what user mode does: nothing */
	USE_ALL,	/* all counters, of instructions where one can choose */
	USE_PEBS,	/* as USE_USER, and a counter makes PEBS records */
	USE_BRANCHES,	/* as USE_USER, and branches are recorded */
	USES
};

/* What it does, one section of the statistics each */
enum task {
	/* VM exits */
	TASK_CPUID,
	TASK_HLT,
	TASK_INTERRUPT,
	TASK_USER_SPACE,
	LAST_EXIT = TASK_USER_SPACE,
	/* Operations on the PMU */
	TASK_EMPTY,	/* the loop that the others have, too */
	TASK_RDPMC,
	TASK_READ_COUNTER,
	TASK_WRITE_COUNTER,
	TASK_TOGGLE_SELECTOR,
	TASK_CHANGE_SELECTOR,
	TASK_GLOBAL_CTRL,
	TASK_NO_PMI,	/* what TASK_PMI does, with nothing that overflows */
	TASK_PMI,
	TASK_BRANCHES,	/* TASK_PMI, whose handler reads the branch records */
	TASK_RECORD,	/* a PEBS record in place of TASK_PMI's PMI */
	TASKS
};

/**
 * struct order - what the host wants, and what came of it
 * @use: of the PMU
 * @task: to do
 * @rounds: how often
 * @span: TASK_INTERRUPT, how long to be interrupted, in TSC cycles
 * @name: of the section
 * @counters: the guest's counters of either kind, together
 * @done: rounds that were made; 0 if the guest can't do the task
 * @cycles: of the TSC, from the first round to the last
 */
struct order {
	uint32_t use, task;
	uint64_t rounds, span;
	char name[PMU_MARK_NAME_MAX + 1];
	uint64_t counters, done, cycles;
};

#endif /* MICRO_H */
