"""Base classes of the endpoints: get, list, create, update and delete."""

from __future__ import annotations

import contextlib
import datetime
import uuid
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, Generic, TypeVar, cast, overload

import attrs

from tonicdm.codec import parse_json
from tonicdm.endpoints.bodies import body_of, changes_of
from tonicdm.endpoints.caller import Caller, Copy
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.many import BatchReader, RecordBatch
from tonicdm.endpoints.payload import invalid_error, read_one
from tonicdm.endpoints.refreshing import K, Refreshed, parse_cache, refresh
from tonicdm.endpoints.splitting import source_of
from tonicdm.errors import EndpointNotFoundError, InvalidOptionError, RecordNotFoundError
from tonicdm.http.messages import Response
from tonicdm.http.operation import Encoded, Operation
from tonicdm.ids import record_id
from tonicdm.models import CODEC, Record, RecordStub, read_with
from tonicdm.paging import Paginator
from tonicdm.plan.refresh import charged_as_stubs
from tonicdm.types import (
    CollectionOf,
    DataQuantity,
    DataQuantityLike,
    IDLike,
    ListOf,
    OnInvalid,
    RecordDataQuantity,
    RecordID,
    StubDataQuantity,
)

M = TypeVar("M", bound=Record)
R = TypeVar("R", bound=Record)

ALL_STATUSES: Final = Encoded("active,inactive,deleted")
"""Asked for wherever a record is named by its ID, so that its status can't hide it (reference: filterStatuses)."""


_ID_ONLY: Final = DataQuantity.ID_ONLY  # to look up a member of an enumeration takes longer

WITH_STATUSES: Final[Mapping[str, Any]] = {"filter_statuses": ALL_STATUSES}
"""The option that asks for them."""


class Endpoint:
    """The base of all endpoint classes; made by the client, one attribute each."""

    record_type: ClassVar[str]
    """The name of the client's attribute, which is that of the record type in a store and in the registry."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._readers: dict[DataQuantity, BatchReader] = {}
        """What asks for records by their IDs, by data_quantity."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._caller.base_url}>"

    @contextlib.asynccontextmanager
    async def _writing(self, record: RecordID) -> AsyncGenerator[None]:
        """Let the local copy, if there is one, serve no record that may have been written to.

        Also where the call fails: it may have worked, and its answer been lost.
        """
        try:
            yield
        finally:
            if self._caller.copy is not None:
                await self._caller.copy.invalidate(self.record_type, record)

    async def _read_one(
        self,
        operation: Operation,
        model: type[R],
        options: Mapping[str, Any] | None = None,
        *,
        data_quantity: DataQuantity = DataQuantity.BASIC,
    ) -> R:
        answer = await self._caller.call(operation, options, data_quantity=data_quantity)
        with answer.naming_errors():
            return read_one(answer, model, operation.label, data_quantity)

    async def _read_own(self, operation: Operation, model: type[R], data_quantity: DataQuantityLike) -> R | RecordStub:
        """Read the one record of an operation without options: a stub of it under ``id_only``."""
        data_quantity = parse_data_quantity(data_quantity)
        if data_quantity is DataQuantity.ID_ONLY:
            return await self._read_one(operation, RecordStub, data_quantity=data_quantity)
        return await self._read_one(operation, model, data_quantity=data_quantity)

    def _record_data_quantity(self, data_quantity: DataQuantityLike) -> DataQuantity:
        """Read the data_quantity of a call whose records have no ID, so that stubs of them mean nothing.

        Raises:
            InvalidOptionError: It is ``id_only``, or none of the three.
        """
        data_quantity = parse_data_quantity(data_quantity)
        if data_quantity is DataQuantity.ID_ONLY:
            raise InvalidOptionError(f"{self!r} has no record IDs; use basic or complete. Nothing was sent.")
        return data_quantity

    async def _write(self, operation: Operation, model: type[R], body: Any, data_quantity: DataQuantity) -> R | None:
        records = await self._write_all(operation, model, body, data_quantity)
        return records[0] if records else None

    async def _write_all(
        self,
        operation: Operation,
        model: type[R],
        body: Any,
        data_quantity: DataQuantity,
        options: Mapping[str, Any] | None = None,
    ) -> list[R]:
        return _records(
            await self._caller.call(operation, options, data_quantity=data_quantity, body=body), model, data_quantity
        )

    async def _delete(self, operation: Operation, options: Mapping[str, Any]) -> None:
        try:
            await self._caller.call(operation, options)
        except EndpointNotFoundError as error:
            # The answer to an earlier attempt was lost, and it had worked.
            if error.attempts == 1:
                raise


