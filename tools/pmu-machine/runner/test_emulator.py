# SPDX-License-Identifier: GPL-2.0-only
"""What is told of an emulator that ended, and what it refuses to be."""

import os
import tempfile
import unittest

from runner import cpus, emulator
from runner.errors import UsageError

LOG = """\
1i[CPU0  ] before
2p[CPU0  ] >>PANIC<< 3rd exception with no resolution
2i[CPU0  ] CPU is in protected mode (active)
2i[CPU0  ] | EAX=00000000
2i[CPU0  ] | EIP=0010004d (0010004d)
2i[CMOS  ] Last time: 1700000003
2i[SIM   ] quit_sim called with exit code 1
"""

ERRORS = """\
00000000000i[      ] reading configuration from bochsrc
========================================================================
Bochs is exiting with the following message:
[CPU0  ] 3rd exception with no resolution
========================================================================
"""


class EmulatorTest(unittest.TestCase):
    """emulator.Emulator, without running it"""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.machine = emulator.Emulator(folder.name, cpus.CPUS[0], 1, 256)

    @staticmethod
    def _write(path, text):
        with open(path, "w", encoding="ascii") as out:
            out.write(text)

    def test_reason(self):
        """emulator: its last message is the reason"""
        self._write(self.machine.errors, ERRORS)
        self.assertEqual(self.machine.reason(),
                         "[CPU0  ] 3rd exception with no resolution")

    def test_log_tail(self):
        """emulator: the log's end has the panic and the place, no registers"""
        self._write(self.machine.log, LOG)
        tail = self.machine.log_tail()
        self.assertEqual(tail[:3], [LOG.splitlines()[line]
                                    for line in (0, 1, 4)])
        self.assertNotIn("EAX", "".join(tail))

    def test_log_without_panic(self):
        """emulator: a log without a panic is told by its last lines"""
        self._write(self.machine.log, "1\n2\n3\n")
        self.assertEqual(self.machine.log_tail(2), ["2", "3"])

    def test_configuration(self):
        """emulator: the configuration names model, processors and memory"""
        self.machine.memory = 3072
        self.machine._configure(9)
        with open(os.path.join(self.machine.folder, "bochsrc"),
                  encoding="ascii") as config:
            text = config.read()
        self.assertIn("model=pmu_haswell, count=1, ips=1000000000", text)
        self.assertIn("guest=3072, host=2048", text)

    def test_sizes(self):
        """emulator: the limits of processors and memory are inclusive"""
        emulator.check_size(1, 64)
        emulator.check_size(4, 3072)
        for processors, memory in ((0, 64), (5, 64), (1, 63), (1, 3073)):
            with self.assertRaises(UsageError):
                emulator.check_size(processors, memory)
