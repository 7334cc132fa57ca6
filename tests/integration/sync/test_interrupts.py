"""Every step may be the last before a crash: the next run goes on behind it, ends exact, and pays for nothing twice."""

from __future__ import annotations

import pathlib
import shutil
from typing import Any

import pytest

from tonicdm import TonicDM
from tonicdm.clock import VirtualClock
from tonicdm.sandbox import Sandbox
from tonicdm.store import TYPES, Store, choose
from tonicdm.sync import SyncOptions, TypeReport, estimate_run, synchronize

from .conftest import drive, held, plain, truth

PAGE = 150
"""Records of a page: the same as a thousand, for a smaller firm."""

FEW = ("persons", "rfis", "files", "certification_definitions", "team")
"""A type of each sort: licensed and paged; without a price; without pages; few; listed by its parents."""
MUTABLE = {"persons": "title", "offices": "address", "projects": "projectNameKnownAs", "brands": "nameShort"}


class _Interrupted(Exception):  # noqa: N818 - a signal
    """Ends a run, as Ctrl-C does."""


@pytest.fixture
def small(tonic: TonicDM) -> TonicDM:
    tonic.caller.facts.page_limit = PAGE
    return tonic


async def run(tonic: TonicDM, file: pathlib.Path, kind: str, *, after: int | None = None, **options: Any) -> bool:
    """Run a sync of one type; tell whether it came to its end before so many steps were stored."""
    seen = 0

    def note_progress(report: TypeReport) -> None:
        nonlocal seen
        seen += 1
        if seen == after and not report.done:
            raise _Interrupted

    async with Store(file) as store:
        work = synchronize(tonic, store, choose([kind]), on_progress=note_progress, **options)
        try:
            await drive(tonic.budget.clock, work, tonic)  # type: ignore[arg-type]
        except _Interrupted:
            return False
    return True


async def most(tonic: TonicDM, file: pathlib.Path, kind: str, audit: str, count: int) -> int:
    async with Store(file) as store:
        plan = await estimate_run(tonic, store, choose([kind]), SyncOptions(audit=audit, counts={kind: count}))
    assert plan.max_units is not None
    return plan.max_units


async def check(tonic: TonicDM, box: Sandbox, kind: str, before: pathlib.Path | None, where: pathlib.Path) -> int:
    """Interrupt a run after each of its steps, from the same file each time; return how many those were."""
    audit = "never" if before is None else "always"
    expected: dict[str, Any] | None = None
    # A list for each of a hundred projects is the same step a hundred times.
    for after in range(1, 200) if TYPES[kind].parents is None else (1, 2, 30, 10_000):
        file = where / f"{after}.db"
        if before is not None:
            shutil.copy(before, file)
        bound = await most(tonic, file, kind, audit, box.world.count(kind)) if kind != "team" else None
        spent = box.units()
        ended = await run(tonic, file, kind, after=after, audit=audit)
        if not ended:
            assert await run(tonic, file, kind, audit=audit), "nothing interrupts the second run"
        found = held(file, kind)
        expected = expected if expected is not None else found
        assert found == expected, f"interrupted after step {after}"
        if bound is not None:
            assert box.units() - spent <= bound, f"interrupted after step {after}"
        file.unlink()
        if ended:
            return after
    raise AssertionError("the run has no end")


async def interrupt_everywhere(kind: str, box: Sandbox, tonic: TonicDM, clock: VirtualClock, tmp: pathlib.Path) -> None:
    """A first load, and a run that finds changes and deletions and audits, each cut after every step."""
    parents = TYPES[kind].parents
    if parents is not None:
        base = tmp / "parents.db"
        assert await run(tonic, base, parents)
        for target in (tmp / "load.db", tmp / "base.db"):
            shutil.copy(base, target)
        await check(tonic, box, kind, tmp / "load.db", tmp)
    else:
        await check(tonic, box, kind, None, tmp)
    base = tmp / "base.db"
    assert await run(tonic, base, kind)
    clock.advance(3600)
    if kind in MUTABLE:
        ids = list(box.world.ids(kind))
        for one in ids[::3]:
            box.world.update(kind, one, **{MUTABLE[kind]: "Changed"})
        clock.advance(600)
    steps = await check(tonic, box, kind, base, tmp)
    assert steps >= 1
    if kind in MUTABLE:
        assert await run(tonic, base, kind, audit="always")
        assert plain(held(base, kind)) == plain(truth(box, kind))


@pytest.mark.parametrize("kind", FEW)
async def test_a_run_cut_after_any_of_its_steps_ends_exact_and_within_its_plan(
    kind: str, box: Sandbox, small: TonicDM, clock: VirtualClock, tmp_path: pathlib.Path
) -> None:
    await interrupt_everywhere(kind, box, small, clock, tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [name for name, one in TYPES.items() if one.default and name not in FEW])
async def test_so_does_a_run_of_every_other_type(
    kind: str, box: Sandbox, small: TonicDM, clock: VirtualClock, tmp_path: pathlib.Path
) -> None:
    await interrupt_everywhere(kind, box, small, clock, tmp_path)
