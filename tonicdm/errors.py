"""The error tree.

Every error says what happened, what it cost and what to do. All can be pickled and deep-copied, and none holds
a token.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from tonicdm.types import InvalidRecord, RateLimit

BODY_SHOWN = 200
"""Characters of an error's body that its message repeats."""


def _rebuild(cls: type[TonicDMError], args: tuple[Any, ...], state: dict[str, Any]) -> TonicDMError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


def _named(request_id: str) -> str:
    return f"\nRequest {request_id}." if request_id else ""


class TonicDMError(Exception):
    """The root of all errors that this package raises.

    Attributes:
        request_id: What the call was named by in its request header, in hooks and logs; empty where there is none.
    """

    request_id: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        # The usual way calls the class with its message alone, which a keyword-only __init__ refuses.
        return _rebuild, (type(self), self.args, self.__dict__.copy())


class ConfigError(TonicDMError, ValueError):
    """A setting is missing, contradictory or out of range; nothing was sent."""


class InvalidOptionError(TonicDMError, ValueError):
    """An option or field of a call can't be sent as given; nothing was sent or charged."""


class InvalidIDError(InvalidOptionError):
    """A value is not an ID of 32 hex characters; nothing was sent or charged."""

    def __init__(self, name: str, value: object) -> None:
        shown = f"a {type(value).__name__}"
        if isinstance(value, str):
            shown = f"a text of {len(value)} characters" + (" with hyphens" if "-" in value else "")
        super().__init__(
            f"{name} must be 32 hex characters without hyphens, or a uuid.UUID; it is {shown}. Nothing was sent."
        )
        self.name = name


class ClientClosedError(TonicDMError, RuntimeError):
    """The client is closed, or belongs to another event loop."""


class TransportError(TonicDMError):
    """No usable answer came; the cause is chained.

    Attributes:
        method: The call's HTTP method.
        path: The call's path.
        sent: Whether the request may have reached the server; then its units stay charged until known better.
        attempts: How many times the call was tried.
        status: The HTTP status, where the head of an answer had come before it broke off; else None.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        path: str = "",
        sent: bool = True,
        attempts: int = 1,
        status: int | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message + _named(request_id))
        self.method = method
        self.path = path
        self.sent = sent
        self.attempts = attempts
        self.status = status
        self.request_id = request_id


class ConnectError(TransportError):
    """No connection could be made; nothing was sent or charged."""


class RequestTimeoutError(TransportError, TimeoutError):
    """The answer did not come within the timeout."""


class ProtocolError(TransportError):
    """The connection broke or the answer was no valid HTTP."""


class BudgetError(TonicDMError):
    """The budget does not allow a call.

    Attributes:
        cost: Units of the call.
        reset_at: When the next window is expected to begin, UTC; None while unknown.
    """

    def __init__(self, message: str, *, cost: int | None = None, reset_at: datetime.datetime | None = None) -> None:
        super().__init__(message)
        self.cost = cost
        self.reset_at = reset_at


class BudgetTimeoutError(BudgetError, TimeoutError):
    """A call was refused before it was sent, because its wait for units would pass ``max_wait``.

    Attributes:
        wait: Seconds that it would have waited at least.
        max_wait: Seconds that were allowed.
    """

    def __init__(
        self,
        message: str,
        *,
        cost: int | None = None,
        reset_at: datetime.datetime | None = None,
        wait: float | None = None,
        max_wait: float | None = None,
    ) -> None:
        super().__init__(message, cost=cost, reset_at=reset_at)
        self.wait = wait
        self.max_wait = max_wait


class LedgerUnavailableError(BudgetError):
    """The ledger, where the budget is kept, could not be used for as long as was allowed; nothing was sent.

    Attributes:
        ledger: Where it is: a path, or ``memory``.
    """

    def __init__(self, message: str, *, ledger: str = "", cost: int | None = None) -> None:
        super().__init__(message, cost=cost)
        self.ledger = ledger


class APIError(TonicDMError):
    """The server answered with an error status.

    Attributes:
        status: The HTTP status.
        method: The call's HTTP method.
        path: The call's path.
        rate_limit: The budget as this answer reported it, None where it did not.
        attempts: How many times the call was tried.
        body: The answer's text, cut to `BODY_SHOWN` characters.
        headers: The answer's header lines, found whatever their case; without secrets.
    """

    advice = ""

    def __init__(
        self,
        *,
        status: int,
        method: str,
        path: str,
        body: str = "",
        rate_limit: RateLimit | None = None,
        attempts: int = 1,
        note: str = "",
        headers: Mapping[str, str] | None = None,
        request_id: str = "",
    ) -> None:
        self.status = status
        self.method = method
        self.path = path
        self.body: str = body[:BODY_SHOWN]
        self.rate_limit = rate_limit
        self.attempts = attempts
        self.headers: Mapping[str, str] = {} if headers is None else headers
        self.request_id = request_id
        explanation = " ".join(self.body.split())
        parts = [f"{method} {path} answered {status}" + (f" after {attempts} attempts" if attempts > 1 else "")]
        parts.append(f": {explanation}" if explanation else ".")
        if rate_limit is not None:
            parts.append(f"\n{rate_limit.remaining:,} of {rate_limit.limit:,} units are left in this window.")
        if hint := note or self.advice:
            parts.append(f"\n{hint}")
        parts.append(_named(request_id))
        super().__init__("".join(parts))


class BadRequestError(APIError):
    """400: the server could not read the request."""


class AuthenticationError(APIError):
    """401: the token is missing, wrong or expired."""

    advice = "Check the token (token= or TONICDM_TOKEN) and that it belongs to this zone's host."


class PermissionDeniedError(APIError):
    """403: the token is known, but its user may not do this."""

    advice = "The user behind the token lacks the right or the licence for this operation."


class EndpointNotFoundError(APIError):
    """404: the path is no endpoint (an unknown record is an empty answer instead)."""

    advice = "The path is not an endpoint of this server; see path_prefix= if it serves a versioned path."


class ServerError(APIError):
    """5xx: the request was valid, the server failed."""


class MayExistError(TonicDMError):
    """The answer to a creating call was lost or an error of the server's: whether the record exists is unknown."""


