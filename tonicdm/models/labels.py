"""Labels attached to objects."""

from __future__ import annotations

import attrs

from tonicdm.codec import camel_case
from tonicdm.models.enums import Status
from tonicdm.models.records import Record


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Label(Record):
    """The labels of one object (reference: Label).

    By its text the page gives the label IDs of each object; as their names are not shown, they stand in `extra`.
    """

    status: Status | None = None
    """Whether it is in use."""
