// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded to QEMU, this library takes the guest's memory out of QEMU's page
 * table, and so out of the guest's, over and over while a file called "unmap"
 * exists; how often is in "unmapped" then.  The memory is a file called "memory"
 * that is shared, so nothing of it is lost: each page comes back when it is next
 * accessed.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAUSE_US	60000

static void unmap_guest(void)
{
	unsigned long start, end;
	char line[4096];
	FILE *maps;

	maps = fopen("/proc/self/maps", "r");
	if (!maps)
		abort();
	while (fgets(line, sizeof(line), maps)) {
		if (strstr(line, "/memory\n") &&
		    sscanf(line, "%lx-%lx", &start, &end) == 2 &&
		    madvise((void *)start, end - start, MADV_DONTNEED))
			abort();
	}
	fclose(maps);
}

static void tell(unsigned long times)
{
	FILE *file = fopen("unmapped", "w");

	if (!file)
		abort();
	fprintf(file, "%lu\n", times);
	fclose(file);
}

static void *disturb(void *unused)
{
	unsigned long times = 0;

	for (;; usleep(PAUSE_US)) {
		if (!access("unmap", F_OK)) {
			unmap_guest();
			tell(++times);
		}
	}
	return unused;
}

static void __attribute__((constructor)) begin(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, disturb, NULL))
		abort();
}
