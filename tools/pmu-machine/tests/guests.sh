# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the tests share whose machine runs a host's script, which starts guests
# with the mediated vPMU itself (inside/qemu.sh).

# shellcheck source=tools/pmu-machine/tests/lib.sh
. "$(dirname "$0")/lib.sh"

# by_default MODELS - those that are run, unless MODELS or --long says otherwise.
by_default()
{
	[ -n "${MODELS-}" ] || [ "$long" = --long ] || models=$1
}

# short_or_long VALUE VALUE - the second one with --long
short_or_long()
{
	if [ "$long" = --long ]; then
		echo "$2"
	else
		echo "$1"
	fi
}

# program NAME - compile a workload in C.
program()
{
	gcc -O2 -Wall -Wextra -static -I "$tests/../init" -o "$work/$1" \
		"$tests/workloads/$1.c"
}

# every_event MODEL - as many events as it has counters, the fixed ones' first.
every_event()
{
	general=$(model_field "$1" 3)
	case $(model_field "$1" 9) in
	3)	printf 'instructions:u,cycles:u,ref-cycles:u,'
		general=$((general - 1)) ;;
	# r400: slots
	4)	printf 'instructions:u,cycles:u,ref-cycles:u,r400:u,'
		general=$((general - 1)) ;;
	esac
	yes "$(model_field "$1" 4):u" | head -n "$general" | paste -s -d ,
}

# parameters MODEL - what the scripts inside have to know; a test may add a
# line of its own as $settings.
parameters()
{
	echo "cond=$(model_field "$1" 4)"
	echo "every=$(every_event "$1")"
	expected "$work/exact" | sed 's/^/exact_/'
	echo "${settings-}"
}

# with_guests MODEL NAME ARGUMENT... - run inside/NAME.sh, as facts; its guests
# run inside/NAME-guest.sh.
with_guests()
{
	model=$1
	script=$2
	shift 2
	parameters "$model" >"$work/parameters"
	in_machine "$model" --kernel "$series" --mem "$(scaled 1536 2)" \
		--timeout "$(scaled 900 4)" "$@" \
		--append "$(mediated "${MEDIATED-1}")" \
		--with "$tests/inside/$script.sh:/test/$script.sh" \
		--with "$tests/inside/$script-guest.sh:/test/$script-guest.sh" \
		--with "$tests/inside/qemu.sh:/test/qemu.sh" \
		--with "$tests/inside/rounds.sh:/test/rounds.sh" \
		--with "$tests/inside/samples.sh:/test/samples.sh" \
		--with "$work/parameters:/test/parameters" \
		--with "$work/exact:/test/exact" \
		--with "$top/build/kernel-base/bzImage:/guest/bzImage" \
		--with qemu-system-x86_64 --with perf --with mark \
		-- sh "/test/$script.sh"
}

# One model for each way in which KVM does it: by MSR lists and without
# STATUS_SET, by VMCS fields and with it, AMD's without and with PerfMonV2.
by_default 'haswell sapphire-rapids zen3 zen4'
workload exact
