// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest without a kernel, for micro.c: it causes VM exits of one kind, or
 * does one thing with its PMU, between two marks.
 *
 * It starts in 64-bit mode, interrupts off.
 */
#include <stdbool.h>

#include "micro.h"

#define MSR_APIC_BASE		0x1b
#define APIC_BASE_X2APIC	0x400
#define MSR_PERFCTR0		0xc1
#define MSR_EVENTSEL0		0x186
#define MSR_FIXED_CTR0		0x309
#define MSR_FIXED_CTR_CTRL	0x38d
#define MSR_GLOBAL_STATUS	0x38e
#define MSR_GLOBAL_CTRL		0x38f
#define MSR_GLOBAL_OVF_CTRL	0x390
#define MSR_PERF_CAPABILITIES	0x345
#define MSR_DEBUGCTL		0x1d9
#define MSR_PEBS_ENABLE		0x3f1
#define MSR_DS_AREA		0x600
#define MSR_LBR_FROM		0x680
#define MSR_LBR_TO		0x6c0
#define MSR_LBR_INFO		0xdc0
#define MSR_ARCH_LBR_INFO	0x1200
#define MSR_ARCH_LBR_CTL	0x14ce
#define MSR_ARCH_LBR_FROM	0x1500
#define MSR_ARCH_LBR_TO		0x1600
#define MSR_AMD_DEBUG_EXTN	0xc000010f
#define MSR_AMD_LBR_FROM	0xc0010300
#define MSR_X2APIC_EOI		0x80b
#define MSR_X2APIC_SPIV		0x80f
#define MSR_X2APIC_LVTT		0x832
#define MSR_X2APIC_LVTPC	0x834
#define MSR_X2APIC_TMICT	0x838
#define MSR_X2APIC_TDCR		0x83e
#define MSR_AMD_PERF_CTL0	0xc0010200
#define MSR_AMD_PERF_CTR0	0xc0010201
#define MSR_AMD_GLOBAL_STATUS	0xc0000300
#define MSR_AMD_GLOBAL_CTL	0xc0000301
#define MSR_AMD_GLOBAL_CLR	0xc0000302

#define EVENT_INSTRUCTIONS	0xc0	/* on either vendor's processors */
#define EVENT_BRANCHES_INTEL	0xc4
#define EVENT_BRANCHES_AMD	0xc2
#define EVENT_USR		0x10000
#define EVENT_OS		0x20000
#define EVENT_INT		0x100000
#define EVENT_ENABLE		0x400000
#define FIXED_OS		1
#define FIXED_USR		2

#define CPUID_1_ECX_PDCM	(1U << 15)
#define CPUID_1_EDX_DS		(1U << 21)
#define PEBS_FORMAT		0xf00
#define CPUID_7_EDX_ARCH_LBR	(1U << 19)
#define CPUID_80000022_EAX_LBR	(1U << 1)
#define LBR_FORMAT		0x3f
#define LBR_FORMAT_FLAGS	4	/* 16 entries, and no INFO */
#define DEBUGCTL_LBR		1
#define ARCH_LBR_CTL_ALL	0x7f0007
#define AMD_LBR_ENABLE		0x40

#define LVT_NMI			0x400
#define LVT_MASKED		0x10000
#define LVT_PERIODIC		0x20000
#define SPIV_ENABLE		0x100
#define DIVIDE_BY_1		0xb

#define VECTOR_NMI		2
#define VECTOR_TIMER		0x40
#define VECTOR_SPURIOUS		0xff
#define VECTORS			0x100
#define INTERRUPT_GATE		0x8e00

/* KVM's shortest, 200 us: its local APIC's timer ticks in nanoseconds. */
#define TIMER_PERIOD		200000
/* Instructions of a loop that overflows its counter once */
#define PMI_PERIOD		20000
#define COUNTER_PMI		0
#define COUNTER_OTHER		1
#define WARM_UP			16

struct frame;

static volatile struct order *const order = (void *)ORDER;

static struct {
	uint32_t selector, counter, stride;
	uint32_t global_ctrl, global_status, global_clear;
	uint32_t event_branches;
	unsigned int nr_gp, nr_fixed;
	uint64_t all;
} pmu;

