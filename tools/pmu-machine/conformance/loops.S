/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Code whose instructions are counted by hand. The comment at each gives what it retires, its own RET
 * included; run_counted() adds RUN_INSNS instructions and RUN_BRANCHES branches (loops.h).
 */
#include "layout.h"

	.text

/*
 * run_counted(msr, on, fn, arg): WRMSR(msr, on); fn(arg); WRMSR(msr, 0).
 * Between the two WRMSRs: CALL, POP, 2 XOR; and one of the WRMSRs.
 */
	.globl run_counted, run_call, run_call_end
run_counted:
	movq %rdx, %r9
	movq %rcx, %r10
	movl %edi, %ecx
	movl %esi, %eax
	movq %rsi, %rdx
	shrq $32, %rdx
	pushq %rcx
	movq %r10, %rdi
	wrmsr
run_call:
	call *%r9
run_call_end:
	popq %rcx
	xorl %eax, %eax
	xorl %edx, %edx
	wrmsr
	ret

/* loop_branches(n): 2n + 2 instructions; n conditional branches, n - 1 of them taken; 1 near return */
	.globl loop_branches
loop_branches:
	movq %rdi, %rcx
1:	decq %rcx
	jnz 1b
	ret

/* loop_calls(n): 4n + 2 instructions, n near calls, n + 1 near returns, n conditional branches */
	.globl loop_calls
loop_calls:
	movq %rdi, %rcx
1:	call 2f
	decq %rcx
	jnz 1b
2:	ret

/* loop_loads(n): 3n + 2 instructions, n + 1 loads (the RET loads its address), no store */
	.globl loop_loads
loop_loads:
	movq %rdi, %rcx
1:	movq scratch, %rax
	decq %rcx
	jnz 1b
	ret

/* loop_stores(n): 3n + 2 instructions, n stores, 1 load */
	.globl loop_stores
loop_stores:
	movq %rdi, %rcx
1:	movq %rcx, scratch
	decq %rcx
	jnz 1b
	ret

/* rep_store(n): n bytes by one REP STOSB: 5 instructions */
	.globl rep_store
rep_store:
	movq %rdi, %rcx
	movl $buffer, %edi
	xorl %eax, %eax
	rep stosb
	ret

/* loop_tlb(n): n times all TLB entries go (CR3 is written) and one load needs its own again */
	.globl loop_tlb
loop_tlb:
	movq %rdi, %rcx
	movq %cr3, %rdi
1:	movq %rdi, %cr3
	movq scratch, %rax
	decq %rcx
	jnz 1b
	ret

/* sled(): 64 NOPs of one byte, so that a return address says how many have retired */
	.globl sled
sled:
	.rept 64
	nop
	.endr
	ret

/* probe(): what counter 0 holds once run_counted() has called and XOR has retired, in user_result */
	.globl probe
probe:
	xorl %ecx, %ecx
	rdpmc
	shlq $32, %rdx
	orq %rdx, %rax
	movq %rax, user_result
	ret

/* nothing(): 1 instruction, its RET */
	.globl nothing
nothing:
	ret

/* stream(n): n loads, one from each cache line of the buffer, flushed first; and unpredictable branches */
	.globl stream
stream:
	movl $buffer, %esi
	movq %rdi, %rcx
1:	clflush (%rsi)
	addq $64, %rsi
	decq %rcx
	jnz 1b
	mfence
	movl $buffer, %esi
	movq %rdi, %rcx
	movl $12345, %eax
1:	movq (%rsi), %rdx
	addq $64, %rsi
	imull $1103515245, %eax, %eax
	addl $12345, %eax
	testl $0x10000, %eax
	jz 2f
	incq %rdx
2:	decq %rcx
	jnz 1b
	ret

/*
 * ladder(n): 2 instructions, n turns of LADDER_STEPS, 1 RET: 16 times R8 is incremented, from 0, RCX is
 * decremented, from n, and JNZ. All but the jump, which is the last of a turn, are of 3 bytes.
 */
	.globl ladder, ladder_top, ladder_end
ladder:
	movq %rdi, %rcx
	xorl %r8d, %r8d
ladder_top:
	.rept LADDER_STEPS - 2
	incq %r8
	.endr
	decq %rcx
	jnz ladder_top
ladder_end:
	ret

/* User code; each ends with INT, which trap() takes as the end. */

/* user_ladder(n): 7 instructions, n turns of LADDER_STEPS, RET and INT; RDI and RDX are n */
	.globl user_ladder
user_ladder:
	movl $LADDER_RAX, %eax
	movl $LADDER_RBX, %ebx
	movl $LADDER_RBP, %ebp
	movl $LADDER_RSI, %esi
	call ladder
	int $VECTOR_USER_EXIT

/* user_read(address) */
	.globl user_read
user_read:
	movq (%rdi), %rax
	int $VECTOR_USER_EXIT

/* user_loop(n): 2n + 1 instructions and the INT */
	.globl user_loop
user_loop:
	movq %rdi, %rcx
1:	decq %rcx
	jnz 1b
	int $VECTOR_USER_EXIT

/* user_syscalls(n): 3n user instructions, n kernel ones (SYSRET), and the INT */
	.globl user_syscalls
user_syscalls:
	syscall
	decq %rdx
	jnz user_syscalls
	int $VECTOR_USER_EXIT

/* user_faults(n): 2n instructions that retire, n UD2s that fault and are skipped, and the INT */
	.globl user_faults
user_faults:
1:	ud2
2:	decq %rdi
	jnz 1b
	int $VECTOR_USER_EXIT
	.pushsection .ex_table, "a"
	.quad 1b, 2b
	.popsection

/* user_rdpmc(index): RDPMC, the value in user_result */
	.globl user_rdpmc
user_rdpmc:
	movl %edi, %ecx
	rdpmc
	shlq $32, %rdx
	orq %rdx, %rax
	movq %rax, user_result
	int $VECTOR_USER_EXIT

/* user_rdmsr(msr), user_wrmsr(msr): must fault at CPL 3 */
	.globl user_rdmsr, user_wrmsr
user_rdmsr:
	movl %edi, %ecx
	rdmsr
	int $VECTOR_USER_EXIT
user_wrmsr:
	movl %edi, %ecx
	xorl %eax, %eax
	xorl %edx, %edx
	wrmsr
	int $VECTOR_USER_EXIT

	.data
	.balign 64
	.globl scratch, user_result
scratch:
	.quad 0
user_result:
	.quad 0

	.bss
	.balign 4096
buffer:	.skip 64 * BUFFER_LINES
