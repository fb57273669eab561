// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzzer of the mediated vPMU: the two vCPUs of a guest do with their PMUs
 * what a stream of random numbers says, and user space and perf disturb them.
 *
 * Each vCPU keeps a shadow of its registers, and what it reads must be that;
 * writes fail that should; counts are exact and PMIs as many as overflows, PEBS'
 * records as many as periods, and perf's counts on the host are exact, too,
 * whatever came between.
 *
 * All is pinned to one CPU. The vCPUs run in turn, for some operations each,
 * and user space acts in between, so a seed gives the same operations again.
 * Another thread preempts them at random times: those are a seed's as well, as
 * far as the machine's timers are.
 */
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "apic.h"
#include "kselftest.h"
#include "kvm_util.h"
#include "mediated_pebs.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

#define NR_VCPUS		2
#define MAX_OPS_PER_TURN	512
#define DEFAULT_OPS		20000

#define MAX_GP			8
#define MAX_FIXED		4

#define FIXED_COUNT		3ULL
#define FIXED_PMI		8ULL

/* Bits that no PMU's GLOBAL_CTRL has, whatever the guest sees of it. */
#define GLOBAL_CTRL_INVALID	(GENMASK_ULL(63, 49) | GENMASK_ULL(47, 40) | \
				 GENMASK_ULL(31, 16))

/* Above the widths of all. */
#define COUNTER_INVALID		GENMASK_ULL(63, 48)

/* APM vol. 2, "PERF_CTL": ignored, but for a guest that has SVM. */
#define AMD_SELECTOR_VALID	(GENMASK_ULL(35, 32) | GENMASK_ULL(31, 0))
#define AMD_SELECTOR_INVALID	(GENMASK_ULL(63, 42) | GENMASK_ULL(39, 36) | \
				 BIT_ULL(21) | BIT_ULL(19))
#define INTEL_SELECTOR_INVALID	(GENMASK_ULL(63, 34) | BIT_ULL(21))

#define DATA_CFG_VALID		(GENMASK_ULL(31, 24) | GENMASK_ULL(2, 0))

/* A long enough period, and the records of all periods of a count. */
#define LEAST_PERIOD		10
#define RECORDS_SIZE		65536

/*
 * What a vCPU's registers hold. Counters that count in the background are in
 * @running, as GLOBAL_CTRL has them, and nobody knows what they hold. A status
 * that is cleared while PEBS is enabled for its counter is in @hidden.
 */
struct shadow {
	uint64_t random, nr_ops;
	uint64_t selector[MAX_GP], counter[MAX_GP];
	uint64_t fixed[MAX_FIXED], fixed_ctrl;
	uint64_t global_ctrl, status;
	uint64_t pebs_enable, data_cfg, ds_area, hidden;
	uint64_t running;
	uint64_t least[MAX_GP], least_fixed;
	uint64_t nr_pmis, nr_counts, nr_records;
	bool lvtpc_masked;

	/* User space's: counters that the event filter stops. */
	uint64_t denied;
	/* User space's: start nothing. */
	bool calm;

	const char *failed;
	uint64_t index, actual, expected;
};

static struct shadow shadows[NR_VCPUS];

/* Where PEBS writes to */
static struct buffers {
	struct pebs_area area;
	uint8_t records[RECORDS_SIZE] __aligned(4096);
} buffers[NR_VCPUS] __aligned(4096);

/* Marsaglia's xorshift: any seed but 0. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;

	return *state >> 11;
}

static uint64_t below(uint64_t *state, uint64_t limit)
{
	return next_random(state) % limit;
}

static bool one_in(uint64_t *state, uint64_t n)
{
	return !below(state, n);
}

static uint64_t random_64(uint64_t *state)
{
	return next_random(state) << 32 ^ next_random(state);
}

/* What adaptive PEBS has given a meaning to is valid in its guests. */
static uint64_t invalid_selector(void)
{
	return INTEL_SELECTOR_INVALID & ~(pmu.adaptive_pebs ? SELECTOR_ADAPTIVE : 0);
}

/* One bit of a mask. */
static uint64_t random_bit(uint64_t *state, uint64_t mask)
{
	uint64_t bit;

	do {
		bit = BIT_ULL(below(state, 64));
	} while (!(bit & mask));

	return bit;
}

static bool is_running(struct shadow *s, unsigned int bit)
{
	return s->running & BIT_ULL(bit);
}

static uint64_t any_selector(uint64_t *state, bool intel)
{
	uint64_t value = random_64(state) & ~(uint64_t)ARCH_PERFMON_EVENTSEL_ENABLE;

	return value & (intel ? GENMASK_ULL(31, 0) & ~INTEL_SELECTOR_INVALID :
				AMD_SELECTOR_VALID & ~AMD_SELECTOR_INVALID);
}

/* The guest. */

#define FAILED	1

static void expect(struct shadow *s, const char *what, uint64_t index,
		   uint64_t actual, uint64_t expected)
{
	if (actual == expected)
		return;

	s->failed = what;
	s->index = index;
	s->actual = actual;
	s->expected = expected;
	for (;;)
		GUEST_SYNC(FAILED);
}

static void expect_write(struct shadow *s, const char *what, uint32_t msr,
			 uint64_t value, bool valid)
{
	expect(s, what, msr, wrmsr_safe(msr, value), valid ? 0 : GP_VECTOR);
}

static uint32_t selector_msr(unsigned int i)
{
	return pmu.selector + i * pmu.stride;
}

static uint32_t counter_msr(unsigned int i)
{
	return pmu.counter + i * pmu.stride;
}

/* Without global registers only the selectors tell. */
static bool has_globals(void)
{
	return pmu.global_ctrl;
}

static unsigned int any_still_gp(struct shadow *s)
{
	unsigned int i = below(&s->random, pmu.nr_gp);

	while (is_running(s, i))
		i = (i + 1) % pmu.nr_gp;

	return i;
}

static void op_selector(struct shadow *s)
{
	bool intel = this_cpu_is_intel();
	unsigned int i = any_still_gp(s);
	uint64_t value = any_selector(&s->random, intel), invalid = 0;

	if (one_in(&s->random, 4))
		invalid = random_bit(&s->random, intel ? invalid_selector() :
							 AMD_SELECTOR_INVALID);

	expect_write(s, "writing a selector", selector_msr(i), value | invalid,
		     !intel || !invalid);
	if (!intel || !invalid)
		s->selector[i] = value;
}

