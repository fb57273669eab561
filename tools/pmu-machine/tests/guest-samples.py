#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""guest-samples.py FOLDER MODEL DEPTH [STATISTICS] - judge samples of guests.

FOLDER has perf record's files of inside/guest-samples.sh, natively and of a
guest in three states, and symbols as NAME.nm.  MODEL has DEPTH branch records.
The emulator's STATISTICS, if a long recording was made, say how many records it
had.
"""

import os
import sys

sys.dont_write_bytecode = True

import ring  # noqa: E402
import samples  # noqa: E402
import stats  # noqa: E402
import turns  # noqa: E402


# How many records may be late: where a page that they go to is away, or may not be
# written to, the next event makes the record (Documentation/machine/pebs.md, rule
# 17).
STATES = {"native": 2, "alone": 2, "disturbed": 2, "memory": 200}


def main(folder, model, depth, statistics=None):
    """Judge all recordings."""
    def judge(name, program, slips=2):
        path = os.path.join(folder, f"{program}.nm")
        return samples.Judge(turns.Turns(ring.symbols(path)),
                             os.path.join(folder, name), model, int(depth),
                             slips)

    for state, slips in STATES.items():
        recordings = judge(state, "turns", slips)
        for name in sorted(os.listdir(recordings.folder)):
            recordings.all_events(name, f"{state}, {name}")
    for name in "rival.0", "rival.1":
        judge("rivals", "rival").stranger(name, f"the guest's {name}")
    if statistics:
        recording = judge("long", "long").all_events("long", "guest, long")
        stored = next(section["guest"]["pebs"]
                      for section in stats.sections(statistics)
                      if section["name"] == "long")
        number = sum(map(len, recording.samples)) if recording else 0
        stats.report(number == stored > 0,
                     "guest, long, as many as were stored",
                     f"{number} samples of {stored} records")


if __name__ == "__main__":
    main(*sys.argv[1:])
