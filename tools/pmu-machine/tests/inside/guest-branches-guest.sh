#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-branches-guest.sh - runs in the guest: records branches, says when it has,
# and hands over at the end what perf says of them.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=tools/pmu-machine/tests/inside/disturbing.sh
. "$here/disturbing.sh"
# shellcheck source=tools/pmu-machine/tests/inside/recording.sh
. "$here/recording.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../guest-branches.sh
cd /tmp || exit 1
never_throttle
without_kallsyms

# recording NAME ARGUMENT...
recording()
{
	name=$1
	shift
	# shellcheck disable=SC2086	# options
	records $program "$@" || cat error
	echo "recorded $name"
	shows_branches "out/$name"
}

# What the host does meanwhile.
for state in ${states?}; do
	mkdir -p "out/$state"
	recording "$state/any" -b
	[ "${call_stack?}" = 0 ] || recording "$state/stack" --call-graph lbr
done
no_complaint 'guest, no complaint in dmesg'
hand_over out
