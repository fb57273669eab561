# SPDX-License-Identifier: GPL-2.0-only
"""Write a newc cpio archive that depends on nothing but its contents.

Inode numbers follow the order of the names, owners and times are zero: the
same tree gives the same bytes, and so the same run of the machine.
"""

import os
import stat

MAGIC = b"070701"
TRAILER = b"TRAILER!!!"


def _padding(size):
    return b"\0" * (-size % 4)


class Writer:
    """An archive being written to the binary file @out."""

    def __init__(self, out):
        self.out = out
        self.inode = 0

    def _header(self, name, mode, size, links, device):
        self.inode += 1
        major, minor = device
        fields = (self.inode, mode, 0, 0, links, 0, size, 0, 0, major, minor,
                  len(name) + 1, 0)
        record = MAGIC + b"".join(b"%08X" % field for field in fields)
        record += name + b"\0"
        self.out.write(record + _padding(len(record)))

    def directory(self, name, permissions=0o755):
        """Add a directory."""
        self._header(name, stat.S_IFDIR | permissions, 0, 2, (0, 0))

    def symlink(self, name, target):
        """Add a symbolic link to @target."""
        self._header(name, stat.S_IFLNK | 0o777, len(target), 1, (0, 0))
        self.out.write(target + _padding(len(target)))

    def node(self, name, mode, device):
        """Add a device node with its (major, minor)."""
        self._header(name, mode, 0, 1, device)

    def data(self, name, content, permissions):
        """Add a file with these bytes."""
        self._header(name, stat.S_IFREG | permissions, len(content), 1, (0, 0))
        self.out.write(content + _padding(len(content)))

    def file(self, name, path, permissions):
        """Add a file with what is in the host's file @path."""
        with open(path, "rb") as source:
            size = os.fstat(source.fileno()).st_size
            self._header(name, stat.S_IFREG | permissions, size, 1, (0, 0))
            self._copy(source, size)
        self.out.write(_padding(size))

    def _copy(self, source, size):
        """Copy exactly @size bytes: a file may change while it is read."""
        while size:
            chunk = source.read(min(size, 1 << 20))
            if not chunk:
                raise OSError(0, "became shorter while it was read")
            self.out.write(chunk)
            size -= len(chunk)

    def close(self):
        """Write the trailer."""
        self._header(TRAILER, 0, 0, 1, (0, 0))
