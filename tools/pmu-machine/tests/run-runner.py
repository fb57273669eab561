#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Check the runner with the real emulator: one line a fact, and the totals.

run-runner.py [KERNEL] - KERNEL is what --kernel gets (default: base).
MACHINE names another runner, CPU another model.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
MACHINE = os.environ.get("MACHINE", os.path.join(HERE, "../machine"))
CPU = os.environ.get("CPU", "sapphire-rapids")
KERNEL = sys.argv[1] if len(sys.argv) > 1 else "base"
# Of the host; a machine that boots needs a tenth of it, even on a busy one.
LIMIT = 600 if KERNEL == "debug" else 240
MEMORY = "2048" if KERNEL == "debug" else "512"

counts = {"ok": 0, "FAIL": 0, "skip": 0}


def report(word, fact, detail=""):
    """One line of the result."""
    counts[word] += 1
    print(f"{word}: {fact}" + (f": {detail}" if detail else ""), flush=True)


def check(fact, passed, seen=""):
    """A fact, with what was seen if it does not hold."""
    report("ok" if passed else "FAIL", fact, "" if passed else repr(seen))


def run_arguments(*arguments):
    """The command line of machine run."""
    return [MACHINE, "run", "--cpu", CPU, "--kernel", KERNEL, "--mem", MEMORY,
            *arguments]


def guest_arguments(*arguments):
    """The command line of machine guest."""
    return [MACHINE, "guest", "--cpu", CPU, "--kernel", KERNEL, "--vpmu",
            "perf", "--mem", MEMORY, *arguments]


def call(arguments, folder):
    """Run it to its end: the finished process, with bytes as its output."""
    return subprocess.run(arguments, stdin=subprocess.DEVNULL, check=False,
                          capture_output=True, cwd=folder, timeout=2 * LIMIT)


def run(folder, *arguments, limit=LIMIT):
    """machine run ARGUMENTS to its end."""
    return call(run_arguments("--timeout", str(limit), *arguments), folder)


def guest(folder, *arguments, limit=LIMIT):
    """machine guest ARGUMENTS to its end."""
    return call(guest_arguments("--timeout", str(limit), *arguments), folder)


def write(path, content, mode=0o644):
    """Make a file."""
    with open(path, "w", encoding="utf-8") as out:
        out.write(content)
    os.chmod(path, mode)


def read(path):
    """The bytes of a file, or None if it is not there."""
    try:
        with open(path, "rb") as source:
            return source.read()
    except OSError:
        return None


def test_output_and_status(folder):
    """Status, order of the output, arguments, environment."""
    script = "echo one; echo two >&2; echo three; printf '[%s]' \"$@\"; exit 7"
    done = run(folder, "--", "sh", "-c", script, "sh", "a b", "", "$x\n")
    check("the status is COMMAND's", done.returncode == 7, done)
    check("stdout and stderr come out in order, and nothing else does",
          done.stdout == b"one\ntwo\nthree\n[a b][][$x\n]", done.stdout)
    done = run(folder, "--", "sh", "-c", "pwd; env | sort; kill -9 $$")
    check("a command killed by signal 9 has status 137",
          done.returncode == 137, done)
    check("COMMAND has the user's folder and a fixed environment",
          done.stdout.split() == [os.fsencode(folder), b"HOME=/root",
                                  b"LANG=C", b"PATH=/usr/local/sbin:/usr/local"
                                  b"/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                  b"PWD=" + os.fsencode(folder), b"SHLVL=1",
                                  b"TERM=dumb"], done.stdout)


def test_time_limit(folder):
    """What was printed before the limit is there although nothing ended."""
    started = time.monotonic()
    done = run(folder, "--", "sh", "-c", "echo early; while :; do :; done",
               limit=LIMIT / 4)
    check("the time limit gives 124", done.returncode == 124, done)
    check("output streams: it is there before COMMAND ends",
          done.stdout == b"early\n", done.stdout)
    check("the time limit is of the host's seconds",
          LIMIT / 4 <= time.monotonic() - started < LIMIT / 2,
          time.monotonic() - started)


