#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Bring the source of Bochs 3.0 from the Debian archive into the cache and
# print its path.  The hash below checks what lies in the cache since then.

# shellcheck source=tools/pmu-machine/build/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/pmu-machine/build/apt.sh
. "$(dirname "$0")/apt.sh"

package=bochs=3.0+dfsg-1
tarball=bochs_3.0+dfsg.orig.tar.xz
sha256=78f6c73d4a6472d5130a87ab9dc306d02c7c71ed8e25b3a8ef642e2a7acd282b

verified()
{
	[ -f "$cache/$tarball" ] &&
		echo "$sha256  $cache/$tarball" | sha256sum --quiet -c - >&2
}

# The suite has to be trixie whatever this system is: 12 has Bochs 2.7 only.
download()
{
	cd "$cache"
	use_suite deb-src trixie
	timeout 300 apt-get -q update &&
		timeout 300 apt-get -q source --download-only --tar-only "$package"
}

alone fetch
if ! verified; then
	rm -f "$cache/$tarball"
	logged "fetch $package from the Debian archive" "$build/fetch.log" download
	verified || die "$cache/$tarball is not the file we know"
fi
echo "$cache/$tarball"
