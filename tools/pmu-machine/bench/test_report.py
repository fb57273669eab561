# SPDX-License-Identifier: GPL-2.0-only
"""What the report makes of runs whose figures are known."""

import json
import os
import tempfile
import unittest

import page
import raw
import report
import tables

MODEL = "small"
EXITS = 10
OPERATIONS = 5
PMC0 = "0xc1"


def side(instructions=0, cycles=0, reads=0, writes=0, rdpmc=0, pmis=0,
         records=0):
    """One half of a section; KVM's own accesses to DEBUGCTL are not to count."""
    debugctl = raw.stats.DEBUGCTL
    return {"instructions": {"cpl0": instructions, "cpl3": 0},
            "cycles": cycles, "rdpmc": rdpmc, "pmi": {"raised": pmis},
            "pebs": records,
            "msr_reads": {"instruction": {PMC0: reads, debugctl: 7},
                          "list": {debugctl: 7}},
            "msr_writes": {"instruction": {PMC0: writes},
                           "list": {PMC0: EXITS}}}


def section(name, exits, root, guest=None):
    """A section of the machine's statistics."""
    return {"name": name, "vm_exits": {"0xa": exits}, "root": root,
            "guest": guest or side()}


def micro(kernel, accesses, instructions):
    """The sections of the micro-benchmark, and what it prints."""
    sections, lines = [], []
    for host in ("", ", host"):
        for use in tables.USES:
            for task in tables.EXITS:
                number = accesses if use != "none" else 0
                sections.append(section(
                    f"{kernel}{host}/{use}/{task}", EXITS,
                    side(100, 200, EXITS * number, EXITS * number,
                         EXITS * number)))
    for task in ("nothing", "no PMI", *tables.OPERATIONS, "PMI, branches"):
        # The loop's own figures are to be subtracted.
        number = 0 if task.startswith("no") else OPERATIONS
        use = "branches" if task == "PMI, branches" else "user"
        name = f"{kernel}/{use}/{task}"
        sections.append(section(name, number, side(
            instructions * number + 50, instructions * number + 60)))
        lines.append({"section": name, "rounds": OPERATIONS, "counters": 8,
                      "tsc": 1000, "kvm_exits": 5})
    return sections, lines


def programs(prefix, slower, samples):
    """The same of the programs, under perf @slower times as slow."""
    sections, lines = [], []
    for program in tables.PROGRAMS:
        for mode in ("alone", *tables.MODES):
            name = f"{prefix}/{program}/{mode}"
            cycles = 1000000 * (1 if mode == "alone" else slower)
            pmis = 10 if mode in tables.MODES[1:] else 0
            sections.append(section(name, 0, side(cycles=cycles),
                                    side(pmis=pmis)))
            lines.append({"section": name, "rounds": 2, "ns": cycles})
    for cycles in (10, 20):
        sections.append(section(f"{prefix}/perf stat/software", 0,
                                side(cycles=cycles)))
        sections.append(section(f"{prefix}/perf stat/6 events", 0,
                                side(cycles=cycles + 100)))
    lines.append({"section": f"{prefix}/pmu", "pmu": f"{prefix}'s PMU"})
    lines += [{"section": f"{prefix}/{program}/{event}", "count": 1000}
              for program, event in tables.EXACT]
    lines += [{"section": f"{prefix}/threefunc/samples", "symbol": symbol,
               "count": count} for symbol, count in samples.items()]
    return sections, lines


def write(folder, kernel, *parts):
    """The files of one boot."""
    base = os.path.join(folder, f"{MODEL}.{kernel}")
    with open(base + ".json", "w", encoding="ascii") as file:
        json.dump({"sections": sum((part[0] for part in parts), [])}, file)
    with open(base + ".out", "w", encoding="ascii") as file:
        file.write("dmesg: something\nnot JSON\n")
        for line in sum((part[1] for part in parts), []):
            file.write(f"guest: {json.dumps(line)}\r\n")


