"""Organizations: your own, and those of contacts."""

from __future__ import annotations

from typing import Any, Unpack, overload

from tonicdm.endpoints.base import Readable
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import IDsOption, PageOptions, Reading, UpdatedOption, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import Organization, Person, RecordStub
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, IDLike, ListOf, RecordDataQuantity, StubDataQuantity

PATH = "/core/organizations"


class OrganizationOptions(PageOptions, IDsOption, UpdatedOption, total=False):
    """Options of a list of organizations (reference: getOrganizations)."""

    filter_disciplines: ListOf[IDLike]
    """Only organizations of these disciplines."""


class Organizations(Readable[Organization]):
    """Your own organization, and those of contacts with the AdvancedContacts licence (``/core/organizations``).

    There is no way to create one: it comes into being with its first person.
    """

    record_type = "organizations"
    _listing = ListOperation(
        operation=Operation(method="GET", path=PATH, options=options_of(OrganizationOptions), has_data_quantity=True),
        model=Organization,
    )
    _me_operation = Operation(method="GET", path=f"{PATH}/me")
    _staff = ListOperation(operation=Operation(method="GET", path=f"{PATH}/me/staff"), model=Person)

    @overload
    def list(
        self, *, data_quantity: StubDataQuantity, **options: Unpack[OrganizationOptions]
    ) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[OrganizationOptions]
    ) -> Paginator[Organization]: ...
    def list(
        self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[OrganizationOptions]
    ) -> Paginator[Any]:
        """List organizations (reference: getOrganizations).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            **options: See `OrganizationOptions`.
            filter_disciplines: Only organizations of these disciplines.
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

    @overload
    async def me(self, *, data_quantity: StubDataQuantity) -> RecordStub: ...
    @overload
    async def me(self, *, data_quantity: RecordDataQuantity = "basic") -> Organization: ...
    async def me(self, *, data_quantity: DataQuantityLike = "basic") -> Organization | RecordStub:
        """Return your own organization with the tenant's settings (reference: getOrganizationsMe).

        Args:
            data_quantity: As for `me.get`.
        """
        return await self._read_own(self._me_operation, Organization, data_quantity)

    @overload
    def staff(self, *, data_quantity: StubDataQuantity, **options: Unpack[Reading]) -> Paginator[RecordStub]: ...
    @overload
    def staff(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[Reading]
    ) -> Paginator[Person]: ...
    def staff(self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[Reading]) -> Paginator[Any]:
        """List the staff of your own organization (reference: getStaff).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            **options: See `Reading`.
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
        return self._list(data_quantity, options, self._staff)
