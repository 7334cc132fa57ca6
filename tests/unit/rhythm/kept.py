"""A token ledger that outlives its processes, in files or in a database, and hands for what a test does to it."""

from __future__ import annotations

import abc
import pathlib
from typing import Any

import psycopg

from tonicdm.clock import VirtualClock
from tonicdm.rhythm.database import SCHEMA
from tonicdm.rhythm.tokens.opening import KeptTokens
from tonicdm.rhythm.tokens.postgresql import PostgresqlTokenStore
from tonicdm.rhythm.tokens.store import FileTokenStore

SEALING_KEY = "7Mdq6x1yU9DAkRTNQp2Ev0GZTh5bLnsUowE3z5F8g1c="
VARIABLE = "TOKENS_KEY_OF_THE_TESTS"


class Kept(abc.ABC):
    """The ledgers of one place."""

    clock: VirtualClock

    @abc.abstractmethod
    def open(self) -> KeptTokens:
        """Return a store of this place, as another process has one."""

    @abc.abstractmethod
    def text(self, key: str) -> str | None:
        """Return what stands there of a ledger; None for nothing."""

    @abc.abstractmethod
    def replace(self, key: str, text: str) -> None:
        """Put *text* in the place of all that stands there of a ledger."""

    @abc.abstractmethod
    def state(self, key: str) -> Any:
        """Return what changes with each writing."""

    @abc.abstractmethod
    def set_aside(self) -> int:
        """Return how many damaged ledgers were set aside."""


class KeptFiles(Kept):
    """A folder."""

    def __init__(self, folder: pathlib.Path, clock: VirtualClock) -> None:
        self.folder, self.clock = folder, clock

    def open(self) -> FileTokenStore:
        return FileTokenStore(self.folder, clock=self.clock)

    def text(self, key: str) -> str | None:
        path = self.folder / f"{key}.json"
        return path.read_text() if path.exists() else None

    def replace(self, key: str, text: str) -> None:
        for path in self.folder.glob(f"{key}*.json"):
            path.write_text(text)

    def state(self, key: str) -> Any:
        status = (self.folder / f"{key}.json").stat()
        return status.st_mtime_ns, status.st_ino

    def set_aside(self) -> int:
        return len([path for path in self.folder.glob("*.damaged-*") if "previous" not in path.name])


class KeptRows(Kept):
    """A database."""

    def __init__(self, url: str, clock: VirtualClock) -> None:
        self.url, self.clock = url, clock

    def open(self) -> PostgresqlTokenStore:
        return PostgresqlTokenStore(self.url, key=f"env:{VARIABLE}", clock=self.clock)

    def text(self, key: str) -> str | None:
        rows = self._rows("SELECT document FROM {}.token_ledger WHERE key = %s", key)
        return rows[0][0] if rows else None

    def replace(self, key: str, text: str) -> None:
        self._rows("UPDATE {}.token_ledger SET document = %s WHERE key = %s RETURNING key", text, key)

    def state(self, key: str) -> Any:
        return self._rows("SELECT xmin FROM {}.token_ledger WHERE key = %s", key)

    def set_aside(self) -> int:
        return len(self._rows("SELECT 1 FROM {}.token_ledger WHERE key LIKE '%%.damaged-%%'"))

    def _rows(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            if connection.execute("SELECT to_regnamespace(%s)", (SCHEMA,)).fetchone() == (None,):
                return []
            return connection.execute(sql.format(SCHEMA).encode(), values).fetchall()
