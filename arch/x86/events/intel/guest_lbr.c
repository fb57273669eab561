// SPDX-License-Identifier: GPL-2.0-only
/*
 * Last branch records in a guest's hands: who owns the CPU's PMU owns them.
 */
#include <linux/cpufeature.h>
#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/percpu.h>
#include <linux/string.h>

#include <asm/fpu/xcr.h>
#include <asm/fpu/xstate.h>
#include <asm/msr.h>
#include <asm/perf_guest_lbr.h>

#include "../perf_event.h"

static bool is_architectural(void)
{
	return cpu_feature_enabled(X86_FEATURE_ARCH_LBR);
}

/**
 * perf_guest_lbr_supported - can a guest have this CPU's branch records?
 *
 * Those without LBR_SELECT and call stacks are older than any PMU that a guest
 * can own.
 *
 * Context: any.
 */
bool perf_guest_lbr_supported(void)
{
	return x86_pmu.lbr_nr && x86_pmu.lbr_nr <= PERF_GUEST_LBR_ENTRIES &&
	       x86_pmu_has_lbr_callstack();
}
EXPORT_SYMBOL_GPL(perf_guest_lbr_supported);

static void load_entry(int i, const struct lbr_entry *entry)
{
	wrmsrl(x86_pmu.lbr_from + i, lbr_from_signext_quirk_wr(entry->from));
	wrmsrl(x86_pmu.lbr_to + i, entry->to);
	if (x86_pmu.lbr_info)
		wrmsrl(x86_pmu.lbr_info + i, entry->info);
}

static void save_entry(int i, struct lbr_entry *entry)
{
	rdmsrl(x86_pmu.lbr_from + i, entry->from);
	rdmsrl(x86_pmu.lbr_to + i, entry->to);
	if (x86_pmu.lbr_info)
		rdmsrl(x86_pmu.lbr_info + i, entry->info);
}

static void load_legacy(const struct perf_guest_lbr *lbr)
{
	int i;

	for (i = 0; i < x86_pmu.lbr_nr; i++)
		load_entry(i, &lbr->entries[i]);
	wrmsrl(MSR_LBR_SELECT, lbr->select);
	wrmsrl(x86_pmu.lbr_tos, lbr->tos);
}

static void save_legacy(struct perf_guest_lbr *lbr)
{
	int i;

	for (i = 0; i < x86_pmu.lbr_nr; i++)
		save_entry(i, &lbr->entries[i]);
	rdmsrl(MSR_LBR_SELECT, lbr->select);
	rdmsrl(x86_pmu.lbr_tos, lbr->tos);
	if (lbr->select)
		wrmsrl(MSR_LBR_SELECT, 0);
}

static bool is_empty(const struct lbr_entry *entry)
{
	return !(entry->from | entry->to | entry->info);
}

/* The write of the depth empties all entries. */
static void load_architectural(const struct perf_guest_lbr *lbr)
{
	int i;

	wrmsrl(MSR_ARCH_LBR_DEPTH, lbr->depth);
	for (i = 0; i < lbr->depth; i++) {
		if (!is_empty(&lbr->entries[i]))
			load_entry(i, &lbr->entries[i]);
	}
}

static void save_architectural(struct perf_guest_lbr *lbr)
{
	int i;

	rdmsrl(MSR_ARCH_LBR_DEPTH, lbr->depth);
	memset(lbr->entries, 0, sizeof(lbr->entries));
	for (i = 0; i < lbr->depth; i++)
		save_entry(i, &lbr->entries[i]);
}

/* What XSAVES and XRSTORS of LBR alone use: the compacted format. */
struct lbr_xsave {
	struct fxregs_state	i387;
	struct xstate_header	header;
	struct arch_lbr_state	lbr;
} __packed __aligned(XSAVE_ALIGNMENT);

#define LBR_ENTRIES_SIZE	sizeof_field(struct perf_guest_lbr, entries)

static DEFINE_PER_CPU_ALIGNED(u8 [sizeof(struct lbr_xsave) + LBR_ENTRIES_SIZE],
			      lbr_xsave_area);

static struct lbr_xsave *this_lbr_xsave(void)
{
	return (struct lbr_xsave *)this_cpu_ptr(&lbr_xsave_area);
}

/*
 * Records of another depth than the CPU's are not restored, SDM vol. 1, "LBR
 * State". That of the last exception is nobody's, and so does not leak.
 */
static void load_by_xrstors(const struct perf_guest_lbr *lbr)
{
	struct lbr_xsave *area = this_lbr_xsave();

	if (lbr->depth != x86_pmu.lbr_nr)
		wrmsrl(MSR_ARCH_LBR_DEPTH, lbr->depth);

	memset(area, 0, sizeof(*area));
	area->header.xfeatures = XFEATURE_MASK_LBR;
	area->header.xcomp_bv = XFEATURE_MASK_LBR | XCOMP_BV_COMPACTED_FORMAT;
	area->lbr.lbr_depth = lbr->depth;
	memcpy(area->lbr.entries, lbr->entries, LBR_ENTRIES_SIZE);
	xrstors((struct xregs_state *)area, XFEATURE_MASK_LBR);
}

/* What is in its initial configuration is not written. */
static void save_by_xsaves(struct perf_guest_lbr *lbr)
{
	struct lbr_xsave *area = this_lbr_xsave();

	area->header.xfeatures = 0;
	xsaves((struct xregs_state *)area, XFEATURE_MASK_LBR);
	rdmsrl(MSR_ARCH_LBR_DEPTH, lbr->depth);
	if (area->header.xfeatures & XFEATURE_MASK_LBR)
		memcpy(lbr->entries, area->lbr.entries, LBR_ENTRIES_SIZE);
	else
		memset(lbr->entries, 0, LBR_ENTRIES_SIZE);
}

/**
 * perf_guest_lbr_load - have a guest's branch records in the hardware
 * @lbr: the records
 *
 * They replace what the host recorded; perf reads its records when a counter
 * overflows, not later. Recording itself is switched by VM entry and exit.
 *
 * Context: interrupts off, the guest owns this CPU's PMU.
 */
void perf_guest_lbr_load(const struct perf_guest_lbr *lbr)
{
	lockdep_assert_irqs_disabled();

	if (x86_pmu.lbr_xsave)
		load_by_xrstors(lbr);
	else if (is_architectural())
		load_architectural(lbr);
	else
		load_legacy(lbr);
}
EXPORT_SYMBOL_GPL(perf_guest_lbr_load);

/**
 * perf_guest_lbr_save - take a guest's branch records out of the hardware
 * @lbr: where to
 *
 * The stack is left empty, and perf knows that it is not what it was: an event
 * with call stacks begins with none.
 *
 * Context: interrupts off, the guest owns this CPU's PMU.
 */
void perf_guest_lbr_save(struct perf_guest_lbr *lbr)
{
	lockdep_assert_irqs_disabled();

	if (x86_pmu.lbr_xsave)
		save_by_xsaves(lbr);
	else if (is_architectural())
		save_architectural(lbr);
	else
		save_legacy(lbr);
	intel_pmu_lbr_reset();
}
EXPORT_SYMBOL_GPL(perf_guest_lbr_save);
