/* SPDX-License-Identifier: GPL-2.0-only */
/* An SVM guest that is a function of this program: same address space, same IDT, ended by VMMCALL. */
#ifndef SVM_H
#define SVM_H

#include "lib.h"

/* Intercepts, vector 3 of the VMCB (APM 2 appendix B) */
#define SVM_INTR		BIT(0)
#define SVM_NMI			BIT(1)
#define SVM_RDPMC		BIT(15)
#define SVM_MSR_PROT		BIT(28)

/* Exit codes (APM 2 appendix C) */
#define SVM_EXIT_INTR		0x60
#define SVM_EXIT_NMI		0x61
#define SVM_EXIT_RDPMC		0x6f
#define SVM_EXIT_MSR		0x7c
#define SVM_EXIT_VMMCALL	0x81

#define EFER_SVME		BIT(12)

const char *svm_on(void);
void svm_off(void);
void svm_prepare(u32 intercepts, u64 rflags);
u64 svm_run(void (*fn)(u64 arg), u64 arg);
u64 svm_exit_info1(void);
void svm_put(u32 offset, u64 value);
u64 svm_get(u32 offset);
void svm_intercept_msr(u32 msr);

/* GIF is 0 after svm_run(): nothing interrupts until stgi() */
static inline void stgi(void)
{
	asm volatile("stgi" : : : "memory");
}

static inline void clgi(void)
{
	asm volatile("clgi" : : : "memory");
}

#endif
