# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Rounds of the workload "exact" in a guest: the same counts each time, and the
# same number of samples.  What is expected is set by "parameters".

# shellcheck disable=SC2154	# cond, exact_...

# count_exact - a line of "counts"
count_exact()
{
	perf stat -x, -o stat.csv -e "instructions:u,branches:u,$cond:u" "$here/exact"
	field 1,5 stat.csv | paste -s -d ' ' >>counts
}

# counts_exact KEY LINES - all of them are, and no event was ever off its counter.
counts_exact()
{
	same "$1" counts "$2" \
		"$exact_instructions,100.00 $exact_branches,100.00 $exact_conditional,100.00"
}

# samples_native KEY LINES PERIOD - each line of "samples" is what the
# instructions and the period call for.
samples_native()
{
	same "$1" samples "$2" "$((exact_instructions / $3))"
}
