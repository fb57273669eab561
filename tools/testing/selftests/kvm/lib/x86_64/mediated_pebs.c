// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tests of a mediated vPMU's PEBS share.
 */
#include <linux/bitmap.h>

#include "kvm_util.h"
#include "mediated_lbr.h"
#include "mediated_pebs.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

#define MODEL_SAPPHIRE_RAPIDS	0x8f

#define EFLAGS_ZF		BIT_ULL(6)

/* In a register that the code leaves alone */
#define MARK			0x5a5aa5a512345678

struct pebs_area *pebs_area;
uint64_t pebs_records, pebs_size;
uint64_t pebs_nr_records, pebs_nr_late;

/* Where a test has none of its own */
static struct pebs_area own_area;
static uint8_t own_records[128 * 1024] __aligned(4096);

/*
 * The WRMSR that starts counting is the first instruction that counts, and that
 * which stops it does not: or the other way round, which is one more or less.
 * Two bytes each have the three instructions between the code and the latter.
 */
#define FIRST		2
#define BEHIND		3

#define PER_TURN	3

static noinline void run_loop(uint64_t on, uint64_t turns)
{
	register uint64_t r8 asm("r8") = turns;
	register uint64_t r9 asm("r9") = MARK;
	uint32_t eax = on, edx = on >> 32, ecx = pmu.global_ctrl;

	asm volatile(".globl pebs_loop_dec, pebs_loop_nop, pebs_loop_jnz, pebs_loop_end\n"
		     "	movq %%r9, %%xmm5\n"
		     "	mov %%rsp, %%r10\n"
		     "	wrmsr\n"
		     "pebs_loop_dec:	dec %%r8\n"
		     "pebs_loop_nop:	nop\n"
		     "pebs_loop_jnz:	jnz pebs_loop_dec\n"
		     "pebs_loop_end:	mov %%esi, %%ecx\n"
		     "	xor %%eax, %%eax\n"
		     "	xor %%edx, %%edx\n"
		     "	wrmsr\n"
		     : "+a"(eax), "+d"(edx), "+c"(ecx), "+r"(r8)
		     : "S"(pmu.global_ctrl), "r"(r9)
		     : "r10", "xmm5", "cc", "memory");
}

/* The first instruction has three bytes, the others one; OUT exits. */
static noinline void run_line(uint64_t on)
{
	uint32_t eax = on, edx = on >> 32, ecx = pmu.global_ctrl;

	asm volatile(".globl pebs_line_begin, pebs_line_end\n"
		     "	mov %[port], %%r10d\n"
		     "	wrmsr\n"
		     "pebs_line_begin:	mov %%r10d, %%edx\n"
		     "	.skip pebs_line_begin + %c[pause] - ., 0x90\n"
		     "	outb %%al, %%dx\n"
		     "	.fill 20, 1, 0x90\n"
		     "pebs_line_end:	mov %%esi, %%ecx\n"
		     "	xor %%eax, %%eax\n"
		     "	xor %%edx, %%edx\n"
		     "	wrmsr\n"
		     : "+a"(eax), "+d"(edx), "+c"(ecx)
		     : "S"(pmu.global_ctrl), [port] "i"(LBR_PORT),
		       [pause] "i"(PEBS_LINE_PAUSE)
		     : "r10", "cc", "memory");
}

/* A record's parts; those that it does not have are NULL. */
struct record {
	const struct pebs_basic *basic;
	const struct pebs_memory *memory;
	const struct pebs_gprs *gprs;
	const struct pebs_xmms *xmms;
};

/**
 * struct code - what was sampled
 * @length: how many instructions count
 * @emulated: the number of the one that KVM retires, 0 if there is none
 * @turns: of the loop
 * @number: the number of the one that a record is of
 * @check: the registers in the record
 */
struct code {
	uint64_t length, emulated, turns;
	uint64_t (*number)(const struct code *code, const struct record *record,
			   uint64_t expected);
	void (*check)(const struct code *code, const struct record *record);
};

static uint64_t time_started;

