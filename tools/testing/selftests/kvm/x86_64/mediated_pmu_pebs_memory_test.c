// SPDX-License-Identifier: GPL-2.0-only
/*
 * PEBS of a guest with a mediated vPMU, whose buffers are memory like any other:
 * the host unmaps, migrates and write-protects their pages while the guest
 * samples. An access of PEBS that exits delays its record by an instruction; none
 * is lost, and each shows in the dirty log.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/time.h>

#include <linux/bitmap.h>

#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_pebs.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

#define COMPACT_MEMORY	"/proc/sys/vm/compact_memory"

/* The management area, and then the records */
#define BUFFER_GPA	0x10000000ul
#define BUFFER_SLOT	5
#define BUFFER_PAGES	64
#define PAGE		4096ul

#define TURNS		1500000
#define NR_ROUNDS	8

/*
 * The area and two pages that hold the record are read and written, by way of the
 * guest's page tables. Taken away from another CPU, a page that has come back may
 * be gone again before the next access: some times more.
 */
#define MAX_LATE	12
#define MAX_LATE_BESIDE	100

static void guest_rounds(unsigned int max_late)
{
	struct pebs_job job = {
		.counters = BIT_ULL(1),
		.adaptive = BIT_ULL(1),
		.data_cfg = DATA_CFG_GPRS,
		.slack = max_late,
	};
	int i;

	pebs_area = (void *)BUFFER_GPA;
	pebs_records = BUFFER_GPA + PAGE;
	pebs_size = (BUFFER_PAGES - 1) * PAGE;
	pebs_find();
	for (i = 0; i < NR_ROUNDS; i++) {
		job.reset[1] = 4001 + 100 * i;
		pebs_prepare(&job);
		GUEST_SYNC(0);
		pebs_loop(&job, TURNS);
		GUEST_SYNC(1);
		pebs_check_loop(&job, TURNS);
		GUEST_ASSERT(pebs_nr_records >= 3 * TURNS / (job.reset[1] + 1 + max_late));
		GUEST_SYNC(2 + pebs_nr_late);
	}
	GUEST_DONE();
}

FIXTURE(buffer)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	uint8_t *hva;
};

FIXTURE_VARIANT(buffer)
{
	enum vm_mem_backing_src_type source;
};

FIXTURE_VARIANT_ADD(buffer, shared)
{
	.source = VM_MEM_SRC_SHMEM,
};

FIXTURE_VARIANT_ADD(buffer, private)
{
	.source = VM_MEM_SRC_ANONYMOUS,
};

FIXTURE_SETUP(buffer)
{
	self->vm = vm_create_with_one_vcpu(&self->vcpu, guest_rounds);
	vcpu_args_set(self->vcpu, 1, (uint64_t)MAX_LATE);
	vm_userspace_mem_region_add(self->vm, variant->source, BUFFER_GPA, BUFFER_SLOT,
				    BUFFER_PAGES, 0);
	virt_map(self->vm, BUFFER_GPA, BUFFER_GPA, BUFFER_PAGES);
	self->hva = addr_gpa2hva(self->vm, BUFFER_GPA);
}

FIXTURE_TEARDOWN(buffer)
{
	kvm_vm_free(self->vm);
}

static void on_signal(int sig)
{
}

static void signal_in(unsigned int us)
{
	struct itimerval soon = { .it_value.tv_usec = us };

	setitimer(ITIMER_REAL, &soon, NULL);
}

/* What the host does at a signal, and at the beginning and end of a round. */
typedef void (*host_fn)(struct kvm_vm *vm, uint8_t *hva);

struct tally {
	unsigned int interruptions, late, rounds;
};

static struct tally run_rounds(struct kvm_vm *vm, struct kvm_vcpu *vcpu, uint8_t *hva,
			       host_fn act)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct tally tally = { };
	struct ucall uc;

	sigaction(SIGALRM, &sa, NULL);
	for (;;) {
		signal_in(200 + tally.interruptions % 8 * 60);
		if (__vcpu_run(vcpu)) {
			TEST_ASSERT_EQ(errno, EINTR);
			act(vm, hva);
			tally.interruptions++;
			continue;
		}
		switch (get_ucall(vcpu, &uc)) {
		case UCALL_DONE:
			signal_in(0);
			TEST_ASSERT_EQ(tally.rounds, NR_ROUNDS);
			return tally;
		case UCALL_ABORT:
			REPORT_GUEST_ASSERT(uc);
		}
		if (uc.args[1] < 2) {
			act(vm, hva);
			continue;
		}
		tally.late += uc.args[1] - 2;
		tally.rounds++;
	}
}

static void unmap(struct kvm_vm *vm, uint8_t *hva)
{
	TEST_ASSERT(!madvise(hva, BUFFER_PAGES * PAGE, MADV_DONTNEED), "MADV_DONTNEED: %s",
		    strerror(errno));
}

