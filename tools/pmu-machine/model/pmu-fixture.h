/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the unit tests share: a PMU with a clock that the test turns by hand.
 *
 * Register numbers and bits are written down here a second time, from the
 * manuals (SDM vol. 4, APM vol. 2 and PPR), so that a wrong number in regs.h
 * can't pass unseen.
 */
#ifndef PMU_FIXTURE_H
#define PMU_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pmu.h"

enum {
	MSR_SMI_COUNT = 0x34,
	IA32_PMC0 = 0xc1,
	IA32_PERFEVTSEL0 = 0x186,
	IA32_MISC_ENABLE = 0x1a0,
	MSR_OFFCORE_RSP_0 = 0x1a6,
	MSR_LBR_SELECT = 0x1c8,
	MSR_LBR_TOS = 0x1c9,
	IA32_DEBUGCTL = 0x1d9,
	IA32_FIXED_CTR0 = 0x309,
	MSR_PERF_METRICS = 0x329,
	IA32_PERF_CAPABILITIES = 0x345,
	IA32_FIXED_CTR_CTRL = 0x38d,
	IA32_GLOBAL_STATUS = 0x38e,
	IA32_GLOBAL_CTRL = 0x38f,
	IA32_GLOBAL_OVF_CTRL = 0x390,
	IA32_GLOBAL_STATUS_SET = 0x391,
	IA32_GLOBAL_INUSE = 0x392,
	IA32_PEBS_ENABLE = 0x3f1,
	MSR_PEBS_DATA_CFG = 0x3f2,
	MSR_PEBS_LD_LAT = 0x3f6,
	MSR_PEBS_FRONTEND = 0x3f7,
	IA32_A_PMC0 = 0x4c1,
	IA32_DS_AREA = 0x600,
	MSR_LBR_FROM_0 = 0x680,
	MSR_LBR_TO_0 = 0x6c0,
	MSR_LBR_INFO_0 = 0xdc0,
	IA32_LER_FROM_IP = 0x1dd,
	IA32_LER_TO_IP = 0x1de,
	IA32_LER_INFO = 0x1e0,
	IA32_LBR_0_INFO = 0x1200,
	IA32_LBR_CTL = 0x14ce,
	IA32_LBR_DEPTH = 0x14cf,
	IA32_LBR_0_FROM_IP = 0x1500,
	IA32_LBR_0_TO_IP = 0x1600,
	AMD_BR_FROM = 0x1db,
	AMD_BR_TO = 0x1dc,
	AMD_INT_FROM = 0x1dd,
	AMD_INT_TO = 0x1de,
};

#define AMD_GLOBAL_STATUS	0xc0000300u
#define AMD_GLOBAL_CTL		0xc0000301u
#define AMD_GLOBAL_STATUS_CLR	0xc0000302u
#define AMD_GLOBAL_STATUS_SET	0xc0000303u
#define AMD_LEGACY_CTL0		0xc0010000u
#define AMD_LEGACY_CTR0		0xc0010004u
#define AMD_LBR_SELECT		0xc000010eu
#define AMD_DEBUG_EXTN		0xc000010fu
#define AMD_LBR_FROM_0		0xc0010300u
#define AMD_LBR_TO_0		0xc0010301u
#define AMD_CTL0		0xc0010200u
#define AMD_CTR0		0xc0010201u

#define B(n)			(UINT64_C(1) << (n))
#define LOW(n)			(B(n) - 1)

#define USR			B(16)
#define OS			B(17)
#define EDGE			B(18)
#define INT			B(20)
#define ANYTHREAD		B(21)
#define EN			B(22)
#define INV			B(23)
#define CMASK(n)		((uint64_t)(n) << 24)
#define ADAPTIVE		B(34)
#define GUEST_ONLY		B(40)
#define HOST_ONLY		B(41)

#define LBR_FRZ			B(58)
#define CTR_FRZ			B(59)
#define OVF_BUF			B(62)

#define DEBUGCTL_LBR		B(0)
#define DEBUGCTL_BTF		B(1)
#define LBR_EN			B(0)
#define LBR_OS			B(1)
#define LBR_USR			B(2)
#define LBR_CALL_STACK		B(3)
#define LBR_BRANCHES		(LOW(7) << 16)
#define LBR_ALL			(LBR_EN | LBR_OS | LBR_USR | LBR_BRANCHES)

#define AMD_LBRS		B(6)

#define FREEZE_LBRS		B(11)
#define FREEZE_PERFMON		B(12)
#define FREEZE_SMM		B(14)

