"""The lock that allows one sync at a time, of a store or of one type in it: its holder and its lease.

A run that takes the whole store shuts out every other one. A run of one type shuts out only runs of the same type and
of the whole store, so that several processes can read the types of one store side by side.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import secrets
import time
from collections.abc import Generator
from typing import Final, Self

import attrs

from tonicdm.budget.ledgers.starts import boot_id
from tonicdm.clock import lease_end
from tonicdm.errors import StoreError
from tonicdm.store import rows
from tonicdm.store.database import Database

LEASE_SECONDS: Final = 120.0
"""After which a sync that shows no sign of life is taken to be gone, wherever it ran."""

NOTE: Final = "sync"
"""The note of the store under which the lock stands."""

_START_FIELD: Final = 19
"""Of the fields of /proc/PID/stat behind the command's name: the process's start, in ticks since the boot."""


@attrs.frozen
class Holder:
    """A process, told from every other one on any machine and in any container."""

    boot: str
    """The start of its machine; empty in the note of an earlier version."""
    namespace: str
    """Its PID namespace: every container has a process 1. Empty where the system tells of none."""
    pid: int
    start: str
    """When it began, so that a later process with the same number is another one. Empty where nothing tells."""
    run: str = ""
    """Tells two runs of one process apart; empty for one that takes the whole store."""

    @classmethod
    def this_process(cls) -> Self:
        """Return the process that asks."""
        return cls(boot_id(), _namespace(), os.getpid(), _start_of(os.getpid()) or "")

    def surely_dead(self, asking: Holder) -> bool:
        """Tell whether this process has ended; only one in the same namespace of the same machine can be looked for.

        The note of an earlier version tells of neither: it was made where it is read, as that version took it to be.
        """
        if not self.boot:
            return self.pid != asking.pid and _start_of(self.pid) is None
        if self.boot != asking.boot or self.namespace != asking.namespace or not self.namespace:
            return False
        start = _start_of(self.pid)
        return start is None or (bool(self.start) and start != self.start)


@attrs.frozen(kw_only=True)
class Hold:
    """What a run takes of a store."""

    scope: str | None = None
    """One record type; None for the whole store."""
    run: str = ""
    """Names the run of a type; see `of_type`."""
    seconds: float = LEASE_SECONDS
    """After which it is taken to be gone if it shows no sign of life."""

    @classmethod
    def of_type(cls, record_type: str, seconds: float = LEASE_SECONDS) -> Self:
        """Return what one run of one type takes: another one of the same process is shut out as well."""
        return cls(scope=record_type, run=secrets.token_hex(8), seconds=seconds)

    @property
    def note(self) -> str:
        """The note of the store under which it stands."""
        return NOTE if self.scope is None else f"{NOTE} {self.scope}"

    def holder(self, me: Holder | None = None) -> Holder:
        """Return who holds it.

        Args:
            me: The process; this one unless given.
        """
        return attrs.evolve(me or Holder.this_process(), run=self.run)


WHOLE: Final = Hold()
"""The whole store."""


@attrs.frozen
class Busy:
    """Another process has the store."""

    pid: int
    """Its number in its own namespace."""
    seconds: float
    """For how long its lease still holds if it shows no further sign of life."""

    def __str__(self) -> str:
        return (
            f"is being synced by another process (pid {self.pid} where it runs); nothing was sent. "
            f"If that process is gone, the store is free in {max(1.0, self.seconds):,.0f} s"
        )


def acquire(db: Database, now: float, *, me: Holder | None = None, hold: Hold = WHOLE) -> Busy | None:
    """Take the lock, or hold it for longer; return who has it where that is somebody else.

    Args:
        db: The store, in a transaction.
        now: Unix time.
        me: Who asks; this process unless given.
        hold: What is taken.
    """
    mine, moved = hold.holder(me), db.moved(LEASE_SECONDS)
    for name, value in _notes_against(db, hold):
        holder, stored = _read(value)
        until = lease_end(stored, now, max(LEASE_SECONDS, hold.seconds), moved)
        if holder != mine and until > now and not holder.surely_dead(mine):
            if until != stored:
                _keep(db, name, holder, until)
            return Busy(holder.pid, until - now)
    _keep(db, hold.note, mine, now + hold.seconds)
    return None


def _keep(db: Database, name: str, holder: Holder, until: float) -> None:
    stored = attrs.asdict(holder)
    if not holder.run:
        del stored["run"]  # the version before knows no such field
    rows.put_note(db, name, json.dumps({**stored, "until": until}))


def release(db: Database, *, me: Holder | None = None, hold: Hold = WHOLE) -> None:
    """Give the lock back, if it is still held by the one who asks."""
    if is_held(db, me=me, hold=hold):
        rows.forget_note(db, hold.note)


def is_held(db: Database, *, me: Holder | None = None, hold: Hold = WHOLE) -> bool:
    """Tell whether nobody else has taken the lock since."""
    value = rows.note(db, hold.note)
    return value is not None and _read(value)[0] == hold.holder(me)


def check_held(db: Database, name: str, hold: Hold) -> None:
    """Refuse to store what a run brings whose type another one has taken over: then it is that one's to read.

    Args:
        db: The store, in a transaction.
        name: Of the store, for the error.
        hold: What the run took.

    Raises:
        StoreError: Another run has its type.
    """
    if hold.scope is not None and not is_held(db, hold=hold):
        raise StoreError(name, f"has {hold.scope} in the hands of another run by now")


def forget(db: Database) -> None:
    """Forget all holders, as in a copy of the store, which nobody syncs."""
    for name, _ in _all_notes(db):
        rows.forget_note(db, name)


def _notes_against(db: Database, hold: Hold) -> list[tuple[str, str]]:
    """Return the notes of those whom *hold* shuts out, or who shut it out."""
    return [(name, value) for name, value in _all_notes(db) if hold.scope is None or name in {NOTE, hold.note}]


def _all_notes(db: Database) -> list[tuple[str, str]]:
    found = db.execute("SELECT name, value FROM meta WHERE name = ? OR name LIKE ?", (NOTE, f"{NOTE} %"))
    return [(str(name), str(value)) for name, value in found.fetchall()]


@contextlib.contextmanager
def exclusive(db: Database, name: str) -> Generator[None]:
    """Hold the lock of a sync for a block.

    Args:
        db: The store, in no transaction.
        name: Of the store, for errors.

    Raises:
        StoreError: A sync has it.
    """
    with db.transaction():
        shared = db.now()
        busy = acquire(db, time.time() if shared is None else shared)
    if busy is not None:
        raise StoreError(name, str(busy))
    try:
        yield
    finally:
        with db.transaction():
            release(db)


def _read(value: str) -> tuple[Holder, float]:
    """Read the note; that of an earlier version is a PID and a time."""
    try:
        stored = json.loads(value)
        until = float(stored.pop("until"))
        return Holder(**stored), until
    except (ValueError, TypeError, KeyError, AttributeError):
        pid, _, until_text = value.partition(" ")
        return Holder("", "", int(pid), ""), float(until_text)


def _namespace() -> str:
    try:
        return str(pathlib.Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _start_of(pid: int) -> str | None:
    """Return when a process began, None where there is none of that number; empty where the system does not tell."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return None if pathlib.Path("/proc/self/stat").exists() else ""
    except OSError:
        return None
    # The command's name stands in parentheses and may hold any character.
    fields = text.rpartition(")")[2].split()
    return fields[_START_FIELD] if len(fields) > _START_FIELD else ""
