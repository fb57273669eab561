#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Install the Debian packages that the build and the machine need; for a user
# who is not root, print the one line that does.

# shellcheck source=tools/pmu-machine/build/lib.sh
. "$(dirname "$0")/lib.sh"

packages="bc bison bochsbios build-essential busybox-static ccache
	debian-archive-keyring flex git gnuplot-nox isolinux libcmocka-dev libdw-dev
	libelf-dev libtraceevent-dev linux-source-6.12 llvm patch pkgconf python3
	qemu-system-x86 rsync shellcheck sparse syslinux-common vgabios xorriso
	xz-utils zlib1g-dev"

missing=
for package in $packages; do
	dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null |
		grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

install="apt-get install --no-install-recommends -y$missing"
if [ "$(id -u)" -ne 0 ]; then
	say "these packages are missing; as root, run:"
	echo "    $install"
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
logged "apt-get update" "$build/apt-update.log" apt-get -q update
# shellcheck disable=SC2086	# a command line
logged "install$missing" "$build/apt-install.log" $install
