# SPDX-License-Identifier: GPL-2.0-only
"""Where things are: what the build made, and what Debian's packages bring."""

import os

from .errors import UsageError, explained

TOP = os.path.normpath(os.path.join(os.path.dirname(__file__), "../../.."))
BUILD = os.path.join(TOP, "build")

BOCHS = os.path.join(BUILD, "bochs/bochs")
INIT = os.path.join(BUILD, "init/init")
MARK = os.path.join(BUILD, "init/mark")
PERF = os.path.join(BUILD, "perf/perf")
KERNELS = {name: os.path.join(BUILD, f"kernel-{name}/bzImage")
           for name in ("base", "debug", "mediated", "mediated-debug")}

BIOS = "/usr/share/bochs/BIOS-bochs-latest"
VGABIOS = "/usr/share/vgabios/vgabios.bin"
BUSYBOX = "/bin/busybox"
QEMU = "/usr/bin/qemu-system-x86_64"
ISOLINUX = "/usr/lib/ISOLINUX/isolinux.bin"
SYSLINUX = "/usr/lib/syslinux/modules/bios"

# Documentation/arch/x86/boot.rst: the setup header's magic number.
BZIMAGE_OFFSET = 0x202
BZIMAGE_MAGIC = b"HdrS"


def need(path, how):
    """@path, if it is there; else say how it would come."""
    if not os.path.exists(path):
        raise UsageError(f"{path} is missing: {how}")
    return path


def kernel(name):
    """The kernel image that --kernel @name means."""
    if name in KERNELS:
        return need(KERNELS[name], f"run 'make kernel KERNEL={name}'")
    if not os.path.isfile(name):
        raise UsageError(f"no kernel '{name}': neither "
                         f"{', '.join(KERNELS)} nor a file")
    with explained(name, "reading it"), open(name, "rb") as image:
        image.seek(BZIMAGE_OFFSET)
        if image.read(len(BZIMAGE_MAGIC)) != BZIMAGE_MAGIC:
            raise UsageError(f"{name}: is not a bzImage")
    return name
