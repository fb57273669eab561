#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""guest-branches.py FOLDER DEPTH STACK NEXT STATES - judge guests' records.

FOLDER has what perf script said of the recordings of inside/guest-branches.sh,
of a guest in all STATES.  DEPTH, STACK and NEXT are those of branches.py.
"""

import os
import sys

sys.dont_write_bytecode = True

import branches  # noqa: E402
import ring  # noqa: E402


def lost(path, names, samples):
    """The samples after the guest was saved, if QEMU does not save the records:
    up to where the program sleeps, as perf sets up recording again then."""
    if not os.path.exists(path):
        return range(0)
    with open(path, encoding="utf-8") as file:
        saved = int(file.read())
    between = samples * names["NAP"] // names["TURNS"]
    return range(saved, saved + between + 1)


def main(folder, depth, call_stack, calls_next, states):
    """Judge all recordings."""
    def judge(name, names):
        program = ring.Ring(names, calls_next == "1")
        return branches.Judge(program, os.path.join(folder, name), int(depth))

    names = ring.symbols(os.path.join(folder, "ring.nm"))
    native = judge("native", names)
    native.user("any", "natively, -b")
    recordings = [("any", "-b")]
    if call_stack == "1":
        recordings.append(("stack", "--call-graph lbr"))
        native.call_stack("stack", "natively, --call-graph lbr")
    for state in states.split():
        guest = judge(state, names)
        for name, options in recordings:
            true = native.samples(name)
            unsaved = os.path.join(folder, state, f"{name}.unsaved")
            guest.as_native(name, f"guest {state}, {options}", true,
                            lost(unsaved, names, len(true)))
    rivals = judge("rivals", ring.symbols(os.path.join(folder, "rival.nm")))
    rivals.user("any", "the guest's rivals, -b")


if __name__ == "__main__":
    main(*sys.argv[1:])
