// SPDX-License-Identifier: GPL-2.0-only
/*
 * PEBS: what is in a record, byte for byte.
 *
 * SDM vol. 3B, "PEBS Record Format for 6th Generation Intel Core Processor
 * Family"; "Adaptive PEBS": "Basic Info", "Memory Access Info", "GPRs", "XMMs",
 * "LBRs".
 */
#include <string.h>

#include "pmu-fixture.h"

#define TOP	LOW(48)
#define ALWAYS	(OS | USR | EN)
#define COUNTER	2

#define MEMORY_INFO	B(0)
#define GPRS		B(1)
#define XMMS		B(2)
#define L2_HIT		3
#define L2_LATENCY	14
#define LBRS(entries)	(B(3) | (uint64_t)((entries) - 1) << 24)

/* Each field of the state has a value of its own. */
static void fill_state(struct fixture *f)
{
	f->state.ip = 0xffffffff81000010;
	f->state.flags = 0x246;
	for (unsigned int i = 0; i < 16; i++) {
		f->state.gpr[i] = 0x1111111111111100 + i;
		f->state.xmm[i][0] = 0x2222222222222200 + i;
		f->state.xmm[i][1] = 0x3333333333333300 + i;
	}
	f->state.tsc = 0x4444444444444444;
	f->state.load.address = 0x5555555555555555;
	f->state.load.level = PMU_L2;
}

/* A record of the counters @due: a load, if that is their event */
static void make_record(struct fixture *f, uint64_t due)
{
	enable_all(f);
	fill_state(f);
	pebs_on(f, f->cpu.version < 5 ? due | due << 32 : due);
	wr(f, IA32_GLOBAL_STATUS_SET, due);
	happen(f, PMU_SLOW_LOADS, 1);
	run(f, 1);
}

static void make_adaptive(struct fixture *f, uint64_t data_cfg)
{
	wr(f, MSR_PEBS_DATA_CFG, data_cfg);
	start(f, COUNTER, EV_LOAD_LATENCY | ALWAYS | ADAPTIVE);
	make_record(f, B(COUNTER));
}

static uint64_t size(struct fixture *f)
{
	return *ds(f, PEBS_INDEX) - BUFFER;
}

static uint64_t at(struct fixture *f, uint64_t offset)
{
	return *word(f, BUFFER + offset);
}

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 };

/* "Table 18-55": RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP */
static void format_3(void **state)
{
	struct fixture *f = *state;
	const uint64_t *gpr = f->state.gpr;

	start(f, COUNTER, EV_LOAD_LATENCY | ALWAYS);
	make_record(f, B(COUNTER));
	assert_int_equal(size(f), 0xc8);
	assert_int_equal(at(f, 0x00), 0x246);
	assert_int_equal(at(f, 0x08), 0xffffffff81000010);
	assert_int_equal(at(f, 0x10), gpr[RAX]);
	assert_int_equal(at(f, 0x18), gpr[RBX]);
	assert_int_equal(at(f, 0x20), gpr[RCX]);
	assert_int_equal(at(f, 0x28), gpr[RDX]);
	assert_int_equal(at(f, 0x30), gpr[RSI]);
	assert_int_equal(at(f, 0x38), gpr[RDI]);
	assert_int_equal(at(f, 0x40), gpr[RBP]);
	assert_int_equal(at(f, 0x48), gpr[RSP]);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(at(f, 0x50 + 8 * i), gpr[R8 + i]);
	assert_int_equal(at(f, 0x90), B(COUNTER));
	assert_int_equal(at(f, 0x98), 0x5555555555555555);
	assert_int_equal(at(f, 0xa0), L2_HIT);
	assert_int_equal(at(f, 0xa8), L2_LATENCY);
	assert_int_equal(at(f, 0xb0), f->instructions);
	assert_int_equal(at(f, 0xb8), 0);	/* TX abort information */
	assert_int_equal(at(f, 0xc0), 0x4444444444444444);
}

/* Format and size, EventingIP, Applicable Counters, TSC */
static void check_basic(struct fixture *f, uint64_t format, uint64_t bytes,
			uint64_t counters)
{
	assert_int_equal(size(f), bytes);
	assert_int_equal(at(f, 0x00), format | bytes << 48);
	assert_int_equal(at(f, 0x08), f->instructions);
	assert_int_equal(at(f, 0x10), counters);
	assert_int_equal(at(f, 0x18), 0x4444444444444444);
}

