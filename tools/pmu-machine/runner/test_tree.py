# SPDX-License-Identifier: GPL-2.0-only
"""The initrd: what goes in, where, and that nothing else does."""

import os
import subprocess
import tempfile
import unittest

from runner import toolbox, tree
from runner.command import check_memory, orders, split_with
from runner.errors import UsageError


class TreeTest(unittest.TestCase):
    """tree.Tree and what fills it"""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.tree = tree.Tree()

    def _file(self, name, content=b"x", mode=0o644):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(content)
        os.chmod(path, mode)
        return path

    def _archive(self, name):
        path = os.path.join(self.folder, name)
        self.tree.write(path)
        with open(path, "rb") as archive:
            return archive.read()

    def test_merged(self):
        """tree: a path below /bin or /lib64 goes into /usr"""
        self.tree.text("/bin/x", b"")
        self.assertIn("usr/bin/x", self.tree.entries)
        self.assertIn("/usr/bin/x", self.tree)

    def test_parents(self):
        """tree: the folders above a file come before it in the archive"""
        self.tree.text("/a/b/c", b"")
        archive = self._archive("initrd")
        self.assertLess(archive.index(b"a/b\0"), archive.index(b"a/b/c\0"))

    def test_deterministic(self):
        """tree: owner, time and order of the files do not change the archive"""
        self.tree.add("/d", os.path.dirname(self._file("d/one")))
        first = self._archive("first")
        os.utime(os.path.join(self.folder, "d/one"), (1, 1))
        self.tree = tree.Tree()
        self.tree.add("/d", os.path.join(self.folder, "d"))
        self.assertEqual(first, self._archive("second"))

    def test_directory(self):
        """tree: a folder comes with its files and its links as links"""
        self._file("d/sub/file", b"text", 0o755)
        os.symlink("sub/file", os.path.join(self.folder, "d/link"))
        self.tree.add("/where", os.path.join(self.folder, "d"))
        self.assertEqual(self.tree.entries["where/link"].value, b"sub/file")
        self.assertEqual(self.tree.entries["where/sub/file"].permissions, 0o755)

    def test_link_as_path(self):
        """tree: a path that is a link brings what it points to"""
        path = self._file("real", b"text")
        link = os.path.join(self.folder, "link")
        os.symlink("real", link)
        self.tree.add("/x", link)
        self.assertEqual(self.tree.entries["x"].kind, "file")
        self.assertTrue(os.path.samefile(self.tree.entries["x"].value, path))

    def test_libraries(self):
        """tree: a dynamic program comes with its loader and its libc"""
        self.tree.file("/bin/env", "/usr/bin/env")
        self.assertIn("/lib64/ld-linux-x86-64.so.2", self.tree)
        self.assertTrue([name for name in self.tree.entries
                         if name.endswith("/libc.so.6")])

    def test_script(self):
        """tree: a script comes with its interpreter"""
        path = self._file("script", b"#!/usr/bin/env -S sh\n", 0o755)
        self.tree.file("/script", path)
        self.assertIn("/usr/bin/env", self.tree)

    def test_no_space(self):
        """tree: a full disk is one clear sentence"""
        self.tree.text("/x", b"x" * 100000)
        with self.assertRaisesRegex(UsageError, "no space left in /dev"):
            self.tree.write("/dev/full")

    def test_device(self):
        """tree: a device is refused, not copied without end"""
        with self.assertRaisesRegex(UsageError, "neither a file"):
            self.tree.add("/x", "/dev/zero")

    def test_memory(self):
        """tree: files that the machine cannot hold are refused before it starts"""
        path = self._file("big")
        os.truncate(path, 100 << 20)
        self.tree.file("/big", path)
        with self.assertRaisesRegex(UsageError, "--mem 360"):
            check_memory(self.tree, 256)
        check_memory(self.tree, 360)

    def test_cpio_reads_back(self):
        """tree: busybox' cpio lists every place of the archive"""
        self.tree.text("/etc/passwd", b"odd", 0o600)
        archive = self._archive("initrd")
        listing = subprocess.run([toolbox.paths.BUSYBOX, "cpio", "-t"],
                                 input=archive, capture_output=True,
                                 check=True).stdout.decode().split()
        self.assertEqual(sorted(listing), sorted(self.tree.entries))


class OptionTest(unittest.TestCase):
    """--with, COMMAND and what init gets"""

    def test_split_with(self):
        """--with: PATH:DEST, PATH:DEST/ and PATH alone"""
        self.assertEqual(split_with("/etc/passwd:/x"), ("/etc/passwd", "/x"))
        self.assertEqual(split_with("/etc/passwd:/x/"),
                         ("/etc/passwd", "/x/passwd"))
        self.assertEqual(split_with("/etc/passwd"),
                         ("/etc/passwd", "/etc/passwd"))

    def test_split_with_colon(self):
        """--with: a name that has a colon itself"""
        with tempfile.NamedTemporaryFile(suffix=":y") as file:
            self.assertEqual(split_with(file.name), (file.name, file.name))

    def test_split_with_errors(self):
        """--with: a missing file and a relative DEST are errors"""
        with self.assertRaisesRegex(UsageError, "no such file: /nowhere"):
            split_with("/nowhere:/x")
        with self.assertRaisesRegex(UsageError, "DEST must begin"):
            split_with("/etc/passwd:x")

    def test_words(self):
        """toolbox: perf is found inside a shell's command"""
        self.assertIn("perf", toolbox.words(["sh", "-c", "a;perf stat|b"]))
        self.assertNotIn("perf", toolbox.words(["echo", "perfect"]))

    def test_orders(self):
        """orders: records end with NUL and keep empty and odd arguments"""
        self.assertEqual(orders(["a", "", "b c\n"], "/w", {"X": "1"}, "O"),
                         b"C/w\0EX=1\0Aa\0A\0Ab c\n\0O\0")
