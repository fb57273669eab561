/* SPDX-License-Identifier: GPL-2.0-only */
/* A VMX guest that is a function of this program: same address space, same IDT, ended by VMCALL. */
#ifndef VMX_H
#define VMX_H

#include "lib.h"

/* Pin-based, processor-based, VM-exit and VM-entry controls (SDM 3C 25.6 to 25.8) */
#define PIN_EXTINT		BIT(0)
#define PIN_NMI			BIT(3)
#define CPU_HLT			BIT(7)
#define CPU_RDPMC		BIT(11)
#define CPU_MSR_BITMAP		BIT(28)
#define CPU_SECONDARY		BIT(31)
#define EXIT_SAVE_DEBUG		BIT(2)
#define EXIT_HOST64		BIT(9)
#define EXIT_LOAD_GLOBAL_CTRL	BIT(12)
#define EXIT_ACK_INT		BIT(15)
#define EXIT_CLEAR_LBR_CTL	BIT(26)
#define EXIT_SAVE_GLOBAL_CTRL	BIT(30)
#define ENTRY_LOAD_DEBUG	BIT(2)
#define ENTRY_IA32E		BIT(9)
#define ENTRY_LOAD_GLOBAL_CTRL	BIT(13)
#define ENTRY_LOAD_LBR_CTL	BIT(21)

/* VMCS fields that the facts touch (SDM 3D appendix B) */
#define VMCS_EXIT_STORE_ADDR	0x2006
#define VMCS_EXIT_LOAD_ADDR	0x2008
#define VMCS_ENTRY_LOAD_ADDR	0x200a
#define VMCS_GUEST_DEBUGCTL	0x2802
#define VMCS_GUEST_GLOBAL_CTRL	0x2808
#define VMCS_GUEST_LBR_CTL	0x2816
#define VMCS_HOST_GLOBAL_CTRL	0x2c04
#define VMCS_EXCEPTION_BITMAP	0x4004
#define VMCS_EXIT_CONTROLS	0x400c
#define VMCS_EXIT_STORE_COUNT	0x400e
#define VMCS_EXIT_LOAD_COUNT	0x4010
#define VMCS_ENTRY_CONTROLS	0x4012
#define VMCS_ENTRY_LOAD_COUNT	0x4014
#define VMCS_ENTRY_INT_INFO	0x4016
#define VMCS_INSN_ERROR		0x4400
#define VMCS_EXIT_REASON	0x4402
#define VMCS_EXIT_INT_INFO	0x4404
#define VMCS_EXIT_QUALIFICATION	0x6400
#define VMCS_GUEST_PHYSICAL	0x2400
#define VMCS_GUEST_LINEAR	0x640a
#define VMCS_GUEST_RIP		0x681e
#define VMCS_GUEST_RFLAGS	0x6820

/* Rights of an EPT entry; the same bits of the exit qualification say what the access was. */
#define EPT_READ		BIT(0)
#define EPT_WRITE		BIT(1)
#define EPT_EXECUTE		BIT(2)
#define EPT_ALL			(EPT_READ | EPT_WRITE | EPT_EXECUTE)
#define EPT_ASYNCHRONOUS	BIT(16)	/* of the qualification alone */

#define EXIT_REASON_NMI		0
#define EXIT_REASON_EXTINT	1
#define EXIT_REASON_RDPMC	15
#define EXIT_REASON_VMCALL	18
#define EXIT_REASON_RDMSR	31
#define EXIT_REASON_WRMSR	32
#define EXIT_REASON_EPT		48
#define EXIT_REASON_BAD_GUEST	(BIT(31) | 33)
#define EXIT_REASON_BAD_MSR	(BIT(31) | 34)

/* An entry of the VM-entry and VM-exit MSR lists */
struct vmx_msr {
	u32 index, reserved;
	u64 value;
};

/* What VMLAUNCH did besides entering the guest */
#define VMX_ENTERED		0
#define VMX_FAIL_INVALID	1
#define VMX_FAIL_VALID		2

const char *vmx_on(void);
bool vmx_may_enter(u64 control);
bool vmx_may_exit(u64 control);
void vmx_prepare(u32 pin, u32 cpu, u32 exit, u32 entry);
int vmx_run(void (*fn)(u64 arg), u64 arg);
int vmx_resume(void);
const char *vmx_ept_missing(void);
void vmx_ept_on(void);
void vmx_ept_set(u64 page, u64 rights);
void vmwrite(u64 field, u64 value);
bool vmwrite_safe(u64 field, u64 value);
u64 vmread(u64 field);
void vmx_intercept_msr(u32 msr, bool read, bool write);

#endif
