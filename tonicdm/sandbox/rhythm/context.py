"""The context of a permitted call, and the forms of its responses: records, arrays, pages."""

from __future__ import annotations

import hashlib
import itertools
import json
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import attrs

from tonicdm.sandbox.faults import InjectedFaults
from tonicdm.sandbox.messages import Refusal, Response, json_response, to_json
from tonicdm.sandbox.rhythm.association import World
from tonicdm.sandbox.rhythm.jobs import Execution, QueryJob
from tonicdm.sandbox.rhythm.operations import Operation
from tonicdm.sandbox.rhythm.settings import RhythmSettings
from tonicdm.sandbox.rhythm.tokens import CLAIM, from_base64, to_base64
from tonicdm.sandbox.rhythm.versions import USER, Record


@attrs.define
class Tenant:
    """A customer: its records, its queries and its long-running tasks."""

    id: str
    customer_id: str
    world: World
    queries: dict[str, QueryJob] = attrs.field(factory=dict)
    """Queries that were started, by ID."""
    executions: dict[str, Execution] = attrs.field(factory=dict)
    """Executions of step functions, by ARN."""
    recent: list[float] = attrs.field(factory=list)
    """Times of the calls of the last second, for requests_per_second."""


@attrs.frozen(kw_only=True)
class Context:
    """A permitted call."""

    operation: Operation
    parameters: Mapping[str, str]
    """Of the path."""
    query: Mapping[str, str]
    """Of the query string."""
    body: bytes
    claims: Mapping[str, Any]
    """Of the token; empty where none is needed."""
    tenant: Tenant
    settings: RhythmSettings
    now: float
    """Server time."""
    injected: InjectedFaults
    url: str
    """Base URL of the server, for signed URIs."""
    folder: pathlib.Path
    """Where results are written."""
    key: bytes
    """What URIs are signed with."""
    seed: int

    @property
    def contact_id(self) -> str | None:
        """Contact behind the token."""
        return self.claims.get(f"{CLAIM}contact_id")

    @property
    def user(self) -> str:
        """Who calls, for sys_created_by_id and its like."""
        return str(self.claims.get("sub", USER))

    @property
    def stale_since(self) -> float | None:
        """Server time after which changes do not show yet to a read that is not consistent."""
        if self.query.get("consistentRead", "").lower() == "true" or not self.settings.stale_seconds:
            return None
        return self.now - self.settings.stale_seconds

    def json(self, expected: type) -> Any:
        """Return the body as JSON.

        Raises:
            Refusal: 400, it is no JSON or of another type.
        """
        try:
            value = json.loads(self.body)
        except ValueError:
            raise Refusal(400, "the body is no JSON") from None
        if not isinstance(value, expected):
            raise Refusal(400, f"the body must be a JSON {'array' if expected is list else 'object'}")
        return value

    def chance(self, *parts: object) -> float:
        """Return a number from 0 to 1 that is the same for the same seed and parts."""
        text = "\x1f".join(map(str, (self.seed, *parts)))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32


Handler = Callable[[Context], Response]


def chosen(record: Record, fields: str | None) -> Record:
    """Return the fields named in a comma-separated list, all of them without one (reference, fields)."""
    if not fields:
        return record
    return {name: record[name] for name in map(str.strip, fields.split(",")) if name in record}


def single(context: Context, record: Record) -> Response:
    """Answer with one record and the fields that were asked for."""
    return json_response(200, chosen(record, context.query.get("fields")), 1)


def array(records: Iterable[Record], fields: str | None) -> Response:
    """Answer with a bare array."""
    rows = [chosen(record, fields) for record in records]
    return json_response(200, rows, len(rows))


class Rows(Protocol):
    """Records in a fixed order, as tables and small lists have them."""

    def ranks(self, first: int = 0) -> Iterator[int]:
        """Return the ranks from *first* on."""
        ...

    def id(self, rank: int) -> str:
        """Return the ID at a rank."""
        ...

    def place(self, record_id: str) -> int | None:
        """Return the rank of an ID, also of a deleted record."""
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
    context: Context, rows: Rows, keep: Callable[[int], bool] = lambda _: True, *, fields: str | None, key: str | None
) -> Response:
    """Answer with one wrapped page.

    Args:
        context: The call.
        rows: The records.
        keep: Whether the record at a rank is meant.
        fields: Comma-separated list of the fields wanted.
        key: exclusiveStartKey as it was sent.

    Raises:
        Refusal: 400, the key is none of this server's.
    """
    settings = context.settings
    start = Key(None, passed=False) if not key else _read(key)
    first = 0
    if start.after is not None:
        place = rows.place(start.after)
        if place is None:
            raise Refusal(400, "exclusiveStartKey is not valid")
        first = place + 1
    if not start.passed and _is_empty_page(context, start):
        return _wrapped(context, [], _written(Key(start.after, passed=True), settings), key)
    matching = list(itertools.islice((rank for rank in rows.ranks(first) if keep(rank)), settings.page_size + 1))
    shown = matching[: settings.page_size]
    more = len(matching) > len(shown) or (settings.trailing_page and len(shown) == settings.page_size)
    last = _written(Key(rows.id(shown[-1]), passed=False), settings) if more else None
    return _wrapped(context, [chosen(rows.record(rank), fields) for rank in shown], last, key)


def listed(context: Context, rows: Rows, shape: str) -> Response:
    """Answer a list operation.

    Args:
        context: The call.
        rows: The records.
        shape: "array" or "wrapped", as the reference shows this operation; the setting list_shape may overrule it.
    """
    shape = shape if context.settings.list_shape == "reference" else context.settings.list_shape
    fields = context.query.get("fields")
    if shape == "array":
        return array((rows.record(rank) for rank in rows.ranks()), fields)
    return page(context, rows, fields=fields, key=context.query.get("exclusiveStartKey"))


def _is_empty_page(context: Context, start: Key) -> bool:
    if "empty_page" in context.injected:
        return True
    rate = context.settings.empty_page_rate
    return rate > 0 and context.chance(context.operation.id, start.after) < rate


def _wrapped(context: Context, items: list[Record], last: Any, sent: str | None) -> Response:
    body: dict[str, Any] = {"Items": items, "Count": len(items)}
    if "repeated_key" in context.injected and sent:
        last = json.loads(sent) if context.settings.key_form == "object" else sent
    if last is not None:
        body["LastEvaluatedKey"] = last
    elif context.settings.last_key != "absent":
        body["LastEvaluatedKey"] = None if context.settings.last_key == "null" else ""
    return json_response(200, body, len(items))


def _written(key: Key, settings: RhythmSettings) -> Any:
    body = {"id": key.after, "passed": key.passed}
    return body if settings.key_form == "object" else to_base64(to_json(body))


def _read(text: str) -> Key:
    try:
        position = json.loads(text if text.startswith("{") else from_base64(text))
        return Key(position["id"], passed=bool(position["passed"]))
    except (ValueError, KeyError, TypeError):
        raise Refusal(400, "exclusiveStartKey is not valid") from None
