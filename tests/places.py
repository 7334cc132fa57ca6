"""Where tests put what other users must get to."""

from __future__ import annotations

import contextlib
import os
import pathlib
import stat
import tempfile
from collections.abc import Iterator


def temporary() -> str:
    """Return the folder of all temporary files, or /tmp where that is closed to others or has a long name.

    pytest's own folders are closed to others. A name is long if it leaves no room for a socket's, whose path has about
    a hundred bytes.
    """
    usual = pathlib.Path(tempfile.gettempdir()).absolute()
    administrator = hasattr(os, "geteuid") and os.geteuid() == 0
    is_open = all(path.stat().st_mode & stat.S_IXOTH for path in (usual, *usual.parents))
    is_short = len(os.fsencode(usual)) < 60
    return str(usual) if is_short and (is_open or not administrator) else "/tmp"


@contextlib.contextmanager
def open_folder(mode: int = 0o755) -> Iterator[pathlib.Path]:
    """Make a folder that other users can get to."""
    with tempfile.TemporaryDirectory(dir=temporary()) as name:
        folder = pathlib.Path(name)
        folder.chmod(mode)
        yield folder
