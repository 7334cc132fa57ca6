"""A connection to a store in PostgreSQL."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import psycopg
from psycopg import errors

from tonicdm.clock import ClockWatch
from tonicdm.errors import StoreError
from tonicdm.store.columns import Column
from tonicdm.store.database import Dialect, Lock, literal, quoted
from tonicdm.store.postgresql import values
from tonicdm.store.postgresql.arrays import Change, Insertion, array, lookup
from tonicdm.store.postgresql.dialect import PostgresqlDialect
from tonicdm.store.postgresql.meanings import POOLED
from tonicdm.store.postgresql.tables import LOCKS, VERSION_NOTE, check_version, lock_key
from tonicdm.store.postgresql.values import translated
from tonicdm.store.postgresql.views import VIEW_NOTE, view

logger: Final = logging.getLogger("tonicdm")

LOCK_TIMEOUT: Final = "30s"
"""For how long a statement waits for another program's lock."""
SILENCE_TIMEOUT: Final = "60s"
"""For how long a transaction that writes may say nothing: a host that is gone holds up nobody for longer."""
READING_TIMEOUT: Final = "1h"
"""The same for one that copies what it reads: what it does with a page has its time, however little a role is given."""
VIEW_LOCK_TIMEOUT: Final = "2s"
"""For how long a view waits for a query that reads it, before it is left as it is until the next run."""

TIME: Final = "extract(epoch FROM clock_timestamp())::float8"
"""The database's time, Unix seconds."""

_SIZE: Final = """
SELECT coalesce(sum(pg_total_relation_size(pg_class.oid)), 0)::bigint FROM pg_class
WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND relkind = 'r'
"""


def _table_of(schema: str) -> str:
    """Return the expression for the number of the table of records: one that is restored gets another."""
    return f"to_regclass({literal(f'{quoted(schema)}.record')})::oid::bigint"


