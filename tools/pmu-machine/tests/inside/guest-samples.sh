#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-samples.sh - runs in the machine: perf takes precise samples of a program
# natively, and then in a guest: while it is left alone, while it is preempted and
# moved between CPUs, and while its memory is disturbed.  What perf recorded is left
# in /out for ../guest-samples.py.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=tools/pmu-machine/tests/inside/qemu.sh
. "$here/qemu.sh"
# shellcheck source=tools/pmu-machine/tests/inside/disturbing.sh
. "$here/disturbing.sh"
# shellcheck source=tools/pmu-machine/tests/inside/sampling.sh
. "$here/sampling.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../guest-samples.sh
cd /tmp || exit 1
never_throttle
without_kallsyms
# shellcheck disable=SC2154	# in sampling.sh
names="$quiet $disturbed ${own?}"
last=${names##* }

# disturb_memory - its pages go away, and writing to them is logged, by a migration
# that is too slow to end.
disturb_memory()
{
	until recorded "disturbed/$last"; do
		sleep 0.01
	done
	order migrate_set_parameter max-bandwidth 16M
	order migrate -d 'exec:cat>/dev/null'
	mark memory
	touch unmap
	until recorded "memory/$last"; do
		sleep 0.01
	done
	rm unmap
	order info migrate
	order migrate_cancel
	mark -
	between 'guest memory, times all was unmapped' "$(cat unmapped)" 10 1000000
	until grep -aq '^Migration status' monitor.log; do
		sleep 0.01
	done
	equal 'guest memory, its migration' \
		"$(tr -d '\r' <monitor.log | sed -n 's/^Migration status: //p')" active
}

# count_long - a section of the machine's statistics for the long recording; the
# guest waits before it.
count_long()
{
	mark long
	until recorded long/long; do
		sleep 0.1
	done
	mark -
}

# perf has an event for each CPU, with a period of its own.
taskset -p 1 $$ >/dev/null
for name in $names; do
	sampled /out/native "$name" 2>&1
done
taskset -p 3 $$ >/dev/null
make_guest 'sh /test/guest-samples-guest.sh'
mkfifo monitor.in monitor.out
cat monitor.out >monitor.log &
# shellcheck disable=SC2046	# options
start_rivals $(options registers)
LD_PRELOAD=$here/unmap.so
export LD_PRELOAD
start_guest ''
unset LD_PRELOAD
disturb "disturbed/$last" "alone/$last" 1
taskset -p 3 "${vcpu##*/}" >/dev/null
disturb_memory
[ -z "${long?}" ] || count_long
wait "$qemu"
guest_facts "guest.$guests"
tar -x -C /out <out.tar
end_rivals
mkdir -p /out/rivals
cp rival.? /out/rivals
no_complaint 'host, no complaint in dmesg'
echo end
