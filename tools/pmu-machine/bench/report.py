#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""report.py FOLDER MODEL... - the benchmark's report, from what its runs left
in FOLDER: report.md, report.json and, drawn by gnuplot, report.html."""

import json
import os
import sys

sys.dont_write_bytecode = True

import page  # noqa: E402
import tables  # noqa: E402
from raw import KERNELS, WAYS, Model  # noqa: E402

NOTES = """\
A guest's program may count and sample with perf as on hardware if its virtual
processor has a PMU, the vPMU.  This report compares ways to give it one.
Legacy is the base kernel's vPMU, which is made of perf events of the host's;
ours is the base with this repository's series, where the guest has the CPU's
own PMU; the peer is a later mainline kernel with a mediated vPMU of its own;
native is the base without a guest.  The guest is the same in all of them: the
base kernel, a small userland and its unmodified perf.  For the VM exits and
operations it is a program without a kernel that does nothing else.

What an emulator can say, and what it can't.  Counts are exact: of
instructions, of VM exits, of accesses to registers, of what perf counts and
samples.  With one processor a run is reproducible to the last of them.  Cycles
and times are not a processor's: every instruction takes one cycle at 1 GHz,
and what is known to be slow takes what the cost table at the end says beyond
that; there are no caches but for events, no pipeline and no speculation.  Who
doubts an entry may change it.  Nested paging makes the guest's page walks
dearer, and each VM exit empties the machine's TLB, which has no tags: so VM
exits cost more cycles after them than on hardware, whichever vPMU there is.  A
guest's program is to be compared with the same program in the same guest.  The
peer is another kernel, of another year: what is not its vPMU differs, too.

perf record -F 1000 of ten events asks for 10,000 samples a second.  Here that
is one in 100,000 instructions; a server retires several times as many in the
time, so that its overhead is several times less.  Where a sample costs more
than the time between two, a guest does little else, and how long the program
takes says how perf finds its way out of that.  The same samples everywhere are
compared by a fixed period, and what a sample costs by cycles by PMI."""


def cell(value):
    """A cell as text."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if value == round(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def verdict(met):
    """Of a target"""
    return {True: "met", False: "MISSED", None: "not measured"}[met]


def target_table(model):
    """The targets as a table."""
    rows = [[each.what, each.wanted, each.seen, verdict(each.met)]
            for each in tables.targets(model)]
    return tables.Table("Targets",
                        "Computed from the tables below.  Here and in the "
                        "pictures the guest's counters are " +
                        "; ".join(map(": ".join, tables.USES.items())) +
                        f".  Within {tables.SAME:.0%} of the peer's is the "
                        "same as the peer's.",
                        ["what", "wanted", "seen", "verdict"], rows)


def remarks(model):
    """What there is to say of the runs."""
    for way in WAYS:
        if model.pmu(way):
            yield f"{way}: perf's kernel found: {model.pmu(way)}"
        prefix = model.prefix(way) + "/"
        yield from (f"{way}: {name}: failed, or was stopped after its time"
                    for name in model.stopped(way) if name.startswith(prefix))
    for way in KERNELS.values():
        run = model.runs[way]
        if run.counters:
            yield f"{way}: the guest without a kernel has {run.counters} counters"
        if run.unavailable:
            yield f"{way}: not available: {run.unavailable}"
            yield from (f"{way}'s log: {line}" for line in run.messages)
        elif model.emulated and not run.sections:
            yield f"{way}: the run broke off, and left no statistics"


def markdown(table):
    """The lines of a table."""
    yield f"### {table.title}"
    yield ""
    if table.note:
        yield table.note
        yield ""
    yield "| " + " | ".join(table.columns) + " |"
    yield "|" + "---|" * len(table.columns)
    for row in table.rows:
        yield "| " + " | ".join(map(cell, row)) + " |"
    yield ""


def write(folder, name, text):
    """A file of the report."""
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    print(path)


def main(folder, *names):
    """Write the report."""
    lines = ["# The mediated vPMU beside the alternatives", "", NOTES, ""]
    data = {}
    chapters = []
    for name in names:
        model = Model(folder, name)
        listed = [target_table(model), *tables.tables(model)]
        said = list(remarks(model))
        lines += [f"## {name}", "", *(f"- {line}" for line in said), ""]
        for table in listed:
            lines += markdown(table)
        data[name] = {"remarks": said,
                      "tables": [table._asdict() for table in listed]}
        chapters.append((model, said, listed))
    write(folder, "report.md", "\n".join(lines))
    write(folder, "report.json", json.dumps(data, indent=1) + "\n")
    write(folder, "report.html", page.page(NOTES, chapters, cell))


if __name__ == "__main__":
    main(*sys.argv[1:])
