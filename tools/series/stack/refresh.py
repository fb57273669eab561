# SPDX-License-Identifier: GPL-2.0-only
"""From the git branch back to the repository."""

import os
import re

from . import base
from .git import Git, Refused
from .patch import Patch
from .store import FOLDER
from .tree import LAID, alone, lay, refuse_unfinished

PLAIN_FILES = ("100644", "100755")
# Where git am ends a message.
ENDS_MESSAGE = re.compile(r"^(?:---|diff -|Index: )", re.MULTILINE)


def _commits(git):
    """The commits above the base, the lowest first."""
    if not git.commit("base") or \
            git.text("merge-base", "base", "HEAD") != git.commit("base"):
        raise Refused(f"{git.folder} does not start at its tag 'base'")
    if git.lines("rev-list", "--merges", "base..HEAD"):
        raise Refused(f"{git.folder} has merges, a series is a line of "
                      "commits")
    return git.lines("rev-list", "--reverse", "base..HEAD")


def _changes(git, commit):
    """The mode that each file has after @commit, by path."""
    fields = git.text("diff-tree", "-r", "-z", "--no-renames",
                      "--no-commit-id", commit).split("\0")
    return {path: info.split()[1]
            for info, path in zip(fields[0:-1:2], fields[1::2])}


def _message(git, commit):
    """The message, checked for what would not survive a mail."""
    message = git.text("log", "-1", "--format=%s%n%n%b", commit).strip("\n")
    if ENDS_MESSAGE.search(message):
        raise Refused(f"'{message.splitlines()[0]}': a line of the message "
                      "starts with '---', 'diff -' or 'Index: ', where git am "
                      "ends it")
    return message


def _patch(git, number, commit, changes, known):
    """The commit as a patch; @known are the files below it."""
    name = git.text("log", "-1", "--format=%f", commit)[:52].rstrip("-.")
    hooks = [path for path in changes if path in known]
    diff = b""
    if hooks:
        diff = git.run("--literal-pathspecs", "diff-tree", "-p", "--binary",
                       "--no-renames", "--no-commit-id", "--abbrev=12", commit,
                       "--", *hooks)
    return Patch(os.path.join(FOLDER, f"{number:04}-{name}.patch"),
                 git.text("log", "-1", "--format=%an <%ae>", commit),
                 git.text("log", "-1", "--format=%aD", commit),
                 _message(git, commit),
                 [path for path in changes if path not in known], diff)


def _patches(git):
    """The branch as patches, and its new files: the last mode and content by
    path."""
    known = set(git.lines("ls-tree", "-r", "--name-only", "base"))
    patches, files = [], {}
    for number, commit in enumerate(_commits(git), 1):
        changes = _changes(git, commit)
        new = _patch(git, number, commit, changes, known | set(files))
        if not changes:
            raise Refused(f"'{new.subject}' changes nothing")
        for path in set(changes) - known:
            if changes[path] not in PLAIN_FILES:
                raise Refused(f"{path}, which is new in the series, is not a "
                              f"plain file after '{new.subject}'")
            files[path] = (changes[path],
                           git.run("cat-file", "blob", f"{commit}:{path}"))
        patches.append(new)
    return patches, files


def _refuse_overwriting(git, store, files):
    """The repository has files of its own, and may have newer ones."""
    if lay(git, store, git.commit("base")) != git.commit(LAID):
        raise Refused(f"the series in {store.top} changed after {git.folder} "
                      "was laid out: stash the change (git stash), 'make "
                      "refresh', bring it back (git stash pop), 'make tree'")
    laid = set(git.lines("ls-tree", "-r", "--name-only", LAID))
    for path in files:
        if path not in laid and os.path.exists(store.path(path)):
            raise Refused(f"{path} is a file of this repository itself: a new "
                          "file of the kernel cannot have its path")


@alone
def refresh(store, folder):
    """Bring the commits in @folder into the repository."""
    git = Git(folder)
    if not os.path.isdir(os.path.join(folder, ".git")):
        raise Refused(f"{folder} is missing: run 'make tree'")
    refuse_unfinished(git)
    patches, files = _patches(git)
    _refuse_overwriting(git, store, files)
    store.write(patches, base.version(git, "base"), files)
    tip = lay(git, store, git.commit("base"))
    trees = ["log", "--format=%T"]
    if git.lines(*trees, f"base..{tip}") != git.lines(*trees, "base..HEAD"):
        raise Refused(f"what was written does not give {folder} again: "
                      f"compare {tip} with HEAD there")
    # The same commits with the ids that the next 'make tree' will find.
    git.run("reset", "-q", "--soft", tip)
    git.run("update-ref", LAID, tip)
    return patches
