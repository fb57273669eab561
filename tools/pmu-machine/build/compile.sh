# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Kernels with a small config, for the scripts that include this file after
# lib.sh.

# compile NAME SOURCE VERSION FRAGMENT... - the kernel in SOURCE into
# build/kernel-NAME, unless that is of this version and these fragments.
#
# Below its source, a kernel is compiled by the same commands whichever tree
# that is: what the series does not touch comes from the compiler cache.  Git
# does not see the folder because of its dot.
# shellcheck disable=SC2154	# what lib.sh sets
compile()
{
	name=$1
	source=$2
	version=$3
	shift 3
	objects=$source/.kernel-$name
	out=$build/kernel-$name
	stamp="$version $(digest "$machine/build/compile.sh" \
		"$machine/build/configure.sh" "$@")"
	if fresh "$out/.stamp" "$stamp" && [ -f "$out/arch/x86/boot/bzImage" ]; then
		return 0
	fi
	rm -f "$objects/.stamp"
	"$machine/build/configure.sh" "$source" "$objects" "$@"
	# The version is the base's: a git tree would append a plus sign.
	export LOCALVERSION=
	logged "build kernel $name" "$objects/build.log" \
		nice make -C "$source" O="$objects" -j"$jobs" CC="ccache gcc" \
			HOSTCC="ccache gcc" bzImage
	ln -sf arch/x86/boot/bzImage "$objects/bzImage"
	echo "$stamp" >"$objects/.stamp"
	[ -L "$out" ] || rm -rf "$out"
	ln -sfn "${objects#"$build/"}" "$out"
}
