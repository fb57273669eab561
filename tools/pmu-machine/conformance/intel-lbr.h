/* SPDX-License-Identifier: GPL-2.0-only */
/* Intel's branch records. */
#ifndef INTEL_LBR_H
#define INTEL_LBR_H

#include "lbr.h"

#define MSR_LBR_CTL		0x14ce
#define MSR_LBR_DEPTH		0x14cf
#define LBR_EN			BIT(0)	/* of DEBUGCTL, and of IA32_LBR_CTL */

/* Of this processor: set by intel_lbr_facts(), depth is 0 if there are none */
extern struct lbr intel_lbr;

static inline bool lbr_is_arch(void)
{
	return intel_lbr.msr == MSR_LBR_CTL;
}

void intel_lbr_facts(void);
void intel_lbr_xsave_facts(void);
void intel_lbr_vmx_facts(void);

#endif
