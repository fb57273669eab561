// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "pmu-fixture.h"

static const struct pmu_event events[] = {
	{ EV_INSTRUCTIONS, PMU_ACC(PMU_INSTRUCTIONS), 1, 1 },
	{ EV_PREC_DIST, PMU_ACC(PMU_INSTRUCTIONS), 1, 1 },
	{ EV_CYCLES, PMU_ACC(PMU_CYCLES), 1, 1 },
	{ EV_BRANCHES, PMU_ACC(PMU_COND_TAKEN) | PMU_ACC(PMU_COND_NTAKEN) |
		       PMU_ACC(PMU_NEAR_RET), 1, 1 },
	{ EV_MISPREDICTED, PMU_ACC(PMU_MISP_COND), 1, 1 },
	{ EV_LOADS, PMU_ACC(PMU_LOADS), 1, 1 },
	{ EV_STORES, PMU_ACC(PMU_STORES), 1, 1 },
	{ EV_ACCESSES, PMU_ACC(PMU_LOADS) | PMU_ACC(PMU_STORES), 1, 1 },
	{ EV_LOAD_LATENCY, PMU_ACC(PMU_SLOW_LOADS), 1, 1 },
	{ EV_STORE_SAMPLE, PMU_ACC(PMU_STORES), 1, 1 },
	{ EV_WALKS, PMU_ACC(PMU_DTLB_LOAD_WALKS), 1, 1 },
	{ EV_SLOTS, PMU_ACC(PMU_CYCLES), EV_SLOTS_MUL, 1 },
	{ EV_SLOW_CLOCK, PMU_ACC(PMU_CYCLES), 1, 4 },
	{ 0x10120, PMU_ACC(PMU_CYCLES), 1, 1 },
	{ 0, 0, 0, 0 }
};

static void fixture_now(void *ctx, uint64_t *instructions, uint64_t *cycles)
{
	struct fixture *f = ctx;

	*instructions = f->instructions;
	*cycles = f->cycles;
}

static void fixture_pmi(void *ctx)
{
	((struct fixture *)ctx)->pmis++;
}

static void fixture_deadline(void *ctx, uint64_t cycles)
{
	((struct fixture *)ctx)->deadline = cycles;
}

uint64_t *word(struct fixture *f, uint64_t address)
{
	return &f->memory[(address - MEMORY) / 8];
}

/* An access outside of memory, or to the page that is gone, does not return. */
static uint64_t *access_word(struct fixture *f, uint64_t address)
{
	if (address - MEMORY >= sizeof(f->memory) ||
	    (address & -(uint64_t)PAGE) == f->gone)
		longjmp(f->fault, 1);
	return word(f, address);
}

static uint64_t fixture_load(void *ctx, uint64_t address)
{
	return *access_word(ctx, address);
}

static void fixture_touch(void *ctx, uint64_t address)
{
	struct fixture *f = ctx;

	if ((address & -(uint64_t)PAGE) == f->read_only)
		longjmp(f->fault, 1);
	access_word(f, address);
}

static void fixture_store(void *ctx, uint64_t address, uint64_t value)
{
	fixture_touch(ctx, address);
	*access_word(ctx, address) = value;
}

static void fixture_log(void *ctx, const char *line)
{
	((struct fixture *)ctx)->logs += *line != '\0';
}

static const struct pmu_ops ops = {
	.now = fixture_now,
	.pmi = fixture_pmi,
	.deadline = fixture_deadline,
	.load = fixture_load,
	.store = fixture_store,
	.touch = fixture_touch,
	.log = fixture_log,
};

/* Bytes that are not zero, so that what pmu_init() forgets is seen. */
void fixture_init(struct fixture *f, const char *name)
{
	memset(f, 0xa5, sizeof(*f));
	assert_non_null(pmu_cpu_find(name));
	f->cpu = *pmu_cpu_find(name);
	f->cpu.events = events;
	f->instructions = 1000;
	f->cycles = 5000;
	f->deadline = UINT64_MAX;
	f->pmis = f->logs = 0;
	f->burst = false;
	f->gone = f->read_only = 0;
	pmu_init(&f->pmu, &f->cpu, &ops, f);
}

