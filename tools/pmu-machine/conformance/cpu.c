// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors, traps and their recovery, user mode. */
#include "lib.h"

struct gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_high, reserved;
};

/* An instruction that may fault, and where to go on then. */
struct ex_entry {
	u64 fault, resume;
};

#define GATE_INTERRUPT	0x8e
#define GATE_DPL3	0x60
#define STUB_SIZE	16
#define TSS_BUSY	0x8b

extern const struct ex_entry ex_table_start[], ex_table_end[];
extern u8 interrupt_stubs[], trap_stack_top[], nmi_stack_top[];
extern u64 user_saved_rsp;
void user_enter(void (*code)(void), u64 arg, u64 rflags);
void user_leave(void);
void syscall_target(void);

u8 tss[104];
volatile struct pmi_log pmi_log;
void (*pmi_hook)(void);
bool (*fault_hook)(const struct regs *regs);

static struct gate idt[256];
struct descriptor_pointer idt_pointer = { sizeof(idt) - 1, (u64)idt };

static volatile int caught;
static volatile int user_end;

/**
 * memset() - gcc also makes calls to it by itself
 * @to:		start
 * @value:	of every byte
 * @n:		bytes
 *
 * Return: @to
 */
void *memset(void *to, int value, u64 n)
{
	void *start = to;

	asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
	return start;
}

static void put64(u8 *to, u64 value)
{
	u32 i;

	for (i = 0; i < 8; i++)
		to[i] = value >> (8 * i);
}

static void set_offset(struct gate *gate, u64 offset)
{
	gate->offset_low = offset;
	gate->offset_mid = offset >> 16;
	gate->offset_high = offset >> 32;
}

static void set_gate(u32 vector, u8 type, u8 ist)
{
	idt[vector] = (struct gate){ .selector = KERNEL_CS, .type = type, .ist = ist };
	set_vector(vector, 0);
}

/**
 * set_vector() - put a handler into the IDT
 * @vector:	which entry
 * @handler:	in assembly, ends with IRETQ; NULL: trap() again
 */
void set_vector(u32 vector, void (*handler)(void))
{
	u64 stub = (u64)interrupt_stubs + STUB_SIZE * vector;

	set_offset(&idt[vector], handler ? (u64)handler : stub);
}

static void load_tss(void)
{
	u64 base = (u64)tss;

	put64(tss + 4, (u64)trap_stack_top);
	put64(tss + 36, (u64)nmi_stack_top);
	tss[102] = sizeof(tss);
	gdt[TSS_SELECTOR / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ul << 40 |
				(base >> 24 & 0xff) << 56;
	gdt[TSS_SELECTOR / 8 + 1] = base >> 32;
	asm volatile("ltr %w0" : : "r"(TSS_SELECTOR));
}

static void mask_pic(void)
{
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
}

/**
 * cpu_init() - load GDT, IDT and TSS, set up SYSCALL, mask the PIC
 */
void cpu_init(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(idt); i++)
		set_gate(i, GATE_INTERRUPT, 0);
	set_gate(VECTOR_USER_EXIT, GATE_INTERRUPT | GATE_DPL3, 0);
	set_gate(VECTOR_NMI, GATE_INTERRUPT, 1);
	load_tss();
	asm volatile("lidt %0" : : "m"(idt_pointer));
	mask_pic();
	wrmsr(MSR_STAR, (u64)SYSRET_BASE << 48 | (u64)KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, (u64)syscall_target);
	wrmsr(MSR_FMASK, RFLAGS_IF);
}

/**
 * cpu_vendor() - the vendor string of CPUID leaf 0
 * @vendor:	where to put it
 */
void cpu_vendor(char vendor[13])
{
	struct cpuid id = cpuid(0, 0);
	u32 words[3] = { id.ebx, id.edx, id.ecx };
	u32 i;

	for (i = 0; i < 12; i++)
		vendor[i] = words[i / 4] >> (8 * (i % 4));
	vendor[12] = 0;
}

