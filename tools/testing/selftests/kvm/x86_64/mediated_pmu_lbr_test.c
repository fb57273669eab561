// SPDX-License-Identifier: GPL-2.0-only
/*
 * Branch records of a guest with a mediated vPMU: those of a ring of known
 * branches are what the CPU took, entry by entry, whatever comes between, and
 * neither the host nor another guest finds them among its own.
 */
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/perf_event.h>

#include "apic.h"
#include "host_events.h"
#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

#define MSR_LEGACY_LBR_FROM	0x680
#define MSR_LEGACY_LBR_TO	0x6c0
#define MSR_LEGACY_LBR_INFO	0xdc0
#define MSR_ARCH_LBR_INFO	0x1200
#define MSR_ARCH_LBR_FROM	0x1500
#define MSR_ARCH_LBR_TO		0x1600
#define MSR_AMD_LBR_SELECT	0xc000010e
#define MSR_AMD_DBG_EXTN	0xc000010f
#define MSR_AMD_LBR_FROM	0xc0010300

#define AMD_LBR_ENABLE		BIT_ULL(6)
#define AMD_ADDRESS		GENMASK_ULL(57, 0)

#define LBR_FMT			GENMASK_ULL(5, 0)
#define FORMAT_FLAGS_IN_FROM	4

#define X86_FEATURE_LBR_ARCH	KVM_X86_CPU_FEATURE(0x7, 0, EDX, 19)
#define X86_FEATURE_LBR_AMD	KVM_X86_CPU_FEATURE(0x80000022, 0, EAX, 1)
#define X86_PROPERTY_LBR_DEPTHS	KVM_X86_CPU_PROPERTY(0x1c, 0, EAX, 0, 7)
#define X86_PROPERTY_LBR_AMD_NR	KVM_X86_CPU_PROPERTY(0x80000022, 0, EBX, 4, 9)

#define STATUS_LBR_FROZEN	BIT_ULL(58)

#define XSS_LBR			BIT_ULL(15)
#define MAX_DEPTH		32

/* What is not to be recorded (LBR_SELECT), or is (LBR_CTL). */
#define SELECT_NOT_KERNEL	BIT_ULL(0)
#define SELECT_NOT_COND		BIT_ULL(2)
#define SELECT_NOT_CALL		BIT_ULL(3)
#define SELECT_NOT_IND_CALL	BIT_ULL(4)
#define SELECT_NOT_RET		BIT_ULL(5)
#define SELECT_NOT_IND_JMP	BIT_ULL(6)
#define SELECT_NOT_JMP		BIT_ULL(7)
#define SELECT_NOT_FAR		BIT_ULL(8)
#define CTL_ENABLE		BIT_ULL(0)
#define CTL_KERNEL		BIT_ULL(1)
#define CTL_USER		BIT_ULL(2)
#define CTL_CALL		BIT_ULL(19)
#define CTL_IND_CALL		BIT_ULL(20)
#define CTL_ALL			(CTL_KERNEL | CTL_USER | GENMASK_ULL(22, 16))

enum lbr_kind { LBR_LEGACY, LBR_ARCH, LBR_AMD };

/* Which branches to record. */
enum lbr_filter { ALL_BRANCHES, CALLS, USER_BRANCHES };

/**
 * struct lbr - the branch records of a guest
 * @kind: how they are controlled
 * @nr: entries
 * @from: MSR of the first one's source
 * @to: MSR of the first one's target
 * @stride: from one to the next of either
 * @select: MSR that says what to record
 * @control: MSR that starts and stops recording
 * @on: what starts it
 * @flags_in_from: the upper three bits of a source are no part of it
 */
struct lbr {
	enum lbr_kind kind;
	unsigned int nr;
	uint32_t from, to, stride;
	uint32_t select, control;
	uint64_t on;
	bool flags_in_from;
};

static struct lbr lbr;

struct edge {
	uint64_t from, to;
};

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

static noinline void run_ring(uint64_t on, uint64_t off, uint64_t rounds)
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

