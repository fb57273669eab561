#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bochs.sh [patched|unmodified] - build Bochs 3.0 with our patches, glue and
# PMU model into build/bochs, or as it was released into
# build/bochs-unmodified, which the benchmark compares with.

# shellcheck source=tools/pmu-machine/build/lib.sh
. "$(dirname "$0")/lib.sh"

flavour=${1:-patched}
case $flavour in
patched)	out=$build/bochs ;;
unmodified)	out=$build/bochs-unmodified ;;
*)		die "unknown flavour '$flavour' (patched or unmodified)" ;;
esac

patches=$top/patches/bochs-3.0
# show-ips: it logs from a signal handler, and waits for ever if the signal
# comes while a line is being logged.
options="--disable-show-ips --enable-x86-64 --enable-smp --enable-cpu-level=6
	--enable-vmx=2 --enable-svm --enable-avx --enable-evex
	--enable-protection-keys --enable-cet --enable-all-optimizations
	--enable-repeat-speedups --enable-fast-function-calls
	--enable-handlers-chaining --enable-monitor-mwait --enable-perfmon
	--enable-memtype --enable-alignment-check --enable-pci
	--enable-long-phy-address --disable-docbook --with-nogui"
# The glue is an instrumentation library of Bochs; the model is linked to it.
libs=
[ "$flavour" = unmodified ] || {
	options="$options --enable-instrumentation=instrument/pmu"
	libs=$build/model/libpmu.a
}

# The names in the series, without comments and empty lines.
series()
{
	[ "$flavour" = patched ] && [ -f "$patches/series" ] || return 0
	sed 's/#.*//; /^[[:space:]]*$/d' "$patches/series"
}

# Our own files, and the place below the Bochs tree where each goes.
overlay()
{
	[ "$flavour" = patched ] || return 0
	(
		cd "$machine"
		find bochs -type f |
			sed 's,^bochs/instrument/\(.*\),& instrument/pmu/\1,
				t
				s,^bochs/\(.*\),& cpu/\1,'
		find model -maxdepth 1 -type f -name '*.[ch]' \
			! -name '*-test.c' ! -name '*-fixture.*' |
			sed 's,^model/\(.*\),& cpu/pmu/\1,'
	) | LC_ALL=C sort
}

overlay_digest()
{
	overlay | while read -r from to; do
		echo "$to $(sha256sum <"$machine/$from")"
	done | sha256sum
}

# What configure reads: the patches, and our own Makefile.in.
patches_digest()
{
	series | while read -r name; do
		[ -r "$patches/$name" ] || die "the series names $name, which is missing"
		sha256sum <"$patches/$name"
	done | sha256sum
	[ "$flavour" = unmodified ] || cat "$machine"/bochs/*/*.in | sha256sum
}

apply_patches()
{
	series | while read -r name; do
		patch -d "$out" -p1 -s --no-backup-if-mismatch \
			-i "$patches/$name" >"$out.patch.log" 2>&1 || {
			cat "$out.patch.log" >&2
			die "patches/bochs-3.0/$name does not apply"
		}
	done
}

configure_tree()
{
	# shellcheck disable=SC2086	# a list of options
	cd "$out" && CC="ccache gcc" CXX="ccache g++" \
		CFLAGS=-O2 CXXFLAGS=-O2 LIBS="$libs" ./configure $options
}

# Bochs lists its headers by hand, ours are not among them: after a change,
# drop every object and let ccache bring back those that did not change.
copy_overlay()
{
	find "$out" -name '*.[oa]' -delete
	overlay | while read -r from to; do
		mkdir -p "$out/${to%/*}"
		cp "$machine/$from" "$out/$to"
	done
}

prepare()
{
	tarball=$("$machine/build/fetch-bochs.sh")
	rm -rf "$out"
	mkdir -p "$out"
	tar -xJf "$tarball" -C "$out" --strip-components=1
	apply_patches
	copy_overlay
	logged "configure Bochs ($flavour)" "$out.configure.log" configure_tree
}

alone "bochs-$flavour"
base_stamp="$(sha256sum <"$0") $(patches_digest)"
stamp="$base_stamp $(overlay_digest)"
if fresh "$out/.stamp" "$stamp" && [ -x "$out/bochs" ]; then
	exit 0
fi
# Even configure links with it.
[ -z "$libs" ] || make -s -C "$machine/model" CC="ccache gcc"
if ! fresh "$out/.base-stamp" "$base_stamp"; then
	prepare
	echo "$base_stamp" >"$out/.base-stamp"
fi
rm -f "$out/.stamp"
copy_overlay
logged "build Bochs ($flavour)" "$out.build.log" \
	nice make -C "$out" -j"$jobs" bochs
echo "$stamp" >"$out/.stamp"
