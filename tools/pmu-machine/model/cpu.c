// SPDX-License-Identifier: GPL-2.0-only
/*
 * The processor models.
 *
 * PERF_CAPABILITIES (SDM vol. 4, 345H): bits 5:0 LBR_FMT, 6 PEBS_TRAP,
 * 7 PEBS_ARCH_REG, 11:8 PEBS_FMT, 12 SMM_FREEZE, 13 FW_WRITE, 14 PEBS_BASELINE,
 * 15 PERF_METRICS.  Haswell's PEBS is not modelled, and so not advertised.
 */
#include <string.h>

#include "events.h"
#include "regs.h"

#define PEBS_SKYLAKE	(CAP_PEBS_TRAP | CAP_PEBS_ARCH_REGS | PEBS_FMT(3))
#define PEBS_ADAPTIVE	(CAP_PEBS_TRAP | CAP_PEBS_ARCH_REGS | PEBS_FMT(4) | \
			 CAP_PEBS_BASELINE)

static const struct pmu_cpu cpus[] = {
	{
		.name = "haswell", .vendor = PMU_INTEL, .version = 3,
		.gp = 4, .fixed = 3,
		.perf_capabilities = LBR_FMT_FLAGS | CAP_SMM_FREEZE | CAP_FW_WRITE,
		.lbr = PMU_LBR_LEGACY, .lbr_depth = 16, .address_bits = 48,
		.anythread = true,
		.events = pmu_events_haswell,
	}, {
		.name = "skylake", .vendor = PMU_INTEL, .version = 4,
		.gp = 4, .fixed = 3,
		.perf_capabilities = LBR_FMT_INFO | CAP_SMM_FREEZE | CAP_FW_WRITE |
				     PEBS_SKYLAKE,
		.pdist = BIT(1),
		.lbr = PMU_LBR_LEGACY, .lbr_depth = 32, .address_bits = 48,
		.anythread = true,
		.events = pmu_events_skylake,
	}, {
		.name = "icelake", .vendor = PMU_INTEL, .version = 5,
		.gp = 8, .fixed = 4, .slots = 5, .metrics = 4,
		.perf_capabilities = LBR_FMT_INFO | CAP_SMM_FREEZE | CAP_FW_WRITE |
				     CAP_METRICS | PEBS_ADAPTIVE,
		.pdist = BIT(GLOBAL_FIXED_SHIFT),
		.lbr = PMU_LBR_LEGACY, .lbr_depth = 32, .address_bits = 57,
		.events = pmu_events_icelake,
	}, {
		.name = "sapphire-rapids", .vendor = PMU_INTEL, .version = 5,
		.gp = 8, .fixed = 4, .slots = 6, .metrics = 8,
		.perf_capabilities = LBR_FMT_ARCH | CAP_SMM_FREEZE | CAP_FW_WRITE |
				     CAP_METRICS | PEBS_ADAPTIVE,
		.pdist = BIT(0), .two_latencies = true,
		.lbr = PMU_LBR_ARCH, .lbr_depth = 32, .address_bits = 57,
		.events = pmu_events_sapphire_rapids,
	}, {
		.name = "zen3", .vendor = PMU_AMD, .version = 1, .gp = 6,
		.lbr = PMU_LBR_AMD,
		.events = pmu_events_zen3,
	}, {
		.name = "zen4", .vendor = PMU_AMD, .version = 2, .gp = 6,
		.lbr = PMU_LBR_AMD, .lbr_depth = AMD_LBR_DEPTH,
		.events = pmu_events_zen4,
	},
};

/**
 * pmu_cpu_find - look a processor model up
 * @name: as given to the machine's --cpu
 *
 * Return: the model, or NULL if there is none of that name.
 */
const struct pmu_cpu *pmu_cpu_find(const char *name)
{
	for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
		if (!strcmp(cpus[i].name, name))
			return &cpus[i];
	}
	return NULL;
}

/**
 * pmu_cpu_list - all processor models
 * @count: where to store how many there are
 *
 * Return: the first of them.
 */
const struct pmu_cpu *pmu_cpu_list(size_t *count)
{
	*count = sizeof(cpus) / sizeof(cpus[0]);
	return cpus;
}
