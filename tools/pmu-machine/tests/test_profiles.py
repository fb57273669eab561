# SPDX-License-Identifier: GPL-2.0-only
"""What profiles.py says of right profiles, and of each that is not."""

import contextlib
import io
import os
import tempfile
import unittest

import profiles

SOURCE = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                      "workloads/paths.c")
RIGHT = """\
_start:90000:0
 0: 10
 5: 3001 often:3001
loop:70000:4000
 2: 4000
 4.1: 20000
 4.3: 17
often:9000:3001
 2: 3000
seldom:3000:1000
 2: 1001
"""


class ProfileTest(unittest.TestCase):
    """Profiles of the workload"""

    def failed(self, judged, *arguments):
        """What the facts that failed say."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            judged(*arguments)
        return [line[len("FAIL "):].split(": ")[0]
                for line in out.getvalue().splitlines()
                if line.startswith("FAIL")]

    def judged(self, text):
        """The same, of a profile."""
        with tempfile.NamedTemporaryFile("w+") as file:
            file.write(text)
            file.flush()
            return self.failed(profiles.judge, profiles.known(SOURCE),
                               profiles.counted(file.name))

    def test_right(self):
        """profiles: a right one passes"""
        self.assertEqual(self.judged(RIGHT), [])

    def test_calls(self):
        """profiles: too many calls, or too few, are found"""
        for calls in "950", "1050", "0":
            wrong = RIGHT.replace("seldom:3000:1000", f"seldom:3000:{calls}")
            self.assertEqual(self.judged(wrong), [
                "calls in the profile as known"])

    def test_lines(self):
        """profiles: a line that is executed too often, or too seldom"""
        for line in " 2: 950", " 2: 1050", " 3: 1001":
            self.assertEqual(self.judged(RIGHT.replace(" 2: 1001", line)), [
                "lines in the profile as known"])

    def test_nothing(self):
        """profiles: an empty profile, and none, fail"""
        self.assertEqual(len(self.judged("")), 2)
        self.assertEqual(profiles.counted("/nonexistent"), {})

    def test_complaint(self):
        """profiles: llvm-profgen and llvm-profdata may not complain"""
        for name in "llvm-profgen", "llvm-profdata":
            self.assertEqual(self.failed(profiles.tool, name, "--nonexistent"),
                             [f"{name} has no complaint"])
        self.assertEqual(self.failed(profiles.tool, "llvm-profdata", "merge",
                                     "--sample", "/dev/null"), [
            "llvm-profdata has no complaint"])


if __name__ == "__main__":
    unittest.main()
