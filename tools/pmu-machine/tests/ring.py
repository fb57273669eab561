# SPDX-License-Identifier: GPL-2.0-only
"""The branches of workloads/ring.S in their order, from its symbols."""

from typing import NamedTuple

KINDS = ("jcc", "jmp", "ijmp", "call", "icall", "zcall", "ret", "lret",
         "syscall")
# What a call stack has.  A call to the instruction behind it is a way to read
# the instruction pointer, and has no return.
CALLS = ("call", "icall")
# Turns that are looked at: those before the last one have more branches of each
# kind than a processor records.
TURNS = 8


class Step(NamedTuple):
    """A branch that is taken: the address of the instruction behind it, too."""
    kind: str
    source: int
    target: int
    end: int

    @property
    def edge(self):
        """Where it goes, as a record has it."""
        return self.source, self.target


def symbols(path):
    """What nm says: names and their values."""
    with open(path, encoding="utf-8") as file:
        rows = [line.split() for line in file]
    return {name: int(value, 16) for value, _, name in rows}


class Ring:
    """The whole program, with only some of its turns.

    A place is a stretch of the program without a branch that is taken: from
    the target of a step to the source of the next one.  Place n is before step
    n.  A call to the next instruction is part of its stretch unless it counts as
    a branch.
    """

    def __init__(self, names, calls_next=True):
        labels = {value: name for name, value in names.items()
                  if name.split(".")[0] in KINDS}

        def step(name):
            source, target = names[f"{name}.from"], names[f"{name}.to"]
            label = labels[source]
            return Step(label.split(".")[0], source, target,
                        names[f"after.{label}"])

        numbers = sorted(int(name.split(".")[1]) for name in names
                         if name.startswith("step.") and name.endswith(".to"))
        turn = [step(f"step.{number}") for number in numbers]
        self.turn = [each for each in turn
                     if calls_next or each.kind != "zcall"]
        self.steps = [step("start"), step("first"), *self.turn * TURNS,
                      *self.turn[:-1], step("last")]
        entry = Step("", 0, names["_start"], 0)
        self.places = [(before.target, after.source) for before, after
                       in zip([entry, *self.steps], self.steps)]
        self.chains = self._chains()

    def _chains(self):
        """The calls that each place is in, the innermost first."""
        chains = [()]
        for step in self.steps:
            chain = chains[-1]
            if step.kind in CALLS:
                chain = ((step, *chain))
            elif step.kind == "ret":
                if step.target != chain[0].end:
                    raise ValueError(f"{step} does not return to {chain[0]}")
                chain = chain[1:]
            chains.append(chain)
        return chains

    def places_of(self, address):
        """The places that an address is at, the last one first."""
        return [place for place in range(len(self.places) - 1, -1, -1)
                if self.places[place][0] <= address <= self.places[place][1]]

    def slots(self, place, kinds, hidden, edges):
        """How many records there are if these, the newest first, are the last
        ones of some kinds before a place; None if they are not.

        Hidden kinds are recorded, but not shown.  There are from the first to
        the second number of records: hidden ones may come before the oldest
        that is shown.
        """
        edges = iter(edges)
        edge = next(edges, None)
        least = number = 0
        for step in reversed(self.steps[:place]):
            if step.kind in kinds:
                if edge is None:
                    break
                if edge != step.edge:
                    return None
                edge = next(edges, None)
                number += 1
                least = number
            elif step.kind in hidden:
                number += 1
        return None if edge else (least, number)
