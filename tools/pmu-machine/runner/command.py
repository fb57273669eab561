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


def orders(command, cwd, environment, flags):
    """What init reads: see init/init.c."""
    records = ["C" + cwd]
    records += [f"E{name}={environment[name]}" for name in environment]
    records += ["A" + word for word in command]
    records += flags
    return b"".join(os.fsencode(record) + b"\0" for record in records)


def complete(tree, command, cwd, flags=""):
    """Make @tree, which has its programs, a system that runs @command."""
    for folder in ("/root", "/tmp", "/var/tmp", "/proc", "/sys", "/dev", cwd):
        tree.directory(folder)
    tree.text("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    tree.text("/etc/group", b"root:x:0:\n")
    tree.console()
    environment = dict(ENVIRONMENT)
    if tree.library_dirs:
        environment["LD_LIBRARY_PATH"] = ":".join(sorted(tree.library_dirs))
    tree.text("/.machine/orders", orders(command, cwd, environment, flags))


def build_tree(options):
    """The files of the system that COMMAND runs in."""
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
    complete(tree, [program, *options.command[1:]], cwd,
             "O" if options.out else "")
    return tree


def check_memory(tree, memory, share=1):
    """The archive and its unpacked files are in memory at the same time.

    @tree's system has one @share-th of the @memory.
    """
    needed = share * (KERNEL_MEMORY + 2 * tree.size() // (1 << 20))
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


@contextlib.contextmanager
def receiving(options, folder):
    """A Result, and the file of the consoles; at the end /out is unpacked."""
    if options.out:
        outbox.prepare(options.out)
    tar = os.path.join(folder, "out.tar")
    with console_file(options.console) as out, open(tar, "wb") as archive:
        result = Result(archive)
        yield result, out
    if options.out and result.status is not None:
        outbox.unpack(tar, options.out)


def prepare(options, folder, tree):
    """Check everything that can be checked, and make the boot CD."""
    kernel = paths.kernel(options.kernel)
    check_memory(tree, options.mem)
    cd = os.path.join(folder, "cd")
    os.mkdir(cd)
    tree.write(os.path.join(cd, "initrd"))
    arguments = " ".join([KERNEL_ARGUMENTS, *options.append])
    iso.linux(cd, os.path.join(folder, "boot.iso"), kernel, "initrd",
              arguments)


def last_words(console, options):
    """The end of what a kernel said, unless the user saw it already."""
    if not console.tail:
        return ["the kernel said nothing: its loader may have refused it"]
    return console.last_words() if options.console else []


def boot(options, folder, result, out):
    """Boot what prepare() made.  True, or False after the time limit.

    What init sends goes to @result, what the kernel says to @out.
    """
    machine = emulator.Emulator(folder, options.cpu, options.cpus, options.mem,
                                options.skid)
    console = Console(out)
    if not machine.run(console.feed, frames.Decoder(result.sink).feed,
                       options.timeout, options.stats):
        return False
    if result.status is None:
        raise MachineDied("\n".join([
            machine.reason(), *last_words(console, options),
            "last lines of the emulator's log:", *machine.log_tail()]))
    return True


def run(options, folder):
    """Run COMMAND; its exit status, or None after the time limit."""
    prepare(options, folder, build_tree(options))
    with receiving(options, folder) as (result, out):
        ended = boot(options, folder, result, out)
    return result.status if ended else None
