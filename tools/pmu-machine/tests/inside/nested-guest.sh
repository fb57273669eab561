#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# nested-guest.sh - runs in the guest L1: its own perf before L2, beside it and
# after it.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=tools/pmu-machine/tests/inside/qemu.sh
. "$here/qemu.sh"
# shellcheck source=tools/pmu-machine/tests/inside/counter-exits.sh
. "$here/counter-exits.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../guests.sh
cd /tmp || exit 1
who="${vpmu?}, L1"	# an argument of L1's kernel
# A vPMU of perf events is throttled as they are.
never_throttle

# counts EVENTS ARGUMENT... - perf stat's, in a row
counts()
{
	events=$1
	shift
	perf stat --no-scale -x, -o stat.csv -e "$events" "$@"
	field 1 stat.csv | paste -s -d ' '
}

# own KEY - of a program of L1's
own()
{
	equal "$who, $1" \
		"$(counts "instructions:u,branches:u,${cond?}:u" "$here/exact")" \
		"${exact_instructions?} ${exact_branches?} ${exact_conditional?}"
}

# has_mediated - does KVM, in the module that runs here, say so?
has_mediated()
{
	parameter=/sys/module/kvm_amd/parameters/enable_mediated_pmu
	! grep -q ' vmx' /proc/cpuinfo ||
		parameter=/sys/module/kvm_intel/parameters/enable_mediated_pmu
	cat "$parameter"
}

# sides - an event that counts in L1, one that counts in L2, and one that does
# both, of the CPU that runs L1 and L2.  While L2 has the CPU's PMU, they stand
# still.
sides()
{
	# shellcheck disable=SC2046	# three numbers
	set -- $(counts '{instructions:uH,instructions:uG,instructions:uGH}' -a \
		sh -c "sleep 0.05; $here/exact")
	between "$who, events of the CPU, L1" "${1-}" "$exact_instructions" 1000000000
	if [ "$vpmu" = mediated ]; then
		equal "$who, events of the CPU, L2" "${2-}" 0
	else
		between "$who, events of the CPU, L2" "${2-}" 1 1000000000
	fi
	equal "$who, events of the CPU, both" "${3-}" "$((${1-0} + ${2-0}))"
}

beside()
{
	own 'own counts beside L2'
	equal "$who, own program by sides" \
		"$(counts instructions:uH,instructions:uG,instructions:uGH "$here/exact")" \
		"$exact_instructions 0 $exact_instructions"
	sides
	kill -0 "$l2" 2>/dev/null ||
		fail "$who, L2 runs all the time" 'it ended before'
}

trace_counters
if [ "$vpmu" = mediated ]; then
	equal "$who, the mediated vPMU is on" "$(has_mediated)" Y
else
	equal "$who, the mediated vPMU is on" "$(has_mediated)" N
fi
own 'own counts before L2'
make_guest 'sh /test/nested-l2.sh'
run_guest "$vpmu, L2" 1 "vpmu=$vpmu" &
l2=$!
# Each look costs L1 a hundred exits.
wait_for "$vpmu, L2" beside "$l2" 0.1
beside
wait
own 'own counts after L2'

guest_facts "$vpmu, L2"
# With a vPMU of perf events L2's PMIs are those of L1's perf.
pmis=$(($(interrupts GPM) + $(interrupts PMI)))
equal "$who, the count of PMIs" "$pmis" \
	"$(told_pmis "$vpmu, L2.out")"
echo "pmis $pmis"
if [ "$vpmu" = mediated ]; then
	between "$who, exits for counters" "$(counter_exits)" 1 $((pmis / 10))
else
	between "$who, exits for counters" "$(counter_exits)" "$pmis" 1000000000
fi
no_complaint "$who, no complaint in dmesg"
