#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh - the mediated vPMU beside the alternatives, in build/bench: the base's
# vPMU that is made of perf events, mainline's mediated one, and no guest at all.
# One boot a model and kernel.  What the machine said is kept as MODEL.KERNEL.out,
# its statistics as MODEL.KERNEL.json; report.py makes the report of them.
#
#	MODELS, KERNELS
#		the processors and kernels (default: all); "noxsaves" is the
#		mediated one that moves architectural branch records by MSRs
#	EXITS, OPERATIONS
#		VM exits of each kind (10000), operations on the PMU (1000)
#	SCALE	of the programs' work (1); 0 is no programs
#	JOBS	machines at a time (2)

set -eu
bench=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$bench/../../.." && pwd)
tests=$bench/../tests
machine=${MACHINE:-$bench/../machine}
out=${OUT:-$top/build/bench}
models=${MODELS:-$("$machine" cpus --names)}
kernels=${KERNELS:-base mediated noxsaves peer}
exits=${EXITS:-10000}
operations=${OPERATIONS:-1000}
scale=${SCALE:-1}

# run MODEL KERNEL - native, too, on the base
run()
{
	image=$2
	native=
	case $2 in
	base)		native=native ;;
	noxsaves)	image=mediated
			scale=0
			set -- "$@" --append noxsaves ;;
	esac
	model=$1
	kernel=$2
	shift 2
	started=$(date +%s)
	status=0
	rm -f "$out/$model.$kernel".*
	"$machine" run --cpu "$model" --kernel "$top/build/kernel-$image/bzImage" \
		--mem 1536 --timeout 7200 \
		--append 'kvm_intel.enable_mediated_pmu=1 nmi_watchdog=0' \
		--append 'kvm_amd.enable_mediated_pmu=1' \
		--console "$out/$model.$kernel.console" \
		--stats "$out/$model.$kernel.json" "$@" \
		--with "$bench/host.sh:/test/host.sh" \
		--with "$bench/programs.sh:/test/programs.sh" \
		--with "$tests/inside/qemu.sh:/test/qemu.sh" \
		--with "$tests/inside/facts.sh:/test/facts.sh" \
		--with "$out/bin/micro:/test/micro" \
		--with "$out/bin/micro-guest:/test/micro-guest" \
		--with "$out/bin/work:/test/work" \
		--with "$out/bin/exact:/test/exact" \
		--with "$out/bin/threefunc:/test/threefunc" \
		--with "$top/build/init/mark:/test/mark" \
		--with "$top/build/kernel-base/bzImage:/guest/bzImage" \
		--with qemu-system-x86_64 --with perf \
		-- sh /test/host.sh "$kernel" "$exits" "$operations" "$scale" "$native" \
		>"$out/$model.$kernel.out" 2>"$out/$model.$kernel.err" ||
		status=$?
	echo "$model, $kernel: status $status after $(($(date +%s) - started)) s"
	return "$status"
}

if [ "${1-}" = run ]; then
	run "$2" "$3"
	exit
fi

mkdir -p "$out"
make -s -C "$bench" O="$out/bin"
failed=0
for model in $models; do
	for kernel in $kernels; do
		echo "$model" "$kernel"
	done
done | xargs -n 2 -P "${JOBS:-2}" "$bench/bench.sh" run || failed=1
# shellcheck disable=SC2086	# a list
"$bench/report.py" "$out" $models
exit "$failed"
