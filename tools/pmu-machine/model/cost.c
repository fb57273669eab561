// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cost table.
 *
 * Every instruction takes one cycle; this is what passes beyond it.  The
 * figures make time inside the machine mean something: what is slow on the
 * processor is slow here, and by about as much.  They are no simulation of a
 * pipeline.  Change them freely; nothing but measured time depends on them.
 *
 * Sources:
 *   [I]  InstLatX64 (github.com/InstLatx64/InstLatx64), throughput of the
 *	  instruction on: Haswell 306C3, Skylake-SP 50654 (Xeon 8160), Ice
 *	  Lake-SP 606A6 (Xeon 6330), Alder Lake's P core 90672 (the core of
 *	  Sapphire Rapids), Zen 3 A20F10, Zen 4 A60F12; less the one cycle
 *   [A]  Agesen, Mattson, Rugina, Sheldon: "Software techniques for avoiding
 *	  hardware virtualization exits", USENIX ATC 2012: a round trip of VM
 *	  exit and entry takes 784 cycles on Sandy Bridge
 *   [R]  Michael Roth on lkml, December 2020, "KVM: SVM: use vmsave/vmload
 *	  for saving/restoring additional host state": 1344 to 1376 cycles
 *	  from before VMRUN to after #VMEXIT, VMLOAD and VMSAVE included
 *   [H]  Dave Hansen on lkml, 5 December 2017, "x86 TLB flushing: INVPCID vs.
 *	  deferred CR3 write": about 350 cycles a page, with one INVLPG and
 *	  one INVPCID, on Skylake
 *   [K]  github.com/blitz/kernel_entry_benchmark: 610 cycles from user mode
 *	  through an interrupt gate and back by IRET, on an Intel processor
 *   [V]  Avi Kivity, Linux commit "KVM: VMX: Only reload guest cr2 if
 *	  different from host cr2": a write of CR2 costs some 70 cycles
 *   [B]  Bhargava et al.: "Accelerating two-dimensional page walks for
 *	  virtualized systems", ASPLOS 2008: up to 24 references in place of 4
 *   [O]  Intel's optimization manual: latency of the first-level cache 4 to
 *	  5 cycles, of the second level 12 to 14
 * "Estimate" says that nobody's measurement was found, and what the figure
 * rests on.
 */
#include <string.h>

#include "cost.h"

static const char *const models[] = {
	"haswell", "skylake", "icelake", "sapphire-rapids", "zen3", "zen4"
};

#define MODELS		(sizeof(models) / sizeof(models[0]))
#define ALL(n)		{ (n), (n), (n), (n), (n), (n) }
#define INTEL(n)	{ (n), (n), (n), (n), 0, 0 }
#define AMD(n)		{ 0, 0, 0, 0, (n), (n) }
#define EACH(intel, amd) { (intel), (intel), (intel), (intel), (amd), (amd) }

