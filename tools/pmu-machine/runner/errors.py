# SPDX-License-Identifier: GPL-2.0-only
"""What can go wrong, and the exit status of each."""

import contextlib
import errno
import os

USAGE = 2
TIMEOUT = 124
DIED = 125


class UsageError(Exception):
    """The user asked for something that is not there or makes no sense."""


class MachineDied(Exception):
    """The machine or its kernel ended before the command did."""

    who = "the machine"


class GuestDied(MachineDied):
    """The machine's guest, or QEMU, ended before the command did."""

    who = "the guest"


@contextlib.contextmanager
def explained(path, doing):
    """Turn an OSError about our files into one sentence that names @path."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = os.path.dirname(os.path.abspath(path)) or "/"
            raise UsageError(f"no space left in {where} while {doing}") from error
        raise UsageError(f"{path}: {error.strerror or error}") from error
