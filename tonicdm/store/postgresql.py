"""The adapter for PostgreSQL (extra ``postgres``): a schema for each store, and what PostgreSQL's errors mean."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import pathlib
import re
import secrets
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import platformdirs
import psycopg
from psycopg import errors
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.numeric import IntDumper
from psycopg.types.string import StrDumperUnknown, TextLoader

from tonicdm.errors import ConfigError, StoreError
from tonicdm.store.columns import Column, SqlType
from tonicdm.store.database import Dialect, Location, Lock, literal, quoted
from tonicdm.store.schema import SCHEMA_VERSION

logger: Final = logging.getLogger("tonicdm")

VERSION_NOTE: Final = "schema_version"
"""The note of the store that tells the version of its tables."""

OWN_TABLES: Final = frozenset({"record", "checkpoint", "watermark", "meta"})

MAX_IDENTIFIER_BYTES: Final = 63
MAX_VIEW_COLUMNS: Final = 1_600
"""Columns of a view; PostgreSQL's results have at most 1,664."""

MAX_KEY_BYTES: Final = 2_000
"""Bytes of a text that an index holds, with some room; PostgreSQL's limit is 2,704."""

LOCK_TIMEOUT: Final = "30s"
"""For how long a statement waits for another program's lock."""
VIEW_LOCK_TIMEOUT: Final = "2s"
"""For how long a view waits for a query that reads it, before it is left as it is until the next run."""

DEFAULTS: Final = {
    "application_name": "tonicdm",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "tcp_user_timeout": "30000",
}
"""Settings of a connection that its URL may change. A server that is gone is noticed within half a minute."""

_LOCKS: Final = {Lock.WRITE: 0x746F6E69, Lock.LEASE: 0x746F6E6A}
"""The first half of an advisory lock's key; the second one is made of the schema's name."""

_TEXT: Final = 'text COLLATE "C"'
"""Texts compare by their bytes, as in SQLite: times, IDs and positions of a list are ordered by them."""

