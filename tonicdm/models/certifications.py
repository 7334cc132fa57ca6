"""Certifications, and the definitions of them that a firm has configured."""

from __future__ import annotations

import attrs

from tonicdm.codec import camel_case
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Certification(Record):
    """A certification obtained by a person or project (reference: Certification).

    The reference shows none of its fields; what comes stands in `extra`. AdvancedContacts licence.
    """


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class CertificationDefinition(Record):
    """A configured kind of certification (reference: CertificationDefinition)."""

    id: RecordID | None = None
    """The definition."""
