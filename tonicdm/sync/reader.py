"""Read one record type from the server as plain JSON."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

import attrs

from tonicdm.client import TonicDM
from tonicdm.clock import Clock
from tonicdm.endpoints.base import ALL_STATUSES
from tonicdm.endpoints.caller import ServerFacts
from tonicdm.endpoints.listing import Fetched, Listing
from tonicdm.endpoints.many import BatchReader, RawRecords
from tonicdm.paging import Page
from tonicdm.store.types import RecordType
from tonicdm.sync.report import Meter
from tonicdm.types import DataQuantity, RecordID

PARENT_OPTION: Final = "project_id"

STANDSTILL_SECONDS: Final = 1.0
"""Seconds of real time after which a clock that has not moved is not waited for: it may be one that somebody sets."""


class Reader:
    """The calls that a sync makes for one type.

    Args:
        tonic: Where to read.
        record_type: What to read.
        meter: Adds up what it costs.
        clock: Measures the times that are stored; see `Store.clock`.
        parents: The records it is listed by, for a type that has some.
        projects: Only of these projects, where the list has the option.
    """

    def __init__(
        self,
        tonic: TonicDM,
        record_type: RecordType,
        meter: Meter,
        *,
        clock: Clock,
        parents: Sequence[str] | None = None,
        projects: Sequence[RecordID] = (),
    ) -> None:
        self._tonic = tonic
        self._clock = clock
        self._listing = record_type.listing
        self._caller = attrs.evolve(tonic.caller, meter=meter, job=record_type.name)
        options = self._listing.operation.options
        self._options: dict[str, Any] = {"filter_statuses": ALL_STATUSES} if "filter_statuses" in options else {}
        self.has_statuses: bool = bool(self._options)
        """Whether the list can be asked for records of every status (reference: filterStatuses)."""
        self.has_updated_after: bool = "updated_after" in options and record_type.stamped
        self.has_ids: bool = self._listing.askable
        self.has_data_quantity: bool = self._listing.operation.has_data_quantity
        self.facts: ServerFacts = tonic.caller.facts
        if parents is None and projects and PARENT_OPTION in options:
            parents = projects
        self.parents = parents
        self.partial: bool = bool(projects) and parents is not None
        """Whether only a part of the type is read: then nothing follows for the rest of it."""
        self._record_type = record_type

    def now(self) -> float:
        """Return Unix time by the clock of what is stored."""
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds* of the client's clock, or once that has stood still for `STANDSTILL_SECONDS`."""
        clock = self._tonic.budget.clock
        waiting = asyncio.ensure_future(clock.sleep_until(clock.monotonic() + seconds))
        try:
            seen = clock.monotonic()
            while not waiting.done():
                await asyncio.wait((waiting,), timeout=STANDSTILL_SECONDS)
                if clock.monotonic() == seen:
                    return
                seen = clock.monotonic()
        finally:
            waiting.cancel()

    def server_time(self) -> datetime.datetime:
        """Return the earliest that the server's clock can show now: from its Date headers, once one was seen."""
        return datetime.datetime.fromtimestamp(self._tonic.budget.server_time(), datetime.UTC)

    def local_time(self, server: datetime.datetime | None) -> float | None:
        """Return what the clock of what is stored showed when the server's showed *server*, as Unix time."""
        if server is None:
            return None
        return self.now() - (self.server_time() - server).total_seconds()

    def pages(
        self, data_quantity: DataQuantity, *, since: datetime.datetime | None = None
    ) -> AsyncGenerator[Page[Any], None]:
        """Iterate over the pages of the type.

        Args:
            data_quantity: What to read of each record.
            since: Only what changed after this.
        """
        options = dict(self._options)
        if since is not None:
            options["updated_after"] = since
        return Listing(self._caller, self._listing, options, data_quantity, raw=True)(1)

    async def page(
        self,
        data_quantity: DataQuantity,
        number: int,
        *,
        size: int = 0,
        since: datetime.datetime | None = None,
        parent: str | None = None,
    ) -> Fetched:
        """Make the one call that brings a page.

        Args:
            data_quantity: What to read of each record.
            number: Of the page, from 1.
            size: pageSize; 0 for a list without pages.
            since: Only what changed after this.
            parent: Only what belongs to this record.
        """
        options = dict(self._options)
        if since is not None:
            options["updated_after"] = since
        if parent is not None:
            options[PARENT_OPTION] = parent
        listing: Listing[Any] = Listing(self._caller, self._listing, options, data_quantity, raw=True)
        fetched = await listing.fetch(number, data_quantity, size=size)
        if parent is None or self._record_type.parents is None:
            return fetched
        # A member is named by its project and its address; the answer may leave the project out.
        return attrs.evolve(fetched, payload=[{"projectId": parent, **item} for item in fetched.payload])

    async def batch(self, ids: Sequence[str], data_quantity: DataQuantity) -> tuple[RawRecords, int]:
        """Make the one call that asks for *ids*; return what came, and how many elements it had."""
        elements = await self._by_ids(data_quantity).call([RecordID(record) for record in ids])
        return RawRecords.of(elements), len(elements)

    async def by_id(self, ids: Sequence[str], data_quantity: DataQuantity) -> RawRecords:
        """Return records by ID; those that the server does not return are not in it."""
        return await self._by_ids(data_quantity).read_raw([RecordID(record) for record in ids])

    def _by_ids(self, data_quantity: DataQuantity) -> BatchReader:
        return BatchReader(self._caller, self._listing, data_quantity, self._options)
