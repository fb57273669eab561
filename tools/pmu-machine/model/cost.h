/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cost table: cycles that pass in a thing beyond the one cycle of every
 * instruction.  cost.c has the numbers and where each is from.
 */
#ifndef PMU_COST_H
#define PMU_COST_H

#include <stdint.h>

#include "pmu.h"

enum pmu_cost {
	COST_RDMSR,
	COST_WRMSR,
	COST_RDPMC,
	COST_RDTSC,
	COST_CPUID,
	COST_PORT_IO,		/* IN, OUT */
	COST_PAUSE,
	COST_SERIALIZE,		/* MFENCE, SERIALIZE and the like */
	COST_CACHE_LINE_FLUSH,	/* CLFLUSH, CLFLUSHOPT, CLWB */
	COST_WBINVD,
	COST_MOV_CR,		/* MOV to CR0, CR4 */
	COST_MOV_CR3,
	COST_INVLPG,
	COST_INVPCID,
	COST_DIV64,
	COST_XSAVE,
	COST_SYSCALL,		/* SYSCALL, SYSENTER */
	COST_SYSRET,		/* SYSRET, SYSEXIT */
	COST_INT,		/* INT n */
	COST_IRET,
	COST_INTERRUPT,		/* delivery of an external interrupt or NMI */
	COST_EXCEPTION,		/* delivery of an exception */
	COST_SMI,		/* SMI, and the same again for RSM */
	COST_TLB_WALK,		/* a page walk */
	COST_TLB_WALK_NESTED,	/* a page walk through EPT or nested paging */
	COST_VM_ENTRY,		/* VMLAUNCH, VMRESUME, VMRUN */
	COST_VM_EXIT,
	COST_VMREAD,
	COST_VMWRITE,
	COST_VMPTRLD,
	COST_INVEPT,		/* INVEPT, INVVPID, INVLPGA */
	COST_VMSAVE,		/* VMSAVE, VMLOAD */
	COST_GIF,		/* STGI, CLGI */
	COST_PEBS,		/* a record */
	COSTS
};

/**
 * pmu_cost - what a thing costs on a processor
 * @cpu:  the processor model
 * @cost: the thing
 *
 * Return: cycles.
 */
uint32_t pmu_cost(const struct pmu_cpu *cpu, enum pmu_cost cost);

#endif /* PMU_COST_H */
