#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# demo.sh - unmodified Linux and perf on two of the models: a program whose
# user-mode counts are known by construction, counted and sampled.

# shellcheck source=tools/pmu-machine/tests/lib.sh
. "$(dirname "$0")/lib.sh"

workload exact
for model in sapphire-rapids zen4; do
	echo "== $model: perf stat and perf record of a program that we know"
	"$machine" run --cpu "$model" --timeout 300 --console "$work/console" \
		--with "$work/exact:/exact" -- sh -c "
		dmesg | grep 'Performance Events:'
		perf stat -e instructions:u,branches:u,$(model_field "$model" 4):u \
			-e cycles:u /exact
		perf record -q -c 10007 -e instructions:u -o /tmp/perf.data /exact
		perf report -i /tmp/perf.data --stdio 2>/dev/null |
			grep -v '^\$' | head -n 14"
	echo "The program itself retires, by construction:"
	expected "$work/exact" | sed 's/^/	/'
done
