# SPDX-License-Identifier: GPL-2.0-only
"""One file of patches/linux-6.12: a commit without the files that it brings.

	From: NAME <MAIL>
	Date: DATE
	Subject: SUBJECT

	BODY
	---
	New-file: PATH			for each file that enters with it

	diff --git ...			of files that the kernel, or an earlier
					patch, has already
"""

import dataclasses
import re

from .git import Refused, decoded, encoded

FORM = re.compile(rb"From: (?P<author>[^\n]* <[^\n]*>)\n"
                  rb"Date: (?P<date>[^\n]*)\n"
                  rb"Subject: (?P<message>.*?)\n"
                  rb"---\n"
                  rb"(?P<new>(?:New-file: [^\n]*\n)*)"
                  rb"(?:\n(?P<diff>diff --git .*))?", re.DOTALL)


@dataclasses.dataclass
class Patch:
    """A commit; @message ends without a newline."""
    name: str
    author: str
    date: str
    message: str
    new_files: list
    diff: bytes

    @property
    def subject(self):
        """The first line of the message."""
        return self.message.split("\n", 1)[0]

    def text(self):
        """What stands in the file."""
        lines = [f"From: {self.author}", f"Date: {self.date}",
                 f"Subject: {self.message}"]
        if self.message == self.subject:
            lines.append("")
        lines += ["---", *(f"New-file: {path}" for path in self.new_files), ""]
        diff = b"\n" + self.diff if self.diff else b""
        return encoded("\n".join(lines)) + diff


def parse(name, text):
    """The opposite of Patch.text()."""
    form = FORM.fullmatch(text)
    if not form:
        raise Refused(f"{name} is not a patch of this series: it has From:, "
                      "Date: and Subject:, the message, ---, New-file: lines, "
                      "and a diff")
    return Patch(name, decoded(form["author"]), decoded(form["date"]),
                 decoded(form["message"]).rstrip("\n"),
                 [line.split(": ", 1)[1]
                  for line in decoded(form["new"]).splitlines()],
                 form["diff"] or b"")
