"""A store on each engine, for tests that hold for all of them."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import Any

from tonicdm.store.database import Location
from tonicdm.store.opening import locate

ENGINES = ("sqlite", "postgresql")
"""What a fixture is parametrised with."""

Place = str | os.PathLike[str] | Location
"""What `Store` takes."""


def place(request: Any, engine: str, name: str = "firm") -> Location:
    """Return where a test may keep a store: a file in its folder, or a schema of its own.

    Args:
        request: The fixture's.
        engine: One of `ENGINES`.
        name: Tells two stores of one test apart.
    """
    if engine == "sqlite":
        return locate(request.getfixturevalue("tmp_path") / f"{name}.db")
    return locate(request.getfixturevalue("postgres_server"), f"{name}_{secrets.token_hex(6)}")


def words(where: Location) -> list[str]:
    """Return the words by which a command is told a place."""
    if where.schema is None:
        return [where.name]
    with contextlib.closing(where.open_to_watch()) as db:
        connection: Any = db
        host, user, name = (getattr(connection.connection.info, part) for part in ("host", "user", "dbname"))
    return [f"postgresql://{user}@/{name}?host={host}", "--schema", where.schema]


def rows(where: Place, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return what a SELECT finds in a store, by a connection of its own."""
    with contextlib.closing(locate(where).open_to_read()) as db:
        return db.execute(sql, values).fetchall()


def is_made(where: Place) -> bool:
    """Tell whether a store is there."""
    from tonicdm.errors import StoreError

    try:
        return bool(rows(where, "SELECT 1"))
    except StoreError:
        return False
