#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# nested.sh - runs in the machine, L0: the guest L1, twice.  What L1 reports
# includes what L2 reported to it.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=tools/pmu-machine/tests/inside/qemu.sh
. "$here/qemu.sh"
# shellcheck source=tools/pmu-machine/tests/inside/counter-exits.sh
. "$here/counter-exits.sh"
cd /tmp || exit 1
guest_memory=1024
guest_kernel=/guest/mediated

# make_l1 - the initrd of L1, which has QEMU, too
make_l1()
{
	qemu=$(command -v qemu-system-x86_64)
	# shellcheck disable=SC2046	# file names
	copy "$qemu" $(libraries "$qemu") /guest/bzImage \
		$(find /usr/share/qemu /usr/share/seabios -type f)
	make_guest 'sh /test/nested-guest.sh'
}

# l1 mediated|perf - to its end.  The vPMU is L2's; L1's is mediated.
l1()
{
	mediated=0
	[ "$1" != mediated ] || mediated=1
	exits=$(counter_exits)
	before=$(interrupts GPM)
	run_guest "$1, L1" 1 nmi_watchdog=0 vpmu="$1" \
		kvm_intel.enable_mediated_pmu=$mediated \
		kvm_amd.enable_mediated_pmu=$mediated
	exits=$(($(counter_exits) - exits))
	pmis=$(($(interrupts GPM) - before))

	guest_facts "$1, L1"
	equal "$1, L0, the count of PMIs" "$pmis" "$(told_pmis "$1, L1.out")"
	# L2 touches several counters for each PMI.  What is left comes from
	# the boot of L1, before it uses its PMU.
	[ "$1" != mediated ] ||
		between "$1, L0, exits for counters" "$exits" 1 $((pmis / 10))
}

trace_counters
make_l1
l1 mediated
l1 perf
no_complaint 'L0, no complaint in dmesg'
echo end
