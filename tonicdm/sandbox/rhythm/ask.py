"""One call that has passed the door: what the handlers are given, and how they answer."""

from __future__ import annotations

import hashlib
import json
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from tonicdm.sandbox.faults import InjectedFaults
from tonicdm.sandbox.messages import Refusal, Response, json_response
from tonicdm.sandbox.rhythm.executions import Execution
from tonicdm.sandbox.rhythm.issuer import CLAIM
from tonicdm.sandbox.rhythm.queryjob import QueryJob
from tonicdm.sandbox.rhythm.routes import Operation
from tonicdm.sandbox.rhythm.settings import RhythmSettings
from tonicdm.sandbox.rhythm.table import USER, Record
from tonicdm.sandbox.rhythm.world import World


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
class Ask:
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


Handler = Callable[[Ask], Response]


def chosen(record: Record, fields: str | None) -> Record:
    """Return the fields named in a comma-separated list, all of them without one (reference, fields)."""
    if not fields:
        return record
    return {name: record[name] for name in map(str.strip, fields.split(",")) if name in record}


def one(ask: Ask, record: Record) -> Response:
    """Answer with one record and the fields that were asked for."""
    return json_response(200, chosen(record, ask.query.get("fields")), 1)


def array(records: Iterable[Record], fields: str | None) -> Response:
    """Answer with a bare array."""
    rows = [chosen(record, fields) for record in records]
    return json_response(200, rows, len(rows))
