#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# selftests.sh LIMIT WATCHDOG TEST... - runs in the machine: the series' own KVM
# selftests, none for more than LIMIT seconds.  Where the vPMU is mediated, once
# for each state in WATCHDOG of the NMI watchdog, an event of the host's: 0 or 1.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"

# cases TEST WHERE - a fact for each result of its TAP
cases()
{
	awk -v test="$1" -v where="$2" '
		function fact(result, name, detail) {
			gsub(/: */, ", ", name)
			print result, test name ", " where ": " detail
		}
		{ name = $0; sub(/^(not )?ok [0-9]+( -)?/, "", name) }
		/^1\.\.0 # SKIP / { fact("skip", "", substr($0, 15)) }
		/^not ok [0-9]/ { fact("FAIL", name, "failed") }
		/^ok [0-9].* # SKIP/ {
			reason = name
			sub(/ *# SKIP.*/, "", name)
			sub(/.*# SKIP */, "", reason)
			fact("skip", name, reason)
			next
		}
		/^ok [0-9]/ { fact("ok", name, "passed") }
	' "/tmp/$1.out"
}

# selftest TEST WHERE - the facts of its cases; one of its own if it has none, or
# broke off.
selftest()
{
	timeout "$limit" "$here/$1" >"/tmp/$1.out" 2>&1
	status=$?
	cases "$1" "$2" >"/tmp/$1.facts"
	cat "/tmp/$1.facts"
	# A test that is skipped as a whole ends with 4.
	if [ "$status" -ne 0 ] && [ "$status" -ne 4 ]; then
		grep -q '^FAIL' "/tmp/$1.facts" || fail "$1, $2" "status $status"
		tail -n 30 "/tmp/$1.out"
	elif [ ! -s "/tmp/$1.facts" ]; then
		ok "$1, $2" passed
	fi
}

# every WHERE - run all of them.
every()
{
	for test in $tests; do
		selftest "$test" "$1"
	done
}

# enabled VENDOR - is the parameter on?
enabled()
{
	[ "$(cat "/sys/module/kvm_$1/parameters/enable_mediated_pmu" 2>&1)" = Y ]
}

# in_state 0|1 - run them with the NMI watchdog in this state.
in_state()
{
	echo "$1" >/proc/sys/kernel/nmi_watchdog
	equal "the NMI watchdog is $1" "$(cat /proc/sys/kernel/nmi_watchdog)" "$1"
	case $1 in
	0)	every alone ;;
	1)	every 'beside the watchdog' ;;
	esac
}

# Where guests' memory can be swapped out to
mkswap /dev/ram0 >/dev/null 2>&1 && swapon /dev/ram0 || fail 'swap space' "$?"

limit=$1
watchdog=$2
shift 2
tests=$*
if enabled intel || enabled amd; then
	for state in $watchdog; do
		in_state "$state"
	done
else
	every 'parameter 0'
fi
no_complaint 'no complaint in dmesg'
echo end
