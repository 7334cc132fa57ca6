"""Ask a server the questions, through the client's transport and budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import urlencode

import attrs

from tonicdm.budget import UnitBudget
from tonicdm.budget.headers import http_date
from tonicdm.client import TonicDM
from tonicdm.conformance.questions import finished, following
from tonicdm.conformance.reaching import placed
from tonicdm.conformance.recording import Exchange
from tonicdm.conformance.state import MAX_UNITS, MIN_UNITS_LEFT, Ask, Scalar, Seen, State, parse
from tonicdm.endpoints.base import Listed
from tonicdm.endpoints.caller import Caller
from tonicdm.endpoints.registry import RECORD_TYPES, endpoint_class
from tonicdm.errors import BODY_SHOWN, APIError, AuthenticationError, BudgetError, TransportError
from tonicdm.http.messages import OutgoingRequest
from tonicdm.http.wire import Request
from tonicdm.types import MAX_UNITS_PER_CALL, DataQuantity, RateLimit

MAX_WAIT_SECONDS: Final = 5.0
"""Seconds that a question waits for units at most; a longer wait means that the budget is low."""

SINGLES: Final = ("/core/me", "/core/persons/me", "/core/organizations/me", "/core/organizations/me/staff")
"""What is read besides the lists; the concepts page names all of them."""


async def check(
    tonic: TonicDM,
    *,
    allowance: int = MAX_UNITS,
    known: Mapping[str, Scalar] | None = None,
    progress: Callable[[str], None] | None = None,
    record: Callable[[Exchange], None] | None = None,
) -> State:
    """Find out how a server answers.

    Args:
        tonic: A client of the server; made with ``retry=RetryPolicy(attempts=1)``, so that no question is paid twice.
        allowance: Units that this run may cost at most.
        known: Answers of an earlier run, which are not asked for again.
        progress: Called with the name of each question before it is asked.
        record: Given the shapes of each question and its response. A page of two records of every list is then read
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
    if state.last is not None and state.last.remaining < MIN_UNITS_LEFT:
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
        for name, ask in _tour(state):
            if state.stopped is None and state.price(ask) <= state.left:
                state, _ = await self.asked(state, name, ask)
        return state


def _tour(state: State) -> Iterator[tuple[str, Ask]]:
    """Yield a name and a call for each path that can be read without an ID.

    Args:
        state: What is known: where options are read, and that a call has one price whatever comes back.
    """
    if state.answers.get("cost_mode") != "call":
        return
    paging: dict[str, bool] = dict.fromkeys(SINGLES, False)
    for record_type in RECORD_TYPES:
        resource = endpoint_class(record_type)
        if issubclass(resource, Listed) and not resource._listing.operation.required:
            paging[resource._listing.operation.path] = "page_size" in resource._listing.operation.options
    factor = DataQuantity.BASIC.units if state.answers.get("quantity_read") else MAX_UNITS_PER_CALL
    for path, pages in paging.items():
        headers, query = placed(state, {"pageSize": "2"} if pages else {})
        basic = DataQuantity.BASIC.value
        yield (
            f"tour {path}",
            Ask(
                path=path,
                headers={name: basic if value == "id_only" else value for name, value in headers.items()},
                query={name: basic if value == "id_only" else value for name, value in query.items()},
                factor=factor,
            ),
        )


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
    call = OutgoingRequest(request=request, base_url=caller.base_url, cost=state.price(ask), max_wait=MAX_WAIT_SECONDS)
    try:
        response = await transport.send(call)
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
        status=response.status,
        payload=parse(response.body),
        rate_limit=response.rate_limit,
        date=http_date(response.headers.get("Date", "")),
        at=transport.clock.now(),
        headers=response.headers,
        empty=not response.body.strip(),
    )
