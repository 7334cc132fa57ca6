"""Nights of changes, faults and deletions: exact after each, or stopped with the reason."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.engines import ENGINES, Place, is_made, place, rows
from tonicdm import TonicDM
from tonicdm.clock import VirtualClock
from tonicdm.sandbox import Sandbox
from tonicdm.sync import Stage, SyncStoppedError, TypeReport

from .conftest import Sync, held, plain

KINDS = ("offices", "persons", "projects", "brands")
PATHS = {"offices": "/core/offices", "persons": "/core/persons", "projects": "/core/projects", "brands": "/core/brands"}
WORDS = {"offices": "address", "persons": "title", "projects": "projectNameKnownAs", "brands": "nameShort"}


# Of six nights one is blind, one ignores page sizes, and in one a licence is switched off.
NIGHTS = [
    pytest.param("sqlite", True, 6, id="sqlite, updated_after"),
    pytest.param("sqlite", False, 6, id="sqlite, stubs only"),
    pytest.param("postgresql", True, 6, id="postgresql, updated_after"),
    *(
        pytest.param(engine, heeded, 30, id=f"{engine}, 30, {name}", marks=pytest.mark.thorough)
        for engine in ENGINES
        for heeded, name in ((True, "updated_after"), (False, "stubs only"))
    ),
]


@pytest.fixture
def path(request: pytest.FixtureRequest, engine: str) -> Place:
    """Where the store is."""
    return place(request, engine)


async def served(tonic: TonicDM, kind: str) -> dict[str, Any]:
    """Return what the server shows of a type, in every status and under the licence of the day."""
    found: dict[str, Any] = {}
    number = 1
    while True:
        options = {"pageSize": "1000", "pageNumber": str(number), "filterStatuses": "active,inactive,deleted"}
        page = await tonic.request("GET", PATHS[kind], options=options)
        found |= {record["id"]: record for record in page}
        if len(page) < 1000:
            return found
        number += 1


def some(chance: random.Random, ids: list[str], counts: tuple[int, ...]) -> list[str]:
    """Return as many of *ids* as one of *counts* says, never more than half: a firm does not vanish in a month."""
    return chance.sample(ids, min(chance.choice(counts), len(ids) // 2))


def meddle(box: Sandbox, kind: str, chance: random.Random, *, deletions: bool) -> None:
    """Change, create and delete some records of a type, as users would."""
    ids = list(box.world.ids(kind))
    for one in some(chance, ids, (0, 1, 5, 40)):
        box.world.update(kind, one, **{WORDS[kind]: f"word {chance.random():.6f}"})
    for one in some(chance, ids, (0, 0, 2)):
        box.world.update(kind, one, status=chance.choice(("active", "inactive", "deleted")))
    if kind == "offices":
        for number in range(chance.choice((0, 1, 3))):
            box.world.create("offices", name=f"New {chance.random():.6f} {number}")
    if deletions and kind in {"offices", "projects"}:
        # What others point to stays: a reference that becomes null leaves no new timestamp behind.
        free = [
            one for one in ids if kind != "offices" or box.world.get(kind, one)["name"].startswith(("Branch", "New"))
        ]
        for one in some(chance, free, (0, 1, 4)):
            box.world.delete(kind, one)


@pytest.mark.parametrize(("engine", "updated_after", "nights"), NIGHTS)
async def test_each_night_is_exact_or_stopped_with_the_reason(
    engine: str, updated_after: bool, nights: int, sync: Sync, tonic: TonicDM, box: Sandbox, clock: VirtualClock, path
) -> None:
    """Edits between and during the runs, many in the same second; soft and true deletes; a licence switched on and
    off; nights on which the server ignores filterStatuses or pageSize.
    """
    chance = random.Random(11)
    box.settings.updated_after_supported = updated_after
    organizations = list(box.world.ids("organizations"))
    for number in range(1500):
        box.world.create("offices", name=f"Branch {number:05d}", organizationId=chance.choice(organizations))
    stopped, goes_on_from = 0, False
    for night in range(nights):
        meddled: set[str] = set()

        def during(report: TypeReport, meddled: set[str] = meddled, night: int = night) -> None:
            # A pass of one page, with none to follow, is exact as of that page: what changes later is tomorrow's.
            goes_on = night and (report.stage is Stage.CHANGES or report.type == "offices")
            if goes_on and report.type not in meddled and report.pages == 1:
                meddled.add(report.type)
                meddle(box, report.type, chance, deletions=chance.random() < 0.5)

        for kind in KINDS:
            meddle(box, kind, chance, deletions=True)
        if night % 9 == 5:
            box.settings.advanced_contacts = not box.settings.advanced_contacts
        blind = night % 7 == 3
        if blind:
            box.faults.on("drop_options", names=("filterStatuses",))
        elif night % 7 == 5:
            box.faults.on("ignore_page_size")
        clock.advance(chance.choice((3600, 86_400)))
        tombstones = await buried(path)
        resumed, goes_on_from = goes_on_from, False
        try:
            await sync(*KINDS, audit="always", on_progress=during)
        except SyncStoppedError as error:
            stopped, goes_on_from = stopped + 1, True
            if not blind:
                raise AssertionError("only a server that hides records may stop a run") from error
        box.faults.off()
        if resumed and not goes_on_from:
            # It went on from lists that the night before had read: what came after those is for the run behind it.
            await sync(*KINDS, audit="always")
        wrongly = {one for kind in KINDS for one in (await buried(path))[kind] - tombstones.get(kind, set())}
        there = {one for kind in KINDS for one in box.world.ids(kind)}
        assert not wrongly & there, "a tombstone of a record that is there"
        if not blind:
            for kind in KINDS:
                assert plain(held(path, kind)) == plain(await served(tonic, kind)), f"{kind} in night {night}"
    assert stopped, "some night must have been blind"


async def buried(path: Place) -> dict[str, set[str]]:
    if not is_made(path):
        return {}
    sql = "SELECT type, id FROM record WHERE reason IN ('deleted', 'out of sight')"
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for kind, one in rows(path, sql):
        found[kind].add(one)
    return found
