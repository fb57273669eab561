/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A processor's performance monitoring unit, as its manual describes it.
 *
 * The library knows nothing of an emulator.  Its user keeps the accumulators
 * (what happened so far on this logical processor), tells it when the
 * privilege level or the host/guest mode changes, hands it every access to a
 * PMU register, and calls pmu_boundary() when the deadline is reached.
 * Counting is lazy: between two of those calls nothing is done at all.
 *
 * Manuals: Intel SDM volume 3B, "Performance Monitoring"; volume 3C, VMX;
 * volume 4, model-specific registers.  AMD APM volume 2, chapter 13; PPR for
 * family 19h.
 */
#ifndef PMU_H
#define PMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lbr.h"
#include "pebs.h"

/**
 * enum pmu_acc - what the user of the library counts, per logical processor
 *
 * An accumulator only grows.  The first group grows by at most one in an
 * instruction; the second group is unbounded and grows through pmu_burst().
 * "When does an instruction count" is written in Documentation/machine/.
 */
enum pmu_acc {
	PMU_INSTRUCTIONS,	/* retired instructions */
	PMU_COND_TAKEN,		/* conditional branches, taken */
	PMU_COND_NTAKEN,	/* conditional branches, not taken */
	PMU_NEAR_JMP,		/* direct unconditional near jumps */
	PMU_NEAR_JMP_IND,	/* indirect near jumps */
	PMU_NEAR_CALL,		/* direct near calls */
	PMU_NEAR_CALL_IND,	/* indirect near calls */
	PMU_NEAR_RET,		/* near returns */
	PMU_FAR,		/* far branches made by an instruction */
	PMU_LOADS,		/* instructions that read memory, and do not write */
	PMU_STORES,		/* instructions that write memory, and do not read */
	PMU_LOAD_STORES,	/* instructions that do both */
	PMU_SLOW_LOADS,		/* instructions with a load of pmu_load_is_slow() */
	PMU_MISP_COND,		/* mispredicted conditional branches */
	PMU_MISP_IND,		/* mispredicted indirect jumps and calls */
	PMU_MISP_RET,		/* mispredicted near returns */

	PMU_CYCLES,		/* unhalted core cycles */
	PMU_INTERRUPTS,		/* hardware interrupts and NMIs taken */
	PMU_EXCEPTIONS,		/* exceptions taken */
	PMU_SMIS,		/* system-management interrupts taken */
	PMU_DTLB_LOAD_WALKS,	/* page walks for reads of data */
	PMU_DTLB_STORE_WALKS,	/* page walks for writes of data */
	PMU_ITLB_WALKS,		/* page walks for code */
	PMU_L1D_REFS,		/* lines of data referenced in the first-level cache */
	PMU_L1D_MISSES,
	PMU_L1I_REFS,		/* lines of code fetched from the first-level cache */
	PMU_L1I_MISSES,
	PMU_L2_REFS,
	PMU_L2_MISSES,
	PMU_LLC_REFS,
	PMU_LLC_MISSES,
	PMU_ACCS
};

#define PMU_ACC(acc)		(UINT64_C(1) << (acc))
#define PMU_BURST_ACCS		(PMU_ACC(PMU_ACCS) - PMU_ACC(PMU_INTERRUPTS))

/* The models that run only while somebody wants them: pmu->models */
#define PMU_MODEL_MEMORY	0x1	/* LOADS, STORES, LOAD_STORES */
#define PMU_MODEL_PREDICTOR	0x2	/* MISP_* */
#define PMU_MODEL_CACHE		0x4	/* L1*, L2*, LLC* */
#define PMU_MODEL_BRANCHES	0x8	/* pmu_record_branch(), with PREDICTOR */
#define PMU_MODEL_DATA		0x10	/* SLOW_LOADS, accesses for PEBS; with MEMORY, CACHE */

enum pmu_vendor { PMU_INTEL, PMU_AMD };

