"""Which of two versions of a record stays; the property over whole histories is in tests/property/store."""

from __future__ import annotations

from tests.cases import for_each
from tonicdm.store.versions import UNORDERED, Origin, ReadStamp, Verdict, Version, as_stored, judge

OLD, NEW = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"
LIST, BY_ID, EVENT = Origin.LIST, Origin.BY_ID, Origin.EVENT
TAKE, KEEP, DISSENT, WENT_BACK = Verdict.TAKE, Verdict.KEEP, Verdict.DISSENT, Verdict.WENT_BACK


def version(
    updated: str | None, number: int, at: float = 0.0, origin: Origin = LIST, dissent: str | None = None
) -> Version:
    return Version(updated, ReadStamp(number, at), origin, dissent)


@for_each(
    ("held", "coming", "verdict"),
    [
        (None, version(OLD, 1), TAKE),
        (version(NEW, 0), version(OLD, 0, origin=EVENT), KEEP),
        # A later call that shows the same, something newer, or no time at all.
        (version(OLD, 1), version(OLD, 2), TAKE),
        (version(OLD, 1), version(NEW, 2), TAKE),
        (version(NEW, 1), version(None, 2), TAKE),
        # A later call that shows something older: a server may be behind for a while, and not for longer.
        (version(NEW, 1), version(OLD, 2, at=30.0), DISSENT),
        (version(NEW, 1), version(OLD, 2, at=90.0), WENT_BACK),
        (version(NEW, 1), version(OLD, 2, at=30.0, origin=BY_ID), DISSENT),
        (version(NEW, 1, dissent=OLD), version(OLD, 2, at=30.0, origin=BY_ID), WENT_BACK),
        (version(NEW, 1, dissent=OLD), version(OLD, 2, at=30.0), DISSENT),
        # An event that comes later may have been delivered late.
        (version(NEW, 1), version(OLD, 2, at=90.0, origin=EVENT), KEEP),
        (version(OLD, 1), version(NEW, 2, origin=EVENT), TAKE),
        # A call that left before the one that is stored.
        (version(NEW, 2), version(OLD, 1), KEEP),
        (version(OLD, 2), version(OLD, 1), KEEP),
        (version(OLD, 2, at=30.0), version(NEW, 1), TAKE),
        (version(OLD, 2, at=90.0), version(NEW, 1), KEEP),
        (version(OLD, 2, at=90.0, origin=EVENT), version(NEW, 1), TAKE),
    ],
)
def test_the_later_version_stays_in_whichever_order_they_arrive(
    held: Version | None, coming: Version, verdict: Verdict
) -> None:
    assert judge(held, coming) is verdict


def test_every_read_is_later_than_what_an_earlier_version_has_stored() -> None:
    assert judge(Version(OLD, UNORDERED), version(OLD, 1)) is TAKE


def test_an_event_that_tells_what_a_read_has_shown_leaves_the_read_counting() -> None:
    """It may be late: that the version was current then is what the read has shown."""
    read, told = version(NEW, 5, at=50.0, origin=BY_ID), version(NEW, 9, at=90.0, origin=EVENT)
    assert as_stored(read, told) == version(NEW, 5, at=50.0, origin=BY_ID)
    for held in (None, version(OLD, 5), version(None, 5)):
        assert as_stored(held, told) == told
    assert as_stored(read, version(NEW, 9)) == version(NEW, 9)
