// SPDX-License-Identifier: GPL-2.0-only
/*
 * exits memory|cpuid NAME COUNT - run in a guest, cause VM exits of one kind
 * in sections of the machine's statistics that have nothing else in them.
 *
 * memory: touch COUNT megabytes that were never used, slowly, a section each.
 * Their EPT violations exit, and the interrupts that the host takes meanwhile.
 * cpuid: execute CPUID, which KVM retires for the guest, COUNT times.
 */
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "pmu-mark.h"

#define MEGABYTE (1UL << 20)
/* A millisecond; the host's tick is every four. */
#define PAUSE 500000

static void spin(unsigned long rounds)
{
	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(rounds) : : "cc");
}

static int memory(const char *name, unsigned long count)
{
	char *pages = mmap(NULL, count * MEGABYTE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long i;

	if (pages == MAP_FAILED) {
		perror("exits: mmap");
		return 1;
	}

	for (i = 0; i < count; i++) {
		pmu_mark(name);
		memset(pages + i * MEGABYTE, 1, MEGABYTE);
		spin(PAUSE);
	}
	pmu_mark("after");

	return 0;
}

static int cpuid(const char *name, unsigned long count)
{
	unsigned int a, b, c, d;

	pmu_mark(name);
	while (count--)
		__cpuid(0, a, b, c, d);
	pmu_mark("after");

	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "memory"))
		return memory(argv[2], strtoul(argv[3], NULL, 0));
	if (argc == 4 && !strcmp(argv[1], "cpuid"))
		return cpuid(argv[2], strtoul(argv[3], NULL, 0));
	fprintf(stderr, "usage: exits memory|cpuid NAME COUNT\n");

	return 2;
}
