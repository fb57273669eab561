# SPDX-License-Identifier: GPL-2.0-only
"""What samples.py says of samples that are right, and of each that is not."""

import contextlib
import io
import os
import struct
import subprocess
import tempfile
import unittest

import perfdata
import ring
import samples
import turns

HERE = os.path.dirname(os.path.realpath(__file__))
DEPTH = 32
PERIOD = 97
EXACT = perfdata.MISC_EXACT | perfdata.MISC_USER
WHERE = "each sample is where it should be"
REGISTERS = "registers are of that instruction"
BRANCHES = "branches lead to that instruction"
# perf's own kind of record
FINISHED_ROUND = 68
# PERF_SAMPLE_TID
TID = 1 << 1
# The general-purpose registers but RSP, and XMM0
GENERAL = [number for number, name in perfdata.NAMES.items()
           if name.startswith("r") and name != "rsp"]
MASK = sum(1 << number for number in [*GENERAL, 32, 33])


def assembled(folder):
    """The symbols of the workload"""
    program, names = (os.path.join(folder, name) for name in ("turns", "nm"))
    subprocess.run(["gcc", "-nostdlib", "-static", "-Wa,--defsym,TURNS=200",
                    "-o", program, os.path.join(HERE, "workloads/turns.S")],
                   check=True)
    with open(names, "wb") as file:
        subprocess.run(["nm", program], stdout=file, check=True)
    return ring.symbols(names)


def attribute(config, contents, identifiers, precise=2):
    """struct perf_event_attr, and where the file has its identifiers"""
    words = [0, config, PERIOD, contents, 0, precise << 15, 0, 0, 0, 0, 0, 0,
             MASK, 0, 0, 0]
    return struct.pack("<18Q", *words, *identifiers)


def record(kind, misc, words):
    """struct perf_event_header, and what follows"""
    return struct.pack(f"<IHH{len(words)}Q", kind, misc, 8 + 8 * len(words),
                       *words)


class Written:
    """A sample that a test may change, as it is in a file."""

    def __init__(self, address, registers, branches):
        self.misc = EXACT
        self.address = address
        self.registers = registers
        self.branches = branches

    def words(self, contents, identifier):
        """Behind the header"""
        words = [self.address, 7 << 32 | 7]
        if contents & perfdata.ID:
            words.append(identifier)
        if contents & perfdata.BRANCHES:
            words.append(len(self.branches))
            for branch in self.branches:
                words += [*branch, 0]
        if contents & perfdata.REGISTERS:
            words.append(2)
            words += [self.registers[perfdata.NAMES[number]]
                      for number in GENERAL]
            words += [self.registers["xmm0"] & (1 << 64) - 1,
                      self.registers["xmm0"] >> 64]
        return words


