# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the machine-level tests share.  A test runs one script in the machine
# for each model; the script prints facts (inside/facts.sh), one a line:
#
#	ok KEY: what was seen
#	FAIL KEY: what was seen, what was expected
#	skip KEY: why
#	end
#
# and this file prints them with the model's name, keeps them, and ends with
# a table, fact by model, and the totals.

set -eu

tests=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2034	# used by the scripts that include this file
top=$(cd "$tests/../../.." && pwd)
machine=${MACHINE:-$tests/../machine}
models=${MODELS:-$("$machine" cpus --names)}
# Cycles from a counter's overflow to its interrupt.
skid=${SKID:-0}
# --long: what takes minutes for each model, too.
# shellcheck disable=SC2034	# used by the scripts that include this file
long=${1-}
# The kernel with the series.  mediated-debug has KASAN, lockdep and UBSAN, which
# take time and memory.
series=${SERIES:-mediated}
work=$(mktemp -d)
results=$work/results
: >"$results"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# record MODEL RESULT KEY DETAIL
record()
{
	printf '%-4s %s: %s: %s\n' "$2" "$1" "$3" "$4"
	printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$results"
}

# read_facts MODEL - the facts of a script's output; the rest is shown below
# them.
read_facts()
{
	while IFS= read -r line; do
		line=$(printf '%s' "$line" | tr -d '\r')
		case $line in
		'ok '*:*|'FAIL '*:*|'skip '*:*)
			fact=${line#* }
			record "$1" "${line%% *}" "${fact%%: *}" "${fact#*: }" ;;
		end)
			touch "$work/end" ;;
		*)
			printf '  | %s\n' "$line" ;;
		esac
	done
}

# mediated 0|1 - the kernel's arguments without and with the mediated vPMU.
mediated()
{
	echo "kvm_intel.enable_mediated_pmu=$1 kvm_amd.enable_mediated_pmu=$1"
}

# scaled VALUE FACTOR - a limit, for a kernel that takes more.
scaled()
{
	case $series in
	*-debug)	echo $(($1 * $2)) ;;
	*)		echo "$1" ;;
	esac
}

# in_machine MODEL ARGUMENT... - machine run, and its facts.
in_machine()
{
	facts_of run "$@"
}

# in_guest MODEL ARGUMENT... - machine guest, and its facts.
in_guest()
{
	facts_of guest "$@"
}

# facts_of run|guest MODEL ARGUMENT... - inside/facts.sh is brought along.
facts_of()
{
	verb=$1
	model=$2
	shift 2
	rm -f "$work/end" "$work/status"
	{
		"$machine" "$verb" --cpu "$model" --skid "$skid" \
			--with "$tests/inside/facts.sh:/test/facts.sh" "$@" \
			2>"$work/$model.kernel" || echo "$?" >"$work/status"
	} | read_facts "$model"
	if [ -f "$work/end" ] && [ ! -f "$work/status" ]; then
		record "$model" ok 'ran to its end' 'the script in the machine'
		return
	fi
	record "$model" FAIL 'ran to its end' \
		"machine's status $(cat "$work/status" 2>/dev/null || echo 0)"
	tail -n 20 "$work/$model.kernel" 2>/dev/null | sed 's/^/  | /'
}

# judged MODEL COMMAND... - the facts of a program that judges what a script left
judged()
{
	model=$1
	shift
	"$@" >"$work/facts" ||
		echo 'FAIL the judge: it did not come to its end' >>"$work/facts"
	read_facts "$model" <"$work/facts"
}

# model_field MODEL COLUMN - a field of the table of models.
model_field()
{
	awk -v m="$1" -v c="$2" '$1 == m { gsub("_", " ", $c); print $c }' \
		"$tests/models"
}

# expected PROGRAM - NAME=VALUE for each expect_NAME symbol of a workload.
expected()
{
	nm "$1" | sed -n 's/^\([0-9a-f]*\) [aA] expect_\(.*\)/\1 \2/p' |
	while read -r value name; do
		echo "$name=$((0x$value))"
	done
}

# workload NAME [PROGRAM OPTION...] - assemble a workload, without any library;
# as another PROGRAM with the compiler's OPTIONs.
workload()
{
	source=$tests/workloads/$1.S
	program=$work/${2-$1}
	shift "$(($# < 2 ? $# : 2))"
	gcc -nostdlib -static -Wl,--build-id=none "$@" -o "$program" "$source"
}

# summary - the table and the totals; fails if any fact failed.
summary()
{
	echo
	awk -F '\t' -v models="$models" '
		{ cell[$3, $1] = $2; if (!seen[$3]++) key[++keys] = $3; count[$2]++ }
		END {
			n = split(models, model, " ")
			printf "%-44s", ""
			for (i = 1; i <= n; i++)
				printf " %-15s", model[i]
			print ""
			for (k = 1; k <= keys; k++) {
				printf "%-44s", key[k]
				for (i = 1; i <= n; i++) {
					c = cell[key[k], model[i]]
					printf " %-15s", c == "" ? "-" : c
				}
				print ""
			}
			printf "\n%d passed, %d failed, %d skipped\n",
				count["ok"], count["FAIL"], count["skip"]
			exit count["FAIL"] > 0 || count["ok"] + count["skip"] == 0
		}' "$results"
}