/**
 * cpu_family_model() - the displayed family and model of CPUID leaf 1
 * @family:	out
 * @model:	out
 */
void cpu_family_model(u32 *family, u32 *model)
{
	u32 eax = cpuid(1, 0).eax;

	*family = eax >> 8 & 15;
	*model = eax >> 4 & 15;
	if (*family == 6 || *family == 15)
		*model |= eax >> 12 & 0xf0;
	if (*family == 15)
		*family += eax >> 20 & 0xff;
}

static bool resume(struct regs *regs)
{
	const struct ex_entry *e;

	for (e = ex_table_start; e < ex_table_end; e++) {
		if (e->fault == regs->rip) {
			caught = regs->vector;
			regs->rip = e->resume;
			return true;
		}
	}
	return false;
}

static void leave_user(struct regs *regs)
{
	user_end = regs->vector;
	regs->rip = (u64)user_leave;
	regs->cs = KERNEL_CS;
	regs->ss = KERNEL_DS;
	regs->rsp = user_saved_rsp;
	regs->rflags = RFLAGS_FIXED;
}

static void log_pmi(struct regs *regs)
{
	pmi_log.lvtpc = apic_read(APIC_LVTPC);
	if (pmi_hook)
		pmi_hook();
	pmi_log.rip = regs->rip;
	pmi_log.from_user = regs->cs & 3;
	if (regs->vector == VECTOR_NMI) {
		pmi_log.nmis++;
		return;
	}
	pmi_log.vectors++;
	apic_write(APIC_EOI, 0);
}

/**
 * trap() - every exception and interrupt
 * @regs:	the interrupted state, which this may change
 */
void trap(struct regs *regs)
{
	switch (regs->vector) {
	case VECTOR_NMI:
	case VECTOR_PMI:
		log_pmi(regs);
		return;
	case VECTOR_TIMER:
		pmi_log.timers++;
		apic_write(APIC_EOI, 0);
		return;
	case VECTOR_SPURIOUS:
		return;
	case VECTOR_USER_EXIT:
		leave_user(regs);
		return;
	}
	if ((fault_hook && fault_hook(regs)) || resume(regs))
		return;
	if (regs->cs & 3) {
		leave_user(regs);
		return;
	}
	print("# exception %lu, error 0x%lx\n", regs->vector, regs->error);
	stop("unexpected exception at", regs->rip);
}

/**
 * pmi_clear() - forget the interrupts seen so far
 */
void pmi_clear(void)
{
	pmi_log = (struct pmi_log){ 0 };
}

/**
 * user_run() - run code at CPL 3 until it ends itself or faults
 * @code:	ends with INT VECTOR_USER_EXIT
 * @arg:	in RDI and RDX
 * @rflags:	besides the fixed bit: RFLAGS_IF or 0
 *
 * Return: the vector that ended it
 */
int user_run(void (*code)(void), u64 arg, u64 rflags)
{
	user_enter(code, arg, rflags | RFLAGS_FIXED);
	return user_end;
}

/* 1: may fault, and goes on at 2: with caught set. */
#define TRY(insn) "1: " insn "\n2:\n\t.pushsection .ex_table, \"a\"\n\t.quad 1b, 2b\n\t.popsection\n"

/**
 * rdmsr_safe() - RDMSR that may fault
 * @msr:	number
 * @value:	out: what it held; 0 after a fault
 *
 * Return: NO_FAULT or the exception's vector
 */
int rdmsr_safe(u32 msr, u64 *value)
{
	u32 lo = 0, hi = 0;

	caught = NO_FAULT;
	asm volatile(TRY("rdmsr") : "+a"(lo), "+d"(hi) : "c"(msr) : "memory");
	*value = caught == NO_FAULT ? (u64)hi << 32 | lo : 0;
	return caught;
}

/**
 * wrmsr_safe() - WRMSR that may fault
 * @msr:	number
 * @value:	to write
 *
 * Return: NO_FAULT or the exception's vector
 */
