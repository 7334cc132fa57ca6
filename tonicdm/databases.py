"""URLs of PostgreSQL databases: how they are told from paths, and what of them people may see."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, LiteralString
from urllib.parse import parse_qs, unquote

from tonicdm.errors import ConfigError, StoreError

if TYPE_CHECKING:
    import psycopg

SCHEMES: Final = ("postgresql://", "postgres://")
_HOST: Final = r"(?:\[[^\]@]*\]|[^:@\[\]]*)(?::[0-9]*)?"
_DIGITS: Final = r"[0-9,]*"

OWN_SCHEMAS: Final = frozenset({"tonicdm_budget", "tonicdm_jobs", "tonicdm_rhythm"})
"""What several programs share is there; no copy is."""
MAX_IDENTIFIER_BYTES: Final = 63
"""Bytes of the name of a schema, table or column in PostgreSQL; longer ones are cut."""
CONNECT_SECONDS: Final = 5
"""Seconds that one try to connect may take."""
CONNECTION: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT_SECONDS,
    "prepare_threshold": None,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "client_encoding": "UTF8",
}
"""Settings of a connection that also a pooler in transaction mode can serve: it prepares no statements. A server that
is gone without a word is noticed within half a minute."""
OURS_ALONE: Final = frozenset({"client_encoding"})
"""Settings that no URL changes: every text of ours can be sent, and none comes back as bytes."""

SESSION: Final[LiteralString] = """
SET default_transaction_isolation = 'read committed'; SET TimeZone = 'UTC'; SET DateStyle = 'ISO';
SET IntervalStyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 1; SET array_nulls = on;
SET standard_conforming_strings = on; SET transform_null_equals = off; SET quote_all_identifiers = off;
SET idle_in_transaction_session_timeout = '60s'
"""
"""What statements and what is read of their answers rely on, where a server, database or role is set up otherwise.

For sessions that are ours as long as they are open; of a pooler in transaction mode they would become anybody's.
"""
BEGIN: Final[LiteralString] = "BEGIN ISOLATION LEVEL READ COMMITTED"
"""Begins a transaction that waits for a lock, and then sees what the one before it has committed."""


UNREADABLE: Final = (
    "the URL of the database can't be read: it names a parameter that libpq does not know, or one with a value that is "
    "none, such as connect_timeout=soon. Nothing was sent."
)


def is_url(target: object) -> bool:
    """Tell whether *target* is the URL of a PostgreSQL database, and no path."""
    return isinstance(target, str) and target.startswith(SCHEMES)


def refuse_other_url(text: str, places: str) -> None:
    """Refuse the URL of something else than a PostgreSQL database, before it is taken for a path.

    As a path it would be shown in errors, with the password in it.

    Args:
        text: A path, if it is none.
        places: What was asked for.

    Raises:
        ConfigError: It is one. The error shows nothing but its scheme.
    """
    if is_url(text) or not ("://" in text or re.match(r"postgres(ql)?(\+\w+)?:", text, re.IGNORECASE)):
        return
    scheme = text.partition("://")[0]
    other = f"{scheme}://" if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.:-]{1,30}", scheme) else "another URL"
    raise ConfigError(f"{places}, not {other}. Nothing was sent.")


def shown(url: str) -> str:
    """Return what people may see of a database's URL: host, port and database, never user, password or parameters.

    A URL that can't be taken apart shows nothing but its scheme: any part of it might be the password.

    Args:
        url: ``scheme://…``, read as libpq reads it: the host may be named among the parameters.
    """
    return _taken_apart(url) or f"{url.partition('://')[0]}://…"


def checked(url: str) -> str:
    """Return what people may see of a database's URL that a driver is about to be given.

    The driver's own errors name the parts of a URL as it reads them, and a password that is not written as it should be
    is read as something else.

    Args:
        url: ``postgresql://…``.

    Raises:
        ConfigError: It can't be taken apart. The error repeats nothing of it.
    """
    # Bytes of a command line that are no UTF-8 come as lone surrogates, which no driver takes.
    is_text = url.isascii() or url.encode(errors="ignore").decode() == url
    place = _taken_apart(url) if is_url(url) and is_text else None
    if place is None:
        raise ConfigError(
            "this is no URL of a PostgreSQL database: postgresql://host:port/database, with %2F, %40, %3F and %25 for "
            "/, @, ? and % in a user or a password. Nothing was sent."
        )
    return place


def _taken_apart(url: str) -> str | None:
    scheme, _, rest = url.partition("://")
    # What is in front of the first @ is user and password, with any character but the slash, as libpq has it.
    userinfo = re.match(r"[^@/]*@", rest)
    head, question, query = rest[userinfo.end() if userinfo else 0 :].partition("?")
    hosts, slash, name = head.partition("/")
    if (
        "@" in head
        or not all(re.fullmatch(_HOST, host) for host in hosts.split(","))
        or (question and "=" not in query)
    ):
        return None
    given = {key: values[-1] for key, values in parse_qs(query).items()}
    place = hosts or given.get("host") or given.get("hostaddr") or (_unnamed(given) if url.startswith(SCHEMES) else "")
    port = given.get("port", "")
    if port and ":" not in hosts.rpartition("]")[2] and re.fullmatch(_DIGITS, port):
        place += f":{port}"
    database = name or given.get("dbname", "")
    return f"{scheme}://{unquote(place)}{f'/{unquote(database)}' if slash or database else ''}"


def _unnamed(given: Mapping[str, str]) -> str:
    """Return what people see of a host that is not named in a URL, but where libpq looks then."""
    service = given.get("service") or os.environ.get("PGSERVICE")
    return f"service={service}" if service else os.environ.get("PGHOST") or os.environ.get("PGHOSTADDR") or "localhost"


def conninfo_of(url: str) -> str:
    """Return a database's URL as psycopg takes it.

    Args:
        url: ``postgresql://…``.

    Raises:
        ConfigError: It is none, which the error does not repeat; or psycopg is not installed.
    """
    checked(url)
    try:
        import psycopg.conninfo
    except ImportError as error:
        raise ConfigError(
            "a PostgreSQL database needs psycopg, the extra postgres: pip install 'tonicdm[postgres]'. Nothing was "
            "sent."
        ) from error
    try:
        # The driver reads this one itself, and only when it connects.
        int(float(psycopg.conninfo.conninfo_to_dict(url).get("connect_timeout") or 0))
        return psycopg.conninfo.make_conninfo(url)
    except (psycopg.Error, ValueError, OverflowError):
        # The driver's own message repeats the URL, with its password.
        raise ConfigError(UNREADABLE) from None


def connection_settings(conninfo: str, name: str) -> dict[str, Any]:
    """Return the settings `CONNECTION` and the name of a connection, but for what its URL says itself.

    Args:
        conninfo: Of the database.
        name: What the connection is called in the list of the server's.
    """
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(conninfo)
    ours = {**CONNECTION, "application_name": name}
    return {key: value for key, value in ours.items() if key not in given or key in OURS_ALONE}


def connect(
    conninfo: str, name: str, prepare: Callable[[psycopg.Connection[Any]], object] = lambda _connection: None
) -> psycopg.Connection[Any]:
    """Open a connection as `connection_settings` says.

    Args:
        conninfo: Of the database.
        name: What the connection is called in the list of the server's.
        prepare: Called with it; where that raises, it is closed.
    """
    import psycopg

    connection = psycopg.connect(conninfo, autocommit=True, **connection_settings(conninfo, name))
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED  # of the transactions that are begun on it
    try:
        connection.execute("SELECT 1")
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def is_lent_to_others(
    connection: psycopg.Connection[Any], session: int, another: Callable[[], psycopg.Connection[Any]]
) -> bool:
    """Tell whether a pooler lends the session of a connection to others between two transactions.

    A pooler names a session of its own making, so this is asked behind one only. In session mode nobody else ever gets
    the session of a connection that is open.

    Args:
        connection: In autocommit mode, and open.
        session: Its session, as the server names it.
        another: Opens another connection by the same way.
    """
    import psycopg

    if session == connection.info.backend_pid:
        return False
    try:
        with another() as other:
            other.execute("BEGIN")
            (theirs,) = other.execute("SELECT pg_backend_pid()").fetchone() or (0,)
            (ours,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
            return theirs == session or ours != session
    except psycopg.OperationalError:
        return False  # no session is left to look with, which a pooler in session mode may say


def leave_to_parent(connection: psycopg.Connection[Any]) -> None:
    """Make a forked child unable to speak on its parent's connection; the end of the child would close the session."""
    with contextlib.suppress(Exception):
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, connection.fileno())
        os.close(nowhere)
    _parents.append(connection)


