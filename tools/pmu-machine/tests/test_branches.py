# SPDX-License-Identifier: GPL-2.0-only
"""What branches.py says of records that are right, and of each that is not."""

import contextlib
import io
import os
import subprocess
import tempfile
import unittest

import branches
import ring

HERE = os.path.dirname(os.path.realpath(__file__))
DEPTH = 16
KERNEL = branches.KERNEL


def assembled(folder):
    """The symbols of the workload."""
    program, names = (os.path.join(folder, name) for name in ("ring", "nm"))
    subprocess.run(["gcc", "-nostdlib", "-static", "-o", program,
                    os.path.join(HERE, "workloads/ring.S")], check=True)
    with open(names, "wb") as file:
        subprocess.run(["nm", program], stdout=file, check=True)
    return ring.symbols(names)


def word(step, prediction="P", cycles=1, kind=None):
    """A record as perf shows it."""
    kind = branches.TYPES.get(step.kind) if kind is None else kind
    return (f"0x{step.source:x}/0x{step.target:x}/{prediction}/-/-/"
            f"{cycles}/{kind}/-")


def edge(source, target):
    """A record of two addresses alone."""
    return word(ring.Step("", source, target, 0), kind="")


class JudgeTest(unittest.TestCase):
    """Recordings of the last turn of the ring"""

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            cls.names = assembled(folder)
        cls.program = ring.Ring(cls.names)
        last = len(cls.program.places) - 1
        cls.turn = range(last - len(cls.program.turn) + 1, last + 1)

    def records(self, place, name="any"):
        """The steps that are recorded before a place, the newest first."""
        kinds, hidden = branches.FILTERS[name]
        before = [step for step in reversed(self.program.steps[:place])
                  if step.kind in (*kinds, *hidden)]
        return [step for step in before[:DEPTH] if step.kind in kinds]

    def right(self, name="any"):
        """A line of words for each place of the turn."""
        lines = []
        for place in self.turn:
            low, high = self.program.places[place]
            address = low if place % 2 else high
            lines.append([f"{address:x}",
                          *map(word, self.records(place, name))])
        # A prediction has to fail now and then.
        for line in lines:
            if line[1] in map(word, self._steps("ijmp")):
                line[1] = line[1].replace("/P/", "/M/")
        return lines

    def _steps(self, kind):
        return [step for step in self.program.turn if step.kind == kind]

    def failed(self, method, lines, *arguments, name="any", chains=(),
               program=None):
        """What the facts that failed say."""
        out = io.StringIO()
        with tempfile.TemporaryDirectory() as folder:
            self._write(folder, name, "".join(
                " ".join(line) + "\n" for line in lines))
            self._write(folder, "chains", "".join(
                "\n" + "".join(f"\t{address:x}\n" for address in chain) + "\n"
                for chain in chains))
            judge = branches.Judge(program or self.program, folder, DEPTH)
            with contextlib.redirect_stdout(out):
                getattr(judge, method)(name, "key", *arguments)
        return [line[len("FAIL key, "):].split(": ")[0]
                for line in out.getvalue().splitlines()
                if line.startswith("FAIL")]

    @staticmethod
    def _write(folder, name, text):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def test_right(self):
        """branches: right records of each filter pass"""
        for name in branches.FILTERS:
            self.assertEqual(self.failed("user", self.right(name), name=name),
                             [], name)

    def test_calls_next(self):
        """branches: a call to the next instruction is there, or is not"""
        without = ring.Ring(self.names, False)
        lines = self.right()
        self.assertEqual(self.failed("user", lines, program=without), [
            "only branches of the ring", "records follow each other",
            "the newest leads to the sample"])
        call = word(self._steps("zcall")[0])
        for line in lines:
            if call in line:
                line.remove(call)
        self.assertIn("and all of those", self.failed("user", lines))
        self.assertNotIn("the newest leads to the sample",
                         self.failed("user", lines, program=without))

    def test_nothing(self):
        """branches: no samples, and samples without records, fail"""
        for lines in [], [["401000"]]:
            self.assertEqual(self.failed("user", lines)[:2],
                             ["only branches of the ring", "and all of those"])
            self.assertEqual(len(self.failed("predictions", lines)), 1)
            self.assertEqual(len(self.failed("cycles", lines, True)), 1)
            self.assertEqual(len(self.failed("types", lines)), 1)
            self.assertIn("of the program and of the kernel",
                          self.failed("both", lines))
            self.assertEqual(len(self.failed("kernel", lines)), 1)
            self.assertEqual(len(self.failed("call_stack", lines)), 2)

    def test_stranger(self):
        """branches: a record of what is not in the ring is found"""
        lines = self.right()
        lines[5][8] = edge(self.program.turn[0].source, 0x401001)
        self.assertEqual(self.failed("user", lines),
                         ["only branches of the ring",
                          "records follow each other",
                          "the newest leads to the sample"])

    def test_kernel_entry(self):
        """branches: a record of the kernel is found"""
        lines = self.right()
        lines[5][-1] = edge(KERNEL, self.program.turn[0].target)
        self.assertIn("only branches of the ring", self.failed("user", lines))

    def test_other_kind(self):
        """branches: a record that the filter should have kept out is found"""
        self.assertIn("only branches of the ring", self.failed(
            "user", self.right("any_call"), name="ind_call"))

    def test_missing(self):
        """branches: a record that is missing between two is found"""
        for name in branches.FILTERS:
            lines = self.right(name)
            del lines[5][4]
            # In the recursion a call less is the end of another round.
            self.assertTrue({"records follow each other",
                             "the newest leads to the sample"}
                            & set(self.failed("user", lines, name=name)), name)

    def test_twice(self):
        """branches: a record that is there twice is found"""
        lines = self.right()
        lines[5].insert(4, lines[5][4])
        self.assertIn("records follow each other", self.failed("user", lines))

    def test_swapped(self):
        """branches: two records in the wrong order are found"""
        lines = self.right()
        lines[5][3:5] = reversed(lines[5][3:5])
        self.assertIn("records follow each other", self.failed("user", lines))

    def test_never_seen(self):
        """branches: a branch that is never recorded is found"""
        rare = word(self._steps("lret")[0])
        lines = [line for line in self.right() if rare not in line]
        self.assertEqual(self.failed("user", lines), ["and all of those"])

    def test_newest(self):
        """branches: a newest record that is missing, or early, is found"""
        lines = self.right()
        del lines[5][1]
        self.assertEqual(self.failed("user", lines),
                         ["the newest leads to the sample"])
        lines = self.right()
        lines[0][1:] = lines[1][1:]
        self.assertEqual(self.failed("user", lines),
                         ["the newest leads to the sample"])

    def test_short(self):
        """branches: a few short samples are right, many are not"""
        lines = self.right()
        del lines[5][10:]
        self.assertEqual(self.failed("user", lines), [])
        for line in lines[:len(lines) // 8]:
            del line[10:]
        self.assertEqual(self.failed("user", lines), ["as many as there are"])

    def test_more(self):
        """branches: one record more than there are is found"""
        place = self.turn[5]
        kinds = branches.FILTERS["any"][0]
        older = [step for step in reversed(self.program.steps[:place])
                 if step.kind in kinds]
        lines = self.right()
        lines[5][1:] = map(word, older[:DEPTH + 1])
        self.assertEqual(self.failed("user", lines), ["as many as there are"])

    def test_hidden(self):
        """branches: the record of the way back from the kernel is counted"""
        place = next(place for place in self.turn
                     if self.program.steps[place - 3].kind == "syscall")
        line = self.right()[place - self.turn[0]]
        self.assertEqual(len(line) - 1, DEPTH - 1)
        older = [step for step in reversed(self.program.steps[:place])
                 if step.kind != "syscall"]
        lines = self.right()
        lines[place - self.turn[0]][1:] = map(word, older[:DEPTH])
        self.assertEqual(self.failed("user", lines), ["as many as there are"])

    def test_after_syscall(self):
        """branches: a sample in the kernel is behind a system call"""
        lines = self.right()
        place = next(place for place in self.turn
                     if self.program.steps[place].kind == "syscall")
        lines[place - self.turn[0]][0] = f"{KERNEL:x}"
        self.assertEqual(self.failed("user", lines), [])
        lines[place - self.turn[0] - 1][0] = f"{KERNEL:x}"
        self.assertEqual(self.failed("user", lines),
                         ["the newest leads to the sample"])

    def test_predictions(self):
        """branches: a failed prediction where nothing is predicted is found"""
        self.assertEqual(self.failed("predictions", self.right()), [])
        for flag in ("M", "-"):
            lines = self.right()
            line = next(line for line in lines
                        if word(self._steps("jmp")[0]) in line)
            line[:] = [each.replace("/P/", f"/{flag}/") for each in line]
            self.assertEqual(len(self.failed("predictions", lines)), 1)
        lines = [[each.replace("/M/", "/P/") for each in line]
                 for line in self.right()]
        self.assertEqual(len(self.failed("predictions", lines)), 1)

    def test_cycles(self):
        """branches: cycles that are too few, too many or not to be there"""
        self.assertEqual(self.failed("cycles", self.right(), True), [])
        self.assertEqual(len(self.failed("cycles", self.right(), False)), 1)
        for cycles in (0, 100):
            lines = [[each.replace("/1/", f"/{cycles}/") for each in line]
                     for line in self.right()]
            self.assertEqual(len(self.failed("cycles", lines, True)), 1)
            self.assertEqual(len(self.failed("cycles", lines, False)),
                             cycles > 0)

    def test_unknown_cycles(self):
        """branches: of some records the cycles need not be known"""
        lines = self.right() * 2
        lines[5][2] = lines[5][2].replace("/1/", "/0/")
        self.assertEqual(self.failed("cycles", lines, True), [])
        lines = [[each.replace("/1/", "/0/") if place == 2 else each
                  for place, each in enumerate(line)] for line in lines]
        self.assertEqual(len(self.failed("cycles", lines, True)), 1)

    def test_types(self):
        """branches: a wrong type is found"""
        self.assertEqual(self.failed("types", self.right()), [])
        lines = self.right()
        lines[5][2] = lines[5][2].rsplit("/", 2)[0] + "/SYSRET/-"
        self.assertEqual(len(self.failed("types", lines)), 1)

    def _through_kernel(self, place, *lost):
        """All records before a place, an interrupt and a system call
        included; without some of them, by their number."""
        words = []
        for step in self.program.steps[place - 8:place]:
            if step.kind == "syscall":
                words += [edge(step.source, KERNEL),
                          edge(KERNEL + 8, KERNEL + 20),
                          edge(KERNEL + 30, step.target)]
            else:
                words += [word(step)]
        address = self.program.places[place][1]
        words += [edge(address, KERNEL + 100), edge(KERNEL + 110, address)]
        words = [each for number, each in enumerate(words)
                 if number not in lost]
        return [f"{address:x}", *reversed(words[-DEPTH:])]

    def test_both(self):
        """branches: what is missing in or around the kernel is found"""
        place = next(place for place in self.turn if [
            step.kind for step in self.program.steps[place - 5:place - 3]]
                     == ["call", "syscall"])
        whole = self._through_kernel(place)
        follow = "records follow each other"
        self.assertNotIn(follow, self.failed("both", [whole]))
        # Four branches, three records of the system call, three branches,
        # two of the interrupt
        for lost in (1, 4, 6, 8, 10, 11):
            line = self._through_kernel(place, lost)
            self.assertIn(follow, self.failed("both", [line]), lost)
        whole[1] = edge(KERNEL + 110, int(whole[0], 16) + 1)
        self.assertIn(follow, self.failed("both", [whole]))

    def test_kernel(self):
        """branches: a branch of the program among the kernel's is found"""
        way_in = edge(self.program.turn[0].source, KERNEL)
        inside = edge(KERNEL, KERNEL)
        self.assertEqual(self.failed("kernel", [["0", way_in, inside]]), [])
        for wrong in (word(self.program.turn[0]), edge(0x1000, KERNEL),
                      edge(KERNEL, self.program.turn[0].target)):
            self.assertEqual(len(self.failed("kernel", [["0", wrong]])), 1)

    def _stacks(self):
        """A line of words, and what perf makes of it, for each place."""
        lines, chains = [], []
        for place in self.turn:
            chain = self.program.chains[place]
            lines.append([f"{self.program.places[place][1]:x}",
                          *map(word, chain)])
            chains.append([chain[0].target, *(step.source for step in chain)])
        return lines, chains

    def test_call_stack(self):
        """branches: a call that is missing, left over or not shown is found"""
        lines, chains = self._stacks()
        self.assertEqual(self.failed("call_stack", lines, chains=chains), [])
        # Not in the recursion: there the address does not tell the level.
        deep = max(range(len(lines)), key=lambda line: len(set(lines[line])))
        for change in (lambda line: line.pop(), lambda line: line.pop(1),
                       lambda line: line.insert(1, line[-1])):
            lines, chains = self._stacks()
            change(lines[deep])
            self.assertIn("the calls below", self.failed(
                "call_stack", lines, chains=chains))
        lines, chains = self._stacks()
        chains[deep].pop()
        self.assertEqual(self.failed("call_stack", lines, chains=chains),
                         ["perf's call chains are the same"])
        self.assertEqual(self.failed("call_stack", lines, chains=chains[1:]),
                         ["perf's call chains are the same"])

    def test_empty_records(self):
        """branches: records that were never written do not count"""
        lines = self.right()
        lines[5].append(edge(0, 0))
        self.assertEqual(self.failed("user", lines), [])

    def _as_native(self, lines, name="any", lost=range(0)):
        """What failed, where the native recording is right."""
        right = self._stacks()[0] if name == "stack" else self.right()
        native = [branches.Sample(int(line[0], 16),
                                  [branches.parsed(each) for each in line[1:]])
                  for line in right]
        return self.failed("as_native", lines, native, lost, name=name)

    def test_as_native(self):
        """branches: what is as it is natively passes, nothing does not"""
        self.assertEqual(self._as_native(self.right()), [])
        self.assertEqual(self._as_native(self._stacks()[0], "stack"), [])
        self.assertEqual(len(self._as_native([])), 2)

    def test_not_where_native(self):
        """branches: a sample that is missing, left over or elsewhere is found"""
        where = "samples where they are natively"
        lines = self.right()
        lines[5][0] = lines[6][0]
        self.assertEqual(self._as_native(lines), [where])
        lines[5][0] = f"{KERNEL:x}"
        self.assertEqual(self._as_native(lines), [where])
        self.assertIn(where, self._as_native(self.right()[:-1]))
        self.assertIn(where, self._as_native([*self.right(), lines[0]]))

    def test_not_as_native(self):
        """branches: each record that is not as natively is found"""
        records = ["records as natively"]
        for place in 1, DEPTH // 2, -1:
            lines = self.right()
            lines[5][place] = edge(self.program.turn[0].source, 0x401001)
            self.assertEqual(self._as_native(lines), records)
            lines = self.right()
            lines[5][place] = lines[20][place]
            self.assertEqual(self._as_native(lines), records)
        lines = self.right()
        del lines[5][1]
        self.assertEqual(self._as_native(lines), records)
        lines = self.right()
        lines[5].append(edge(KERNEL, KERNEL))
        self.assertEqual(self._as_native(lines), records)

    def test_native_short(self):
        """branches: few samples may be shorter than natively, no call stack"""
        lines = self.right()
        del lines[5][10:]
        self.assertEqual(self._as_native(lines), [])
        for line in lines[:len(lines) // 8]:
            del line[10:]
        self.assertEqual(self._as_native(lines), ["records as natively"])
        for change in (lambda line: line.pop(),
                       lambda line: line.append(line[-1])):
            lines, _ = self._stacks()
            change(lines[5])
            self.assertEqual(self._as_native(lines, "stack"),
                             ["records as natively"])

    def test_native_lost(self):
        """branches: what was lost need not be there, all else must"""
        some = range(5, 9)
        lines = self.right()
        for number in some:
            lines[number][1:] = lines[20][1:]
        self.assertEqual(self._as_native(lines, lost=some), [])
        for less in some[:-1], some[1:]:
            self.assertEqual(self._as_native(lines, lost=less),
                             ["records as natively"])
        lines[5][3] = edge(KERNEL, KERNEL)
        self.assertEqual(self._as_native(lines, lost=some),
                         ["records as natively"])

    def test_calls_lost(self):
        """branches: outer calls may be lost from then on, not before"""
        some = range(5, 9)
        lines, _ = self._stacks()
        for line in lines[5:]:
            line.pop()
        self.assertEqual(self._as_native(lines, "stack", some), [])
        lines[4].pop()
        self.assertEqual(self._as_native(lines, "stack", some),
                         ["records as natively"])
        lines, _ = self._stacks()
        del max(lines[9:], key=lambda line: len(set(line)))[1]
        self.assertEqual(self._as_native(lines, "stack", some),
                         ["records as natively"])
