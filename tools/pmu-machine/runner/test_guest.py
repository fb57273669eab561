# SPDX-License-Identifier: GPL-2.0-only
"""machine guest, as far as nothing is booted."""

import io
import os
import tempfile
import unittest

from runner import cli, command, frames, guest
from runner.console import Console
from runner.errors import UsageError
from runner.test_frames import frame
from runner.tree import Tree


def parse(*arguments):
    """The options of a command line."""
    return cli.parse(["guest", *arguments, "--", "true"])


class OptionTest(unittest.TestCase):
    """What the options become"""

    def test_vpmu(self):
        """guest: --vpmu sets the parameters of a kernel that has them"""
        for name, value in (("mediated", 1), ("perf", 0), ("off", 0)):
            self.assertEqual(guest.host_arguments(parse("--vpmu", name)),
                             [f"kvm_intel.enable_mediated_pmu={value}",
                              f"kvm_amd.enable_mediated_pmu={value}"])
        options = parse("--vpmu", "perf", "--kernel", "base")
        self.assertEqual(guest.host_arguments(options), [])

    def test_refused(self):
        """guest: a mediated vPMU on the base kernel is refused"""
        with self.assertRaisesRegex(UsageError, "'base' has no mediated"):
            parse("--kernel", "base")

    def test_cpus(self):
        """guest: --guest-cpus is 1 to 8"""
        for count in ("0", "9"):
            with self.assertRaisesRegex(UsageError, "1 to 8"):
                parse("--guest-cpus", count)
        parse("--guest-cpus", "8")

    def test_qemu(self):
        """guest: QEMU gets processor, PMU, memory and arguments"""
        words = guest.qemu(parse("--vpmu", "off", "--guest-cpu", "Haswell",
                                 "--guest-cpus", "2", "--guest-append", "a b",
                                 "--mem", "2048"))
        options = dict(zip(words[1:-1], words[2:]))
        self.assertEqual((options["-cpu"], options["-smp"], options["-m"]),
                         ("Haswell,pmu=off", "2", "1024"))
        self.assertTrue(options["-append"].endswith(" a b"))
        self.assertIn("host,pmu=on", guest.qemu(parse()))
        self.assertIn("host,migratable=no,pmu=on", guest.qemu(
            parse("--guest-cpu", "host,migratable=no")))

    def test_memory(self):
        """guest: files that its half of the memory cannot hold are refused"""
        tree = Tree()
        with tempfile.NamedTemporaryFile() as big:
            os.truncate(big.name, 100 << 20)
            tree.file("/big", big.name)
            with self.assertRaisesRegex(UsageError, "--mem 720"):
                command.check_memory(tree, 719, guest.SHARE)
            command.check_memory(tree, 720, guest.SHARE)


class HostTest(unittest.TestCase):
    """guest.Host"""

    def setUp(self):
        self.archive = tempfile.NamedTemporaryFile()
        self.addCleanup(self.archive.close)
        self.consoles = io.BytesIO()
        self.result = command.Result(self.archive)
        self.host = guest.Host(self.result, Console(self.consoles, b"guest: "))

    def _feed(self, stream):
        decoder = frames.Decoder(self.host.sink)
        for value in stream:
            decoder.feed(bytes([value]))

    def test_frames_in_frames(self):
        """guest: the guest's status is not QEMU's, and its /out arrives"""
        inner = frame(b"t", b"tar") + frame(b"s", b"\x07")
        self._feed(frame(b"o", inner[:5]) + frame(b"o", inner[5:])
                   + frame(b"s", b"\x00"))
        self.assertEqual((self.result.status, self.host.status), (7, 0))
        self.archive.seek(0)
        self.assertEqual(self.archive.read(), b"tar")

    def test_console(self):
        """guest: its console is not its output, and each line is marked"""
        self._feed(frame(b"c", b"one\r\ntw") + frame(b"c", b"o\n")
                   + frame(b"s", b"\x01"))
        self.assertEqual(self.consoles.getvalue(),
                         b"guest: one\r\nguest: two\n")
        self.assertIsNone(self.result.status)
