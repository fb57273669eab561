# SPDX-License-Identifier: GPL-2.0-only
"""The programs that the machine has without being given them.

busybox is always there.  The large ones come when they are wanted: named by
--with, or a word of COMMAND, so that `sh -c 'perf stat true'` has its perf.
"""

import os
import re
import shutil
import subprocess

from . import paths
from .errors import UsageError

WORD = re.compile(r"[^\s;|&()<>'\"`$]+")

# What -M pc and -M microvm load; QEMU looks in both folders.
FIRMWARE = (
    "/usr/share/qemu/bios-microvm.bin", "/usr/share/qemu/qboot.rom",
    "/usr/share/qemu/kvmvapic.bin", "/usr/share/qemu/linuxboot.bin",
    "/usr/share/qemu/linuxboot_dma.bin", "/usr/share/qemu/multiboot.bin",
    "/usr/share/qemu/multiboot_dma.bin", "/usr/share/qemu/pvh.bin",
    "/usr/share/seabios/bios.bin", "/usr/share/seabios/bios-256k.bin",
    "/usr/share/seabios/bios-microvm.bin",
    "/usr/share/seabios/vgabios-stdvga.bin",
)


def _add_mark(tree):
    tree.file("/usr/bin/mark", paths.need(paths.MARK, "run 'make machine'"))


def _add_perf(tree):
    tree.file("/usr/bin/perf", paths.need(paths.PERF, "run 'make perf'"))
    # `perf test` runs its shell tests from here.
    tests = os.path.join(os.path.dirname(paths.PERF), "tests")
    if os.path.isdir(tests):
        tree.add("/usr/libexec/perf-core/tests", tests)


def _add_qemu(tree):
    tree.file(paths.QEMU, paths.need(paths.QEMU, "run 'make deps'"))
    for path in FIRMWARE:
        if os.path.exists(path):
            tree.file(path, path)


TOOLS = {
    "mark": _add_mark,
    "perf": _add_perf,
    "qemu-system-x86_64": _add_qemu,
}


def words(command):
    """The program names that may occur in the words of @command."""
    return {os.path.basename(word)
            for argument in command for word in WORD.findall(argument)}


def applets():
    """The names that busybox answers to."""
    listing = subprocess.run([paths.BUSYBOX, "--list"], check=True,
                             stdin=subprocess.DEVNULL, capture_output=True,
                             text=True)
    return listing.stdout.split()


def add_base(tree):
    """Add busybox, by all its names, and the init."""
    busybox = paths.need(paths.BUSYBOX, "run 'make deps'")
    tree.file("/bin/busybox", busybox)
    for name in applets():
        if name != "busybox":
            tree.link("/bin/" + name, "busybox")
    tree.file("/init", paths.need(paths.INIT, "run 'make machine'"))


def add_named(tree, command):
    """Add the tools of ours that @command's words name."""
    for name in sorted(words(command) & set(TOOLS)):
        TOOLS[name](tree)


def add_program(tree, name, cwd):
    """Make @name, COMMAND's first word, something the machine can run."""
    if "/" in name:
        path = os.path.normpath(os.path.join(cwd, name))
        if path in tree:
            return path
        if not os.path.isfile(path):
            raise UsageError(f"no such program: {name}")
        tree.file(path, path)
        return path
    if any(f"{folder}/{name}" in tree for folder in ("/usr/bin", "/usr/sbin")):
        return name
    found = shutil.which(name)
    if not found:
        raise UsageError(f"no such program: {name}")
    tree.file("/usr/bin/" + name, found)
    return name
