"""Rules of the inbox: states, attempts, order and retention, without a clock and without I/O.

The unit of work is a job: one event for one record. An event that names five records makes five, each with a state
of its own, so that one record that fails holds up neither the other four nor anybody else's.

    received -> leased -> done
       ^          |
       +----------+-> dead
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

import attrs

from tonicdm.store.rows import updated_of

_POSITIVE: Final = attrs.validators.gt(0.0)
_NOT_NEGATIVE: Final = attrs.validators.ge(0.0)


class State(enum.StrEnum):
    """Where a job stands."""

    RECEIVED = "received"
    """Stored, and not begun; or failed, and to be tried again when it is due."""
    LEASED = "leased"
    """A worker has it, until its lease ends."""
    DONE = "done"
    """Its effect is in the store, and its handlers have returned."""
    DEAD = "dead"
    """A dead letter: given up after its last attempt. It stays until it is replayed or purged."""


OPEN: Final = (State.RECEIVED, State.LEASED)
"""States of a job that has still to take effect."""


@attrs.frozen(kw_only=True)
class InboxRules:
    """How often a job is tried, how long a lease holds, and what is kept."""

    attempts: int = attrs.field(default=8, validator=attrs.validators.ge(1))
    """How often a job is tried before it is a dead letter."""
    first_retry_delay: float = attrs.field(default=10.0, validator=_POSITIVE)
    """Seconds before the second attempt."""
    factor: float = attrs.field(default=3.0, validator=attrs.validators.ge(1.0))
    """By how much each further delay is longer than the one before."""
    max_retry_delay: float = attrs.field(default=3600.0, validator=_POSITIVE)
    """Seconds that a delay never passes."""
    jitter: float = attrs.field(default=0.5, validator=attrs.validators.and_(_NOT_NEGATIVE, attrs.validators.le(1.0)))
    """Share of a delay that is left to chance, so that what failed together does not come back together."""
    lease: float = attrs.field(default=60.0, validator=_POSITIVE)
    """Seconds after which the jobs of a worker that shows no sign of life are given to another."""
    keep_bodies: float = attrs.field(default=7 * 86_400.0, validator=_NOT_NEGATIVE)
    """Seconds for which the bodies of done events are kept; they may hold personal data."""
    keep_keys: float = attrs.field(default=90 * 86_400.0, validator=_NOT_NEGATIVE)
    """Seconds for which done events are known at all, so that a late duplicate is recognised as one."""


@attrs.frozen(kw_only=True)
class WorkerRules:
    """How long a worker waits for more events, how it fetches and hands on."""

    batch_window: float = attrs.field(default=2.0, validator=_NOT_NEGATIVE)
    """Seconds without a further event of a type after which its records are fetched: a call costs the same for 240."""
    max_delay: float = attrs.field(default=60.0, validator=_NOT_NEGATIVE)
    """Seconds after which they are fetched though events keep coming."""
    units_wait: float = attrs.field(default=5.0, validator=_NOT_NEGATIVE)
    """Seconds that a fetch may wait for units. A longer wait is made without a call in hand, so that what arrives
    meanwhile can join it."""
    concurrency: int = attrs.field(default=8, validator=attrs.validators.ge(1))
    """Handlers at work at once, each for another record."""
    handler_timeout: float = attrs.field(default=300.0, validator=_POSITIVE)
    """Seconds after which a handler counts as failed."""
    batch: int = attrs.field(default=500, validator=attrs.validators.ge(1))
    """Jobs leased at once for handlers."""
    poll: float = attrs.field(default=1.0, validator=_POSITIVE)
    """Seconds between two looks for events that another process stored."""
    grace: float = attrs.field(default=30.0, validator=_NOT_NEGATIVE)
    """Seconds that handlers have to return when the worker is stopped."""


# --- attempts -------------------------------------------------------------------------------------------------------


def delay(attempts: int, rules: InboxRules, chance: float) -> float:
    """Return the seconds to wait after *attempts* failures.

    Args:
        attempts: How often it was tried, at least once.
        rules: The settings.
        chance: A number from [0, 1).
    """
    # The exponent is bounded because a float is; the longest delay is reached long before.
    whole = min(rules.max_retry_delay, rules.first_retry_delay * rules.factor ** min(attempts - 1, 64))
    return whole * (1 - rules.jitter * chance)


def after_failure(attempts: int, now: float, rules: InboxRules, chance: float) -> tuple[State, float]:
    """Return the state of a job that failed *attempts* times, and when it is due again."""
    if attempts >= rules.attempts:
        return State.DEAD, now
    return State.RECEIVED, now + delay(attempts, rules, chance)


# --- when to fetch --------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Waiting:
    """The records of one type that wait to be fetched."""

    record_type: str
    ids: int
    """How many distinct ones."""
    oldest: float
    """When the first of their events arrived, Unix time."""
    newest: float
    """When the last of them arrived, Unix time."""
    stamp: str | None
    """The earliest update that any signed event of them tells of, ISO 8601 in UTC."""


def is_ripe(waiting: Waiting, now: float, rules: WorkerRules) -> bool:
    """Tell whether to fetch now what waits, or to wait for more of the storm.

    A time in the future comes from a clock that was set back: then nothing is gained by waiting for it.
    """
    still_coming = 0 <= now - waiting.newest < rules.batch_window
    return not (still_coming and 0 <= now - waiting.oldest < rules.max_delay)


def changed_since(ids: int, runs: Sequence[tuple[float, int]], elapsed: float, overlap: float) -> int:
    """Estimate how many records of a type one ``updated_after`` read from the oldest event on would show.

    At least those that events name; more if the type's history says that it changes faster than that; and those that
    changed in the overlap before.

    Args:
        ids: Distinct records that the events name.
        runs: Earlier syncs as (Unix time, records found changed).
        elapsed: Seconds since the oldest event.
        overlap: Seconds before it that are read too.
    """
    span = max((time for time, _ in runs), default=0.0) - min((time for time, _ in runs), default=0.0)
    # What the first run found changed before the time that is looked at.
    first = min(runs, default=(0.0, 0))[1]
    rate = (sum(changed for _, changed in runs) - first) / span if span > 0 else 0.0
    return max(ids, math.ceil(rate * elapsed)) + math.ceil(rate * overlap)


# --- what to believe ------------------------------------------------------------------------------------------------


class Verdict(enum.StrEnum):
    """What an event's own content is good for."""

    CURRENT = "current"
    """The store has this version or a newer one: nothing need be fetched."""
    APPLY = "apply"
    """The record in the event is confirmed, whole and newer: it is written as it came."""
    FETCH = "fetch"
    """A hint: the record has to be fetched before anything is believed."""


