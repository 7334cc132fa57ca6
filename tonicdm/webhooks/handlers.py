"""Handlers: functions that users register for events, and the deliveries they are given."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any, Final, TypeAlias, TypeVar

import attrs

from tonicdm.errors import ConfigError
from tonicdm.models import CODEC, Record, read_with
from tonicdm.store.database import Database
from tonicdm.store.types import TYPES
from tonicdm.types import DataQuantity
from tonicdm.webhooks.payload import record_type_of

_PATTERN: Final = re.compile(r"\*|[^\s.*]+\.(\*|[^\s*]+)")
_SEPARATOR: Final = re.compile(r"[.:/\s]+")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[-_.:/\s]+")

T = TypeVar("T")
Work: TypeAlias = Callable[[Database], object]


@attrs.define(slots=False)
class Delivery:
    """One event for one record, as a handler gets it: at least once, and after the record is in the store."""

    type: str
    """The event's type, as the sender wrote it."""
    record_type: str
    """Record type; empty where the event names none that is known."""
    id: str
    """The record's ID; empty where the event names none."""
    event: str
    """The event's key."""
    received: float
    """When it arrived, Unix time."""
    attempt: int
    """1 for the first."""
    gone: bool
    """Whether the server does not return the record any more: deleted, or out of sight."""
    _raw: str | None = attrs.field(repr=False)
    _works: list[Work] = attrs.field(factory=list, repr=False)

    @property
    def idempotency_key(self) -> str:
        """Names this event and record, and is the same at each attempt and each replay."""
        return f"{self.event}:{self.id}"

    @cached_property
    def raw(self) -> Mapping[str, Any] | None:
        """The record as plain JSON, as new as the store has it; None where the store does not have it."""
        return None if self._raw is None else json.loads(self._raw)

    @cached_property
    def record(self) -> Record | None:
        """The record as a model.

        Raises:
            DecodeError: It does not have the documented form; `raw` has it as it came.
        """
        if self.raw is None:
            return None
        model: type[Record] = TYPES[self.record_type].listing.model
        with read_with(DataQuantity.BASIC):
            return CODEC.read(self.raw, model)

    def store(self, work: Work) -> None:
        """Queue a write to the store's file, to be committed together with the end of this delivery, or not at all.

        It runs after the handler has returned, on the store's thread, in the transaction that marks the event as done:
        so its effect is there exactly once, whatever happens. It must not commit.

        Args:
            work: Gets the open database; for tables of your own.
        """
        self._works.append(work)


Handler: TypeAlias = Callable[[Delivery], Awaitable[None]]
H = TypeVar("H", bound=Handler)


class Handlers:
    """The handlers of an inbox, by the types of events they are for."""

    def __init__(self) -> None:
        self._known: list[tuple[str, Handler]] = []

    def __len__(self) -> int:
        return len(self._known)

    def on(self, pattern: str) -> Callable[[H], H]:
        """Register the decorated async function for events of a type.

        Args:
            pattern: ``persons.updated``, ``persons.*`` or ``*``; singular or plural, in any spelling of the sender's.

        Raises:
            ConfigError: It is none of these.
        """
        if not _PATTERN.fullmatch(pattern):
            raise ConfigError(f'a handler is for "persons.updated", "persons.*" or "*", not for {pattern!r}')

        def register(handler: H) -> H:
            if _returns_at_once(handler):
                raise ConfigError(f"the handler for {pattern!r} has to be an async function")
            self._known.append((pattern, handler))
            return handler

        return register

    def matching(self, event_type: str, record_type: str) -> list[Handler]:
        """Return the handlers for an event, in the order in which they were registered."""
        return [handler for pattern, handler in self._known if matches(pattern, event_type, record_type)]


def _returns_at_once(handler: object) -> bool:
    return inspect.isfunction(handler) and not inspect.iscoroutinefunction(handler)


def matches(pattern: str, event_type: str, record_type: str) -> bool:
    """Tell whether a handler's pattern is meant for an event.

    Args:
        pattern: As given to `Handlers.on`.
        event_type: As the sender wrote it.
        record_type: The record type it was read as; empty where unknown.
    """
    if pattern == "*":
        return True
    wanted, wanted_action = pattern.lower().rsplit(".", 1)
    named, _, action = ".".join(filter(None, _SEPARATOR.split(event_type.lower()))).rpartition(".")
    # The sender's word for a type may be singular or plural, and so may the user's.
    if wanted != (named or action) and not (record_type and record_type_of(wanted) == record_type):
        return False
    return wanted_action in {"*", action, _HUMP.split(event_type)[-1].lower()}
