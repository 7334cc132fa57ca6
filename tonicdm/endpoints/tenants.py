"""Tenants, as the Global service sees them."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, Unpack, get_args, overload

from tonicdm.endpoints.base import Listed
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import IDsOption, PageOptions, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import CustomerType, GlobalTenant, IndustryRole, RecordStub
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, IDLike, ListOf, RecordDataQuantity, StubDataQuantity

PATH = "/global/tenants"


TenantSort: TypeAlias = Literal["domain"]
"""What a list of tenants can be sorted by: the example of the reference, which shows no fields."""


class TenantOptions(PageOptions, IDsOption, total=False):
    """Options of a list of tenants (reference: getGlobalTenants)."""

    filter_industry_roles: ListOf[IndustryRole | str]
    """Only tenants of these roles: ``generalcontractor``, ``primeconsultant``."""
    filter_customer_types: ListOf[CustomerType | str]
    """Only tenants of these types: ``none``, ``former``, ``pilot``, ``unpaid``, ``paid``."""
    filter_discipline_ids: ListOf[IDLike]
    """Only tenants of these disciplines."""
    sort_by: TenantSort
    """Field to sort by; ``domain`` unless given."""


class Tenants(Listed[GlobalTenant]):
    """Tenants, listed to find the home zone of a domain (``/global/tenants``); meant for TonicDM's internal use."""

    record_type = "tenants"
    _listing = ListOperation(
        operation=Operation(method="GET", path=PATH, options=options_of(TenantOptions), has_data_quantity=True),
        model=GlobalTenant,
        sort="domain",
        sorts=get_args(TenantSort),
    )

    @overload
    def list(self, *, data_quantity: StubDataQuantity, **options: Unpack[TenantOptions]) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[TenantOptions]
    ) -> Paginator[GlobalTenant]: ...
    def list(self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[TenantOptions]) -> Paginator[Any]:
        """List tenants (reference: getGlobalTenants).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            **options: See `TenantOptions`.
            filter_industry_roles: Only tenants of these roles: ``generalcontractor``, ``primeconsultant``.
            filter_customer_types: Only tenants of these types: ``none``, ``former``, ``pilot``, ``unpaid``, ``paid``.
            filter_discipline_ids: Only tenants of these disciplines.
            sort_by: Field to sort by; ``domain`` unless given.
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
