"""Questions about data_quantity: its name, and what is served and charged when it is absent. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tonicdm.conformance.reaching import ME, PERSONS, QUANTITY_NAMES
from tonicdm.conformance.state import Ask, Seen, State
from tonicdm.types import MAX_UNITS_PER_CALL, DataQuantity


def ask_spelling(state: State) -> Ask | None:
    """Ask for id_only under the one name and for basic under the other: the records show which was read."""
    source = state.answers.get("option_source")
    if source is None or not state.answers.get("quantity_read") or "quantity_name" in state.answers:
        return None
    concepts, reference = QUANTITY_NAMES
    # Under the name that is expected the cheap one.
    if source == "query":
        query = {reference: "id_only", concepts: "basic", "filterIds": state.facts["me"], "pageSize": "1"}
        return Ask(path=PERSONS, query=query, factor=DataQuantity.BASIC.units)
    headers = {concepts: "id_only", reference: "basic", "filterIDs": state.facts["me"], "pageSize": "1"}
    return Ask(path=PERSONS, headers=headers, factor=DataQuantity.BASIC.units)


def learn_spelling(state: State, seen: Seen) -> State:
    """Learn the option's name."""
    if seen.status != 200 or not seen.records:
        return state.learn(unsettled={"quantity_name": f"status {seen.status}, {len(seen.records)} records"})
    concepts, reference = QUANTITY_NAMES
    expected, other = (reference, concepts) if state.answers["option_source"] == "query" else (concepts, reference)
    return state.learn({"quantity_name": expected if seen.stubs else other})


def ask_default(state: State) -> Ask | None:
    """Ask for one person without data_quantity, which the reference lists there."""
    source = state.answers.get("option_source")
    # Only where pageSize is known to be heeded does one record come, and one price.
    if source is None or "cost_mode" not in state.answers or "default_quantity" in state.answers:
        return None
    options = {"pageSize": "1", "sortBy": "name", "sortDirection": "asc"}
    if source == "query":
        return Ask(path=PERSONS, query=options, factor=MAX_UNITS_PER_CALL)
    return Ask(path=PERSONS, headers=options, factor=MAX_UNITS_PER_CALL)


def at_first(ask: Callable[[State], Ask | None]) -> Callable[[State], Ask | None]:
    """Return what asks only as the first call of a run that goes on from an earlier one: then 20 units are left."""
    return lambda state: ask(state) if state.calls == 0 else None


def learn_default(state: State, seen: Seen) -> State:
    """Learn which data_quantity comes unasked."""
    return _learn(state, seen, "default_quantity")


def ask_unlisted(state: State) -> Ask | None:
    """Ask for the user without data_quantity, which the reference does not list there."""
    if "option_source" not in state.answers or "unlisted_quantity" in state.answers:
        return None
    return Ask(path=ME, factor=MAX_UNITS_PER_CALL)


def learn_unlisted(state: State, seen: Seen) -> State:
    """Learn what an endpoint without data_quantity serves and costs."""
    return _learn(state, seen, "unlisted_quantity")


def _learn(state: State, seen: Seen, name: str) -> State:
    data_quantity = data_quantity_of(seen)
    if data_quantity is None:
        why = f"neither the price nor the records tell: status {seen.status}, {seen.cost} units at most"
        return state.learn(unsettled={name: why})
    return state.learn({name: data_quantity})


def data_quantity_of(seen: Seen) -> str | None:
    """Return the data_quantity of a response of one record, by its fields and its price."""
    if seen.status != 200 or len(seen.records) != 1:
        return None
    if seen.stubs:
        return "id_only"
    return _by_references(seen.records[0]) or ({5: "basic", 20: "complete"}.get(seen.cost) if seen.exact else None)


def _by_references(record: dict[str, Any]) -> str | None:
    """Return the data_quantity that references show: stubs in basic, whole records in complete (concepts page)."""
    references = [set(value) for value in record.values() if isinstance(value, dict) and "datetimeUpdated" in value]
    if not references:
        return None
    return "basic" if any(names <= {"id", "datetimeUpdated"} for names in references) else "complete"
