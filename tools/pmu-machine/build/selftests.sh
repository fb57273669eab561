#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# selftests.sh - build the base's own KVM selftests that concern the PMU, and
# one plain KVM selftest, statically into build/selftests.  The source tree is
# only read.

# shellcheck source=tools/pmu-machine/build/lib.sh
. "$(dirname "$0")/lib.sh"

tests="pmu_counters_test pmu_event_filter_test vmx_pmu_caps_test state_test"
source=$build/linux-6.12
out=$build/selftests
headers=$out/headers

# The tests use KVM's ABI of this kernel, which Debian's headers lag behind.
install_headers()
{
	mkdir -p "$headers"
	logged "install the base's kernel headers" "$out/headers.log" \
		make -C "$source" O="$headers" headers
}

# OUTPUT must be given: without it lib.mk builds in the source tree.
build_tests()
{
	set --
	for test in $tests; do
		set -- "$@" "$out/x86_64/$test"
	done
	logged "build KVM selftests" "$out/build.log" \
		nice make -C "$source/tools/testing/selftests/kvm" -j"$jobs" \
			ARCH=x86 CC="ccache gcc" OUTPUT="$out" \
			INSTALL_HDR_PATH="$headers/usr" \
			KHDR_INCLUDES="-isystem $headers/usr/include" \
			EXTRA_CFLAGS=-static "$@"
}

"$machine/build/source.sh"
alone selftests
stamp="$(cat "$source/.stamp") $(digest "$0")"
fresh "$out/.stamp" "$stamp" && exit 0
rm -rf "$out"
install_headers
build_tests
echo "$stamp" >"$out/.stamp"
