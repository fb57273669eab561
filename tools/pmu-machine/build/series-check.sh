#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# series-check.sh [FROM] - judge each patch of the series, with the compiler
# cache and the environment of the kernel's build.

# shellcheck source=tools/pmu-machine/build/lib.sh
. "$(dirname "$0")/lib.sh"

alone series-check
exec "$top/tools/series/series" check "$@"
