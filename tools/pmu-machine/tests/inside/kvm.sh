#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kvm.sh VENDOR WHERE [--long] - runs in the machine: the base's own KVM
# selftests.  The facts' names end with WHERE; it is empty on the base kernel.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
vendor=$1
where=$2
cd /tmp || exit 1

# selftest NAME VENDOR [ARGUMENT...] - the vendor is "any", or the one that it
# applies to.
selftest()
{
	name=$1
	its=$2
	shift 2
	status=0
	timeout 600 "$here/$name" "$@" >"$name.out" 2>&1 || status=$?
	if [ "$status" = 0 ]; then
		ok "$name$where" passed
	elif [ "$status" = 4 ] && [ "$its" != any ] && [ "$its" != "$vendor" ]; then
		echo "skip $name$where: it is for $its only"
	else
		fail "$name$where" "status $status: $(tail -n 3 "$name.out" | tr '\n' ' ')"
	fi
}

# The base's test wants LBR_TOS to be there whatever the LBR format, but
# architectural LBR, 3FH, has none.  The base does not offer that to guests.
caps_test()
{
	if grep -qsx Y /sys/module/kvm_intel/parameters/enable_mediated_pmu &&
	   grep -qw arch_lbr /proc/cpuinfo; then
		echo "skip vmx_pmu_caps_test, LBR$where: it takes LBR_TOS for granted"
		set -- -T lbr_perf_capabilities
	fi
	selftest vmx_pmu_caps_test intel "$@"
}

# The base's test shows its guest the architectural event "slots" (CPUID leaf
# 0xA, EBX bit 7) on every processor and wants it to count.  Only Ice Lake and
# later have it, so on others it fails on hardware, too; later versions of the
# test ask the processor.
counters_test()
{
	case $vendor,$(cat /sys/devices/cpu/caps/pmu_name) in
	intel,haswell|intel,skylake)
		echo 'skip pmu_counters_test: it takes slots for granted' ;;
	*)
		selftest pmu_counters_test intel ;;
	esac
}

selftest state_test any
caps_test
selftest pmu_event_filter_test any
# It takes a quarter of an hour.
[ "${3-}" != --long ] || counters_test
no_complaint "no complaint in dmesg$where"
echo end
