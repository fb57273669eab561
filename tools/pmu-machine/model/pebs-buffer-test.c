// SPDX-License-Identifier: GPL-2.0-only
/*
 * PEBS: where a record goes, what happens to its counter, and when it has to
 * stay away (SDM vol. 3B, "BTS and DS Save Area", "Programming PEBS Facility").
 */
#include <string.h>

#include "pmu-fixture.h"

#define TOP	LOW(48)
#define ALWAYS	(OS | USR | EN)
#define COUNTER	2
#define RESET	(B(47) | 0x1234)	/* COUNTER's, not to be reached again */

static uint64_t before[MEMORY_PAGES * PAGE / 8];

static void remember(struct fixture *f)
{
	memcpy(before, f->memory, sizeof(before));
}

static void nothing_was_written(struct fixture *f)
{
	assert_memory_equal(before, f->memory, sizeof(before));
}

/* The next instruction but one makes a record. */
static void prepare(struct fixture *f)
{
	enable_all(f);
	pebs_on(f, B(COUNTER));
	*ds(f, PEBS_RESET + 8 * COUNTER) = RESET;
	start_at(f, COUNTER, EV_INSTRUCTIONS | ALWAYS, TOP);
}

/* The next instruction makes a record. */
static void arm(struct fixture *f)
{
	prepare(f);
	run(f, 1);
	assert_int_equal(status(f), B(COUNTER));
}

/* Make a record with COUNTER, whatever became of it before. */
static void make_record(struct fixture *f)
{
	wr(f, IA32_GLOBAL_STATUS_SET, B(COUNTER));
	run(f, 1);
}

static uint64_t records(struct fixture *f)
{
	return (*ds(f, PEBS_INDEX) - BUFFER) / basic_size(f);
}

static uint64_t eventing_ip(struct fixture *f, uint64_t record)
{
	return *word(f, record + (f->cpu.version < 5 ? 0xb0 : 0x08));
}

/* "PEBS Index": the record goes there, and the index behind it. */
static void records_follow_each_other(void **state)
{
	struct fixture *f = *state;

	arm(f);
	for (unsigned int n = 0; n < 20; n++) {
		remember(f);
		make_record(f);
		assert_int_equal(*ds(f, PEBS_INDEX), BUFFER + (n + 1) * basic_size(f));
		assert_int_equal(eventing_ip(f, BUFFER + n * basic_size(f)),
				 f->instructions);
		/* and nothing else was written */
		*word(f, DS_AREA + PEBS_INDEX) -= basic_size(f);
		memcpy(word(f, BUFFER + n * basic_size(f)),
		       &before[(BUFFER - MEMORY + n * basic_size(f)) / 8],
		       basic_size(f));
		nothing_was_written(f);
		*word(f, DS_AREA + PEBS_INDEX) += basic_size(f);
	}
}

/* Software takes the records out and puts the index back. */
static void the_area_is_read_each_time(void **state)
{
	struct fixture *f = *state;

	arm(f);
	run(f, 1);
	*ds(f, PEBS_INDEX) = BUFFER + 0x800;
	make_record(f);
	assert_int_equal(eventing_ip(f, BUFFER + 0x800), f->instructions);
	assert_int_equal(*ds(f, PEBS_INDEX), BUFFER + 0x800 + basic_size(f));

	wr(f, IA32_DS_AREA, DS_AREA + 0x400);
	*ds(f, PEBS_BASE) = *ds(f, PEBS_INDEX) = BUFFER + PAGE;
	*ds(f, PEBS_MAXIMUM) = *ds(f, PEBS_THRESHOLD) = BUFFER + 2 * PAGE;
	make_record(f);
	assert_int_equal(eventing_ip(f, BUFFER + PAGE), f->instructions);
	assert_int_equal(*ds(f, PEBS_INDEX), BUFFER + PAGE + basic_size(f));
}

static uint32_t counter_msr(const struct fixture *f, unsigned int bit)
{
	return bit < 32 ? counter(f, bit) : IA32_FIXED_CTR0 + bit - 32u;
}

