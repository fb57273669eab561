# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# The host's samples of all CPUs: how many a program has, and whether each is
# where it should be.

# sample_cpus PERIOD COMMAND... - the samples of user space meanwhile, to
# samples.txt.
sample_cpus()
{
	sample_period=$1
	shift
	rm -f samples.data samples.txt
	# :S reads both counters at each sample, and perf script shows what they
	# counted since the last one.  The second one is never set to a period.
	timeout 30 perf record -q -a -e '{instructions:u,instructions:u}:S' \
		-c "$sample_period" -o samples.data "$@"
	timeout 30 perf script -i samples.data --show-lost-events \
		-F comm,cpu,time,event,period >samples.txt
}

# judge_samples PROGRAM INSTRUCTIONS SLACK - the number of the program's samples;
# how many, whosesoever, are not where they should be; how often perf lost some.
# A program that has its CPUs to itself has all samples, and one more if it
# begins late in a CPU's period.  What comes between another one may take some
# from it, or leave some to it, SLACK at the most.
judge_samples()
{
	# The n-th sample of a CPU comes after n periods.  An event that is started
	# again when less than 32 is left has 32 left: that is what perf does for
	# some processors' sake; the next sample is in its place again.
	awk -v program="$1" -v slack="$3" -v period="$sample_period" \
		-v whole="$(($2 / sample_period))" '
		/PERF_RECORD_LOST/ { lost++ }
		$NF != "instructions:u:" { next }
		$1 == program { n++ }
		{
			counter = $(NF - 3) " " line++ % 2
			late[counter] += $(NF - 1) - period
		}
		late[counter] < 0 || late[counter] >= 32 {
			print late[counter], "late:", $0 >>"astray"
			astray++
			late[counter] = 0
		}
		END {
			n /= 2
			if (n >= whole - slack && n <= whole + slack + 1)
				n = whole
			print n, astray + 0, lost + 0
		}' samples.txt
}

# show_astray - the first few, if any
show_astray()
{
	[ ! -e astray ] || head -n 20 astray
}
