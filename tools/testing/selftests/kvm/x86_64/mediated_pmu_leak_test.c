// SPDX-License-Identifier: GPL-2.0-only
/*
 * No value of the host's PMU, nor of another guest's, can be read in a guest,
 * and none of a guest's on the host.
 *
 * Whoever may leak writes marks that no count looks like into every register of
 * the PMU, and whoever must not see them reads everything that it can name: all
 * MSRs that are some processor's PMU, and RDPMC with every index.  It finds a
 * mark, or a register that changed although only the other side wrote.
 */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "mediated_pebs.h"
#include "mediated_pmu.h"
#include "processor.h"
#include "test_util.h"

/*
 * 24 bits: bits 47:24 of what takes 48, bits 31:8 of what takes 32.  Set in
 * them is the top bit, so that perf can start a counter at a mark, and clear
 * are those that make an event selector count.
 */
#define MARK_HOST		0xb5874dULL
#define MARK_GUEST		0xd38695ULL
#define MARK_OTHER_GUEST	0xe987a3ULL

/* Bits 22:16 of a selector are what it does with its event. */
#define SELECTOR_EVENT		0xff80ff00ULL

#define SELECTOR_HOST_GUEST_ONLY (3ULL << 40)

#define MSR_F16H_L2I_PERF_CTL		0xc0010230
#define MSR_F15H_NB_PERF_CTL		0xc0010240

#define NR_ROUNDS		4
#define MAX_MSRS		512
#define NR_RDPMC_INDICES	32

struct range {
	uint32_t first, nr;
};

/* What is the PMU's on some processor, SDM vol. 4 and APM vol. 2, appendix A. */
static const struct range pmu_msrs[] = {
	{ MSR_IA32_PERFCTR0, 8 },
	{ MSR_P6_EVNTSEL0, 8 },
	{ MSR_OFFCORE_RSP_0, 2 },
	{ MSR_LBR_SELECT, 2 },
	{ MSR_IA32_DEBUGCTLMSR, 1 },
	{ MSR_CORE_PERF_FIXED_CTR0, 8 },
	{ MSR_PERF_METRICS, 1 },
	{ MSR_IA32_PERF_CAPABILITIES, 1 },
	{ MSR_CORE_PERF_FIXED_CTR_CTRL, 6 },
	{ 0x3f0, 16 },			/* PEBS */
	{ MSR_IA32_PMC0, 8 },
	{ MSR_IA32_DS_AREA, 1 },
	{ MSR_LBR_NHM_FROM, 32 },
	{ MSR_LBR_NHM_TO, 32 },
	{ MSR_LBR_INFO_0, 32 },
	{ MSR_ARCH_LBR_INFO_0, 32 },
	{ MSR_ARCH_LBR_CTL, 2 },
	{ MSR_ARCH_LBR_FROM_0, 32 },
	{ MSR_ARCH_LBR_TO_0, 32 },
	{ MSR_AMD64_LBR_SELECT, 2 },
	{ MSR_AMD64_GLOBAL_STATUS, 4 },
	{ MSR_K7_EVNTSEL0, 8 },
	{ MSR_F15H_PERF_CTL0, 16 },
	{ MSR_F16H_L2I_PERF_CTL, 12 },
	{ MSR_F15H_NB_PERF_CTL, 8 },
	{ MSR_AMD_SAMP_BR_FROM, 32 },
};

/* Of these, where the host's values stay until somebody writes others. */
static const struct range host_msrs[] = {
	{ MSR_P6_EVNTSEL0, 8 },
	{ MSR_IA32_PMC0, 8 },
	{ MSR_OFFCORE_RSP_0, 2 },
	{ MSR_LBR_SELECT, 2 },
	{ MSR_CORE_PERF_FIXED_CTR0, 4 },
	{ MSR_PERF_METRICS, 1 },
	{ MSR_PEBS_DATA_CFG, 1 },
	{ MSR_PEBS_LD_LAT_THRESHOLD, 2 },
	{ MSR_IA32_DS_AREA, 1 },
	{ MSR_LBR_NHM_FROM, 32 },
	{ MSR_LBR_NHM_TO, 32 },
	{ MSR_LBR_INFO_0, 32 },
	{ MSR_ARCH_LBR_INFO_0, 32 },
	{ MSR_ARCH_LBR_FROM_0, 32 },
	{ MSR_ARCH_LBR_TO_0, 32 },
	{ MSR_AMD64_LBR_SELECT, 1 },
	{ MSR_F15H_PERF_CTL0, 12 },
	{ MSR_F16H_L2I_PERF_CTL, 12 },
	{ MSR_F15H_NB_PERF_CTL, 8 },
	{ MSR_AMD_SAMP_BR_FROM, 32 },
};

/* SDM vol. 2, "RDPMC": the type, and the obsolete fast read. */
static const uint32_t rdpmc_types[] = {
	0, BIT(29), BIT(30), BIT(31), BIT(29) | BIT(31), BIT(30) | BIT(31),
};

#define NR_RDPMCS	(ARRAY_SIZE(rdpmc_types) * NR_RDPMC_INDICES)
#define MAX_READS	(MAX_MSRS + NR_RDPMCS)

/* What a guest is to do next. */
enum command {
	COUNT_ON_ALL,
	COUNT_ON_ONE,
	STOP,
	FILL,		/* all with its own marks, and count */
	SAMPLE,		/* the same, and have PEBS enabled */
	SCAN,		/* compare with the first scan since one of the above */
	SPIN,		/* scan until told to stop */
	PROBE,		/* read one counter */
};