/* The branch records; no control if there are none */
static struct {
	uint32_t control;
	uint64_t on;
	uint32_t from, to, info, stride;
	unsigned int nr;
	bool recording;
} lbr;

/* The debug store; PEBS records are written over and over */
static volatile struct {
	uint64_t bts[4];
	uint64_t base, index, maximum, threshold;
	uint64_t reset[8];
} store;

/* Longer than a record of any format that has no choice */
static volatile uint64_t record[32];
static bool has_pebs;

static uint64_t mode;		/* EVENT_USR, EVENT_OS or both */
static volatile uint64_t pmis;
static uint64_t records;

/* pmu_mark()'s */
size_t strlen(const char *string)
{
	size_t length = 0;

	while (string[length])
		length++;
	return length;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value),
		     "d"((uint32_t)(value >> 32)) : "memory");
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return low | (uint64_t)high << 32;
}

static inline void rdpmc(uint32_t index)
{
	uint32_t low, high;

	asm volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(index) : "memory");
}

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return low | (uint64_t)high << 32;
}

static inline void cpuid(uint32_t leaf, uint32_t *a, uint32_t *b, uint32_t *c,
			 uint32_t *d)
{
	*a = leaf;
	*c = 0;
	asm volatile("cpuid" : "+a"(*a), "=b"(*b), "+c"(*c), "=d"(*d) : :
		     "memory");
}

static inline void out(uint16_t port)
{
	asm volatile("out %%al, %%dx" : : "d"(port), "a"(0) : "memory");
}

static void find_intel_pmu(void)
{
	uint32_t a, b, c, d;

	cpuid(0xa, &a, &b, &c, &d);
	pmu.selector = MSR_EVENTSEL0;
	pmu.counter = MSR_PERFCTR0;
	pmu.stride = 1;
	pmu.global_ctrl = MSR_GLOBAL_CTRL;
	pmu.global_status = MSR_GLOBAL_STATUS;
	pmu.global_clear = MSR_GLOBAL_OVF_CTRL;
	pmu.event_branches = EVENT_BRANCHES_INTEL;
	pmu.nr_gp = a >> 8 & 0xff;
	pmu.nr_fixed = d & 0x1f;
}

static void find_amd_pmu(void)
{
	uint32_t a, b, c, d;

	pmu.selector = MSR_AMD_PERF_CTL0;
	pmu.counter = MSR_AMD_PERF_CTR0;
	pmu.stride = 2;
	pmu.event_branches = EVENT_BRANCHES_AMD;
	pmu.nr_gp = 6;
	cpuid(0x80000000, &a, &b, &c, &d);
	if (a < 0x80000022)
		return;
	cpuid(0x80000022, &a, &b, &c, &d);
	if (!(a & 1))
		return;
	pmu.global_ctrl = MSR_AMD_GLOBAL_CTL;
	pmu.global_status = MSR_AMD_GLOBAL_STATUS;
	pmu.global_clear = MSR_AMD_GLOBAL_CLR;
}

static void find_intel_lbr(void)
{
	uint32_t a, b, c, d, format;

	cpuid(1, &a, &b, &c, &d);
	if (!(c & CPUID_1_ECX_PDCM))
		return;
	format = rdmsr(MSR_PERF_CAPABILITIES) & LBR_FORMAT;
	if (!format)
		return;
	cpuid(7, &a, &b, &c, &d);
	lbr.stride = 1;
	lbr.nr = format == LBR_FORMAT_FLAGS ? 16 : 32;
	if (d & CPUID_7_EDX_ARCH_LBR) {
		lbr.control = MSR_ARCH_LBR_CTL;
		lbr.on = ARCH_LBR_CTL_ALL;
		lbr.from = MSR_ARCH_LBR_FROM;
		lbr.to = MSR_ARCH_LBR_TO;
		lbr.info = MSR_ARCH_LBR_INFO;
	} else {
		lbr.control = MSR_DEBUGCTL;
		lbr.on = DEBUGCTL_LBR;
		lbr.from = MSR_LBR_FROM;
		lbr.to = MSR_LBR_TO;
		lbr.info = format == LBR_FORMAT_FLAGS ? 0 : MSR_LBR_INFO;
	}
}

