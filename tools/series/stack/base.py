# SPDX-License-Identifier: GPL-2.0-only
"""The kernel that the series is for, as one commit."""

import dataclasses
import os
import re
import subprocess
import tempfile

from .git import Refused

PACKAGE = "linux-source-6.12"
TARBALL = f"/usr/src/{PACKAGE}.tar.xz"
AUTHOR = "Debian Kernel Team <debian-kernel@lists.debian.org>"
LATEST = "refs/series/base"


@dataclasses.dataclass
class Source:
    """An unpacked kernel, a git tree or a tarball at @path; @whose and
    @origin tell people, and later runs, what it is."""
    path: str
    whose: str
    origin: str


def debian():
    """The kernel of the installed package."""
    if not os.path.exists(TARBALL):
        raise Refused(f"{TARBALL} is missing: run 'make deps'")
    query = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", PACKAGE],
                           stdout=subprocess.PIPE, check=True)
    return Source(TARBALL, "as Debian ships it",
                  f"{PACKAGE} {query.stdout.decode()}")


def given(path):
    """A kernel of the user's."""
    path = os.path.abspath(path)
    if not os.path.exists(path):
        raise Refused(f"BASE: {path} does not exist")
    return Source(path, "as found", path)


def _version(makefile):
    """The version in the text of the kernel's top Makefile."""
    fields = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL) = (\d+)$",
                             makefile, re.MULTILINE))
    if len(fields) != 3:
        raise Refused("the base's Makefile is not that of a Linux kernel")
    return "{VERSION}.{PATCHLEVEL}.{SUBLEVEL}".format(**fields)


def version(git, commit):
    """The kernel version of @commit."""
    return _version(git.text("show", f"{commit}:Makefile"))


def _unpack(path, folder):
    """Bring @path into @folder: of a git tree, what is committed."""
    if os.path.isfile(path):
        commands = [["tar", "-xf", path, "-C", folder, "--strip-components=1"]]
    elif os.path.exists(os.path.join(path, ".git")):
        archive = os.path.join(folder, ".tar")
        commands = [["git", "-C", path, "archive", "-o", archive, "HEAD"],
                    ["tar", "-xf", archive, "-C", folder], ["rm", archive]]
    else:
        commands = [["cp", "-a", os.path.join(path, "."), folder]]
    for command in commands:
        if subprocess.run(command, check=False).returncode:
            raise Refused(f"{path} cannot be unpacked")


def import_source(git, source):
    """The commit of @source, with an id that depends on its content alone."""
    beside = os.path.dirname(git.folder)
    with tempfile.TemporaryDirectory(dir=beside) as folder, \
            git.scratch_index() as index:
        _unpack(source.path, folder)
        makefile = os.path.join(folder, "Makefile")
        if not os.path.isfile(makefile):
            raise Refused(f"{source.path} is not a Linux kernel")
        with open(makefile, encoding="utf-8") as text:
            subject = f"Linux {_version(text.read())} {source.whose}"
        index.run("-C", folder, "--git-dir",
                  git.text("rev-parse", "--absolute-git-dir"),
                  "--work-tree", ".", "add", "-A", "-f", ".")
        return git.commit_tree(index.text("write-tree"),
                               f"{subject}\n\n{source.origin}\n", AUTHOR,
                               f"@{int(os.stat(makefile).st_mtime)} +0000")


def latest(git, source):
    """The commit of @source, imported if the last one was another."""
    commit = git.commit(LATEST)
    if commit and git.text("log", "-1", "--format=%b", commit).strip() \
            == source.origin:
        return commit
    commit = import_source(git, source)
    git.run("update-ref", LATEST, commit)
    return commit
