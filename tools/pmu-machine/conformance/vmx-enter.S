/* SPDX-License-Identifier: GPL-2.0-only */
/* Into the guest and back. */
#define VMCS_HOST_RSP 0x6c14

.macro load n, reg
	movq vmx_guest_regs + 8 * \n, %\reg
.endm

.macro store n, reg
	movq %\reg, vmx_guest_regs + 8 * \n
.endm

/* All but RSP, which the VMCS has */
.macro GUEST_REGISTERS do
	\do 0, rax
	\do 1, rcx
	\do 2, rdx
	\do 3, rbx
	\do 4, rbp
	\do 5, rsi
	\do 6, rdi
	\do 7, r8
	\do 8, r9
	\do 9, r10
	\do 10, r11
	\do 11, r12
	\do 12, r13
	\do 13, r14
	\do 14, r15
.endm

/* What vmx_exit_point takes back */
.macro LEAVE_HOST
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movl $VMCS_HOST_RSP, %eax
	vmwrite %rsp, %rax
.endm

	.text
	.globl vmx_launch, vmx_resume, vmx_exit_point, vmx_guest_entry, vmx_guest_end

/* vmx_launch(): 0 after a VM exit (or a failed entry that looks like one), 1 VMfailInvalid, 2 VMfailValid */
vmx_launch:
	LEAVE_HOST
	movq vmx_guest_arg, %rdi
	vmlaunch
	jc 1f
	movl $2, %eax
	jmp 2f
1:	movl $1, %eax
	jmp 2f

/* vmx_resume(): the same, from where and with what the last VM exit was */
vmx_resume:
	LEAVE_HOST
	GUEST_REGISTERS load
	vmresume
	jc 1b
	movl $2, %eax
	jmp 2f
vmx_exit_point:
	GUEST_REGISTERS store
	xorl %eax, %eax
2:	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret

/* 1 instruction before the function, and the VMCALL, which exits and so does not retire */
vmx_guest_entry:
	call *vmx_guest_fn
vmx_guest_end:
	vmcall

	.bss
	.balign 8
	.globl vmx_guest_fn, vmx_guest_arg
vmx_guest_fn:
	.skip 8
vmx_guest_arg:
	.skip 8
vmx_guest_regs:
	.skip 8 * 15
	.balign 16
	.skip 16384
	.globl vmx_guest_stack
vmx_guest_stack:
