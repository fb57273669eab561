#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh - the speed of the machine, idle PMU and counting one, compared
# with unmodified Bochs: the same program on the same kernel, in one run.

set -eu
tests=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

gcc -O2 -Wall -static -nostdlib -ffreestanding -o "$work/compute" \
	"$tests/workloads/compute.c"
python3 "$tests/bench.py" "$work/compute"
