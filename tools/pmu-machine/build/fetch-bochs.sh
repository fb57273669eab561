#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Bring the source of Bochs 3.0 from the Debian archive into the cache and
# print its path.  An apt configuration of our own leaves the user's system
# alone; apt checks the archive's signature chain and the file's hash.  The
# hash below checks what lies in the cache since then.

# shellcheck source=tools/pmu-machine/build/lib.sh
. "$(dirname "$0")/lib.sh"

package=bochs=3.0+dfsg-1
tarball=bochs_3.0+dfsg.orig.tar.xz
sha256=78f6c73d4a6472d5130a87ab9dc306d02c7c71ed8e25b3a8ef642e2a7acd282b
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
apt=$cache/apt

verified()
{
	[ -f "$cache/$tarball" ] &&
		echo "$sha256  $cache/$tarball" | sha256sum --quiet -c - >&2
}

# The mirror that this system uses itself, without its security archive.
mirror()
{
	# shellcheck disable=SC2016	# apt's own variables
	apt-get indextargets --format '$(SITE) $(CODENAME)' \
		'Created-By: Packages' 'Origin: Debian' |
		awk '$2 !~ /security/ { print $1; exit }'
}

# The suite has to be trixie whatever this system is: 12 has Bochs 2.7 only.
configure_apt()
{
	site=$(mirror)
	[ -n "$site" ] || die "apt knows no Debian mirror"
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	echo "deb-src [signed-by=$keyring] $site trixie main" >"$apt/sources.list"
	cat >"$apt/apt.conf" <<-END
	Dir::Etc::sourcelist "$apt/sources.list";
	Dir::Etc::sourceparts "-";
	Dir::State::lists "$apt/lists";
	Dir::Cache "$apt/cache";
	APT::Sandbox::User "root";
	END
}

download()
{
	export APT_CONFIG="$apt/apt.conf"
	cd "$cache"
	timeout 300 apt-get -q update &&
		timeout 300 apt-get -q source --download-only --tar-only "$package"
}

alone fetch
if ! verified; then
	rm -f "$cache/$tarball"
	configure_apt
	logged "fetch $package from the Debian archive" "$build/fetch.log" download
	verified || die "$cache/$tarball is not the file we know"
fi
echo "$cache/$tarball"
