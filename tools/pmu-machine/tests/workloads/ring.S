/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program that goes round a ring of branches of every kind, always in the same
 * order, so that its last branches are known from the place that it has reached.
 *
 * Its symbols say what that order is; ../ring.py reads them:
 *
 *  - KIND.NAME is a branch, after.KIND.NAME the instruction behind it;
 *  - step.N.from and step.N.to are the Nth branch that is taken in a turn of the
 *    ring, and where it goes (N has gaps); after the last step the first one
 *    comes again;
 *  - start.from and so on are a step before that, first.from how the ring is
 *    entered, by a call, and last.from how it is left, in place of its last step.
 *
 * Each part of the program is followed by the steps that it takes, as a macro.
 * The kinds are those that processors tell apart: jcc, jmp, ijmp (indirect),
 * call, icall, zcall (to the instruction behind it), ret, lret (far); and
 * syscall, which is no branch in user mode, but the kernel's way back is one.
 *
 * With an argument it is two processes, which take turns when they sleep.
 */

	.ifndef	TURNS
	.equ	TURNS, 1100
	.endif
	.equ	ROUNDS, 4			/* of a turn; a power of 2 */
	.equ	NAP, 64				/* turns between two; a power of 2 */

	.macro	branch kind, name, instruction:vararg
\kind\().\name:
	\instruction
after.\kind\().\name:
	.endm

	.macro	goes from, to
	.set	step.\@.from, \from
	.set	step.\@.to, \to
	.endm

	.section .rodata
	.balign	8
leaf_pointer:
	.quad	leaf
leaves:	.quad	leaf, other
cases:	.quad	case.0, case.1, case.2, case.3
pause:	.quad	0, 20000			/* a struct timespec */

	.text

leaf:	nop
	branch	ret, leaf, ret

other:	nop
	nop
	branch	ret, other, ret

	.macro	leaf_steps from, name=leaf
	goes	\from, \name
	goes	ret.\name, after.\from
	.endm

	/* Jumps, a direct and an indirect one, instead of a call and a return. */
tail:	lea	leaf(%rip), %rax
	branch	jmp, tail, jmp tail.2
	ud2
tail.2:	branch	ijmp, tail, jmp *%rax
	ud2

	.macro	tail_steps from
	goes	\from, tail
	goes	jmp.tail, tail.2
	goes	ijmp.tail, leaf
	goes	ret.leaf, after.\from
	.endm

	/* Four calls deep.  The innermost function sleeps once in NAP turns. */
nest.1:	nop
	branch	call, nest.2, call nest.2
	nop
	branch	ret, nest.1, ret
nest.2:	lea	nest.3(%rip), %rax
	branch	icall, nest.3, call *%rax
	branch	ret, nest.2, ret
nest.3:	push	%rax
	branch	call, nest.4, call nest.4
	branch	ret, nest.3, ret
nest.4:	lea	pause(%rip), %rdi
	xor	%esi, %esi
	mov	%r12d, %edx
	and	$NAP - 1, %edx
	mov	$35, %ecx			/* nanosleep */
	mov	$39, %eax			/* getpid */
	or	%ebx, %edx
	cmovz	%ecx, %eax
	branch	syscall, nest.4, syscall
	nop
	branch	ret, nest.4, ret $8		/* what nest.3 pushed */

	.macro	nest_steps from
	goes	\from, nest.1
	goes	call.nest.2, nest.2
	goes	icall.nest.3, nest.3
	goes	call.nest.4, nest.4
	goes	syscall.nest.4, after.syscall.nest.4
	goes	ret.nest.4, after.call.nest.4
	goes	ret.nest.3, after.icall.nest.3
	goes	ret.nest.2, after.call.nest.2
	goes	ret.nest.1, after.\from
	.endm

	/* It calls itself as often as %edi says. */
down:	test	%edi, %edi
	branch	jcc, down, jz bottom
	dec	%edi
	branch	call, down, call down
	nop
bottom:	branch	ret, down, ret

	.macro	down_steps from, times
	goes	\from, down
	.rept	\times
	goes	call.down, down
	.endr
	goes	jcc.down, bottom
	.rept	\times
	goes	ret.down, after.call.down
	.endr
	goes	ret.down, after.\from
	.endm

	.type	ring, @function
