"""The questions in their order: when each makes sense, what is called, and what the answer teaches. No I/O.

All reads are cut down to a few records, so that a server that charges per record stays cheap too, and ask for id_only.
Only the two questions for the defaults leave data_quantity out. They can cost 20 units, so they come last, or
first in a run that goes on from an earlier one, when nothing else has been spent yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from tonicdm.conformance import paging, quantities, reaching
from tonicdm.conformance.state import Ask, Seen, State


@attrs.frozen(kw_only=True)
class Question:
    """One call and its meaning."""

    name: str
    settles: tuple[str, ...]
    """Points that it may settle."""
    ask: Callable[[State], Ask | None]
    """Makes the call; None where it makes no sense in this state."""
    learn: Callable[[State, Seen], State]
    """Reads the answer."""


_DEFAULTS: Final = (
    Question(
        name="default data_quantity",
        settles=("default_quantity",),
        ask=quantities.ask_default,
        learn=quantities.learn_default,
    ),
    Question(
        name="default data_quantity elsewhere",
        settles=("unlisted_quantity",),
        ask=quantities.ask_unlisted,
        learn=quantities.learn_unlisted,
    ),
)

QUESTIONS: Final[tuple[Question, ...]] = (
    *(
        attrs.evolve(question, name=f"{question.name}, first", ask=quantities.at_first(question.ask))
        for question in _DEFAULTS
    ),
    Question(
        name="reach",
        settles=("path_prefix", "me_shape", "date_header", "limit", "window_seconds", "window_start", "quantity_read"),
        ask=reaching.ask_me,
        learn=reaching.learn_me,
    ),
    Question(
        name="prefix", settles=("path_prefix",), ask=reaching.ask_me_with_prefix, learn=reaching.learn_me_with_prefix
    ),
    Question(name="placement", settles=("option_source",), ask=reaching.ask_placement, learn=reaching.learn_placement),
    Question(name="query", settles=("option_source",), ask=reaching.ask_query, learn=reaching.learn_query),
    Question(name="other place", settles=("option_source",), ask=reaching.ask_other, learn=reaching.learn_other),
    Question(name="case", settles=("strict_case",), ask=reaching.ask_case, learn=reaching.learn_case),
    Question(
        name="first page", settles=("cost_mode", "id_only_timestamps"), ask=paging.ask_first, learn=paging.learn_first
    ),
    Question(name="page 1", settles=("page_base",), ask=paging.ask_page_one, learn=paging.learn_page_one),
    Question(name="spelling", settles=("quantity_name",), ask=quantities.ask_spelling, learn=quantities.learn_spelling),
    Question(
        name="page limit", settles=("page_size_max",), ask=paging.ask_largest(1000), learn=paging.learn_largest(1000)
    ),
    *(
        Question(
            name=f"page of {size}",
            settles=("page_size_max",),
            ask=paging.ask_largest(size),
            learn=paging.learn_largest(size),
        )
        for size in (1001, 500, 100)
    ),
    Question(
        name="updated_after",
        settles=("updated_after_supported",),
        ask=paging.ask_future,
        learn=paging.learn_future,
    ),
    Question(name="inclusive", settles=("updated_after_inclusive",), ask=paging.ask_same, learn=paging.learn_same),
    *(
        Question(
            name=f"{number} ids",
            settles=("ids_per_call",),
            ask=paging.ask_ids(number),
            learn=paging.learn_ids(number),
        )
        for number in (240, 120, 60)
    ),
    Question(name="order", settles=("order",), ask=paging.ask_unsorted, learn=paging.learn_unsorted),
    Question(name="order again", settles=("order",), ask=paging.ask_unsorted_again, learn=paging.learn_unsorted_again),
    Question(name="default page", settles=("page_size_default",), ask=paging.ask_default, learn=paging.learn_default),
    *_DEFAULTS,
)

MIN_SPAN_SECONDS: Final = 3.0
"""Seconds between two answers from which it shows whether Reset moves with the time."""

POINTS: Final = (*dict.fromkeys(name for question in QUESTIONS for name in question.settles), "reset_moves")
"""All points that a run tries to settle."""


def following(state: State) -> tuple[State, Question | None, Ask | None]:
    """Return the next question that makes sense and can be paid for; the state notes those that can't be."""
    if state.stopped is not None:
        return state, None, None
    for question in QUESTIONS:
        if question.name in state.asked:
            continue
        ask = question.ask(state)
        if ask is None:
            continue
        price = state.price(ask)
        if price <= state.left:
            return attrs.evolve(state, asked=state.asked | {question.name}), question, ask
        why = f"asking could cost {price} units, and {state.left} of {state.allowance} are left to this run"
        state = state.learn(unsettled={name: why for name in question.settles if name not in state.answers})
    return state, None, None


def finished(state: State) -> State:
    """Return the state with a reason at every point that is open."""
    state = _reset(state)
    why = state.stopped or "what it builds on was not settled"
    open_points = [name for name in POINTS if name not in state.answers and name not in state.unsettled]
    return state.learn(unsettled=dict.fromkeys(open_points, why))


def _reset(state: State) -> State:
    """Learn from all answers whether X-Rate-Limit-Reset stays, or moves as now + time to live does."""
    seen = state.facts.get("resets", ())
    if len(seen) < 2:
        return state
    (began, first), (ended, last) = seen
    span, moved = ended - began, last - first
    if span < MIN_SPAN_SECONDS:
        return state.learn(unsettled={"reset_moves": f"the run took {span:.1f} s, too short to see a Reset move"})
    if abs(moved) <= 1:
        return state.learn({"reset_moves": False})
    if abs(moved - span) <= MIN_SPAN_SECONDS:
        return state.learn({"reset_moves": True})
    return state.learn(unsettled={"reset_moves": f"it moved by {moved:.0f} s in {span:.0f} s: another window began"})
