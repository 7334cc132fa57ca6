"""A refusal is told once, a flood of them as a number."""

from __future__ import annotations

from tonicdm.webhooks.refusals import LOG_INTERVAL_SECONDS, MAX_PEERS, Refusals, Refused


def refusal(reason="no webhook-id header", *, size=7, detail=""):
    made = Refused(401, reason, detail=detail)
    made.size = size
    return made


def test_the_first_of_a_kind_is_told_the_next_only_after_the_interval_with_their_number() -> None:
    refusals = Refusals()
    assert refusals.note(refusal(), peer="a", now=0.0) == "refused with 401: no webhook-id header (7 bytes)"
    for number in range(500):
        assert refusals.note(refusal(), peer=f"peer {number % 3}", now=number / 10) is None
    line = refusals.note(refusal(size=9000), peer="d", now=LOG_INTERVAL_SECONDS)
    assert line == ("refused with 401: no webhook-id header (9,000 bytes; 501 such from 4 peers since the last line)")
    assert refusals.counts == {401: 502}


def test_each_reason_has_lines_of_its_own() -> None:
    refusals = Refusals()
    assert refusals.note(refusal("a"), peer="", now=0.0)
    assert refusals.note(refusal("b", detail="why"), peer="", now=0.0) == "refused with 401: b (7 bytes; why)"


def test_a_flood_from_everywhere_does_not_grow_what_is_remembered() -> None:
    refusals = Refusals()
    for number in range(3 * MAX_PEERS):
        refusals.note(refusal(), peer=str(number), now=0.0)
    line = refusals.note(refusal(), peer="x", now=LOG_INTERVAL_SECONDS)
    assert line is not None
    assert "3,000 such from 1,000 or more peers" in line
    assert sum(len(series.peers) for series in refusals._series.values()) <= MAX_PEERS


def test_no_line_names_a_peer() -> None:
    assert "10.0.0.7" not in str(Refusals().note(refusal(), peer="10.0.0.7", now=0.0))
