"""Short lists: types that a tenant defines."""

from __future__ import annotations

import attrs

from tonicdm.codec import snake_case
from tonicdm.rhythm.models.parts import SysRecord


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class AddressType(SysRecord):
    """A kind of address (reference: AddressType)."""

    id: str | None = None
    """The kind; absent where ``fields=`` leaves it out."""
    name: str | None = None
    """Its name."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class CommunicationType(SysRecord):
    """A kind of communication (reference: CommunicationType)."""

    id: str | None = None
    """The kind; absent where ``fields=`` leaves it out."""
    name: str | None = None
    """Its name."""
    description: str | None = None
    """What it is for."""
    is_active: bool | None = None
    """Whether it is in use."""
