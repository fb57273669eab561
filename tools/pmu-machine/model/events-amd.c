// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events of the AMD models, by event select (bits 11:0) and then by unit mask.
 *
 * The names are those of AMD's processor programming references for family
 * 19h.  An event is here only if it counts what an accumulator holds.  What
 * the modelled core is, settles the rest: it retires one op an instruction,
 * dispatches none that does not retire, has one level of TLB, so that a miss
 * is a page walk, and its caches see no probe from another core.
 *
 * The PPR counts exceptions and interrupts among the branches; they count in
 * the mode in which their handler starts, so a counter for user mode alone
 * holds the program's own branches.
 */
#include "events.h"

/* @select: event select bits 11:0; @umask: unit mask */
#define CODE(select, umask)						\
	(((select) & 0xffu) | (umask) << 8 | ((select) & 0xf00u) << 8)
#define EVENT(select, umask, accs)	{ CODE(select, umask), (accs), 1, 1 }
#define ONE(select, umask, acc)		EVENT(select, umask, PMU_ACC(acc))
#define END				{ 0, 0, 0, 0 }

#define ACCS_FAR		(PMU_ACC(PMU_FAR) | PMU_ACC(PMU_INTERRUPTS) | \
				 PMU_ACC(PMU_EXCEPTIONS))
#define ACCS_RETIRED_BRANCHES	(ACCS_NEAR_TAKEN | PMU_ACC(PMU_COND_NTAKEN) | \
				 ACCS_FAR)
#define ACCS_DTLB		(PMU_ACC(PMU_DTLB_LOAD_WALKS) | \
				 PMU_ACC(PMU_DTLB_STORE_WALKS))
#define ACCS_L2_DEMAND		(PMU_ACC(PMU_L1D_MISSES) | \
				 PMU_ACC(PMU_L1I_MISSES))
#define ACCS_INDIRECT		(PMU_ACC(PMU_NEAR_JMP_IND) | \
				 PMU_ACC(PMU_NEAR_CALL_IND))

/* An instruction that reads and writes is one load-op-store. */
#define LS_DISPATCH							\
	ONE(0x029, 0x01, PMU_LOADS),	    /* ls_dispatch.ld_dispatch */ \
	ONE(0x029, 0x02, PMU_STORES),	    /* ls_dispatch.store_dispatch */ \
	ONE(0x029, 0x04, PMU_LOAD_STORES),  /* ls_dispatch.ld_st_dispatch */ \
	EVENT(0x029, 0x07, ACCS_MEMORY)	    /* all_data_cache_accesses */

#define LS_SMI_AND_INT							\
	ONE(0x02b, 0x00, PMU_SMIS),	    /* ls_smi_rx */		\
	ONE(0x02c, 0x00, PMU_INTERRUPTS)    /* ls_int_taken */

#define LS_FILLS							\
	ONE(0x044, 0xff, PMU_L1D_MISSES)    /* ls_any_fills_from_sys.all */

#define LS_L1_D_TLB_MISS						\
	EVENT(0x045, 0xf0, ACCS_DTLB),	    /* ls_l1_d_tlb_miss.all_l2_miss */ \
	EVENT(0x045, 0xff, ACCS_DTLB)	    /* ls_l1_d_tlb_miss.all */

/*
 * Unit mask c8H (data cache reads, stores and state changes) is Linux's
 * L1-dcache-load-misses.  Its bit 20H, shared reads, never happens here.
 */
#define L2_REQUESTS							\
	ONE(0x060, 0x10, PMU_L1I_MISSES),   /* l2_request_g1.cacheable_ic_read */ \
	ONE(0x060, 0xc8, PMU_L1D_MISSES),   /* .rd_blk_l, .rd_blk_x, .change_to_x */ \
	ONE(0x060, 0xe8, PMU_L1D_MISSES),   /* l2_request_g1.all_dc */	\
	EVENT(0x060, 0xf9, ACCS_L2_DEMAND), /* l2_request_g1.all_no_prefetch */ \
	ONE(0x060, 0xff, PMU_L2_REFS),	    /* l2_request_g1.all */	\
	ONE(0x064, 0x09, PMU_L2_MISSES)	    /* l2_cache_req_stat.ic_dc_miss_in_l2 */

