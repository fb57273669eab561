// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fixed amount of work for the speed benchmark, without a C library: it
 * says when it starts and when it has ended, so that the boot of the machine
 * can be left out.  The work is a mixture: arithmetic, loads and stores over
 * 1 MiB, unpredictable branches, calls.
 */

#define WORDS	(1 << 17)
#define ROUNDS	40000000L

static unsigned long table[WORDS];

static long syscall3(long number, long a, long b, long c)
{
	long result;

	asm volatile("syscall" : "=a" (result)
		     : "a" (number), "D" (a), "S" (b), "d" (c)
		     : "rcx", "r11", "memory");
	return result;
}

static void say(const char *line, long length)
{
	syscall3(1 /* write */, 1, (long)line, length);
}

/* Marsaglia's xorshift64. */
static unsigned long random_next(unsigned long x)
{
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static __attribute__((noinline)) void add(unsigned long *word, unsigned long x)
{
	*word += x;
}

static __attribute__((noinline)) void mix(unsigned long *word, unsigned long x)
{
	*word ^= x;
}

/* Two calls, lest the compiler make a conditional move of the branch. */
static void update(unsigned long x)
{
	if (x & (1UL << 40))
		add(&table[x % WORDS], x);
	else
		mix(&table[x % WORDS], x);
}

void _start(void)
{
	unsigned long x = 88172645463325252UL;
	long i;

	say("compute starts\n", 15);
	for (i = 0; i < ROUNDS; i++) {
		x = random_next(x);
		update(x);
	}
	say("compute ends\n", 13);
	syscall3(60 /* exit */, 0, 0, 0);
}