_TABLES: Final = f"""
CREATE TABLE record (
    type {_TEXT} NOT NULL, id {_TEXT} NOT NULL, raw jsonb NOT NULL, updated {_TEXT}, quality {_TEXT} NOT NULL,
    status {_TEXT}, deleted_at {_TEXT}, reason {_TEXT}, change_seq bigint NOT NULL, checked double precision,
    doubted double precision, read_number bigint NOT NULL DEFAULT 0, read_at double precision NOT NULL DEFAULT 0,
    dissent {_TEXT}, doubted_number bigint NOT NULL DEFAULT 0, quarantined {_TEXT},
    PRIMARY KEY (type, id)
);
CREATE INDEX record_change ON record (change_seq);
CREATE INDEX record_updated ON record (type, updated);
CREATE TABLE checkpoint (
    type {_TEXT} PRIMARY KEY, stage {_TEXT} NOT NULL, next_page bigint NOT NULL, since {_TEXT}, started {_TEXT},
    progress {_TEXT}
);
CREATE TABLE scan (
    type {_TEXT} NOT NULL, id {_TEXT} NOT NULL, page bigint NOT NULL, stale integer NOT NULL, updated {_TEXT},
    PRIMARY KEY (type, id)
);
CREATE TABLE watermark (
    type {_TEXT} PRIMARY KEY, until {_TEXT}, audited {_TEXT}, changes double precision, listed double precision
);
CREATE TABLE history (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, type {_TEXT} NOT NULL, finished {_TEXT} NOT NULL,
    changed bigint NOT NULL, deleted bigint NOT NULL, units bigint NOT NULL, records bigint
);
CREATE TABLE capability (
    type {_TEXT} NOT NULL, name {_TEXT} NOT NULL, value {_TEXT} NOT NULL, PRIMARY KEY (type, name)
);
CREATE TABLE field (
    type {_TEXT} NOT NULL, name {_TEXT} NOT NULL, known integer NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (type, name)
);
CREATE TABLE meta (name {_TEXT} PRIMARY KEY, value {_TEXT} NOT NULL);
CREATE TABLE counter (name {_TEXT} PRIMARY KEY, value bigint NOT NULL);
CREATE TABLE quarantine (
    type {_TEXT} NOT NULL, key {_TEXT} NOT NULL, id {_TEXT}, updated {_TEXT}, page bigint, reason {_TEXT} NOT NULL,
    raw bytea NOT NULL, quality {_TEXT} NOT NULL, origin {_TEXT} NOT NULL, read_number bigint NOT NULL,
    read_at double precision NOT NULL, PRIMARY KEY (type, key)
);
CREATE TABLE event (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key {_TEXT} NOT NULL UNIQUE, type {_TEXT} NOT NULL,
    signed integer NOT NULL, received double precision NOT NULL, body bytea, copies bigint NOT NULL DEFAULT 0,
    read_number bigint NOT NULL DEFAULT 0, content {_TEXT}
);
CREATE INDEX event_received ON event (received);
CREATE TABLE job (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event bigint NOT NULL REFERENCES event (number),
    record_type {_TEXT} NOT NULL, id {_TEXT} NOT NULL, updated {_TEXT}, state {_TEXT} NOT NULL DEFAULT 'received',
    examined integer NOT NULL DEFAULT 0, outcome {_TEXT}, attempts bigint NOT NULL DEFAULT 0,
    due double precision NOT NULL, owner {_TEXT}, lease_until double precision, error {_TEXT}, ended double precision
);
CREATE INDEX job_record ON job (record_type, id, number);
CREATE INDEX job_event ON job (event);
CREATE INDEX job_state ON job (state, due);
CREATE INDEX job_owner ON job (owner) WHERE owner IS NOT NULL;
CREATE INDEX job_examined ON job (number) WHERE examined = 0;
CREATE INDEX job_ready ON job (number) WHERE state = 'received' AND outcome IS NOT NULL;
CREATE TABLE gap (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, type {_TEXT} NOT NULL, finished double precision NOT NULL,
    changed bigint NOT NULL, missed bigint NOT NULL, recent bigint NOT NULL, units bigint NOT NULL
);
CREATE TABLE tally (name {_TEXT} PRIMARY KEY, value bigint NOT NULL);
"""
"""The tables of this version, with the names and the meanings of those in SQLite (`tonicdm.store.schema`)."""

_FUNCTIONS: Final = r"""
CREATE FUNCTION text_form(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    IF value ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN
        PERFORM value::date;
        RETURN 'date';
    END IF;
    IF value ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?$' THEN
        PERFORM value::timestamptz;
        RETURN 'moment';
    END IF;
    RETURN 'text';
EXCEPTION WHEN data_exception THEN
    RETURN 'text';
END $$;
CREATE FUNCTION as_time(value text) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE WHEN text_form(value) = 'moment'
    THEN (value || CASE WHEN value ~ '(Z|[+-][0-9]{2}:[0-9]{2})$' THEN '' ELSE 'Z' END)::timestamptz END
$$;
CREATE FUNCTION as_date(value text) RETURNS date LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE WHEN text_form(value) = 'date' THEN value::date END
$$;
"""  # noqa: E501 - a pattern
"""What the views and the types of columns ask of a text; the rules are those of `columns.text_form`."""

MIGRATIONS: Final[Mapping[int, str]] = {7: "ALTER TABLE history ADD COLUMN records bigint"}
"""Entry n leads the tables from version n to n + 1; version 7 was the first in PostgreSQL."""


