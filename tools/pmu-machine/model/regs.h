/* SPDX-License-Identifier: GPL-2.0-only */
/* Register numbers and bits, by the manuals' names; internal to the library. */
#ifndef PMU_REGS_H
#define PMU_REGS_H

#include "pmu.h"

#define BIT(n)			(UINT64_C(1) << (n))
#define MASK(n)			((n) >= 64 ? UINT64_MAX : BIT(n) - 1)

/* Every counter of every model is 48 bits wide. */
#define PMU_WIDTH		48
#define PMU_WIDTH_MASK		MASK(PMU_WIDTH)

/* IA32_PERFEVTSELx and AMD's PERF_CTLx */
#define SEL_EVENT		0xffffULL	/* event select and unit mask */
#define SEL_USR			BIT(16)
#define SEL_OS			BIT(17)
#define SEL_EDGE		BIT(18)
#define SEL_PC			BIT(19)
#define SEL_INT			BIT(20)
#define SEL_ANYTHREAD		BIT(21)
#define SEL_EN			BIT(22)
#define SEL_INV			BIT(23)
#define SEL_CMASK_SHIFT		24
#define SEL_ADAPTIVE		BIT(34)
#define SEL_AMD_EVENT_HIGH	(0xfULL << 32)
#define SEL_AMD_GUEST_ONLY	BIT(40)
#define SEL_AMD_HOST_ONLY	BIT(41)

/* the four bits of a counter in IA32_FIXED_CTR_CTRL */
#define FIXED_OS		BIT(0)
#define FIXED_USR		BIT(1)
#define FIXED_ANYTHREAD		BIT(2)
#define FIXED_PMI		BIT(3)
/* above those of all of them */
#define FIXED_ADAPTIVE(i)	BIT(32 + 4 * (i))

/* IA32_PERF_GLOBAL_CTRL, _STATUS, _OVF_CTRL; AMD's PerfCntrGlobalStatus */
#define GLOBAL_FIXED_SHIFT	32
#define GLOBAL_METRICS		BIT(48)
#define STATUS_LBR_FRZ		BIT(58)
#define STATUS_CTR_FRZ		BIT(59)
#define STATUS_ASCI		BIT(60)
#define STATUS_OVF_UNCORE	BIT(61)
#define STATUS_OVF_BUF		BIT(62)
#define STATUS_COND_CHGD	BIT(63)

/* IA32_DEBUGCTL; AMD's DebugCtl has the freeze bits in the same places */
#define DEBUGCTL_LBR		BIT(0)
#define DEBUGCTL_BTF		BIT(1)
#define DEBUGCTL_FREEZE_LBRS	BIT(11)
#define DEBUGCTL_FREEZE_PERFMON	BIT(12)
#define DEBUGCTL_FREEZE_SMM	BIT(14)

/* IA32_LBR_CTL; AMD's DebugExtnCtl; the bits of CPUID.1CH:EAX[7:0] */
#define LBR_CTL_EN		BIT(0)
#define DEBUG_EXTN_LBRS		BIT(6)
#define LBR_DEPTHS		0x0b	/* bit n: 8 * (n + 1) */

#define MISC_ENABLE_FAST_STRINGS BIT(0)
#define MISC_ENABLE_EMON	BIT(7)
#define MISC_ENABLE_BTS_UNAVAIL	BIT(11)
#define MISC_ENABLE_PEBS_UNAVAIL BIT(12)
#define MISC_ENABLE_MWAIT	BIT(18)

#define CAP_LBR_FMT		0x3fULL
#define LBR_FMT_FLAGS		4	/* mispredicted, in FROM */
#define LBR_FMT_INFO		5	/* LBR_INFO registers */
#define LBR_FMT_ARCH		0x3f
#define CAP_PEBS_TRAP		BIT(6)
#define CAP_PEBS_ARCH_REGS	BIT(7)
#define CAP_PEBS_FMT		0xf00ULL
#define PEBS_FMT(n)		((uint64_t)(n) << 8)
#define CAP_SMM_FREEZE		BIT(12)
#define CAP_FW_WRITE		BIT(13)
#define CAP_PEBS_BASELINE	BIT(14)
#define CAP_METRICS		BIT(15)

