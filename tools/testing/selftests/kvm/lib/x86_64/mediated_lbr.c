// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tests of a mediated vPMU's branch records share.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>

#include "apic.h"
#include "kvm_util.h"
#include "mediated_lbr.h"
#include "mediated_pmu.h"
#include "pmu.h"
#include "processor.h"
#include "test_util.h"

#define AMD_ADDRESS		GENMASK_ULL(57, 0)

/* What is not to be recorded (LBR_SELECT), or is (LBR_CTL). */
#define SELECT_NOT_KERNEL	BIT_ULL(0)
#define SELECT_NOT_COND		BIT_ULL(2)
#define SELECT_NOT_RET		BIT_ULL(5)
#define SELECT_NOT_IND_JMP	BIT_ULL(6)
#define SELECT_NOT_JMP		BIT_ULL(7)
#define SELECT_NOT_FAR		BIT_ULL(8)
#define CTL_KERNEL		BIT_ULL(1)
#define CTL_USER		BIT_ULL(2)
#define CTL_CALL		BIT_ULL(19)
#define CTL_IND_CALL		BIT_ULL(20)
#define CTL_ALL			(CTL_KERNEL | CTL_USER | GENMASK_ULL(22, 16))

struct lbr lbr;

/*
 * A round of eight branches and an instruction that exits, @rounds times; the
 * last branch is not taken the last time. Recording begins and ends without a
 * branch.
 */
asm(".pushsection .text\n"
	"ring_called:	ret\n"
	"ring_ind_called:	ret\n"
	".popsection\n");

extern const char ring_called[], ring_ind_called[];
extern const char ring_jmp[], ring_jmp_to[], ring_ind_jmp[], ring_ind_jmp_to[];
extern const char ring_call[], ring_call_end[], ring_ind_call[], ring_ind_call_end[];
extern const char ring_cond[], ring_cond_to[], ring_loop[];

noinline void lbr_run_ring(uint64_t on, uint64_t off, uint64_t rounds)
{
	register uint64_t r8 asm("r8") = rounds;
	register uint64_t r9 asm("r9") = off;
	uint32_t eax = on, edx = on >> 32, ecx = lbr.control;

	asm volatile("	wrmsr\n"
		     "ring_jmp:	jmp ring_jmp_to\n"
		     "	ud2\n"
		     "ring_jmp_to:	lea ring_ind_jmp_to(%%rip), %%rax\n"
		     "ring_ind_jmp:	jmp *%%rax\n"
		     "	ud2\n"
		     "ring_ind_jmp_to:\n"
		     "ring_call:	call ring_called\n"
		     "ring_call_end:	lea ring_ind_called(%%rip), %%rax\n"
		     "ring_ind_call:	call *%%rax\n"
		     "ring_ind_call_end:\n"
		     "	xor %%eax, %%eax\n"
		     "	cpuid\n"
		     "	xor %%eax, %%eax\n"
		     "ring_cond:	jz ring_cond_to\n"
		     "	ud2\n"
		     "ring_cond_to:	dec %%r8\n"
		     "ring_loop:	jnz ring_jmp\n"
		     "	mov %%esi, %%ecx\n"
		     "	mov %%r9d, %%eax\n"
		     "	mov %%r9, %%rdx\n"
		     "	shr $32, %%rdx\n"
		     "	wrmsr\n"
		     : "+a"(eax), "+d"(edx), "+c"(ecx), "+r"(r8)
		     : "S"(lbr.control), "r"(r9)
		     : "ebx", "cc", "memory");
}

#define EDGE(from, to)	{ (uint64_t)(from), (uint64_t)(to) }
#define RING		8

static const struct lbr_edge ring[RING] = {
	EDGE(ring_jmp, ring_jmp_to),
	EDGE(ring_ind_jmp, ring_ind_jmp_to),
	EDGE(ring_call, ring_called),
	EDGE(ring_called, ring_call_end),
	EDGE(ring_ind_call, ring_ind_called),
	EDGE(ring_ind_called, ring_ind_call_end),
	EDGE(ring_cond, ring_cond_to),
	EDGE(ring_loop, ring_jmp),
};

#define RING_CALL	2
#define RING_IND_CALL	4
/* The last branch of a ring that has come to its end */
#define RING_LAST	6

