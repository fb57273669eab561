/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of a mediated vPMU's PEBS share: the layout of its buffers, known
 * code to sample, and what records there must be of it.
 *
 * Adaptive PEBS alone: no guest is offered another.
 */
#ifndef SELFTEST_KVM_MEDIATED_PEBS_H
#define SELFTEST_KVM_MEDIATED_PEBS_H

#include "kvm_util.h"
#include "mediated_pmu.h"
#include "processor.h"

#define X86_FEATURE_DS		KVM_X86_CPU_FEATURE(0x1, 0, EDX, 21)
#define X86_FEATURE_DTES64	KVM_X86_CPU_FEATURE(0x1, 0, ECX, 2)

#define EVENTSEL_ADAPTIVE	BIT_ULL(34)
#define FIXED_ADAPTIVE(i)	BIT_ULL(32 + 4 * (i))

#define DATA_CFG_MEMORY		BIT_ULL(0)
#define DATA_CFG_GPRS		BIT_ULL(1)
#define DATA_CFG_XMMS		BIT_ULL(2)
#define DATA_CFG_LBRS		BIT_ULL(3)
#define DATA_CFG_NR_LBRS(n)	((uint64_t)((n) - 1) << 24)

#define STATUS_BUFFER_OVF	BIT_ULL(62)

#define PEBS_NR_COUNTERS	36

/* The 64-bit DS buffer management area, as of PEBS format 4 */
struct pebs_area {
	uint64_t bts[4];
	uint64_t base, index, maximum, threshold;
	uint64_t reset_gp[8], reset_fixed[4];
};

struct pebs_basic {
	uint64_t format, ip, counters, tsc;
};

struct pebs_memory {
	uint64_t address, source, latency, transaction;
};

struct pebs_gprs {
	uint64_t flags, ip;
	uint64_t ax, cx, dx, bx, sp, bp, si, di;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
};

struct pebs_xmms {
	uint64_t xmm[16][2];
};

struct pebs_lbr {
	uint64_t from, to, info;
};

/**
 * struct pebs_job - what is to be sampled, and how
 * @counters: which count instructions and make records, as GLOBAL_CTRL has them
 * @adaptive: which of them make adaptive records
 * @data_cfg: what these hold
 * @reset: the negative of each counter's reset value
 * @slack: how many instructions a record may come late
 */
struct pebs_job {
	uint64_t counters, adaptive, data_cfg;
	uint64_t reset[PEBS_NR_COUNTERS];
	unsigned int slack;
};

/* The guest's buffers: where the management area and the records are. */
extern struct pebs_area *pebs_area;
extern uint64_t pebs_records, pebs_size;

/* What pebs_check() found: records, and how many of them came late. */
extern uint64_t pebs_nr_records, pebs_nr_late;

/* In a guest. */
struct pebs_job pebs_job_of_one(unsigned int idx, uint64_t reset, uint64_t data_cfg);
void pebs_find(void);
void pebs_empty(void);
void pebs_prepare(const struct pebs_job *job);
void pebs_loop(const struct pebs_job *job, uint64_t turns);
void pebs_line(const struct pebs_job *job);
void pebs_check_loop(const struct pebs_job *job, uint64_t turns);
void pebs_check_line(const struct pebs_job *job);
bool pebs_has_no_skid(unsigned int idx);

/* The instruction of pebs_line() that leaves for user space, and the last one */
#define PEBS_LINE_PAUSE		20
#define PEBS_LINE_LENGTH	43

/* How many instructions of pebs_loop() count */
#define PEBS_LOOP_LENGTH(turns)	(3 * (turns) + 4)

extern const char pebs_line_begin[], pebs_line_end[];
extern const char pebs_loop_dec[], pebs_loop_nop[], pebs_loop_jnz[], pebs_loop_end[];

/* On the host. */
bool pebs_is_offered(void);
void require_pebs(void);

#endif /* SELFTEST_KVM_MEDIATED_PEBS_H */
