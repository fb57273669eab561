#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# host-churn.sh [--long] - perf stat, perf record and the hard-lockup detector
# start and stop on the host, in ever other orders, beside two guests that count
# and sample.  None of them may lose or invent anything.  With --long, in five
# minutes of the machine's time.

# shellcheck source=tools/pmu-machine/tests/guests.sh
. "$(dirname "$0")/guests.sh"

# One of each vendor, unless there is time.
by_default 'haswell zen4'
# seconds of the machine's time, and the longest pause of the host's in ms: busy
# time is what takes long, so there is less of it in more time
# shellcheck disable=SC2034	# used by with_guests
settings=$(short_or_long 'seconds=4 longest=200' 'seconds=300 longest=1200')

for model in $models; do
	with_guests "$model" host-churn --cpus 2 --append nmi_watchdog=0 \
		--timeout "$(scaled "$(short_or_long 900 3600)" 4)" \
		--with "$(command -v chrt):/usr/bin/chrt"
done
summary