#define NR_PROBES	64

struct reading {
	uint64_t value;
	uint8_t vector;
};

struct hit {
	uint32_t n;
	struct reading now, first;
};

/* One side that reads; a guest's is in its memory, for user space to see. */
struct reader {
	uint64_t own_mark;
	unsigned int nr_msrs;
	uint32_t msrs[MAX_MSRS];
	struct reading first[MAX_READS];
	bool has_first, counts;
	unsigned int nr_hits;
	struct hit hits[8];

	/* A guest's. */
	enum command command;
	bool stop;
	uint64_t nr_scans;
};

static struct reader guest_reader;

static bool in(uint32_t msr, uint32_t first, uint32_t nr)
{
	return msr >= first && msr < first + nr;
}

static bool is_amd_selector_or_counter(uint32_t msr)
{
	return in(msr, MSR_F15H_PERF_CTL0, 12) || in(msr, MSR_F16H_L2I_PERF_CTL, 12) ||
	       in(msr, MSR_F15H_NB_PERF_CTL, 8);
}

static bool is_selector(uint32_t msr)
{
	return in(msr, MSR_P6_EVNTSEL0, 8) || in(msr, MSR_K7_EVNTSEL0, 4) ||
	       (is_amd_selector_or_counter(msr) && !(msr & 1));
}

static bool is_counter(uint32_t msr)
{
	return in(msr, MSR_IA32_PERFCTR0, 8) || in(msr, MSR_IA32_PMC0, 8) ||
	       in(msr, MSR_CORE_PERF_FIXED_CTR0, 8) ||
	       in(msr, MSR_K7_PERFCTR0, 4) ||
	       (is_amd_selector_or_counter(msr) && (msr & 1));
}

static uint64_t wide_mark(uint64_t mark, uint32_t msr, uint8_t round)
{
	return mark << 24 | (msr & 0xff) << 16 | round << 8;
}

static uint64_t narrow_mark(uint64_t mark, uint32_t msr, uint8_t round)
{
	return mark << 8 | ((msr + round) & 0xff);
}

static bool has_mark(uint64_t value, uint64_t mark)
{
	if (!((value >> 24 ^ mark) & 0xffffff))
		return true;

	return !((value ^ mark << 8) & SELECTOR_EVENT) &&
	       !(value >> 32 & ~(SELECTOR_HOST_GUEST_ONLY >> 32));
}

static bool has_foreign_mark(struct reader *reader, uint64_t value)
{
	static const uint64_t marks[] = { MARK_HOST, MARK_GUEST, MARK_OTHER_GUEST };
	int i;

	for (i = 0; i < ARRAY_SIZE(marks); i++) {
		if (marks[i] != reader->own_mark && has_mark(value, marks[i]))
			return true;
	}

	return false;
}

static uint32_t rdpmc_index(unsigned int n)
{
	return rdpmc_types[n / NR_RDPMC_INDICES] | n % NR_RDPMC_INDICES;
}

/* Instead of a vector: an event of perf's was there at the first scan. */
#define USED_BY_PERF	0xff

/* The host's own counters count, and a guest's that it was told to start. */
static bool stands_still(struct reader *reader, unsigned int n)
{
	if (reader->first[n].vector == USED_BY_PERF)
		return false;
	if (!reader->counts)
		return true;

	return n < reader->nr_msrs && !is_counter(reader->msrs[n]);
}

/*
 * A #GP is as good as 0: RDPMC of something that is not the guest's is the one
 * or the other, whether it exits or not.
 */
static void check(struct reader *reader, unsigned int n, struct reading now)
{
	struct reading *first = &reader->first[n];
	bool changed = now.value != first->value;
	struct hit *hit;

	if (!reader->has_first)
		*first = now;
	else if (changed && stands_still(reader, n))
		goto hit;
	if (!has_foreign_mark(reader, now.value))
		return;
hit:
	hit = &reader->hits[reader->nr_hits % ARRAY_SIZE(reader->hits)];
	*hit = (struct hit){ .n = n, .now = now, .first = *first };
	reader->nr_hits++;
}

/* The guest. */

static struct reading guest_read(struct reader *reader, unsigned int n)
{
	struct reading reading;

	if (n < reader->nr_msrs)
		reading.vector = rdmsr_safe(reader->msrs[n], &reading.value);
	else
		reading.vector = rdpmc_safe(rdpmc_index(n - reader->nr_msrs),
					    &reading.value);
	if (reading.vector)
		reading.value = 0;

	return reading;
}

static void guest_scan(struct reader *reader)
{
	unsigned int n;

	for (n = 0; n < reader->nr_msrs + NR_RDPMCS; n++)
		check(reader, n, guest_read(reader, n));
	reader->has_first = true;
	WRITE_ONCE(reader->nr_scans, reader->nr_scans + 1);
}

static void guest_start(uint64_t counters)
{
	unsigned int i;

	for (i = 0; i < pmu.nr_gp; i++) {
		if (counters & BIT_ULL(i))
			pmu_write_selector(i, COUNT_INSTRUCTIONS);
	}
	if (pmu.nr_fixed && counters >> 32)
		wrmsr(pmu.fixed_ctrl, GENMASK_ULL(4 * pmu.nr_fixed - 1, 0) &
		      0x3333333333333333);
	if (pmu.global_ctrl)
		wrmsr(pmu.global_ctrl, counters);
}

