"""Evidence that a server ignored an option; only contradictions in the content of a response count."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tonicdm.codec.elements import Elements
from tonicdm.codec.scalars import Refused, read_datetime
from tonicdm.ids import record_id
from tonicdm.models import is_stub
from tonicdm.models.records import UPDATED_NAMES, updated_in
from tonicdm.types import DataQuantity, normalise_id

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
    return (
        _other_ids(records, options if own_ids else {})
        or _other_project(records, options)
        or _too_many(len(elements), options)
        or _too_old(records, options)
        or (_wrong_shape(records, data_quantity) if shaped else None)
    )


def _other_ids(records: Sequence[dict[str, Any]], options: Mapping[str, Any]) -> tuple[str, str] | None:
    if options.get("filter_ids") is None:
        return None
    asked = {record_id(value) for value in options["filter_ids"]}
    strange = sum(1 for item in records if isinstance(item.get("id"), str) and normalise_id(item["id"]) not in asked)
    return ("filterIDs", f"{strange} records came that were not asked for") if strange else None


def _other_project(records: Sequence[dict[str, Any]], options: Mapping[str, Any]) -> tuple[str, str] | None:
    if options.get("project_id") is None:
        return None
    asked = record_id(options["project_id"])
    shown = [item[name] for item in records for name in PROJECT_FIELDS if isinstance(item.get(name), str)]
    strange = sum(1 for value in shown if normalise_id(value) != asked)
    return ("projectId", f"{strange} records of other projects came") if strange else None


def _too_many(count: int, options: Mapping[str, Any]) -> tuple[str, str] | None:
    size = options.get("page_size")
    if size is None or count <= size:
        return None
    return "pageSize", f"{count:,} records came instead of at most {size:,}"


def _too_old(records: Sequence[dict[str, Any]], options: Mapping[str, Any]) -> tuple[str, str] | None:
    after = options.get("updated_after")
    if after is None:
        return None
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
    if not records:
        return None
    if data_quantity is DataQuantity.ID_ONLY:
        full = sum(1 for item in records if "id" in item and not is_stub(item))
        return ("data_quantity", f"{full} whole records came instead of stubs") if full else None
    if all(is_stub(item) for item in records):
        return "data_quantity", f"stubs came instead of {data_quantity.value} records"
    return None