/* Counter n's value is at 40H + 8n, fixed counter n's at 80H + 8n. */
static void check_reload(struct fixture *f, unsigned int bit)
{
	pebs_on(f, B(bit));
	for (unsigned int i = 0; i < f->cpu.gp; i++)
		*word(f, DS_AREA + 0x40 + 8 * i) = 0xabcd600000000000 + i;
	if (f->cpu.version >= 5) {
		for (unsigned int i = 0; i < 4; i++)
			*word(f, DS_AREA + 0x80 + 8 * i) = 0xdcba600000000020 + i;
	}
	wr(f, counter_msr(f, bit), 5);
	wr(f, IA32_GLOBAL_STATUS_SET, B(bit));
	run(f, 1);
	assert_int_equal(records(f), 1);
	assert_int_equal(rd(f, counter_msr(f, bit)), 0x600000000000 + bit);
	assert_int_equal(status(f), 0);
	wr(f, counter_msr(f, bit), 0);
}

/* Low 48 bits; "if a counter is not enabled for PEBS" it goes on. */
static void the_counter_has_its_reset_value(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	for (unsigned int i = 0; i < f->cpu.gp; i++)
		start_at(f, i, EV_INSTRUCTIONS | ALWAYS, 0);
	wr(f, IA32_FIXED_CTR_CTRL, 0x333);
	for (unsigned int i = 0; i < f->cpu.gp; i++)
		check_reload(f, i);
}

static void fixed_counters_have_theirs(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	wr(f, IA32_FIXED_CTR_CTRL, 0x3333);
	for (unsigned int i = 0; i < f->cpu.fixed; i++)
		check_reload(f, 32 + i);
}

/* "If the PEBS Index reaches the threshold value", after it was updated */
static void at_the_threshold_there_is_an_interrupt(void **state)
{
	struct fixture *f = *state;

	arm(f);
	*ds(f, PEBS_THRESHOLD) = BUFFER + 2 * basic_size(f);
	run(f, 1);
	assert_int_equal(status(f), 0);
	assert_int_equal(f->pmis, 0);
	make_record(f);
	assert_int_equal(f->pmis, 1);	/* and not an instruction later */
	assert_int_equal(status(f), OVF_BUF);
	run(f, 10);
	assert_int_equal(f->pmis, 1);
	assert_int_equal(records(f), 2);
}

static void a_threshold_amid_a_record_counts_when_it_is_passed(void **state)
{
	struct fixture *f = *state;

	arm(f);
	*ds(f, PEBS_THRESHOLD) = BUFFER + basic_size(f) + 1;
	run(f, 1);
	assert_int_equal(status(f), 0);
	make_record(f);
	assert_int_equal(status(f), OVF_BUF);
	assert_int_equal(f->pmis, 1);
}

/* Bit 62 stays until software clears it, and there is room behind it. */
static void each_record_beyond_the_threshold_interrupts(void **state)
{
	struct fixture *f = *state;

	arm(f);
	*ds(f, PEBS_THRESHOLD) = BUFFER + basic_size(f);
	for (unsigned int n = 1; n < 10; n++) {
		make_record(f);
		assert_int_equal(records(f), n);
		assert_int_equal(status(f), OVF_BUF);
		assert_int_equal(f->pmis, n);
		if (n & 1)
			wr(f, IA32_GLOBAL_OVF_CTRL, OVF_BUF);
	}
}

static void its_interrupt_has_the_skid_of_others(void **state)
{
	struct fixture *f = *state;

	f->pmu.skid = 50;
	arm(f);
	*ds(f, PEBS_THRESHOLD) = BUFFER + basic_size(f);
	run(f, 1);
	assert_int_equal(status(f), OVF_BUF);
	run(f, 49);
	assert_int_equal(f->pmis, 0);
	run(f, 1);
	assert_int_equal(f->pmis, 1);
}

/* "Freeze on PMI": it is one like that of a counter. */
static void its_interrupt_freezes(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_DEBUGCTL, FREEZE_PERFMON | FREEZE_LBRS);
	arm(f);
	*ds(f, PEBS_THRESHOLD) = BUFFER + basic_size(f);
	run(f, 1);
	assert_int_equal(status(f), OVF_BUF | CTR_FRZ | LBR_FRZ);
	run(f, 10);
	assert_int_equal(rd(f, counter(f, COUNTER)), RESET);
}

static void below_the_threshold_nothing_freezes(void **state)
{
	struct fixture *f = *state;

	wr(f, IA32_DEBUGCTL, FREEZE_PERFMON | FREEZE_LBRS);
	arm(f);
	run(f, 11);
	assert_int_equal(status(f), 0);
	assert_int_equal(rd(f, counter(f, COUNTER)), RESET + 10);
}

