"""Make the calls of Rhythm, and explain their refusals."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

import attrs

from tonicdm.budget.views import utc
from tonicdm.codec import parse_json
from tonicdm.errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
)
from tonicdm.http.messages import OutgoingRequest, Response
from tonicdm.http.operation import READ_FAILED, Operation, Parameter, text
from tonicdm.http.transport import Transport
from tonicdm.http.wire import build, check_path
from tonicdm.rhythm.assumed import ASSUMED, INFERRED_PATHS, Dialect
from tonicdm.rhythm.claims import Claims, check_audience, require_contact
from tonicdm.rhythm.dateclock import DateClock
from tonicdm.rhythm.errors import AlreadyRunningError, DeniedError, NoContactError, NotFoundError
from tonicdm.rhythm.jobs import JobFile, JobNote
from tonicdm.rhythm.operations import OPERATIONS, RhythmOperation, find, known_path
from tonicdm.rhythm.settings import RhythmSettings
from tonicdm.rhythm.throttle import ONE_AT_A_TIME, Throttle
from tonicdm.rhythm.tokens.issuer import read_date
from tonicdm.types import Priority

LOOK_IT_UP: Final = (
    "Whether it was carried out is unknown, and it was not sent again: look for what it should have made or changed "
    "before you send it a second time."
)

ADVICE: Final[Mapping[int, str]] = {
    401: "The token is missing, expired or for another audience; or it is a user's who has no contact yet "
    "(troubleshooting page). Another machine token is not asked for because of a 401 alone.",
    409: "The record refers to an object that does not exist (reference: Conflict).",
}


@attrs.frozen(kw_only=True)
class RhythmCaller:
    """Makes calls for one tenant with one set of preferences."""

    transport: Transport[Throttle]
    settings: RhythmSettings
    dialect: Dialect = ASSUMED
    priority: Priority = "normal"
    max_wait: float | None = None
    timeout: float = 30.0
    claims: Callable[[], Claims | None] = lambda: None
    """What the token in use says, as far as that is known without asking for one."""
    by_machine: bool = False
    """Whether the token is a machine's, which never has a contact."""
    on_sent: Callable[[], None] | None = None
    note_at: Callable[[pathlib.Path], JobNote] = JobFile
    """Returns the note that stands for a file: the file itself, or one in a database."""
    server_clock: DateClock = attrs.field(
        default=attrs.Factory(lambda self: DateClock(self.transport.clock), takes_self=True)
    )
    """The API's time, by the Date of its answers."""

    @property
    def tenant(self) -> str:
        """The tenant of all calls."""
        return self.settings.tenant

    async def call(
        self,
        operation: str,
        values: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
        *,
        body: Any = None,
        parse: Callable[[bytes], Any] = parse_json,
    ) -> Any:
        """Make one call and return the JSON of its answer; None where it has no body.

        Args:
            operation: Its name in the reference.
            values: What stands in its path beside the tenant.
            options: By Python name; None is left out.
            body: A JSON value.
            parse: Reads the body of the answer.

        Raises:
            InvalidOptionError: Something can't be sent; nothing was.
            APIError: The server refused the call.
            TransportError: No answer came.
        """
        described = OPERATIONS[operation]
        filled, shown = described.fill(self.tenant, values or {})
        answer = await self.send(described, filled, shown, options or {}, body)
        return parse(answer.body) if answer.body.strip() else None

    async def send(
        self, described: RhythmOperation, filled: Operation, shown: str, options: Mapping[str, Any], body: Any
    ) -> Response:
        """Send one call.

        Args:
            described: What it is.
            filled: The same with its path filled in.
            shown: The path, for people.
            options: By Python name.
            body: A JSON value.
        """
        claims = self.claims()
        if described.contact_bound and (self.by_machine or claims is not None):
            require_contact(None if self.by_machine else claims)
        throttle = self.transport.budget
        call = OutgoingRequest(
            request=build(filled, options, placement="query", body=body),
            base_url=self.settings.base_url(described.service),
            cost=0,
            priority=self.priority,
            max_wait=self.max_wait,
            timeout=self.timeout,
            job=ONE_AT_A_TIME if described.one_at_a_time else None,
            on_sent=self.on_sent,
            shown_path=shown,
            template=described.path,
            public=described.public,
            max_429s=0 if described.one_at_a_time else throttle.rules.max_429s,
            if_lost=READ_FAILED if described.method == "GET" else LOOK_IT_UP,
        )
        clock, sent_at = self.transport.clock, self.transport.clock.monotonic()
        try:
            answer = await self.transport.send(call)
        except APIError as error:
            self._refused(described, error)
        self.server_clock.observe(read_date(answer.headers), sent_at, clock.monotonic())
        return answer

    async def post_task(self, service: str, path: str, body: Any) -> Any:
        """Send a POST that starts a task, to a path that is not known here, and return the JSON of its answer.

        Args:
            service: Where to.
            path: Absolute, with the tenant in it.
            body: A JSON value.
        """
        described = RhythmOperation(id="", service=service, method="POST", path=check_path(path), one_at_a_time=True)
        answer = await self.send(described, Operation(method="POST", path=described.path), "", {}, body)
        return parse_json(answer.body)

    async def request(
        self, method: str, service: str, path: str, options: Mapping[str, str], body: Any, *, unchecked: bool
    ) -> Any:
        """Call a path that the caller names.

        Args:
            method: GET, POST, PATCH or DELETE.
            service: Where to.
            path: Absolute, with the tenant in it.
            options: The query string.
            body: A JSON value.
            unchecked: Whether to send what is no known operation.
        """
        encoded = check_path(path)
        if unchecked:
            unknown = RhythmOperation(id="", service=service, method=method, path=encoded)
            described = find(service, method, encoded) or unknown
        else:
            described = known_path(service, method, encoded, self.tenant)
        named = {name: Parameter(name, text) for name in options}
        shown = described.shown(encoded)
        answer = await self.send(described, Operation(method=method, path=encoded, options=named), shown, options, body)
        return parse_json(answer.body) if answer.body.strip() else None

    def _refused(self, described: RhythmOperation, error: APIError) -> NoReturn:
        """Raise the error that Rhythm means with a status."""
        context: dict[str, Any] = {
            "method": error.method,
            "path": error.path,
            "body": error.body,
            "attempts": error.attempts,
        }
        cause = error.__cause__
        if isinstance(error, RateLimitedError):
            if described.one_at_a_time:
                raise AlreadyRunningError(status=429, **context) from cause
            wait = self.transport.budget.cooldown_left
            raise RateLimitedError(
                **context,
                reset_at=utc(self.transport.budget.clock.now() + wait),
                note=f"The tenant's or client's rate limit is reached; nothing will be sent for {wait:,.0f} s. Use a "
                "query instead of many pages (concepts page, Rate Limits).",
            ) from cause
        claims = self.claims()
        if isinstance(error, PermissionDeniedError):
            claimed = None if claims is None else claims.tenant
            unconfirmed = described.id in INFERRED_PATHS
            raise DeniedError(
                status=error.status, tenant=self.tenant, claimed=claimed, unconfirmed=unconfirmed, **context
            ) from cause
        if isinstance(error, AuthenticationError) and claims is not None:
            # A 401 of a token that could not be looked at before: it may say itself what is wrong with it.
            check_audience(claims)
            if described.contact_bound and claims.contact is None:
                raise NoContactError(
                    f"{error.method} {error.path} answered 401: it is bound to a contact, and the token names none. A "
                    "user has one after the first login to the Rhythm portal; a machine token never has one."
                ) from cause
        if error.status == 404:
            raise NotFoundError(status=404, **context) from cause
        if isinstance(error, (AuthenticationError, BadRequestError)) or error.status == 409:
            raise type(error)(status=error.status, note=ADVICE.get(error.status, ""), **context) from cause
        if isinstance(error, ServerError) and described.method not in {"GET", "DELETE"}:
            raise ServerError(status=error.status, note=LOOK_IT_UP, **context) from cause
        raise error
