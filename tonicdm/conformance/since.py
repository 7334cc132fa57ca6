"""Questions about updated_after, which only the concepts page names. No I/O."""

from __future__ import annotations

import datetime
from typing import Final

from tonicdm.conformance.reaching import listing
from tonicdm.conformance.state import Ask, Seen, State

_FUTURE: Final = "2100-01-01T00:00:00Z"


def ask_future(state: State) -> Ask | None:
    """Ask for what changes long after today: nothing, unless the option is ignored."""
    if not state.facts.get("first") or "updated_after_supported" in state.answers:
        return None
    return listing(state, 2, pageSize="2", updated_after=_FUTURE)


def learn_future(state: State, seen: Seen) -> State:
    """Learn whether updated_after does anything."""
    if seen.status != 200:
        return state.learn(unsettled={"updated_after_supported": f"it was answered with {seen.status}"})
    supported = not seen.records
    if not supported:
        state = state.learn(unsettled={"updated_after_inclusive": "updated_after has no effect"})
    return state.learn({"updated_after_supported": supported})


def ask_same(state: State) -> Ask | None:
    """Ask for what changed after the very time of a record of the first page.

    A filter only takes records away, so in the same order that record is still among the first two, if it is in.
    """
    if not state.answers.get("updated_after_supported") or "updated_after_inclusive" in state.answers:
        return None
    stamps: dict[str, datetime.datetime] = state.facts.get("stamps", {})
    if not stamps:
        return None
    _, at = _witness(state)
    text = at.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
    return listing(state, 2, pageSize="2", sortBy="name", sortDirection="asc", updated_after=text)


def learn_same(state: State, seen: Seen) -> State:
    """Learn whether that record is among them."""
    if seen.status != 200:
        return state.learn(unsettled={"updated_after_inclusive": f"it was answered with {seen.status}"})
    return state.learn({"updated_after_inclusive": _witness(state)[0] in seen.ids})


def _witness(state: State) -> tuple[str, datetime.datetime]:
    stamps: dict[str, datetime.datetime] = state.facts["stamps"]
    return next(iter(stamps.items()))
