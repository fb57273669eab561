// SPDX-License-Identifier: GPL-2.0-only
/* Facts of branch records that hold whatever kind they are. */
#include "lbr.h"

#define ALL_LEVELS	true, true

/**
 * lbr_run() - record a function, from no entry on
 * @lbr:	this processor's records
 * @fn:		the function
 * @arg:	its argument
 */
void lbr_run(const struct lbr *lbr, void (*fn)(u64 arg), u64 arg)
{
	lbr->clear();
	run_counted(lbr->msr, lbr->on, fn, arg);
}

/**
 * lbr_all() - filter nothing
 * @lbr:	this processor's records
 */
void lbr_all(const struct lbr *lbr)
{
	lbr->filter(EVERY_BRANCH, ALL_LEVELS, false);
}

static bool same(const struct lbr *lbr, const struct record *record, const struct branch *branch)
{
	return record->from == branch->from && record->to == branch->to &&
	       (!lbr->types || record->type == branch->type);
}

/**
 * lbr_newest_differ() - compare the newest entries with a list
 * @lbr:	this processor's records
 * @list:	the branches, the newest last
 * @n:		how many
 *
 * Return: 0, or the place of the first that differs, counted from 1 at the newest
 */
u64 lbr_newest_differ(const struct lbr *lbr, const struct branch *list, u32 n)
{
	struct record records[MAX_RECORDS];
	u32 i;

	lbr->read(records);
	for (i = 0; i < n && i < lbr->depth; i++) {
		if (!same(lbr, &records[i], &list[n - 1 - i])) {
			print("# entry %u: 0x%lx to 0x%lx, type %u\n", i, records[i].from, records[i].to,
			      records[i].type);
			return i + 1;
		}
	}
	return 0;
}

/* The number of the first entry, counted from 1, that is not empty behind the first @n */
static u64 not_empty(const struct lbr *lbr, u32 n)
{
	struct record records[MAX_RECORDS];
	u32 i;

	lbr->read(records);
	for (i = n; i < lbr->depth; i++) {
		if (records[i].from || records[i].to) {
			print("# entry %u: 0x%lx to 0x%lx\n", i, records[i].from, records[i].to);
			return i + 1;
		}
	}
	return 0;
}

/**
 * lbr_differs() - compare all entries with those of a list that pass a filter
 * @lbr:	this processor's records
 * @list:	of all branches
 * @types:	BIT(BRANCH_*)
 * @kernel:	branches that end at CPL 0
 * @user:	and above
 *
 * Return: 0, or the place of the first entry that is not what it should be, from 1
 */
u64 lbr_differs(const struct lbr *lbr, const struct branches *list, u32 types, bool kernel, bool user)
{
	bool level[] = { kernel, user };
	struct branch want[MAX_RECORDS];
	const struct branch *b;
	u32 n = 0, from_user = 0;
	u64 differs;

	for (b = list->first; b < list->end; from_user = b++->user) {
		if (!(types & BIT(b->type)) || !level[b->user])
			continue;
		want[n] = *b;
		if (lbr->crossing && !level[from_user])
			want[n].from = ~0ul;
		n++;
	}
	differs = lbr_newest_differ(lbr, want, n);
	return differs ? differs : not_empty(lbr, n);
}

static u64 run_list(const struct lbr *lbr, const struct branches *list, u32 types, bool kernel, bool user)
{
	lbr->filter(types, kernel, user, false);
	lbr_run(lbr, list->fn, 0);
	return lbr_differs(lbr, list, types, kernel, user);
}

static void call_next_fact(const struct lbr *lbr)
{
	lbr_all(lbr);
	lbr_run(lbr, call_next, 0);
	is(FACT("lbr-call-next", "a CALL to the next instruction is recorded, but not by architectural LBRs",
		lbr->ref), lbr_differs(lbr, LIST(call_next), EVERY_BRANCH & ~(lbr->call_next ? 0 : BIT(BRANCH_CALL)),
				       ALL_LEVELS), 0);
}

static void walk_facts(const struct lbr *lbr)
{
	u32 type, only = 0, without = 0;

	lbr_all(lbr);
	lbr->clear();
	run_counted(lbr->msr, lbr->on & ~lbr->en, walk, 0);
	is(FACT("lbr-off", "nothing is recorded while recording is off", lbr->ref), not_empty(lbr, 0), 0);
	is(FACT("lbr-walk", "every branch that is taken is recorded, and no other", lbr->ref),
	   run_list(lbr, LIST(walk), EVERY_BRANCH, ALL_LEVELS), 0);
	walk(0);
	is(FACT("lbr-stay", "the records stay when it is switched off", lbr->ref),
	   lbr_differs(lbr, LIST(walk), EVERY_BRANCH, ALL_LEVELS), 0);
	for (type = 0; type <= BRANCH_FAR; type++) {
		if (!(EVERY_BRANCH & BIT(type)))
			continue;
		if (!run_list(lbr, LIST(walk), BIT(type), ALL_LEVELS))
			only |= BIT(type);
		if (!run_list(lbr, LIST(walk), EVERY_BRANCH & ~BIT(type), ALL_LEVELS))
			without |= BIT(type);
	}
	is(FACT("lbr-filter-only", "a filter can leave branches of one kind alone", lbr->ref), only, EVERY_BRANCH);
	is(FACT("lbr-filter-without", "or any others", lbr->ref), without, EVERY_BRANCH);
}

