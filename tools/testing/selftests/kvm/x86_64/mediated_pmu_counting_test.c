// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's counters count exactly: each alone and all at once, in each ring,
 * up to their width, and over VM exits of any kind. An instruction that exits
 * counts once, whoever executes it at last, and nothing of the host counts.
 */
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/bitmap.h>

#include "apic.h"
#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

#define EVERY_RING	(ARCH_PERFMON_EVENTSEL_OS | ARCH_PERFMON_EVENTSEL_USR)

/* There is no memory here, so accesses are user space's. */
#define MMIO_ADDRESS	0xc0000000
/* KVM knows neither, so they are user space's. */
#define FREE_PORT	0x2000
#define FREE_MSR	0x8b8b8b

/* Memory that the host provides when it is touched. */
#define FRESH_ADDRESS	0xd0000000
#define FRESH_SLOT	10
#define FRESH_PAGES	512

/* A page of ring 3's. */
#define USER_ADDRESS	0xe0000000
#define USER_SLOT	11

#define APIC_SELF_IPI	0x3f0
#define IRQ_VECTOR	0x40
/* The bus clock is 1 GHz, so this is some time after the next instruction. */
#define TIMER_TICKS	200000

#define X2APIC_MSR(reg)	(APIC_BASE_MSR + ((reg) >> 4))

/**
 * struct body - code whose instructions are known
 * @count: write @on to @msr, go round the code @n times, write 0 to @msr, all in
 *	one piece so that no compiler puts anything between
 * @like: code without exits that has the same instructions, but for @insns
 * @insns: instructions that it has and @like has not
 * @user_exits: how often user space sees it
 */
struct body {
	void (*count)(uint32_t msr, uint64_t on, uint32_t n);
	const struct body *like;
	unsigned int insns;
	unsigned int user_exits;
};

/* The address of the next page that nobody has touched. */
uint64_t next_fresh = FRESH_ADDRESS;

#define COUNTED(name, like_body, nr_insns, nr_user_exits, code)		\
static void count_##name(uint32_t msr, uint64_t on, uint32_t n)		\
{									\
	register uint32_t r8 asm("r8") = n;				\
	register uint32_t r12 asm("r12") = msr;				\
	uint32_t eax = on, edx = on >> 32, ecx = msr;			\
									\
	asm volatile("wrmsr\n\t"					\
		     "1:\n\t"						\
		     code						\
		     "dec %%r8d\n\t"					\
		     "jnz 1b\n\t"					\
		     "mov %%r12d, %%ecx\n\t"				\
		     "xor %%eax, %%eax\n\t"				\
		     "xor %%edx, %%edx\n\t"				\
		     "wrmsr\n\t"					\
		     : "+a"(eax), "+d"(edx), "+c"(ecx), "+r"(r8)	\
		     : "r"(r12), [mmio] "i"(MMIO_ADDRESS),		\
		       [port] "i"(FREE_PORT), [free_msr] "i"(FREE_MSR),	\
		       [apicbase] "i"(MSR_IA32_APICBASE),		\
		       [efer] "i"(MSR_EFER), [irq] "i"(IRQ_VECTOR),	\
		       [self_ipi] "i"(X2APIC_MSR(APIC_SELF_IPI)),	\
		       [timer] "i"(X2APIC_MSR(APIC_TMICT)),		\
		       [ticks] "i"(TIMER_TICKS),			\
		       [magic] "i"(KVM_EXCEPTION_MAGIC)			\
		     : "rbx", "rsi", "rdi", "r9", "r10", "r11", "cc",	\
		       "memory");					\
}									\
									\
static const struct body name = {					\
	.count = count_##name,						\
	.like = (like_body),						\
	.insns = nr_insns,						\
	.user_exits = nr_user_exits,					\
}

static const struct body nothing;

COUNTED(nothing, &nothing, 0, 0, "");

COUNTED(cpuid_insn, &nothing, 2, 0,
	"xor %%eax, %%eax\n\t"
	"cpuid\n\t");

COUNTED(rdmsr_insn, &nothing, 2, 0,
	"mov %[apicbase], %%ecx\n\t"
	"rdmsr\n\t");

