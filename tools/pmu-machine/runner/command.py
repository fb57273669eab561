# SPDX-License-Identifier: GPL-2.0-only
"""machine run: a command on a kernel, in an initrd made for it."""

import contextlib
import os
import sys

from . import emulator, frames, iso, outbox, paths, toolbox
from .console import Console
from .errors import MachineDied, UsageError, explained
from .tree import Tree

# panic=-1 with reboot=t: a dying kernel ends in a triple fault, which ends
# the emulator.  rootfstype: tmpfs would give the initrd half of the memory.
KERNEL_ARGUMENTS = (
    "console=ttyS0,115200 loglevel=5 nokaslr mitigations=off "
    "panic=-1 oops=panic reboot=t rootfstype=ramfs tsc=reliable")

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "TERM": "dumb",
    "LANG": "C",
}

# What a kernel of ours needs for itself, in MB.
KERNEL_MEMORY = 160


def split_with(argument):
    """PATH[:DEST] as a pair of absolute paths, here and in the machine."""
    path, dest = argument, None
    if not os.path.lexists(path) and ":" in path:
        path, dest = path.rsplit(":", 1)
    if not os.path.exists(path):
        raise UsageError(f"--with {argument}: no such file: {path}")
    source = os.path.abspath(path)
    if dest is None:
        return source, source
    if not dest.startswith("/"):
        raise UsageError(f"--with {argument}: DEST must begin with /")
    if dest.endswith("/"):
        dest += os.path.basename(source)
    return source, dest


def orders(command, cwd, environment, want_out):
    """What init reads: see init/init.c."""
    records = ["C" + cwd]
    records += [f"E{name}={environment[name]}" for name in environment]
    records += ["A" + word for word in command]
    if want_out:
        records.append("O")
    return b"".join(os.fsencode(record) + b"\0" for record in records)


def build_tree(options):
    """The initrd's files for these options."""
    tree = Tree()
    cwd = os.getcwd()
    toolbox.add_base(tree)
    toolbox.add_named(tree, options.command)
    for argument in options.extra:
        if argument in toolbox.TOOLS and not os.path.exists(argument):
            toolbox.TOOLS[argument](tree)
        else:
            source, dest = split_with(argument)
            tree.add(dest, source)
    program = toolbox.add_program(tree, options.command[0], cwd)
    for folder in ("/root", "/tmp", "/var/tmp", "/proc", "/sys", "/dev", cwd):
        tree.directory(folder)
    tree.text("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    tree.text("/etc/group", b"root:x:0:\n")
    tree.console()
    environment = dict(ENVIRONMENT)
    if tree.library_dirs:
        environment["LD_LIBRARY_PATH"] = ":".join(sorted(tree.library_dirs))
    tree.text("/.machine/orders",
              orders([program, *options.command[1:]], cwd, environment,
                     bool(options.out)))
    return tree


def check_memory(tree, memory):
    """The archive and its unpacked files are in memory at the same time."""
    needed = KERNEL_MEMORY + 2 * tree.size() // (1 << 20)
    if needed > memory:
        raise UsageError(f"the files need more memory: --mem {needed}")


class Result:
    """Where the pieces that init sends go."""

    def __init__(self, archive):
        self.archive = archive
        self.status = None

    def sink(self, channel, data):
        """Take a piece of a frame."""
        if channel == frames.OUTPUT:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        elif channel == frames.ERROR:
            sys.stderr.buffer.write(data)
            sys.stderr.buffer.flush()
        elif channel == frames.TAR:
            with explained(self.archive.name, "receiving /out"):
                self.archive.write(data)
        elif channel == frames.STATUS:
            self.status = data[0]


@contextlib.contextmanager
def console_file(path):
    """The binary file that the kernel's messages go to."""
    if path is None:
        yield sys.stderr.buffer
        return
    with explained(path, "creating it"):
        out = open(path, "wb")
    with out:
        yield out


def prepare(options, folder):
    """Check everything that can be checked, and make the boot CD."""
    kernel = paths.kernel(options.kernel)
    tree = build_tree(options)
    check_memory(tree, options.mem)
    tree.write(os.path.join(folder, "cd", "initrd"))
    arguments = " ".join([KERNEL_ARGUMENTS, *options.append])
    iso.linux(os.path.join(folder, "cd"), os.path.join(folder, "boot.iso"),
              kernel, "initrd", arguments)


def died(machine, console, shown):
    """Say what is known about the death."""
    report = [machine.reason()]
    if not console.tail:
        report.append("the kernel said nothing: the boot loader may have "
                      "refused it")
    if not shown:
        report += console.last_words()
    report += ["last lines of the emulator's log:", *machine.log_tail()]
    raise MachineDied("\n".join(report))


def run(options, folder):
    """Run COMMAND; its exit status, or None after the time limit."""
    if options.out:
        outbox.prepare(options.out)
    os.mkdir(os.path.join(folder, "cd"))
    prepare(options, folder)
    machine = emulator.Emulator(folder, options.cpu, options.cpus, options.mem)
    tar = os.path.join(folder, "out.tar")
    with console_file(options.console) as out, open(tar, "wb") as archive:
        console = Console(out)
        result = Result(archive)
        ended = machine.run(console.feed, frames.Decoder(result.sink).feed,
                            options.timeout, options.stats)
    if not ended:
        return None
    if result.status is None:
        died(machine, console, options.console is None)
    if options.out:
        outbox.unpack(tar, options.out)
    return result.status
