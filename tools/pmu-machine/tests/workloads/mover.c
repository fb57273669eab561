// SPDX-License-Identifier: GPL-2.0-only
/*
 * mover PID - moves each thread of a process to the next CPU, every
 * millisecond, until the process is gone.  Prints how often it did.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Moves all threads to one CPU; returns how many there were. */
static int move(const char *tasks, int cpu)
{
	DIR *dir = opendir(tasks);
	struct dirent *entry;
	cpu_set_t set;
	int moved = 0;

	if (!dir)
		return 0;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	while ((entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (!sched_setaffinity(atoi(entry->d_name), sizeof(set), &set))
			moved++;
	}
	closedir(dir);

	return moved;
}

int main(int argc, char **argv)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	unsigned long moves = 0;
	char tasks[64];

	if (argc != 2) {
		fprintf(stderr, "usage: mover PID\n");
		return 2;
	}

	snprintf(tasks, sizeof(tasks), "/proc/%s/task", argv[1]);
	while (move(tasks, (int)(moves % cpus))) {
		moves++;
		usleep(1000);
	}
	printf("moved %lu times\n", moves);

	return 0;
}
