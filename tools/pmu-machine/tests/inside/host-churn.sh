#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# host-churn.sh - runs in the machine: the host's events come and go beside two
# guests that use their PMUs.
#
# In each round there are, at once: a task that counts itself, events of all
# CPUs, samples of all CPUs, and the hard-lockup detector, switched on or off a
# few times.  Together they take as many counters as the smallest PMU has, so
# each of them must be on one all the time.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=tools/pmu-machine/tests/inside/qemu.sh
. "$here/qemu.sh"
# shellcheck source=tools/pmu-machine/tests/inside/samples.sh
. "$here/samples.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../host-churn.sh
cd /tmp || exit 1
detector=/proc/sys/kernel/nmi_watchdog
period=10007
seed=1
never_throttle
without_kallsyms

# random LOW HIGH - in $random; the same ones in every run.
random()
{
	seed=$(((seed * 1103515245 + 12345) & 0x7fffffff))
	random=$(($1 + (seed >> 12) % ($2 - $1 + 1)))
}

# moment [SHARE] - up to the longest pause, or a share of it, in $moment
moment()
{
	random 1 $((${longest?} / ${1-1}))
	moment="$((random / 1000)).$(printf %03d $((random % 1000)))"
}

# limited COMMAND... - none of them takes more than a few seconds.
limited()
{
	timeout 30 "$@"
}

# count_task PAUSE - a pinned event of a task
count_task()
{
	sleep "$1"
	rm -f task.csv
	limited perf stat -x, -o task.csv -e instructions:uD "$here/exact"
	field 1,5 task.csv >>task
}

# count_cpus PAUSE TIME EVENTS - each must be counted, if it leaves guests out
# all the time, and one like the other if there are two of a kind.
count_cpus()
{
	sleep "$1"
	rm -f cpus.csv
	limited perf stat -a -x, -o cpus.csv -e "$3" sleep "$2"
	awk -F, '
		/^#/ || !NF { next }
		{ seen = seen " " $1 "," $3 "," $5; n++ }
		$1 !~ /^[1-9][0-9]*$/ { bad = 1 }
		$3 !~ /G/ && $5 != "100.00" { bad = 1 }
		($3 in count) && count[$3] != $1 { bad = 1 }
		{ count[$3] = $1 }
		END { print(bad || n != 2 ? "wrong:" seen : "right") }' cpus.csv >>cpus
}

# sample_program PAUSE PAUSE PAUSE CPUS first|any - the samples of all CPUs, while
# a program runs in the middle; on these CPUs first, or beside anything.
sample_program()
{
	sleep "$1"
	first=
	slack=8
	if [ "$5" = first ]; then
		first='chrt -f 1'
		slack=0
	fi
	# shellcheck disable=SC2016	# it is that shell's
	sample_cpus "$period" \
		sh -c 'sleep "$1"; taskset "$3" $4 ./sampled; sleep "$2"' \
		sh "$2" "$3" "$4" "$first"
	judge_samples sampled "${exact_instructions?}" "$slack" >>samples
}

# switch_detector PAUSE...
switch_detector()
{
	for pause; do
		sleep "$pause"
		state=$((1 - $(cat "$detector")))
		echo "$state" >"$detector"
		echo "$state" >>switched
	done
}

# A group of every counter is not counted, on no CPU, if the detector's event is
# on one; it is on all of them if the detector is off.
look_for_detector()
{
	rm -f all.csv
	limited perf stat -a -A -x, -o all.csv -e "{${every?}}" sleep 0.01
	awk -F, -v on="$(cat "$detector")" -v lines="$lines" '
		/^#/ || !NF { next }
		{ n++ }
		$2 == "<not counted>" { not++ }
		END {
			right = n == lines && not + 0 == (on ? lines : 0)
			print(right ? "right" : "wrong: " (not + 0) " of " n " not, detector " on)
		}' all.csv >>look
}

# events - of this round's perf stat -a, in $events
events()
{
	random 0 3
	case $random in
	0)	events='{instructions:u,instructions:u}:D' ;;
	1)	events='{instructions:uGH,instructions:uGH}:D' ;;
	2)	events='instructions:HD,cycles:GHD' ;;
	3)	events='instructions,cycles:GH' ;;
	esac
}

# start COMMAND... - in the background
start()
{
	"$@" &
	jobs="$jobs $!"
}

churn()
{
	jobs=
	moment
	start count_task "$moment"
	moment
	pause=$moment
	moment
	events
	start count_cpus "$pause" "$moment" "$events"
	pauses=
	for _ in 1 2 3; do
		moment 2
		pauses="$pauses $moment"
	done
	random 1 4
	how=any
	[ "$random" -gt 2 ] || how=first
	# shellcheck disable=SC2086	# times
	start sample_program $pauses $((1 + random % 2)) "$how"
	pauses=
	random 1 5
	for _ in $(seq "$random"); do
		moment 2
		pauses="$pauses $moment"
	done
	# shellcheck disable=SC2086	# times
	start switch_detector $pauses
	# shellcheck disable=SC2086	# process IDs
	wait $jobs
	look_for_detector
}

guests()
{
	pidof qemu-system-x86_64 | wc -w
}

# within SECONDS - sets the time at which late() begins to be true
within()
{
	limit=$(($(seconds_up) + $1))
}

late()
{
	[ "$(seconds_up)" -ge "$limit" ]
}

both_count()
{
	[ "$(cat ./*.out 2>/dev/null | grep -ac '^counting')" -eq 2 ]
}

lines=$(($(nproc) * $(echo "$every" | tr ',' '\n' | wc -l)))
cp "$here/exact" sampled
make_guest 'sh /test/host-churn-guest.sh'
run_guest 'guest 1' 1 who=1 &
run_guest 'guest 2' 1 who=2 &
within 30
until both_count || late; do
	sleep 0.01
done

rounds=0
begin=$(seconds_up)
within $((${seconds?} + 30))
until [ "$(guests)" -lt 2 ] || late; do
	rounds=$((rounds + 1))
	churn
done
time=$(($(seconds_up) - begin))
# The other guest has as good as ended, too.
within 30
until [ "$(guests)" -eq 0 ] || late; do
	sleep 0.1
done
# shellcheck disable=SC2046	# process IDs
[ "$(guests)" -eq 0 ] || kill $(pidof qemu-system-x86_64)
wait

between 'host, seconds beside both guests' "$time" "$seconds" $((seconds + 10))
between 'host, rounds' "$rounds" $((seconds / 2)) 1000000
same "host, a task's pinned count exact" task "$rounds" \
	"${exact_instructions?},100.00"
same "host, CPUs' events counted" cpus "$rounds" right
same 'host, samples of a program, astray, lost' samples "$rounds" \
	"$((exact_instructions / period)) 0 0"
show_astray
same "host, the detector's event on a counter" look "$rounds" right
equal 'host, times that the detector began' \
	"$(dmesg | grep -c 'NMI watchdog: Enabled')" "$(grep -c 1 switched)"
guest_facts 'guest 1'
guest_facts 'guest 2'
# What the guests saw of PMIs is their samples.
equal "host, the guests' PMIs" "$(interrupts GPM)" \
	"$(told_pmis ./*.out)"
no_complaint 'host, no complaint in dmesg' \
	'lockup|Perf event create|hardware events not enabled|irq loop|detected stall'
echo end
