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
# shellcheck source=tools/pmu-machine/build/compile.sh
. "$(dirname "$0")/compile.sh"

release=7.3
package=linux-source-$release
tarball=usr/src/$package.tar.xz
source=$build/linux-peer
config=$build/peer.config

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
if ! fresh "$source/.stamp" "$version"; then
	logged "unpack $package $version" "$build/linux-peer.log" unpack
	echo "$version" >"$source/.stamp"
fi
# Lazy preemption has taken voluntary preemption's place, and KVM's interrupt
# controllers, without which it has no mediated vPMU, have become an option.
{
	sed 's/^CONFIG_PREEMPT_VOLUNTARY=/CONFIG_PREEMPT_LAZY=/' \
		"$machine/kernel/small.config"
	echo CONFIG_KVM_IOAPIC=y
} >"$config"
compile peer "$source" "$version" "$config"
