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
            options: See `TenantOptions`.
        """
        return self._list(data_quantity, options)
