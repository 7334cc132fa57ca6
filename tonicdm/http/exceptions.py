"""Translate exceptions of aiohttp and the system, by a table."""

from __future__ import annotations

import zlib
from typing import Final, NamedTuple

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from tonicdm.errors import (
    ClientClosedError,
    ConfigError,
    ConnectError,
    ProtocolError,
    RequestTimeoutError,
    TonicDMError,
    TransportError,
)
from tonicdm.http.messages import OutgoingRequest
from tonicdm.http.middleware import SentTwiceError
from tonicdm.http.operation import NOTHING_SENT
from tonicdm.http.retry import Outcome

FOREIGN_EXCEPTIONS = (
    aiohttp.ClientError,
    HttpProcessingError,
    OSError,  # sockets, TLS, time-outs
    EOFError,
    ValueError,  # yarl, encodings, certificates
    LookupError,  # encodings that Python does not know
    AssertionError,  # aiohttp's own
    RuntimeError,  # closed sessions and loops
    zlib.error,
)
"""What the network and the libraries below raise; anything else is a mistake of a program, and is left as it is."""


class FailedAttempt(NamedTuple):
    """An attempt ended without an answer."""

    outcome: Outcome | None
    """What it means for a retry; None where the next attempt would end as this one did."""
    error: TransportError


def map_exception(
    error: Exception,
    call: OutgoingRequest,
    *,
    sent: bool,
    attempt: int = 1,
    status: int | None = None,
    request_id: str = "",
) -> FailedAttempt | None:
    """Turn what an attempt raised into one of our errors.

    The error names the class of the foreign one and chains what the system said. It repeats nothing of a URL, of what
    the server wrote, or of a proxy's credentials, all of which aiohttp's errors may hold, and keeps none of their
    frames: request and connection stand in those.

    Args:
        error: What came out of aiohttp.
        call: What was called.
        sent: Whether the attempt had passed the gate.
        attempt: Which attempt it was.
        status: The HTTP status, where the head of an answer had come.
        request_id: What the call was named by.

    Returns:
        None for an error that is not the network's.

    Raises:
        ConfigError: The URL of the server or of a proxy is at fault.
        ClientClosedError: The session was closed meanwhile.
    """
    if isinstance(error, TonicDMError):
        return None
    if isinstance(error, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)):
        raise ConfigError("the URL of the server or of the proxy can't be called; check base_url= and proxy=") from None
    if isinstance(error, RuntimeError) and str(error) == "Session is closed":
        raise ClientClosedError("the session= of this client was closed; make a new client on an open one") from None
    if isinstance(error, SentTwiceError):
        return FailedAttempt(
            None,
            ProtocolError(
                f"{call.label}: the session= of this client sent it and wanted to send it again by itself, which was "
                f"refused: each request has units of its own. Use a plain ClientSession, and retry=. {call.if_lost}",
                method=call.request.method,
                path=call.path,
                attempts=attempt,
                request_id=request_id,
            ),
        )
    if not isinstance(error, FOREIGN_EXCEPTIONS) or isinstance(error, (KeyError, IndexError)):
        return None
    outcome, error_type, text = _look_up(error, call, sent=sent)
    ours = error_type(
        f"{call.label}{text}. {call.if_lost if sent else NOTHING_SENT}",
        method=call.request.method,
        path=call.path,
        sent=sent,
        attempts=attempt,
        status=status,
        request_id=request_id,
    )
    ours.__cause__ = _cause(error)
    return FailedAttempt(outcome, ours)


def too_long(call: OutgoingRequest, max_bytes: int, status: int, attempt: int, request_id: str) -> FailedAttempt:
    """Return the end of an attempt whose answer was longer than *max_bytes* bytes."""
    error = ProtocolError(
        f"{call.label}: the answer is longer than {max_bytes:,} bytes and was not read to its end; its units are "
        "charged. Ask for smaller pages, or allow more by max_response_bytes=.",
        method=call.request.method,
        path=call.path,
        attempts=attempt,
        status=status,
        request_id=request_id,
    )
    return FailedAttempt(None, error)


class _Row(NamedTuple):
    """What is made of some foreign exceptions."""

    exceptions: tuple[type[Exception], ...]
    sent: bool | None
    """Whether the request had been sent; None for either."""
    text: str
    """What the message says behind the call's name."""
    error: type[TransportError] | None = None
    """None for `ProtocolError` of a request that was sent, and `ConnectError` of one that was not."""
    outcome: Outcome | None = None
    """None for a cut connection of a request that was sent, and for one that was not sent."""


_TABLE: Final = (
    _Row((TimeoutError,), True, " had no answer within {timeout:g} s", RequestTimeoutError, Outcome.TIMED_OUT),
    _Row((TimeoutError,), False, ": no connection within {timeout:g} s", RequestTimeoutError),
    _Row(
        (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch),
        None,
        ": the server's certificate was not accepted ({name}); see ssl=",
    ),
    _Row(
        (aiohttp.ClientSSLError,),
        None,
        ": the server and this client could not agree on TLS ({name}); see ssl= and base_url=",
    ),
    _Row((aiohttp.ClientHttpProxyError,), None, ": the proxy refused to connect ({status}); check proxy="),
    _Row((Exception,), False, ": no connection could be made ({name}); check the network, base_url= and proxy="),
    _Row((aiohttp.ClientPayloadError,), True, ": the answer broke off or could not be unpacked ({inner})"),
    _Row(
        (aiohttp.ClientConnectionError, OSError, EOFError),
        True,
        ": the connection was cut before the answer ({name})",
    ),
    _Row((Exception,), True, ": the answer was no valid HTTP ({inner})"),
)
"""The first row that fits holds."""


def _look_up(error: Exception, call: OutgoingRequest, *, sent: bool) -> tuple[Outcome, type[TransportError], str]:
    """Return what an error means for a retry, its class here, and what is said of it."""
    row = next(row for row in _TABLE if isinstance(error, row.exceptions) and row.sent in {None, sent})
    text = row.text.format(
        name=type(error).__name__, inner=_inner(error), timeout=call.timeout, status=getattr(error, "status", None)
    )
    outcome = row.outcome or (Outcome.CUT if sent else Outcome.NOT_SENT)
    return outcome, row.error or (ProtocolError if sent else ConnectError), text


def _inner(error: BaseException) -> str:
    """Return the name of the most exact error there is: BadStatusLine rather than ClientResponseError."""
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__


def _cause(error: Exception) -> BaseException | None:
    """Return what the system said of a connection, without the frames it passed; None for all else."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        error = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    elif isinstance(error, (aiohttp.ServerTimeoutError, aiohttp.ServerFingerprintMismatch)):
        return None  # its text is the URL's
    if not isinstance(error, OSError):
        return None
    # The frames in between hold requests and connections; what the error chains itself has passed them, too.
    bare = error.with_traceback(None)
    bare.__cause__ = bare.__context__ = None
    return bare