/*
 * SDM vol. 3B, "Adaptive PEBS", and those on PDIR and PDist: which counter records
 * the instruction that overflows, and not the one after it.
 */
bool pebs_has_no_skid(unsigned int idx)
{
	return idx == (pmu.model == MODEL_SAPPHIRE_RAPIDS ? 0 : FIRST_FIXED);
}

/* A counter that makes adaptive records */
struct pebs_job pebs_job_of_one(unsigned int idx, uint64_t reset, uint64_t data_cfg)
{
	struct pebs_job job = {
		.counters = BIT_ULL(idx),
		.adaptive = BIT_ULL(idx),
		.data_cfg = data_cfg,
	};

	job.reset[idx] = reset;
	return job;
}

/* CPUID in an L2 would exit to L1, which has found the PMU. */
void pebs_find(void)
{
	if (!pmu.selector)
		pmu_find();
	if (pebs_area)
		return;

	pebs_area = &own_area;
	pebs_records = (uint64_t)own_records;
	pebs_size = sizeof(own_records);
}

/* No PMI before the buffer is full. */
void pebs_empty(void)
{
	pebs_area->base = pebs_records;
	pebs_area->index = pebs_records;
	pebs_area->maximum = pebs_records + pebs_size;
	pebs_area->threshold = pebs_area->maximum + 1;
}

/* A record skids by an instruction if one of its accesses has to exit first. */
static void touch_records(void)
{
	uint64_t at;

	for (at = pebs_records; at < pebs_records + pebs_size; at += PAGE_SIZE)
		WRITE_ONCE(*(uint64_t *)at, 0);
}

static void select_instructions(const struct pebs_job *job)
{
	uint64_t gp = job->counters & pmu_all_gp(), first_fixed = BIT_ULL(FIRST_FIXED);
	unsigned int idx;

	for_each_set_bit(idx, &gp, 64)
		pmu_write_selector(idx, COUNT_INSTRUCTIONS |
				   (job->adaptive & BIT_ULL(idx) ? EVENTSEL_ADAPTIVE : 0));
	if (job->counters & first_fixed)
		wrmsr(pmu.fixed_ctrl, FIXED_PMC_KERNEL | FIXED_PMC_USER |
		      (job->adaptive & first_fixed ? FIXED_ADAPTIVE(0) : 0));
}

static void write_counter(unsigned int idx, uint64_t value)
{
	pmu_write(idx, value);
	if (idx >= FIRST_FIXED)
		pebs_area->reset_fixed[idx - FIRST_FIXED] = value;
	else
		pebs_area->reset_gp[idx] = value;
}

/*
 * All is ready but for GLOBAL_CTRL. That has been on once, so writing it does not
 * exit any more: KVM would not count the WRMSR that starts it all.
 */
void pebs_prepare(const struct pebs_job *job)
{
	unsigned int idx;

	wrmsr(MSR_IA32_PEBS_ENABLE, 0);
	pmu_stop();
	wrmsr(pmu.global_clear, STATUS_BUFFER_OVF);
	pebs_empty();
	if (!job->slack)
		touch_records();

	select_instructions(job);
	wrmsr(pmu.global_ctrl, job->counters);
	wrmsr(pmu.global_ctrl, 0);
	for_each_set_bit(idx, &job->counters, 64)
		write_counter(idx, -job->reset[idx] & COUNTER_MASK);

	wrmsr(MSR_IA32_DS_AREA, (uint64_t)pebs_area);
	wrmsr(MSR_PEBS_DATA_CFG, job->data_cfg);
	wrmsr(MSR_IA32_PEBS_ENABLE, job->counters);
	time_started = rdtsc();
}

void pebs_loop(const struct pebs_job *job, uint64_t turns)
{
	run_loop(job->counters, turns);
}

void pebs_line(const struct pebs_job *job)
{
	run_line(job->counters);
}

