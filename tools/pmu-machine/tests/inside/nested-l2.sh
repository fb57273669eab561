#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# nested-l2.sh - runs in L2, the guest in a guest: exact counts and numbers of
# samples, first alone and then beside the perf of L1.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=tools/pmu-machine/tests/inside/rounds.sh
. "$here/rounds.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../guests.sh
cd /tmp || exit 1
who="${vpmu?}, L2"	# an argument of L2's kernel
never_throttle

period=1009
if [ "$vpmu" != mediated ]; then
	# A sample takes a vPMU of perf events, in a guest, a millisecond.
	period=10007
	rounds=1
fi

sample()
{
	perf record -q -o samples.data -e instructions:u -c "$period" "$here/exact"
	perf script -i samples.data -F period | grep -c '[0-9]' >>samples
}

# measure PLACE
measure()
{
	rm -f counts samples
	for _ in $(seq "${rounds?}"); do
		count_exact
		sample
		count_exact
		count_exact
	done
	counts_exact "$who, $1, counts exact" $((3 * rounds))
	samples_native "$who, $1, samples as native" "$rounds" "$period"
}

pmi=$(interrupts PMI)
measure alone
# Without an event L2 would be no user of its PMU in between, and what L1's events
# see of it would depend on the time.
perf stat -a -e cycles -o /dev/null sleep 10000 &
sleep 0.1
echo beside
measure 'beside L1'
kill -INT $!
echo "pmis $(($(interrupts PMI) - pmi))"
no_complaint "$who, no complaint in dmesg"