static void op_counter(struct shadow *s)
{
	unsigned int i = any_still_gp(s);
	uint64_t value = random_64(&s->random);

	expect_write(s, "writing a counter", counter_msr(i), value, true);
	if (this_cpu_is_intel())
		value = (int32_t)value;
	s->counter[i] = value & COUNTER_MASK;
}

/* Intel's other names take the whole width, and no more. */
static void op_full_width(struct shadow *s)
{
	uint64_t value = random_64(&s->random) & COUNTER_MASK, invalid = 0;
	unsigned int i = any_still_gp(s);

	if (!this_cpu_is_intel())
		return;

	if (one_in(&s->random, 4))
		invalid = random_bit(&s->random, COUNTER_INVALID);
	expect_write(s, "writing a counter in full", MSR_IA32_PMC0 + i,
		     value | invalid, !invalid);
	if (!invalid)
		s->counter[i] = value;
}

static void op_fixed_counter(struct shadow *s)
{
	uint64_t value = random_64(&s->random) & COUNTER_MASK, invalid = 0;
	unsigned int i;

	if (!pmu.nr_fixed)
		return;

	i = below(&s->random, pmu.nr_fixed);
	if (is_running(s, 32 + i))
		return;
	if (one_in(&s->random, 4))
		invalid = random_bit(&s->random, COUNTER_INVALID);
	expect_write(s, "writing a fixed counter", pmu.fixed_counter + i,
		     value | invalid, !invalid);
	if (!invalid)
		s->fixed[i] = value;
}

/* AnyThread, or a counter that is not there. */
static uint64_t invalid_fixed_ctrl(void)
{
	uint64_t valid = GENMASK_ULL(4 * pmu.nr_fixed - 1, 0), adaptive = 0;

	if (pmu.adaptive_pebs)
		adaptive = valid & 0x1111;
	return (~valid & ~(adaptive << FIXED_ADAPTIVE_SHIFT)) |
	       (valid & 0x4444444444444444);
}

static void op_fixed_ctrl(struct shadow *s)
{
	uint64_t value = s->fixed_ctrl, invalid = 0;
	unsigned int i;

	if (!pmu.nr_fixed)
		return;

	i = below(&s->random, pmu.nr_fixed);
	if (!is_running(s, 32 + i))
		value ^= FIXED_PMI << 4 * i;
	if (one_in(&s->random, 4))
		invalid = random_bit(&s->random, invalid_fixed_ctrl());
	expect_write(s, "writing FIXED_CTR_CTRL", pmu.fixed_ctrl,
		     value | invalid, !invalid);
	if (!invalid)
		s->fixed_ctrl = value;
}

/* What AMD's does with reserved bits is not said of all. */
static void op_global_ctrl(struct shadow *s)
{
	uint64_t value = random_64(&s->random) & pmu_all_counters(), invalid = 0;

	if (!has_globals())
		return;

	if (this_cpu_is_intel() && one_in(&s->random, 4))
		invalid = random_bit(&s->random, GLOBAL_CTRL_INVALID);
	expect_write(s, "writing GLOBAL_CTRL", pmu.global_ctrl, value | invalid,
		     !invalid);
	if (!invalid)
		s->global_ctrl = value;
}

static bool has_pebs(void)
{
	return pmu.adaptive_pebs && has_globals();
}

/* Switched off, a counter waits for no record any more. */
static void set_pebs_enable(struct shadow *s, uint64_t value)
{
	if (!has_pebs() || s->pebs_enable == value)
		return;

	wrmsr(MSR_IA32_PEBS_ENABLE, value);
	s->pebs_enable = value;
	s->hidden &= value;
}

static void clear_status(struct shadow *s, uint64_t bits)
{
	expect_write(s, "clearing status", pmu.global_clear, bits, true);
	s->hidden |= bits & s->status & s->pebs_enable;
	s->status &= ~bits;
}

static void op_status(struct shadow *s)
{
	uint64_t value = random_64(&s->random) & pmu_all_counters();

	if (!has_globals())
		return;

	if (pmu.global_set && one_in(&s->random, 2)) {
		expect_write(s, "setting status", pmu.global_set, value, true);
		s->status |= value;
		s->hidden &= ~value;
	} else {
		clear_status(s, value);
	}
	expect_write(s, "writing GLOBAL_STATUS", pmu.global_status, s->status,
		     !this_cpu_is_intel());
}

static void start_gp(struct shadow *s, unsigned int i)
{
	set_pebs_enable(s, s->pebs_enable & ~BIT_ULL(i));
	wrmsr(counter_msr(i), 0);
	wrmsr(selector_msr(i), COUNT_INSTRUCTIONS);
	s->selector[i] = COUNT_INSTRUCTIONS;
	s->running |= BIT_ULL(i);
}

static void start_fixed(struct shadow *s, unsigned int i)
{
	set_pebs_enable(s, s->pebs_enable & ~BIT_ULL(32 + i));
	wrmsr(pmu.fixed_counter + i, 0);
	s->fixed_ctrl &= ~(0xfULL << 4 * i);
	s->fixed_ctrl |= FIXED_COUNT << 4 * i;
	wrmsr(pmu.fixed_ctrl, s->fixed_ctrl);
	s->running |= BIT_ULL(32 + i);
}

static void stop_gp(struct shadow *s, unsigned int i)
{
	wrmsr(selector_msr(i), 0);
	s->selector[i] = 0;
	s->counter[i] = rdmsr(counter_msr(i));
	s->running &= ~BIT_ULL(i);
	expect(s, "RDPMC of what RDMSR read", i, pmu_read_counter(i), s->counter[i]);
}

static void stop_fixed(struct shadow *s, unsigned int i)
{
	s->fixed_ctrl &= ~(0xfULL << 4 * i);
	wrmsr(pmu.fixed_ctrl, s->fixed_ctrl);
	s->fixed[i] = rdmsr(pmu.fixed_counter + i);
	s->running &= ~BIT_ULL(32 + i);
	expect(s, "RDPMC of what RDMSR read", 32 + i,
	       pmu_read_counter(BIT(30) | i), s->fixed[i]);
}