/* Every other selector is a mark, too, and enabled, so that the CPU's is. */
static void guest_fill(struct reader *reader)
{
	uint64_t mark = reader->own_mark;
	unsigned int n;
	uint32_t msr;

	for (n = 0; n < reader->nr_msrs; n++) {
		msr = reader->msrs[n];
		if (wrmsr_safe(msr, wide_mark(mark, msr, 0)))
			wrmsr_safe(msr, narrow_mark(mark, msr, 0));
	}
	guest_start(pmu_all_counters());
	for (n = 1; n < pmu.nr_gp; n += 2)
		pmu_write_selector(n, narrow_mark(mark, 0, 0) |
				   ARCH_PERFMON_EVENTSEL_ENABLE |
				   ARCH_PERFMON_EVENTSEL_USR);
}

static void guest_set_status(void)
{
	if (pmu.global_set)
		wrmsr_safe(pmu.global_set, pmu_all_counters());
}

/* Its area is a mark, too: nothing overflows. */
static void guest_enable_pebs(struct reader *reader)
{
	GUEST_ASSERT(!wrmsr_safe(MSR_IA32_DS_AREA, GENMASK_ULL(63, 48) |
				 wide_mark(reader->own_mark, MSR_IA32_DS_AREA, 0)));
	GUEST_ASSERT(!wrmsr_safe(MSR_PEBS_DATA_CFG, GENMASK_ULL(2, 0)));
	GUEST_ASSERT(!wrmsr_safe(MSR_IA32_PEBS_ENABLE, pmu_all_counters()));
}

/* Marks don't show in status. Nothing has overflowed since pmu_stop(). */
static void guest_count(uint64_t counters)
{
	guest_start(counters);
	if (pmu.global_status)
		GUEST_ASSERT_EQ(rdmsr(pmu.global_status), 0);
}

static void guest_do(struct reader *reader, enum command command)
{
	unsigned int i;

	if (command < SCAN) {
		if (pmu.adaptive_pebs)
			wrmsr(MSR_IA32_PEBS_ENABLE, 0);
		pmu_stop();
		reader->has_first = false;
		reader->counts = command != STOP;
	}

	switch (command) {
	case COUNT_ON_ALL:
		guest_count(pmu_all_counters());
		break;
	case COUNT_ON_ONE:
		guest_count(BIT_ULL(0));
		break;
	case STOP:
		break;
	case FILL:
		guest_fill(reader);
		guest_set_status();
		break;
	case SAMPLE:
		guest_fill(reader);
		guest_enable_pebs(reader);
		break;
	case SCAN:
		guest_scan(reader);
		break;
	case SPIN:
		while (!READ_ONCE(reader->stop))
			guest_scan(reader);
		break;
	case PROBE:
		for (i = 0; i < NR_PROBES; i++)
			rdmsr(pmu.counter);
		break;
	}
}

static void guest_code(void)
{
	struct reader *reader = &guest_reader;

	pmu_find();
	for (;;) {
		guest_do(reader, READ_ONCE(reader->command));
		GUEST_SYNC(reader->command);
	}
}

/* The host: one of its CPUs. */

struct host_cpu {
	int cpu, fd;
	uint8_t round;
	unsigned int nr_filled;
	struct filled {
		uint32_t msr;
		uint64_t original, value;
		int shape;
	} filled[MAX_MSRS];
};

static bool read_msr(struct host_cpu *cpu, uint32_t msr, uint64_t *value)
{
	return pread(cpu->fd, value, sizeof(*value), msr) == sizeof(*value);
}

static bool write_msr(struct host_cpu *cpu, uint32_t msr, uint64_t value)
{
	return pwrite(cpu->fd, &value, sizeof(value), msr) == sizeof(value);
}

/* Does an event of perf's count there? Then it is not ours to write. */
static bool perf_uses(struct host_cpu *cpu, uint32_t msr)
{
	uint32_t selector = msr;
	uint64_t value = 0;

	if (in(msr, MSR_CORE_PERF_FIXED_CTR0, 4)) {
		read_msr(cpu, MSR_CORE_PERF_FIXED_CTR_CTRL, &value);
		return value >> 4 * (msr - MSR_CORE_PERF_FIXED_CTR0) & 3;
	}
	if (in(msr, MSR_IA32_PMC0, 8))
		selector = msr - MSR_IA32_PMC0 + MSR_P6_EVNTSEL0;
	else if (in(msr, MSR_IA32_PERFCTR0, 8))
		selector = msr - MSR_IA32_PERFCTR0 + MSR_P6_EVNTSEL0;
	else if (in(msr, MSR_K7_PERFCTR0, 4))
		selector = msr - MSR_K7_PERFCTR0 + MSR_K7_EVNTSEL0;
	else if (is_amd_selector_or_counter(msr))
		selector = msr & ~1;
	if (!is_selector(selector))
		return false;

	read_msr(cpu, selector, &value);
	return value & ARCH_PERFMON_EVENTSEL_ENABLE;
}

/* A register's marks, beginning with what holds most. */
#define NR_SHAPES	5

static uint64_t shaped(int shape, uint32_t msr, uint8_t round)
{
	switch (shape) {
	case 0:		/* an address */
		return wide_mark(MARK_HOST, msr, round) | GENMASK_ULL(63, 48);
	case 1:
		return wide_mark(MARK_HOST, msr, round);
	case 2:
		return narrow_mark(MARK_HOST, msr, round);
	case 3:
		return narrow_mark(MARK_HOST, msr, round) & 0xffff;
	default:
		return 1 + round % 7;
	}
}

