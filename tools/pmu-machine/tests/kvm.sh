#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kvm.sh [--long] - KVM on every model: the base's own selftests that concern
# the PMU, on the base kernel and on ours without and with the mediated vPMU, and
# a QEMU guest with two vCPUs and the legacy vPMU, in which perf counts.
# pmu_counters_test, which makes two thousand virtual machines, is run with
# --long.

# shellcheck source=tools/pmu-machine/tests/lib.sh
. "$(dirname "$0")/lib.sh"

# guest MODEL - perf in a QEMU guest with the legacy (perf-based) virtual PMU.
guest()
{
	"$machine" guest --cpu "$1" --kernel base --vpmu perf --timeout 600 \
		--guest-cpus 2 --console "$work/console" \
		--with "$tests/inside/guest.sh:/test/guest.sh" \
		--with "$tests/inside/facts.sh:/test/facts.sh" \
		--with "$work/exact:/test/exact" --with perf \
		-- sh /test/guest.sh "$exact_instructions" \
		>"$work/facts" 2>"$work/errors" ||
		{
			echo "FAIL a QEMU guest: status $?"
			cat "$work/errors"
		} >>"$work/facts"
	read_facts "$1" <"$work/facts"
}

# selftests MODEL WHERE ARGUMENT... - the facts' names end with WHERE.
selftests()
{
	model=$1
	where=$2
	shift 2
	case $model in
	zen*)	vendor=amd ;;
	*)	vendor=intel ;;
	esac
	for test in state_test vmx_pmu_caps_test pmu_event_filter_test pmu_counters_test; do
		set -- "$@" --with "$selftests/$test:/test/$test"
	done
	in_machine "$model" --timeout 3000 "$@" \
		--with "$tests/inside/kvm.sh:/test/kvm.sh" \
		-- sh /test/kvm.sh "$vendor" "$where" "$long"
}

# ours MODEL VALUE WHERE - the selftests on our kernel, with the parameter.
ours()
{
	selftests "$1" "$3" --kernel "$series" --append "$(mediated "$2")"
}

workload exact
selftests=$top/build/selftests/x86_64
exact_instructions=$(expected "$work/exact" | sed -n 's/^instructions=//p')

for model in $models; do
	selftests "$model" ''
	ours "$model" 0 ', parameter 0'
	ours "$model" 1 ', parameter 1'
	guest "$model"
done
summary
