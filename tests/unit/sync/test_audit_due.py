"""When deletions are to be looked for, also where the clock of a server and the own one differ."""

from __future__ import annotations

import datetime

from tests.cases import for_each
from tonicdm.sync.facts import audit_due

NOW = 1_800_000_000.0
HOUR, DAY, WEEK = 3_600, 86_400, 7 * 86_400


@for_each(
    ("audit", "ago", "due"),
    [
        ("never", WEEK, False),
        ("always", 0, True),
        ("always", -10, True),
        ("always", -DAY, True),
        ("daily", HOUR, False),
        ("daily", -HOUR, False),
        ("daily", DAY, True),
        ("weekly", DAY, False),
        ("weekly", WEEK, True),
        ("weekly", -365 * DAY, True),
    ],
)
def test_an_audit_is_due_whichever_clock_is_ahead(audit: str, ago: float, due: bool) -> None:
    """The last one bears the server's time: a server ahead of us must not put the next one off."""
    audited = datetime.datetime.fromtimestamp(NOW - ago, datetime.UTC).isoformat()
    assert audit_due(audited, audit, NOW) is due


def test_what_was_never_audited_is_due() -> None:
    assert audit_due(None, "weekly", NOW)
