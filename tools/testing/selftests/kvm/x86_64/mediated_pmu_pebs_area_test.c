// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest with a mediated vPMU that has PEBS store its records where there is no
 * memory for them: it gets the fault or the status that the processor gives, goes
 * on, and no instruction is skipped or emulated for it.
 */
#include <string.h>

#include "apic.h"
#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_pebs.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

#define TURNS		5000
#define RESET		997

/* Samples, and counts all the same. */
#define SAMPLING	1
#define COUNTING	2

#define COUNT_ANY	(ARCH_PERFMON_EVENTSEL_ENABLE | ARCH_PERFMON_EVENTSEL_OS | \
			 ARCH_PERFMON_EVENTSEL_USR)

#define NON_CANONICAL	BIT_ULL(60)

/* Mapped to a page each of which has something amiss */
#define BAD_GVA		0x20000000ul
#define NO_SLOT_GPA	0x40000000ul
#define READONLY_GPA	0x30000000ul
#define READONLY_SLOT	5

#define PF_WRITE	BIT(1)
#define PF_PRESENT	BIT(0)

/* What the handler of a page fault found */
uint64_t fault_nr, fault_cr2, fault_error_code, fault_rip;

/*
 * The overflow is not forgotten, and the next event would fault again, in the
 * handler, too: so it takes no branch, and those are what is sampled.
 */
asm(".pushsection .text\n"
	"handle_fault:	push %rax\n"
	"	push %rcx\n"
	"	push %rdx\n"
	"	incq fault_nr(%rip)\n"
	"	mov %cr2, %rax\n"
	"	mov %rax, fault_cr2(%rip)\n"
	"	mov 24(%rsp), %rax\n"
	"	mov %rax, fault_error_code(%rip)\n"
	"	mov 32(%rsp), %rax\n"
	"	mov %rax, fault_rip(%rip)\n"
	"	mov $0x3f1, %ecx\n"		/* MSR_IA32_PEBS_ENABLE */
	"	xor %eax, %eax\n"
	"	xor %edx, %edx\n"
	"	wrmsr\n"
	"	pop %rdx\n"
	"	pop %rcx\n"
	"	pop %rax\n"
	"	add $8, %rsp\n"
	"	iretq\n"
	".popsection\n");

/* A gate has its handler's address in three parts. */
static void install_handler(void)
{
	uint8_t *gate = (uint8_t *)get_idt().address + 16 * PF_VECTOR;
	uint64_t handler;

	asm("lea handle_fault(%%rip), %0" : "=r"(handler));
	*(uint16_t *)gate = handler;
	*(uint16_t *)(gate + 6) = handler >> 16;
	*(uint32_t *)(gate + 8) = handler >> 32;
}

/* Which of the two is at the bad place? */
enum bad { BAD_AREA, BAD_RECORDS };

static void sample(enum bad bad, uint64_t event)
{
	struct pebs_job job = pebs_job_of_one(SAMPLING, RESET, DATA_CFG_GPRS);

	pebs_prepare(&job);
	pmu_write_selector(SAMPLING, COUNT_ANY | event | EVENTSEL_ADAPTIVE);
	pmu_write_selector(COUNTING, COUNT_ANY | INTEL_ARCH_INSTRUCTIONS_RETIRED);
	if (bad == BAD_AREA) {
		wrmsr(MSR_IA32_DS_AREA, BAD_GVA);
	} else {
		pebs_area->base = BAD_GVA;
		pebs_area->index = BAD_GVA;
		pebs_area->maximum = BAD_GVA + PAGE_SIZE;
		pebs_area->threshold = BAD_GVA + PAGE_SIZE;
	}

	job.counters |= BIT_ULL(COUNTING);
	pebs_loop(&job, TURNS);
}

/* Every instruction was run once, and no value was reloaded. */
static void check_counts(void)
{
	GUEST_ASSERT_EQ(pmu_read(COUNTING), PEBS_LOOP_LENGTH(TURNS));
	GUEST_ASSERT_EQ(pmu_read(SAMPLING), PEBS_LOOP_LENGTH(TURNS) - RESET);
}