static const struct edge ring[RING] = {
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

static void find_lbr(void)
{
	if (this_cpu_is_amd()) {
		lbr = (struct lbr) {
			.kind = LBR_AMD,
			.nr = this_cpu_property(X86_PROPERTY_LBR_AMD_NR),
			.from = MSR_AMD_LBR_FROM, .to = MSR_AMD_LBR_FROM + 1,
			.stride = 2,
			.select = MSR_AMD_LBR_SELECT,
			.control = MSR_AMD_DBG_EXTN, .on = AMD_LBR_ENABLE,
		};
	} else if (this_cpu_has(X86_FEATURE_LBR_ARCH)) {
		lbr = (struct lbr) {
			.kind = LBR_ARCH,
			.nr = rdmsr(MSR_ARCH_LBR_DEPTH),
			.from = MSR_ARCH_LBR_FROM, .to = MSR_ARCH_LBR_TO,
			.stride = 1,
			.control = MSR_ARCH_LBR_CTL, .on = CTL_ENABLE | CTL_ALL,
		};
	} else {
		uint64_t format = rdmsr(MSR_IA32_PERF_CAPABILITIES) & LBR_FMT;

		lbr = (struct lbr) {
			.kind = LBR_LEGACY,
			.nr = format == FORMAT_FLAGS_IN_FROM ? 16 : 32,
			.from = MSR_LEGACY_LBR_FROM, .to = MSR_LEGACY_LBR_TO,
			.stride = 1,
			.select = MSR_LBR_SELECT,
			.control = MSR_IA32_DEBUGCTLMSR, .on = DEBUGCTLMSR_LBR,
			.flags_in_from = format == FORMAT_FLAGS_IN_FROM,
		};
	}
}

/* The @n-th newest record. */
static struct edge record(unsigned int n)
{
	unsigned int i = n;
	struct edge edge;

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
		return CTL_ENABLE | CTL_KERNEL | CTL_USER | CTL_CALL | CTL_IND_CALL;
	case USER_BRANCHES:
		return lbr.on & ~CTL_KERNEL;
	default:
		return lbr.on;
	}
}

static void set_filter(enum lbr_filter filter)
{
	if (lbr.kind == LBR_ARCH)
		return;

	wrmsr(lbr.select, filter == CALLS ? SELECT_NOT_COND | SELECT_NOT_RET |
					    SELECT_NOT_IND_JMP | SELECT_NOT_JMP |
					    SELECT_NOT_FAR :
			  filter == USER_BRANCHES ? SELECT_NOT_KERNEL : 0);
}

static void empty_records(void)
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

/* More than any stack holds, whatever the filter leaves out. */
#define ROUNDS		20

static void fill_records(enum lbr_filter filter)
{
	empty_records();
	set_filter(filter);
	run_ring(control_for(filter), 0, ROUNDS);
}

/* The newest records but @newer, which are of what came after the ring. */
static void check_older_records(enum lbr_filter filter, unsigned int newer)
{
	unsigned int at = filter == CALLS ? RING_IND_CALL : RING_LAST;
	struct edge edge;
	unsigned int n;

	for (n = newer; n < lbr.nr; n++) {
		edge = record(n);
		__GUEST_ASSERT(edge.from == ring[at].from && edge.to == ring[at].to,
			       "Record %u of %u is %lx to %lx, the branch was %lx to %lx",
			       n, lbr.nr, edge.from, edge.to, ring[at].from, ring[at].to);
		at = before(at, filter);
	}
}

static void check_records(enum lbr_filter filter)
{
	check_older_records(filter, 0);
}

static unsigned int records_after_ring(void)
{
	unsigned int n;

	for (n = 0; n < lbr.nr; n++) {
		if (record(n).from == ring[RING_LAST].from)
			break;
	}
	return n;
}

static void check_no_records(void)
{
	struct edge edge;
	unsigned int n;

	for (n = 0; n < lbr.nr; n++) {
		edge = record(n);
		__GUEST_ASSERT(!edge.from && !edge.to, "Record %u of %u is %lx to %lx",
			       n, lbr.nr, edge.from, edge.to);
	}
}

