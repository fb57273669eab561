// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics, as a reader of their JSON sees them: Python's parser judges
 * whether it is JSON, and answers the questions.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pmu-fixture.h"
#include "stats.h"

static int stats_setup(void **state)
{
	struct pmu_stats *stats = malloc(sizeof(*stats));

	if (!stats)
		return -1;
	pmu_stats_init(stats);
	*state = stats;
	return 0;
}

static int stats_teardown(void **state)
{
	pmu_stats_free(*state);
	free(*state);
	return 0;
}

/* The value of a Python expression about the parsed JSON, d */
static long long ask(const struct pmu_stats *stats, const char *expression)
{
	char name[] = "/tmp/stats-test.XXXXXX", command[512];
	long long value = -1;
	int fd = mkstemp(name);
	FILE *file, *answer;

	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	assert_true(pmu_stats_write_json(stats, file));
	fclose(file);
	snprintf(command, sizeof(command),
		 "python3 -c \"import json; d = json.load(open('%s')); print(int(%s))\"",
		 name, expression);
	answer = popen(command, "r");
	assert_non_null(answer);
	if (fscanf(answer, "%lld", &value) != 1)
		value = -1;
	assert_int_equal(pclose(answer), 0);
	unlink(name);
	return value;
}

static void first_section_is_start(void **state)
{
	struct pmu_stats *stats = *state;

	assert_int_equal(ask(stats, "len(d['sections'])"), 1);
	assert_true(ask(stats, "d['sections'][0]['name'] == 'start'"));
	assert_true(ask(stats, "d['sections'][0]['by'] == 'start'"));
	assert_int_equal(ask(stats, "d['total']['root']['cycles']"), 0);
}

static void instructions_by_mode_and_cpl(void **state)
{
	struct pmu_stats *stats = *state;

	for (unsigned int cpl = 0; cpl < 4; cpl++) {
		pmu_stats_instructions(stats, false, cpl, 10 + cpl);
		pmu_stats_instructions(stats, true, cpl, 20 + cpl);
		pmu_stats_instructions(stats, true, cpl, 100);
	}
	pmu_stats_cycles(stats, false, 7);
	pmu_stats_cycles(stats, true, 9);
	for (unsigned int cpl = 0; cpl < 4; cpl++) {
		char q[80];

		snprintf(q, sizeof(q),
			 "d['total']['root']['instructions']['cpl%u']", cpl);
		assert_int_equal(ask(stats, q), 10 + cpl);
		snprintf(q, sizeof(q),
			 "d['total']['guest']['instructions']['cpl%u']", cpl);
		assert_int_equal(ask(stats, q), 120 + cpl);
	}
	assert_int_equal(ask(stats, "d['total']['root']['cycles']"), 7);
	assert_int_equal(ask(stats, "d['total']['guest']['cycles']"), 9);
}

static void sixty_four_bits_are_kept(void **state)
{
	struct pmu_stats *stats = *state;

	pmu_stats_cycles(stats, false, UINT64_MAX - 1);
	assert_true(ask(stats, "d['total']['root']['cycles'] == 2**64 - 2"));
}

static void msr_accesses_by_number_and_way(void **state)
{
	struct pmu_stats *stats = *state;

	pmu_stats_msr(stats, false, 0x38f, true, PMU_BY_INSTRUCTION);
	pmu_stats_msr(stats, false, 0x38f, true, PMU_BY_INSTRUCTION);
	pmu_stats_msr(stats, false, 0x38f, true, PMU_BY_LIST);
	pmu_stats_msr(stats, false, 0xc0010200, false, PMU_BY_INSTRUCTION);
	pmu_stats_msr(stats, true, 0xc1, false, PMU_BY_INSTRUCTION);
	assert_true(ask(stats,
		"d['total']['root']['msr_writes'] =="
		" {'instruction': {'0x38f': 2}, 'list': {'0x38f': 1}}"));
	assert_true(ask(stats,
		"d['total']['root']['msr_reads'] =="
		" {'instruction': {'0xc0010200': 1}, 'list': {}}"));
	assert_true(ask(stats,
		"d['total']['guest']['msr_reads'] =="
		" {'instruction': {'0xc1': 1}, 'list': {}}"));
	assert_true(ask(stats,
		"d['total']['guest']['msr_writes'] =="
		" {'instruction': {}, 'list': {}}"));
}

static void pebs_records_by_mode(void **state)
{
	struct pmu_stats *stats = *state;

	pmu_stats_pebs(stats, true);
	pmu_stats_pebs(stats, true);
	pmu_stats_pebs(stats, false);
	assert_int_equal(ask(stats, "d['total']['guest']['pebs']"), 2);
	assert_int_equal(ask(stats, "d['total']['root']['pebs']"), 1);
}

/* VMX's basic reasons begin at 0; SVM's codes end at 64 bits of ones. */
static void vm_exits_by_reason(void **state)
{
	struct pmu_stats *stats = *state;

	pmu_stats_vmexit(stats, 0);
	pmu_stats_vmexit(stats, 0x30);
	pmu_stats_vmexit(stats, 0x30);
	pmu_stats_vmexit(stats, UINT64_MAX);
	assert_true(ask(stats, "d['total']['vm_exits'] =="
			" {'0x0': 1, '0x30': 2, '0xffffffffffffffff': 1}"));
}

