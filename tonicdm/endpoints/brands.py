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
            options: See `BrandOptions`.
        """
        return self._list(data_quantity, options)

    async def update(self, record: IDLike, **fields: Unpack[BrandChanges]) -> Brand | None:
        """Change a brand (reference: patchBrand).

        Args:
            record: Its ID.
            fields: See `BrandChanges`.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._update(record, fields)