class JudgeTest(unittest.TestCase):
    """Recordings of the whole program"""

    CONTENTS = (perfdata.IP | TID | perfdata.BRANCHES | perfdata.REGISTERS)

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            cls.names = assembled(folder)
        cls.program = turns.Turns(cls.names)

    def walk(self):
        """The program, as it goes from step to step."""
        program = self.program
        for turn in range(program.turns + 2):
            for number in range(len(program.steps(turn))):
                yield turns.Place(turn, number)

    def right(self, distance=PERIOD, counts=lambda step: True):
        """What the processor stores: found by running the program."""
        found, taken, count = [], [], 0
        values = dict.fromkeys([perfdata.NAMES[number] for number in GENERAL]
                               + ["xmm0"], 0)
        places = list(self.walk())
        for place, after in zip(places, [*places[1:], None]):
            step = self.program.step(place)
            if step.register in values and step.more is not None:
                values[step.register] = place.turn + step.more
            target = after and self.program.step(after).address
            last = place == turns.Place(self.program.turns,
                                        len(self.program.turn) - 1)
            if step.kind == "taken" and target and not last:
                taken.insert(0, (step.address, target))
            count += counts(step)
            if counts(step) and count % distance == 0:
                found.append(Written(
                    step.address, {**values, "rip": step.address},
                    taken[:DEPTH]))
        return found

    def _write(self, path, events, more=b""):
        """events are (configuration, samples)"""
        contents = self.CONTENTS | (perfdata.ID if len(events) > 1 else 0)
        offset = 104
        attributes, ids = b"", b""
        data = record(FINISHED_ROUND, 0, []) + more
        for number, (config, found) in enumerate(events):
            attributes += attribute(config, contents,
                                    (offset + 8 * number, 8))
            ids += struct.pack("<Q", 1000 + number)
            for sample in found:
                data += record(perfdata.SAMPLE, sample.misc,
                               sample.words(contents, 1000 + number))
        begin = offset + len(ids)
        header = struct.pack("<8s12Q", b"PERFILE2", 104, 144,
                             begin + len(data), len(attributes), begin,
                             len(data), 0, 0, 0, 0, 0, 0)
        with open(path, "wb") as file:
            file.write(header + ids + data + attributes)

    def failed(self, *events, more=b"", method="all_events", model="icelake"):
        """What the facts that failed say."""
        out = io.StringIO()
        with tempfile.TemporaryDirectory() as folder:
            judge = samples.Judge(self.program, folder, model, DEPTH)
            self._write(os.path.join(folder, "name"), events, more)
            with contextlib.redirect_stdout(out):
                getattr(judge, method)("name", "key")
        self.facts = out.getvalue().splitlines()
        return [line[len("FAIL "):].split(": ")[0].split(", ")[-1]
                for line in self.facts if line.startswith("FAIL")]

    def test_right(self):
        """samples: those that are right pass, on each model"""
        self.assertEqual(self.failed((1, self.right())), [])
        self.assertEqual(len(self.facts), 5)
        for model in "skylake", "sapphire-rapids":
            self.assertEqual(self.failed((1, self.right(PERIOD + 1)),
                                         model=model), [])

    def test_several(self):
        """samples: several events at once are told apart"""
        branches = self.right(PERIOD + 1, samples.COUNTS[samples.BRANCHES])
        self.assertEqual(self.failed((1, self.right()), (4, branches)), [])
        self.assertIn(WHERE, self.failed((4, self.right()), (1, branches)))

    def test_period(self):
        """samples: a period that is off by one is found"""
        for distance in PERIOD - 1, PERIOD + 1:
            self.assertIn(WHERE, self.failed((1, self.right(distance))))

    def test_nothing(self):
        """samples: none at all, or none that can be read, fail"""
        self.assertEqual(self.failed((1, [])),
                         [WHERE, "each one exact", REGISTERS, BRANCHES])
        judge = samples.Judge(self.program, "/nonexistent", "icelake", DEPTH)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            judge.all_events("name", "key")
        self.assertTrue(out.getvalue().startswith("FAIL"))

    def test_late(self):
        """samples: two periods that are longer are right, three are not"""
        for times, wrong in (2, []), (3, [WHERE]):
            late = [number for number, _ in enumerate(self.walk())
                    if number % (PERIOD * 20) == 5][1:1 + times]
            numbers = iter(range(1 << 62))
            found = self.right(counts=lambda step: next(numbers) // 2 not in late)
            self.assertEqual(self.failed((1, found)), wrong)

    def test_missing(self):
        """samples: one that is missing, there twice or elsewhere is found"""
        found = self.right()
        self.assertIn(WHERE, self.failed((1, found[:-1])))
        self.assertIn(WHERE, self.failed((1, [*found, found[-1]])))
        self.assertIn(WHERE, self.failed((1, [found[0], *found])))
        found[5].address += 1
        self.assertIn(WHERE, self.failed((1, found)))

    def test_inexact(self):
        """samples: one that is not exact, or not in user mode, is found"""
        for misc in perfdata.MISC_USER, perfdata.MISC_EXACT | 1:
            found = self.right()
            found[5].misc = misc
            self.assertEqual(self.failed((1, found)), ["each one exact"])

    def test_registers(self):
        """samples: each register that is wrong is found"""
        for name in self.right()[5].registers:
            found = self.right()
            found[5].registers[name] += 1
            self.assertEqual(self.failed((1, found)), [REGISTERS], name)
        found = self.right()
        found[5].registers["xmm0"] += 1 << 64
        self.assertEqual(self.failed((1, found)), [REGISTERS])

    def test_branches(self):
        """samples: a branch that is missing or wrong is found"""
        found = self.right()
        del found[5].branches[0]
        self.assertEqual(self.failed((1, found)), [BRANCHES])
        found = self.right()
        found[5].branches[-1] = (1 << 63, 1 << 63)
        self.assertEqual(self.failed((1, found)), [BRANCHES])

    def test_interrupted(self):
        """samples: another event's interrupt may take one branch of each sample"""
        found = self.right()
        others = self.right(PERIOD + 1, samples.COUNTS[samples.BRANCHES])
        for sample in found:
            del sample.branches[-1]
        self.assertEqual(self.failed((1, found), (4, others)), [])
        self.assertEqual(self.failed((1, found)), [BRANCHES])

    def test_short(self):
        """samples: a few with less branches are right, many are not"""
        found = self.right()
        del found[40].branches[10:]
        self.assertEqual(self.failed((1, found)), [])
        for sample in found[len(found) // 2:]:
            del sample.branches[10:]
        self.assertEqual(self.failed((1, found)), [BRANCHES])

    def test_lost(self):
        """samples: what the kernel says that it lost is found"""
        for lost in (record(perfdata.LOST, 0, [1000, 3]),
                     record(perfdata.LOST_SAMPLES, 0, [3])):
            self.assertEqual(self.failed((1, self.right()), more=lost),
                             ["none lost"])

    def test_cycles(self):
        """samples: those of cycles are anywhere, but in the program and in
        order"""
        found = self.right(61)
        self.assertEqual(self.failed((0, found)), [])
        found[5], found[6] = found[6], found[5]
        self.assertEqual(self.failed((0, found)),
                         ["samples of the program, in order".split(", ")[-1]])
        found = self.right(61)
        found[5].address = 1 << 63
        self.assertIn("in order", self.failed((0, found)))

    def test_stranger(self):
        """samples: a rival's are its own, and one follows the other"""
        found = self.right()[5:-5]
        self.assertEqual(self.failed((1, found), method="stranger"), [])
        del found[10]
        self.assertEqual(self.failed((1, found), method="stranger"),
                         ["from one to the next"])
        found = self.right()
        found[5].address = self.names["_start"] - 1
        self.assertIn("in order", self.failed((1, found), method="stranger"))
