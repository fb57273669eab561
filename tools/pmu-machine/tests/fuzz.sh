#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# fuzz.sh [--long] - the fuzzer, for some thousand operations of a few seeds on
# each model; selftests.sh runs seed 1.  With --long ten million operations in all
# on the six of them.
#
# SEEDS and OPERATIONS say otherwise.  The short run's seeds have found something:
# a PMI that was invented when the guest asked for PMIs of a counter that had
# overflowed without one.

# shellcheck source=tools/pmu-machine/tests/lib.sh
. "$(dirname "$0")/lib.sh"

case $long in
--long)	seeds='1 2 3 4 5 6 7 8 9 10' operations=84000 ;;
*)	seeds='2 3 5' operations=20000 ;;
esac
limit=300
cat >"$work/parameters" <<END
seeds='${SEEDS-$seeds}'
operations=${OPERATIONS-$operations}
limit=$(scaled "$limit" 6)
END
for model in $models; do
	in_machine "$model" --timeout "$(scaled "$((limit * 12))" 6)" \
		--kernel "$series" --mem "$(scaled 1536 2)" \
		--append "$(mediated 1)" \
		--with "$top/build/selftests-mediated/x86_64/mediated_pmu_fuzz_test:/test/mediated_pmu_fuzz_test" \
		--with "$work/parameters:/test/parameters" \
		--with "$tests/inside/fuzz.sh:/test/fuzz.sh" \
		-- sh /test/fuzz.sh
done
summary
