/* SPDX-License-Identifier: GPL-2.0-only */
/* Into the guest and back. */
#define VMCS_HOST_RSP 0x6c14

	.text
	.globl vmx_launch, vmx_exit_point, vmx_guest_entry, vmx_guest_end

/* vmx_launch(): 0 after a VM exit (or a failed entry that looks like one), 1 VMfailInvalid, 2 VMfailValid */
vmx_launch:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movl $VMCS_HOST_RSP, %eax
	vmwrite %rsp, %rax
	movq vmx_guest_arg, %rdi
	vmlaunch
	jc 1f
	movl $2, %eax
	jmp 2f
1:	movl $1, %eax
	jmp 2f
vmx_exit_point:
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
	.balign 16
	.skip 16384
	.globl vmx_guest_stack
vmx_guest_stack:
