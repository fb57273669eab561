#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# host-churn-guest.sh - runs in guest number $who: exact counts and numbers of
# samples for as many seconds of its own clock as it is told.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../host-churn.sh
cd /tmp || exit 1
period=5003
never_throttle
without_kallsyms

seconds_up()
{
	cut -d. -f1 /proc/uptime
}

# same KEY FILE VALUE - each round's line of FILE is VALUE.
same()
{
	seen=$(sort "$2" | uniq -c | sed 's/^ *//' | tr '\n' ';')
	equal "guest ${who?}, $1" "$seen" "$rounds $3;"
}

# Another pause each time and in each guest.  Where they may last longer than a
# second, KVM now and then forgets that the guest uses its PMU.
pause()
{
	ms=$((rounds * 371 * who % (2 * ${longest?})))
	sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
}

pmi=$(interrupts PMI)
# The other guest may be a little later.
end=$(($(seconds_up) + ${seconds?} + 1))
rounds=0
echo counting
while [ "$(seconds_up)" -lt "$end" ]; do
	rounds=$((rounds + 1))
	perf stat -x, -o stat.csv -e "instructions:u,branches:u,${cond?}:u" "$here/exact"
	grep -v '^#' stat.csv | grep . | cut -d, -f1,5 | paste -s -d ' ' >>counts
	perf record -o samples.data -e instructions:u -c "$period" "$here/exact" 2>&1 |
		sed -n 's/.*(\([0-9]*\) samples).*/\1/p' >>samples
	pause
done
between "guest $who, rounds" "$rounds" "$((seconds / 2))" 1000000
same 'counts exact' counts \
	"${exact_instructions?},100.00 ${exact_branches?},100.00 ${exact_conditional?},100.00"
same 'samples as native' samples "$((exact_instructions / period))"
echo "pmis $(($(interrupts PMI) - pmi))"
no_complaint "guest $who, no complaint in dmesg"
