#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kvm.sh [--long] - KVM on every model: the base's own selftests that concern
# the PMU, and a QEMU guest with the legacy vPMU in which perf counts.
# pmu_counters_test, which makes two thousand virtual machines, is run with
# --long.

# shellcheck source=tools/pmu-machine/tests/lib.sh
. "$(dirname "$0")/lib.sh"

workload exact
selftests=$top/build/selftests/x86_64
exact_instructions=$(expected "$work/exact" | sed -n 's/^instructions=//p')

for model in $models; do
	case $model in
	zen*)	vendor=amd ;;
	*)	vendor=intel ;;
	esac
	set --
	for test in state_test vmx_pmu_caps_test pmu_event_filter_test pmu_counters_test; do
		set -- "$@" --with "$selftests/$test:/test/$test"
	done
	in_machine "$model" --timeout 3000 "$@" \
		--with "$tests/inside/kvm.sh:/test/kvm.sh" \
		--with "$tests/inside/facts.sh:/test/facts.sh" \
		--with "$work/exact:/test/exact" \
		--with "$top/build/kernel-base/bzImage:/test/bzImage" \
		--with perf --with qemu-system-x86_64 \
		-- sh /test/kvm.sh "$vendor" "$exact_instructions" "$long"
done
summary
