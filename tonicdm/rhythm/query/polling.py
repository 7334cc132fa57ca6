"""Rules of polling a query: the pauses, and the state that a response means. No clock, no I/O."""

from __future__ import annotations

import enum
from collections.abc import Iterator

import attrs

from tonicdm.errors import ConfigError
from tonicdm.rhythm.assumed import Dialect
from tonicdm.rhythm.models import QueryExecution
from tonicdm.types import Secret


@attrs.frozen(kw_only=True)
class PollRules:
    """How often to poll; the documents name no interval."""

    first: float = 1.0
    """Seconds before the first poll."""
    factor: float = 2.0
    """How much each pause is longer than the one before."""
    cap: float = 30.0
    """Seconds of the longest pause."""
    deadline: float = 3600.0
    """Seconds after which waiting ends; the task goes on at the server."""

    def __attrs_post_init__(self) -> None:
        if not 0 < self.first <= self.cap or self.factor < 1 or self.deadline < 0:
            raise ConfigError("poll rules need positive pauses that do not shrink, and a deadline")

    def pauses(self) -> Iterator[float]:
        """Yield the pauses that fit before the deadline, the last one cut to it; their sum is the deadline."""
        left, pause = self.deadline, self.first
        while left > 0:
            yield min(pause, left)
            left -= pause
            pause = min(self.cap, pause * self.factor)


class QueryState(enum.StrEnum):
    """How a query stands."""

    RUNNING = "running"
    READY = "ready"
    """It has a result that can be downloaded."""
    EMPTY = "empty"
    """It is done, and there is nothing to download."""
    FAILED = "failed"


def state_of(execution: QueryExecution, dialect: Dialect) -> QueryState:
    """Tell how a query stands.

    A word that is not known means that it goes on: no page lists the words, so only the deadline ends such a wait.

    Args:
        execution: What the server said.
        dialect: The assumed words and names.
    """
    word = (execution.status or "").lower()
    if word in dialect.failed:
        return QueryState.FAILED
    if word in dialect.finished and (execution.has_result_set is False or execution.rows == 0):
        # A file may be there all the same, with headers only.
        return (
            QueryState.READY
            if uri_of(execution, dialect) is not None and execution.has_result_set
            else QueryState.EMPTY
        )
    if uri_of(execution, dialect) is not None or word in dialect.finished:
        return QueryState.READY
    return QueryState.RUNNING


def uri_of(execution: QueryExecution, dialect: Dialect) -> Secret | None:
    """Return the signed URI of a query's result, under whichever of the assumed names it stands."""
    for name in dialect.result_uris:
        value = execution.uri if name == "uri" else execution.extra.get(name)
        if isinstance(value, Secret) and value.reveal():
            return value
        if isinstance(value, str) and value:
            return Secret(value)
    return None
