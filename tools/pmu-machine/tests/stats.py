# SPDX-License-Identifier: GPL-2.0-only
"""The emulator's statistics, for the programs that judge or show them."""

import json

# KVM saves and restores it at each VM exit, with a vPMU or without.
DEBUGCTL = "0x1d9"


def sections(path):
    """The parts between the marks, in their order."""
    with open(path, encoding="utf-8") as source:
        return json.load(source)["sections"]


def accesses(side, way):
    """The reads and the writes of PMU registers, by register; without
    DEBUGCTL."""
    return [{msr: count for msr, count in side[name][way].items()
             if msr != DEBUGCTL} for name in ("msr_reads", "msr_writes")]


def number(side, way):
    """How many of them there are."""
    return sum(sum(registers.values()) for registers in accesses(side, way))


def cost(side):
    """All accesses by instruction: RDMSR, WRMSR and RDPMC."""
    return number(side, "instruction") + side["rdpmc"]


def report(good, key, detail):
    """One fact."""
    print(f"{'ok' if good else 'FAIL'} {key}: {detail}")
