# SPDX-License-Identifier: GPL-2.0-only
"""machine boot: a multiboot image on the bare machine."""

import os
import struct
import sys

from . import emulator, iso
from .console import Console
from .errors import MachineDied, UsageError, explained

MULTIBOOT_MAGIC = struct.pack("<I", 0x1BADB002)
# The specification wants the header, aligned to 4, in these first bytes.
MULTIBOOT_SEARCH = 8192
# What the emulator's log says when the image wrote to port 0xf4.
EXIT_MESSAGE = "isa-debug-exit: "


def check_image(path):
    """Refuse what the boot loader would refuse in a less clear way."""
    with explained(path, "reading it"), open(path, "rb") as image:
        head = image.read(MULTIBOOT_SEARCH)
    if head[:5] != b"\x7fELF\x01":
        raise UsageError(f"{path}: is not an ELF32 file")
    if not any(head[at:at + 4] == MULTIBOOT_MAGIC
               for at in range(0, len(head), 4)):
        raise UsageError(f"{path}: has no multiboot header")


def exit_status(log):
    """The status as QEMU's isa-debug-exit gives it, or None."""
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if EXIT_MESSAGE in line:
                value = int(line.split(EXIT_MESSAGE)[1].split()[0], 16)
                return (value * 2 + 1) & 0xff
    return None


def run(options, folder):
    """Boot IMAGE; its exit status, or None after the time limit."""
    check_image(options.image)
    cd = os.path.join(folder, "cd")
    os.mkdir(cd)
    iso.multiboot(cd, os.path.join(folder, "boot.iso"), options.image,
                  options.arguments, options.module)
    machine = emulator.Emulator(folder, options.cpu, options.cpus, options.mem,
                                options.skid)
    console = Console(sys.stdout.buffer)
    if not machine.run(console.feed, lambda data: None, options.timeout,
                       options.stats):
        return None
    status = exit_status(machine.log)
    if status is None:
        raise MachineDied("\n".join([machine.reason(), *machine.log_tail()]))
    return status
