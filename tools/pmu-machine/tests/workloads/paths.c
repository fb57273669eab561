// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program whose paths are taken in known proportions, for those who make a
 * profile of branch records.  A line with a number is executed so often in four
 * turns, and a function with one at its brace is called so often.  No compiler may
 * join, leave out or repeat any of it, and there is no library beside it.
 */

#define TURNS	200000

#define opaque	__attribute__((noipa))

static opaque void often(void)
{						/* 3 */
	asm volatile("nop");			/* 3 */
}

static opaque void seldom(void)
{						/* 1 */
	asm volatile("nop");			/* 1 */
}

static opaque void loop(int times)
{						/* 4 */
	asm volatile("nop");			/* 4 */
	do {
		asm volatile("nop");		/* 20 */
	} while (--times);
}

void _start(void)
{
	unsigned int turn;

	for (turn = 0; turn < TURNS; turn++) {
		if (turn % 4)
			often();
		else
			seldom();
		loop(5);
	}
	asm volatile("syscall" : : "a" (60 /* exit */), "D" (0));
}
