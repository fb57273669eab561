// SPDX-License-Identifier: GPL-2.0-only
/*
 * micro GUEST PREFIX EXITS OPERATIONS - make a guest of the flat binary GUEST
 * (micro-guest.c), let it do each of its tasks with each use of its PMU, and
 * print a line of JSON for each: what the TSC and KVM's statistics say.
 *
 * Every task is a section PREFIX/USE/TASK of the machine's own statistics, too.
 * EXITS is how many VM exits of each kind there are, OPERATIONS how many
 * operations on the PMU; 0 leaves them out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "micro.h"

#define CR0_PE		0x1UL
#define CR0_NE		0x20UL
#define CR0_PG		0x80000000UL
#define CR4_PAE		0x20UL
#define EFER_LME	0x100UL
#define EFER_LMA	0x400UL
#define PTE_PRESENT	0x1UL
#define PTE_WRITABLE	0x2UL
#define PTE_LARGE	0x80UL
#define PAGE		0x1000UL
#define LARGE_PAGE	0x200000UL
#define TSS_ADDRESS	0xfffbd000UL
#define MAX_CPUID	256

#define NS_PER_SECOND	1000000000UL
/* From one external interrupt to the next, and before the first one */
#define INTERRUPT_NS	50000UL
#define LEAD_NS		(NS_PER_SECOND / 50)
/* What the process has open beside its timers */
#define OTHER_FILES	64

static const char *const uses[USES] = { "none", "user", "all", "PEBS", "branches" };

static const char *const tasks[TASKS] = {
	[TASK_CPUID] = "CPUID",
	[TASK_HLT] = "HLT",
	[TASK_INTERRUPT] = "interrupt",
	[TASK_USER_SPACE] = "user space",
	[TASK_EMPTY] = "nothing",
	[TASK_RDPMC] = "RDPMC",
	[TASK_READ_COUNTER] = "counter read",
	[TASK_WRITE_COUNTER] = "counter write",
	[TASK_TOGGLE_SELECTOR] = "selector on or off",
	[TASK_CHANGE_SELECTOR] = "selector change",
	[TASK_GLOBAL_CTRL] = "GLOBAL_CTRL write",
	[TASK_NO_PMI] = "no PMI",
	[TASK_PMI] = "PMI",
	[TASK_BRANCHES] = "PMI, branches",
	[TASK_RECORD] = "record",
};

struct guest {
	int kvm, vm, vcpu;
	char *memory;
	struct order *order;
	struct kvm_run *run;
	int stats;		/* the vCPU's */
	off_t exits;		/* the offset of the number of VM exits */
	uint64_t khz;		/* of the TSC */
};