class PostgresqlDialect:
    """SQL as PostgreSQL writes it."""

    insertion_order = "number"

    def skip_locked(self, table: str) -> str:
        return f"FOR UPDATE OF {table} SKIP LOCKED"

    def type_is(self, *, after: bool) -> str:
        return "type = ? AND change_seq > ?" if after else "type = ?"

    def text_of(self, wire: str) -> str:
        return f"raw ->> {literal(wire)}"

    def json_type(self, wire: str) -> str:
        return self._type(wire, "'text'", "'integer'")

    def exact_type(self, wire: str) -> str:
        text = f"({self.text_of(wire)})"
        size = (
            f"CASE WHEN abs({text}::numeric) <= 9007199254740992 THEN 'integer' "
            f"WHEN {text}::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN 'long' ELSE 'huge' END"
        )
        return self._type(wire, f"text_form({text})", size)

    def _type(self, wire: str, text: str, whole: str) -> str:
        value = f"raw -> {literal(wire)}"
        return (
            f"CASE jsonb_typeof({value}) WHEN 'string' THEN {text} WHEN 'boolean' THEN {self.text_of(wire)} "
            f"WHEN 'number' THEN CASE WHEN {self.text_of(wire)} ~ '^-?[0-9]+$' THEN {whole} ELSE 'real' END "
            f"ELSE jsonb_typeof({value}) END"
        )

    def cell(self, wire: str, type_: SqlType | None) -> str:
        text = self.text_of(wire)
        match type_:
            case SqlType.BOOLEAN:
                return f"({text})::boolean"
            case SqlType.BIGINT:
                return f"({text})::numeric"
            case SqlType.DOUBLE:
                return f"({text})::double precision"
            case SqlType.JSON:
                return f"nullif(raw -> {literal(wire)}, 'null'::jsonb)::text"
            case _:
                return text

    def distinct_texts(self, expression: str) -> str:
        return f"string_agg(DISTINCT {expression}, ',')"

    def fields_of_raw(self) -> str:
        return "(SELECT count(*) FROM jsonb_object_keys(raw))"

    def seconds(self, expression: str) -> str:
        return f"floor(extract(epoch FROM as_time({expression})))"

    def line(self, values: Sequence[str], separator: str) -> str:
        return f"json_build_array({', '.join(values)})::text || chr({ord(separator)}) || raw::text || chr(10)"


class _Flag(IntDumper):
    """Writes truth as 1 or 0, which the tables of both engines hold."""

    def dump(self, obj: bool) -> bytes:  # noqa: FBT001 - a value
        return b"1" if obj else b"0"


class _Text(StrDumperUnknown):
    """Writes a text; what PostgreSQL can't hold in one becomes the sign for an unknown character.

    A record that holds such a text is in quarantine, and an event has its body as bytes: nothing is lost.
    """

    def dump(self, obj: str) -> Any:
        return super().dump(re.sub("[\0\ud800-\udfff]", "\ufffd", obj))


class _Number(Loader):
    """Reads a number as SQLite gives it."""

    def load(self, data: Any) -> int | float:
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdigit() else float(text)