static void find_amd_lbr(void)
{
	uint32_t a, b, c, d;

	cpuid(0x80000000, &a, &b, &c, &d);
	if (a < 0x80000022)
		return;
	cpuid(0x80000022, &a, &b, &c, &d);
	if (!(a & CPUID_80000022_EAX_LBR))
		return;
	lbr.control = MSR_AMD_DEBUG_EXTN;
	lbr.on = AMD_LBR_ENABLE;
	lbr.from = MSR_AMD_LBR_FROM;
	lbr.to = MSR_AMD_LBR_FROM + 1;
	lbr.stride = 2;
	lbr.nr = 16;
}

/* A write that changes nothing would be a use, too. */
static void find_pebs(void)
{
	uint32_t a, b, c, d;

	cpuid(1, &a, &b, &c, &d);
	has_pebs = c & CPUID_1_ECX_PDCM && d & CPUID_1_EDX_DS &&
		   rdmsr(MSR_PERF_CAPABILITIES) & PEBS_FORMAT;
}

/* There is room for one, and no threshold that says that it is there. */
static void make_records(bool on)
{
	if (!has_pebs)
		return;

	store.base = store.index = (uint64_t)record;
	store.maximum = store.base + sizeof(record);
	store.threshold = -1;
	store.reset[COUNTER_PMI] = -PMI_PERIOD;
	wrmsr(MSR_DS_AREA, (uint64_t)&store);
	wrmsr(MSR_PEBS_ENABLE, on ? 1 << COUNTER_PMI : 0);
}

static void record_branches(bool on)
{
	if (!lbr.control || lbr.recording == on)
		return;

	wrmsr(lbr.control, on ? lbr.on : 0);
	lbr.recording = on;
}

static void read_branches(void)
{
	unsigned int i;

	for (i = 0; i < lbr.nr; i++) {
		rdmsr(lbr.from + i * lbr.stride);
		rdmsr(lbr.to + i * lbr.stride);
		if (lbr.info)
			rdmsr(lbr.info + i);
	}
}

static void find_pmu(void)
{
	uint32_t a, b, c, d;

	cpuid(0, &a, &b, &c, &d);
	if (c == 0x6c65746e) {		/* "ntel" */
		find_intel_pmu();
		find_intel_lbr();
		find_pebs();
	} else {
		find_amd_pmu();
		find_amd_lbr();
	}
	pmu.all = ((1ULL << pmu.nr_gp) - 1) |
		  ((1ULL << pmu.nr_fixed) - 1) << 32;
}

static void set_global_ctrl(uint64_t value)
{
	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, value);
}

static void set_selector(unsigned int i, uint64_t value)
{
	wrmsr(pmu.selector + i * pmu.stride, value);
}

static void set_counter(unsigned int i, uint64_t value)
{
	wrmsr(pmu.counter + i * pmu.stride, value);
}

static void set_fixed_ctrl(uint64_t field)
{
	uint64_t value = 0;
	unsigned int i;

	for (i = 0; i < pmu.nr_fixed; i++)
		value |= field << 4 * i;
	if (pmu.nr_fixed)
		wrmsr(MSR_FIXED_CTR_CTRL, value);
}

static void use_nothing(void)
{
	unsigned int i;

	set_global_ctrl(0);
	for (i = 0; i < pmu.nr_gp; i++) {
		set_selector(i, 0);
		set_counter(i, 0);
	}
	set_fixed_ctrl(0);
	for (i = 0; i < pmu.nr_fixed; i++)
		wrmsr(MSR_FIXED_CTR0 + i, 0);
	if (pmu.global_clear)
		wrmsr(pmu.global_clear, pmu.all);
}

static void use_all(uint64_t how, uint64_t fixed)
{
	unsigned int i;

	mode = how;
	for (i = 0; i < pmu.nr_gp; i++)
		set_selector(i, EVENT_INSTRUCTIONS | mode | EVENT_ENABLE);
	set_fixed_ctrl(fixed);
	set_global_ctrl(pmu.all);
}

static void use(uint32_t what)
{
	use_nothing();
	if (what == USE_ALL)
		use_all(EVENT_USR | EVENT_OS, FIXED_USR | FIXED_OS);
	else if (what != USE_NONE)
		use_all(EVENT_USR, FIXED_USR);
	record_branches(what == USE_BRANCHES);
	make_records(what == USE_PEBS);
}

