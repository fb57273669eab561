#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-cost.sh [--long] - what a guest's PMU costs the host at a VM exit, from
# the emulator's own count of KVM's accesses to PMU registers.  One boot a
# model.

# shellcheck source=tools/pmu-machine/tests/guests.sh
. "$(dirname "$0")/guests.sh"

program exits
for model in $models; do
	with_guests "$model" guest-cost --stats "$work/stats" --with /usr/bin/chrt \
		--with "$work/exits:/test/exits"
	judged "$model" "$tests/guest-cost.py" "$work/stats"
done
summary
