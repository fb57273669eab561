# SPDX-License-Identifier: GPL-2.0-only
"""Make the CD that the machine boots from: the emulator loads nothing else."""

import os
import shutil
import subprocess

from . import paths
from .errors import UsageError, explained

# syslinux cuts a longer line off without a word.
MAX_LINE = 2000

# The loader prompts when it could not load something; nobody would answer.
LOADER = """\
DEFAULT run
PROMPT 0
TIMEOUT 1
ONTIMEOUT poweroff.c32
ONERROR poweroff.c32
LABEL run
"""


def _install(folder, source, name=None):
    name = name or os.path.basename(source)
    target = os.path.join(folder, name)
    with explained(source, "preparing the boot CD"):
        shutil.copyfile(source, target)


def _config(folder, lines):
    for line in lines:
        if len(line) > MAX_LINE:
            raise UsageError("the boot loader's command line is too long")
        if "\n" in line:
            raise UsageError("a boot argument contains a line feed")
    path = os.path.join(folder, "isolinux.cfg")
    with explained(path, "preparing the boot CD"), \
            open(path, "w", encoding="utf-8") as config:
        config.write(LOADER)
        config.writelines(line + "\n" for line in lines)


def _master(folder, image):
    for needed in (paths.ISOLINUX, f"{paths.SYSLINUX}/ldlinux.c32",
                   f"{paths.SYSLINUX}/libcom32.c32",
                   f"{paths.SYSLINUX}/poweroff.c32"):
        _install(folder, paths.need(needed, "run 'make deps'"))
    # Neither the volume's nor the files' times may depend on the day: the
    # loader's path through its code does, by a few instructions.
    for name in (*os.listdir(folder), ""):
        os.utime(os.path.join(folder, name), (0, 0))
    environment = dict(os.environ, SOURCE_DATE_EPOCH="0", LC_ALL="C")
    command = ["xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", image,
               "-b", "isolinux.bin", "-c", "boot.cat", "-no-emul-boot",
               "-boot-load-size", "4", "-boot-info-table", folder]
    try:
        result = subprocess.run(command, env=environment, check=False,
                                stdin=subprocess.DEVNULL, capture_output=True,
                                text=True)
    except FileNotFoundError as error:
        raise UsageError("xorriso is missing: run 'make deps'") from error
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if "FAIL" in line]
        detail = lines[0] if lines else result.stderr.strip()
        raise UsageError(f"cannot write the boot CD: {detail}")


def linux(folder, image, kernel, initrd, arguments):
    """A CD @image that boots @kernel; the @initrd is in @folder already."""
    _install(folder, kernel, "kernel")
    _config(folder, ["KERNEL /kernel", f"INITRD /{initrd}",
                     "APPEND " + arguments])
    _master(folder, image)


def multiboot(folder, image, program, arguments, modules):
    """A CD @image that boots the multiboot @program with its @modules."""
    _install(folder, os.path.join(paths.SYSLINUX, "mboot.c32"))
    _install(folder, program, "image")
    append = " ".join(["APPEND /image", *arguments])
    for number, module in enumerate(modules):
        _install(folder, module, f"module{number}")
        append += f" --- /module{number}"
    _config(folder, ["KERNEL mboot.c32", append])
    _master(folder, image)
