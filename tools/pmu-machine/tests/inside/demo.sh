#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# demo.sh PERIOD - runs in the machine, or in a guest: xz compresses a file, and
# perf counts and samples it.  What is needed for the table is left in /out.

set -e

# perf record begins with reading all symbols of the kernel, unless they are
# kept from it; that takes longer than xz does.
echo 2 >/proc/sys/kernel/kptr_restrict

# By its whole name: busybox has an xz, too, which cannot compress.
xz="/usr/bin/xz -T1 -kf /tmp/dpkg"

# shellcheck disable=SC2086	# a command line
{
	mark stat
	perf stat -o /out/stat -e instructions:u,branches:u,cycles:u $xz
	mark between
	grep '^ ' /out/stat
	echo ' perf record and perf report of the same:'
	mark record
	perf record -q -o /tmp/perf.data -e instructions:u -c "$1" $xz
	mark end
}
perf report -i /tmp/perf.data --stats >/out/samples
perf report -q -i /tmp/perf.data --stdio --sort dso | grep .
