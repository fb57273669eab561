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
# shellcheck source=tools/pmu-machine/build/compile.sh
. "$(dirname "$0")/compile.sh"

name=${1:-mediated}
fragments=$machine/kernel/small.config
case $name in
*debug)	fragments="$fragments $machine/kernel/debug.config" ;;
esac
source=$(source_of "$name")

alone "kernel-$name"
version=$(bring_source "$name")
# shellcheck disable=SC2086	# a list of files
compile "$name" "$source" "$version" $fragments
