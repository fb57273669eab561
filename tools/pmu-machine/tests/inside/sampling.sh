# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Unmodified perf takes precise samples of a program.

period='-c 10007'
general=ax,bx,cx,dx,si,di,bp,r8,r9,r10,r11,r12,r13,r14,r15,ip
vector=xmm0,xmm1,xmm2,xmm3,xmm4,xmm5,xmm6,xmm7,xmm8,xmm9,xmm10,xmm11,xmm12,xmm13,xmm14,xmm15

# What is recorded on each model that has PEBS, besides its own; the latter part
# also while a guest is disturbed
# shellcheck disable=SC2034	# used by the scripts that include this file
quiet='upp uppp data cycles'
# shellcheck disable=SC2034
disturbed='branches registers records large'

# options NAME - perf record's for this recording; ../samples.py judges them all.
# Where all samples have the same size and no time, perf lets the processor fill
# its buffer, and takes them when it is full.
options()
{
	case $1 in
	upp)		echo "-e instructions:upp $period" ;;
	uppp)		echo "-e instructions:uppp $period" ;;
	prec-dist)	echo "-e cpu/event=0xc0,umask=1/uppp $period" ;;
	pdist)		echo "-e branches:uppp -c 1009" ;;
	branches)	echo "-e branches:upp -c 1009" ;;
	data)		echo "-e instructions:upp $period -d" ;;
	registers)	echo "-e instructions:upp $period --intr-regs=$general" ;;
	xmm)		echo "-e instructions:upp $period --intr-regs=$general,$vector" ;;
	records)	echo "-e instructions:upp $period -b" ;;
	cycles)		echo "-e cycles:upp $period --intr-regs=$general" ;;
	several)	echo "-e instructions:upp,branches:upp,cycles:upp $period" \
				"-b --intr-regs=$general" ;;
	large)		echo "-e instructions:upp -c 1009 --no-timestamp" ;;
	long)		echo "-m 16384 -e instructions:upp -c 503 --no-timestamp" ;;
	esac
}

# sampled FOLDER NAME [PROGRAM] - into FOLDER/NAME.  perf's buffer is large enough
# to be left alone until the program has ended.
sampled()
{
	mkdir -p "$1"
	# shellcheck disable=SC2046	# options
	perf record -q -BN -m 2048 -o "$1/$2" $(options "$2") "${3-${here?}/turns}"
}