COUNTED(rdpmc_insn, &nothing, 2, 0,
	"xor %%ecx, %%ecx\n\t"
	"rdpmc\n\t");

COUNTED(hypercall, &nothing, 5, 0,
	"mov $-1, %%eax\n\t"
	"testb $1, host_cpu_is_amd(%%rip)\n\t"
	"jnz 2f\n\t"
	"vmcall\n\t"
	"jmp 3f\n\t"
	"2: vmmcall\n\t"
	"nop\n\t"
	"3:\n\t");

COUNTED(user_rdmsr, &nothing, 2, 1,
	"mov %[free_msr], %%ecx\n\t"
	"rdmsr\n\t");

COUNTED(user_wrmsr, &nothing, 2, 1,
	"mov %[free_msr], %%ecx\n\t"
	"wrmsr\n\t");

COUNTED(port_in, &nothing, 2, 1,
	"mov %[port], %%edx\n\t"
	"in %%dx, %%al\n\t");

COUNTED(port_out, &nothing, 2, 1,
	"mov %[port], %%edx\n\t"
	"out %%al, %%dx\n\t");

COUNTED(mmio_read, &nothing, 2, 1,
	"mov %[mmio], %%edi\n\t"
	"mov (%%rdi), %%eax\n\t");

COUNTED(mmio_write, &nothing, 2, 1,
	"mov %[mmio], %%edi\n\t"
	"mov %%eax, (%%rdi)\n\t");

COUNTED(mmio_add, &nothing, 2, 2,
	"mov %[mmio], %%edi\n\t"
	"addl $1, (%%rdi)\n\t");

/* However often it goes round, a repeated instruction retires once. */
COUNTED(string_to_memory, &nothing, 4, 0,
	"mov $4, %%ecx\n\t"
	"lea next_fresh(%%rip), %%rsi\n\t"
	"mov %%rsi, %%rdi\n\t"
	"rep movsb\n\t");

COUNTED(string_to_mmio, &string_to_memory, 0, 4,
	"mov $4, %%ecx\n\t"
	"lea next_fresh(%%rip), %%rsi\n\t"
	"mov %[mmio], %%edi\n\t"
	"rep movsb\n\t");

COUNTED(string_to_port, &string_to_memory, 0, 4,
	"mov $4, %%ecx\n\t"
	"lea next_fresh(%%rip), %%rsi\n\t"
	"mov %[port], %%edx\n\t"
	"rep outsb\n\t");

COUNTED(fresh_page, &nothing, 3, 0,
	"mov next_fresh(%%rip), %%rdi\n\t"
	"movl $1, (%%rdi)\n\t"
	"addq $4096, next_fresh(%%rip)\n\t");

#define PENDING_IRQ				\
	"mov %[self_ipi], %%ecx\n\t"		\
	"mov %[irq], %%eax\n\t"			\
	"xor %%edx, %%edx\n\t"			\
	"wrmsr\n\t"

/* The interrupt's handler counts, too. */
COUNTED(irq_after_nop, &nothing, 0, 0,
	PENDING_IRQ
	"sti\n\t"
	"nop\n\t"
	"cli\n\t");

COUNTED(irq_after_hlt, &irq_after_nop, 0, 0,
	PENDING_IRQ
	"sti\n\t"
	"hlt\n\t"
	"cli\n\t");

COUNTED(timer_after_hlt, &irq_after_nop, 0, 0,
	"mov %[timer], %%ecx\n\t"
	"mov %[ticks], %%eax\n\t"
	"xor %%edx, %%edx\n\t"
	"wrmsr\n\t"
	"sti\n\t"
	"hlt\n\t"
	"cli\n\t");

#define CATCH_FAULT				\
	"mov %[magic], %%r9\n\t"		\
	"lea 2f(%%rip), %%r10\n\t"		\
	"lea 3f(%%rip), %%r11\n\t"

/* An instruction that faults does not retire, its handler's do. */
COUNTED(fault_of_cpu, &nothing, 0, 0,
	CATCH_FAULT
	"mov %[efer], %%ecx\n\t"
	"mov $-1, %%rax\n\t"
	"mov $0x8080, %%edx\n\t"
	"shl $48, %%rdx\n\t"
	"2: mov (%%rdx), %%eax\n\t"
	"3:\n\t");