static void a_record_may_end_at_the_maximum(void **state)
{
	struct fixture *f = *state;

	arm(f);
	*ds(f, PEBS_MAXIMUM) = BUFFER + basic_size(f);
	run(f, 1);
	assert_int_equal(records(f), 1);
	assert_int_equal(status(f), 0);
}

/* "The PEBS will be skipped entirely", and tried again with the next event. */
static void check_skipped_skylake(struct fixture *f, uint64_t field, uint64_t value)
{
	uint64_t kept;

	arm(f);
	kept = *ds(f, field);
	*ds(f, field) = value;
	remember(f);
	run(f, 3);
	nothing_was_written(f);
	assert_int_equal(status(f), B(COUNTER));
	assert_int_equal(rd(f, counter(f, COUNTER)), 3);
	assert_int_equal(f->pmis, 0);
	*ds(f, field) = kept;
	run(f, 1);
	assert_int_equal(records(f), 1);
	assert_int_equal(eventing_ip(f, BUFFER), f->instructions);
}

/*
 * Goldmont, "Extended PEBS": OvfDSBuffer is set, "the overflow bits in
 * GLOBAL_STATUS will be cleared according to Applicable Counters, however the
 * IA32_PMCx values will not be reloaded".
 */
static void check_skipped_adaptive(struct fixture *f, uint64_t field, uint64_t value)
{
	unsigned int pmis = f->pmis;

	arm(f);
	wr(f, IA32_GLOBAL_STATUS_SET, B(3));
	*ds(f, field) = value;
	remember(f);
	run(f, 1);
	nothing_was_written(f);
	assert_int_equal(f->pmis, pmis + 1);
	assert_int_equal(status(f), OVF_BUF | B(3));
	assert_int_equal(rd(f, counter(f, COUNTER)), 1);
	run(f, 3);
	nothing_was_written(f);
	assert_int_equal(rd(f, counter(f, COUNTER)), 4);
	assert_int_equal(f->pmis, pmis + 1);
	wr(f, IA32_GLOBAL_OVF_CTRL, OVF_BUF | B(3));
}

static void check_skipped(struct fixture *f, uint64_t field, uint64_t value)
{
	if (f->cpu.version < 5)
		check_skipped_skylake(f, field, value);
	else
		check_skipped_adaptive(f, field, value);
}

static void a_record_that_does_not_fit_is_skipped(void **state)
{
	struct fixture *f = *state;

	check_skipped(f, PEBS_MAXIMUM, BUFFER + basic_size(f) - 8);
	check_skipped(f, PEBS_MAXIMUM, BUFFER + basic_size(f) - 1);
	check_skipped(f, PEBS_MAXIMUM, BUFFER);
}

static void bad_indices_are_skipped(void **state)
{
	struct fixture *f = *state;

	check_skipped(f, PEBS_INDEX, BUFFER - 8);
	check_skipped(f, PEBS_BASE, BUFFER + 8);
	check_skipped(f, PEBS_MAXIMUM, BUFFER - 8);
	check_skipped(f, PEBS_MAXIMUM, 0);
	check_skipped(f, PEBS_INDEX, -8);
}

/* What counts is the record's own size. */
static void a_big_record_that_does_not_fit_is_skipped(void **state)
{
	struct fixture *f = *state;

	arm(f);
	wr(f, MSR_PEBS_DATA_CFG, B(1));
	wr(f, selector(f, COUNTER), EV_INSTRUCTIONS | ALWAYS | ADAPTIVE);
	*ds(f, PEBS_MAXIMUM) = BUFFER + 32 + 144 - 8;
	remember(f);
	run(f, 1);
	nothing_was_written(f);
	assert_int_equal(status(f), OVF_BUF);
	*ds(f, PEBS_MAXIMUM) = BUFFER + 32 + 144;
	make_record(f);
	assert_int_equal(*ds(f, PEBS_INDEX), BUFFER + 32 + 144);
}

/* Does [@first, @last] have a byte in the page? */
static bool overlaps(uint64_t page, uint64_t first, uint64_t last)
{
	return last >= page && first < page + PAGE;
}

/*
 * The DS area at @area and the record at @index, with one page of memory after
 * the other gone or read-only: where that is in the way, nothing changes and the
 * next event makes the record; where it is not, nobody notices.
 */
