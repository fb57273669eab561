// SPDX-License-Identifier: GPL-2.0-only
/*
 * PEBS: when a record is due, and of which instruction.
 *
 * SDM vol. 3B, "Processor Event Based Sampling (PEBS)": "When the counter
 * overflows from maximum count to zero, the PEBS hardware is armed.  Upon
 * occurrence of the next PEBS event, the PEBS hardware triggers an assist and
 * causes a PEBS record to be written."
 */
#include "pmu-fixture.h"

#define TOP	LOW(48)
#define ALWAYS	(OS | USR | EN)
#define COUNTER	2		/* one that has no more than the others have */

static unsigned int records(struct fixture *f)
{
	return (*ds(f, PEBS_INDEX) - BUFFER) / basic_size(f);
}

/* A field of the @n-th record, at one offset in format 3, another in format 4 */
static uint64_t field(struct fixture *f, unsigned int n, unsigned int v3,
		      unsigned int v4)
{
	return *word(f, BUFFER + n * basic_size(f) + (f->cpu.version < 5 ? v3 : v4));
}

static uint64_t eventing_ip(struct fixture *f, unsigned int n)
{
	return field(f, n, 0xb0, 0x08);
}

static uint64_t applicable(struct fixture *f, unsigned int n)
{
	return field(f, n, 0x90, 0x10);
}

/* COUNTER overflows in the next instruction in which its event happens. */
static void prepare(struct fixture *f, uint64_t select)
{
	enable_all(f);
	pebs_on(f, B(COUNTER));
	start_at(f, COUNTER, select | ALWAYS, TOP);
}

static void arm(struct fixture *f)
{
	prepare(f, EV_INSTRUCTIONS);
	run(f, 1);
}

static void start_fixed(struct fixture *f, unsigned int i)
{
	wr(f, IA32_FIXED_CTR_CTRL, 0);
	wr(f, IA32_FIXED_CTR0 + i, TOP);
	wr(f, IA32_FIXED_CTR_CTRL, UINT64_C(3) << (4 * i));
}

/* An instruction in which each of the precise events happens */
static void eventful(struct fixture *f)
{
	happen(f, PMU_COND_TAKEN, 1);
	happen(f, PMU_MISP_COND, 1);
	happen(f, PMU_LOADS, 1);
	retire(f, 1);
}

static void the_event_after_the_overflow_makes_the_record(void **state)
{
	struct fixture *f = *state;

	arm(f);
	assert_int_equal(records(f), 0);
	assert_int_equal(status(f), B(COUNTER));
	run(f, 1);
	assert_int_equal(records(f), 1);
	assert_int_equal(eventing_ip(f, 0), f->instructions);
	assert_int_equal(applicable(f, 0), B(COUNTER));
	assert_int_equal(status(f), 0);
	run(f, 10);
	assert_int_equal(records(f), 1);
}

/* Instructions in which the event does not happen make none. */
static void the_event_may_be_a_long_time_coming(void **state)
{
	struct fixture *f = *state;
	const uint64_t events[] = { EV_BRANCHES, EV_MISPREDICTED, EV_LOADS };

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		prepare(f, events[i]);
		run(f, 3);
		eventful(f);
		run(f, 10);
		assert_int_equal(records(f), 0);
		eventful(f);
		assert_int_equal(records(f), 1);
		assert_int_equal(eventing_ip(f, 0), f->instructions);
	}
}

/* "Precise Events for the Skylake Microarchitecture", those that are modelled */
static void precise_events(void **state)
{
	struct fixture *f = *state;
	const uint64_t events[] = { EV_INSTRUCTIONS, EV_PREC_DIST, EV_BRANCHES,
				    EV_MISPREDICTED, EV_LOADS };

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		prepare(f, events[i]);
		eventful(f);
		eventful(f);
		assert_int_equal(records(f), 1);
		assert_int_equal(eventing_ip(f, 0), f->instructions);
	}
}

/* Skylake's PEBS is for these only. */
static void other_events_make_no_record(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_CYCLES);
	run(f, 10);
	prepare(f, EV_WALKS);
	happen(f, PMU_DTLB_LOAD_WALKS, 2);
	run(f, 10);
	assert_int_equal(records(f), 0);
	assert_int_equal(status(f), B(COUNTER));
}

