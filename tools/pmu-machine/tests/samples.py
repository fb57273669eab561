#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""samples.py FOLDER SYMBOLS MODEL DEPTH - judge precise samples.

FOLDER has perf record's files, recordings of workloads/turns.S, of which
SYMBOLS is what nm said.  MODEL has DEPTH branch records.
"""

import os
import sys

sys.dont_write_bytecode = True

import perfdata  # noqa: E402
import ring  # noqa: E402
import turns  # noqa: E402
from stats import report  # noqa: E402

# What perf calls instructions, branches and cycles, by type and configuration
INSTRUCTIONS, BRANCHES, CYCLES = "instructions", "branches", "cycles"
EVENTS = {(0, 1): INSTRUCTIONS, (4, 0x1c0): INSTRUCTIONS,
          (0, 4): BRANCHES, (0, 0): CYCLES}
COUNTS = {INSTRUCTIONS: lambda step: True,
          BRANCHES: lambda step: step.kind in turns.BRANCHES}

# An interrupt takes a branch record of its own: the clock's does now and then,
# and one of each other event that is sampled maybe before every sample.
# Whenever the task is scheduled perf empties them.
MOST_CUT_SHORT = 0.1
# So many events late a sample can be, and is known from the others.
LATEST = 6


def kind_of(event):
    """Which of those it is"""
    return EVENTS[event.type, event.config]


def skid(model, event):
    """How many events behind the period the record is: none on the counter that
    has no skid, Documentation/machine/pebs.md, rule 6.  Linux has counter 1 of
    Skylake count INST_RETIRED.PREC_DIST, Ice Lake's fixed counter 0
    instructions, and on Sapphire Rapids the first event that needs no fixed
    counter is on counter 0."""
    return not {
        "skylake": event.config == 0x1c0,
        "icelake": kind_of(event) == INSTRUCTIONS,
        "sapphire-rapids": kind_of(event) == BRANCHES,
    }[model]


def shown(wrong):
    """The first few of what is wrong."""
    return f"; {len(wrong)} wrong: {', '.join(wrong[:3])}" if wrong else ""


class Judge:
    """The facts of recordings of one program."""

    def __init__(self, program, folder, model, depth, slips=2):
        self.program = program
        self.folder = folder
        self.model = model
        self.depth = depth
        self.slips = slips

    def recording(self, name):
        """A recording; None: there is none that can be read."""
        try:
            return perfdata.Recording(os.path.join(self.folder, name))
        except (OSError, ValueError, KeyError) as error:
            report(False, name, str(error))
            return None

    def distance(self, event):
        """From one sample to the next, in events"""
        return event.period + skid(self.model, event)

    def all_events(self, name, key):
        """A recording of the whole program"""
        recording = self.recording(name)
        if not recording:
            return None
        for event, samples in zip(recording.events, recording.samples):
            self._event(event, samples, len(recording.events) - 1,
                        f"{key}, {kind_of(event)}")
        report(not recording.lost, f"{key}, none lost", str(recording.lost))
        return recording

    def _event(self, event, samples, others, key):
        if kind_of(event) == CYCLES:
            places = self._told(samples, key)
        else:
            places = self._due(event, samples, key)
        self._exact(samples, key)
        if event.contents & perfdata.REGISTERS:
            self._registers(samples, places, key)
        if event.contents & perfdata.BRANCHES:
            self._branches(samples, places, others, key)

    def _due(self, event, samples, key):
        """Each sample is where the period says, and there is no other one.  Some
        periods are a few events longer: Linux starts no counter that has almost
        none left, and a record that could not be stored is of the next event."""
        event_at = self.program.events(COUNTS[kind_of(event)])
        number, slips, places, wrong = 0, 0, [], []
        for sample in samples:
            number += self.distance(event)
            late = self._late(event_at, number, sample)
            if late is None:
                wrong.append(f"{len(places)}: {sample.address:x}")
            number += late or 0
            slips += bool(late)
            places.append(event_at(number) or turns.Place(0, 0))
        missing = bool(event_at(number + self.distance(event) + LATEST))
        report(samples and not wrong and not missing and slips <= self.slips,
               f"{key}, each sample is where it should be",
               f"{len(samples)}{', some missing' * missing}, {slips} periods "
               f"longer{shown(wrong)}")
        return places

    def _late(self, event_at, number, sample):
        """How many events behind this one it is; None: it is none of the next"""
        for late in range(LATEST + 1):
            place = event_at(number + late)
            if place and self.program.step(place).address == sample.address:
                return late
        return None

    def _told(self, samples, key):
        """When cycles have passed is not known beforehand, but each sample
        tells where it is: somewhere in the program, behind the one before."""
        places = [self._tells(sample) for sample in samples]
        wrong = [f"{number}: {samples[number].address:x}"
                 for number, place in enumerate(places) if not place
                 or number and not (places[number - 1] or place) < place]
        report(samples and not wrong,
               f"{key}, samples of the program, in order",
               f"{len(samples)}{shown(wrong)}")
        return [place or turns.Place(0, 0) for place in places]

    def _tells(self, sample):
        """Where a sample is, by its own registers"""
        return self.program.place_of(sample.address,
                                     sample.registers.get("r12"))

    @staticmethod
    def _exact(samples, key):
        wrong = [f"{number}: misc {sample.misc:x}"
                 for number, sample in enumerate(samples) if not sample.exact]
        report(samples and not wrong, f"{key}, each one exact",
               f"{len(samples)}{shown(wrong)}")

    def _registers(self, samples, places, key):
        """The registers are those behind the instruction, and the instruction
        pointer is that of the sample."""
        wrong, judged = [], 0
        for number, (sample, place) in enumerate(zip(samples, places)):
            known = {**self.program.registers(place), "rip": sample.address}
            common = known.keys() & sample.registers.keys()
            judged += len(common)
            wrong += [f"{number}: {name} {sample.registers[name]:x}"
                      for name in sorted(common)
                      if sample.registers[name] != known[name]]
        report(judged and not wrong,
               f"{key}, registers are of that instruction",
               f"{judged}{shown(wrong)}")

    def _branches(self, samples, places, others, key):
        """The branches are those before the instruction, or it itself."""
        short, wrong = 0, []
        for number, (sample, place) in enumerate(zip(samples, places)):
            known = self.program.branches(place, self.depth)
            found = [branch for branch in sample.branches if any(branch)]
            short += len(found) < len(known) - others
            if found != known[:len(found)]:
                wrong.append("{}: {:x}/{:x} at {:x}".format(
                    number, *found[0], sample.address))
        report(samples and not wrong and short <= MOST_CUT_SHORT * len(samples),
               f"{key}, branches lead to that instruction",
               f"{sum(len(sample.branches) for sample in samples)}, too few in "
               f"{short} samples{shown(wrong)}")

    def stranger(self, name, key):
        """A recording that began in the middle of the program, and ended there:
        from one sample to the next it is the same distance."""
        recording = self.recording(name)
        if not recording:
            return
        event, samples = recording.events[0], recording.samples[0]
        places = self._told(samples, key)
        self._exact(samples, key)
        self._registers(samples, places, key)
        more = [self.program.distance(one, other) - self.distance(event)
                for one, other in zip(places, places[1:])]
        wrong = [str(each) for each in more if not 0 <= each <= LATEST]
        report(samples and not wrong and not recording.lost
               and sum(map(bool, more)) <= self.slips,
               f"{key}, from one to the next",
               f"{self.distance(event)}, {sum(map(bool, more))} longer, lost "
               f"{recording.lost}{shown(wrong)}")


def main(folder, symbols, model, depth):
    """Judge all recordings."""
    judge = Judge(turns.Turns(ring.symbols(symbols)), folder, model, int(depth))
    for name in sorted(os.listdir(folder)):
        judge.all_events(name, name)


if __name__ == "__main__":
    main(*sys.argv[1:])
