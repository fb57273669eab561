#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# selftests.sh - the series' own KVM selftests, or those in $TESTS, on every
# model: on a host with the NMI watchdog's event, on one whose PMU is the guests'
# alone (or in one of both, if $WATCHDOG is 1 or 0), and on one whose parameter is
# 0.  The host has $CPUS processors.

# shellcheck source=tools/pmu-machine/tests/lib.sh
. "$(dirname "$0")/lib.sh"

# boot MODEL PARAMETER TEST...
boot()
{
	model=$1
	parameter=$2
	shift 2
	[ $# -gt 0 ] || return 0
	# shellcheck disable=SC2046	# a list of arguments
	in_machine "$model" --timeout "$(scaled 1800 4)" --kernel "$series" \
		--cpus "${CPUS:-1}" \
		--mem "$(scaled 1024 2)" --append "$(mediated "$parameter")" \
		$(printf -- "--with $built/%s:/test/%s " $(for test; do echo "$test" "$test"; done)) \
		--with "$tests/inside/selftests.sh:/test/selftests.sh" \
		-- sh /test/selftests.sh "$(scaled 200 4)" "${WATCHDOG:-1 0}" "$@"
}

# chosen PATTERN - of those that are to be run
chosen()
{
	# shellcheck disable=SC2086	# a list
	printf '%s\n' ${TESTS:-$(cd "$built" && echo mediated_pmu*_test)} |
		grep "$@"
}

built=$top/build/selftests-mediated/x86_64
for model in $models; do
	# shellcheck disable=SC2046	# lists
	{
		boot "$model" 1 $(chosen -v off)
		boot "$model" 0 $(chosen off)
	}
done
summary
