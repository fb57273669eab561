# SPDX-License-Identifier: GPL-2.0-only
"""The series as this repository keeps it.

A file that is new to the kernel stands whole at its in-tree path, as the last
patch leaves it; everything else of a commit is in patches/linux-6.12.  What
stood there after an earlier patch is had by taking off what the later ones
change (tree.py).
"""

import contextlib
import os

from . import patch
from .git import Refused

FOLDER = "patches/linux-6.12"
MADE_ON = "# Made on Linux "


def _read(path):
    with open(path, "rb") as source:
        return source.read()


def _write(path, content, mode=0o644):
    """Leave the file's time alone if nothing changed: make looks at it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.exists(path) or _read(path) != content:
        with open(path, "wb") as out:
            out.write(content)
    os.chmod(path, mode)


def _remove(path):
    """Remove a file, and the folders that it leaves empty."""
    os.unlink(path)
    with contextlib.suppress(OSError):
        os.removedirs(os.path.dirname(path))


class Store:
    """The repository at @top."""

    def __init__(self, top):
        self.top = top

    def path(self, *names):
        """Where something is, from the top of the repository."""
        return os.path.join(self.top, *names)

    def _series(self):
        """The lines of the list of patches."""
        try:
            with open(self.path(FOLDER, "series"), encoding="utf-8") as lines:
                return lines.read().splitlines()
        except FileNotFoundError:
            return []

    def version(self):
        """The kernel that the patches were made on."""
        return next((line.removeprefix(MADE_ON) for line in self._series()
                     if line.startswith(MADE_ON)), "an unknown version")

    def patches(self):
        """The series, in its order."""
        return [self._patch(line) for line in self._series()
                if line and not line.startswith("#")]

    def _patch(self, name):
        name = os.path.join(FOLDER, name)
        if not os.path.exists(self.path(name)):
            raise Refused(f"{FOLDER}/series names {name}, which is missing")
        return patch.parse(name, _read(self.path(name)))

    def new_file(self, path):
        """The mode and the place of a new file."""
        place = self.path(path)
        if not os.path.isfile(place):
            raise Refused(f"{path} is missing: a patch lists it as a new file")
        return "100755" if os.access(place, os.X_OK) else "100644", place

    def write(self, patches, version, files):
        """Keep @patches, made on @version, and @files: the new ones, as mode
        and content by path."""
        before = self.patches()
        listed = {path for old in before for path in old.new_files}
        for path in listed - set(files):
            if os.path.exists(self.path(path)):
                _remove(self.path(path))
        for path, (mode, content) in files.items():
            _write(self.path(path), content, int(mode, 8) & 0o777)
        stale = {old.name for old in before} - {new.name for new in patches}
        for name in stale:
            _remove(self.path(name))
        for new in patches:
            _write(self.path(new.name), new.text())
        self._write_series(patches, version)

    def _write_series(self, patches, version):
        series = self.path(FOLDER, "series")
        if patches:
            names = [os.path.basename(new.name) for new in patches]
            _write(series, "\n".join([MADE_ON + version, *names, ""]).encode())
        elif os.path.exists(series):
            _remove(series)
