"""Errors of PostgreSQL: what they mean for a store, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import psycopg
from psycopg import errors

POOLED: Final = (
    "is behind a pooler in transaction mode, where the settings of a session are anybody's. Nothing was stored. Go to "
    "the server directly, or through a pooler in session mode (pool_mode = session)"
)
TRANSACTION_TIMEOUT: Final = "25P04"
"""The state of a transaction that took too long for the server; older drivers have no name for it."""

_MEANINGS: Final[Sequence[tuple[type[psycopg.Error], str]]] = (
    (
        errors.DiskFull,
        "could not be written: the server's disk is full. Every page stored before is kept; free some space and go on",
    ),
    (errors.LockNotAvailable, "is locked by another program for too long. Every page stored before is kept"),
    (errors.QueryCanceled, "did not answer in the time that the server allows (statement_timeout). Nothing was stored"),
    (
        errors.ReadOnlySqlTransaction,
        "can't be written: the server is read-only, a standby perhaps, or the role is (default_transaction_read_only)",
    ),
    (
        errors.IdleInTransactionSessionTimeout,
        "can't be used: the server ended a transaction that said nothing (idle_in_transaction_session_timeout). "  # noqa: ISC004
        "What was under way was not stored; every page before it is",
    ),
    (
        errors.UntranslatableCharacter,
        "can't hold a character: the database has another encoding than UTF8. What was under way was not stored",
    ),
    (errors.InvalidPassword, "can't be opened: the server refuses the user or the password"),
    (errors.InvalidAuthorizationSpecification, "can't be opened: the server refuses the user or the password"),
    (errors.InvalidCatalogName, "can't be opened: there is no such database"),
    (errors.TooManyConnections, "can't be opened: the server has no connection left"),
)


def is_away(error: psycopg.Error) -> bool:
    """Tell whether *error* says that the connection is gone, and not what is wrong with a statement."""
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError)
    return state.startswith(("08", "57P")) or isinstance(error, errors.IdleInTransactionSessionTimeout)


def described(error: psycopg.Error) -> str:
    """Return what *error* means for the store, and what to do."""
    for exc_type, meaning in _MEANINGS:
        if isinstance(error, exc_type):
            return meaning
    if error.sqlstate == TRANSACTION_TIMEOUT:
        return (
            "did not do it in the time that the server allows (transaction_timeout). What was under way was not "
            "stored; every page before it is"
        )
    # A schema that a role may not use is none in its search path, and that is what the server says of it.
    if isinstance(error, errors.InsufficientPrivilege | errors.InvalidSchemaName):
        return "can't be used: the role lacks a privilege. It needs a schema of its own: docs/how-to/postgresql.md"
    if is_away(error):
        return "can't be reached, or the connection broke. What was under way was not stored; every page before it is"
    state = error.sqlstate or ""
    # Of a statement that a user wrote, the text names columns and tables, no values.
    text = error.diag.message_primary if state.startswith("42") else type(error).__name__
    return f"can't be used: {text} ({state})"
