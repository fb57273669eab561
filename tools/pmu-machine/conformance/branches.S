/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Code whose branches are known. Behind each function is the list of those that are taken, from run_counted()'s
 * CALL on, in the order in which they are.
 */
#include "branches.h"
#include "layout.h"

	.macro branch from, to, type, user=0
	.quad \from, \to
	.long \type, \user
	.endm

	.macro branches name
	.pushsection .rodata
	.balign 8
	.globl \name\()_branches, \name\()_branches_end
\name\()_branches:
	branch run_call, \name, BRANCH_CALL_IND
	.endm

	.macro branches_end name
\name\()_branches_end:
	.popsection
	.endm

	.text
leaf:
	ret

	.globl walk
walk:
	xorl %eax, %eax
walk_jmp:
	jmp walk_cond
	ud2
walk_cond:
	jz walk_not
	ud2
walk_not:
	jnz walk
walk_call:
	call leaf
walk_call_end:
	movl $walk_2, %eax
walk_jmp_ind:
	jmp *%rax
	ud2
walk_2:
	movl $leaf, %eax
walk_call_ind:
	call *%rax
walk_call_ind_end:
	pushq $KERNEL_CS
	pushq $walk_ret
walk_far:
	lretq
	ud2
walk_ret:
	ret

	branches walk
	branch walk_jmp, walk_cond, BRANCH_JMP
	branch walk_cond, walk_not, BRANCH_COND
	branch walk_call, leaf, BRANCH_CALL
	branch leaf, walk_call_end, BRANCH_RET
	branch walk_jmp_ind, walk_2, BRANCH_JMP_IND
	branch walk_call_ind, leaf, BRANCH_CALL_IND
	branch leaf, walk_call_ind_end, BRANCH_RET
	branch walk_far, walk_ret, BRANCH_FAR
	branch walk_ret, run_call_end, BRANCH_RET
	branches_end walk

	.globl call_next
call_next:
	call call_next_end
call_next_end:
	popq %rax
call_next_ret:
	ret

	branches call_next
	branch call_next, call_next_end, BRANCH_CALL
	branch call_next_ret, run_call_end, BRANCH_RET
	branches_end call_next

/*
 * UD2 and a jump that can't be: the two faults are skipped, both have 2 bytes. Entered with IF = 0 and an
 * interrupt by VECTOR_BARE requested, which comes behind the instruction after STI.
 */
	.globl events
events:
	ud2
	movabsq $1 << 62, %rax
events_gp:
	jmp *%rax
events_int:
	int $VECTOR_BARE
events_int_end:
	sti
	nop
events_irq:
	cli
events_ret:
	ret

	branches events
	branch events, bare_skip, BRANCH_FAR
	branch bare_skip_end, events + 2, BRANCH_FAR
	branch events_gp, bare_skip_error, BRANCH_FAR
	branch bare_skip_end, events_int, BRANCH_FAR
	branch events_int, bare_return, BRANCH_FAR
	branch bare_return, events_int_end, BRANCH_FAR
	branch events_irq, bare_return, BRANCH_FAR
	branch bare_return, events_irq, BRANCH_FAR
	branch events_ret, run_call_end, BRANCH_RET
	branches_end events

	.globl user_trip
user_trip:
	movq %rsp, trip_rsp
	pushq $USER_DS
	pushq $user_stack_top
	pushq $2
	pushq $USER_CS
	pushq $trip_user
trip_iret:
	iretq
trip_user:
	jmp trip_call
	ud2
trip_call:
	call leaf
trip_call_end:
	syscall
trip_syscall_end:
	int $VECTOR_USER_EXIT
	.globl bare_leave
bare_leave:
	movq trip_rsp, %rsp
	movl $KERNEL_DS, %eax
	movl %eax, %ss
trip_ret:
	ret

	branches user_trip
	branch trip_iret, trip_user, BRANCH_FAR, 1
	branch trip_user, trip_call, BRANCH_JMP, 1
	branch trip_call, leaf, BRANCH_CALL, 1
	branch leaf, trip_call_end, BRANCH_RET, 1
	branch trip_call_end, syscall_target, BRANCH_FAR, 0
	branch syscall_target, trip_syscall_end, BRANCH_FAR, 1
	branch trip_syscall_end, bare_leave, BRANCH_FAR, 0
	branch trip_ret, run_call_end, BRANCH_RET, 0
	branches_end user_trip

/* POPF sets TF; the #DB comes behind the NOP. */
	.globl step
step:
	movl %edi, %ecx
	jmp step_1
	ud2
step_1:
	pushfq
	orl $0x100, (%rsp)
	popfq
	nop
	rdmsr
	shlq $32, %rdx
	orq %rdx, %rax
	movq %rax, step_saw
	ret

	branches step
	branch step + 2, step_1, BRANCH_JMP
	branches_end step

/* INT1 is a #DB, too. */
	.globl icebp
icebp:
	jmp icebp_1
	ud2
icebp_1:
	.byte 0xf1
	ret

	branches icebp
	branch icebp, icebp_1, BRANCH_JMP
	branches_end icebp

	.globl deep
deep:
	movl %edi, %ecx
	xorl %eax, %eax
	xorl %edx, %edx
	call leaf
deep_1:
	call deep_2
	ud2
deep_2:
	call leaf
deep_3:
	call deep_4
	ud2
deep_4:
	wrmsr
	addq $16, %rsp
	ret

	branches deep
	branch deep_1, deep_2, BRANCH_CALL
	branch deep_3, deep_4, BRANCH_CALL
	branches_end deep

	.globl spin, spin_top, spin_jump
spin:
	movq %rdi, %rcx
spin_top:
	decq %rcx
spin_jump:
	jnz spin_top
	ret

	.globl jump_to, jump_to_jump, jump_to_a, jump_to_b
jump_to:
jump_to_jump:
	jmp *%rdi
jump_to_a:
	ret
jump_to_b:
	ret

	.globl bare_return, bare_skip, bare_skip_error, bare_step
bare_return:
	iretq
bare_skip_error:
	addq $8, %rsp
bare_skip:
	addq $2, (%rsp)
bare_skip_end:
	iretq
bare_step:
	andl $~0x100, 16(%rsp)
	iretq

	.bss
	.balign 8
	.globl step_saw
step_saw:
	.skip 8
trip_rsp:
	.skip 8
