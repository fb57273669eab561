#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# perf-exact.sh [--guest] - unmodified perf on the unmodified kernel, on every
# model: exact counts, multiplexing, sampling, the NMI watchdog.  One boot a
# model; MODELS="..." names fewer.
#
# With --guest that is a guest which has the mediated vPMU, and sees just the
# same.  The host's NMI watchdog is off, so that the guest's registers stay in
# the hardware over VM exits; the guest's has to be asked for, as Linux leaves it
# off in KVM guests.

# shellcheck source=tools/pmu-machine/tests/lib.sh
. "$(dirname "$0")/lib.sh"

workload exact
workload threefunc

# parameters MODEL - what inside/perf-exact.sh has to know.
parameters()
{
	echo "driver='$(model_field "$1" 2)'"
	echo "cycles_counters=$(model_field "$1" 3)"
	echo "cond=$(model_field "$1" 4)"
	echo "call=$(model_field "$1" 5)"
	echo "return=$(model_field "$1" 6)"
	echo "taken=$(model_field "$1" 7)"
	echo "far=$(model_field "$1" 8)"
	expected "$work/exact" | sed 's/^/exact_/'
	expected "$work/threefunc" | sed 's/^/threefunc_/'
}

case ${1-} in
--guest)	place='in_guest'
		set -- --kernel "$series" --mem "$(scaled 1024 2)" \
			--append nmi_watchdog=0 --guest-append nmi_watchdog=1 ;;
*)		place='in_machine'; set -- ;;
esac

for model in $models; do
	parameters "$model" >"$work/parameters"
	"$place" "$model" --timeout "$(scaled 300 4)" "$@" \
		--with "$tests/inside/perf-exact.sh:/test/perf-exact.sh" \
		--with "$work/parameters:/test/parameters" \
		--with "$work/exact:/test/exact" \
		--with "$work/threefunc:/test/threefunc" \
		--with perf \
		-- sh /test/perf-exact.sh
done
summary