/**
 * struct pmu_event - one encoding and what it counts
 * @code: event select (bits 7:0), unit mask (15:8), AMD's event select
 *	  bits 11:8 (19:16)
 * @accs: accumulators whose sum it counts (PMU_ACC() bits)
 * @mul:  events per unit of the sum
 * @div:  units of the sum per event (a slower clock)
 */
struct pmu_event {
	uint32_t code;
	uint64_t accs;
	uint8_t mul;
	uint8_t div;
};

/**
 * struct pmu_cpu - a processor model
 *
 * Everything that tells one PMU from another; see cpu.c.
 */
struct pmu_cpu {
	const char *name;
	enum pmu_vendor vendor;
	uint8_t version;		/* CPUID.0AH:EAX[7:0]; AMD: 1, PerfMonV2: 2 */
	uint8_t gp;			/* general-purpose counters */
	uint8_t fixed;			/* fixed-function counters */
	uint8_t slots;			/* issue slots a cycle (topdown), 0: not countable */
	uint8_t metrics;		/* fields of PERF_METRICS */
	uint64_t perf_capabilities;	/* MSR 345H */
	enum pmu_lbr_kind lbr;
	uint8_t lbr_depth;		/* branch records, at most */
	uint8_t address_bits;		/* of linear addresses */
	uint64_t pdist;			/* counters whose PEBS records have no skid */
	bool anythread;			/* CPUID.0AH:EDX[15] is clear */
	bool two_latencies;		/* PEBS records have the instruction's, too */
	const struct pmu_event *events;	/* ends with accs == 0 */
};

/**
 * struct pmu_ops - what the library asks of its user
 * @now:      store the retired instructions and the unhalted cycles so far
 * @pmi:      a performance monitoring interrupt is requested; the user
 *	      applies pmu_lvtpc_deliver() to its local APIC
 * @deadline: call pmu_boundary() at the end of the instruction at which the
 *	      cycle count reaches @cycles (PMU_NEVER: never)
 * @load:     read eight bytes at a linear address, as the processor itself; need
 *	      not return if that faults.  Of processors with PEBS
 * @store:    write them
 * @touch:    have them writable, or fault as a write
 * @log:      a line for the machine's log
 */
struct pmu_ops {
	void (*now)(void *ctx, uint64_t *instructions, uint64_t *cycles);
	void (*pmi)(void *ctx);
	void (*deadline)(void *ctx, uint64_t cycles);
	uint64_t (*load)(void *ctx, uint64_t address);
	void (*store)(void *ctx, uint64_t address, uint64_t value);
	void (*touch)(void *ctx, uint64_t address);
	void (*log)(void *ctx, const char *line);
};

#define PMU_NEVER		UINT64_MAX

#define PMU_MAX_GP		8
#define PMU_MAX_FIXED		4
#define PMU_MAX_COUNTERS	(PMU_MAX_GP + PMU_MAX_FIXED)
#define AMD_NB_COUNTERS		4
#define AMD_L3_COUNTERS		6
#define PMU_MAX_UNCORE		(AMD_NB_COUNTERS + AMD_L3_COUNTERS)

/* struct pmu_mode: where the processor is */
struct pmu_mode {
	bool user;		/* CPL > 0 */
	bool guest;		/* VMX non-root operation, SVM guest mode */
	bool svme;		/* AMD: EFER.SVME */
	bool smm;
};

/* struct pmu_counter: one counter with its selector, decoded */
struct pmu_counter {
	uint64_t value;
	uint64_t select;	/* as written; of fixed counters: their four bits */
	uint64_t accs;		/* what it counts */
	uint8_t mul, div;
	uint8_t cmask;
	uint8_t bit;		/* in GLOBAL_CTRL and GLOBAL_STATUS */
	bool inv, edge;
	bool stepped;		/* needs a boundary after each instruction */
	bool active;		/* counts in the present mode */
	bool above;		/* edge: the condition held in the last cycle */
	uint32_t rest;		/* of the division by div */
};

struct pmu {
	const struct pmu_cpu *cpu;
	const struct pmu_ops *ops;
	void *ctx;

