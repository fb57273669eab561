# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the build scripts share: where things are, ccache, a log with one
# line of progress, and stamps that say what a result was built from.

set -eu

top=$(cd "$(dirname "$0")/../../.." && pwd)
machine=$top/tools/pmu-machine
build=$top/build
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pmu-machine
# shellcheck disable=SC2034	# used by the scripts that include this file
jobs=$(nproc)

mkdir -p "$build" "$cache"
# A make that called us has options and variables of its own.
unset MAKEFLAGS MAKELEVEL

# Paths below the tree are hashed relative to it, so that a second clone hits.
export CCACHE_DIR="$cache/ccache" CCACHE_BASEDIR="$top" CCACHE_NOHASHDIR=1
export CCACHE_MAXSIZE=4G
# Nothing built may depend on who built it, when and in which language.
export LC_ALL=C KBUILD_BUILD_TIMESTAMP=1970-01-01 KBUILD_BUILD_USER=pmu
export KBUILD_BUILD_HOST=machine

say()
{
	echo "${0##*/}: $*" >&2
}

die()
{
	say "$@"
	exit 1
}

# source_of KERNEL - the folder of its source
source_of()
{
	case $1 in
	base|debug)			echo "$build/linux-6.12" ;;
	mediated|mediated-debug)	echo "$build/linux-mediated" ;;
	tree|tree-debug)		echo "$build/tree" ;;
	mutation)			echo "$build/linux-mutation" ;;
	*)	die "unknown kernel '$1' (base, mediated, tree or mutation;" \
			"debug, mediated-debug or tree-debug)" ;;
	esac
}

# bring_source KERNEL - bring its source up to date, and print what that is
bring_source()
{
	folder=$(source_of "$1")
	case $1 in
	base|debug)
		"$machine/build/source.sh"
		cat "$folder/.stamp" ;;
	mediated*)
		"$top/tools/series/series" checkout "$folder" ;;
	tree*|mutation)
		[ -d "$folder" ] || die "$folder is missing: run 'make ${1%-debug}'"
		# It changes all the time: make finds out what to do.
		date +%s.%N ;;
	esac
}

# digest FILE... - one hash of the names and contents of files and folders.
digest()
{
	find "$@" -type f -print0 | sort -z | xargs -0r sha256sum |
		sha256sum | cut -d' ' -f1
}

# fresh STAMP VALUE - true if the result with this stamp was made from VALUE.
fresh()
{
	[ -f "$1" ] && [ "$(cat "$1")" = "$2" ]
}

# logged TITLE LOG COMMAND... - run COMMAND into LOG, and show that it lives.
logged()
{
	title=$1
	log=$2
	shift 2
	say "$title (log: $log)"
	started=$(date +%s)
	"$@" >"$log" 2>&1 &
	pid=$!
	# An interrupted build must not go on without its terminal.
	trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
	tick=0
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		tick=$((tick + 1))
		[ $((tick % 10)) -ne 0 ] ||
			say "$title: $(($(date +%s) - started)) s, $(wc -l <"$log") lines"
	done
	trap - INT TERM
	if ! wait "$pid"; then
		tail -n 30 "$log" >&2
		die "$title failed, see $log"
	fi
	say "$title: done in $(($(date +%s) - started)) s"
}

# Two builds of one tree at a time would tread on each other.
alone()
{
	exec 9>"$build/.$1.lock"
	flock -n 9 || {
		say "waiting for another build of $1"
		flock 9
	}
}