static void check_memory(struct fixture *f, uint64_t offset)
{
	assert_int_equal(at(f, offset), 0x5555555555555555);
	assert_int_equal(at(f, offset + 0x08), L2_HIT);
	assert_int_equal(at(f, offset + 0x10) & 0xffff, L2_LATENCY);
	assert_int_equal(at(f, offset + 0x18), 0);	/* TSX */
}

/* RFLAGS, RIP, and the registers in the order of their numbers */
static void check_gprs(struct fixture *f, uint64_t offset)
{
	assert_int_equal(at(f, offset), 0x246);
	assert_int_equal(at(f, offset + 0x08), 0xffffffff81000010);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(at(f, offset + 0x10 + 8 * i),
				 0x1111111111111100 + i);
}

static void check_xmms(struct fixture *f, uint64_t offset)
{
	for (unsigned int i = 0; i < 16; i++) {
		assert_int_equal(at(f, offset + 16 * i), 0x2222222222222200 + i);
		assert_int_equal(at(f, offset + 16 * i + 8), 0x3333333333333300 + i);
	}
}

/* FROM, TO, INFO, from the newest entry on; 0 from @depth on */
static void check_lbrs(struct fixture *f, uint64_t offset, unsigned int entries,
		       unsigned int depth)
{
	for (unsigned int i = 0; i < entries; i++, offset += 24) {
		assert_int_equal(at(f, offset), i < depth ? lbr_from(f, i) : 0);
		assert_int_equal(at(f, offset + 8), i < depth ? lbr_to(f, i) : 0);
		assert_int_equal(at(f, offset + 16), i < depth ? lbr_info(f, i) : 0);
	}
}

/* More than there are entries, the cycles of each a number of its own */
static void record_branches(struct fixture *f)
{
	lbr_on(f);
	for (unsigned int i = 0; i < 45; i++) {
		retire(f, 100 + i);
		taken(f, PMU_BRANCH_JMP, 0x1000 + i, 0x2000 + i);
	}
	assert_int_equal(lbr_from(f, 0), 0x1000 + 44);
	assert_int_equal(lbr_info(f, 0) & LOW(16), 100 + 44);
}

/* "If this bit is not set, a basic record is generated." */
static void a_counter_that_is_not_adaptive_has_a_basic_record(void **state)
{
	struct fixture *f = *state;

	wr(f, MSR_PEBS_DATA_CFG, 0xff00000f);
	start(f, COUNTER, EV_INSTRUCTIONS | ALWAYS);
	make_record(f, B(COUNTER));
	check_basic(f, 0, 32, B(COUNTER));
}

static void adaptive_without_groups_is_basic(void **state)
{
	struct fixture *f = *state;

	make_adaptive(f, 0);
	check_basic(f, 0, 32, B(COUNTER));
}

static void memory_group(void **state)
{
	struct fixture *f = *state;

	make_adaptive(f, MEMORY_INFO);
	check_basic(f, 0x1, 64, B(COUNTER));
	check_memory(f, 32);
}

static void gpr_group(void **state)
{
	struct fixture *f = *state;

	make_adaptive(f, GPRS);
	check_basic(f, 0x2, 32 + 144, B(COUNTER));
	check_gprs(f, 32);
}

static void xmm_group(void **state)
{
	struct fixture *f = *state;

	make_adaptive(f, XMMS);
	check_basic(f, 0x4, 32 + 256, B(COUNTER));
	check_xmms(f, 32);
}

static void lbr_group(void **state)
{
	struct fixture *f = *state;

	record_branches(f);
	make_adaptive(f, LBRS(32));
	check_basic(f, 0x1f000008, 32 + 32 * 24, B(COUNTER));
	check_lbrs(f, 32, 32, 32);
}

static void lbr_entries_are_as_many_as_asked_for(void **state)
{
	struct fixture *f = *state;

	record_branches(f);
	for (unsigned int entries = 1; entries <= 256; entries++) {
		make_adaptive(f, LBRS(entries));
		check_basic(f, (entries - 1) << 24 | 0x8, 32 + entries * 24,
			    B(COUNTER));
		check_lbrs(f, 32, entries, 32);
	}
}