_parents: list[psycopg.Connection[Any]] = []
"""Connections of a parent process, which are never let go of here."""


def form_of(connection: psycopg.Connection[Any], schema: LiteralString) -> int | None:
    """Return the form of the tables in a schema, as `make_tables` notes it; None where there are none.

    Args:
        connection: To the database.
        schema: A plain word.
    """
    if connection.execute("SELECT to_regclass(%s)", (f"{schema}.form",)).fetchone() == (None,):
        return None
    (form,) = connection.execute(f"SELECT max(number) FROM {schema}.form").fetchone() or (None,)  # noqa: S608
    return form or 0


def make_tables(
    connection: psycopg.Connection[Any], schema: LiteralString, form: int, statements: Sequence[str]
) -> None:
    """Make the tables of a schema, and note their form; two processes at once make them once.

    Args:
        connection: To the database.
        schema: A plain word.
        form: The number that a table ``form`` holds, unless it holds one.
        statements: What makes the tables, the schema first.
    """
    with connection.transaction():
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = '60s'")
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (schema,))
        for statement in statements:
            connection.execute(statement.encode())
        connection.execute(
            f"INSERT INTO {schema}.form SELECT {form} WHERE NOT EXISTS (SELECT 1 FROM {schema}.form)".encode()  # noqa: S608
        )


def check_encoding(connection: psycopg.Connection[Any], where: str) -> None:
    """Refuse a database that can't hold every character: pages that were paid for could not be stored.

    Args:
        connection: To the database.
        where: What people may see of it.

    Raises:
        StoreError: It has another encoding than UTF8.
    """
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreError(
            where,
            f"can't be made: the database has the encoding {encoding}, which can't hold every character. Nothing was "
            "stored. Make one that can: createdb --encoding UTF8 --template template0",
        )


def first_line(error: BaseException) -> str:
    """Return the first line of a driver's message; the others repeat statements and values."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


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
    if schema in OWN_SCHEMAS:
        raise ConfigError(f"the schema {schema} is tonicdm's own: choose another name. Nothing was sent.")
    return schema


def creating(schema: LiteralString) -> LiteralString:
    """Return the statement that makes a schema where it is missing.

    ``IF NOT EXISTS`` asks for the right to make schemas also where there is nothing to be made.

    Args:
        schema: A plain word.
    """
    return f"DO $$ BEGIN IF to_regnamespace('{schema}') IS NULL THEN CREATE SCHEMA {schema}; END IF; END $$"


def shown_place(where: str | os.PathLike[str] | None) -> str | None:
    """Return what people may see of a file's path, or of a database's URL.

    Args:
        where: One of them; None stays None.
    """
    text = None if where is None else str(os.fspath(where))
    return shown(text) if text is not None and "://" in text else text
