"""A storm worked off: every accepted event takes effect once, and for few units."""

from __future__ import annotations

import pytest

from .storming import storm


@pytest.mark.realtime
@pytest.mark.parametrize(
    ("events", "records", "updated_after"),
    [
        pytest.param(300, 3_000, True, id="updated_after"),
        pytest.param(300, 3_000, False, id="ids only"),
        pytest.param(1_000, 10_000, True, id="1,000, updated_after", marks=pytest.mark.thorough),
        pytest.param(1_000, 10_000, False, id="1,000, ids only", marks=pytest.mark.thorough),
    ],
)
async def test_every_accepted_event_of_a_storm_takes_effect_once(tmp_path, events, records, updated_after):
    """Within 3 s, 30 % twice, shuffled; the budget empty; the receiver killed twice and the worker once."""
    found = await storm(tmp_path, events=events, seconds=3, records=records, pool=200, updated_after=updated_after)
    assert found.killed == {"receiver": 2, "worker": 1}
    assert found.accepted == found.events == events
    assert found.stored == found.kept, "no accepted event is lost"
    assert found.duplicates >= events // 5
    assert set(found.effects.values()) == {1}, "none takes effect twice"
    assert {event for event, _ in found.effects} == found.kept, "each takes effect"
    assert (found.states, found.wrong) == ({"done": events}, 0)
    # The call that the worker had under way when it was killed is paid for, and lost.
    assert found.units <= (100 if updated_after else found.bound + 5)
