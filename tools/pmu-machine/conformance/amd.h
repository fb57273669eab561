/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The AMD core PMU. "APM 2" in the facts is volume 2 of the Architecture Programmer's Manual (24593, the
 * revision with PerfMonV2 in 13.2.1); events are those of the Processor Programming References of family 19h.
 */
#ifndef AMD_H
#define AMD_H

#include "loops.h"

#define MSR_LEGACY_CTL(n)	(0xc0010000 + (n))
#define MSR_LEGACY_CTR(n)	(0xc0010004 + (n))
#define MSR_EXT_CTL(n)		(0xc0010200 + 2 * (n))
#define MSR_EXT_CTR(n)		(0xc0010201 + 2 * (n))
#define MSR_NB_CTL(n)		(0xc0010240 + 2 * (n))
#define MSR_NB_CTR(n)		(0xc0010241 + 2 * (n))
#define MSR_L3_CTL(n)		(0xc0010230 + 2 * (n))
#define MSR_L3_CTR(n)		(0xc0010231 + 2 * (n))
#define MSR_IRPERF		0xc00000e9
#define MSR_STATUS		0xc0000300
#define MSR_GLOBAL_CTL		0xc0000301
#define MSR_STATUS_CLR		0xc0000302
#define MSR_STATUS_SET		0xc0000303

#define LEGACY_COUNTERS		4
#define MAX_COUNTERS		16
#define NB_RDPMC		6	/* the index of the first NB counter */
#define L3_RDPMC		10
#define NB_COUNTERS		4
#define L3_COUNTERS		6
#define WIDTH			48
#define COUNTER_MASK		(BIT(WIDTH) - 1)

#define SEL_USR			BIT(16)
#define SEL_OS			BIT(17)
#define SEL_EDGE		BIT(18)
#define SEL_INT			BIT(20)
#define SEL_EN			BIT(22)
#define SEL_INV			BIT(23)
#define SEL_CMASK(n)		((u64)(n) << 24)
#define SEL_GUEST		BIT(40)
#define SEL_HOST		BIT(41)
#define SEL_ALL			(SEL_EN | SEL_OS | SEL_USR)
/* 63:44, 42, 39:36, 21, 19; bit 43 depends on CPUID (figure 13-11) */
#define SEL_RESERVED		0xfffff4f000280000ul

#define EVENT_INSN		0xc0
#define EVENT_BRANCH		0xc2
#define EVENT_BRANCH_MISS	0xc3
#define EVENT_TAKEN		0xc4
#define EVENT_RETURN		0xc8
#define EVENT_CONDITIONAL	0xd1
#define EVENT_FAR		0xc6
#define EVENT_INTERRUPTS	0x2c
#define EVENT_TLB_MISS		0xff45
#define EVENT_CYCLES		0x76
#define EVENT_REF		(BIT(32) | 0x0120)	/* 0x120, unit mask 1 */
#define EVENT_LOADS		0x0129
#define EVENT_STORES		0x0229

#define PMC_FRZ			BIT(59)
#define LBR_FRZ			BIT(58)
#define DEBUGCTL_FREEZE_PMC	BIT(12)

/**
 * struct pmu - what CPUID says
 * @counters:	core counters
 * @all:	a bit for each
 * @ext:	PerfCtrExtCore: the registers from 0xC0010200
 * @nb:		PerfCtrExtNB
 * @l3:		PerfCtrExtLLC
 * @v2:		PerfMonV2
 * @freeze:	LbrAndPmcFreeze
 * @rdpmc_end:	the first RDPMC index beyond all
 */
struct pmu {
	u32 counters;
	u64 all;
	bool ext, nb, l3, v2, freeze;
	u32 rdpmc_end;
};

extern struct pmu pmu;

static inline u32 ctl(u32 i)
{
	return pmu.ext ? MSR_EXT_CTL(i) : MSR_LEGACY_CTL(i);
}

static inline u32 ctr(u32 i)
{
	return pmu.ext ? MSR_EXT_CTR(i) : MSR_LEGACY_CTR(i);
}

void pmu_reset(void);
void run_enabled(u32 i, u64 sel, void (*fn)(u64 arg), u64 arg);
u64 count(u32 i, u64 sel, void (*fn)(u64 arg), u64 arg);
u64 grows(u32 i, u64 sel, void (*fn)(u64 arg));
void in_user(u64 n);
void in_user_syscalls(u64 n);
void in_hlt(u64 ticks);

/* Two lengths of a loop, and their difference */
#define TURNS			1000
#define MORE_TURNS		3000
#define GROWTH			(MORE_TURNS - TURNS)
#define LONG_LOOP		200000

void reset_facts(u32 lvtpc);
void register_facts(void);
void counting_facts(void);
void overflow_facts(void);
void machine_facts(void);
void svm_facts(void);

#endif
