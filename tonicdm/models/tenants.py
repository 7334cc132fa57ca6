"""Tenants, as the Global service sees them."""

from __future__ import annotations

import attrs

from tonicdm.codec import camel_case
from tonicdm.models.records import Record


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class GlobalTenant(Record):
    """A tenant, listed to find the home zone of a domain (reference: GlobalTenant).

    The reference shows none of its fields; what comes stands in `extra`.
    """
