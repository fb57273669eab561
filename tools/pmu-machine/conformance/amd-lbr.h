/* SPDX-License-Identifier: GPL-2.0-only */
/* AMD's branch records. */
#ifndef AMD_LBR_H
#define AMD_LBR_H

#include "lbr.h"

#define MSR_BR_FROM		0x1db	/* LastBranchFromIP, LastBranchToIP, LastIntFromIP, LastIntToIP */
#define MSR_LBR_SELECT		0xc000010e
#define MSR_DEBUG_EXTN		0xc000010f
#define MSR_LBR_STACK		0xc0010300	/* FROM of entry n at 2n, TO at 2n + 1 */
#define DEBUGCTL_LBR		BIT(0)
#define DEBUG_EXTN_LBRS		BIT(6)
#define LBR_DEPTH		16

/* Depth is 0 if there is no stack */
extern struct lbr amd_lbr;

void amd_lbr_facts(void);
void amd_lbr_svm_facts(void);

#endif