/*
 * Goldmont, "Extended PEBS": of a non-precise event "a PEBS record will be
 * generated at the next opportunity", without another event.
 */
static void other_events_make_a_record_with_the_next_instruction(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_CYCLES);
	retire(f, 5);
	assert_int_equal(records(f), 0);
	retire(f, 5);
	assert_int_equal(records(f), 1);
	assert_int_equal(eventing_ip(f, 0), f->instructions);

	prepare(f, EV_WALKS);
	happen(f, PMU_DTLB_LOAD_WALKS, 2);
	run(f, 1);
	assert_int_equal(records(f), 0);
	run(f, 1);
	assert_int_equal(records(f), 1);
	assert_int_equal(eventing_ip(f, 0), f->instructions);
}

/* How many instructions behind the one that overflowed is the record's? */
static uint64_t skid(struct fixture *f)
{
	uint64_t overflowing = f->instructions + 1;

	for (int i = 0; i < 3; i++)
		eventful(f);
	assert_int_equal(records(f), 1);
	return eventing_ip(f, 0) - overflowing;
}

/* The counters in @precise have none, all others one instruction's. */
static void check_skid(struct fixture *f, uint64_t event, uint64_t precise)
{
	enable_all(f);
	for (unsigned int i = 0; i < f->cpu.gp; i++) {
		pebs_on(f, B(i));
		start_at(f, i, event | ALWAYS, TOP);
		assert_int_equal(skid(f), precise & B(i) ? 0 : 1);
		wr(f, selector(f, i), 0);
	}
}

static void check_fixed_skid(struct fixture *f, uint64_t precise)
{
	enable_all(f);
	for (unsigned int i = 0; i < f->cpu.fixed; i++) {
		pebs_on(f, B(32 + i));
		start_fixed(f, i);
		assert_int_equal(skid(f), precise & B(i) ? 0 : 1);
		assert_int_equal(applicable(f, 0), B(32 + i));
	}
}

/* "PDIR applies only to [PREC_DIST], and must use IA32_PMC1" */
static void skylake_has_no_skid_on_counter_1(void **state)
{
	check_skid(*state, EV_PREC_DIST, B(1));
	check_skid(*state, EV_INSTRUCTIONS, 0);
	check_skid(*state, EV_BRANCHES, 0);
}

/* INST_RETIRED.PREC_DIST is the event of fixed counter 0. */
static void icelake_has_no_skid_on_fixed_counter_0(void **state)
{
	check_fixed_skid(*state, B(0));
	check_skid(*state, EV_PREC_DIST, 0);
	check_skid(*state, EV_INSTRUCTIONS, 0);
	check_skid(*state, EV_BRANCHES, 0);
}

/*
 * PDist: "only on general programmable counter 0 [...] precisely upon completion
 * of the instruction or operation that causes the counter to overflow"; fixed
 * counter 0: "the next instruction after the one that caused the overflow"
 */
static void sapphire_rapids_has_no_skid_on_counter_0(void **state)
{
	check_fixed_skid(*state, 0);
	check_skid(*state, EV_PREC_DIST, B(0));
	check_skid(*state, EV_INSTRUCTIONS, B(0));
	check_skid(*state, EV_BRANCHES, B(0));
	check_skid(*state, EV_MISPREDICTED, B(0));
	check_skid(*state, EV_LOADS, B(0));
	check_skid(*state, EV_CYCLES, 0);
}

static void check_period(struct fixture *f, unsigned int i, uint64_t select,
			 uint64_t period)
{
	enable_all(f);
	pebs_on(f, B(i));
	*ds(f, PEBS_RESET + 8 * i) = -3;
	start_at(f, i, select | ALWAYS, -3 & TOP);
	run(f, 30 * period);
	assert_int_equal(records(f), 30);
	for (unsigned int n = 1; n < 30; n++)
		assert_int_equal(eventing_ip(f, n) - eventing_ip(f, n - 1), period);
	assert_int_equal(f->pmis, 0);
	wr(f, selector(f, i), 0);
}

/* The event that makes the record is counted, and then overwritten. */
static void a_period_is_one_event_longer_than_the_reset_value(void **state)
{
	check_period(*state, COUNTER, EV_INSTRUCTIONS, 4);
}

