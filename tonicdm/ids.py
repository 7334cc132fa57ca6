"""The check of the IDs that users pass."""

from __future__ import annotations

import uuid

from tonicdm.errors import InvalidIDError
from tonicdm.types import COMPACT_ID, LOWER_ID, IDLike, RecordID


def record_id(value: IDLike, name: str = "id") -> RecordID:
    """Check *value* and return it as a `RecordID`.

    Args:
        value: 32 hex characters in either case, or a `uuid.UUID`.
        name: The argument or option that held the value, for the error.

    Raises:
        InvalidIDError: *value* is anything else; hyphens are refused, because the API's pattern has none
            (concepts page, "Naming Conventions").
    """
    if type(value) is str and LOWER_ID.fullmatch(value):
        return RecordID(value)  # as mostly: thousands that wait need no copy of it
    if isinstance(value, uuid.UUID):
        return RecordID(value.hex)
    if isinstance(value, str) and COMPACT_ID.fullmatch(value):
        return RecordID(value.lower())
    raise InvalidIDError(name, value)
