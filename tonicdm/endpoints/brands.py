"""Brands: company identities inside organizations."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, Unpack, get_args, overload

from tonicdm.endpoints.base import Readable, SoftDeleting
from tonicdm.endpoints.fields import ID, Flag, Pointer, StatusField, Text
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import IDsOption, PageOptions, UpdatedOption, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import Brand, RecordStub
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, IDLike, ListOf, RecordDataQuantity, StubDataQuantity, Unset

PATH = "/core/brands"


BrandSort: TypeAlias = Literal["name_long", "name_short", "name_initials"]
"""What a list of brands can be sorted by (reference: sortBy)."""


class BrandOptions(PageOptions, IDsOption, UpdatedOption, total=False):
    """Options of a list of brands (reference: getBrands)."""

    filter_discipline_ids: ListOf[IDLike]
    """Only brands of these disciplines."""
    filter_organization_ids: ListOf[IDLike]
    """Only brands of these organizations."""
    sort_by: BrandSort
    """Field to sort by; ``name_long`` unless given."""


class BrandChanges(StatusField, total=False):
    """Fields of a brand that can be changed (reference: Brand)."""

    domains: ListOf[str] | Unset
    """All mail domains of the brand."""
    name_long: Text
    """Full official name; up to 128 characters."""
    name_short: Text
    """Friendly name used in the app; up to 128 characters."""
    name_initials: Text
    """Initials; up to 4 characters."""
    disciplines: ListOf[Pointer] | Unset
    """All disciplines that a person of this brand may have, as IDs or records."""
    organization_id: ID
    """The organization it belongs to; AdvancedContacts licence."""
    is_prime: Flag
    """Whether it is the primary brand of its organization; AdvancedContacts licence."""
    customer_data_warehouse_id: Text
    """ID in the customer's data warehouse; AdvancedMetrics licence."""
    customer_erp_id: Text
    """ID in the customer's ERP; AdvancedMetrics licence."""
    customer_crm_id: Text
    """ID in the customer's CRM."""


class Brands(Readable[Brand], SoftDeleting[Brand]):
    """Brands of your own organization and of contacts (``/core/brands``).

    Only a tenant administrator may change those of your own organization.
    """

    record_type = "brands"
    _model = Brand
    _listing = ListOperation(
        operation=Operation(method="GET", path=PATH, options=options_of(BrandOptions), has_data_quantity=True),
        model=Brand,
        sort="nameLong",
        sorts=get_args(BrandSort),
    )
    _update_operation = Operation(method="PATCH", path=PATH)

    @overload
    def list(self, *, data_quantity: StubDataQuantity, **options: Unpack[BrandOptions]) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[BrandOptions]
    ) -> Paginator[Brand]: ...
    def list(self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[BrandOptions]) -> Paginator[Any]:
        """List brands (reference: getBrands).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            **options: See `BrandOptions`.
            filter_discipline_ids: Only brands of these disciplines.
            filter_organization_ids: Only brands of these organizations.
            sort_by: Field to sort by; ``name_long`` unless given.
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

    async def update(self, record: IDLike, **fields: Unpack[BrandChanges]) -> Brand | None:
        """Change a brand (reference: patchBrand).

        Args:
            record: Its ID.
            fields: See `BrandChanges`.
            domains: All mail domains of the brand.
            name_long: Full official name; up to 128 characters.
            name_short: Friendly name used in the app; up to 128 characters.
            name_initials: Initials; up to 4 characters.
            disciplines: All disciplines that a person of this brand may have, as IDs or records.
            organization_id: The organization it belongs to; AdvancedContacts licence.
            is_prime: Whether it is the primary brand of its organization; AdvancedContacts licence.
            customer_data_warehouse_id: ID in the customer's data warehouse; AdvancedMetrics licence.
            customer_erp_id: ID in the customer's ERP; AdvancedMetrics licence.
            customer_crm_id: ID in the customer's CRM.
            status: ``active``, ``inactive`` or ``deleted``.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._update(record, fields)