static uint64_t size_of(uint64_t data_cfg)
{
	uint64_t size = sizeof(struct pebs_basic);

	if (data_cfg & DATA_CFG_MEMORY)
		size += sizeof(struct pebs_memory);
	if (data_cfg & DATA_CFG_GPRS)
		size += sizeof(struct pebs_gprs);
	if (data_cfg & DATA_CFG_XMMS)
		size += sizeof(struct pebs_xmms);
	if (data_cfg & DATA_CFG_LBRS)
		size += ((data_cfg >> 24) + 1) * sizeof(struct pebs_lbr);
	return size;
}

static struct record parse(uint64_t at, uint64_t data_cfg)
{
	struct record record = { .basic = (void *)at };

	at += sizeof(*record.basic);
	if (data_cfg & DATA_CFG_MEMORY) {
		record.memory = (void *)at;
		at += sizeof(*record.memory);
	}
	if (data_cfg & DATA_CFG_GPRS) {
		record.gprs = (void *)at;
		at += sizeof(*record.gprs);
	}
	if (data_cfg & DATA_CFG_XMMS)
		record.xmms = (void *)at;
	return record;
}

/* Without registers it is not known in which turn. */
static uint64_t number_in_loop(const struct code *code, const struct record *record,
			       uint64_t expected)
{
	uint64_t ip = record->basic->ip, place, turn;

	if (ip >= (uint64_t)pebs_loop_end)
		return code->length - BEHIND + 1 + (ip - (uint64_t)pebs_loop_end) / 2;

	place = ip == (uint64_t)pebs_loop_nop ? 1 : ip == (uint64_t)pebs_loop_jnz ? 2 : 0;
	__GUEST_ASSERT(place || ip == (uint64_t)pebs_loop_dec, "A record of %lx", ip);
	if (!record->gprs) {
		__GUEST_ASSERT((expected - FIRST) % PER_TURN == place,
			       "A record of instruction %lu at place %lu", expected, place);
		return expected;
	}

	turn = code->turns - 1 - record->gprs->r8;
	return FIRST + PER_TURN * turn + place;
}

static void check_in_loop(const struct code *code, const struct record *record)
{
	const struct pebs_gprs *gprs = record->gprs;
	uint64_t ip = record->basic->ip, next;

	if (ip >= (uint64_t)pebs_loop_end)
		return;

	next = ip == (uint64_t)pebs_loop_dec ? (uint64_t)pebs_loop_nop :
	       ip == (uint64_t)pebs_loop_nop ? (uint64_t)pebs_loop_jnz :
	       gprs->r8 ? (uint64_t)pebs_loop_dec : (uint64_t)pebs_loop_end;
	GUEST_ASSERT_EQ(gprs->ip, next);
	GUEST_ASSERT_EQ(!!(gprs->flags & EFLAGS_ZF), !gprs->r8);
	GUEST_ASSERT_EQ(gprs->r9, MARK);
	GUEST_ASSERT_EQ(gprs->sp, gprs->r10);
	GUEST_ASSERT_EQ(gprs->cx, pmu.global_ctrl);
	GUEST_ASSERT_EQ(gprs->si, pmu.global_ctrl);
	GUEST_ASSERT_EQ(gprs->ax | gprs->dx << 32, rdmsr(MSR_IA32_PEBS_ENABLE));
}

static uint64_t number_in_line(const struct code *code, const struct record *record,
			       uint64_t expected)
{
	uint64_t at = record->basic->ip - (uint64_t)pebs_line_begin;
	uint64_t end = pebs_line_end - pebs_line_begin;

	__GUEST_ASSERT(at < end + 2 * BEHIND, "A record of %lx", record->basic->ip);
	if (at >= end)
		return end + (at - end) / 2;
	return at ? at : FIRST;
}

static void check_in_line(const struct code *code, const struct record *record)
{
}

/* When is the next record of a counter due, after one with this number? */
static uint64_t next_of(const struct pebs_job *job, const struct code *code,
			unsigned int idx, uint64_t last)
{
	uint64_t next = last + job->reset[idx] + !pebs_has_no_skid(idx);

	return next == code->emulated ? next + 1 : next;
}

