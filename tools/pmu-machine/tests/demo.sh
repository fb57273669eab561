#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# demo.sh - perf counts and samples a real program, xz, on two of the models:
# natively, in a guest with the legacy virtual PMU that is made of perf events,
# and in one with the mediated vPMU.  The host has the series, its guests have
# not; a table compares what perf saw, and what it cost.

# shellcheck source=tools/pmu-machine/tests/lib.sh
. "$(dirname "$0")/lib.sh"

models=${MODELS:-sapphire-rapids zen4}
period=100003

# show MODEL WAY run|guest OPTION... - one column of the table.  The watchdog's
# event would have KVM hand the PMU over at every VM exit.
show()
{
	model=$1
	way=$2
	verb=$3
	shift 3
	printf '\n== %s, %s: booting\n' "$model" "$way"
	"$machine" "$verb" --cpu "$model" --kernel mediated "$@" \
		--append nmi_watchdog=0 --timeout 900 --console "$work/console" \
		--out "$work/$model.$way" --stats "$work/$model.$way.json" \
		--with "$tests/inside/demo.sh:/test/demo.sh" \
		--with /usr/bin/dpkg:/tmp/dpkg --with /usr/bin/xz \
		--with perf --with mark \
		-- sh /test/demo.sh "$period"
}

echo "xz compresses Debian's /usr/bin/dpkg, $(wc -c </usr/bin/dpkg) bytes"
for each in $models; do
	show "$each" native run
	show "$each" legacy guest --vpmu perf
	show "$each" mediated guest --vpmu mediated
done
# shellcheck disable=SC2086	# a list
python3 "$tests/demo.py" "$work" "$period" $models
