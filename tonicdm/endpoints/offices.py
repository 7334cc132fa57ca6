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
            **options: See `OfficeOptions`.
            filter_organization_ids: Only offices of these organizations.
            sort_by: Field to sort by; ``name`` unless given.
            updated_after: Only records changed after this; aware datetimes only (concepts page, "Use Cases").
            filter_ids: Only these records; every other filter is ignored then (reference: filterIDs).
            page_size: Records of a page, from 1 to 1000; 1000 unless given, because a page's price does not depend on
                it.
            sort_direction: Direction of the order.
            search_query: JSON, as text or as values; its grammar is not documented.
            filter_statuses: Only records with these statuses: ``active``, ``inactive``, ``deleted``; ``active`` alone
                when this is absent.
            start_page: The first page to fetch; 1 unless given.
            prefetch: Pages to fetch ahead of the one being read; each is paid for, read or not.
            on_invalid: What becomes of an element that is no record: ``raise``, unless given, ends the list with an
                error that carries the others; ``skip`` leaves it out and in `Paginator.skipped`.
            max_pages: Pages after which a list counts as one that never ends; 10,000 unless given.
            options: Options that this package does not know for the list, by wire name: texts, numbers, booleans,
                times, or lists of them.
            on_ignored: What to do where an answer contradicts an option: ``raise`` an `OptionIgnoredError`, unless
                ``accept`` is given, which takes the records as they come.
        """
        return self._list(data_quantity, options)

    async def create(self, *, name: str, **fields: Unpack[OfficeFields]) -> Office | None:
        """Create an office (reference: postOffice).

        How the server chooses its organization is not documented.

        Args:
            name: Its name.
            fields: See `OfficeFields`.
            address: Postal address with `` `` for new lines; 1 to 256 characters.
            phone_country_code: Digits of the country code, as a number.
            phone_number: Digits of the number, as a number.
            status: ``active``, ``inactive`` or ``deleted``.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._create({"name": name, **fields})

    async def update(self, record: IDLike, **fields: Unpack[OfficeChanges]) -> Office | None:
        """Change an office (reference: patchOffice).

        Args:
            record: Its ID.
            fields: See `OfficeChanges`.
            name: Name used in the app only; 1 to 64 characters.
            organization_id: The organization it belongs to; AdvancedContacts licence.
            address: Postal address with `` `` for new lines; 1 to 256 characters.
            phone_country_code: Digits of the country code, as a number.
            phone_number: Digits of the number, as a number.
            status: ``active``, ``inactive`` or ``deleted``.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._update(record, fields)
