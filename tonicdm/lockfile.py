"""A lock that all processes of a host respect, and that ends with its holder."""

from __future__ import annotations

import contextlib
import os
import pathlib
import stat
import sys
import time
from collections.abc import Generator
from typing import Final

from tonicdm.errors import StoreError

MAX_WAIT_SECONDS: Final = 10.0
"""Seconds to wait for another holder; a step under the lock takes some milliseconds."""
_POLL_SECONDS: Final = 0.005
"""Seconds between two tries."""

if sys.platform == "win32":
    import msvcrt

    def try_lock(file: int) -> None:
        """Take the lock on an open file; an OSError where another holds it."""
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

    def unlock(file: int) -> None:
        """Let go of the lock on an open file."""
        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def try_lock(file: int) -> None:
        """Take the lock on an open file; an OSError where another holds it."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def unlock(file: int) -> None:
        """Let go of the lock on an open file."""
        fcntl.flock(file, fcntl.LOCK_UN)


@contextlib.contextmanager
def locked(
    path: pathlib.Path, max_wait: float = MAX_WAIT_SECONDS, *, mode: int = 0o600, group: int | None = None
) -> Generator[None]:
    """Hold the lock on *path* inside the block; for a thread that may wait, not for an event loop.

    The system lets go of it when the process ends in whatever way; the file stays, empty.

    Args:
        path: The lock's own file, made if absent.
        max_wait: Seconds to wait for another holder.
        mode: Who may open it.
        group: Whose group it is; None for the one that it has anyway.

    Raises:
        StoreError: Another process did not let go of it, or the file system has no locks.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        share(file, mode, group)
        _acquire(file, path, max_wait)
        try:
            yield
        finally:
            unlock(file)
    finally:
        os.close(file)


def share(file: int, mode: int, group: int | None) -> None:
    """Give an open file a mode and a group, if it is this user's; the mode that a process masks away is set too.

    Args:
        file: Its descriptor.
        mode: Who may open it.
        group: None for the group that it has.
    """
    if sys.platform == "win32":
        return
    status = os.fstat(file)
    if status.st_uid != os.geteuid():
        return
    if group is not None and status.st_gid != group:
        os.fchown(file, -1, group)
    if stat.S_IMODE(status.st_mode) != mode:
        os.fchmod(file, mode)


def _acquire(file: int, path: pathlib.Path, max_wait: float) -> None:
    # Waiting for a process is waiting in real time, whatever clock the tokens live by.
    deadline = time.monotonic() + max_wait
    while True:
        try:
            try_lock(file)
        except (BlockingIOError, PermissionError) as error:
            if time.monotonic() >= deadline:
                raise StoreError(
                    str(path), f"is held by another process for {max_wait:g} s; nothing was sent. Is one stopped?"
                ) from error
            time.sleep(_POLL_SECONDS)
        except OSError as error:
            raise StoreError(
                str(path), f"can't be locked ({error.strerror}); put it on a local disk. Nothing was sent."
            ) from error
        else:
            return
