# SPDX-License-Identifier: GPL-2.0-only
"""From the repository to a git branch: the base, and a commit a patch."""

import fcntl
import functools
import os
import re
import shutil

from . import base
from .git import Git, GitError, Refused

# The commit that a work tree was last brought to.  What its HEAD has beyond
# that is work that the repository does not know.
LAID = "refs/worktree/laid"


def alone(function):
    """Let one such function run at a time: they share the tree's refs and
    the scratch index."""
    @functools.wraps(function)
    def locked(store, folder, *rest):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        with open(f"{folder}.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return function(store, folder, *rest)
    return locked


def open_tree(folder):
    """The git of @folder, which is made if it is not there."""
    git = Git(folder)
    if not os.path.isdir(os.path.join(folder, ".git")):
        os.makedirs(folder, exist_ok=True)
        git.run("init", "-q", "-b", "series")
        # The kernel is kept byte for byte; and 80000 loose objects, which
        # nothing will change, are no reason to collect garbage.
        git.run("config", "core.autocrlf", "false")
        git.run("config", "gc.auto", "0")
    return git


def _failed(error):
    """The files that git could not apply a patch to, or what it said."""
    files = re.findall(r"^error: (?!patch failed)([^:\n]+): ", str(error),
                       re.MULTILINE)
    return ", ".join(files) or f"({error})"


def _take_off(index, new, paths):
    """Take what the patch @new changes in the files @paths off the index."""
    try:
        index.run("apply", "--cached", "-R", "--whitespace=nowarn",
                  *(f"--include={path}" for path in paths), "-",
                  data=new.diff)
    except GitError as error:
        raise Refused(f"{new.name} does not come off {_failed(error)}: what "
                      "it changes there was edited in the repository; put "
                      "that back, and edit it in build/tree") from error


def _new_files(index, store, patches):
    """The files that are new in the series after each patch, as update-index
    reads them.  The last state stands in the repository; without what a patch
    changes and brings, it is the one before."""
    paths = [path for new in patches for path in new.new_files]
    twice = {path for path in paths if paths.count(path) > 1}
    if twice:
        raise Refused(f"two patches list {', '.join(sorted(twice))} as new")
    for path in paths:
        mode, place = store.new_file(path)
        blob = index.text("hash-object", "-w", "--no-filters", place)
        index.run("update-index", "--add", "--cacheinfo",
                  f"{mode},{blob},{path}")
    states = []
    for new in reversed(patches):
        states.insert(0, index.run("ls-files", "-s", "-z"))
        if new.diff and paths:
            _take_off(index, new, paths)
        index.run("update-index", "--force-remove", "--", *new.new_files)
    return states


def _apply(index, new, store, found):
    """Lay the patch @new over the index."""
    try:
        index.run("apply", "--cached", "--whitespace=nowarn", "-",
                  data=new.diff)
    except GitError as error:
        raise Refused(f"{new.name} does not apply to {_failed(error)}: it was "
                      f"made on Linux {store.version()}, this is Linux "
                      f"{found}") from error


def _refuse_taken(index, new, above):
    """Refuse if @above has a file that the patch @new brings."""
    taken = index.lines("ls-tree", "-r", "--name-only", above, "--",
                        *new.new_files)
    if taken:
        raise Refused(f"{new.name} lists {', '.join(taken)} as new, but the "
                      "tree below it has it already")


def lay(git, store, bottom):
    """The commit that the series makes on @bottom.  No work tree is touched,
    and the same series gives the same id."""
    found = base.version(git, bottom)
    commit = bottom
    patches = store.patches()
    with git.scratch_index() as index:
        states = _new_files(index, store, patches)
        index.run("read-tree", bottom)
        for new, state in zip(patches, states):
            if new.diff:
                _apply(index, new, store, found)
            if new.new_files:
                _refuse_taken(index, new, commit)
            # Of several places that a change may fit, it has the right one.
            index.run("update-index", "-z", "--index-info", data=state)
            commit = git.commit_tree(index.text("write-tree"),
                                     new.message + "\n", new.author, new.date,
                                     commit)
    return commit


def refuse_unfinished(git):
    """Refuse what is not committed."""
    for state in ("rebase-merge", "rebase-apply", "CHERRY_PICK_HEAD"):
        if os.path.exists(os.path.join(
                git.folder, git.text("rev-parse", "--git-path", state))):
            raise Refused(f"{git.folder} is in the middle of a rebase, am or "
                          "cherry-pick: end it first")
    changes = git.lines("status", "--porcelain")
    if changes:
        raise Refused("\n".join([f"{git.folder} has changes that are not "
                                 "committed: commit or stash them",
                                 *changes[:10]]))


def _refuse_to_lose(git):
    """Refuse if @git has commits that the repository does not know."""
    head, laid = git.commit("HEAD"), git.commit(LAID)
    if head != laid:
        commits = git.lines("log", "--format=  %h %s", "--max-count=10",
                            f"{laid}..{head}")
        raise Refused("\n".join([
            f"{git.folder} is not as it was laid out; this would be lost:",
            *(commits or ["  that commits were dropped"]),
            "'make refresh' brings them into the repository; "
            f"'git -C {git.folder} reset --hard {LAID}' forgets them"]))


def _move(git, tip):
    """Bring a work tree to @tip, if it loses nothing by it.  Files that do
    not change keep their times, so that a build goes on from there."""
    head = git.commit("HEAD")
    if head and head != tip:
        _refuse_to_lose(git)
        refuse_unfinished(git)
    if head != tip:
        git.run("reset", "-q", "--hard", tip)
    git.run("update-ref", LAID, tip)


def _worktree(git, folder, tip):
    """The git of another work tree, which is made if it is not there."""
    other = Git(folder)
    if os.path.exists(os.path.join(folder, ".git")) and other.commit("HEAD"):
        return other
    # What is left there belonged to a build/tree that is gone.
    shutil.rmtree(folder, ignore_errors=True)
    git.run("worktree", "prune")
    git.run("worktree", "add", "--detach", folder, tip)
    other.run("update-ref", LAID, tip)
    return other


@alone
def make_tree(store, folder, source):
    """Lay the series out in @folder."""
    git = open_tree(folder)
    bottom = base.latest(git, source)
    _move(git, lay(git, store, bottom))
    git.run("tag", "-f", "base", bottom)
    return folder


@alone
def make_tree_on(store, folder, source):
    """Lay the series out on another base, in a work tree beside @folder."""
    git = open_tree(folder)
    bottom = base.import_source(git, source)
    tip = lay(git, store, bottom)
    other = _worktree(git, f"{folder}-{base.version(git, bottom)}", tip)
    _move(other, tip)
    return other.folder


@alone
def checkout(store, folder, source, other):
    """Bring the work tree @other, which nobody edits, to the series of the
    repository, whatever state @folder is in; the commit."""
    git = open_tree(folder)
    tip = lay(git, store, base.latest(git, source))
    _worktree(git, other, tip).run("checkout", "-q", "-f", "--detach", tip)
    return tip