COUNTED(fault_of_kvm, &fault_of_cpu, 0, 0,
	CATCH_FAULT
	"mov %[efer], %%ecx\n\t"
	"mov $-1, %%rax\n\t"
	"mov $0x8080, %%edx\n\t"
	"shl $48, %%rdx\n\t"
	"2: wrmsr\n\t"
	"3:\n\t");

/* Iterations of a body that user space sees. */
static uint64_t rounds;

static void start_guest(void)
{
	x2apic_enable();
	x2apic_write_reg(APIC_TDCR, 0xb);
	x2apic_write_reg(APIC_LVTT, IRQ_VECTOR);
	pmu_find();
	pmu_stop();
}

static void irq_handler(struct ex_regs *regs)
{
	x2apic_write_reg(APIC_EOI, 0);
}

/*
 * Count @n iterations on @counters from @start, and see that nothing else
 * counted and that they all counted the same.
 */
static uint64_t count_from(const struct body *body, uint64_t counters,
			   uint64_t flags, uint32_t n, uint64_t start)
{
	unsigned int first = __builtin_ctzll(counters);
	struct pmu_switch sw;
	unsigned int idx;
	uint64_t value;

	pmu_stop();
	for_each_set_bit(idx, &counters, 64)
		pmu_write(idx, start & COUNTER_MASK);

	sw = pmu_arm(counters, flags);
	body->count(sw.msr, sw.on, n);

	value = pmu_read(first);
	for_each_set_bit(idx, &pmu.insn_counters, 64)
		__GUEST_ASSERT(pmu_read(idx) == (counters & BIT_ULL(idx) ? value : 0),
			       "Counter %u: %lx, counter %u: %lx, of %lx",
			       idx, pmu_read(idx), first, value, counters);
	return value;
}

static uint64_t count(const struct body *body, uint64_t counters, uint64_t flags,
		      uint32_t n)
{
	return count_from(body, counters, flags, n, 0);
}

/* Which of the two WRMSRs is counted is the processor's choice. */
static void check_loop(uint64_t counters)
{
	uint64_t least = count(&nothing, counters, EVERY_RING, 1);

	GUEST_ASSERT(least >= INSNS_PER_LOOP + 3);
	GUEST_ASSERT(least <= INSNS_PER_LOOP + 5);
	GUEST_ASSERT_EQ(count(&nothing, counters, EVERY_RING, 100001),
			least + 100000 * INSNS_PER_LOOP);
}

static void guest_each_counter(void)
{
	unsigned int idx;

	start_guest();
	for_each_set_bit(idx, &pmu.insn_counters, 64)
		check_loop(BIT_ULL(idx));
	GUEST_DONE();
}

static void guest_all_counters(void)
{
	start_guest();
	check_loop(pmu.insn_counters);
	GUEST_DONE();
}

/* As many instructions lie between the two writes of each. */
static void start_one_by_one(uint64_t eventsel)
{
	uint32_t msr = pmu.selector, n = pmu.nr_gp;
	uint32_t eax = eventsel, edx = eventsel >> 32;

	asm volatile("1: wrmsr\n\t"
		     "add %[stride], %%ecx\n\t"
		     "dec %[n]\n\t"
		     "jnz 1b\n\t"
		     : "+c"(msr), [n] "+r"(n)
		     : "a"(eax), "d"(edx), [stride] "r"(pmu.stride)
		     : "cc", "memory");
}

static void guest_one_by_one(void)
{
	uint32_t eax, ebx, ecx, edx;
	uint64_t first;
	unsigned int i;

	start_guest();
	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, pmu_all_gp());

	start_one_by_one(COUNT_INSTRUCTIONS);
	for (i = 0; i < 100; i++)
		cpuid(0, &eax, &ebx, &ecx, &edx);
	start_one_by_one(0);

	first = pmu_read(0);
	GUEST_ASSERT(first > 100);
	for (i = 1; i < pmu.nr_gp; i++)
		GUEST_ASSERT_EQ(pmu_read(i), first);
	GUEST_DONE();
}

