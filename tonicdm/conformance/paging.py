"""Questions about lists: pages, their order, updated_after, and how many IDs fit into one call. No I/O."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Final

from tonicdm.conformance.reaching import listing
from tonicdm.conformance.state import Ask, Seen, State, stamps

_PAIR: Final = {"pageSize": "2"}
_FUTURE: Final = "2100-01-01T00:00:00Z"
_SORTED: Final = {"sortBy": "name", "sortDirection": "asc"}


def _ready(state: State) -> bool:
    return "option_source" in state.answers


def ask_first(state: State) -> Ask | None:
    """Ask for two records in a fixed order."""
    if not _ready(state) or "first" in state.facts:
        return None
    return listing(state, 2, **_PAIR, **_SORTED)


def learn_first(state: State, seen: Seen) -> State:
    """Learn the price of two records: that of one call, or twice that."""
    if seen.status != 200 or len(seen.ids) > 2:
        why = f"pageSize=2 was not heeded: status {seen.status}, {len(seen.ids)} records"
        return state.learn(unsettled={"cost_mode": why, "page_base": why})
    times = stamps(seen.records)
    state = state.learn(first=seen.ids, stamps=times)
    if seen.stubs:
        state = state.learn({"id_only_timestamps": bool(times)})
    if not times:
        state = state.learn(unsettled={"updated_after_inclusive": "the records show no time to ask for"})
    if len(seen.ids) < 2:
        return state.learn(unsettled={"cost_mode": "the tenant has fewer than two persons"})
    if not seen.exact or seen.cost not in {1, 2, 5, 10}:
        return state.learn(
            unsettled={"cost_mode": f"the price of the call could not be told: {seen.cost} units at most"}
        )
    if seen.cost in {1, 5}:
        return state.learn({"cost_mode": "call"})
    why = "it takes a page of many records, and this server charges each of them"
    return state.learn({"cost_mode": "record"}, unsettled=dict.fromkeys(("ids_per_call", "page_size_default"), why))


def ask_page_one(state: State) -> Ask | None:
    """Ask for page 1 by its number."""
    if len(state.facts.get("first", ())) < 2 or "page_base" in state.answers:
        return None
    return listing(state, 2, **_PAIR, **_SORTED, pageNumber="1")


def learn_page_one(state: State, seen: Seen) -> State:
    """Learn whether page 1 is the first page, or the one after page 0."""
    if seen.status != 200:
        return state.learn(unsettled={"page_base": f"pageNumber=1 was answered with {seen.status}"})
    first = state.facts["first"]
    if seen.ids == first:
        return state.learn({"page_base": 1})
    if set(seen.ids) & set(first):
        return state.learn(unsettled={"page_base": "sorted pages overlapped"})
    return state.learn({"page_base": 0})


def ask_largest(size: int) -> Callable[[State], Ask | None]:
    """Return what asks for pages of some size: going up from 1000, or down from it."""

    def ask(state: State) -> Ask | None:
        taken, refused = state.facts.get("size_taken", 0), state.facts.get("size_refused", 1 << 30)
        wanted = size == 1000 or (taken == 1000 if size > 1000 else taken == 0 and refused > size)
        if not _ready(state) or "page_size_max" in state.answers or not wanted:
            return None
        if state.answers.get("cost_mode") == "call" and size <= 1000:
            return listing(state, size, pageSize=str(size))
        # With filterIDs the page holds one record, whatever its size: enough to see whether the size is refused.
        return listing(state, 1, pageSize=str(size), filterIDs=state.facts["me"])

    return ask


def learn_largest(size: int) -> Callable[[State, Seen], State]:
    """Return what learns whether a page size is taken, cut or refused."""

    def learn(state: State, seen: Seen) -> State:
        if seen.status == 400:
            state = state.learn(size_refused=size)
            if taken := state.facts.get("size_taken"):
                return state.learn({"page_size_max": taken})
            why = "pages of 100 are refused" if size == 100 else f"{size} is too much"
            return state.learn(unsettled={"page_size_max": why})
        if seen.status != 200:
            return state.learn(unsettled={"page_size_max": f"pageSize={size} was answered with {seen.status}"})
        count = len(seen.ids)
        state = state.learn(size_taken=size, all_ids=seen.ids if count > 1 else state.facts.get("all_ids", ()))
        if count > 50:
            # More than the reference's default page: pageSize is heeded for certain.
            state = state.learn({"page_proven": count})
        if size == 1000:
            return state
        return state.learn({"page_size_max": size})

    return learn


def ask_ids(number: int) -> Callable[[State], Ask | None]:
    """Return what asks for many records by their IDs, at the price of one call."""

    def ask(state: State) -> Ask | None:
        known = [identity.replace("-", "") for identity in state.facts.get("all_ids", ())]
        if state.answers.get("cost_mode") != "call" or len(known) < number or "ids_per_call" in state.answers:
            return None
        return listing(state, number, filterIDs=",".join(known[:number]), pageSize=str(number))

    return ask


def learn_ids(number: int) -> Callable[[State, Seen], State]:
    """Return what learns whether that many IDs were all read."""

    def learn(state: State, seen: Seen) -> State:
        if seen.status == 200 and len(seen.ids) == number:
            return state.learn({"ids_per_call": number})
        reason = "the connection was cut" if seen.status == 0 else f"status {seen.status}, {len(seen.ids)} records"
        return state.learn(unsettled={"ids_per_call": f"{number} IDs in one call: {reason}"})

    return learn


def ask_unsorted(state: State) -> Ask | None:
    """Ask for two records without a sort option."""
    return listing(state, 2, **_PAIR) if _ready(state) and "order" not in state.answers else None


def learn_unsorted(state: State, seen: Seen) -> State:
    """Keep the order, to compare it."""
    return state.learn(unsorted=seen.ids) if len(seen.ids) == 2 else state


def ask_unsorted_again(state: State) -> Ask | None:
    """Ask the same again."""
    return listing(state, 2, **_PAIR) if "unsorted" in state.facts and "order" not in state.answers else None


def learn_unsorted_again(state: State, seen: Seen) -> State:
    """Learn whether an unsorted list has an order; that it never changes can't be known."""
    if seen.status != 200:
        return state
    return state.learn({"order": "stable" if seen.ids == state.facts["unsorted"] else "unstable"})


def ask_default(state: State) -> Ask | None:
    """Ask without pageSize; only where a call has one price however much comes back."""
    if state.answers.get("cost_mode") != "call" or "page_size_default" in state.answers:
        return None
    return listing(state, 1000)


def learn_default(state: State, seen: Seen) -> State:
    """Learn the size of a page that nobody asked for, where the tenant has more records than that."""
    count, known = len(seen.ids), len(state.facts.get("all_ids", ()))
    if seen.status == 200 and count < known:
        return state.learn({"page_size_default": count})
    why = f"{count} records came, and the tenant is not known to have more" if seen.status == 200 else str(seen.status)
    return state.learn(unsettled={"page_size_default": why})


# --- updated_after, which only the concepts page names ---------------------------------------------------------------


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
