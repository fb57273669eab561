#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""bench.py COMPUTE - the speed of the machine and of unmodified Bochs.

The workload says when it starts and when it ends; between the two lines the
host's clock is read, so that booting is left out.  The ways take turns, and
of each the fastest of three is taken: the host has other things to do.
"""

import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
MACHINE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..")
sys.path.insert(0, MACHINE)

from runner import cli, cpus, emulator, paths  # noqa: E402

UNMODIFIED = os.path.join(paths.BUILD, "bochs-unmodified/bochs")
MODEL = "sapphire-rapids"
# What the unmodified one calls it, and needs: it lacks registers that Linux
# writes, and its #GP for them is a panic.
THEIR_MODEL = "sapphire_rapids"

ROUNDS = 3
EVENTS = "instructions,cycles,branches"
WAYS = (
    ("unmodified Bochs", True, []),
    ("the machine, nothing counted", False, []),
    (f"the machine, counting {EVENTS}", False,
     ["perf", "stat", "-x,", "-e", EVENTS]),
)


def run_unmodified(arguments):
    """machine, but with unmodified Bochs."""
    paths.BOCHS = paths.need(UNMODIFIED, "run 'make bench-machine'")
    cpus.CPUS = tuple(cpu._replace(model=THEIR_MODEL) for cpu in cpus.CPUS)
    emulator.CONFIG = emulator.CONFIG.replace("ignore_bad_msrs=0",
                                              "ignore_bad_msrs=1")
    return cli.main(arguments)


def machine(unmodified):
    """The command line of the machine."""
    if unmodified:
        return [sys.executable, os.path.realpath(__file__), "--unmodified"]
    return [os.path.join(MACHINE, "machine")]


def measure(unmodified, prefix, program):
    """Seconds between the workload's two lines, and perf's counts."""
    command = machine(unmodified) + [
        "run", "--cpu", MODEL, "--timeout", "600",
        "--console", "/dev/null", "--with", f"{program}:/compute",
        "--", *prefix, "/compute"]
    times = {}
    counts = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            times[line.strip()] = time.monotonic()
            fields = line.split(",")
            if len(fields) > 3 and fields[0].isdigit():
                counts[fields[2]] = int(fields[0])
    if process.returncode or "compute ends" not in times:
        sys.exit(f"bench: {' '.join(command)}: status {process.returncode}")
    return times["compute ends"] - times["compute starts"], counts


def main(program):
    """Measure, and print the table."""
    best = {}
    instructions = 0
    for turn in range(ROUNDS):
        for name, unmodified, prefix in WAYS:
            seconds, counts = measure(unmodified, prefix, program)
            print(f"round {turn + 1}: {name}: {seconds:.2f} s", flush=True)
            best[name] = min(seconds, best.get(name, seconds))
            instructions = counts.get("instructions", instructions)
    base = best[WAYS[0][0]]
    print(f"\n{'':52} {'seconds':>8} {'Minst/s':>8} {'speed':>7}")
    for name, _, _ in WAYS:
        print(f"{name:52} {best[name]:8.2f} "
              f"{instructions / best[name] / 1e6:8.1f} "
              f"{100 * base / best[name]:6.1f}%")


if __name__ == "__main__":
    if sys.argv[1] == "--unmodified":
        sys.exit(run_unmodified(sys.argv[2:]))
    main(sys.argv[1])
