"""Locations of stores: the path of a file, or the URL of a database."""

from __future__ import annotations

import os
import pathlib
from typing import Final

from tonicdm.databases import is_url, refuse_other_url
from tonicdm.errors import ConfigError
from tonicdm.store.database import Location
from tonicdm.store.sqlite import SqliteFile

DEFAULT_SCHEMA: Final = "tonicdm"


def locate(target: str | os.PathLike[str] | Location, schema: str | None = None) -> Location:
    """Return the location that a path or a URL names.

    Args:
        target: The path of a file, ``postgresql://…``, or what this function has returned.
        schema: The schema of the database, by default ``tonicdm``; each store has one of its own.

    Raises:
        ConfigError: It names none, or psycopg is not installed.
    """
    if isinstance(target, Location):
        return target
    if not is_url(target):
        path = check_path(target)
        if schema is not None:
            raise ConfigError("a schema is for a store in PostgreSQL (postgresql://…). Nothing was sent.")
        return SqliteFile(path)
    try:
        from tonicdm.store.postgresql import PostgresqlSchema
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        raise ConfigError(
            "a store in PostgreSQL needs psycopg, the extra postgres: pip install 'psycopg[binary]'"
        ) from error
    return PostgresqlSchema(str(target), DEFAULT_SCHEMA if schema is None else schema)


def check_path(path: str | os.PathLike[str]) -> pathlib.Path:
    """Return *path*, if a store can be kept there.

    Raises:
        ConfigError: It names no file.
    """
    text = os.fspath(path)
    if not isinstance(text, str) or not text or "\0" in text:
        raise ConfigError("a store needs the path of a file. Nothing was sent.")
    refuse_other_url(text, "a store is a file or in PostgreSQL (postgresql://…)")
    if text == ":memory:" or text.startswith("file:"):
        raise ConfigError(
            f"a store is a file that is still there tomorrow, not {text!r}: give a path. Nothing was sent."
        )
    file = pathlib.Path(text)
    if file.is_dir():
        raise ConfigError(f"{text} is a folder, and a store is a file: give a path in it. Nothing was sent.")
    return file
