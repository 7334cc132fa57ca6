"""Asks: the only part of the check that calls a server, through the client's transport and budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode

import attrs

from tonicdm.budget import UnitBudget
from tonicdm.budget.headers import http_date
from tonicdm.client import TonicDM
from tonicdm.conformance.questions import finished, following
from tonicdm.conformance.recording import Exchange
from tonicdm.conformance.state import ALLOWANCE, LOW, Ask, Scalar, Seen, State, parse
from tonicdm.conformance.tour import stops
from tonicdm.endpoints.caller import Caller
from tonicdm.errors import BODY_SHOWN, APIError, AuthenticationError, BudgetError, TransportError
from tonicdm.http.messages import OutgoingRequest
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
    record: Callable[[Exchange], None] | None = None,
) -> State:
    """Find out how a server answers.

    Args:
        tonic: A client of the server; made with ``retry=RetryPolicy(attempts=1)``, so that no question is paid twice.
        allowance: Units that this run may cost at most.
        known: Answers of an earlier run, which are not asked for again.
        progress: Told of each question before it is asked.
        record: Given the shapes of each question and its answer. A page of two records of every list is then read
            too, as far as the allowance goes.

    Returns:
        What was found out, what was not, and why.

    Raises:
        AuthenticationError: The token is refused.
    """
    run = _Run(tonic.caller, progress or (lambda _name: None), record)
    state = State(allowance=allowance, answers=dict(known or {}), last=_window(tonic.budget))
    if run.caller.path_prefix:
        state = state.learn({"path_prefix": run.caller.path_prefix})
    if state.last is not None and state.last.remaining < LOW:
        state = state.stop(f"only {state.last.remaining} units are left in this window")
    try:
        while True:
            state, question, ask = following(state)
            if question is None or ask is None:
                break
            state, seen = await run.asked(state, question.name, ask)
            state = question.learn(state, seen)
        if record is not None:
            state = await run.toured(state)
    except BudgetError as error:
        state = state.stop(f"the budget is low: {str(error).splitlines()[0]}")
    return finished(state)


@attrs.frozen
class _Run:
    """One run of questions."""

    caller: Caller
    progress: Callable[[str], None]
    record: Callable[[Exchange], None] | None

    async def asked(self, state: State, name: str, ask: Ask) -> tuple[State, Seen]:
        """Ask, account for it and write it down."""
        self.progress(name)
        state, seen = state.charged(ask, await _seen(self.caller, state, ask))
        if self.record is not None:
            self.record(Exchange.of(name, _prefix(state, ask) + ask.path, ask, seen))
        return state, seen

    async def toured(self, state: State) -> State:
        """Read a page of every list, as far as the allowance goes."""
        for name, ask in stops(state):
            if state.stopped is None and state.price(ask) <= state.left:
                state, _ = await self.asked(state, name, ask)
        return state


def _prefix(state: State, ask: Ask) -> str:
    return str(state.answers.get("path_prefix", "")) if ask.prefix is None else ask.prefix


def _window(budget: UnitBudget) -> RateLimit | None:
    """Return the window as the ledger knows it, None while it does not."""
    seen = budget.snapshot()
    return None if seen.reset_at is None else RateLimit(seen.limit, seen.remaining, seen.reset_at.timestamp())


async def _seen(caller: Caller, state: State, ask: Ask) -> Seen:
    transport = caller.transport
    prefix = _prefix(state, ask)
    request = Request(
        method="GET",
        path=prefix + ask.path,
        query=urlencode(ask.query, safe=",:"),
        headers=(("Accept", "application/json"), *ask.headers.items()),
    )
    call = OutgoingRequest(request=request, base_url=caller.base_url, cost=state.price(ask), max_wait=PATIENCE)
    try:
        answer = await transport.send(call)
    except (BudgetError, AuthenticationError):
        raise
    except APIError as error:
        return Seen(
            status=error.status,
            payload=parse(error.body.encode()),
            rate_limit=error.rate_limit,
            at=transport.clock.now(),
            headers=error.headers,
            empty=not error.body or len(error.body) >= BODY_SHOWN,  # half a body has no shape
        )
    except TransportError:
        return Seen(status=0, at=transport.clock.now(), empty=True)
    return Seen(
        status=answer.status,
        payload=parse(answer.body),
        rate_limit=answer.rate_limit,
        date=http_date(answer.headers.get("Date", "")),
        at=transport.clock.now(),
        headers=answer.headers,
        empty=not answer.body.strip(),
    )
