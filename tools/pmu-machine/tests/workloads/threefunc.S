/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Three functions with known shares of the instructions, for perf report.
 *
 * A round is 1001 = 7 * 11 * 13 instructions.  A sampling period that is
 * coprime to it visits every instruction of the round equally often, so the
 * shares of the samples are the shares of the instructions.
 */

	.equ	ROUNDS, 110000

	/* 5 * COUNT + 2 instructions */
	.macro	function name, count
	.type	\name, @function
\name:	mov	$\count, %eax
1:	nop
	nop
	nop
	dec	%eax
	jnz	1b
	ret
	.size	\name, . - \name
	.endm

	.text
	function first, 100
	function second, 60
	function third, 38

	.globl	_start
	.type	_start, @function
_start:
	mov	$ROUNDS, %ebx
1:	call	first
	call	second
	call	third
	dec	%ebx
	jnz	1b
	mov	$60, %eax			/* exit */
	xor	%edi, %edi
	syscall
	ud2
	.size	_start, . - _start

	.globl	expect_instructions, expect_conditional, expect_round
	.globl	expect_first, expect_second, expect_third
	.equ	expect_first, 5 * 100 + 2
	.equ	expect_second, 5 * 60 + 2
	.equ	expect_third, 5 * 38 + 2
	.equ	expect_round, expect_first + expect_second + expect_third + 5
	.equ	expect_instructions, 1 + ROUNDS * expect_round + 3
	.equ	expect_conditional, ROUNDS * (100 + 60 + 38 + 1)
