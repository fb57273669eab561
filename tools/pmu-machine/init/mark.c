// SPDX-License-Identifier: GPL-2.0-only
/*
 * mark NAME - start a new section of the machine's statistics.
 */
#include <stdio.h>
#include <string.h>

#include "pmu-mark.h"

int main(int argc, char **argv)
{
	if (argc != 2 || !*argv[1] || strlen(argv[1]) > PMU_MARK_NAME_MAX) {
		fprintf(stderr, "usage: mark NAME (1 to %d bytes)\n",
			PMU_MARK_NAME_MAX);
		return 2;
	}
	pmu_mark(argv[1]);
	return 0;
}
