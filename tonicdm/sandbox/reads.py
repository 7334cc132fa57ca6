"""GET: from the ranks of a page to its records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tonicdm.sandbox.licences import opened
from tonicdm.sandbox.settings import Quantity, SandboxSettings
from tonicdm.sandbox.world import World
from tonicdm.sandbox.world.table import Record


def render(
    world: World, kind: str, ranks: Iterable[int], quantity: Quantity, settings: SandboxSettings
) -> list[Record]:
    """Return records as a data_quantity shows them (concepts page, "Rate Limiting").

    id_only: ID and last change. basic: own fields, references as ID and last change. complete: references expanded
    by one level.
    """
    firm = world.firm
    if quantity == "id_only":
        rows = [firm.stub(kind, rank) for rank in ranks]
    else:
        make = firm.record if quantity == "basic" else firm.complete
        rows = [make(kind, rank) for rank in ranks]
    if not settings.id_only_timestamps and quantity == "id_only":
        rows = [{"id": row["id"]} for row in rows]
    if kind == "file_transfers" and not settings.file_transfer_timestamps:
        rows = [{name: value for name, value in row.items() if name != "datetimeUpdated"} for row in rows]
    if not (settings.advanced_contacts and settings.advanced_metrics):
        rows = [opened(world, kind, row, settings) for row in rows]
    return rows


def singleton(record: Any, settings: SandboxSettings) -> Any:
    """Return one object, or an array of it: "records are returned in the form of an array" (concepts page)."""
    return [record] if settings.me_shape == "array" else record
