#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# identity.sh - each model is the processor that it is said to be: signature,
# clocks, topology, virtualization capabilities, and no complaint from the
# unmodified kernel.  Two boots a model: one CPU, and two.

# shellcheck source=tools/pmu-machine/tests/lib.sh
. "$(dirname "$0")/lib.sh"

vmx_all="rdpmc-exiting msr-bitmaps virtual-nmis preemption-timer ept vpid \
unrestricted-guest vmfunc shadow-vmcs entry-load-global-ctrl \
exit-load-global-ctrl"
vmx_server="posted-interrupts apic-registers virtual-interrupts pml \
ept-violation-ve mode-based-execute tsc-scaling"
vmx_rapids="user-wait-pause exit-save-global-ctrl entry-load-lbr-ctl \
exit-clear-lbr-ctl"
svm_all="nested-paging lbr-virtualization next-rip vmcb-clean flush-by-asid \
pause-filter"

# parameters MODEL - what inside/identity.sh expects; "has_" are capabilities,
# each of the others that it looks at must be absent.
parameters()
{
	echo "vendor=intel has_all='$vmx_all' has_some= leaf15=none"
	case $1 in
	haswell)
		echo "signature='6 60 3' microcode=0x28" ;;
	skylake)
		echo "signature='6 85 4' microcode=0x2006b06"
		echo "has_some='$vmx_server' leaf15='80:2 of 0 Hz'" ;;
	icelake)
		echo "signature='6 106 6' microcode=0xd000390"
		echo "has_some='$vmx_server' leaf15='80:2 of 25000000 Hz'" ;;
	sapphire-rapids)
		echo "signature='6 143 8' microcode=0x2b000571"
		echo "has_some='$vmx_server $vmx_rapids'"
		echo "leaf15='80:2 of 25000000 Hz'" ;;
	zen3)
		echo "vendor=amd has_all='$svm_all'"
		echo "signature='25 33 0' microcode=0xa20102e" ;;
	zen4)
		echo "vendor=amd has_all='$svm_all'"
		echo "signature='25 97 2' microcode=0xa60120a" ;;
	esac
}

for model in $models; do
	parameters "$model" >"$work/parameters"
	for cpus in 1 2; do
		in_machine "$model" --cpus "$cpus" --timeout 180 \
			--with "$tests/inside/identity.sh:/test/identity.sh" \
			--with "$work/parameters:/test/parameters" \
			-- sh /test/identity.sh /test/parameters "$cpus"
	done
done
summary
