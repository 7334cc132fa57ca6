"""The adapter for SQLite: the store in one file, made for its owner alone, and what SQLite's errors mean."""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from tonicdm.clock import ClockWatch, SystemClock
from tonicdm.errors import StoreError
from tonicdm.store.columns import Column, SqlType, text_form
from tonicdm.store.database import Dialect, Location, Lock, literal, quoted
from tonicdm.store.schema import MIGRATIONS, SCHEMA_VERSION

OWN_TABLES: Final = frozenset({"record", "checkpoint", "watermark", "meta"})
"""Tables that every store has had since the first version."""

LOCK_SECONDS: Final = 30.0
"""For how long a statement waits for another program's lock."""

OWNER_ONLY: Final = 0o600

CHUNK: Final = 500
"""Keys in one statement; SQLite bounds its placeholders."""

EXACT: Final = 2**53
"""Whole numbers up to here are exact as floating point, too."""


class SqliteDialect:
    """SQL as SQLite writes it."""

    insertion_order = "rowid"

    def skip_locked(self, table: str) -> str:  # noqa: ARG002 - one transaction writes at a time
        return ""

    def type_is(self, *, after: bool) -> str:
        # Without the plus, SQLite may read the whole type instead of the index of the changes.
        return "+type = ? AND change_seq > ?" if after else "type = ?"

    def text_of(self, wire: str) -> str:
        return f"json_extract(raw, {_path(wire)})"

    def json_type(self, wire: str) -> str:
        return f"json_type(raw, {_path(wire)})"

    def exact_type(self, wire: str) -> str:
        value = self.text_of(wire)
        # The pattern spares most texts the way into Python.
        return (
            f"CASE {self.json_type(wire)} "
            f"WHEN 'text' THEN CASE WHEN {value} GLOB '[0-9][0-9][0-9][0-9]-*' THEN text_form({value}) ELSE 'text' END "
            f"WHEN 'integer' THEN CASE WHEN typeof({value}) <> 'integer' THEN 'huge' "
            f"WHEN {value} BETWEEN {-EXACT} AND {EXACT} THEN 'integer' ELSE 'long' END "
            f"ELSE {self.json_type(wire)} END"
        )

    def cell(self, wire: str, type_: SqlType | None) -> str:
        value = self.text_of(wire)
        if type_ not in {SqlType.TEXT, SqlType.JSON}:
            return value
        # SQLite makes 1 of true; and a text among other JSON keeps its quotation marks.
        text = f"json_quote({value})" if type_ is SqlType.JSON else value
        return (
            f"CASE {self.json_type(wire)} WHEN 'text' THEN {text} WHEN 'true' THEN 'true' "
            f"WHEN 'false' THEN 'false' ELSE CAST({value} AS TEXT) END"
        )

    def distinct_texts(self, expression: str) -> str:
        return f"group_concat(DISTINCT {expression})"

    def fields_of_raw(self) -> str:
        return "(SELECT count(*) FROM json_each(raw))"

    def seconds(self, expression: str) -> str:
        return f"unixepoch({expression})"

    def line(self, values: Sequence[str], separator: str) -> str:
        return f"json_array({', '.join(values)}) || char({ord(separator)}) || raw || char(10)"


