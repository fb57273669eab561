// SPDX-License-Identifier: GPL-2.0-only
/* A VMCB whose guest is this program itself, and the way in. */
#include "svm.h"

#define MSR_VM_CR		0xc0010114
#define MSR_VM_HSAVE_PA		0xc0010117
#define VM_CR_SVMDIS		BIT(4)

/* Offsets in the VMCB (APM 2 appendix B) */
#define VMCB_INTERCEPT3		0x00c
#define VMCB_INTERCEPT4		0x010
#define VMCB_MSRPM		0x048
#define VMCB_ASID		0x058
#define VMCB_EXIT_CODE		0x070
#define VMCB_EXIT_INFO1		0x078
#define VMCB_ES			0x400
#define VMCB_CS			0x410
#define VMCB_SS			0x420
#define VMCB_DS			0x430
#define VMCB_GDTR		0x460
#define VMCB_IDTR		0x480
#define VMCB_EFER		0x4d0
#define VMCB_CR4		0x548
#define VMCB_CR3		0x550
#define VMCB_CR0		0x558
#define VMCB_DR7		0x560
#define VMCB_DR6		0x568
#define VMCB_RFLAGS		0x570
#define VMCB_RIP		0x578
#define VMCB_RSP		0x5d8
#define VMCB_PAT		0x668

#define INTERCEPT4_VMRUN	BIT(0)
#define INTERCEPT4_VMMCALL	BIT(1)
#define ATTR_CODE64		0xa9b
#define ATTR_DATA		0xc93
#define PAT_RESET		0x0007040600070406ul

extern void (*svm_guest_fn)(u64 arg);
extern u64 svm_guest_arg;
extern u8 svm_guest_stack[];
void svm_enter(void *vmcb);
void svm_guest_entry(void);

static u8 vmcb[4096] __aligned(4096);
static u8 hsave[4096] __aligned(4096);
static u8 msrpm[8192] __aligned(4096);

static void put16(u32 offset, u16 value)
{
	*(volatile u16 *)(vmcb + offset) = value;
}

static void put32(u32 offset, u32 value)
{
	*(volatile u32 *)(vmcb + offset) = value;
}

static void put64(u32 offset, u64 value)
{
	*(volatile u64 *)(vmcb + offset) = value;
}

static void put_segment(u32 offset, u16 selector, u16 attributes, u32 limit, u64 base)
{
	put16(offset, selector);
	put16(offset + 2, attributes);
	put32(offset + 4, limit);
	put64(offset + 8, base);
}

/**
 * svm_on() - set EFER.SVME
 *
 * Return: NULL, or why that cannot be
 */
const char *svm_on(void)
{
	if (!(cpuid(0x80000001, 0).ecx & BIT(2)))
		return "no SVM";
	if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
		return "SVM disabled in VM_CR";
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, (u64)hsave);
	return (const char *)0;
}

/**
 * svm_off() - clear EFER.SVME
 */
void svm_off(void)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SVME);
}

/**
 * svm_prepare() - a fresh VMCB
 * @intercepts:	of vector 3, besides none
 * @rflags:	of the guest, besides the fixed bit
 */
void svm_prepare(u32 intercepts, u64 rflags)
{
	memset(vmcb, 0, sizeof(vmcb));
	memset(msrpm, 0, sizeof(msrpm));
	put32(VMCB_INTERCEPT3, intercepts);
	put32(VMCB_INTERCEPT4, INTERCEPT4_VMRUN | INTERCEPT4_VMMCALL);
	put64(VMCB_MSRPM, (u64)msrpm);
	put32(VMCB_ASID, 1);
	put_segment(VMCB_ES, KERNEL_DS, ATTR_DATA, 0xffffffff, 0);
	put_segment(VMCB_CS, KERNEL_CS, ATTR_CODE64, 0xffffffff, 0);
	put_segment(VMCB_SS, KERNEL_DS, ATTR_DATA, 0xffffffff, 0);
	put_segment(VMCB_DS, KERNEL_DS, ATTR_DATA, 0xffffffff, 0);
	put_segment(VMCB_GDTR, 0, 0, gdt_pointer.limit, gdt_pointer.base);
	put_segment(VMCB_IDTR, 0, 0, idt_pointer.limit, idt_pointer.base);
	put64(VMCB_EFER, rdmsr(MSR_EFER));
	put64(VMCB_CR0, read_cr0());
	put64(VMCB_CR3, read_cr3());
	put64(VMCB_CR4, read_cr4());
	put64(VMCB_DR6, 0xffff0ff0);
	put64(VMCB_DR7, 0x400);
	put64(VMCB_RFLAGS, rflags | RFLAGS_FIXED);
	put64(VMCB_PAT, PAT_RESET);
}

/**
 * svm_intercept_msr() - let accesses of an MSR exit (with SVM_MSR_PROT)
 * @msr:	one of 0xc0010000 to 0xc0011fff
 */
void svm_intercept_msr(u32 msr)
{
	u32 bit = 2 * (msr - 0xc0010000);

	msrpm[0x1000 + bit / 8] |= 3 << (bit % 8);
}

/**
 * svm_run() - enter the guest once, from its start; GIF is 0 when this returns
 * @fn:		runs in it at CPL 0, then it exits by VMMCALL
 * @arg:	fn's
 *
 * Return: the exit code
 */
u64 svm_run(void (*fn)(u64 arg), u64 arg)
{
	svm_guest_fn = fn;
	svm_guest_arg = arg;
	put64(VMCB_RIP, (u64)svm_guest_entry);
	put64(VMCB_RSP, (u64)svm_guest_stack);
	svm_enter(vmcb);
	return svm_get(VMCB_EXIT_CODE);
}

/**
 * svm_exit_info1() - EXITINFO1 of the last exit
 *
 * Return: the field
 */
u64 svm_exit_info1(void)
{
	return svm_get(VMCB_EXIT_INFO1);
}

/**
 * svm_put() - write a field of the VMCB
 * @offset:	of 64 bits
 * @value:	to write
 */
void svm_put(u32 offset, u64 value)
{
	put64(offset, value);
}

/**
 * svm_get() - read a field of the VMCB
 * @offset:	of 64 bits
 *
 * Return: what it holds
 */
u64 svm_get(u32 offset)
{
	return *(volatile u64 *)(vmcb + offset);
}
