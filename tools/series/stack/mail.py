# SPDX-License-Identifier: GPL-2.0-only
"""The series as mails."""

import os
import shutil

from . import base
from .git import Refused, encoded
from .store import FOLDER
from .tree import alone, lay, open_tree

COVER = os.path.join(FOLDER, "cover-letter.txt")


def _cover_letter(store):
    """The subject and the text of the cover letter."""
    if not os.path.exists(store.path(COVER)):
        raise Refused(f"{COVER} is missing: its first line is the subject of "
                      "the cover letter, the rest its text")
    with open(store.path(COVER), encoding="utf-8") as text:
        subject, _, blurb = text.read().partition("\n")
    return subject, blurb.strip("\n")


@alone
def write_series(store, folder, source, out):
    """Write the mails into @out."""
    patches = store.patches()
    if not patches:
        raise Refused("the series is empty")
    subject, blurb = _cover_letter(store)
    git = open_tree(folder)
    bottom = base.latest(git, source)
    tip = lay(git, store, bottom)
    shutil.rmtree(out, ignore_errors=True)
    # The cover letter is by whom its committer is.
    name, mail = patches[-1].author.removesuffix(">").split(" <")
    sender = git.with_environment(GIT_COMMITTER_NAME=name,
                                  GIT_COMMITTER_EMAIL=mail)
    sender.run("format-patch", "-q", "--cover-letter", "-o", out,
               f"{bottom}..{tip}")
    cover = os.path.join(out, "0000-cover-letter.patch")
    with open(cover, "rb") as mail_text:
        text = mail_text.read()
    with open(cover, "wb") as mail_text:
        mail_text.write(text.replace(b"*** SUBJECT HERE ***", encoded(subject))
                        .replace(b"*** BLURB HERE ***", encoded(blurb)))
    return len(patches)
