#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-cost.sh - runs in the machine: a guest without any host event on its
# CPU, and one beside the event of the hard-lockup detector.  It sets marks;
# what lies between them is judged by ../guest-cost.py.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=tools/pmu-machine/tests/inside/qemu.sh
. "$here/qemu.sh"
cd /tmp || exit 1

# Kernel threads and QEMU's own should not run in place of the vCPU, as that puts
# the guest's registers and loads them again.  A real-time thread keeps the CPU.
echo -1 >/proc/sys/kernel/sched_rt_runtime_us
chrt -f -p 1 $$

make_guest "sh /test/guest-cost-guest.sh"
echo 0 >/proc/sys/kernel/nmi_watchdog
run_guest 'guest' 1 section=
guest_facts 'guest'
echo 1 >/proc/sys/kernel/nmi_watchdog
run_guest 'guest beside the detector' 1 section=detector
guest_facts 'guest beside the detector'
echo end
