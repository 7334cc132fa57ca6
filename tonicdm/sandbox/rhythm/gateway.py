"""Take one call through all the rules, from its header lines to its response and its line in the journal."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

import attrs

from tonicdm.sandbox.damage import described_response
from tonicdm.sandbox.faults import NO_FAULTS, InjectedFaults
from tonicdm.sandbox.journal import Entries
from tonicdm.sandbox.messages import Refusal, Request, Response, json_response, refusal_response
from tonicdm.sandbox.rhythm.context import Context, Handler, Tenant
from tonicdm.sandbox.rhythm.downloads import download, xml_refusal
from tonicdm.sandbox.rhythm.execution_handlers import EXECUTION_HANDLERS, FINANCE_HANDLERS, RUNNING, order_operation
from tonicdm.sandbox.rhythm.operations import AUTH, FILES, Operation, Target, find, target
from tonicdm.sandbox.rhythm.queries import QUERY_HANDLERS
from tonicdm.sandbox.rhythm.record_handlers import CONTACT_HANDLERS, MINOR_HANDLERS
from tonicdm.sandbox.rhythm.settings import RhythmSettings
from tonicdm.sandbox.rhythm.tokens import (
    CLAIM,
    GrantRefusal,
    Issuer,
    TokenLife,
    attach,
    authorize,
    read_form,
    refused,
    subject,
)


@attrs.frozen(kw_only=True)
class RhythmEntry:
    """One call as the server received and answered it."""

    at: float
    """Server time of its arrival, Unix seconds."""
    operation: str | None
    """operationId; "authorize", "issueUserToken" and "download" for what the reference has none; None: unknown."""
    service: str
    """Service that was called, "auth0" or "s3"."""
    tenant: str | None
    """Tenant in the path, or that of the token where the path has none."""
    token: str | None
    """Claim jti of the bearer token, None without a token of this server."""
    client: str | None
    """Client ID behind the token, or that asked for one."""
    method: str
    """HTTP method."""
    path: str
    """Path below the service, without the query string: that of a signed URI holds its secret."""
    parameters: tuple[str, ...]
    """Names in the query string."""
    status: int | None
    """Status sent; None when the connection was cut before an answer."""
    reason: str | None
    """What was wrong, in more words than the answer has: "expired", "audience", "foreign tenant", ..."""
    records: int
    """Records in the answer's body, or rows of a file."""
    bytes: int
    """Length of the answer's body."""
    authorized: bool
    """Whether an Authorization header came along."""
    fault: str | None
    """Names of the faults that hit, joined by "+"."""

    def as_json(self) -> dict[str, Any]:
        """Return the entry as JSON values."""
        return attrs.asdict(self)


class RhythmJournal(Entries[RhythmEntry]):
    """All calls of a Rhythm server."""

    def calls(
        self,
        *,
        operation: str | None = None,
        service: str | None = None,
        tenant: str | None = None,
        client: str | None = None,
        status: int | None = None,
        since: float | None = None,
    ) -> list[RhythmEntry]:
        """Return the entries that match all that is given.

        Args:
            operation: operationId.
            service: Service.
            tenant: Tenant ID.
            client: Client ID.
            status: Status sent.
            since: Earliest server time.
        """
        return [
            entry
            for entry in self
            if operation in {None, entry.operation}
            and service in {None, entry.service}
            and tenant in {None, entry.tenant}
            and client in {None, entry.client}
            and status in {None, entry.status}
            and (since is None or entry.at >= since)
        ]


def link(context: Context, issuer: Issuer) -> Response:
    """Answer linkCurrentUserToContact; the mail that the real thing sends is taken as confirmed at once.

    Tokens that the user already has stay as they are: only the next one carries the contact.
    """
    user = next((user for user in issuer.users.values() if subject(user) == context.user), None)
    if user is None:
        raise Refusal(401, "Unauthorized")
    rank = context.tenant.world.by_email(context.parameters["emailAddress"])
    if rank is None:
        raise Refusal(404, "no contact has that address")
    contacts = context.tenant.world.tables["contacts"]
    attach(user, contacts, contacts.id(rank))
    return json_response(200, {}, 0)


HANDLERS: Mapping[str, Handler] = {
    **CONTACT_HANDLERS,
    **MINOR_HANDLERS,
    **FINANCE_HANDLERS,
    **QUERY_HANDLERS,
    **EXECUTION_HANDLERS,
}
"""By operationId; linkCurrentUserToContact needs the issuer and stands apart."""
NO_TOKEN = frozenset({"processPublicPayment"})
"""Operations without a security scheme: what they are sent proves the right to them (reference)."""
DENIED = "User is not authorized to access this resource"
"""Body of a denied call: the same for a foreign tenant and for an unknown URI (concepts page, "Requests")."""
TOO_MANY = "Too Many Requests"
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET,POST,PATCH,DELETE,OPTIONS",
    "Access-Control-Allow-Headers": "Authorization,Content-Type",
}
"""Listed on every success answer (reference, headers)."""


