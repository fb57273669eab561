/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model-specific registers that neither Bochs nor the PMU library has.
 */
#ifndef PMU_MSRS_H
#define PMU_MSRS_H

#include "bochs.h"

/* The models that have a register: a set of these */
#define PMU_CPU_HASWELL		0x01
#define PMU_CPU_SKYLAKE		0x02
#define PMU_CPU_ICELAKE		0x04
#define PMU_CPU_SAPPHIRE_RAPIDS	0x08
#define PMU_CPU_ZEN3		0x10
#define PMU_CPU_ZEN4		0x20

/* What access does, if not store and return */
#define PMU_MSR_READ_ONLY	0x1	/* WRMSR: #GP */
#define PMU_MSR_WRITE_ONLY	0x2	/* RDMSR: #GP; WRMSR: nothing is kept */
#define PMU_MSR_WRITE_IGNORED	0x4	/* WRMSR: no effect, no fault */

/**
 * struct pmu_msr_t - one register
 * @index:    as in ECX
 * @models:   PMU_CPU_* bits of the processors that have it
 * @flags:    PMU_MSR_*
 * @value:    after reset
 * @writable: bits that WRMSR may change; changing another one is #GP
 */
typedef struct {
	Bit32u index;
	unsigned models;
	unsigned flags;
	Bit64u value;
	Bit64u writable;
} pmu_msr_t;

#define PMU_MAX_MSRS	64

extern const pmu_msr_t pmu_msr_table[];
extern const unsigned pmu_msr_count;

const pmu_msr_t *pmu_find_msr(unsigned model, Bit32u index);

#endif /* PMU_MSRS_H */
