#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-cost-guest.sh - runs in a guest: VM exits in sections of their own, by
# a guest that leaves its PMU alone and by one that uses it.  Events for user
# mode only, so that what the guest's kernel makes KVM retire, to program its
# timer, is not counted and costs nothing.

here=${0%/*}
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../guest-cost.sh

# shellcheck disable=SC2154	# "section" is an argument of the guest's kernel
if [ -n "$section" ]; then
	perf stat -a -e "{${every?}}" "$here/exits" memory "$section" 64
	exit
fi
"$here/exits" memory alone 64
"$here/exits" cpuid "alone, CPUID" 1000
perf stat -a -e "{$every}" "$here/exits" memory "every counter" 128
perf stat -a -e "instructions:u,instructions:u,instructions:u,${cond?}:u" \
	"$here/exits" cpuid "three counters, CPUID" 1000
