# SPDX-License-Identifier: GPL-2.0-only
"""The command line, the console's last words, and what comes back."""

import contextlib
import io
import os
import tarfile
import tempfile
import unittest

from runner import bare, cli, cpus, outbox, paths
from runner.console import Console
from runner.errors import MachineDied, UsageError


def run_main(*arguments):
    """The exit status and the standard error of a command line."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), \
            contextlib.redirect_stdout(io.StringIO()):
        try:
            status = cli.main(list(arguments))
        except SystemExit as leave:
            status = leave.code
    return status, errors.getvalue()


class CommandLineTest(unittest.TestCase):
    """cli"""

    def _refused(self, text, *arguments):
        status, errors = run_main(*arguments)
        self.assertEqual(status, 2)
        self.assertIn(text, errors)

    def test_unknown_cpu(self):
        """cli: an unknown CPU is an error that names the known ones"""
        self._refused("known: haswell, skylake", "run", "--cpu", "z80", "true")

    def test_sizes(self):
        """cli: --cpus 5, --cpus 0, --mem 1 and --timeout 0 are refused"""
        self._refused("1 to 4", "run", "--cpus", "5", "true")
        self._refused("1 to 4", "run", "--cpus", "0", "true")
        self._refused("--mem", "run", "--mem", "1", "true")
        self._refused("--timeout", "run", "--timeout", "0", "true")

    def test_no_command(self):
        """cli: run without COMMAND is an error"""
        self._refused("no COMMAND", "run", "--")

    def test_options_of_the_command(self):
        """cli: COMMAND's own options are not the runner's"""
        options = cli.parse(["run", "--", "ls", "--cpu", "-l"])
        self.assertEqual(options.command, ["ls", "--cpu", "-l"])
        options = cli.parse(["boot", "image", "--cpu", "x"])
        self.assertEqual(options.arguments, ["--cpu", "x"])

    def test_cpus(self):
        """cli: the table of processors has all six, each once"""
        self.assertEqual(cpus.names(), ["haswell", "skylake", "icelake",
                                        "sapphire-rapids", "zen3", "zen4"])
        self.assertEqual(len(set(cpu.model for cpu in cpus.CPUS)), 6)


class FileTest(unittest.TestCase):
    """Files that are looked at before the machine starts"""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def _file(self, content):
        path = os.path.join(self.folder, "file")
        with open(path, "wb") as out:
            out.write(content)
        return path

    def test_kernel(self):
        """kernel: a missing one and one that is no bzImage are refused"""
        with self.assertRaisesRegex(UsageError, "no kernel 'nothing'"):
            paths.kernel("nothing")
        with self.assertRaisesRegex(UsageError, "not a bzImage"):
            paths.kernel(self._file(b"x" * 1024))
        good = self._file(b"\0" * 0x202 + b"HdrS")
        self.assertEqual(paths.kernel(good), good)

    def test_image(self):
        """boot: what is not ELF32, or has no multiboot header, is refused"""
        with self.assertRaisesRegex(UsageError, "not an ELF32"):
            bare.check_image(self._file(b"\x7fELF\x02" + b"\0" * 100))
        with self.assertRaisesRegex(UsageError, "no multiboot header"):
            bare.check_image(self._file(b"\x7fELF\x01" + b"\0" * 9000))
        bare.check_image(self._file(b"\x7fELF\x01\0\0\0"
                                    + bare.MULTIBOOT_MAGIC))

    def test_exit_status(self):
        """boot: the status is value * 2 + 1, cut to a byte"""
        path = self._file(b"1p[UNMAP ] >>PANIC<< isa-debug-exit: 5\n")
        self.assertEqual(bare.exit_status(path), 11)
        path = self._file(b"1p[UNMAP ] >>PANIC<< isa-debug-exit: ff\n")
        self.assertEqual(bare.exit_status(path), 255)
        self.assertIsNone(bare.exit_status(self._file(b"nothing\n")))


class OutboxTest(unittest.TestCase):
    """outbox.unpack"""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.out = os.path.join(self.folder, "out")
        os.mkdir(self.out)
        self.tar = os.path.join(self.folder, "tar")

    def _archive(self, *members):
        with tarfile.open(self.tar, "w") as archive:
            for name, kind, link in members:
                member = tarfile.TarInfo(name)
                member.type = kind
                member.linkname = link
                archive.addfile(member)
        outbox.unpack(self.tar, self.out)

    def test_plain(self):
        """outbox: files, folders and links come out"""
        self._archive(("./", tarfile.DIRTYPE, ""), ("./d", tarfile.DIRTYPE, ""),
                      ("./d/f", tarfile.REGTYPE, ""),
                      ("./l", tarfile.SYMTYPE, "d/f"))
        self.assertTrue(os.path.isfile(os.path.join(self.out, "l")))

    def test_escape(self):
        """outbox: a name that leads out of the folder is refused"""
        with self.assertRaises(MachineDied):
            self._archive(("../evil", tarfile.REGTYPE, ""))
        with self.assertRaises(MachineDied):
            self._archive(("/evil", tarfile.REGTYPE, ""))
        self.assertFalse(os.path.exists(os.path.join(self.folder, "evil")))

    def test_escape_through_link(self):
        """outbox: a file below a link is refused"""
        with self.assertRaises(MachineDied):
            self._archive(("l", tarfile.SYMTYPE, ".."),
                          ("l/evil", tarfile.REGTYPE, ""))
        self.assertFalse(os.path.exists(os.path.join(self.folder, "evil")))

    def test_escape_by_hard_link(self):
        """outbox: a hard link to a file below a link is refused"""
        with open(os.path.join(self.folder, "secret"), "wb"):
            pass
        with self.assertRaises(MachineDied):
            self._archive(("l", tarfile.SYMTYPE, ".."),
                          ("f", tarfile.LNKTYPE, "l/secret"))
        self.assertFalse(os.path.exists(os.path.join(self.out, "f")))

    def test_damaged(self):
        """outbox: an archive that broke off is an error, not an empty folder"""
        with open(self.tar, "wb") as tar:
            tar.write(b"garbage" * 200)
        with self.assertRaisesRegex(MachineDied, "damaged"):
            outbox.unpack(self.tar, self.out)


class ConsoleTest(unittest.TestCase):
    """console.Console"""

    def test_last_words(self):
        """console: the last words begin with the oops"""
        console = Console(io.BytesIO())
        console.feed(b"a\r\n" * 50 + b"BUG: kernel NULL pointer\r\nRIP: x\r\n")
        self.assertEqual(console.last_words(),
                         ["BUG: kernel NULL pointer", "RIP: x"])

    def test_no_oops(self):
        """console: without an oops, the last lines"""
        console = Console(io.BytesIO())
        console.feed(b"".join(b"%d\n" % number for number in range(50)))
        self.assertEqual(console.last_words(2), ["48", "49"])