/* Each phase ends with an exit to user space, which does what it likes. */
static void guest_phases(void)
{
	find_lbr();
	check_no_records();
	for (;;) {
		fill_records(ALL_BRANCHES);
		check_records(ALL_BRANCHES);
		GUEST_SYNC(0);
		check_records(ALL_BRANCHES);
		fill_records(CALLS);
		GUEST_SYNC(1);
		check_records(CALLS);
		fill_records(USER_BRANCHES);
		check_no_records();
		GUEST_SYNC(2);
		check_no_records();
	}
}

/* With a counter that counts, as profilers have it. */
static void guest_phases_counting(void)
{
	struct pmu_switch sw;

	pmu_find();
	pmu_stop();
	sw = pmu_arm(1, ARCH_PERFMON_EVENTSEL_OS);
	wrmsr(sw.msr, sw.on);
	guest_phases();
}

#define PORT_NOTHING	0x501

/* Recording goes on over the exit to user space, which takes no branch. */
static void guest_recording(void)
{
	find_lbr();
	for (;;) {
		empty_records();
		set_filter(ALL_BRANCHES);
		run_ring(lbr.on, lbr.on, ROUNDS);
		asm volatile("outb %%al, %%dx" : : "d"(PORT_NOTHING) : "memory");
		wrmsr(lbr.control, 0);
		/* That run_ring() returned */
		GUEST_ASSERT_EQ(records_after_ring(), 1);
		check_older_records(ALL_BRANCHES, 1);
		GUEST_SYNC(0);
	}
}

#define NR_READS	100

static void guest_reads(void)
{
	int i;

	find_lbr();
	fill_records(ALL_BRANCHES);
	GUEST_SYNC(0);
	record(0);
	GUEST_SYNC(1);
	for (i = 0; i < NR_READS; i++)
		record(i % lbr.nr);
	GUEST_SYNC(2);
	GUEST_DONE();
}

FIXTURE(lbr)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
};

FIXTURE_VARIANT(lbr)
{
	void (*program)(void);
};

FIXTURE_VARIANT_ADD(lbr, alone)
{
	.program = guest_phases,
};

FIXTURE_VARIANT_ADD(lbr, beside_a_counter)
{
	.program = guest_phases_counting,
};

FIXTURE_SETUP(lbr)
{
	self->vm = vm_create_with_one_vcpu(&self->vcpu, variant->program);
}

FIXTURE_TEARDOWN(lbr)
{
	kvm_vm_free(self->vm);
}

#define PHASES	6

TEST_F(lbr, records_are_the_branches_taken)
{
	int i;

	for (i = 0; i < PHASES; i++)
		TEST_ASSERT_EQ(vcpu_next_sync(self->vcpu), i % 3);
}

/* Longer than a guest's PMU is idle before its registers exit again. */
TEST_F(lbr, records_stay_while_the_guest_sleeps)
{
	int i;

	for (i = 0; i < PHASES; i++) {
		TEST_ASSERT_EQ(vcpu_next_sync(self->vcpu), i % 3);
		usleep(1200000);
	}
}

TEST_F(lbr, records_are_not_another_guest_s)
{
	struct kvm_vcpu *other;
	struct kvm_vm *vm;
	int i;

	vm = vm_create_with_one_vcpu(&other, variant->program);
	for (i = 0; i < PHASES; i++) {
		TEST_ASSERT_EQ(vcpu_next_sync(self->vcpu), i % 3);
		if (i % 2)
			TEST_ASSERT_EQ(vcpu_next_sync(other), i / 2);
	}
	kvm_vm_free(vm);
}

TEST_F(lbr, records_migrate)
{
	int i;

	for (i = 0; i < PHASES; i++) {
		TEST_ASSERT_EQ(vcpu_next_sync(self->vcpu), i % 3);
		self->vcpu = vcpu_save_and_restore(self->vm, self->vcpu);
	}
}

/* Once the guest has reached for one record, it reads the others by itself. */
TEST(reading_records_does_not_exit)
{
	struct kvm_vcpu *vcpu;
	uint64_t exits;
	struct kvm_vm *vm;

	vm = vm_create_with_one_vcpu(&vcpu, guest_reads);
	vcpu_next_sync(vcpu);
	vcpu_next_sync(vcpu);
	exits = vcpu_get_exits(vcpu);
	vcpu_next_sync(vcpu);
	exits = vcpu_get_exits(vcpu) - exits;
	TEST_ASSERT(exits < NR_READS / 2, "%lu exits", exits);
	kvm_vm_free(vm);
}