/* Other branches than the ring's, which do not touch what records them. */
asm(".pushsection .text\n"
	".globl lbr_hops\n"
	"lbr_hops:		jmp hop_1\n"
	"	ud2\n"
	"hop_1:		jmp hop_2\n"
	"	ud2\n"
	"hop_2:		jmp hop_3\n"
	"	ud2\n"
	"hop_3:		jmp hops_end\n"
	"	ud2\n"
	"hops_end:		ret\n"
	".popsection\n");

extern const char hop_1[], hop_2[], hop_3[], hops_end[];

#define HOPS		4

static const struct lbr_edge hops[HOPS] = {
	EDGE(lbr_hops, hop_1),
	EDGE(hop_1, hop_2),
	EDGE(hop_2, hop_3),
	EDGE(hop_3, hops_end),
};

kvm_static_assert(HOPS + 2 == LBR_NR_HOPS);

static bool is_call(unsigned int i)
{
	return i == RING_CALL || i == RING_IND_CALL;
}

/* The branch of the ring that was recorded before this one. */
static unsigned int before(unsigned int i, enum lbr_filter filter)
{
	do {
		i = (i + RING - 1) % RING;
	} while (filter == CALLS && !is_call(i));

	return i;
}

static void find_amd_lbr(void)
{
	lbr = (struct lbr) {
		.kind = LBR_AMD,
		.nr = this_cpu_property(X86_PROPERTY_LBR_AMD_NR),
		.from = MSR_AMD_LBR_FROM, .to = MSR_AMD_LBR_FROM + 1,
		.stride = 2,
		.select = MSR_AMD_LBR_SELECT,
		.control = MSR_AMD_DBG_EXTN,
		.on = LBR_AMD_ENABLE, .enable = LBR_AMD_ENABLE,
	};
}

static void find_arch_lbr(void)
{
	lbr = (struct lbr) {
		.kind = LBR_ARCH,
		.nr = rdmsr(MSR_ARCH_LBR_DEPTH),
		.from = MSR_ARCH_LBR_FROM, .to = MSR_ARCH_LBR_TO,
		.info = MSR_ARCH_LBR_INFO,
		.stride = 1,
		.control = MSR_ARCH_LBR_CTL,
		.on = LBR_CTL_ENABLE | CTL_ALL, .enable = LBR_CTL_ENABLE,
	};
}

static void find_legacy_lbr(void)
{
	bool flags_in_from = (rdmsr(MSR_IA32_PERF_CAPABILITIES) & LBR_FMT) ==
			     LBR_FORMAT_FLAGS_IN_FROM;

	lbr = (struct lbr) {
		.kind = LBR_LEGACY,
		.nr = flags_in_from ? 16 : 32,
		.from = MSR_LEGACY_LBR_FROM, .to = MSR_LEGACY_LBR_TO,
		.info = flags_in_from ? 0 : MSR_LEGACY_LBR_INFO,
		.stride = 1,
		.select = MSR_LBR_SELECT,
		.control = MSR_IA32_DEBUGCTLMSR,
		.on = DEBUGCTLMSR_LBR, .enable = DEBUGCTLMSR_LBR,
		.flags_in_from = flags_in_from,
	};
}

/* Fill in the guest's @lbr. */
void lbr_find(void)
{
	if (this_cpu_is_amd())
		find_amd_lbr();
	else if (this_cpu_has(X86_FEATURE_LBR_ARCH))
		find_arch_lbr();
	else
		find_legacy_lbr();
}

/* The @n-th newest record. */
struct lbr_edge lbr_record(unsigned int n)
{
	unsigned int i = n;
	struct lbr_edge edge;

	if (lbr.kind == LBR_LEGACY)
		i = (rdmsr(MSR_LBR_TOS) - n) & (lbr.nr - 1);

	edge.from = rdmsr(lbr.from + i * lbr.stride);
	edge.to = rdmsr(lbr.to + i * lbr.stride);
	if (lbr.kind == LBR_AMD) {
		edge.from &= AMD_ADDRESS;
		edge.to &= AMD_ADDRESS;
	}
	if (lbr.flags_in_from)
		edge.from = (int64_t)(edge.from << 3) >> 3;
	return edge;
}

static uint64_t control_for(enum lbr_filter filter)
{
	if (lbr.kind != LBR_ARCH)
		return lbr.on;

	switch (filter) {
	case CALLS:
		return LBR_CTL_ENABLE | CTL_KERNEL | CTL_USER | CTL_CALL | CTL_IND_CALL;
	case USER_BRANCHES:
		return lbr.on & ~CTL_KERNEL;
	default:
		return lbr.on;
	}
}