class Listed(Endpoint, Generic[M]):
    """Endpoints that answer with arrays."""

    _listing: ClassVar[ListOperation[Any]]
    _stubs: ClassVar[bool] = True
    """Whether the records have IDs, so that stubs of them mean something."""

    def _list(
        self, data_quantity: DataQuantityLike, given: Mapping[str, Any], listing: ListOperation[Any] | None = None
    ) -> Paginator[Any]:
        data_quantity = parse_data_quantity(data_quantity) if self._stubs else self._record_data_quantity(data_quantity)
        options = dict(given)
        reading = {name: options.pop(name) for name in ("start_page", "prefetch") if name in options}
        chosen = listing or self._listing
        source = source_of(self._caller, chosen, options, data_quantity)
        return Paginator(source, label=f"{chosen.operation.label}, {data_quantity}", **reading)


class Readable(Listed[M]):
    """Endpoints whose records can be asked for by their own ID."""

    @overload
    async def get(
        self,
        record: IDLike,
        *,
        data_quantity: StubDataQuantity,
        max_age: float | None = None,
        resolve: ListOf[str] = (),
    ) -> RecordStub: ...
    @overload
    async def get(
        self,
        record: IDLike,
        *,
        data_quantity: RecordDataQuantity = "basic",
        max_age: float | None = None,
        resolve: ListOf[str] = (),
    ) -> M: ...
    @overload
    async def get(
        self,
        record: IDLike,
        *,
        data_quantity: DataQuantityLike,
        max_age: float | None = None,
        resolve: ListOf[str] = (),
    ) -> M | RecordStub: ...
    async def get(
        self,
        record: IDLike,
        *,
        data_quantity: DataQuantityLike = "basic",
        max_age: float | None = None,
        resolve: ListOf[str] = (),
    ) -> M | RecordStub:
        """Return one record.

        Args:
            record: Its ID.
            data_quantity: ``id_only`` returns a stub, ``basic`` and ``complete`` return the record; 1, 5 or 20 units
                where the reference lists data_quantity.
            max_age: Seconds that the record may be old, for a client with ``store=``; 0 asks the server. For a stub
                the server is asked unless this is given here.
            resolve: References to follow, for a client with ``store=``: ``["office", "responsible_person.office"]``.
                They stand in the record's ``resolved``, no older than *max_age* either.

        Raises:
            InvalidIDError: *record* is no ID; nothing was sent.
            RecordNotFoundError: The server returned no such record (it answers 200 with an empty array).
        """
        identity = record_id(record)
        data_quantity = parse_data_quantity(data_quantity)
        age = _age(self._caller, data_quantity, max_age, resolve)
        found: M | RecordStub | None
        if self._caller.copy is not None and data_quantity is not DataQuantity.COMPLETE:
            batch = await self._read_copy(self._caller.copy, [identity], data_quantity, age, resolve, "raise")
            found = batch[0] if batch else None
        else:
            reader = self._reader(data_quantity)
            found = reader.single(identity, await reader.call([identity]))
        if found is None:
            raise RecordNotFoundError(identity, path=self._listing.operation.path)
        return found

    @overload
    async def get_many(
        self,
        records: CollectionOf[IDLike] | Iterator[IDLike],
        *,
        data_quantity: StubDataQuantity,
        max_age: float | None = None,
        resolve: ListOf[str] = (),
        on_invalid: OnInvalid = "raise",
    ) -> RecordBatch[RecordStub]: ...
    @overload
    async def get_many(
        self,
        records: CollectionOf[IDLike] | Iterator[IDLike],
        *,
        data_quantity: RecordDataQuantity = "basic",
        max_age: float | None = None,
        resolve: ListOf[str] = (),
        on_invalid: OnInvalid = "raise",
    ) -> RecordBatch[M]: ...
    @overload
    async def get_many(
        self,
        records: CollectionOf[IDLike] | Iterator[IDLike],
        *,
        data_quantity: DataQuantityLike,
        max_age: float | None = None,
        resolve: ListOf[str] = (),
        on_invalid: OnInvalid = "raise",
    ) -> RecordBatch[M] | RecordBatch[RecordStub]: ...
    async def get_many(
        self,
        records: CollectionOf[IDLike] | Iterator[IDLike],
        *,
        data_quantity: DataQuantityLike = "basic",
        max_age: float | None = None,
        resolve: ListOf[str] = (),
        on_invalid: OnInvalid = "raise",
    ) -> RecordBatch[M] | RecordBatch[RecordStub]:
        """Return many records by ID, in as few calls as their IDs fit into.

        Args:
            records: An iterable of IDs; repeated ones are asked for once.
            data_quantity: ``id_only`` for stubs, ``basic`` or ``complete`` for records: the price of each call of
                about 240 IDs. ``id_only`` tells which records of a cache of your own have changed (concepts page,
                "Rate Limiting").
            max_age: As for `get`.
            resolve: As for `get`.
            on_invalid: What becomes of an element of the answer that is no record: ``raise`` ends the call with an
                error that carries the others, ``skip`` leaves it out and in ``.skipped``.

        Returns:
            The records in the order asked for, whatever their status. IDs that the server did not return are in
            ``.missing``: deleted, or out of the user's sight.

        Raises:
            InvalidIDError: One of *records* is no ID; nothing was sent.
            DecodeError: The answer is no list, or an element of it no record.
        """
        if isinstance(records, (str, uuid.UUID)) or not isinstance(records, Iterable):
            raise InvalidOptionError("get_many takes a list of IDs; get() takes a single one. Nothing was sent.")
        wanted = list(dict.fromkeys(record_id(value) for value in records))
        if on_invalid not in {"raise", "skip"}:
            raise InvalidOptionError(f"on_invalid must be raise or skip, not {on_invalid!r}. Nothing was sent.")
        data_quantity = parse_data_quantity(data_quantity)
        age = _age(self._caller, data_quantity, max_age, resolve)
        if self._caller.copy is not None and data_quantity is not DataQuantity.COMPLETE:
            return await self._read_copy(self._caller.copy, wanted, data_quantity, age, resolve, on_invalid)
        return await self._reader(data_quantity).read(wanted, on_invalid=on_invalid)

    def _reader(self, data_quantity: DataQuantity) -> BatchReader:
        """Return what asks the server for records by ID, whatever their status."""
        reader = self._readers.get(data_quantity)
        if reader is None or not reader.is_current:
            statuses = WITH_STATUSES if "filter_statuses" in self._listing.operation.options else {}
            reader = self._readers[data_quantity] = BatchReader(self._caller, self._listing, data_quantity, statuses)
        return reader

    async def _read_copy(
        self,
        copy: Copy,
        ids: Sequence[RecordID],
        data_quantity: DataQuantity,
        age: float,
        resolve: ListOf[str],
        on_invalid: OnInvalid,
    ) -> RecordBatch[Any]:
        """Read records from the local copy, as far as they are fresh enough there."""
        records: Sequence[Record]
        if data_quantity is DataQuantity.ID_ONLY:
            records, missing, invalid = await copy.get_stubs(self._caller, self.record_type, ids, max_age=age)
        else:
            records, missing, invalid = await copy.get_many(
                self._caller, self.record_type, ids, max_age=age, resolve=tuple(resolve)
            )
        if invalid and on_invalid != "skip":
            raise invalid_error(invalid, records, self._listing.operation.label)
        return RecordBatch(records, missing, invalid)

    async def refresh(self, cache: Mapping[K, datetime.datetime | None]) -> Refreshed[M]:
        """Find out which records of a cache of your own have changed, for the fewest units that asking by ID takes.

        As the concepts page advises ("Rate Limiting"): stubs first, 1 unit for 240 IDs, then only what has changed,
        5 units for 240; at once, without stubs, what the cache knows no time of, and the rest of a cache of which the
        first stubs show that most has changed. *cache* itself is not touched.

        Args:
            cache: When each record was last changed, as `updated` told it, by ID. None where it is not known: that
                record is read. An ID in two spellings is one record, and the earlier of its two times counts.

        Raises:
            InvalidIDError: A key of *cache* is no ID; nothing was sent.
            InvalidOptionError: A time in *cache* is naive or no time; nothing was sent.
        """
        times = parse_cache(cache)
        return await refresh(CacheReader(self), times, size=self._caller.facts.ids_for(self._listing.operation.path))


