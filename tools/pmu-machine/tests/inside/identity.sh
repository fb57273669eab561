#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# identity.sh PARAMETERS CPUS - runs in the machine: what the processor says
# it is, whether that agrees with itself, and what unmodified Linux makes of it.

here=${0%/*}
# shellcheck source=tools/pmu-machine/tests/inside/facts.sh
. "$here/facts.sh"
# shellcheck disable=SC1090
. "$1"
cpus=$2

# msr NUMBER - in hexadecimal, without 0x; nothing if reading it is #GP.
msr()
{
	dd if=/dev/cpu/0/msr bs=8 count=1 iflag=skip_bytes skip=$(($1)) \
		2>/dev/null | od -An -tx8 | tr -d ' '
}

# cpuid LEAF REGISTER - EAX is 1, EDX is 4; subleaf 0.
cpuid()
{
	dd if=/dev/cpu/0/cpuid bs=16 count=1 iflag=skip_bytes skip=$(($1)) \
		2>/dev/null | od -An -tx4 | awk -v n="$2" '{ print $n }'
}

# bit HEXADECIMAL NUMBER - yes or no
bit()
{
	if [ -z "$1" ]; then
		echo 'no such register'
	elif [ $((0x$1 >> $2 & 1)) = 1 ]; then
		echo yes
	else
		echo no
	fi
}

# has NAME - what the table of models says of an optional capability
has()
{
	case " ${has_all?} ${has_some?} " in
	*" $1 "*)	echo yes ;;
	*)		echo no ;;
	esac
}

cpuinfo()
{
	sed -n "s/^$1[[:space:]]*: //p" /proc/cpuinfo | sort -u | tr '\n' ' ' |
		sed 's/ $//'
}

# The allowed-1 settings are the upper half of each capability register
# (SDM vol. 3D, appendix A).
vmx_control()
{
	equal "VMX $1" "$(bit "$(msr "$2")" $(($3 + 32)))" "$(has "$1")"
}

vmx()
{
	vmx_control rdpmc-exiting 0x482 11
	vmx_control msr-bitmaps 0x482 28
	vmx_control virtual-nmis 0x481 5
	vmx_control preemption-timer 0x481 6
	vmx_control posted-interrupts 0x481 7
	vmx_control ept 0x48b 1
	vmx_control vpid 0x48b 5
	vmx_control unrestricted-guest 0x48b 7
	vmx_control apic-registers 0x48b 8
	vmx_control virtual-interrupts 0x48b 9
	vmx_control vmfunc 0x48b 13
	vmx_control shadow-vmcs 0x48b 14
	vmx_control pml 0x48b 17
	vmx_control ept-violation-ve 0x48b 18
	vmx_control mode-based-execute 0x48b 22
	vmx_control tsc-scaling 0x48b 25
	vmx_control user-wait-pause 0x48b 26
	vmx_control entry-load-global-ctrl 0x484 13
	vmx_control entry-load-rtit-ctl 0x484 18
	vmx_control entry-load-lbr-ctl 0x484 21
	vmx_control exit-load-global-ctrl 0x483 12
	vmx_control exit-clear-rtit-ctl 0x483 25
	vmx_control exit-clear-lbr-ctl 0x483 26
	vmx_control exit-save-global-ctrl 0x483 30
	equal 'VMX EPT accessed and dirty flags' "$(bit "$(msr 0x48c)" 21)" yes
}

# CPUID 8000000AH:EDX (APM vol. 3, appendix E)
svm_feature()
{
	equal "SVM $1" "$(bit "$(cpuid 0x8000000a 4)" "$2")" "$(has "$1")"
}

svm()
{
	svm_feature nested-paging 0
	svm_feature lbr-virtualization 1
	svm_feature next-rip 3
	svm_feature tsc-rate 4
	svm_feature vmcb-clean 5
	svm_feature flush-by-asid 6
	svm_feature decode-assists 7
	svm_feature pause-filter 10
	svm_feature avic 13
	svm_feature virtual-gif 16
	svm_feature virtual-nmi 25
	equal 'SVM not disabled by VM_CR' "$(bit "$(msr 0xc0010114)" 4)" no
	equal 'TSC runs at the frequency of P0' "$(bit "$(msr 0xc0010015)" 24)" yes
}

# Leaf 15H: TSC = crystal * EBX / EAX; with no crystal in ECX, leaf 16H's
# base frequency has to be this one.
frequency_leaves()
{
	if [ $((0x$(cpuid 0 1))) -lt 22 ]; then
		equal 'leaf 15H' none "${leaf15?}"
		return
	fi
	crystal=$((0x$(cpuid 0x15 3)))
	base=$((0x$(cpuid 0x16 1)))
	ratio=$((0x$(cpuid 0x15 2))):$((0x$(cpuid 0x15 1)))
	equal 'leaf 15H' "$ratio of $crystal Hz" "$leaf15"
	equal 'leaf 16H, base MHz' "$base" 1000
}

topology()
{
	equal "cores, --cpus $cpus" "$(cpuinfo 'cpu cores')" "$cpus"
	equal "package IDs, --cpus $cpus" "$(cpuinfo 'physical id')" 0
	equal "cores of several threads, --cpus $cpus" \
		"$(cat /sys/devices/system/cpu/cpu*/topology/thread_siblings_list |
			grep -c '[,-]')" 0
	equal "third-level caches, --cpus $cpus" \
		"$(cat /sys/devices/system/cpu/cpu*/cache/index3/shared_cpu_list |
			sort -u | grep -c .)" 1
}

# rounds_offline TIMES - CPU 1 goes and comes back at once, while it is still
# busy with WBINVD, the last thing that it does; how often it came back
rounds_offline()
{
	online=/sys/devices/system/cpu/cpu1/online
	for _ in $(seq "$1"); do
		echo 0 >$online
		echo 1 >$online
		cat $online
	done 2>/dev/null | grep -c 1
}

topology
if [ "$cpus" -gt 1 ]; then
	equal 'CPU offline and at once back' "$(rounds_offline 4)" 4
fi
no_message "complaints of the firmware, --cpus $cpus" \
	'firmware bug|FW_BUG|APIC ID mismatch|Unknown domain'
no_message "unchecked MSR accesses, --cpus $cpus" 'unchecked MSR access'
if [ "$cpus" -gt 1 ]; then
	no_message 'complaints of TSCs that differ' \
		'TSC warp|clocksource tsc unstable'
	echo end
	exit
fi

equal signature \
	"$(cpuinfo 'cpu family') $(cpuinfo model) $(cpuinfo stepping)" \
	"${signature?}"
equal 'microcode revision' "$(cpuinfo microcode)" "${microcode?}"
mhz=$(dmesg | sed -n 's/.*tsc: Detected \([0-9]*\)\.\([0-9]*\) MHz.*/\1\2/p')
between 'TSC, kHz' "$mhz" 999000 1001000
equal 'TSC is invariant' "$(bit "$(cpuid 0x80000007 4)" 8)" yes
case ${vendor?} in
intel)
	frequency_leaves
	equal 'TSC deadline timer' \
		"$(dmesg | grep -c 'TSC deadline timer available')" 1
	vmx ;;
amd)
	svm ;;
esac
if [ -c /dev/kvm ]; then
	ok 'KVM initialises' /dev/kvm
else
	fail 'KVM initialises' "$(dmesg | grep -i kvm | tail -n 2 | tr '\n' ' ')"
fi
echo end
