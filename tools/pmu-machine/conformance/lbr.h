/* SPDX-License-Identifier: GPL-2.0-only */
/* Branch records of any kind, and the facts that all kinds have in common. */
#ifndef LBR_H
#define LBR_H

#include "branches.h"

#define MAX_RECORDS	32

/* struct record: what of an entry all kinds have; type and cycles are 0 where there are none */
struct record {
	u64 from, to;
	u32 type, cycles;
	bool mispredicted;
};

/**
 * struct lbr - the branch records of this processor
 * @ref:	where the manual describes them
 * @depth:	how many entries there are
 * @msr:	the register that switches recording on,
 * @on:		what is written to it then,
 * @en:		and the bit that does it
 * @types:	the entries have the kind of the branch
 * @crossing:	FROM is all ones if its level is filtered out, and that of TO is not
 * @call_next:	a CALL to the next instruction is recorded
 * @clear:	clear all entries
 * @read:	all entries, the newest first
 * @filter:	what to record: BIT(BRANCH_*), at CPL 0, above, calls as a stack
 */
struct lbr {
	const char *ref;
	u32 depth, msr;
	u64 on, en;
	bool types, crossing, call_next;
	void (*clear)(void);
	void (*read)(struct record *to);
	void (*filter)(u32 types, bool kernel, bool user, bool call_stack);
};

/* The list of a function in branches.S */
#define LIST(name)	(&(const struct branches){ name, name##_branches, name##_branches_end })

void lbr_run(const struct lbr *lbr, void (*fn)(u64 arg), u64 arg);
void lbr_run_events(u32 msr, u64 on);
void lbr_all(const struct lbr *lbr);
u64 lbr_differs(const struct lbr *lbr, const struct branches *list, u32 types, bool kernel, bool user);
u64 lbr_newest_differ(const struct lbr *lbr, const struct branch *list, u32 n);
void lbr_facts(const struct lbr *lbr);
void lbr_machine_facts(const struct lbr *lbr);

#endif
