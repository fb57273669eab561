#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# selftests.sh - runs in the machine: the series' own KVM selftests, with and
# without an event of the host's on the CPU.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"

# selftest NAME WHERE
selftest()
{
	if timeout 200 "$here/$1" >"/tmp/$1.out" 2>&1; then
		ok "$1, $2" passed
	else
		fail "$1, $2" "status $?: $(tail -n 3 "/tmp/$1.out" | tr '\n' ' ')"
	fi
}

equal 'the NMI watchdog is on' "$(cat /proc/sys/kernel/nmi_watchdog)" 1
selftest mediated_pmu_test 'beside the watchdog'
echo 0 >/proc/sys/kernel/nmi_watchdog
selftest mediated_pmu_test alone
no_complaint 'no complaint in dmesg'
echo end
