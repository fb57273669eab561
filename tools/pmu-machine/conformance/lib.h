/* SPDX-License-Identifier: GPL-2.0-only */
/* The bare machine: types, registers that may fault, traps, user mode, local APIC, the report. */
#ifndef LIB_H
#define LIB_H

#include "layout.h"

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef signed long s64;
typedef _Bool bool;

#define true		1
#define false		0
#define __aligned(n)	__attribute__((aligned(n)))
#define __packed	__attribute__((packed))
#define __noreturn	__attribute__((noreturn))
#define __printf(f, a)	__attribute__((format(printf, f, a)))
#define BIT(n)		(1ul << (n))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define MSR_APIC_BASE	0x1b
#define MSR_DEBUGCTL	0x1d9
#define MSR_EFER	0xc0000080
#define MSR_STAR	0xc0000081
#define MSR_LSTAR	0xc0000082
#define MSR_FMASK	0xc0000084

#define CR0_WP		BIT(16)
#define CR4_PCE		BIT(8)
#define CR4_OSFXSR	BIT(9)
#define CR4_VMXE	BIT(13)
#define RFLAGS_FIXED	BIT(1)
#define RFLAGS_IF	BIT(9)

/* What an interrupt stub pushes, lowest address first. */
struct regs {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

struct cpuid {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid r;

	asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
		     : "a"(leaf), "c"(subleaf));
	return r;
}

static inline void outb(u16 port, u8 value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline u8 inb(u16 port)
{
	u8 value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline u64 read_cr0(void)
{
	u64 v;

	asm volatile("mov %%cr0, %0" : "=r"(v));
	return v;
}

static inline u64 read_cr2(void)
{
	u64 v;

	asm volatile("mov %%cr2, %0" : "=r"(v));
	return v;
}

static inline u64 read_cr3(void)
{
	u64 v;

	asm volatile("mov %%cr3, %0" : "=r"(v));
	return v;
}

static inline u64 read_cr4(void)
{
	u64 v;

	asm volatile("mov %%cr4, %0" : "=r"(v));
	return v;
}

static inline void write_cr0(u64 v)
{
	asm volatile("mov %0, %%cr0" : : "r"(v) : "memory");
}

static inline void write_cr4(u64 v)
{
	asm volatile("mov %0, %%cr4" : : "r"(v) : "memory");
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

static inline void invlpg(u64 address)
{
	asm volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static inline void irq_on(void)
{
	asm volatile("sti; nop" : : : "memory");
}

static inline void irq_off(void)
{
	asm volatile("cli" : : : "memory");
}

/* The vector of the exception that the last *_safe() access raised, or NO_FAULT. */
#define NO_FAULT	(-1)

int rdmsr_safe(u32 msr, u64 *value);
int wrmsr_safe(u32 msr, u64 value);
int rdpmc_safe(u32 index, u64 *value);
int xrstors_safe(const void *area, u32 mask);
bool rdpmc_wide(u32 index, u64 *value);

/* For registers that must be there: an exception ends the program. */
u64 rdmsr(u32 msr);
void wrmsr(u32 msr, u64 value);
u64 rdpmc(u32 index);

static inline bool msr_refused(u32 msr, u64 value)
{
	return wrmsr_safe(msr, value) == VECTOR_GP;
}

static inline bool msr_readable(u32 msr)
{
	u64 value;

	return rdmsr_safe(msr, &value) == NO_FAULT;
}

u64 msrs_readable(u32 first, u32 step, u32 n);
u64 msr_refused_bits(u32 msr, u64 base, u64 bits);

/* cpu.c */
struct descriptor_pointer {
	u16 limit;
	u64 base;
} __packed;

extern u64 gdt[];
extern struct descriptor_pointer gdt_pointer, idt_pointer;
extern u8 tss[104], user_stack_top[];

void *memset(void *to, int value, u64 n);
void cpu_init(void);
void cpu_vendor(char vendor[13]);
void cpu_family_model(u32 *family, u32 *model);
void set_vector(u32 vector, void (*handler)(void));
void trap(struct regs *regs);
void nmi_unblock(void);
int user_run(void (*code)(void), u64 arg, u64 rflags);

/**
 * struct pmi_log - what the interrupt handlers saw since pmi_clear()
 * @vectors:	interrupts by VECTOR_PMI
 * @nmis:	NMIs
 * @timers:	interrupts by VECTOR_TIMER
 * @rip:	where the last PMI came
 * @from_user:	whether that was at CPL 3
 * @lvtpc:	LVTPC as the last PMI's handler found it
 */
struct pmi_log {
	u32 vectors, nmis, timers;
	u64 rip;
	bool from_user;
	u32 lvtpc;
};

extern volatile struct pmi_log pmi_log;
/* Called first in the PMI's handler, where the vendor's part reads what it wants to know of that moment. */
extern void (*pmi_hook)(void);

/* Called first for every exception: true if it did what was to be done. */
extern bool (*fault_hook)(const struct regs *regs);

void pmi_clear(void);

static inline u32 pmis(void)
{
	return pmi_log.vectors + pmi_log.nmis;
}

/* apic.c */
#define APIC_EOI	0x0b0
#define APIC_ICR	0x300
#define ICR_SELF	0x44000
#define APIC_SVR	0x0f0
#define APIC_IRR	0x200
#define APIC_TIMER	0x320
#define APIC_LVTPC	0x340
#define APIC_TIMER_INIT	0x380
#define APIC_TIMER_DIV	0x3e0
#define LVT_NMI		0x400
#define LVT_MASKED	0x10000

u32 apic_read(u32 reg);
void apic_write(u32 reg, u32 value);
u32 apic_init(void);
bool apic_requested(u8 vector);
void apic_timer(u32 ticks);
void hlt_for(u64 ticks);

/* report.c */
struct fact {
	const char *id, *text, *ref;
};

/* FACT("id", "what holds", "where the manual says so") */
#define FACT(id, text, ref) (&(const struct fact){ id, text, ref })

void report_init(void);
void print(const char *fmt, ...) __printf(1, 2);
void section(const char *title);
void is(const struct fact *fact, u64 got, u64 want);
void between(const struct fact *fact, u64 got, u64 low, u64 high);
void holds(const struct fact *fact, bool ok);
void skip(const struct fact *fact, const char *why);
int report_end(void);
void stop(const char *what, u64 where) __noreturn;
void machine_exit(int failed) __noreturn;

int main(void);

#endif
