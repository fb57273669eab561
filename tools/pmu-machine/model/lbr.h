/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Branch records (last branch records, LBR) of every kind: legacy LBRs up to
 * Ice Lake, architectural LBRs on Sapphire Rapids, AMD's LBR stack on Zen 4.
 *
 * The rules are written in Documentation/machine/branches.md.  The user of the
 * library shows it every taken branch and event while PMU_MODEL_BRANCHES is
 * set in pmu->models; which of them are recorded, and how, is decided here.
 *
 * Manuals: Intel SDM volume 3B, "Last Branch Records" and the chapter on
 * debugging, 17.4 ff.; volume 3C, VMX; volume 1, "Architectural LBR State".
 * AMD APM volume 2, 13.1 "Software-Debug Resources", 15.23 "Last Branch Record
 * Virtualization", appendix B; PPR for family 19h.
 */
#ifndef PMU_LBR_H
#define PMU_LBR_H

#include <stdbool.h>
#include <stdint.h>

struct pmu;

#define PMU_MAX_LBR		32
#define AMD_LBR_DEPTH		16

/* enum pmu_lbr_kind - which records a processor has */
enum pmu_lbr_kind {
	PMU_LBR_NONE,
	PMU_LBR_LEGACY,		/* a ring of MSRs with a top-of-stack pointer */
	PMU_LBR_ARCH,		/* CPUID.1CH; entry 0 is the newest */
	PMU_LBR_AMD,		/* 8000_0022H:EAX[1]; entry 0 is the newest */
};

/* enum pmu_branch - the kinds of branches that records and filters tell apart */
enum pmu_branch {
	PMU_BRANCH_COND,	/* conditional near branch: Jcc, LOOP, JrCXZ */
	PMU_BRANCH_JMP,		/* direct near jump */
	PMU_BRANCH_JMP_IND,
	PMU_BRANCH_CALL,	/* direct near call */
	PMU_BRANCH_CALL_IND,
	PMU_BRANCH_RET,		/* near return */
	PMU_BRANCH_FAR,		/* made by an instruction: far CALL, JMP and RET,
				 * IRET, SYSCALL, SYSRET, INT n, INT3, INT1 ... */
	PMU_BRANCH_EVENT,	/* an interrupt, NMI or exception */
};

/**
 * struct pmu_taken - a branch that was taken
 * @type:	  its kind
 * @from:	  address (RIP, not RIP + CS base) of the branch; of an event,
 *		  the RIP that its handler finds on the stack
 * @to:		  where execution goes on
 * @from_user:	  CPL > 0 at the branch
 * @to_user:	  CPL > 0 at the target
 * @mispredicted: the predictor had it wrong (near branches only)
 * @next:	  a direct call to the next instruction (displacement 0)
 */
struct pmu_taken {
	enum pmu_branch type;
	uint64_t from, to;
	bool from_user, to_user;
	bool mispredicted;
	bool next;
};

/* struct pmu_record - one entry, as its registers read */
struct pmu_record {
	uint64_t from, to, info;
};

/**
 * struct pmu_lbr - the registers
 * @ctl:	  IA32_LBR_CTL
 * @depth:	  IA32_LBR_DEPTH, else the number of entries
 * @select:	  MSR_LBR_SELECT, AMD's LBR_SELECT
 * @dbg_extn_cfg: AMD's DBG_EXTN_CFG
 * @top:	  index in @ring of the newest entry; MSR_LBR_TOS
 * @ring:	  the entries
 * @ler:	  last event record: IA32_LER_*
 * @stamp:	  cycle in which the newest entry was recorded
 * @timed:	  there is an entry since which cycles can be counted
 */
struct pmu_lbr {
	uint64_t ctl;
	uint64_t depth;
	uint64_t select;
	uint64_t dbg_extn_cfg;
	unsigned int top;
	struct pmu_record ring[PMU_MAX_LBR];
	struct pmu_record ler;
	uint64_t stamp;
	bool timed;
};

/*
 * To be called for each taken branch and each event while pmu->models has
 * PMU_MODEL_BRANCHES; pmu->models then has PMU_MODEL_PREDICTOR as well.
 * Before the mode changes that the branch brings.
 */
void pmu_record_branch(struct pmu *pmu, const struct pmu_taken *taken);

/* A #DB is delivered; its own branch is not recorded any more. */
void pmu_debug_exception(struct pmu *pmu);

/*
 * VM entry and exit (VMX): the guest's IA32_LBR_CTL.  To save it read
 * pmu->lbr.ctl; "clear IA32_LBR_CTL" loads 0.
 */
bool pmu_lbr_ctl_valid(const struct pmu *pmu, uint64_t value);
void pmu_load_lbr_ctl(struct pmu *pmu, uint64_t value);

/*
 * XSAVES, XRSTORS: state component 15, 808 bytes.  LBR_CTL, LBR_DEPTH,
 * LER_FROM_IP, LER_TO_IP, LER_INFO, then FROM_IP, TO_IP, INFO of each entry.
 */
#define PMU_LBR_XSAVE_QWORDS	(5 + 3 * PMU_MAX_LBR)

bool pmu_lbr_in_use(const struct pmu *pmu);	/* XINUSE[15] */
void pmu_lbr_xsave(struct pmu *pmu, uint64_t area[PMU_LBR_XSAVE_QWORDS]);
/* false: #GP, and nothing was changed */
bool pmu_lbr_xrstor(struct pmu *pmu, const uint64_t area[PMU_LBR_XSAVE_QWORDS]);
void pmu_lbr_xinit(struct pmu *pmu);		/* to the initial configuration */

/**
 * struct pmu_svm_lbr - what LBR virtualization swaps at VMRUN and #VMEXIT
 * @debugctl:	  VMCB save area 270H
 * @dbg_extn_cfg: 298H
 * @from_to:	  670H: FROM, TO of entry 0 (the newest) to 15
 * @select:	  770H
 */
struct pmu_svm_lbr {
	uint64_t debugctl;
	uint64_t dbg_extn_cfg;
	uint64_t from_to[2 * AMD_LBR_DEPTH];
	uint64_t select;
};

void pmu_svm_lbr_save(struct pmu *pmu, struct pmu_svm_lbr *to);
void pmu_svm_lbr_load(struct pmu *pmu, const struct pmu_svm_lbr *from);

#endif /* PMU_LBR_H */
