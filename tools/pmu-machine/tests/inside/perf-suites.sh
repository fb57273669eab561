#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# perf-suites.sh [--long] - runs in the machine: the suites of `perf test` that
# the file perf-suites names.  Each of their tests is a fact.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# Seconds of the machine's clock; each takes the host five to ten.
limit=20
# In the initrd's own file system a directory has no size, and perf takes an
# old perf.data that is one for empty.
mount -t tmpfs tmpfs /tmp
mkdir -p /tmp/suites
cd /tmp/suites || exit 1

# number NAME - the number that perf gives the suite today.
number()
{
	perf test list 2>&1 | awk -v name="$1" '
		{ n = $1; sub(/^ *[0-9.]+: */, "") }
		n ~ /^[0-9]+:$/ && $0 == name { sub(":", "", n); print n; exit }'
}

# reason NAME - why the list expects this test to skip itself.
reason()
{
	sed -n "s,^skip $1 | ,,p" "$here/perf-suites"
}

# judge NAME RESULT - RESULT is what perf printed behind the colon.
judge()
{
	case $2 in
	Ok)
		ok "$1" Ok ;;
	Skip*)
		why=$(reason "$1")
		if [ -n "$why" ]; then
			echo "skip $1: $why"
		else
			fail "$1" "$2, and no skip was expected"
		fi ;;
	*)
		fail "$1" "$2" ;;
	esac
}

# results - "NAME<tab>RESULT" for each test in perf's output; the head of a
# suite with several tests has no result of its own.
results()
{
	sed -n 's/^ *[0-9][0-9.]*: \(.*[^ ]\)  *: *\([A-Z].*\)$/\1\t\2/p' "$1"
}

suite()
{
	n=$(number "$1")
	if [ -z "$n" ]; then
		fail "$1" 'perf has no such suite'
		return
	fi
	timeout "$limit" perf test -v "$n" >out 2>&1
	results out | grep -v '	Running' >list
	[ -s list ] || fail "$1" "no result: $(tail -n 1 out)"
	while IFS='	' read -r name result; do
		judge "$name" "$result"
	done <list
	! grep -q 'FAILED' list || tail -n 15 out
}

sed -n 's/^suite //p' "$here/perf-suites" >suites
[ "${1-}" != --long ] || sed -n 's/^long //p' "$here/perf-suites" >>suites
while read -r name; do
	suite "$name" </dev/null
done <suites
echo end
