// SPDX-License-Identifier: GPL-2.0-only
/*
 * Between Bochs' processor and the PMU library: time, modes, deadlines.
 *
 * An instruction belongs to the mode in which it began.  A mode change is
 * therefore followed when the instruction has retired, between two
 * instructions; only VM entry and VM exit are followed in their middle,
 * because they load PMU registers that hold for the other side.
 */
#define NEED_CPU_REG_SHORTCUTS 1
#include <stdlib.h>

#include "bochs.h"
#include "cpu/cpu.h"
#include "gui/siminterface.h"
#include "param_names.h"
#define LOG_THIS BX_CPU_THIS_PTR

#include "pmu_stats.h"

/*
 * Bochs looks at the deadline when a trace ends, so it must look this many
 * instructions early, and then go one by one.  No trace is longer.
 */
#define PMU_NEAR	64

static void glue_now(void *ctx, uint64_t *instructions, uint64_t *cycles)
{
	BX_CPU_C *cpu = (BX_CPU_C *)ctx;

	*instructions = cpu->pmu_retired();
	*cycles = cpu->pmu_cycles();
}

static void glue_pmi(void *ctx)
{
	((BX_CPU_C *)ctx)->pmu_request_pmi();
}

static void glue_deadline(void *ctx, uint64_t cycles)
{
	((BX_CPU_C *)ctx)->pmu_set_deadline(cycles);
}

static void glue_log(void *ctx, const char *line)
{
	((BX_CPU_C *)ctx)->info("PMU: %s", line);
}

static uint64_t glue_load(void *ctx, uint64_t address)
{
	return ((BX_CPU_C *)ctx)->system_read_qword(address);
}

static void glue_store(void *ctx, uint64_t address, uint64_t value)
{
	((BX_CPU_C *)ctx)->system_write_qword(address, value);
}

static void glue_touch(void *ctx, uint64_t address)
{
	((BX_CPU_C *)ctx)->pmu_touch(address);
}

static const struct pmu_ops glue_ops = {
	glue_now, glue_pmi, glue_deadline, glue_load, glue_store, glue_touch,
	glue_log
};

/* Bochs' model pmu_sapphire_rapids is the library's sapphire-rapids. */
static const struct pmu_cpu *selected_cpu(void)
{
	const char *model = SIM->get_param_enum(BXPN_CPU_MODEL)->get_selected();
	char name[32];

	if (strncmp(model, "pmu_", 4))
		return NULL;
	snprintf(name, sizeof(name), "%s", model + 4);
	for (char *c = name; *c; c++) {
		if (*c == '_')
			*c = '-';
	}
	return pmu_cpu_find(name);
}

void bx_instr_initialize(unsigned cpu)
{
	const struct pmu_cpu *model = selected_cpu();

	if (!model)
		BX_CPU(cpu)->panic("the PMU machine has no such processor model");
	pmu_stats_start();
	BX_CPU(cpu)->pmu_initialize(model);
}

void bx_instr_reset(unsigned cpu, unsigned type)
{
	/* INIT leaves all but PEBS alone, SDM vol. 3A, "Processor State". */
	if (type == BX_RESET_HARDWARE)
		BX_CPU(cpu)->pmu_power_up();
	else
		pmu_pebs_init(&BX_CPU(cpu)->pmu.model);
}

/* Bochs has set icount to 0: go on from the last that was told. */
void BX_CPU_C::pmu_power_up(void)
{
	if (!pmu.model.cpu)	/* a reset before the PMU is there */
		return;
	pmu.cost = pmu.told.cycles - icount;
	pmu.not_retired = icount - pmu.told.retired;
	pmu.lbr_swapped = false;
	pmu_reset(&pmu.model);
}

/* --skid: so many cycles, says the environment. */
void BX_CPU_C::pmu_initialize(const struct pmu_cpu *model)
{
	const char *skid = getenv("PMU_SKID");

	memset(&pmu, 0, sizeof(pmu));
	pmu.near_icount = ~BX_CONST64(0);
	for (int cost = 0; cost < COSTS; cost++)
		pmu.cost_of[cost] = pmu_cost(model, (enum pmu_cost)cost);
	pmu_predictor_reset(&pmu.predictor);
	pmu.cache = pmu_cache_create(model);
	if (!pmu.cache)
		BX_PANIC(("PMU: no memory for the cache model"));
	pmu_init(&pmu.model, model, &glue_ops, this);
	if (skid)
		pmu.model.skid = strtoull(skid, NULL, 10);
}

/* Cycles pass in which no instruction retires. */
void BX_CPU_C::pmu_stall(Bit32u cycles)
{
	pmu.cost += cycles;
	icount_last_sync -= cycles;	/* the machine's clock sees them, too */
	pmu.near_icount -= cycles;
	if (icount >= pmu.near_icount)
		pmu_attend(PMU_ATTEND_NEAR);
}

