"""The tables of a ledger file: how a budget's window stands in them, whichever version wrote it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection
from typing import Final

import attrs

from tonicdm.budget.entries import Entry
from tonicdm.budget.history import MAX_WINDOWS, WindowRecord, appended
from tonicdm.budget.ledgers import stored
from tonicdm.budget.ledgers.draft import stored_form
from tonicdm.budget.ledgers.file import DamagedError
from tonicdm.budget.ledgers.starts import boot_id, random_first_number
from tonicdm.budget.ledgers.stored import AHEAD, Names, Row
from tonicdm.budget.rules import BudgetRules, Instant
from tonicdm.budget.window import Window
from tonicdm.clock import Clock, SystemClock

_ENTRY_NAMES: Final = (*(value.name for value in stored.ENTRY), AHEAD)
_LOOK: Final = "SELECT version, user_version FROM window, pragma_user_version WHERE key = ?"
_LAST_RECORDS: Final = "SELECT ended_at, record FROM history WHERE key = ? ORDER BY ended_at DESC LIMIT ?"
_DROP_ENTRY: Final = "DELETE FROM entry WHERE key = ? AND number = ?"
_FORGET_RECORDS: Final = (
    "DELETE FROM history WHERE key = ? AND ended_at <= "
    "(SELECT ended_at FROM history WHERE key = ? ORDER BY ended_at DESC LIMIT 1 OFFSET ?)"
)
_NEW_WINDOW: Final = "INSERT INTO window (version, boot, state, key) VALUES (?, ?, ?, ?)"
_SAVE_WINDOW: Final = "UPDATE window SET version = ?, boot = ?, state = ? WHERE key = ?"
# Columns that a later version has added stay as they are.
_SAVE_ENTRY: Final = (
    f"INSERT INTO entry (key, {', '.join(_ENTRY_NAMES)}) VALUES (?{', ?' * len(_ENTRY_NAMES)}) "  # noqa: S608 - names of ours
    f"ON CONFLICT (key, number) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _ENTRY_NAMES[1:])}"
)


@attrs.frozen
class StoredWindow:
    """What a file holds of a budget."""

    version: int
    """Counts what was written; 0 where nothing was."""
    window: Window
    unknown: Row = attrs.field(factory=dict)
    """Values that another version stored, by names that are not known here."""
    by_us: bool = attrs.field(default=True, kw_only=True)
    """Whether a version that stores what it knows wrote last, and not the one before."""


class Tables:
    """Reads and writes the windows of a file; what it is given is a connection in a transaction.

    Args:
        rules: The budget's settings.
        clock: Read when the machine was restarted since the last use.
    """

    def __init__(self, rules: BudgetRules, clock: Clock) -> None:
        self._rules = rules
        self._clock = clock
        self._names = Names()
        self._ahead = 0.0
        self._text: str | None = None
        self._unknown: Row = {}

    def look(self, connection: sqlite3.Connection, key: str) -> tuple[int, int] | None:
        """Return the version of the window and that of the file's form; None where there is no window."""
        row: tuple[int, int] | None = connection.execute(_LOOK, (key,)).fetchone()
        return row

    def read(self, connection: sqlite3.Connection, key: str, *, with_kept: bool = True) -> StoredWindow:
        """Read a window, whichever version of this package wrote it last.

        Args:
            connection: In a transaction, so that all that is read is of one moment.
            key: Which.
            with_kept: Whether the file has the table of what the version before has replaced.

        Raises:
            DamagedError: It can't be decoded.
        """
        written = connection.execute("SELECT version, boot, state FROM window WHERE key = ?", (key,)).fetchone()
        kept = connection.execute("SELECT state FROM kept WHERE key = ?", (key,)).fetchone() if with_kept else None
        ahead = self._seconds_ahead()
        try:
            cursor = connection.execute("SELECT * FROM entry WHERE key = ?", (key,))
            names = [name for name, *_ in cursor.description]
            entries = [_entry(dict(zip(names, values, strict=True)), ahead) for values in cursor]
            if written is None:
                window = Window(self._rules)
                # In a new file no reservation may have the number of one that a process made in the old one.
                window.holdings.next_number = random_first_number()
                stored.fill(window, entries)
                return StoredWindow(0, window)
            row, by_us = self._names.read(written[2], kept and kept[0])
            window = self._names.unpack(row, entries, self._rules, row[AHEAD] if by_us else ahead)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise DamagedError(f"the state of a budget in it can't be decoded: {error!r}") from error
        if written[1] != boot_id():
            window.restarted(Instant.read(self._clock))
        return StoredWindow(written[0], window, self._names.unknown(row), by_us=by_us)

    def take(self, state: StoredWindow) -> None:
        """Note that *state* is what stands there, so that `write` leaves out what is the same."""
        self._unknown = state.unknown
        self._text = self._pack(state.window)

    def write(self, connection: sqlite3.Connection, key: str, version: int, window: Window) -> bool:
        """Write what has changed in *window* since it was read or written.

        Args:
            connection: In a transaction.
            key: Which window.
            version: The version that stands there; 0 where there is none yet.
            window: What is to stand there, as the next version.

        Returns:
            Whether anything was written.
        """
        if window.ended:
            self._write_ended(connection, key, window)
        text, touched = self._pack(window), window.holdings.touched
        if not touched and text == self._text:
            return False  # the step only looked
        connection.execute(_SAVE_WINDOW if version else _NEW_WINDOW, (version + 1, boot_id(), text, key))
        self._write_entries(connection, key, window, touched)
        self._text = text
        return True

    def write_reserved(
        self, connection: sqlite3.Connection, key: str, version: int, window: Window, numbers: Collection[int]
    ) -> None:
        """Write new reservations of *window*, and leave what else changed in it as it stands.

        Args:
            connection: In a transaction.
            key: Which window.
            version: The version that stands there.
            window: The window.
            numbers: Those of the reservations.
        """
        self._text = self._names.pack_next(window)
        connection.execute(_SAVE_WINDOW, (version + 1, boot_id(), self._text, key))
        self._write_entries(connection, key, window, numbers)

    def _write_entries(
        self, connection: sqlite3.Connection, key: str, window: Window, numbers: Collection[int]
    ) -> None:
        ahead = self._seconds_ahead() if numbers else 0.0
        gone: list[tuple[str, int]] = []
        for number in numbers:
            entry = window.holdings.get(number)
            if entry is None:
                gone.append((key, number))
            else:
                values = stored.entry_values(stored_form(entry, window.rules.lease), ahead)
                connection.execute(_SAVE_ENTRY, (key, *values, ahead))
        if gone:
            connection.executemany(_DROP_ENTRY, gone)

    def _write_ended(self, connection: sqlite3.Connection, key: str, window: Window) -> None:
        """Note the windows that are over in the history, and forget the oldest of it."""
        ended, window.ended = window.ended, []
        row = connection.execute(_LAST_RECORDS, (key, 1)).fetchone()
        last = None if row is None else WindowRecord.from_json(row[1])
        if row is not None and last is not None:
            connection.execute("DELETE FROM history WHERE key = ? AND ended_at = ?", (key, row[0]))
        for record in appended([] if last is None else [last], ended, self._rules.reset_tolerance):
            connection.execute(
                "INSERT OR REPLACE INTO history (key, ended_at, record) VALUES (?, ?, ?)",
                (key, record.ended_at, record.to_json()),
            )
        connection.execute(_FORGET_RECORDS, (key, key, MAX_WINDOWS))

    def _pack(self, window: Window) -> str:
        return self._names.pack(window, self._seconds_ahead(), self._unknown)

    def _seconds_ahead(self) -> float:
        """Return by how much our clock is ahead of `time.monotonic`, by which the version before reads times."""
        if isinstance(self._clock, SystemClock):
            ahead = self._clock.monotonic() - time.monotonic()
            # Two clocks are never read at the same moment; only a suspension makes a real difference.
            if abs(ahead - self._ahead) > 0.01:
                self._ahead = round(ahead, 2)
        return self._ahead


def read_history(connection: sqlite3.Connection, key: str) -> list[WindowRecord]:
    """Return the windows that are over, the latest one last."""
    rows = connection.execute(_LAST_RECORDS, (key, MAX_WINDOWS)).fetchall()
    records = (WindowRecord.from_json(text) for _, text in reversed(rows))
    return [record for record in records if record is not None]


def _entry(row: Row, ahead: float) -> Entry:
    """Make a reservation of its row; the version before wrote it where the row does not say on which clock."""
    then = row.get(AHEAD)
    return stored.entry_from(row, ahead if then is None else then)
