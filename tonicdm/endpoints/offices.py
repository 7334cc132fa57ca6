"""Offices: physical locations of an organization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack, cast, overload

from tonicdm.endpoints.base import Creating, Readable, Updating
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import PageOptions, UpdatedOption, options
from tonicdm.http.operation import Operation
from tonicdm.models import Office, RecordStub, Status
from tonicdm.paging import Paginator
from tonicdm.types import IDLike, QuantityLike, RecordQuantity, StubQuantity, Unset

PATH = "/core/offices"


class OfficeOptions(PageOptions, UpdatedOption, total=False):
    """Options of a list of offices (reference: getOffices)."""

    filter_organization_ids: Sequence[IDLike]
    """Only offices of these organizations."""
    sort_by: str
    """Field to sort by; ``name`` unless given."""


class OfficeFields(TypedDict, total=False):
    """Fields of an office that may be left out; ``None`` is sent, ``UNSET`` is not (reference: OfficeWrite)."""

    status: Status | str | Unset | None
    """``active``, ``inactive`` or ``deleted``."""
    address: str | Unset | None
    """Postal address with ``\n`` for new lines; 1 to 256 characters."""
    phone_country_code: float | Unset | None
    """Digits of the country code, as a number."""
    phone_number: float | Unset | None
    """Digits of the number, as a number."""
    extra: Mapping[str, Any]
    """Fields that this package does not know, by wire name."""


class OfficeChanges(OfficeFields, total=False):
    """Fields of an office that can be changed."""

    name: str | Unset
    """Name used in the app only; 1 to 64 characters."""


class Offices(Readable[Office], Creating[Office], Updating[Office]):
    """Offices of your own organization, and of contacts with the AdvancedContacts licence (``/core/offices``)."""

    _model = Office
    _listing = ListOperation(
        operation=Operation(
            method="GET",
            path=PATH,
            options=options(
                "search_query",
                "filter_ids",
                "filter_organization_ids",
                "filter_statuses",
                "page_size",
                "page_number",
                "sort_by",
                "sort_direction",
                "updated_after",
            ),
            has_quantity=True,
        ),
        model=Office,
        sort="name",
    )
    _create_operation = Operation(method="POST", path=PATH)
    _update_operation = Operation(method="PATCH", path=PATH)

    @overload
    def list(
        self,
        *,
        data_quantity: StubQuantity,
        start_page: int = 1,
        prefetch: int = 0,
        **options: Unpack[OfficeOptions],
    ) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self,
        *,
        data_quantity: RecordQuantity = "basic",
        start_page: int = 1,
        prefetch: int = 0,
        **options: Unpack[OfficeOptions],
    ) -> Paginator[Office]: ...
    def list(
        self,
        *,
        data_quantity: QuantityLike = "basic",
        start_page: int = 1,
        prefetch: int = 0,
        **options: Unpack[OfficeOptions],
    ) -> Paginator[Any]:
        """List offices (reference: getOffices).

        Args:
            data_quantity: ``id_only`` yields stubs for 1 unit a page, ``basic`` offices for 5, ``complete`` for 20.
            start_page: The first page to fetch.
            prefetch: Pages to fetch ahead.
            options: See `OfficeOptions`.
        """
        return self._list(data_quantity, options, start_page, prefetch)

    async def create(self, *, name: str, **fields: Unpack[OfficeFields]) -> Office | None:
        """Add an office (reference: postOffice).

        How the server chooses its organization is not documented.

        Args:
            name: Its name.
            fields: See `OfficeFields`.

        Returns:
            The office as the server answered it; None if it answered nothing.
        """
        return cast("Office | None", await self._create({"name": name, **fields}))

    async def update(self, record: IDLike, **fields: Unpack[OfficeChanges]) -> Office | None:
        """Change an office (reference: patchOffice).

        Args:
            record: Its ID.
            fields: See `OfficeChanges`.

        Returns:
            The office as the server answered it; None if it answered nothing.
        """
        return cast("Office | None", await self._update(record, fields))
