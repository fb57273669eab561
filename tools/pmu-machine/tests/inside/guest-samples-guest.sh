#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-samples-guest.sh - runs in the guest: takes precise samples, says when it
# has, and hands them over at the end.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=tools/pmu-machine/tests/inside/disturbing.sh
. "$here/disturbing.sh"
# shellcheck source=tools/pmu-machine/tests/inside/sampling.sh
. "$here/sampling.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../guest-samples.sh
cd /tmp || exit 1
never_throttle
without_kallsyms

# recording STATE NAME [PROGRAM]
recording()
{
	before=$(interrupts PMI)
	sampled "out/$1" "$2" ${3+"$3"} 2>&1 ||
		fail "guest $1, perf record $2" "$?"
	[ "$2" != large ] || between "guest $1, large, PMIs" \
		"$(($(interrupts PMI) - before))" 0 200
	echo "recorded $1/$2"
}

# shellcheck disable=SC2154	# in sampling.sh
for name in $quiet $disturbed ${own?}; do
	recording alone "$name"
done
# What the host does meanwhile.
for state in disturbed memory; do
	for name in $disturbed $own; do
		recording "$state" "$name"
	done
done
if [ -n "${long?}" ]; then
	sleep 1		# until the host has seen that
	recording long long "$here/long"
fi
no_complaint 'guest, no complaint in dmesg'
hand_over out