/* IA32_LBR_DEPTH */
static void lbr_entries_beyond_the_depth_are_0(void **state)
{
	struct fixture *f = *state;

	record_branches(f);
	wr(f, IA32_LBR_DEPTH, 8);
	record_branches(f);
	make_adaptive(f, LBRS(32));
	check_lbrs(f, 32, 32, 8);
}

static void all_groups_in_their_order(void **state)
{
	struct fixture *f = *state;

	record_branches(f);
	for (uint64_t cfg = 0; cfg < 16; cfg++) {
		uint64_t offset = 32;

		make_adaptive(f, cfg | 9 << 24);
		if (cfg & B(0)) {
			check_memory(f, offset);
			offset += 32;
		}
		if (cfg & B(1)) {
			check_gprs(f, offset);
			offset += 144;
		}
		if (cfg & B(2)) {
			check_xmms(f, offset);
			offset += 256;
		}
		if (cfg & B(3)) {
			check_lbrs(f, offset, 10, 32);
			offset += 10 * 24;
		}
		check_basic(f, cfg | 9 << 24, offset, B(COUNTER));
	}
}

static void each_counter_has_an_adaptive_bit(void **state)
{
	struct fixture *f = *state;

	wr(f, MSR_PEBS_DATA_CFG, MEMORY_INFO);
	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		start(f, i, EV_INSTRUCTIONS | ALWAYS | ADAPTIVE);
		make_record(f, B(i));
		check_basic(f, 1, 64, B(i));
		start(f, i, EV_INSTRUCTIONS | ALWAYS);
		make_record(f, B(i));
		check_basic(f, 0, 32, B(i));
	}
	for (unsigned int i = 0; i < f->cpu.fixed; i++) {
		wr(f, IA32_FIXED_CTR_CTRL, 0x3333 | B(32 + 4 * i));
		make_record(f, B(32 + i));
		check_basic(f, 1, 64, B(32 + i));
		wr(f, IA32_FIXED_CTR_CTRL, 0x3333 | (0x1111 & ~B(4 * i)) << 32);
		make_record(f, B(32 + i));
		check_basic(f, 0, 32, B(32 + i));
	}
}

/* Not documented: one adaptive counter is enough. */
static void a_shared_record_is_adaptive_if_one_counter_is(void **state)
{
	struct fixture *f = *state;

	wr(f, MSR_PEBS_DATA_CFG, GPRS);
	start(f, 2, EV_INSTRUCTIONS | ALWAYS);
	start(f, 3, EV_INSTRUCTIONS | ALWAYS | ADAPTIVE);
	wr(f, IA32_FIXED_CTR_CTRL, 0x30);
	make_record(f, B(2) | B(3) | B(33));
	check_basic(f, 2, 32 + 144, B(2) | B(3) | B(33));
	check_gprs(f, 32);
	make_record(f, B(2) | B(33));
	check_basic(f, 0, 32, B(2) | B(33));
	wr(f, IA32_FIXED_CTR_CTRL, 0x30 | B(36));
	make_record(f, B(2) | B(33));
	check_basic(f, 2, 32 + 144, B(2) | B(33));
}

/* Bit 34 is no part of the event. */
static void an_adaptive_counter_counts_like_others(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start(f, COUNTER, EV_INSTRUCTIONS | ALWAYS | ADAPTIVE);
	wr(f, IA32_FIXED_CTR_CTRL, 0x3333 | UINT64_C(0x1111) << 32);
	run(f, 10);
	assert_int_equal(rd(f, counter(f, COUNTER)), 10);
	assert_int_equal(rd(f, IA32_FIXED_CTR0), 10);
	assert_int_equal(f->logs, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON("skylake", format_3),
		ON_V5(a_counter_that_is_not_adaptive_has_a_basic_record),
		ON_V5(adaptive_without_groups_is_basic),
		ON_V5(memory_group),
		ON_V5(gpr_group),
		ON_V5(xmm_group),
		ON_V5(lbr_group),
		ON_V5(lbr_entries_are_as_many_as_asked_for),
		ON_ARCH_LBR(lbr_entries_beyond_the_depth_are_0),
		ON_V5(all_groups_in_their_order),
		ON_V5(each_counter_has_an_adaptive_bit),
		ON_V5(a_shared_record_is_adaptive_if_one_counter_is),
		ON_V5(an_adaptive_counter_counts_like_others),
	};

	return cmocka_run_group_tests_name("pebs-format", tests, NULL, NULL);
}
