// SPDX-License-Identifier: GPL-2.0-only
/*
 * No QEMU shows a guest AMD's branch records: of CPUID leaf 80000022H it passes on
 * nothing (7.2), or the counters alone (10.0).  Preloaded to QEMU, this library
 * has the leaf be what KVM supports.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kvm.h>

#define MAX_LEAF	0x80000000
#define PERFMON_LEAF	0x80000022

static struct kvm_cpuid_entry2 supported;

static long do_ioctl(int fd, unsigned long request, void *arg)
{
	return syscall(SYS_ioctl, fd, request, arg);
}

static void note_supported(const struct kvm_cpuid2 *cpuid)
{
	unsigned int i;

	for (i = 0; i < cpuid->nent; i++) {
		if (cpuid->entries[i].function == PERFMON_LEAF)
			supported = cpuid->entries[i];
	}
}

static long set_cpuid(int fd, const struct kvm_cpuid2 *cpuid)
{
	struct kvm_cpuid2 *new;
	unsigned int i;
	long ret;

	new = calloc(1, sizeof(*new) + (cpuid->nent + 1) * sizeof(supported));
	if (!new)
		abort();

	for (i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 entry = cpuid->entries[i];

		if (entry.function == PERFMON_LEAF)
			continue;
		if (entry.function == MAX_LEAF && entry.eax < PERFMON_LEAF)
			entry.eax = PERFMON_LEAF;
		new->entries[new->nent++] = entry;
	}
	new->entries[new->nent++] = supported;

	ret = do_ioctl(fd, KVM_SET_CPUID2, new);
	free(new);
	return ret;
}

/* QEMU keeps requests in an int, of which the upper half is the sign. */
int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *arg;
	long ret;

	va_start(list, request);
	arg = va_arg(list, void *);
	va_end(list);

	if (request == KVM_SET_CPUID2 && supported.function)
		return set_cpuid(fd, arg);

	ret = do_ioctl(fd, request, arg);
	if ((unsigned int)request == KVM_GET_SUPPORTED_CPUID && !ret)
		note_supported(arg);
	return ret;
}