static void a_period_without_skid_is_exact(void **state)
{
	struct fixture *f = *state;

	if (f->cpu.version < 5)
		check_period(f, 1, EV_PREC_DIST, 3);
	else
		check_period(f, 0, EV_INSTRUCTIONS, 3);
}

/* It "may also be generated after an overflow is set by an MSR write". */
static void setting_the_status_arms(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_INSTRUCTIONS);
	wr(f, counter(f, COUNTER), 100);
	wr(f, IA32_GLOBAL_STATUS_SET, B(COUNTER));
	run(f, 1);
	assert_int_equal(records(f), 1);
	assert_int_equal(eventing_ip(f, 0), f->instructions);
}

/* Goldmont: of a non-precise event "immediately", even of one that never happens */
static void setting_the_status_needs_no_event(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_UNKNOWN);
	run(f, 5);
	wr(f, IA32_GLOBAL_STATUS_SET, B(COUNTER));
	run(f, 1);
	assert_int_equal(records(f), 1);
	assert_int_equal(eventing_ip(f, 0), f->instructions);
}

static void clearing_the_status_leaves_it_armed(void **state)
{
	struct fixture *f = *state;

	arm(f);
	wr(f, IA32_GLOBAL_OVF_CTRL, B(COUNTER));
	run(f, 1);
	assert_int_equal(records(f), 1);
	assert_int_equal(eventing_ip(f, 0), f->instructions);
}

static void so_does_a_write_of_the_counter(void **state)
{
	struct fixture *f = *state;

	arm(f);
	wr(f, counter(f, COUNTER), 100);
	run(f, 1);
	assert_int_equal(records(f), 1);
}

/* Unless its status says that it has overflowed. */
static void disabling_disarms(void **state)
{
	struct fixture *f = *state;

	arm(f);
	wr(f, IA32_GLOBAL_OVF_CTRL, B(COUNTER));
	wr(f, IA32_PEBS_ENABLE, 0);
	wr(f, IA32_PEBS_ENABLE, B(COUNTER));
	run(f, 10);
	assert_int_equal(records(f), 0);
	assert_int_equal(rd(f, counter(f, COUNTER)), 10);
}

/* The bits of the others are none of their business. */
static void enabling_others_arms_nothing(void **state)
{
	struct fixture *f = *state;

	arm(f);
	wr(f, IA32_GLOBAL_OVF_CTRL, B(COUNTER));
	wr(f, IA32_PEBS_ENABLE, B(COUNTER) | B(COUNTER + 1));
	run(f, 1);
	assert_int_equal(records(f), 1);
	wr(f, IA32_PEBS_ENABLE, B(COUNTER));
	run(f, 10);
	assert_int_equal(records(f), 1);
}

static void disabled_before_it_is_an_ordinary_overflow(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_INSTRUCTIONS | INT);
	wr(f, IA32_PEBS_ENABLE, 0);
	run(f, 10);
	assert_int_equal(records(f), 0);
	assert_int_equal(status(f), B(COUNTER));
	assert_int_equal(f->pmis, 1);
	assert_int_equal(rd(f, counter(f, COUNTER)), 9);
}

static void disabled_after_the_overflow_there_is_no_record(void **state)
{
	struct fixture *f = *state;

	arm(f);
	wr(f, IA32_PEBS_ENABLE, 0);
	run(f, 10);
	assert_int_equal(records(f), 0);
	wr(f, IA32_PEBS_ENABLE, B(COUNTER));
	run(f, 1);
	assert_int_equal(records(f), 1);
}

/* Load latency's bits alone sample nothing. */
static void load_latency_is_not_enough(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_INSTRUCTIONS);
	wr(f, IA32_PEBS_ENABLE, B(32 + COUNTER));
	run(f, 10);
	assert_int_equal(records(f), 0);
}

/* Bit 32 is one of those, and not fixed counter 0's. */
static void load_latency_is_no_fixed_counters(void **state)
{
	struct fixture *f = *state;

	enable_all(f);
	pebs_on(f, 0);
	wr(f, IA32_PEBS_ENABLE, B(32));
	start_fixed(f, 0);
	run(f, 10);
	assert_int_equal(records(f), 0);
	assert_int_equal(status(f), B(32));
}

