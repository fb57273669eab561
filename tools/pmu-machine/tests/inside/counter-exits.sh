# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# How often KVM is asked for a counter, by its tracepoint.

tracefs=/sys/kernel/tracing

# trace_counters - from here on.  Intel's counters by both names, fixed ones and
# GLOBAL_CTRL, then AMD's, and PerfCntrGlobalCtl.
trace_counters()
{
	[ -d "$tracefs/events" ] || mount -t tracefs tracefs "$tracefs"
	echo "(ecx >= 0xc1 && ecx <= 0xc8) || (ecx >= 0x4c1 && ecx <= 0x4c8) ||
		(ecx >= 0x309 && ecx <= 0x30c) || ecx == 0x38f ||
		(ecx >= 0xc0010200 && ecx <= 0xc001020b && ecx & 1) ||
		ecx == 0xc0000301" | tr -d '\n\t' >"$tracefs/events/kvm/kvm_msr/filter"
	echo 1 >"$tracefs/events/kvm/kvm_msr/enable"
}

# counter_exits - so far
counter_exits()
{
	cat "$tracefs"/per_cpu/cpu*/stats |
		awk '/^(entries|overrun):/ { n += $2 } END { print n + 0 }'
}
