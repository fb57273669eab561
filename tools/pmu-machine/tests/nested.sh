#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# nested.sh [--long] - a guest in a guest: L1 has the mediated vPMU, and gives
# its own guest, L2, a mediated one as well, then one made of perf events.
# What L1 and L2 count is exact, alone and side by side, and L2's accesses to
# the counters of a mediated vPMU exit neither to L1 nor to the host.  One boot
# a model.

# shellcheck source=tools/pmu-machine/tests/guests.sh
. "$(dirname "$0")/guests.sh"

# One of each vendor, unless there is time.
by_default 'haswell zen4'
# shellcheck disable=SC2034	# used by with_guests
settings=rounds=$(short_or_long 1 10)

for model in $models; do
	with_guests "$model" nested --mem 3072 --timeout "$(short_or_long 900 3600)" \
		--append nmi_watchdog=0 \
		--with "$top/build/kernel-mediated/bzImage:/guest/mediated" \
		--with "$tests/inside/nested-l2.sh:/test/nested-l2.sh" \
		--with "$tests/inside/counter-exits.sh:/test/counter-exits.sh"
done
summary
