"""Asks: the only part of the check that calls a server, through the client's transport and budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode

from tonicdm.budget import UnitBudget
from tonicdm.budget.headers import http_date
from tonicdm.client import TonicDM
from tonicdm.conformance.questions import finished, following
from tonicdm.conformance.state import ALLOWANCE, LOW, Ask, Scalar, Seen, State, parse
from tonicdm.endpoints.caller import Caller
from tonicdm.errors import APIError, AuthenticationError, BudgetError, TransportError
from tonicdm.http.call import Call
from tonicdm.http.wire import Request
from tonicdm.types import RateLimit

PATIENCE: Final = 5.0
"""Seconds that a question waits for units at most; a longer wait means that the budget is low."""


async def check(
    tonic: TonicDM,
    *,
    allowance: int = ALLOWANCE,
    known: Mapping[str, Scalar] | None = None,
    progress: Callable[[str], None] | None = None,
) -> State:
    """Find out how a server answers.

    Args:
        tonic: A client of the server; made with ``retry=RetryPolicy(attempts=1)``, so that no question is paid twice.
        allowance: Units that this run may cost at most.
        known: Answers of an earlier run, which are not asked for again.
        progress: Told of each question before it is asked.

    Returns:
        What was found out, what was not, and why.

    Raises:
        AuthenticationError: The token is refused.
    """
    caller = tonic._caller
    state = State(allowance=allowance, answers=dict(known or {}), last=_window(tonic.budget))
    if caller.path_prefix:
        state = state.learn({"path_prefix": caller.path_prefix})
    if state.last is not None and state.last.remaining < LOW:
        state = state.stop(f"only {state.last.remaining} units are left in this window")
    while True:
        state, question, ask = following(state)
        if question is None or ask is None:
            return finished(state)
        if progress is not None:
            progress(question.name)
        try:
            seen = await _seen(caller, state, ask)
        except BudgetError as error:
            return finished(state.stop(f"the budget is low: {str(error).splitlines()[0]}"))
        state, seen = state.charged(ask, seen)
        state = question.learn(state, seen)


def _window(budget: UnitBudget) -> RateLimit | None:
    """Return the window as the ledger knows it, None while it does not."""
    seen = budget.snapshot()
    return None if seen.reset_at is None else RateLimit(seen.limit, seen.remaining, seen.reset_at.timestamp())


async def _seen(caller: Caller, state: State, ask: Ask) -> Seen:
    transport = caller.transport
    prefix = str(state.answers.get("path_prefix", "")) if ask.prefix is None else ask.prefix
    request = Request(
        method="GET",
        path=prefix + ask.path,
        query=urlencode(ask.query, safe=",:"),
        headers=(("Accept", "application/json"), *ask.headers.items()),
    )
    call = Call(request=request, base_url=caller.base_url, cost=state.price(ask), max_wait=PATIENCE)
    try:
        answer = await transport.send(call)
    except (BudgetError, AuthenticationError):
        raise
    except APIError as error:
        return Seen(status=error.status, rate_limit=error.rate_limit, at=transport.clock.now())
    except TransportError:
        return Seen(status=0, at=transport.clock.now())
    return Seen(
        status=answer.status,
        payload=parse(answer.body),
        rate_limit=answer.rate_limit,
        date=http_date(answer.headers.get("Date", "")),
        at=transport.clock.now(),
    )
