"""Questions of the first contact: the path, the window, and where options are read. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tonicdm.conformance.state import Ask, Seen, State
from tonicdm.types import MAX_UNITS_PER_CALL, RateLimit

WINDOW_TOLERANCE_SECONDS: Final = 3.0
"""Seconds by which what is left of a fresh window may differ from its length."""

ME: Final = "/core/me"
PERSONS: Final = "/core/persons"
NOBODY: Final = "0" * 32

QUANTITY_NAMES: Final = ("data_quantity", "dataQuantity")
"""The concepts page's spelling, and the reference's."""

PREFIXES: Final = ("", "/v1.0")
"""The reference's paths, and those of one example of the concepts page."""


def everywhere(data_quantity: str = "id_only") -> tuple[dict[str, str], dict[str, str]]:
    """Return data_quantity in both places and both spellings: it is read if it is read anywhere."""
    return dict.fromkeys(QUANTITY_NAMES, data_quantity), dict.fromkeys(QUANTITY_NAMES, data_quantity)


def factor(state: State) -> int:
    """Return what a call that asks for id_only can cost."""
    return 1 if state.answers.get("quantity_read") else MAX_UNITS_PER_CALL


def placed(state: State, options: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return headers and query with *options* where this server reads them, and id_only everywhere."""
    headers, query = everywhere()
    if state.answers.get("option_source") == "query":
        query |= {"filterIds" if name == "filterIDs" else name: value for name, value in options.items()}
    else:
        headers |= options
    return headers, query


def listing(state: State, max_records: int, **options: str) -> Ask:
    """Return a read of persons, which every firm has."""
    headers, query = placed(state, options)
    return Ask(path=PERSONS, headers=headers, query=query, max_records=max_records, factor=factor(state))


# --- path and window --------------------------------------------------------------------------------------------------


def ask_me(state: State) -> Ask | None:
    """Ask for the user: one record under any price, so 20 units at most."""
    if "me" in state.facts:
        return None
    headers, query = everywhere()
    return Ask(path=ME, headers=headers, query=query, factor=MAX_UNITS_PER_CALL)


def learn_me(state: State, seen: Seen) -> State:
    """Learn the prefix, the window and whether data_quantity is read."""
    if seen.status == 404 and "path_prefix" not in state.answers:
        return state.learn(unsettled={"path_prefix": f"{ME} was not found"}, not_found=True)
    if seen.status == 404:
        return state.stop(f"nothing was found under the path prefix {state.answers['path_prefix']!r}")
    return _met(state.learn({"path_prefix": state.answers.get("path_prefix", PREFIXES[0])}), seen)


def ask_me_with_prefix(state: State) -> Ask | None:
    """Ask again under the concepts page's path."""
    if not state.facts.get("not_found"):
        return None
    headers, query = everywhere()
    # The error was charged as the data_quantity that was asked for, or it says nothing of what a response costs.
    known = 1 if state.spent == state.calls else MAX_UNITS_PER_CALL
    return Ask(path=ME, prefix=PREFIXES[1], headers=headers, query=query, factor=known)


def learn_me_with_prefix(state: State, seen: Seen) -> State:
    """Learn the prefix, if it was this one."""
    if seen.status == 404:
        return state.stop(f"the user was found under none of the paths {', '.join(p + ME for p in PREFIXES)}")
    return _met(state.learn({"path_prefix": PREFIXES[1]}), seen)


def _met(state: State, seen: Seen) -> State:
    if seen.status != 200 or not seen.records:
        return state.stop(f"the user's own record could not be read: status {seen.status}")
    state = state.learn(
        {
            "me_shape": "array" if isinstance(seen.payload, list) else "object",
            "date_header": seen.date is not None,
            "quantity_read": seen.stubs,
        },
        me=seen.ids[0].replace("-", "").lower(),
    )
    return _window(state, seen)


def _window(state: State, seen: Seen) -> State:
    rate_limit = seen.rate_limit
    if rate_limit is None:
        why = "the answer had no valid X-Rate-Limit headers"
        unsettled: dict[str, str] = {"limit": why, "window_seconds": why, "window_start": why}
        return state.learn(unsettled=unsettled).stop(f"{why}: nothing can be paid for safely")
    now = seen.at if seen.date is None else seen.date
    state = _length(state.learn({"limit": rate_limit.limit}), rate_limit, rate_limit.reset - now)
    if rate_limit.reset % 3600 == 0:
        return state.learn({"window_start": "aligned"})
    if rate_limit.used <= MAX_UNITS_PER_CALL and rate_limit.reset - now > 3500:
        return state.learn({"window_start": "first_call"})
    why = (
        "windows do not begin on the hour; whether at the first call or at the last one's end can't be seen mid-window"
    )
    return state.learn(unsettled={"window_start": why})


def _length(state: State, rate_limit: RateLimit, left: float) -> State:
    """Learn how long a window lasts: what is left of one in which hardly a unit was spent."""
    minutes = round(left / 60)
    if rate_limit.used <= MAX_UNITS_PER_CALL and abs(left - 60 * minutes) <= WINDOW_TOLERANCE_SECONDS and minutes:
        return state.learn({"window_seconds": 60 * minutes})
    why = f"it lasts {left:.0f} s at least; how long it was before can't be seen mid-window"
    return state.learn(unsettled={"window_seconds": why})


# --- where options are read -------------------------------------------------------------------------------------------


def ask_placement(state: State) -> Ask | None:
    """Ask for oneself in the header and for nobody in the query: the answer shows which one is read."""
    if "me" not in state.facts or "option_source" in state.answers:
        return None
    headers, query = everywhere()
    headers |= {"filterIDs": state.facts["me"], "pageSize": "2"}
    query |= {"filterIds": NOBODY, "pageSize": "2"}
    return Ask(path=PERSONS, headers=headers, query=query, max_records=2, factor=factor(state))


def learn_placement(state: State, seen: Seen) -> State:
    """Learn that headers are read, or suspect the query string."""
    if _only_me(state, seen):
        return state.learn({"option_source": "header"}, header=True)
    if seen.status == 200 and not seen.records:
        return state.learn(suspected="query")
    return state.learn(unsettled={"option_source": _strange("filterIDs was read in neither place", seen)})


def ask_query(state: State) -> Ask | None:
    """Ask for oneself in the query alone: nobody may also have been found because filterIDs knows other IDs."""
    if state.facts.get("suspected") != "query":
        return None
    headers, query = everywhere()
    query |= {"filterIds": state.facts["me"], "pageSize": "2"}
    return Ask(path=PERSONS, headers=headers, query=query, max_records=2, factor=factor(state))


def learn_query(state: State, seen: Seen) -> State:
    """Learn that the query string is read."""
    if _only_me(state, seen):
        why = "header names play no part: options are read in the query string"
        return state.learn({"option_source": "query"}, unsettled={"strict_case": why})
    return state.learn(unsettled={"option_source": _strange("filterIds in the query found nobody either", seen)})


def ask_other(state: State) -> Ask | None:
    """Ask in the query of a server that reads headers: it may read both."""
    if not state.facts.get("header"):
        return None
    headers, query = everywhere()
    headers["pageSize"] = "2"
    query["filterIds"] = state.facts["me"]
    return Ask(path=PERSONS, headers=headers, query=query, max_records=2, factor=factor(state))


def learn_other(state: State, seen: Seen) -> State:
    """Learn whether the query string is read beside the headers."""
    return state.learn({"option_source": "both" if _only_me(state, seen) else "header"}, header=False)


def ask_case(state: State) -> Ask | None:
    """Ask with a header name in lower case, as HTTP/2 would carry it."""
    if state.answers.get("option_source") not in {"header", "both"} or "strict_case" in state.answers:
        return None
    headers, query = everywhere()
    headers |= {"filterids": state.facts["me"], "pageSize": "2"}
    return Ask(path=PERSONS, headers=headers, query=query, max_records=2, factor=factor(state))


def learn_case(state: State, seen: Seen) -> State:
    """Learn whether the spelling of header names must be exact."""
    if seen.status in {200, 400}:
        return state.learn({"strict_case": not _only_me(state, seen)})
    return state.learn(unsettled={"strict_case": _strange("no clear answer", seen)})


def _only_me(state: State, seen: Seen) -> bool:
    return [identity.replace("-", "").lower() for identity in seen.ids] == [state.facts["me"]]


def _strange(what: str, seen: Seen) -> str:
    return f"{what}: status {seen.status}, {len(seen.records)} records"
