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
# shellcheck source=tools/pmu-machine/tests/inside/disturbing.sh
. "$here/disturbing.sh"
# shellcheck source=tools/pmu-machine/tests/inside/recording.sh
. "$here/recording.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../guest-branches.sh
cd /tmp || exit 1
never_throttle
without_kallsyms

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

# show_rivals - what perf says of them
show_rivals()
{
	mkdir -p /out/rivals
	for cpu in 0 1; do
		perf script -i "rival.$cpu" -G -F ip,brstack
	done >/out/rivals/any
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

# disturb_recording NAME PREVIOUS
disturb_recording()
{
	disturb "$@" 20
	between "guest $1, times preempted" "$preempted" 5 100000
}

# all_states - the guest has been left alone until now
all_states()
{
	disturb_recording disturbed/any alone/stack
	disturb_recording disturbed/stack disturbed/any
	taskset -p 3 "${vcpu##*/}" >/dev/null
	restore restored/any disturbed/stack
	restore restored/stack restored/any
}

# perf has an event for each CPU, with a period of its own.
taskset -p 1 $$ >/dev/null
natively
taskset -p 3 $$ >/dev/null
make_guest 'sh /test/guest-branches-guest.sh'
mkfifo monitor.in monitor.out
# shellcheck disable=SC2086	# options
start_rivals $program -b
case $call_stack in
1)	start_guest
	all_states ;;
*)	LD_PRELOAD=$here/lbrextv2.so
	export LD_PRELOAD
	start_guest
	unset LD_PRELOAD
	disturb_recording disturbed/any alone/any ;;
esac
wait "$qemu"
guest_facts "guest.$guests"
tar -x -C /out <out.tar
end_rivals
show_rivals
no_complaint 'host, no complaint in dmesg'
echo end
