/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Intel core PMU. Section numbers in the facts are those of the SDM of December 2022 (325462-078US),
 * where performance monitoring is chapter 20 of volume 3B.
 */
#ifndef INTEL_H
#define INTEL_H

#include "loops.h"

#define MSR_PMC(n)		(0xc1 + (n))
#define MSR_EVTSEL(n)		(0x186 + (n))
#define MSR_MISC_ENABLE		0x1a0
#define MSR_FIXED(n)		(0x309 + (n))
#define MSR_PERF_METRICS	0x329
#define MSR_PERF_CAPS		0x345
#define MSR_FIXED_CTRL		0x38d
#define MSR_STATUS		0x38e
#define MSR_GLOBAL_CTRL		0x38f
#define MSR_STATUS_RESET	0x390	/* OVF_CTRL before version 4 */
#define MSR_STATUS_SET		0x391
#define MSR_INUSE		0x392
#define MSR_PEBS_ENABLE		0x3f1
#define MSR_PEBS_DATA_CFG	0x3f2
#define MSR_PEBS_LD_LAT		0x3f6
#define MSR_PMC_FULL(n)		(0x4c1 + (n))
#define MSR_DS_AREA		0x600

#define SEL_USR			BIT(16)
#define SEL_OS			BIT(17)
#define SEL_EDGE		BIT(18)
#define SEL_PC			BIT(19)
#define SEL_INT			BIT(20)
#define SEL_ANY			BIT(21)
#define SEL_EN			BIT(22)
#define SEL_INV			BIT(23)
#define SEL_ADAPTIVE		BIT(34)
#define SEL_CMASK(n)		((u64)(n) << 24)
#define SEL_ALL			(SEL_EN | SEL_OS | SEL_USR)

#define EVENT_CYCLES		0x003c
#define EVENT_REF		0x013c
#define EVENT_INSN		0x00c0
#define EVENT_INSN_DIST		0x01c0	/* PREC_DIST, on Skylake */
#define EVENT_LOADS		0x81d0
#define EVENT_STORES		0x82d0
#define EVENT_LOAD_LATENCY	0x01cd
#define EVENT_LLC_REF		0x4f2e
#define EVENT_LLC_MISS		0x412e
#define EVENT_BRANCH		0x00c4
#define EVENT_BRANCH_MISS	0x00c5
#define EVENT_SLOTS		0x01a4

#define FIXED_OS		BIT(0)
#define FIXED_USR		BIT(1)
#define FIXED_ALL		(FIXED_OS | FIXED_USR)
#define FIXED_ANY		BIT(2)
#define FIXED_PMI		BIT(3)
#define FIXED_FIELD(n, v)	((u64)(v) << (4 * (n)))
#define FIXED_ADAPTIVE(n)	BIT(32 + 4 * (n))
#define FIXED_BIT(n)		BIT(32 + (n))

#define CTR_FRZ			BIT(59)
#define OVF_BUFFER		BIT(62)
#define LBR_FRZ			BIT(58)
#define METRICS_BIT		BIT(48)

#define CAPS_SMM_FREEZE		BIT(12)
#define CAPS_FW_WRITE		BIT(13)
#define CAPS_PEBS_BASELINE	BIT(14)
#define CAPS_METRICS		BIT(15)

#define DEBUGCTL_FREEZE_PERFMON	BIT(12)

#define RDPMC_FIXED		BIT(30)
#define RDPMC_METRICS		BIT(29)

/**
 * struct pmu - what CPUID and PERF_CAPABILITIES say
 * @version:	of architectural performance monitoring
 * @gp:		general-purpose counters
 * @width:	of them, in bits
 * @fixed:	fixed-function counters
 * @fixed_width: of them, in bits
 * @gp_mask:	the GLOBAL_CTRL bits of the general-purpose counters
 * @all:	those of all counters
 * @no_any:	AnyThread is deprecated (CPUID.0AH:EDX[15])
 * @events:	architectural events available, a bit each as in EBX
 * @caps:	PERF_CAPABILITIES, 0 if not there
 * @model:	displayed model of family 6
 */
struct pmu {
	u32 version, gp, width, fixed, fixed_width;
	u64 gp_mask, all;
	bool no_any;
	u32 events;
	u64 caps;
	u32 model;
};

extern struct pmu pmu;

#define MODEL_SKYLAKE		0x55
#define MODEL_ICELAKE		0x6a
#define MODEL_SAPPHIRE_RAPIDS	0x8f

static inline u64 low_bits(u32 n)
{
	return n >= 64 ? ~0ul : BIT(n) - 1;
}

void pmu_reset(void);
void gp_write(u32 i, u64 value);
u64 gp_run(u32 i, u64 sel, void (*fn)(u64 arg), u64 arg);
u64 fixed_run(u32 i, u64 field, void (*fn)(u64 arg), u64 arg);
void in_user(u64 n);
void in_user_syscalls(u64 n);
void in_hlt(u64 ticks);

void reset_facts(u32 lvtpc);
void register_facts(void);
void counting_facts(void);
void overflow_facts(void);
void machine_facts(void);
void vmx_facts(void);

#endif
