// SPDX-License-Identifier: GPL-2.0-only
/* VMXON, a VMCS whose guest is this program itself, and the way in. */
#include "vmx.h"

#define MSR_FEATURE_CONTROL	0x3a
#define MSR_VMX_BASIC		0x480
#define MSR_VMX_PIN		0x481
#define MSR_VMX_CPU		0x482
#define MSR_VMX_EXIT		0x483
#define MSR_VMX_ENTRY		0x484
#define MSR_VMX_CPU2		0x48b
#define MSR_VMX_EPT_CAP		0x48c
#define MSR_VMX_CR0_FIXED0	0x486
#define MSR_VMX_CR0_FIXED1	0x487
#define MSR_VMX_CR4_FIXED0	0x488
#define MSR_VMX_CR4_FIXED1	0x489
#define MSR_VMX_TRUE_PIN	0x48d	/* then CPU, EXIT, ENTRY, in the order of 0x481 */

#define CPU2_EPT		BIT(1)
#define EPT_CAP_WALK4		BIT(6)
#define EPT_CAP_WB		BIT(14)
#define EPT_CAP_2MB		BIT(16)
#define EPT_WB			(6 << 3)	/* memory type of a page */
#define EPT_LARGE		BIT(7)
#define EPTP_WB_WALK4		(6 | 3 << 3)
#define EPT_DIRECTORIES		4		/* GiB that are mapped */

#define AR_CODE64		0xa09b
#define AR_DATA			0xc093
#define AR_TSS64		0x008b
#define AR_UNUSABLE		0x10000

#define GUEST_SEGMENTS		8	/* ES CS SS DS FS GS LDTR TR: the order of the VMCS */

extern void (*vmx_guest_fn)(u64 arg);
extern u64 vmx_guest_arg;
extern u8 vmx_guest_stack[];
int vmx_launch(void);
void vmx_exit_point(void);
void vmx_guest_entry(void);

static u8 vmxon_page[4096] __aligned(4096);
static u8 vmcs_page[4096] __aligned(4096);
static u8 msr_bitmap[4096] __aligned(4096);

static u64 ept_pml4[512] __aligned(4096);
static u64 ept_pdpt[512] __aligned(4096);
static u64 ept_directories[EPT_DIRECTORIES][512] __aligned(4096);
static u64 ept_pages[512] __aligned(4096);	/* of one of the large pages */

/**
 * vmwrite_safe() - VMWRITE of a field that may not exist
 * @field:	encoding
 * @value:	to write
 *
 * Return: whether it succeeded
 */
bool vmwrite_safe(u64 field, u64 value)
{
	bool failed;

	asm volatile("vmwrite %2, %1; setna %0" : "=q"(failed) : "r"(field), "r"(value) : "cc", "memory");
	return !failed;
}

/**
 * vmwrite() - VMWRITE of a field that must exist
 * @field:	encoding
 * @value:	to write
 */
void vmwrite(u64 field, u64 value)
{
	if (!vmwrite_safe(field, value))
		stop("VMWRITE failed, field", field);
}

/**
 * vmread() - VMREAD of a field that must exist
 * @field:	encoding
 *
 * Return: what it held
 */
u64 vmread(u64 field)
{
	u64 value;
	bool failed;

	asm volatile("vmread %2, %1; setna %0" : "=q"(failed), "=r"(value) : "r"(field) : "cc", "memory");
	if (failed)
		stop("VMREAD failed, field", field);
	return value;
}

/* The capability register of a group of controls: the TRUE one where there is one (SDM 3D A.3 to A.5). */
static u64 capability(u32 msr)
{
	if (rdmsr(MSR_VMX_BASIC) & BIT(55))
		msr += MSR_VMX_TRUE_PIN - MSR_VMX_PIN;
	return rdmsr(msr);
}

static u32 adjust(u32 wanted, u32 msr)
{
	u64 cap = capability(msr);
	u32 control = (wanted | (u32)cap) & (u32)(cap >> 32);

	if (wanted & ~control)
		stop("VMX control not available in", msr);
	return control;
}

/**
 * vmx_may_enter() - whether a VM-entry control may be 1
 * @control:	its bit
 *
 * Return: what the capability register says
 */
bool vmx_may_enter(u64 control)
{
	return capability(MSR_VMX_ENTRY) >> 32 & control;
}

/**
 * vmx_may_exit() - whether a VM-exit control may be 1
 * @control:	its bit
 *
 * Return: what the capability register says
 */
bool vmx_may_exit(u64 control)
{
	return capability(MSR_VMX_EXIT) >> 32 & control;
}

/**
 * vmx_on() - enter VMX operation
 *
 * Return: NULL, or why that cannot be
 */
