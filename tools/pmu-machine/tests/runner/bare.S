/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A multiboot image for the runner's test.  It prints its command line and
 * its first module to the first serial port, and then does what the second
 * word of the command line begins with: 'h'ang, 't'riple fault, or else
 * write 5 to the isa-debug-exit port.
 */
#define MULTIBOOT_MAGIC	0x1badb002
#define MULTIBOOT_FLAGS	0x3		/* page-aligned modules, memory map */
#define MBI_CMDLINE	16
#define MBI_MODS_ADDR	24

#define SERIAL		0x3f8
#define SERIAL_FORMAT	0x3fb
#define EIGHT_BITS	0x3
#define SERIAL_STATUS	0x3fd
#define TRANSMIT_EMPTY	0x20
#define EXIT_PORT	0xf4

	.section .text
	.align	4
	.long	MULTIBOOT_MAGIC
	.long	MULTIBOOT_FLAGS
	.long	-(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

	.globl	_start
_start:
	movl	$stack, %esp
	movw	$SERIAL_FORMAT, %dx
	movb	$EIGHT_BITS, %al
	outb	%al, %dx
	movl	MBI_CMDLINE(%ebx), %esi
	call	print
	movl	MBI_MODS_ADDR(%ebx), %eax
	movl	(%eax), %esi
	movl	4(%eax), %eax
	movb	$0, (%eax)		/* the module's end */
	call	print

	movl	MBI_CMDLINE(%ebx), %esi
1:	lodsb
	cmpb	$' ', %al
	jne	1b
	lodsb
	cmpb	$'h', %al
	je	hang
	cmpb	$'t', %al
	je	triple_fault
	movw	$EXIT_PORT, %dx
	movl	$5, %eax
	outl	%eax, %dx
hang:
	jmp	hang

triple_fault:
	lidt	no_idt
	int3

/* Print the string at %esi and a line feed. */
print:
	lodsb
	testb	%al, %al
	jz	1f
	call	putc
	jmp	print
1:	movb	$'\n', %al
putc:
	movb	%al, %ah
	movw	$SERIAL_STATUS, %dx
1:	inb	%dx, %al
	testb	$TRANSMIT_EMPTY, %al
	jz	1b
	movb	%ah, %al
	movw	$SERIAL, %dx
	outb	%al, %dx
	ret

no_idt:
	.word	0
	.long	0

	.section .bss
	.skip	4096
stack:
