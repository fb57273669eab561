# SPDX-License-Identifier: GPL-2.0-only
"""Unpack the archive of the machine's /out into the user's folder."""

import os
import shutil
import tarfile

from .errors import MachineDied, UsageError, explained


def prepare(folder):
    """Make sure, before the machine starts, that @folder can be written."""
    with explained(folder, "creating it"):
        os.makedirs(folder, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise UsageError(f"{folder}: cannot be written to")


def _inside(name, folder):
    """The path of @name in @folder, if it does not lead out of it."""
    name = os.path.normpath(name)
    if os.path.isabs(name) or name.split(os.sep)[0] == os.pardir:
        raise MachineDied(f"/out holds a bad name: {name}")
    parent = os.path.dirname(name)
    while parent:
        # A link in place of a folder would lead out.
        if os.path.islink(os.path.join(folder, parent)):
            raise MachineDied(f"/out holds a bad name: {name}")
        parent = os.path.dirname(parent)
    return os.path.join(folder, name)


def _extract(archive, member, folder):
    target = _inside(member.name, folder)
    # Nothing is written through a link that the machine made.
    if os.path.islink(target) or os.path.isfile(target):
        os.unlink(target)
    if member.isdir():
        os.makedirs(target, exist_ok=True)
    elif member.issym():
        os.symlink(member.linkname, target)
    elif member.islnk():
        os.link(_inside(member.linkname, folder), target)
    elif member.isreg():
        with archive.extractfile(member) as source, \
                open(target, "wb") as copy:
            shutil.copyfileobj(source, copy)
        os.chmod(target, member.mode & 0o777 | 0o600)


def unpack(path, folder):
    """Unpack the tar archive @path: files, folders and links, no devices."""
    try:
        with explained(folder, "unpacking /out"), \
                tarfile.open(path) as archive:
            for member in archive:
                _extract(archive, member, folder)
    except tarfile.TarError as error:
        raise MachineDied(f"the archive of /out is damaged: {error}") \
            from error