static void check_body(const struct body *body, uint64_t counters)
{
	uint64_t value, reference;
	uint32_t n;

	for (n = 1; n <= 5; n += 4) {
		value = count(body, counters, EVERY_RING, n);
		reference = count(body->like, counters, EVERY_RING, n);
		__GUEST_ASSERT(value == reference + n * body->insns,
			       "%u rounds on %lx: %lu, %lu without exits, and %u a round",
			       n, counters, value, reference, body->insns);
		rounds += n;
	}
}

static void guest_body(const struct body *body)
{
	unsigned int idx;

	start_guest();
	for_each_set_bit(idx, &pmu.insn_counters, 64)
		check_body(body, BIT_ULL(idx));
	if (pmu.global_ctrl)
		check_body(body, pmu.insn_counters);

	GUEST_SYNC(rounds);
	GUEST_DONE();
}

/*
 * Wrap at each instruction, of the CPU's and of KVM's, and just not.
 */
static void guest_wrap(void)
{
	uint64_t total, after, value;
	unsigned int idx;

	start_guest();
	for_each_set_bit(idx, &pmu.insn_counters, 64) {
		total = count(&cpuid_insn, BIT_ULL(idx), EVERY_RING, 5);
		for (after = 1; after <= total + 1; after++) {
			value = count_from(&cpuid_insn, BIT_ULL(idx), EVERY_RING, 5, -after);
			GUEST_ASSERT_EQ(value, (total - after) & COUNTER_MASK);
			if (pmu.global_ctrl)
				GUEST_ASSERT_EQ(pmu_status(),
						after <= total ? BIT_ULL(idx) : 0);
		}
	}
	GUEST_DONE();
}

/* What a counter holds after a write of @value, by both ways to read it. */
static void check_write(uint32_t msr, uint64_t value, unsigned int i, uint64_t holds)
{
	GUEST_ASSERT_EQ(wrmsr_safe(msr, value), 0);
	GUEST_ASSERT_EQ(rdmsr(msr), holds);
	GUEST_ASSERT_EQ(pmu_read(i), holds);
}

/* SDM vol. 3B, "Full-Width Writes to Performance Counter Registers". */
static void check_intel_writes(void)
{
	unsigned int i;

	for (i = 0; i < pmu.nr_gp; i++) {
		check_write(MSR_IA32_PERFCTR0 + i, 0x7fffffff, i, 0x7fffffff);
		check_write(MSR_IA32_PERFCTR0 + i, 0x80000000, i, 0xffff80000000);
		check_write(MSR_IA32_PERFCTR0 + i, 0x1200000034, i, 0x34);

		check_write(MSR_IA32_PMC0 + i, 0x80000000, i, 0x80000000);
		check_write(MSR_IA32_PMC0 + i, 0xa987654321fe, i, 0xa987654321fe);
		GUEST_ASSERT_EQ(rdmsr(MSR_IA32_PERFCTR0 + i), 0xa987654321fe);
		GUEST_ASSERT_EQ(wrmsr_safe(MSR_IA32_PMC0 + i, BIT_ULL(48)), GP_VECTOR);
		GUEST_ASSERT_EQ(pmu_read(i), 0xa987654321fe);
	}

	for (i = 0; i < pmu.nr_fixed; i++) {
		check_write(MSR_CORE_PERF_FIXED_CTR0 + i, 0xa987654321fe, FIRST_FIXED + i,
			    0xa987654321fe);
		GUEST_ASSERT_EQ(wrmsr_safe(MSR_CORE_PERF_FIXED_CTR0 + i, BIT_ULL(48)),
				GP_VECTOR);
	}
}

/* The first four have an older name, too. */
static void check_amd_writes(void)
{
	unsigned int i;

	for (i = 0; i < pmu.nr_gp; i++) {
		check_write(MSR_F15H_PERF_CTR0 + 2 * i, 0x80000000, i, 0x80000000);
		check_write(MSR_F15H_PERF_CTR0 + 2 * i, 0xa987654321fe, i, 0xa987654321fe);
		if (i < 4) {
			GUEST_ASSERT_EQ(rdmsr(MSR_K7_PERFCTR0 + i), 0xa987654321fe);
			check_write(MSR_K7_PERFCTR0 + i, 0x80000000 + i, i, 0x80000000 + i);
		}
	}
}

