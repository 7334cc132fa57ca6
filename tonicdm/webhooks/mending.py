"""Statements that mend the times of the inbox after a clock was set, to be run inside its transactions."""

from __future__ import annotations

from typing import Final

from tonicdm.store.database import Database
from tonicdm.webhooks.rules import InboxRules, delay

LEASES_AHEAD: Final = 10
"""So many leases ahead no lease ends, also where the hosts have different rules: then the clock was set back."""
MAX_DELAYS: Final = 16
"""Attempts whose delays are told apart here."""
AHEAD_SECONDS: Final = 5.0
"""Seconds that a time may lie ahead of what was expected without the clock having been set back."""


def mend_times(db: Database, now: float, rules: InboxRules) -> None:
    """Bring the times of what waits within reach that a clock which was set back has left far ahead.

    A job that was never tried is due since it came, and one that failed waits for its delay, whatever the clock showed
    then. When an event came tells how old its change is at least, and from where on changes have to be looked for.

    Args:
        db: The store.
        now: Unix time.
        rules: The settings.
    """
    delays = [delay(attempts, rules, 0.0) for attempts in range(1, min(rules.attempts, MAX_DELAYS))]
    cases = " ".join(f"WHEN {attempts} THEN {longest!r}" for attempts, longest in enumerate([0.0, *delays]))
    longest = f"CASE attempts {cases} ELSE {rules.max_retry_delay!r} END"
    db.execute(
        f"UPDATE job SET due = ? + {longest} WHERE number IN (SELECT number FROM job WHERE state = 'received' "  # noqa: S608
        f"AND due > ? AND due > ? + {longest} {db.dialect.skip_locked('job')})",
        (now, now + AHEAD_SECONDS, now + AHEAD_SECONDS),
    )
    back = min(0.0, db.moved(rules.lease))
    db.execute(
        "UPDATE event SET received = CASE WHEN received + ? > ? THEN ? ELSE received + ? END "  # noqa: S608
        "WHERE number IN (SELECT number FROM event WHERE received > ? AND EXISTS (SELECT 1 FROM job "
        "WHERE job.event = event.number AND job.state IN ('received', 'leased')) "
        f"{db.dialect.skip_locked('event')})",
        (back, now, now, back, now + AHEAD_SECONDS),
    )


def mend_leases(db: Database, now: float, rules: InboxRules) -> None:
    """Let leases end as `tonicdm.clock.lease_end` says where the clock was set.

    Args:
        db: The store, with the lock of leases.
        now: Unix time.
        rules: The settings.
    """
    forward = max(0.0, db.moved(rules.lease))
    db.execute(
        "UPDATE job SET lease_until = ? WHERE number IN (SELECT number FROM job WHERE state = 'leased' "  # noqa: S608
        f"AND (lease_until > ? OR lease_until > ? AND lease_until <= ?) {db.dialect.skip_locked('job')})",
        (now + rules.lease, now + LEASES_AHEAD * rules.lease, now - forward, now),
    )
