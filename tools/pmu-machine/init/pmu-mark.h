/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Marks for the machine's statistics (machine run --stats).
 *
 * A mark is a multi-byte NOP with a displacement of our own.  Nothing
 * intercepts a NOP, so it works the same on the host and in a guest, and on
 * any other machine it does nothing.  The emulator leaves it out of every
 * count.
 */
#ifndef PMU_MARK_H
#define PMU_MARK_H

#include <string.h>

/* The longest name, without its terminating NUL. */
#define PMU_MARK_NAME_MAX 63

/**
 * pmu_mark() - start a new section of the machine's statistics
 * @name: the section's name, at most PMU_MARK_NAME_MAX bytes
 *
 * The emulator reads @name by its linear address and cannot take a page
 * fault for it, so its first and last byte are read here before.
 */
static inline void pmu_mark(const char *name)
{
	const volatile char *bytes = name;

	(void)bytes[0];
	(void)bytes[strlen(name)];
	__asm__ volatile("nopl 0x504d5501(%%rax)" : : "a"(name) : "memory");
}

#endif /* PMU_MARK_H */