static bool try_to_fill(struct host_cpu *cpu, struct filled *filled)
{
	filled->value = shaped(filled->shape, filled->msr, cpu->round);
	return write_msr(cpu, filled->msr, filled->value) &&
	       read_msr(cpu, filled->msr, &filled->value) &&
	       filled->value != filled->original;
}

static void add_register(struct host_cpu *cpu, uint32_t msr)
{
	struct filled *filled = &cpu->filled[cpu->nr_filled];

	filled->msr = msr;
	if (!read_msr(cpu, msr, &filled->original) || perf_uses(cpu, msr))
		return;
	/* The host's, while it uses PEBS. */
	if (msr == MSR_IA32_DS_AREA && filled->original)
		return;

	for (filled->shape = is_selector(msr) ? 2 : 0;
	     filled->shape < NR_SHAPES; filled->shape++) {
		if (try_to_fill(cpu, filled)) {
			cpu->nr_filled++;
			return;
		}
	}
}

static uint32_t status_msr(void)
{
	return host_cpu_is_intel ? MSR_CORE_PERF_GLOBAL_STATUS :
				   MSR_AMD64_GLOBAL_STATUS;
}

/* Overflows of counters that nothing counts on; Intel's frozen bits, too. */
static void set_status(struct host_cpu *cpu)
{
	uint64_t status = 0;
	int i;

	for (i = 0; i < 8; i++) {
		if (!perf_uses(cpu, host_cpu_is_intel ? MSR_IA32_PMC0 + i :
							MSR_F15H_PERF_CTR0 + 2 * i))
			status |= BIT_ULL(i);
	}
	if (!host_cpu_is_intel) {
		write_msr(cpu, MSR_AMD64_GLOBAL_STATUS_SET, status & 0x3f);
		return;
	}
	for (i = 0; i < 3; i++) {
		if (!perf_uses(cpu, MSR_CORE_PERF_FIXED_CTR0 + i))
			status |= BIT_ULL(32 + i);
	}
	status |= GENMASK_ULL(59, 58);
	if (!write_msr(cpu, MSR_CORE_PERF_GLOBAL_STATUS_SET, status))
		write_msr(cpu, MSR_CORE_PERF_GLOBAL_STATUS_SET, status & ~0xf0ULL);
}

static void clear_status(struct host_cpu *cpu)
{
	uint64_t status;

	if (read_msr(cpu, status_msr(), &status) && status)
		write_msr(cpu, host_cpu_is_intel ? MSR_CORE_PERF_GLOBAL_OVF_CTRL :
						   MSR_AMD64_GLOBAL_STATUS_CLR,
			  status);
}

/* Each time with other marks. */
static void fill(struct host_cpu *cpu)
{
	unsigned int i;

	cpu->round++;
	for (i = 0; i < cpu->nr_filled; i++) {
		if (!perf_uses(cpu, cpu->filled[i].msr))
			try_to_fill(cpu, &cpu->filled[i]);
	}
	set_status(cpu);
}

/* Counters and selectors may be some event's of long ago: zero them. */
static void clear(struct host_cpu *cpu)
{
	struct filled *filled;
	unsigned int i;

	for (i = 0; i < cpu->nr_filled; i++) {
		filled = &cpu->filled[i];
		if (!perf_uses(cpu, filled->msr))
			write_msr(cpu, filled->msr,
				  is_counter(filled->msr) || is_selector(filled->msr) ?
				  0 : filled->original);
	}
	clear_status(cpu);
}

/* How many of the registers have lost what fill() wrote? */
static unsigned int nr_lost(struct host_cpu *cpu)
{
	unsigned int i, n = 0;
	uint64_t value;

	for (i = 0; i < cpu->nr_filled; i++) {
		if (!read_msr(cpu, cpu->filled[i].msr, &value) ||
		    value != cpu->filled[i].value)
			n++;
	}

	return n;
}

/*
 * What was filled stays so until all have been tried: PERF_METRICS takes values
 * only if fixed counter 3 holds one.
 */
static bool open_cpu(struct host_cpu *cpu, int nr)
{
	char path[32];
	uint32_t msr;
	int i;

	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", nr);
	*cpu = (struct host_cpu){ .cpu = nr, .fd = open(path, O_RDWR) };
	if (cpu->fd < 0)
		return false;

	for (i = 0; i < ARRAY_SIZE(host_msrs); i++) {
		for (msr = host_msrs[i].first;
		     msr < host_msrs[i].first + host_msrs[i].nr; msr++)
			add_register(cpu, msr);
	}
	clear(cpu);

	return true;
}

static void init_reader(struct reader *reader, uint64_t own_mark)
{
	uint32_t msr;
	int i;

	*reader = (struct reader){ .own_mark = own_mark };
	for (i = 0; i < ARRAY_SIZE(pmu_msrs); i++) {
		for (msr = pmu_msrs[i].first;
		     msr < pmu_msrs[i].first + pmu_msrs[i].nr; msr++)
			reader->msrs[reader->nr_msrs++] = msr;
	}
}

static void show_hits(struct reader *reader)
{
	struct hit *hit;
	int i;

	for (i = 0; i < min_t(int, reader->nr_hits, ARRAY_SIZE(reader->hits)); i++) {
		hit = &reader->hits[i];
		ksft_print_msg("%s 0x%x: 0x%lx, vector %u; at first 0x%lx, vector %u\n",
			       hit->n < reader->nr_msrs ? "MSR" : "RDPMC",
			       hit->n < reader->nr_msrs ? reader->msrs[hit->n] :
							  rdpmc_index(hit->n - reader->nr_msrs),
			       hit->now.value, hit->now.vector,
			       hit->first.value, hit->first.vector);
	}
}

