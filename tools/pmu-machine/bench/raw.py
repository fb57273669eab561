# SPDX-License-Identifier: GPL-2.0-only
"""What a run of the benchmark left: the machine's statistics by section, and
what the programs printed."""

import json
import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tests"))

import stats  # noqa: E402

# What the ways are called, by the kernel that the machine boots
KERNELS = {"base": "legacy", "mediated": "ours", "peer": "peer"}
WAYS = ("native", *KERNELS.values())
# Where there are architectural branch records, ours can move them by MSRs, too.
MSRS = "ours by MSRs"
BOOTS = {**KERNELS, "noxsaves": MSRS}
# What bench-host.sh calls its model
HOST = "host"


class Figures:
    """The sum of some sections, by @unit."""

    NAMES = ("exits", "pmis", "records", "reads", "writes", "rdpmc", "listed",
             "root_instructions", "root_cycles", "cycles")

    def __init__(self, sections, unit=1):
        def per_unit(number):
            """The sum of a section's number."""
            return sum(map(number, sections)) / unit

        self.exits = per_unit(lambda s: sum(s["vm_exits"].values()))
        self.pmis = per_unit(lambda s: sum(
            s[side]["pmi"]["raised"] for side in ("guest", "root")))
        self.records = per_unit(lambda s: sum(
            s[side]["pebs"] for side in ("guest", "root")))
        self.reads = per_unit(lambda s: self._instructions(s)[0])
        self.writes = per_unit(lambda s: self._instructions(s)[1])
        self.rdpmc = per_unit(lambda s: s["root"]["rdpmc"])
        self.listed = per_unit(lambda s: stats.number(s["root"], "list"))
        self.root_instructions = per_unit(
            lambda s: sum(s["root"]["instructions"].values()))
        self.root_cycles = per_unit(lambda s: s["root"]["cycles"])
        self.cycles = self.root_cycles + per_unit(
            lambda s: s["guest"]["cycles"])

    @staticmethod
    def _instructions(section):
        """The RDMSRs and WRMSRs of PMU registers in root mode."""
        return [sum(registers.values()) for registers in
                stats.accesses(section["root"], "instruction")]

    @property
    def accesses(self):
        """All that root mode's instructions did to PMU registers."""
        return self.reads + self.writes + self.rdpmc

    def minus(self, other):
        """These without @other's."""
        result = Figures([])
        for name in self.NAMES:
            setattr(result, name, getattr(self, name) - getattr(other, name))
        return result


class Run:
    """One boot of the machine."""

    def __init__(self, folder, model, kernel):
        self.path = os.path.join(folder, f"{model}.{kernel}")
        self.sections = {}
        self.lines = {}
        self.samples = {}
        self.unavailable = None
        self.messages = []
        if not os.path.exists(self.path + ".out"):
            self.unavailable = "it was not run"
            return
        # On real hardware there is none.
        if os.path.exists(self.path + ".json"):
            for section in stats.sections(self.path + ".json"):
                self.sections.setdefault(section["name"], []).append(section)
        with open(self.path + ".out", encoding="utf-8",
                  errors="replace") as file:
            for line in file:
                self._read(line.removeprefix("guest: ").strip())

    def _read(self, line):
        if line.startswith("dmesg: "):
            self.messages.append(line.removeprefix("dmesg: "))
        if not line.startswith("{"):
            return
        fact = json.loads(line)
        if "unavailable" in fact:
            self.unavailable = fact["unavailable"]
        elif "symbol" in fact:
            symbols = self.samples.setdefault(fact["section"], {})
            symbols[fact["symbol"]] = fact["count"]
        else:
            self.lines[fact["section"]] = fact

    def figures(self, name, unit=1):
        """The sum of all sections called @name, by @unit; None without any."""
        sections = self.sections.get(name)
        return Figures(sections, unit) if sections and unit else None

    @property
    def counters(self):
        """How many the guest of the micro-benchmark sees; None if it was not
        run."""
        return next((line["counters"] for line in self.lines.values()
                     if "counters" in line), None)

    def rounds(self, name):
        """How often the program did what the section @name is about."""
        return self.lines.get(name, {}).get("rounds", 0)


class Model:
    """All runs of a model; native is a part of one."""

    def __init__(self, folder, name):
        self.name = name
        self.runs = {way: Run(folder, name, kernel)
                     for kernel, way in BOOTS.items()}
        self.runs["native"] = next(
            (run for run in self.runs.values()
             if any(name.startswith("native/") for name in run.lines)),
            self.runs["legacy"])

    def prefix(self, way):
        """The first part of the names of sections."""
        return next((kernel for kernel, its in BOOTS.items() if its == way),
                    way)

    def pmu(self, way):
        """What the programs' kernel said of its PMU; None if it did not."""
        line = self.runs[way].lines.get(f"{self.prefix(way)}/pmu")
        return line and line["pmu"]

    def figures(self, way, name, unit=1):
        """Run.figures() of PREFIX/NAME."""
        return self.runs[way].figures(f"{self.prefix(way)}/{name}", unit)

    def exits(self, way, host, use, task):
        """The figures by VM exit."""
        run = self.runs[way]
        name = f"{self.prefix(way)}{', host' if host else ''}/{use}/{task}"
        whole = run.figures(name)
        return whole and run.figures(name, whole.exits)

    def operation(self, way, task, without="nothing", use="user"):
        """The figures of one operation, without the loop around it."""
        run = self.runs[way]
        name = f"{self.prefix(way)}/{use}/{task}"
        empty = f"{self.prefix(way)}/user/{without}"
        once = run.figures(name, run.rounds(name))
        return once and once.minus(run.figures(empty, run.rounds(empty)))

    def cycles(self, way, program, mode):
        """Of a whole program: the machine's, of which each is a nanosecond, or
        a real host's nanoseconds."""
        line = self.runs[way].lines.get(f"{self.prefix(way)}/{program}/{mode}")
        if not line or "status" in line:
            return None
        if not self.emulated:
            return line["ns"]
        figures = self.figures(way, f"{program}/{mode}")
        return figures and figures.cycles

    def stopped(self, way):
        """The programs that did not come to their end in time."""
        return [name for name, line in self.runs[way].lines.items()
                if "status" in line]

    def timed(self, way, name, key):
        """What micro itself says of a section, by round."""
        line = self.runs[way].lines.get(f"{self.prefix(way)}{name}")
        return line and line["rounds"] and line[key] / line["rounds"]

    @property
    def emulated(self):
        """Is it the machine that ran?"""
        return self.name != HOST

    def overhead(self, way, program, mode):
        """The cycles of the program, by those of the program alone."""
        alone = self.cycles(way, program, "alone")
        cycles = self.cycles(way, program, mode)
        return cycles / alone if alone and cycles else None

    def count(self, way, program, event):
        """What perf stat counted."""
        line = self.runs[way].lines.get(
            f"{self.prefix(way)}/{program}/{event}")
        return line and line["count"]

    def samples(self, way, program):
        """The samples by function."""
        return self.runs[way].samples.get(
            f"{self.prefix(way)}/{program}/samples")
