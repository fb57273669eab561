// SPDX-License-Identifier: GPL-2.0-only
/*
 * The architectural LBRs as XSAVE state component 15 (SDM vol. 1, "Architectural
 * LBR State"; vol. 3B, "Last Branch Records").
 */
#include <string.h>

#include "regs.h"

enum { AREA_CTL, AREA_DEPTH, AREA_LER, AREA_ENTRIES = AREA_LER + 3 };

static bool is_zero(const struct pmu_record *r)
{
	return !(r->from | r->to | r->info);
}

/**
 * pmu_lbr_in_use - XINUSE[15]
 * @pmu: the PMU
 *
 * In the initial configuration all the registers but IA32_LBR_DEPTH are 0.
 *
 * Return: false if the component is in its initial configuration.
 */
bool pmu_lbr_in_use(const struct pmu *pmu)
{
	if (pmu->lbr.ctl || !is_zero(&pmu->lbr.ler))
		return true;
	for (unsigned int i = 0; i < PMU_MAX_LBR; i++) {
		if (!is_zero(&pmu->lbr.ring[i]))
			return true;
	}
	return false;
}

static void save_record(uint64_t *to, const struct pmu_record *r)
{
	to[0] = r->from;
	to[1] = r->to;
	to[2] = r->info;
}

static struct pmu_record restored(const struct pmu *pmu, const uint64_t *from)
{
	struct pmu_record r = { from[0], from[1], from[2] };

	return pmu_lbr_arch_written(pmu, r);
}

/**
 * pmu_lbr_xsave - XSAVES saves the component
 * @pmu:  the PMU
 * @area: its 808 bytes; entries beyond the depth are saved as 0
 */
void pmu_lbr_xsave(struct pmu *pmu, uint64_t area[PMU_LBR_XSAVE_QWORDS])
{
	memset(area, 0, PMU_LBR_XSAVE_QWORDS * sizeof(*area));
	area[AREA_CTL] = pmu->lbr.ctl;
	area[AREA_DEPTH] = pmu->lbr.depth;
	save_record(&area[AREA_LER], &pmu->lbr.ler);
	for (unsigned int i = 0; i < pmu->lbr.depth; i++)
		save_record(&area[AREA_ENTRIES + 3 * i], pmu_lbr_entry(pmu, i));
}

/**
 * pmu_lbr_xrstor - XRSTORS restores the component
 * @pmu:  the PMU
 * @area: its 808 bytes
 *
 * "IA32_LBR_DEPTH is saved by XSAVES, but it is not written by XRSTORS in any
 * circumstance."  Entries of another depth are not restored but cleared.
 *
 * Return: false if it is a #GP, for reserved bits of IA32_LBR_CTL; nothing
 * was changed.
 */
bool pmu_lbr_xrstor(struct pmu *pmu, const uint64_t area[PMU_LBR_XSAVE_QWORDS])
{
	if (!pmu_lbr_ctl_valid(pmu, area[AREA_CTL]))
		return false;
	pmu_sync(pmu);
	pmu_lbr_clear(pmu);
	pmu->lbr.ctl = area[AREA_CTL];
	pmu->lbr.ler = restored(pmu, &area[AREA_LER]);
	if (area[AREA_DEPTH] == pmu->lbr.depth) {
		for (unsigned int i = 0; i < pmu->lbr.depth; i++)
			*pmu_lbr_entry(pmu, i) =
				restored(pmu, &area[AREA_ENTRIES + 3 * i]);
	}
	pmu_update(pmu);
	return true;
}

/**
 * pmu_lbr_xinit - XRSTORS with the component's initial configuration
 * @pmu: the PMU
 */
void pmu_lbr_xinit(struct pmu *pmu)
{
	pmu_sync(pmu);
	pmu_lbr_clear(pmu);
	pmu->lbr.ctl = 0;
	pmu->lbr.ler = (struct pmu_record){ 0 };
	pmu_update(pmu);
}