/* A user of the host's reads; RDPMC is two bytes long. */

static bool faulted;

static void skip_rdpmc(int signal, siginfo_t *info, void *context)
{
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
	WRITE_ONCE(faulted, true);
}

static uint64_t host_rdpmc(uint32_t index)
{
	uint32_t eax = 0, edx = 0;

	WRITE_ONCE(faulted, false);
	asm volatile("rdpmc" : "+a"(eax), "+d"(edx) : "c"(index) : "memory");
	return READ_ONCE(faulted) ? 0 : eax | (uint64_t)edx << 32;
}

/* Let every task use RDPMC, or not; gives what was. */
static int set_rdpmc(int who)
{
	const char *path = "/sys/bus/event_source/devices/cpu/rdpmc";
	int old = -1;
	FILE *file;

	file = fopen(path, "r+");
	TEST_ASSERT(file && fscanf(file, "%d", &old) == 1, "No %s", path);
	rewind(file);
	fprintf(file, "%d", who);
	fclose(file);
	return old;
}

/* What nobody's guest changes: residencies count, and perf's own events do. */
static bool is_lbr(uint32_t msr)
{
	return in(msr, MSR_LBR_SELECT, 2) || in(msr, MSR_LBR_NHM_FROM, 32) ||
	       in(msr, MSR_LBR_NHM_TO, 32) || in(msr, MSR_LBR_INFO_0, 32) ||
	       in(msr, MSR_ARCH_LBR_INFO_0, 32) || in(msr, MSR_ARCH_LBR_FROM_0, 32) ||
	       in(msr, MSR_ARCH_LBR_TO_0, 32) || in(msr, MSR_AMD64_LBR_SELECT, 1) ||
	       in(msr, MSR_AMD_SAMP_BR_FROM, 32);
}

/*
 * A guest leaves branch records empty, whatever was in them, and DS_AREA 0, where
 * perf had left the address of buffers that it has freed.
 */
static bool host_stands_still(struct host_cpu *cpu, uint32_t msr)
{
	return !is_lbr(msr) && !in(msr, 0x3f8, 8) && msr != MSR_CORE_PERF_GLOBAL_CTRL &&
	       msr != MSR_AMD64_GLOBAL_CTL && msr != MSR_IA32_DS_AREA &&
	       !perf_uses(cpu, msr);
}

static void host_scan(struct host_cpu *cpu, struct reader *reader)
{
	struct reading now = { };
	unsigned int n;

	for (n = 0; n < reader->nr_msrs; n++) {
		now.vector = read_msr(cpu, reader->msrs[n], &now.value) ? 0 : GP_VECTOR;
		if (now.vector)
			now.value = 0;
		if (!reader->has_first && !host_stands_still(cpu, reader->msrs[n]))
			now.vector = USED_BY_PERF;
		check(reader, n, now);
	}
	reader->has_first = true;

	now.vector = 0;
	for (n = 0; n < NR_RDPMCS; n++) {
		now.value = host_rdpmc(rdpmc_index(n));
		if (!has_foreign_mark(reader, now.value))
			continue;
		reader->hits[0] = (struct hit){ .n = reader->nr_msrs + n, .now = now };
		reader->nr_hits++;
	}
}

/*
 * An event that perf counts on a counter which starts at a mark; of a task, or
 * of a CPU.
 */
static int open_marked_event(pid_t pid, int cpu, bool exclude_guest)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.sample_period = BIT_ULL(48) - wide_mark(MARK_HOST, 0, 0),
		.exclude_kernel = 1,
		.exclude_guest = exclude_guest,
	};
	int fd = syscall(__NR_perf_event_open, &attr, pid, cpu, -1, 0);

	TEST_ASSERT(fd >= 0, "perf_event_open(): %s", strerror(errno));
	return fd;
}

/* A guest and its CPUs. */

struct guest {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	struct reader *reader;
	bool part;
};

static void make_guest(struct guest *guest, uint64_t mark, bool part)
{
	guest->part = part;
	guest->vm = vm_create_with_one_vcpu(&guest->vcpu, guest_code);
	if (part)
		vcpu_give_part_of_pmu(guest->vcpu);
	guest->reader = addr_gva2hva(guest->vm, (vm_vaddr_t)&guest_reader);
	init_reader(guest->reader, mark);
}

static void tell(struct guest *guest, enum command command)
{
	WRITE_ONCE(guest->reader->command, command);
	TEST_ASSERT_EQ(vcpu_next_sync(guest->vcpu), command);
}

/* Do the guest's reads of a counter exit? */
static bool intercepted(struct guest *guest)
{
	uint64_t before = vcpu_get_exits(guest->vcpu), exits;

	tell(guest, PROBE);
	exits = vcpu_get_exits(guest->vcpu) - before;
	TEST_ASSERT(exits < NR_PROBES / 2 || exits >= NR_PROBES,
		    "%lu exits of %u reads", exits, NR_PROBES);
	return exits >= NR_PROBES;
}

/* The vCPU leaves its CPU for good a second after the last counter stopped. */
static void wait_until_idle(struct guest *guest)
{
	usleep(1200000);
	tell(guest, PROBE);
	tell(guest, PROBE);
}

enum state {
	UNUSED,
	ALL_COUNT,
	ONE_COUNTS,
	STOPPED,
	IDLE,
	SAMPLES,
};

