"""Notes of tasks at the server, so that a crash does not start one again.

A note stands in a file beside the output: a task has one output, the note needs no store to be open, and it goes away
with the output's arrival. Hosts that share a database keep it there instead. It holds an id and a fingerprint of what
was asked; no criteria, no URI, no token.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import json
import os
import pathlib
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Final, TypeVar

import attrs

from tonicdm import disk
from tonicdm.errors import ConfigError, StoreError
from tonicdm.lockfile import try_lock, unlock
from tonicdm.rhythm.errors import UnderWayError

T = TypeVar("T")

VERSION: Final = 1
MAX_TRIES: Final = 3
"""Runs that may fail to bring one result home."""
MAX_JOB_SECONDS: Final = 86400.0
"""Seconds after its start from which a query that can't be brought home is given up."""


@attrs.frozen(kw_only=True)
class Note:
    """What is remembered."""

    id: str
    """The query's id, or the execution's ARN; empty from before it is started until its answer is there."""
    fingerprint: str
    """Of what was asked: another question must not take this answer."""
    started_at: float
    """Unix time here."""
    tries: int = 0
    """Runs that failed to bring its result home."""

    def is_given_up(self, now: float) -> bool:
        """Return whether nothing is to be hoped of its result any more: too many tries, or a day.

        Args:
            now: Unix seconds. A start that lies far ahead is a wrong clock's, and as good as long ago.
        """
        return self.tries >= MAX_TRIES or abs(now - self.started_at) >= MAX_JOB_SECONDS


class JobNote(abc.ABC):
    """The note of one task, wherever it stands."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """Where it stands, for people; the same in every process that shares it."""

    @abc.abstractmethod
    def read(self) -> Note | None:
        """Return the note; None where there is none.

        Raises:
            StoreError: It can't be read: to go on without it could start a second task.
        """

    @abc.abstractmethod
    def write(self, note: Note) -> None:
        """Keep *note*, durably before this returns."""

    @abc.abstractmethod
    def remove(self) -> None:
        """Forget the task; nothing happens where it was forgotten before."""

    @abc.abstractmethod
    def holding(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Keep others with the same note out, of this process and of all others.

        Raises:
            UnderWayError: Another one has it.
            StoreError: That can't be told; nothing was sent.
        """

    def matching(self, fingerprint: str) -> Note | None:
        """Return the note if it is of the same question.

        Raises:
            ConfigError: It is of another one.
        """
        note = self.read()
        if note is not None and note.fingerprint != fingerprint:
            raise ConfigError(
                f"{self.name} belongs to another task ({note.id or 'which may have begun'}) or tenant; "
                "finish that one, choose another name, or remove the file. Nothing was sent."
            )
        return note

    def of(self, fingerprint: str) -> Note | None:
        """Return the note if it is of the same question; one of another is forgotten, and its task left to end."""
        note = self.read()
        if note is not None and note.fingerprint != fingerprint:
            self.remove()
            return None
        return note

    def failed(self, note: Note, now: float, *, counts: bool = True) -> bool:
        """Remember that a run failed to bring a result home; return whether the task was given up and forgotten.

        Args:
            note: The task.
            now: Unix seconds.
            counts: Whether it was a try; a deadline that passed is none, as the task goes on.
        """
        tried = attrs.evolve(note, tries=note.tries + counts)
        if tried.is_given_up(now):
            self.remove()
            return True
        if counts:
            self.write(tried)
        return False


async def on_thread(work: Callable[[], T]) -> T:
    """Run *work* on a note on a thread; who is cancelled meanwhile hears of it when that is done.

    So nobody changes the note behind the back of who goes on with it.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def to_text(note: Note) -> str:
    """Return a note as it is kept."""
    return json.dumps({"version": VERSION, **attrs.asdict(note)})


def from_text(text: str, name: str) -> Note:
    """Read what `to_text` wrote, here or in an earlier version.

    Args:
        text: The note.
        name: Where it stands, for the error.

    Raises:
        StoreError: It is something else.
    """
    try:
        stored: Any = json.loads(text)
        if stored["version"] != VERSION:
            raise StoreError(name, f"has version {stored['version']}; this package reads {VERSION}")
        return Note(
            id=str(stored["id"]),
            fingerprint=str(stored["fingerprint"]),
            started_at=float(stored["started_at"]),
            tries=int(stored.get("tries", 0)),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(name, error) from None


def _unreadable(name: str, error: Exception) -> StoreError:
    return StoreError(
        name, f"can't be read as the note of a task ({type(error).__name__}); look at the task it names, then remove it"
    )


@attrs.frozen
class JobFile(JobNote):
    """The note of one task, in a file."""

    path: pathlib.Path

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    @classmethod
    def beside(cls, output: str | os.PathLike[str]) -> JobFile:
        """Return the note of the task whose result goes to *output*."""
        name = pathlib.Path(output)
        return cls(name.with_name(f"{name.name}.job"))

    def read(self) -> Note | None:
        """Return the note; None where there is none.

        Raises:
            StoreError: The file is there and can't be read: to go on without it could start a second task. Or it
                has no folder, so that the id of a task could not be kept.
        """
        if not self.path.parent.is_dir():
            raise StoreError(str(self.path), "can't be made: its folder does not exist. Nothing was sent")
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise _unreadable(self.name, error) from None
        return from_text(text, self.name)

    @contextlib.asynccontextmanager
    async def holding(self) -> AsyncGenerator[None]:
        """Hold the lock beside the file."""
        with self.held():
            yield

    @contextlib.contextmanager
    def held(self) -> Generator[None]:
        """Keep others with the same note out, of this process and of all others.

        Raises:
            UnderWayError: Another one has it.
            StoreError: The folder can't be written, or its file system has no locks; nothing was sent.
        """
        if not self.path.parent.is_dir():
            raise StoreError(str(self.path), "can't be made: its folder does not exist. Nothing was sent")
        lock = self.path.with_name(f"{self.path.name}.lock")
        with self._errors():
            file = self._locked(lock)
        try:
            yield
        finally:
            # Removed while it is held: who waits for it finds that its name has gone, and makes another.
            with contextlib.suppress(OSError):
                lock.unlink()
            unlock(file)
            os.close(file)

    def _locked(self, lock: pathlib.Path) -> int:
        while True:
            file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                try_lock(file)
                if os.path.samestat(lock.stat(), os.fstat(file)):
                    return file
            except FileNotFoundError:
                pass  # its holder removed it between the two statements
            except (BlockingIOError, PermissionError):
                os.close(file)
                raise UnderWayError(str(lock)) from None
            except OSError:
                os.close(file)
                raise
            os.close(file)

    def write(self, note: Note) -> None:
        """Keep *note*; it is on the disk when this returns."""
        part = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        with self._errors():
            file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                with open(file, "w", encoding="utf-8") as text:  # noqa: PTH123 - a descriptor, not a path
                    text.write(to_text(note))
                    text.flush()
                    os.fsync(text.fileno())
                disk.replace(part, self.path)
            except BaseException:
                with contextlib.suppress(OSError):
                    part.unlink()
                raise
            with contextlib.suppress(OSError):  # where the system lets folders be synced
                disk.sync(self.path.parent)

    def remove(self) -> None:
        """Forget the task; nothing happens where it was forgotten before."""
        with self._errors():
            self.path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(str(self.path), f"can't be written: {error.strerror}") from error