class Denial(Refusal):
    """A refusal whose reason the client does not read, or one with headers."""

    def __init__(self, status: int, message: str, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message)
        self.reason: str = reason
        self.headers: dict[str, str] = dict(headers or {})


def _life(injected: InjectedFaults) -> TokenLife | None:
    if "short_token" not in injected:
        return None
    return TokenLife(injected.detail("short_token", "expires_in"), injected.detail("short_token", "exp"))


@attrs.define
class RoutedRequest:
    """What is known about a call so far; the journal is written from it."""

    request: Request
    where: Target
    now: float
    injected: InjectedFaults
    endpoint: Operation | None
    operation: str | None
    tenant: str | None = None
    claims: Mapping[str, Any] = attrs.field(factory=dict)
    client: str | None = None
    reason: str | None = None


@attrs.define
class Service:
    """The server without its sockets.

    Args:
        settings: The choices.
        issuer: The token service.
        tenants: The customers by ID.
        seed: Of chance.
    """

    settings: RhythmSettings
    issuer: Issuer
    tenants: dict[str, Tenant]
    seed: int
    folder: pathlib.Path = pathlib.Path()
    """Where results are written, once the server listens."""
    url: str = ""
    """Base URL, once the server listens."""
    journal: RhythmJournal = attrs.field(factory=RhythmJournal)

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
            now: Server time.
            injected: Faults that hit it.
            at: Server time of its arrival, *now* when not given.
            damage: Changes the answer as faults do, before it is written down.
        """
        routed = self._route(request, now, injected)
        try:
            response = self._fault_response(routed) or self._serve(routed)
        except Refusal as refusal:
            routed.reason = refusal.message
            response = (xml_refusal if routed.where.service == FILES else refusal_response)(refusal)
            if isinstance(refusal, Denial):
                routed.reason = refusal.reason
                response.headers |= refusal.headers
        response.headers["Date"] = formatdate(now, usegmt=True)
        damage(response)
        self._write(routed, response, now if at is None else at)
        return response

    def lost(self, request: Request, now: float, injected: InjectedFaults, status: int = 0) -> None:
        """Write down a call that never reached the rules.

        Args:
            request: The request.
            now: Server time.
            injected: Faults that hit it.
            status: What something in front of the server answered; 0 when the connection was cut.
        """
        self._write(self._route(request, now, injected), Response(status=status), now)

    def _route(self, request: Request, now: float, injected: InjectedFaults) -> RoutedRequest:
        where = target(request.header("Host"), request.raw_path)
        endpoint = find(where, request.method, *order_operation(self.settings))
        operation = None if endpoint is None else endpoint.id
        return RoutedRequest(
            request, where, now, injected, endpoint, "download" if where.service == FILES else operation
        )

    def _fault_response(self, routed: RoutedRequest) -> Response | None:
        """Return what a fault answers in place of the rules."""
        injected = routed.injected
        if "response" in injected and not injected.detail("response", "served"):
            return described_response(injected)
        if "server_error_html" in injected:
            page = b"<!DOCTYPE html><html><body><h1>Internal Server Error</h1></body></html>"
            return Response(status=500, body=page, content_type="text/html")
        if "server_error" in injected:
            return refusal_response(Refusal(500, "Internal Server Error"))
        if "unauthorized" in injected:
            return refusal_response(Refusal(401, "Unauthorized"))
        if "too_many_requests" in injected:
            return self._rate_limited(routed, injected.detail("too_many_requests", "retry_after"))
        return refusal_response(Refusal(403, DENIED)) if "forbidden" in injected else None

    def _rate_limited(self, routed: RoutedRequest, retry_after: object) -> Response:
        """Return a 429 of the kind that the operation has: on step functions it means that an instance runs."""
        if routed.where.service == AUTH:
            response = refused(GrantRefusal(429, "too_many_requests", "the rate limit of the endpoint is reached"))
        else:
            running = routed.endpoint is not None and "stepFunctions" in routed.endpoint.segments
            response = refusal_response(Refusal(429, RUNNING if running else TOO_MANY))
        if retry_after is not None:
            response.headers["Retry-After"] = str(retry_after)
        return response

    def _serve(self, routed: RoutedRequest) -> Response:
        service = routed.where.service
        if service == FILES:
            return download(
                routed.request, routed.where.segments, self.tenants, routed.now, self.issuer.key, self.folder
            )
        if service == AUTH:
            return self._auth(routed)
        response = self._api(routed)
        response.headers |= CORS
        return response

    def _auth(self, routed: RoutedRequest) -> Response:
        request, segments, now = routed.request, routed.where.segments, routed.now
        try:
            if (request.method, segments) == ("GET", ("authorize",)):
                routed.operation = "authorize"
                return authorize(self.issuer, dict(request.query), now)
            if routed.endpoint is None:
                raise Refusal(404, "Not Found")
            form = read_form(self.issuer, request)
            if form.get("grant_type") != "client_credentials":
                routed.operation = "issueUserToken"
            client = self.issuer.clients.get(form.get("client_id", ""))
            if client is not None:
                routed.client, routed.tenant = client.id, client.tenant
            return json_response(200, self.issuer.grant(form, now, _life(routed.injected)), 1)
        except GrantRefusal as refusal:
            routed.reason = refusal.error
            return refused(refusal)

    def _api(self, routed: RoutedRequest) -> Response:
        settings, operation = self.settings, routed.endpoint
        open_to_all = (
            operation is not None
            and "public" in operation.segments
            and (not settings.public_needs_token or operation.id in NO_TOKEN)
        )
        parameters = operation.parameters(routed.where.segments) if operation else {}
        claims = {} if open_to_all else self._claims(routed)
        if operation is None:
            raise Denial(settings.denied_status, DENIED, "unknown URI")
        own = claims.get(f"{CLAIM}tenant_id")
        asked = routed.tenant = parameters.get("tenantId", own)
        tenant = self.tenants.get(str(asked))
        if tenant is None or (claims and asked != own):
            raise Denial(settings.denied_status, DENIED, "foreign tenant")
        self._throttle(tenant, routed.now)
        if operation.id in settings.contact_bound and f"{CLAIM}contact_id" not in claims:
            raise Denial(401, "Unauthorized", "no contact")
        context = Context(
            operation=operation,
            parameters=parameters,
            query=dict(routed.request.query),
            body=routed.request.body,
            claims=claims,
            tenant=tenant,
            settings=settings,
            now=routed.now,
            injected=routed.injected,
            url=self.url,
            folder=self.folder,
            key=self.issuer.key,
            seed=self.seed,
        )
        if operation.id == "linkCurrentUserToContact":
            return link(context, self.issuer)
        return HANDLERS[operation.id](context)

    def _claims(self, routed: RoutedRequest) -> Mapping[str, Any]:
        """Return what the bearer token says.

        Raises:
            Denial: 401; the answer does not say why, the journal does.
        """
        token = routed.request.token
        if token is None and self.settings.bare_token:
            token = routed.request.header("Authorization")
        claims = None if token is None else self.issuer.claims(token)
        if claims is None:
            raise Denial(401, "Unauthorized", "no token" if token is None else "not a token of this server")
        routed.claims, routed.client = claims, claims["azp"]
        audience = claims["aud"]
        if self.settings.audience not in ([audience] if isinstance(audience, str) else audience):
            raise Denial(401, "Unauthorized", "audience")
        if routed.now >= claims.get("exp", float("inf")):
            raise Denial(401, "Unauthorized", "expired")
        if self.issuer.is_revoked(claims):
            raise Denial(401, "Unauthorized", "revoked")
        return claims

    def _throttle(self, tenant: Tenant, now: float) -> None:
        """Count a call.

        Raises:
            Denial: 429, the tenant has made too many in the last second.
        """
        max_calls = self.settings.requests_per_second
        if max_calls is None:
            return
        tenant.recent = [at for at in tenant.recent if now - 1 < at <= now]
        if len(tenant.recent) >= max_calls:
            raise Denial(429, TOO_MANY, "requests_per_second", self._retry_after(now))
        tenant.recent.append(now)

    def _retry_after(self, now: float) -> dict[str, str]:
        match self.settings.retry_after:
            case "seconds":
                return {"Retry-After": "1"}
            case "date":
                # HTTP dates have whole seconds: one second more, so that it is not over too early.
                return {"Retry-After": formatdate(now + 2, usegmt=True)}
            case "none":
                return {}

    def _write(self, routed: RoutedRequest, response: Response, at: float) -> None:
        request = routed.request
        self.journal.add(
            RhythmEntry(
                at=at,
                operation=routed.operation,
                service=routed.where.service,
                tenant=routed.tenant,
                token=routed.claims.get("jti"),
                client=routed.client,
                method=request.method,
                path=routed.where.path,
                parameters=tuple(name for name, _ in request.query),
                status=None if "drop_after" in routed.injected else response.status or None,
                reason=routed.reason,
                records=response.records,
                bytes=response.length,
                authorized=request.header("Authorization") is not None,
                fault=routed.injected.label,
            )
        )