CLOCK_STEP: Final = 0.001
"""Seconds by which two looks at a clock may seem to be the same."""


class CacheReader(Generic[M]):
    """Reads for a refresh, and takes from the local copy what this very refresh has proven already.

    Args:
        endpoint: Where the records are.
    """

    def __init__(self, endpoint: Readable[M]) -> None:
        self._endpoint = endpoint
        self._clock = endpoint._caller.transport.budget.clock
        self._began = self._clock.now()

    async def stubs(self, ids: Sequence[RecordID]) -> tuple[RecordBatch[RecordStub], bool]:
        """Return stubs, and whether they cost what stubs cost."""
        units: list[int] = []
        caller = self._endpoint._caller

        def meter(answer: Response, cost: int) -> None:
            units.append(cost)
            if caller.meter is not None:
                caller.meter(answer, cost)

        metered = type(self._endpoint)(attrs.evolve(caller, meter=meter))
        batch = await metered.get_many(ids, data_quantity=DataQuantity.ID_ONLY)
        return batch, charged_as_stubs(units)

    async def records(self, ids: Sequence[RecordID]) -> RecordBatch[M]:
        """Return records."""
        if self._endpoint._caller.copy is None:
            return await self._endpoint.get_many(ids)
        # Not 0, which would ask the server for what a stub has proven since this began.
        return await self._endpoint.get_many(ids, max_age=self._clock.now() - self._began + CLOCK_STEP)


