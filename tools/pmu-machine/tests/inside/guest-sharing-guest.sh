#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-sharing-guest.sh PLACE - runs in a guest while another one does
# the same: exact counts and numbers of samples.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck source=/dev/null
. "$here/parameters"	# made by ../guests.sh
cd /tmp || exit 1
who="$1, guest of $(nproc)"
period=1009
never_throttle
without_kallsyms

# same KEY FILE VALUE - each round's line of FILE is VALUE.
same()
{
	seen=$(sort "$2" | uniq -c | sed 's/^ *//' | tr '\n' ';')
	equal "$who, $1" "$seen" "${rounds?} $3;"
}

pmi=$(interrupts PMI)
n=0
while [ "$n" -lt "${rounds?}" ]; do
	n=$((n + 1))
	perf stat -x, -o stat.csv -e "instructions:u,branches:u,${cond?}:u" "$here/exact"
	grep -v '^#' stat.csv | grep . | cut -d, -f1,5 | paste -s -d ' ' >>counts
	perf record -q -o samples.data -e instructions:u -c "$period" "$here/exact"
	perf script -i samples.data -F period | grep -c '[0-9]' >>samples
done
same 'counts exact' counts \
	"${exact_instructions?},100.00 ${exact_branches?},100.00 ${exact_conditional?},100.00"
same 'samples as native' samples "$((exact_instructions / period))"
echo "pmis $(($(interrupts PMI) - pmi))"
no_complaint "$who, no complaint in dmesg"
