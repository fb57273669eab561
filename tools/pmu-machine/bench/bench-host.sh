#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bench-host.sh - the benchmark's programs on the processor that this runs on,
# without the machine: as root, on a host with /dev/kvm, QEMU, cpio and perf.  It
# measures the kernel that is booted, in time-stamp counter cycles and by KVM's
# own statistics; boot the next kernel and run it again, and the report has both.
#
#	CPU	the processor that all runs on (default 0)
#	EXITS, OPERATIONS, SCALE	as for bench.sh

set -eu
bench=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$bench/../tests/inside/facts.sh"
top=$(cd "$bench/../../.." && pwd)
out=${OUT:-$top/build/bench}
model=host

die()
{
	echo "bench-host: $*" >&2
	exit 1
}

# What the programs change on their host, beside perf's limits of samples
settings="/proc/sys/kernel/kptr_restrict /proc/sys/kernel/nmi_watchdog
	/proc/sys/kernel/sched_rt_runtime_us
	/sys/module/kvm/parameters/halt_poll_ns"

restore()
{
	for file in $settings; do
		cat "$work/saved/$file" >"$file" || true
	done
	limit_samples "$rate" "$percent" || true
	rm -rf "$work"
}

# booted - which of the ways this kernel has: ours has a sysctl of its own.
booted()
{
	if ! grep -qsx Y /sys/module/kvm_[ai]*/parameters/enable_mediated_pmu; then
		echo base
	elif [ -e /proc/sys/kernel/perf_guest_pmu_refuse ]; then
		echo mediated
	else
		echo peer
	fi
}

[ -w /dev/kvm ] || die "/dev/kvm is missing, or not for you"
[ -d /sys/module/kvm_intel ] || [ -d /sys/module/kvm_amd ] ||
	die "neither kvm_intel nor kvm_amd is loaded, and nothing else has a vPMU"
export PATH="$top/build/perf:$PATH"
for program in qemu-system-x86_64 cpio perf taskset; do
	command -v "$program" >/dev/null || die "$program is missing"
done
mkdir -p "$out"
make -s -C "$bench" O="$out/bin"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$work/test"
cp "$bench/host.sh" "$bench/programs.sh" "$bench/../tests/inside/qemu.sh" \
	"$bench/../tests/inside/facts.sh" \
	"$top/build/init/mark" "$out/bin/"* "$work/test/"
for file in $settings; do
	mkdir -p "$work/saved/${file%/*}"
	cat "$file" >"$work/saved/$file"
	cat "$work/saved/$file" >"$file" || die "$file can't be written"
done
rate=$(cat /proc/sys/kernel/perf_event_max_sample_rate)
percent=$(cat /proc/sys/kernel/perf_cpu_time_max_percent)
trap restore EXIT

kernel=$(booted)
echo "== this host, $(uname -r) as '$kernel', processor ${CPU:-0}"
export guest_kernel="$top/build/kernel-base/bzImage"
export TMPDIR="$work"
taskset -c "${CPU:-0}" sh "$work/test/host.sh" "$kernel" "${EXITS:-10000}" \
	"${OPERATIONS:-1000}" "${SCALE:-1}" native >"$out/$model.$kernel.out"
"$bench/report.py" "$out" "$model"