static void op_background(struct shadow *s)
{
	unsigned int i = below(&s->random, pmu.nr_gp + pmu.nr_fixed);
	unsigned int fixed = i - pmu.nr_gp;

	if (i < pmu.nr_gp) {
		/* One is left for what needs one that stands still. */
		if (is_running(s, i))
			stop_gp(s, i);
		else if (i && !s->calm)
			start_gp(s, i);
	} else if (is_running(s, 32 + fixed)) {
		stop_fixed(s, fixed);
	} else if (!s->calm) {
		start_fixed(s, fixed);
	}
}

/* Nothing is left running. */
static void calm_down(struct shadow *s)
{
	unsigned int i;

	for (i = 0; i < pmu.nr_gp; i++) {
		if (is_running(s, i))
			stop_gp(s, i);
	}
	for (i = 0; i < pmu.nr_fixed; i++) {
		if (is_running(s, 32 + i))
			stop_fixed(s, i);
	}
}

static void clear_status_bit(struct shadow *s, unsigned int bit)
{
	if (has_globals())
		clear_status(s, BIT_ULL(bit));
}

/* Counters that count in the background pause at the end, and go on. */
static void count_on_gp(struct shadow *s, unsigned int i, uint64_t flags,
			uint32_t loops, uint32_t cpuids)
{
	if (!has_globals()) {
		pmu_count_loops(selector_msr(i), COUNT_INSTRUCTIONS | flags,
				loops, cpuids);
		return;
	}

	wrmsr(pmu.global_ctrl, s->global_ctrl & ~BIT_ULL(i));
	wrmsr(selector_msr(i), COUNT_INSTRUCTIONS | flags);
	pmu_count_loops(pmu.global_ctrl, s->global_ctrl | BIT_ULL(i), loops, cpuids);
	wrmsr(selector_msr(i), 0);
	wrmsr(pmu.global_ctrl, s->global_ctrl);
}

static void count_on_fixed(struct shadow *s, bool pmi, uint32_t loops,
			   uint32_t cpuids)
{
	wrmsr(pmu.global_ctrl, s->global_ctrl & ~BIT_ULL(32));
	wrmsr(pmu.fixed_ctrl, s->fixed_ctrl | FIXED_COUNT | (pmi ? FIXED_PMI : 0));
	pmu_count_loops(pmu.global_ctrl, s->global_ctrl | BIT_ULL(32), loops, cpuids);
	wrmsr(pmu.fixed_ctrl, s->fixed_ctrl);
	wrmsr(pmu.global_ctrl, s->global_ctrl);
}

/* A counter that is about to count, or has counted, what is known. */
struct count {
	bool fixed, pmi;
	unsigned int i, bit;
	uint64_t n, start;
	uint32_t loops, cpuids;
};

static void begin_count(struct shadow *s, struct count *c)
{
	/* A PMI shows what is hidden. */
	set_pebs_enable(s, c->pmi ? 0 : s->pebs_enable & ~BIT_ULL(c->bit));
	if (c->fixed) {
		if (is_running(s, 32))
			stop_fixed(s, 0);
		s->fixed_ctrl &= ~0xfULL;
		wrmsr(pmu.fixed_ctrl, s->fixed_ctrl);
		wrmsr(pmu.fixed_counter, c->start);
	} else {
		if (is_running(s, c->i))
			stop_gp(s, c->i);
		wrmsr(selector_msr(c->i), 0);
		s->selector[c->i] = 0;
		wrmsr(counter_msr(c->i), c->start);
	}
	clear_status_bit(s, c->bit);
}

static uint64_t end_count(struct shadow *s, struct count *c)
{
	uint64_t value, rdpmc;

	if (c->fixed) {
		value = rdmsr(pmu.fixed_counter);
		s->fixed[0] = value;
		rdpmc = pmu_read_counter(BIT(30));
	} else {
		value = rdmsr(counter_msr(c->i));
		s->counter[c->i] = value;
		rdpmc = pmu_read_counter(c->i);
	}
	expect(s, "RDPMC of what RDMSR read", c->bit, rdpmc, value);
	return value;
}

/* The counter of a PMI that comes while it counts has its handler counted. */
static void count(struct shadow *s, struct count *c)
{
	uint64_t before = READ_ONCE(pmu_nr_nmis), end = c->start + c->n, value;
	bool overflow = end > COUNTER_MASK;
	bool pmi = overflow && c->pmi && !s->lvtpc_masked;

	begin_count(s, c);
	if (c->fixed)
		count_on_fixed(s, c->pmi, c->loops, c->cpuids);
	else
		count_on_gp(s, c->i, c->pmi ? ARCH_PERFMON_EVENTSEL_INT : 0,
			    c->loops, c->cpuids);
	value = end_count(s, c);

	if (has_globals() && overflow)
		s->status |= BIT_ULL(c->bit);
	expect(s, "PMIs while it counted", c->bit, READ_ONCE(pmu_nr_nmis) - before, pmi);
	s->nr_pmis += pmi;
	s->nr_counts++;
	if (pmi)
		expect(s, "what a counter with a PMI counted, / 4096", c->bit,
		       ((value - end) & COUNTER_MASK) / 4096, 0);
	else
		expect(s, "what a counter counted", c->bit, value, end & COUNTER_MASK);
}

static void op_count(struct shadow *s)
{
	struct count c = {
		.fixed = pmu.nr_fixed && one_in(&s->random, 4),
		.pmi = one_in(&s->random, 2),
		.i = below(&s->random, pmu.nr_gp),
		.loops = 1 + below(&s->random, 200),
		.cpuids = 1 + below(&s->random, 4),
		.start = below(&s->random, 1000),
	};

	if (s->calm)
		return;

	c.bit = c.fixed ? 32 : c.i;
	if (!(s->denied & BIT_ULL(c.bit)))
		c.n = (c.fixed ? s->least_fixed : s->least[c.i]) +
		      (c.loops - 1) * INSNS_PER_LOOP +
		      (c.cpuids - 1) * INSNS_PER_CPUID;
	/* Before, at, or after its end. */
	if (one_in(&s->random, 2))
		c.start = -(1 + below(&s->random, c.n + 8)) & COUNTER_MASK;
	count(s, &c);
}

