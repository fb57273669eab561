#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel.sh base|debug - build Debian's linux-source-6.12 with our small
# config into build/kernel-base or build/kernel-debug.  Both share one
# unpacked source tree, which nobody writes to.

# shellcheck source=tools/pmu-machine/build/lib.sh
. "$(dirname "$0")/lib.sh"

name=${1:-base}
case $name in
base)	fragments="$machine/kernel/small.config" ;;
debug)	fragments="$machine/kernel/small.config $machine/kernel/debug.config" ;;
*)	die "unknown kernel '$name' (base or debug)" ;;
esac

out=$build/kernel-$name
source=$build/linux-6.12

# Every line of the fragments must have been taken: a symbol that Kconfig
# dropped for a missing dependency would otherwise go unnoticed.
check_config()
{
	# shellcheck disable=SC2086	# a list of files
	grep -hE '^(CONFIG_|# CONFIG_.* is not set)' $fragments |
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

configure()
{
	mkdir -p "$out"
	# allnoconfig reads one file: the last line about a symbol wins.
	# shellcheck disable=SC2086	# a list of files
	cat $fragments >"$out/wanted.config"
	make -s -C "$source" O="$out" KCONFIG_ALLCONFIG="$out/wanted.config" \
		CC="ccache gcc" HOSTCC="ccache gcc" allnoconfig \
		>"$out/config.log" 2>&1 || die "see $out/config.log"
	check_config
}

"$machine/build/source.sh"
alone "kernel-$name"
# shellcheck disable=SC2086	# a list of files
stamp="$(cat "$source/.stamp") $(digest "$0" $fragments)"
if fresh "$out/.stamp" "$stamp" && [ -f "$out/arch/x86/boot/bzImage" ]; then
	exit 0
fi
configure
logged "build kernel $name" "$out/build.log" \
	nice make -C "$source" O="$out" -j"$jobs" CC="ccache gcc" \
		HOSTCC="ccache gcc" bzImage
ln -sf arch/x86/boot/bzImage "$out/bzImage"
echo "$stamp" >"$out/.stamp"