int fixture_setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	if (!f)
		return -1;
	fixture_init(f, *state);
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	free(*state);
	return 0;
}

bool is_intel(const struct fixture *f)
{
	return f->cpu.vendor == PMU_INTEL;
}

bool has_global(const struct fixture *f)
{
	return f->cpu.version >= 2;
}

uint64_t rd(struct fixture *f, uint32_t msr)
{
	uint64_t value = 0;

	if (pmu_rdmsr(&f->pmu, msr, &value) != PMU_OK)
		fail_msg("%s: RDMSR of %#x failed", f->cpu.name, msr);
	return value;
}

void wr(struct fixture *f, uint32_t msr, uint64_t value)
{
	if (pmu_wrmsr(&f->pmu, msr, value) != PMU_OK)
		fail_msg("%s: WRMSR of %#llx to %#x failed", f->cpu.name,
			 (unsigned long long)value, msr);
}

/* WRMSR must raise #GP and change nothing at all. */
void refused(struct fixture *f, uint32_t msr, uint64_t value)
{
	static struct pmu before;

	pmu_sync(&f->pmu);
	memcpy(&before, &f->pmu, sizeof(before));
	if (pmu_wrmsr(&f->pmu, msr, value) != PMU_GP)
		fail_msg("%s: no #GP for WRMSR of %#llx to %#x", f->cpu.name,
			 (unsigned long long)value, msr);
	assert_memory_equal(&before, &f->pmu, sizeof(before));
}

void unreadable(struct fixture *f, uint32_t msr)
{
	uint64_t value;

	if (pmu_rdmsr(&f->pmu, msr, &value) != PMU_GP)
		fail_msg("%s: no #GP for RDMSR of %#x", f->cpu.name, msr);
}

/* DEBUGCTL.LBR; it has no meaning where the LBRs are architectural */
uint64_t debugctl_lbr(const struct fixture *f)
{
	return f->cpu.lbr == PMU_LBR_ARCH ? 0 : DEBUGCTL_LBR;
}

uint32_t selector(const struct fixture *f, unsigned int i)
{
	return is_intel(f) ? IA32_PERFEVTSEL0 + i : AMD_CTL0 + 2 * i;
}

/* The address by which a counter's whole width can be written */
uint32_t counter(const struct fixture *f, unsigned int i)
{
	return is_intel(f) ? IA32_A_PMC0 + i : AMD_CTR0 + 2 * i;
}

uint64_t status(struct fixture *f)
{
	return rd(f, is_intel(f) ? IA32_GLOBAL_STATUS : AMD_GLOBAL_STATUS);
}

/* Set all counters' bits in the global control register, if there is one. */
void enable_all(struct fixture *f)
{
	if (is_intel(f))
		wr(f, IA32_GLOBAL_CTRL,
		   LOW(f->cpu.gp) | LOW(f->cpu.fixed) << 32);
	else if (has_global(f))
		wr(f, AMD_GLOBAL_CTL, LOW(f->cpu.gp));
}

void start_at(struct fixture *f, unsigned int i, uint64_t select, uint64_t value)
{
	wr(f, selector(f, i), 0);
	wr(f, counter(f, i), value);
	wr(f, selector(f, i), select);
}

void start(struct fixture *f, unsigned int i, uint64_t select)
{
	start_at(f, i, select, 0);
}

void lbr_on(struct fixture *f)
{
	switch (f->cpu.lbr) {
	case PMU_LBR_LEGACY:
		wr(f, IA32_DEBUGCTL, rd(f, IA32_DEBUGCTL) | DEBUGCTL_LBR);
		break;
	case PMU_LBR_ARCH:
		wr(f, IA32_LBR_CTL, LBR_ALL);
		break;
	case PMU_LBR_AMD:
		wr(f, AMD_DEBUG_EXTN, AMD_LBRS);
		break;
	}
}

/* Of the legacy ring */
static uint32_t slot(struct fixture *f, unsigned int age)
{
	return (rd(f, MSR_LBR_TOS) - age) % (f->cpu.version < 4 ? 16 : 32);
}