/* A register of PEBS: one bit may be invalid. */
static void write_pebs(struct shadow *s, uint32_t msr, uint64_t *reg, uint64_t value,
		       uint64_t valid)
{
	uint64_t invalid = 0;

	if (one_in(&s->random, 4))
		invalid = random_bit(&s->random, ~valid);
	expect_write(s, "writing a register of PEBS", msr, value | invalid, !invalid);
	if (!invalid)
		*reg = value;
}

/* Of counters that stand still: there are no buffers. */
static void op_pebs(struct shadow *s)
{
	uint64_t all = pmu_all_counters();

	if (!has_pebs())
		return;

	write_pebs(s, MSR_IA32_PEBS_ENABLE, &s->pebs_enable,
		   random_64(&s->random) & all & ~s->running, all);
	s->hidden &= s->pebs_enable;
	write_pebs(s, MSR_PEBS_DATA_CFG, &s->data_cfg,
		   random_64(&s->random) & DATA_CFG_VALID, DATA_CFG_VALID | DATA_CFG_LBRS);
	/* Canonical, with four levels of page tables and with five */
	write_pebs(s, MSR_IA32_DS_AREA, &s->ds_area,
		   random_64(&s->random) & GENMASK_ULL(46, 0), GENMASK_ULL(55, 0));
}

static void op_read_pebs(struct shadow *s)
{
	if (!has_pebs())
		return;

	expect(s, "PEBS_ENABLE", 0, rdmsr(MSR_IA32_PEBS_ENABLE), s->pebs_enable);
	expect(s, "PEBS_DATA_CFG", 0, rdmsr(MSR_PEBS_DATA_CFG), s->data_cfg);
	expect(s, "DS_AREA", 0, rdmsr(MSR_IA32_DS_AREA), s->ds_area);
}

/* A page that is not there would delay a record. */
static void prepare_buffers(struct shadow *s, struct buffers *b, unsigned int i,
			    uint64_t period, bool pmi)
{
	unsigned int at;

	for (at = 0; at < RECORDS_SIZE; at += PAGE_SIZE)
		WRITE_ONCE(b->records[at], 0);
	b->area.base = (uint64_t)b->records;
	b->area.index = b->area.base;
	b->area.maximum = b->area.base + RECORDS_SIZE;
	b->area.threshold = pmi ? b->area.base : b->area.maximum + 1;
	b->area.reset_gp[i] = -period & COUNTER_MASK;

	s->ds_area = (uint64_t)&b->area;
	s->data_cfg = random_64(&s->random) & DATA_CFG_VALID;
	wrmsr(MSR_IA32_DS_AREA, s->ds_area);
	wrmsr(MSR_PEBS_DATA_CFG, s->data_cfg);
}

static uint64_t nr_records(struct shadow *s, struct buffers *b, unsigned int i,
			   bool adaptive)
{
	const struct pebs_basic *record;
	uint64_t at, nr = 0;

	for (at = b->area.base; at < b->area.index; at += record->format >> 48) {
		record = (void *)at;
		expect(s, "whose record it is", i, record->counters, BIT_ULL(i));
		expect(s, "what is in it", i, record->format & GENMASK_ULL(47, 0),
		       adaptive ? s->data_cfg : 0);
		nr++;
	}
	return nr;
}

/*
 * All that was counted is in the periods and in what the counter holds. An
 * instruction that KVM retires makes no record; the next one does.
 */
static void check_sampled(struct shadow *s, struct count *c, uint64_t period,
			  uint64_t value, uint64_t nr)
{
	uint64_t skid = !pebs_has_no_skid(c->i), slack = c->cpuids + 1;
	uint64_t first = -c->start & COUNTER_MASK, rest, periods, late;

	if (!nr) {
		expect(s, "what a counter without records counted", c->bit, value,
		       (c->start + c->n) & COUNTER_MASK);
		expect(s, "a record that is missing", c->bit,
		       c->n >= first + skid + slack, false);
		rest = c->n - first + period;
	} else {
		rest = (value + period) & COUNTER_MASK;
		periods = first + skid + (nr - 1) * (period + skid);
		late = c->n - rest - periods;
		expect(s, "how late records were", c->bit, late * (late > slack), 0);
		expect(s, "a record that is missing", c->bit,
		       rest >= period + skid + slack, false);
	}
	if ((int64_t)(rest - period) >= 0)
		s->status |= BIT_ULL(c->bit);
}

static void op_sample(struct shadow *s)
{
	struct buffers *b = &buffers[s - shadows];
	uint64_t period = LEAST_PERIOD + below(&s->random, 300), nr, value;
	bool adaptive = one_in(&s->random, 2);
	struct count c = {
		.i = below(&s->random, pmu.nr_gp),
		.loops = 1 + below(&s->random, 200),
		.cpuids = 1 + below(&s->random, 4),
	};

	if (!has_pebs() || s->calm)
		return;

	c.bit = c.i;
	if (!(s->denied & BIT_ULL(c.bit)))
		c.n = s->least[c.i] + (c.loops - 1) * INSNS_PER_LOOP +
		      (c.cpuids - 1) * INSNS_PER_CPUID;
	c.start = -(1 + below(&s->random, c.n + 8)) & COUNTER_MASK;

	begin_count(s, &c);
	prepare_buffers(s, b, c.i, period, false);
	set_pebs_enable(s, s->pebs_enable | BIT_ULL(c.bit));
	count_on_gp(s, c.i, adaptive ? EVENTSEL_ADAPTIVE : 0, c.loops, c.cpuids);
	value = end_count(s, &c);
	nr = nr_records(s, b, c.i, adaptive);
	check_sampled(s, &c, period, value, nr);
	s->nr_records += nr;
}