static void die(const char *what)
{
	fprintf(stderr, "micro: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int checked(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

static void *mapped(void *memory)
{
	if (memory == MAP_FAILED)
		die("mmap");
	return memory;
}

static void load(struct guest *guest, const char *path)
{
	int file = checked(open(path, O_RDONLY), path);

	checked(read(file, guest->memory + CODE, MEMORY - CODE), path);
	close(file);
}

/* The first GB as it is, in large pages */
static void map_memory(struct guest *guest)
{
	uint64_t *table = (uint64_t *)(guest->memory + PAGE_TABLES);
	uint64_t flags = PTE_PRESENT | PTE_WRITABLE;
	unsigned int i;

	table[0] = (PAGE_TABLES + PAGE) | flags;
	table[512] = (PAGE_TABLES + 2 * PAGE) | flags;
	for (i = 0; i < 512; i++)
		table[1024 + i] = i * LARGE_PAGE | flags | PTE_LARGE;
}

static void make_vm(struct guest *guest)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY };

	guest->kvm = checked(open("/dev/kvm", O_RDWR), "/dev/kvm");
	guest->vm = checked(ioctl(guest->kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	checked(ioctl(guest->vm, KVM_SET_TSS_ADDR, TSS_ADDRESS),
		"KVM_SET_TSS_ADDR");
	checked(ioctl(guest->vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");

	guest->memory = mapped(mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
				    -1, 0));
	guest->order = (struct order *)(guest->memory + ORDER);
	region.userspace_addr = (uintptr_t)guest->memory;
	checked(ioctl(guest->vm, KVM_SET_USER_MEMORY_REGION, &region),
		"KVM_SET_USER_MEMORY_REGION");
}

static void set_cpuid(struct guest *guest)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + MAX_CPUID *
					  sizeof(cpuid->entries[0]));

	if (!cpuid)
		die("calloc");
	cpuid->nent = MAX_CPUID;
	checked(ioctl(guest->kvm, KVM_GET_SUPPORTED_CPUID, cpuid),
		"KVM_GET_SUPPORTED_CPUID");
	checked(ioctl(guest->vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
	free(cpuid);
}

static void set_segments(struct kvm_sregs *sregs)
{
	struct kvm_segment data = {
		.limit = UINT32_MAX, .selector = SELECTOR_DATA, .type = 3,
		.present = 1, .db = 1, .s = 1, .g = 1,
	};

	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
	sregs->cs = data;
	sregs->cs.selector = SELECTOR_CODE;
	sregs->cs.type = 11;
	sregs->cs.db = 0;
	sregs->cs.l = 1;
}

static void set_registers(struct guest *guest)
{
	struct kvm_regs regs = { .rip = CODE, .rsp = STACK - 8, .rflags = 2 };
	struct kvm_sregs sregs;

	checked(ioctl(guest->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	set_segments(&sregs);
	sregs.cr0 = CR0_PE | CR0_NE | CR0_PG;
	sregs.cr3 = PAGE_TABLES;
	sregs.cr4 = CR4_PAE;
	sregs.efer = EFER_LME | EFER_LMA;
	checked(ioctl(guest->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	checked(ioctl(guest->vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

static void make_vcpu(struct guest *guest)
{
	int size = checked(ioctl(guest->kvm, KVM_GET_VCPU_MMAP_SIZE, 0),
			   "KVM_GET_VCPU_MMAP_SIZE");

	guest->vcpu = checked(ioctl(guest->vm, KVM_CREATE_VCPU, 0),
			      "KVM_CREATE_VCPU");
	guest->run = mapped(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
				 guest->vcpu, 0));
	guest->khz = checked(ioctl(guest->vcpu, KVM_GET_TSC_KHZ, 0),
			     "KVM_GET_TSC_KHZ");
	set_cpuid(guest);
	set_registers(guest);
}

/* Find "exits" among the vCPU's statistics. */
static void find_exits(struct guest *guest)
{
	struct kvm_stats_header header;
	struct kvm_stats_desc *desc;
	size_t size;
	char *descs;
	unsigned int i;

	guest->stats = checked(ioctl(guest->vcpu, KVM_GET_STATS_FD, NULL),
			       "KVM_GET_STATS_FD");
	checked(pread(guest->stats, &header, sizeof(header), 0), "statistics");
	size = sizeof(*desc) + header.name_size;
	descs = malloc(size * header.num_desc);
	if (!descs)
		die("malloc");
	checked(pread(guest->stats, descs, size * header.num_desc,
		      header.desc_offset), "statistics");
	for (i = 0; i < header.num_desc; i++) {
		desc = (struct kvm_stats_desc *)(descs + i * size);
		if (!strcmp(desc->name, "exits"))
			guest->exits = header.data_offset + desc->offset;
	}
	free(descs);
}

static uint64_t exits(struct guest *guest)
{
	uint64_t value = 0;

	checked(pread(guest->stats, &value, sizeof(value), guest->exits),
		"statistics");
	return value;
}

static void run_to_ready(struct guest *guest)
{
	struct kvm_run *run = guest->run;

	do {
		checked(ioctl(guest->vcpu, KVM_RUN, NULL), "KVM_RUN");
		if (run->exit_reason != KVM_EXIT_IO) {
			fprintf(stderr, "micro: the guest exits with reason %u\n",
				run->exit_reason);
			exit(1);
		}
	} while (run->io.port != PORT_READY);
}

/*
 * Timers that expire one after the other, each in an interrupt of its own, and
 * wake nobody.
 */
static void arm(int *timers, uint64_t n)
{
	struct itimerspec when = { 0 };
	struct timespec now;
	uint64_t i, ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = now.tv_sec * NS_PER_SECOND + now.tv_nsec + LEAD_NS;
	for (i = 0; i < n; i++) {
		timers[i] = checked(timerfd_create(CLOCK_MONOTONIC, 0),
				    "timerfd_create");
		ns += INTERRUPT_NS;
		when.it_value.tv_sec = ns / NS_PER_SECOND;
		when.it_value.tv_nsec = ns % NS_PER_SECOND;
		checked(timerfd_settime(timers[i], TFD_TIMER_ABSTIME, &when,
					NULL), "timerfd_settime");
	}
}

static void run_interrupted(struct guest *guest)
{
	uint64_t n = guest->order->rounds, i;
	int *timers = calloc(n, sizeof(*timers));

	if (!timers)
		die("calloc");
	arm(timers, n);
	guest->order->span = (n * INTERRUPT_NS + LEAD_NS) * guest->khz / 1000000;
	run_to_ready(guest);
	for (i = 0; i < n; i++)
		close(timers[i]);
	free(timers);
}

static void report(struct guest *guest, uint64_t vm_exits)
{
	struct order *order = guest->order;

	printf("{\"section\": \"%s\", \"rounds\": %lu, \"counters\": %lu, "
	       "\"tsc\": %lu, \"kvm_exits\": %lu}\n", order->name, order->done,
	       order->counters, order->cycles, vm_exits);
}

static void give(struct guest *guest, const char *prefix, enum use use,
		 enum task task, uint64_t rounds)
{
	struct order *order = guest->order;
	uint64_t before;

	order->use = use;
	order->task = task;
	order->rounds = rounds;
	snprintf(order->name, sizeof(order->name), "%s/%s/%s", prefix,
		 uses[use], tasks[task]);
	before = exits(guest);
	if (task == TASK_INTERRUPT)
		run_interrupted(guest);
	else
		run_to_ready(guest);
	report(guest, exits(guest) - before);
}

static enum use use_of(enum task task)
{
	switch (task) {
	case TASK_BRANCHES:
		return USE_BRANCHES;
	case TASK_RECORD:
		return USE_PEBS;
	default:
		return USE_USER;
	}
}

static void give_all(struct guest *guest, const char *prefix,
		     uint64_t nr_exits, uint64_t nr_operations)
{
	enum task task;
	enum use use;

	for (use = USE_NONE; nr_exits && use < USES; use++) {
		for (task = 0; task <= LAST_EXIT; task++)
			give(guest, prefix, use, task, nr_exits);
	}
	for (task = LAST_EXIT + 1; nr_operations && task < TASKS; task++)
		give(guest, prefix, use_of(task), task, nr_operations);
}

/* Other threads must not run in its place; and each timer is an open file. */
static void get_resources(uint64_t timers)
{
	struct sched_param param = { .sched_priority = 1 };
	struct rlimit limit = {
		.rlim_cur = timers + OTHER_FILES,
		.rlim_max = timers + OTHER_FILES,
	};

	checked(sched_setscheduler(0, SCHED_FIFO, &param), "sched_setscheduler");
	checked(setrlimit(RLIMIT_NOFILE, &limit), "RLIMIT_NOFILE");
}

int main(int argc, char **argv)
{
	struct guest guest = { 0 };
	uint64_t nr_exits;

	if (argc != 5) {
		fprintf(stderr, "usage: micro GUEST PREFIX EXITS OPERATIONS\n");
		return 2;
	}
	nr_exits = strtoul(argv[3], NULL, 0);
	get_resources(nr_exits);
	make_vm(&guest);
	map_memory(&guest);
	load(&guest, argv[1]);
	make_vcpu(&guest);
	find_exits(&guest);
	run_to_ready(&guest);
	give_all(&guest, argv[2], nr_exits, strtoul(argv[4], NULL, 0));

	return 0;
}