TEST(recording_goes_on_over_exits)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	int i;

	vm = vm_create_with_one_vcpu(&vcpu, guest_recording);
	for (i = 0; i < 3; i++) {
		vcpu_run(vcpu);
		TEST_ASSERT_KVM_EXIT_REASON(vcpu, KVM_EXIT_IO);
		TEST_ASSERT_EQ(vcpu->run->io.port, PORT_NOTHING);
		vcpu_next_sync(vcpu);
	}
	kvm_vm_free(vm);
}

/* Frozen by the overflow of a counter in the middle of the ring. */
static uint64_t frozen_at;

static void handle_frozen(struct ex_regs *regs)
{
	frozen_at = regs->rip;
	wrmsr(lbr.control, 0);
	pmu_nmi_handler(regs);
}

static void guest_freezes(void)
{
	uint64_t freeze = DEBUGCTLMSR_FREEZE_LBRS_ON_PMI;
	struct pmu_switch sw;
	unsigned int n, i;
	struct edge edge;

	x2apic_enable();
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	pmu_find();
	pmu_stop();
	find_lbr();
	empty_records();
	set_filter(ALL_BRANCHES);

	/* About the middle, and at the instruction that KVM retires, too. */
	for (n = 140; n < 160; n++) {
		pmu_write(0, -(uint64_t)n & COUNTER_MASK);
		sw = pmu_arm(1, ARCH_PERFMON_EVENTSEL_OS | ARCH_PERFMON_EVENTSEL_INT);
		if (lbr.kind != LBR_LEGACY)
			wrmsr(MSR_IA32_DEBUGCTLMSR, freeze);
		else
			lbr.on = DEBUGCTLMSR_LBR | freeze;
		pmu_nr_nmis = 0;
		wrmsr(sw.msr, sw.on);
		run_ring(lbr.on, 0, ROUNDS);
		wrmsr(sw.msr, 0);
		GUEST_ASSERT_EQ(pmu_nr_nmis, 1);

		/* No record is of the interrupt, or of what came after. */
		for (i = 0; i < lbr.nr; i++) {
			unsigned int e;

			edge = record(i);
			for (e = 0; e < RING; e++) {
				if (edge.from == ring[e].from && edge.to == ring[e].to)
					break;
			}
			__GUEST_ASSERT(e < RING, "Record %u is %lx to %lx, frozen at %lx",
				       i, edge.from, edge.to, frozen_at);
		}
		if (pmu.global_ctrl)
			wrmsr(pmu.global_clear, pmu_all_counters() |
			      (pmu.global_set ? STATUS_LBR_FROZEN : 0));
	}
	GUEST_DONE();
}

TEST(records_freeze_when_a_counter_overflows)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	uint64_t value;

	vm = vm_create_with_one_vcpu(&vcpu, guest_freezes);
	vm_install_exception_handler(vm, NMI_VECTOR, handle_frozen);
	TEST_ASSERT(!vcpu_run_to_sync(vcpu, &value), "The guest was not done");
	kvm_vm_free(vm);
}

/* A debug exception stops recording for its handler; the records stay. */
#define EFLAGS_TF	BIT_ULL(8)

static bool recorded_in_handler;

static void handle_db(struct ex_regs *regs)
{
	uint64_t enable = lbr.kind == LBR_ARCH ? CTL_ENABLE : DEBUGCTLMSR_LBR;

	recorded_in_handler = rdmsr(lbr.control) & enable;
	regs->rflags &= ~EFLAGS_TF;
}

static void guest_debug_exception(void)
{
	find_lbr();
	empty_records();
	run_ring(lbr.on, lbr.on, ROUNDS);
	recorded_in_handler = true;
	asm volatile("pushf\n\t"
		     "orl $0x100, (%%rsp)\n\t"
		     "popf\n\t"
		     "nop\n\t"
		     : : : "cc", "memory");
	GUEST_ASSERT(!recorded_in_handler);
	wrmsr(lbr.control, 0);
	/* That run_ring() returned, and the exception */
	GUEST_ASSERT(records_after_ring() <= 2);
	check_older_records(ALL_BRANCHES, records_after_ring());
	GUEST_DONE();
}