static void check_writes(void)
{
	if (this_cpu_is_intel())
		check_intel_writes();
	else
		check_amd_writes();
}

/* Before it counts KVM has a guest's registers, and from then on the CPU. */
static void guest_writes(void)
{
	start_guest();
	check_writes();
	count(&nothing, 1, EVERY_RING, 1);
	check_writes();
	GUEST_DONE();
}

/* The two loops of pmu_count_loops(), and back to ring 0. */
static const uint8_t user_code[] = {
	0x41, 0xff, 0xc8,	/* 1: dec %r8d */
	0x75, 0xfb,		/* jnz 1b */
	0x31, 0xc0,		/* 2: xor %eax, %eax */
	0x0f, 0xa2,		/* cpuid */
	0x41, 0xff, 0xc9,	/* dec %r9d */
	0x75, 0xf7,		/* jnz 2b */
	0x0f, 0x05,		/* syscall */
};

/* SYSCALL's selectors are those that there are, SYSRET's need no descriptor. */
static void enable_ring3(void)
{
	wrmsr(MSR_STAR, 0x08ULL << 32 | 0x20ULL << 48);
	wrmsr(MSR_SYSCALL_MASK, 0);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
}

/* Write @on to @msr, go to ring 3, and write 0 when back. */
static void count_in_ring3(uint32_t msr, uint64_t on, uint32_t loops, uint32_t cpuids)
{
	register uint32_t r8 asm("r8") = loops;
	register uint32_t r9 asm("r9") = cpuids;
	register uint32_t r10 asm("r10") = msr;

	asm volatile("lea 1f(%%rip), %%rax\n\t"
		     "mov %%rax, %%rdx\n\t"
		     "shr $32, %%rdx\n\t"
		     "mov %[lstar], %%ecx\n\t"
		     "wrmsr\n\t"
		     "mov %%edi, %%eax\n\t"
		     "mov %%rdi, %%rdx\n\t"
		     "shr $32, %%rdx\n\t"
		     "mov %%r10d, %%ecx\n\t"
		     "wrmsr\n\t"
		     "mov %[user], %%ecx\n\t"
		     "mov $2, %%r11d\n\t"
		     "sysretq\n\t"
		     "1: mov %%r10d, %%ecx\n\t"
		     "xor %%eax, %%eax\n\t"
		     "xor %%edx, %%edx\n\t"
		     "wrmsr\n\t"
		     : "+r"(r8), "+r"(r9)
		     : "r"(r10), "D"(on), [lstar] "i"(MSR_LSTAR),
		       [user] "i"(USER_ADDRESS)
		     : "rax", "rbx", "rcx", "rdx", "r11", "cc", "memory");
}

static uint64_t count_rings(unsigned int idx, uint64_t flags, uint32_t loops, uint32_t cpuids)
{
	struct pmu_switch sw;

	pmu_stop();
	sw = pmu_arm(BIT_ULL(idx), flags);
	count_in_ring3(sw.msr, sw.on, loops, cpuids);
	return pmu_read(idx);
}

static void check_rings(unsigned int idx)
{
	uint64_t usr = count_rings(idx, ARCH_PERFMON_EVENTSEL_USR, 1, 1);
	uint64_t os = count_rings(idx, ARCH_PERFMON_EVENTSEL_OS, 1, 1);

	/* SYSCALL and SYSRET are of one ring each, which is the CPU's choice. */
	GUEST_ASSERT(usr >= INSNS_PER_LOOP + INSNS_PER_CPUID);
	GUEST_ASSERT(usr <= INSNS_PER_LOOP + INSNS_PER_CPUID + 2);
	GUEST_ASSERT_EQ(count_rings(idx, EVERY_RING, 1, 1), usr + os);

	usr += 1000 * INSNS_PER_LOOP + 10 * INSNS_PER_CPUID;
	GUEST_ASSERT_EQ(count_rings(idx, ARCH_PERFMON_EVENTSEL_USR, 1001, 11), usr);
	GUEST_ASSERT_EQ(count_rings(idx, ARCH_PERFMON_EVENTSEL_OS, 1001, 11), os);
	GUEST_ASSERT_EQ(count_rings(idx, EVERY_RING, 1001, 11), usr + os);
}

