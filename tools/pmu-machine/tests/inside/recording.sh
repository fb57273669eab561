# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Unmodified perf records the branches of a program.

# How often: in the program the period is coprime to a turn of the ring, so that
# samples come at each of its instructions.
# shellcheck disable=SC2034	# used by the scripts that include this file
program='-e instructions:u -c 1009'
workload=${here?}/ring
# What perf script shows of it.
shown='-G -F ip,brstack'

# records ARGUMENT... - of perf record; its buffer is large enough to be left
# alone until the program has ended.
records()
{
	# shellcheck disable=SC2086	# a command line
	perf record -q -m 2048 -o data "$@" $workload 2>error
}

# shows FILE ARGUMENT... - what perf script says
shows()
{
	file=$1
	shift
	perf script -i data "$@" >"$file" 2>error
}

# shows_branches FILE
shows_branches()
{
	# shellcheck disable=SC2086	# options
	shows "$1" $shown
}
