// SPDX-License-Identifier: GPL-2.0-only
/* Facts of the architectural branch records as component 15 of XSAVES and XRSTORS. */
#include "intel.h"
#include "intel-lbr.h"

#define MSR_XSS			0xda0
#define CR4_OSXSAVE		BIT(18)
#define XSAVES_OFFERED		BIT(3)	/* CPUID.(0DH,1):EAX */

#define AVX			BIT(2)
#define LBR			BIT(15)
#define LBR_SIZE		808
#define LEGACY_SIZE		576	/* with the header: where the first other component begins */
#define AVX_SIZE		256

/* Quadwords of the component */
enum { SAVED_CTL, SAVED_DEPTH, SAVED_LER, SAVED_FROM = SAVED_LER + 3, SAVED_TO, SAVED_INFO };

static u64 area[512] __aligned(64);
#define XSTATE_BV		area[64]
#define XCOMP_BV		area[65]

static u64 *component(u64 mask)
{
	return area + (LEGACY_SIZE + (mask & AVX ? AVX_SIZE : 0)) / 8;
}

static void xsaves(u64 mask)
{
	asm volatile("xsaves64 %0" : "+m"(area) : "a"((u32)mask), "d"(0) : "memory");
}

static int xrstors(u64 mask)
{
	return xrstors_safe(area, mask);
}

static void set_xcr0(u32 value)
{
	asm volatile("xsetbv" : : "c"(0), "a"(value), "d"(0));
}

static void record_walk(void)
{
	lbr_all(&intel_lbr);
	lbr_run(&intel_lbr, walk, 0);
}

static u64 walk_differs(void)
{
	return lbr_differs(&intel_lbr, LIST(walk), EVERY_BRANCH, true, true);
}

static bool nothing_recorded(void)
{
	return !lbr_newest_differ(&intel_lbr, &(const struct branch){ 0 }, 1);
}

static void save(u64 mask)
{
	memset(area, 0, sizeof(area));
	xsaves(mask);
}

static void cpuid_facts(void)
{
	struct cpuid leaf = cpuid(0xd, 15);

	is(FACT("xsave-size", "CPUID.(0DH,15): 808 bytes, supervisor state, not aligned", "2A CPUID 0DH"),
	   leaf.eax | (u64)leaf.ebx << 16 | (u64)leaf.ecx << 32, LBR_SIZE | BIT(32));
	is(FACT("xsave-total", "and CPUID.(0DH,1):EBX has them in the sum", "2A CPUID 0DH"), cpuid(0xd, 1).ebx,
	   LEGACY_SIZE + LBR_SIZE);
}

static void save_facts(void)
{
	struct record records[MAX_RECORDS];
	u64 *saved = component(LBR);

	record_walk();
	intel_lbr.read(records);
	save(LBR);
	is(FACT("xsave-format", "XSAVES saves component 15, compacted", "1 13.11"), XCOMP_BV, BIT(63) | LBR);
	is(FACT("xsave-in-use", "and says that it is in use", "1 13.11"), XSTATE_BV, LBR);
	is(FACT("xsave-depth", "with CTL and DEPTH at its start", "1 13.5"),
	   saved[SAVED_CTL] << 32 | saved[SAVED_DEPTH], intel_lbr.depth);
	is(FACT("xsave-newest", "and the newest entry behind the last event record", "1 13.5"),
	   saved[SAVED_FROM] == records[0].from && saved[SAVED_TO] == records[0].to &&
	   saved[SAVED_FROM + 3] == records[1].from, 1);
	is(FACT("xsave-keeps", "and changes nothing", "1 13.11"), walk_differs(), 0);
	wrmsr(MSR_LBR_DEPTH, intel_lbr.depth);
	is(FACT("xrstor", "XRSTORS brings all entries back", "1 13.12"), xrstors(LBR), NO_FAULT);
	is(FACT("xrstor-entries", "as they were", "1 13.12"), walk_differs(), 0);
	save(LBR);
	saved[SAVED_CTL] = intel_lbr.on;
	xrstors(LBR);
	is(FACT("xrstor-ctl", "and IA32_LBR_CTL", "1 13.12"), rdmsr(MSR_LBR_CTL), intel_lbr.on);
	wrmsr(MSR_LBR_CTL, 0);
	record_walk();
	save(LBR);
	XSTATE_BV = 0;
	xrstors(LBR);
	is(FACT("xrstor-init", "with the component's bit of XSTATE_BV clear it clears them", "1 13.12"),
	   nothing_recorded(), 1);
	is(FACT("xrstor-init-depth", "but not IA32_LBR_DEPTH", "1 13.5"), rdmsr(MSR_LBR_DEPTH), intel_lbr.depth);
	area[LEGACY_SIZE / 8] = 0x5555;
	xsaves(LBR);
	is(FACT("xsave-init", "XSAVES of the initial state writes no more than the header", "1 13.11"),
	   XSTATE_BV == 0 && area[LEGACY_SIZE / 8] == 0x5555, 1);
}

