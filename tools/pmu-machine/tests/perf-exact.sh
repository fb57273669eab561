#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# perf-exact.sh - unmodified perf on the unmodified kernel, on every model:
# exact counts, multiplexing, sampling, the NMI watchdog.  One boot a model;
# MODELS="..." names fewer.

# shellcheck source=tools/pmu-machine/tests/lib.sh
. "$(dirname "$0")/lib.sh"

workload exact
workload threefunc

# parameters MODEL - what inside/perf-exact.sh has to know.
parameters()
{
	echo "driver='$(model_field "$1" 2)'"
	echo "cycles_counters=$(model_field "$1" 3)"
	echo "cond=$(model_field "$1" 4)"
	echo "call=$(model_field "$1" 5)"
	echo "return=$(model_field "$1" 6)"
	echo "taken=$(model_field "$1" 7)"
	echo "far=$(model_field "$1" 8)"
	expected "$work/exact" | sed 's/^/exact_/'
	expected "$work/threefunc" | sed 's/^/threefunc_/'
}

for model in $models; do
	parameters "$model" >"$work/parameters"
	in_machine "$model" --timeout 300 \
		--with "$tests/inside/perf-exact.sh:/test/perf-exact.sh" \
		--with "$tests/inside/facts.sh:/test/facts.sh" \
		--with "$work/parameters:/test/parameters" \
		--with "$work/exact:/test/exact" \
		--with "$work/threefunc:/test/threefunc" \
		--with perf \
		-- sh /test/perf-exact.sh
done
summary
