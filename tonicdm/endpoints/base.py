"""The verbs that endpoint classes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Generic, TypeVar

from tonicdm.codec import Record, parse_json, wire_names
from tonicdm.endpoints.caller import Caller
from tonicdm.endpoints.listing import Listing, ListOperation, as_array
from tonicdm.endpoints.many import Found, fetch_many
from tonicdm.errors import DecodeError, EndpointNotFoundError, InvalidOptionError, RecordNotFoundError
from tonicdm.http.operation import Operation
from tonicdm.http.transport import Answer
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
        found = _records(await self._caller.call(operation, options, body=body), kind)
        return found[0] if found else None


class Listed(Endpoint, Generic[M]):
    """Endpoints that answer with arrays."""

    _listing: ClassVar[ListOperation[Any]]

    def _list(self, quantity: QuantityLike, given: Mapping[str, Any], start_page: int, prefetch: int) -> Paginator[Any]:
        source = Listing(self._caller, self._listing, given, parse_quantity(quantity))
        return Paginator(source, start_page=start_page, prefetch=prefetch)


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

    async def get_many(self, records: Any, *, data_quantity: RecordQuantity = "basic") -> Found[M]:
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
        wanted = list(dict.fromkeys(record_id(value) for value in records))
        statuses = {"filter_statuses": ALL_STATUSES} if "filter_statuses" in self._listing.operation.options else {}
        return await fetch_many(self._caller, self._listing, wanted, quantity, statuses)


class Creating(Endpoint, Generic[M]):
    """Helps endpoints that create records."""

    _model: ClassVar[type[Record]]
    _create_operation: ClassVar[Operation]

    async def _create(self, fields: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> Any:
        body = body_of(self._model, fields)
        return await self._write(self._create_operation, self._model, body, options)


class Updating(Endpoint, Generic[M]):
    """Helps endpoints that change records."""

    _model: ClassVar[type[Record]]
    _update_operation: ClassVar[Operation]

    async def _update(self, record: IDLike, fields: Mapping[str, Any]) -> Any:
        identity = record_id(record)
        if not fields:
            raise InvalidOptionError("an update needs at least one field. Nothing was sent.")
        body = {"id": identity, **body_of(self._model, fields)}
        return await self._write(self._update_operation, self._model, body)

    async def soft_delete(self, record: IDLike) -> None:
        """Mark a record as deleted, by a PATCH of its status (concepts page, "Naming Conventions").

        The reference's word ``deleted`` is sent, or what the client's ``soft_delete_value=`` says.
        """
        body = {"id": record_id(record), "status": self._caller.soft_delete_value}
        await self._write(self._update_operation, self._model, body)


class Deleting(Endpoint):
    """Helps endpoints that delete records for good."""

    _delete_operation: ClassVar[Operation]

    async def delete(self, record: IDLike) -> None:
        """Delete a record truly and for good; `soft_delete` or an update of its status keeps it.

        When the answer to a first attempt was lost, 404 to the next one means that the first had worked.
        """
        try:
            await self._caller.call(self._delete_operation, {"id": record_id(record)})
        except EndpointNotFoundError as error:
            if error.attempts == 1:
                raise


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


def body_of(kind: type[Record], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON body that sets *fields* of a record of *kind*, checked against its types.

    Raises:
        InvalidOptionError: A field is unknown or its value has another type.
    """
    for name, value in fields.items():
        if isinstance(value, str) and kind.__annotations__.get(name, "").startswith("RecordID"):
            record_id(value, name)
    body = CODEC.write_fields(kind, fields)
    known = {name: body[name] for name in wire_names(kind).values() if name in body}
    try:
        CODEC.read(known, kind)
    except DecodeError as error:
        raise InvalidOptionError(
            f"the body is not a {kind.__name__}: {'; '.join(error.paths)}. Nothing was sent."
        ) from None
    return body


def _records(answer: Answer, kind: type[R]) -> list[R]:
    """Read an answer to a write: a record, an array of records, or nothing at all (design: bodies of writes)."""
    if answer.status == 204 or not answer.body.strip():
        return []
    return CODEC.read_all(as_array(parse_json(answer.body)), kind)
