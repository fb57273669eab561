// SPDX-License-Identifier: GPL-2.0-only
/*
 * Laziness changes nothing.
 *
 * Random streams of instructions run on two PMUs that are set up alike.  One
 * is looked at after each instruction; the other only when it asked for it,
 * by its deadline or by pmu_burst().  They must request the same interrupts at
 * the end of the same instructions (a skid of zero), and hold the same values
 * in all registers at the end.  Where nothing freezes, a third account, which
 * knows no PMU, must agree too.
 */
#include <stdlib.h>

#include "pmu-fixture.h"

#define TOP		LOW(48)
#define STREAMS		300
#define LENGTH		400

/* xorshift: the same streams wherever the tests run */
static uint64_t random_state;

static uint64_t any(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

struct instruction {
	uint64_t cycles;
	enum pmu_acc branch;	/* PMU_ACCS: none */
	unsigned int walks;
};

static struct instruction any_instruction(void)
{
	static const enum pmu_acc branches[] = {
		PMU_COND_TAKEN, PMU_COND_NTAKEN, PMU_NEAR_RET,
	};

	return (struct instruction){
		.cycles = any(4) ? 1 : 1 + any(40),
		.branch = any(4) ? PMU_ACCS : branches[any(3)],
		.walks = any(8) ? 0 : any(5),
	};
}

static void perform(struct fixture *f, const struct instruction *in)
{
	if (in->branch != PMU_ACCS)
		happen(f, in->branch, 1);
	if (in->walks)
		happen(f, PMU_DTLB_LOAD_WALKS, in->walks);
	retire(f, in->cycles);
}

struct account {
	uint64_t event;
	uint64_t value;
	uint64_t clock;
	bool user, os, interrupt;
};

static uint64_t account_events(struct account *a, const struct instruction *in)
{
	uint64_t slow;

	switch (a->event) {
	case EV_INSTRUCTIONS:
		return 1;
	case EV_CYCLES:
		return in->cycles;
	case EV_BRANCHES:
		return in->branch != PMU_ACCS;
	case EV_WALKS:
		return in->walks;
	case EV_SLOTS:
		return in->cycles * EV_SLOTS_MUL;
	case EV_SLOW_CLOCK:
		slow = a->clock / 4;
		a->clock += in->cycles;
		return a->clock / 4 - slow;
	default:
		return 0;
	}
}

/* Returns whether this counter interrupts. */
static bool account_retire(struct account *a, const struct instruction *in,
			   bool user)
{
	uint64_t sum;

	if (user ? !a->user : !a->os)
		return false;
	sum = a->value + account_events(a, in);
	a->value = sum & TOP;
	return sum > TOP && a->interrupt;
}

static struct account any_account(void)
{
	static const uint64_t plain[] = {
		EV_INSTRUCTIONS, EV_CYCLES, EV_BRANCHES, EV_WALKS, EV_SLOTS,
		EV_SLOW_CLOCK,
	};

	return (struct account){
		.event = plain[any(6)],
		.value = any(3) ? TOP - any(200) : any(1000),
		.user = any(2), .os = any(4) != 0, .interrupt = any(3) != 0,
	};
}

static uint64_t account_select(const struct account *a)
{
	return EN | a->event | (a->user ? USR : 0) | (a->os ? OS : 0) |
	       (a->interrupt ? INT : 0);
}

static struct pmu_mode any_mode(void)
{
	return (struct pmu_mode){ .user = any(2) };
}

struct pair {
	struct fixture eager, lazy;
	unsigned int looks;	/* boundaries that the lazy one asked for */
};

static void pair_init(struct pair *p, const char *name)
{
	fixture_init(&p->eager, name);
	fixture_init(&p->lazy, name);
	enable_all(&p->eager);
	enable_all(&p->lazy);
	p->looks = 0;
}

static void pair_write(struct pair *p, uint32_t msr, uint64_t value)
{
	wr(&p->eager, msr, value);
	wr(&p->lazy, msr, value);
}

static void pair_mode(struct pair *p, struct pmu_mode mode)
{
	pmu_set_mode(&p->eager.pmu, mode);
	pmu_set_mode(&p->lazy.pmu, mode);
}

static void pair_retire(struct pair *p, const struct instruction *in)
{
	p->eager.burst = true;
	perform(&p->eager, in);
	p->looks += p->lazy.burst ||
		    p->lazy.cycles + in->cycles >= p->lazy.deadline;
	perform(&p->lazy, in);
	assert_int_equal(p->eager.pmis, p->lazy.pmis);
}

static void pair_compare(struct pair *p)
{
	struct fixture *eager = &p->eager, *lazy = &p->lazy;

	for (unsigned int i = 0; i < eager->cpu.gp; i++)
		assert_int_equal(rd(eager, counter(eager, i)),
				 rd(lazy, counter(lazy, i)));
	for (unsigned int i = 0; i < eager->cpu.fixed; i++)
		assert_int_equal(rd(eager, IA32_FIXED_CTR0 + i),
				 rd(lazy, IA32_FIXED_CTR0 + i));
	if (has_global(eager))
		assert_int_equal(status(eager), status(lazy));
	if (is_intel(eager))
		assert_int_equal(rd(eager, IA32_GLOBAL_CTRL),
				 rd(lazy, IA32_GLOBAL_CTRL));
	assert_int_equal(rd(eager, IA32_DEBUGCTL), rd(lazy, IA32_DEBUGCTL));
	assert_int_equal(eager->pmis, lazy->pmis);
	assert_memory_equal(eager->memory, lazy->memory, sizeof(eager->memory));
}

/* Plain counters against the account: counts and instants are exact. */
static void one_plain_stream(struct pair *p, const char *name)
{
	struct account accounts[PMU_MAX_GP];
	struct pmu_mode mode = { 0 };
	unsigned int pmis = 0;

	pair_init(p, name);
	for (unsigned int i = 0; i < p->eager.cpu.gp; i++) {
		accounts[i] = any_account();
		pair_write(p, counter(&p->eager, i), accounts[i].value);
		pair_write(p, selector(&p->eager, i),
			   account_select(&accounts[i]));
	}
	for (unsigned int n = 0; n < LENGTH; n++) {
		struct instruction in = any_instruction();
		bool interrupt = false;

		for (unsigned int i = 0; i < p->eager.cpu.gp; i++)
			interrupt |= account_retire(&accounts[i], &in, mode.user);
		pmis += interrupt;
		pair_retire(p, &in);
		assert_int_equal(p->lazy.pmis, pmis);
		if (any(20) == 0) {
			mode = any_mode();
			pair_mode(p, mode);
		}
	}
	pair_compare(p);
	for (unsigned int i = 0; i < p->eager.cpu.gp; i++)
		assert_int_equal(rd(&p->lazy, counter(&p->lazy, i)),
				 accounts[i].value);
}

static void interrupts_are_exact(void **state)
{
	struct fixture *f = *state;
	struct pair *p = test_malloc(sizeof(*p));
	unsigned int looks = 0, pmis = 0;

	random_state = 0x9e3779b97f4a7c15;
	for (unsigned int i = 0; i < STREAMS; i++) {
		one_plain_stream(p, f->cpu.name);
		looks += p->looks;
		pmis += p->lazy.pmis;
	}
	test_free(p);
	/* The streams did interrupt, and the lazy one was lazy. */
	assert_in_range(pmis, STREAMS, STREAMS * LENGTH / 4);
	assert_in_range(looks, pmis, STREAMS * LENGTH / 2);
}

static uint64_t any_modifiers(void)
{
	static const unsigned int cmasks[] = { 0, 0, 0, 1, 2, 5, 6, 16 };

	return CMASK(cmasks[any(8)]) | (any(3) ? 0 : INV) | (any(3) ? 0 : EDGE);
}

static void any_fixed_counters(struct pair *p)
{
	uint64_t ctrl = 0;

	for (unsigned int i = 0; i < p->eager.cpu.fixed; i++) {
		ctrl |= (any(4) | any(2) << 3) << (4 * i);
		pair_write(p, IA32_FIXED_CTR0 + i, TOP - any(2000));
	}
	pair_write(p, IA32_FIXED_CTR_CTRL, ctrl);
}

static void any_pebs(struct pair *p)
{
	const struct pmu_cpu *cpu = &p->eager.cpu;
	uint64_t counters = any(B(cpu->gp));
	uint64_t threshold = BUFFER + any(PAGE);

	if (cpu->version >= 5)
		counters |= any(B(cpu->fixed)) << 32;
	pebs_on(&p->eager, counters);
	pebs_on(&p->lazy, counters);
	*ds(&p->eager, PEBS_THRESHOLD) = *ds(&p->lazy, PEBS_THRESHOLD) = threshold;
	for (unsigned int i = 0; i < cpu->gp; i++)
		*ds(&p->eager, PEBS_RESET + 8 * i) =
			*ds(&p->lazy, PEBS_RESET + 8 * i) = -any(100);
}

/* The rearming that a handler does, at the same instruction in both */
static void any_write(struct pair *p)
{
	unsigned int i = any(p->eager.cpu.gp);
	struct account a = any_account();

	pair_write(p, counter(&p->eager, i), a.value);
	pair_write(p, selector(&p->eager, i),
		   account_select(&a) | any_modifiers());
	if (!has_global(&p->eager) || any(2))
		return;
	enable_all(&p->eager);
	enable_all(&p->lazy);
	pair_write(p, is_intel(&p->eager) ? IA32_GLOBAL_OVF_CTRL :
					    AMD_GLOBAL_STATUS_CLR,
		   LOW(4) | (p->eager.cpu.version >= 4 ||
			     !is_intel(&p->eager) ? CTR_FRZ | LBR_FRZ : 0));
}

/* All that can be programmed: modifiers, fixed counters, freezing, rearming, PEBS */
static void one_wild_stream(struct pair *p, const char *name)
{
	pair_init(p, name);
	for (unsigned int i = 0; i < p->eager.cpu.gp; i++)
		any_write(p);
	if (is_intel(&p->eager))
		any_fixed_counters(p);
	if (has_global(&p->eager) && any(2))
		pair_write(p, IA32_DEBUGCTL, any(4) << 11 | any(2));
	if (is_intel(&p->eager) && p->eager.cpu.version >= 4 && any(2))
		any_pebs(p);
	for (unsigned int n = 0; n < LENGTH; n++) {
		struct instruction in = any_instruction();

		pair_retire(p, &in);
		if (any(20) == 0)
			pair_mode(p, any_mode());
		if (any(40) == 0)
			any_write(p);
	}
	pair_compare(p);
}

static void laziness_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct pair *p = test_malloc(sizeof(*p));

	unsigned int pmis = 0;

	random_state = 0xd1b54a32d192ed03;
	for (unsigned int i = 0; i < STREAMS; i++) {
		one_wild_stream(p, f->cpu.name);
		pmis += p->lazy.pmis;
	}
	test_free(p);
	assert_in_range(pmis, STREAMS, STREAMS * LENGTH / 4);
}

