# SPDX-License-Identifier: GPL-2.0-only
"""Judge each patch: it builds with W=1, and neither gcc, sparse nor
checkpatch find anything in it that its parent does not have."""

import os
import re
import shutil
import subprocess

from .git import Git, Refused, decoded
from .store import FOLDER
from .tree import checkout

REASONS = os.path.join(FOLDER, "check-reasons")
WARNING = re.compile(
    r"^(?:\.\./)*([^\s:]+)(?::\d+)*: ((?:warning|(?:fatal )?error): .*)$", re.MULTILINE)
# The finding, its place in the mail and in the file, and the line itself.
CHECKPATCH = re.compile(
    r"^(?:ERROR|WARNING|CHECK):(\w+): (.*)(?:\n#\d+: ?(.*)\n(.*))?$",
    re.MULTILINE)
# What the kernel's own make does not build, or builds everywhere.
ELSEWHERE = re.compile(
    r"(tools|Documentation|scripts|include|arch/\w+/include)/")
SOURCES = (".c", ".h", ".S", "Makefile")


class Report:
    """Prints facts, excuses findings that have a reason, and counts."""

    def __init__(self, reasons):
        self.reasons = reasons
        self.used = set()
        self.counts = {"ok": 0, "FAIL": 0, "skip": 0}

    def fact(self, word, text, details=()):
        """One line, and what was found below it."""
        self.counts[word] += 1
        print("\n  | ".join([f"{word}: {text}", *details]), flush=True)

    def findings(self, number, what, found):
        """@found, as type and text, fails @what unless each has a reason;
        None stands for nothing to look at."""
        if found is None:
            self.fact("skip", f"{number} {what}: nothing that is built here")
            return
        open_ones = [f"{kind}: {text}" for kind, text in found
                     if (number, kind) not in self.reasons]
        excused = sorted({(number, kind) for kind, _ in found}
                         & set(self.reasons))
        self.used.update(excused)
        reasons = [f"{kind} is excused: {self.reasons[number, kind]}"
                   for number, kind in excused]
        self.fact("FAIL" if open_ones else "ok", f"{number} {what}",
                  open_ones + reasons)

    def unused(self, numbers):
        """A reason that excuses nothing is about another patch by now."""
        for number, kind in sorted(set(self.reasons) - self.used):
            if number in numbers:
                self.fact("FAIL",
                          f"{REASONS}: {number} {kind} excuses nothing")

    def end(self):
        """The totals, and the exit status."""
        print("{ok} passed, {FAIL} failed, {skip} skipped"
              .format(**self.counts))
        return 1 if self.counts["FAIL"] else 0


