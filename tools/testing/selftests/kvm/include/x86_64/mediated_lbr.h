/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of a mediated vPMU's branch records share: the registers of
 * either kind of LBR, known branches to fill them with, and what user space does
 * with a vCPU meanwhile.
 */
#ifndef SELFTEST_KVM_MEDIATED_LBR_H
#define SELFTEST_KVM_MEDIATED_LBR_H

#include "kvm_util.h"
#include "processor.h"

#define MSR_LEGACY_LBR_FROM	0x680
#define MSR_LEGACY_LBR_TO	0x6c0
#define MSR_LEGACY_LBR_INFO	0xdc0
#define MSR_ARCH_LBR_INFO	0x1200
#define MSR_ARCH_LBR_FROM	0x1500
#define MSR_ARCH_LBR_TO		0x1600
#define MSR_AMD_LBR_SELECT	0xc000010e
#define MSR_AMD_DBG_EXTN	0xc000010f
#define MSR_AMD_LBR_FROM	0xc0010300

#define LBR_FMT			GENMASK_ULL(5, 0)
#define LBR_FORMAT_FLAGS_IN_FROM	4

#define X86_FEATURE_LBR_ARCH	KVM_X86_CPU_FEATURE(0x7, 0, EDX, 19)
#define X86_FEATURE_LBR_AMD	KVM_X86_CPU_FEATURE(0x80000022, 0, EAX, 1)
#define X86_PROPERTY_LBR_DEPTHS	KVM_X86_CPU_PROPERTY(0x1c, 0, EAX, 0, 7)
#define X86_PROPERTY_LBR_AMD_NR	KVM_X86_CPU_PROPERTY(0x80000022, 0, EBX, 4, 9)

#define LBR_MAX_DEPTH		32

/* LBR_CTL and DBG_EXTN_CFG */
#define LBR_CTL_ENABLE		BIT_ULL(0)
#define LBR_AMD_ENABLE		BIT_ULL(6)

enum lbr_kind { LBR_LEGACY, LBR_ARCH, LBR_AMD };

/* Which branches to record. */
enum lbr_filter { ALL_BRANCHES, CALLS, USER_BRANCHES };

/**
 * struct lbr - the branch records of a guest
 * @kind: how they are controlled
 * @nr: entries
 * @from: MSR of the first one's source
 * @to: MSR of the first one's target
 * @info: MSR of the first one's other properties, 0 if there is none
 * @stride: from one to the next of either
 * @select: MSR that says what to record
 * @control: MSR that starts and stops recording
 * @on: what starts it
 * @enable: the bit of that which does
 * @flags_in_from: the upper three bits of a source are no part of it
 */
struct lbr {
	enum lbr_kind kind;
	unsigned int nr;
	uint32_t from, to, info, stride;
	uint32_t select, control;
	uint64_t on, enable;
	bool flags_in_from;
};

struct lbr_edge {
	uint64_t from, to;
};

/* The guest's; the host's program has its own copy. */
extern struct lbr lbr;

/* More than any stack holds, whatever the filter leaves out. */
#define LBR_ROUNDS	20

/* The records of a call of lbr_hops(). */
#define LBR_NR_HOPS	6

/* In a guest. */
void lbr_find(void);
struct lbr_edge lbr_record(unsigned int n);
void lbr_set_filter(enum lbr_filter filter);
void lbr_empty(void);
void lbr_run_ring(uint64_t on, uint64_t off, uint64_t rounds);
void lbr_fill(enum lbr_filter filter);
void lbr_check(enum lbr_filter filter);
void lbr_check_older(enum lbr_filter filter, unsigned int newer);
unsigned int lbr_nr_after_ring(void);
void lbr_check_none(void);
void lbr_hops(void);
unsigned int lbr_nr_after_hops(void);
void lbr_check_hops(unsigned int newer);

#define LBR_PORT	0x501

/* Have user space do its pause(), without a branch. */
static inline void lbr_pause(void)
{
	asm volatile("outb %%al, %%dx" : : "d"(LBR_PORT) : "memory");
}

/* Record the ring, and go on. Inline, as a return would be recorded, too. */
static __always_inline void lbr_begin(void)
{
	lbr_empty();
	lbr_set_filter(ALL_BRANCHES);
	lbr_run_ring(lbr.on, lbr.on, LBR_ROUNDS);
}

/* In a guest or on the host. */
bool lbr_is_of_ring(uint64_t from, uint64_t to);

/* On the host. */
void require_lbr(void);

/* What user space does at a pause; the vCPU may be another one after it. */
typedef struct kvm_vcpu *(*pause_fn)(struct kvm_vm *vm, struct kvm_vcpu *vcpu);

struct kvm_vcpu *pause_not(struct kvm_vm *vm, struct kvm_vcpu *vcpu);
struct kvm_vcpu *pause_long(struct kvm_vm *vm, struct kvm_vcpu *vcpu);
struct kvm_vcpu *pause_and_migrate(struct kvm_vm *vm, struct kvm_vcpu *vcpu);
struct kvm_vcpu *pause_and_move(struct kvm_vm *vm, struct kvm_vcpu *vcpu);
bool can_pause(pause_fn pause);
void start_moving(void);
void stop_moving(void);
void guest_inits_other(void);
void vcpu_take_init(struct kvm_vm *vm, struct kvm_vcpu *sender, struct kvm_vcpu *vcpu);
void vcpu_run_to_pause(struct kvm_vcpu *vcpu);
unsigned int vcpu_run_over_pauses(struct kvm_vm *vm, struct kvm_vcpu *vcpu,
				  pause_fn pause);

#endif /* SELFTEST_KVM_MEDIATED_LBR_H */
