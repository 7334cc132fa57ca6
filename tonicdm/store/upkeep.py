"""Care of a store wherever it is: each engine has its own way of it."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

from tonicdm.store import care, erasing
from tonicdm.store.database import Location
from tonicdm.store.forgetting import Forgotten
from tonicdm.store.soundness import Check
from tonicdm.store.sqlite import SqliteFile

if TYPE_CHECKING:
    from tonicdm.store.postgresql.location import PostgresqlSchema


def check(location: Location) -> Check:
    """Read a whole store and tell whether it is sound. Nothing is changed, and others may write meanwhile.

    Args:
        location: The store.

    Raises:
        StoreError: It is not there, or is no store.
    """
    if isinstance(location, SqliteFile):
        return care.check(location.path)
    from tonicdm.store.postgresql import care as schemas

    return schemas.check(_schema(location))


def backup(location: Location, to: pathlib.Path, *, overwrite: bool = False) -> int:
    """Copy a store into a file as it is at one moment, while others read and write it; return the bytes of the file.

    Args:
        location: The store.
        to: The file.
        overwrite: Whether a file that is there is replaced, once the copy is whole.

    Raises:
        ConfigError: There is a file already, or both are the same.
        StoreError: The store can't be read, or the copy can't be written.
    """
    if isinstance(location, SqliteFile):
        return care.backup(location.path, to, overwrite=overwrite)
    from tonicdm.store.postgresql import care as schemas

    return schemas.backup(_schema(location), to, overwrite=overwrite)


def compact(location: Location) -> tuple[int, int]:
    """Write a store anew without what was deleted from it; return its bytes before and after.

    Args:
        location: The store.

    Raises:
        StoreError: A sync or another program has it, or the disk has no room for a second one of its size.
    """
    if isinstance(location, SqliteFile):
        return care.compact(location.path)
    from tonicdm.store.postgresql import care as schemas

    return schemas.compact(_schema(location))


def erase_person(location: Location, person: str, at: str, *, dry_run: bool = False) -> Forgotten:
    """Erase all that a store holds of a person; it is written anew, so that nothing is left in what is free.

    Args:
        location: The store.
        person: The person's ID, compact lower case.
        at: The time, ISO 8601 in UTC.
        dry_run: Whether to find out only what there is.

    Raises:
        StoreError: A sync has the store, or it can't be written.
    """
    if isinstance(location, SqliteFile):
        return erasing.erase_person(location.path, person, at, dry_run=dry_run)
    from tonicdm.store.postgresql import care as schemas

    return schemas.erase_person(_schema(location), person, at, dry_run=dry_run)


def _schema(location: Location) -> PostgresqlSchema:
    from tonicdm.store.postgresql.location import PostgresqlSchema

    assert isinstance(location, PostgresqlSchema), "a store is in a file or in a schema"
    return location
