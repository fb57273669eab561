#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# branches.sh [--guest] - branch records, by unmodified perf on the unmodified
# kernel, on every model: each must be of a program whose branches are known, none
# may be missing or out of its order, for every filter that perf has.  One boot a
# model.
#
# With --guest that is a guest which has the mediated vPMU, and sees just the
# same.

# shellcheck source=tools/pmu-machine/tests/lib.sh
. "$(dirname "$0")/lib.sh"

workload ring
nm "$work/ring" >"$work/ring.nm"
paths=$tests/workloads/paths.c
gcc -O2 -g -Wall -static -nostdlib -o "$work/paths" "$paths"

# parameters MODEL - what inside/branches.sh has to know.
parameters()
{
	echo "depth=$(model_field "$1" 10)"
	echo "taken=$(model_field "$1" 7)"
	echo "call_stack=$(model_field "$1" 12)"
}

case ${1-} in
--guest)	place='in_guest'
		set -- --kernel "$series" --mem "$(scaled 1024 2)" \
			--guest-cpu host,migratable=no --append nmi_watchdog=0 ;;
*)		place='in_machine'; set -- ;;
esac

for model in $models; do
	parameters "$model" >"$work/parameters"
	"$place" "$model" --timeout "$(scaled 300 4)" "$@" --out "$work/out" \
		--with "$tests/inside/branches.sh:/test/branches.sh" \
		--with "$tests/inside/recording.sh:/test/recording.sh" \
		--with "$work/parameters:/test/parameters" \
		--with "$work/ring:/test/ring" \
		--with "$work/paths:/test/paths" \
		--with perf \
		-- sh /test/branches.sh
	depth=$(model_field "$model" 10)
	if [ "$depth" != - ]; then
		judged "$model" "$tests/branches.py" "$work/out" "$work/ring.nm" \
			"$depth" "$(model_field "$model" 11)" \
			"$(model_field "$model" 12)" "$(model_field "$model" 13)"
		judged "$model" "$tests/profiles.py" "$paths" "$work/paths" \
			"$work/out/profile"
	fi
	rm -rf "$work/out"
done
summary
