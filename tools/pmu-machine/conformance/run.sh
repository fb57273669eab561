#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [MODEL...] - boot the vendor's conformance program on the models, or
# those in $MODELS, or all six, and add up the facts.  MACHINE is the runner, OUT
# where the programs are and the logs go.

set -u

here=$(cd "$(dirname "$0")" && pwd) || exit 1
root=$(cd "$here/../../.." && pwd) || exit 1
machine=${MACHINE:-$root/tools/pmu-machine/machine}
out=${OUT:-$root/build/conformance}
limit=300	# seconds of the host for one model

# shellcheck disable=SC2046,SC2086	# a list
[ $# -gt 0 ] || set -- ${MODELS:-$("$machine" cpus --names)}

make -s -C "$here" OUT="$out" || exit 1

passed=0
failed=0
skipped=0
table=
for model; do
	case $model in
	zen*) image=$out/amd ;;
	*) image=$out/intel ;;
	esac
	log=$out/$model.log
	echo "## $model"
	"$machine" boot --cpu "$model" --timeout "$limit" "$image" >"$log" 2>"$log.err"
	status=$?
	cat "$log"
	sum=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped.*/\1 \2 \3/p' "$log" | tail -n 1)
	# Exit status 1 is the program's 0 (see machine boot): all is well.
	if [ -z "$sum" ]; then
		echo "not ok - $model did not come to an end (status $status), see $log.err"
		failed=$((failed + 1))
		table="$table$model: no result\n"
		continue
	fi
	p=${sum%% *}
	s=${sum##* }
	f=${sum#* }
	f=${f% *}
	if [ "$status" -ne 1 ] && [ "$f" -eq 0 ]; then
		echo "not ok - $model ended with status $status, see $log.err"
		f=1
	fi
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
	table="$table$model: $p passed, $f failed, $s skipped\n"
done
echo "## sum"
printf '%b' "$table"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
