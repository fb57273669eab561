#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# peer.sh - build the benchmark's peer, a mainline kernel that has a mediated
# vPMU of its own, into build/kernel-peer: the source is a package of Debian's
# backports, the config is that of the other kernels.

# shellcheck source=tools/pmu-machine/build/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/pmu-machine/build/apt.sh
. "$(dirname "$0")/apt.sh"

release=7.3
package=linux-source-$release
tarball=usr/src/$package.tar.xz
source=$build/linux-peer
objects=$source/.kernel-peer
out=$build/kernel-peer

fetch()
{
	cd "$cache"
	use_suite deb trixie-backports
	timeout 300 apt-get -q update &&
		timeout 600 apt-get -q download "$package"
}

# What the archive has replaces older versions, so the newest that we have
# will do.
newest()
{
	find "$cache" -maxdepth 1 -name "${package}_*_all.deb" | sort -V | tail -n 1
}

unpack()
{
	rm -rf "$source"
	mkdir -p "$source"
	dpkg-deb --fsys-tarfile "$deb" | tar -xO "./$tarball" |
		tar -xJ -C "$source" --strip-components=1
}

alone kernel-peer
deb=$(newest)
if [ -z "$deb" ]; then
	logged "fetch $package from the Debian archive" "$build/fetch-peer.log" \
		fetch
	deb=$(newest)
fi
version=$(dpkg-deb -f "$deb" Version)
stamp="$version $(digest "$0" "$machine/build/configure.sh" \
	"$machine/kernel/small.config")"
if fresh "$out/.stamp" "$stamp" && [ -f "$out/arch/x86/boot/bzImage" ]; then
	exit 0
fi
if ! fresh "$source/.stamp" "$version"; then
	logged "unpack $package $version" "$build/linux-peer.log" unpack
	echo "$version" >"$source/.stamp"
fi
mkdir -p "$objects"
rm -f "$objects/.stamp"
# Lazy preemption has taken voluntary preemption's place, and KVM's interrupt
# controllers, without which it has no mediated vPMU, have become an option.
{
	sed 's/^CONFIG_PREEMPT_VOLUNTARY=/CONFIG_PREEMPT_LAZY=/' \
		"$machine/kernel/small.config"
	echo CONFIG_KVM_IOAPIC=y
} >"$objects/small.config"
"$machine/build/configure.sh" "$source" "$objects" "$objects/small.config"
export LOCALVERSION=
logged "build the peer's kernel" "$objects/build.log" \
	nice make -C "$source" O="$objects" -j"$jobs" CC="ccache gcc" \
		HOSTCC="ccache gcc" bzImage
ln -sf arch/x86/boot/bzImage "$objects/bzImage"
echo "$stamp" >"$objects/.stamp"
ln -sfn "${objects#"$build/"}" "$out"
