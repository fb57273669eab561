// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics and marks.  No count is ever lost: tables grow, and where memory
 * is short the program ends rather than go on with counts that are wrong.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"

static void *resize(void *old, size_t size)
{
	void *new = realloc(old, size);

	if (!new) {
		fputs("pmu-machine: out of memory for statistics\n", stderr);
		exit(EXIT_FAILURE);
	}
	return new;
}

static void *grow(void *old, size_t *room, size_t size)
{
	*room = *room ? 2 * *room : 8;
	return resize(old, *room * size);
}

/* The first entry whose number is not less. */
static size_t tally_find(const struct pmu_tally *tally, uint64_t number)
{
	size_t low = 0, high = tally->used;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (tally->entries[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void tally_add(struct pmu_tally *tally, uint64_t number, uint64_t n)
{
	size_t i = tally_find(tally, number);

	if (i == tally->used || tally->entries[i].number != number) {
		if (tally->used == tally->room)
			tally->entries = grow(tally->entries, &tally->room,
					      sizeof(*tally->entries));
		memmove(&tally->entries[i + 1], &tally->entries[i],
			(tally->used - i) * sizeof(*tally->entries));
		tally->entries[i].number = number;
		tally->entries[i].count = 0;
		tally->used++;
	}
	tally->entries[i].count += n;
}

static void tally_add_all(struct pmu_tally *to, const struct pmu_tally *from)
{
	for (size_t i = 0; i < from->used; i++)
		tally_add(to, from->entries[i].number, from->entries[i].count);
}

static struct pmu_stats_section *current(struct pmu_stats *stats)
{
	return &stats->sections[stats->used - 1];
}

static struct pmu_stats_side *side(struct pmu_stats *stats, bool guest)
{
	return &current(stats)->side[guest];
}

static void start_section(struct pmu_stats *stats, const char *name,
			  const char *by)
{
	struct pmu_stats_section *section;

	if (stats->used == stats->room)
		stats->sections = grow(stats->sections, &stats->room,
				       sizeof(*stats->sections));
	section = &stats->sections[stats->used++];
	memset(section, 0, sizeof(*section));
	section->by = by;
	section->name = resize(NULL, strlen(name) + 1);
	strcpy(section->name, name);
}

/**
 * pmu_stats_init - make statistics with the first section, "start", in them
 * @stats: storage for it
 */
void pmu_stats_init(struct pmu_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	start_section(stats, "start", "start");
}

static void free_side(struct pmu_stats_side *side)
{
	free(side->pmi_vectors.entries);
	free(side->interrupts.entries);
	for (int way = 0; way < PMU_WAYS; way++) {
		free(side->msr_reads[way].entries);
		free(side->msr_writes[way].entries);
	}
}

static void free_section(struct pmu_stats_section *section)
{
	free(section->name);
	free(section->vm_exits.entries);
	free_side(&section->side[false]);
	free_side(&section->side[true]);
}

/**
 * pmu_stats_free - give the memory back
 * @stats: the statistics; to be used again only after pmu_stats_init()
 */
void pmu_stats_free(struct pmu_stats *stats)
{
	for (size_t i = 0; i < stats->used; i++)
		free_section(&stats->sections[i]);
	free(stats->sections);
	memset(stats, 0, sizeof(*stats));
}

/**
 * pmu_stats_mark - start a new section
 * @stats: the statistics
 * @name:  its name: any bytes, and not necessarily a new one
 * @guest: a guest set the mark
 */
void pmu_stats_mark(struct pmu_stats *stats, const char *name, bool guest)
{
	start_section(stats, name, guest ? "guest" : "host");
}

/**
 * pmu_stats_instructions - instructions retired
 * @stats: the statistics
 * @guest: in guest mode
 * @cpl:   at this privilege level, 0 to 3
 * @n:     how many
 */
void pmu_stats_instructions(struct pmu_stats *stats, bool guest,
			    unsigned int cpl, uint64_t n)
{
	side(stats, guest)->instructions[cpl & 3] += n;
}

/**
 * pmu_stats_cycles - unhalted cycles went by
 * @stats: the statistics
 * @guest: in guest mode
 * @n:     how many
 */
void pmu_stats_cycles(struct pmu_stats *stats, bool guest, uint64_t n)
{
	side(stats, guest)->cycles += n;
}

/**
 * pmu_stats_msr - a register of the PMU was read or written
 * @stats: the statistics
 * @guest: in guest mode; the lists of VM entry and exit belong to root mode
 * @msr:   its number
 * @write: written
 * @way:   how it was reached
 */
void pmu_stats_msr(struct pmu_stats *stats, bool guest, uint32_t msr,
		   bool write, enum pmu_way way)
{
	struct pmu_stats_side *s = side(stats, guest);

	tally_add(write ? &s->msr_writes[way] : &s->msr_reads[way], msr, 1);
}

/**
 * pmu_stats_rdpmc - an RDPMC
 * @stats: the statistics
 * @guest: in guest mode
 */
void pmu_stats_rdpmc(struct pmu_stats *stats, bool guest)
{
	side(stats, guest)->rdpmc++;
}

/**
 * pmu_stats_vmexit - a VM exit
 * @stats:  the statistics
 * @reason: VMX: the basic exit reason; SVM: the exit code
 */
void pmu_stats_vmexit(struct pmu_stats *stats, uint64_t reason)
{
	tally_add(&current(stats)->vm_exits, reason, 1);
}

/**
 * pmu_stats_pebs - a PEBS record was stored
 * @stats: the statistics
 * @guest: in guest mode
 */
void pmu_stats_pebs(struct pmu_stats *stats, bool guest)
{
	side(stats, guest)->pebs++;
}

/**
 * pmu_stats_pmi - the PMU raised an interrupt
 * @stats:    the statistics
 * @guest:    in guest mode
 * @delivery: what pmu_lvtpc_deliver() made of it
 * @vector:   of PMU_FIXED_VECTOR
 */
void pmu_stats_pmi(struct pmu_stats *stats, bool guest,
		   enum pmu_delivery delivery, uint8_t vector)
{
	struct pmu_stats_side *s = side(stats, guest);

	s->pmi[delivery]++;
	if (delivery == PMU_FIXED_VECTOR)
		tally_add(&s->pmi_vectors, vector, 1);
}

/**
 * pmu_stats_interrupt - the processor took an interrupt
 * @stats:  the statistics
 * @guest:  in guest mode
 * @vector: its vector; 2 for an NMI
 */
void pmu_stats_interrupt(struct pmu_stats *stats, bool guest, uint8_t vector)
{
	tally_add(&side(stats, guest)->interrupts, vector, 1);
}

static void add_side(struct pmu_stats_side *to, const struct pmu_stats_side *from)
{
	for (int cpl = 0; cpl < 4; cpl++)
		to->instructions[cpl] += from->instructions[cpl];
	to->cycles += from->cycles;
	to->pebs += from->pebs;
	to->rdpmc += from->rdpmc;
	for (int kind = 0; kind <= PMU_SMI; kind++)
		to->pmi[kind] += from->pmi[kind];
	tally_add_all(&to->pmi_vectors, &from->pmi_vectors);
	tally_add_all(&to->interrupts, &from->interrupts);
	for (int way = 0; way < PMU_WAYS; way++) {
		tally_add_all(&to->msr_reads[way], &from->msr_reads[way]);
		tally_add_all(&to->msr_writes[way], &from->msr_writes[way]);
	}
}

static void add_section(struct pmu_stats_section *to,
			const struct pmu_stats_section *from)
{
	add_side(&to->side[false], &from->side[false]);
	add_side(&to->side[true], &from->side[true]);
	tally_add_all(&to->vm_exits, &from->vm_exits);
}

/* A name is whatever a guest put there; only ASCII goes out as it is. */
static void write_string(FILE *file, const char *string)
{
	putc('"', file);
	for (const unsigned char *c = (const unsigned char *)string; *c; c++) {
		if (*c < ' ' || *c > '~')
			fprintf(file, "\\u%04x", *c);
		else if (*c == '"' || *c == '\\')
			fprintf(file, "\\%c", *c);
		else
			putc(*c, file);
	}
	putc('"', file);
}

static void write_tally(FILE *file, const char *key,
			const struct pmu_tally *tally)
{
	fprintf(file, "\"%s\": {", key);
	for (size_t i = 0; i < tally->used; i++)
		fprintf(file, "%s\"0x%" PRIx64 "\": %" PRIu64, i ? ", " : "",
			tally->entries[i].number, tally->entries[i].count);
	putc('}', file);
}

static void write_ways(FILE *file, const char *key,
		       const struct pmu_tally tally[PMU_WAYS])
{
	fprintf(file, ",\n\t\t\t\t\"%s\": {", key);
	write_tally(file, "instruction", &tally[PMU_BY_INSTRUCTION]);
	fputs(", ", file);
	write_tally(file, "list", &tally[PMU_BY_LIST]);
	putc('}', file);
}

static void write_pmi(FILE *file, const struct pmu_stats_side *s)
{
	uint64_t raised = 0;

	for (int kind = 0; kind <= PMU_SMI; kind++)
		raised += s->pmi[kind];
	fprintf(file, ",\n\t\t\t\t\"pmi\": {\"dropped\": %" PRIu64 ", ",
		s->pmi[PMU_DROPPED]);
	write_tally(file, "fixed", &s->pmi_vectors);
	fprintf(file, ", \"nmi\": %" PRIu64 ", \"raised\": %" PRIu64
		", \"smi\": %" PRIu64 "}", s->pmi[PMU_NMI], raised,
		s->pmi[PMU_SMI]);
}

/* Keys go out in alphabetical order, numbers in numerical order. */
static void write_side(FILE *file, const char *key,
		       const struct pmu_stats_side *s)
{
	fprintf(file, "\"%s\": {\n\t\t\t\t\"cycles\": %" PRIu64, key,
		s->cycles);
	fprintf(file, ",\n\t\t\t\t\"instructions\": {\"cpl0\": %" PRIu64
		", \"cpl1\": %" PRIu64 ", \"cpl2\": %" PRIu64
		", \"cpl3\": %" PRIu64 "},\n\t\t\t\t", s->instructions[0],
		s->instructions[1], s->instructions[2], s->instructions[3]);
	write_tally(file, "interrupts", &s->interrupts);
	write_ways(file, "msr_reads", s->msr_reads);
	write_ways(file, "msr_writes", s->msr_writes);
	fprintf(file, ",\n\t\t\t\t\"pebs\": %" PRIu64, s->pebs);
	write_pmi(file, s);
	fprintf(file, ",\n\t\t\t\t\"rdpmc\": %" PRIu64 "\n\t\t\t}", s->rdpmc);
}

static void write_section(FILE *file, const struct pmu_stats_section *section)
{
	fputs("{\n\t\t\t\"by\": ", file);
	write_string(file, section->by);
	fputs(",\n\t\t\t", file);
	write_side(file, "guest", &section->side[true]);
	fputs(",\n\t\t\t\"name\": ", file);
	write_string(file, section->name);
	fputs(",\n\t\t\t", file);
	write_side(file, "root", &section->side[false]);
	fputs(",\n\t\t\t", file);
	write_tally(file, "vm_exits", &section->vm_exits);
	fputs("\n\t\t}", file);
}

/**
 * pmu_stats_write_json - write all sections and their sum
 * @stats: the statistics
 * @file:  where to
 *
 * The same counts give the same bytes.
 *
 * Return: false if writing failed.
 */
bool pmu_stats_write_json(const struct pmu_stats *stats, FILE *file)
{
	struct pmu_stats total = { 0 };

	start_section(&total, "total", "all");
	fputs("{\n\t\"sections\": [\n\t\t", file);
	for (size_t i = 0; i < stats->used; i++) {
		fputs(i ? ", " : "", file);
		write_section(file, &stats->sections[i]);
		add_section(current(&total), &stats->sections[i]);
	}
	fputs("\n\t],\n\t\"total\": ", file);
	write_section(file, current(&total));
	fputs("\n}\n", file);
	pmu_stats_free(&total);
	return !fflush(file) && !ferror(file);
}
