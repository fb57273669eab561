#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""demo.py FOLDER PERIOD MODEL... - the tables of the demo.

For each model and way FOLDER has what perf said, in MODEL.WAY/, and the
machine's own statistics, MODEL.WAY.json.
"""

import os
import re
import sys

sys.dont_write_bytecode = True

import stats  # noqa: E402

WAYS = ("native", "legacy", "mediated")

CYCLES_PER_MS = 1000000

NOTES = """\
The time is the machine's, perf's own start and end included.  A guest's is
longer mostly for page walks: each has two dimensions, and every VM exit empties
the machine's TLB, which has no tags.
Accesses are RDMSR, WRMSR and RDPMC of PMU registers; natively all are perf's.
Missing are samples that the instructions and the period call for; perf
throttles when they take too long.

If a guest's instructions differ from the native ones, and by the same number
with either vPMU, the program itself did something else: when it starts, the C
library asks CPUID for caches and threads, and QEMU's answer is not the host's."""


def numbers(path, pattern):
    """What @pattern finds in a file: names and their numbers."""
    with open(path, encoding="utf-8") as file:
        found = re.finditer(pattern, file.read(), re.MULTILINE)
    return {match["name"]: int(match["number"]) for match in found}


def costs(section):
    """The cells of a section of the machine's statistics."""
    host, guest = (section[side]["cycles"] / CYCLES_PER_MS
                   for side in ("root", "guest"))
    return {"time, ms": f"{host + guest:.1f}",
            "  of it in the host": f"{host:.1f}",
            "VM exits": sum(section["vm_exits"].values()),
            "PMU accesses by the host": stats.cost(section["root"])}


def column(folder, period):
    """What perf and the machine say of one way."""
    counts = numbers(os.path.join(folder, "stat"),
                     r"^ *(?P<number>\d+) +(?P<name>\S+:u)")
    records = numbers(os.path.join(folder, "samples"),
                      r"^ *(?P<name>\w+) events: +(?P<number>\d+)")
    sections = {each["name"]: each
                for each in stats.sections(f"{folder}.json")}
    wanted = counts["instructions:u"] // period
    seen = records.get("SAMPLE", 0)
    samples = {"samples": seen, "missing": wanted - seen,
               "times throttled": records.get("THROTTLE", 0)}
    return (counts, costs(sections["stat"]),
            {**samples, **costs(sections["record"])})


def row(name, cells):
    """Print a line of the table."""
    print(f"{name:26}" + "".join(f"{cell:>14}" for cell in cells))


def rows(columns):
    """Print a line for each key that the columns have."""
    for key in columns[0]:
        row("  " + key, [column[key] for column in columns])


def counted(columns):
    """Print perf's counts, and how far from the native ones they are."""
    for event in columns[0]:
        native, *others = [column[event] for column in columns]
        row("  " + event, [native, *others])
        row("    from native",
            ["", *(f"{other - native:+}" for other in others)])


def table(folder, period, model):
    """Print the table of a model."""
    counts, stat, record = zip(*(
        column(os.path.join(folder, f"{model}.{way}"), period)
        for way in WAYS))
    print()
    row(model, WAYS)
    print("perf stat")
    counted(counts)
    rows(stat)
    print(f"perf record -e instructions:u -c {period}")
    rows(record)


def main(folder, period, *models):
    """Print the tables, and what they mean."""
    for model in models:
        table(folder, int(period), model)
    print()
    print(NOTES)


if __name__ == "__main__":
    main(*sys.argv[1:])
