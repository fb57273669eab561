#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# host-perf.sh [--long] - perf on the host beside a guest that uses every
# counter: what the host's events show of the time that the guest took is
# compared with the emulator's own count, and the guest's counts stay exact.
# One boot a model.

# shellcheck source=tools/pmu-machine/tests/guests.sh
. "$(dirname "$0")/guests.sh"

workload threefunc
# shellcheck disable=SC2034	# used by with_guests
settings=$(expected "$work/threefunc" | sed 's/^/threefunc_/')

for model in $models; do
	with_guests "$model" host-perf --append nmi_watchdog=0 \
		--stats "$work/stats" --out "$work/out" \
		--with "$work/threefunc:/test/threefunc"
	judged "$model" "$tests/host-perf.py" "$work/stats" "$work/out/stat.csv"
	rm -rf "$work/out"
done
summary