@functools.lru_cache(maxsize=2_000)
def _translated(sql: str) -> bytes:
    """Return a statement with the placeholders of psycopg: those in texts, names and comments are none."""
    parts = re.split(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*)""", sql.replace("%", "%%"))
    # What the pattern captured stands at the odd places.
    return "".join(part if number % 2 else part.replace("?", "%s") for number, part in enumerate(parts)).encode()


class PostgresqlDatabase:
    """A connection to a store's schema.

    Args:
        connection: In autocommit mode, with the schema as its search path.
        schema: The schema.
        name: Of the store, for errors.
    """

    dialect: Dialect = PostgresqlDialect()

    def __init__(self, connection: psycopg.Connection[Any], schema: str, name: str) -> None:
        self.connection: psycopg.Connection[Any] = connection
        self._name = name
        half = int.from_bytes(hashlib.sha256(schema.encode()).digest()[:4], signed=True)
        self._begin = {
            lock: f"BEGIN; SELECT pg_advisory_xact_lock({key}, {half}); "  # noqa: S608 - numbers and a name of ours
            f"SELECT value FROM meta WHERE name = '{VERSION_NOTE}'"
            for lock, key in _LOCKS.items()
        }
        for type_, dumper in ((bool, _Flag), (str, _Text)):
            connection.adapters.register_dumper(type_, dumper)
        for oid, loader in (("json", TextLoader), ("jsonb", TextLoader), ("numeric", _Number)):
            connection.adapters.register_loader(oid, loader)

    @property
    def is_lost(self) -> bool:
        return self.connection.closed

    def is_unusable_after(self, error: Exception) -> bool:
        return isinstance(error, psycopg.OperationalError)

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> psycopg.Cursor[Any]:
        return self.connection.execute(_translated(sql), parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> int:
        with self.connection.cursor() as cursor:
            cursor.executemany(_translated(sql), parameters)
            return max(0, cursor.rowcount)

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False, lock: Lock = Lock.WRITE) -> Generator[None]:  # noqa: ARG002 - all are
        db = self.connection
        try:
            begun = db.execute(self._begin[lock].encode())
            while begun.nextset():
                pass
            _check_version(begun.fetchone(), self._name)
            yield
            db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(psycopg.Error):
                db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def moment(self) -> Generator[None]:
        self.connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            with contextlib.suppress(psycopg.Error):
                self.connection.execute("ROLLBACK")

    def stream(self, sql: str, parameters: Sequence[Any], size: int) -> Iterator[list[Any]]:
        with self.connection.cursor(name="tonicdm_stream") as cursor:
            cursor.execute(_translated(sql), parameters)
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

    def is_same(self, held: str, coming: str) -> bool:
        # jsonb keeps neither the order of fields nor the way in which a number is written.
        return _is_same(json.loads(held), json.loads(coming))

    def refusal(self, key: str, item: Mapping[str, Any], raw: str) -> str | None:
        if "\\u0000" in raw and _has_nul(item):
            return "a text with the character NUL, which PostgreSQL can't hold"
        if len(key.encode()) > MAX_KEY_BYTES or any(len(name.encode()) > MAX_KEY_BYTES for name in item):
            return "an ID, a content that stands for one, or a field's name too long for PostgreSQL"
        return None

    def make_view(self, record_type: str, own: Mapping[str, str], columns: Sequence[Column]) -> None:
        statements = _view(record_type, own, columns)
        digest, note = hashlib.sha256(statements.encode()).hexdigest(), f"view {record_type}"
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


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _has_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any("\0" in name or _has_nul(inner) for name, inner in value.items())
    if isinstance(value, list):
        return any(map(_has_nul, value))
    return isinstance(value, str) and "\0" in value


def _view(record_type: str, own: Mapping[str, str], columns: Sequence[Column]) -> str:
    """Return the statements that make the view of a type, in place of the one there is."""
    view, taken = quoted(record_type), set[str](own)
    expressions = [_own_value(name, value) for name, value in own.items()]
    comments = list[str]()
    for column in columns[: MAX_VIEW_COLUMNS - len(own)]:
        name = short_name(column.name, taken)
        expressions.append(f"{_typed_value(column)} AS {quoted(name)}")
        comment = literal(f"The field {column.wire} of the record")
        comments.append(f"COMMENT ON COLUMN {view}.{quoted(name)} IS {comment}")
    select = f"SELECT {', '.join(expressions)} FROM record WHERE type = {literal(record_type)}"  # noqa: S608 - quoted
    return "; ".join([f"DROP VIEW IF EXISTS {view}", f"CREATE VIEW {view} AS {select}", *comments])


def _own_value(name: str, value: str) -> str:
    # A soft deleted record may have no time of its own; that it is deleted must show all the same.
    if name == "updated":
        return f"as_time({value}) AS {name}"
    return f"{value} AS {name}"


def _typed_value(column: Column) -> str:
    """Return a field as its model has it; NULL where the value is another one, which is in ``raw`` as it came."""
    text, value = f"raw ->> {literal(column.wire)}", f"raw -> {literal(column.wire)}"
    match column.type:
        case SqlType.BOOLEAN:
            return f"CASE jsonb_typeof({value}) WHEN 'boolean' THEN ({text})::boolean END"
        case SqlType.BIGINT | SqlType.DOUBLE:
            return f"CASE jsonb_typeof({value}) WHEN 'number' THEN ({text})::numeric END"
        case SqlType.TIMESTAMP:
            return f"as_time({text})"
        case SqlType.DATE:
            return f"as_date({text})"
        case SqlType.JSON:
            return f"nullif({value}, 'null'::jsonb)"
        case _:
            return text


def short_name(name: str, taken: set[str]) -> str:
    """Return a name that PostgreSQL does not cut, and that no other column has; it is added to *taken*."""
    short, number = name.encode()[:MAX_IDENTIFIER_BYTES].decode(errors="ignore"), 2
    while short in taken:
        end = f"_{number}"
        short = name.encode()[: MAX_IDENTIFIER_BYTES - len(end)].decode(errors="ignore") + end
        number += 1
    taken.add(short)
    return short


# --- where it is ----------------------------------------------------------------------------------------------------


def check_schema(schema: str) -> str:
    """Return *schema*, if a store can be kept in a schema of that name.

    Raises:
        ConfigError: It can't.
    """
    if not schema or not schema.isprintable() or {'"', "'"} & set(schema):
        raise ConfigError("a schema's name is a plain word, without quotation marks. Nothing was sent.")
    if len(schema.encode()) > MAX_IDENTIFIER_BYTES:
        raise ConfigError(f"a schema's name has at most {MAX_IDENTIFIER_BYTES} bytes. Nothing was sent.")
    if schema.lower() in {"public", "information_schema"} or schema.lower().startswith("pg_"):
        raise ConfigError(f"the schema {schema} is not for one program alone: choose another name. Nothing was sent.")
    return schema


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
        try:
            given = conninfo_to_dict(url)
        except psycopg.Error:
            # Its text holds the URL, and that the password.
            raise ConfigError("this is no URL of a PostgreSQL database. Nothing was sent.") from None
        self._settings: dict[str, Any] = {**DEFAULTS, **given}
        place = f"{given.get('host') or 'localhost'}/{given.get('dbname') or given.get('user') or ''}"
        self.name: str = f"postgresql://{place} (schema {schema})"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def exists(self) -> bool:
        return True

    def shell(self, sql: str) -> str:
        return f"psql -c 'SET search_path = {quoted(self.schema)}' -c '{sql}'"

    def open(self) -> PostgresqlDatabase:
        with self._opening() as db:
            if _version_of(db, self.schema, self.name) == 0:
                self._make(db)
            self._check(db)
        return PostgresqlDatabase(db, self.schema, self.name)

    def open_to_read(self) -> PostgresqlDatabase:
        with self._opening() as db:
            if _version_of(db, self.schema, self.name) == 0:
                raise StoreError(self.name, "does not exist; make it with: tonicdm sync")
            self._check(db)
        return PostgresqlDatabase(db, self.schema, self.name)

    def open_to_watch(self) -> PostgresqlDatabase:
        with self.errors(), self._opening() as db:
            return PostgresqlDatabase(db, self.schema, self.name)

    def upgrade(self) -> tuple[int, int]:
        with self._opening() as db, contextlib.closing(db):
            before = _version_of(db, self.schema, self.name)
            if before == 0:
                self._make(db)
            for version in range(before or SCHEMA_VERSION, SCHEMA_VERSION):
                with self._alone(db):
                    if _version_of(db, self.schema, self.name) == version:
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
            raise StoreError(self.name, f"can't be reached. Nothing was stored; {reason}") from None
        try:
            # Own names come first, so that a table of the same name elsewhere is never meant.
            settings = f"SET TimeZone = 'UTC'; SET lock_timeout = '{LOCK_TIMEOUT}'"
            db.execute(f"SET search_path = {quoted(self.schema)}; {settings}".encode())
            yield db
        except BaseException:
            db.close()
            raise

    def _make(self, db: psycopg.Connection[Any]) -> None:
        """Make the tables; of two processes that do so at once, the second one finds them made."""
        with self._alone(db):
            if _version_of(db, self.schema, self.name):
                return
            sql = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
            if db.execute(sql, (self.schema,)).fetchone() is None:
                db.execute(f"CREATE SCHEMA {quoted(self.schema)}".encode())
            db.execute((_TABLES + _FUNCTIONS).encode())
            notes = [(VERSION_NOTE, str(SCHEMA_VERSION)), ("identity", secrets.token_hex(16))]
            with db.cursor() as cursor:
                cursor.executemany("INSERT INTO meta (name, value) VALUES (%s, %s)", notes)

    @contextlib.contextmanager
    def _alone(self, db: psycopg.Connection[Any]) -> Generator[None]:
        half = int.from_bytes(hashlib.sha256(self.schema.encode()).digest()[:4], signed=True)
        with db.transaction():
            db.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_LOCKS[Lock.WRITE], half))
            yield

    def _check(self, db: psycopg.Connection[Any]) -> None:
        row = db.execute("SELECT value FROM meta WHERE name = %s", (VERSION_NOTE,)).fetchone()
        _check_version(row, self.name)

    @contextlib.contextmanager
    def errors(self) -> Generator[None]:
        try:
            yield
        except psycopg.Error as error:
            # The error's own text may hold values of records: of its class and code nothing is to be kept secret.
            raise StoreError(self.name, described(error)) from None

    def beside(self, name: str) -> pathlib.Path:
        folder = platformdirs.user_state_path("tonicdm", appauthor=False) / "postgresql"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder / f"{hashlib.sha256(self.name.encode()).hexdigest()[:16]}.{name}"


def _version_of(db: psycopg.Connection[Any], schema: str, name: str) -> int:
    """Return the version whose tables a schema has; 0 where it is empty, or not there."""
    sql = (
        "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE nspname = %s AND relkind IN ('r', 'p')"
    )
    tables = {table for (table,) in db.execute(sql, (schema,))}
    if not tables:
        return 0
    row = None
    if tables >= OWN_TABLES:
        with contextlib.suppress(errors.UndefinedColumn):
            row = db.execute("SELECT value FROM meta WHERE name = %s", (VERSION_NOTE,)).fetchone()
    if row is None or not str(row[0]).isdecimal():
        raise StoreError(name, "is a schema of another program; choose another name. It was not changed")
    return int(row[0])


def _check_version(row: tuple[str] | None, name: str) -> None:
    version = 0 if row is None else int(row[0])
    if version > SCHEMA_VERSION:
        raise StoreError(
            name,
            f"was written by a newer tonicdm: its tables have version {version}, this one knows {SCHEMA_VERSION}. "
            "Upgrade tonicdm; nothing was changed",
        )
    if version < SCHEMA_VERSION:
        raise StoreError(
            name,
            f"was made by an earlier tonicdm: its tables have version {version}, this one needs {SCHEMA_VERSION}. "
            "Stop the programs of the earlier version, and bring the tables up to date: tonicdm db upgrade",
        )


_MEANINGS: Final[Sequence[tuple[type[psycopg.Error], str]]] = (
    (errors.DiskFull, "could not be written: the server's disk is full. Every page stored before is kept"),
    (errors.LockNotAvailable, "is locked by another program for too long. Every page stored before is kept"),
    (errors.QueryCanceled, "did not answer in the time that the server allows (statement_timeout). Nothing was stored"),
    (errors.ReadOnlySqlTransaction, "can't be written: the server is read-only, a standby perhaps"),
    (errors.InvalidPassword, "can't be opened: the server refuses the user or the password"),
    (errors.InvalidAuthorizationSpecification, "can't be opened: the server refuses the user or the password"),
    (errors.InvalidCatalogName, "can't be opened: there is no such database"),
    (errors.TooManyConnections, "can't be opened: the server has no connection left"),
)


def described(error: psycopg.Error) -> str:
    """Return what *error* means for the store, and what to do."""
    for exc_type, meaning in _MEANINGS:
        if isinstance(error, exc_type):
            return meaning
    if isinstance(error, errors.InsufficientPrivilege):
        return "can't be used: the role lacks a privilege. It needs a schema of its own: docs/how-to/postgresql.md"
    if error.sqlstate is None or error.sqlstate.startswith(("08", "57")):
        return "can't be reached, or the connection broke. What was under way was not stored; every page before it is"
    # Of a statement that a user wrote, the text names columns and tables, no values.
    text = error.diag.message_primary if error.sqlstate.startswith("42") else type(error).__name__
    return f"can't be used: {text} ({error.sqlstate})"
