"""Small disks that tests can fill."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Generator

import pytest

from tests import places

BLOCK = 4096


@contextlib.contextmanager
def small_disk(megabytes: int, *, owner: str | None = None) -> Generator[pathlib.Path]:
    """Mount a small disk; a test is skipped where that can't be done.

    Args:
        megabytes: Its size.
        owner: The user who may write to it besides root.
    """
    if not hasattr(os, "geteuid") or os.geteuid() or shutil.which("mount") is None:
        pytest.skip("to mount a disk needs root")
    import pwd

    folder = pathlib.Path(tempfile.mkdtemp(prefix="tonicdm-small-", dir=places.temporary()))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=False)
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("no disk can be mounted here")
    try:
        if owner is not None:
            shutil.chown(folder, pwd.getpwnam(owner).pw_uid)
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


@contextlib.contextmanager
def filled(disk: pathlib.Path) -> Generator[None]:
    """Leave nothing of a disk free while the block lasts."""
    ballast = disk / "ballast"
    number = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    try:
        with contextlib.suppress(OSError):
            while True:
                os.write(number, b"x" * BLOCK)
    finally:
        os.close(number)
    try:
        yield
    finally:
        ballast.unlink()
