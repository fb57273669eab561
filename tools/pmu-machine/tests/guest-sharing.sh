#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-sharing.sh [--long] - two guests, with one and with two vCPUs, that
# count and sample at once: on one CPU, and on two with all their threads moved
# to the other one every millisecond.  Counts and numbers of samples are those
# of a program alone on the bare machine.  With --long, 10^5 PMIs.

# shellcheck source=tools/pmu-machine/tests/guests.sh
. "$(dirname "$0")/guests.sh"

program mover
# Each guest takes 2601 samples a round.
# shellcheck disable=SC2034	# used by with_guests
settings=rounds=$(short_or_long 1 20)

for model in $models; do
	for cpus in 1 2; do
		with_guests "$model" guest-sharing --cpus "$cpus" \
			--append nmi_watchdog=0 \
			--with "$work/mover:/test/mover"
	done
done
summary
