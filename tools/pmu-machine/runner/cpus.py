# SPDX-License-Identifier: GPL-2.0-only
"""The processors that --cpu can name.  This table is the only list of them."""

import collections

from .errors import UsageError

Cpu = collections.namedtuple("Cpu", "name model vendor pmu general fixed note")

CPUS = (
    Cpu("haswell", "pmu_haswell", "Intel", "version 3", 4, 3, ""),
    Cpu("skylake", "pmu_skylake", "Intel", "version 4", 4, 3,
        "Hyper-Threading on"),
    Cpu("icelake", "pmu_icelake", "Intel", "version 5", 8, 4,
        "server part; PERF_METRICS"),
    Cpu("sapphire-rapids", "pmu_sapphire_rapids", "Intel", "version 5", 8, 4,
        "PERF_METRICS; GLOBAL_CTRL saved at VM exit"),
    Cpu("zen3", "pmu_zen3", "AMD", "core extension", 6, 0, ""),
    Cpu("zen4", "pmu_zen4", "AMD", "PerfMonV2", 6, 0, ""),
)

DEFAULT = "sapphire-rapids"


def find(name):
    """The table's entry for @name."""
    for cpu in CPUS:
        if cpu.name == name:
            return cpu
    known = ", ".join(names())
    raise UsageError(f"unknown CPU '{name}' (known: {known})")


def names():
    """All names."""
    return [cpu.name for cpu in CPUS]


def table():
    """The lines that `machine cpus` prints."""
    yield f"{'NAME':<17}{'VENDOR':<8}{'PMU':<16}{'COUNTERS':<10}NOTE"
    for cpu in CPUS:
        counters = f"{cpu.general}+{cpu.fixed}"
        yield (f"{cpu.name:<17}{cpu.vendor:<8}{cpu.pmu:<16}{counters:<10}"
               f"{cpu.note}").rstrip()