#define LS_NOT_HALTED_CYC						\
	ONE(0x076, 0x00, PMU_CYCLES)	    /* ls_not_halted_cyc */

#define EX_RET_TO_TAKEN							\
	ONE(0x0c0, 0x00, PMU_INSTRUCTIONS), /* ex_ret_instr */		\
	ONE(0x0c1, 0x00, PMU_INSTRUCTIONS), /* ex_ret_ops */		\
	EVENT(0x0c2, 0x00, ACCS_RETIRED_BRANCHES), /* ex_ret_brn */	\
	EVENT(0x0c3, 0x00, ACCS_MISP),	    /* ex_ret_brn_misp */	\
	EVENT(0x0c4, 0x00, ACCS_NEAR_TAKEN | ACCS_FAR) /* ex_ret_brn_tkn */

#define EX_RET_FROM_FAR							\
	EVENT(0x0c6, 0x00, ACCS_FAR),	    /* ex_ret_brn_far */	\
	ONE(0x0c8, 0x00, PMU_NEAR_RET),	    /* ex_ret_near_ret */	\
	ONE(0x0c9, 0x00, PMU_MISP_RET),	    /* ex_ret_near_ret_mispred */ \
	ONE(0x0ca, 0x00, PMU_MISP_IND),	    /* ex_ret_brn_ind_misp */	\
	EVENT(0x0cc, 0x00, ACCS_INDIRECT),  /* ex_ret_ind_brch_instr */	\
	EVENT(0x0d1, 0x00, ACCS_COND)	    /* ex_ret_cond */

#define IC_TAG								\
	ONE(0x18e, 0x18, PMU_L1I_MISSES),   /* ic_tag_hit_miss.instruction_cache_miss */ \
	ONE(0x18e, 0x1f, PMU_L1I_REFS)	    /* ...all_instruction_cache_accesses */

#define EX_RET_DIRECTION						\
	ONE(0x1c7, 0x00, PMU_MISP_COND)	    /* ex_ret_msprd_brnch_instr_dir_msmtch */

const struct pmu_event pmu_events_zen3[] = {
	LS_DISPATCH,
	LS_SMI_AND_INT,
	ONE(0x040, 0x00, PMU_L1D_REFS),	    /* ls_dc_accesses, here by the line */
	LS_FILLS,
	LS_L1_D_TLB_MISS,
	L2_REQUESTS,
	LS_NOT_HALTED_CYC,
	ONE(0x081, 0x00, PMU_L1I_MISSES),   /* ic_fw32_miss: a line's first window */
	ONE(0x085, 0x07, PMU_ITLB_WALKS),   /* l2_itlb_misses */
	ONE(0x085, 0xff, PMU_ITLB_WALKS),   /* bp_l1_tlb_miss_l2_tlb_miss */
	EX_RET_TO_TAKEN,
	EX_RET_FROM_FAR,
	IC_TAG,
	EX_RET_DIRECTION,
	END
};

const struct pmu_event pmu_events_zen4[] = {
	LS_DISPATCH,
	LS_SMI_AND_INT,
	LS_FILLS,
	LS_L1_D_TLB_MISS,
	L2_REQUESTS,
	LS_NOT_HALTED_CYC,
	ONE(0x085, 0x0f, PMU_ITLB_WALKS),   /* bp_l1_tlb_miss_l2_tlb_miss.all */
	ONE(0x085, 0xff, PMU_ITLB_WALKS),   /* the same: bits 7:4 are reserved */
	ONE(0x0aa, 0x07, PMU_INSTRUCTIONS), /* de_src_op_disp.all */
	EX_RET_TO_TAKEN,
	EX_RET_FROM_FAR,
	ONE(0x120, 0x01, PMU_CYCLES),	    /* ls_not_halted_p0_cyc.p0_freq_cyc */
	IC_TAG,
	EX_RET_DIRECTION,
	END
};