static void check_faults(struct fixture *f, uint64_t area, uint64_t index,
			 uint64_t size, bool gone)
{
	const uint64_t last_read = area + PEBS_RESET + 8 * COUNTER + 7;

	for (uint64_t page = MEMORY; page < MEMORY + sizeof(before); page += PAGE) {
		bool read = overlaps(page, area + PEBS_BASE, last_read);
		bool written = overlaps(page, index, index + size - 1) ||
			       overlaps(page, area + PEBS_INDEX, area + PEBS_INDEX + 7);

		wr(f, IA32_DS_AREA, area);
		*ds(f, PEBS_BASE) = *ds(f, PEBS_INDEX) = index;
		*ds(f, PEBS_MAXIMUM) = index + size;
		*ds(f, PEBS_THRESHOLD) = index + size;
		*ds(f, PEBS_RESET + 8 * COUNTER) = RESET;
		wr(f, IA32_GLOBAL_OVF_CTRL, OVF_BUF);
		wr(f, counter(f, COUNTER), TOP);
		run(f, 1);
		remember(f);
		*(gone ? &f->gone : &f->read_only) = page;
		run(f, 1);
		f->gone = f->read_only = 0;
		if (written || (read && gone)) {
			nothing_was_written(f);
			assert_int_equal(status(f), B(COUNTER));
			assert_int_equal(rd(f, counter(f, COUNTER)), 1);
			run(f, 1);
		}
		assert_int_equal(eventing_ip(f, index), f->instructions);
		assert_int_equal(*ds(f, PEBS_INDEX), index + size);
		assert_int_equal(status(f), OVF_BUF);
		assert_int_equal(rd(f, counter(f, COUNTER)), RESET);
	}
}

static void a_fault_changes_nothing_wherever_the_area_is(void **state)
{
	struct fixture *f = *state;

	prepare(f);
	for (uint64_t before_end = 0; before_end <= 0xa0; before_end += 8) {
		check_faults(f, MEMORY + 2 * PAGE - before_end, MEMORY + 4 * PAGE,
			     basic_size(f), true);
		check_faults(f, MEMORY + 2 * PAGE - before_end, MEMORY + 4 * PAGE,
			     basic_size(f), false);
	}
}

static void a_fault_changes_nothing_wherever_the_record_is(void **state)
{
	struct fixture *f = *state;

	prepare(f);
	for (uint64_t before_end = 0; before_end <= basic_size(f); before_end += 8) {
		check_faults(f, DS_AREA, MEMORY + 4 * PAGE - before_end,
			     basic_size(f), true);
		check_faults(f, DS_AREA, MEMORY + 4 * PAGE - before_end,
			     basic_size(f), false);
	}
}

/* 6608 bytes are parts of two pages, or of three. */
static void a_fault_changes_nothing_of_the_biggest_record(void **state)
{
	struct fixture *f = *state;
	const uint64_t size = 32 + 32 + 144 + 256 + 256 * 24;

	prepare(f);
	wr(f, MSR_PEBS_DATA_CFG, 0xff00000f);
	wr(f, selector(f, COUNTER), EV_INSTRUCTIONS | ALWAYS | ADAPTIVE);
	for (uint64_t before_end = 0; before_end <= PAGE; before_end += 64)
		check_faults(f, DS_AREA, MEMORY + 4 * PAGE - before_end, size, true);
}

/* Each counter needs its own reset value, and no other's. */
static void a_fault_at_the_reset_value(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	wr(f, IA32_FIXED_CTR_CTRL, f->cpu.version < 5 ? 0 : 0x3333);
	for (unsigned int bit = 0; bit < 36; bit++) {
		uint64_t slot = bit < 32 ? PEBS_RESET + 8 * bit :
					   PEBS_FIXED_RESET + 8 * (bit - 32);

		if (bit >= f->cpu.gp && (bit < 32 || f->cpu.version < 5))
			continue;
		if (bit < 32)
			start_at(f, bit, EV_INSTRUCTIONS | ALWAYS, 0);
		pebs_on(f, B(bit));
		wr(f, IA32_DS_AREA, BUFFER - slot);
		memcpy(ds(f, PEBS_BASE), word(f, DS_AREA + PEBS_BASE), 32);
		wr(f, IA32_GLOBAL_STATUS_SET, B(bit));
		remember(f);
		f->gone = BUFFER;
		run(f, 1);
		nothing_was_written(f);
		assert_int_equal(status(f), B(bit));

		*ds(f, PEBS_BASE) = *ds(f, PEBS_INDEX) = BUFFER + PAGE;
		wr(f, IA32_DS_AREA, BUFFER - slot - 8);
		memmove(ds(f, PEBS_BASE), ds(f, PEBS_BASE + 8), 32);
		*ds(f, slot) = RESET;
		run(f, 1);
		assert_int_equal(*ds(f, PEBS_INDEX), BUFFER + PAGE + basic_size(f));
		assert_int_equal(rd(f, counter_msr(f, bit)), RESET);
		f->gone = 0;
		wr(f, IA32_PEBS_ENABLE, 0);
	}
}