/* SDM vol. 3B, "Enhancements to IA32_PERF_GLOBAL_STATUS.OvfDSBuffer[62]" */
static void guest_skipped(uint64_t bad)
{
	pebs_find();
	sample(bad, INTEL_ARCH_INSTRUCTIONS_RETIRED);
	check_counts();
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), STATUS_BUFFER_OVF);
	if (bad == BAD_RECORDS)
		GUEST_ASSERT_EQ(pebs_area->index, BAD_GVA);
	GUEST_DONE();
}

/* An EPT misconfiguration does not say what caused it; the record waits. */
static void guest_waits(uint64_t bad)
{
	pebs_find();
	READ_ONCE(*(uint64_t *)BAD_GVA);
	sample(bad, INTEL_ARCH_INSTRUCTIONS_RETIRED);
	check_counts();
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), BIT_ULL(SAMPLING));
	GUEST_DONE();
}

static void guest_skipped_pmi(uint64_t bad)
{
	x2apic_enable();
	x2apic_write_reg(APIC_LVTPC, LVTPC_NMI);
	pebs_find();
	sample(bad, INTEL_ARCH_INSTRUCTIONS_RETIRED);
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), STATUS_BUFFER_OVF);
	GUEST_ASSERT_EQ(pmu_nr_nmis, 1);
	GUEST_DONE();
}

/* CR0.WP, or a supervisor may write all the same */
static void protect_writes(void)
{
	asm volatile("mov %%cr0, %%rax\n\t"
		     "or $0x10000, %%rax\n\t"
		     "mov %%rax, %%cr0\n\t" ::: "rax", "memory");
}

static void guest_faults(uint64_t bad, uint64_t error_code)
{
	protect_writes();
	install_handler();
	pebs_find();
	sample(bad, INTEL_ARCH_BRANCHES_RETIRED);
	GUEST_ASSERT_EQ(fault_nr, 1);
	GUEST_ASSERT(fault_cr2 >= BAD_GVA && fault_cr2 < BAD_GVA + PAGE_SIZE);
	GUEST_ASSERT_EQ(fault_error_code & (PF_WRITE | PF_PRESENT), error_code);
	/* Behind the branch */
	GUEST_ASSERT_EQ(fault_rip, (uint64_t)pebs_loop_dec);
	GUEST_ASSERT_EQ(rdmsr(pmu.global_status), BIT_ULL(SAMPLING));
	GUEST_DONE();
}

FIXTURE(area)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
};

FIXTURE_VARIANT(area)
{
	enum bad bad;
};

FIXTURE_VARIANT_ADD(area, itself)
{
	.bad = BAD_AREA,
};

FIXTURE_VARIANT_ADD(area, records)
{
	.bad = BAD_RECORDS,
};

FIXTURE_SETUP(area)
{
	self->vm = vm_create_with_one_vcpu(&self->vcpu, NULL);
	vcpu_args_set(self->vcpu, 1, (uint64_t)variant->bad);
}

FIXTURE_TEARDOWN(area)
{
	kvm_vm_free(self->vm);
}

static void run_to_end(struct kvm_vcpu *vcpu, void *program)
{
	uint64_t value;

	vcpu_arch_set_entry_point(vcpu, program);
	TEST_ASSERT(!vcpu_run_to_sync(vcpu, &value), "The guest was not done");
}

TEST_F(area, no_slot_is_a_buffer_that_overflows)
{
	virt_map(self->vm, BAD_GVA, NO_SLOT_GPA, 1);
	run_to_end(self->vcpu, guest_skipped);
}

TEST_F(area, no_slot_makes_one_pmi)
{
	virt_map(self->vm, BAD_GVA, NO_SLOT_GPA, 1);
	vm_install_exception_handler(self->vm, NMI_VECTOR, pmu_nmi_handler);
	run_to_end(self->vcpu, guest_skipped_pmi);
}

/* As an area, all zeroes have no room. */
TEST_F(area, a_readonly_slot_is_a_buffer_that_overflows)
{
	vm_userspace_mem_region_add(self->vm, VM_MEM_SRC_ANONYMOUS, READONLY_GPA,
				    READONLY_SLOT, 1, KVM_MEM_READONLY);
	virt_map(self->vm, BAD_GVA, READONLY_GPA, 1);
	run_to_end(self->vcpu, guest_skipped);
}

