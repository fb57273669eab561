#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# selftests.sh base|mediated - build KVM selftests, statically: the base's own
# that concern the PMU and a plain one into build/selftests, the series' into
# build/selftests-mediated.  The source tree is only read.

# shellcheck source=tools/pmu-machine/build/lib.sh
. "$(dirname "$0")/lib.sh"

name=${1:-base}
case $name in
base)
	tests="pmu_counters_test pmu_event_filter_test vmx_pmu_caps_test state_test"
	out=$build/selftests ;;
mediated)
	tests=$(cd "$top/tools/testing/selftests/kvm/x86_64" &&
		printf '%s\n' *.c | sed 's/\.c$//')
	out=$build/selftests-mediated ;;
*)	die "unknown selftests '$name' (base or mediated)" ;;
esac
source=$(source_of "$name")
headers=$out/headers

# The tests use KVM's ABI of this kernel, which Debian's headers lag behind.
install_headers()
{
	mkdir -p "$headers"
	logged "install the kernel's headers" "$out/headers.log" \
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

alone "selftests-$name"
version=$(bring_source "$name")
stamp="$version $(digest "$0")"
fresh "$out/.stamp" "$stamp" && exit 0
rm -rf "$out"
install_headers
build_tests
echo "$stamp" >"$out/.stamp"
