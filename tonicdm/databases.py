"""URLs of PostgreSQL databases: how they are told from paths, and what of them people may see."""

from __future__ import annotations

import os
import re
from typing import Final, LiteralString
from urllib.parse import parse_qs, unquote

from tonicdm.errors import ConfigError

SCHEMES: Final = ("postgresql://", "postgres://")
_HOSTS: Final = re.compile(r"(?:\[[^\]@]*\]|[^:@\[\]]*)(?::[0-9]*)?")
_DIGITS: Final = re.compile(r"[0-9,]*")


def is_url(target: object) -> bool:
    """Tell whether *target* is the URL of a PostgreSQL database, and no path."""
    return isinstance(target, str) and target.startswith(SCHEMES)


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
    place = _taken_apart(url) if is_url(url) else None
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
    if "@" in head or not all(_HOSTS.fullmatch(host) for host in hosts.split(",")) or (question and "=" not in query):
        return None
    given = {key: values[-1] for key, values in parse_qs(query).items()}
    place = hosts or given.get("host") or given.get("hostaddr") or ("localhost" if url.startswith(SCHEMES) else "")
    port = given.get("port", "")
    if port and ":" not in hosts.rpartition("]")[2] and _DIGITS.fullmatch(port):
        place += f":{port}"
    database = name or given.get("dbname", "")
    return f"{scheme}://{unquote(place)}{f'/{unquote(database)}' if slash or database else ''}"


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