static bool is_zero(const uint8_t *page)
{
	return !page[0] && !memcmp(page, page + 1, getpagesize() - 1);
}

TEST_F(area, a_readonly_slot_is_not_written)
{
	struct pebs_area *area;
	uint8_t *hva;

	vm_userspace_mem_region_add(self->vm, VM_MEM_SRC_ANONYMOUS, READONLY_GPA,
				    READONLY_SLOT, 1, KVM_MEM_READONLY);
	virt_map(self->vm, BAD_GVA, READONLY_GPA, 1);
	hva = addr_gpa2hva(self->vm, READONLY_GPA);
	if (variant->bad == BAD_AREA) {
		/* With room for records, which are written first */
		area = (void *)hva;
		area->base = BAD_GVA + sizeof(*area);
		area->index = area->base;
		area->maximum = BAD_GVA + PAGE_SIZE;
		run_to_end(self->vcpu, guest_skipped);
		TEST_ASSERT_EQ(area->index, area->base);
		memset(area, 0, sizeof(*area));
	} else {
		run_to_end(self->vcpu, guest_skipped);
	}
	TEST_ASSERT(is_zero(hva), "Something was written");
}

/* The guest's own read is an exit, and that of PEBS none. */
TEST_F(area, mmio_is_no_memory)
{
	struct kvm_run *run = self->vcpu->run;
	uint64_t value;

	virt_map(self->vm, BAD_GVA, NO_SLOT_GPA, 1);
	vcpu_arch_set_entry_point(self->vcpu, guest_waits);
	vcpu_run(self->vcpu);
	TEST_ASSERT_KVM_EXIT_REASON(self->vcpu, KVM_EXIT_MMIO);
	TEST_ASSERT_EQ(run->mmio.phys_addr, NO_SLOT_GPA);
	TEST_ASSERT(!vcpu_run_to_sync(self->vcpu, &value), "The guest was not done");
}

TEST_F(area, the_apic_is_no_memory)
{
	virt_map(self->vm, BAD_GVA, APIC_DEFAULT_GPA, 1);
	run_to_end(self->vcpu, guest_skipped);
}

/* The area is read first, the records are not. */
TEST_F(area, what_the_guest_does_not_map_faults)
{
	vcpu_args_set(self->vcpu, 2, (uint64_t)variant->bad,
		      variant->bad == BAD_RECORDS ? PF_WRITE : 0ul);
	run_to_end(self->vcpu, guest_faults);
}

TEST_F(area, what_the_guest_maps_readonly_faults)
{
	struct pebs_area *area;
	vm_paddr_t gpa;

	gpa = vm_phy_page_alloc(self->vm, 0x200000, 0);
	virt_map(self->vm, BAD_GVA, gpa, 1);
	*vm_get_page_table_entry(self->vm, BAD_GVA) &= ~BIT_ULL(1);
	area = addr_gpa2hva(self->vm, gpa);
	area->base = BAD_GVA + sizeof(*area);
	area->index = area->base;
	area->maximum = BAD_GVA + PAGE_SIZE;
	vcpu_args_set(self->vcpu, 2, (uint64_t)variant->bad, (uint64_t)(PF_WRITE | PF_PRESENT));
	run_to_end(self->vcpu, guest_faults);
}

static void guest_non_canonical(void)
{
	GUEST_ASSERT_EQ(wrmsr_safe(MSR_IA32_DS_AREA, NON_CANONICAL), GP_VECTOR);
	GUEST_ASSERT_EQ(rdmsr(MSR_IA32_DS_AREA), 0);
	GUEST_DONE();
}

TEST(a_non_canonical_area_is_refused)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	vm = vm_create_with_one_vcpu(&vcpu, guest_non_canonical);
	TEST_ASSERT(!_vcpu_set_msr(vcpu, MSR_IA32_DS_AREA, NON_CANONICAL),
		    "KVM_SET_MSRS took it");
	run_to_end(vcpu, guest_non_canonical);
	kvm_vm_free(vm);
}

int main(int argc, char *argv[])
{
	require_pebs();
	return test_harness_run(argc, argv);
}
