// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC, in xAPIC mode. */
#include "lib.h"

static volatile u32 *apic;

/**
 * apic_read() - read a register
 * @reg:	its offset
 *
 * Return: what it held
 */
u32 apic_read(u32 reg)
{
	return apic[reg / 4];
}

/**
 * apic_write() - write a register
 * @reg:	its offset
 * @value:	to write
 */
void apic_write(u32 reg, u32 value)
{
	apic[reg / 4] = value;
}

/**
 * apic_init() - enable the APIC, mask its timer and the performance counters' entry
 *
 * Return: LVTPC as it was before
 */
u32 apic_init(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);
	u32 lvtpc;

	apic = (volatile u32 *)(base & 0xfffff000);
	wrmsr(MSR_APIC_BASE, base | BIT(11));
	lvtpc = apic_read(APIC_LVTPC);
	apic_write(APIC_SVR, 0x100 | VECTOR_SPURIOUS);
	apic_write(APIC_TIMER, LVT_MASKED | VECTOR_TIMER);
	apic_write(APIC_LVTPC, LVT_MASKED | VECTOR_PMI);
	return lvtpc;
}

/**
 * apic_requested() - whether an interrupt waits to be taken
 * @vector:	which one
 *
 * Return: its bit in IRR
 */
bool apic_requested(u8 vector)
{
	return apic_read(APIC_IRR + vector / 32 * 16) >> (vector % 32) & 1;
}

/**
 * apic_timer() - one interrupt by VECTOR_TIMER
 * @ticks:	of the undivided timer clock from now
 */
void apic_timer(u32 ticks)
{
	apic_write(APIC_TIMER_DIV, 0xb);
	apic_write(APIC_TIMER, VECTOR_TIMER);
	apic_write(APIC_TIMER_INIT, ticks);
}

/**
 * hlt_for() - stand in HLT until the timer's interrupt
 * @ticks:	see apic_timer()
 */
void hlt_for(u64 ticks)
{
	u32 seen = pmi_log.timers;

	apic_timer(ticks);
	while (pmi_log.timers == seen)
		asm volatile("sti; hlt; cli" : : : "memory");
}
