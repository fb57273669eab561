/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the machine counts for its --stats, exactly, in sections.
 *
 * A mark starts a new section.  Whoever keeps counts of its own between two
 * calls (of instructions and cycles, say) hands them in before it sets the
 * mark.  There is one struct pmu_stats for all processors of the machine, and
 * no lock: the emulator runs them in one thread.
 */
#ifndef PMU_STATS_H
#define PMU_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "pmu.h"

/* The ways to a register */
enum pmu_way {
	PMU_BY_INSTRUCTION,	/* RDMSR, WRMSR */
	PMU_BY_LIST,		/* a VM-entry or VM-exit MSR list, a VMCS field */
	PMU_WAYS
};

/* struct pmu_tally: counts by number, in the numbers' order */
struct pmu_tally {
	struct pmu_tally_entry {
		uint64_t number;
		uint64_t count;
	} *entries;
	size_t used, room;
};

/* struct pmu_stats_side: the counts of root mode, or of guest mode */
struct pmu_stats_side {
	uint64_t instructions[4];		/* by CPL */
	uint64_t cycles;
	uint64_t rdpmc;
	uint64_t pebs;				/* records stored */
	uint64_t pmi[PMU_SMI + 1];		/* by enum pmu_delivery */
	struct pmu_tally pmi_vectors;		/* of PMU_FIXED_VECTOR */
	struct pmu_tally interrupts;		/* taken, by vector */
	struct pmu_tally msr_reads[PMU_WAYS];
	struct pmu_tally msr_writes[PMU_WAYS];
};

struct pmu_stats_section {
	char *name;
	const char *by;				/* "start", "host" or "guest" */
	struct pmu_stats_side side[2];		/* root mode, guest mode */
	struct pmu_tally vm_exits;		/* by reason or exit code */
};

struct pmu_stats {
	struct pmu_stats_section *sections;	/* the last one is current */
	size_t used, room;
};

void pmu_stats_init(struct pmu_stats *stats);
void pmu_stats_free(struct pmu_stats *stats);
void pmu_stats_mark(struct pmu_stats *stats, const char *name, bool guest);

void pmu_stats_instructions(struct pmu_stats *stats, bool guest,
			    unsigned int cpl, uint64_t n);
void pmu_stats_cycles(struct pmu_stats *stats, bool guest, uint64_t n);
void pmu_stats_msr(struct pmu_stats *stats, bool guest, uint32_t msr,
		   bool write, enum pmu_way way);
void pmu_stats_rdpmc(struct pmu_stats *stats, bool guest);
void pmu_stats_pebs(struct pmu_stats *stats, bool guest);
void pmu_stats_vmexit(struct pmu_stats *stats, uint64_t reason);
void pmu_stats_pmi(struct pmu_stats *stats, bool guest,
		   enum pmu_delivery delivery, uint8_t vector);
void pmu_stats_interrupt(struct pmu_stats *stats, bool guest, uint8_t vector);

bool pmu_stats_write_json(const struct pmu_stats *stats, FILE *file);

#endif /* PMU_STATS_H */
