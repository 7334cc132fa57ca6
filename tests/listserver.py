"""A small TonicDM server over a real socket, whose records are plain JSON and whose answers a test may replace.

The sandbox shows how TonicDM answers; this one shows what must never happen, and what an earlier version once read.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable
from email.utils import format_datetime
from typing import Any, Self

import attrs
from aiohttp import web

from tonicdm.clock import Clock

UNITS = {"id_only": 1, "basic": 5, "complete": 20}


@attrs.frozen
class Asked:
    """One call."""

    path: str
    data_quantity: str
    page: int
    options: dict[str, str]
    units: int


Answering = Callable[[Asked, list[dict[str, Any]]], "bytes | None"]
"""Returns the body to answer with; None leaves what the server would answer."""


@attrs.define(eq=False)
class ListServer:
    """Serves ``tables``: records by ID under each path.

    A list is cut into pages where pageSize is sent and its path is not among the ``whole``.
    """

    clock: Clock
    tables: dict[str, dict[str, dict[str, Any]]] = attrs.field(factory=dict)
    whole: set[str] = attrs.field(factory=set)
    answering: Answering | None = None
    calls: list[Asked] = attrs.field(factory=list)
    _runner: web.ServerRunner | None = None
    url: str = ""

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._serve))
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def units(self) -> int:
        """Units charged so far."""
        return sum(one.units for one in self.calls)

    def put(self, path: str, records: Iterable[dict[str, Any]]) -> None:
        """Add records to a list, or replace them."""
        self.tables.setdefault(path, {}).update((one["id"], one) for one in records)

    async def _serve(self, request: web.BaseRequest) -> web.Response:
        options = {name.lower(): value for name, value in request.headers.items()}
        data_quantity = options.get("data_quantity", "basic")
        page = int(options.get("pagenumber", "1"))
        asked = Asked(request.path, data_quantity, page, options, UNITS[data_quantity])
        self.calls.append(asked)
        found = self._chosen(asked)
        body = None if self.answering is None else self.answering(asked, found)
        now = datetime.datetime.fromtimestamp(int(self.clock.now()), datetime.UTC)
        headers = {
            "X-Rate-Limit-Limit": "1000000",
            "X-Rate-Limit-Remaining": str(1_000_000 - self.units),
            "X-Rate-Limit-Reset": str(int(self.clock.now()) // 3600 * 3600 + 3600),
            "Date": format_datetime(now, usegmt=True),
            "Content-Type": "application/json",
        }
        return web.Response(body=json.dumps(found).encode() if body is None else body, headers=headers)

    def _chosen(self, asked: Asked) -> list[dict[str, Any]]:
        found = [record for _, record in sorted(self.tables.get(asked.path, {}).items())]
        if "filterids" in asked.options:
            wanted = set(asked.options["filterids"].replace(" ", "").split(","))
            found = [one for one in found if one["id"] in wanted]
        if "updated_after" in asked.options:
            after = datetime.datetime.fromisoformat(asked.options["updated_after"])
            found = [one for one in found if datetime.datetime.fromisoformat(one["datetimeUpdated"]) > after]
        if "pagesize" in asked.options and asked.path not in self.whole:
            size = int(asked.options["pagesize"])
            found = found[(asked.page - 1) * size : asked.page * size]
        if asked.data_quantity == "id_only":
            found = [{name: one[name] for name in ("id", "datetimeUpdated") if name in one} for one in found]
        return found