/* IA32_PEBS_ENABLE: load latency, before adaptive PEBS */
#define PEBS_LL_SHIFT		32

/* MSR_PEBS_DATA_CFG: groups of an adaptive record, branch records less one */
#define PEBS_CFG_MEMORY		BIT(0)
#define PEBS_CFG_GPRS		BIT(1)
#define PEBS_CFG_XMMS		BIT(2)
#define PEBS_CFG_LBRS		BIT(3)
#define PEBS_CFG_LBR_SHIFT	24
#define PEBS_CFG_VALID		(MASK(4) | 0xffULL << PEBS_CFG_LBR_SHIFT)

static inline bool pmu_is_intel(const struct pmu *pmu)
{
	return pmu->cpu->vendor == PMU_INTEL;
}

/* The global registers came with version 2, on both vendors. */
static inline bool pmu_has_global(const struct pmu *pmu)
{
	return pmu->cpu->version >= 2;
}

static inline uint64_t pmu_gp_mask(const struct pmu *pmu)
{
	return MASK(pmu->cpu->gp);
}

/* The counters' bits in the global registers. */
static inline uint64_t pmu_counter_mask(const struct pmu *pmu)
{
	return pmu_gp_mask(pmu) | MASK(pmu->cpu->fixed) << GLOBAL_FIXED_SHIFT;
}

static inline bool pmu_has_metrics(const struct pmu *pmu)
{
	return pmu->cpu->perf_capabilities & CAP_METRICS;
}

static inline bool pmu_has_pebs(const struct pmu *pmu)
{
	return pmu->cpu->perf_capabilities & CAP_PEBS_FMT;
}

/* Records of what is asked for, by every counter */
static inline bool pmu_has_adaptive_pebs(const struct pmu *pmu)
{
	return pmu->cpu->perf_capabilities & CAP_PEBS_BASELINE;
}

/* What can be set in GLOBAL_CTRL: the counters, and PERF_METRICS. */
static inline uint64_t pmu_global_ctrl_mask(const struct pmu *pmu)
{
	return pmu_counter_mask(pmu) |
	       (pmu_has_metrics(pmu) ? GLOBAL_METRICS : 0);
}

/* Is @msr one of @count registers from @first on? */
static inline bool in(uint32_t msr, uint32_t first, uint32_t count)
{
	return msr - first < count;
}

static inline bool pmu_is_fixed(const struct pmu *pmu,
				const struct pmu_counter *c)
{
	return c >= pmu->counter + PMU_MAX_GP;
}

static inline struct pmu_counter *pmu_gp(struct pmu *pmu, unsigned int i)
{
	return &pmu->counter[i];
}

static inline struct pmu_counter *pmu_fixed(struct pmu *pmu, unsigned int i)
{
	return &pmu->counter[PMU_MAX_GP + i];
}

/* The present cycle, without counting anything. */
static inline uint64_t pmu_cycles(const struct pmu *pmu)
{
	uint64_t instructions, cycles;

	pmu->ops->now(pmu->ctx, &instructions, &cycles);
	return cycles;
}

/* overflow.c */
void pmu_overflow(struct pmu *pmu, uint64_t bits);
void pmu_buffer_overflow(struct pmu *pmu);
void pmu_interrupt_if_due(struct pmu *pmu);
bool pmu_frozen(const struct pmu *pmu);

/* metrics.c */
void pmu_metrics_count(struct pmu *pmu, uint64_t instructions, uint64_t cycles);
uint64_t pmu_metrics_read(const struct pmu *pmu);
void pmu_metrics_write(struct pmu *pmu, uint64_t value);

/* select.c */
void pmu_select_gp(struct pmu *pmu, struct pmu_counter *c);
void pmu_select_fixed(struct pmu *pmu, unsigned int i);

/* vmx.c */
uint64_t pmu_debugctl_mask(const struct pmu *pmu);
void pmu_set_debugctl(struct pmu *pmu, uint64_t value);

