"""One call through all the rules, from its header lines to its answer and its line in the journal."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

import attrs

from tonicdm.sandbox.calls import Answer, Call, Refusal, json_answer, refusal_answer
from tonicdm.sandbox.damage import told_answer
from tonicdm.sandbox.faults import NO_STRIKE, Strike
from tonicdm.sandbox.rhythm import directory, finance, queries, resources, tasks
from tonicdm.sandbox.rhythm.ask import Ask, Handler, Tenant
from tonicdm.sandbox.rhythm.auth import authorize, read_form, refused
from tonicdm.sandbox.rhythm.downloads import download, xml_refusal
from tonicdm.sandbox.rhythm.issuer import CLAIM, GrantRefusal, Issuer, TokenLife
from tonicdm.sandbox.rhythm.journal import RhythmEntry, RhythmJournal
from tonicdm.sandbox.rhythm.links import link
from tonicdm.sandbox.rhythm.routes import AUTH, FILES, Operation, Target, find, target
from tonicdm.sandbox.rhythm.settings import RhythmSettings

HANDLERS: Mapping[str, Handler] = {
    **directory.HANDLERS,
    **resources.HANDLERS,
    **finance.HANDLERS,
    **queries.HANDLERS,
    **tasks.HANDLERS,
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


def _life(strike: Strike) -> TokenLife | None:
    if "short_token" not in strike:
        return None
    return TokenLife(strike.detail("short_token", "expires_in"), strike.detail("short_token", "exp"))


@attrs.define
class Visit:
    """What is known about a call so far; the journal is written from it."""

    call: Call
    where: Target
    now: float
    strike: Strike
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
        call: Call,
        now: float,
        strike: Strike = NO_STRIKE,
        at: float | None = None,
        damage: Callable[[Answer], None] = lambda _: None,
    ) -> Answer:
        """Serve one call and write it down.

        Args:
            call: The request.
            now: Server time.
            strike: Faults that strike it.
            at: Server time of its arrival, *now* when not given.
            damage: Changes the answer as faults do, before it is written down.
        """
        visit = self._visit(call, now, strike)
        try:
            answer = self._struck(visit) or self._serve(visit)
        except Refusal as refusal:
            visit.reason = refusal.message
            answer = (xml_refusal if visit.where.service == FILES else refusal_answer)(refusal)
            if isinstance(refusal, Denial):
                visit.reason = refusal.reason
                answer.headers |= refusal.headers
        answer.headers["Date"] = formatdate(now, usegmt=True)
        damage(answer)
        self._write(visit, answer, now if at is None else at)
        return answer

    def lost(self, call: Call, now: float, strike: Strike, status: int = 0) -> None:
        """Write down a call that never reached the rules.

        Args:
            call: The request.
            now: Server time.
            strike: Faults that struck it.
            status: What something in front of the server answered; 0 when the connection was cut.
        """
        self._write(self._visit(call, now, strike), Answer(status=status), now)

    def _visit(self, call: Call, now: float, strike: Strike) -> Visit:
        where = target(call.header("Host"), call.raw_path)
        endpoint = find(where, call.method, *tasks.order_operation(self.settings))
        operation = None if endpoint is None else endpoint.id
        return Visit(call, where, now, strike, endpoint, "download" if where.service == FILES else operation)

    def _struck(self, visit: Visit) -> Answer | None:
        """Return what a fault answers in place of the rules."""
        strike = visit.strike
        if "answer" in strike and not strike.detail("answer", "served"):
            return told_answer(strike)
        if "server_error_html" in strike:
            page = b"<!DOCTYPE html><html><body><h1>Internal Server Error</h1></body></html>"
            return Answer(status=500, body=page, content_type="text/html")
        if "server_error" in strike:
            return refusal_answer(Refusal(500, "Internal Server Error"))
        if "unauthorized" in strike:
            return refusal_answer(Refusal(401, "Unauthorized"))
        if "too_many_requests" in strike:
            return self._pressed(visit, strike.detail("too_many_requests", "retry_after"))
        return refusal_answer(Refusal(403, DENIED)) if "forbidden" in strike else None

    def _pressed(self, visit: Visit, retry_after: object) -> Answer:
        """Return a 429 of the kind that the operation has: on step functions it means that an instance runs."""
        if visit.where.service == AUTH:
            answer = refused(GrantRefusal(429, "too_many_requests", "the rate limit of the endpoint is reached"))
        else:
            running = visit.endpoint is not None and "stepFunctions" in visit.endpoint.segments
            answer = refusal_answer(Refusal(429, tasks.RUNNING if running else TOO_MANY))
        if retry_after is not None:
            answer.headers["Retry-After"] = str(retry_after)
        return answer

    def _serve(self, visit: Visit) -> Answer:
        service = visit.where.service
        if service == FILES:
            return download(visit.call, visit.where.segments, self.tenants, visit.now, self.issuer.key, self.folder)
        if service == AUTH:
            return self._auth(visit)
        answer = self._api(visit)
        answer.headers |= CORS
        return answer

    def _auth(self, visit: Visit) -> Answer:
        call, segments, now = visit.call, visit.where.segments, visit.now
        try:
            if (call.method, segments) == ("GET", ("authorize",)):
                visit.operation = "authorize"
                return authorize(self.issuer, dict(call.query), now)
            if visit.endpoint is None:
                raise Refusal(404, "Not Found")
            form = read_form(self.issuer, call)
            if form.get("grant_type") != "client_credentials":
                visit.operation = "issueUserToken"
            client = self.issuer.clients.get(form.get("client_id", ""))
            if client is not None:
                visit.client, visit.tenant = client.id, client.tenant
            return json_answer(200, self.issuer.grant(form, now, _life(visit.strike)), 1)
        except GrantRefusal as refusal:
            visit.reason = refusal.error
            return refused(refusal)

    def _api(self, visit: Visit) -> Answer:
        settings, operation = self.settings, visit.endpoint
        open_to_all = (
            operation is not None
            and "public" in operation.segments
            and (not settings.public_needs_token or operation.id in NO_TOKEN)
        )
        parameters = operation.parameters(visit.where.segments) if operation else {}
        claims = {} if open_to_all else self._claims(visit)
        if operation is None:
            raise Denial(settings.denied_status, DENIED, "unknown URI")
        own = claims.get(f"{CLAIM}tenant_id")
        asked = visit.tenant = parameters.get("tenantId", own)
        tenant = self.tenants.get(str(asked))
        if tenant is None or (claims and asked != own):
            raise Denial(settings.denied_status, DENIED, "foreign tenant")
        self._throttle(tenant, visit.now)
        if operation.id in settings.contact_bound and f"{CLAIM}contact_id" not in claims:
            raise Denial(401, "Unauthorized", "no contact")
        ask = Ask(
            operation=operation,
            parameters=parameters,
            query=dict(visit.call.query),
            body=visit.call.body,
            claims=claims,
            tenant=tenant,
            settings=settings,
            now=visit.now,
            strike=visit.strike,
            url=self.url,
            folder=self.folder,
            key=self.issuer.key,
            seed=self.seed,
        )
        if operation.id == "linkCurrentUserToContact":
            return link(ask, self.issuer)
        return HANDLERS[operation.id](ask)

    def _claims(self, visit: Visit) -> Mapping[str, Any]:
        """Return what the bearer token says.

        Raises:
            Denial: 401; the answer does not say why, the journal does.
        """
        token = visit.call.token
        if token is None and self.settings.bare_token:
            token = visit.call.header("Authorization")
        claims = None if token is None else self.issuer.claims(token)
        if claims is None:
            raise Denial(401, "Unauthorized", "no token" if token is None else "not a token of this server")
        visit.claims, visit.client = claims, claims["azp"]
        audience = claims["aud"]
        if self.settings.audience not in ([audience] if isinstance(audience, str) else audience):
            raise Denial(401, "Unauthorized", "audience")
        if visit.now >= claims.get("exp", float("inf")):
            raise Denial(401, "Unauthorized", "expired")
        if self.issuer.is_revoked(claims):
            raise Denial(401, "Unauthorized", "revoked")
        return claims

    def _throttle(self, tenant: Tenant, now: float) -> None:
        """Count a call.

        Raises:
            Denial: 429, the tenant has made too many in the last second.
        """
        most = self.settings.requests_per_second
        if most is None:
            return
        tenant.recent = [at for at in tenant.recent if now - 1 < at <= now]
        if len(tenant.recent) >= most:
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

    def _write(self, visit: Visit, answer: Answer, at: float) -> None:
        call = visit.call
        self.journal.add(
            RhythmEntry(
                at=at,
                operation=visit.operation,
                service=visit.where.service,
                tenant=visit.tenant,
                token=visit.claims.get("jti"),
                client=visit.client,
                method=call.method,
                path=visit.where.path,
                parameters=tuple(name for name, _ in call.query),
                status=None if "drop_after" in visit.strike else answer.status or None,
                reason=visit.reason,
                records=answer.records,
                bytes=answer.length,
                authorized=call.header("Authorization") is not None,
                fault=visit.strike.label,
            )
        )
