# SPDX-License-Identifier: GPL-2.0-only
"""Pass the kernel's messages on, and remember the end of them."""

import io
import re

# What begins the report that explains a death.
OOPS = re.compile(r"Oops|BUG:|Kernel panic|general protection|double fault|"
                  r"invalid opcode|KASAN:|Unable to handle")
KEEP = 1 << 18


class Console:
    """Writes what it gets to the binary file @out, at once.

    Each line is written with @prefix, for where two kernels speak.
    """

    def __init__(self, out, prefix=b""):
        self.out = out
        self.prefix = prefix
        self.tail = b""
        self.at_start = True

    def feed(self, data):
        """Take the next bytes of the serial port."""
        self.tail = (self.tail + data)[-KEEP:]
        for line in io.BytesIO(data):
            self.out.write(self.prefix + line if self.at_start else line)
            self.at_start = line.endswith(b"\n")
        self.out.flush()

    def lines(self):
        """The lines that are remembered."""
        text = self.tail.decode("utf-8", "replace").replace("\r", "")
        return text.splitlines()

    def last_words(self, count=20):
        """From the first oops on, or the last @count lines."""
        lines = self.lines()
        for number, line in enumerate(lines):
            if OOPS.search(line):
                return lines[number:]
        return lines[-count:]
