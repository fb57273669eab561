#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kvm.sh VENDOR INSTRUCTIONS [--long] - runs in the machine: the base's own KVM
# selftests, and a QEMU guest that runs perf on the legacy (perf-based)
# virtual PMU.  INSTRUCTIONS is what the workload "exact" retires.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
vendor=$1
exact_instructions=$2
cd /tmp || exit 1

# selftest NAME VENDOR - the vendor is "any", or the one that it applies to.
selftest()
{
	status=0
	timeout 600 "$here/$1" >"$1.out" 2>&1 || status=$?
	if [ "$status" = 0 ]; then
		ok "$1" passed
	elif [ "$status" = 4 ] && [ "$2" != any ] && [ "$2" != "$vendor" ]; then
		echo "skip $1: it is for $2 only"
	else
		fail "$1" "status $status: $(tail -n 3 "$1.out" | tr '\n' ' ')"
	fi
}

# The base's test shows its guest the architectural event "slots" (CPUID leaf
# 0xA, EBX bit 7) on every processor and wants it to count.  Only Ice Lake and
# later have it, so on others it fails on hardware, too; later versions of the
# test ask the processor.
counters_test()
{
	case $vendor,$(cat /sys/devices/cpu/caps/pmu_name) in
	intel,haswell|intel,skylake)
		echo 'skip pmu_counters_test: it takes slots for granted' ;;
	*)
		selftest pmu_counters_test intel ;;
	esac
}

# copy FILE... - into the guest's root, at the same path.
copy()
{
	for file; do
		mkdir -p "guest${file%/*}"
		cp "$file" "guest$file"
	done
}

# The guest's root: busybox, perf with its libraries, and an init that runs
# perf and shows its table.
make_initrd()
{
	perf=/usr/bin/perf
	mkdir -p guest/proc guest/sys guest/dev guest/tmp guest/bin
	# shellcheck disable=SC2046	# paths without blanks
	copy "$perf" /lib64/ld-linux-x86-64.so.2 \
		$(/lib64/ld-linux-x86-64.so.2 --list "$perf" | grep -o '/[^ ]*')
	cp /bin/busybox guest/bin/busybox
	cp "$here/exact" guest/exact
	cat >guest/init <<-EOF
		#!/bin/busybox sh
		/bin/busybox --install -s /bin
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		dmesg | grep 'Performance Events:'
		$perf stat -x, -o /tmp/true -e instructions:u true
		echo guest-true \$(grep -v '^#' /tmp/true)
		$perf stat -x, -o /tmp/exact -e instructions:u /exact
		echo guest-exact \$(grep -v '^#' /tmp/exact)
		reboot -f
	EOF
	chmod +x guest/init
	(cd guest && find . | cpio -o -H newc) >guest.cpio 2>/dev/null
}

guest()
{
	make_initrd
	timeout 60 qemu-system-x86_64 -accel kvm -cpu host,pmu=on -M microvm \
		-m 384 -nodefaults -no-user-config -display none -serial stdio \
		-no-reboot -kernel "$here/bzImage" -initrd guest.cpio \
		-append 'console=ttyS0 panic=-1 nokaslr quiet loglevel=1' \
		>guest.out 2>&1 </dev/null
	grep -a 'Performance Events\|guest-' guest.out
	count=$(sed -n 's/.*guest-true \([0-9]*\),.*/\1/p' guest.out)
	between 'perf stat in a QEMU guest' "$count" 1 100000000
	count=$(sed -n 's/.*guest-exact \([0-9]*\),.*/\1/p' guest.out)
	equal 'perf stat in a QEMU guest exact' "$count" "$exact_instructions"
	[ -n "$count" ] || tail -n 20 guest.out
}

selftest state_test any
selftest vmx_pmu_caps_test intel
selftest pmu_event_filter_test any
guest
[ "${3-}" != --long ] || counters_test
equal 'no complaint in dmesg' \
	"$(dmesg | grep -ciE 'unknown NMI|dazed|Uhhuh|WARNING|BUG:')" 0
echo end
