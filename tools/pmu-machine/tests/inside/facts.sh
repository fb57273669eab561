# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# The facts that a script inside the machine reports; see ../lib.sh.

# ok KEY DETAIL
ok()
{
	echo "ok $1: $2"
}

# fail KEY DETAIL
fail()
{
	echo "FAIL $1: $2"
}

# equal KEY ACTUAL EXPECTED
equal()
{
	if [ "$2" = "$3" ]; then
		ok "$1" "$2"
	else
		fail "$1" "$2, expected $3"
	fi
}

# between KEY ACTUAL LOW HIGH - all integers
between()
{
	if [ -n "$2" ] && [ "$2" -ge "$3" ] && [ "$2" -le "$4" ]; then
		ok "$1" "$2 (from $3 to $4)"
	else
		fail "$1" "${2:-nothing}, expected from $3 to $4"
	fi
}

# interrupts ROW - the sum over all CPUs of one row of /proc/interrupts.
interrupts()
{
	awk -v row="$1:" '$1 == row {
		for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++)
			n += $i
		print n
	}' /proc/interrupts
}