TEST(a_debug_exception_stops_recording)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	uint64_t value;

	if (host_cpu_is_amd)
		SKIP(return, "LbrExtV2 has no such rule");

	vm = vm_create_with_one_vcpu(&vcpu, guest_debug_exception);
	vm_install_exception_handler(vm, DB_VECTOR, handle_db);
	TEST_ASSERT(!vcpu_run_to_sync(vcpu, &value), "The guest was not done");
	kvm_vm_free(vm);
}

/* Registers and values that there are not. */
static uint32_t bad_msr;
static uint64_t bad_value;

static void guest_bad_input(void)
{
	for (;;) {
		GUEST_SYNC(wrmsr_safe(bad_msr, bad_value));
		GUEST_SYNC(rdmsr_safe(bad_msr, &bad_value));
	}
}

static void expect_gp(struct kvm_vm *vm, struct kvm_vcpu *vcpu, uint32_t msr,
		      uint64_t value, bool absent)
{
	uint64_t vector;

	bad_msr = msr;
	bad_value = value;
	sync_global_to_guest(vm, bad_msr);
	sync_global_to_guest(vm, bad_value);
	vector = vcpu_next_sync(vcpu);
	TEST_ASSERT(vector == GP_VECTOR, "WRMSR %x, %lx: vector %lu", msr, value, vector);
	vector = vcpu_next_sync(vcpu);
	TEST_ASSERT(absent == (vector == GP_VECTOR), "RDMSR %x: vector %lu", msr, vector);
	if (!absent)
		TEST_ASSERT(!_vcpu_set_msr(vcpu, msr, value), "KVM_SET_MSRS %x, %lx",
			    msr, value);
}

TEST(bad_input_is_an_error)
{
	uint64_t format = kvm_get_feature_msr(MSR_IA32_PERF_CAPABILITIES) & LBR_FMT;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (host_cpu_is_amd)
		SKIP(return, "AMD's registers ignore reserved bits");

	vm = vm_create_with_one_vcpu(&vcpu, guest_bad_input);
	if (kvm_cpu_has(X86_FEATURE_LBR_ARCH)) {
		expect_gp(vm, vcpu, MSR_ARCH_LBR_CTL, BIT_ULL(4), false);
		expect_gp(vm, vcpu, MSR_ARCH_LBR_CTL, BIT_ULL(63), false);
		expect_gp(vm, vcpu, MSR_ARCH_LBR_DEPTH, 0, false);
		expect_gp(vm, vcpu, MSR_ARCH_LBR_DEPTH, 40, false);
		expect_gp(vm, vcpu, MSR_ARCH_LBR_FROM + MAX_DEPTH, 0, true);
		expect_gp(vm, vcpu, MSR_LEGACY_LBR_FROM, 0, true);
		expect_gp(vm, vcpu, MSR_LBR_SELECT, 0, true);
	} else {
		expect_gp(vm, vcpu, MSR_LBR_SELECT, BIT_ULL(10), false);
		expect_gp(vm, vcpu, MSR_LBR_TOS, 32, false);
		expect_gp(vm, vcpu, MSR_LEGACY_LBR_TO, BIT_ULL(63), false);
		expect_gp(vm, vcpu, MSR_LEGACY_LBR_FROM + 32, 0, true);
		expect_gp(vm, vcpu, MSR_ARCH_LBR_CTL, 0, true);
		if (format == FORMAT_FLAGS_IN_FROM)
			expect_gp(vm, vcpu, MSR_LEGACY_LBR_INFO, 0, true);
	}
	kvm_vm_free(vm);
}