/* As perf's handlers do it: stop all, look, acknowledge, go on. */
static void __attribute__((interrupt)) pmi(struct frame *frame)
{
	(void)frame;
	set_global_ctrl(0);
	if (order->use == USE_BRANCHES) {
		record_branches(false);
		read_branches();
		record_branches(true);
	}
	if (pmu.global_status)
		wrmsr(pmu.global_clear, rdmsr(pmu.global_status));
	set_counter(COUNTER_PMI, -PMI_PERIOD);
	pmis++;
	wrmsr(MSR_X2APIC_LVTPC, LVT_NMI);
	set_global_ctrl(pmu.all);
}

static void __attribute__((interrupt)) timer(struct frame *frame)
{
	(void)frame;
	wrmsr(MSR_X2APIC_EOI, 0);
}

static void __attribute__((interrupt)) spurious(struct frame *frame)
{
	(void)frame;
}

struct gate {
	uint16_t offset_low, selector, type, offset_middle;
	uint32_t offset_high, reserved;
};

struct table {
	uint16_t limit;
	void *base;
} __attribute__((packed));

static uint64_t gdt[] = {
	0,
	[SELECTOR_CODE / 8] = 0x00af9b000000ffff,
	[SELECTOR_DATA / 8] = 0x00cf93000000ffff,
};

static struct gate idt[VECTORS];

static void set_gate(unsigned int vector, void (*handler)(struct frame *))
{
	uint64_t offset = (uint64_t)handler;

	idt[vector] = (struct gate) {
		.offset_low = offset,
		.offset_middle = offset >> 16,
		.selector = SELECTOR_CODE,
		.type = INTERRUPT_GATE,
	};
}

static void set_tables(void)
{
	struct table gdtr = { sizeof(gdt) - 1, gdt };
	struct table idtr = { sizeof(idt) - 1, idt };

	set_gate(VECTOR_NMI, pmi);
	set_gate(VECTOR_TIMER, timer);
	set_gate(VECTOR_SPURIOUS, spurious);
	asm volatile("lgdt %0; lidt %1" : : "m"(gdtr), "m"(idtr));
}

static void start_apic(void)
{
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
	wrmsr(MSR_X2APIC_SPIV, SPIV_ENABLE | VECTOR_SPURIOUS);
	wrmsr(MSR_X2APIC_LVTPC, LVT_NMI);
	wrmsr(MSR_X2APIC_TDCR, DIVIDE_BY_1);
}

static void start_timer(void)
{
	wrmsr(MSR_X2APIC_LVTT, LVT_PERIODIC | VECTOR_TIMER);
	wrmsr(MSR_X2APIC_TMICT, TIMER_PERIOD);
}

static void stop_timer(void)
{
	wrmsr(MSR_X2APIC_TMICT, 0);
	wrmsr(MSR_X2APIC_LVTT, LVT_MASKED | VECTOR_TIMER);
}

/* Twice as many instructions */
static inline void spin(uint64_t rounds)
{
	asm volatile("1: dec %0; jnz 1b" : "+r"(rounds) : : "cc");
}

static void start_pmis(void)
{
	set_selector(COUNTER_PMI, 0);
	set_counter(COUNTER_PMI, -PMI_PERIOD);
	set_selector(COUNTER_PMI, EVENT_INSTRUCTIONS | EVENT_OS | EVENT_INT |
		     EVENT_ENABLE);
}

/* One is written before the loop goes on: the next finds the buffer empty. */
static void start_records(void)
{
	set_selector(COUNTER_PMI, 0);
	set_counter(COUNTER_PMI, -PMI_PERIOD);
	set_selector(COUNTER_PMI, EVENT_INSTRUCTIONS | EVENT_OS | EVENT_ENABLE);
}

static void stop_pmis(void)
{
	set_selector(COUNTER_PMI, 0);
}