static void guest_rings(void)
{
	unsigned int idx;

	start_guest();
	enable_ring3();
	for_each_set_bit(idx, &pmu.insn_counters, 64)
		check_rings(idx);
	GUEST_DONE();
}

static void guest_ring0(void)
{
	unsigned int idx;

	start_guest();
	for_each_set_bit(idx, &pmu.insn_counters, 64) {
		GUEST_ASSERT_EQ(count(&cpuid_insn, BIT_ULL(idx), ARCH_PERFMON_EVENTSEL_USR, 9), 0);
		GUEST_ASSERT_EQ(count(&cpuid_insn, BIT_ULL(idx), ARCH_PERFMON_EVENTSEL_OS, 9),
				count(&cpuid_insn, BIT_ULL(idx), EVERY_RING, 9));
	}
	GUEST_DONE();
}

/* More events than any cycle has, and not yet reserved on AMD. */
#define TOO_MANY	(127 << 24)

/* With a counter mask, a counter counts cycles of that many events or more. */
static void guest_counter_mask(void)
{
	unsigned int i;

	start_guest();
	for (i = 0; i < pmu.nr_gp; i++) {
		GUEST_ASSERT_EQ(count(&cpuid_insn, BIT_ULL(i), EVERY_RING | TOO_MANY, 9), 0);
		GUEST_ASSERT_EQ(count(&port_out, BIT_ULL(i), EVERY_RING | TOO_MANY, 9), 0);
	}
	GUEST_DONE();
}

#define CYCLES	((host_cpu_is_amd ? AMD_ZEN_CORE_CYCLES : INTEL_ARCH_CPU_CYCLES) | \
		 ARCH_PERFMON_EVENTSEL_ENABLE | EVERY_RING)

static void start_all(uint64_t eventsel)
{
	unsigned int i;

	for (i = 0; i < pmu.nr_gp; i++)
		pmu_write_selector(i, eventsel);
	for (i = 0; i < pmu.nr_fixed; i++)
		wrmsr(pmu.fixed_ctrl, rdmsr(pmu.fixed_ctrl) |
		      FIXED_PMC_CTRL(i, FIXED_PMC_KERNEL | FIXED_PMC_USER));
	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, pmu_all_counters());
}

/* Clear the enable bits alone, and leave the counts. */
static void freeze_all(void)
{
	unsigned int i;

	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, 0);
	for (i = 0; i < pmu.nr_gp; i++)
		pmu_write_selector(i, 0);
	if (pmu.nr_fixed)
		wrmsr(pmu.fixed_ctrl, 0);
}

/*
 * Count over an exit to user space and tell it each count, again and again,
 * each time from another value.
 */
static void guest_over_exit(uint64_t cycles)
{
	uint64_t counters, start;
	unsigned int idx;

	start_guest();
	counters = pmu_all_counters();
	GUEST_SYNC(__builtin_popcountll(counters));
	for (start = 0;; start++) {
		pmu_stop();
		for_each_set_bit(idx, &counters, 64)
			pmu_write(idx, start);
		start_all(cycles ? CYCLES : COUNT_INSTRUCTIONS);
		GUEST_SYNC(0);
		freeze_all();
		for_each_set_bit(idx, &counters, 64)
			GUEST_SYNC(pmu_read(idx) - start);
	}
}

KVM_ONE_VCPU_TEST_SUITE(counting);

static void provide_mmio(struct kvm_run *run)
{
	if (!run->mmio.is_write)
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
}

/* Return: true if this exit was one of a body's, which is now complete. */
static bool complete_user_exit(struct kvm_vcpu *vcpu, uint64_t *nr)
{
	struct kvm_run *run = vcpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		provide_mmio(run);
		break;
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		TEST_ASSERT_EQ(run->msr.index, FREE_MSR);
		run->msr.error = 0;
		break;
	case KVM_EXIT_IO:
		if (run->io.port != FREE_PORT)
			return false;
		*nr += run->io.count;
		return true;
	default:
		return false;
	}

	++*nr;
	return true;
}

