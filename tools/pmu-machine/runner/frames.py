# SPDX-License-Identifier: GPL-2.0-only
"""Take apart what the machine's init writes to port 0xe9.

Bochs prints a banner of its own on the same stream before the machine
starts; whatever is not a frame is passed over.
"""

import struct

MAGIC = b"\x01PMU"
HEADER = struct.Struct("<4scI")

OUTPUT = b"o"
CONSOLE = b"c"
ERROR = b"e"
TAR = b"t"
STATUS = b"s"


class Decoder:
    """Calls @sink(channel, data) with every piece of a frame, as it comes."""

    def __init__(self, sink):
        self.sink = sink
        self.pending = b""
        self.channel = None
        self.left = 0

    def feed(self, data):
        """Take the next bytes of the stream."""
        data = self.pending + data
        self.pending = b""
        while data:
            if self.left:
                piece, data = data[:self.left], data[self.left:]
                self.left -= len(piece)
                self.sink(self.channel, piece)
                continue
            start = data.find(MAGIC)
            if start < 0:
                self.pending = data[-(len(MAGIC) - 1):]
                return
            data = data[start:]
            if len(data) < HEADER.size:
                self.pending = data
                return
            _, self.channel, self.left = HEADER.unpack_from(data)
            data = data[HEADER.size:]