/* What is not the CPU's LBR is refused, and a guest without has none. */
TEST(a_guest_without_lbr_has_none)
{
	struct kvm_vcpu *vcpu;
	uint64_t capabilities;
	struct kvm_vm *vm;

	if (host_cpu_is_amd)
		SKIP(return, "CPUID alone says so there");

	vm = vm_create_with_one_vcpu(&vcpu, guest_bad_input);
	capabilities = vcpu_get_msr(vcpu, MSR_IA32_PERF_CAPABILITIES);
	TEST_ASSERT(capabilities & LBR_FMT, "No LBR to leave out");
	TEST_ASSERT(!_vcpu_set_msr(vcpu, MSR_IA32_PERF_CAPABILITIES,
				   (capabilities & ~LBR_FMT) |
				   ((capabilities & LBR_FMT) ^ 1)),
		    "Another format was taken");
	vcpu_set_msr(vcpu, MSR_IA32_PERF_CAPABILITIES, capabilities & ~LBR_FMT);
	if (kvm_cpu_has(X86_FEATURE_LBR_ARCH)) {
		vcpu_clear_cpuid_feature(vcpu, X86_FEATURE_LBR_ARCH);
		expect_gp(vm, vcpu, MSR_ARCH_LBR_CTL, 0, true);
		expect_gp(vm, vcpu, MSR_ARCH_LBR_FROM, 0, true);
	} else {
		expect_gp(vm, vcpu, MSR_LBR_SELECT, 0, true);
		expect_gp(vm, vcpu, MSR_LEGACY_LBR_FROM, 0, true);
	}
	kvm_vm_free(vm);
}

TEST(another_leaf_1ch_is_refused)
{
	struct kvm_cpuid_entry2 *leaf;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (!kvm_cpu_has(X86_FEATURE_LBR_ARCH))
		SKIP(return, "No architectural LBR");

	vm = vm_create_with_one_vcpu(&vcpu, guest_bad_input);
	leaf = vcpu_get_cpuid_entry(vcpu, 0x1c);
	leaf->ebx ^= 1;
	TEST_ASSERT(__vcpu_set_cpuid(vcpu), "Another EBX was taken");
	leaf->ebx ^= 1;
	leaf->eax ^= 1;
	TEST_ASSERT(__vcpu_set_cpuid(vcpu), "Another EAX was taken");
	leaf->eax ^= 1;
	TEST_ASSERT(!__vcpu_set_cpuid(vcpu), "The CPU's own was not");
	kvm_vm_free(vm);
}

/* Architectural LBR: another depth, and records that XSAVES has seen. */
static void guest_depth(void)
{
	unsigned int depth;

	find_lbr();
	for (depth = 8; depth <= MAX_DEPTH; depth += 8) {
		if (!(this_cpu_property(X86_PROPERTY_LBR_DEPTHS) & BIT(depth / 8 - 1)))
			continue;
		fill_records(ALL_BRANCHES);
		lbr.nr = depth;
		empty_records();
		GUEST_ASSERT_EQ(rdmsr(MSR_ARCH_LBR_DEPTH), depth);
		check_no_records();
		fill_records(ALL_BRANCHES);
		check_records(ALL_BRANCHES);
		GUEST_SYNC(depth);
		GUEST_ASSERT_EQ(rdmsr(MSR_ARCH_LBR_DEPTH), depth);
		check_records(ALL_BRANCHES);
	}
	GUEST_DONE();
}

TEST(any_depth_is_kept)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	uint64_t depth;

	if (!kvm_cpu_has(X86_FEATURE_LBR_ARCH))
		SKIP(return, "No architectural LBR");

	vm = vm_create_with_one_vcpu(&vcpu, guest_depth);
	while (vcpu_run_to_sync(vcpu, &depth))
		vcpu = vcpu_save_and_restore(vm, vcpu);
	kvm_vm_free(vm);
}

static uint8_t xsave_area[4096] __aligned(64);

/* XRSTORS is the first that the guest does with its records. */
static void guest_xsaves(void)
{
	uint32_t eax = XSS_LBR, edx = 0;

	set_cr4(get_cr4() | X86_CR4_OSXSAVE);
	wrmsr(MSR_IA32_XSS, XSS_LBR);
	find_lbr();
	for (;;) {
		fill_records(ALL_BRANCHES);
		asm volatile("xsaves %0" : "+m"(xsave_area) : "a"(eax), "d"(edx));
		GUEST_SYNC(0);
		empty_records();
		check_no_records();
		GUEST_SYNC(1);
		asm volatile("xrstors %0" : : "m"(xsave_area), "a"(eax), "d"(edx));
		check_records(ALL_BRANCHES);
		GUEST_SYNC(2);
	}
}