/* Return: how often a body exited to user space until the next ucall. */
static uint64_t run_to_ucall(struct kvm_vcpu *vcpu, struct ucall *uc)
{
	uint64_t nr = 0;

	do {
		vcpu_run(vcpu);
	} while (complete_user_exit(vcpu, &nr));

	if (get_ucall(vcpu, uc) == UCALL_ABORT)
		REPORT_GUEST_ASSERT(*uc);
	return nr;
}

static void run_to_done(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	run_to_ucall(vcpu, &uc);
	TEST_ASSERT_EQ(uc.cmd, UCALL_DONE);
}

static void add_memory(struct kvm_vm *vm, uint64_t address, uint32_t slot, uint64_t pages)
{
	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, address, slot, pages, 0);
	virt_map(vm, address, address, pages);
}

KVM_ONE_VCPU_TEST(counting, each_counter_is_exact, guest_each_counter)
{
	run_to_done(vcpu);
}

TEST_F(counting, all_counters_at_once_are_exact)
{
	if (host_cpu_is_amd && !kvm_cpu_has(X86_FEATURE_AMD_PERFMON_V2))
		SKIP(return, "no register starts all counters at once");

	vcpu_arch_set_entry_point(self->vcpu, guest_all_counters);
	run_to_done(self->vcpu);
}

KVM_ONE_VCPU_TEST(counting, counters_started_one_by_one_agree, guest_one_by_one)
{
	run_to_done(vcpu);
}

KVM_ONE_VCPU_TEST(counting, counters_are_48_bits_wide, guest_wrap)
{
	run_to_done(vcpu);
}

KVM_ONE_VCPU_TEST(counting, writes_take_the_bits_they_should, guest_writes)
{
	run_to_done(vcpu);
}

KVM_ONE_VCPU_TEST(counting, usr_alone_counts_nothing_of_ring_0, guest_ring0)
{
	run_to_done(vcpu);
}

KVM_ONE_VCPU_TEST(counting, a_counter_mask_holds_for_what_kvm_retires, guest_counter_mask)
{
	run_to_done(vcpu);
}

static void let_ring3_use(struct kvm_vm *vm, uint64_t address)
{
	int level, at;

	for (level = PG_LEVEL_4K; level <= PG_LEVEL_512G; level++) {
		at = level;
		*__vm_get_page_table_entry(vm, address, &at) |= PTE_USER_MASK;
	}
}

KVM_ONE_VCPU_TEST(counting, each_ring_counts_what_it_should, guest_rings)
{
	add_memory(vcpu->vm, USER_ADDRESS, USER_SLOT, 1);
	let_ring3_use(vcpu->vm, USER_ADDRESS);
	memcpy(addr_gva2hva(vcpu->vm, USER_ADDRESS), user_code, sizeof(user_code));
	run_to_done(vcpu);
}

/* Instructions that exit, or may. */
FIXTURE(exit)
{
	struct kvm_vcpu *vcpu;
};

FIXTURE_VARIANT(exit)
{
	const struct body *body;
};

FIXTURE_VARIANT_ADD(exit, cpuid) { .body = &cpuid_insn };
FIXTURE_VARIANT_ADD(exit, rdmsr) { .body = &rdmsr_insn };
FIXTURE_VARIANT_ADD(exit, rdpmc) { .body = &rdpmc_insn };
FIXTURE_VARIANT_ADD(exit, hypercall) { .body = &hypercall };
FIXTURE_VARIANT_ADD(exit, rdmsr_in_user_space) { .body = &user_rdmsr };
FIXTURE_VARIANT_ADD(exit, wrmsr_in_user_space) { .body = &user_wrmsr };
FIXTURE_VARIANT_ADD(exit, port_in) { .body = &port_in };
FIXTURE_VARIANT_ADD(exit, port_out) { .body = &port_out };
FIXTURE_VARIANT_ADD(exit, mmio_read) { .body = &mmio_read };
FIXTURE_VARIANT_ADD(exit, mmio_write) { .body = &mmio_write };
FIXTURE_VARIANT_ADD(exit, mmio_read_and_write) { .body = &mmio_add };
FIXTURE_VARIANT_ADD(exit, string_to_mmio) { .body = &string_to_mmio };
FIXTURE_VARIANT_ADD(exit, string_to_port) { .body = &string_to_port };
FIXTURE_VARIANT_ADD(exit, write_to_a_fresh_page) { .body = &fresh_page };
FIXTURE_VARIANT_ADD(exit, hlt_with_an_irq_pending) { .body = &irq_after_hlt };
FIXTURE_VARIANT_ADD(exit, hlt_until_a_timer) { .body = &timer_after_hlt };
FIXTURE_VARIANT_ADD(exit, fault_that_kvm_raises) { .body = &fault_of_kvm };

