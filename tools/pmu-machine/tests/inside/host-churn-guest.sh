#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# host-churn-guest.sh - runs in guest number $who: exact counts and numbers of
# samples for as many seconds of its own clock as it is told.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=tools/pmu-machine/tests/inside/rounds.sh
. "$here/rounds.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../host-churn.sh
cd /tmp || exit 1
period=5003
never_throttle
without_kallsyms

# Another pause each time and in each guest.  Where they may last longer than a
# second, KVM now and then forgets that the guest uses its PMU.
pause()
{
	ms=$((rounds * 371 * ${who?} % (2 * ${longest?})))
	sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
}

pmi=$(interrupts PMI)
# The other guest may be a little later.
end=$(($(seconds_up) + ${seconds?} + 1))
rounds=0
echo counting
while [ "$(seconds_up)" -lt "$end" ]; do
	rounds=$((rounds + 1))
	count_exact
	perf record -o samples.data -e instructions:u -c "$period" "$here/exact" 2>&1 |
		sed -n 's/.*(\([0-9]*\) samples).*/\1/p' >>samples
	pause
done
between "guest $who, rounds" "$rounds" "$((seconds / 2))" 1000000
counts_exact "guest $who, counts exact" "$rounds"
samples_native "guest $who, samples as native" "$rounds" "$period"
echo "pmis $(($(interrupts PMI) - pmi))"
no_complaint "guest $who, no complaint in dmesg"