static void bad_facts(void)
{
	u64 *saved = component(LBR);

	record_walk();
	save(LBR);
	saved[SAVED_DEPTH] = 8;
	is(FACT("xrstor-other-depth", "XRSTORS of another depth is no fault", "3B 19.1"), xrstors(LBR), NO_FAULT);
	is(FACT("xrstor-other-clears", "but clears the entries", "3B 19.1"), nothing_recorded(), 1);
	is(FACT("xrstor-other-stays", "and leaves IA32_LBR_DEPTH", "3B 19.1"), rdmsr(MSR_LBR_DEPTH),
	   intel_lbr.depth);
	record_walk();
	save(LBR);
	saved[SAVED_CTL] = BIT(4);
	is(FACT("xrstor-reserved", "reserved bits of IA32_LBR_CTL are #GP", "1 13.12"), xrstors(LBR), VECTOR_GP);
	is(FACT("xrstor-reserved-stays", "and nothing is restored", "1 13.12"), walk_differs(), 0);
	save(LBR);
	wrmsr(MSR_XSS, 0);
	is(FACT("xrstor-xss", "XRSTORS of a component that IA32_XSS does not have is #GP", "1 13.12"), xrstors(LBR),
	   VECTOR_GP);
	save(LBR);
	is(FACT("xsave-xss", "and XSAVES does not save it", "1 13.11"), XCOMP_BV, BIT(63));
	wrmsr(MSR_XSS, LBR);
}

static void compaction_facts(void)
{
	u64 *saved = component(AVX | LBR);

	set_xcr0(7);
	record_walk();
	save(AVX | LBR);
	is(FACT("xsave-behind-avx", "the component lies behind those with lower numbers", "1 13.4.3"),
	   saved[SAVED_DEPTH], intel_lbr.depth);
	wrmsr(MSR_LBR_DEPTH, intel_lbr.depth);
	xrstors(LBR);
	is(FACT("xrstor-behind-avx", "also if XRSTORS restores it alone", "1 13.4.3"), walk_differs(), 0);
	set_xcr0(1);
}

/**
 * intel_lbr_xsave_facts() - all facts of this file
 */
void intel_lbr_xsave_facts(void)
{
	section("branch records and XSAVES");
	if (!(cpuid(1, 0).ecx & BIT(26)) || !(cpuid(0xd, 1).eax & XSAVES_OFFERED)) {
		skip(FACT("xss", "IA32_XSS[15], architectural LBRs", "1 13.3"), "no XSAVES");
		return;
	}
	write_cr4(read_cr4() | CR4_OSXSAVE);
	is(FACT("xss", "IA32_XSS[15] can be set exactly if there are architectural LBRs", "1 13.3"),
	   wrmsr_safe(MSR_XSS, LBR), lbr_is_arch() ? NO_FAULT : VECTOR_GP);
	if (!lbr_is_arch())
		return;
	set_xcr0(1);
	cpuid_facts();
	save_facts();
	bad_facts();
	compaction_facts();
	wrmsr(MSR_XSS, 0);
	intel_lbr.clear();
}