/* The tests' own events, the same on every model */
#define EV_INSTRUCTIONS		0xc0
#define EV_PREC_DIST		0x1c0	/* instructions */
#define EV_CYCLES		0x3c
#define EV_BRANCHES		0xc4	/* three kinds, one in an instruction */
#define EV_MISPREDICTED		0xc5
#define EV_LOADS		0x81d0
#define EV_STORES		0x82d0
#define EV_ACCESSES		0x83d0
#define EV_LOAD_LATENCY		0x1cd
#define EV_STORE_SAMPLE		0x2cd
#define EV_WALKS		0x108	/* many in an instruction */
#define EV_SLOTS		0x1a4	/* EV_SLOTS_MUL a cycle */
#define EV_SLOTS_MUL		5
#define EV_SLOW_CLOCK		0x13c	/* every fourth cycle */
#define EV_UNKNOWN		0x7f
#define EV_AMD_HIGH		(B(32) | 0x120)	/* event 120H: cycles */

/* Memory at some linear address, for PEBS: the DS area, and the buffer */
#define PAGE			4096
#define MEMORY			UINT64_C(0xffff888000100000)
#define MEMORY_PAGES		6
#define DS_AREA			MEMORY
#define BUFFER			(MEMORY + PAGE)

enum {			/* of the DS area */
	PEBS_BASE = 0x20,
	PEBS_INDEX = 0x28,
	PEBS_MAXIMUM = 0x30,
	PEBS_THRESHOLD = 0x38,
	PEBS_RESET = 0x40,
	PEBS_FIXED_RESET = 0x80,
};

struct fixture {
	struct pmu_cpu cpu;	/* the model's, with the tests' events */
	struct pmu pmu;
	uint64_t instructions, cycles;
	uint64_t deadline;
	unsigned int pmis, logs;
	bool burst;		/* pmu_burst() asked for a boundary */
	struct pmu_pebs_state state;	/* eventing_ip: the instruction's number */
	uint64_t memory[MEMORY_PAGES * PAGE / 8];
	uint64_t gone;		/* address of a page that is not there, or 0 */
	uint64_t read_only;	/* the same of one that can't be written */
	jmp_buf fault;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
void fixture_init(struct fixture *f, const char *name);

bool is_intel(const struct fixture *f);
bool has_global(const struct fixture *f);

uint64_t rd(struct fixture *f, uint32_t msr);
void wr(struct fixture *f, uint32_t msr, uint64_t value);
void refused(struct fixture *f, uint32_t msr, uint64_t value);
void unreadable(struct fixture *f, uint32_t msr);

uint64_t debugctl_lbr(const struct fixture *f);
uint32_t selector(const struct fixture *f, unsigned int i);
uint32_t counter(const struct fixture *f, unsigned int i);
uint64_t status(struct fixture *f);
void enable_all(struct fixture *f);
void start(struct fixture *f, unsigned int i, uint64_t select);
void start_at(struct fixture *f, unsigned int i, uint64_t select, uint64_t value);

/* branch records: on, with all the filters open; entry 0 is the newest */
void lbr_on(struct fixture *f);
uint64_t lbr_from(struct fixture *f, unsigned int age);
uint64_t lbr_to(struct fixture *f, unsigned int age);
uint64_t lbr_info(struct fixture *f, unsigned int age);

/* PEBS: on, with a buffer that has its threshold at the end and is empty */
void pebs_on(struct fixture *f, uint64_t counters);
size_t basic_size(const struct fixture *f);
uint64_t *word(struct fixture *f, uint64_t address);
uint64_t *ds(struct fixture *f, uint64_t offset);

void taken(struct fixture *f, enum pmu_branch type, uint64_t from, uint64_t to);
void taken_cpl(struct fixture *f, enum pmu_branch type, int from_cpl, int to_cpl);
bool shown(const struct fixture *f);

void happen(struct fixture *f, enum pmu_acc acc, uint64_t n);
void retire(struct fixture *f, uint64_t cycles);
void run(struct fixture *f, uint64_t instructions);

#define ON(cpu, fact)							\
	{ cpu ": " #fact, fact, fixture_setup, fixture_teardown, (void *)cpu }
#define ON_V3(fact)	ON("haswell", fact)
#define ON_V4_UP(fact)							\
	ON("skylake", fact), ON("icelake", fact), ON("sapphire-rapids", fact)
#define ON_V5(fact)	ON("icelake", fact), ON("sapphire-rapids", fact)
#define ON_INTEL(fact)	ON_V3(fact), ON_V4_UP(fact)
#define ON_LBR_INFO(fact)	ON("skylake", fact), ON("icelake", fact)
#define ON_LEGACY_LBR(fact)	ON_V3(fact), ON_LBR_INFO(fact)
#define ON_ARCH_LBR(fact)	ON("sapphire-rapids", fact)
#define ON_LBR(fact)							\
	ON_LEGACY_LBR(fact), ON_ARCH_LBR(fact), ON("zen4", fact)
#define ON_AMD(fact)	ON("zen3", fact), ON("zen4", fact)
#define ON_ALL(fact)	ON_INTEL(fact), ON_AMD(fact)

#endif /* PMU_FIXTURE_H */
