"""What webhooks missed is found by a sync, counted, and told to the handlers after all."""

from __future__ import annotations

import asyncio

import pytest

from tonicdm.sandbox import Sandbox
from tonicdm.store import choose
from tonicdm.webhooks import repair
from tonicdm.webhooks.gaps import keep_repairing


@pytest.fixture
async def box(clock):
    async with Sandbox(records=3_000, seed=5, clock=clock) as box:
        yield box


OFFICES = choose(["offices"])


async def changed(desk, count, *, told, thin=True):
    """Change offices, and let events tell of the first *told* of them."""
    ids = desk.ids("offices", count)
    desk.clock.advance(1000)
    for number, one in enumerate(ids):
        desk.box.world.update("offices", one, name=f"office {desk.number} {number}")
        if number < told:
            await desk.inbox.receive([desk.event("offices", one, full=None if thin else True)])


async def test_a_first_load_misses_nothing_and_sets_the_mark(desk):
    report = await repair(desk.tonic, desk.inbox, OFFICES)
    assert (report.changed, report.missed) == (0, 0)
    assert report.run.changed > 0


@pytest.mark.parametrize("thin", [True, False], ids=["by arrival", "by timestamp"])
@pytest.mark.parametrize("worked_off", [True, False])
async def test_what_no_event_named_is_counted(desk, worked_off, thin):
    """12 change, events tell of 9; whether these were worked off before the sync or not."""
    await repair(desk.tonic, desk.inbox, OFFICES)
    await changed(desk, 12, told=9, thin=thin)
    if worked_off:
        await desk.drain()
    desk.clock.advance(1000)
    report = await repair(desk.tonic, desk.inbox, OFFICES)
    assert [(gap.changed, gap.missed, gap.recent) for gap in report.types] == [(12, 3, 0)]
    (gap,) = (await desk.inbox.stats()).gaps
    assert (gap["changed"], gap["missed"]) == (12, 3)
    assert (await repair(desk.tonic, desk.inbox, OFFICES)).changed == 0


async def test_an_old_event_does_not_count_for_a_new_change(desk):
    await repair(desk.tonic, desk.inbox, OFFICES)
    await changed(desk, 5, told=5)
    await desk.drain()
    await changed(desk, 5, told=0)
    desk.clock.advance(1000)
    assert (await repair(desk.tonic, desk.inbox, OFFICES)).missed == 5


async def test_what_changed_a_moment_ago_may_still_be_told_and_is_looked_at_again(desk):
    await repair(desk.tonic, desk.inbox, OFFICES)
    await changed(desk, 6, told=0)
    desk.clock.advance(10)
    report = await repair(desk.tonic, desk.inbox, OFFICES)
    assert [(gap.missed, gap.recent) for gap in report.types] == [(0, 6)]
    await desk.inbox.receive([desk.event("offices", one) for one in desk.ids("offices", 4)])
    desk.clock.advance(1000)
    report = await repair(desk.tonic, desk.inbox, OFFICES)
    assert [(gap.missed, gap.recent) for gap in report.types] == [(2, 0)]


async def test_handlers_hear_of_what_was_missed_and_nothing_is_fetched_for_it(desk):
    heard = []

    @desk.inbox.on("offices.*")
    async def handler(delivery):
        heard.append((delivery.id, delivery.type, delivery.gone))

    await repair(desk.tonic, desk.inbox, OFFICES)
    await changed(desk, 3, told=0)
    gone = desk.ids("offices", 4)[3]
    desk.box.world.delete("offices", gone)
    desk.clock.advance(1000)
    report = await repair(desk.tonic, desk.inbox, OFFICES, audit="always")
    desk.clock.advance(1000)
    # A tombstone bears the time at which it was made, so that it is looked at again.
    report = await repair(desk.tonic, desk.inbox, OFFICES)
    assert report.missed == 1
    _, units = await desk.drain()
    assert units == 0
    expected = [(one, "offices.updated", False) for one in desk.ids("offices", 3)]
    assert sorted(heard) == sorted([*expected, (gone, "offices.deleted", True)])
    await desk.drain()
    assert len(heard) == 4


async def test_repairs_go_on_at_their_interval_and_survive_an_error(desk, monkeypatch):
    """The first fails because another sync is at work; the one an hour later finds what was missed."""
    await repair(desk.tonic, desk.inbox, OFFICES)
    await desk.store.set_meta("sync", f"1 {desk.clock.now() + 100}")
    stop = asyncio.Event()
    work = asyncio.create_task(keep_repairing(desk.tonic, desk.inbox, OFFICES, 3600.0, stop))

    async def noted() -> bool:
        return await desk.store.meta("next_repair") is not None

    await desk.until(noted)
    await changed(desk, 3, told=0)

    async def found() -> bool:
        return any(gap["missed"] == 3 for gap in (await desk.inbox.stats()).gaps)

    await desk.until(found, step=30)
    stop.set()
    await desk.until(work.done)
    assert float(await desk.store.meta("next_repair")) > desk.clock.now()
