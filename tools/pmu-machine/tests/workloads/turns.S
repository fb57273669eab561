/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program whose Nth instruction is known, and what is in its registers then.
 *
 * It has a start, TURNS turns that are all the same, and an end.  Its symbols say
 * what these are; ../turns.py reads them.  PART.N.WHAT is an instruction, in the
 * order of N (which has gaps), and WHAT is one of
 *
 *  - REGISTER.MORE: sets the register to the number of the turn and so much more,
 *    or to something else if MORE is "any"; before the first turn the number is 0;
 *  - taken, not: a branch that is always taken, or never;
 *  - other.
 */

	.ifndef	TURNS
	.equ	TURNS, 100000
	.endif

	/* \@ counts macros in the order of the source. */
	.macro	step part, what, instruction:vararg
\part\().\@.\what:
	\instruction
	.endm

	/* A register of its own value, so that no two are taken for each other. */
	.macro	sets register, more
	step	turn, \register\().\more, lea \more(%r12), %\register
	.endm

	.macro	copies number, register, more
	step	turn, xmm\number\().\more, movq %\register, %xmm\number
	.endm

	.bss
	.balign	8
memory:	.skip	8

	.text
	.globl	_start
	.type	_start, @function
_start:
	step	start, other, xor %r12d, %r12d
	step	start, rax.any, lea memory(%rip), %rax
	step	start, rax.0, xor %eax, %eax
turn:
	step	turn, r12.0, inc %r12
	sets	rax, 1
	sets	rbx, 2
	sets	rcx, 3
	sets	rdx, 4
	step	turn, taken, jmp 1f
	ud2
1:	sets	rsi, 5
	sets	rdi, 6
	sets	rbp, 7
	copies	0, rax, 1
	copies	1, rbx, 2
	copies	2, rcx, 3
	copies	3, rdx, 4
	step	turn, other, test %r12, %r12
	step	turn, not, jz turn
	copies	4, rsi, 5
	copies	5, rdi, 6
	copies	6, rbp, 7
	step	turn, taken, call leaf

	/* What is behind the program comes here when it runs. */
	.subsection 1
leaf:	sets	r8, 8
	step	turn, other, mov %r12, memory(%rip)
	sets	r9, 9
	step	turn, taken, ret
	.subsection 0

	sets	r10, 10
	sets	r11, 11
	copies	7, r8, 8
	copies	8, r9, 9
	copies	9, r10, 10
	step	turn, taken, jmp *pointer(%rip)
	ud2
2:	step	turn, not, jc turn
	sets	r13, 12
	sets	r14, 13
	sets	r15, 14
	copies	10, r11, 11
	copies	11, r12, 0
	copies	12, r13, 12
	copies	13, r14, 13
	copies	14, r15, 14
	copies	15, rax, 1
	step	turn, other, cmp memory(%rip), %r12
	step	turn, other, cmp $TURNS, %r12
	step	turn, taken, jne turn			/* but in the last turn */

	step	end, rax.any, mov $60, %eax		/* exit */
	step	end, rdi.any, xor %edi, %edi
	step	end, taken, syscall
	ud2
	.size	_start, . - _start

	.section .rodata
	.balign	8
pointer:
	.quad	2b