class Writing(Endpoint, Generic[M]):
    """Endpoints whose records can be written."""

    _model: ClassVar[type[Record]]


class Creating(Writing[M]):
    """Helps endpoints that create records."""

    _create_operation: ClassVar[Operation]

    async def _create(self, fields: Mapping[str, Any]) -> M | None:
        data_quantity, given = split_data_quantity(fields)
        body = body_of(self._model, given)
        return cast("M | None", await self._write(self._create_operation, self._model, body, data_quantity))


class Updating(Writing[M]):
    """Helps endpoints that change records."""

    _update_operation: ClassVar[Operation]

    async def _update(self, record: IDLike, fields: Mapping[str, Any]) -> M | None:
        identity = record_id(record)
        data_quantity, given = split_data_quantity(fields)
        body = {"id": identity, **changes_of(self._model, given)}
        async with self._writing(identity):
            return cast("M | None", await self._write(self._update_operation, self._model, body, data_quantity))

    async def _soft_delete(self, record: IDLike, also: Mapping[str, Any] | None = None) -> None:
        identity = record_id(record)
        body = {"id": identity, **(also or {}), "status": self._caller.soft_delete_value}
        async with self._writing(identity):
            await self._write(self._update_operation, self._model, body, DataQuantity.BASIC)


class SoftDeleting(Updating[M]):
    """Endpoints whose records have a status, and are deleted by it."""

    async def soft_delete(self, record: IDLike) -> None:
        """Mark a record as deleted, by a PATCH of its status (concepts page, "Naming Conventions").

        The reference's word ``deleted`` is sent, or what the client's ``soft_delete_value=`` says.
        """
        await self._soft_delete(record)


class Deleting(Endpoint):
    """Helps endpoints that delete records for good."""

    _delete_operation: ClassVar[Operation]

    async def delete(self, record: IDLike) -> None:
        """Delete a record truly and for good; `soft_delete` or an update of its status keeps it.

        When the answer to a first attempt was lost, 404 to the next one means that the first had worked.
        """
        identity = record_id(record)
        async with self._writing(identity):
            await self._delete(self._delete_operation, {"id": identity})


def _age(caller: Caller, data_quantity: DataQuantity, max_age: float | None, resolve: ListOf[str]) -> float:
    """Return how old a record may be."""
    if max_age is None and resolve == ():
        # Who asks for a stub asks whether something changed; the client's own max_age would answer that unasked.
        return 0.0 if data_quantity is _ID_ONLY else caller.max_age
    if max_age is not None and (isinstance(max_age, (bool, str)) or not max_age >= 0):
        raise InvalidOptionError(f"max_age must be seconds, 0 or more, not {max_age!r}. Nothing was sent.")
    if isinstance(resolve, str) or not all(isinstance(name, str) for name in resolve):
        raise InvalidOptionError("resolve must be a list of names. Nothing was sent.")
    if data_quantity is DataQuantity.ID_ONLY and resolve:
        raise InvalidOptionError("a stub has no references to resolve: use basic. Nothing was sent.")
    if caller.copy is None and (max_age or resolve):
        raise InvalidOptionError("max_age= and resolve= need a client with store=. Nothing was sent.")
    if data_quantity is DataQuantity.COMPLETE and (max_age or resolve):
        raise InvalidOptionError(
            "complete embeds records of other types, whose age is not known: use basic with max_age= and resolve=. "
            "Nothing was sent."
        )
    if data_quantity is DataQuantity.ID_ONLY:
        return max_age or 0.0
    return caller.max_age if max_age is None else max_age


def parse_data_quantity(value: DataQuantityLike) -> DataQuantity:
    """Read a data_quantity.

    Raises:
        InvalidOptionError: It is none of the three.
    """
    try:
        return _DATA_QUANTITIES[value]
    except (KeyError, TypeError):
        words = ", ".join(DataQuantity)
        raise InvalidOptionError(f"data_quantity must be one of {words}, not {value!r}. Nothing was sent.") from None


_DATA_QUANTITIES: Final[Mapping[str, DataQuantity]] = {each: each for each in DataQuantity}


def split_data_quantity(fields: Mapping[str, Any]) -> tuple[DataQuantity, dict[str, Any]]:
    """Part the data_quantity of a write from the fields that it sets."""
    others = dict(fields)
    return parse_data_quantity(others.pop("data_quantity", "basic")), others


def _records(answer: Response, model: type[R], data_quantity: DataQuantity) -> list[R]:
    """Read an answer to a write: a record, an array of records, or nothing at all (docs/explanation/decisions.md)."""
    if answer.status == 204 or not answer.body.strip():
        return []
    with answer.naming_errors(), read_with(data_quantity):
        content = parse_json(answer.body)
        return CODEC.read_all(content if isinstance(content, list) else [content] if content is not None else [], model)
