"""The database that Rhythm's programs on several hosts share, for tokens, pace and notes; extra ``postgres``."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final

from tonicdm._version import __version__
from tonicdm.clock import Clock, ClockWatch, DatabaseClock, SystemClock
from tonicdm.databases import connect, conninfo_of, creating, first_line, form_of, make_tables, shown
from tonicdm.errors import ConfigError, StoreError

if TYPE_CHECKING:
    import psycopg

SCHEMA: Final = "tonicdm_rhythm"
"""The schema of everything that is kept of Rhythm in a database, but for copies."""
FORM: Final = 1
"""The form of its tables; higher ones are of later versions."""
STATEMENT_MS: Final = 10_000
"""Milliseconds that one statement may take, waiting for another process included; as long as for a file's lock."""

_TABLES: Final = (
    creating(SCHEMA),
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.form (number integer NOT NULL)",
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.token_ledger (key text PRIMARY KEY, document text NOT NULL)",
    f"""
    CREATE TABLE IF NOT EXISTS {SCHEMA}.throttle (
        key text PRIMARY KEY, next_at double precision NOT NULL DEFAULT 0, opens_at double precision NOT NULL DEFAULT 0,
        limited_at double precision NOT NULL DEFAULT 0, consecutive integer NOT NULL DEFAULT 0
    )
    """,
    f"ALTER TABLE {SCHEMA}.throttle ADD COLUMN IF NOT EXISTS used_at double precision NOT NULL DEFAULT 0",
    f"""
    CREATE TABLE IF NOT EXISTS {SCHEMA}.note (
        key text PRIMARY KEY, document text NOT NULL DEFAULT '', holder text,
        held_until double precision NOT NULL DEFAULT 0
    )
    """,
)
_LAST_MADE: Final = "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = 'used_at'"
"""Finds what was added to the tables last."""
TIME: Final = "extract(epoch FROM clock_timestamp())::float8"

SETTINGS: Final = (
    f"SET LOCAL statement_timeout = {STATEMENT_MS}",
    f"SET LOCAL idle_in_transaction_session_timeout = {STATEMENT_MS}",
    "SET LOCAL extra_float_digits = 1",
)
"""Settings of a transaction, whatever the server, the database or the role says; a pooler's session keeps none."""


class RhythmDatabase:
    """A database, for statements that are few: each transaction has a connection of its own.

    So it may be used by any thread, event loop and forked child, and a pooler in transaction mode can serve it.

    Args:
        url: ``postgresql://…``; a password in it is shown nowhere.
        clock: Ours; only its monotonic readings count once the database's time was read.

    Raises:
        ConfigError: *url* is none, or psycopg is not installed.
    """

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        self._conninfo = conninfo_of(url)
        self.where: str = shown(url)
        base = clock or SystemClock()
        self.watch: ClockWatch = ClockWatch(base.monotonic)
        """Notices when the database's clock is set."""
        self.clock: Clock = DatabaseClock(base, self.watch.now)
        """Tells the database's time once it was read, so that the hosts' wall clocks may differ."""

    def __repr__(self) -> str:
        return f"<RhythmDatabase {self.where}>"

    @contextlib.contextmanager
    def transaction(self) -> Generator[tuple[psycopg.Connection[Any], float]]:
        """Commit what the block does as a whole, or nothing where it raises; for a thread that may wait.

        Yields:
            The connection, and the database's time, Unix seconds.

        Raises:
            StoreError: The database can't be used. Where the connection broke, what was done may be committed or not.
            ConfigError: The tables are of a later version.
        """
        with self.errors(), contextlib.closing(self.connect()) as connection, connection.transaction():
            connection.execute("; ".join(SETTINGS).encode())
            yield connection, self.time(connection)

    def connect(self) -> psycopg.Connection[Any]:
        """Open a connection to tables of this form, which are made where they are missing; inside `errors`.

        Raises:
            ConfigError: The tables are of a later version.
        """
        return connect(self._conninfo, "tonicdm-rhythm", self._prepare)

    @contextlib.contextmanager
    def errors(self) -> Generator[None]:
        """Turn the driver's errors into ours."""
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            raise StoreError(self.where, f"can't be used ({first_line(error)}); nothing was sent.") from error

    def time(self, connection: psycopg.Connection[Any]) -> float:
        """Read the database's time, Unix seconds: behind a wait for a lock, for example."""
        (now,) = connection.execute(f"SELECT {TIME}".encode()).fetchone() or (0.0,)
        self.watch.read(float(now))
        return float(now)

    def upgrade(self) -> None:
        """Make the tables where they are missing.

        Raises:
            StoreError: This role may not.
        """
        with self.transaction():
            pass

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        import psycopg

        found = connection.execute(_LAST_MADE, (f"{SCHEMA}.throttle",)).fetchone()
        if found is None:
            try:
                make_tables(connection, SCHEMA, FORM, _TABLES)
            except psycopg.errors.InsufficientPrivilege as error:
                raise StoreError(
                    self.where,
                    f"has no tables for Rhythm, and this role may not make them ({first_line(error)}); nothing was "
                    "sent. Let a role that owns the database run: tonicdm rhythm tokens --folder URL",
                ) from None
        form = form_of(connection, SCHEMA)
        if form is not None and form > FORM:
            raise ConfigError(
                f"what {self.where} keeps of Rhythm was written by a newer tonicdm: it has form {form}, and tonicdm "
                f"{__version__} reads form {FORM}. Nothing was sent. Upgrade this one"
            )
