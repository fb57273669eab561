#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""branches.py FOLDER SYMBOLS DEPTH CYCLES STACK NEXT - judge branch records.

FOLDER has what perf script said of the recordings of inside/branches.sh, and
SYMBOLS what nm said of their program.  The processor has DEPTH records; CYCLES,
STACK and NEXT are 1 or 0: whether they have cycles, whether they can follow the
call stack, and whether a call to the next instruction is recorded.
"""

import collections
import operator
import os
import sys
from typing import NamedTuple

sys.dont_write_bytecode = True

import ring  # noqa: E402
from stats import report  # noqa: E402

KERNEL = 1 << 63

# Filters of perf: the kinds of branches that it shows, and those that take a
# record, too.  The kernel's way back to the program is a far branch; perf hides
# it, as it comes from the kernel.
BRANCHES = tuple(kind for kind in ring.KINDS if kind != "syscall")
FILTERS = {
    "any": (BRANCHES, ("syscall",)),
    "any_call": (("call", "icall", "zcall"), ("lret", "syscall")),
    "any_ret": (("ret", "lret"), ("syscall",)),
    "ind_call": (("icall",), ()),
    "ind_jmp": (("ijmp",), ()),
    "cond": (("jcc",), ()),
    "call": (("call", "zcall"), ()),
}

# perf's names of the kinds
TYPES = {"jcc": "COND", "jmp": "UNCOND", "ijmp": "IND", "call": "CALL",
         "icall": "IND_CALL", "zcall": "CALL", "ret": "RET", "lret": "RET"}

# A direct branch that is always taken leaves nothing to predict, and nobody
# predicts a far one.
PREDICTED = ("jcc", "ijmp", "icall", "ret")

# An interrupt takes a record of its own, and whenever the task is scheduled
# perf empties them.
MOST_CUT_SHORT = 0.1


class Entry(NamedTuple):
    """A branch record."""
    source: int
    target: int
    prediction: str
    cycles: int
    type: str

    @property
    def edge(self):
        """Where it went."""
        return self.source, self.target


class Sample(NamedTuple):
    """A sample with its records, the newest first."""
    address: int
    entries: list

    @property
    def edges(self):
        """Where its branches went."""
        return [entry.edge for entry in self.entries]


def parsed(word):
    """FROM/TO/PREDICTION/TRANSACTION/ABORT/CYCLES/TYPE/SPECULATION"""
    source, target, prediction, _, _, cycles, kind, _ = word.split("/")
    return Entry(int(source, 16), int(target, 16), prediction, int(cycles),
                 kind)


def samples(path):
    """perf script -F ip,brstack; records that were never written are zero."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        rows = [line.split() for line in file if line.strip()]
    return [Sample(int(row[0], 16), [parsed(word) for word in row[1:]
                                     if not word.startswith("0x0/0x0/")])
            for row in rows]


def chains(path):
    """perf script -F ip of call chains: their addresses"""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        blocks = file.read().split("\n\n")
    return [[int(word, 16) for word in block.split()]
            for block in blocks if block.strip()]


def shown(items, word=str, what="wrong"):
    """The first few of what is wrong."""
    listed = ", ".join(word(item) for item in items[:3])
    return f"; {len(items)} {what}: {listed}" if items else ""


def edge_word(edge):
    """Where a branch went, for a human."""
    return "{:x}/{:x}".format(*edge)


def sample_word(sample):
    """A sample and its newest records, for a human."""
    words = [edge_word(edge) for edge in sample.edges[:4]]
    return f"[{sample.address:x}: {' '.join(words)}]"