/* lbr.c */
void pmu_lbr_reset(struct pmu *pmu);
void pmu_lbr_clear(struct pmu *pmu);
void pmu_lbr_smm(struct pmu *pmu, bool smm);
bool pmu_lbr_recording(const struct pmu *pmu);
struct pmu_record *pmu_lbr_entry(struct pmu *pmu, unsigned int age);
bool pmu_lbr_suppressed(uint64_t select, const struct pmu_taken *taken);
void pmu_lbr_event(struct pmu *pmu, const struct pmu_taken *taken,
		   struct pmu_record last);
void pmu_lbr_keep(struct pmu *pmu, const struct pmu_taken *taken,
		  struct pmu_record record, bool call_stack);
uint64_t pmu_lbr_cycles(const struct pmu *pmu);
uint64_t pmu_canonical(const struct pmu *pmu, uint64_t address);
enum pmu_result pmu_lbr_rdmsr(struct pmu *pmu, uint32_t msr, uint64_t *value);
enum pmu_result pmu_lbr_wrmsr(struct pmu *pmu, uint32_t msr, uint64_t value);

/* lbr-legacy.c */
void pmu_lbr_legacy_record(struct pmu *pmu, const struct pmu_taken *taken);
enum pmu_result pmu_lbr_legacy_rdmsr(struct pmu *pmu, uint32_t msr,
				     uint64_t *value);
enum pmu_result pmu_lbr_legacy_wrmsr(struct pmu *pmu, uint32_t msr,
				     uint64_t value);

/* lbr-arch.c */
void pmu_lbr_arch_record(struct pmu *pmu, const struct pmu_taken *taken);
enum pmu_result pmu_lbr_arch_rdmsr(struct pmu *pmu, uint32_t msr,
				   uint64_t *value);
enum pmu_result pmu_lbr_arch_wrmsr(struct pmu *pmu, uint32_t msr,
				   uint64_t value);
struct pmu_record pmu_lbr_arch_written(const struct pmu *pmu,
				       struct pmu_record r);

/* lbr-amd.c */
bool pmu_lbr_amd_stack_on(const struct pmu *pmu);
void pmu_lbr_amd_record(struct pmu *pmu, const struct pmu_taken *taken);
enum pmu_result pmu_lbr_amd_rdmsr(struct pmu *pmu, uint32_t msr,
				  uint64_t *value);
enum pmu_result pmu_lbr_amd_wrmsr(struct pmu *pmu, uint32_t msr,
				  uint64_t value);

/* pebs.c */
bool pmu_pebs_samples(const struct pmu *pmu, const struct pmu_counter *c);
void pmu_pebs_arm(struct pmu *pmu, uint64_t bits);
void pmu_pebs_event(struct pmu *pmu, const struct pmu_counter *c, uint64_t n,
		    bool wrapped);
enum pmu_result pmu_pebs_rdmsr(struct pmu *pmu, uint32_t msr, uint64_t *value);
enum pmu_result pmu_pebs_wrmsr(struct pmu *pmu, uint32_t msr, uint64_t value);

/* pebs-data.c */
bool pmu_wants_data(const struct pmu *pmu, const struct pmu_counter *c);
bool pmu_latency_enabled(const struct pmu *pmu, const struct pmu_counter *c);
void pmu_pebs_data(struct pmu *pmu, uint64_t due,
		   const struct pmu_pebs_state *state, uint64_t out[3]);

/* pebs-format.c */
size_t pmu_pebs_format(struct pmu *pmu, uint64_t due,
		       const struct pmu_pebs_state *state,
		       uint64_t out[PMU_PEBS_MAX_QWORDS]);

/* absent.c */
enum pmu_result pmu_absent(uint32_t msr);

/* intel.c, amd.c: the vendors' registers; called after pmu_sync() */
enum pmu_result pmu_intel_rdmsr(struct pmu *pmu, uint32_t msr, uint64_t *value);
enum pmu_result pmu_intel_wrmsr(struct pmu *pmu, uint32_t msr, uint64_t value);
enum pmu_result pmu_amd_rdmsr(struct pmu *pmu, uint32_t msr, uint64_t *value);
enum pmu_result pmu_amd_wrmsr(struct pmu *pmu, uint32_t msr, uint64_t value);

#endif /* PMU_REGS_H */
