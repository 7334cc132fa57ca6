"""The state of a check: what is known of a server so far, and what that cost. No I/O."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from tonicdm.types import RateLimit

MAX_UNITS: Final = 20
"""Units that one run may cost at most: the price of one `complete` call."""

MAX_RECORDED_UNITS: Final = 200
"""Units that a recorded run may cost at most: 5 for a page of each list besides the questions."""

MIN_UNITS_LEFT: Final = 100
"""Units left in the window below which nothing is asked: others need them."""

Scalar = str | int | bool

_RESET_TOLERANCE_SECONDS: Final = 2.0
"""Seconds by which Resets of one window may differ: some servers print now + time to live, cut to whole seconds."""


@attrs.frozen(kw_only=True)
class Ask:
    """One call: always a GET."""

    path: str
    prefix: str | None = None
    """Path prefix to try; None for the one that is known."""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """Options sent as header lines."""
    query: Mapping[str, str] = attrs.field(factory=dict)
    """Options sent in the query string."""
    max_records: int = 1
    """Records that it can return, if the options that cut it down are read."""
    factor: int = 1
    """Units that it costs, or that each record costs, at most."""


@attrs.frozen(kw_only=True)
class Seen:
    """One response."""

    status: int
    """HTTP status; 0 when the connection was cut."""
    payload: Any = None
    """The JSON; None if there was none."""
    rate_limit: RateLimit | None = None
    date: float | None = None
    """The Date header, Unix seconds."""
    at: float = 0.0
    """Unix time by the local clock."""
    cost: int = 0
    """Units it cost at most, by the difference of two responses' Remaining."""
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """The response's headers."""
    empty: bool = False
    """Whether it had no body."""
    exact: bool = False
    """Whether it cost just that: both responses are of one window, or less was used in it than the call could cost."""

    @property
    def records(self) -> list[dict[str, Any]]:
        """The objects of the response."""
        items = self.payload if isinstance(self.payload, list) else [self.payload]
        return [item for item in items if isinstance(item, dict)]

    @property
    def ids(self) -> tuple[str, ...]:
        """The IDs of the response, as they came."""
        return tuple(str(item.get("id")) for item in self.records)

    @property
    def stubs(self) -> bool:
        """Whether the records have an ID and a timestamp at most, as `id_only` gives them."""
        return bool(self.records) and all(set(item) <= {"id", "datetimeUpdated"} for item in self.records)


@attrs.frozen(kw_only=True)
class State:
    """What is known so far; every response makes a new one."""

    allowance: int = MAX_UNITS
    answers: Mapping[str, Scalar] = attrs.field(factory=dict)
    """Settled points by name; where the sandbox has a setting for one, by the setting's."""
    unsettled: Mapping[str, str] = attrs.field(factory=dict)
    """Points that could not be settled, and why."""
    facts: Mapping[str, Any] = attrs.field(factory=dict)
    """What later questions need: IDs, timestamps."""
    asked: frozenset[str] = frozenset()
    """Names of the questions that were asked."""
    spent: int = 0
    """Units spent by this run, at most."""
    calls: int = 0
    last: RateLimit | None = None
    """The budget as of the latest answer, or as the ledger knows it before the first."""
    stopped: str | None = None
    """Why nothing more is asked."""

    @property
    def left(self) -> int:
        """Units that this run may still spend."""
        return self.allowance - self.spent

    def price(self, ask: Ask) -> int:
        """Return what a call can cost at most, by what is known."""
        return ask.factor if self.answers.get("cost_mode") == "call" else ask.factor * ask.max_records

    def learn(
        self,
        answers: Mapping[str, Scalar] | None = None,
        *,
        unsettled: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> State:
        """Return the state with something more known; what is settled is unsettled no longer."""
        settled = {**self.answers, **(answers or {})}
        open_points = {**self.unsettled, **(unsettled or {})}
        return attrs.evolve(
            self,
            answers=settled,
            unsettled={name: why for name, why in open_points.items() if name not in settled},
            facts={**self.facts, **facts},
        )

    def stop(self, why: str) -> State:
        """Return the state in which nothing more is asked."""
        return attrs.evolve(self, stopped=self.stopped or why)

    def charged(self, ask: Ask, seen: Seen) -> tuple[State, Seen]:
        """Account for a call, and return its response with its price.

        Where the price can't be told, the highest possible one is taken, so that the limit is kept for certain.
        """
        now, before = seen.rate_limit, self.last
        same = now is not None and before is not None and abs(now.reset - before.reset) <= _RESET_TOLERANCE_SECONDS
        if now is not None and before is not None and same:
            cost = max(0, now.used - before.used)
        else:
            # In a window that was open before, what others had used is in it; it can't be more than the highest price.
            cost = self.price(ask) if now is None else min(now.used, self.price(ask))
            if seen.stubs:
                # Stubs are id_only: 1 unit, or 1 for each (concepts page, "Rate Limiting").
                cost = min(cost, len(seen.records))
        seen = attrs.evolve(seen, cost=cost, exact=same or (now is not None and now.used == cost < self.price(ask)))
        state = attrs.evolve(self, spent=self.spent + cost, calls=self.calls + 1, last=now or before)
        if now is not None:
            began, _ = self.facts.get("resets", ((seen.at, now.reset),) * 2)
            state = state.learn(resets=(began, (seen.at, now.reset)))
        if now is not None and now.remaining < MIN_UNITS_LEFT:
            state = state.stop(
                f"only {now.remaining} units are left in this window, and fewer than {MIN_UNITS_LEFT} are not touched"
            )
        return state, seen


def moment(text: object) -> datetime.datetime | None:
    """Read a timestamp of a record; None if it is none."""
    try:
        parsed = datetime.datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.UTC)


def parse(body: bytes) -> Any:
    """Return the JSON of a response, None if it is none."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def stamps(records: Sequence[Mapping[str, Any]]) -> dict[str, datetime.datetime]:
    """Return the timestamps of records by ID, of those that have one."""
    times = {str(item.get("id")): moment(item.get("datetimeUpdated")) for item in records}
    return {identity: at for identity, at in times.items() if at is not None}
