/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the multiboot loader (32-bit protected mode, paging off) to C in long mode: identity map of the
 * first 4 GiB, GDT, interrupt stubs, the way to CPL 3 and back.
 */
#include "layout.h"

#define MB_MAGIC	0x1badb002
#define MB_FLAGS	0x00000003	/* modules on page boundaries, memory information */

#define PTE_MAP		0x07		/* present, writable, user: CPL 3 runs in the same map */
#define PDE_LARGE	0x87
#define PDE_DEVICE	0x9f		/* the same, uncached (PCD, PWT) */

/* A bit for each vector whose error code the processor pushes: 8, 10 to 14, 17, 21, 29, 30 */
#define ERROR_CODES	0x60227d00

	.section .multiboot, "a"
	.balign 4
	.long MB_MAGIC, MB_FLAGS, -(MB_MAGIC + MB_FLAGS)

	.text
	.code32
	.globl start32
start32:
	cli
	cld
	movl $boot_stack_top, %esp

	movl $pml4, %edi
	movl $(pdpt + PTE_MAP), (%edi)
	movl $pdpt, %edi
	movl $(page_dirs + PTE_MAP), %eax
	movl $4, %ecx
1:	movl %eax, (%edi)
	addl $8, %edi
	addl $4096, %eax
	loop 1b

	movl $page_dirs, %edi
	movl $PDE_LARGE, %eax
	movl $2048, %ecx
1:	cmpl $0xfe000000, %eax		/* local APIC, I/O APIC, HPET: all above */
	jb 2f
	orl $PDE_DEVICE, %eax
2:	movl %eax, (%edi)
	addl $8, %edi
	addl $0x200000, %eax
	loop 1b

	movl $pml4, %eax
	movl %eax, %cr3
	movl %cr4, %eax
	orl $0x20, %eax			/* PAE */
	movl %eax, %cr4
	movl $0xc0000080, %ecx		/* EFER */
	rdmsr
	orl $0x101, %eax		/* LME, SCE */
	wrmsr
	movl %cr0, %eax
	andl $0x9fffffff, %eax		/* caches on */
	orl $0x80000021, %eax		/* PG, NE, PE */
	movl %eax, %cr0
	lgdt gdt_pointer
	ljmp $KERNEL_CS, $start64

	.code64
start64:
	movl $KERNEL_DS, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movq $boot_stack_top, %rsp
	call report_init
	call cpu_init
	call main
	movl %eax, %edi
	call machine_exit
1:	hlt
	jmp 1b

/*
 * Interrupt stubs: every vector pushes an error code (its own, or 0) and its number. The C side may change
 * the frame, so that a fault is resumed elsewhere.
 */
	.balign 16
	.globl interrupt_stubs
interrupt_stubs:
	.set vector, 0
	.rept 256
	.balign 16
	.set has_error, 0
	.if vector < 32
	.set has_error, (ERROR_CODES >> vector) & 1
	.endif
	.if !has_error
	pushq $0
	.endif
	pushq $vector
	jmp interrupt_common
	.set vector, vector + 1
	.endr

interrupt_common:
	pushq %rax
	pushq %rbx
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %rbp
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	cld
	movq %rsp, %rdi
	movq %rsp, %rbp
	andq $-16, %rsp
	call trap
	movq %rbp, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rbp
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rbx
	popq %rax
	addq $16, %rsp
	iretq

/*
 * user_enter(rip, arg, rflags): run rip at CPL 3 with arg in RDI and RDX. trap() comes back through
 * user_leave, with the stack that was saved here, when the user code ends with INT or an exception.
 */
	.globl user_enter, user_leave
user_enter:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, user_saved_rsp
	movq %rdi, %rax
	movq %rdx, %rcx
	movq %rsi, %rdi
	movq %rsi, %rdx
	pushq $USER_DS
	pushq $user_stack_top
	pushq %rcx
	pushq $USER_CS
	pushq %rax
	iretq
user_leave:
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret

/* SYSCALL's target does nothing but return, so that the instructions of a round trip are known. */
	.globl syscall_target
syscall_target:
	sysretq

/* An IRET is what ends the blocking of NMIs (after a VM exit that an NMI caused). */
	.globl nmi_unblock
nmi_unblock:
	movq %rsp, %rax
	pushq $KERNEL_DS
	pushq %rax
	pushfq
	pushq $KERNEL_CS
	pushq $1f
	iretq
1:	ret

	.data
	.balign 16
	.globl gdt
gdt:
	.quad 0
	.quad 0x00af9b000000ffff	/* KERNEL_CS */
	.quad 0x00cf93000000ffff	/* KERNEL_DS, SYSCALL's SS */
	.quad 0x00cffb000000ffff	/* 32-bit user code: SYSRET counts from here */
	.quad 0x00cff3000000ffff	/* USER_DS */
	.quad 0x00affb000000ffff	/* USER_CS */
	.quad 0, 0			/* TSS_SELECTOR, filled in by cpu_init() */
gdt_end:
	.globl gdt_pointer
gdt_pointer:
	.word gdt_end - gdt - 1
	.quad gdt

	.bss
	.balign 4096
pml4:	.skip 4096
pdpt:	.skip 4096
page_dirs:
	.skip 4 * 4096
	.skip 16384
boot_stack_top:
	.skip 16384
	.globl trap_stack_top
trap_stack_top:
	.skip 16384
	.globl nmi_stack_top
nmi_stack_top:
	.skip 16384
	.globl user_stack_top
user_stack_top:
	.globl user_saved_rsp
user_saved_rsp:
	.skip 8
