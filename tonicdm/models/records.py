"""The base of TonicDM's records: the time of their last change, and how they were read."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Mapping
from typing import Any, Final

import attrs

from tonicdm import codec
from tonicdm.codec import bookkeeping, marked
from tonicdm.codec.scalars import Refused, read_datetime
from tonicdm.types import DataQuantity

UPDATED_NAMES: Final = ("datetimeUpdated", "datetime_updated", "updated")
"""Names under which the time of a record's last change is looked for: the concepts page promises it and does not print
its name ("Rate Limiting"; reference: RecordStub, x-assumed); records call it ``datetimeUpdated``."""


def updated_in(item: Mapping[str, Any]) -> datetime.datetime | None:
    """Return when a record in plain JSON last changed; None where it does not say.

    Raises:
        Refused: It says so in no readable way.
    """
    for name in UPDATED_NAMES:
        if item.get(name) is not None:
            return read_datetime(item[name])
    return None


@attrs.frozen(kw_only=True, repr=False)
class Record(codec.Record):
    """The base of all records of TonicDM."""

    data_quantity: DataQuantity | None = bookkeeping()
    """The ``data_quantity`` of the call that read it; None for a record that a program made itself.

    The same content is the same record however it was read: this is no part of what makes two records equal.
    """

    @property
    def updated(self) -> datetime.datetime | None:
        """When the record last changed, aware, whatever its name on the wire; None where the answer did not say."""
        known: datetime.datetime | None = getattr(self, "datetime_updated", None)
        if known is not None:
            return known
        with contextlib.suppress(Refused):  # kept in extra as it came
            return updated_in(self.extra)
        return None


attrs.resolve_types(Record)  # of the fields that the models have of it


def read_with(data_quantity: DataQuantity) -> marked:
    """Note in all records that are decoded inside that they were read with *data_quantity*."""
    return marked(_MARKS[data_quantity])


_MARKS: Final = {each: {"data_quantity": each} for each in DataQuantity}
