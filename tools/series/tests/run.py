#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Check the series tools on a kernel of three files: one line a fact, and
the totals."""

import glob
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from stack import base, mail, refresh, tree  # noqa: E402
from stack.git import Git, Refused  # noqa: E402
from stack.store import FOLDER, Store  # noqa: E402

VERSION = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = {}\n"
LINES = "".join(f"line {number}\n" for number in range(1, 41))

counts = {"ok": 0, "FAIL": 0}


def check(fact, passed, seen=""):
    """A fact, with what was seen if it does not hold."""
    counts["ok" if passed else "FAIL"] += 1
    print(f"ok: {fact}" if passed else f"FAIL: {fact}: {seen!r}", flush=True)


def refused(fact, *words):
    """A context in which something is refused with a text that has @words."""
    class Context:
        """Looks at the exception."""
        def __enter__(self):
            return self

        def __exit__(self, kind, error, trace):
            text = str(error)
            check(f"refused: {fact}", kind is Refused
                  and all(word in text for word in words), text)
            return kind is not None and issubclass(kind, Refused)
    return Context()


def write(path, text, mode=0o644):
    """Make a file and its folders."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)


def read(path):
    """The text of a file."""
    with open(path, encoding="utf-8") as source:
        return source.read()


class Scratch:
    """A repository with a kernel, and its build/tree."""

    def __init__(self, folder):
        self.folder = folder
        self.top = os.path.join(folder, "repository")
        self.tree = os.path.join(self.top, "build/tree")
        self.kernel(os.path.join(folder, "linux"), "117", LINES)
        tarball = os.path.join(folder, "linux.tar.xz")
        subprocess.run(["tar", "-cJf", tarball, "-C", folder, "linux"],
                       check=True)
        self.source = base.Source(tarball, "as it is here", "toy 1")
        self.store = Store(self.top)
        self.git = Git(self.tree)
        self.repository = Git(self.top)
        write(f"{self.top}/README.md", "ours\n")
        write(f"{self.top}/.gitignore", "/build/\n")
        self.repository.run("init", "-q")
        self.keep()

    @staticmethod
    def kernel(folder, sublevel, lines):
        """A kernel; one of its files is ignored by another."""
        write(f"{folder}/Makefile", VERSION.format(sublevel))
        write(f"{folder}/kernel/core.c", lines)
        write(f"{folder}/kernel/.gitignore", "*.dat\n")
        write(f"{folder}/kernel/table.dat", "kept\n")

    def keep(self):
        """Commit what the repository has."""
        self.repository.run("add", "-A")
        self.repository.run("commit", "-q", "--allow-empty", "-m", "keep")

    def lay(self):
        """make tree"""
        tree.make_tree(self.store, self.tree, self.source)

    def refresh(self):
        """make refresh"""
        return refresh.refresh(self.store, self.tree)

    def commit(self, message, files, *options):
        """A commit in build/tree that writes @files."""
        for path, text in files.items():
            write(os.path.join(self.tree, path), text)
        self.git.run("add", "-A")
        self.git.run("commit", "-q", "-m", message, *options)

    def hook(self, message, number, files=(), *options):
        """A commit that changes one line of core.c, and adds @files."""
        text = read(f"{self.tree}/kernel/core.c")
        text = text.replace(f"line {number}\n", f"line {number}, {message}\n")
        self.commit(message, {"kernel/core.c": text, **dict(files)}, *options)

    def names(self):
        """The patches of the repository."""
        return [os.path.basename(new.name) for new in self.store.patches()]

    def status(self):
        """git status of the repository."""
        return self.repository.lines("status", "--porcelain")


def test_empty(scratch):
    """Nothing there yet."""
    scratch.lay()
    check("an empty series is the base",
          scratch.git.lines("log", "--format=%s")
          == ["Linux 6.12.117 as it is here"])
    check("the base has the files that it ignores itself",
          read(f"{scratch.tree}/kernel/table.dat") == "kept\n")
    scratch.refresh()
    check("an empty series leaves nothing in the repository",
          scratch.status() == [], scratch.status())


