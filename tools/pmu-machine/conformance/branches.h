/* SPDX-License-Identifier: GPL-2.0-only */
/* Code whose branches are known, in branches.S, and the lists of them. */
#ifndef BRANCHES_H
#define BRANCHES_H

/* The kinds, as INFO[59:56] of an architectural LBR tells them apart; 8: any other */
#define BRANCH_COND	0
#define BRANCH_JMP_IND	1
#define BRANCH_JMP	2
#define BRANCH_CALL_IND	3
#define BRANCH_CALL	4
#define BRANCH_RET	5
#define BRANCH_FAR	8

#ifndef __ASSEMBLER__

#include "loops.h"

/* Numbers of the last branches in the lists */
#define WALK_LAST	9
#define EVENTS_LAST	9

#define EVERY_BRANCH	0x13f
#define NEAR_BRANCHES	0x03f

/* struct branch: one that is taken; type is BRANCH_*, user says where it ends */
struct branch {
	u64 from, to;
	u32 type, user;
};

/* struct branches: those of a function of run_counted(), from its CALL to the function to the last RET */
struct branches {
	void (*fn)(u64 arg);
	const struct branch *first, *end;
};

#define BRANCHES(name)								\
	extern const struct branch name##_branches[], name##_branches_end[];	\
	void name(u64 arg)

/* Each near branch, one that is not taken, a far return; a CALL to the next instruction */
BRANCHES(walk);
BRANCHES(call_next);
/* Faults of an instruction and of a branch, a software interrupt and an interrupt, by the bare handlers */
BRANCHES(events);
/* Into CPL 3, branches there, SYSCALL, back by an interrupt */
BRANCHES(user_trip);
/* A single step, INT1: what comes from there on is not in the list */
BRANCHES(step);
BRANCHES(icebp);

/* deep(msr): three calls deep it writes 0 to the MSR: the calls that have not returned, in the list */
BRANCHES(deep);

/* spin(n): n - 1 turns of one conditional branch, at spin_jump to spin_top */
void spin(u64 n);
extern u8 spin_jump[], spin_top[];

/* jump_to(target): an indirect jump to code that returns */
void jump_to(u64 target);
extern u8 jump_to_jump[], jump_to_a[], jump_to_b[];

extern u8 run_call[], run_call_end[];

/*
 * Handlers, for set_vector(): return; step over 2 bytes, also with an error code on the stack; clear TF; leave
 * user_trip()
 */
void bare_return(void);
void bare_skip(void);
void bare_skip_error(void);
void bare_step(void);
void bare_leave(void);

/* What the MSR that step() was given held after the #DB */
extern u64 step_saw;

#endif
#endif