void BX_CPU_C::pmu_attend(unsigned why)
{
	pmu.attention |= why;
	async_event |= BX_ASYNC_EVENT_STOP_TRACE;
}

void BX_CPU_C::pmu_set_deadline(Bit64u cycles)
{
	Bit64u early = pmu.cost + PMU_NEAR;

	if (cycles == ~BX_CONST64(0))
		pmu.near_icount = cycles;
	else
		pmu.near_icount = cycles > early ? cycles - early : 0;
	if (icount >= pmu.near_icount)
		pmu_attend(PMU_ATTEND_NEAR);
}

struct pmu_mode BX_CPU_C::pmu_present_mode(void)
{
	struct pmu_mode mode;

	mode.user = CPL != 0;
	mode.guest = in_vmx_guest || in_svm_guest;
	mode.svme = efer.get_SVME();
	mode.smm = in_smm;
	return mode;
}

/* From updateFetchModeMask(), which Bochs calls wherever CPL changes */
void BX_CPU_C::pmu_mode_changed(void)
{
	Bit8u mode = CPL << 1 | in_smm;

	if (pmu.mode != mode) {
		pmu.mode = mode;
		pmu_attend(PMU_ATTEND_MODE);
	}
}

/* Bring the statistics up to date; what passed was in the mode last told. */
void BX_CPU_C::pmu_tell(void)
{
	Bit64u retired = pmu_retired(), cycles = pmu_cycles();

	pmu_stats_instructions(&pmu_stats, pmu.told.guest, pmu.told.cpl,
			       retired - pmu.told.retired);
	pmu_stats_cycles(&pmu_stats, pmu.told.guest, cycles - pmu.told.cycles);
	pmu.told.retired = retired;
	pmu.told.cycles = cycles;
}

void BX_CPU_C::pmu_follow_mode(struct pmu_mode mode, unsigned cpl)
{
	if (pmu.told.guest != mode.guest || pmu.told.cpl != cpl) {
		pmu_tell();
		pmu.told.guest = mode.guest;
		pmu.told.cpl = cpl;
	}
	pmu_set_mode(&pmu.model, mode);
}

/*
 * Between two instructions: the last one has retired, or was abandoned by
 * pmu_abandon().  An interrupt or an exception that was taken is counted in
 * the mode of its handler.  Says whether a PMI was requested.
 */
bool BX_CPU_C::pmu_settle(void)
{
	unsigned why = pmu.attention;

	pmu.ahead = false;
	pmu.delivering = false;
	pmu.attention = 0;
	pmu.pmi = false;
	if (why & PMU_ATTEND_MODE)
		pmu_follow_mode(pmu_present_mode(), CPL);
	pmu_burst_event(PMU_INTERRUPTS, pmu.interrupts);
	pmu_burst_event(PMU_EXCEPTIONS, pmu.exceptions);
	pmu.interrupts = pmu.exceptions = 0;
	why |= pmu.attention;
	pmu.attention = 0;
	if (why & PMU_ATTEND_BURST || pmu_cycles() >= pmu.model.deadline)
		pmu_boundary(&pmu.model);
	if (pmu.model.pebs.due)
		pmu_store_record();
	if (activity_state != BX_ACTIVITY_STATE_ACTIVE)
		pmu_hurry(&pmu.model);
	return pmu.pmi;
}

/*
 * The top of Bochs' loop: everything that happens between two instructions.
 * An interrupt that is taken here costs time and changes the mode, which may
 * make a counter wrap: then the PMI comes before the handler's first
 * instruction.  So does storing a PEBS record.
 */
bool BX_CPU_C::pmu_between(void)
{
	pmu.between = true;
	pmu_settle();
	if (async_event && handleAsyncEvent())
		return true;
	while (pmu.attention) {
		if (pmu_settle() && handleAsyncEvent())
			return true;
	}
	pmu.between = false;
	pmu.instruction = RIP;
	if (icount >= pmu.near_icount || PMU_MODELS(PMU_MODEL_CACHE))
		pmu_attend(PMU_ATTEND_NEAR);
	return false;
}

/*
 * Bochs is back at the top of its loop by longjmp(), from a fault or a VM
 * exit, and has counted the instruction that was not to be.  If that had
 * been taken for retired (a VM entry that went on to an event), it was.
 */
void BX_CPU_C::pmu_abandon(void)
{
	if (!pmu.ahead)
		pmu.not_retired++;
	pmu.ahead = false;
	pmu.between = false;
	pmu.storing = false;
	pmu_forget_memory();
	pmu_attend(PMU_ATTEND_MODE);
}
