"""Uploads of large files."""

from __future__ import annotations

import attrs

from tonicdm.codec import camel_case, wire
from tonicdm.models.records import Record


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class PresignedUpload(Record):
    """The signed parameters of an upload (reference: PresignedUpload). What opens the door stands in no repr."""

    algorithm: str | None = wire("X-Amz-Algorithm")
    """How the request is signed."""
    date: str | None = wire("X-Amz-Date")
    """When the URL was made."""
    signed_headers: str | None = wire("X-Amz-SignedHeaders")
    """Headers that the signature covers."""
    credential: str | None = wire("X-Amz-Credential", shown=False)
    """Whose key signed it."""
    expires: int | None = wire("X-Amz-Expires")
    """Seconds that the URL stays valid; an upload must start before then and may finish later."""
    signature: str | None = wire("X-Amz-Signature", shown=False)
    """The signature."""
