#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Unpack Debian's linux-source-6.12 into build/linux-6.12, once for every
# version of the package.  What is built from it lies beside it, or in folders
# of its own below it (kernel.sh); the source itself stays as it was.

# shellcheck source=tools/pmu-machine/build/lib.sh
. "$(dirname "$0")/lib.sh"

source=$(source_of base)
tarball=/usr/src/linux-source-6.12.tar.xz

alone linux-6.12
[ -r "$tarball" ] || die "$tarball is missing: run 'make deps'"
version=$(dpkg-query -W -f '${Version}' linux-source-6.12)
! fresh "$source/.stamp" "$version" || exit 0
rm -rf "$source"
mkdir -p "$source"
logged "unpack linux-source-6.12 $version" "$build/linux-6.12.log" \
	tar -xJf "$tarball" -C "$source" --strip-components=1
echo "$version" >"$source/.stamp"