uint64_t lbr_from(struct fixture *f, unsigned int age)
{
	switch (f->cpu.lbr) {
	case PMU_LBR_LEGACY:
		return rd(f, MSR_LBR_FROM_0 + slot(f, age));
	case PMU_LBR_ARCH:
		return rd(f, IA32_LBR_0_FROM_IP + age);
	default:
		return rd(f, AMD_LBR_FROM_0 + 2 * age);
	}
}

/* AMD's without the flags above the address */
uint64_t lbr_to(struct fixture *f, unsigned int age)
{
	switch (f->cpu.lbr) {
	case PMU_LBR_LEGACY:
		return rd(f, MSR_LBR_TO_0 + slot(f, age));
	case PMU_LBR_ARCH:
		return rd(f, IA32_LBR_0_TO_IP + age);
	default:
		return rd(f, AMD_LBR_TO_0 + 2 * age) & LOW(57);
	}
}

uint64_t lbr_info(struct fixture *f, unsigned int age)
{
	if (f->cpu.lbr == PMU_LBR_ARCH)
		return rd(f, IA32_LBR_0_INFO + age);
	return rd(f, MSR_LBR_INFO_0 + slot(f, age));
}

uint64_t *ds(struct fixture *f, uint64_t offset)
{
	return word(f, f->pmu.pebs.ds_area + offset);
}

/* Of format 3, and of the basic group of format 4 */
size_t basic_size(const struct fixture *f)
{
	return f->cpu.version < 5 ? 0xc8 : 0x20;
}

void pebs_on(struct fixture *f, uint64_t counters)
{
	wr(f, IA32_DS_AREA, DS_AREA);
	*ds(f, PEBS_BASE) = *ds(f, PEBS_INDEX) = BUFFER;
	*ds(f, PEBS_MAXIMUM) = *ds(f, PEBS_THRESHOLD) = BUFFER + 4 * PAGE;
	for (unsigned int i = 0; i < f->cpu.gp; i++)
		*ds(f, PEBS_RESET + 8 * i) = 0;
	for (unsigned int i = 0; i < f->cpu.fixed; i++)
		*ds(f, PEBS_FIXED_RESET + 8 * i) = 0;
	wr(f, IA32_PEBS_ENABLE, counters);
}

/* A branch in the kernel that was predicted */
void taken(struct fixture *f, enum pmu_branch type, uint64_t from, uint64_t to)
{
	const struct pmu_taken branch = { .type = type, .from = from, .to = to };

	pmu_record_branch(&f->pmu, &branch);
}

/* One from 1000H to 2000H */
void taken_cpl(struct fixture *f, enum pmu_branch type, int from_cpl, int to_cpl)
{
	const struct pmu_taken branch = {
		.type = type,
		.from = 0x1000,
		.to = 0x2000,
		.from_user = from_cpl,
		.to_user = to_cpl,
	};

	pmu_record_branch(&f->pmu, &branch);
}

/* Does the library want to be shown branches, with their prediction? */
bool shown(const struct fixture *f)
{
	const unsigned int models = PMU_MODEL_BRANCHES | PMU_MODEL_PREDICTOR;

	return (f->pmu.models & models) == models;
}

/* Events of the instruction that retire() will complete */
void happen(struct fixture *f, enum pmu_acc acc, uint64_t n)
{
	if (PMU_ACC(acc) & PMU_BURST_ACCS)
		f->burst |= pmu_burst(&f->pmu, acc, n);
	else
		f->pmu.acc[acc] += n;
}

/* One instruction, and what the library's user owes it at the end of one */
void retire(struct fixture *f, uint64_t cycles)
{
	bool look = f->burst;

	f->instructions++;
	f->cycles += cycles;
	f->burst = false;
	if (look || f->cycles >= f->deadline)
		pmu_boundary(&f->pmu);
	f->state.eventing_ip = f->instructions;
	if (f->pmu.pebs.due && !setjmp(f->fault))
		pmu_pebs_store(&f->pmu, &f->state);
}

void run(struct fixture *f, uint64_t instructions)
{
	while (instructions--)
		retire(f, 1);
}