class Judge:
    """The facts of recordings of one program."""

    def __init__(self, program, folder, depth):
        self.program = program
        self.folder = folder
        self.depth = depth
        self.kinds = {step.edge: step.kind for step in program.steps}

    def samples(self, name):
        """What perf script said of a recording."""
        return samples(os.path.join(self.folder, name))

    def _places(self, sample):
        """Where the program is.  If a system call was its last instruction, the
        sample is in the kernel."""
        if sample.address < KERNEL:
            return self.program.places_of(sample.address)
        return [place for place, step in enumerate(self.program.steps)
                if step.kind == "syscall"]

    def _slots(self, sample, places, name):
        """What Ring.slots() says of some places, where they match: up to the
        first one that has all records of the processor."""
        counts = []
        for place in places:
            count = self.program.slots(place, *FILTERS[name], sample.edges)
            if count:
                counts.append(count)
                if self._is_full(count):
                    break
        return counts

    def _is_full(self, count):
        least, most = count
        return least <= self.depth <= most

    def user(self, name, key):
        """A recording of the program's own branches."""
        found = self.samples(name)
        self._edges(found, name, key)
        everywhere = range(len(self.program.places))
        here = [self._slots(sample, self._places(sample), name)
                for sample in found]
        lost = [sample for sample, counts in zip(found, here) if not counts]
        astray = [sample for sample in lost
                  if not self._slots(sample, everywhere, name)]
        report(found and not astray, f"{key}, records follow each other",
               f"in {len(found)} samples{shown(astray, sample_word)}")
        report(found and not lost, f"{key}, the newest leads to the sample",
               f"in {len(found)} samples{shown(lost, sample_word)}")
        self._full(here, key)

    def _edges(self, found, name, key):
        """Only the right ones, and all of them."""
        kinds = FILTERS[name][0]
        edges = [edge for sample in found for edge in sample.edges]
        known = {step.edge for step in self.program.steps
                 if step.kind in kinds}
        wrong = [edge for edge in edges if edge not in known]
        report(edges and not wrong, f"{key}, only branches of the ring",
               f"{len(edges)} records, {len(set(edges))} different"
               + shown(wrong, edge_word))
        every = {step.edge for step in self.program.turn
                 if step.kind in kinds}
        missed = every - set(edges)
        report(not missed, f"{key}, and all of those",
               f"{len(every)}"
               + shown(sorted(missed), edge_word, "missing"))

    def _full(self, here, key):
        """As many records as the processor has."""
        kinds = collections.Counter()
        for counts in filter(None, here):
            if any(map(self._is_full, counts)):
                kinds["full"] += 1
            elif any(most < self.depth for _, most in counts):
                kinds["short"] += 1
            else:
                kinds["more"] += 1
        report(kinds["full"] and not kinds["more"]
               and kinds["short"] <= MOST_CUT_SHORT * len(here),
               f"{key}, as many as there are",
               f"{self.depth} in {kinds['full']} samples, fewer in "
               f"{kinds['short']}, more in {kinds['more']}")

    def predictions(self, name, key):
        """Whether the branch was predicted is in every record."""
        records = [entry for sample in self.samples(name)
                   for entry in sample.entries]
        flags = collections.Counter(entry.prediction for entry in records)
        wrong = {self.kinds.get(entry.edge) for entry in records
                 if entry.prediction == "M"} - set(PREDICTED)
        report(set(flags) == {"M", "P"} and not wrong,
               f"{key}, predictions fail where there are any",
               f"{flags['M']} of {len(records)} failed"
               + shown(sorted(map(str, wrong))))

    def cycles(self, name, key, timed):
        """At its fastest a stretch takes a cycle for each instruction, of which
        it has at most as many as bytes.  Behind a system call it is slower:
        the translations of the program's addresses have gone.  Architectural
        records have none, and perf shows 0, if recording was switched off since
        the record before: at a tick, as seldom as a sample is cut short.
        """
        fastest = {}
        samples = self.samples(name)
        for sample in samples:
            for after, before in zip(sample.entries, sample.entries[1:]):
                times = fastest.setdefault((before.target, after.source), [])
                times.append(after.cycles)
        unknown = 0
        if timed:
            unknown = sum(times.count(0) for times in fastest.values())
            fastest = {stretch: [time for time in times if time] or [0]
                       for stretch, times in fastest.items()}
        calls = [step.source for step in self.program.steps
                 if step.kind == "syscall"]
        fastest = {(low, high): min(times)
                   for (low, high), times in fastest.items()
                   if not any(low <= call < high for call in calls)}
        ends = {step.source: step.end for step in self.program.steps}
        wrong = [f"{low:x}-{high:x}: {least}"
                 for (low, high), least in fastest.items()
                 if (not 1 <= least <= ends.get(high, high) - low
                     if timed else least)]
        seldom = unknown <= MOST_CUT_SHORT * len(samples)
        report(fastest and seldom and not wrong,
               f"{key}, cycles since the last record"
               if timed else f"{key}, no cycles",
               f"{len(fastest)} stretches, at their fastest "
               f"{max(fastest.values(), default=0)} at most, unknown {unknown}"
               + shown(wrong))

    def types(self, name, key):
        """The type that the kernel or the processor found."""
        records = [entry for sample in self.samples(name)
                   for entry in sample.entries]
        types = collections.Counter(entry.type for entry in records)
        wrong = [f"{entry.type} at {entry.source:x}" for entry in records
                 if entry.type != TYPES.get(self.kinds.get(entry.edge))]
        report(records and not wrong, f"{key}, types of branches",
               ", ".join(f"{count} {kind}" for kind, count
                         in sorted(types.items())) + shown(wrong))

    def both(self, name, key):
        """A recording of the kernel's branches as well."""
        found = self.samples(name)
        edges = [edge for sample in found for edge in sample.edges]
        ways = collections.Counter(
            ("user", "kernel")[source >= KERNEL] + " to "
            + ("user", "kernel")[target >= KERNEL] for source, target in edges)
        report(len(ways) == 4, f"{key}, of the program and of the kernel",
               ", ".join(f"{count} {way}" for way, count
                         in sorted(ways.items())))
        wrong = [f"{why} {sample_word(sample)}" for sample in found
                 for why in [Walk(self.program).why_not(sample)] if why]
        report(found and not wrong, f"{key}, records follow each other",
               f"in {len(found)} samples{shown(wrong)}")
        self._full([[(len(sample.entries),) * 2] for sample in found], key)

    def kernel(self, name, key):
        """A recording of the kernel's branches alone."""
        edges = [edge for sample in self.samples(name)
                 for edge in sample.edges]
        entered = [edge for edge in edges if edge[0] < KERNEL]
        wrong = [f"{source:x}/{target:x}" for source, target in edges
                 if target < KERNEL or source < KERNEL
                 and not self.program.places_of(source)]
        report(edges and not wrong, f"{key}, none of the program",
               f"{len(edges)} records, {len(entered)} of them from the ring "
               f"into the kernel{shown(wrong)}")

    def call_stack(self, name, key):
        """Records of the calls that have not returned.  The program is in the
        deepest one for a few instructions only, and where two processes are
        sampled is not known beforehand: that one may be missed.
        """
        found = self.samples(name)
        wrong = []
        for sample in found:
            true = [[step.edge for step in self.program.chains[place]]
                    for place in self._places(sample)]
            if sample.edges not in true:
                wrong.append(sample)
        depths = collections.Counter(len(sample.edges) for sample in found)
        deepest = max(len(chain) for chain in self.program.chains)
        report(not wrong and max(depths, default=0) >= deepest - 1,
               f"{key}, the calls below",
               "samples by depth " + " ".join(
                   f"{depth}:{count}" for depth, count
                   in sorted(depths.items())) + shown(wrong, sample_word))
        self._chains(found, key)

    def as_native(self, name, key, native, lost=range(0)):
        """The samples of another recording, the native one: as many, each at
        the same instruction, with the same records.

        The records of some samples may be lost, and the calls that the program
        was in then.
        """
        found = self.samples(name)
        astray = [one for one, true in zip(found, native)
                  if min(one.address, KERNEL) != min(true.address, KERNEL)]
        report(native and len(found) == len(native) and not astray,
               f"{key}, samples where they are natively",
               f"{len(found)} of {len(native)}{shown(astray, sample_word)}")
        wrong = [one for number, (one, true) in enumerate(zip(found, native))
                 if not self.kinds.keys() >= set(one.edges)
                 or number not in lost
                 and any(map(operator.ne, one.edges, true.edges))]
        more = [len(one.edges) - len(true.edges)
                for one, true in zip(found, native)]
        report(found and not wrong and self._lengths_right(name, more, lost),
               f"{key}, records as natively",
               f"{sum(len(one.entries) for one in found)}, more in "
               f"{sum(each > 0 for each in more)} samples, fewer in "
               f"{sum(each < 0 for each in more)}, {len(lost)} not judged"
               + shown(wrong, sample_word))

    @staticmethod
    def _lengths_right(name, more, lost):
        """Is it right how many records more or fewer there are?  A tick takes
        some of the branches, but no calls."""
        judged = [each for number, each in enumerate(more)
                  if number not in lost]
        if name != "stack":
            return (sum(each < 0 for each in judged)
                    <= MOST_CUT_SHORT * len(more))
        before = lost.start if lost else len(more)
        return not any(more[:before]) and all(each <= 0 for each in judged)

    def _chains(self, found, key):
        """What perf makes of them."""
        made = chains(os.path.join(self.folder, "chains"))
        wrong = [sample for sample, chain in zip(found, made)
                 if chain != self._chain(sample)]
        report(made and len(made) == len(found) and not wrong,
               f"{key}, perf's call chains are the same",
               f"{len(made)} of {len(found)}{shown(wrong, sample_word)}")

    @staticmethod
    def _chain(sample):
        """Where the kernel is, if it is, the function, and its callers."""
        return [*[sample.address] * (sample.address >= KERNEL),
                *[entry.target for entry in sample.entries[:1]],
                *[entry.source for entry in sample.entries]]


