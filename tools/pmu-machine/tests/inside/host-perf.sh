#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# host-perf.sh - runs in the machine: the host's perf, while a guest uses every
# counter.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=tools/pmu-machine/tests/inside/qemu.sh
. "$here/qemu.sh"
# shellcheck source=tools/pmu-machine/tests/inside/samples.sh
. "$here/samples.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../host-perf.sh
cd /tmp || exit 1
refuse=/proc/sys/kernel/perf_guest_pmu_refuse
never_throttle

# counted KEY EVENTS ARGUMENT... - perf stat gives a number for each event.
counted()
{
	key=$1
	events=$2
	shift 2
	perf stat -x, -o stat.csv -e "$events" "$@"
	seen=$(field 1 stat.csv | paste -s -d ' ')
	case $seen in
	''|*[!0-9\ ]*)	fail "$key" "$seen" ;;
	*)		ok "$key" "$seen" ;;
	esac
}

# Judged by ../host-perf.py.
system_wide()
{
	perf stat -a -x, -o /out/stat.csv \
		-e instructions,instructions:u,instructions:GH,cycles:G \
		sh -c 'mark measured; sleep 0.3; mark after'
}

tasks()
{
	counted "events of QEMU's threads" instructions:GH,instructions:u \
		-p "$qemu" sleep 0.03
	counted 'pinned events' instructions:GHD,cycles:uD -a sleep 0.03
	perf stat -x, -o stat.csv -e instructions:u "$here/exact"
	equal "a task's count beside the guest exact" \
		"$(field 1 stat.csv)" "${exact_instructions?}"
}

# An event that counts in guests is refused while there is a guest; one that
# does not, and one of a task, are not.
refuse_event()
{
	echo 1 >"$refuse"
	perf stat -a -x, -o stat.csv -e instructions:GH true
	equal 'refuse, an event beside a guest' \
		"$(grep -c '^<not supported>' stat.csv)" 1
	counted 'refuse, an event that excludes guests' instructions -a sleep 0.01
	counted "refuse, a task's event" instructions:GHu "$here/exact"
	echo 0 >"$refuse"
}

refuse_guest()
{
	echo 1 >"$refuse"
	perf stat -a -o stat.csv -e instructions:GH sleep 1000 &
	sleep 0.1
	run_guest late 1 && fail 'refuse, a guest beside an event' 'it ran'
	if grep -q 'Device or resource busy' late.qemu; then
		ok 'refuse, a guest beside an event' "$(cat late.qemu)"
	else
		fail 'refuse, a guest beside an event' "$(cat late.qemu)"
	fi
	kill -INT $!
	wait
	echo 0 >"$refuse"
}

make_guest 'sh /test/host-perf-guest.sh'
run_guest guest 1 &
wait_for guest counting $! 0.01
qemu=$(pidof qemu-system-x86_64)
system_wide
tasks
sample_cpus 1009 "$here/exact"
equal 'perf record -a, samples of a program, astray, lost' \
	"$(judge_samples exact "$exact_instructions" 8)" \
	"$((exact_instructions / 1009)) 0 0"
show_astray
refuse_event
kill -0 "$qemu" 2>/dev/null ||
	fail 'the guest runs all the time' 'it ended before the host'
wait
guest_facts guest
refuse_guest
no_complaint "no complaint in the host's dmesg"
echo end
