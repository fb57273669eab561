#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel.sh [NAME] - build a kernel with our small config into
# build/kernel-NAME:
#
#	base		Debian's linux-source-6.12
#	mediated	that with the series of this repository (the default)
#	tree		whatever is in the work tree of build/tree right now
#	mutation	what mutations/run.py made of the series
#
# and debug, mediated-debug and tree-debug with checkers.

# shellcheck source=tools/pmu-machine/build/lib.sh
. "$(dirname "$0")/lib.sh"

name=${1:-mediated}
fragments=$machine/kernel/small.config
source=$(source_of "$name")
case $name in
*debug)	fragments="$fragments $machine/kernel/debug.config" ;;
esac

# Below its source, a kernel is compiled by the same commands whichever tree
# that is: what the series does not touch comes from the compiler cache.  Git
# does not see the folder because of its dot.
objects=$source/.kernel-$name
out=$build/kernel-$name

alone "kernel-$name"
version=$(bring_source "$name")
# shellcheck disable=SC2086	# a list of files
stamp="$version $(digest "$0" "$machine/build/configure.sh" $fragments)"
if fresh "$out/.stamp" "$stamp" && [ -f "$out/arch/x86/boot/bzImage" ]; then
	exit 0
fi
rm -f "$objects/.stamp"
# shellcheck disable=SC2086	# a list of files
"$machine/build/configure.sh" "$source" "$objects" $fragments
# The version is the base's: a git tree would append a plus sign.
export LOCALVERSION=
logged "build kernel $name" "$objects/build.log" \
	nice make -C "$source" O="$objects" -j"$jobs" CC="ccache gcc" \
		HOSTCC="ccache gcc" bzImage
ln -sf arch/x86/boot/bzImage "$objects/bzImage"
echo "$stamp" >"$objects/.stamp"
[ -L "$out" ] || rm -rf "$out"
ln -sfn "${objects#"$build/"}" "$out"
