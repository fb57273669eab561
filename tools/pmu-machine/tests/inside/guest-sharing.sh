#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-sharing.sh - runs in the machine: two guests at once, and the host's
# count of their PMIs.  On two CPUs their threads move all the time.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=tools/pmu-machine/tests/inside/qemu.sh
. "$here/qemu.sh"
cd /tmp || exit 1

place=$(nproc)' CPU'
[ "$place" = '1 CPU' ] || place=moving
make_guest "sh /test/guest-sharing-guest.sh '$place'"

for vcpus in 1 2; do
	run_guest "$place, guest of $vcpus" "$vcpus" &
done
if [ "$place" = moving ]; then
	sleep 0.1
	for pid in $(pidof qemu-system-x86_64); do
		"$here/mover" "$pid" >"moves.$pid" &
	done
fi
wait

for vcpus in 1 2; do
	guest_facts "$place, guest of $vcpus"
done
[ "$place" != moving ] ||
	between 'moving, times that a guest moved' \
		"$(cat moves.* | tr -dc '0-9\n' | sort -n | head -n 1)" 300 1000000
# What the guests saw of PMIs is their samples.
equal "$place, the host's count of PMIs" "$(interrupts GPM)" \
	"$(told_pmis ./*.out)"
no_complaint "$place, no complaint in the host's dmesg"
echo end
