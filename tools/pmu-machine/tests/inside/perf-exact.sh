#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# perf-exact.sh - runs in the machine: does unmodified perf, on the unmodified
# kernel, see what is known about the workloads?  The file "parameters" has
# the model's raw events and what each workload retires.

# shellcheck disable=SC2154	# the models' facts are set by "parameters"

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../perf-exact.sh
cd /tmp || exit 1
# Seventy thousand samples a second are what is wanted here.
never_throttle

driver()
{
	line=$(dmesg | grep 'Performance Events:')
	case $line in
	*"$driver"*'PMU driver.'*)
		ok 'dmesg names the driver' "${line#*Performance Events: }" ;;
	*)
		fail 'dmesg names the driver' "$line, expected '$driver'" ;;
	esac
	no_complaint 'no complaint about the PMU in dmesg' \
		'broken PMU|broken BIOS|perf.*(warn|interrupt took)|unchecked MSR'
}

watchdog()
{
	equal 'the NMI watchdog is on' \
		"$(cat /proc/sys/kernel/nmi_watchdog)" 1
	equal 'dmesg says that it started' \
		"$(dmesg | grep -c 'NMI watchdog: Enabled')" 1
	# It owns one counter for cycles: a group that takes all of them fits
	# only while it is off.
	events=cycles:u
	n=1
	while [ "$n" -lt "$cycles_counters" ]; do
		events=$events,cycles:u
		n=$((n + 1))
	done
	perf stat -x, -o with.csv -e "{$events}" true
	echo 0 >/proc/sys/kernel/nmi_watchdog
	perf stat -x, -o without.csv -e "{$events}" true
	echo 1 >/proc/sys/kernel/nmi_watchdog
	equal 'the watchdog holds a counter' \
		"$(field 1 with.csv | grep -c '^<not counted>'), $(field 1 without.csv |
			grep -c '^[1-9]')" \
		"$cycles_counters, $cycles_counters"
}

# column KEY N EVENT VALUE - the Nth count of each of the ten runs.
column()
{
	seen=$(cut -d' ' -f"$2" runs | sort | uniq -c | sed 's/^ *//')
	if [ "$seen" = "10 $4" ]; then
		ok "$1" "$3 is $4, 10 of 10"
	else
		fail "$1" "$3, expected $4 ten times: $(echo "$seen" | tr '\n' ';')"
	fi
}

# counts EVENT... - ten runs of the workload, a line of counts each; an event
# that was not on a counter all the time shows it.
counts()
{
	events=$(echo "$*" | tr ' ' ,)
	: >runs
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		perf stat -x, -o stat.csv -e "$events" "$here/exact"
		grep -v '^#' stat.csv | grep . | awk -F, '
			{ printf "%s%s ", $1, $5 == "100.00" ? "" : "/" $5 "%" }
			END { print "" }' >>runs
	done
}

exact_counts()
{
	counts instructions:u branches:u "$cond:u" "$return:u"
	column 'instructions exact' 1 instructions:u "$exact_instructions"
	column 'branches exact' 2 branches:u "$exact_branches"
	column 'conditional branches exact' 3 "$cond:u" "$exact_conditional"
	column 'near returns exact' 4 "$return:u" "$exact_returns"
	if [ "$call" = - ]; then
		counts "$taken:u"
	else
		counts "$taken:u" "$call:u"
		column 'near calls exact' 2 "$call:u" "$exact_calls"
	fi
	column 'taken branches exact' 1 "$taken:u" \
		"$((exact_near_taken + far))"
}

# Twelve events on fewer counters: each runs part of the time, and perf's
# scaling comes close, as the workload is uniform.
multiplexing()
{
	events=$cond:u
	for _ in 2 3 4 5 6 7 8 9 10 11 12; do
		events=$events,$cond:u
	done
	perf stat -x, -o mux.csv -e "$events" "$here/threefunc"
	part=$(field 5 mux.csv | awk '$1 > 0 && $1 < 100' | wc -l)
	equal 'twelve events share the counters' "$part" 12
	near=$(field 1 mux.csv | awk -v e="$threefunc_conditional" \
		'$1 > 0.9 * e && $1 < 1.1 * e' | wc -l)
	equal 'their scaled counts are within 10 %' "$near" 12
}

# perf record -c: a sample each period, by an NMI each.
fixed_period()
{
	nmi=$(interrupts NMI)
	pmi=$(interrupts PMI)
	perf record -q -o fixed.data -e instructions:u -c 10007 "$here/exact"
	nmi=$(($(interrupts NMI) - nmi))
	pmi=$(($(interrupts PMI) - pmi))
	samples=$(perf script -i fixed.data -F period | grep -c '[0-9]')
	want=$((exact_instructions / 10007))
	between 'perf record -c 10007 samples' "$samples" \
		$((want - 1)) $((want + 1))
	# A few more: the watchdog's, and those of perf's own start.
	between 'each of them was an NMI' "$nmi" $((want - 1)) $((want + 20))
	between 'each of them was a PMI' "$pmi" $((want - 1)) $((want + 20))
}

# perf record -F: the kernel moves the period, and what the samples stand for
# adds up to the count within one period.  Below, for what had not overflowed
# at the end; or above, as x86_pmu_handle_irq(), which zen3 uses, writes the
# period that begins into the sample, not the one that ended.
frequency()
{
	perf record -q -o freq.data -e instructions:u -F 1000 "$here/threefunc"
	perf script -i freq.data -F period |
		awk -v count="$threefunc_instructions" '
		$1 ~ /^[0-9]+$/ { sum += $1; n++; last = $1 }
		END {
			r = n > 20 && sum - count <= last && count - sum <= last
			printf "%s perf record -F 1000 periods add up: ", r ? "ok" : "FAIL"
			printf "%d samples, sum %d of %d, last period %d\n",
				n, sum, count, last
		}'
}

# perf report: the shares of three functions, whose loop the period is
# coprime to.
report()
{
	perf record -q -o report.data -e instructions:u -c 10007 "$here/threefunc"
	perf report -i report.data --stdio -g none -F sample,sym -t, 2>/dev/null |
		grep -v '^#' | tr -d ' ' | sed 's/\[\.\]//' >report.csv
	samples=$(awk -F, '{ n += $1 } END { print n + 0 }' report.csv)
	between 'perf report has its samples' "$samples" 10000 20000
	for function in first second third; do
		eval "part=\$threefunc_$function"
		awk -F, -v f="$function" -v part="$part" \
			-v round="$threefunc_round" -v all="$samples" '
		$2 == f { n = $1 }
		END {
			want = all * part / round
			r = n > 0.99 * want && n < 1.01 * want
			printf "%s perf report share of %s: ", r ? "ok" : "FAIL", f
			printf "%.2f %%, known %.2f %%\n",
				100 * n / (all ? all : 1), 100 * part / round
		}' report.csv
	done
}

driver
watchdog
exact_counts
multiplexing
fixed_period
frequency
report
no_complaint 'still no complaint in dmesg' 'perfevents: irq loop'
echo end
