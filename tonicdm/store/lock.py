"""The lock that allows one sync of a store at a time: its holder, its lease, and whether the holder has ended."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Final, Self

import attrs

from tonicdm.budget.ledgers.sqlite import boot_id
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


def acquire(db: Database, now: float, *, me: Holder | None = None) -> Busy | None:
    """Take the lock, or hold it for longer; return who has it where that is somebody else.

    Args:
        db: The store, in a transaction.
        now: Unix time.
        me: Who asks; this process unless given.
    """
    mine = me or Holder.this_process()
    row = rows.note(db, NOTE)
    if row is not None:
        holder, until = _read(row)
        if holder != mine and until > now and not holder.surely_dead(mine):
            return Busy(holder.pid, until - now)
    value = json.dumps({**attrs.asdict(mine), "until": now + LEASE_SECONDS})
    rows.put_note(db, NOTE, value)
    return None


def release(db: Database, *, me: Holder | None = None) -> None:
    """Give the lock back, if it is still this process that has it."""
    row = rows.note(db, NOTE)
    if row is not None and _read(row)[0] == (me or Holder.this_process()):
        rows.forget_note(db, NOTE)


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
