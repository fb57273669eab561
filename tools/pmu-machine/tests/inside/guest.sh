#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh INSTRUCTIONS - runs in a guest: perf on the virtual PMU.
# INSTRUCTIONS is what the workload "exact" retires.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"

# instructions COMMAND - how many it retires in user mode.
instructions()
{
	perf stat -x, -o /tmp/stat -e instructions:u "$1"
	sed -n 's/^\([0-9]*\),.*/\1/p' /tmp/stat
}

equal 'vCPUs of a QEMU guest' "$(nproc)" 2
dmesg | grep 'Performance Events:'
between 'perf stat in a QEMU guest' "$(instructions true)" 1 100000000
equal 'perf stat in a QEMU guest exact' "$(instructions "$here/exact")" "$1"
