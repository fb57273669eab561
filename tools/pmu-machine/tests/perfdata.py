# SPDX-License-Identifier: GPL-2.0-only
"""The samples in a file of perf record's, as the kernel wrote them.

perf script does not show whether a sample's address is exact.  What is read
here: Linux' include/uapi/linux/perf_event.h and
tools/perf/Documentation/perf.data-file-format.txt.
"""

import struct
from typing import NamedTuple

LOST, SAMPLE, LOST_SAMPLES = 2, 9, 13
MISC_USER, MISC_MODE, MISC_EXACT = 2, 7, 1 << 14

# Bits of sample_type: those of a word each, in the order of a sample
IP, ADDR, ID, IDENTIFIER = 1 << 0, 1 << 3, 1 << 6, 1 << 16
BEFORE = (IDENTIFIER, IP, 1 << 1, 1 << 2, ADDR, ID, 1 << 9, 1 << 7, 1 << 8)
BRANCHES = 1 << 11
BETWEEN = (1 << 14, 1 << 15, 1 << 17)
REGISTERS = 1 << 18
KNOWN = sum(BEFORE) | BRANCHES | sum(BETWEEN) | REGISTERS
BRANCH_INDEX = 1 << 17		# of branch_sample_type

# The numbers of the kernel's registers; XMM registers have two words.
NAMES = {number: name for number, name in enumerate(
    "rax rbx rcx rdx rsi rdi rbp rsp rip flags cs ss ds es fs gs "
    "r8 r9 r10 r11 r12 r13 r14 r15".split())}
XMM = 32


class Event(NamedTuple):
    """What perf asked for."""
    type: int
    config: int
    period: int
    precise: int
    contents: int
    branch_contents: int
    registers: int


class Sample(NamedTuple):
    """What it was given: branches are (from, to), the newest first."""
    misc: int
    address: int
    data: int = 0
    branches: tuple = ()
    registers: dict = {}

    @property
    def exact(self):
        """Is it where the event was, in user mode?"""
        return (self.misc & MISC_EXACT
                and self.misc & MISC_MODE == MISC_USER)


def _event(words):
    return Event(words[0] & 0xffffffff, words[1], words[2],
                 words[5] >> 15 & 3, words[3], words[9], words[12])


def _registers(words, mask):
    """By name; XMM registers with their two words as one number."""
    found = {}
    for number in range(64):
        if not mask >> number & 1:
            continue
        word = next(words)
        name = NAMES.get(number, f"xmm{(number - XMM) // 2}")
        found[name] = found.get(name, 0) | word << 64 * (
            number > XMM and number % 2)
    return found


def _sample(misc, words, event):
    """words are those behind the header."""
    words = iter(words)
    before = {bit: next(words) for bit in BEFORE if event.contents & bit}
    branches = ()
    if event.contents & BRANCHES:
        number = next(words)
        if event.branch_contents & BRANCH_INDEX:
            next(words)
        branches = tuple([(next(words), next(words), next(words))[:2]
                          for _ in range(number)])
    for bit in BETWEEN:
        if event.contents & bit:
            next(words)
    registers = {}
    if event.contents & REGISTERS and next(words):
        registers = _registers(words, event.registers)
    if next(words, None) is not None:
        raise ValueError("a sample is longer than it should be")
    return Sample(misc, before[IP], before.get(ADDR, 0), branches, registers)


class Recording:
    """All of it: events, the samples of each, and how many were lost."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self._all = file.read()
        if self._all[:8] != b"PERFILE2":
            raise ValueError("this is no recording")
        attr_size, attrs, length, data, size = struct.unpack_from(
            "<5Q", self._all, 16)
        if not size:
            raise ValueError("perf did not end it")
        self.events = []
        self._numbers = {}
        for offset in range(attrs, attrs + length, attr_size):
            self._read_event(offset, attr_size - 16)
        self.samples = [[] for _ in self.events]
        self.lost = 0
        self._read(data, data + size)
        del self._all

    def _read_event(self, offset, size):
        event = _event(struct.unpack_from("<13Q", self._all, offset))
        if event.contents & ~KNOWN or not event.contents & IP:
            raise ValueError(f"sample_type {event.contents:x}")
        ids, length = struct.unpack_from("<2Q", self._all, offset + size)
        for number, in struct.iter_unpack("<Q", self._all[ids:ids + length]):
            self._numbers[number] = len(self.events)
        self.events.append(event)

    def _read(self, offset, end):
        while offset < end:
            kind, misc, size = struct.unpack_from("<IHH", self._all, offset)
            if kind == SAMPLE:
                words = struct.unpack_from(f"<{size // 8 - 1}Q", self._all,
                                           offset + 8)
                self._add(misc, words)
            elif kind == LOST:
                self.lost += self._word(offset + 16)
            elif kind == LOST_SAMPLES:
                self.lost += self._word(offset + 8)
            offset += size

    def _word(self, offset):
        return struct.unpack_from("<Q", self._all, offset)[0]

    def _add(self, misc, words):
        """If there are events to tell apart, they have the identifier at the
        same place."""
        number = 0
        if len(self.events) > 1:
            number = self._numbers[words[self._identifier()]]
        self.samples[number].append(_sample(misc, words, self.events[number]))

    def _identifier(self):
        contents = self.events[0].contents
        if contents & IDENTIFIER:
            return 0
        return sum(bool(contents & bit) for bit in BEFORE[:BEFORE.index(ID)])
