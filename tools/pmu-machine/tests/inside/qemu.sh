# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Guests that a script in the machine starts itself, as `machine guest` starts
# only one, and has nothing run beside it.  The kernel is /guest/bzImage; a
# guest has the script's folder, $here, as /test, and perf.

# copy FILE... - into the guest's tree
copy()
{
	for file; do
		mkdir -p "guest${file%/*}"
		cp "$file" "guest$file"
	done
}

# libraries PROGRAM - all that the loader maps for it
libraries()
{
	/lib64/ld-linux-x86-64.so.2 --list "$1" |
		sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p'
}

# make_guest COMMAND - the initrd of guests that run COMMAND on their console; its
# status is 0, or guest_facts says that it died.
# The kernel hands init what run_guest's ARGUMENTs are: NAME=VALUE.
make_guest()
{
	perf=$(command -v perf)
	mkdir -p guest/proc guest/sys guest/dev guest/tmp
	cp -a "${here?}" guest/test
	# shellcheck disable=SC2046	# file names
	copy /bin/busybox "$perf" $(libraries "$perf")
	cat >guest/init <<END
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH-}
$1 && echo end
reboot -f
END
	chmod +x guest/init
	(cd guest && find . | cpio -o -H newc) >guest.cpio 2>/dev/null
	rm -rf guest
}

# run_guest NAME VCPUS [ARGUMENT...] - to its end; its console is NAME.out.  Other
# memory, processor and kernel are in $guest_memory, in MB, $guest_cpu and
# $guest_kernel, more options of QEMU's in $guest_options.
run_guest()
{
	name=$1
	vcpus=$2
	shift 2
	# shellcheck disable=SC2086	# options
	qemu-system-x86_64 -accel kvm -M microvm -cpu "${guest_cpu-host,pmu=on}" \
		-smp "$vcpus" -m "${guest_memory-384}" -nodefaults -no-user-config -display none \
		-serial "file:$name.out" -no-reboot \
		-kernel "${guest_kernel-/guest/bzImage}" -initrd guest.cpio \
		-append "console=ttyS0 panic=-1 nokaslr loglevel=4 rootfstype=ramfs $*" \
		${guest_options-} \
		</dev/null >"$name.qemu" 2>&1
}

# wait_for NAME LINE PID PAUSE - for LINE on the console of the guest NAME, which
# runs as PID, with PAUSE seconds between two looks
wait_for()
{
	for _ in $(seq 6000); do
		! grep -aq "^$2" "$1.out" 2>/dev/null || return 0
		kill -0 "$3" 2>/dev/null || return 0
		sleep "$4"
	done
}

# told_pmis CONSOLE... - the PMIs that these guests say they had
told_pmis()
{
	sed -n 's/^pmis \([0-9]*\).*/\1/p' "$@" | awk '{ n += $1 } END { print n }'
}

# guest_facts NAME - print what it reported, and whether that was all
guest_facts()
{
	tr -d '\r' <"$1.out" | grep -aE '^(ok|FAIL|skip) '
	if tr -d '\r' <"$1.out" | grep -aqx end; then
		ok "$1 ran to its end" yes
	else
		fail "$1 ran to its end" "$(tail -n 3 "$1.out" "$1.qemu" | tr '\r\n' '  ')"
	fi
}
