#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Build tools/perf of the base kernel into build/perf.  It is linked
# dynamically (its plug-ins cannot be linked otherwise); the runner brings its
# libraries along.  Left out is what the machine has no use for: scripting,
# the text interface, and what needs more compilers.

# shellcheck source=tools/pmu-machine/build/lib.sh
. "$(dirname "$0")/lib.sh"

out=$build/perf
source=$(source_of base)
features="NO_LIBPYTHON=1 NO_LIBPERL=1 NO_SLANG=1 NO_JVMTI=1 NO_LIBBABELTRACE=1
	NO_LIBCRYPTO=1 NO_LIBUNWIND=1 NO_LIBNUMA=1 NO_LIBAUDIT=1 NO_SDT=1
	NO_LIBBPF=1 NO_LIBCAP=1 NO_LIBZSTD=1 NO_LZMA=1 NO_CAPSTONE=1
	NO_LIBDEBUGINFOD=1 NO_LIBPFM4=1 NO_LIBLLVM=1 NO_DEMANGLE=1 BUILD_BPF_SKEL=0"

alone perf
version=$(bring_source base)
stamp="$version $(digest "$0")"
if fresh "$out/.stamp" "$stamp" && [ -x "$out/perf" ]; then
	exit 0
fi
# Features are looked for once: start anew when the list changed.
rm -rf "$out"
mkdir -p "$out"
# The machine has perf in /usr/bin: prefix says where its parts are then.
# shellcheck disable=SC2086	# a list of variables
logged "build perf" "$build/perf.log" \
	nice make -C "$source/tools/perf" O="$out" -j"$jobs" \
		CC="ccache gcc" HOSTCC="ccache gcc" prefix=/usr WERROR=0 \
		$features all
mkdir -p "$out/tests"
cp -R "$source/tools/perf/tests/shell" "$out/tests/shell"
echo "$stamp" >"$out/.stamp"
