// SPDX-License-Identifier: GPL-2.0-only
/* A dynamically linked program: it must find its libraries in the machine. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	printf("cbrt %.0f\n", cbrt(atof(argv[1])));
	return 0;
}
