// SPDX-License-Identifier: GPL-2.0-only
/*
 * What VM entry and VM exit do to the PMU's registers (SDM vol. 3C, "VM
 * Entries" and "VM Exits"): they write GLOBAL_CTRL and DEBUGCTL past WRMSR.
 */
#include "regs.h"

/**
 * pmu_global_ctrl_valid - may this be written to IA32_PERF_GLOBAL_CTRL?
 * @pmu:   the PMU
 * @value: the value
 *
 * VM entry checks the guest's and the host's field with it ("bits reserved in
 * the IA32_PERF_GLOBAL_CTRL MSR must be 0 in the field").
 */
bool pmu_global_ctrl_valid(const struct pmu *pmu, uint64_t value)
{
	return !(value & ~pmu_global_ctrl_mask(pmu));
}

/*
 * SDM vol. 4, 1D9H: LBR, BTF; TR, BTS, BTINT, BTS_OFF_OS, BTS_OFF_USR;
 * FREEZE_LBRS_ON_PMI, FREEZE_PERFMON_ON_PMI; FREEZE_WHILE_SMM.
 */
#define INTEL_DEBUGCTL		(MASK(2) | 0x7c0 | DEBUGCTL_FREEZE_LBRS | \
				 DEBUGCTL_FREEZE_PERFMON)
/* APM vol. 2, "DebugCtl MSR": LBR, BTF, PB0 to PB3; PPR: the two freeze bits */
#define AMD_DEBUGCTL		MASK(6)
#define AMD_DEBUGCTL_V2		(AMD_DEBUGCTL | DEBUGCTL_FREEZE_LBRS | \
				 DEBUGCTL_FREEZE_PERFMON)

/* The bits that can be written. */
uint64_t pmu_debugctl_mask(const struct pmu *pmu)
{
	if (!pmu_is_intel(pmu))
		return pmu_has_global(pmu) ? AMD_DEBUGCTL_V2 : AMD_DEBUGCTL;
	if (pmu->cpu->perf_capabilities & CAP_SMM_FREEZE)
		return INTEL_DEBUGCTL | DEBUGCTL_FREEZE_SMM;
	return INTEL_DEBUGCTL;
}

/**
 * pmu_debugctl_valid - may this be written to IA32_DEBUGCTL?
 * @pmu:   the PMU
 * @value: the value
 */
bool pmu_debugctl_valid(const struct pmu *pmu, uint64_t value)
{
	return !(value & ~pmu_debugctl_mask(pmu));
}

/*
 * SDM vol. 3B, "Last Branch Records": with architectural LBRs bit 0 has no
 * meaning; it can be written, and reads as 0.
 */
void pmu_set_debugctl(struct pmu *pmu, uint64_t value)
{
	if (pmu->cpu->lbr == PMU_LBR_ARCH)
		value &= ~DEBUGCTL_LBR;
	pmu->debugctl = value;
}

/**
 * pmu_load_global_ctrl - VM entry or exit loads IA32_PERF_GLOBAL_CTRL
 * @pmu:   the PMU
 * @value: from the VMCS; bits that are reserved are ignored
 */
void pmu_load_global_ctrl(struct pmu *pmu, uint64_t value)
{
	pmu_sync(pmu);
	pmu->global_ctrl = value & pmu_global_ctrl_mask(pmu);
	pmu_update(pmu);
}

/**
 * pmu_load_debugctl - VM entry or exit loads IA32_DEBUGCTL
 * @pmu:   the PMU
 * @value: from the VMCS; 0 at VM exit
 */
void pmu_load_debugctl(struct pmu *pmu, uint64_t value)
{
	pmu_sync(pmu);
	pmu_set_debugctl(pmu, value);
	pmu_update(pmu);
}