/* A buffer that is full with its first record */
static void op_sample_pmi(struct shadow *s)
{
	struct buffers *b = &buffers[s - shadows];
	uint64_t before = READ_ONCE(pmu_nr_nmis), expected;
	struct count c = {
		.pmi = true,
		.i = below(&s->random, pmu.nr_gp),
		.loops = 20 + below(&s->random, 200),
		.cpuids = 1,
	};

	if (!has_pebs() || s->calm)
		return;

	c.bit = c.i;
	c.start = -(1 + below(&s->random, 20)) & COUNTER_MASK;
	begin_count(s, &c);
	prepare_buffers(s, b, c.i, 0, true);
	set_pebs_enable(s, s->pebs_enable | BIT_ULL(c.bit));
	count_on_gp(s, c.i, 0, c.loops, c.cpuids);
	end_count(s, &c);

	expected = !(s->denied & BIT_ULL(c.bit));
	expect(s, "records", c.bit, nr_records(s, b, c.i, false), expected);
	expect(s, "a full buffer", c.bit, !!(rdmsr(pmu.global_status) & STATUS_BUFFER_OVF),
	       expected);
	wrmsr(pmu.global_clear, STATUS_BUFFER_OVF);
	if (s->lvtpc_masked)
		expected = 0;
	expect(s, "PMIs of a full buffer", c.bit, READ_ONCE(pmu_nr_nmis) - before, expected);
	s->nr_pmis += expected;
	s->nr_records += expected;
}

static void read_gp(struct shadow *s, unsigned int i)
{
	if (is_running(s, i))
		return;
	expect(s, "a counter by RDMSR", i, rdmsr(counter_msr(i)), s->counter[i]);
	expect(s, "a counter by RDPMC", i, pmu_read_counter(i), s->counter[i]);
}

static void read_fixed(struct shadow *s, unsigned int i)
{
	if (is_running(s, 32 + i))
		return;
	expect(s, "a fixed counter by RDMSR", i, rdmsr(pmu.fixed_counter + i),
	       s->fixed[i]);
	expect(s, "a fixed counter by RDPMC", i, pmu_read_counter(BIT(30) | i),
	       s->fixed[i]);
}

static void read_globals(struct shadow *s)
{
	expect(s, "GLOBAL_CTRL", 0, rdmsr(pmu.global_ctrl), s->global_ctrl);
	expect(s, "GLOBAL_STATUS", 0, rdmsr(pmu.global_status), s->status);
}

static void op_read(struct shadow *s)
{
	read_gp(s, below(&s->random, pmu.nr_gp));
	if (pmu.nr_fixed)
		read_fixed(s, below(&s->random, pmu.nr_fixed));
	if (has_globals())
		read_globals(s);
}

/* These always exit. */
static void op_read_selectors(struct shadow *s)
{
	unsigned int i = below(&s->random, pmu.nr_gp);

	expect(s, "a selector", i, rdmsr(selector_msr(i)), s->selector[i]);
	if (pmu.nr_fixed)
		expect(s, "FIXED_CTR_CTRL", 0, rdmsr(pmu.fixed_ctrl), s->fixed_ctrl);
}

static void op_rdpmc(struct shadow *s)
{
	uint32_t index = below(&s->random, 64);
	uint64_t value;

	if (index >= pmu.nr_gp)
		expect(s, "RDPMC of no counter", index, rdpmc_safe(index, &value),
		       GP_VECTOR);
	else
		pmu_read_counter(index);

	if (this_cpu_is_intel() && index >= pmu.nr_fixed)
		expect(s, "RDPMC of no fixed counter", index,
		       rdpmc_safe(BIT(30) | index, &value), GP_VECTOR);
}

static void op_cpuid(struct shadow *s)
{
	uint64_t n = below(&s->random, 4);

	while (n--)
		this_cpu_is_intel();
}

static void op_lvtpc(struct shadow *s)
{
	s->lvtpc_masked = one_in(&s->random, 4);
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI |
			 (s->lvtpc_masked ? APIC_LVT_MASKED : 0));
}

/* Registers that this PMU has not, or not for guests. */
static void op_strange(struct shadow *s)
{
	static const uint32_t msrs[] = {
		MSR_IA32_PEBS_ENABLE, MSR_PEBS_DATA_CFG,
		MSR_PEBS_LD_LAT_THRESHOLD, MSR_PERF_METRICS, MSR_OFFCORE_RSP_0,
		MSR_LBR_SELECT, MSR_LBR_TOS, MSR_LBR_NHM_FROM, MSR_LBR_NHM_TO,
		MSR_ARCH_LBR_CTL, MSR_ARCH_LBR_DEPTH, MSR_ARCH_LBR_FROM_0,
		MSR_F15H_NB_PERF_CTL, MSR_F15H_NB_PERF_CTR, MSR_F16H_L2I_PERF_CTL,
		MSR_F16H_L2I_PERF_CTR, MSR_AMD64_LBR_SELECT, MSR_AMD_SAMP_BR_FROM,
	};
	uint32_t msr = msrs[below(&s->random, ARRAY_SIZE(msrs))];
	uint64_t value;

	if (one_in(&s->random, 2))
		wrmsr_safe(msr, random_64(&s->random));
	else
		rdmsr_safe(msr, &value);
}

/* Some more than once, for more of them. */
static void (*const ops[])(struct shadow *s) = {
	op_selector, op_counter, op_counter, op_full_width, op_full_width,
	op_fixed_counter, op_fixed_counter, op_fixed_ctrl, op_global_ctrl,
	op_global_ctrl, op_status, op_status, op_background, op_background,
	op_count, op_count, op_count, op_read, op_read, op_read, op_read,
	op_read_selectors, op_rdpmc, op_rdpmc, op_cpuid, op_lvtpc, op_strange,
	op_pebs, op_read_pebs, op_sample, op_sample, op_sample_pmi,
};

/* What the shortest count is: which of the two WRMSRs is counted, that is. */
static void calibrate(struct shadow *s)
{
	unsigned int i;

	for (i = 0; i < pmu.nr_gp; i++) {
		wrmsr(counter_msr(i), 0);
		count_on_gp(s, i, 0, 1, 1);
		s->counter[i] = rdmsr(counter_msr(i));
		s->least[i] = s->counter[i];
	}
	if (pmu.nr_fixed) {
		wrmsr(pmu.fixed_counter, 0);
		count_on_fixed(s, false, 1, 1);
		s->fixed[0] = rdmsr(pmu.fixed_counter);
		s->least_fixed = s->fixed[0];
	}
}

/* None came that no operation waited for. */
static void check_pmis(struct shadow *s)
{
	uint64_t expected = 0;
	int i;

	for (i = 0; i < NR_VCPUS; i++)
		expected += shadows[i].nr_pmis;
	expect(s, "PMIs that came", 0, READ_ONCE(pmu_nr_nmis), expected);
}

