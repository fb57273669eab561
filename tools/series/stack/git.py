# SPDX-License-Identifier: GPL-2.0-only
"""Git in one folder, and the sentence that ends the program."""

import contextlib
import os
import subprocess


class Refused(Exception):
    """What was asked for cannot be done, or would lose work: why, and what
    to do instead."""


class GitError(Refused):
    """git failed; the text is what it said."""


def decoded(data):
    """Commit messages and paths as text that gives back the same bytes."""
    return data.decode("utf-8", "surrogateescape")


def encoded(text):
    """The opposite of decoded()."""
    return text.encode("utf-8", "surrogateescape")


class Git:
    """The git of @folder, with @environment."""

    def __init__(self, folder, **environment):
        self.folder = folder
        self.environment = environment

    def run(self, *arguments, data=b""):
        """The standard output of git @arguments, which reads @data."""
        done = subprocess.run(["git", *arguments], cwd=self.folder, input=data,
                              env={**os.environ, **self.environment},
                              capture_output=True, check=False)
        if done.returncode:
            raise GitError(decoded(done.stderr).strip())
        return done.stdout

    def text(self, *arguments, data=b""):
        """The same as text, without the last newline."""
        return decoded(self.run(*arguments, data=data)).removesuffix("\n")

    def lines(self, *arguments):
        """The same as a list."""
        return self.text(*arguments).splitlines()

    def commit(self, name):
        """The id of the commit that @name means, or None."""
        try:
            return self.text("rev-parse", "-q", "--verify", name + "^{commit}")
        except GitError:
            return None

    def with_environment(self, **environment):
        """The same git with more variables."""
        return Git(self.folder, **{**self.environment, **environment})

    @contextlib.contextmanager
    def scratch_index(self):
        """This git with an empty index, away from the work tree's."""
        index = os.path.join(self.text("rev-parse", "--absolute-git-dir"),
                             "series-index")
        try:
            yield self.with_environment(GIT_INDEX_FILE=index)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(index)

    def commit_tree(self, tree, message, author, date, *parents):
        """A commit whose id depends on nothing but the arguments."""
        name, mail = author.removesuffix(">").split(" <")
        git = self.with_environment(
            GIT_AUTHOR_NAME=name, GIT_AUTHOR_EMAIL=mail, GIT_AUTHOR_DATE=date,
            GIT_COMMITTER_NAME=name, GIT_COMMITTER_EMAIL=mail,
            GIT_COMMITTER_DATE=date)
        above = [word for parent in parents for word in ("-p", parent)]
        return git.text("-c", "i18n.commitEncoding=UTF-8", "commit-tree",
                        *above, tree, data=encoded(message))
