#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# all.sh [--all] - run every test program, the fast ones first and two at a
# time, and add up their last lines.  With --all, those on the debug kernel and
# the long ones as well.

set -u

tests=$(cd "$(dirname "$0")" && pwd)
cd "$tests/../../.." || exit 1
logs=build/test

models=$("$tests/../machine" cpus --names)

# each_model COMMAND - as many programs as there are models
each_model()
{
	for model in $models; do
		echo "env MODELS=$model $1"
	done
}

# in_turn 0|1 COMMAND - the same, where the NMI watchdog of the first model is in
# this state, that of the second in the other, and so on.
in_turn()
{
	each_model "$2" | awk -v first="$1" \
		'{ sub("^env", "env WATCHDOG=" (NR - 1 + first) % 2); print }'
}

# branching COMMAND - on the models whose branch records QEMU passes to guests.
branching()
{
	for model in haswell skylake icelake; do
		echo "env MODELS=$model $1"
	done
}

# run NUMBER - run a program, and show what it said when it has ended.
run()
{
	log=$logs/$1
	program=$(cat "$log.program")
	echo "== $program: begins"
	began=$(date +%s)
	# shellcheck disable=SC2086	# a command line
	$program >"$log.out" 2>&1 </dev/null
	echo "$?" >"$log.status"
	{
		flock 9
		echo "== $program: took $(($(date +%s) - began)) s"
		cat "$log.out"
	} 9>"$logs/lock"
}

# account NUMBER - a program that breaks off without totals has failed.
account()
{
	program=$(cat "$logs/$1.program")
	status=$(cat "$logs/$1.status" 2>/dev/null || echo none)
	totals=$(sed -n 's/^\([0-9]* passed, [0-9]* failed, [0-9]* skipped\).*/\1/p' \
		"$logs/$1.out" | tail -n 1)
	if [ -z "$totals" ]; then
		echo "FAIL: $program ended with status $status and without totals"
		failed=$((failed + 1))
		return
	fi
	# what failed is said once more, where a long log ends
	grep '^FAIL' "$logs/$1.out"
	# shellcheck disable=SC2086	# "N passed, N failed, N skipped"
	set -- $totals
	if [ "$status" != 0 ] && [ "$3" -eq 0 ]; then
		echo "FAIL: $program ended with status $status"
		failed=$((failed + 1))
	fi
	passed=$((passed + $1))
	failed=$((failed + $3))
	skipped=$((skipped + $5))
}

if [ "${1-}" = run ]; then
	run "$2"
	exit 0
fi

programs="
python3 $tests/../runner/run_tests.py
python3 $tests/../runner/run_tests.py $tests/../bench
python3 $tests/../runner/run_tests.py $tests
$tests/../../series/tests/run.py
make -s -C $tests/../model test
$tests/run-runner.py
$tests/../conformance/run.sh
$tests/kvm-unit-tests.sh
$tests/identity.sh
$tests/perf-exact.sh
$tests/branches.sh
$tests/samples.sh
$(in_turn 0 "$tests/selftests.sh")
env CPUS=2 WATCHDOG=0 MODELS=sapphire-rapids TESTS=mediated_pmu_pmi_test $tests/selftests.sh
env CPUS=2 WATCHDOG=0 MODELS=zen4 TESTS=mediated_pmu_pmi_test $tests/selftests.sh
env CPUS=2 WATCHDOG=0 MODELS=sapphire-rapids TESTS=mediated_pmu_ownership_test $tests/selftests.sh
env CPUS=2 WATCHDOG=0 MODELS=skylake TESTS=mediated_pmu_lbr_reset_test $tests/selftests.sh
env CPUS=2 WATCHDOG=0 MODELS=sapphire-rapids TESTS=mediated_pmu_lbr_reset_test $tests/selftests.sh
env CPUS=2 WATCHDOG=0 MODELS=zen4 TESTS=mediated_pmu_lbr_reset_test $tests/selftests.sh
$tests/perf-exact.sh --guest
env MODELS=sapphire-rapids $tests/branches.sh --guest
$tests/kvm.sh
$tests/guest-sharing.sh
$tests/nested.sh
$tests/guest-cost.sh
$tests/host-perf.sh
$tests/host-churn.sh
$tests/guest-branches.sh
$tests/guest-samples.sh
$tests/perf-suites.sh"
slow="
$(in_turn 1 "$tests/selftests.sh")
$tests/run-runner.py debug
$(each_model "env SERIES=mediated-debug $tests/selftests.sh")
$(each_model "env CPUS=2 $tests/selftests.sh")
$(each_model "env SERIES=mediated-debug $tests/fuzz.sh --long")
env SERIES=mediated-debug $tests/perf-exact.sh --guest
$(branching "$tests/branches.sh --guest")
$(branching "$tests/guest-branches.sh")
env MODELS=zen4 $tests/guest-branches.sh
env MODELS=icelake $tests/guest-samples.sh --long
env MODELS=sapphire-rapids $tests/guest-samples.sh --long
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

[ "${1-}" != --all ] || programs="$programs$slow"
rm -rf "$logs"
mkdir -p "$logs"
number=100
while read -r program; do
	[ -n "$program" ] || continue
	number=$((number + 1))
	echo "$program" >"$logs/$number.program"
done <<END
$programs
END

seq 101 "$number" | xargs -n 1 -P 2 "$tests/all.sh" run

passed=0
failed=0
skipped=0
for each in $(seq 101 "$number"); do
	account "$each"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