static void bring_into_state(struct guest *guest, enum state state)
{
	switch (state) {
	case UNUSED:
		break;
	case ALL_COUNT:
		tell(guest, COUNT_ON_ALL);
		break;
	case ONE_COUNTS:
		tell(guest, COUNT_ON_ONE);
		break;
	case STOPPED:
	case IDLE:
		tell(guest, COUNT_ON_ALL);
		tell(guest, STOP);
		break;
	case SAMPLES:
		tell(guest, SAMPLE);
		break;
	}
	if (state == IDLE)
		wait_until_idle(guest);

	TEST_ASSERT_EQ(intercepted(guest), state == UNUSED || state == IDLE);
}

/* The guest's registers move with it, so it is the same guest after that. */
static void save_and_restore(struct guest *guest)
{
	struct kvm_x86_state *state = vcpu_save_state(guest->vcpu);

	kvm_vm_release(guest->vm);
	guest->vcpu = vm_recreate_with_one_vcpu(guest->vm);
	if (guest->part)
		vcpu_give_part_of_pmu(guest->vcpu);
	vcpu_load_state(guest->vcpu, state);
	kvm_x86_state_cleanup(state);
}

/* Something that another thread does several times while a guest spins. */
struct disturbance {
	struct guest *guest;
	struct host_cpu *cpu;
	struct reader *reader;
	void (*act)(struct disturbance *disturbance);
	int from_cpu;
};

/* The guest's next whole scan begins after now. */
static void wait_for_a_scan(struct guest *guest)
{
	uint64_t start = READ_ONCE(guest->reader->nr_scans);

	while (READ_ONCE(guest->reader->nr_scans) < start + 2)
		usleep(1000);
}

/* It runs as soon as it wants to, and then the guest does not on that CPU. */
static void *disturb(void *arg)
{
	const struct sched_param param = { .sched_priority = 1 };
	struct disturbance *disturbance = arg;
	int i, r;

	kvm_pin_this_task_to_pcpu(disturbance->from_cpu);
	r = sched_setscheduler(0, SCHED_FIFO, &param);
	TEST_ASSERT(!r, "sched_setscheduler(): %s", strerror(errno));

	for (i = 0; i < NR_ROUNDS; i++) {
		wait_for_a_scan(disturbance->guest);
		disturbance->act(disturbance);
	}
	wait_for_a_scan(disturbance->guest);
	WRITE_ONCE(disturbance->guest->reader->stop, true);

	return NULL;
}

static void spin_disturbed(struct disturbance *disturbance)
{
	pthread_t thread;

	disturbance->guest->reader->stop = false;
	pthread_create(&thread, NULL, disturb, disturbance);
	tell(disturbance->guest, SPIN);
	pthread_join(thread, NULL);
}

static void fill_preempting(struct disturbance *disturbance)
{
	fill(disturbance->cpu);
}

/*
 * From another CPU: perf asks for the PMU. But registers are written by who
 * preempts the guest: an interrupt may find them loaded.
 */
static int take_pmu_and_preempt(struct disturbance *disturbance)
{
	int fd = open_marked_event(-1, disturbance->cpu->cpu, false);

	wait_for_a_scan(disturbance->guest);
	kvm_pin_this_task_to_pcpu(disturbance->cpu->cpu);
	return fd;
}

static void fill_beside_event(struct disturbance *disturbance)
{
	int fd = take_pmu_and_preempt(disturbance);

	fill(disturbance->cpu);
	kvm_pin_this_task_to_pcpu(disturbance->from_cpu);
	wait_for_a_scan(disturbance->guest);
	close(fd);
}

static void scan_preempting(struct disturbance *disturbance)
{
	host_scan(disturbance->cpu, disturbance->reader);
}

static void scan_beside_event(struct disturbance *disturbance)
{
	int fd = take_pmu_and_preempt(disturbance);

	/* The event's registers are others than at the first scan. */
	disturbance->reader->has_first = false;
	host_scan(disturbance->cpu, disturbance->reader);
	kvm_pin_this_task_to_pcpu(disturbance->from_cpu);
	close(fd);
}

static bool has_two_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1;
}

#define NEEDS_MSR_DRIVER	"needs /dev/cpu/*/msr and the right to write it"
#define NEEDS_TWO_CPUS		"needs two CPUs"
#define NEEDS_PEBS		"guests have no PEBS"

/* A guest reads what the host wrote. */

FIXTURE(guest_reads_host) {
	struct guest guest;
	struct host_cpu cpu;
};

FIXTURE_VARIANT(guest_reads_host) {
	enum state state;
	bool part;
};

FIXTURE_VARIANT_ADD(guest_reads_host, unused) { UNUSED };
FIXTURE_VARIANT_ADD(guest_reads_host, all_count) { ALL_COUNT };
FIXTURE_VARIANT_ADD(guest_reads_host, one_counts) { ONE_COUNTS };
FIXTURE_VARIANT_ADD(guest_reads_host, stopped) { STOPPED };
FIXTURE_VARIANT_ADD(guest_reads_host, idle) { IDLE };
FIXTURE_VARIANT_ADD(guest_reads_host, samples) { SAMPLES };
FIXTURE_VARIANT_ADD(guest_reads_host, part_unused) { UNUSED, true };
FIXTURE_VARIANT_ADD(guest_reads_host, part_all_count) { ALL_COUNT, true };
FIXTURE_VARIANT_ADD(guest_reads_host, part_one_counts) { ONE_COUNTS, true };
FIXTURE_VARIANT_ADD(guest_reads_host, part_stopped) { STOPPED, true };
FIXTURE_VARIANT_ADD(guest_reads_host, part_idle) { IDLE, true };