/* A counter that is far from its end is not looked at. */
static void far_counters_are_left_alone(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start(f, 0, EN | OS | USR | INT | EV_INSTRUCTIONS);
	start(f, 1, EN | OS | USR | INT | EV_CYCLES);
	start(f, 2, EN | OS | USR | INT | EV_BRANCHES);
	assert_true(f->deadline - f->cycles > TOP / 2);
	start_at(f, 0, EN | OS | INT | EV_INSTRUCTIONS, TOP - 99999);
	assert_int_equal(f->deadline - f->cycles, 100000);
}

/* A counter that can't interrupt needs no deadline, however near its end. */
static void silent_counters_need_no_deadline(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start_at(f, 0, EN | OS | EV_INSTRUCTIONS, TOP);
	assert_true(f->deadline - f->cycles > TOP / 2);
}

static void disabled_pmu_needs_no_deadline(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start_at(f, 0, EN | OS | INT | EV_CYCLES, TOP - 5);
	assert_int_equal(f->deadline - f->cycles, 6);
	wr(f, selector(f, 0), 0);
	assert_int_equal(f->deadline, UINT64_MAX);
	assert_false(pmu_burst(&f->pmu, PMU_DTLB_LOAD_WALKS, 1));
}

/* Only a counter that may interrupt asks for a look at a burst. */
static void burst_is_armed_by_an_interrupting_counter(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	start_at(f, 0, EN | OS | EV_WALKS, TOP);
	assert_false(pmu_burst(&f->pmu, PMU_DTLB_LOAD_WALKS, 1));
	start_at(f, 0, EN | OS | INT | EV_WALKS, TOP - 2);
	assert_true(pmu_burst(&f->pmu, PMU_DTLB_LOAD_WALKS, 2));
	pmu_boundary(&f->pmu);
	assert_int_equal(f->pmis, 0);
	assert_true(pmu_burst(&f->pmu, PMU_DTLB_LOAD_WALKS, 4));
	pmu_boundary(&f->pmu);
	assert_int_equal(f->pmis, 1);
	assert_int_equal(rd(f, counter(f, 0)), 3);
	assert_false(pmu_burst(&f->pmu, PMU_ITLB_WALKS, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(interrupts_are_exact),
		ON_ALL(laziness_changes_nothing),
		ON_ALL(far_counters_are_left_alone),
		ON_ALL(silent_counters_need_no_deadline),
		ON_ALL(disabled_pmu_needs_no_deadline),
		ON_ALL(burst_is_armed_by_an_interrupting_counter),
	};

	return cmocka_run_group_tests_name("deadline", tests, NULL, NULL);
}
