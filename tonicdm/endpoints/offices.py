"""Offices: physical locations of an organization."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, Unpack, get_args, overload

from tonicdm.endpoints.base import SoftDeleting
from tonicdm.endpoints.fields import ID, Number, StatusField, Text
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.lookback import CreatingOnce
from tonicdm.endpoints.options import IDsOption, PageOptions, UpdatedOption, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import Office, RecordStub
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, IDLike, ListOf, RecordDataQuantity, StubDataQuantity, Unset

PATH = "/core/offices"


OfficeSort: TypeAlias = Literal[
    "name",
    "address",
    "phone_country_code",
    "phone_number",
    "status",
    "id",
    "organization_id",
    "datetime_created",
    "datetime_updated",
]
"""What a list of offices can be sorted by: the plain fields of a record, as the reference gives an example only."""


class OfficeOptions(PageOptions, IDsOption, UpdatedOption, total=False):
    """Options of a list of offices (reference: getOffices)."""

    filter_organization_ids: ListOf[IDLike]
    """Only offices of these organizations."""
    sort_by: OfficeSort
    """Field to sort by; ``name`` unless given."""


class OfficeFields(StatusField, total=False):
    """Fields of an office that may be left out (reference: OfficeWrite)."""

    address: Text
    """Postal address with ``\n`` for new lines; 1 to 256 characters."""
    phone_country_code: Number
    """Digits of the country code, as a number."""
    phone_number: Number
    """Digits of the number, as a number."""


class OfficeChanges(OfficeFields, total=False):
    """Fields of an office that can be changed."""

    name: str | Unset
    """Name used in the app only; 1 to 64 characters."""
    organization_id: ID
    """The organization it belongs to; AdvancedContacts licence."""


class Offices(CreatingOnce[Office], SoftDeleting[Office]):
    """Offices of your own organization, and of contacts with the AdvancedContacts licence (``/core/offices``)."""

    record_type = "offices"
    _model = Office
    _listing = ListOperation(
        operation=Operation(method="GET", path=PATH, options=options_of(OfficeOptions), has_data_quantity=True),
        model=Office,
        sort="name",
        sorts=get_args(OfficeSort),
    )
    _create_operation = Operation(method="POST", path=PATH)
    _update_operation = Operation(method="PATCH", path=PATH)

    @overload
    def list(self, *, data_quantity: StubDataQuantity, **options: Unpack[OfficeOptions]) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[OfficeOptions]
    ) -> Paginator[Office]: ...
    def list(self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[OfficeOptions]) -> Paginator[Any]:
        """List offices (reference: getOffices).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            options: See `OfficeOptions`.
        """
        return self._list(data_quantity, options)

    async def create(self, *, name: str, **fields: Unpack[OfficeFields]) -> Office | None:
        """Create an office (reference: postOffice).

        How the server chooses its organization is not documented.

        Args:
            name: Its name.
            fields: See `OfficeFields`.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._create({"name": name, **fields})

    async def update(self, record: IDLike, **fields: Unpack[OfficeChanges]) -> Office | None:
        """Change an office (reference: patchOffice).

        Args:
            record: Its ID.
            fields: See `OfficeChanges`.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._update(record, fields)