	uint64_t acc[PMU_ACCS];		/* the user's, see enum pmu_acc */
	uint64_t last[PMU_ACCS];	/* accounted for */
	uint64_t armed;			/* burst accumulators to watch */
	unsigned int models;		/* PMU_MODEL_* that are wanted */
	bool running;			/* some counter is enabled, in any mode */

	struct pmu_mode mode;
	struct pmu_counter counter[PMU_MAX_COUNTERS];
	uint64_t deadline;
	uint64_t skid;		/* cycles from an overflow to its interrupt */
	uint64_t pmi_at;	/* the cycle of the next one, or PMU_NEVER */

	uint64_t fixed_ctrl;
	uint64_t global_ctrl;
	uint64_t global_status;
	uint64_t debugctl;
	uint64_t misc_enable;
	uint64_t metrics[8];		/* PERF_METRICS: slots by category */
	struct pmu_lbr lbr;
	struct pmu_pebs pebs;

	uint64_t smis_at_reset;

	/* registers that exist and, but for ld_lat, do nothing yet */
	struct {
		uint64_t offcore_rsp[2];
		uint64_t ld_lat, frontend;
		uint64_t uncore_ctl[PMU_MAX_UNCORE], uncore_ctr[PMU_MAX_UNCORE];
	} storage;
	uint64_t logged[4];		/* unknown events told of (hashed) */
};

/* What became of a register access */
enum pmu_result {
	PMU_OK,
	PMU_GP,			/* raise #GP(0); nothing was changed */
	PMU_NOT_MINE		/* not a register of the PMU */
};

/* cpu.c */
const struct pmu_cpu *pmu_cpu_find(const char *name);
const struct pmu_cpu *pmu_cpu_list(size_t *count);

/* pmu.c */
void pmu_init(struct pmu *pmu, const struct pmu_cpu *cpu,
	      const struct pmu_ops *ops, void *ctx);
void pmu_reset(struct pmu *pmu);
void pmu_set_mode(struct pmu *pmu, struct pmu_mode mode);
enum pmu_result pmu_rdmsr(struct pmu *pmu, uint32_t msr, uint64_t *value);
enum pmu_result pmu_wrmsr(struct pmu *pmu, uint32_t msr, uint64_t value);

/* overflow.c */
void pmu_hurry(struct pmu *pmu);

/* count.c */
void pmu_sync(struct pmu *pmu);
void pmu_boundary(struct pmu *pmu);
void pmu_update(struct pmu *pmu);

/**
 * pmu_burst - add to an accumulator that is not bounded per instruction
 * @pmu: the PMU
 * @acc: the accumulator
 * @n:   events
 *
 * Return: true if pmu_boundary() must be called at the end of the present
 * instruction, because a counter that may interrupt counts @acc.
 */
static inline bool pmu_burst(struct pmu *pmu, enum pmu_acc acc, uint64_t n)
{
	pmu->acc[acc] += n;
	return pmu->armed & PMU_ACC(acc);
}

/* rdpmc.c */
enum pmu_result pmu_rdpmc(struct pmu *pmu, uint32_t index, uint64_t *value);

/* cpuid.c */
void pmu_cpuid_leaf(const struct pmu_cpu *cpu, uint32_t leaf, uint32_t subleaf,
		    uint32_t regs[4]);

/* vmx.c */
bool pmu_global_ctrl_valid(const struct pmu *pmu, uint64_t value);
bool pmu_debugctl_valid(const struct pmu *pmu, uint64_t value);
void pmu_load_global_ctrl(struct pmu *pmu, uint64_t value);
void pmu_load_debugctl(struct pmu *pmu, uint64_t value);

/* lvtpc.c */
enum pmu_delivery { PMU_DROPPED, PMU_FIXED_VECTOR, PMU_NMI, PMU_SMI };

enum pmu_delivery pmu_lvtpc_deliver(const struct pmu *pmu, uint32_t *lvtpc);

#endif /* PMU_H */
