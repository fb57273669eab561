#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kvm-unit-tests.sh - boots kvm-unit-tests' pmu.flat on every model, a judgement
# that is not ours: bare, of the machine, and in a QEMU guest, of the mediated
# vPMU; both ways pmu_pebs.flat, for adaptive PEBS, and in the guest pmu_lbr.flat,
# for legacy branch records.  KVM_UNIT_TESTS=DIR names a built checkout (its
# x86/*.flat); nothing of it is part of this project.
# Its own skipped cases are told apart from the tests that we skip.

# shellcheck source=tools/pmu-machine/tests/lib.sh
. "$(dirname "$0")/lib.sh"

# pmu.flat's reference-cycle calibration alone runs 10^9 instructions, and
# pmu_lbr.flat has a loop of 2 * 10^8 turns.
limit=1200

# on_bare_machine MODEL IMAGE
on_bare_machine()
{
	"$machine" boot --cpu "$1" --timeout "$limit" \
		--module "$work/environment" "$images/$2" \
		>"$work/out" 2>"$work/$1.log"
}

# in_qemu MODEL IMAGE - its firmware tables and PCI are those of -M pc; status 125
# would be the host's.
in_qemu()
{
	"$machine" run --cpu "$1" --timeout "$limit" --kernel "$series" \
		--append "$(mediated 1) nmi_watchdog=0" \
		--with "$images/$2:/test/$2" \
		--with "$work/environment:/test/environment" \
		-- qemu-system-x86_64 -accel kvm -M pc -m 256 \
		-cpu host,migratable=no,pmu=on -nodefaults -no-user-config \
		-vga none -display none -serial stdio -device pci-testdev \
		-device isa-debug-exit,iobase=0xf4,iosize=4 \
		-kernel "/test/$2" -initrd /test/environment \
		>"$work/out" 2>"$work/$1.log"
}

# judge MODEL KEY STATUS - from the output in $work/out
judge()
{
	# report() prints "PASS: NAME"; a bound that is missed is printed
	# before it, as "FAIL: 1 <= 0 <= 10", and is no case of its own.
	passed=$(grep -c '^PASS: ' "$work/out" || true)
	skipped=$(grep -c '^SKIP: ' "$work/out" || true)
	failed=$(grep '^FAIL: ' "$work/out" | grep -vc '^FAIL: -*[0-9]* <= ' || true)
	detail="$passed passed, $failed failed, $skipped skipped by itself"
	own_skips=$((own_skips + skipped))
	# Status 0 becomes 1 in isa-debug-exit: value * 2 + 1.
	if [ "$3" = 1 ] && [ "$failed" = 0 ] && [ "$passed" -gt 0 ] &&
		grep -q '^SUMMARY: ' "$work/out"; then
		record "$1" ok "$2" "$detail"
	else
		record "$1" FAIL "$2" "$detail, status $3"
		grep '^FAIL: ' "$work/out" || tail -n 5 "$work/out"
	fi
}

# bare MODEL IMAGE
bare()
{
	status=0
	on_bare_machine "$@" || status=$?
	judge "$1" "$2" "$status"
}

# guest MODEL IMAGE
guest()
{
	status=0
	in_qemu "$@" || status=$?
	judge "$1" "$2 in a guest" "$status"
}

if [ -z "${KVM_UNIT_TESTS:-}" ]; then
	record all skip kvm-unit-tests 'KVM_UNIT_TESTS=DIR names no built checkout'
	models=all
	summary
	exit
fi
images=$KVM_UNIT_TESTS/x86
for image in pmu pmu_pebs pmu_lbr; do
	[ ! -r "$images/$image.flat" ] || continue
	record all FAIL kvm-unit-tests "no $image.flat in $images: build it first"
	models=all
	summary
	exit 1
done
echo "kvm-unit-tests: commit $(git -C "$KVM_UNIT_TESTS" rev-parse HEAD 2>/dev/null ||
	echo unknown)"
# It takes the number of processors from its only module.
echo NR_CPUS=1 >"$work/environment"
own_skips=0
for model in $models; do
	bare "$model" pmu.flat
	guest "$model" pmu.flat
	case $model in
	icelake|sapphire-rapids)
		bare "$model" pmu_pebs.flat
		guest "$model" pmu_pebs.flat ;;
	skylake)
		record "$model" skip pmu_pebs.flat \
			'it knows PEBS from format 4 on only' ;;
	*)
		record "$model" skip pmu_pebs.flat 'the model has no PEBS' ;;
	esac
	case $model in
	haswell|skylake|icelake)
		guest "$model" pmu_lbr.flat ;;
	*)
		record "$model" skip 'pmu_lbr.flat in a guest' \
			'it knows legacy branch records only' ;;
	esac
done
status=0
summary || status=$?
echo "kvm-unit-tests' own skipped cases: $own_skips"
exit "$status"