static void wrap_fact(const struct lbr *lbr)
{
	struct record records[MAX_RECORDS];
	u32 i, right = 0;

	lbr_all(lbr);
	lbr_run(lbr, spin, 3 * lbr->depth);
	lbr->read(records);
	for (i = 1; i < lbr->depth; i++)
		if (records[i].from == (u64)spin_jump && records[i].to == (u64)spin_top)
			right++;
	is(FACT("lbr-wrap", "new records push out the oldest", lbr->ref), right, lbr->depth - 1);
}

/**
 * lbr_run_events() - record events(), with what it needs
 * @msr:	switches recording on
 * @on:		by this value
 */
void lbr_run_events(u32 msr, u64 on)
{
	set_vector(VECTOR_UD, bare_skip);
	set_vector(VECTOR_GP, bare_skip_error);
	set_vector(VECTOR_BARE, bare_return);
	apic_write(APIC_ICR, ICR_SELF | VECTOR_BARE);
	run_counted(msr, on, events, 0);
	apic_write(APIC_EOI, 0);
	set_vector(VECTOR_UD, 0);
	set_vector(VECTOR_GP, 0);
	set_vector(VECTOR_BARE, 0);
}

static u64 events_differ(const struct lbr *lbr, u32 types)
{
	lbr->filter(types, ALL_LEVELS, false);
	lbr->clear();
	lbr_run_events(lbr->msr, lbr->on);
	return lbr_differs(lbr, LIST(events), types, ALL_LEVELS);
}

static void event_facts(const struct lbr *lbr)
{
	is(FACT("lbr-events", "events are branches, from where they return to, and INT from itself; "
		"a branch that faults is none", lbr->ref), events_differ(lbr, EVERY_BRANCH), 0);
	is(FACT("lbr-events-filter", "and are filtered as far branches", lbr->ref), events_differ(lbr, NEAR_BRANCHES),
	   0);
}

static void level_facts(const struct lbr *lbr)
{
	const struct branches *list = LIST(user_trip);

	set_vector(VECTOR_USER_EXIT, bare_leave);
	is(FACT("lbr-trip", "branches at CPL 3, into it and out of it are recorded", lbr->ref),
	   run_list(lbr, list, EVERY_BRANCH, ALL_LEVELS), 0);
	is(FACT("lbr-user", "near branches at CPL 3 alone", lbr->ref),
	   run_list(lbr, list, NEAR_BRANCHES, false, true), 0);
	is(FACT("lbr-kernel", "near branches at CPL 0 alone", lbr->ref),
	   run_list(lbr, list, NEAR_BRANCHES, true, false), 0);
	is(FACT("lbr-into-user", "of a branch that changes the CPL the one at its end decides: into CPL 3", lbr->ref),
	   run_list(lbr, list, EVERY_BRANCH, false, true), 0);
	is(FACT("lbr-into-kernel", "and out of it", lbr->ref), run_list(lbr, list, EVERY_BRANCH, true, false), 0);
	is(FACT("lbr-no-level", "with both filtered out there is nothing", lbr->ref),
	   run_list(lbr, list, EVERY_BRANCH, false, false), 0);
	set_vector(VECTOR_USER_EXIT, 0);
}

static void debug_facts(const struct lbr *lbr)
{
	lbr_all(lbr);
	set_vector(VECTOR_DB, bare_step);
	lbr_run(lbr, step, lbr->msr);
	set_vector(VECTOR_DB, 0);
	is(FACT("lbr-db", "a #DB switches recording off before its handler, and leaves the records", lbr->ref),
	   lbr_differs(lbr, LIST(step), EVERY_BRANCH, ALL_LEVELS), 0);
	is(FACT("lbr-db-bit", "by clearing the enable bit, and no other", lbr->ref), step_saw, lbr->on & ~lbr->en);
	set_vector(VECTOR_DB, bare_return);
	is(FACT("lbr-int1", "INT1 is a #DB", lbr->ref), run_list(lbr, LIST(icebp), EVERY_BRANCH, ALL_LEVELS), 0);
	set_vector(VECTOR_DB, 0);
}

/**
 * lbr_facts() - all facts of this file that the manuals state
 * @lbr:	this processor's records
 */
void lbr_facts(const struct lbr *lbr)
{
	walk_facts(lbr);
	call_next_fact(lbr);
	wrap_fact(lbr);
	event_facts(lbr);
	level_facts(lbr);
	debug_facts(lbr);
	lbr_all(lbr);
	lbr->clear();
}

/* The record of jump_to()'s jump, when it goes to @target; no other has its FROM */
static struct record jump(const struct lbr *lbr, u8 *target)
{
	struct record records[MAX_RECORDS];

	lbr_run(lbr, jump_to, (u64)target);
	lbr->read(records);
	return records[1];
}

/**
 * lbr_machine_facts() - what the manuals leave to the processor
 * @lbr:	this processor's records
 */
void lbr_machine_facts(const struct lbr *lbr)
{
	struct record first, second;

	lbr_all(lbr);
	jump(lbr, jump_to_a);
	first = jump(lbr, jump_to_b);
	second = jump(lbr, jump_to_b);
	is(FACT("lbr-mispredicted", "an indirect jump that goes elsewhere is marked as mispredicted", "this machine"),
	   first.from == (u64)jump_to_jump && first.mispredicted, 1);
	is(FACT("lbr-predicted", "and not when it goes there again", "this machine"),
	   second.from == (u64)jump_to_jump && second.mispredicted, 0);
	lbr->clear();
}
