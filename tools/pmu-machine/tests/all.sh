#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# all.sh [--all] - run every test program, the fast ones first, and add up
# their last lines.  With --all, those on the debug kernel and the long ones
# as well.

set -u

tests=$(cd "$(dirname "$0")" && pwd)
cd "$tests/../../.." || exit 1
log=build/test.log
passed=0
failed=0
skipped=0

programs="
python3 $tests/../runner/run_tests.py
$tests/../../series/tests/run.py
make -s -C $tests/../model test
$tests/run-runner.py
$tests/../conformance/run.sh
$tests/kvm-unit-tests.sh
$tests/identity.sh
$tests/perf-exact.sh
$tests/selftests.sh
$tests/perf-exact.sh --guest
$tests/kvm.sh
$tests/guest-sharing.sh
$tests/nested.sh
$tests/guest-cost.sh
$tests/host-perf.sh
$tests/host-churn.sh
$tests/perf-suites.sh"
slow="
$tests/run-runner.py debug
env SERIES=mediated-debug $tests/selftests.sh
env SERIES=mediated-debug $tests/perf-exact.sh --guest
env SERIES=mediated-debug $tests/guest-sharing.sh
env SERIES=mediated-debug $tests/guest-cost.sh
env SERIES=mediated-debug $tests/host-churn.sh
$tests/perf-suites.sh --long
$tests/kvm.sh --long
$tests/guest-sharing.sh --long
$tests/nested.sh --long
$tests/guest-cost.sh --long
$tests/host-perf.sh --long
env MODELS=sapphire-rapids $tests/host-churn.sh --long
env MODELS=zen4 $tests/host-churn.sh --long"

# run COMMAND - stream its output, and keep it and its status.
run()
{
	echo "== $1"
	{
		# shellcheck disable=SC2086	# a command line
		$1 2>&1
		echo "$?" >"$log.status"
	} | tee "$log"
}

# account COMMAND - a program that breaks off without totals has failed.
account()
{
	status=$(cat "$log.status")
	totals=$(sed -n 's/^\([0-9]* passed, [0-9]* failed, [0-9]* skipped\).*/\1/p' \
		"$log" | tail -n 1)
	if [ -z "$totals" ]; then
		echo "FAIL: $1 ended with status $status and without totals"
		failed=$((failed + 1))
		return
	fi
	# shellcheck disable=SC2086	# "N passed, N failed, N skipped"
	set -- "$1" $totals
	if [ "$status" -ne 0 ] && [ "$4" -eq 0 ]; then
		echo "FAIL: $1 ended with status $status"
		failed=$((failed + 1))
	fi
	passed=$((passed + $2))
	failed=$((failed + $4))
	skipped=$((skipped + $6))
}

[ "${1-}" != --all ] || programs="$programs$slow"
mkdir -p build
while read -r program; do
	[ -n "$program" ] || continue
	run "$program" </dev/null
	account "$program"
done <<END
$programs
END

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
