#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# perf-suites.sh [--long] - perf's own tests (`perf test`) on every model, those
# that the file perf-suites names.

# shellcheck source=tools/pmu-machine/tests/lib.sh
. "$(dirname "$0")/lib.sh"

for model in $models; do
	in_machine "$model" --timeout 600 \
		--with "$tests/inside/perf-suites.sh:/test/perf-suites.sh" \
		--with "$tests/perf-suites:/test/perf-suites" \
		--with perf --with /bin/bash --with /usr/bin/getconf \
		--with /usr/bin/objdump --with /usr/bin/mktemp \
		--with /usr/bin/date --with /usr/bin/find --with /usr/bin/sleep \
		-- sh /test/perf-suites.sh "$long"
done
summary
