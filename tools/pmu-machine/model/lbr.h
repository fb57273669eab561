/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Branch records (last branch records, LBR) of every kind: legacy LBRs up to
 * Ice Lake, architectural LBRs on Sapphire Rapids, AMD's LBR stack on Zen 4 and
 * the single records that every AMD processor has.
 *
 * The rules are written in Documentation/machine/branches.md.  The user of the
 * library shows it every taken branch and event while PMU_MODEL_BRANCHES is
 * set in pmu->models; which of them are recorded, and how, is decided here.
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
	PMU_LBR_LEGACY,		/* a ring of MSRs with a top-of-stack pointer */
	PMU_LBR_ARCH,		/* CPUID.1CH; entry 0 is the newest */
	PMU_LBR_AMD,		/* control-transfer recording MSRs, and with
				 * 8000_0022H:EAX[1] a stack, newest first */
};

/* enum pmu_branch - the kinds that records and filters tell apart */
enum pmu_branch {
	PMU_BRANCH_COND,	/* conditional near branch: Jcc, LOOP, JrCXZ */
	PMU_BRANCH_JMP,		/* direct near jump */
	PMU_BRANCH_JMP_IND,
	PMU_BRANCH_CALL,	/* direct near call */
	PMU_BRANCH_CALL_IND,
	PMU_BRANCH_RET,		/* near return */
	PMU_BRANCH_FAR,		/* far CALL, JMP, RET; IRET, SYSCALL ... */
	PMU_BRANCH_INT,		/* software interrupt: INT n, INT3, INTO */
	PMU_BRANCH_EVENT,	/* interrupt, NMI or exception, but not #DB */
};

/**
 * struct pmu_taken - a branch that was taken
 * @type:	  its kind
 * @from:	  address (RIP, without the base of CS) of the branch; of an
 *		  event, the RIP that its handler finds on the stack
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
 * @select:	  MSR_LBR_SELECT, AMD's LastBranchStackSelect
 * @debug_extn:	  AMD's DebugExtnCtl
 * @ring:	  the entries
 * @top:	  index in @ring of the newest; MSR_LASTBRANCH_TOS
 * @last:	  AMD's LastBranchFromIP and LastBranchToIP
 * @ler:	  the last branch before the last event: IA32_LER_*, AMD's
 *		  LastInt*
 * @stamp:	  the cycle in which an entry was last made
 * @timed:	  that was since recording was switched on
 * @smm:	  IA32_LBR_CTL.LBREn outside of SMM
 * @host:	  what #VMEXIT will give back
 */
struct pmu_lbr {
	uint64_t ctl;
	uint64_t depth;
	uint64_t select;
	uint64_t debug_extn;
	struct pmu_record ring[PMU_MAX_LBR];
	unsigned int top;
	struct pmu_record last, ler;
	uint64_t stamp;
	bool timed;
	uint64_t smm;
	struct {
		uint64_t debugctl, debug_extn;
		struct pmu_record last, ler;
	} host;
};

/*
 * To be called for each taken branch and each event while pmu->models has
 * PMU_MODEL_BRANCHES; it then has PMU_MODEL_PREDICTOR as well.
 */
void pmu_record_branch(struct pmu *pmu, const struct pmu_taken *taken);

/* A #DB is delivered; a #DB that causes a VM exit changes nothing. */
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
 * struct pmu_svm_lbr - the guest's part of LBR virtualization
 * @debugctl:	VMCB save area 270H
 * @br_from:	278H LastBranchFromIP
 * @br_to:	280H LastBranchToIP
 * @excp_from:	288H LastIntFromIP
 * @excp_to:	290H LastIntToIP
 * @debug_extn: 298H DebugExtnCtl
 * @stack:	670H: FROM, TO of entry 0 (the newest) to 15
 * @select:	770H LastBranchStackSelect
 *
 * The last three are loaded and saved only where there is the LBR stack; leave
 * the VMCB's fields alone where there is none.
 */
struct pmu_svm_lbr {
	uint64_t debugctl;
	uint64_t br_from, br_to;
	uint64_t excp_from, excp_to;
	uint64_t debug_extn;
	uint64_t stack[2 * AMD_LBR_DEPTH];
	uint64_t select;
};

/*
 * VMRUN and #VMEXIT with LBR_VIRTUALIZATION_ENABLE set: load the guest's
 * registers; save them, and load the host's.
 */
void pmu_svm_lbr_enter(struct pmu *pmu, const struct pmu_svm_lbr *guest);
void pmu_svm_lbr_leave(struct pmu *pmu, struct pmu_svm_lbr *guest);

#endif /* PMU_LBR_H */