static void interrupts_and_rdpmc(void **state)
{
	struct pmu_stats *stats = *state;

	pmu_stats_pmi(stats, false, PMU_NMI, 0);
	pmu_stats_pmi(stats, false, PMU_NMI, 0);
	pmu_stats_pmi(stats, false, PMU_FIXED_VECTOR, 0xf6);
	pmu_stats_pmi(stats, false, PMU_SMI, 0);
	pmu_stats_pmi(stats, false, PMU_DROPPED, 0);
	pmu_stats_pmi(stats, true, PMU_DROPPED, 0);
	pmu_stats_interrupt(stats, true, 0xec);
	pmu_stats_interrupt(stats, true, 2);
	pmu_stats_rdpmc(stats, true);
	assert_true(ask(stats, "d['total']['root']['pmi'] =="
			" {'raised': 5, 'nmi': 2, 'fixed': {'0xf6': 1},"
			" 'smi': 1, 'dropped': 1}"));
	assert_int_equal(ask(stats, "d['total']['guest']['pmi']['raised']"), 1);
	assert_true(ask(stats, "d['total']['guest']['interrupts'] =="
			" {'0x2': 1, '0xec': 1}"));
	assert_int_equal(ask(stats, "d['total']['guest']['rdpmc']"), 1);
	assert_int_equal(ask(stats, "d['total']['root']['rdpmc']"), 0);
}

static void mark_starts_a_section(void **state)
{
	struct pmu_stats *stats = *state;

	pmu_stats_cycles(stats, false, 1);
	pmu_stats_mark(stats, "load", false);
	pmu_stats_cycles(stats, false, 10);
	pmu_stats_vmexit(stats, 5);
	pmu_stats_mark(stats, "inner", true);
	pmu_stats_cycles(stats, false, 100);
	pmu_stats_vmexit(stats, 5);
	pmu_stats_mark(stats, "load", false);
	pmu_stats_cycles(stats, false, 1000);
	assert_true(ask(stats,
		"[(s['name'], s['by'], s['root']['cycles']) for s in d['sections']]"
		" == [('start', 'start', 1), ('load', 'host', 10),"
		" ('inner', 'guest', 100), ('load', 'host', 1000)]"));
	assert_int_equal(ask(stats, "d['total']['root']['cycles']"), 1111);
	assert_int_equal(ask(stats, "d['total']['vm_exits']['0x5']"), 2);
	assert_int_equal(ask(stats, "len(d['sections'][1]['vm_exits'])"), 1);
}

/* Ten thousand numbers in an order that is not theirs, hundreds of marks */
static void nothing_is_lost_however_much_there_is(void **state)
{
	struct pmu_stats *stats = *state;

	for (uint32_t i = 0; i < 10000; i++) {
		pmu_stats_vmexit(stats, i * 7919 % 10007);
		pmu_stats_msr(stats, true, i * 7919 % 10007, false, PMU_BY_LIST);
	}
	for (unsigned int i = 0; i < 500; i++) {
		pmu_stats_mark(stats, "m", false);
		pmu_stats_vmexit(stats, 1);
	}
	assert_int_equal(ask(stats, "len(d['sections'])"), 501);
	assert_int_equal(ask(stats, "len(d['total']['vm_exits'])"), 10000);
	assert_int_equal(ask(stats, "sum(d['total']['vm_exits'].values())"),
			 10500);
	assert_int_equal(ask(stats,
		"len(d['total']['guest']['msr_reads']['list'])"), 10000);
	assert_true(ask(stats, "(lambda k: k == sorted(k))([int(k, 16)"
			" for k in d['total']['vm_exits']])"));
}

/* A guest may name a section as it likes. */
static void any_name_is_valid_json(void **state)
{
	struct pmu_stats *stats = *state;
	char name[256];

	for (int i = 0; i < 255; i++)
		name[i] = i + 1;
	name[255] = '\0';
	pmu_stats_mark(stats, name, true);
	pmu_stats_mark(stats, "", true);
	assert_true(ask(stats, "[ord(c) for c in d['sections'][1]['name']]"
			" == list(range(1, 256))"));
	assert_true(ask(stats, "d['sections'][2]['name'] == ''"));
}

static void same_counts_give_the_same_bytes(void **state)
{
	struct pmu_stats *stats = *state, other;
	char *text[2];
	size_t size[2];

	pmu_stats_init(&other);
	for (uint32_t i = 0; i < 100; i++) {
		pmu_stats_vmexit(stats, i);
		pmu_stats_vmexit(&other, 99 - i);
	}
	for (int i = 0; i < 2; i++) {
		FILE *file = open_memstream(&text[i], &size[i]);

		assert_true(pmu_stats_write_json(i ? &other : stats, file));
		fclose(file);
	}
	assert_int_equal(size[0], size[1]);
	assert_memory_equal(text[0], text[1], size[0]);
	free(text[0]);
	free(text[1]);
	pmu_stats_free(&other);
}

static void failure_to_write_is_told(void **state)
{
	FILE *file = fopen("/dev/full", "w");

	assert_non_null(file);
	assert_false(pmu_stats_write_json(*state, file));
	fclose(file);
}

#define FACT(fact) cmocka_unit_test_setup_teardown(fact, stats_setup, stats_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(first_section_is_start),
		FACT(instructions_by_mode_and_cpl),
		FACT(sixty_four_bits_are_kept),
		FACT(msr_accesses_by_number_and_way),
		FACT(vm_exits_by_reason),
		FACT(interrupts_and_rdpmc),
		FACT(pebs_records_by_mode),
		FACT(mark_starts_a_section),
		FACT(nothing_is_lost_however_much_there_is),
		FACT(any_name_is_valid_json),
		FACT(same_counts_give_the_same_bytes),
		FACT(failure_to_write_is_told),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