def test_round_trip(scratch):
    """Commits, and back."""
    scratch.lay()
    scratch.hook("kernel: Add ä hook", 3, {"include/new.h": "new\n"},
                 "--author=Jörg Ä <j@example.org>",
                 "-m", "Say why.\n\nAt length.")
    scratch.commit("kernel: Add a script", {"tools/new.sh": "#!/bin/sh\n"})
    os.chmod(f"{scratch.tree}/tools/new.sh", 0o755)
    scratch.commit("kernel: Add a script", {}, "--amend")
    scratch.hook("kernel: Hook again", 5)
    scratch.refresh()
    check("refresh writes a patch a commit", scratch.names() == [
        "0001-kernel-Add-hook.patch", "0002-kernel-Add-a-script.patch",
        "0003-kernel-Hook-again.patch"], scratch.names())
    check("a new file stands whole at its path",
          read(f"{scratch.top}/include/new.h") == "new\n")
    check("a new file keeps its mode",
          os.access(f"{scratch.top}/tools/new.sh", os.X_OK))
    text = read(f"{scratch.top}/{FOLDER}/0001-kernel-Add-hook.patch")
    check("a patch has the whole message, its new file's path and the hook",
          all(words in text for words in (
              "From: Jörg Ä <j@example.org>\n",
              "Subject: kernel: Add ä hook\n\nSay why.\n\nAt length.\n"
              "---\nNew-file: include/new.h\n\ndiff --git",
              "+line 3, kernel: Add ä hook\n")) and "+new" not in text, text)
    check("the series says what it was made on",
          read(f"{scratch.top}/{FOLDER}/series").startswith(
              "# Made on Linux 6.12.117\n"))
    scratch.keep()
    scratch.lay()
    scratch.refresh()
    check("tree and refresh change nothing", scratch.status() == [],
          scratch.status())
    tip = scratch.git.commit("HEAD")
    subprocess.run(["rm", "-rf", scratch.tree], check=True)
    scratch.lay()
    check("a second tree has the same ids", scratch.git.commit("HEAD") == tip)
    check("the author comes back", scratch.git.lines(
        "log", "--reverse", "--format=%an", "base..")[0] == "Jörg Ä")


def test_edits(scratch):
    """Reordered, dropped and amended commits; edits in the repository."""
    scratch.lay()
    scratch.hook("one", 3, {"include/one.h": "1\n"})
    scratch.hook("two", 20, {"deep/down/two.h": "2\n"})
    scratch.hook("three", 37)
    scratch.refresh()
    one, _, three = scratch.git.lines("rev-list", "--reverse", "base..HEAD")
    scratch.git.run("reset", "-q", "--hard", "base")
    scratch.git.run("cherry-pick", three, one)
    scratch.refresh()
    check("refresh follows an order, and drops what was dropped",
          scratch.names() == ["0001-three.patch", "0002-one.patch"]
          and len(glob.glob(f"{scratch.top}/{FOLDER}/*.patch")) == 2,
          scratch.names())
    check("a dropped commit's new file goes, with its folders",
          not os.path.exists(f"{scratch.top}/deep"))
    write(f"{scratch.top}/include/one.h", "edited\n")
    core = os.stat(f"{scratch.tree}/kernel/core.c").st_mtime_ns
    with refused("refresh over an edit that was not laid out", "git stash"):
        scratch.refresh()
    scratch.lay()
    check("a new file that was edited in the repository is in the tree",
          read(f"{scratch.tree}/include/one.h") == "edited\n")
    check("files that did not change keep their time",
          os.stat(f"{scratch.tree}/kernel/core.c").st_mtime_ns == core)
    scratch.git.run("reset", "-q", "--hard", "base")
    scratch.refresh()
    check("a series that became empty leaves nothing behind",
          not os.path.exists(f"{scratch.top}/{FOLDER}")
          and not os.path.exists(f"{scratch.top}/include"))