class MayExistProtocolError(MayExistError, ProtocolError):
    """A record may have been created: the connection broke, or the answer was no valid HTTP."""


class MayExistTimeoutError(MayExistError, RequestTimeoutError):
    """A record may have been created: no answer came within the timeout."""


class MayExistServerError(MayExistError, ServerError):
    """A record may have been created: the server failed after it had taken the request."""


_MAY_EXIST: tuple[tuple[type[TonicDMError], type[MayExistError]], ...] = (
    (ServerError, MayExistServerError),
    (RequestTimeoutError, MayExistTimeoutError),
    (ProtocolError, MayExistProtocolError),
)


def may_exist(error: TransportError | ServerError) -> MayExistError | None:
    """Return the error that says of a creating call what *error* leaves open; None where nothing was sent."""
    if isinstance(error, TransportError) and not error.sent:
        return None
    for known, error_type in _MAY_EXIST:
        if isinstance(error, known):
            message = (
                f"{error}\nThe record may have been created. Look for it before it is sent again; "
                "create_or_find() does both."
            )
            made = _rebuild(error_type, (message,), vars(error))
            assert isinstance(made, MayExistError)
            return made
    return None


class SeveralFoundError(TonicDMError, LookupError):
    """More than one record may be the one that was to be created; nothing was sent again.

    Attributes:
        ids: Their IDs.
        path: The list's path.
    """

    def __init__(self, ids: Sequence[str], *, path: str) -> None:
        super().__init__(
            f"{path} has {len(ids)} records that may be the one that was to be created: {', '.join(ids[:5])}. "
            "Say by match= which fields tell it, or decide by hand; it was not sent again."
        )
        self.ids: tuple[str, ...] = tuple(ids)
        self.path = path


class RateLimitedError(BudgetError, APIError):
    """429: the budget is used up, and waiting for its reset was not allowed."""

    def __init__(
        self,
        *,
        method: str,
        path: str,
        body: str = "",
        rate_limit: RateLimit | None = None,
        attempts: int = 1,
        cost: int | None = None,
        reset_at: datetime.datetime | None = None,
        note: str = "",
        headers: Mapping[str, str] | None = None,
        request_id: str = "",
    ) -> None:
        until = f"{reset_at:%H:%M:%S} UTC" if reset_at else "an hour from now"
        APIError.__init__(
            self,
            status=429,
            method=method,
            path=path,
            body=body,
            rate_limit=rate_limit,
            attempts=attempts,
            note=note or f"No call will be sent before {until}; max_wait allows no waiting until then.",
            headers=headers,
            request_id=request_id,
        )
        self.cost = cost
        self.reset_at = reset_at


class OptionIgnoredError(TonicDMError):
    """The answer contradicts an option of the call: the server, or a proxy before it, did not see the option.

    Also raised where an answer could not show that an undocumented option was heeded.

    Attributes:
        option: The option's wire name.
        records: What was paid for: the decoded records of the response.
    """

    def __init__(
        self,
        option: str,
        contradiction: str,
        records: Any,
        *,
        placement: str = "header",
        documented: bool = True,
        certain: bool = True,
    ) -> None:
        self.option = option
        self.records = records
        paid = "The call was charged; its records are in .records."
        if not documented:
            verdict = "had no effect" if certain else "may have had no effect"
            super().__init__(
                f"The option {option} {verdict}: {contradiction}. The reference does not show it here, so the server "
                f'may not know it; on_ignored="accept" takes the list as it comes. {paid}'
            )
            return
        other = "query" if placement == "header" else "header"
        cause = (
            'a proxy that drops header names with "_", or a server that reads options from the query string'
            if placement == "header"
            else "a server that reads options from headers only"
        )
        super().__init__(
            f"The option {option} had no effect: {contradiction}. The likely cause is {cause}; "
            f'try option_placement="{other}". {paid}'
        )


