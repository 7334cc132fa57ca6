"""Read many records by ID, in as few calls as their IDs fit into."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self, TypeVar

from tonicdm.codec.elements import Elements
from tonicdm.endpoints.caller import Caller
from tonicdm.endpoints.evidence import contradiction
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import DEFAULT_PAGE
from tonicdm.endpoints.payload import decoded, invalid_error, read_list
from tonicdm.errors import APIError, BadRequestError, DecodeError, OptionIgnoredError, ProtocolError
from tonicdm.models import CODEC, Record, read_with
from tonicdm.paging import html_of
from tonicdm.plan.arithmetic import MIN_IDS, ROUND_SIZES
from tonicdm.types import DataQuantity, InvalidRecord, OnInvalid, RecordID, normalise_id

M = TypeVar("M", bound=Record)


class RecordBatch(tuple[M, ...]):  # noqa: SLOT001 - a tuple can have no slots beside its elements
    """Records by ID, in the order asked for."""

    missing: tuple[RecordID, ...]
    """IDs that were asked for and not returned."""
    skipped: tuple[InvalidRecord, ...]
    """What came and is no record, with ``on_invalid="skip"``."""

    def __new__(cls, records: Iterable[M], missing: Sequence[RecordID], skipped: Sequence[InvalidRecord] = ()) -> Self:
        """Make a tuple of the records, with what is known of those that are not among them."""
        batch = super().__new__(cls, records)
        batch.missing, batch.skipped = tuple(missing), tuple(skipped)
        return batch

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (tuple(self), self.missing, self.skipped)

    def __repr__(self) -> str:
        return f"<{len(self)} records found, {len(self.missing)} missing>"

    def _repr_html_(self) -> str:
        return html_of(self)


class RawRecords(dict[RecordID, Any]):
    """Records by ID as plain JSON, and what else came."""

    def __init__(self, records: Mapping[RecordID, Any] | None = None, invalid: Sequence[InvalidRecord] = ()) -> None:
        super().__init__(records or {})
        self.invalid: list[InvalidRecord] = list(invalid)
        """Elements that are no records."""

    @classmethod
    def of(cls, elements: Elements) -> RawRecords:
        """Return the elements of an answer by their IDs."""
        records = {
            RecordID(normalise_id(item["id"])): item for item in elements.values if isinstance(item.get("id"), str)
        }
        return cls(records, elements.invalid)

    def add(self, other: RawRecords) -> None:
        """Add what another call has brought."""
        self.update(other)
        self.invalid += other.invalid

    def shown(self, record: str) -> bool:
        """Tell whether the server has a record, readable or not. An element without an ID may be any record."""
        return record in self or any(element.id in {record, None} for element in self.invalid)


class BatchReader:
    """Reads the records of one type by their IDs, in as few calls as the server takes them.

    Args:
        caller: Makes the calls.
        listing: Where the records are listed.
        data_quantity: What to ask for of each record.
        options: Sent with every call.
        accept: Whether records are taken as they come where they contradict an option.
    """

    __slots__ = (
        "_accept",
        "_caller",
        "_data_quantity",
        "_facts",
        "_listing",
        "_operation",
        "_options",
        "_page_limit",
        "_prepared",
    )

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
        self._options = options
        self._operation = listing.operation
        self._page_limit: int | None = None
        if listing.paged or listing.operation.path in caller.facts.paged:
            # Else a server that pages where the reference shows no pages would cut the answer at a size of its own.
            self._page_limit = caller.facts.page_limit
            self._operation = listing.with_pages
            self._options = {**options, "page_size": self._page_limit}
        self._prepared = caller.prepare(self._operation, self._options, data_quantity, varying=("filter_ids",))

    @property
    def is_current(self) -> bool:
        """Whether it asks as one would that was made now: what is known of the server's pages may have changed."""
        if self._page_limit is None:
            return self._operation.path not in self._facts.paged
        return self._page_limit == self._facts.page_limit

    async def read(self, ids: Sequence[RecordID], *, on_invalid: OnInvalid = "raise") -> RecordBatch[Any]:
        """Return the records named by *ids*, decoded: stubs of them under ``id_only``."""
        return self.decode(ids, await self.read_raw(ids), on_invalid=on_invalid)

    async def read_raw(self, ids: Sequence[RecordID]) -> RawRecords:
        """Return the records named by *ids*, as plain JSON.

        The first batch of an unproven size goes alone. A server that refuses it, or cuts the connection, is asked in
        halves from then on.
        """
        records = RawRecords()
        remaining = list(ids)
        size = self._facts.ids_for(self._operation.path)
        if min(len(remaining), size) > self._facts.ids_proven:
            first, remaining = remaining[:size], remaining[size:]
            records.add(await self.read_batch(first))
        if not remaining:
            return records
        size = self._facts.ids_for(self._operation.path)
        batches = [remaining[start : start + size] for start in range(0, len(remaining), size)]
        if len(batches) == 1:
            records.add(await self.read_batch(batches[0]))
            return records
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self.read_batch(batch)) for batch in batches]
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        for task in tasks:
            records.add(task.result())
        return records

    async def read_batch(self, batch: Sequence[RecordID]) -> RawRecords:
        """Read one batch, in parts where the server cuts it."""
        if not batch:
            return RawRecords()
        path = self._operation.path
        if len(batch) > (limit := self._facts.ids_for(path)):
            return await self._read_parts(batch, limit)
        try:
            elements = await self.call(batch)
        except (APIError, ProtocolError) as error:
            if len(batch) <= MIN_IDS or not may_be_length(error):
                raise
            self._facts.ids_per_call = min(self._facts.ids_per_call, max(MIN_IDS, len(batch) // 2))
            return await self._read_parts(batch, self._facts.ids_per_call)
        self._facts.ids_proven = max(self._facts.ids_proven, len(batch))
        records = RawRecords.of(elements)
        missing = [record for record in batch if not records.shown(record)]
        if missing and len(batch) > DEFAULT_PAGE and len(elements) in ROUND_SIZES:
            # The server may have cut the answer at a page of its own size: ask for the others in smaller parts.
            others = await self._read_parts(missing, DEFAULT_PAGE)
            if others:
                self._facts.cut_at[path] = max(MIN_IDS, len(elements))
            records.add(others)
        return records

    async def _read_parts(self, batch: Sequence[RecordID], size: int) -> RawRecords:
        records = RawRecords()
        for start in range(0, len(batch), size):
            records.add(await self.read_batch(batch[start : start + size]))
        return records

    async def call(self, batch: Sequence[RecordID]) -> Elements:
        """Ask for *batch* with one call, and return its response.

        Raises:
            OptionIgnoredError: The answer contradicts an option.
            APIError: It was refused; see `may_be_length`.
        """
        answer = await self._caller.send(self._prepared, {"filter_ids": batch})
        with answer.naming_errors():
            elements = read_list(answer, self._operation.label, self._listing.faults)
            contradicted = contradiction(
                elements,
                {"filter_ids": batch, **self._options},
                self._data_quantity,
                shaped=self._listing.operation.has_data_quantity,
                own_ids=True,
            )
            if contradicted is not None and not self._accept:
                model = self._listing.model_under(self._data_quantity)
                records, _ = decoded(elements.values, model, self._data_quantity)
                raise OptionIgnoredError(*contradicted, records, placement=self._caller.placement)
        return elements

    def single(self, record: RecordID, elements: Elements) -> Any:
        """Return the record named by *record* as a model; None where the server has none.

        Args:
            record: What was asked for alone.
            elements: What `call` returned.

        Raises:
            DecodeError: What came is no record.
        """
        if elements.invalid or len(elements.values) != 1:
            return next(iter(self.decode([record], RawRecords.of(elements))), None)
        # It is the one that was asked for: another's ID would have contradicted the option.
        model = self._listing.model_under(self._data_quantity)
        try:
            with read_with(self._data_quantity):
                return CODEC.read(elements.values[0], model)
        except DecodeError:
            pass  # said of its place in the answer below
        models, invalid = decoded(elements.values, model, self._data_quantity)
        raise invalid_error(invalid, models, self._listing.operation.label)

    def decode(
        self, ids: Sequence[RecordID], records: RawRecords, *, on_invalid: OnInvalid = "raise"
    ) -> RecordBatch[Any]:
        """Return records as models, in the order of *ids*.

        Raises:
            DecodeError: An element is no record, and none is to be skipped.
        """
        values = [records[record] for record in ids if record in records]
        models, others = decoded(values, self._listing.model_under(self._data_quantity), self._data_quantity)
        invalid = [*records.invalid, *others]
        if invalid and on_invalid != "skip":
            raise invalid_error(invalid, models, self._listing.operation.label)
        return RecordBatch(models, [record for record in ids if not records.shown(record)], invalid)


def may_be_length(error: Exception) -> bool:
    """Tell whether a server may have refused a call for the length of its header (400, 414, 431, a cut)."""
    return isinstance(error, (BadRequestError, ProtocolError)) or getattr(error, "status", 0) in {414, 431}