const char *vmx_on(void)
{
	u64 page = (u64)vmxon_page, control;
	bool failed;

	if (!(cpuid(1, 0).ecx & BIT(5)))
		return "no VMX";
	control = rdmsr(MSR_FEATURE_CONTROL);
	if (!(control & BIT(0)))
		wrmsr(MSR_FEATURE_CONTROL, control | BIT(2) | BIT(0));
	else if (!(control & BIT(2)))
		return "VMX locked off";
	write_cr0((read_cr0() | rdmsr(MSR_VMX_CR0_FIXED0)) & rdmsr(MSR_VMX_CR0_FIXED1));
	write_cr4((read_cr4() | CR4_VMXE | rdmsr(MSR_VMX_CR4_FIXED0)) & rdmsr(MSR_VMX_CR4_FIXED1));
	*(u32 *)vmxon_page = rdmsr(MSR_VMX_BASIC) & 0x7fffffff;
	asm volatile("vmxon %1; setna %0" : "=q"(failed) : "m"(page) : "cc", "memory");
	return failed ? "VMXON failed" : (const char *)0;
}

static void clear_vmcs(void)
{
	u64 page = (u64)vmcs_page;
	bool failed;

	*(u32 *)vmcs_page = rdmsr(MSR_VMX_BASIC) & 0x7fffffff;
	asm volatile("vmclear %1; setna %0" : "=q"(failed) : "m"(page) : "cc", "memory");
	if (!failed)
		asm volatile("vmptrld %1; setna %0" : "=q"(failed) : "m"(page) : "cc", "memory");
	if (failed)
		stop("VMCLEAR or VMPTRLD failed", page);
}

static void write_guest_segments(void)
{
	static const u16 selectors[GUEST_SEGMENTS] = {
		KERNEL_DS, KERNEL_CS, KERNEL_DS, KERNEL_DS, 0, 0, 0, TSS_SELECTOR,
	};
	u32 i;

	for (i = 0; i < GUEST_SEGMENTS; i++) {
		bool null = !selectors[i], system = selectors[i] == TSS_SELECTOR;

		vmwrite(0x0800 + 2 * i, selectors[i]);
		vmwrite(0x4800 + 2 * i, system ? sizeof(tss) - 1 : 0xffffffff);
		vmwrite(0x4814 + 2 * i, null ? AR_UNUSABLE : system ? AR_TSS64 :
			selectors[i] == KERNEL_CS ? AR_CODE64 : AR_DATA);
		vmwrite(0x6806 + 2 * i, system ? (u64)tss : 0);
	}
}

static void write_guest(void)
{
	write_guest_segments();
	vmwrite(0x2800, ~0ul);			/* VMCS link pointer */
	vmwrite(VMCS_GUEST_DEBUGCTL, 0);
	vmwrite(0x4810, gdt_pointer.limit);
	vmwrite(0x4812, idt_pointer.limit);
	vmwrite(0x4824, 0);			/* interruptibility */
	vmwrite(0x4826, 0);			/* activity */
	vmwrite(0x482a, 0);			/* SYSENTER_CS */
	vmwrite(0x6800, read_cr0());
	vmwrite(0x6802, read_cr3());
	vmwrite(0x6804, read_cr4());
	vmwrite(0x6816, gdt_pointer.base);
	vmwrite(0x6818, idt_pointer.base);
	vmwrite(0x681a, 0x400);			/* DR7 */
	vmwrite(0x681c, (u64)vmx_guest_stack);
	vmwrite(0x681e, (u64)vmx_guest_entry);
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
	vmwrite(0x6822, 0);			/* pending debug exceptions */
	vmwrite(0x6824, 0);
	vmwrite(0x6826, 0);
}

static void write_host(void)
{
	static const u16 selectors[] = { KERNEL_DS, KERNEL_CS, KERNEL_DS, KERNEL_DS, 0, 0, TSS_SELECTOR };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(selectors); i++)
		vmwrite(0x0c00 + 2 * i, selectors[i]);
	vmwrite(0x4c00, 0);
	vmwrite(0x6c00, read_cr0());
	vmwrite(0x6c02, read_cr3());
	vmwrite(0x6c04, read_cr4());
	vmwrite(0x6c06, 0);			/* FS, GS */
	vmwrite(0x6c08, 0);
	vmwrite(0x6c0a, (u64)tss);
	vmwrite(0x6c0c, gdt_pointer.base);
	vmwrite(0x6c0e, idt_pointer.base);
	vmwrite(0x6c10, 0);
	vmwrite(0x6c12, 0);
	vmwrite(0x6c16, (u64)vmx_exit_point);
}

/**
 * vmx_prepare() - a fresh VMCS
 * @pin:	pin-based controls wanted besides the ones that must be 1
 * @cpu:	processor-based; the MSR bitmap (empty) is always on
 * @exit:	VM-exit controls
 * @entry:	VM-entry controls
 */