def test_deaths(folder):
    """A dead machine is 125, with its last words."""
    done = run(folder, "--", "sh", "-c", "echo c > /proc/sysrq-trigger")
    check("a panic gives 125", done.returncode == 125, done)
    check("the panic is on stderr",
          b"Kernel panic" in done.stderr, done.stderr)
    log = os.path.join(folder, "console")
    done = run(folder, "--console", log, "--append", "init=/nowhere",
               "--append", "rdinit=/nowhere", "--", "true")
    check("a kernel without an init gives 125", done.returncode == 125, done)
    check("with --console the panic is in the file and in the message",
          b"Kernel panic" in read(log) and b"Kernel panic" in done.stderr,
          done.stderr)
    done = run(folder, "--", "poweroff", "-f")
    check("a power-off by COMMAND gives 125", done.returncode == 125, done)


def test_files(folder):
    """--with, --out, and programs of the host."""
    program = os.path.join(folder, "needs-lib")
    subprocess.run(["cc", "-o", program,
                    os.path.join(HERE, "runner/needs-lib.c"), "-lm"],
                   check=True)
    os.makedirs(os.path.join(folder, "data/sub"))
    blob = os.urandom(3 << 20)
    with open(os.path.join(folder, "data/sub/blob"), "wb") as out:
        out.write(blob)
    os.symlink("sub/blob", os.path.join(folder, "data/link"))
    write(os.path.join(folder, "script"), "#!/bin/sh\necho script\n", 0o755)
    done = run(folder, "--out", "result", "--with", "data", "--with",
               "script:/opt/bin/", "--", "sh", "-ec",
               "/opt/bin/script; test -h data/link; cp -a data /out/; "
               "echo text > /out/text; chmod 755 /out/text")
    check("a script comes with --with PATH:DEST/",
          done.returncode == 0 and done.stdout == b"script\n", done)
    result = os.path.join(folder, "result")
    check("3 MB go in and come out unchanged",
          read(os.path.join(result, "data/sub/blob")) == blob)
    check("a link comes out as a link",
          os.path.islink(os.path.join(result, "data/link")))
    check("a file's mode comes out",
          os.access(os.path.join(result, "text"), os.X_OK))
    done = run(folder, "--", "./needs-lib", "27")
    check("a program of the user's folder runs with its libraries",
          done.stdout == b"cbrt 3\n", done)


def leftovers(folder):
    """The emulators and temporary files that a run in @folder left behind."""
    left = os.listdir(os.path.join(folder, "tmp"))
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{process}/cwd").startswith(folder):
                left.append(process)
        except OSError:
            continue
    return left


