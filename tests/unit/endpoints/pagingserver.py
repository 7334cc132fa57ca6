"""Stands in for a `Caller`: a server that pages as it likes, and counts what it is asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from tonicdm.endpoints.caller import ServerFacts
from tonicdm.http.headers import Headers
from tonicdm.http.messages import Response
from tonicdm.http.operation import Operation
from tonicdm.types import DataQuantity


def record(number: int) -> dict[str, Any]:
    return {"id": f"{number:032x}", "name": f"record {number}"}


@attrs.define
class Server:
    """A server with *count* records.

    With ``own`` it pages unasked, by that size; with ``most`` it answers no larger pages than that; with ``deaf`` it
    heeds pageNumber and not pageSize; with ``whole`` it knows no pages.
    """

    count: int
    own: int = 50
    most: int = 1000
    deaf: bool = False
    whole: bool = False
    facts: ServerFacts = attrs.field(factory=ServerFacts)
    placement: str = "header"
    base_url: str = "http://server.test"
    calls: list[dict[str, Any]] = attrs.field(factory=list)
    units: int = 0
    copy: None = None
    max_age: float = 0.0

    async def call(
        self,
        operation: Operation,
        options: Mapping[str, Any] | None = None,
        *,
        data_quantity: DataQuantity | None = None,
        body: Any = None,
    ) -> Response:
        """Answer with a page."""
        given = dict(options or {})
        operation.check(given)
        operation.encode(given)
        data_quantity = data_quantity or DataQuantity.BASIC
        self.calls.append(given)
        self.units += data_quantity.units
        size = self.own if self.deaf or "page_size" not in given else min(given["page_size"], self.most)
        first = (given.get("page_number", 1) - 1) * size
        wanted = None if given.get("filter_ids") is None else set(given["filter_ids"])
        chosen = range(self.count) if wanted is None else [n for n in range(self.count) if record(n)["id"] in wanted]
        numbers = chosen if self.whole else chosen[first : first + size]
        records = [record(number) for number in numbers]
        if data_quantity is DataQuantity.ID_ONLY:
            records = [{"id": one["id"]} for one in records]
        return Response(status=200, headers=Headers(), body=json.dumps(records).encode(), rate_limit=None, attempts=1)

    def prepare(
        self,
        operation: Operation,
        options: Mapping[str, Any],
        data_quantity: DataQuantity | None = None,
        *,
        varying: Iterable[str] = (),
    ) -> tuple[Operation, Mapping[str, Any], DataQuantity | None]:
        """Keep what all of some calls have in common."""
        return operation, options, data_quantity

    async def send(self, prepared: Any, options: Mapping[str, Any], body: Any = None) -> Response:
        """Answer one of those."""
        operation, common, data_quantity = prepared
        return await self.call(operation, {**options, **common}, data_quantity=data_quantity, body=body)