static void guest_code(unsigned int vcpu)
{
	struct shadow *s = &shadows[vcpu];
	uint64_t n;

	x2apic_enable();
	pmu_find();
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	pmu_stop();
	calibrate(s);

	for (;;) {
		if (s->calm)
			calm_down(s);
		for (n = 1 + below(&s->random, MAX_OPS_PER_TURN); n; n--) {
			s->nr_ops++;
			ops[below(&s->random, ARRAY_SIZE(ops))](s);
			check_pmis(s);
		}
		GUEST_SYNC(0);
	}
}

/* User space. */

/* What the guests see of the host's PMU; without a version all of it. */
struct part {
	unsigned int version, nr_gp, nr_fixed;
};

struct fuzzer {
	uint64_t seed, random;
	uint64_t nr_ops, nr_done, nr_pmis, nr_counts, nr_records, nr_vms;
	uint64_t host_count;
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpus[NR_VCPUS];
	struct shadow *shadows;
	struct part part;
	int calm_turns;
	int events[2];
};

static void fail(struct fuzzer *f, int vcpu, const char *what, uint64_t index,
		 uint64_t actual, uint64_t expected)
{
	ksft_print_msg("seed %lu, VM %lu, vCPU %d, operation %lu of its:\n",
		       f->seed, f->nr_vms, vcpu, f->shadows[vcpu].nr_ops);
	ksft_test_result_fail("%s, 0x%lx: 0x%lx, expected 0x%lx\n", what, index,
			      actual, expected);
	ksft_finished();
}

static void run(struct fuzzer *f, int vcpu)
{
	struct shadow *s = &f->shadows[vcpu];

	if (vcpu_next_sync(f->vcpus[vcpu]) == FAILED)
		fail(f, vcpu, s->failed, s->index, s->actual, s->expected);
}

static void free_vm(struct fuzzer *f)
{
	int i;

	if (!f->vm)
		return;
	for (i = 0; i < NR_VCPUS; i++) {
		f->nr_done += f->shadows[i].nr_ops;
		f->nr_pmis += f->shadows[i].nr_pmis;
		f->nr_counts += f->shadows[i].nr_counts;
		f->nr_records += f->shadows[i].nr_records;
	}
	kvm_vm_free(f->vm);
	f->vm = NULL;
}

static unsigned int up_to_hosts(uint64_t *state, struct kvm_x86_cpu_property property)
{
	return 1 + below(state, kvm_cpu_property(property));
}

static void choose_part(struct part *part, uint64_t *random)
{
	*part = (struct part){ };
	if (one_in(random, 2))
		return;

	if (!host_cpu_is_intel) {
		part->version = 1;
		part->nr_gp = one_in(random, 2) ? 4 : 6;
		return;
	}

	part->version = up_to_hosts(random, X86_PROPERTY_PMU_VERSION);
	part->nr_gp = up_to_hosts(random, X86_PROPERTY_PMU_NR_GP_COUNTERS);
	part->nr_fixed = up_to_hosts(random, X86_PROPERTY_PMU_NR_FIXED_COUNTERS);
}

static void give_part(struct kvm_vcpu *vcpu, struct part *part)
{
	if (!part->version)
		return;

	if (!host_cpu_is_intel) {
		if (kvm_cpu_has(X86_FEATURE_AMD_PERFMON_V2))
			vcpu_clear_cpuid_feature(vcpu, X86_FEATURE_AMD_PERFMON_V2);
		if (part->nr_gp == 4)
			vcpu_clear_cpuid_feature(vcpu, X86_FEATURE_AMD_PERFCTR_CORE);
		return;
	}

	/* Version 5 lists the fixed counters, too. */
	vcpu_get_cpuid_entry(vcpu, 0xa)->ecx = BIT(part->nr_fixed) - 1;
	vcpu_set_cpuid_property(vcpu, X86_PROPERTY_PMU_NR_FIXED_COUNTERS,
				part->nr_fixed);
	vcpu_set_cpuid_property(vcpu, X86_PROPERTY_PMU_NR_GP_COUNTERS, part->nr_gp);
	vcpu_set_cpuid_property(vcpu, X86_PROPERTY_PMU_VERSION, part->version);
}

static void act_new_vm(struct fuzzer *f)
{
	int i;

	free_vm(f);
	f->nr_vms++;
	choose_part(&f->part, &f->random);
	f->vm = vm_create_with_vcpus(NR_VCPUS, guest_code, f->vcpus);
	vm_install_exception_handler(f->vm, NMI_VECTOR, pmu_nmi_handler);
	f->shadows = addr_gva2hva(f->vm, (vm_vaddr_t)&shadows);
	f->calm_turns = 0;

	for (i = 0; i < NR_VCPUS; i++) {
		f->shadows[i] = (struct shadow){ .random = next_random(&f->random) | 1 };
		give_part(f->vcpus[i], &f->part);
		vcpu_args_set(f->vcpus[i], 1, i);
		run(f, i);
	}
	sync_global_from_guest(f->vm, pmu);
}

/* All vCPUs, in a new VM. */
static void act_restore(struct fuzzer *f)
{
	struct kvm_x86_state *states[NR_VCPUS];
	struct kvm_lapic_state lapics[NR_VCPUS];
	int i;

	for (i = 0; i < NR_VCPUS; i++) {
		states[i] = vcpu_save_state(f->vcpus[i]);
		vcpu_ioctl(f->vcpus[i], KVM_GET_LAPIC, &lapics[i]);
		f->shadows[i].denied = 0;
		f->shadows[i].status |= f->shadows[i].hidden;
		f->shadows[i].hidden = 0;
	}
	kvm_vm_release(f->vm);
	kvm_vm_restart(f->vm);
	for (i = 0; i < NR_VCPUS; i++) {
		f->vcpus[i] = vm_vcpu_recreate(f->vm, i);
		give_part(f->vcpus[i], &f->part);
		vcpu_load_state(f->vcpus[i], states[i]);
		vcpu_ioctl(f->vcpus[i], KVM_SET_LAPIC, &lapics[i]);
		kvm_x86_state_cleanup(states[i]);
	}
}

#define FIXED_ALL	GENMASK_ULL(32 + MAX_FIXED - 1, 32)

