"""Organizations: containers of persons, offices and brands."""

from __future__ import annotations

import attrs

from tonicdm.codec import camel_case, wire
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class TenantSettings(Record):
    """What your own organization has and those of contacts have not (concepts page, "Tenant").

    The page prints no names: the fields that it speaks of have assumed ones, all others stand in `extra`.
    """

    home_zone: str | None = wire(assumed=True)
    """Zone in which the organization's data are stored (concepts page, "Data Residency"). Assumed."""
    division1_name: str | None = wire("division1Name", assumed=True)
    """What the tenant calls its Division1: "Market Sector", say (concepts page, "Division1 and Division2"). Assumed."""
    division2_name: str | None = wire("division2Name", assumed=True)
    """What the tenant calls its Division2: "Studio", say. Assumed."""


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Organization(TenantSettings):
    """A container of persons, offices and brands (reference: Organization).

    The reference shows only its ID; what else comes stands in `extra`. The settings of the tenant are None but for your
    own organization.
    """

    id: RecordID | None = None
    """The organization."""
