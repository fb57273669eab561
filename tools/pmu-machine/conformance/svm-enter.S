/* SPDX-License-Identifier: GPL-2.0-only */
/* Into the guest and back. */
	.text
	.globl svm_enter, svm_guest_entry, svm_guest_end

/* svm_enter(vmcb): leaves GIF at 0 */
svm_enter:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	clgi
	movq %rdi, %rax
	movq svm_guest_arg, %rdi
	vmrun %rax
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret

/* 1 instruction before the function, and the VMMCALL, which exits and so does not retire */
svm_guest_entry:
	call *svm_guest_fn
svm_guest_end:
	vmmcall

	.bss
	.balign 8
	.globl svm_guest_fn, svm_guest_arg
svm_guest_fn:
	.skip 8
svm_guest_arg:
	.skip 8
	.balign 16
	.skip 16384
	.globl svm_guest_stack
svm_guest_stack:
