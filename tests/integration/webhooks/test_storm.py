"""A storm worked off: every accepted event takes effect once, and for few units."""

from __future__ import annotations

import pytest

from tests.engines import ENGINES, place

from .storming import storm

STORMS = [
    # One engine each, as a storm is long; both of them with both servers are among the thorough tests.
    pytest.param("sqlite", 300, 3_000, True, id="sqlite, updated_after"),
    pytest.param("postgresql", 300, 3_000, False, id="postgresql, ids only"),
    *(
        pytest.param(engine, 1_000, 10_000, heeded, id=f"{engine}, 1,000, {name}", marks=pytest.mark.thorough)
        for engine in ENGINES
        for heeded, name in ((True, "updated_after"), (False, "ids only"))
    ),
]


@pytest.mark.realtime
@pytest.mark.parametrize(("engine", "events", "records", "updated_after"), STORMS)
async def test_every_accepted_event_of_a_storm_takes_effect_once(
    engine, events, records, updated_after, request, tmp_path
):
    """Within 3 s, 30 % twice, shuffled; the budget empty; the receiver killed twice and the worker once."""
    where = place(request, engine)
    found = await storm(
        tmp_path, events=events, seconds=3, records=records, pool=200, updated_after=updated_after, where=where
    )
    assert found.killed == {"receiver": 2, "worker": 1}
    assert found.accepted == found.events == events
    assert found.stored == found.kept, "no accepted event is lost"
    assert found.duplicates >= events // 5
    assert set(found.effects.values()) == {1}, "none takes effect twice"
    assert {event for event, _ in found.effects} == found.kept, "each takes effect"
    assert (found.states, found.wrong) == ({"done": events}, 0)
    # The call that the worker had under way when it was killed is paid for, and lost.
    assert found.units <= (100 if updated_after else found.bound + 5)