class PostgresqlDatabase:
    """A connection to a store's schema.

    Args:
        connection: In autocommit mode, with the schema as its search path.
        schema: The schema.
        name: Of the store, for errors.
        watch: Of the server's clock, for all connections to it: it may be set while none is open.
    """

    dialect: Dialect = PostgresqlDialect()

    def __init__(self, connection: psycopg.Connection[Any], schema: str, name: str, watch: ClockWatch) -> None:
        self.connection: psycopg.Connection[Any] = connection
        self._name = name
        self._schema = schema
        self._begin = {
            lock: f"BEGIN; SET LOCAL idle_in_transaction_session_timeout = '{SILENCE_TIMEOUT}'; "  # noqa: S608 - ours
            f"SELECT pg_advisory_xact_lock({key}, {lock_key(schema)}); "
            f"SELECT value, current_schema(), {_table_of(schema)}, {TIME} FROM {quoted(schema)}.meta "
            f"WHERE name = '{VERSION_NOTE}'"
            for lock, key in LOCKS.items()
        }
        self._insertions: dict[str, Insertion] = {}
        values.register(connection)
        self._watch = watch
        row = connection.execute(f"SELECT {_table_of(schema)}, {TIME}".encode()).fetchone()
        self._table = row and row[0]
        self._read_time(row)

    def now(self) -> float | None:
        return self._watch.now()

    def moved(self, seconds: float) -> float:
        return self._watch.moved(seconds)

    def _check_session(self, row: Sequence[Any] | None) -> None:
        """Refuse a session whose names are not this schema's, such as another tenant's."""
        if row is not None and row[1] != self._schema:
            raise StoreError(self._name, POOLED)
        if row is not None and row[2] != self._table:
            self.connection.close()  # who opens it anew notices what that means
            raise StoreError(self._name, "was restored from a dump while it was open. Nothing was stored", away=True)

    def _read_time(self, row: Sequence[Any] | None) -> None:
        if row is not None:
            self._watch.read(float(row[-1]))

    @property
    def is_lost(self) -> bool:
        return self.connection.closed or _has_ended(self.connection)

    def is_unusable_after(self, error: Exception) -> bool:
        return isinstance(error, psycopg.OperationalError)

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> psycopg.Cursor[Any]:
        return self.connection.execute(translated(sql), parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> int:
        values_of_each = list(parameters)
        if not values_of_each:
            return 0
        with self.connection.cursor() as cursor:
            cursor.executemany(translated(sql), values_of_each)
            return max(0, cursor.rowcount)

    def insert(self, sql: str, rows: Iterable[Sequence[Any]], /) -> int:
        columns = list(zip(*rows, strict=True))
        if not columns:
            return 0
        statement = self._insertions.get(sql)
        if statement is None:
            statement = self._insertions[sql] = Insertion(sql, self._types)
        return max(0, self.connection.execute(statement.sql, statement.arrays(columns)).rowcount)

    def update(self, sql: str, parameters: Sequence[Any], rows: Sequence[Sequence[str | None]], /) -> int:
        columns = [array("text", values) for values in zip(*rows, strict=True)]
        if not columns:
            return 0
        statement = Change.of(sql, len(columns))
        return max(0, self.connection.execute(statement.sql, statement.values(parameters, columns)).rowcount)

    def look_up(self, sql: str, parameters: Sequence[Any], keys: Sequence[str], /) -> Iterator[Any]:
        if not keys:
            return iter(())
        return iter(self.connection.execute(lookup(sql), [array("text", keys), *parameters]))

    def _types(self, table: str) -> dict[str, str]:
        """Return the types of a table's columns, by name."""
        sql = "SELECT attname, atttypid::regtype::text FROM pg_attribute WHERE attrelid = ?::regclass AND attnum > 0"
        return dict(self.execute(sql, (quoted(table),)))

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False, lock: Lock = Lock.WRITE) -> Generator[None]:  # noqa: ARG002 - all are
        db = self.connection
        try:
            begun = db.execute(self._begin[lock].encode())
            while begun.nextset():
                pass
            row = begun.fetchone()
            check_version(row, self._name)
            self._check_session(row)
            self._read_time(row)
            yield
            db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(psycopg.Error):
                db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def moment(self) -> Generator[None]:
        self.connection.execute(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
            f"SET LOCAL idle_in_transaction_session_timeout = '{READING_TIMEOUT}'".encode()
        )
        try:
            yield
        finally:
            with contextlib.suppress(psycopg.Error):
                self.connection.execute("ROLLBACK")

    def stream(self, sql: str, parameters: Sequence[Any], size: int) -> Iterator[list[Any]]:
        with self.connection.cursor(name="tonicdm_stream") as cursor:
            cursor.execute(translated(sql), parameters)
            while batch := cursor.fetchmany(size):
                yield batch

    def note_if_free(self, sql: str, parameters: Sequence[Any], seconds: float) -> bool:
        try:
            with self.connection.transaction():
                self.connection.execute(f"SET LOCAL lock_timeout = {round(seconds * 1000)}".encode())
                self.execute(sql, parameters)
        except (errors.LockNotAvailable, errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege):
            return False
        return True

    def size(self) -> int:
        (size,) = self.execute(_SIZE).fetchone() or (0,)
        return int(size)

    def is_same(self, held: str, coming: str) -> bool:
        return values.is_same(json.loads(held), json.loads(coming))

    def refuses_any(self, keys: Sequence[str], items: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> bool:
        return any(map(values.refusal, keys, items, texts))

    def refusal(self, key: str, item: Mapping[str, Any], raw: str) -> str | None:
        return values.refusal(key, item, raw)

    def make_view(self, record_type: str, own: Mapping[str, str], columns: Sequence[Column]) -> None:
        statements = view(record_type, own, columns)
        digest, note = hashlib.sha256(statements.encode()).hexdigest(), f"{VIEW_NOTE}{record_type}"
        sql = "SELECT value FROM meta WHERE name = ? AND to_regclass(?) IS NOT NULL"
        if self.execute(sql, (note, quoted(record_type))).fetchone() == (digest,):
            return
        self.connection.execute(f"SAVEPOINT view; SET LOCAL lock_timeout = '{VIEW_LOCK_TIMEOUT}'".encode())
        try:
            self.connection.execute(statements.encode())
        except (errors.DependentObjectsStillExist, errors.LockNotAvailable) as error:
            self.connection.execute("ROLLBACK TO SAVEPOINT view")
            logger.warning(
                "%s: the view %s stays as it was (%s): drop what depends on it, or end the query that reads it, and "
                "sync again", self._name, record_type, type(error).__name__,
            )  # fmt: skip
            return
        self.execute(
            "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (note, digest),
        )
        self.connection.execute(f"RELEASE SAVEPOINT view; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'".encode())

    def close(self) -> None:
        self.connection.close()


def _has_ended(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether the server has ended a connection that nothing is under way on, without asking it."""
    try:
        connection.pgconn.consume_input()  # reads what has come, and waits for nothing
    except psycopg.OperationalError:
        connection.close()
    return connection.closed