/* Two share the record, and the reset value of one of them is not there. */
static void a_fault_at_one_of_two_reset_values(void **state)
{
	struct fixture *f = *state;

	prepare(f);
	wr(f, IA32_PEBS_ENABLE, B(COUNTER) | B(3));
	start_at(f, 3, EV_INSTRUCTIONS | ALWAYS, TOP);
	wr(f, IA32_DS_AREA, BUFFER - PEBS_RESET - 8 * 3);
	memcpy(ds(f, PEBS_BASE), word(f, DS_AREA + PEBS_BASE), 32);
	run(f, 1);
	remember(f);
	f->gone = BUFFER;
	run(f, 1);
	nothing_was_written(f);
	assert_int_equal(status(f), B(COUNTER) | B(3));
	*ds(f, PEBS_BASE) = *ds(f, PEBS_INDEX) = BUFFER + PAGE;
	run(f, 1);
	assert_int_equal(*ds(f, PEBS_INDEX), BUFFER + PAGE);
	assert_int_equal(status(f), B(COUNTER) | B(3));
	assert_int_equal(rd(f, counter(f, COUNTER)), 2);
}

/* "For non-precise events the record will skid by one instruction." */
static void after_a_fault_cycles_need_no_event(void **state)
{
	struct fixture *f = *state;

	prepare(f);
	start_at(f, COUNTER, EV_WALKS | ALWAYS, TOP);
	happen(f, PMU_DTLB_LOAD_WALKS, 1);
	run(f, 1);
	f->gone = BUFFER;
	run(f, 1);
	f->gone = 0;
	assert_int_equal(records(f), 0);
	run(f, 1);
	assert_int_equal(records(f), 1);
	assert_int_equal(eventing_ip(f, BUFFER), f->instructions);
}

/* "For precise events the record [will] skid by one event occurrence." */
static void after_a_fault_even_pdist_has_skid(void **state)
{
	struct fixture *f = *state;

	prepare(f);
	wr(f, selector(f, COUNTER), 0);
	wr(f, IA32_PEBS_ENABLE, B(0));
	start_at(f, 0, EV_BRANCHES | ALWAYS, TOP);
	f->gone = BUFFER;
	happen(f, PMU_COND_TAKEN, 1);
	run(f, 1);
	f->gone = 0;
	assert_int_equal(status(f), B(0));
	run(f, 10);
	assert_int_equal(records(f), 0);
	happen(f, PMU_COND_TAKEN, 1);
	run(f, 1);
	assert_int_equal(records(f), 1);
	assert_int_equal(eventing_ip(f, BUFFER), f->instructions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_V4_UP(records_follow_each_other),
		ON_V4_UP(the_area_is_read_each_time),
		ON_V4_UP(the_counter_has_its_reset_value),
		ON_V5(fixed_counters_have_theirs),
		ON_V4_UP(at_the_threshold_there_is_an_interrupt),
		ON_V4_UP(a_threshold_amid_a_record_counts_when_it_is_passed),
		ON_V4_UP(each_record_beyond_the_threshold_interrupts),
		ON_V4_UP(its_interrupt_has_the_skid_of_others),
		ON_V4_UP(its_interrupt_freezes),
		ON_V4_UP(below_the_threshold_nothing_freezes),
		ON_V4_UP(a_record_may_end_at_the_maximum),
		ON_V4_UP(a_record_that_does_not_fit_is_skipped),
		ON_V4_UP(bad_indices_are_skipped),
		ON_V5(a_big_record_that_does_not_fit_is_skipped),
		ON_V4_UP(a_fault_changes_nothing_wherever_the_area_is),
		ON_V4_UP(a_fault_changes_nothing_wherever_the_record_is),
		ON_V5(a_fault_changes_nothing_of_the_biggest_record),
		ON_V4_UP(a_fault_at_the_reset_value),
		ON_V4_UP(a_fault_at_one_of_two_reset_values),
		ON_V5(after_a_fault_cycles_need_no_event),
		ON("sapphire-rapids", after_a_fault_even_pdist_has_skid),
	};

	return cmocka_run_group_tests_name("pebs-buffer", tests, NULL, NULL);
}
