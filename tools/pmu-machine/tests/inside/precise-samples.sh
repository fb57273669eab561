#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# precise-samples.sh - runs in the machine: unmodified perf takes precise samples of a
# program, and leaves them in /out for ../samples.py.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=tools/pmu-machine/tests/inside/sampling.sh
. "$here/sampling.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../samples.sh
cd /tmp || exit 1
without_kallsyms
never_throttle

# shellcheck disable=SC2154	# in sampling.sh
for name in $quiet $disturbed ${own?}; do
	before=$(interrupts PMI)
	sampled /out "$name" 2>&1
	equal "perf record $name" "$?" 0
	pmis=$(($(interrupts PMI) - before))
	# It may be emptied at a task switch before it is full.
	[ "$name" != large ] || between "$name, PMIs" "$pmis" 0 200
done
no_complaint 'no complaint about the PMU in dmesg' \
	'perfevents: irq loop|perf.*(warn|interrupt took)|unchecked MSR'
echo end
