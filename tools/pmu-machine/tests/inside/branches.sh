#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# branches.sh - runs in the machine, or in a guest: unmodified perf records the
# branches of a program.  What it says of them is left in /out for ../branches.py.
# Where the processor has no records, or not those that are asked for, perf has to
# say so.

# shellcheck disable=SC2154	# the model's facts are set by "parameters"

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=tools/pmu-machine/tests/inside/recording.sh
. "$here/recording.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../branches.sh
cd /tmp || exit 1
without_kallsyms
never_throttle
both='-e instructions -c 10007'
caps=/sys/bus/event_source/devices/cpu/caps/branches

# recording NAME EVENT ARGUMENT... - one that has to work
recording()
{
	name=$1
	event=$2
	shift 2
	# shellcheck disable=SC2086	# options
	if records $event "$@" && shows_branches "/out/$name"; then
		ok "perf record $*" \
			"$(grep -vc PERF_RECORD "/out/$name") samples"
	else
		fail "perf record $*" "$(tr '\n' ' ' <error)"
		return 1
	fi
}

# refused ARGUMENT... - a recording that the processor does not support
refused()
{
	# shellcheck disable=SC2086	# options
	if records $program "$@"; then
		fail "perf record $* is refused" 'it is not'
	else
		message=$(grep -v '^$' error | grep -v '^Error:$' | head -n 1)
		equal "perf record $* is refused" "${message#*: }" \
			"PMU Hardware or event type doesn't support branch stack sampling."
	fi
}

# Of two processes: each must find its own calls again when it runs again.
call_graph()
{
	workload="$workload twice"
	recording stack "$program" --call-graph lbr && shows /out/chains -F ip
}

# What a compiler's profile is made of: as many samples of one taken branch as of
# any other, and where the program was.
profile()
{
	workload=$here/paths
	shown='--show-mmap-events -F ip,brstack'
	recording profile "-e $taken:u -c 503" -j any,u
}

branches()
{
	equal "the kernel's number of records" "$(cat "$caps")" "$depth"
	recording any "$program" -b
	for filter in any_call any_ret ind_call ind_jmp cond call; do
		recording "$filter" "$program" -j "$filter,u"
	done
	recording types "$program" -j any,save_type,u
	recording both "$both" -j any
	recording kernel "$both" -j any,k
	case $call_stack in
	1)	call_graph ;;
	*)	refused --call-graph lbr ;;
	esac
	profile
}

no_branches()
{
	equal "the kernel's number of records" "$(cat "$caps" || echo none)" none
	refused -b
	refused -j any_call,u
	refused --call-graph lbr
}

mkdir -p /out
case $depth in
-)	no_branches ;;
*)	branches ;;
esac
no_complaint 'no complaint about the PMU in dmesg' \
	'perfevents: irq loop|perf.*(warn|interrupt took)|unchecked MSR'
echo end
