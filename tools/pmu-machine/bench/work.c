// SPDX-License-Identifier: GPL-2.0-only
/*
 * work SECTION compute|forks|pings COUNT - a fixed amount of work, in a section
 * of the machine's statistics.  Prints a line of JSON that says how long it took.
 * What runs it, be it perf, starts before the section and ends after it.
 *
 * compute: arithmetic, loads and stores, unpredictable branches
 * forks: processes, one after the other, that run this program, which ends
 * pings: a byte goes through one pipe to another process, and back by another
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../init/pmu-mark.h"

/* A few pages only: each VM exit empties the machine's TLB, a processor's not. */
#define WORDS	0x1000

static uint64_t table[WORDS];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Marsaglia's xorshift64 */
static uint64_t random_next(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static __attribute__((noinline)) void add(uint64_t *word, uint64_t x)
{
	*word += x;
}

static __attribute__((noinline)) void mix(uint64_t *word, uint64_t x)
{
	*word ^= x;
}

static void compute(unsigned long count)
{
	uint64_t x = 88172645463325252UL;

	while (count--) {
		x = random_next(x);
		/* Calls, lest the compiler make a conditional move of it. */
		if (x & 0x10000000000UL)
			add(&table[x % WORDS], x);
		else
			mix(&table[x % WORDS], x);
	}
}

static void forks(unsigned long count)
{
	char *argv[] = { "/proc/self/exe", NULL };
	pid_t child;

	while (count--) {
		child = fork();
		if (child < 0)
			die("fork");
		if (!child) {
			execv(argv[0], argv);
			_exit(1);
		}
		waitpid(child, NULL, 0);
	}
}

static void pass_on(int from, int to)
{
	char byte;

	while (read(from, &byte, 1) == 1) {
		if (write(to, &byte, 1) != 1)
			break;
	}
	_exit(0);
}

static void pings(unsigned long count)
{
	int there[2], back[2];
	char byte = 0;

	if (pipe(there) || pipe(back))
		die("pipe");
	if (!fork()) {
		close(there[1]);
		pass_on(there[0], back[1]);
	}
	while (count--) {
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			die("pipe");
	}
	close(there[1]);
	wait(NULL);
}

static const struct {
	const char *name;
	void (*work)(unsigned long count);
} works[] = {
	{ "compute", compute },
	{ "forks", forks },
	{ "pings", pings },
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000UL + time.tv_nsec;
}

static void measure(const char *section, void (*work)(unsigned long count),
		    unsigned long count)
{
	uint64_t start;

	pmu_mark(section);
	start = now();
	work(count);
	start = now() - start;
	pmu_mark("after");
	printf("{\"section\": \"%s\", \"rounds\": %lu, \"ns\": %lu}\n", section,
	       count, start);
}

int main(int argc, char **argv)
{
	size_t i;

	/* One of the forks */
	if (argc == 1)
		return 0;

	for (i = 0; argc == 4 && i < sizeof(works) / sizeof(works[0]); i++) {
		if (!strcmp(argv[2], works[i].name)) {
			memset(table, 1, sizeof(table));
			measure(argv[1], works[i].work, strtoul(argv[3], NULL, 0));
			return 0;
		}
	}
	fprintf(stderr, "usage: work SECTION compute|forks|pings COUNT\n");

	return 2;
}