class ReportTest(unittest.TestCase):
    """raw.py, tables.py and page.py, on files like those of a run"""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        even = {"first": 6, "second": 4}
        write(self.folder, "base", programs("native", 2, even),
              micro("base", 9, 4000),
              programs("base", 4, {"first": 3, "second": 3}))
        write(self.folder, "mediated", micro("mediated", 0, 40),
              programs("mediated", 2, even))
        write(self.folder, "noxsaves", micro("noxsaves", 5, 50))
        write(self.folder, "peer", micro("peer", 3, 400),
              programs("peer", 3, {"first": 6, "third": 4}))
        self.model = raw.Model(self.folder, MODEL)

    def _targets(self):
        return {target.what.strip(): target
                for target in tables.targets(self.model)}

    def test_exits(self):
        """report: an exit's accesses are RDMSR, WRMSR and RDPMC, no DEBUGCTL"""
        figures = self.model.exits("legacy", True, "all", "HLT")
        self.assertEqual([figures.reads, figures.writes, figures.rdpmc],
                         [9, 9, 9])
        self.assertEqual(figures.accesses, 27)
        self.assertEqual(figures.listed, 1)
        self.assertEqual(figures.root_instructions, 10)

    def test_operation(self):
        """report: an operation is without the loop around it"""
        figures = self.model.operation("peer", "RDPMC")
        self.assertEqual(figures.root_instructions, 400)
        self.assertEqual(figures.exits, 1)
        figures = dict(tables.operations(self.model))["PMI, branches"]["peer"]
        self.assertEqual(figures.root_instructions, 400)

    def test_branches(self):
        """report: branch records are by what they add, by MSRs if there are"""
        by_host = "noxsaves, host/branches/CPUID"
        path = os.path.join(self.folder, f"{MODEL}.noxsaves.json")
        with open(path, encoding="ascii") as file:
            found = json.load(file)
        for each in found["sections"]:
            if each["name"] == by_host:
                each["root"] = side(170, 280, EXITS * 8, EXITS * 9)
        with open(path, "w", encoding="ascii") as file:
            json.dump(found, file)
        self.model = raw.Model(self.folder, MODEL)
        self.assertEqual(tables.branch_table(self.model).rows[-1],
                         [raw.MSRS, 3, 4, 7, 8, 15, 1, 50])
        os.unlink(os.path.join(self.folder, f"{MODEL}.noxsaves.out"))
        self.model = raw.Model(self.folder, MODEL)
        self.assertEqual([row[0] for row in
                          tables.branch_table(self.model).rows],
                         list(tables.GUESTS))

    def test_records(self):
        """report: PEBS records are by what perf adds; without any there is none"""
        path = os.path.join(self.folder, f"{MODEL}.mediated.json")
        with open(path, encoding="ascii") as file:
            found = json.load(file)
        alone = self.model.cycles("ours", "compute", "alone")
        for each in found["sections"]:
            if each["name"] == "mediated/compute/precise":
                each["root"] = side(cycles=10)
                each["guest"] = side(cycles=alone + 30, pmis=2, records=8)
        with open(path, "w", encoding="ascii") as file:
            json.dump(found, file)
        rows = tables.record_table(raw.Model(self.folder, MODEL)).rows
        self.assertIn(["compute", "ours", 8, 5, 2], rows)
        self.assertIn(["compute", "peer", None, None, None], rows)

    def test_start_to_stop(self):
        """report: perf stat is by what its events add, on average"""
        by_way = dict(tables.operations(self.model))["perf stat, start to stop"]
        self.assertEqual(by_way["native"].cycles, 100)

    def test_overhead(self):
        """report: overhead is against the program alone, and by native's"""
        self.assertEqual(self.model.overhead("legacy", "forks", "stat"), 4)
        rows = {tuple(row[:3]): row[3:]
                for row in tables.program_table(self.model).rows}
        self.assertEqual(rows["pings", "record6", "peer"],
                         [3, 200, 1.5, 10, 200000])

    def test_accuracy(self):
        """report: errors of counts, of samples and of the profile"""
        self.assertEqual(tables.accuracy(self.model, "ours"), (0, 0, 0))
        error, missing, distance = tables.accuracy(self.model, "legacy")
        self.assertEqual((error, missing), (0, -4))
        self.assertAlmostEqual(distance, 0.1)
        self.assertAlmostEqual(tables.accuracy(self.model, "peer")[2], 0.4)

    def test_targets_met(self):
        """report: targets that are met"""
        targets = self._targets()
        self.assertEqual({name for name, target in targets.items()
                          if not target.met}, {
            # As dear as the peer's, so not mostly below
            "cycles in root mode by exit, beside the host's perf stat -a, "
            "in use",
            "cycles in root mode by exit, no event of the host's, in use",
            "exits of a PMI, a context switch, perf stat"})
        self.assertEqual(
            targets["root-mode instructions of legacy, by ours: "
                    "selector change"].seen, "100.0")

    def test_targets_missed(self):
        """report: targets that are missed say by what"""
        write(self.folder, "mediated", micro("mediated", 4, 41),
              programs("mediated", 2.2, {"first": 4, "second": 4}))
        self.model = raw.Model(self.folder, MODEL)
        targets = self._targets()
        for name in ("PMU accesses by exit, all in use, nothing retired for "
                     "them, the vCPU stays",
                     "the same while branches are recorded",
                     "root-mode instructions of legacy, by ours: "
                     "selector change",
                     "overhead by native's: compute, record10",
                     "error of samples", "distance of the profile"):
            self.assertIs(targets[name].met, False, name)
        seen = targets["PMU accesses by exit, beside the host's perf stat -a, "
                       "in use"].seen
        self.assertTrue(seen.startswith("below in 0 of 8; above: CPUID, user "
                                        "12 to 9"), seen)

    def test_stopped(self):
        """report: what was stopped has no figures, and is named"""
        sections, lines = programs("peer", 3, {"first": 1})
        lines.append({"section": "peer/forks/record10", "status": 143})
        write(self.folder, "peer", (sections, lines))
        self.model = raw.Model(self.folder, MODEL)
        rows = {tuple(row[:3]): row[3:]
                for row in tables.program_table(self.model).rows}
        self.assertEqual(rows["forks", "record10", "peer"], [None] * 5)
        self.assertEqual(rows["forks", "record6", "peer"][0], 3)
        self.assertIn("peer: peer/forks/record10: failed, or was stopped after "
                      "its time", list(report.remarks(self.model)))

    def test_remarks(self):
        """report: what there was to measure with is said"""
        said = list(report.remarks(self.model))
        self.assertIn("peer: perf's kernel found: peer's PMU", said)
        self.assertIn("ours: the guest without a kernel has 8 counters", said)

    def test_same(self):
        """report: next to nothing above the peer's is the same"""
        write(self.folder, "mediated", micro("mediated", 3, 402),
              programs("mediated", 3.02, {"first": 6, "second": 4}))
        self.model = raw.Model(self.folder, MODEL)
        self.assertEqual(self._targets()["cycles of a PMI, a context switch, "
                                         "perf stat"].seen, "below in 0 of 3")

    def test_not_run(self):
        """report: what was not run is not measured, and nothing is met by it"""
        os.unlink(os.path.join(self.folder, f"{MODEL}.mediated.out"))
        self.model = raw.Model(self.folder, MODEL)
        self.assertEqual({target.met for target in self._targets().values()},
                         {None})
        self.assertIn("ours: not available: it was not run",
                      list(report.remarks(self.model)))

    def test_broken(self):
        """report: a run that left no statistics is no host, and is named"""
        for kernel in raw.KERNELS:
            os.unlink(os.path.join(self.folder, f"{MODEL}.{kernel}.json"))
        self.model = raw.Model(self.folder, MODEL)
        self.assertIn("ours: the run broke off, and left no statistics",
                      list(report.remarks(self.model)))
        self.assertEqual(tables.tables(self.model)[0].title,
                         "VM exit and entry, no event of the host's")

    def test_unavailable(self):
        """report: a kernel that has no mediated vPMU here says so"""
        write(self.folder, "peer",
              ([], [{"unavailable": "enable_mediated_pmu reads N"}]))
        self.model = raw.Model(self.folder, MODEL)
        self.assertEqual(list(report.remarks(self.model))[-2:],
                         ["peer: not available: enable_mediated_pmu reads N",
                          "peer's log: something"])

    def test_markdown(self):
        """report: a table as Markdown"""
        table = tables.Table("Title", "Note", ["a", "b"],
                             [["x", 1234.5], [None, 0.125], ["y", 2.0]])
        self.assertEqual(list(report.markdown(table)), [
            "### Title", "", "Note", "", "| a | b |", "|---|---|",
            "| x | 1234.5 |", "| - | 0.125 |", "| y | 2 |", ""])

    def test_html(self):
        """report: names are quoted in HTML"""
        table = tables.Table("<&>", "", ["a"], [["<b>"]])
        text = "".join(page.table_html(table, report.cell))
        self.assertIn("<h3>&lt;&amp;&gt;</h3>", text)
        self.assertIn("<td>&lt;b&gt;</td>", text)


if __name__ == "__main__":
    unittest.main()