static const uint32_t costs[COSTS][MODELS] = {
	/* Estimate: twice RDPMC, which reads one kind of register only */
	[COST_RDMSR] = ALL(80),
	/* Estimate: RDMSR's decoding and, WRMSR being serializing (SDM vol.
	 * 3A, "Serializing Instructions"), what CPUID takes for that */
	[COST_WRMSR] = ALL(150),
	/* Estimate: RDTSC and the choice of a register; AMD's RDPRU, which
	 * reads APERF, takes 38 and 36 [I] */
	[COST_RDPMC] = { 36, 36, 36, 36, 37, 35 },
	/* [I] 24, 25, 27, 26, 36, 35 */
	[COST_RDTSC] = { 23, 24, 26, 25, 35, 34 },
	/* [I] leaf 0: 99, 99, 104, 123, 128, 147 */
	[COST_CPUID] = { 98, 98, 103, 122, 127, 146 },
	/* Estimate: the 13 and more 33-MHz clocks of an I/O cycle on the Low
	 * Pin Count bus (Intel's LPC specification), at 1 GHz */
	[COST_PORT_IO] = ALL(500),
	/* [I] 9, 140, 34, 160, 65, 65 */
	[COST_PAUSE] = { 8, 139, 33, 159, 64, 64 },
	/* [I] MFENCE: 33, 33, 36, 38, 60, 58 */
	[COST_SERIALIZE] = { 32, 32, 35, 37, 59, 57 },
	/* [I] CLFLUSH: 60, 236, 188, 93, 249; on Zen 4 no line was there to
	 * flush (0.3), so Zen 3's */
	[COST_CACHE_LINE_FLUSH] = { 59, 235, 187, 92, 248, 248 },
	/* Estimate: some ten cycles for each of the 130,000 lines of 8 MB */
	[COST_WBINVD] = ALL(1000000),
	/* Estimate: twice a write of CR2 [V]; CR0 and CR4 serialize as well */
	[COST_MOV_CR] = ALL(150),
	/* Estimate: as MOV to CR0, and the TLB's invalidation */
	[COST_MOV_CR3] = ALL(200),
	/* [H], split between the two */
	[COST_INVLPG] = ALL(150),
	[COST_INVPCID] = ALL(200),
	/* [I] DIV r64, 64-bit dividend: 21, 21, 18, 10, 11, 11 */
	[COST_DIV64] = { 20, 20, 17, 9, 10, 10 },
	/* Estimate: 832 bytes of x87, SSE and AVX state in 8-byte stores */
	[COST_XSAVE] = ALL(100),
	/* Estimate: a sixth of a gate [K]; neither descriptors nor a stack in
	 * memory are read */
	[COST_SYSCALL] = ALL(50),
	[COST_SYSRET] = ALL(50),
	/* [K], split in halves */
	[COST_INT] = ALL(305),
	[COST_IRET] = ALL(305),
	/* Estimate: INT n, and the acknowledgment by the local APIC */
	[COST_INTERRUPT] = ALL(355),
	/* INT n [K]: the same way through a gate */
	[COST_EXCEPTION] = ALL(305),
	/* Estimate: some 100 registers of the state-save map (SDM vol. 3C,
	 * "SMRAM State Save Map") at 10 to 20 cycles each */
	[COST_SMI] = ALL(1500),
	/* Estimate: the paging-structure caches leave two references, to the
	 * second-level cache [O] */
	[COST_TLB_WALK] = ALL(28),
	/* Estimate: four times that; up to six times the references [B] */
	[COST_TLB_WALK_NESTED] = ALL(112),
	/* Intel: 784 for entry and exit [A], of which the exit is the longer
	 * as it stores and loads; Ice Lake and later, estimate: a quarter more
	 * for CET, PKRS and the branch predictor's state.  AMD: what [R]
	 * leaves after 200 for VMLOAD and VMSAVE, in halves */
	[COST_VM_ENTRY] = { 354, 354, 440, 440, 580, 580 },
	[COST_VM_EXIT] = { 430, 430, 540, 540, 580, 580 },
	/* Estimate: microcode on a VMCS that is held in the processor; reading
	 * it takes as long as reading a counter, writing a little more */
	[COST_VMREAD] = INTEL(30),
	[COST_VMWRITE] = INTEL(40),
	/* Estimate: 1 KB of the old VMCS to memory, 16 lines of 14 cycles [O] */
	[COST_VMPTRLD] = INTEL(224),
	/* Estimate: on Intel, as MOV to CR3 plus the check of a descriptor in
	 * memory; on AMD, INVLPGA is an INVLPG [H] */
	[COST_INVEPT] = EACH(250, 150),
	/* [R]: VMLOAD in place of four WRMSRs and more saves 20 to 30 cycles
	 * only, so some 100 */
	[COST_VMSAVE] = AMD(100),
	/* Estimate: serializing in part, like MFENCE */
	[COST_GIF] = AMD(60),
	/* Estimate: some 200 to 300 ns at 2 to 3 GHz */
	[COST_PEBS] = INTEL(600),
};

uint32_t pmu_cost(const struct pmu_cpu *cpu, enum pmu_cost cost)
{
	size_t model = 0;

	while (strcmp(models[model], cpu->name))
		model++;
	return costs[cost][model];
}
