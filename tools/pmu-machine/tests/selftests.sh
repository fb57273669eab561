#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# selftests.sh - the series' own KVM selftests, on every model: on a host whose
# PMU is the guests' alone, and on one with the NMI watchdog's event.

# shellcheck source=tools/pmu-machine/tests/lib.sh
. "$(dirname "$0")/lib.sh"

for model in $models; do
	in_machine "$model" --timeout "$(scaled 300 4)" --kernel "$series" \
		--append "$(mediated 1)" \
		--with "$top/build/selftests-mediated/x86_64/mediated_pmu_test:/test/mediated_pmu_test" \
		--with "$tests/inside/selftests.sh:/test/selftests.sh" \
		-- sh /test/selftests.sh
done
summary
