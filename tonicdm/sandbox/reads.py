"""GET: from the ranks of a page to its JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

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
    if quantity == "basic":
        return [firm.record(kind, rank) for rank in ranks]
    if quantity == "complete":
        return [firm.complete(kind, rank) for rank in ranks]
    stubs = [firm.stub(kind, rank) for rank in ranks]
    return stubs if settings.id_only_timestamps else [{"id": stub["id"]} for stub in stubs]


def singleton(record: Any, settings: SandboxSettings) -> Any:
    """Return one object, or an array of it: "records are returned in the form of an array" (concepts page)."""
    return [record] if settings.me_shape == "array" else record
