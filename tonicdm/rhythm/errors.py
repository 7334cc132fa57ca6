"""Errors of Rhythm alone, below the tree of `tonicdm.errors`."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from tonicdm.errors import (
    APIError,
    AuthenticationError,
    BudgetError,
    ConfigError,
    EndpointNotFoundError,
    InvalidOptionError,
    PermissionDeniedError,
    TonicDMError,
)

# --- machine tokens -------------------------------------------------------------------------------------------------


class MintRefusedError(BudgetError):
    """No machine token may be asked for now; nothing was sent.

    Attributes:
        opens_at: When one may be asked for again, UTC; the same as ``reset_at``.
    """

    def __init__(self, message: str, *, opens_at: datetime.datetime) -> None:
        super().__init__(message, reset_at=opens_at)
        self.opens_at = opens_at


class TokenLimitError(MintRefusedError):
    """The month's machine tokens are used up, by this machine's count or because the issuer said so; or may be.

    Attributes:
        minted: Tokens that this machine has counted in the month.
        limit: The number that was reached; None where the issuer refused one.
    """

    def __init__(self, message: str, *, opens_at: datetime.datetime, minted: int, limit: int | None = None) -> None:
        super().__init__(message, opens_at=opens_at)
        self.minted = minted
        self.limit = limit


class TokenPauseError(MintRefusedError):
    """The issuer did not answer, or asked for a pause; all processes wait for its end."""


class ShortLivedTokenError(TokenPauseError):
    """Tokens ended soon after they were issued, or too many were needed in a day: the next one has to wait.

    Attributes:
        exp: When the last token ends by its own word, Unix seconds; None where it can't be read.
        expires_in: The seconds that the issuer gave it; None where it did not say.
    """

    def __init__(
        self, message: str, *, opens_at: datetime.datetime, exp: float | None = None, expires_in: float | None = None
    ) -> None:
        super().__init__(message, opens_at=opens_at)
        self.exp = exp
        self.expires_in = expires_in


class TokenRefusedError(AuthenticationError):
    """The issuer refused the credentials, the grant or the login; no token was issued.

    Attributes:
        code: OAuth's word for the reason, such as ``invalid_client``; empty where none came.
        opens_at: When the same credentials may be tried again, UTC; None for a user's login.
    """

    advice = "Check client_id=, client_secret= and auth_domain= (console: Security & Settings > API Keys)."

    def __init__(
        self, *, status: int, path: str, code: str = "", note: str = "", opens_at: datetime.datetime | None = None
    ) -> None:
        super().__init__(status=status, method="POST", path=path, body=code, note=note or self.advice)
        self.code = code
        self.opens_at = opens_at


# --- what a token says ----------------------------------------------------------------------------------------------


class InvalidTokenError(TonicDMError, ValueError):
    """A text is no JSON Web Token, or its signature was not accepted; the text is not repeated."""


class WrongAudienceError(ConfigError):
    """A token is, or would be, for another API: Rhythm answers such a token with 401.

    Attributes:
        expected: The audience that the API wants.
        actual: The audiences asked for, or in the token.
    """

    def __init__(self, message: str, *, expected: str, actual: Sequence[str]) -> None:
        super().__init__(message)
        self.expected = expected
        self.actual: tuple[str, ...] = tuple(actual)


class WrongTenantError(ConfigError):
    """A token is for another tenant than the one to be called; nothing was sent.

    Attributes:
        expected: The tenant to be called.
        actual: The tenant in the token.
    """

    def __init__(self, *, expected: str, actual: str) -> None:
        super().__init__(
            f"the token is for the tenant {actual!r}, not for {expected!r}; Rhythm would deny the call. Nothing was "
            "sent. Check tenant_id=, and which auth_domain= and client_id= belong to it."
        )
        self.expected = expected
        self.actual = actual


class NoContactError(TonicDMError):
    """A call needs a contact, and the token has none; nothing was sent unless the message says so."""


# --- users ----------------------------------------------------------------------------------------------------------


class LoginError(TonicDMError):
    """A user's login can't go on: another login's answer came back, or the issuer sent the user back with an error.

    Attributes:
        code: The error's word, such as ``access_denied``; empty where none came.
    """

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class MultiFactorError(TokenRefusedError):
    """The issuer wants a second factor of the user: a login by password can't give it, one by code can."""

    advice = (
        "The user has a second factor. Send the user to the issuer with authorize_url(); the credentials and the "
        "password grant are in order."
    )


class SessionExpiredError(TonicDMError):
    """A user's token is no longer valid; the user has to log in again."""


class UserScopeError(TonicDMError, RuntimeError):
    """A machine token was asked for inside ``as_user(...)``; nothing was sent and no token was spent."""


class InvalidTenantError(ConfigError):
    """A text can't be a tenant's id; nothing was sent and no token was spent."""


# --- calls ----------------------------------------------------------------------------------------------------------


class DeniedError(PermissionDeniedError):
    """403: the tenant is not the token's, or the path is no endpoint; the API tells both alike.

    Attributes:
        tenant: The tenant of the call.
        claimed: The tenant that the token names; None where it names none, or can't be read.
    """

    def __init__(self, *, tenant: str, claimed: str | None = None, unconfirmed: bool = False, **context: Any) -> None:
        path = (
            "is inferred by the reference, so it may be wrong" if unconfirmed else "is that of a documented operation"
        )
        token = f"The token names the tenant {claimed!r}. " if claimed else ""
        super().__init__(
            note=f"Two causes look alike (concepts page, Requests): the token may not reach the tenant {tenant!r}, or "
            f"the path is no endpoint. The path {path}. {token}Compare tenant_id= with the tenant in the token's "
            "claims, and the rights of the token's user or client.",
            **context,
        )
        self.tenant = tenant
        self.claimed = claimed