static void an_overflow_is_no_interrupt_without_int(void **state)
{
	struct fixture *f = *state;

	arm(f);
	run(f, 10);
	assert_int_equal(records(f), 1);
	assert_int_equal(f->pmis, 0);
}

/* "two separate interrupts are generated" */
static void with_int_there_are_two_interrupts(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_INSTRUCTIONS | INT);
	*ds(f, PEBS_THRESHOLD) = BUFFER + basic_size(f);
	run(f, 1);
	assert_int_equal(f->pmis, 1);
	assert_int_equal(records(f), 0);
	run(f, 1);
	assert_int_equal(records(f), 1);
	run(f, 10);
	assert_int_equal(f->pmis, 2);
	assert_int_equal(status(f), OVF_BUF);
}

static void int_alone_has_a_record_too(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_INSTRUCTIONS | INT);
	run(f, 10);
	assert_int_equal(records(f), 1);
	assert_int_equal(f->pmis, 1);
	assert_int_equal(status(f), 0);
}

/* The interrupt's freeze comes too late for a record without skid. */
static void a_freeze_leaves_the_record_that_is_due(void **state)
{
	struct fixture *f = *state;
	bool v5 = f->cpu.version >= 5;

	wr(f, IA32_DEBUGCTL, FREEZE_PERFMON);
	enable_all(f);
	pebs_on(f, v5 ? B(0) : B(1));
	start_at(f, v5 ? 0 : 1, EV_PREC_DIST | ALWAYS | INT, TOP);
	run(f, 10);
	assert_int_equal(records(f), 1);
	assert_int_equal(f->pmis, 1);
	assert_int_equal(status(f), CTR_FRZ);
}

/* "Multi-counter PEBS resolution": one record names all whose event it was. */
static void counters_of_one_instruction_share_the_record(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_INSTRUCTIONS);
	wr(f, IA32_PEBS_ENABLE, B(COUNTER) | B(3));
	*ds(f, PEBS_RESET + 8 * 1) = 1111;
	*ds(f, PEBS_RESET + 8 * COUNTER) = 2222;
	*ds(f, PEBS_RESET + 8 * 3) = 3333;
	start_at(f, 1, EV_INSTRUCTIONS | ALWAYS, TOP);
	start_at(f, 3, EV_INSTRUCTIONS | ALWAYS, TOP);
	run(f, 2);
	assert_int_equal(records(f), 1);
	assert_int_equal(applicable(f, 0), B(COUNTER) | B(3));
	assert_int_equal(rd(f, counter(f, COUNTER)), 2222);
	assert_int_equal(rd(f, counter(f, 3)), 3333);
	assert_int_equal(rd(f, counter(f, 1)), 1);
	assert_int_equal(status(f), B(1));
}

static void fixed_counters_share_it_too(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_INSTRUCTIONS);
	wr(f, IA32_PEBS_ENABLE, B(COUNTER) | B(33));
	*ds(f, PEBS_RESET + 8 * COUNTER) = 2222;
	*ds(f, PEBS_FIXED_RESET + 8 * 1) = 4444;
	start_fixed(f, 1);
	run(f, 2);
	assert_int_equal(records(f), 1);
	assert_int_equal(applicable(f, 0), B(COUNTER) | B(33));
	assert_int_equal(rd(f, counter(f, COUNTER)), 2222);
	assert_int_equal(rd(f, IA32_FIXED_CTR0 + 1), 4444);
	assert_int_equal(status(f), 0);
}

/* One that is armed and whose event did not happen stays as it is. */
static void an_armed_counter_waits_for_its_own_event(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_INSTRUCTIONS);
	wr(f, IA32_PEBS_ENABLE, B(COUNTER) | B(3));
	*ds(f, PEBS_RESET + 8 * 3) = 3333;
	start_at(f, 3, EV_BRANCHES | ALWAYS, TOP);
	eventful(f);
	run(f, 1);
	assert_int_equal(records(f), 1);
	assert_int_equal(applicable(f, 0), B(COUNTER));
	assert_int_equal(rd(f, counter(f, 3)), 0);
	assert_int_equal(status(f), B(3));
	eventful(f);
	assert_int_equal(records(f), 2);
	assert_int_equal(applicable(f, 1), B(3));
	assert_int_equal(rd(f, counter(f, 3)), 3333);
	assert_int_equal(status(f), 0);
}