FIXTURE_SETUP(exit)
{
	struct kvm_vm *vm = vm_create_with_one_vcpu(&self->vcpu, guest_body);

	virt_map(vm, MMIO_ADDRESS, MMIO_ADDRESS, 1);
	add_memory(vm, FRESH_ADDRESS, FRESH_SLOT, FRESH_PAGES);
	vm_enable_cap(vm, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_UNKNOWN);
	vm_install_exception_handler(vm, IRQ_VECTOR, irq_handler);
}

FIXTURE_TEARDOWN(exit)
{
	kvm_vm_free(self->vcpu->vm);
}

/* And one that faults does not, as if the CPU had raised the fault. */
TEST_F(exit, counts_once)
{
	uint64_t user_exits;
	struct ucall uc;

	vcpu_args_set(self->vcpu, 1, variant->body);
	user_exits = run_to_ucall(self->vcpu, &uc);
	TEST_ASSERT_EQ(uc.cmd, UCALL_SYNC);
	TEST_ASSERT_EQ(user_exits, uc.args[1] * variant->body->user_exits);
	run_to_done(self->vcpu);
}

#define SPIN_NS		50000000

static void spin(void)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (timespec_to_ns(timespec_sub(now, start)) < SPIN_NS);
}

static void nap(void)
{
	usleep(SPIN_NS / 1000);
}

static void no_op(void)
{
}

static void (* const between[])(void) = { no_op, spin, nap, no_op };

#define MAX_COUNTERS	32

KVM_ONE_VCPU_TEST(counting, instructions_of_user_space_do_not_count, guest_over_exit)
{
	uint64_t first[MAX_COUNTERS], value;
	int nr_counters, nr_exact, round, i;

	vcpu_args_set(vcpu, 1, 0);
	nr_counters = vcpu_next_sync(vcpu);
	nr_exact = nr_counters;
	/* Fixed counters other than the first count something else. */
	if (!host_cpu_is_amd)
		nr_exact -= kvm_cpu_property(X86_PROPERTY_PMU_NR_FIXED_COUNTERS) - 1;
	TEST_ASSERT(nr_counters <= MAX_COUNTERS, "%d counters", nr_counters);

	for (round = 0; round < ARRAY_SIZE(between); round++) {
		vcpu_next_sync(vcpu);
		between[round]();
		for (i = 0; i < nr_counters; i++) {
			value = vcpu_next_sync(vcpu);
			if (!round)
				first[i] = value;
			TEST_ASSERT(value > 0 && (value == first[i] || i >= nr_exact),
				    "Round %d, counter %d: %lu, was %lu at first",
				    round, i, value, first[i]);
		}
	}
}

KVM_ONE_VCPU_TEST(counting, cycles_of_user_space_do_not_count, guest_over_exit)
{
	int nr_counters, round, i;
	uint64_t value, tsc;

	vcpu_args_set(vcpu, 1, 1);
	nr_counters = vcpu_next_sync(vcpu);

	for (round = 0; round < 3; round++) {
		vcpu_next_sync(vcpu);
		tsc = rdtsc();
		spin();
		tsc = rdtsc() - tsc;
		for (i = 0; i < nr_counters; i++) {
			value = vcpu_next_sync(vcpu);
			TEST_ASSERT(value > 0 && value < tsc / 4,
				    "Round %d, counter %d: %lu beside %lu of the host's",
				    round, i, value, tsc);
		}
	}
}

int main(int argc, char *argv[])
{
	require_mediated_pmu();
	return test_harness_run(argc, argv);
}
