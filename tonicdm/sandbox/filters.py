"""What each filter option compares: a column of references, or a value of the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tonicdm.sandbox.world import World

COLUMNS = {
    "filterOrganizationIds": "organization",
    "filterOfficeIds": "office",
    "filterBrandIds": "brand",
    "filterDisciplineIds": "discipline",
    "filterDisciplines": "discipline",
    "filterFilesetIds": "fileset",
    "projectId": "project",
}
"""Filters by reference and the column each looks at."""


def match(world: World, kind: str, name: str, values: Sequence[str]) -> Callable[[int], bool]:
    """Return a test on ranks.

    Args:
        world: The records.
        kind: The type that is filtered.
        name: An option of `COLUMNS`, or the name of a column itself.
        values: Compact IDs or words; the record must fit one of them.
    """
    table = world.table(kind)
    column = COLUMNS.get(name, name)
    if column in table.links:
        target = world.table(table.kind.links[column].target)
        wanted = frozenset(rank for rank in map(target.rank, values) if rank is not None)
        ranks = table.links[column]
        return lambda rank: ranks[rank] in wanted
    words = frozenset(values)
    return lambda rank: world.firm.record(kind, rank).get(name) in words
