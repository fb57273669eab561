# SPDX-License-Identifier: GPL-2.0-only
"""The files of the machine's initrd, gathered in memory, written as cpio.

The tree has Debian's merged layout: /bin, /sbin, /lib and /lib64 are links
into /usr, and a path that is added below one of them goes there.
"""

import collections
import os
import stat

from . import cpio, libs
from .errors import UsageError, explained

MERGED = ("bin", "sbin", "lib", "lib64")
# Where the dynamic loader looks without being told.
LIBRARY_PATH = ("/usr/lib/x86_64-linux-gnu", "/usr/lib", "/usr/lib64")

Entry = collections.namedtuple("Entry", "kind value permissions")


def canonical(path):
    """The place in the tree of the absolute @path."""
    path = os.path.normpath(path).lstrip("/")
    first = path.split("/", 1)[0]
    return "usr/" + path if first in MERGED else path


class Tree:
    """What goes into the initrd: place -> Entry."""

    def __init__(self):
        self.entries = {}
        self.library_dirs = set()
        for name in MERGED:
            self.directory("/usr/" + name)
            self.entries[name] = Entry("link", b"usr/" + name.encode(), 0o777)

    def __contains__(self, path):
        return canonical(path) in self.entries

    def _place(self, path, entry):
        place = canonical(path)
        parent = os.path.dirname(place)
        if parent and parent not in self.entries:
            self.directory("/" + parent)
        self.entries[place] = entry

    def directory(self, path):
        """Add a directory and those above it."""
        place = canonical(path)
        if place and place != "." and place not in self.entries:
            self._place(path, Entry("dir", None, 0o755))

    def link(self, path, target):
        """Add a symbolic link."""
        self._place(path, Entry("link", os.fsencode(target), 0o777))

    def text(self, path, content, permissions=0o644):
        """Add a file with these bytes."""
        self._place(path, Entry("data", content, permissions))

    def console(self):
        """Add what init's own standard streams are before /dev is mounted."""
        self._place("/dev/console", Entry("node", (5, 1), 0o600))

    def file(self, path, source):
        """Add the host's file @source, and what it needs to run."""
        with explained(source, "reading it"):
            status = os.stat(source)
            permissions = stat.S_IMODE(status.st_mode) & 0o777 | 0o400
            needed = libs.companions(source) if permissions & 0o111 or \
                ".so" in os.path.basename(source) else []
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{source}: is neither a file nor a directory")
        self._place(path, Entry("file", source, permissions))
        for companion in needed:
            self._companion(companion)

    def _companion(self, path):
        if path in self or not os.path.exists(path):
            return
        directory = "/" + os.path.dirname(canonical(path))
        if ".so" in os.path.basename(path) and directory not in LIBRARY_PATH:
            self.library_dirs.add(directory)
        self.file(path, os.path.realpath(path))

    def add(self, path, source):
        """Add the host's file or directory @source, with all that is in it."""
        if not os.path.isdir(source):
            self.file(path, source)
            return
        self.directory(path)
        with explained(source, "reading it"):
            names = sorted(os.listdir(source))
        for name in names:
            inner = os.path.join(source, name)
            if os.path.islink(inner):
                self.link(os.path.join(path, name), os.readlink(inner))
            else:
                self.add(os.path.join(path, name), inner)

    def size(self):
        """The bytes that the files take in the machine's memory."""
        total = 0
        for entry in self.entries.values():
            if entry.kind == "file":
                total += os.stat(entry.value).st_size
            elif entry.kind == "data":
                total += len(entry.value)
        return total

    def write(self, path):
        """Write the tree as the cpio archive @path."""
        with explained(path, "writing the initrd"), open(path, "wb") as out:
            archive = cpio.Writer(out)
            for place in sorted(self.entries):
                _write_entry(archive, os.fsencode(place), self.entries[place])
            archive.close()


def _write_entry(archive, name, entry):
    if entry.kind == "dir":
        archive.directory(name, entry.permissions)
    elif entry.kind == "link":
        archive.symlink(name, entry.value)
    elif entry.kind == "data":
        archive.data(name, entry.value, entry.permissions)
    elif entry.kind == "node":
        archive.node(name, stat.S_IFCHR | entry.permissions, entry.value)
    else:
        archive.file(name, entry.value, entry.permissions)
