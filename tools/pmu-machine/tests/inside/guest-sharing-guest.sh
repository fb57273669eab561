#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-sharing-guest.sh PLACE - runs in a guest while another one does
# the same: exact counts and numbers of samples.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=tools/pmu-machine/tests/inside/rounds.sh
. "$here/rounds.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../guests.sh
cd /tmp || exit 1
who="$1, guest of $(nproc)"
period=1009
never_throttle
without_kallsyms

pmi=$(interrupts PMI)
n=0
while [ "$n" -lt "${rounds?}" ]; do
	n=$((n + 1))
	count_exact
	perf record -q -o samples.data -e instructions:u -c "$period" "$here/exact"
	perf script -i samples.data -F period | grep -c '[0-9]' >>samples
done
counts_exact "$who, counts exact" "$rounds"
samples_native "$who, samples as native" "$rounds" "$period"
echo "pmis $(($(interrupts PMI) - pmi))"
no_complaint "$who, no complaint in dmesg"
