#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-samples.sh [--long] - unmodified perf takes precise samples of a program in
# a guest under unmodified QEMU.  Each must be what it is natively: in a guest that
# is left alone, in one that is preempted and moved between CPUs while others are
# sampled there, and in one whose memory is taken away and whose writes are logged.
# With --long there are a million samples more, and none may be lost or doubled.

# shellcheck source=tools/pmu-machine/tests/guests.sh
. "$(dirname "$0")/guests.sh"

by_default sapphire-rapids

workload turns
# The same one, elsewhere and for longer
workload turns rival -Wl,-Ttext-segment=0x10000000 -Wa,--defsym,TURNS=2000000000
workload turns long -Wa,--defsym,TURNS=12000000
gcc -O2 -Wall -Wextra -shared -fPIC -o "$work/unmap.so" "$tests/workloads/unmap.c"
for model in $models; do
	own=$(model_field "$model" 14)
	case $model in
	icelake|sapphire-rapids)
		;;
	skylake)
		record "$model" skip 'precise samples' \
			'its PEBS loses a record at an EPT violation, and is not offered'
		continue ;;
	*)
		record "$model" skip 'precise samples' 'the model has no PEBS'
		continue ;;
	esac
	settings="own='$own' long='$long'"
	with_guests "$model" guest-samples --cpus 2 --append nmi_watchdog=0 \
		--out "$work/out" --stats "$work/stats" \
		--with "$tests/inside/disturbing.sh:/test/disturbing.sh" \
		--with "$tests/inside/sampling.sh:/test/sampling.sh" \
		--with "$work/unmap.so:/test/unmap.so" \
		--with "$work/turns:/test/turns" --with "$work/rival:/test/rival" \
		--with "$work/long:/test/long"
	for program in turns rival long; do
		nm "$work/$program" >"$work/out/$program.nm"
	done
	judged "$model" "$tests/guest-samples.py" "$work/out" "$model" \
		"$(model_field "$model" 10)" ${long:+"$work/stats"}
	rm -rf "$work/out"
done
summary