/* Nothing is copied, and the pages are others all the same. */
static void replace(struct kvm_vm *vm, uint8_t *hva)
{
	uint8_t *copy = mmap(NULL, BUFFER_PAGES * PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	TEST_ASSERT(copy != MAP_FAILED, "No memory");
	memcpy(copy, hva, BUFFER_PAGES * PAGE);
	TEST_ASSERT(mremap(copy, BUFFER_PAGES * PAGE, BUFFER_PAGES * PAGE,
			   MREMAP_MAYMOVE | MREMAP_FIXED, hva) == hva,
		    "Can't put other pages there: %s", strerror(errno));
}

static void protect(struct kvm_vm *vm, uint8_t *hva)
{
	TEST_ASSERT(!mprotect(hva, BUFFER_PAGES * PAGE, PROT_READ) &&
		    !mprotect(hva, BUFFER_PAGES * PAGE, PROT_READ | PROT_WRITE),
		    "mprotect: %s", strerror(errno));
}

static void page_out(struct kvm_vm *vm, uint8_t *hva)
{
	TEST_ASSERT(!madvise(hva, BUFFER_PAGES * PAGE, MADV_PAGEOUT), "MADV_PAGEOUT: %s",
		    strerror(errno));
}

/* Where the buffers' pages are, and how many have been moved */
static uint64_t places[BUFFER_PAGES];
static unsigned int nr_moved;

static void find_pages(uint8_t *hva)
{
	int fd = open("/proc/self/pagemap", O_RDONLY), i;
	uint64_t place[BUFFER_PAGES];

	TEST_ASSERT(fd >= 0 && pread(fd, place, sizeof(place), (uint64_t)hva / PAGE * 8) ==
		    sizeof(place), "pagemap: %s", strerror(errno));
	close(fd);
	for (i = 0; i < BUFFER_PAGES; i++) {
		nr_moved += places[i] && place[i] != places[i];
		places[i] = place[i];
	}
}

static void compact(struct kvm_vm *vm, uint8_t *hva)
{
	int fd = open(COMPACT_MEMORY, O_WRONLY);

	TEST_ASSERT(fd >= 0 && write(fd, "1", 1) == 1, "Can't compact memory");
	close(fd);
	find_pages(hva);
}

/* The slot is another one, and its memory the same. */
static void move_slot(struct kvm_vm *vm, uint8_t *hva)
{
	struct userspace_mem_region *region = memslot2region(vm, BUFFER_SLOT);
	uint64_t size = region->region.memory_size;

	region->region.memory_size = 0;
	vm_ioctl(vm, KVM_SET_USER_MEMORY_REGION2, &region->region);
	region->region.memory_size = size;
	vm_ioctl(vm, KVM_SET_USER_MEMORY_REGION2, &region->region);
}

static void expect_late(const struct tally *tally)
{
	TEST_ASSERT(tally->interruptions > NR_ROUNDS, "%u signals", tally->interruptions);
	TEST_ASSERT(tally->late > NR_ROUNDS, "%u records were late, after %u signals",
		    tally->late, tally->interruptions);
}

TEST_F(buffer, no_record_is_lost_when_pages_are_unmapped)
{
	struct tally tally;

	if (variant->source != VM_MEM_SRC_SHMEM)
		SKIP(return, "What is not shared loses its contents");

	tally = run_rounds(self->vm, self->vcpu, self->hva, unmap);
	expect_late(&tally);
}

TEST_F(buffer, no_record_is_lost_when_pages_are_others)
{
	struct tally tally;

	if (variant->source == VM_MEM_SRC_SHMEM)
		SKIP(return, "Shared pages stay the same");

	tally = run_rounds(self->vm, self->vcpu, self->hva, replace);
	expect_late(&tally);
}

TEST_F(buffer, no_record_is_lost_when_pages_are_protected)
{
	struct tally tally = run_rounds(self->vm, self->vcpu, self->hva, protect);

	expect_late(&tally);
}

TEST_F(buffer, no_record_is_lost_when_the_slot_is_another)
{
	struct tally tally = run_rounds(self->vm, self->vcpu, self->hva, move_slot);

	expect_late(&tally);
}

TEST_F(buffer, no_record_is_lost_when_memory_is_compacted)
{
	if (access(COMPACT_MEMORY, W_OK))
		SKIP(return, "No " COMPACT_MEMORY);

	run_rounds(self->vm, self->vcpu, self->hva, compact);
	if (!nr_moved)
		SKIP(return, "No page had to be moved");
}

/* Behind its heading, /proc/swaps has a line for each device or file. */
static bool has_swap(void)
{
	FILE *file = fopen("/proc/swaps", "r");
	char line[256];
	int nr = 0;

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		nr++;
	fclose(file);
	return nr > 1;
}

TEST_F(buffer, no_record_is_lost_when_pages_are_swapped_out)
{
	struct tally tally;

	if (!has_swap())
		SKIP(return, "No swap space");

	tally = run_rounds(self->vm, self->vcpu, self->hva, page_out);
	expect_late(&tally);
}

/* The dirty log */
static uint64_t newest_index = BUFFER_GPA + PAGE;

static void check_page(const unsigned long *log, uint64_t gpa)
{
	uint64_t page = (gpa - BUFFER_GPA) / PAGE;

	TEST_ASSERT(log[page / 64] & BIT_ULL(page % 64), "Page %lu is not in the log, index %lx",
		    page, newest_index);
}

/* Each page of the records since the last time, and the management area's */
static void check_log(struct kvm_vm *vm, uint8_t *hva)
{
	const struct pebs_area *area = (void *)hva;
	unsigned long log[BUFFER_PAGES / 64];
	uint64_t at, index = READ_ONCE(area->index);

	kvm_vm_get_dirty_log(vm, BUFFER_SLOT, log);
	/* A new round */
	if (index < newest_index)
		newest_index = BUFFER_GPA + PAGE;
	if (index <= newest_index)
		return;

	check_page(log, BUFFER_GPA);
	for (at = newest_index; at < index; at = (at | (PAGE - 1)) + 1)
		check_page(log, at);
	newest_index = index;
}

TEST_F(buffer, the_dirty_log_has_each_record)
{
	struct tally tally;

	vm_mem_region_set_flags(self->vm, BUFFER_SLOT, KVM_MEM_LOG_DIRTY_PAGES);
	tally = run_rounds(self->vm, self->vcpu, self->hva, check_log);
	TEST_ASSERT(tally.interruptions > NR_ROUNDS, "%u signals", tally.interruptions);
}

static void toggle_log(struct kvm_vm *vm, uint8_t *hva)
{
	static bool on;

	on = !on;
	vm_mem_region_set_flags(vm, BUFFER_SLOT, on ? KVM_MEM_LOG_DIRTY_PAGES : 0);
}

TEST_F(buffer, no_record_is_lost_when_logging_begins_and_ends)
{
	struct tally tally = run_rounds(self->vm, self->vcpu, self->hva, toggle_log);

	TEST_ASSERT(tally.interruptions > NR_ROUNDS, "%u signals", tally.interruptions);
}

/* While the guest runs, on another CPU */
static bool is_done;

struct other {
	struct kvm_vm *vm;
	uint8_t *hva;
	host_fn act;
	long nr;
};

static void *act_until_done(void *data)
{
	struct other *other = data;

	while (!__atomic_load_n(&is_done, __ATOMIC_ACQUIRE)) {
		other->act(other->vm, other->hva);
		other->nr++;
		usleep(100);
	}
	return NULL;
}

static void get_log(struct kvm_vm *vm, uint8_t *hva)
{
	unsigned long log[BUFFER_PAGES / 64];

	kvm_vm_get_dirty_log(vm, BUFFER_SLOT, log);
}

static void do_nothing(struct kvm_vm *vm, uint8_t *hva)
{
}

static void run_beside(struct kvm_vm *vm, struct kvm_vcpu *vcpu, uint8_t *hva, host_fn act)
{
	struct other other = { vm, hva, act };
	pthread_t thread;

	vcpu_args_set(vcpu, 1, (uint64_t)MAX_LATE_BESIDE);
	pthread_create(&thread, NULL, act_until_done, &other);
	run_rounds(vm, vcpu, hva, do_nothing);
	__atomic_store_n(&is_done, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	TEST_ASSERT(other.nr > NR_ROUNDS, "Only %ld times", other.nr);
}

TEST_F(buffer, no_record_is_lost_when_pages_are_unmapped_meanwhile)
{
	bool shared = variant->source == VM_MEM_SRC_SHMEM;

	if (get_nprocs() < 2)
		SKIP(return, "One CPU alone");
	if (!shared && !has_swap())
		SKIP(return, "No swap space");

	run_beside(self->vm, self->vcpu, self->hva, shared ? unmap : page_out);
}

TEST_F(buffer, no_record_is_lost_when_the_log_is_read_meanwhile)
{
	if (get_nprocs() < 2)
		SKIP(return, "One CPU alone");

	vm_mem_region_set_flags(self->vm, BUFFER_SLOT, KVM_MEM_LOG_DIRTY_PAGES);
	run_beside(self->vm, self->vcpu, self->hva, get_log);
}

int main(int argc, char *argv[])
{
	require_pebs();
	return test_harness_run(argc, argv);
}
