"""Contacts that may be the same person."""

from __future__ import annotations

import attrs

from tonicdm.codec import snake_case
from tonicdm.rhythm.models.parts import SysRecord


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class ContactDuplicate(SysRecord):
    """A possible duplicate, as far as the reference shows it (reference: ContactDuplicate)."""

    id: str | None = None
    """The pair."""
    alt_address_postal_code: str | None = None
    """The postal code that both have."""
    email_address: str | None = None
    """The address that both have."""