int wrmsr_safe(u32 msr, u64 value)
{
	caught = NO_FAULT;
	asm volatile(TRY("wrmsr") : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
	return caught;
}

/**
 * rdpmc_safe() - RDPMC that may fault
 * @index:	what goes to ECX
 * @value:	out: what it read; 0 after a fault
 *
 * Return: NO_FAULT or the exception's vector
 */
int rdpmc_safe(u32 index, u64 *value)
{
	u32 lo = 0, hi = 0;

	caught = NO_FAULT;
	asm volatile(TRY("rdpmc") : "+a"(lo), "+d"(hi) : "c"(index) : "memory");
	*value = caught == NO_FAULT ? (u64)hi << 32 | lo : 0;
	return caught;
}

/**
 * xrstors_safe() - XRSTORS that may fault
 * @area:	with its header
 * @mask:	components
 *
 * Return: NO_FAULT or the exception's vector
 */
int xrstors_safe(const void *area, u32 mask)
{
	caught = NO_FAULT;
	asm volatile(TRY("xrstors64 (%0)") : : "r"(area), "a"(mask), "d"(0) : "memory");
	return caught;
}

/**
 * rdpmc_wide() - RDPMC with all of the registers looked at
 * @index:	in ECX, with the upper half of RCX all ones
 * @value:	out: what it read
 *
 * RAX and RDX go in as all ones.
 *
 * Return: whether their upper halves came out as 0
 */
bool rdpmc_wide(u32 index, u64 *value)
{
	u64 lo = ~0ul, hi = ~0ul;

	asm volatile("rdpmc" : "+a"(lo), "+d"(hi) : "c"(0xfffffffful << 32 | index));
	*value = hi << 32 | (u32)lo;
	return !(lo >> 32) && !(hi >> 32);
}

/**
 * rdmsr() - RDMSR of a register that must be there
 * @msr:	number
 *
 * Return: what it held
 */
u64 rdmsr(u32 msr)
{
	u64 value;

	if (rdmsr_safe(msr, &value) != NO_FAULT)
		stop("RDMSR faulted that the rest needs", msr);
	return value;
}

/**
 * wrmsr() - WRMSR that must succeed
 * @msr:	number
 * @value:	to write
 */
void wrmsr(u32 msr, u64 value)
{
	if (wrmsr_safe(msr, value) != NO_FAULT)
		stop("WRMSR faulted that the rest needs", msr);
}

/**
 * rdpmc() - RDPMC that must succeed
 * @index:	what goes to ECX
 *
 * Return: what it read
 */
u64 rdpmc(u32 index)
{
	u64 value;

	if (rdpmc_safe(index, &value) != NO_FAULT)
		stop("RDPMC faulted that the rest needs", index);
	return value;
}

/**
 * msrs_readable - which of some registers are there?
 * @first: the number of the first one
 * @step: from one to the next
 * @n: how many
 *
 * Return: a bit for each whose RDMSR did not fault, bit 0 for the first one
 */
u64 msrs_readable(u32 first, u32 step, u32 n)
{
	u64 mask = 0;
	u32 i;

	for (i = 0; i < n; i++)
		if (msr_readable(first + step * i))
			mask |= BIT(i);
	return mask;
}

/**
 * msr_refused_bits() - try the bits of a register one at a time
 * @msr:	number
 * @base:	what to write besides, and at the end
 * @bits:	the ones to try
 *
 * Return: those whose WRMSR raised #GP and left the register as it was
 */
u64 msr_refused_bits(u32 msr, u64 base, u64 bits)
{
	u64 refused = 0, before = rdmsr(msr);
	u32 i;

	for (i = 0; i < 64; i++) {
		if (!(bits & BIT(i)))
			continue;
		if (msr_refused(msr, base | BIT(i)) && rdmsr(msr) == before)
			refused |= BIT(i);
		else
			wrmsr(msr, base);
	}
	return refused;
}
