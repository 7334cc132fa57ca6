"""Many records by ID, in as few calls as their IDs fit into."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from tonicdm.codec.elements import Elements
from tonicdm.endpoints.caller import Caller
from tonicdm.endpoints.evidence import contradiction
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import DEFAULT_PAGE
from tonicdm.endpoints.payload import decoded, invalid_error, read_list
from tonicdm.errors import APIError, BadRequestError, OptionIgnoredError, ProtocolError
from tonicdm.models import Record
from tonicdm.plan.arithmetic import MIN_IDS, ROUND_SIZES
from tonicdm.types import DataQuantity, InvalidRecord, OnInvalid, RecordID, normalise_id

M = TypeVar("M", bound=Record)


class RecordBatch(Sequence[M], Generic[M]):
    """Records by ID, in the order asked for."""

    def __init__(
        self, records: Sequence[M], missing: Sequence[RecordID], skipped: Sequence[InvalidRecord] = ()
    ) -> None:
        self._records = tuple(records)
        self.skipped: tuple[InvalidRecord, ...] = tuple(skipped)
        """What came and is no record, with ``on_invalid="skip"``."""
        self.missing: tuple[RecordID, ...] = tuple(missing)
        """IDs that were asked for and not returned."""

    @overload
    def __getitem__(self, index: int) -> M: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[M]: ...
    def __getitem__(self, index: int | slice) -> M | Sequence[M]:
        return self._records[index]

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[M]:
        return iter(self._records)

    def __repr__(self) -> str:
        return f"<{len(self._records)} records found, {len(self.missing)} missing>"


class RawRecords(dict[RecordID, Any]):
    """Records by ID as plain JSON, and what else came."""

    def __init__(self, records: Mapping[RecordID, Any] | None = None, invalid: Sequence[InvalidRecord] = ()) -> None:
        super().__init__(records or {})
        self.invalid: list[InvalidRecord] = list(invalid)
        """Elements that are no records."""

    def take(self, other: RawRecords) -> None:
        """Add what another call has found."""
        self.update(other)
        self.invalid += other.invalid

    def shown(self, record: str) -> bool:
        """Tell whether the server has a record, readable or not: with an element without an ID, any may be that one."""
        return record in self or any(one.id in {record, None} for one in self.invalid)


async def fetch_many(
    caller: Caller,
    listing: ListOperation[Any],
    wanted: Sequence[RecordID],
    data_quantity: DataQuantity,
    options: Mapping[str, Any],
    *,
    on_invalid: OnInvalid = "raise",
) -> RecordBatch[Any]:
    """Fetch the records named by *wanted*, decoded: stubs of them under ``id_only``.

    The first batch of an unproven size goes alone; a server that refuses it, or cuts the connection, is asked in
    halves from then on.
    """
    found = await fetch_raw(caller, listing, wanted, data_quantity, options)
    kind = listing.model_under(data_quantity)
    records, others = decoded([found[one] for one in wanted if one in found], kind, data_quantity)
    invalid = [*found.invalid, *others]
    if invalid and on_invalid != "skip":
        raise invalid_error(invalid, records, listing.operation.label)
    return RecordBatch(records, [one for one in wanted if not found.shown(one)], invalid)


async def fetch_raw(
    caller: Caller,
    listing: ListOperation[Any],
    wanted: Sequence[RecordID],
    data_quantity: DataQuantity,
    options: Mapping[str, Any],
) -> RawRecords:
    """Fetch the records named by *wanted*, as plain JSON by their IDs."""
    batches = Batches(caller, listing, data_quantity, options)
    found = RawRecords()
    rest = list(wanted)
    size = caller.facts.ids_for(listing.operation.path)
    if min(len(rest), size) > caller.facts.ids_proven:
        first, rest = rest[:size], rest[size:]
        found.take(await batches.fetch(first))
    if not rest:
        return found
    size = caller.facts.ids_for(listing.operation.path)
    chunks = [rest[start : start + size] for start in range(0, len(rest), size)]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(batches.fetch(chunk)) for chunk in chunks]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    for task in tasks:
        found.take(task.result())
    return found


async def fetch_batch(
    caller: Caller,
    listing: ListOperation[Any],
    batch: Sequence[RecordID],
    data_quantity: DataQuantity,
    options: Mapping[str, Any],
) -> tuple[RawRecords, int]:
    """Make the one call that asks for *batch*; return what came, and how many elements it had.

    Raises:
        OptionIgnoredError: The answer contradicts an option.
        APIError: It was refused; see `may_be_length`.
    """
    came = await Batches(caller, listing, data_quantity, options).call(batch)
    return _by_id(came), len(came)


def _by_id(came: Elements) -> RawRecords:
    return RawRecords(
        {RecordID(normalise_id(item["id"])): item for item in came.values if isinstance(item.get("id"), str)},
        came.invalid,
    )


class Batches:
    """Fetches batches of IDs, smaller ones where the server wants it so.

    Args:
        caller: Makes the calls.
        listing: Where the records are listed.
        data_quantity: The data_quantity to ask for.
        options: Sent with every call.
        accept: Whether records are taken as they come where they contradict an option.
    """

    def __init__(
        self,
        caller: Caller,
        listing: ListOperation[Any],
        data_quantity: DataQuantity,
        options: Mapping[str, Any],
        *,
        accept: bool = False,
    ) -> None:
        self._accept = accept
        self._caller = caller
        self._facts = caller.facts
        self._listing = listing
        self._data_quantity = data_quantity
        self._options = dict(options)
        self._operation = listing.operation
        if listing.paged or listing.operation.path in caller.facts.paged:
            # Else a server that pages where the reference shows no pages would cut the answer at a size of its own.
            self._operation = listing.with_pages
            self._options["page_size"] = caller.facts.page_limit

    async def fetch(self, batch: Sequence[RecordID]) -> RawRecords:
        """Fetch one batch, in parts if it must be."""
        if not batch:
            return RawRecords()
        path = self._operation.path
        if len(batch) > (most := self._facts.ids_for(path)):
            return await self._in_parts(batch, most)
        try:
            came = await self.call(batch)
        except (APIError, ProtocolError) as error:
            if len(batch) <= MIN_IDS or not may_be_length(error):
                raise
            self._facts.ids_per_call = min(self._facts.ids_per_call, max(MIN_IDS, len(batch) // 2))
            return await self._in_parts(batch, self._facts.ids_per_call)
        self._facts.ids_proven = max(self._facts.ids_proven, len(batch))
        records = _by_id(came)
        missing = [one for one in batch if not records.shown(one)]
        if missing and len(batch) > DEFAULT_PAGE and len(came) in ROUND_SIZES:
            # The server may have cut the answer at a page of its own size: ask for the rest in smaller parts.
            others = await self._in_parts(missing, DEFAULT_PAGE)
            if others:
                self._facts.cut_at[path] = max(MIN_IDS, len(came))
            records.take(others)
        return records

    async def _in_parts(self, batch: Sequence[RecordID], size: int) -> RawRecords:
        found = RawRecords()
        for start in range(0, len(batch), size):
            found.take(await self.fetch(batch[start : start + size]))
        return found

    async def call(self, batch: Sequence[RecordID]) -> Elements:
        """Make one call, and return what came."""
        options = {"filter_ids": batch, **self._options}
        answer = await self._caller.call(self._operation, options, data_quantity=self._data_quantity)
        with answer.naming_errors():
            came = read_list(answer, self._listing)
            found = contradiction(
                came, options, self._data_quantity, shaped=self._listing.operation.has_data_quantity, own_ids=True
            )
            if found is not None and not self._accept:
                records, _ = decoded(came.values, self._listing.model_under(self._data_quantity), self._data_quantity)
                raise OptionIgnoredError(*found, records, placement=self._caller.placement)
        return came


def may_be_length(error: Exception) -> bool:
    """Tell whether a server may have refused a call for the length of its header (400, 414, 431, a cut)."""
    return isinstance(error, (BadRequestError, ProtocolError)) or getattr(error, "status", 0) in {414, 431}