def judge(
    carried: Mapping[str, Any] | None,
    held: Mapping[str, Any] | None,
    held_updated: str | None,
    *,
    gone: bool,
    stamped: bool,
    trusted: bool,
    fields: AbstractSet[str],
) -> Verdict:
    """Decide what to do with the record that an event carries.

    Equal timestamps prove nothing by themselves: where the server counts whole seconds a record may have changed twice
    in one. Only the same content is the same version; other content with the same time has to be fetched.

    Args:
        carried: The record in the event; None where the body is gone.
        held: The record in the store, if there is one.
        held_updated: Its timestamp as the store keeps it.
        gone: Whether the server was found not to return it. A late event must not bring it back to life.
        stamped: Whether timestamps of this type tell of changes.
        trusted: Whether the event is signed and signatures are trusted.
        fields: Wire names that a whole record has.
    """
    stamp = updated_of(carried) if carried is not None and stamped else None
    if carried is None or stamp is None:
        return Verdict.FETCH
    if held is not None and held_updated is not None and held_updated >= stamp:
        return Verdict.CURRENT if held_updated > stamp or held == carried else Verdict.FETCH
    whole = bool(fields) and fields <= carried.keys()
    newer = held is None or held_updated is not None
    return Verdict.APPLY if trusted and whole and newer and not gone else Verdict.FETCH
