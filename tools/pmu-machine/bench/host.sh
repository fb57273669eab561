#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# host.sh WAY EXITS OPERATIONS SCALE [native] - runs in the machine, or on a real
# host: the micro-benchmark, alone and beside a host's perf stat -a, and the
# programs in a guest, unless SCALE is 0; natively before that, if asked to.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/qemu.sh
. "$here/qemu.sh"
way=$1
exits=$2
operations=$3
scale=$4
native=${5-}
cd "$(mktemp -d)" || exit 1

# is_mediated - both modules are there if they are built in.
is_mediated()
{
	grep -qx Y /sys/module/kvm_[ai]*/parameters/enable_mediated_pmu
}

# setup - no event of the host's but those that are asked for; the vCPU's thread
# keeps the CPU; a halted vCPU halts.
setup()
{
	echo 0 >/proc/sys/kernel/nmi_watchdog
	echo -1 >/proc/sys/kernel/sched_rt_runtime_us
	echo 0 >/sys/module/kvm/parameters/halt_poll_ns
}

failed=

# checked COMMAND... - what fails must not be taken for something that costs nothing.
checked()
{
	"$@" || {
		echo "failed: $*"
		failed=1
	}
}

dmesg | grep -i 'pmu\|kvm' | grep -v 'ommand line' | sed 's/^/dmesg: /'
if [ "$way" != base ] && ! is_mediated; then
	echo '{"unavailable": "enable_mediated_pmu reads N"}'
	exit
fi
if [ "$way" = noxsaves ] && ! grep -qw arch_lbr /proc/cpuinfo; then
	echo '{"unavailable": "no architectural branch records"}'
	exit
fi
setup
[ -z "$native" ] || checked sh "$here/programs.sh" native "$scale"
checked "$here/micro" "$here/micro-guest" "$way" "$exits" "$operations"
checked perf stat -a -o perf.stat -e instructions:H,cycles:H \
	"$here/micro" "$here/micro-guest" "$way, host" "$exits" 0
sed 's/^/perf: /' perf.stat
if [ "$scale" != 0 ]; then
	# With PEBS, which QEMU shows to no guest that it may migrate.
	# shellcheck disable=SC2034	# used by run_guest
	guest_cpu='host,pmu=on,migratable=no'
	make_guest "sh /test/programs.sh '$way' $scale"
	run_guest guest 1
	tr -d '\r' <guest.out | sed 's/^/guest: /'
	cat guest.qemu
	checked grep -aq '^end' guest.out
fi
[ -z "$failed" ]