/* Where the filter is not a part of what starts recording. */
void lbr_set_filter(enum lbr_filter filter)
{
	if (lbr.kind == LBR_ARCH)
		return;

	wrmsr(lbr.select, filter == CALLS ? SELECT_NOT_COND | SELECT_NOT_RET |
					    SELECT_NOT_IND_JMP | SELECT_NOT_JMP |
					    SELECT_NOT_FAR :
			  filter == USER_BRANCHES ? SELECT_NOT_KERNEL : 0);
}

void lbr_empty(void)
{
	unsigned int i;

	if (lbr.kind == LBR_ARCH) {
		wrmsr(MSR_ARCH_LBR_DEPTH, lbr.nr);
		return;
	}
	for (i = 0; i < lbr.nr; i++) {
		wrmsr(lbr.from + i * lbr.stride, 0);
		wrmsr(lbr.to + i * lbr.stride, 0);
	}
}

void lbr_fill(enum lbr_filter filter)
{
	lbr_empty();
	lbr_set_filter(filter);
	lbr_run_ring(control_for(filter), 0, LBR_ROUNDS);
}

static void check_record(unsigned int n, const struct lbr_edge *branch)
{
	struct lbr_edge edge = lbr_record(n);

	__GUEST_ASSERT(edge.from == branch->from && edge.to == branch->to,
		       "Record %u of %u is %lx to %lx, the branch was %lx to %lx",
		       n, lbr.nr, edge.from, edge.to, branch->from, branch->to);
}

/* The newest records but @newer, which are of what came after the ring. */
void lbr_check_older(enum lbr_filter filter, unsigned int newer)
{
	unsigned int at = filter == CALLS ? RING_IND_CALL : RING_LAST;
	unsigned int n;

	for (n = newer; n < lbr.nr; n++) {
		check_record(n, &ring[at]);
		at = before(at, filter);
	}
}

void lbr_check(enum lbr_filter filter)
{
	lbr_check_older(filter, 0);
}

static unsigned int nr_after(uint64_t from)
{
	unsigned int n;

	for (n = 0; n < lbr.nr; n++) {
		if (lbr_record(n).from == from)
			break;
	}
	return n;
}

/* All of them, if there is none of the ring's. */
unsigned int lbr_nr_after_ring(void)
{
	return nr_after(ring[RING_LAST].from);
}

void lbr_check_none(void)
{
	struct lbr_edge edge;
	unsigned int n;

	for (n = 0; n < lbr.nr; n++) {
		edge = lbr_record(n);
		__GUEST_ASSERT(!edge.from && !edge.to, "Record %u of %u is %lx to %lx",
			       n, lbr.nr, edge.from, edge.to);
	}
}

/* All of them, if there is none of lbr_hops(). */
unsigned int lbr_nr_after_hops(void)
{
	return nr_after((uint64_t)hops_end);
}

/* The records behind @newer ones are of a call of lbr_hops(). */
void lbr_check_hops(unsigned int newer)
{
	unsigned int i;

	GUEST_ASSERT_EQ(lbr_record(newer).from, (uint64_t)hops_end);
	for (i = 0; i < HOPS; i++)
		check_record(newer + HOPS - i, &hops[i]);
	GUEST_ASSERT_EQ(lbr_record(newer + HOPS + 1).to, (uint64_t)lbr_hops);
}

bool lbr_is_of_ring(uint64_t from, uint64_t to)
{
	int i;

	for (i = 0; i < RING; i++) {
		if (ring[i].from == from && ring[i].to == to)
			return true;
	}
	return false;
}

static bool guests_have_lbr(void)
{
	if (host_cpu_is_amd)
		return kvm_cpu_has(X86_FEATURE_LBR_AMD);

	return kvm_get_feature_msr(MSR_IA32_PERF_CAPABILITIES) & LBR_FMT;
}

void require_lbr(void)
{
	require_mediated_pmu();
	TEST_REQUIRE(guests_have_lbr());
}

struct kvm_vcpu *pause_not(struct kvm_vm *vm, struct kvm_vcpu *vcpu)
{
	return vcpu;
}

/* Longer than a guest's PMU is idle before its registers exit again. */
struct kvm_vcpu *pause_long(struct kvm_vm *vm, struct kvm_vcpu *vcpu)
{
	usleep(1200000);
	return vcpu;
}

struct kvm_vcpu *pause_and_migrate(struct kvm_vm *vm, struct kvm_vcpu *vcpu)
{
	return vcpu_save_and_restore(vm, vcpu);
}