/* "Disabled on transition to system-management mode" */
static void there_is_none_in_smm(void **state)
{
	struct fixture *f = *state;

	arm(f);
	pmu_set_mode(&f->pmu, (struct pmu_mode){ .smm = true });
	run(f, 5);
	assert_int_equal(records(f), 0);
	assert_int_equal(status(f), B(COUNTER));
	pmu_set_mode(&f->pmu, (struct pmu_mode){ 0 });
	run(f, 1);
	assert_int_equal(records(f), 1);
	assert_int_equal(eventing_ip(f, 0), f->instructions);
}

static void there_is_none_while_global_ctrl_stops_it(void **state)
{
	struct fixture *f = *state;

	arm(f);
	wr(f, IA32_GLOBAL_CTRL, LOW(f->cpu.gp) & ~B(COUNTER));
	run(f, 5);
	assert_int_equal(records(f), 0);
	enable_all(f);
	run(f, 1);
	assert_int_equal(records(f), 1);
	assert_int_equal(eventing_ip(f, 0), f->instructions);
}

static void there_is_none_while_it_is_frozen(void **state)
{
	struct fixture *f = *state;

	arm(f);
	wr(f, IA32_GLOBAL_STATUS_SET, CTR_FRZ);
	run(f, 5);
	assert_int_equal(records(f), 0);
	wr(f, IA32_GLOBAL_OVF_CTRL, CTR_FRZ);
	run(f, 1);
	assert_int_equal(records(f), 1);
}

static void there_is_none_at_a_level_that_does_not_count(void **state)
{
	struct fixture *f = *state;
	const uint64_t user_only = EV_INSTRUCTIONS | USR | EN;

	arm(f);
	wr(f, selector(f, COUNTER), user_only);
	run(f, 5);
	assert_int_equal(records(f), 0);
	pmu_set_mode(&f->pmu, (struct pmu_mode){ .user = true });
	run(f, 1);
	assert_int_equal(records(f), 1);
}

/* Not even of an event that needs not happen */
static void a_stopped_counter_of_cycles_makes_none(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_CYCLES);
	run(f, 1);
	wr(f, IA32_GLOBAL_CTRL, LOW(f->cpu.gp) & ~B(COUNTER));
	run(f, 5);
	assert_int_equal(records(f), 0);
	enable_all(f);
	run(f, 1);
	assert_int_equal(records(f), 1);
}

/* "The recording mechanism [...] is cleared on processor RESET and INIT" */
static void init_disables(void **state)
{
	struct fixture *f = *state;

	arm(f);
	pmu_pebs_init(&f->pmu);
	assert_int_equal(rd(f, IA32_PEBS_ENABLE), 0);
	assert_int_equal(rd(f, IA32_DS_AREA), DS_AREA);
	assert_int_equal(status(f), B(COUNTER));
	run(f, 10);
	assert_int_equal(records(f), 0);
	assert_int_equal(rd(f, counter(f, COUNTER)), 10);
}

/* One that comes between the event and its record */
static void init_forgets_the_record_that_is_due(void **state)
{
	struct fixture *f = *state;

	arm(f);
	f->instructions++;
	f->cycles++;
	pmu_boundary(&f->pmu);
	pmu_pebs_init(&f->pmu);
	run(f, 10);
	assert_int_equal(records(f), 0);
}

static void reset_clears_the_registers(void **state)
{
	struct fixture *f = *state;

	arm(f);
	if (f->cpu.version >= 5)
		wr(f, MSR_PEBS_DATA_CFG, 0xff00000f);
	pmu_reset(&f->pmu);
	assert_int_equal(rd(f, IA32_PEBS_ENABLE), 0);
	assert_int_equal(rd(f, IA32_DS_AREA), 0);
	if (f->cpu.version >= 5)
		assert_int_equal(rd(f, MSR_PEBS_DATA_CFG), 0);
}

