#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""host-perf.py STATS CSV - judge the host's perf stat -a beside a guest.

CSV is perf stat -x, of inside/host-perf.sh; what really happened meanwhile is
the section "measured" of STATS.  The clock is 1000 MHz: a cycle is a
nanosecond.
"""

import csv
import sys

sys.dont_write_bytecode = True

import stats  # noqa: E402

# perf begins a little before the mark, and beside host events the guest has the
# PMU while its registers are switched, too, at each VM entry and exit.
TOLERANCE = 0.08


def events(path):
    """NAME: (count, nanoseconds running, percent of those enabled)."""
    with open(path, encoding="utf-8") as source:
        rows = [row for row in csv.reader(source)
                if row and not row[0].startswith("#")]
    return {row[2]: (row[0], int(row[3]), float(row[4])) for row in rows}


def section(path, name):
    """The section that the host marked so."""
    return next(each for each in stats.sections(path)
                if each["name"] == name and each["by"] == "host")


def main(statistics, path):
    """Judge all events."""
    truth = section(statistics, "measured")
    rows = events(path)
    stats.report(all(row[0].isdigit() for row in rows.values()),
                 "no host event is in error", {name: row[0]
                                               for name, row in rows.items()})
    counting = {name: row for name, row in rows.items() if "G" in name}
    excluding = {name: row for name, row in rows.items() if "G" not in name}
    stats.report(all(row[2] == 100 for row in excluding.values()),
                 "events that exclude guests lose no time",
                 {name: row[2] for name, row in excluding.items()})
    enabled = max(row[1] for row in excluding.values())
    guest = truth["guest"]["cycles"]
    for name, (_, running, _) in counting.items():
        lost = enabled - running
        stats.report(abs(lost - guest) <= TOLERANCE * guest,
                     f"{name} shows the time that the guest had",
                     f"{lost} ns of {enabled} not running, the guest ran "
                     f"{guest}")
    root = sum(truth["root"]["instructions"].values())
    counted = int(rows["instructions"][0])
    stats.report(root / 2 <= counted <= root * (1 + TOLERANCE),
                 "the host counts its own instructions",
                 f"{counted} of {root}, the guest's "
                 f"{sum(truth['guest']['instructions'].values())} apart")


if __name__ == "__main__":
    main(*sys.argv[1:])
