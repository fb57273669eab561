#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# configure.sh SOURCE OUT FRAGMENT... - configure the kernel in SOURCE for a
# build in OUT: with what the fragments say, and nothing else.

# shellcheck source=tools/pmu-machine/build/lib.sh
. "$(dirname "$0")/lib.sh"

source=$1
out=$2
shift 2

# Every line of the fragments must have been taken: a symbol that Kconfig
# dropped for a missing dependency would otherwise go unnoticed.
check_config()
{
	grep -hE '^(CONFIG_|# CONFIG_.* is not set)' "$@" |
	while read -r line; do
		symbol=$(echo "$line" | sed 's/^# //; s/[ =].*//')
		case $line in
		*"is not set")
			! grep -q "^$symbol=" "$out/.config" ;;
		*)
			grep -qxF "$line" "$out/.config" ;;
		esac || die "the kernel's configuration did not take: $line"
	done
}

mkdir -p "$out"
# allnoconfig reads one file: the last line about a symbol wins.
cat "$@" >"$out/wanted.config"
make -s -C "$source" O="$out" KCONFIG_ALLCONFIG="$out/wanted.config" \
	CC="ccache gcc" HOSTCC="ccache gcc" allnoconfig \
	>"$out/config.log" 2>&1 || die "see $out/config.log"
check_config "$@"
