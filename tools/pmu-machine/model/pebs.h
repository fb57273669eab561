/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processor event-based sampling (PEBS): format 3 on Skylake, the adaptive
 * format 4 on Ice Lake and Sapphire Rapids.
 *
 * The rules are written in Documentation/machine/pebs.md.  Here is decided when
 * a record is due, what is in it and what follows; the user of the library
 * gathers the processor's state and has it stored.
 */
#ifndef PMU_PEBS_H
#define PMU_PEBS_H

#include <stdbool.h>
#include <stdint.h>

struct pmu;

/**
 * struct pmu_pebs - the registers
 * @enable:   IA32_PEBS_ENABLE
 * @data_cfg: MSR_PEBS_DATA_CFG
 * @ds_area:  IA32_DS_AREA
 * @armed:    counters that wait for the event that calls for their record
 * @due:      counters whose event in the last instruction calls for a record,
 *	      as their bits in IA32_PEBS_ENABLE
 */
struct pmu_pebs {
	uint64_t enable;
	uint64_t data_cfg;
	uint64_t ds_area;
	uint64_t armed;
	uint64_t due;
};

/* The general-purpose registers in the order of their numbers */
#define PMU_GPRS	16
#define PMU_XMMS	16

/* Where an access to memory found its line */
enum pmu_level { PMU_NOWHERE, PMU_L1, PMU_L2, PMU_L3, PMU_RAM };

/**
 * struct pmu_access - an access to memory
 * @address: its linear address
 * @level:   where it hit; PMU_NOWHERE: there was none
 */
struct pmu_access {
	uint64_t address;
	enum pmu_level level;
};

/**
 * struct pmu_pebs_state - the processor after the instruction of a record
 * @eventing_ip: address of the instruction
 * @ip:		 of the one that follows
 * @flags:	 RFLAGS
 * @gpr:	 RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15
 * @xmm:	 low and high half of each
 * @tsc:	 what RDTSC would read
 * @load:	 the slowest load of the instruction, the last of those
 * @store:	 its last store; these two are needed with PMU_MODEL_DATA only
 */
struct pmu_pebs_state {
	uint64_t eventing_ip, ip, flags;
	uint64_t gpr[PMU_GPRS];
	uint64_t xmm[PMU_XMMS][2];
	uint64_t tsc;
	struct pmu_access load, store;
};

/* Basic, memory, general-purpose registers, XMM registers, branch records */
#define PMU_PEBS_MAX_QWORDS	(4 + 4 + 18 + 2 * PMU_XMMS + 3 * 256)

/*
 * To be called between two instructions while pmu->pebs.due is not 0.
 * False: there was no room.
 */
bool pmu_pebs_store(struct pmu *pmu, const struct pmu_pebs_state *state);

/* Does a load count as PMU_SLOW_LOADS? */
bool pmu_load_is_slow(const struct pmu *pmu, enum pmu_level level);

/* INIT, which leaves the rest of the PMU alone */
void pmu_pebs_init(struct pmu *pmu);

#endif /* PMU_PEBS_H */
