# SPDX-License-Identifier: GPL-2.0-only
"""The command line of the machine."""

import argparse
import os
import signal
import sys
import tempfile

from . import bare, command, cpus, emulator, guest, paths
from .errors import DIED, TIMEOUT, USAGE, MachineDied, UsageError, explained


def _common(parser):
    parser.add_argument("--cpu", default=cpus.DEFAULT, metavar="NAME",
                        help=f"see 'machine cpus' (default {cpus.DEFAULT})")
    parser.add_argument("--cpus", type=int, default=1, metavar="N",
                        help="1 to 4 processors (default 1)")
    parser.add_argument("--mem", type=int, default=1024, metavar="MB",
                        help="memory (default 1024)")
    parser.add_argument("--skid", type=int, default=0, metavar="CYCLES",
                        help="from a counter's overflow to its interrupt "
                        "(default 0)")
    parser.add_argument("--stats", metavar="FILE",
                        help="write exact counts as JSON")
    parser.add_argument("--timeout", type=float, metavar="SECONDS",
                        help="kill the machine after this time of the host")


def _command(parser, kernel):
    _common(parser)
    parser.add_argument("--kernel", default=kernel,
                        metavar="NAME|FILE",
                        help="what the machine boots: "
                        f"{', '.join(paths.KERNELS)}, or a file "
                        f"(default {kernel})")
    parser.add_argument("--append", action="append", default=[],
                        metavar="ARGS", help="more kernel arguments")
    parser.add_argument("--with", action="append", default=[], dest="extra",
                        metavar="PATH[:DEST]",
                        help="bring a file or folder, or perf, mark, "
                        "qemu-system-x86_64")
    parser.add_argument("--out", metavar="DIR",
                        help="bring what COMMAND leaves in /out here")
    parser.add_argument("--console", metavar="FILE",
                        help="kernel messages go here, not to stderr")
    parser.add_argument("command", nargs=argparse.REMAINDER,
                        metavar="-- COMMAND [ARG...]")


def _run_parser(commands):
    parser = commands.add_parser("run", help="run a command on a kernel")
    _command(parser, "base")
    parser.set_defaults(go=command.run)


def _guest_parser(commands):
    parser = commands.add_parser("guest",
                                 help="run a command in a KVM guest")
    _command(parser, "mediated")
    parser.add_argument("--vpmu", choices=("mediated", "perf", "off"),
                        default="mediated",
                        help="the guest's PMU: the processor's own, one made "
                        "of perf events, or none (default mediated)")
    parser.add_argument("--vmm", choices=("qemu", "selftest"), default="qemu",
                        help="what makes the guest: QEMU, or COMMAND itself, "
                        "which runs on the host then (default qemu)")
    parser.add_argument("--guest-kernel", default="base",
                        metavar="NAME|FILE",
                        help="what the guest boots, like --kernel (default base)")
    parser.add_argument("--guest-cpu", default="host", metavar="MODEL",
                        help="QEMU's -cpu (default host)")
    parser.add_argument("--guest-cpus", type=int, default=1, metavar="N",
                        help="the guest's processors (default 1)")
    parser.add_argument("--guest-append", action="append", default=[],
                        metavar="ARGS", help="more guest kernel arguments")
    parser.set_defaults(go=guest.run)


def _boot_parser(commands):
    parser = commands.add_parser("boot", help="boot a multiboot image, bare")
    _common(parser)
    parser.add_argument("--module", action="append", default=[],
                        metavar="FILE", help="a multiboot module")
    parser.add_argument("image", metavar="IMAGE")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARG")
    parser.set_defaults(go=bare.run)


def parse(arguments):
    """The options, checked as far as they can be without looking at files."""
    parser = argparse.ArgumentParser(prog="machine", description=__doc__)
    commands = parser.add_subparsers(dest="verb", required=True)
    _run_parser(commands)
    _guest_parser(commands)
    _boot_parser(commands)
    listing = commands.add_parser("cpus", help="list the processors")
    listing.add_argument("--names", action="store_true",
                         help="their names only")
    options = parser.parse_args(arguments)
    if options.verb == "cpus":
        return options
    if "command" in options:
        if options.command[:1] == ["--"]:
            del options.command[0]
        if not options.command:
            parser.error("no COMMAND")
    if options.timeout is not None and options.timeout <= 0:
        parser.error("--timeout must be more than 0")
    if options.skid < 0:
        parser.error("--skid must be 0 or more")
    if options.verb == "guest":
        guest.check(options)
    options.cpu = cpus.find(options.cpu)
    emulator.check_size(options.cpus, options.mem)
    return options


def _end_on_signal(number, _frame):
    # A second signal must not interrupt the cleaning up.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _catch_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end_on_signal)


def _check_stats(path):
    """Leave no old file that could be taken for this run's."""
    with explained(path, "creating it"):
        with open(path, "wb"):
            pass
        os.unlink(path)


def _go(options):
    if options.stats:
        _check_stats(options.stats)
    with explained(tempfile.gettempdir(), "starting the machine"):
        temporary = tempfile.TemporaryDirectory(prefix="pmu-machine.")
    with temporary as folder:
        status = options.go(options, folder)
    if status is None:
        print(f"machine: killed after {options.timeout:g} seconds",
              file=sys.stderr)
        return TIMEOUT
    if options.stats and not os.path.exists(options.stats):
        raise MachineDied("the emulator wrote no statistics")
    return status


def main(arguments):
    """Run the command line; the exit status."""
    try:
        options = parse(arguments)
        if options.verb == "cpus":
            print("\n".join(cpus.names() if options.names else cpus.table()))
            return 0
        _catch_signals()
        return _go(options)
    except UsageError as error:
        print(f"machine: {error}", file=sys.stderr)
        return USAGE
    except MachineDied as error:
        print(f"machine: {error.who} died: {error}", file=sys.stderr)
        return DIED
    except BrokenPipeError:
        # Nobody reads any more; Python must not try to flush at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        print(f"machine: {error}", file=sys.stderr)
        return USAGE
