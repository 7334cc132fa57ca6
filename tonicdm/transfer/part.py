"""Files that take their name when they are whole."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import BinaryIO, Final, Self

from tonicdm import disk
from tonicdm.lockfile import try_lock

PIECE: Final = 1 << 20
"""Bytes that are read at once."""
_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
"""A link that somebody laid where the part will be is not followed."""


class HeldError(OSError):
    """Another writer has the part; the cause of the error that says so."""

    def __init__(self) -> None:
        super().__init__(errno.EBUSY, "it is being written by another download")


class PartFile:
    """A file under another name until it is whole; held by one writer at a time, of all processes of a host.

    Args:
        path: Its name in the end.
        failure: Makes the error for what the system refuses, of the path and of what happened.
        part: Its name until then; ``PATH.part`` unless given.
        resumable: Whether the part stays, for another try, when it is left before it is whole.
    """

    def __init__(
        self,
        path: pathlib.Path,
        failure: Callable[[str, str], Exception],
        *,
        part: pathlib.Path | None = None,
        resumable: bool = False,
    ) -> None:
        self.path = path
        self.part: pathlib.Path = part or path.with_name(f"{path.name}.part")
        self.size: int = 0
        """Bytes that are there."""
        self._failure = failure
        self._resumable = resumable
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        with self._errors():
            file = self._opened()
        self._file = os.fdopen(file, "r+b", buffering=0)
        with self._errors():
            if not self._resumable:
                self._file.truncate(0)
            self.size = self._file.seek(0, os.SEEK_END)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            if not self._resumable:
                self.part.unlink(missing_ok=True)

    def write(self, piece: bytes) -> None:
        """Append *piece*."""
        file, view = self._open_file(), memoryview(piece)
        with self._errors():
            while view:
                written = file.write(view)
                self.size += written
                view = view[written:]

    def read(self) -> Iterator[bytes]:
        """Yield what is there, and stand at its end again."""
        file = self._open_file()
        with self._errors():
            file.seek(0)
            while piece := file.read(PIECE):
                yield piece

    def truncate(self) -> None:
        """Begin anew."""
        file = self._open_file()
        with self._errors():
            file.seek(0)
            file.truncate()
        self.size = 0

    def keep(self, path: pathlib.Path | None = None, *, replace: bool = True) -> None:
        """Give the file its name.

        Args:
            path: The name, where it is another one than that given at first.
            replace: Whether a file of that name is replaced.

        Raises:
            FileExistsError: It is there, and must not be replaced; the part stays open.
        """
        file, target = self._open_file(), path or self.path
        with self._errors():
            os.fsync(file.fileno())
            if not replace:
                _claim(target)
            file.close()
            self._file = None
            disk.replace(self.part, target)
        with contextlib.suppress(OSError):  # where the system lets folders be synced
            disk.sync(target.parent)

    def discard(self) -> None:
        """Leave nothing behind."""
        self._resumable = False

    def _open_file(self) -> BinaryIO:
        assert self._file is not None, "used inside its with block"
        return self._file

    def _opened(self) -> int:
        while True:
            file = os.open(self.part, _FLAGS, 0o666)
            try:
                try_lock(file)
                named = os.stat(self.part)  # noqa: PTH116 - compared with a descriptor's
            except FileNotFoundError:
                os.close(file)  # its holder gave it its name between the two statements
                continue
            except (BlockingIOError, PermissionError):
                os.close(file)
                raise HeldError from None
            except OSError:
                os.close(file)
                raise
            if os.path.samestat(named, os.fstat(file)):
                return file
            os.close(file)

    @contextlib.contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except FileExistsError:
            raise
        except OSError as error:
            kept = f"; {self.size:,} bytes are kept" if self._resumable and self.size else ". No part of it was kept"
            raise self._failure(str(self.path), f"can't be written: {error.strerror}{kept}") from error


def _claim(path: pathlib.Path) -> None:
    """Take a name that nobody has: an empty file, which the whole one then replaces."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