/* Inlined with a constant @task, so that each has a tight loop. */
static inline __attribute__((always_inline))
void do_once(enum task task, uint64_t round)
{
	uint64_t selector = mode | EVENT_ENABLE;
	uint32_t a, b, c, d;

	switch (task) {
	case TASK_CPUID:
		cpuid(0, &a, &b, &c, &d);
		break;
	case TASK_HLT:
		asm volatile("sti; hlt; cli" : : : "memory");
		break;
	case TASK_USER_SPACE:
		out(PORT_NOTHING);
		break;
	case TASK_RDPMC:
		rdpmc(COUNTER_OTHER);
		break;
	case TASK_READ_COUNTER:
		rdmsr(pmu.counter + COUNTER_OTHER * pmu.stride);
		break;
	case TASK_WRITE_COUNTER:
		set_counter(COUNTER_OTHER, round);
		break;
	case TASK_TOGGLE_SELECTOR:
		set_selector(COUNTER_OTHER, round & 1 ?
			     0 : selector | EVENT_INSTRUCTIONS);
		break;
	case TASK_CHANGE_SELECTOR:
		set_selector(COUNTER_OTHER, selector |
			     (round & 1 ? EVENT_INSTRUCTIONS :
			      pmu.event_branches));
		break;
	case TASK_GLOBAL_CTRL:
		wrmsr(pmu.global_ctrl, round & 1 ? 0 : pmu.all);
		break;
	case TASK_NO_PMI:
	case TASK_PMI:
		spin(PMI_PERIOD / 2);
		break;
	case TASK_RECORD:
		spin(PMI_PERIOD / 2);
		records += store.index != store.base;
		store.index = store.base;
		break;
	default:
		asm volatile("" : : : "memory");
		break;
	}
}

static inline __attribute__((always_inline))
void repeat(enum task task, uint64_t rounds)
{
	uint64_t i;

	for (i = 0; i < rounds; i++)
		do_once(task, i);
}

static void be_interrupted(uint64_t span)
{
	uint64_t start = rdtsc();

	while (rdtsc() - start < span)
		;
}

static inline __attribute__((always_inline))
void section(enum task task, uint64_t rounds)
{
	uint64_t start;

	repeat(task, WARM_UP);
	pmu_mark((const char *)order->name);
	start = rdtsc();
	repeat(task, rounds);
	order->cycles = rdtsc() - start;
	pmu_mark("after");
	order->done = rounds;
}

static void interrupt_section(uint64_t rounds)
{
	pmu_mark((const char *)order->name);
	be_interrupted(order->span);
	pmu_mark("after");
	order->cycles = order->span;
	order->done = rounds;
}

static void pmi_section(uint64_t rounds)
{
	start_pmis();
	pmis = 0;
	section(TASK_PMI, rounds);
	stop_pmis();
	order->done = pmis > WARM_UP ? pmis - WARM_UP : 0;
}

static void record_section(uint64_t rounds)
{
	start_records();
	records = 0;
	section(TASK_RECORD, rounds);
	stop_pmis();
	order->done = records > WARM_UP ? records - WARM_UP : 0;
}

static void obey(void)
{
	uint64_t rounds = order->rounds;

	order->done = 0;
	if ((order->use == USE_BRANCHES && !lbr.control) ||
	    (order->use == USE_PEBS && !has_pebs))
		return;
	switch (order->task) {
	case TASK_HLT:
		start_timer();
		section(TASK_HLT, rounds);
		stop_timer();
		break;
	case TASK_INTERRUPT:
		interrupt_section(rounds);
		break;
	case TASK_PMI:
	case TASK_BRANCHES:
		pmi_section(rounds);
		break;
	case TASK_RECORD:
		record_section(rounds);
		break;
	case TASK_GLOBAL_CTRL:
		if (pmu.global_ctrl)
			section(TASK_GLOBAL_CTRL, rounds);
		break;
#define CASE(task)				\
	case task:				\
		section(task, rounds);		\
		break
	CASE(TASK_CPUID);
	CASE(TASK_USER_SPACE);
	CASE(TASK_EMPTY);
	CASE(TASK_RDPMC);
	CASE(TASK_READ_COUNTER);
	CASE(TASK_WRITE_COUNTER);
	CASE(TASK_TOGGLE_SELECTOR);
	CASE(TASK_CHANGE_SELECTOR);
	CASE(TASK_NO_PMI);
	}
}

void __attribute__((noreturn, section(".text.startup"))) start(void)
{
	set_tables();
	start_apic();
	find_pmu();
	order->counters = pmu.nr_gp + pmu.nr_fixed;

	for (;;) {
		out(PORT_READY);
		use(order->use);
		obey();
		use(USE_NONE);
	}
}
