/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program whose user-mode counts are known by construction.
 *
 * Every block is followed by what one pass of it retires; the sums are
 * absolute symbols, which the tests read with nm.  The blocks are chosen for
 * what is easily counted wrongly:
 *
 *  - stores to pages that were never touched: the instruction that faults is
 *    executed twice and retires once;
 *  - a REP string instruction counts once, whatever its count (SDM vol. 3B,
 *    "Instruction-Retired" event: "for instructions that consist of multiple
 *    micro-ops, this event counts the retirement of the last one");
 *  - CPUID, slow and serialising;
 *  - conditional branches, taken and not, calls, returns, an indirect jump;
 *  - SYSCALL: it begins, and is counted, in user mode (a far branch).
 */

	.equ	PAGES, 32
	.equ	ROUNDS, 250000			/* even: half the jz are taken */

	.bss
	.balign	4096
pages:	.skip	PAGES * 4096

	.text
	.globl	_start
	.type	_start, @function
_start:
	lea	pages(%rip), %rdi
	mov	$PAGES, %ecx
	/* 2 instructions */
1:	movb	$1, (%rdi)
	add	$4096, %rdi
	dec	%ecx
	jnz	1b
	/* 4 instructions, 1 conditional branch, PAGES times */
	xor	%eax, %eax
	cpuid
	lea	2f(%rip), %rdx
	jmp	*%rdx
	/* 4 instructions, 1 jump */
2:	mov	$ROUNDS, %r8d
	xor	%r9d, %r9d
	/* 2 instructions */
3:	inc	%r9d
	test	$1, %r9d
	jz	4f
	nop					/* in every other round */
4:	lea	pages(%rip), %rdi
	mov	$7, %ecx
	rep stosb
	call	leaf
	dec	%r8d
	jnz	3b
	/*
	 * 9 instructions and a half (the leaf's RET apart), 2 conditional
	 * branches, 1 call, ROUNDS times
	 */
	mov	$60, %eax			/* exit */
	xor	%edi, %edi
	syscall
	/* 3 instructions, 1 far branch */
	ud2
	.size	_start, . - _start

	.type	leaf, @function
leaf:	ret
	/* 1 instruction, 1 return, ROUNDS times */
	.size	leaf, . - leaf

	.globl	expect_instructions, expect_branches, expect_conditional
	.globl	expect_calls, expect_returns, expect_near_taken
	.equ	expect_instructions, 2 + 4 * PAGES + 4 + 2 + 10 * ROUNDS + ROUNDS / 2 + 3
	.equ	expect_conditional, PAGES + 2 * ROUNDS
	.equ	expect_calls, ROUNDS
	.equ	expect_returns, ROUNDS
	.equ	expect_branches, expect_conditional + expect_calls + expect_returns + 1 + 1
	/* Taken: each loop but at its end, half the jz, calls, returns, the jump. */
	.equ	expect_near_taken, PAGES - 1 + ROUNDS - 1 + ROUNDS / 2 + 2 * ROUNDS + 1
