# SPDX-License-Identifier: GPL-2.0-only
"""Find what a program needs beside itself: its libraries, its interpreter."""

import os
import re
import subprocess

from .errors import UsageError

ELF_MAGIC = b"\x7fELF"
# "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)" or "/lib64/ld... (0x...)"
LDD_LINE = re.compile(r"^\s*(?:(\S+) => )?(\S.*?)(?: \(0x[0-9a-f]+\))?$")


def _parse(text, path):
    """The files that ldd's output @text names."""
    for line in text.splitlines():
        match = LDD_LINE.match(line)
        if not match:
            continue
        name, where = match.groups()
        if where == "not found":
            raise UsageError(f"{path}: its library {name} was not found")
        if where.startswith("/"):
            yield where


def libraries(path):
    """The shared libraries, loader included, of the ELF file @path."""
    result = subprocess.run(["ldd", path], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, check=False,
                            env={"PATH": os.environ["PATH"], "LC_ALL": "C"})
    # A static program is no dynamic executable: ldd says so and fails.
    return list(_parse(result.stdout, path)) if result.returncode == 0 else []


def interpreter(first_line):
    """The program that a script's first line names, or None."""
    words = first_line[2:].decode("utf-8", "replace").split()
    return words[0] if words and words[0].startswith("/") else None


def companions(path):
    """The host's files that @path needs in order to run."""
    with open(path, "rb") as program:
        head = program.read(256)
    if head.startswith(ELF_MAGIC):
        return libraries(path)
    if head.startswith(b"#!"):
        name = interpreter(head.split(b"\n", 1)[0])
        return [name] if name else []
    return []