FIXTURE_SETUP(guest_reads_host)
{
	if (variant->state == SAMPLES && !pebs_is_offered())
		SKIP(return, NEEDS_PEBS);

	kvm_pin_this_task_to_pcpu(0);
	if (!open_cpu(&self->cpu, 0))
		SKIP(return, NEEDS_MSR_DRIVER);
	TEST_ASSERT(self->cpu.nr_filled >= 8, "Only %u of the host's registers",
		    self->cpu.nr_filled);
}

FIXTURE_TEARDOWN(guest_reads_host)
{
	clear(&self->cpu);
	if (self->guest.vm)
		kvm_vm_free(self->guest.vm);
}

/*
 * The first entry already is one with the host's marks in the hardware. A test
 * calls it once it knows that it is not skipped.
 */
static void start_guest(struct guest *guest, struct host_cpu *cpu,
			enum state state, bool part)
{
	make_guest(guest, MARK_GUEST, part);
	fill(cpu);
	tell(guest, SCAN);
	bring_into_state(guest, state);
	tell(guest, SCAN);
}

static unsigned int nr_hits(struct reader *reader)
{
	show_hits(reader);
	return reader->nr_hits;
}

/* Where the guest does not have the PMU, the marks have been there throughout. */
static void check_marks_last(struct host_cpu *cpu, enum state state)
{
	if (state == UNUSED || state == IDLE)
		TEST_ASSERT_EQ(nr_lost(cpu), 0);
}

TEST_F(guest_reads_host, nothing_at_entry)
{
	int i;

	start_guest(&self->guest, &self->cpu, variant->state, variant->part);
	for (i = 0; i < NR_ROUNDS; i++) {
		fill(&self->cpu);
		tell(&self->guest, SCAN);
		check_marks_last(&self->cpu, variant->state);
	}
	clear(&self->cpu);
	tell(&self->guest, SCAN);
	EXPECT_EQ(0, nr_hits(self->guest.reader));
}

TEST_F(guest_reads_host, nothing_after_preemption)
{
	struct disturbance disturbance = {
		.guest = &self->guest,
		.cpu = &self->cpu,
		.act = fill_preempting,
		.from_cpu = self->cpu.cpu,
	};

	start_guest(&self->guest, &self->cpu, variant->state, variant->part);
	spin_disturbed(&disturbance);
	check_marks_last(&self->cpu, variant->state);
	EXPECT_EQ(0, nr_hits(self->guest.reader));
}

TEST_F(guest_reads_host, nothing_after_perf_took_the_pmu)
{
	struct disturbance disturbance = {
		.guest = &self->guest,
		.cpu = &self->cpu,
		.act = fill_beside_event,
		.from_cpu = 1,
	};

	if (!has_two_cpus())
		SKIP(return, NEEDS_TWO_CPUS);

	start_guest(&self->guest, &self->cpu, variant->state, variant->part);
	spin_disturbed(&disturbance);
	EXPECT_EQ(0, nr_hits(self->guest.reader));
}

TEST_F(guest_reads_host, nothing_beside_perf_events)
{
	int fds[4], i;

	start_guest(&self->guest, &self->cpu, variant->state, variant->part);
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = open_marked_event(0, -1, i & 1);
	for (i = 0; i < NR_ROUNDS; i++) {
		fill(&self->cpu);
		tell(&self->guest, SCAN);
	}
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	tell(&self->guest, SCAN);
	EXPECT_EQ(0, nr_hits(self->guest.reader));
}

TEST_F(guest_reads_host, nothing_after_migration)
{
	struct host_cpu other;
	int i;

	if (!has_two_cpus())
		SKIP(return, NEEDS_TWO_CPUS);

	TEST_ASSERT(open_cpu(&other, 1), NEEDS_MSR_DRIVER);
	start_guest(&self->guest, &self->cpu, variant->state, variant->part);
	for (i = 0; i < NR_ROUNDS; i++) {
		fill(&self->cpu);
		fill(&other);
		kvm_pin_this_task_to_pcpu(!(i & 1));
		tell(&self->guest, SCAN);
	}
	clear(&other);
	EXPECT_EQ(0, nr_hits(self->guest.reader));
}

TEST_F(guest_reads_host, nothing_after_restore)
{
	int i;

	start_guest(&self->guest, &self->cpu, variant->state, variant->part);
	for (i = 0; i < 3; i++) {
		fill(&self->cpu);
		save_and_restore(&self->guest);
		fill(&self->cpu);
		tell(&self->guest, SCAN);
	}
	EXPECT_EQ(0, nr_hits(self->guest.reader));
}

/* The host, and its users, read what a guest wrote. */

FIXTURE(host_reads_guest) {
	struct guest guest;
	struct host_cpu cpu;
	struct reader reader;
	int old_rdpmc;
};

FIXTURE_VARIANT(host_reads_guest) {
	enum command fill;
	bool part;
};

FIXTURE_VARIANT_ADD(host_reads_guest, whole) {
	.fill = FILL,
};

FIXTURE_VARIANT_ADD(host_reads_guest, part) {
	.fill = FILL,
	.part = true,
};

FIXTURE_VARIANT_ADD(host_reads_guest, samples) {
	.fill = SAMPLE,
};