class Walk:
    """A way along the records of a sample, through the program and the kernel.

    As long as the walk is in the program there are the places where it may be,
    and an address that it has reached.  In the kernel there are the places and
    addresses where it may come back.
    """

    def __init__(self, program):
        self.program = program
        self.in_kernel = None		# not known before the first record
        self.address = None
        self.places = set()
        self.returns = set()

    def why_not(self, sample):
        """What is wrong with a sample's records, the oldest first."""
        for source, target in reversed(sample.edges):
            why = (self._reach(source) or self._from_kernel(target)
                   if source >= KERNEL else
                   self._reach(source) or self._from_program(source, target))
            if why:
                return why
            self.address = target
            self.in_kernel = target >= KERNEL
        return self._reach(sample.address)

    def _reach(self, address):
        """Go straight on to an address."""
        in_kernel = address >= KERNEL
        if self.in_kernel is None:
            if not in_kernel:
                self.places = set(self.program.places_of(address))
            return None
        if in_kernel != self.in_kernel:
            return f"unseen change of level before {address:x}"
        if address < self.address:
            return f"unseen way back to {address:x}"
        if not in_kernel:
            self.places &= set(self.program.places_of(address))
            if not self.places:
                return f"unseen way to {address:x}"
        return None

    def _from_kernel(self, target):
        if target >= KERNEL:
            return None
        if self.returns:
            self.places = {place for place, address in self.returns
                           if address == target}
        else:
            self.places = set(self.program.places_of(target))
        return None if self.places else f"return to {target:x}"

    def _from_program(self, source, target):
        steps = self.program.steps
        if target < KERNEL:
            self.places = {place + 1 for place in self.places
                           if steps[place].edge == (source, target)}
            return None if self.places else f"no branch {source:x}/{target:x}"
        self.returns = {(place, source) for place in self.places}
        self.returns |= {(place + 1, steps[place].target)
                         for place in self.places
                         if steps[place].kind == "syscall"
                         and steps[place].source == source}
        return None


def main(folder, symbols, depth, timed, call_stack, calls_next):
    """Judge all recordings."""
    program = ring.Ring(ring.symbols(symbols), calls_next == "1")
    judge = Judge(program, folder, int(depth))
    for name in FILTERS:
        judge.user(name, "-b" if name == "any" else f"-j {name},u")
    judge.predictions("any", "-b")
    judge.cycles("any", "-b", timed == "1")
    judge.types("types", "-j any,save_type,u")
    judge.both("both", "-j any")
    judge.kernel("kernel", "-j any,k")
    if call_stack == "1":
        judge.call_stack("stack", "--call-graph lbr")


if __name__ == "__main__":
    main(*sys.argv[1:])
