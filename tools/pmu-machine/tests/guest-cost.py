#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""guest-cost.py STATS - judge the sections that guest-cost-guest.sh marked.

A cost is an access that root mode makes to a PMU register by RDMSR, WRMSR or
RDPMC.  Registers that VM entry and exit switch by a list or a field of the
VMCS are shown beside it.

What is touched in memory has many short sections.  In a few of them KVM_RUN may
return to QEMU, which puts the guest's registers and loads them again: those are
counted and shown, not subtracted.
"""

import sys

sys.dont_write_bytecode = True

import stats  # noqa: E402

# AMD: PerfCntrGlobalCtl
GLOBAL_CTL = "0xc0000301"
# External interrupts, and what a page that the host has not mapped yet causes
INTERRUPTS = ("0x1", "0x60")
FAULTS = ("0x30", "0x400")
# inside/guest-cost-guest.sh executes so many CPUIDs, on so many counters.
CPUIDS = 1000
COUNTERS = 3


def cost(sections):
    """All accesses of root mode by instruction."""
    return sum(stats.cost(section["root"]) for section in sections)


def exits(sections, reasons=None):
    """The number of VM exits, of any reason or of some."""
    return sum(count for section in sections
               for reason, count in section["vm_exits"].items()
               if reasons is None or reason in reasons)


def describe(sections):
    """How many exits of which kind there were, and what they cost."""
    listed = sum(stats.number(section["root"], "list")
                 for section in sections)
    return (f"{cost(sections)} accesses in {exits(sections)} exits "
            f"({exits(sections, INTERRUPTS)} interrupts, "
            f"{exits(sections, FAULTS)} page faults; {listed} by list)")


def free(sections, key, most_puts=0):
    """Sections that cost nothing, but for a few."""
    costly = [section for section in sections if cost([section])]
    rest = [section for section in sections if not cost([section])]
    stats.report(len(costly) <= most_puts and exits(rest, INTERRUPTS) >= 20
                 and exits(rest, FAULTS) >= 5, key,
                 f"{describe(rest)}; {len(costly)} of {len(sections)} sections "
                 f"with a put: {describe(costly)}")


def retired(section, key):
    """A section of CPUIDs that some of the counters count."""
    reads, writes = stats.accesses(section["root"], "instruction")
    rdpmc = section["root"]["rdpmc"]
    # With PerfMonV2 KVM has to see whether the guest has the counters on.
    stats.report(rdpmc == CPUIDS * COUNTERS and
                 list(writes.values()) == [CPUIDS] * COUNTERS and
                 reads in ({}, {GLOBAL_CTL: CPUIDS}), key,
                 f"{rdpmc} RDPMC, WRMSR {writes}, RDMSR {reads}, expected "
                 f"{CPUIDS} for each of {COUNTERS} counters")


def main(path):
    """Judge all sections."""
    guest = {}
    for section in stats.sections(path):
        if section["by"] == "guest":
            guest.setdefault(section["name"], []).append(section)
    free(guest["alone"], "a guest that leaves its PMU alone costs nothing")
    unused = guest["alone, CPUID"]
    stats.report(cost(unused) == 0 and exits(unused) >= CPUIDS,
                 "nor does its CPUID", describe(unused))
    every = guest["every counter"]
    free(every, "every counter running costs nothing", len(every) // 16)
    retired(guest["three counters, CPUID"][0],
            "CPUID costs an RDPMC and a WRMSR a counter")
    beside = guest["detector"]
    stats.report(cost(beside) > 0, "beside the hard-lockup detector",
                 f"{cost(beside) / exits(beside):.1f} an exit; "
                 f"{describe(beside)}")


if __name__ == "__main__":
    main(sys.argv[1])
