# SPDX-License-Identifier: GPL-2.0-only
"""machine guest: a command in a KVM guest of the machine.

The machine boots as for `machine run`, and its command is QEMU.  The guest has
an init and an initrd like the machine's own, and what its init sends comes out
of QEMU's standard output: frames inside frames.
"""

import os

from . import command, frames, paths, toolbox
from .console import Console
from .errors import GuestDied, UsageError
from .tree import Tree

# The kernels that have no mediated vPMU, and none of its parameters.
WITHOUT_MEDIATED = ("base", "debug")
# The guest has one half of the machine's memory.
SHARE = 2
# What the kernels are built for (CONFIG_NR_CPUS).
MAX_CPUS = 8

KERNEL = "/.machine/kernel"
INITRD = "/.machine/initrd"


def check(options):
    """Refuse what cannot be, without looking at files."""
    if options.vpmu == "mediated" and options.kernel in WITHOUT_MEDIATED:
        raise UsageError(f"--vpmu mediated: the kernel '{options.kernel}' has "
                         "no mediated vPMU")
    if not 1 <= options.guest_cpus <= MAX_CPUS:
        raise UsageError(f"--guest-cpus must be 1 to {MAX_CPUS}")


def host_arguments(options):
    """The arguments of the host's kernel that --vpmu stands for."""
    if options.kernel in WITHOUT_MEDIATED:
        return []
    value = int(options.vpmu == "mediated")
    return [f"kvm_intel.enable_mediated_pmu={value}",
            f"kvm_amd.enable_mediated_pmu={value}"]


def qemu(options):
    """QEMU's command line."""
    pmu = "off" if options.vpmu == "off" else "on"
    return [
        "qemu-system-x86_64", "-accel", "kvm", "-M", "microvm",
        "-cpu", f"{options.guest_cpu},pmu={pmu}",
        "-smp", str(options.guest_cpus), "-m", str(options.mem // SHARE),
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-kernel", KERNEL, "-initrd", INITRD,
        "-append", " ".join([command.KERNEL_ARGUMENTS,
                             "CHANNEL=/dev/vport0p1", *options.guest_append]),
        # The guest's console, beside QEMU's own messages.
        "-chardev", "file,id=console,path=/proc/self/fd/2",
        "-serial", "chardev:console",
        # What init/channel.c writes to.
        "-chardev", "file,id=channel,path=/proc/self/fd/1",
        "-device", "virtio-serial-device",
        "-device", "virtserialport,chardev=channel",
        "-device", "isa-debug-exit,iobase=0x8900,iosize=1",
    ]


def host_tree(options, folder):
    """The host's files: QEMU, and the guest's kernel and initrd."""
    kernel = paths.kernel(options.guest_kernel)
    guest = command.build_tree(options)
    command.check_memory(guest, options.mem, SHARE)
    initrd = os.path.join(folder, "guest-initrd")
    guest.write(initrd)
    tree = Tree()
    toolbox.add_base(tree)
    toolbox.TOOLS["qemu-system-x86_64"](tree)
    tree.file(KERNEL, kernel)
    tree.file(INITRD, initrd)
    command.complete(tree, qemu(options), "/", "S")
    return tree


class Host(command.Result):
    """Where the pieces that the host's init sends go: on to the guest's."""

    def __init__(self, guest, console):
        super().__init__(None)
        self.guest = frames.Decoder(guest.sink)
        self.console = console

    def sink(self, channel, data):
        """Take a piece of a frame."""
        if channel == frames.OUTPUT:
            self.guest.feed(data)
        elif channel == frames.CONSOLE:
            self.console.feed(data)
        else:
            super().sink(channel, data)


def run(options, folder):
    """Run COMMAND; its exit status, or None after the time limit."""
    options.append[:0] = host_arguments(options)
    if options.vmm == "selftest":
        return command.run(options, folder)
    command.prepare(options, folder, host_tree(options, folder))
    with command.receiving(options, folder) as (result, out):
        console = Console(out, b"guest: ")
        host = Host(result, console)
        ended = command.boot(options, folder, host, out)
        if ended and result.status is None:
            raise GuestDied("\n".join([f"QEMU ended with status {host.status}",
                                       *command.last_words(console, options)]))
    return result.status if ended else None
