# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the tests share that disturb a guest while its perf records: programs that
# the host samples meanwhile, moves between CPUs, and orders to QEMU.  The guest
# says "recorded NAME" on its console when it has.

# QEMU saves no guest that was promised an invariant TSC.
# shellcheck disable=SC2034	# used by run_guest
guest_cpu='host,pmu=on,migratable=no,invtsc=off'
devices='-name guest,debug-threads=on -machine memory-backend=memory
	-object memory-backend-file,id=memory,size=256M,mem-path=memory,share=on
	-chardev pipe,id=monitor,path=monitor -mon monitor
	-chardev file,id=out,path=out.tar -device virtio-serial-device
	-device virtserialport,chardev=out'
# shellcheck disable=SC2034	# used by run_guest
guest_memory=256
guests=0

# start_rivals OPTION... - on each CPU a program with addresses of its own, and
# perf, which samples it.  It is stopped while nobody has to be disturbed.
start_rivals()
{
	rivals=
	recorders=
	for cpu in 0 1; do
		taskset "$((1 << cpu))" "${here?}/rival" &
		until [ "$(cat "/proc/$!/comm")" = rival ]; do
			:
		done
		kill -STOP "$!"
		rivals="$rivals $!"
		perf record -q -BN -m 2048 -o "rival.$cpu" "$@" -p "$!" &
		recorders="$recorders $!"
	done
}

# rivals SIGNAL
rivals()
{
	# shellcheck disable=SC2086	# process IDs
	kill "$1" $rivals
}

end_rivals()
{
	rivals -KILL
	# shellcheck disable=SC2086	# process IDs
	wait $rivals $recorders 2>/dev/null
}

# start_guest [OPTION]
start_guest()
{
	guests=$((guests + 1))
	# shellcheck disable=SC2034	# used by run_guest
	guest_options="$devices ${1-}"
	run_guest "guest.$guests" 1 &
	qemu=$!
	until vcpu=$(grep -l '^CPU 0/KVM' /proc/[0-9]*/task/*/comm 2>/dev/null); do
		sleep 0.01
	done
	vcpu=${vcpu%/comm}
}

# recorded NAME - has the guest done so?
recorded()
{
	cat guest.*.out 2>/dev/null | grep -aq "^recorded $1"
}

# pmis - the guest's so far, of each CPU
pmis()
{
	awk '$1 == "GPM:" { print $2, $3 }' /proc/interrupts
}

preemptions()
{
	sed -n 's/^nonvoluntary_ctxt_switches:[^0-9]*//p' "$vcpu/status"
}

# after NAME SAMPLES - when the guest has taken so many in the recording that
# comes after NAME.  That lasts milliseconds only, so nothing is started here.
after()
{
	until recorded "$1"; do
		sleep 0.001
	done
	before=$(interrupts GPM)
	awk -v end="$((before + $2))" 'BEGIN {
		while (looks++ < 20000) {
			while ((getline < "/proc/interrupts") > 0)
				if ($1 == "GPM:" && $2 + $3 >= end)
					exit
			close("/proc/interrupts")
		}
	}'
}

# disturb NAME PREVIOUS PMIS - from the first one behind PREVIOUS on until the guest
# has recorded NAME; so many at least come on each CPU.  $preempted is how often the
# guest lost its CPU, apart from moves.
disturb()
{
	after "$2" 1
	rivals -CONT
	was=$(preemptions)
	moves=0
	# shellcheck disable=SC2046	# numbers
	set -- "$1" "$3" $(pmis)
	until recorded "$1"; do
		for _ in 1 2 3 4 5 6; do
			taskset -p "$((1 + moves % 2))" "${vcpu##*/}" >/dev/null
			moves=$((moves + 1))
		done
	done
	rivals -STOP
	# A move takes it off its CPU, too.
	preempted=$(($(preemptions) - was - moves))
	# shellcheck disable=SC2046	# numbers
	set -- "$@" $(pmis)
	between "guest $1, times moved" "$moves" 5 100000
	between "guest $1, PMIs on CPU 0" "$(($5 - $3))" "$2" 100000
	between "guest $1, PMIs on CPU 1" "$(($6 - $4))" "$2" 100000
}

# order COMMAND... - to QEMU's monitor
order()
{
	echo "$*" >monitor.in
}

# hand_over FOLDER - in the guest: to the host's out.tar
hand_over()
{
	port=/dev/vport0p1
	# A write ends when the port's queue has taken it.  When the queue has taken
	# as many more as it has places, QEMU has passed on what was before.
	tar -c -C "$1" . >"$port"
	dd if=/dev/zero of="$port" bs=1 count=1024 2>/dev/null
}
