#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# samples.sh - precise samples, by unmodified perf on the unmodified kernel, on
# every model that has PEBS: each must be of the instruction that the period calls
# for, with the registers and branches behind it.  One boot a model.

# shellcheck source=tools/pmu-machine/tests/lib.sh
. "$(dirname "$0")/lib.sh"

workload turns
nm "$work/turns" >"$work/turns.nm"
for model in $models; do
	own=$(model_field "$model" 14)
	if [ "$own" = -- ]; then
		record "$model" skip 'precise samples' 'the model has no PEBS'
		continue
	fi
	echo "own='$own'" >"$work/parameters"
	in_machine "$model" --timeout "$(scaled 300 4)" --out "$work/out" \
		--with "$tests/inside/precise-samples.sh:/test/precise-samples.sh" \
		--with "$tests/inside/sampling.sh:/test/sampling.sh" \
		--with "$work/parameters:/test/parameters" \
		--with "$work/turns:/test/turns" \
		--with perf \
		-- sh /test/precise-samples.sh
	judged "$model" "$tests/samples.py" "$work/out" "$work/turns.nm" \
		"$model" "$(model_field "$model" 10)"
	rm -rf "$work/out"
done
summary