/* No INT is needed to have the processor looked at in time. */
static void the_deadline_is_the_overflow(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_INSTRUCTIONS);
	wr(f, counter(f, COUNTER), TOP - 99);
	assert_int_equal(f->deadline, f->cycles + 100);
	wr(f, IA32_PEBS_ENABLE, 0);
	assert_int_equal(f->deadline, PMU_NEVER);
}

static void armed_each_instruction_is_looked_at(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_BRANCHES);
	eventful(f);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(f->deadline, f->cycles + 1);
		run(f, 1);
	}
	eventful(f);
	assert_true(f->deadline > f->cycles + 1000);
}

/* pmu_burst() asks for a look. */
static void bursts_are_looked_at(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_WALKS);
	happen(f, PMU_DTLB_LOAD_WALKS, 1);
	assert_int_equal(f->burst, f->cpu.version >= 5);
}

static void what_makes_no_record_has_no_deadline(void **state)
{
	struct fixture *f = *state;

	prepare(f, EV_CYCLES);
	assert_int_equal(f->deadline, PMU_NEVER);
	run(f, 10);
	assert_int_equal(f->deadline, PMU_NEVER);
}

/* SDM vol. 4, 392H: 63 PMI_InUse */
static void inuse_shows_pebs(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rd(f, IA32_GLOBAL_INUSE), 0);
	wr(f, IA32_PEBS_ENABLE, B(0));
	assert_int_equal(rd(f, IA32_GLOBAL_INUSE), B(63));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_V4_UP(the_event_after_the_overflow_makes_the_record),
		ON_V4_UP(the_event_may_be_a_long_time_coming),
		ON_V4_UP(precise_events),
		ON("skylake", other_events_make_no_record),
		ON_V5(other_events_make_a_record_with_the_next_instruction),
		ON("skylake", skylake_has_no_skid_on_counter_1),
		ON("icelake", icelake_has_no_skid_on_fixed_counter_0),
		ON("sapphire-rapids", sapphire_rapids_has_no_skid_on_counter_0),
		ON_V4_UP(a_period_is_one_event_longer_than_the_reset_value),
		ON("skylake", a_period_without_skid_is_exact),
		ON("sapphire-rapids", a_period_without_skid_is_exact),
		ON_V4_UP(setting_the_status_arms),
		ON_V5(setting_the_status_needs_no_event),
		ON_V4_UP(clearing_the_status_leaves_it_armed),
		ON_V4_UP(so_does_a_write_of_the_counter),
		ON_V4_UP(disabling_disarms),
		ON_V4_UP(enabling_others_arms_nothing),
		ON_V4_UP(disabled_before_it_is_an_ordinary_overflow),
		ON_V4_UP(disabled_after_the_overflow_there_is_no_record),
		ON("skylake", load_latency_is_not_enough),
		ON("skylake", load_latency_is_no_fixed_counters),
		ON_V4_UP(an_overflow_is_no_interrupt_without_int),
		ON_V4_UP(with_int_there_are_two_interrupts),
		ON_V4_UP(int_alone_has_a_record_too),
		ON("skylake", a_freeze_leaves_the_record_that_is_due),
		ON("sapphire-rapids", a_freeze_leaves_the_record_that_is_due),
		ON_V4_UP(counters_of_one_instruction_share_the_record),
		ON_V5(fixed_counters_share_it_too),
		ON_V4_UP(an_armed_counter_waits_for_its_own_event),
		ON_V4_UP(there_is_none_in_smm),
		ON_V4_UP(there_is_none_while_global_ctrl_stops_it),
		ON_V4_UP(there_is_none_while_it_is_frozen),
		ON_V4_UP(there_is_none_at_a_level_that_does_not_count),
		ON_V5(a_stopped_counter_of_cycles_makes_none),
		ON_V4_UP(init_disables),
		ON_V4_UP(init_forgets_the_record_that_is_due),
		ON_V4_UP(reset_clears_the_registers),
		ON_V4_UP(the_deadline_is_the_overflow),
		ON_V4_UP(armed_each_instruction_is_looked_at),
		ON_V4_UP(bursts_are_looked_at),
		ON("skylake", what_makes_no_record_has_no_deadline),
		ON_V4_UP(inuse_shows_pebs),
	};

	return cmocka_run_group_tests_name("pebs", tests, NULL, NULL);
}
