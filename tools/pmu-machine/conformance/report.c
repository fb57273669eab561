// SPDX-License-Identifier: GPL-2.0-only
/* The report: one line a fact on COM1, the sum at the end, and the way out of the machine. */
#include <stdarg.h>
#include "lib.h"

#define COM1		0x3f8
#define DEBUG_EXIT	0xf4
#define SHUTDOWN_PORT	0x8900

static u32 passed, failed, skipped;

/**
 * report_init() - COM1 at 115200 baud, eight data bits
 */
void report_init(void)
{
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 0x80);
	outb(COM1, 1);
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 3);
	outb(COM1 + 2, 1);
}

static void put_char(char c)
{
	while (!(inb(COM1 + 5) & 0x20))
		;
	outb(COM1, c);
}

static void put_string(const char *s)
{
	while (*s)
		put_char(*s++);
}

static void put_number(u64 value, u32 base)
{
	char digits[24];
	u32 n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (n)
		put_char(digits[--n]);
}

/**
 * print() - write to the serial port
 * @fmt:	printf format with %s, %u (unsigned int), %lu and %lx (64 bits) and %% only
 */
void print(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put_char(*fmt);
			continue;
		}
		switch (*++fmt) {
		case 's':
			put_string(va_arg(ap, const char *));
			break;
		case 'u':
			put_number(va_arg(ap, u32), 10);
			break;
		case 'l':
			fmt++;
			put_number(va_arg(ap, u64), *fmt == 'x' ? 16 : 10);
			break;
		default:
			put_char(*fmt);
		}
	}
	va_end(ap);
}

/**
 * section() - name the group of facts that follows
 * @title:	one line
 */
void section(const char *title)
{
	print("# %s\n", title);
}

static void verdict(const struct fact *fact, bool ok)
{
	if (ok)
		passed++;
	else
		failed++;
	print("%s - %s %s", ok ? "ok" : "not ok", fact->id, fact->text);
}

static void reference(const struct fact *fact)
{
	print("  [%s]\n", fact->ref);
}

/**
 * is() - a fact that is one number
 * @fact:	what and where
 * @got:	what was seen
 * @want:	what the manual says
 */
void is(const struct fact *fact, u64 got, u64 want)
{
	verdict(fact, got == want);
	if (got != want)
		print(" got 0x%lx want 0x%lx", got, want);
	reference(fact);
}

/**
 * between() - a fact that is a range
 * @fact:	what and where
 * @got:	what was seen
 * @low:	the least that the manual allows
 * @high:	the most
 */
void between(const struct fact *fact, u64 got, u64 low, u64 high)
{
	bool ok = got >= low && got <= high;

	verdict(fact, ok);
	if (!ok)
		print(" got %lu want %lu to %lu", got, low, high);
	reference(fact);
}

/**
 * holds() - a fact that is true or false
 * @fact:	what and where
 * @ok:		whether it was so
 */
void holds(const struct fact *fact, bool ok)
{
	verdict(fact, ok);
	if (!ok)
		print(" got no want yes");
	reference(fact);
}

/**
 * skip() - a fact that this processor has no say in
 * @fact:	what and where
 * @why:	what is missing
 */
void skip(const struct fact *fact, const char *why)
{
	skipped++;
	print("skip - %s %s (%s)", fact->id, fact->text, why);
	reference(fact);
}

/**
 * report_end() - print the sum
 *
 * Return: 0 if no fact failed and at least one passed, else 1
 */
int report_end(void)
{
	print("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed || !passed;
}

/**
 * stop() - end here: what happened leaves nothing to go on with
 * @what:	happened
 * @where:	an address or a register's number
 */
void stop(const char *what, u64 where)
{
	failed++;
	print("not ok - stopped: %s, 0x%lx\n", what, where);
	report_end();
	machine_exit(1);
}

/**
 * machine_exit() - leave, as an isa-debug-exit device and then Bochs understand it
 * @status:	0 if all is well
 */
void machine_exit(int status)
{
	const char *word = "Shutdown";

	while (!(inb(COM1 + 5) & 0x40))		/* the last character is still on its way */
		;
	outb(DEBUG_EXIT, status);
	while (*word)
		outb(SHUTDOWN_PORT, *word++);
	for (;;)
		asm volatile("cli; hlt");
}
