"""Give files their names and bring them to the disk, where systems differ in how."""

from __future__ import annotations

import os
import pathlib
import sys
import time
from typing import Final

PAUSES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Seconds between the tries to rename a file that another process has open."""


def replace(part: pathlib.Path, target: pathlib.Path) -> None:
    """Give *part* the name *target*, in one step; a file of that name is gone then.

    Windows refuses it while another process has one of the two open, as a reader or a scanner of viruses has for a
    moment. So it is tried again there for a second.

    Args:
        part: A file that nobody writes any more.
        target: Its name from now on, in the same folder.

    Raises:
        OSError: It can't be done.
    """
    for pause in PAUSES if sys.platform == "win32" else ():
        try:
            os.replace(part, target)  # noqa: PTH105 - what it does, by its usual name
        except PermissionError:
            time.sleep(pause)
        else:
            return
    os.replace(part, target)  # noqa: PTH105


def sync(path: pathlib.Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk.

    Windows opens no folders, and keeps the names by itself. A file has to be open for writing there.

    Args:
        path: The file or folder.

    Raises:
        OSError: It is not there, or the disk does not take it.
    """
    flags = os.O_RDONLY
    if sys.platform == "win32":
        if path.is_dir():
            return
        flags = os.O_RDWR
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
