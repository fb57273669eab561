/* SPDX-License-Identifier: GPL-2.0-only */
/* Intel's PEBS: a buffer of its own, ladder() sampled, the records read. */
#ifndef INTEL_PEBS_H
#define INTEL_PEBS_H

#include "intel.h"

#define PEBS_CFG_MEMORY		BIT(0)
#define PEBS_CFG_GPRS		BIT(1)
#define PEBS_CFG_XMMS		BIT(2)
#define PEBS_CFG_LBRS		BIT(3)
#define PEBS_CFG_ENTRIES(n)	((u64)((n) - 1) << 24)

/* The DS buffer management area, in the 64-bit format */
struct pebs_ds {
	u64 bts[4];
	u64 base, index, maximum, threshold;
	u64 reset[8], fixed_reset[4];
};

/*
 * Linear addresses of pages that only a supervisor may access, mapped one by one: the DS area's, and the
 * buffer's. Nothing else is mapped near them.
 */
#define WINDOW			0x8000000000ul
#define WINDOW_PAGES		5
#define PAGE			4096ul
#define DS			((volatile struct pebs_ds *)WINDOW)
#define BUFFER			(WINDOW + PAGE)
#define BUFFER_END		(WINDOW + WINDOW_PAGES * PAGE)
#define PTE_PRESENT		BIT(0)
#define PTE_WRITE		BIT(1)

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 };

#define XMMS			16
#define PEBS_MAX_LBRS		256

/**
 * struct pebs_record - what a record has, of either kind
 * @format:	the word of an adaptive one without its size: the groups; 0 in format 3
 * @size:	bytes
 * @ip:		EventingIP
 * @counters:	Applicable Counters
 * @memory:	address, source, latency
 * @next:	the RIP field; 0 like all that follows if the record has no such group
 * @gpr:	in the order of their numbers
 * @lbr:	where the branch records begin, or NULL
 */
struct pebs_record {
	u64 format, size, ip, counters, tsc;
	u64 memory[4];
	u64 flags, next, gpr[16];
	u64 xmm[XMMS][2];
	const u64 *lbr;
};

bool pebs_adaptive(void);
u64 pebs_window_page(u32 page);
void pebs_map(u32 page, u64 rights);
void pebs_fresh(u64 counters);
void pebs_gp(u32 i, u64 sel, u64 period);
u64 pebs_record(u64 at, struct pebs_record *r);
u64 pebs_records(void);
u64 ladder_number(const struct pebs_record *r, u64 turns);
u64 ladder_ip(u64 number);
u64 ladder_differs(u64 first, u64 step, u64 turns);

void intel_pebs_facts(void);
void intel_pebs_vmx_facts(void);

#endif