class RecordNotFoundError(TonicDMError, LookupError):
    """The server returned no record for an ID: it does not exist, or is out of the user's sight.

    Attributes:
        id: The ID asked for.
        path: The endpoint's path.
    """

    def __init__(self, record_id: str, *, path: str) -> None:
        super().__init__(
            f"{path} has no record {record_id} that this token may see. The call was charged as any other; "
            "get_many() reports missing records without raising."
        )
        self.id = record_id
        self.path = path


class DecodeError(TonicDMError):
    """An answer does not have the documented form.

    Attributes:
        paths: Where, in wire names (``$[3].emailAddresses[0].isPrime``), and what was expected; never the values.
        records: What was paid for: the decoded records of the answer that are sound.
        invalid: The elements that are not, as `InvalidRecord`.
    """

    def __init__(
        self,
        paths: Sequence[str],
        *,
        what: str = "the answer",
        records: Sequence[Any] = (),
        invalid: Sequence[InvalidRecord] = (),
    ) -> None:
        self.paths: tuple[str, ...] = tuple(paths)
        self.records: Sequence[Any] = records
        self.invalid: Sequence[InvalidRecord] = invalid
        more = f" (and {len(self.paths) - 5} more)" if len(self.paths) > 5 else ""
        super().__init__(f"{what} can't be decoded: {'; '.join(self.paths[:5])}{more}")


class EndlessListError(TonicDMError):
    """A list goes in circles, or on for more pages than it may have; its end, and what it lacks, are not known.

    Attributes:
        pages: Pages that were read and charged.
        records: What ``all()`` had read by then; else the records were handed out before the error.
    """

    def __init__(self, what: str, pages: int) -> None:
        super().__init__(
            f"{what}. The list was given up; what was read before is kept. {pages:,} pages were charged. The likely "
            "cause is a server that does not heed pageNumber."
        )
        self.pages = pages
        self.records: Sequence[Any] = ()


class OwnerError(TonicDMError):
    """A store holds the records of another organization than the token's; nothing was written.

    Attributes:
        held: The organization whose records the store holds, as far as it knows.
        shown: The one that the token belongs to.
    """

    def __init__(self, path: str, held: str, shown: str) -> None:
        super().__init__(
            f"{path} holds the records of {held}, and this token belongs to organization {shown}. Nothing was written, "
            "and one call was charged. Name another file; to let this one go over to the other organization, use "
            "--new-owner (new_owner=True), after which an audit marks what the first one had as gone."
        )
        self.held = held
        self.shown = shown


class StoreError(TonicDMError):
    """The local store can't be read or written; what was committed before is kept.

    Attributes:
        path: The store's file, or its database without the password.
        away: Whether its database could not be reached, so that the same may succeed a moment later.
    """

    def __init__(self, path: str, what: str, *, away: bool = False) -> None:
        super().__init__(f"the store {path} {what}")
        self.path = path
        self.away = away


class ExportError(TonicDMError):
    """An export's destination can't be read or written; it holds what it held before.

    Attributes:
        path: The destination's file or folder.
    """

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"the export {path} {what}")
        self.path = path


class DownloadError(TonicDMError):
    """A file could not be brought from a link whole; nothing was charged.

    Attributes:
        path: The file it was for; empty where its name was not known yet, or it went to a writer.
        status: The HTTP status that refused it; None where none did.
        kept: Bytes that are kept, from which the next download to the same file goes on.
    """

    def __init__(self, message: str, *, path: str = "", status: int | None = None, kept: int = 0) -> None:
        super().__init__(message)
        self.path = path
        self.status = status
        self.kept = kept


class UnsafeLinkError(DownloadError):
    """A link or a redirect leads where nothing is fetched from: not by https, to a private address, with a password."""


class IntegrityError(DownloadError):
    """What came is not what was promised: its size or its hash is another. No file was made of it."""


class WebhookError(TonicDMError):
    """A webhook was refused; nothing of it was stored."""


class MalformedEventError(WebhookError, ValueError):
    """The body of a webhook can't be read as an event."""


class SignatureError(WebhookError):
    """A webhook is not proven to come from whom it should: no signature, a wrong one, or one of another time."""


class BulkError(TonicDMError):
    """Some calls of a bulk failed.

    Attributes:
        done: Results by their position in the input.
        failed: Errors by their position in the input.
    """

    def __init__(self, done: dict[int, Any], failed: dict[int, BaseException]) -> None:
        names = sorted({type(error).__name__ for error in failed.values()})
        super().__init__(
            f"{len(failed)} of {len(done) + len(failed)} calls failed ({', '.join(names)}); "
            "the results of the others are in .done, the errors in .failed."
        )
        self.done = done
        self.failed = failed


_BY_STATUS: dict[int, type[APIError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: EndpointNotFoundError,
}


def api_error_class(status: int) -> type[APIError]:
    """Return the error class of an HTTP *status* other than 429 (concepts page, "Status codes")."""
    return _BY_STATUS.get(status) or (ServerError if status >= 500 else APIError)