class NotFoundError(EndpointNotFoundError, LookupError):
    """404: there is no such record."""

    advice = "No record has this id in this tenant, or it was deleted."


class AlreadyRunningError(APIError):
    """429 of a step function: an instance of the task is already running; it was not asked again."""

    advice = (
        "An instance of this task is already running (reference: AlreadyRunning), or calls come too fast. Look at its "
        "execution and wait for that one; do not start a second."
    )


class UnknownTypeError(InvalidOptionError):
    """A record type is not one that can be fetched; nothing was sent."""


class CriteriaError(InvalidOptionError):
    """Criteria can't be expressed in the way asked for; nothing was sent."""


class RepeatedKeyError(TonicDMError):
    """A list came back to a page that it had shown before; reading on would never end.

    Attributes:
        pages: Pages read before.
    """

    def __init__(self, label: str, pages: int) -> None:
        super().__init__(
            f"{label}: page {pages} names a LastEvaluatedKey that an earlier page had named, so the list would never "
            "end. What was read before is complete as far as it goes; a query reads everything at once."
        )
        self.pages = pages


class BatchOperationError(TonicDMError):
    """One operation of a batch failed, was not sent, or may have failed.

    Attributes:
        record: The id of the record that it was about.
    """

    def __init__(self, record: str, what: str) -> None:
        super().__init__(f"the operation on {record}: {what}.")
        self.record = record


# --- queries and tasks ----------------------------------------------------------------------------------------------


class QueryFailedError(TonicDMError):
    """A query ended without a result.

    Attributes:
        query: Its id.
        status: The state that the server gave.
    """

    def __init__(self, query: str, status: str, what: str = "") -> None:
        super().__init__(f"the query {query} ended with the status {status!r}{what}. A new one has to be started.")
        self.query = query
        self.status = status


class QueryTimeoutError(TonicDMError, TimeoutError):
    """A query was not finished within the deadline; it goes on at the server, and can be resumed by its id.

    Attributes:
        query: Its id.
        status: The last state that the server gave; None where it gave none.
        file: Where its result was to go; empty where that is not known.
    """

    def __init__(self, query: str, status: str | None, seconds: float, *, file: str = "") -> None:
        note = f" {file}.job remembers it." if file else ""
        super().__init__(
            f"the query {query} was not finished within {seconds:,.0f} s (status {status!r}). It was not given up at "
            f"the server: resume it by its id instead of starting another.{note}"
        )
        self.query = query
        self.status = status
        self.seconds = seconds
        self.file = file


class ResultError(TonicDMError):
    """A query's result can't be downloaded, or is not what the server promised.

    Attributes:
        query: The query's id.
        file: Where its result was to go; empty where that is not known.
    """

    def __init__(self, query: str, what: str, *, file: str = "") -> None:
        into = f" for {file}" if file else ""
        super().__init__(
            f"the result of the query {query}{into} {what}. The query was not run again; resume it by its id."
        )
        self.query = query
        self.file = file


class UnderWayError(TonicDMError):
    """The same is under way already, here or in another process: a run into the same file, or with the same note.

    Attributes:
        file: The lock's file.
    """

    def __init__(self, file: str) -> None:
        super().__init__(
            f"another run is under way, and holds {file}. Nothing was sent: wait for its end, or choose another file."
        )
        self.file = file


class SubmissionUnknownError(TonicDMError):
    """An order, payment, invoice or cancellation was submitted, and whether it began is unknown.

    Attributes:
        note: The file that remembers the submission; None without one.
    """

    def __init__(self, label: str, advice: str, *, note: str | None = None) -> None:
        remembered = "" if note is None else f" Then remove {note}, which keeps it from being submitted twice."
        super().__init__(
            f"{label} was submitted, and no answer tells whether it began. It may have: do not submit it again before "
            f"you know. {advice}.{remembered}"
        )
        self.note = note


class SubmittedError(SubmissionUnknownError):
    """An order, payment, invoice or cancellation was submitted and answered, and something went wrong after that.

    Attributes:
        arn: The execution that does it; None where the answer names none.
    """

    def __init__(self, label: str, what: str, *, arn: str | None = None) -> None:
        advice = "Look up what it should have made or changed" if arn is None else f"Wait for its execution: {arn}"
        TonicDMError.__init__(
            self,
            f"{label} was submitted, and {what}. It may have begun, and must not be submitted again. {advice}.",
        )
        self.note: str | None = None
        self.arn = arn


class ExecutionFailedError(TonicDMError):
    """A task ended without success.

    Attributes:
        arn: Its execution.
        status: FAILED, ABORTED or TIMED_OUT.
    """

    def __init__(self, arn: str, status: str) -> None:
        super().__init__(
            f"the execution {arn} ended as {status}. Look at what it was to do, an order or a payment, before "
            "another one is submitted."
        )
        self.arn = arn
        self.status = status


class ExecutionTimeoutError(TonicDMError, TimeoutError):
    """A task was not finished within the deadline; it goes on at the server.

    Attributes:
        arn: Its execution.
        status: The last state that the server gave.
    """

    def __init__(self, arn: str, status: str, seconds: float) -> None:
        super().__init__(
            f"the execution {arn} was still {status} after {seconds:,.0f} s. It goes on: wait for the same execution "
            "again, and do not submit the order or payment a second time."
        )
        self.arn = arn
        self.status = status
