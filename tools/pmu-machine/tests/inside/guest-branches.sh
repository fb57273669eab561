#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-branches.sh - runs in the machine: perf records the branches of a program
# natively, and then in a guest: while it is left alone, while it is preempted and
# moved between CPUs, and while it is saved and restored.  What perf says is left
# in /out for ../guest-branches.py.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=tools/pmu-machine/tests/inside/qemu.sh
. "$here/qemu.sh"
# shellcheck source=tools/pmu-machine/tests/inside/recording.sh
. "$here/recording.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../guest-branches.sh
cd /tmp || exit 1
never_throttle
without_kallsyms
# QEMU saves no guest that was promised an invariant TSC.
# shellcheck disable=SC2034	# used by run_guest
guest_cpu='host,pmu=on,migratable=no,invtsc=off'
devices='-name guest,debug-threads=on -machine memory-backend=memory
	-object memory-backend-file,id=memory,size=160M,mem-path=memory,share=on
	-chardev pipe,id=monitor,path=monitor -mon monitor
	-chardev file,id=out,path=out.tar -device virtio-serial-device
	-device virtserialport,chardev=out'
# shellcheck disable=SC2034	# used by run_guest
guest_memory=160
guests=0

natively()
{
	mkdir -p /out/native
	# shellcheck disable=SC2086	# options
	records $program -b && shows_branches /out/native/any
	[ "${call_stack?}" = 1 ] || return 0
	# shellcheck disable=SC2086	# options
	records $program --call-graph lbr && shows_branches /out/native/stack
	shows /out/native/chains -F ip
}

# start_rivals - on each CPU a program with addresses of its own, and perf, which
# records its branches.  It is stopped while nobody has to be disturbed.
start_rivals()
{
	rivals=
	recorders=
	for cpu in 0 1; do
		taskset "$((1 << cpu))" "$here/rival" &
		until [ "$(cat "/proc/$!/comm")" = rival ]; do
			:
		done
		kill -STOP "$!"
		rivals="$rivals $!"
		# shellcheck disable=SC2086	# options
		perf record -q -BN -m 2048 -o "rival.$cpu" $program -b -p "$!" &
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
	mkdir -p /out/rivals
	for cpu in 0 1; do
		perf script -i "rival.$cpu" -G -F ip,brstack
	done >/out/rivals/any
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

# disturb NAME PREVIOUS
disturb()
{
	after "$2" 1
	rivals -CONT
	was=$(preemptions)
	moves=0
	# shellcheck disable=SC2046	# numbers
	set -- "$1" $(pmis)
	until recorded "$1"; do
		for _ in 1 2 3 4 5 6; do
			taskset -p "$((1 + moves % 2))" "${vcpu##*/}" >/dev/null
			moves=$((moves + 1))
		done
	done
	rivals -STOP
	# A move takes it off its CPU, too.
	lost=$(($(preemptions) - was - moves))
	# shellcheck disable=SC2046	# numbers
	set -- "$@" $(pmis)
	between "guest $1, times moved" "$moves" 5 100000
	between "guest $1, times preempted" "$lost" 5 100000
	between "guest $1, samples on CPU 0" "$(($4 - $2))" 20 100000
	between "guest $1, samples on CPU 1" "$(($5 - $3))" 20 100000
}

# order COMMAND... - to QEMU's monitor
order()
{
	echo "$*" >monitor.in
}

# order_incomplete COMMAND... - one of those that save or load all but the memory,
# which is a file, and stays where it is.
order_incomplete()
{
	order migrate_set_capability x-ignore-shared on
	order "$@"
}

# restore NAME PREVIOUS - save the guest while it records, and go on in another
# QEMU.  QEMU 7.2 saves architectural LBR, and of legacy LBR nothing, DEBUGCTL and
# LBR_SELECT neither: there the guest records as it did only when its perf has set
# that up again, as it does when the program has slept.
restore()
{
	after "$2" 100
	order stop
	order_incomplete 'migrate exec:cat>state'
	order quit
	wait "$qemu"
	saved=$(($(interrupts GPM) - before))
	between "guest $1, samples when it was saved" "$saved" 100 \
		$(($(wc -l <"/out/native/${1#*/}") - 1))
	mkdir -p "/out/${1%/*}"
	grep -qw arch_lbr /proc/cpuinfo || echo "$saved" >"/out/$1.unsaved"
	start_guest '-incoming defer'
	order_incomplete 'migrate_incoming exec:cat<state'
	# While QEMU still loads the guest it would forget that.
	until [ "$(interrupts GPM)" -gt "$((before + saved))" ]; do
		order cont
		sleep 0.01
	done
}

# all_states - the guest has been left alone until now
all_states()
{
	disturb disturbed/any alone/stack
	disturb disturbed/stack disturbed/any
	taskset -p 3 "${vcpu##*/}" >/dev/null
	restore restored/any disturbed/stack
	restore restored/stack restored/any
}

natively
make_guest 'sh /test/guest-branches-guest.sh'
mkfifo monitor.in monitor.out
start_rivals
case $call_stack in
1)	start_guest
	all_states ;;
*)	LD_PRELOAD=$here/lbrextv2.so
	export LD_PRELOAD
	start_guest
	unset LD_PRELOAD
	disturb disturbed/any alone/any ;;
esac
wait "$qemu"
guest_facts "guest.$guests"
tar -x -C /out <out.tar
end_rivals
no_complaint 'host, no complaint in dmesg'
echo end
