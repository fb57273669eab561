#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-branches.sh - unmodified perf records the branches of a program in a guest
# under unmodified QEMU.  Each record must be what it is natively, at the same
# instruction: in a guest that is left alone, in one that is preempted and moved
# between CPUs while others record branches there, and in one that is saved and
# restored in the middle.  AMD's branch records have no call stacks, and QEMU
# neither saves them nor shows them to guests: workloads/lbrextv2.c does the latter.

# shellcheck source=tools/pmu-machine/tests/guests.sh
. "$(dirname "$0")/guests.sh"

by_default sapphire-rapids

workload ring
# The same one, elsewhere and for longer
workload ring rival -Wl,-Ttext-segment=0x10000000 -Wa,--defsym,TURNS=1000000
gcc -O2 -Wall -Wextra -shared -fPIC -o "$work/lbrextv2.so" \
	"$tests/workloads/lbrextv2.c"
for model in $models; do
	case $model in
	zen3)	record "$model" skip 'branch records' 'it has none'
		continue ;;
	zen4)	states='alone disturbed' ;;
	*)	states='alone disturbed restored' ;;
	esac
	call_stack=$(model_field "$model" 12)
	settings="states='$states' call_stack=$call_stack"
	with_guests "$model" guest-branches --cpus 2 --append nmi_watchdog=0 \
		--out "$work/out" \
		--with "$tests/inside/disturbing.sh:/test/disturbing.sh" \
		--with "$tests/inside/recording.sh:/test/recording.sh" \
		--with "$work/lbrextv2.so:/test/lbrextv2.so" \
		--with "$work/ring:/test/ring" --with "$work/rival:/test/rival"
	for program in ring rival; do
		nm "$work/$program" >"$work/out/$program.nm"
	done
	judged "$model" "$tests/guest-branches.py" "$work/out" \
		"$(model_field "$model" 10)" "$call_stack" \
		"$(model_field "$model" 13)" "$states"
	rm -rf "$work/out"
done
summary
