"""Filter options: each compares a column of references, or a value of the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tonicdm.sandbox.world import World
from tonicdm.sandbox.world.firm import NOTHING
from tonicdm.sandbox.world.people import is_staff
from tonicdm.sandbox.world.words import PLATFORMS
from tonicdm.sandbox.world.workflow import addresses

Test = Callable[[int], bool]
SpecialTest = Callable[[World, str, frozenset[str]], Test]

COLUMNS: Mapping[str, str] = {
    "filterOrganizationIds": "organization",
    "filterOfficeIds": "office",
    "filterBrandIds": "brand",
    "filterDisciplineIds": "discipline",
    "filterDisciplines": "discipline",
    "filterFilesetIds": "fileset",
    "projectId": "project",
    "folderId": "parent",
}
"""Filters by reference and the column each looks at."""

FIELDS: Mapping[str, str] = {
    "filterObjectType": "objectType",
    "filterIndustryRoles": "industryRole",
    "filterCustomerTypes": "customerType",
    "filterStages": "stage",
    "platform": "platform",
}
"""Filters by words and the field each looks at."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "filterObjectType": ("person",),
    "filterCustomerTypes": ("none", "former", "pilot", "unpaid", "paid"),
    "platform": PLATFORMS,
}
"""Words the reference declares as enums; another one is a 400. Those it only shows as examples are open."""


def match(world: World, record_type: str, name: str, values: Sequence[str]) -> Test:
    """Return a test on ranks.

    Args:
        world: The records.
        record_type: The type that is filtered.
        name: An option, the name of a column itself, or one of the fixed tests "staff" and "root".
        values: Compact IDs or words; the record must fit one of them.
    """
    table, firm = world.table(record_type), world.firm
    column = COLUMNS.get(name, name)
    if (record_type, column) == ("brands", "discipline"):
        return _brand_disciplines(world, values)
    if column in table.links:
        target = world.table(table.spec.links[column].target)
        wanted = frozenset(rank for rank in map(target.rank, values) if rank is not None)
        ranks = table.links[column]
        return lambda rank: ranks[rank] in wanted
    words = frozenset(values)
    if name in FIELDS:
        field = FIELDS[name]
        return lambda rank: firm.record(record_type, rank).get(field) in words
    return _SPECIAL_TESTS[name](world, record_type, words)


def _brand_disciplines(world: World, values: Sequence[str]) -> Test:
    """Return a test on the list of a brand's disciplines."""
    wanted = frozenset(values)

    def test(rank: int) -> bool:
        disciplines = world.firm.record("brands", rank).get("disciplines") or ()
        return any(str(item.get("id")).lower() in wanted for item in disciplines)

    return test


def _staff(world: World, record_type: str, words: frozenset[str]) -> Test:  # noqa: ARG001 - the form of all of them
    return lambda rank: is_staff(world.firm, rank)


def _root(world: World, record_type: str, words: frozenset[str]) -> Test:  # noqa: ARG001
    parents = world.table(record_type).links["parent"]
    return lambda rank: parents[rank] == NOTHING


def _line(line: str) -> SpecialTest:
    def correspondents(world: World, record_type: str, words: frozenset[str]) -> Test:
        return lambda rank: not words.isdisjoint(addresses(world.firm, record_type, rank, line))

    return correspondents


def _part_ids(world: World, record_type: str, words: frozenset[str]) -> Test:
    wanted = frozenset(map(world.table(record_type).rank, words))
    return lambda rank: rank in wanted


def _stage_or_status(world: World, record_type: str, words: frozenset[str]) -> Test:
    """Return a test for filterStatus=open: a stage by its word (concepts page); a status is understood too."""

    def test(rank: int) -> bool:
        record = world.firm.record(record_type, rank)
        return record.get("stage") in words or record.get("status") in words

    return test


def _thumbnail_size(world: World, record_type: str, words: frozenset[str]) -> Test:
    firm = world.firm
    return lambda rank: any(
        item.get("size") in words for item in firm.record(record_type, rank).get("thumbnailArray", ())
    )


def _workflows(world: World, record_type: str, words: frozenset[str]) -> Test:  # noqa: ARG001
    asked = record_type[:-1] in words
    return lambda _: asked


def _anything(world: World, record_type: str, words: frozenset[str]) -> Test:  # noqa: ARG001
    """Return a test for the workflow of a cloud folder: none is configured, it falls back to the root (reference)."""
    return lambda _: True


_SPECIAL_TESTS: Mapping[str, SpecialTest] = {
    "staff": _staff,
    "root": _root,
    "filterFrom": _line("from"),
    "filterTo": _line("to"),
    "filterCc": _line("cc"),
    "filterPartIds": _part_ids,
    "filterStatus": _stage_or_status,
    "filterThumbnailSize": _thumbnail_size,
    "filterWorkflows": _workflows,
    "workflow": _anything,
}