def _path(name: str) -> str:
    """Return the JSON path of a field, as an SQL string."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return literal(f'$."{escaped}"')


_MACHINES: Final = SystemClock()


class SqliteDatabase:
    """An open file.

    Args:
        connection: In autocommit mode.
        watch: Of the machine's wall clock; for connections that write.
    """

    dialect: Dialect = SqliteDialect()

    def __init__(self, connection: sqlite3.Connection, watch: ClockWatch | None = None) -> None:
        self.connection: sqlite3.Connection = connection
        self._watch = watch or ClockWatch(_MACHINES.monotonic)
        self._watch.read(_MACHINES.now())
        connection.create_function("text_form", 1, text_form, deterministic=True)

    @property
    def is_lost(self) -> bool:
        return False

    def now(self) -> float | None:
        return None

    def moved(self, seconds: float) -> float:
        return self._watch.moved(seconds)

    def is_unusable_after(self, error: Exception) -> bool:
        return isinstance(error, sqlite3.OperationalError)

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> sqlite3.Cursor:
        return self.connection.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> int:
        return max(0, self.connection.executemany(sql, parameters).rowcount)

    def insert(self, sql: str, rows: Iterable[Sequence[Any]], /) -> int:
        return self.executemany(sql, rows)

    def update(self, sql: str, parameters: Sequence[Any], rows: Sequence[Sequence[str | None]], /) -> int:
        return self.executemany(sql, [(*parameters, *row) for row in rows])

    def look_up(self, sql: str, parameters: Sequence[Any], keys: Sequence[str], /) -> Iterator[Any]:
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            marks = ",".join("?" * len(part))
            yield from self.connection.execute(f"{sql.removesuffix('(?)')}({marks})", [*parameters, *part])

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False, lock: Lock = Lock.WRITE) -> Generator[None]:  # noqa: ARG002 - one writes at a time
        db = self.connection
        db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        # Who waits for a durable write should not wait for the log to be moved into the file as well; a connection that
        # makes none does that sooner, and this one only when the log has grown to 40 MB.
        db.execute(f"PRAGMA wal_autocheckpoint = {10_000 if durable else 1000}")
        db.execute("BEGIN IMMEDIATE")
        self._watch.read(_MACHINES.now())
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # some errors, such as a full disk, have rolled back already
                db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def moment(self) -> Generator[None]:
        self.connection.execute("BEGIN")
        try:
            yield
        finally:
            self.connection.execute("ROLLBACK")

    def stream(self, sql: str, parameters: Sequence[Any], size: int) -> Iterator[list[Any]]:
        result = self.connection.execute(sql, parameters)
        while batch := result.fetchmany(size):
            yield batch

    def note_if_free(self, sql: str, parameters: Sequence[Any], seconds: float) -> bool:
        try:
            self.connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
            self.connection.execute(sql, parameters)
        except sqlite3.OperationalError as error:
            if not any(words in str(error) for words in ("readonly", "locked")):
                raise
            return False
        return True

    def size(self) -> int:
        (pages,), (page_size,) = (self.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
        return int(pages) * int(page_size)

    def is_same(self, held: str, coming: str) -> bool:
        return held == coming

    def refuses_any(self, keys: Sequence[str], items: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> bool:  # noqa: ARG002 - it holds every text
        return False

    def refusal(self, key: str, item: Mapping[str, Any], raw: str) -> str | None:  # noqa: ARG002 - it holds every text
        return None

    def make_view(self, record_type: str, own: Mapping[str, str], columns: Sequence[Column]) -> None:
        self.connection.execute(f"DROP VIEW IF EXISTS {quoted(record_type)}")
        expressions = [value if name == value else f"{value} AS {name}" for name, value in own.items()]
        expressions += [f"{self.dialect.text_of(column.wire)} AS {quoted(column.name)}" for column in columns]
        self.connection.execute(
            f"CREATE VIEW {quoted(record_type)} AS SELECT {', '.join(expressions)} FROM record "  # noqa: S608 - quoted
            f"WHERE type = {literal(record_type)}"
        )

    def close(self) -> None:
        self.connection.close()


class SqliteFile(Location):
    """The location of a store in a file.

    Args:
        path: The file.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path: pathlib.Path = path
        self.name: str = str(path)
        self._watch = ClockWatch(_MACHINES.monotonic)

    def exists(self) -> bool:
        return self.path.exists()

    def shell(self, sql: str) -> str:
        return f'sqlite3 {self.name} "{sql}"'

    def open(self) -> SqliteDatabase:
        return SqliteDatabase(_open(self.path), self._watch)

    def open_to_read(self) -> SqliteDatabase:
        if not self.path.is_file():
            raise StoreError(self.name, "does not exist; make it with: tonicdm sync")
        return SqliteDatabase(_open_to_read(self.path))

    def open_beside(self) -> SqliteDatabase:
        # In WAL mode a reader meets a lock only while another program recovers or removes the log.
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        with self.errors():
            return SqliteDatabase(
                sqlite3.connect(uri, uri=True, timeout=0.0, isolation_level=None, check_same_thread=False)
            )

    def open_to_watch(self) -> SqliteDatabase:
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        with self.errors():
            return SqliteDatabase(sqlite3.connect(uri, uri=True, timeout=1.0, isolation_level=None))

    def upgrade(self) -> tuple[int, int]:
        before = 0
        if self.path.is_file():
            with contextlib.closing(sqlite3.connect(self.path, timeout=LOCK_SECONDS, isolation_level=None)) as db:
                before = version_of(db, self.path)
        _open(self.path).close()
        return before, SCHEMA_VERSION

    @contextlib.contextmanager
    def errors(self) -> Generator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise StoreError(self.name, described(error)) from error

    def beside(self, name: str) -> pathlib.Path:
        return self.path.with_name(f"{self.path.name}.{name}")


