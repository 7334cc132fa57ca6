"""One call through all the rules, from its header lines to its answer and its line in the journal."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import attrs

from tonicdm.sandbox import invented, lists, reads, singles, writes
from tonicdm.sandbox.calls import Answer, Call, Refusal, json_answer, refusal_answer, rows_answer
from tonicdm.sandbox.faults import NO_STRIKE, Strike
from tonicdm.sandbox.journal import Journal, JournalEntry, token_label
from tonicdm.sandbox.options import Received, read_quantity, receive
from tonicdm.sandbox.routes import BY_NAME, PATHS, Operation
from tonicdm.sandbox.settings import Quantity, SandboxSettings
from tonicdm.sandbox.units import cost_of, quantity_of
from tonicdm.sandbox.windows import Window, WindowState, reset_header
from tonicdm.sandbox.world import World

TOO_MANY = "You have surpassed the max number of requests for an hour. Please wait until your limit resets."
"""The body of a 429, word for word (concepts page, "Exceeding the rate limit")."""

_NOTHING_RECEIVED = Received({}, "none", ())


@attrs.frozen
class Served:
    """An answer, and what the journal says about it."""

    answer: Answer
    received: Received
    units: int
    state: WindowState


@attrs.frozen
class Tenant:
    """Another customer of the same server: own records, own licences."""

    world: World
    advanced_contacts: bool
    advanced_metrics: bool


@attrs.define
class Service:
    """The server without its sockets.

    Args:
        world: The records.
        settings: The choices.
        seed: For the order of unstable lists.
    """

    world: World
    settings: SandboxSettings
    seed: int = 1
    journal: Journal = attrs.field(factory=Journal)
    windows: dict[str, Window] = attrs.field(factory=dict)
    tenants: dict[str, Tenant] = attrs.field(factory=dict)
    """Further tenants by token; all other tokens belong to the first."""
    storage: invented.Storage = attrs.field(init=False)
    """Bytes behind links, which no document shows."""
    _chance: random.Random = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._chance = random.Random(f"{self.seed}/order")
        self.storage = invented.Storage(self._worlds, self.settings, self.seed)

    def _worlds(self) -> Iterator[World]:
        yield self.world
        yield from (tenant.world for tenant in self.tenants.values())

    def window(self, token: str) -> Window:
        """Return the window of a token."""
        return self.windows.setdefault(token, Window(self.settings))

    def handle(
        self,
        call: Call,
        now: float,
        strike: Strike = NO_STRIKE,
        at: float | None = None,
        damage: Callable[[Answer], None] = lambda _: None,
    ) -> Answer:
        """Serve one call and write it down.

        Args:
            call: The request.
            now: Server time at which it is charged.
            strike: Faults that strike it.
            at: Server time of its arrival, *now* when not given.
            damage: Changes the answer as faults do, before it is written down.
        """
        if self._is_of_storage(call):
            return self._stored(call, now, strike, damage)
        served = self._serve(call, now, strike)
        state = served.state
        served.answer.headers |= {
            "X-Rate-Limit-Limit": str(state.limit),
            "X-Rate-Limit-Remaining": str(self._remaining(served)),
            "X-Rate-Limit-Reset": reset_header(state.reset, self.settings),
            "Date": formatdate(now, usegmt=True),
        }
        damage(served.answer)
        self._journal(call, served, now if at is None else at, strike)
        return served.answer

    def lost(self, call: Call, now: float, strike: Strike, status: int = 0) -> None:
        """Write down a call that never reached the server's rules.

        Args:
            call: The request.
            now: Server time.
            strike: Faults that struck it.
            status: What something in front of the server answered; 0 when the connection was cut.
        """
        state = self._state(call, now)
        self._journal(call, Served(Answer(status=status), _NOTHING_RECEIVED, 0, state), now, strike)

    def _is_of_storage(self, call: Call) -> bool:
        path = call.path.removeprefix(self.settings.path_prefix)
        return self.settings.file_links != "none" and path.startswith(invented.PREFIX) and path != invented.LINKS.path

    def _stored(self, call: Call, now: float, strike: Strike, damage: Callable[[Answer], None]) -> Answer:
        """Serve bytes: no token, no units, no headers of a budget."""
        path = call.path.removeprefix(self.settings.path_prefix)
        try:
            answer = _server_error(strike) if "server_error" in strike else self.storage.answer(call, path, now)
        except Refusal as refusal:
            answer = refusal_answer(refusal)
        answer.headers["Date"] = formatdate(now, usegmt=True)
        damage(answer)
        self._journal(call, Served(answer, _NOTHING_RECEIVED, 0, self._state(call, now)), now, strike)
        return answer

    def _serve(self, call: Call, now: float, strike: Strike) -> Served:
        token = call.token
        if token not in self.settings.tokens or "unauthorized" in strike:
            answer = refusal_answer(Refusal(401, "authentication is missing or incorrect"))
            return Served(answer, _NOTHING_RECEIVED, 0, self._state(call, now))
        path = call.path.removeprefix(self.settings.path_prefix)
        known = call.path.startswith(self.settings.path_prefix) and path in PATHS
        operation = BY_NAME.get((call.method, path)) if known else None
        if self.settings.file_links == "operation" and (call.method, path) == ("GET", invented.LINKS.path):
            operation = invented.LINKS
        received = _NOTHING_RECEIVED
        quantity: Quantity = self.settings.unlisted_quantity
        work: Refusal | Operation
        try:
            # An unknown path still carries options, which set the price; any list accepts data_quantity.
            received = receive(call, operation or _UNKNOWN, self.settings, _arrival(strike))
            asked = None if "ignore_data_quantity" in strike else read_quantity(received.options)
            quantity = quantity_of(
                asked,
                call.method,
                listed=operation is not None and "data_quantity" in operation.options,
                settings=self.settings,
            )
            work = self._permitted(call, operation, received)
        except Refusal as refusal:
            work = refusal
        if "server_error" in strike or "server_error_html" in strike:
            return Served(_server_error(strike), received, 0, self._state(call, now))
        return self._charged(call, work, received, quantity, now, strike)

    def _permitted(self, call: Call, operation: Operation | None, received: Received) -> Operation:
        if operation is None:
            raise Refusal(404, f"no endpoint {call.method} {call.path}")
        if {operation.name, operation.path} & set(self.settings.forbidden):
            raise Refusal(403, f"access to {operation.name} is denied")
        for name in operation.required:
            if name not in received.options:
                raise Refusal(400, f"{name} is required")
        for name, value in received.options.items():
            if not value:
                raise Refusal(400, f"{name} is empty")
        return operation

    def _charged(
        self,
        call: Call,
        work: Refusal | Operation,
        received: Received,
        quantity: Quantity,
        now: float,
        strike: Strike,
    ) -> Served:
        """Charge first, then work; under cost_mode "record" a read is prepared first, since its size is the price."""
        window = self.window(str(call.token))
        prepared: Answer | None = None
        if self.settings.cost_mode == "record" and isinstance(work, Operation) and call.method == "GET":
            prepared = self._done(call, work, received, quantity, strike)
        units = cost_of(quantity, prepared.records if prepared else 0, self.settings)
        verdict = window.charge(units, now)
        if not verdict.allowed or "rate_limited_without_reset" in strike:
            if verdict.allowed:
                window.refund(units)
            refused = Answer(status=429, body=TOO_MANY.encode(), content_type="text/plain")
            return Served(refused, received, 0, window.state(now))
        done = self._done(call, work, received, quantity, strike) if prepared is None else prepared
        if done.status in self.settings.uncharged_statuses:
            window.refund(units)
            units = 0
        return Served(done, received, units, window.state(now))

    def _done(
        self, call: Call, work: Refusal | Operation, received: Received, quantity: Quantity, strike: Strike
    ) -> Answer:
        if isinstance(work, Refusal):
            return refusal_answer(work)
        if "forbidden" in strike:
            return refusal_answer(Refusal(403, "access is denied"))
        try:
            return self._act(call, work, received, quantity, strike)
        except Refusal as refusal:
            return refusal_answer(refusal)

    def _act(self, call: Call, operation: Operation, received: Received, quantity: Quantity, strike: Strike) -> Answer:
        options = received.options
        world, settings = self._tenant(str(call.token))
        world.milliseconds = settings.timestamps == "milliseconds"
        match operation.action:
            case "list":
                ranks = lists.pick(world, operation, options, settings, self._chance, _ignored(strike))
                rows = reads.render(world, operation.kind, ranks, quantity, settings)
                return rows_answer(self._linked(call, operation, rows, quantity))
            case "single":
                record = singles.read(world, operation.kind, options, quantity)
                if operation.kind == "presigned_upload" and settings.file_links != "none":
                    record = self.storage.begin_upload(record, invented.base_of(call), world.moment())
                return json_answer(200, reads.singleton(record, settings), 1)
            case "create":
                return writes.create(world, operation, options, call.body, settings)
            case "change":
                return writes.change(world, operation, call.body, settings)
            case "delete":
                return writes.delete(world, operation, options, settings)

    def _linked(self, call: Call, operation: Operation, rows: Iterator[Any], quantity: Quantity) -> Iterator[Any]:
        """Return rows with the links that were invented, where a setting asks for them."""
        base, now, links = invented.base_of(call), self.world.moment(), self.settings.file_links
        if operation is invented.LINKS:
            found = self.storage.linked(rows, base, now)
            return ({"id": row["id"], invented.FIELD: row[invented.FIELD]} for row in found)
        if links == "none" or quantity == "id_only":
            return rows
        if operation.kind == "files" and links == "field":
            return self.storage.linked(rows, base, now)
        return self.storage.with_pictures(rows, base, now) if operation.kind == "thumbnails" else rows

    def _tenant(self, token: str) -> tuple[World, SandboxSettings]:
        """Return the records and settings of a token's tenant (concepts page, "Tenant": only its own data)."""
        tenant = self.tenants.get(token)
        if tenant is None:
            return self.world, self.settings
        settings = attrs.evolve(
            self.settings, advanced_contacts=tenant.advanced_contacts, advanced_metrics=tenant.advanced_metrics
        )
        return tenant.world, settings

    def _state(self, call: Call, now: float) -> WindowState:
        token = call.token
        known = token is not None and token in self.windows
        return (self.windows[str(token)] if known else Window(self.settings)).state(now)

    def _remaining(self, served: Served) -> int:
        if served.answer.status == 429 and self.settings.remaining_when_exceeded == "zero":
            return 0
        return served.state.remaining

    def _journal(self, call: Call, served: Served, at: float, strike: Strike) -> None:
        state, answer = served.state, served.answer
        self.journal.add(
            JournalEntry(
                at=at,
                token=token_label(call.token),
                method=call.method,
                path=call.path,
                options=served.received.options,
                placement=served.received.placement,
                client_faults=served.received.client_faults,
                status=None if "drop_after" in strike else answer.status or None,
                units=served.units,
                records=answer.records,
                bytes=len(answer.body),
                used=state.used,
                limit=state.limit,
                remaining=state.remaining,
                reset=state.reset,
                fault=strike.label,
                zone=call.zone,
            )
        )


_UNKNOWN = Operation(method="GET", path="", action="list")


def _arrival(strike: Strike) -> Any:
    """Return whether a header of some name reaches the server through the proxy in front of it."""
    lost = {str(name).lower() for name in strike.detail("drop_options", "names")} if "drop_options" in strike else ()
    no_underscores = "no_underscore_headers" in strike
    return lambda name: not (no_underscores and "_" in name) and name.lower() not in lost


def _ignored(strike: Strike) -> lists.Ignored:
    return lists.Ignored(
        page_size="ignore_page_size" in strike,
        page_number="ignore_page_number" in strike,
        updated_after="ignore_updated_after" in strike,
        filter_ids="ignore_filter_ids" in strike,
    )


def _server_error(strike: Strike) -> Answer:
    if "server_error_html" in strike:
        page = b"<!DOCTYPE html><html><body><h1>Internal Server Error</h1></body></html>"
        return Answer(status=500, body=page, content_type="text/html")
    return Answer(status=500, body=b"There was an error on the server side.", content_type="text/plain")