TEST(xsaves_and_xrstors_reach_the_records)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	int i;

	if (!kvm_cpu_has(X86_FEATURE_LBR_ARCH))
		SKIP(return, "No architectural LBR");

	vm = vm_create_with_one_vcpu(&vcpu, guest_xsaves);
	for (i = 0; i < 2 * PHASES; i++) {
		TEST_ASSERT_EQ(vcpu_next_sync(vcpu), i % 3);
		usleep(i < PHASES ? 0 : 1200000);
	}
	kvm_vm_free(vm);
}

/* The host's records */
#define NR_PAGES	64

static int open_host_records(void **ring_buffer)
{
	struct perf_event_attr attr =
		host_event_attr(PERF_COUNT_HW_INSTRUCTIONS, COUNT_IN_HOST);
	int fd;

	attr.sample_period = 1009;
	attr.sample_type = PERF_SAMPLE_BRANCH_STACK;
	attr.branch_sample_type = PERF_SAMPLE_BRANCH_ANY;
	fd = host_event_open(&attr, -1, sched_getcpu(), -1);
	TEST_ASSERT(fd >= 0, "No event with branch records: %s", strerror(errno));
	*ring_buffer = mmap(NULL, (NR_PAGES + 1) * getpagesize(), PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, 0);
	TEST_ASSERT(*ring_buffer != MAP_FAILED, "No ring buffer: %s", strerror(errno));
	return fd;
}

static bool is_of_ring(uint64_t from)
{
	int i;

	for (i = 0; i < RING; i++) {
		if (ring[i].from == from)
			return true;
	}
	return false;
}

/* Count the host's records, and those of the guest's ring among them. */
static void count_records(void *ring_buffer, uint64_t *all, uint64_t *guests)
{
	struct perf_event_mmap_page *page = ring_buffer;
	uint64_t size = (uint64_t)NR_PAGES * getpagesize();
	uint8_t *data = (uint8_t *)ring_buffer + getpagesize();
	uint64_t at, head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
	uint64_t i, words[3 * MAX_DEPTH + 1];
	struct perf_event_header header;

	for (at = page->data_tail; at < head; at += header.size) {
		for (i = 0; i < sizeof(header); i++)
			((uint8_t *)&header)[i] = data[(at + i) % size];
		if (header.type != PERF_RECORD_SAMPLE || header.size > sizeof(words) + 8)
			continue;
		for (i = 0; i < header.size - sizeof(header); i++)
			((uint8_t *)words)[i] = data[(at + sizeof(header) + i) % size];
		for (i = 0; i < words[0]; i++) {
			*guests += is_of_ring(words[1 + 3 * i]);
			++*all;
		}
	}
	__atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
}

TEST_F(lbr, the_host_s_records_are_not_the_guest_s)
{
	uint64_t all = 0, guests = 0;
	void *ring_buffer;
	int i, fd;

	fd = open_host_records(&ring_buffer);
	host_event_ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	for (i = 0; i < 10 * PHASES; i++) {
		TEST_ASSERT_EQ(vcpu_next_sync(self->vcpu), i % 3);
		count_records(ring_buffer, &all, &guests);
	}
	host_event_ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	TEST_ASSERT(all > 1000, "%lu records of the host", all);
	TEST_ASSERT(!guests, "%lu of the host's %lu records are the guest's", guests, all);
	munmap(ring_buffer, (NR_PAGES + 1) * getpagesize());
	close(fd);
}

static bool guests_have_lbr(void)
{
	if (host_cpu_is_amd)
		return kvm_cpu_has(X86_FEATURE_LBR_AMD);

	return kvm_get_feature_msr(MSR_IA32_PERF_CAPABILITIES) & LBR_FMT;
}

static void pin_to_this_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	TEST_ASSERT(!sched_setaffinity(0, sizeof(one), &one), "Can't stay on one CPU");
}

int main(int argc, char *argv[])
{
	require_mediated_pmu();
	TEST_REQUIRE(guests_have_lbr());
	host_settings_keep();
	pin_to_this_cpu();
	return test_harness_run(argc, argv);
}
