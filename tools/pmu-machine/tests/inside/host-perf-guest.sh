#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# host-perf-guest.sh - runs in a guest: every counter counts a known program,
# for as long as the host looks on.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../host-perf.sh
cd /tmp || exit 1
rounds=16

# The first column is the count, the third the event, the fifth the percentage
# of time that it was on a counter.
echo counting
for _ in $(seq "$rounds"); do
	perf stat -x, -o stat.csv -e "{${every?}}" "$here/threefunc"
	field 1,3,5 stat.csv >>counts
done
equal 'guest, every counter all the time' \
	"$(grep -vc ',100.00$' counts) of $(wc -l <counts) not" "0 of $(
	echo "$every" | tr ',' '\n' | wc -l | awk -v n="$rounds" '{ print n * $1 }') not"
for event in "instructions:u,${threefunc_instructions?}" \
	"${cond?}:u,${threefunc_conditional?}"; do
	name=${event%,*}
	grep ",$name," counts >these || continue
	equal "guest, $name exact" "$(cut -d, -f1 these | sort -u)" "${event#*,}"
done