/* Of events only instructions are there to be allowed or denied. */
static void act_filter(struct fuzzer *f)
{
	uint8_t room[sizeof(struct kvm_pmu_event_filter) + sizeof(uint64_t)] = { };
	struct kvm_pmu_event_filter *filter = (void *)room;
	bool allow = one_in(&f->random, 2), listed = one_in(&f->random, 2);
	uint64_t fixed = below(&f->random, 1 << MAX_FIXED);
	int i;

	filter->action = allow ? KVM_PMU_EVENT_ALLOW : KVM_PMU_EVENT_DENY;
	filter->fixed_counter_bitmap = fixed;
	filter->nevents = listed;
	filter->events[0] = INTEL_ARCH_INSTRUCTIONS_RETIRED;
	vm_ioctl(f->vm, KVM_SET_PMU_EVENT_FILTER, filter);

	for (i = 0; i < NR_VCPUS; i++) {
		f->shadows[i].denied = allow != listed ? GENMASK_ULL(31, 0) : 0;
		f->shadows[i].denied |= (allow ? ~fixed << 32 : fixed << 32) & FIXED_ALL;
	}

	filter->action = 2 + below(&f->random, 100);
	if (!__vm_ioctl(f->vm, KVM_SET_PMU_EVENT_FILTER, filter))
		fail(f, 0, "filter of an unknown kind", filter->action, 0, -1);
}

/* Of a vCPU, and valid or not. */
static void set_msr(struct fuzzer *f, int vcpu, uint32_t msr, uint64_t value,
		    bool valid)
{
	int r = _vcpu_set_msr(f->vcpus[vcpu], msr, value);

	if (r != valid)
		fail(f, vcpu, "KVM_SET_MSRS", msr, r, valid);
}

static void act_set_counter(struct fuzzer *f)
{
	int vcpu = below(&f->random, NR_VCPUS);
	struct shadow *s = &f->shadows[vcpu];
	unsigned int i = below(&f->random, pmu.nr_gp);

	if (is_running(s, i))
		return;
	s->counter[i] = random_64(&f->random) & COUNTER_MASK;
	set_msr(f, vcpu, counter_msr(i), s->counter[i], true);
}

static void act_set_selector(struct fuzzer *f)
{
	uint64_t value = any_selector(&f->random, host_cpu_is_intel);
	int vcpu = below(&f->random, NR_VCPUS);
	struct shadow *s = &f->shadows[vcpu];
	unsigned int i = below(&f->random, pmu.nr_gp);

	if (is_running(s, i))
		return;
	set_msr(f, vcpu, selector_msr(i), value, true);
	s->selector[i] = value;
	if (host_cpu_is_intel)
		set_msr(f, vcpu, selector_msr(i),
			random_bit(&f->random, invalid_selector()), false);
}

static void act_set_control(struct fuzzer *f)
{
	int vcpu = below(&f->random, NR_VCPUS);
	struct shadow *s = &f->shadows[vcpu];

	if (!has_globals())
		return;
	s->global_ctrl = random_64(&f->random) & pmu_all_counters();
	set_msr(f, vcpu, pmu.global_ctrl, s->global_ctrl, true);
	s->status = random_64(&f->random) & pmu_all_counters();
	set_msr(f, vcpu, pmu.global_status, s->status, true);
	s->hidden = 0;
	if (!pmu.nr_fixed)
		return;
	set_msr(f, vcpu, pmu.global_ctrl,
		random_bit(&f->random, GLOBAL_CTRL_INVALID), false);
	set_msr(f, vcpu, pmu.fixed_ctrl,
		random_bit(&f->random, invalid_fixed_ctrl()), false);
}

static void get_msr(struct fuzzer *f, int vcpu, uint32_t msr, uint64_t expected)
{
	uint64_t value = vcpu_get_msr(f->vcpus[vcpu], msr);

	if (value != expected)
		fail(f, vcpu, "KVM_GET_MSRS", msr, value, expected);
}

static void act_get_msrs(struct fuzzer *f)
{
	int vcpu = below(&f->random, NR_VCPUS);
	struct shadow *s = &f->shadows[vcpu];
	unsigned int i;

	for (i = 0; i < pmu.nr_gp; i++) {
		get_msr(f, vcpu, selector_msr(i), s->selector[i]);
		if (!is_running(s, i))
			get_msr(f, vcpu, counter_msr(i), s->counter[i]);
	}
	for (i = 0; i < pmu.nr_fixed; i++) {
		if (!is_running(s, 32 + i))
			get_msr(f, vcpu, pmu.fixed_counter + i, s->fixed[i]);
	}
	if (pmu.nr_fixed)
		get_msr(f, vcpu, pmu.fixed_ctrl, s->fixed_ctrl);
	if (has_globals()) {
		get_msr(f, vcpu, pmu.global_ctrl, s->global_ctrl);
		get_msr(f, vcpu, pmu.global_status, s->status | s->hidden);
	}
	if (has_pebs()) {
		get_msr(f, vcpu, MSR_IA32_PEBS_ENABLE, s->pebs_enable);
		get_msr(f, vcpu, MSR_PEBS_DATA_CFG, s->data_cfg);
		get_msr(f, vcpu, MSR_IA32_DS_AREA, s->ds_area);
	}
}

/*
 * To a vCPU that has run CPUID can only be said again. The bit is a fixed counter
 * on Intel, the core extensions on AMD.
 */
static void act_cpuid(struct fuzzer *f)
{
	int vcpu = below(&f->random, NR_VCPUS), r;
	struct kvm_cpuid_entry2 *leaf;

	leaf = vcpu_get_cpuid_entry(f->vcpus[vcpu], host_cpu_is_intel ? 0xa : 0x80000001);
	vcpu_set_cpuid(f->vcpus[vcpu]);
	leaf->ecx ^= BIT(23);
	r = __vcpu_set_cpuid(f->vcpus[vcpu]);
	leaf->ecx ^= BIT(23);
	if (!r)
		fail(f, vcpu, "KVM_SET_CPUID2 of other counters", leaf->function, r, -1);
}

/* An event of this task, or of this CPU; -1 while such are refused. */
static int open_event(pid_t pid, int cpu, uint64_t *random)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.sample_period = one_in(random, 2) ? 0 : 20000 + below(random, 100000),
		.exclude_guest = one_in(random, 2),
		.exclude_host = one_in(random, 8),
	};
	int fd;

	if (attr.exclude_host)
		attr.exclude_guest = 0;
	fd = syscall(__NR_perf_event_open, &attr, pid, cpu, -1, 0);
	TEST_ASSERT(fd >= 0 || errno == EOPNOTSUPP, "perf_event_open(): %s",
		    strerror(errno));
	return fd;
}