def interrupt(folder, number, arguments):
    """Interrupt a running machine, once it has printed something; its status.
    """
    machine = subprocess.Popen(
        [*arguments, "--", "sh", "-c", "echo up; while :; do :; done"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, cwd="/",
        env=dict(os.environ, TMPDIR=os.path.join(folder, "tmp")))
    with machine.stdout as output:
        check("a command's output comes before its end",
              output.readline() == b"up\n")
        check("a running machine keeps its files in TMPDIR",
              len(leftovers(folder)) >= 2, leftovers(folder))
        machine.send_signal(number)
        return machine.wait(30)


def test_interrupt(folder):
    """Ctrl-C and SIGTERM leave nothing behind, of a guest neither."""
    os.mkdir(os.path.join(folder, "tmp"))
    for name, arguments in (("SIGINT", run_arguments()),
                            ("SIGTERM", guest_arguments())):
        number = getattr(signal, name)
        status = interrupt(folder, number, arguments)
        check(f"{name} gives {128 + number}", status == 128 + number, status)
        check(f"{name} leaves no process and no file",
              not leftovers(folder), leftovers(folder))


def sections(path):
    """The statistics in @path, or None."""
    text = read(path)
    return json.loads(text) if text else None


def test_same_twice(folder):
    """Two runs at the same time do not disturb each other, and are equal."""
    outputs = [os.path.join(folder, f"stats{number}") for number in range(2)]
    machines = [subprocess.Popen(
        run_arguments("--timeout", str(LIMIT), "--stats", stats, "--", "sh",
                      "-c", "mark here; dmesg; cat /proc/interrupts"),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, cwd=folder) for stats in outputs]
    seen = [machine.communicate(timeout=2 * LIMIT) for machine in machines]
    check("two machines run side by side",
          all(re.search(rb"Linux version", out) for out, _ in seen), seen)
    check("two runs print the same log, to the microsecond, and the same "
          "interrupt counts", seen[0][0] == seen[1][0])
    if any(b"wrote no statistics" in errors for _, errors in seen):
        report("skip", "two runs have identical statistics",
               "the emulator wrote none")
        return
    first, second = (sections(path) for path in outputs)
    check("two runs end with 0 and statistics",
          all(machine.returncode == 0 for machine in machines)
          and first is not None, seen)
    check("two runs have identical statistics", first == second)
    check("the mark started a section of its name",
          '"here"' in json.dumps(first), first)


GUEST_SCRIPT = """
mark inside
echo one; echo two >&2
grep -o -m 1 hypervisor /proc/cpuinfo
dmesg | grep -o 'Performance Events: .* driver'
printf '[%s]' "$@"
cp -a data /out/
exit 7
"""


def test_guest(folder):
    """machine guest does what machine run does, and the same twice."""
    os.mkdir(os.path.join(folder, "data"))
    blob = os.urandom(1 << 20)
    with open(os.path.join(folder, "data/blob"), "wb") as out:
        out.write(blob)
    first, second = (
        guest(folder, "--stats", f"stats{number}", "--out", f"out{number}",
              "--with", "data", "--", "sh", "-ec", GUEST_SCRIPT, "sh", "a b",
              "") for number in range(2))
    check("guest: the status is COMMAND's", first.returncode == 7, first)
    check("guest: COMMAND's output is all of stdout, it runs in a guest, and "
          "the guest has a PMU",
          re.fullmatch(rb"one\ntwo\nhypervisor\n"
                       rb"Performance Events: .* driver\n\[a b\]\[\]",
                       first.stdout), first)
    check("guest: 1 MB goes in and comes out unchanged",
          read(os.path.join(folder, "out0/data/blob")) == blob)
    check("guest: the consoles of both kernels are on stderr",
          re.search(rb"^\[ .*\nguest: \[ ", first.stderr, re.M | re.S),
          first.stderr)
    stats = [sections(os.path.join(folder, f"stats{number}"))
             for number in range(2)]
    check("guest: the mark's section says that the guest made it",
          ("inside", "guest") in [(section["name"], section["by"])
                                  for section in stats[0]["sections"]])
    check("guest: two runs are identical, in output and statistics",
          first.stdout == second.stdout and first.stderr == second.stderr
          and stats[0] == stats[1])


def test_guest_ends(folder):
    """The ends that are not COMMAND's: of the guest, QEMU and the host."""
    done = guest(folder, "--", "sh", "-c", "echo c > /proc/sysrq-trigger")
    check("guest: its panic gives 125 and is on stderr",
          done.returncode == 125 and b"the guest died" in done.stderr
          and re.search(rb"guest: .*Kernel panic", done.stderr), done)
    done = guest(folder, "--guest-cpu", "z80", "--", "true")
    check("guest: if QEMU refuses to start, that gives 125, with its words",
          done.returncode == 125 and b"CPU model 'z80'" in done.stderr, done)
    done = guest(folder, "--append", "rdinit=/nowhere init=/nowhere", "--",
                 "true")
    check("guest: the host's panic gives 125, and is not called the guest's",
          done.returncode == 125 and b"the machine died" in done.stderr, done)
    done = guest(folder, "--", "true", limit=5)
    check("guest: the time limit gives 124", done.returncode == 124, done)


def test_selftest(folder):
    """A COMMAND that makes its guest itself runs on the host."""
    done = guest(folder, "--vmm", "selftest", "--", "sh", "-c",
                 "grep hypervisor /proc/cpuinfo || test -c /dev/kvm")
    check("guest: --vmm selftest runs COMMAND on the host",
          done.returncode == 0 and not done.stdout, done)


def test_bare(folder):
    """machine boot."""
    image = os.path.join(folder, "image")
    subprocess.run(["cc", "-m32", "-nostdlib", "-static", "-no-pie",
                    "-Wl,--build-id=none,-n,-z,norelro", "-Wl,-Ttext=0x100000",
                    "-o", image, os.path.join(HERE, "runner/bare.S")],
                   check=True, stderr=subprocess.DEVNULL)
    write(os.path.join(folder, "module"), "from the module")
    boot = [MACHINE, "boot", "--cpu", CPU, "--mem", "128", "--module",
            "module", "--timeout"]
    done = call([*boot, str(LIMIT), image, "word", "-x"], folder)
    check("boot hands over the command line and the module",
          done.stdout == b"/image word -x\nfrom the module\n", done)
    check("boot ends with the exit port's value * 2 + 1",
          done.returncode == 11, done)
    done = call([*boot, str(LIMIT), image, "triple"], folder)
    check("a triple fault gives 125", done.returncode == 125, done)
    done = call([*boot, str(LIMIT / 8), image, "hang"], folder)
    check("an image that hangs gives 124", done.returncode == 124, done)


def clear_error(fact, text, done):
    """The one line of @done's standard error has @text."""
    check(f"{fact} is a clear error",
          done.returncode == 2 and text in done.stderr
          and done.stderr.count(b"\n") == 1, done)


def test_errors(folder):
    """What the user did wrong is said in one sentence, at once."""
    bad = os.path.join(folder, "bad")
    write(bad, "x" * 4096)
    for verb, fact, text, *arguments in (
            (run, "an unknown CPU", b"unknown CPU 'z80'", "--cpu", "z80"),
            (run, "a missing file", b"no such file: /nowhere",
             "--with", "/nowhere"),
            (run, "a missing kernel", b"no kernel '/nowhere'",
             "--kernel", "/nowhere"),
            (run, "a kernel that is none", b"is not a bzImage",
             "--kernel", bad),
            (run, "an --out that is a file", b"bad: ", "--out", "bad"),
            (run, "a --stats that cannot be written",
             b"/nowhere/x: No such file", "--stats", "/nowhere/x"),
            (guest, "guest: a mediated vPMU on the base kernel",
             b"has no mediated vPMU", "--kernel", "base",
             "--vpmu", "mediated"),
            (guest, "guest: a missing guest kernel", b"no kernel '/nowhere'",
             "--guest-kernel", "/nowhere")):
        clear_error(fact, text,
                    verb(folder, *arguments, "--", "true", limit=30))
    done = run(folder, "--", "no-such-program", limit=30)
    check("a missing program is a clear error", done.returncode == 2
          and b"no such program: no-such-program" in done.stderr, done)


def main():
    """All of it, each part in a folder of its own."""
    for test in (test_errors, test_output_and_status, test_files, test_bare,
                 test_deaths, test_interrupt, test_same_twice,
                 test_guest, test_guest_ends, test_selftest,
                 test_time_limit):
        with tempfile.TemporaryDirectory() as folder:
            test(os.path.realpath(folder))
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, "
          f"{counts['skip']} skipped")
    return 1 if counts["FAIL"] else 0


sys.exit(main())
