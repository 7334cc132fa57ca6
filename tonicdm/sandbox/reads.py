"""GET: from the ranks of a page to its records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tonicdm.sandbox.licences import opened
from tonicdm.sandbox.settings import DataQuantity, SandboxSettings
from tonicdm.sandbox.world import World
from tonicdm.sandbox.world.table import Record


def render(
    world: World, record_type: str, ranks: Iterable[int], data_quantity: DataQuantity, settings: SandboxSettings
) -> Iterator[Record]:
    """Return records one by one as a data_quantity shows them (concepts page, "Rate Limiting").

    id_only: ID and last change. basic: own fields, references as ID and last change. complete: references expanded
    by one level.
    """
    firm = world.firm
    make = {"id_only": firm.stub, "basic": firm.record, "complete": firm.complete}[data_quantity]
    rows = (make(record_type, rank) for rank in ranks)
    hidden = _hidden(record_type, data_quantity, settings)
    if hidden is not None:
        rows = ({name: value for name, value in row.items() if name != hidden} for row in rows)
    if settings.advanced_contacts and settings.advanced_metrics:
        return rows
    return (opened(world, record_type, row, settings) for row in rows)


def _hidden(record_type: str, data_quantity: DataQuantity, settings: SandboxSettings) -> str | None:
    """Return the field that a setting hides from every record of a list."""
    without = (data_quantity == "id_only" and not settings.id_only_timestamps) or (
        record_type == "file_transfers" and not settings.file_transfer_timestamps
    )
    return "datetimeUpdated" if without else None


def singleton(record: Any, settings: SandboxSettings) -> Any:
    """Return one object, or an array of it: "records are returned in the form of an array" (concepts page)."""
    return [record] if settings.me_shape == "array" else record