FIXTURE_SETUP(host_reads_guest)
{
	const struct sigaction action = {
		.sa_sigaction = skip_rdpmc,
		.sa_flags = SA_SIGINFO,
	};

	if (variant->fill == SAMPLE && !pebs_is_offered())
		SKIP(return, NEEDS_PEBS);

	kvm_pin_this_task_to_pcpu(0);
	if (!open_cpu(&self->cpu, 0))
		SKIP(return, NEEDS_MSR_DRIVER);
	sigaction(SIGSEGV, &action, NULL);
	self->old_rdpmc = set_rdpmc(2);

	init_reader(&self->reader, MARK_HOST);
	make_guest(&self->guest, MARK_GUEST, variant->part);
	/* All counters are zero then, whoever had them before. */
	clear(&self->cpu);
	host_scan(&self->cpu, &self->reader);
	tell(&self->guest, variant->fill);
}

FIXTURE_TEARDOWN(host_reads_guest)
{
	set_rdpmc(self->old_rdpmc);
	if (self->guest.vm)
		kvm_vm_free(self->guest.vm);
}

TEST_F(host_reads_guest, nothing_after_exit)
{
	int i;

	for (i = 0; i < NR_ROUNDS; i++) {
		host_scan(&self->cpu, &self->reader);
		tell(&self->guest, variant->fill);
	}
	EXPECT_FALSE(intercepted(&self->guest));
	EXPECT_EQ(0, nr_hits(&self->reader));
}

TEST_F(host_reads_guest, nothing_when_preempting)
{
	struct disturbance disturbance = {
		.guest = &self->guest,
		.cpu = &self->cpu,
		.reader = &self->reader,
		.act = scan_preempting,
		.from_cpu = self->cpu.cpu,
	};

	spin_disturbed(&disturbance);
	EXPECT_EQ(0, nr_hits(&self->reader));
}

TEST_F(host_reads_guest, nothing_after_perf_took_the_pmu)
{
	struct disturbance disturbance = {
		.guest = &self->guest,
		.cpu = &self->cpu,
		.reader = &self->reader,
		.act = scan_beside_event,
		.from_cpu = 1,
	};

	if (!has_two_cpus())
		SKIP(return, NEEDS_TWO_CPUS);

	spin_disturbed(&disturbance);
	EXPECT_EQ(0, nr_hits(&self->reader));
}

TEST_F(host_reads_guest, nothing_after_the_vm)
{
	kvm_vm_free(self->guest.vm);
	self->guest.vm = NULL;
	host_scan(&self->cpu, &self->reader);
	EXPECT_EQ(0, nr_hits(&self->reader));
}

/* A guest reads what another one wrote. */

FIXTURE(guest_reads_guest) {
	struct guest writer, reader;
};

FIXTURE_VARIANT(guest_reads_guest) {
	enum state state;
	bool part;
};

FIXTURE_VARIANT_ADD(guest_reads_guest, unused) { UNUSED };
FIXTURE_VARIANT_ADD(guest_reads_guest, all_count) { ALL_COUNT };
FIXTURE_VARIANT_ADD(guest_reads_guest, one_counts) { ONE_COUNTS };
FIXTURE_VARIANT_ADD(guest_reads_guest, stopped) { STOPPED };
FIXTURE_VARIANT_ADD(guest_reads_guest, samples) { SAMPLES };
FIXTURE_VARIANT_ADD(guest_reads_guest, part_unused) { UNUSED, true };
FIXTURE_VARIANT_ADD(guest_reads_guest, part_one_counts) { ONE_COUNTS, true };

FIXTURE_SETUP(guest_reads_guest)
{
	if (variant->state == SAMPLES && !pebs_is_offered())
		SKIP(return, NEEDS_PEBS);

	kvm_pin_this_task_to_pcpu(0);
	make_guest(&self->writer, MARK_GUEST, false);
	make_guest(&self->reader, MARK_OTHER_GUEST, variant->part);
	tell(&self->writer, variant->state == SAMPLES ? SAMPLE : FILL);
	bring_into_state(&self->reader, variant->state);
	tell(&self->reader, SCAN);
}

FIXTURE_TEARDOWN(guest_reads_guest)
{
	kvm_vm_free(self->writer.vm);
	kvm_vm_free(self->reader.vm);
}

TEST_F(guest_reads_guest, nothing_in_turn)
{
	int i;

	for (i = 0; i < NR_ROUNDS; i++) {
		tell(&self->writer, FILL);
		tell(&self->reader, SCAN);
	}
	EXPECT_EQ(0, nr_hits(self->reader.reader));
	tell(&self->reader, FILL);
	tell(&self->writer, SCAN);
	EXPECT_EQ(0, nr_hits(self->writer.reader));
}

static void *spin(void *guest)
{
	tell(guest, SPIN);
	return NULL;
}

static long nr_preemptions(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nivcsw;
}

/* As threads that the scheduler lets run in turn. */
TEST_F(guest_reads_guest, nothing_when_preempting)
{
	const struct sched_param param = { .sched_priority = 1 };
	pthread_t writer, reader;
	long before = nr_preemptions();

	pthread_create(&writer, NULL, spin, &self->writer);
	pthread_create(&reader, NULL, spin, &self->reader);
	sched_setscheduler(0, SCHED_FIFO, &param);
	while (nr_preemptions() < before + 4 * NR_ROUNDS)
		usleep(1000);
	wait_for_a_scan(&self->writer);
	wait_for_a_scan(&self->reader);
	WRITE_ONCE(self->writer.reader->stop, true);
	WRITE_ONCE(self->reader.reader->stop, true);
	pthread_join(writer, NULL);
	pthread_join(reader, NULL);

	EXPECT_EQ(0, nr_hits(self->reader.reader));
	EXPECT_EQ(0, nr_hits(self->writer.reader));
}

int main(int argc, char *argv[])
{
	require_mediated_pmu();
	return test_harness_run(argc, argv);
}
