"""Pages: Items, Count and LastEvaluatedKey (concepts page, "Paging")."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import attrs

from tonicdm.sandbox.messages import Refusal, Response, json_response, to_json
from tonicdm.sandbox.rhythm.ask import Ask, array, chosen
from tonicdm.sandbox.rhythm.jwt import from_base64, to_base64
from tonicdm.sandbox.rhythm.settings import RhythmSettings
from tonicdm.sandbox.rhythm.table import Record


class Rows(Protocol):
    """Records in a fixed order, as tables and small lists have them."""

    def ranks(self, first: int = 0) -> Iterator[int]:
        """Return the ranks from *first* on."""
        ...

    def id(self, rank: int) -> str:
        """Return the ID at a rank."""
        ...

    def place(self, record_id: str) -> int | None:
        """Return the rank of an ID, also of one that is gone."""
        ...

    def record(self, rank: int) -> Record:
        """Return the record at a rank."""
        ...


@attrs.frozen
class Listed:
    """A small list in the form of a table."""

    records: Sequence[Record]

    def ranks(self, first: int = 0) -> Iterator[int]:
        """Return the ranks from *first* on."""
        return iter(range(first, len(self.records)))

    def id(self, rank: int) -> str:
        """Return the ID at a rank."""
        return str(self.records[rank]["id"])

    def place(self, record_id: str) -> int | None:
        """Return the rank of an ID."""
        return next((rank for rank in self.ranks() if self.id(rank) == record_id), None)

    def record(self, rank: int) -> Record:
        """Return the record at a rank."""
        return self.records[rank]


@attrs.frozen
class Key:
    """Where a page begins."""

    after: str | None
    """ID of the last record before it, None at the start."""
    passed: bool
    """Whether the empty page that may stand there is behind."""


def page(
    ask: Ask, rows: Rows, keep: Callable[[int], bool] = lambda _: True, *, fields: str | None, key: str | None
) -> Response:
    """Answer with one wrapped page.

    Args:
        ask: The call.
        rows: The records.
        keep: Whether the record at a rank is meant.
        fields: Comma-separated list of the fields wanted.
        key: exclusiveStartKey as it was sent.

    Raises:
        Refusal: 400, the key is none of this server's.
    """
    settings = ask.settings
    start = Key(None, passed=False) if not key else _read(key)
    first = 0
    if start.after is not None:
        place = rows.place(start.after)
        if place is None:
            raise Refusal(400, "exclusiveStartKey is not valid")
        first = place + 1
    if not start.passed and _is_empty_page(ask, start):
        return _wrapped(ask, [], _written(Key(start.after, passed=True), settings), key)
    found = list(itertools.islice((rank for rank in rows.ranks(first) if keep(rank)), settings.page_size + 1))
    shown = found[: settings.page_size]
    more = len(found) > len(shown) or (settings.trailing_page and len(shown) == settings.page_size)
    last = _written(Key(rows.id(shown[-1]), passed=False), settings) if more else None
    return _wrapped(ask, [chosen(rows.record(rank), fields) for rank in shown], last, key)


def listed(ask: Ask, rows: Rows, shape: str) -> Response:
    """Answer a list operation.

    Args:
        ask: The call.
        rows: The records.
        shape: "array" or "wrapped", as the reference shows this operation; the setting list_shape may overrule it.
    """
    shape = shape if ask.settings.list_shape == "reference" else ask.settings.list_shape
    fields = ask.query.get("fields")
    if shape == "array":
        return array((rows.record(rank) for rank in rows.ranks()), fields)
    return page(ask, rows, fields=fields, key=ask.query.get("exclusiveStartKey"))


def _is_empty_page(ask: Ask, start: Key) -> bool:
    if "empty_page" in ask.injected:
        return True
    rate = ask.settings.empty_page_rate
    return rate > 0 and ask.chance(ask.operation.id, start.after) < rate


def _wrapped(ask: Ask, items: list[Record], last: Any, sent: str | None) -> Response:
    told: dict[str, Any] = {"Items": items, "Count": len(items)}
    if "repeated_key" in ask.injected and sent:
        last = json.loads(sent) if ask.settings.key_form == "object" else sent
    if last is not None:
        told["LastEvaluatedKey"] = last
    elif ask.settings.last_key != "absent":
        told["LastEvaluatedKey"] = None if ask.settings.last_key == "null" else ""
    return json_response(200, told, len(items))


def _written(key: Key, settings: RhythmSettings) -> Any:
    told = {"id": key.after, "passed": key.passed}
    return told if settings.key_form == "object" else to_base64(to_json(told))


def _read(text: str) -> Key:
    try:
        told = json.loads(text if text.startswith("{") else from_base64(text))
        return Key(told["id"], passed=bool(told["passed"]))
    except (ValueError, KeyError, TypeError):
        raise Refusal(400, "exclusiveStartKey is not valid") from None