class Builder:
    """Builds parts of a kernel, and keeps the warnings that it has seen."""

    def __init__(self, store, source):
        self.source = source
        self.out = os.path.join(source, ".kernel-check")
        self.machine = store.path("tools/pmu-machine")
        self.seen = set()

    def configure(self):
        """A patch may bring symbols that the configuration does not know."""
        if subprocess.run([f"{self.machine}/build/configure.sh", self.source,
                           self.out, f"{self.machine}/kernel/small.config"],
                          check=False).returncode:
            raise Refused("the kernel cannot be configured")

    def make(self, kind, *arguments):
        """The findings of make @arguments that are new."""
        done = subprocess.run(
            ["make", "-s", "-k", "-O", "-C", self.source, f"O={self.out}",
             f"-j{os.cpu_count()}", "CC=ccache gcc", "HOSTCC=ccache gcc",
             "W=1", *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        text = decoded(done.stdout)
        found = dict.fromkeys(map(": ".join, WARNING.findall(text)))
        new = [(kind, line) for line in found if line not in self.seen]
        self.seen.update(found)
        if done.returncode:
            lines = [line for line in text.splitlines()
                     if not line.startswith("make")]
            new += [("BUILD", line) for line in lines[-20:]]
        return new

    def start(self, folders, files):
        """See what there is to see before the first patch, from nothing:
        what is built already would keep its warnings to itself."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.configure()
        found = (self.compile(folders) or []) + (self.sparse(files) or [])
        broken = [text for kind, text in found if kind == "BUILD"]
        if broken:
            raise Refused("\n".join(["what is below the first patch does "
                                     "not build:", *broken]))

    def compile(self, folders):
        """Build @folders, as far as they are there yet."""
        there = [folder + "/" for folder in folders
                 if os.path.isdir(os.path.join(self.source, folder))]
        return self.make("W1", *there) if there else None

    def sparse(self, files):
        """Run sparse on those of @files that the configuration builds."""
        objects = [re.sub(r"\.c$", ".o", path) for path in files]
        built = [path for path in objects
                 if os.path.exists(os.path.join(self.out, path))]
        return self.make("SPARSE", "C=2", *built) if built else None


def _read_reasons(store):
    """Lines of NNNN TYPE REASON."""
    try:
        with open(store.path(REASONS), encoding="utf-8") as lines:
            words = [line.split(maxsplit=2) for line in lines
                     if line.strip() and not line.startswith("#")]
    except FileNotFoundError:
        return {}
    if any(len(line) != 3 for line in words):
        raise Refused(f"{REASONS}: a line is NNNN TYPE REASON")
    return {(number, kind): reason.strip() for number, kind, reason in words}


def _folder(git, commit, path):
    """The folder that make has to build for @path, or None."""
    folder = os.path.dirname(path)
    if ELSEWHERE.match(path) or not path.endswith(SOURCES):
        return None
    while folder and not git.lines("ls-tree", "--name-only", commit, "--",
                                   f"{folder}/Makefile", f"{folder}/Kbuild"):
        folder = os.path.dirname(folder)
    return folder or None


def _checkpatch(git, commit):
    """What checkpatch says about the commit, as it would be mailed."""
    mail = git.run("format-patch", "--stdout", "-1", commit)
    done = subprocess.run(
        ["perl", "scripts/checkpatch.pl", "--strict", "--show-types",
         "--no-summary", "--color=never", "-"],
        cwd=git.folder, input=mail, capture_output=True, check=False)
    found = CHECKPATCH.findall(decoded(done.stdout))
    if done.returncode and not found:
        raise Refused(f"checkpatch: {decoded(done.stderr).strip()}")
    return [(kind, ": ".join(filter(None, text))) for kind, *text in found]


def _judge(report, builder, git, number, commit, folders):
    """One patch."""
    git.run("checkout", "-q", "-f", "--detach", commit)
    builder.configure()
    touched = git.lines("diff-tree", "-r", "--name-only", "--no-commit-id",
                        commit)
    subject = git.text("log", "-1", "--format=%s", commit)
    report.findings(number, f"{subject}: checkpatch", _checkpatch(git, commit))
    # The folders of the whole series: a header has users in all of them.
    report.findings(number, f"{subject}: W=1", builder.compile(folders))
    report.findings(number, f"{subject}: sparse",
                    builder.sparse([path for path in touched
                                    if path.endswith(".c")]))


def check(store, folder, source, first):
    """Judge the patches from number @first on; the exit status."""
    report = Report(_read_reasons(store))
    git = Git(os.path.join(os.path.dirname(folder), "linux-check"))
    tip = checkout(store, folder, source, git.folder)
    count = len(store.patches())
    below = f"{tip}~{count - first + 1}"
    if not 1 <= first <= count:
        raise Refused(f"there is no patch {first}: the series has {count}")
    files = git.lines("diff-tree", "-r", "--name-only", below, tip)
    folders = sorted({_folder(git, tip, path) for path in files} - {None})

    builder = Builder(store, git.folder)
    git.run("checkout", "-q", "-f", "--detach", below)
    builder.start(folders, [path for path in files if path.endswith(".c")])
    numbers = {f"{number:04}": commit for number, commit in enumerate(
        git.lines("rev-list", "--reverse", f"{below}..{tip}"), first)}
    for number, commit in numbers.items():
        _judge(report, builder, git, number, commit, folders)
    report.unused(numbers)
    return report.end()
