# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# The facts that a script inside the machine reports; see ../lib.sh.

# ok KEY DETAIL
ok()
{
	echo "ok $1: $2"
}

# fail KEY DETAIL
fail()
{
	echo "FAIL $1: $2"
}

# equal KEY ACTUAL EXPECTED
equal()
{
	if [ "$2" = "$3" ]; then
		ok "$1" "$2"
	else
		fail "$1" "$2, expected $3"
	fi
}

# between KEY ACTUAL LOW HIGH - all integers
between()
{
	if [ -n "$2" ] && [ "$2" -ge "$3" ] && [ "$2" -le "$4" ]; then
		ok "$1" "$2 (from $3 to $4)"
	else
		fail "$1" "${2:-nothing}, expected from $3 to $4"
	fi
}

# same KEY FILE LINES VALUE - FILE has so many lines, and each is VALUE.
same()
{
	equal "$1" "$(sort "$2" | uniq -c | sed 's/^ *//' | tr '\n' ';')" "$3 $4;"
}

# field N FILE - column N of perf stat -x, or some with commas between, for each
# event
field()
{
	grep -v '^#' "$2" | grep . | cut -d, -f"$1"
}

# seconds_up - of the machine's or the guest's own clock
seconds_up()
{
	cut -d. -f1 /proc/uptime
}

# interrupts ROW - the sum over all CPUs of one row of /proc/interrupts.
interrupts()
{
	awk -v row="$1:" '$1 == row {
		for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++)
			n += $i
		print n
	}' /proc/interrupts
}

# no_message KEY PATTERN - no line of the kernel's log matches; the first few
# that do are shown below the fact.
no_message()
{
	equal "$1" "$(dmesg | grep -ciE "$2")" 0
	dmesg | grep -iE "$2" | head -n 3
}

# no_complaint KEY [PATTERN] - nor does one that tells of what no kernel should
# meet.  In the middle of a line "rIP:" is KVM's, of a guest's odd MSR.
no_complaint()
{
	no_message "$1" \
		"unknown NMI|dazed|Uhhuh|WARNING|(^|\\] )RIP:|(^|[^a-z])BUG:${2:+|$2}"
}

# without_kallsyms - perf record reads all of it otherwise, which takes longer
# than everything else that it does here.
without_kallsyms()
{
	echo 2 >/proc/sys/kernel/kptr_restrict
}

# limit_samples RATE PERCENT - of perf's, in a second and of a CPU's time.  While
# there is no limit of the time, 0 % or 100 %, Linux lets nobody set the rate.
limit_samples()
{
	echo 25 >/proc/sys/kernel/perf_cpu_time_max_percent
	echo "$1" >/proc/sys/kernel/perf_event_max_sample_rate
	echo "$2" >/proc/sys/kernel/perf_cpu_time_max_percent
}

# never_throttle - neither for the number of samples nor for their time.
never_throttle()
{
	limit_samples 10000000 0
}