def test_later_changes(scratch):
    """New files that later patches change."""
    lines = "a\nb\nc\n" * 20
    once = lines + "once\n"
    twice = lines[:60] + "twice\n" + lines[60:] + "once again\n"
    scratch.lay()
    scratch.hook("one", 3, {"include/one.h": lines})
    scratch.hook("two", 5, {"include/one.h": once, "tools/two.sh": "2\n"})
    os.chmod(f"{scratch.tree}/tools/two.sh", 0o755)
    scratch.commit("three", {"include/one.h": twice})
    trees = scratch.git.lines("log", "--format=%T")
    scratch.refresh()
    check("a new file stands in the repository as the last patch leaves it",
          read(f"{scratch.top}/include/one.h") == twice
          and os.access(f"{scratch.top}/tools/two.sh", os.X_OK))
    text = read(f"{scratch.top}/{FOLDER}/0002-two.patch")
    check("a later patch has its change to a new file as a diff, beside its "
          "own new file", "New-file: tools/two.sh\n\ndiff" in text
          and "+once\n" in text and "+line 5, two\n" in text
          and "+2\n" not in text, text)
    scratch.keep()
    subprocess.run(["rm", "-rf", scratch.tree], check=True)
    scratch.lay()
    check("each commit comes back as it was",
          scratch.git.lines("log", "--format=%T") == trees)
    scratch.refresh()
    check("tree and refresh change nothing where patches share a new file",
          scratch.status() == [], scratch.status())

    place = f"{scratch.top}/include/one.h"
    longer = "a\nb\nc\n" * 5
    write(place, longer + twice)
    scratch.lay()
    check("an edit in the repository is in all versions of a new file, and "
          "the last is the repository's",
          [scratch.git.text("show", f"{commit}:include/one.h") + "\n"
           for commit in ("HEAD~2", "HEAD~1", "HEAD")]
          == [longer + lines, longer + once, longer + twice])
    tip = scratch.git.commit("HEAD")
    write(place, (longer + twice).replace("twice", "thrice"))
    status = scratch.status()
    for fact, again in (("tree", scratch.lay), ("refresh", scratch.refresh)):
        with refused(f"{fact} of an edit that a later change does not come "
                     "off", "0003-three.patch", "include/one.h", "build/tree"):
            again()
    check("that leaves the tree and the repository alone",
          scratch.git.commit("HEAD") == tip and scratch.status() == status)
    write(place, longer + twice)
    path = f"{scratch.top}/{FOLDER}/0002-two.patch"
    write(path, read(path).replace("New-file: tools/two.sh",
                                   "New-file: include/one.h"))
    with refused("two patches with the same new file", "include/one.h",
                 "two patches"):
        scratch.lay()


def test_refusals(scratch):
    """Nothing is lost, and nothing is taken that could not be kept."""
    with refused("refresh without a tree", "make tree"):
        scratch.refresh()
    scratch.lay()
    start = scratch.git.commit("HEAD")

    def again():
        scratch.git.run("reset", "-q", "--hard", start)
        scratch.git.run("clean", "-qfd")

    write(f"{scratch.tree}/kernel/core.c", "changed\n")
    with refused("refresh of uncommitted changes", "not committed", "core.c"):
        scratch.refresh()
    again()
    write(f"{scratch.tree}/forgotten.c", "new\n")
    with refused("refresh with an untracked file", "forgotten.c"):
        scratch.refresh()
    again()
    scratch.hook("one", 3, {"one.h": "1\n"})
    os.unlink(f"{scratch.tree}/one.h")
    scratch.hook("two", 5)
    with refused("a new file that a later patch deletes", "one.h", "'two'",
                 "plain file"):
        scratch.refresh()
    again()
    scratch.hook("one", 3, {"README.md": "theirs\n"})
    with refused("a new file over one of the repository", "README.md"):
        scratch.refresh()
    again()
    os.symlink("core.c", f"{scratch.tree}/kernel/link.c")
    scratch.commit("link", {})
    with refused("a link as a new file", "link.c", "plain file"):
        scratch.refresh()
    again()
    scratch.commit("nothing", {}, "--allow-empty")
    with refused("an empty commit", "'nothing' changes nothing"):
        scratch.refresh()
    again()
    scratch.hook("message", 3, (), "-m", "--- a line")
    with refused("a message that git am would cut", "git am"):
        scratch.refresh()
    again()
    scratch.git.run("checkout", "-q", "-b", "side")
    scratch.hook("side", 3)
    scratch.git.run("checkout", "-q", "series")
    scratch.hook("main", 20)
    scratch.git.run("merge", "-q", "--no-edit", "side")
    with refused("a merge", "merges"):
        scratch.refresh()
    again()
    check("a refusal leaves the repository alone", scratch.status() == [],
          scratch.status())


def test_unrefreshed(scratch):
    """make tree keeps what was committed in build/tree."""
    scratch.lay()
    scratch.hook("one", 3)
    scratch.refresh()
    scratch.keep()
    scratch.hook("precious", 20)
    path = f"{scratch.top}/{FOLDER}/0001-one.patch"
    write(path, read(path).replace("Subject: one", "Subject: another"))
    with refused("tree over commits that were not refreshed", "would be lost",
                 "precious", "make refresh"):
        scratch.lay()
    scratch.git.run("reset", "-q", "--hard", tree.LAID)
    write(f"{scratch.tree}/kernel/core.c", "changed\n")
    with refused("tree over uncommitted changes", "not committed", "core.c"):
        scratch.lay()
    scratch.git.run("checkout", "-q", "-f")
    scratch.lay()
    check("a message that was edited in the repository is in the tree",
          scratch.git.text("log", "-1", "--format=%s") == "another")
    scratch.git.run("-c", "sequence.editor=sed -i 1s/pick/edit/",
                    "rebase", "-q", "-i", "base")
    with refused("refresh in the middle of a rebase", "rebase"):
        scratch.refresh()