static uint64_t first_of(const struct pebs_job *job, const struct code *code,
			 const uint64_t *last, uint64_t *counters)
{
	uint64_t next, first = ~0ull;
	unsigned int idx;

	*counters = 0;
	for_each_set_bit(idx, &job->counters, 64) {
		next = next_of(job, code, idx, last[idx]);
		if (next < first)
			*counters = 0;
		if (next <= first)
			*counters |= BIT_ULL(idx);
		first = min(first, next);
	}
	return first;
}

/* A record, given which is due by now and of which counters. Returns its number. */
static uint64_t check_record(const struct pebs_job *job, const struct code *code,
			     const struct pebs_basic *basic, uint64_t expected,
			     uint64_t counters)
{
	uint64_t data_cfg = counters & job->adaptive ? job->data_cfg : 0;
	struct record record = parse((uint64_t)basic, data_cfg);
	uint64_t number;

	GUEST_ASSERT_EQ(basic->counters, counters);
	GUEST_ASSERT_EQ(basic->format, data_cfg | size_of(data_cfg) << 48);
	GUEST_ASSERT(basic->tsc >= time_started && basic->tsc < rdtsc());
	time_started = basic->tsc;

	number = code->number(code, &record, expected);
	__GUEST_ASSERT(number >= expected && number <= expected + job->slack,
		       "Record %lu is of instruction %lu, due was %lu",
		       pebs_nr_records, number, expected);
	if (record.gprs)
		code->check(code, &record);
	if (record.xmms && code->turns)
		GUEST_ASSERT(record.xmms->xmm[5][0] == MARK && !record.xmms->xmm[5][1]);
	return number;
}

/* Counters, status and index after the last records */
static void check_registers(const struct pebs_job *job, const struct code *code,
			    const uint64_t *last)
{
	uint64_t status = 0, since;
	unsigned int idx;

	for_each_set_bit(idx, &job->counters, 64) {
		since = code->length - last[idx];
		GUEST_ASSERT_EQ(pmu_read(idx), (since - job->reset[idx]) & COUNTER_MASK);
		if (since >= job->reset[idx])
			status |= BIT_ULL(idx);
		__GUEST_ASSERT(next_of(job, code, idx, last[idx]) + job->slack > code->length,
			       "No record of counter %u after instruction %lu of %lu",
			       idx, last[idx], code->length);
	}
	if (pebs_area->index >= pebs_area->threshold)
		status |= STATUS_BUFFER_OVF;
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), status);
}

static void check(const struct pebs_job *job, const struct code *code)
{
	uint64_t last[PEBS_NR_COUNTERS] = { };
	uint64_t at, expected, number, counters;
	const struct pebs_basic *basic;
	unsigned int idx;

	pebs_nr_records = 0;
	pebs_nr_late = 0;
	for (at = pebs_records; at < pebs_area->index; at += basic->format >> 48) {
		basic = (const void *)at;
		expected = first_of(job, code, last, &counters);
		number = check_record(job, code, basic, expected, counters);
		for_each_set_bit(idx, &counters, 64)
			last[idx] = number;
		pebs_nr_records++;
		pebs_nr_late += number > expected;
	}
	GUEST_ASSERT_EQ(at, pebs_area->index);
	check_registers(job, code, last);
}

void pebs_check_loop(const struct pebs_job *job, uint64_t turns)
{
	const struct code code = {
		.length = PEBS_LOOP_LENGTH(turns),
		.turns = turns,
		.number = number_in_loop,
		.check = check_in_loop,
	};

	check(job, &code);
}

void pebs_check_line(const struct pebs_job *job)
{
	const struct code code = {
		.length = PEBS_LINE_LENGTH,
		.emulated = PEBS_LINE_PAUSE,
		.number = number_in_line,
		.check = check_in_line,
	};

	check(job, &code);
}

bool pebs_is_offered(void)
{
	return kvm_get_feature_msr(MSR_IA32_PERF_CAPABILITIES) & PERF_CAP_PEBS_FORMAT;
}

void require_pebs(void)
{
	require_mediated_pmu();
	TEST_REQUIRE(pebs_is_offered());
}