void vmx_prepare(u32 pin, u32 cpu, u32 exit, u32 entry)
{
	memset(msr_bitmap, 0, sizeof(msr_bitmap));
	clear_vmcs();
	vmwrite(0x4000, adjust(pin, MSR_VMX_PIN));
	vmwrite(0x4002, adjust(cpu | CPU_MSR_BITMAP, MSR_VMX_CPU));
	vmwrite(VMCS_EXIT_CONTROLS, adjust(exit | EXIT_HOST64, MSR_VMX_EXIT));
	vmwrite(VMCS_ENTRY_CONTROLS, adjust(entry | ENTRY_IA32E, MSR_VMX_ENTRY));
	vmwrite(0x2004, (u64)msr_bitmap);
	vmwrite(VMCS_EXCEPTION_BITMAP, 0);
	vmwrite(0x4006, 0);			/* page-fault error code mask and match */
	vmwrite(0x4008, 0);
	vmwrite(0x400a, 0);			/* CR3-target count */
	vmwrite(VMCS_ENTRY_INT_INFO, 0);
	vmwrite(VMCS_EXIT_STORE_COUNT, 0);
	vmwrite(VMCS_EXIT_LOAD_COUNT, 0);
	vmwrite(VMCS_ENTRY_LOAD_COUNT, 0);
	vmwrite(0x6000, 0);			/* CR0 and CR4 masks */
	vmwrite(0x6002, 0);
	write_guest();
	write_host();
}

/**
 * vmx_intercept_msr() - let accesses of an MSR exit
 * @msr:	one of 0 to 0x1fff
 * @read:	exit on RDMSR
 * @write:	exit on WRMSR
 */
void vmx_intercept_msr(u32 msr, bool read, bool write)
{
	if (read)
		msr_bitmap[msr / 8] |= 1 << (msr % 8);
	if (write)
		msr_bitmap[2048 + msr / 8] |= 1 << (msr % 8);
}

/**
 * vmx_run() - enter the guest once
 * @fn:		runs in it at CPL 0, then it exits by VMCALL
 * @arg:	fn's
 *
 * Return: VMX_ENTERED (the exit reason tells more), VMX_FAIL_INVALID or VMX_FAIL_VALID
 */
int vmx_run(void (*fn)(u64 arg), u64 arg)
{
	vmx_guest_fn = fn;
	vmx_guest_arg = arg;
	return vmx_launch();
}

/**
 * vmx_ept_missing() - can a guest have EPT?
 *
 * Return: NULL, or what it lacks
 */
const char *vmx_ept_missing(void)
{
	u64 need = EPT_CAP_WALK4 | EPT_CAP_WB | EPT_CAP_2MB;

	if (!(capability(MSR_VMX_CPU) >> 32 & CPU_SECONDARY) || !(rdmsr(MSR_VMX_CPU2) >> 32 & CPU2_EPT))
		return "no EPT";
	return (rdmsr(MSR_VMX_EPT_CAP) & need) == need ? (const char *)0 : "EPT lacks what is needed";
}

static void ept_flush(void)
{
	struct {
		u64 eptp, reserved;
	} all = { 0 };

	asm volatile("invept %0, %1" : : "m"(all), "r"(2ul) : "memory");
}

/**
 * vmx_ept_on() - let the guest of the present VMCS, prepared with CPU_SECONDARY, use EPT
 *
 * The first 4 GiB are mapped to themselves.
 */
void vmx_ept_on(void)
{
	u64 i, *directory = ept_directories[0];

	for (i = 0; i < 512 * EPT_DIRECTORIES; i++)
		directory[i] = i << 21 | EPT_LARGE | EPT_WB | EPT_ALL;
	for (i = 0; i < EPT_DIRECTORIES; i++)
		ept_pdpt[i] = (u64)ept_directories[i] | EPT_ALL;
	ept_pml4[0] = (u64)ept_pdpt | EPT_ALL;
	vmwrite(0x401e, CPU2_EPT);
	vmwrite(0x201a, (u64)ept_pml4 | EPTP_WB_WALK4);
	ept_flush();
}

/**
 * vmx_ept_set() - change the mapping of one page
 * @page:	its address
 * @rights:	EPT_*; of the other pages of the same 2 MiB, and elsewhere, all
 */
void vmx_ept_set(u64 page, u64 rights)
{
	u64 i, *directory = ept_directories[0], base = page & ~0x1ffffful;

	for (i = 0; i < 512; i++)
		ept_pages[i] = base | i << 12 | EPT_WB | EPT_ALL;
	ept_pages[page >> 12 & 511] = page | EPT_WB | rights;
	directory[page >> 21] = (u64)ept_pages | EPT_ALL;
	ept_flush();
}
