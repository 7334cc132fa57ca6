"""Brands: company identities inside an organization."""

from __future__ import annotations

import attrs

from tonicdm.codec import camel_case
from tonicdm.models.disciplines import Discipline
from tonicdm.models.enums import Status
from tonicdm.models.records import Record
from tonicdm.models.references import Reference
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Brand(Record):
    """A company identity inside an organization (reference: Brand)."""

    id: RecordID | None = None
    """The brand."""
    status: Status | None = None
    """Whether it is in use."""
    domains: tuple[str, ...] | None = None
    """Mail domains of the brand; for a contact with a shared domain the full email address."""
    name_long: str | None = None
    """Full official name, used on transmittals; up to 128 characters."""
    name_short: str | None = None
    """Friendly name used in the app; up to 128 characters."""
    name_initials: str | None = None
    """Initials for very small spaces; up to 4 characters."""
    disciplines: tuple[Reference[Discipline], ...] | None = None
    """Disciplines that a person of this brand may have."""
    organization_id: RecordID | None = None
    """Links brands into one organization; AdvancedContacts licence."""
    is_prime: bool | None = None
    """Whether it is the primary brand of its organization; AdvancedContacts licence."""
    customer_data_warehouse_id: str | None = None
    """ID in the customer's data warehouse; AdvancedMetrics licence."""
    customer_erp_id: str | None = None
    """ID in the customer's ERP; AdvancedMetrics licence."""
    customer_crm_id: str | None = None
    """ID in the customer's CRM."""
