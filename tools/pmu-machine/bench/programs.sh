#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# programs.sh PREFIX SCALE - runs in a guest, or natively: whole programs alone
# and under perf, and what perf says of programs whose instructions are known.
# Prints lines of JSON.  Sections of the statistics are called PREFIX/....

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
prefix=$1
scale=$2
set -e
cd /tmp

six=instructions,cycles,branches,branch-misses,cache-references,cache-misses

# repeated COUNT EVENT - the event so many times
repeated()
{
	yes "$2" | head -n "$1" | paste -s -d ,
}

# A period that is coprime to the 1001 instructions of threefunc's round.
period=100003

without_kallsyms
echo 0 >/proc/sys/kernel/nmi_watchdog

# A hundred times what each takes alone: where samples cost more than the time
# between two, there may be no end.
limit=20

# work MODE PROGRAM COUNT [COMMAND...] - in section PREFIX/PROGRAM/MODE, as an
# argument of COMMAND
work()
{
	section=$prefix/$2/$1
	program=$2
	count=$(($3 * scale))
	shift 3
	timeout "$((limit * scale))" "$@" "$here/work" "$section" "$program" "$count" ||
		echo "{\"section\": \"$section\", \"status\": $?}"
}

# record COUNT OPTION VALUE - perf record of so many instructions events
record()
{
	printf 'perf record -q -o data %s %s -e %s' "$2" "$3" \
		"$(repeated "$1" instructions)"
}

# modes PROGRAM COUNT - alone, counted and sampled
modes()
{
	work alone "$1" "$2"
	work stat "$1" "$2" perf stat -o stat -e "$six"
	# shellcheck disable=SC2046	# a command line
	work period6 "$1" "$2" $(record 6 -c 1000003)
	if [ "$(cat /sys/bus/event_source/devices/cpu/caps/max_precise)" != 0 ]; then
		work precise "$1" "$2" perf record -q -o data -c 10007 \
			-e instructions:pp
	fi
	# shellcheck disable=SC2046	# a command line
	work record6 "$1" "$2" $(record 6 -F 1000)
	# shellcheck disable=SC2046	# a command line
	work record10 "$1" "$2" $(record 10 -F 1000)
	rm -f data
}

# start_to_stop NAME EVENTS - perf stat of a program that does nothing
start_to_stop()
{
	"$here/mark" "$prefix/perf stat/$1"
	perf stat -o stat -e "$2" "$here/work"
	"$here/mark" after
}

# counts PROGRAM
counts()
{
	perf stat -x ' ' -o stat -e instructions:u,branches:u "$here/$1"
	while read -r value event _; do
		case $event in
		*:u)	echo "{\"section\": \"$prefix/$1/$event\", \"count\": $value}" ;;
		esac
	done <stat
}

# samples PROGRAM - how many, and of which functions.  Where they take long, perf
# has lowered their rate for good by now.  A host has its limits back for guests,
# whose PMU may be made of its events.
samples()
{
	rate=$(cat /proc/sys/kernel/perf_event_max_sample_rate)
	percent=$(cat /proc/sys/kernel/perf_cpu_time_max_percent)
	never_throttle
	perf record -q -o data -e instructions:u -c "$period" "$here/$1"
	limit_samples "$rate" "$percent"
	perf report -q -i data --stdio -F sample,sym 2>/dev/null |
	while read -r number _ symbol; do
		case $number in
		[1-9]*)	echo "{\"section\": \"$prefix/$1/samples\"," \
				"\"symbol\": \"$symbol\", \"count\": $number}" ;;
		esac
	done
}

# What perf found here: QEMU may keep a part of the PMU from its guests.
dmesg | sed -n "s|.*Performance Events: \\(.*\\)|{\"section\": \"$prefix/pmu\", \"pmu\": \"\\1\"}|p"
modes compute 10000000
modes forks 100
modes pings 2000
# What is not in the caches of files and names yet
perf stat -o stat -e "dummy,$six" "$here/work"
for _ in $(seq 10); do
	start_to_stop software dummy
	start_to_stop '6 events' "$six"
done
counts exact
counts threefunc
samples threefunc