def _open(path: pathlib.Path) -> sqlite3.Connection:
    """Open the store at *path*, or make it, with the tables of this version."""
    if not path.parent.exists():
        raise StoreError(str(path), "can't be made: its folder does not exist")
    # Made here, so that nobody else can read it from its first byte on; SQLite gives -wal and -shm the same mode.
    with contextlib.suppress(OSError):
        path.touch(mode=OWNER_ONLY)
    db = sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        version = version_of(db, path)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        if version < SCHEMA_VERSION:
            _close_to_others(path)
            upgrade(db, version)
    except BaseException:
        db.close()
        raise
    return db


def _open_to_read(path: pathlib.Path) -> sqlite3.Connection:
    """Open the store at *path* also where it can't be written."""
    try:
        return _open(path)
    except sqlite3.OperationalError as error:
        if not any(words in str(error) for words in ("readonly", "unable to open")):
            raise
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise StoreError(
            str(path),
            "can't be written where it is, and its newest changes are in a file beside it (-wal), which can't be read "
            "without writing. Copy both to where they can be written",
        )
    # Nobody can change it here, so it needs no lock, and no file beside it.
    uri = f"{path.absolute().as_uri()}?immutable=1"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        version = version_of(db, path)
    except BaseException:
        db.close()
        raise
    if version < SCHEMA_VERSION:
        db.close()
        raise StoreError(
            str(path),
            f"was written by an earlier tonicdm: its tables have version {version}, this one's {SCHEMA_VERSION}, and "
            "they can't be changed where it is. Copy it, or open it once where it can be written",
        )
    return db


def version_of(db: sqlite3.Connection, path: pathlib.Path) -> int:
    """Return the version whose tables a database has; 0 for a new one."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables >= OWN_TABLES and (tables or version):
        raise StoreError(str(path), "is a database of another program; choose another name. It was not changed")
    if version > SCHEMA_VERSION:
        raise StoreError(
            str(path),
            f"was written by a newer tonicdm: its tables have version {version}, this one knows {SCHEMA_VERSION}. "
            "Upgrade tonicdm; the file was not changed",
        )
    return int(version)


def upgrade(db: sqlite3.Connection, version: int) -> None:
    """Lead a store of *version* to the newest one, each step in a transaction of its own.

    Two processes may open a file at the same moment: whoever comes second finds the step made.
    """
    for number in range(version, SCHEMA_VERSION):
        db.execute("BEGIN IMMEDIATE")
        try:
            if db.execute("PRAGMA user_version").fetchone() == (number,):
                for statement in MIGRATIONS[number].split(";"):  # no text in them holds a semicolon
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {number + 1}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def _close_to_others(path: pathlib.Path) -> None:
    """Take a file that an earlier version has made from all but its owner; -wal and -shm, too."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        with contextlib.suppress(OSError):  # another user's, or not there
            path.with_name(name).chmod(OWNER_ONLY)


_MEANINGS: Final = {
    "disk is full": (
        "could not be written: the disk is full. Every page stored before is kept; free some space and go on"
    ),
    "disk I/O error": (
        "could not be read or written: the disk reported an error. Every page stored before is kept; check the disk, "
        "and whether the file was moved or replaced while it was open"
    ),
    "locked": "is locked by another program for too long. Every page stored before is kept",
    "not a database": "is no SQLite file; choose another name",
    "malformed": "is damaged: SQLite can't read it. Restore it from a backup, or sync into a new file",
    "readonly": "can't be opened for writing",
    "unable to open": "can't be opened for writing",
}
"""What the words of SQLite's errors mean to a user."""


def described(error: sqlite3.DatabaseError) -> str:
    """Return what *error* means for the store, and what to do."""
    text = str(error)
    meaning = next((meaning for words, meaning in _MEANINGS.items() if words in text), None)
    return meaning or f"can't be used: {text}"
