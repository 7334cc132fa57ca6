"""The location of a store in PostgreSQL: a database, and a schema for this store alone."""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import secrets
from collections.abc import Generator
from typing import Any, Final

import platformdirs
import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from tonicdm.clock import ClockWatch, SystemClock
from tonicdm.databases import SESSION, check_encoding, check_schema, checked, conninfo_of, is_lent_to_others
from tonicdm.errors import StoreError
from tonicdm.store.database import Location, Lock, quoted
from tonicdm.store.postgresql import restores
from tonicdm.store.postgresql.database import LOCK_TIMEOUT, PostgresqlDatabase
from tonicdm.store.postgresql.meanings import POOLED, described, is_away
from tonicdm.store.postgresql.tables import (
    FUNCTIONS,
    FUNCTIONS_NOTE,
    LOCKS,
    MIGRATIONS,
    TABLES,
    VERSION_NOTE,
    check_version,
    lock_key,
    version_of,
)
from tonicdm.store.postgresql.values import translated
from tonicdm.store.rows import PUT_NOTE
from tonicdm.store.schema import SCHEMA_VERSION

DEFAULTS: Final = {
    "application_name": "tonicdm",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "tcp_user_timeout": "30000",
}
"""Settings of a connection that its URL may change. A server that is gone is noticed within half a minute."""

POOLER_SECONDS: Final = "5"
"""Seconds for which a second session is waited for, behind a pooler."""


