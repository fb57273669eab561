# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Packages of another suite of the Debian archive than this system's, for the
# scripts that include this file after lib.sh.  An apt configuration of our own
# leaves the user's system alone; apt checks the archive's signature chain and
# the files' hashes.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The mirror that this system uses itself, without its security archive.
mirror()
{
	# shellcheck disable=SC2016	# apt's own variables
	apt-get indextargets --format '$(SITE) $(CODENAME)' \
		'Created-By: Packages' 'Origin: Debian' |
		awk '$2 !~ /security/ { print $1; exit }'
}

# use_suite deb|deb-src SUITE - what apt-get fetches from hence.
use_suite()
{
	site=$(mirror)
	[ -n "$site" ] || die "apt knows no Debian mirror"
	apt=${cache:?}/apt/$2-$1
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	echo "$1 [signed-by=$keyring] $site $2 main" >"$apt/sources.list"
	cat >"$apt/apt.conf" <<-END
	Dir::Etc::sourcelist "$apt/sources.list";
	Dir::Etc::sourceparts "-";
	Dir::State::lists "$apt/lists";
	Dir::Cache "$apt/cache";
	APT::Sandbox::User "root";
	END
	export APT_CONFIG="$apt/apt.conf"
}
