"""The verbs that endpoint classes share."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final, Generic, TypeVar, cast

from tonicdm.codec import Record, parse_json
from tonicdm.endpoints.bodies import body_of, changes_of
from tonicdm.endpoints.caller import Caller
from tonicdm.endpoints.listing import Listing, ListOperation, as_array
from tonicdm.endpoints.many import Found, fetch_many
from tonicdm.errors import DecodeError, EndpointNotFoundError, InvalidOptionError, RecordNotFoundError
from tonicdm.http.call import Answer
from tonicdm.http.operation import Operation
from tonicdm.models import CODEC
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantity, IDLike, QuantityLike, RecordQuantity, record_id

M = TypeVar("M", bound=Record)
R = TypeVar("R", bound=Record)

ALL_STATUSES: Final = ("active", "inactive", "deleted")
"""Asked for wherever a record is named by its ID, so that its status can't hide it (reference: filterStatuses)."""


class Endpoint:
    """The base of all endpoint classes; made by the client, one attribute each."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._caller.base_url}>"

    async def _read_one(self, operation: Operation, kind: type[R], options: Mapping[str, Any] | None = None) -> R:
        answer = await self._caller.call(operation, options)
        found = _records(answer, kind)
        if not found:
            raise DecodeError(["$: expected an object, found nothing"], what=operation.label)
        return found[0]

    async def _write(
        self, operation: Operation, kind: type[R], body: Any, options: Mapping[str, Any] | None = None
    ) -> R | None:
        found = await self._write_all(operation, kind, body, options)
        return found[0] if found else None

    async def _write_all(
        self, operation: Operation, kind: type[R], body: Any, options: Mapping[str, Any] | None = None
    ) -> list[R]:
        return _records(await self._caller.call(operation, options, body=body), kind)

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
        self, quantity: QuantityLike, given: Mapping[str, Any], listing: ListOperation[Any] | None = None
    ) -> Paginator[Any]:
        quality = parse_quantity(quantity)
        if quality is DataQuantity.ID_ONLY and not self._stubs:
            raise InvalidOptionError(f"{self!r} has no record IDs; use basic or complete. Nothing was sent.")
        options = dict(given)
        reading = {name: options.pop(name) for name in ("start_page", "prefetch") if name in options}
        return Paginator(Listing(self._caller, listing or self._listing, options, quality), **reading)


class Readable(Listed[M]):
    """Endpoints whose records can be asked for by their own ID."""

    async def get(self, record: IDLike, *, data_quantity: RecordQuantity = "basic") -> M:
        """Return one record.

        Args:
            record: Its ID.
            data_quantity: ``basic`` or ``complete``; 5 or 20 units where the reference lists data_quantity.

        Raises:
            InvalidIDError: *record* is no ID; nothing was sent.
            RecordNotFoundError: The server returned no such record (it answers 200 with an empty array).
        """
        identity = record_id(record)
        found = await self.get_many([identity], data_quantity=data_quantity)
        if not found:
            raise RecordNotFoundError(identity, path=self._listing.operation.path)
        return found[0]

    async def get_many(self, records: Iterable[IDLike], *, data_quantity: RecordQuantity = "basic") -> Found[M]:
        """Return many records by ID, in as few calls as their IDs fit into.

        Args:
            records: An iterable of IDs; repeated ones are asked for once.
            data_quantity: ``basic`` or ``complete``, the price of each call of about 240 IDs.

        Returns:
            The records in the order asked for. IDs that the server did not return are in ``.missing``: deleted, or
            out of the user's sight.

        Raises:
            InvalidIDError: One of *records* is no ID; nothing was sent.
        """
        quantity = parse_quantity(data_quantity)
        if quantity is DataQuantity.ID_ONLY:
            raise InvalidOptionError("IDs alone are what you have; use basic or complete. Nothing was sent.")
        if isinstance(records, (str, uuid.UUID)):
            raise InvalidOptionError("get_many takes a list of IDs; get() takes a single one. Nothing was sent.")
        wanted = list(dict.fromkeys(record_id(value) for value in records))
        statuses = {"filter_statuses": ALL_STATUSES} if "filter_statuses" in self._listing.operation.options else {}
        return await fetch_many(self._caller, self._listing, wanted, quantity, statuses)


class Writing(Endpoint, Generic[M]):
    """Endpoints whose records can be written."""

    _model: ClassVar[type[Record]]


class Creating(Writing[M]):
    """Helps endpoints that create records."""

    _create_operation: ClassVar[Operation]

    async def _create(self, fields: Mapping[str, Any]) -> M | None:
        body = body_of(self._model, fields)
        return cast("M | None", await self._write(self._create_operation, self._model, body))


class Updating(Writing[M]):
    """Helps endpoints that change records."""

    _update_operation: ClassVar[Operation]

    async def _update(self, record: IDLike, fields: Mapping[str, Any]) -> M | None:
        body = {"id": record_id(record), **changes_of(self._model, fields)}
        return cast("M | None", await self._write(self._update_operation, self._model, body))

    async def _soft_delete(self, record: IDLike, also: Mapping[str, Any] | None = None) -> None:
        body = {"id": record_id(record), **(also or {}), "status": self._caller.soft_delete_value}
        await self._write(self._update_operation, self._model, body)


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
        await self._delete(self._delete_operation, {"id": record_id(record)})


def parse_quantity(value: QuantityLike) -> DataQuantity:
    """Read a data_quantity.

    Raises:
        InvalidOptionError: It is none of the three.
    """
    try:
        return DataQuantity(value)
    except ValueError:
        words = ", ".join(DataQuantity)
        raise InvalidOptionError(f"data_quantity must be one of {words}, not {value!r}. Nothing was sent.") from None


def _records(answer: Answer, kind: type[R]) -> list[R]:
    """Read an answer to a write: a record, an array of records, or nothing at all (design: bodies of writes)."""
    if answer.status == 204 or not answer.body.strip():
        return []
    return CODEC.read_all(as_array(parse_json(answer.body)), kind)
