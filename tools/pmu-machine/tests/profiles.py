#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""profiles.py SOURCE PROGRAM RECORDS - judge the profile that LLVM makes.

RECORDS is what perf script said of PROGRAM, its mappings and branch records.
SOURCE says in comments how often its lines are executed, and its functions
called.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap

sys.dont_write_bytecode = True

from stats import report  # noqa: E402

# A sample is taken every 503rd taken branch, a prime, and four turns of the
# program, after which it does the same again, have less than 50 of these.  So
# each of them is the newest of as many records as any other, give or take one,
# and as often the second one, and so on.  These are 3000 samples and more, and
# the error is one in 3000 / 50.
TOLERANCE = 0.02

# Beside the lines of a function
CALLS = "calls"


def known(path):
    """The numbers in a source, by function and line behind its first one."""
    counts = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file):
            function = re.match(r"[a-z].*?(\w+)\(", line)
            if function:
                name, first = function[1], number
            times = re.search(r"/\* (\d+) \*/", line)
            if times:
                place = CALLS if line[0] == "{" else number - first
                counts[name, place] = int(times[1])
    return counts


def counted(path):
    """Those in a profile.  One line may have several counts: of each part that
    is executed on its own."""
    counts = {}
    if not os.path.exists(path):
        return counts
    with open(path, encoding="utf-8") as file:
        for line in file:
            function = re.match(r"(\w+):\d+:(\d+)", line)
            if function:
                name = function[1]
                counts[name, CALLS] = int(function[2])
            part = re.match(r" (\d+)(?:\.\d+)?: (\d+)", line)
            if part:
                place = name, int(part[1])
                counts[place] = max(counts.get(place, 0), int(part[2]))
    return counts


def proportions(key, numbers, counts):
    """Whether the counts have those of the numbers."""
    seen = {place: counts.get(place, 0) for place in numbers}
    unit = sum(seen.values()) / sum(numbers.values()) or 1
    good = all(abs(seen[place] / unit - number) <= TOLERANCE * number
               for place, number in numbers.items())
    report(good, key, f"{unit:.0f} times " + ", ".join(
        f"{seen[place] / unit:.2f} of {number} ({place[0]}:{place[1]})"
        for place, number in numbers.items()))


def judge(numbers, counts):
    """The calls, and the lines: these are one less in a sample, as they are
    between two records."""
    calls = {place: number for place, number in numbers.items()
             if place[1] == CALLS}
    lines = {place: number for place, number in numbers.items()
             if place[1] != CALLS}
    proportions("calls in the profile as known", calls, counts)
    proportions("lines in the profile as known", lines, counts)


def tool(name, *arguments):
    """Run one of LLVM's tools.  Not all of them are in PATH by this name."""
    folder = os.path.dirname(os.path.realpath(shutil.which("llvm-profdata")))
    done = subprocess.run([os.path.join(folder, name), *arguments],
                          capture_output=True, text=True, check=False)
    said = textwrap.shorten(done.stdout + done.stderr, 300)
    report(done.returncode == 0 and not said, f"{name} has no complaint",
           said or folder)


def main():
    """A profile as a compiler reads it, and the same as text"""
    source, program, records = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        binary = os.path.join(folder, "binary")
        text = os.path.join(folder, "text")
        tool("llvm-profgen", f"--binary={program}", f"--perfscript={records}",
             "--format=extbinary", f"--output={binary}")
        tool("llvm-profdata", "merge", "--sample", "--text", binary,
             f"--output={text}")
        judge(known(source), counted(text))


if __name__ == "__main__":
    main()
