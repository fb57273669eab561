# SPDX-License-Identifier: GPL-2.0-only
"""Run Bochs once, in a folder of its own, and watch what it says."""

import os
import re
import selectors
import signal
import subprocess
import time

from . import paths
from .errors import UsageError, explained

# The clock of every model is 1 GHz: one tick is one cycle is one nanosecond.
HERTZ = 1000000000
# A fixed date: two runs see the same time.
EPOCH = 1700000000

# vga: nobody looks at the screen; a timer that follows the host's clock would
# cut REP instructions and halts at other places in every run.
CONFIG = """\
display_library: nogui
romimage: file={bios}
vgaromimage: file={vgabios}
cpu: model={model}, count={cpus}, ips={hertz}, reset_on_triple_fault=0, \
ignore_bad_msrs=0
memory: guest={memory}, host={host}
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=boot.iso, status=inserted
boot: cdrom
clock: sync=none, time0={epoch}
vga: extension=vbe, update_freq=1, realtime=0
com1: enabled=1, mode=file, dev=/dev/fd/{console}
port_e9_hack: enabled=1
pci: enabled=1, chipset=i440fx
log: bochs.log
panic: action=fatal
"""

# The BIOS tells the kernel of no memory above the PCI hole.
MAX_MEMORY = 3072
# What Bochs can hold in memory; it keeps the rest in a temporary file.
HOST_MEMORY = 2048

# Bochs' register dump, and the line of it that says where the processor was.
REGISTERS = re.compile(r"\] (\| |CPU is in|[CS]S\.mode|EFER|XCR0)")
INSTRUCTION = re.compile(r"\| [ER]IP=")


class Emulator:
    """One run of Bochs.

    @folder holds boot.iso; on_console and on_debug_port are called with the
    bytes of the first serial port and of port 0xe9 as they come.
    """

    def __init__(self, folder, cpu, cpus, memory, skid=0):
        self.folder = folder
        self.cpu = cpu
        self.cpus = cpus
        self.memory = memory
        self.skid = skid
        self.process = None
        self.log = os.path.join(folder, "bochs.log")
        self.errors = os.path.join(folder, "bochs.err")

    def _configure(self, console):
        path = os.path.join(self.folder, "bochsrc")
        text = CONFIG.format(
            bios=paths.need(paths.BIOS, "run 'make deps'"),
            vgabios=paths.need(paths.VGABIOS, "run 'make deps'"),
            model=self.cpu.model, cpus=self.cpus, hertz=HERTZ,
            memory=self.memory, epoch=EPOCH,
            host=min(self.memory, HOST_MEMORY), console=console)
        with explained(path, "configuring the emulator"), \
                open(path, "w", encoding="ascii") as config:
            config.write(text)

    def _start(self, console, stats):
        bochs = paths.need(paths.BOCHS, "run 'make machine'")
        environment = {**os.environ, "PMU_SKID": str(self.skid)}
        environment.pop("PMU_STATS", None)
        if stats:
            environment["PMU_STATS"] = os.path.abspath(stats)
        # A session of its own: the terminal's Ctrl-C is ours to handle.
        # pdeathsig: it ends even if this process is killed outright.
        command = ["setpriv", "--pdeathsig", "KILL",
                   bochs, "-q", "-f", "bochsrc"]
        with open(self.errors, "wb") as errors:
            return subprocess.Popen(
                command, cwd=self.folder, env=environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=errors, pass_fds=(console,), start_new_session=True)

    def run(self, on_console, on_debug_port, timeout=None, stats=None):
        """Run to the end.  True if it ended by itself, False at @timeout."""
        console, writer = os.pipe()
        try:
            self._configure(writer)
            self.process = self._start(writer, stats)
        finally:
            os.close(writer)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(console, selectors.EVENT_READ, on_console)
                selector.register(self.process.stdout, selectors.EVENT_READ,
                                  on_debug_port)
                return self._watch(selector, timeout)
        finally:
            self.stop()
            os.close(console)

    def _watch(self, selector, timeout):
        end = time.monotonic() + timeout if timeout else None
        while selector.get_map():
            left = None
            if end:
                left = end - time.monotonic()
                if left <= 0:
                    return False
            for key, _ in selector.select(left):
                data = os.read(key.fd, 65536)
                if data:
                    key.data(data)
                else:
                    selector.unregister(key.fileobj)
        self.process.wait()
        return True

    def stop(self):
        """End the emulator, if it still runs, and reap it."""
        if not self.process:
            return
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def reason(self):
        """Why it ended, in its own words."""
        for path in (self.errors, self.log):
            lines = _panics(path)
            if lines:
                return lines[-1]
        return f"the emulator ended with status {self.process.returncode}"

    def log_tail(self, count=6):
        """The last lines of its log up to its end, and where it was then."""
        lines = [line for line in _lines(self.log)
                 if not REGISTERS.search(line) or INSTRUCTION.search(line)]
        ends = [number for number, line in enumerate(lines)
                if ">>PANIC<<" in line]
        end = ends[-1] + 3 if ends else len(lines)
        return lines[max(0, end - count):end]


def _lines(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            return [line.rstrip() for line in log]
    except FileNotFoundError:
        return []


def _panics(path):
    """What Bochs prints, between two rulers, when it gives up."""
    lines = _lines(path)
    marker = "Bochs is exiting with the following message:"
    if marker in lines:
        return lines[lines.index(marker) + 1:][:1]
    return [line for line in lines if ">>PANIC<<" in line]


def check_size(cpus, memory):
    """Refuse what the machine cannot be."""
    if not 1 <= cpus <= 4:
        raise UsageError("--cpus must be 1 to 4")
    if not 64 <= memory <= MAX_MEMORY:
        raise UsageError(f"--mem must be 64 to {MAX_MEMORY}")