def test_other_base(scratch):
    """Another 6.12.y."""
    scratch.lay()
    scratch.hook("one", 20, {"include/one.h": "1\n"})
    scratch.refresh()
    other = os.path.join(scratch.folder, "other")
    scratch.kernel(other, "50", "more\n" + LINES)
    laid = tree.make_tree_on(scratch.store, scratch.tree, base.given(other))
    check("the series applies to another base, beside build/tree",
          laid == scratch.tree + "-6.12.50"
          and "line 20, one" in read(f"{laid}/kernel/core.c")
          and scratch.git.commit("HEAD") == scratch.git.commit(tree.LAID),
          laid)
    scratch.kernel(other, "51", LINES.replace("line 20", "line twenty"))
    with refused("a base that the series does not fit", "0001-one.patch",
                 "kernel/core.c", "made on Linux 6.12.117",
                 "is Linux 6.12.51"):
        tree.make_tree_on(scratch.store, scratch.tree, base.given(other))
    scratch.kernel(other, "52", LINES)
    write(f"{other}/include/one.h", "theirs\n")
    with refused("a base that has one of the new files", "include/one.h"):
        tree.make_tree_on(scratch.store, scratch.tree, base.given(other))
    with refused("a base that is not there", "/nowhere does not exist"):
        base.given("/nowhere")
    scratch.source = base.Source(other, "as it is here", "toy 2")
    os.unlink(f"{other}/include/one.h")
    scratch.lay()
    check("tree moves to a base that was upgraded",
          scratch.git.lines("log", "--format=%s")[1]
          == "Linux 6.12.52 as it is here")


def test_checkout(scratch):
    """What kernel.sh builds."""
    scratch.lay()
    scratch.hook("one", 3)
    scratch.refresh()
    scratch.hook("not refreshed", 20)
    built = os.path.join(scratch.top, "build/linux-mediated")
    tip = tree.checkout(scratch.store, scratch.tree, scratch.source, built)
    check("a checkout has the repository's series, whatever build/tree has",
          tip == scratch.git.commit(tree.LAID)
          and "not refreshed" not in read(f"{built}/kernel/core.c"))
    write(f"{built}/.objects/core.o", "built")
    subprocess.run(["rm", "-rf", scratch.tree], check=True)
    check("a checkout survives the loss of build/tree", tip == tree.checkout(
        scratch.store, scratch.tree, scratch.source, built))


def test_mail(scratch):
    """make series"""
    scratch.lay()
    out = os.path.join(scratch.top, "build/series")
    with refused("mails of an empty series", "empty"):
        mail.write_series(scratch.store, scratch.tree, scratch.source, out)
    scratch.hook("kernel: Add ä hook", 3, {"include/one.h": "1\n"})
    scratch.commit("kernel: Add a file", {"kernel/two.c": "2\n",
                                          "include/one.h": "1\n1\n"})
    scratch.refresh()
    with refused("mails without a cover letter", "cover-letter.txt"):
        mail.write_series(scratch.store, scratch.tree, scratch.source, out)
    write(f"{scratch.top}/{FOLDER}/cover-letter.txt",
          "kernel: All of it\n\nWhy.\n")
    mail.write_series(scratch.store, scratch.tree, scratch.source, out)
    names = sorted(glob.glob(f"{out}/*"))
    cover = read(names[0])
    check("the cover letter has its subject and text", "Subject: [PATCH 0/2] "
          "kernel: All of it\n" in cover and "\nWhy.\n" in cover, cover)
    tip = scratch.git.text("rev-parse", "HEAD^{tree}")
    scratch.git.run("reset", "-q", "--hard", "base")
    scratch.git.run("am", "-q", *names[1:])
    check("git am takes the mails, and makes the same tree",
          scratch.git.text("rev-parse", "HEAD^{tree}") == tip)


def main():
    """All of it, each part in a folder of its own."""
    for name in ("AUTHOR", "COMMITTER"):
        os.environ[f"GIT_{name}_NAME"] = "A Tester"
        os.environ[f"GIT_{name}_EMAIL"] = "tester@example.org"
    for test in (test_empty, test_round_trip, test_edits, test_later_changes,
                 test_refusals, test_unrefreshed, test_other_base,
                 test_checkout, test_mail):
        with tempfile.TemporaryDirectory() as folder:
            test(Scratch(os.path.realpath(folder)))
    print("{ok} passed, {FAIL} failed, 0 skipped".format(**counts))
    return 1 if counts["FAIL"] else 0


sys.exit(main())
