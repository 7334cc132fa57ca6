"""Evidence that a server ignored an option; only contradictions in the content of a response count."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tonicdm.codec.elements import Elements
from tonicdm.codec.scalars import Refused, read_datetime
from tonicdm.ids import record_id
from tonicdm.models import is_stub
from tonicdm.models.records import UPDATED_NAMES, updated_in
from tonicdm.types import DataQuantity, IDLike, normalise_id

_ID_ONLY: Final = DataQuantity.ID_ONLY  # to look up a member of an enumeration takes longer
PROJECT_FIELDS: Final = ("project_id", "projectId")


def contradiction(
    elements: Elements, options: Mapping[str, Any], data_quantity: DataQuantity, *, shaped: bool, own_ids: bool
) -> tuple[str, str] | None:
    """Find an option that the answer contradicts.

    Args:
        elements: What came, as plain JSON.
        options: The call's options by Python name.
        data_quantity: The data_quantity that was sent.
        shaped: Whether the reference lists data_quantity for the operation, so that the shape tells something.
        own_ids: Whether filterIDs names the records themselves, not their parents.

    Returns:
        The option's wire name and what contradicts it, without values; None where all agrees.
    """
    records = [item for item in elements.values if isinstance(item, dict)]
    ids = options.get("filter_ids") if own_ids else None
    if ids is not None and (found := _other_ids(records, ids)) is not None:
        return found
    project = options.get("project_id")
    if project is not None and (found := _other_project(records, project)) is not None:
        return found
    size = options.get("page_size")
    if size is not None and len(elements) > size:
        return "pageSize", f"{len(elements):,} records came instead of at most {size:,}"
    # Behind the others: who may do without this option does so only if it is all that the server ignores.
    after = options.get("updated_after")
    if after is not None and (found := _too_old(records, after)) is not None:
        return found
    return _wrong_shape(records, data_quantity) if shaped and records else None


def _other_ids(records: Sequence[dict[str, Any]], wanted: Iterable[IDLike]) -> tuple[str, str] | None:
    named = set(wanted)
    for item in records:
        if type(name := item.get("id")) is str and name not in named:
            break
    else:
        return None  # as nearly always
    asked = {record_id(value) for value in wanted}
    names = [name for item in records if isinstance(name := item.get("id"), str)]
    strange = sum(1 for name in names if name not in asked and normalise_id(name) not in asked)
    return ("filterIDs", f"{strange} records came that were not asked for") if strange else None


def _other_project(records: Sequence[dict[str, Any]], wanted: IDLike) -> tuple[str, str] | None:
    asked = record_id(wanted)
    shown = [item[name] for item in records for name in PROJECT_FIELDS if isinstance(item.get(name), str)]
    strange = sum(1 for value in shown if normalise_id(value) != asked)
    return ("projectId", f"{strange} records of other projects came") if strange else None


def _too_old(records: Sequence[dict[str, Any]], after: datetime.datetime | datetime.date) -> tuple[str, str] | None:
    if not isinstance(after, datetime.datetime):
        after = datetime.datetime.combine(after, datetime.time.min, datetime.UTC)
    # A server that counts whole seconds may return what changed within the second asked for.
    after = after.replace(microsecond=0)
    old = 0
    for item in records:
        for name in UPDATED_NAMES:
            try:
                old += name in item and read_datetime(item[name]) < after
            except Refused:
                continue
    return ("updated_after", f"{old} records came that had not changed since") if old else None


def untimed(payload: Sequence[Any]) -> str:
    """Tell why an answer can't show whether updated_after was heeded; an empty text where it can, or holds nothing."""
    if not payload or any(_is_timed(item) for item in payload if isinstance(item, dict)):
        return ""
    return "no record of the answer says when it was last changed"


def _is_timed(item: dict[str, Any]) -> bool:
    try:
        return updated_in(item) is not None
    except Refused:
        return False


def _wrong_shape(records: Sequence[dict[str, Any]], data_quantity: DataQuantity) -> tuple[str, str] | None:
    if data_quantity is _ID_ONLY:
        full = sum(1 for item in records if "id" in item and not is_stub(item))
        return ("data_quantity", f"{full} whole records came instead of stubs") if full else None
    if is_stub(records[0]) and all(is_stub(item) for item in records):
        return "data_quantity", f"stubs came instead of {data_quantity.value} records"
    return None