/* Mostly there is none: the guest is to keep the PMU over VM exits, too. */
static void toggle_event(int *event, pid_t pid, int cpu, uint64_t *random)
{
	if (*event >= 0) {
		close(*event);
		*event = -1;
	} else if (one_in(random, 4)) {
		*event = open_event(pid, cpu, random);
	}
}

static void act_event(struct fuzzer *f)
{
	toggle_event(&f->events[below(&f->random, ARRAY_SIZE(f->events))], 0, -1,
		     &f->random);
}

/* Instructions of a loop in user mode, and of the system calls around it. */
static uint64_t count_on_host(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_kernel = 1,
		.pinned = 1,
		.disabled = 1,
	};
	int fd = syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0);
	uint64_t loops = 1000, count;

	TEST_ASSERT(fd >= 0, "perf_event_open(): %s", strerror(errno));
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	asm volatile("1: dec %0\n\tjnz 1b" : "+r"(loops) : : "cc");
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	TEST_ASSERT(read(fd, &count, sizeof(count)) == sizeof(count),
		    "A pinned event is in error");
	close(fd);
	return count;
}

/* Some processors count an interrupt as an instruction: the least of three. */
static uint64_t least_count_on_host(void)
{
	uint64_t least = count_on_host(), count;
	int i;

	for (i = 1; i < 3; i++) {
		count = count_on_host();
		least = min(least, count);
	}

	return least;
}

static void act_count_on_host(struct fuzzer *f)
{
	uint64_t count = least_count_on_host();

	if (count != f->host_count)
		fail(f, 0, "what perf counted on the host", 0, count, f->host_count);
}

static void set_refuse(int value)
{
	FILE *file = fopen("/proc/sys/kernel/perf_guest_pmu_refuse", "w");

	TEST_ASSERT(file, "perf_guest_pmu_refuse: %s", strerror(errno));
	fprintf(file, "%d", value);
	fclose(file);
}

static void act_refuse(struct fuzzer *f)
{
	int fd;

	set_refuse(1);
	fd = open_event(-1, 0, &f->random);
	if (fd >= 0)
		close(fd);
	set_refuse(0);
}

static void act_yield(struct fuzzer *f)
{
	sched_yield();
}

/* Long enough for the guest to be no user of its PMU any more, sometimes. */
static void act_calm(struct fuzzer *f)
{
	int i;

	if (f->calm_turns || !one_in(&f->random, 8))
		return;

	f->calm_turns = 4;
	for (i = 0; i < NR_VCPUS; i++) {
		f->shadows[i].calm = true;
		run(f, i);
	}
	usleep(1200000);
}

static void leave_calm(struct fuzzer *f)
{
	int i;

	if (!f->calm_turns || --f->calm_turns)
		return;
	for (i = 0; i < NR_VCPUS; i++)
		f->shadows[i].calm = false;
}

static void (*const acts[])(struct fuzzer *f) = {
	act_filter, act_set_counter, act_set_counter, act_set_selector,
	act_set_control, act_get_msrs, act_get_msrs, act_event, act_event,
	act_count_on_host, act_refuse, act_yield, act_calm, act_restore,
	act_cpuid,
};

/* Preempts the rest, and lets events of the CPU's come and go. */
struct preempter {
	uint64_t random;
	bool stop;
};

static void *preempt(void *arg)
{
	const struct sched_param param = { .sched_priority = 1 };
	struct preempter *p = arg;
	int event = -1;

	TEST_ASSERT(!sched_setscheduler(0, SCHED_FIFO, &param),
		    "sched_setscheduler(): %s", strerror(errno));
	while (!READ_ONCE(p->stop)) {
		usleep(20 + below(&p->random, 3000));
		if (one_in(&p->random, 8))
			toggle_event(&event, -1, 0, &p->random);
	}
	if (event >= 0)
		close(event);

	return NULL;
}

static uint64_t nr_done(struct fuzzer *f)
{
	uint64_t n = f->nr_done;
	int i;

	for (i = 0; i < NR_VCPUS; i++)
		n += f->shadows[i].nr_ops;

	return n;
}

static void fuzz(struct fuzzer *f)
{
	int i;

	act_new_vm(f);
	while (nr_done(f) < f->nr_ops) {
		for (i = 0; i < NR_VCPUS; i++)
			run(f, i);
		leave_calm(f);
		acts[below(&f->random, ARRAY_SIZE(acts))](f);
		if (one_in(&f->random, 50))
			act_new_vm(f);
	}
	free_vm(f);
	act_count_on_host(f);
}

static void parse(struct fuzzer *f, int argc, char *argv[])
{
	int opt;

	while ((opt = getopt(argc, argv, "s:n:")) != -1) {
		switch (opt) {
		case 's':
			f->seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			f->nr_ops = strtoull(optarg, NULL, 0);
			break;
		default:
			fprintf(stderr, "usage: %s [-s SEED] [-n OPERATIONS]\n", argv[0]);
			exit(KSFT_FAIL);
		}
	}
}

int main(int argc, char *argv[])
{
	struct fuzzer f = { .seed = 1, .nr_ops = DEFAULT_OPS, .events = { -1, -1 } };
	struct preempter p = { };
	pthread_t thread;

	require_mediated_pmu();
	parse(&f, argc, argv);
	TEST_REQUIRE(!geteuid());
	ksft_print_header();
	ksft_set_plan(1);

	/* xorshift's state must not be 0, and small seeds are alike at first. */
	f.random = (f.seed + 1) * 0x9e3779b97f4a7c15;
	p.random = ~f.random;
	kvm_pin_this_task_to_pcpu(0);
	f.host_count = least_count_on_host();

	pthread_create(&thread, NULL, preempt, &p);
	fuzz(&f);
	WRITE_ONCE(p.stop, true);
	pthread_join(thread, NULL);

	ksft_test_result_pass("seed %lu: %lu ops, %lu counts, %lu PMIs, %lu records, %lu VMs\n",
			      f.seed, f.nr_done, f.nr_counts, f.nr_pmis, f.nr_records,
			      f.nr_vms);
	ksft_finished();
}
