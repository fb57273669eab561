/* SPDX-License-Identifier: GPL-2.0-only */
/* Counted code, in loops.S. */
#ifndef LOOPS_H
#define LOOPS_H

#include "lib.h"

/* What run_counted() adds to its function: CALL, POP, 2 XOR, one of the two WRMSRs; the CALL is a branch. */
#define RUN_INSNS	5
#define RUN_BRANCHES	1

void run_counted(u32 msr, u64 on, void (*fn)(u64 arg), u64 arg);

void loop_branches(u64 n);
void loop_calls(u64 n);
void loop_loads(u64 n);
void loop_stores(u64 n);
void loop_tlb(u64 n);
void rep_store(u64 n);
void sled(u64 unused);
void probe(u64 unused);
void nothing(u64 unused);
void stream(u64 lines);
void ladder(u64 n);

/* Entered with user_run() only. */
void user_loop(void);
void user_ladder(void);
void user_read(void);
void user_syscalls(void);
void user_faults(void);
void user_rdpmc(void);
void user_rdmsr(void);
void user_wrmsr(void);

extern u64 user_result, scratch;
extern u8 ladder_top[], ladder_end[];

#endif