/* Each time to the other of two CPUs. */
static void move_to_other_cpu(pid_t thread)
{
	static int cpu;
	cpu_set_t one;

	cpu = !cpu;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	TEST_ASSERT(!sched_setaffinity(thread, sizeof(one), &one),
		    "Can't move to CPU %d: %s", cpu, strerror(errno));
}

struct kvm_vcpu *pause_and_move(struct kvm_vm *vm, struct kvm_vcpu *vcpu)
{
	move_to_other_cpu(0);
	return vcpu;
}

bool can_pause(pause_fn pause)
{
	return pause != pause_and_move || get_nprocs() > 1;
}

static struct {
	pthread_t mover;
	pid_t thread;
	long moves;
	bool is_done;
} moving;

static void *move_until_done(void *unused)
{
	while (!__atomic_load_n(&moving.is_done, __ATOMIC_ACQUIRE)) {
		move_to_other_cpu(moving.thread);
		moving.moves++;
		usleep(200);
	}
	return NULL;
}

/* Have this thread moved between two CPUs while it goes on. */
void start_moving(void)
{
	moving.thread = syscall(SYS_gettid);
	moving.moves = 0;
	moving.is_done = false;
	pthread_create(&moving.mover, NULL, move_until_done, NULL);
}

void stop_moving(void)
{
	__atomic_store_n(&moving.is_done, true, __ATOMIC_RELEASE);
	pthread_join(moving.mover, NULL);
	TEST_ASSERT(moving.moves > 20, "Moved only %ld times", moving.moves);
}

/* A guest's code, of the first of two vCPUs. */
void guest_inits_other(void)
{
	x2apic_enable();
	x2apic_write_reg(APIC_ICR, 1ull << 32 | APIC_INT_ASSERT | APIC_DM_INIT);
	GUEST_DONE();
}

/*
 * Have @sender, which runs the above, send an INIT to @vcpu. What it changes of
 * the general registers is put back, for the guest to look at the rest.
 */
void vcpu_take_init(struct kvm_vm *vm, struct kvm_vcpu *sender, struct kvm_vcpu *vcpu)
{
	struct kvm_mp_state state, runnable = { KVM_MP_STATE_RUNNABLE };
	struct kvm_regs regs, reset;
	struct kvm_sregs sregs;

	vcpu_sregs_get(vcpu, &sregs);
	vcpu_regs_get(vcpu, &regs);

	vcpu_run_over_pauses(vm, sender, pause_not);
	vcpu_mp_state_get(vcpu, &state);
	TEST_ASSERT_EQ(state.mp_state, KVM_MP_STATE_INIT_RECEIVED);
	vcpu_regs_get(vcpu, &reset);
	TEST_ASSERT_EQ(reset.rip, 0xfff0);

	vcpu_sregs_set(vcpu, &sregs);
	vcpu_regs_set(vcpu, &regs);
	vcpu_mp_state_set(vcpu, &runnable);
}

static bool is_pause(struct kvm_vcpu *vcpu)
{
	return vcpu->run->exit_reason == KVM_EXIT_IO && vcpu->run->io.port == LBR_PORT;
}

/* Run to the guest's next lbr_pause(). */
void vcpu_run_to_pause(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	vcpu_run(vcpu);
	if (!is_pause(vcpu)) {
		if (get_ucall(vcpu, &uc) == UCALL_ABORT)
			REPORT_GUEST_ASSERT(uc);
		TEST_FAIL("No pause, but exit reason %u", vcpu->run->exit_reason);
	}
	vcpu_run_complete_io(vcpu);
}

/* Run to GUEST_DONE(), and tell how many pauses there were. */
unsigned int vcpu_run_over_pauses(struct kvm_vm *vm, struct kvm_vcpu *vcpu,
				  pause_fn pause)
{
	unsigned int pauses = 0;
	struct ucall uc;

	for (;;) {
		vcpu_run(vcpu);
		if (!is_pause(vcpu))
			break;
		vcpu_run_complete_io(vcpu);
		vcpu = pause(vm, vcpu);
		pauses++;
	}

	switch (get_ucall(vcpu, &uc)) {
	case UCALL_DONE:
		return pauses;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(uc);
	default:
		TEST_FAIL("Unexpected ucall: %lu, exit reason %u", uc.cmd,
			  vcpu->run->exit_reason);
	}
	return 0;
}