ring:	mov	$TURNS, %r12d
	xor	%ebx, %ebx			/* the round of the turn */
round:
	branch	jmp, short, jmp hop.1
	ud2
hop.1:	branch	jmp, near, jmp.d32 hop.2
	ud2
hop.2:	lea	hop.3(%rip), %rax
	branch	ijmp, same, jmp *%rax
	ud2
hop.3:	branch	ijmp, table, jmp *cases(, %rbx, 8)
	ud2
case.0:	nop
	branch	jmp, case.0, jmp joined
case.1:	branch	jmp, case.1, jmp joined
case.2:	nop
case.3:	nop
joined:

	test	$1, %ebx
	branch	jcc, odd, jnz odd
	nop
	branch	jcc, never, jc odd
	nop
odd:	cmp	$ROUNDS / 2, %ebx
	branch	jcc, near, jae.d32 late
	nop
late:	mov	$3, %ecx
again:	dec	%ecx
	branch	jcc, again, jnz again
	mov	$3, %ecx
more:	nop
	branch	jcc, more, loop more
	branch	jcc, zero, jrcxz zero
	ud2
zero:

	branch	call, leaf, call leaf
	lea	leaf(%rip), %rax
	branch	icall, same, call *%rax
	branch	icall, memory, call *leaf_pointer(%rip)
	mov	%ebx, %eax
	and	$1, %eax
	branch	icall, table, call *leaves(, %rax, 8)
	branch	call, tail, call tail
	branch	zcall, next, call after.zcall.next
	pop	%rax
	branch	call, nest, call nest.1
	lea	1(%rbx), %edi
	branch	call, recursion, call down

	mov	%cs, %eax
	push	%rax
	lea	far(%rip), %rax
	push	%rax
	branch	lret, far, lretq
	ud2
far:
	test	$1, %ebx
	branch	jcc, even, jz even
	mov	$24, %eax			/* sched_yield */
	branch	syscall, yield, syscall
even:
	inc	%ebx
	and	$ROUNDS - 1, %ebx
	branch	jcc, round, jnz round
	dec	%r12d
	branch	jcc, turn, jnz round
	mov	$60, %eax			/* exit */
	xor	%edi, %edi
	branch	syscall, exit, syscall
	ud2
	.size	ring, . - ring

	.macro	round_steps n
	goes	jmp.short, hop.1
	goes	jmp.near, hop.2
	goes	ijmp.same, hop.3
	goes	ijmp.table, case.\n
	.if	\n < 2
	goes	jmp.case.\n, joined
	.endif

	.if	\n & 1
	goes	jcc.odd, odd
	.endif
	.if	\n >= ROUNDS / 2
	goes	jcc.near, late
	.endif
	.rept	2
	goes	jcc.again, again
	.endr
	.rept	2
	goes	jcc.more, more
	.endr
	goes	jcc.zero, zero

	leaf_steps call.leaf
	leaf_steps icall.same
	leaf_steps icall.memory
	.if	\n & 1
	leaf_steps icall.table, other
	.else
	leaf_steps icall.table
	.endif
	tail_steps call.tail
	goes	zcall.next, after.zcall.next
	nest_steps call.nest
	down_steps call.recursion, (1 + \n)

	goes	lret.far, far
	.if	\n & 1
	goes	syscall.yield, after.syscall.yield
	.else
	goes	jcc.even, even
	.endif
	.if	\n < ROUNDS - 1
	goes	jcc.round, round
	.else
	goes	jcc.turn, round
	.endif
	.endm

	.irp	n, 0, 1, 2, 3
	round_steps \n
	.endr

	.globl	_start
	.type	_start, @function
_start:	mov	$39, %eax			/* getpid */
	mov	$57, %ecx			/* fork */
	cmpq	$1, (%rsp)			/* argc */
	cmova	%ecx, %eax
	branch	syscall, start, syscall
	branch	call, ring, call ring
	ud2
	.size	_start, . - _start

	.set	start.from, syscall.start
	.set	start.to, after.syscall.start
	.set	first.from, call.ring
	.set	first.to, ring
	.set	last.from, syscall.exit
	.set	last.to, after.syscall.exit
