"""Take one call through all the rules, from its header lines to its response and its line in the journal."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import attrs

from tonicdm.sandbox import invented
from tonicdm.sandbox.faults import NO_FAULTS, InjectedFaults
from tonicdm.sandbox.handlers.create import create
from tonicdm.sandbox.handlers.delete import delete
from tonicdm.sandbox.handlers.get import read, singleton
from tonicdm.sandbox.handlers.list import Ignored, pick, render
from tonicdm.sandbox.handlers.update import update
from tonicdm.sandbox.journal import Journal, JournalEntry, token_label
from tonicdm.sandbox.messages import Refusal, Request, Response, json_response, refusal_response, rows_response
from tonicdm.sandbox.options import Received, read_data_quantity, receive
from tonicdm.sandbox.routes import BY_NAME, PATHS, Operation
from tonicdm.sandbox.settings import DataQuantity, SandboxSettings
from tonicdm.sandbox.windows import Window, WindowState, cost_of, data_quantity_of, reset_header
from tonicdm.sandbox.world import World

TOO_MANY = "You have surpassed the max number of requests for an hour. Please wait until your limit resets."
"""The body of a 429, word for word (concepts page, "Exceeding the rate limit")."""

_NOTHING_RECEIVED = Received({}, "none", ())


@attrs.frozen
class Served:
    """An answer, and what the journal says about it."""

    response: Response
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
        request: Request,
        now: float,
        injected: InjectedFaults = NO_FAULTS,
        at: float | None = None,
        damage: Callable[[Response], None] = lambda _: None,
    ) -> Response:
        """Serve one call and write it down.

        Args:
            request: The request.
            now: Server time at which it is charged.
            injected: Faults that hit it.
            at: Server time of its arrival, *now* when not given.
            damage: Changes the answer as faults do, before it is written down.
        """
        if self._is_of_storage(request):
            return self._stored(request, now, injected, damage)
        served = self._serve(request, now, injected)
        state = served.state
        served.response.headers |= {
            "X-Rate-Limit-Limit": str(state.limit),
            "X-Rate-Limit-Remaining": str(self._remaining(served)),
            "X-Rate-Limit-Reset": reset_header(state.reset, self.settings),
            "Date": formatdate(now, usegmt=True),
        }
        damage(served.response)
        self._journal(request, served, now if at is None else at, injected)
        return served.response

    def lost(self, request: Request, now: float, injected: InjectedFaults, status: int = 0) -> None:
        """Write down a call that never reached the server's rules.

        Args:
            request: The request.
            now: Server time.
            injected: Faults that hit it.
            status: What something in front of the server answered; 0 when the connection was cut.
        """
        state = self._state(request, now)
        self._journal(request, Served(Response(status=status), _NOTHING_RECEIVED, 0, state), now, injected)

    def _is_of_storage(self, request: Request) -> bool:
        path = request.path.removeprefix(self.settings.path_prefix)
        return self.settings.file_links != "none" and path.startswith(invented.PREFIX) and path != invented.LINKS.path

    def _stored(
        self, request: Request, now: float, injected: InjectedFaults, damage: Callable[[Response], None]
    ) -> Response:
        """Serve bytes: no token, no units, no headers of a budget."""
        path = request.path.removeprefix(self.settings.path_prefix)
        try:
            response = _server_error(injected) if "server_error" in injected else self.storage.serve(request, path, now)
        except Refusal as refusal:
            response = refusal_response(refusal)
        response.headers["Date"] = formatdate(now, usegmt=True)
        damage(response)
        self._journal(request, Served(response, _NOTHING_RECEIVED, 0, self._state(request, now)), now, injected)
        return response

    def _serve(self, request: Request, now: float, injected: InjectedFaults) -> Served:
        token = request.token
        if token not in self.settings.tokens or "unauthorized" in injected:
            response = refusal_response(Refusal(401, "authentication is missing or incorrect"))
            return Served(response, _NOTHING_RECEIVED, 0, self._state(request, now))
        path = request.path.removeprefix(self.settings.path_prefix)
        known = request.path.startswith(self.settings.path_prefix) and path in PATHS
        operation = BY_NAME.get((request.method, path)) if known else None
        if self.settings.file_links == "operation" and (request.method, path) == ("GET", invented.LINKS.path):
            operation = invented.LINKS
        received = _NOTHING_RECEIVED
        data_quantity: DataQuantity = self.settings.unlisted_data_quantity
        work: Refusal | Operation
        try:
            # An unknown path still carries options, which set the price; any list accepts data_quantity.
            received = receive(request, operation or _UNKNOWN, self.settings, _arrival(injected))
            asked = None if "ignore_data_quantity" in injected else read_data_quantity(received.options)
            data_quantity = data_quantity_of(
                asked,
                request.method,
                listed=operation is not None and "data_quantity" in operation.options,
                settings=self.settings,
            )
            work = self._permitted(request, operation, received)
        except Refusal as refusal:
            work = refusal
        if "server_error" in injected or "server_error_html" in injected:
            return Served(_server_error(injected), received, 0, self._state(request, now))
        return self._charged(request, work, received, data_quantity, now, injected)

    def _permitted(self, request: Request, operation: Operation | None, received: Received) -> Operation:
        if operation is None:
            raise Refusal(404, f"no endpoint {request.method} {request.path}")
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
        request: Request,
        work: Refusal | Operation,
        received: Received,
        data_quantity: DataQuantity,
        now: float,
        injected: InjectedFaults,
    ) -> Served:
        """Charge first, then work; under cost_mode "record" a read is prepared first, since its size is the price."""
        window = self.window(str(request.token))
        prepared: Response | None = None
        if self.settings.cost_mode == "record" and isinstance(work, Operation) and request.method == "GET":
            prepared = self._done(request, work, received, data_quantity, injected)
        units = cost_of(data_quantity, prepared.records if prepared else 0, self.settings)
        verdict = window.charge(units, now)
        if not verdict.allowed or "rate_limited_without_reset" in injected:
            if verdict.allowed:
                window.refund(units)
            refused = Response(status=429, body=TOO_MANY.encode(), content_type="text/plain")
            return Served(refused, received, 0, window.state(now))
        done = self._done(request, work, received, data_quantity, injected) if prepared is None else prepared
        if done.status in self.settings.uncharged_statuses:
            window.refund(units)
            units = 0
        return Served(done, received, units, window.state(now))

    def _done(
        self,
        request: Request,
        work: Refusal | Operation,
        received: Received,
        data_quantity: DataQuantity,
        injected: InjectedFaults,
    ) -> Response:
        if isinstance(work, Refusal):
            return refusal_response(work)
        if "forbidden" in injected:
            return refusal_response(Refusal(403, "access is denied"))
        try:
            return self._act(request, work, received, data_quantity, injected)
        except Refusal as refusal:
            return refusal_response(refusal)

    def _act(
        self,
        request: Request,
        operation: Operation,
        received: Received,
        data_quantity: DataQuantity,
        injected: InjectedFaults,
    ) -> Response:
        options = received.options
        world, settings = self._tenant(str(request.token))
        world.milliseconds = settings.timestamps == "milliseconds"
        match operation.action:
            case "list":
                ranks = pick(world, operation, options, settings, self._chance, _ignored(injected))
                rows = render(world, operation.record_type, ranks, data_quantity, settings)
                return rows_response(self._linked(request, operation, rows, data_quantity))
            case "single":
                record = read(world, operation.record_type, options, data_quantity)
                if operation.record_type == "presigned_upload" and settings.file_links != "none":
                    record = self.storage.begin_upload(record, invented.base_of(request), world.moment())
                return json_response(200, singleton(record, settings), 1)
            case "create":
                return create(world, operation, options, request.body, settings)
            case "change":
                return update(world, operation, request.body, settings)
            case "delete":
                return delete(world, operation, options, settings)

    def _linked(
        self, request: Request, operation: Operation, rows: Iterator[Any], data_quantity: DataQuantity
    ) -> Iterator[Any]:
        """Return rows with the links that were invented, where a setting asks for them."""
        base, now, links = invented.base_of(request), self.world.moment(), self.settings.file_links
        if operation is invented.LINKS:
            linked = self.storage.linked(rows, base, now)
            return ({"id": row["id"], invented.FIELD: row[invented.FIELD]} for row in linked)
        if links == "none" or data_quantity == "id_only":
            return rows
        if operation.record_type == "files" and links == "field":
            return self.storage.linked(rows, base, now)
        return self.storage.with_pictures(rows, base, now) if operation.record_type == "thumbnails" else rows

    def _tenant(self, token: str) -> tuple[World, SandboxSettings]:
        """Return the records and settings of a token's tenant (concepts page, "Tenant": only its own data)."""
        tenant = self.tenants.get(token)
        if tenant is None:
            return self.world, self.settings
        settings = attrs.evolve(
            self.settings, advanced_contacts=tenant.advanced_contacts, advanced_metrics=tenant.advanced_metrics
        )
        return tenant.world, settings

    def _state(self, request: Request, now: float) -> WindowState:
        token = request.token
        known = token is not None and token in self.windows
        return (self.windows[str(token)] if known else Window(self.settings)).state(now)

    def _remaining(self, served: Served) -> int:
        if served.response.status == 429 and self.settings.remaining_when_exceeded == "zero":
            return 0
        return served.state.remaining

    def _journal(self, request: Request, served: Served, at: float, injected: InjectedFaults) -> None:
        state, response = served.state, served.response
        self.journal.add(
            JournalEntry(
                at=at,
                token=token_label(request.token),
                method=request.method,
                path=request.path,
                options=served.received.options,
                placement=served.received.placement,
                client_faults=served.received.client_faults,
                status=None if "drop_after" in injected else response.status or None,
                units=served.units,
                records=response.records,
                bytes=len(response.body),
                used=state.used,
                limit=state.limit,
                remaining=state.remaining,
                reset=state.reset,
                fault=injected.label,
                zone=request.zone,
            )
        )


_UNKNOWN = Operation(method="GET", path="", action="list")


def _arrival(injected: InjectedFaults) -> Any:
    """Return whether a header of some name reaches the server through the proxy in front of it."""
    lost = (
        {str(name).lower() for name in injected.detail("drop_options", "names")} if "drop_options" in injected else ()
    )
    no_underscores = "no_underscore_headers" in injected
    return lambda name: not (no_underscores and "_" in name) and name.lower() not in lost


def _ignored(injected: InjectedFaults) -> Ignored:
    return Ignored(
        page_size="ignore_page_size" in injected,
        page_number="ignore_page_number" in injected,
        updated_after="ignore_updated_after" in injected,
        filter_ids="ignore_filter_ids" in injected,
    )


def _server_error(injected: InjectedFaults) -> Response:
    if "server_error_html" in injected:
        page = b"<!DOCTYPE html><html><body><h1>Internal Server Error</h1></body></html>"
        return Response(status=500, body=page, content_type="text/html")
    return Response(status=500, body=b"There was an error on the server side.", content_type="text/plain")
