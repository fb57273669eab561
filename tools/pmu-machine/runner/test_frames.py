# SPDX-License-Identifier: GPL-2.0-only
"""Frames come out whole, whatever the pieces they arrive in."""

import struct
import unittest

from runner import frames


def frame(channel, data):
    """One frame as init writes it."""
    return frames.MAGIC + channel + struct.pack("<I", len(data)) + data


class DecoderTest(unittest.TestCase):
    """frames.Decoder"""

    def setUp(self):
        self.got = {}
        self.decoder = frames.Decoder(self._sink)

    def _sink(self, channel, data):
        self.got[channel] = self.got.get(channel, b"") + data

    def test_one_byte_at_a_time(self):
        """frames: bytes that come one by one give the same frames"""
        stream = frame(b"o", b"hello") + frame(b"s", b"\x07")
        for value in stream:
            self.decoder.feed(bytes([value]))
        self.assertEqual(self.got, {b"o": b"hello", b"s": b"\x07"})

    def test_banner(self):
        """frames: what the emulator prints between frames is passed over"""
        self.decoder.feed(b"Bochs 3.0\n====\n" + frame(b"o", b"a"))
        self.decoder.feed(b"\x01P" + frame(b"o", b"b") + b"bye")
        self.assertEqual(self.got, {b"o": b"ab"})

    def test_output_like_a_frame(self):
        """frames: a command that prints a status frame does not set the status"""
        self.decoder.feed(frame(b"o", frame(b"s", b"\x00")))
        self.assertNotIn(b"s", self.got)

    def test_empty(self):
        """frames: an empty frame is no end"""
        self.decoder.feed(frame(b"t", b"") + frame(b"s", b"\x01"))
        self.assertEqual(self.got, {b"s": b"\x01"})
