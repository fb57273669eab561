#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""run_tests.py [FOLDER] - run the unit tests there, the runner's without one:
one line a fact, and the totals."""

import os
import sys
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.dirname(HERE))


class Result(unittest.TestResult):
    """Prints every test's docstring with its outcome."""

    def __init__(self):
        super().__init__()
        self.passed = 0

    @staticmethod
    def _line(word, test):
        print(f"{word}: {test.shortDescription() or test.id()}", flush=True)

    def addSuccess(self, test):  # noqa: N802, the name is unittest's
        self.passed += 1
        self._line("ok", test)

    def addFailure(self, test, err):  # noqa: N802
        super().addFailure(test, err)
        self._line("FAIL", test)
        print(self.failures[-1][1])

    def addError(self, test, err):  # noqa: N802
        super().addError(test, err)
        self._line("FAIL", test)
        print(self.errors[-1][1])

    def addSkip(self, test, reason):  # noqa: N802
        super().addSkip(test, reason)
        self._line(f"skip ({reason})", test)


def main():
    """Run all test_*.py of the folder."""
    folder = sys.argv[1] if len(sys.argv) > 1 else HERE
    suite = unittest.defaultTestLoader.discover(
        folder, "test_*.py", top_level_dir=folder)
    result = Result()
    suite.run(result)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.passed} passed, {failed} failed, "
          f"{len(result.skipped)} skipped")
    return 1 if failed else 0


sys.exit(main())