class PostgresqlSchema(Location):
    """The location of a store in a database.

    Args:
        url: As libpq takes it.
        schema: For this store alone.

    Raises:
        ConfigError: One of them is none.
    """

    def __init__(self, url: str, schema: str) -> None:
        # Nothing sets it later: a database always has one.
        self.schema: str = check_schema(schema)  # pyright: ignore[reportIncompatibleVariableOverride]
        place = checked(url)
        given = conninfo_to_dict(conninfo_of(url))
        self._settings: dict[str, Any] = {**DEFAULTS, **given, "client_encoding": "UTF8"}
        self.name: str = f"{place} (schema {schema})"
        self._watch = ClockWatch(SystemClock().monotonic)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def exists(self) -> bool:
        return True

    def shell(self, sql: str) -> str:
        return f"psql -c 'SET search_path = {quoted(self.schema)}' -c '{sql}'"

    def open(self) -> PostgresqlDatabase:
        with self._opening() as db:
            if version_of(db, self.schema, self.name) == 0:
                self._make(db)
            self._check(db)
            database = PostgresqlDatabase(db, self.schema, self.name, self._watch)
            self._renew_functions(db)
            restores.notice(database, self.name)
        return database

    def open_to_read(self) -> PostgresqlDatabase:
        with self._opening() as db:
            if version_of(db, self.schema, self.name) == 0:
                raise StoreError(self.name, "does not exist; make it with: tonicdm sync")
            self._check(db)
        return PostgresqlDatabase(db, self.schema, self.name, self._watch)

    def open_to_watch(self) -> PostgresqlDatabase:
        with self.errors(), self._opening() as db:
            return PostgresqlDatabase(db, self.schema, self.name, self._watch)

    def upgrade(self) -> tuple[int, int]:
        with self._opening() as db, contextlib.closing(db):
            before = version_of(db, self.schema, self.name)
            if before == 0:
                self._make(db)
            for version in range(before or SCHEMA_VERSION, SCHEMA_VERSION):
                with self._alone(db):
                    if version_of(db, self.schema, self.name) == version:
                        db.execute(MIGRATIONS[version].encode())
                        db.execute("UPDATE meta SET value = %s WHERE name = %s", (str(version + 1), VERSION_NOTE))
            self._check(db)
            return before, SCHEMA_VERSION

    def connect(self) -> psycopg.Connection[Any]:
        """Open a connection whose unqualified names are the schema's; nothing is looked at or made."""
        with self._opening() as db:
            return db

    @contextlib.contextmanager
    def _opening(self) -> Generator[psycopg.Connection[Any]]:
        """Connect; the connection stays open unless the block raises."""
        try:
            db = psycopg.connect(**self._settings, autocommit=True)
        except psycopg.OperationalError as error:
            # libpq names the host, the user and the database here, and never the password.
            reason = str(error).splitlines()[0]
            raise StoreError(self.name, f"can't be reached. Nothing was stored; {reason}", away=True) from None
        try:
            # Own names come first, so that a table of the same name elsewhere is never meant.
            # A plan that was made while a table was small reads all of it, and would be kept for the whole first load.
            settings = f"{SESSION}; SET plan_cache_mode = force_custom_plan; SET lock_timeout = '{LOCK_TIMEOUT}'"
            set_up = db.execute(
                f"SET search_path = {quoted(self.schema)}; {settings}; SELECT pg_backend_pid()".encode()
            )
            while set_up.nextset():
                pass
            (session,) = set_up.fetchone() or (0,)
            self._check_session(db, session)
            yield db
        except BaseException:
            db.close()
            raise

    def _check_session(self, db: psycopg.Connection[Any], session: int) -> None:
        """Refuse a pooler that lends the session which was set up here to others between two transactions."""
        briefly: dict[str, Any] = {**self._settings, "connect_timeout": POOLER_SECONDS}
        if is_lent_to_others(db, session, lambda: psycopg.connect(**briefly, autocommit=True)):
            raise StoreError(self.name, POOLED)

    def _make(self, db: psycopg.Connection[Any]) -> None:
        """Make the tables; of two processes that do so at once, the second one finds them made."""
        with self._alone(db):
            if version_of(db, self.schema, self.name):
                return
            check_encoding(db, self.name)
            sql = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
            if db.execute(sql, (self.schema,)).fetchone() is None:
                db.execute(f"CREATE SCHEMA {quoted(self.schema)}".encode())
            db.execute((TABLES + FUNCTIONS).encode())
            notes = [(VERSION_NOTE, str(SCHEMA_VERSION)), ("identity", secrets.token_hex(16))]
            with db.cursor() as cursor:
                cursor.executemany("INSERT INTO meta (name, value) VALUES (%s, %s)", notes)

    def _renew_functions(self, db: psycopg.Connection[Any]) -> None:
        """Replace functions of another version; the views go on with them."""
        digest = hashlib.sha256(FUNCTIONS.encode()).hexdigest()
        if db.execute("SELECT value FROM meta WHERE name = %s", (FUNCTIONS_NOTE,)).fetchone() == (digest,):
            return
        # Who may not, reads with those that are there.
        with contextlib.suppress(errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction), self._alone(db):
            db.execute(FUNCTIONS.encode())
            db.execute(translated(PUT_NOTE), (FUNCTIONS_NOTE, digest))

    @contextlib.contextmanager
    def _alone(self, db: psycopg.Connection[Any]) -> Generator[None]:
        with db.transaction():
            db.execute("SELECT pg_advisory_xact_lock(%s, %s)", (LOCKS[Lock.WRITE], lock_key(self.schema)))
            yield

    def _check(self, db: psycopg.Connection[Any]) -> None:
        row = db.execute("SELECT value FROM meta WHERE name = %s", (VERSION_NOTE,)).fetchone()
        check_version(row, self.name)

    @contextlib.contextmanager
    def errors(self) -> Generator[None]:
        try:
            yield
        except psycopg.Error as error:
            # The error's own text may hold values of records: of its class and code nothing is to be kept secret.
            raise StoreError(self.name, described(error), away=is_away(error)) from None

    def beside(self, name: str) -> pathlib.Path:
        folder = platformdirs.user_state_path("tonicdm", appauthor=False) / "postgresql"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder / f"{hashlib.sha256(self.name.encode()).hexdigest()[:16]}.{name}"
