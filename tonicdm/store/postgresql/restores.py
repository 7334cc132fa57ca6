"""Notice that a schema was restored from a dump, or its server from an earlier state: readers of the feed may be ahead.

A state that is restored goes on from where it was, and would give positions anew that readers of the lost state have
passed. What tells it from the state that was lost is not in it: the server that it is on, the timeline of that server,
which a recovery to an earlier point begins anew, and the table's number, which each restored table gets anew. A note in
the store says where it was written last.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Final

from psycopg import errors

from tonicdm.store import feed, rows
from tonicdm.store.postgresql.database import PostgresqlDatabase

logger: Final = logging.getLogger("tonicdm")

PLACE: Final = "place"
"""The note of the store with the place where it was written last."""

_PARTS: Final = {
    "server": "SELECT system_identifier::text FROM pg_control_system()",
    # A standby has no place of its own to write.
    "timeline": "SELECT CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END",
    "table": "SELECT to_regclass('record')::oid::text",
}

_KEPT_BACK: Final = (
    errors.InsufficientPrivilege,
    errors.FeatureNotSupported,
    errors.UndefinedFunction,
    errors.ObjectNotInPrerequisiteState,
)
"""How some hosted servers say that they keep a part to themselves."""


def notice(database: PostgresqlDatabase, name: str) -> None:
    """Begin a gap in the feed of a store that is not where it was written last.

    Where nothing was lost, as after a move or a failover, the gap hinders nobody: only who is ahead is in it.

    Args:
        database: The store, open.
        name: Of the store, for the log.
    """
    here = _place(database)
    if not _has_moved(rows.note(database, PLACE), here):
        return
    try:
        with database.transaction():
            noted = rows.note(database, PLACE)
            if not _has_moved(noted, here):
                return
            if noted is not None:
                feed.begin_gap(database)
                logger.warning(
                    "%s was restored, or moved to another server: readers that are ahead of it are told so", name
                )
            rows.put_note(database, PLACE, json.dumps(here))
    except (errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege):
        return  # who may write it, notices


def _has_moved(noted: str | None, here: Mapping[str, str]) -> bool:
    before = {} if noted is None else json.loads(noted)
    return noted is None or any(before[part] != here[part] for part in before.keys() & here.keys())


def _place(database: PostgresqlDatabase) -> dict[str, str]:
    """Return where a store is, as far as this server tells it."""
    place = {}
    for part, sql in _PARTS.items():
        try:
            (value,) = database.connection.execute(sql.encode()).fetchone() or (None,)
        except _KEPT_BACK:
            continue
        if value is not None:
            place[part] = str(value)
    return place
