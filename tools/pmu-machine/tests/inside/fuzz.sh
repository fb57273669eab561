#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# fuzz.sh - runs in the machine: the fuzzer, for each seed once beside the
# watchdog's event and once alone.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../fuzz.sh

# fuzz SEED WHERE
fuzz()
{
	if timeout "${limit?}" "$here/mediated_pmu_fuzz_test" -s "$1" \
			-n "${operations?}" >/tmp/fuzz.out 2>&1; then
		ok "seed $1, $2" "$(sed -n 's/^ok 1 //p' /tmp/fuzz.out)"
	else
		fail "seed $1, $2" "status $?: $(tail -n 4 /tmp/fuzz.out | tr '\n' ' ')"
	fi
}

for seed in ${seeds?}; do
	echo 1 >/proc/sys/kernel/nmi_watchdog
	fuzz "$seed" 'beside the watchdog'
	echo 0 >/proc/sys/kernel/nmi_watchdog
	fuzz "$seed" alone
done
no_complaint 'no complaint in dmesg'
echo end
