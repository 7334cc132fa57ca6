"""A page asked for while the one before it is stored: the same calls and the same copy, whatever ends the run."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.engines import ENGINES, Place, place
from tonicdm import TonicDM, UnitBudget
from tonicdm.clock import VirtualClock
from tonicdm.errors import StoreError
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store, choose
from tonicdm.sync import TypeReport, synchronize
from tonicdm.sync.engine import _TypeRun

from .conftest import Sync, drive, held, plain, truth

PAGE = 60
KIND = "persons"
PATH = "/core/persons"

Hook = Callable[[int], Awaitable[None]]


@pytest.fixture(params=ENGINES)
def path(request: pytest.FixtureRequest) -> Place:
    """Where the store is, on each engine."""
    return place(request, request.param)


@pytest.fixture
async def tonic(box: Sandbox, clock: VirtualClock) -> AsyncIterator[TonicDM]:
    async with client(box, clock) as tonic:
        yield tonic


@contextlib.asynccontextmanager
async def client(box: Sandbox, clock: VirtualClock) -> AsyncGenerator[TonicDM]:
    """A client that knows nothing of the server yet, with small pages."""
    budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
    async with TonicDM(box.token, base_url=box.url, budget=budget) as tonic:
        tonic.caller.facts.page_limit = PAGE
        yield tonic
    await budget.close()


@pytest.fixture
def before_write(monkeypatch: pytest.MonkeyPatch) -> Callable[[Hook], None]:
    """Have something done before each result is stored; it is told the number of the write, from 1."""
    original = _TypeRun._write

    def use(hook: Hook) -> None:
        writes = 0

        async def write(self: _TypeRun, work: Any) -> Any:
            nonlocal writes
            writes += 1
            await hook(writes)
            return await original(self, work)

        monkeypatch.setattr(_TypeRun, "_write", write)

    return use


def calls(box: Sandbox) -> list[str]:
    """Return which pages of the type were asked for, in their order."""
    return [entry.options["pageNumber"] for entry in box.journal if entry.path == PATH]


async def asked(box: Sandbox, count: int) -> None:
    """Return once so many pages were asked for."""
    async with asyncio.timeout(60):
        while len(calls(box)) < count:
            await asyncio.sleep(0)


async def test_calls_and_copy_are_the_same_as_one_after_the_other(
    box: Sandbox, clock: VirtualClock, request: pytest.FixtureRequest
) -> None:
    """A first load, and a run over changes that also looks for what is gone; in files, as the plan knows no engine."""
    kinds = (KIND, "rfis", "certification_definitions", "files", "team")
    found: dict[bool, list[Any]] = {False: [], True: []}
    for ahead, runs in found.items():
        where = place(request, "sqlite", f"firm-{ahead}")
        for audit in ("never", "always"):
            begun = len(box.journal)
            async with client(box, clock) as tonic, Store(where) as store:
                work = synchronize(tonic, store, choose(list(kinds)), audit=audit, read_ahead=ahead)
                report = await drive(clock, work, tonic)
            made = Counter((entry.path, *sorted(entry.options.items())) for entry in list(box.journal)[begun:])
            runs.append((made, report.units, [held(where, kind) for kind in kinds]))
            assert held(where, KIND) == truth(box, KIND)
    assert found[True] == found[False]


async def test_the_next_page_is_asked_for_before_the_one_before_it_is_stored(
    sync: Sync, box: Sandbox, path: Place, before_write: Callable[[Hook], None]
) -> None:
    async def hold_up(number: int) -> None:
        if number == 1:
            assert held(path, KIND) == {}
            await asked(box, 2)

    before_write(hold_up)
    await sync(KIND, read_ahead=True)
    assert held(path, KIND) == truth(box, KIND)


async def test_by_default_a_page_is_stored_first(
    sync: Sync, box: Sandbox, path: Place, before_write: Callable[[Hook], None]
) -> None:
    async def look(number: int) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(calls(box)) <= number

    before_write(look)
    await sync(KIND)
    assert held(path, KIND) == truth(box, KIND)


@pytest.mark.parametrize("fails_at", [1, 3])
async def test_a_write_that_fails_ends_the_run_and_costs_one_call_more(
    sync: Sync, box: Sandbox, path: Place, before_write: Callable[[Hook], None], fails_at: int
) -> None:
    """As if the process had been killed between the answer of the next call and the write."""

    async def fail(number: int) -> None:
        if number == fails_at:
            await asked(box, fails_at + 1)
            raise StoreError("firm", "could not be written: the disk is full")

    before_write(fail)
    with pytest.raises(StoreError, match="the disk is full"):
        await sync(KIND, read_ahead=True)
    assert len(calls(box)) == fails_at + 1
    assert len(held(path, KIND)) == PAGE * (fails_at - 1)
    await sync(KIND, read_ahead=True)
    assert held(path, KIND) == truth(box, KIND)
    # The page that was not stored is asked for again, and so is the one behind it.
    assert calls(box)[fails_at + 1 : fails_at + 3] == [str(fails_at), str(fails_at + 1)]


async def test_an_error_of_the_next_call_leaves_after_the_page_before_it_is_stored(
    sync: Sync, box: Sandbox, path: Place, before_write: Callable[[Hook], None]
) -> None:
    async def hold_up(number: int) -> None:
        if number == 1:
            box.faults.on("forbidden", path=PATH)
            await asked(box, 2)
            for _ in range(50):  # the error is there before the page is stored
                await asyncio.sleep(0)

    before_write(hold_up)
    report = await sync(KIND, read_ahead=True)
    assert report.types[0].refused is not None
    assert len(held(path, KIND)) == PAGE
    box.faults.off("forbidden")
    await sync(KIND, read_ahead=True)
    assert held(path, KIND) == truth(box, KIND)
    assert calls(box)[1:3] == ["2", "2"], "it goes on behind the page that was stored"


async def test_a_cancelled_run_ends_when_what_it_had_in_hand_is_stored(
    tonic: TonicDM, box: Sandbox, path: Place, clock: VirtualClock, before_write: Callable[[Hook], None]
) -> None:
    """Ctrl-C does no more than that."""
    async with Store(path) as store:
        run = asyncio.ensure_future(synchronize(tonic, store, choose([KIND]), read_ahead=True))

        async def cancel(number: int) -> None:
            if number == 2:
                await asked(box, 3)
                run.cancel()
                for _ in range(50):
                    await asyncio.sleep(0)
                assert not run.done()

        before_write(cancel)
        with pytest.raises(asyncio.CancelledError):
            await drive(clock, run, tonic)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not [task for task in others if "stored_beside" in repr(task) or "perform" in repr(task)]
    assert len(held(path, KIND)) == 2 * PAGE


@pytest.mark.parametrize("after", [1, 4])
async def test_a_run_cut_behind_any_page_goes_on_and_ends_exact(
    tonic: TonicDM, box: Sandbox, path: Place, clock: VirtualClock, after: int
) -> None:
    seen = 0

    def interrupt(report: TypeReport) -> None:
        nonlocal seen
        seen += 1
        if seen == after and not report.done:
            raise KeyError("an interruption")

    async with Store(path) as store:
        with contextlib.suppress(KeyError):
            await drive(clock, synchronize(tonic, store, choose([KIND]), read_ahead=True, on_progress=interrupt), tonic)
        first = len(calls(box))
        await drive(clock, synchronize(tonic, store, choose([KIND]), read_ahead=True), tonic)
    assert plain(held(path, KIND)) == plain(truth(box, KIND))
    pages = -(-box.world.count(KIND) // PAGE)
    assert first <= after + 1
    assert len(calls(box)) <= pages + 2, "a look at the end, and what changed meanwhile; no page comes twice"


async def test_a_page_that_is_under_way_when_the_run_is_to_end_is_stored_too(
    tonic: TonicDM, box: Sandbox, path: Place, clock: VirtualClock, before_write: Callable[[Hook], None]
) -> None:
    """Whoever ends the run behind a stored page: the one in hand is paid for."""

    async def hold_up(number: int) -> None:
        if number == 1:
            await asked(box, 2)

    def end(report: TypeReport) -> None:
        raise KeyError("another one's turn")

    before_write(hold_up)
    async with Store(path) as store:
        with pytest.raises(KeyError, match="another one's turn"):
            await drive(clock, synchronize(tonic, store, choose([KIND]), read_ahead=True, on_progress=end), tonic)
    assert calls(box) == ["1", "2"]
    assert len(held(path, KIND)) == 2 * PAGE


async def test_a_run_that_is_done_with_the_page_under_way_is_done(
    tonic: TonicDM, box: Sandbox, path: Place, clock: VirtualClock
) -> None:
    def end(report: TypeReport) -> None:
        if not report.done:
            raise KeyError("another one's turn")

    tonic.caller.facts.page_limit = 1000
    count = box.world.count(KIND)
    async with Store(path) as store:
        with contextlib.suppress(KeyError):
            await drive(clock, synchronize(tonic, store, choose([KIND]), read_ahead=True, on_progress=end), tonic)
        assert len(held(path, KIND)) == count
