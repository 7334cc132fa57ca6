"""Exceptions of aiohttp and the system as errors of this package."""

from __future__ import annotations

import ssl
import zlib
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp.http_exceptions import BadStatusLine

from tests.cases import for_each
from tonicdm import ConfigError
from tonicdm.errors import ClientClosedError, ConnectError, ProtocolError, RequestTimeoutError, TransportError
from tonicdm.http.exceptions import map_exception, too_long
from tonicdm.http.messages import OutgoingRequest
from tonicdm.http.middleware import SentTwiceError
from tonicdm.http.retry import Outcome
from tonicdm.http.wire import Request

CALL = OutgoingRequest(
    request=Request(method="GET", path="/core/offices"), base_url="https://api.example", cost=5, timeout=7
)
KEY = SimpleNamespace(host="api.example", port=443, ssl=True, is_ssl=True, abcdef="abcdef")
CERTIFICATE = ssl.SSLCertVerificationError(1, "expired")


@for_each(
    ("error", "sent", "kind", "outcome", "says"),
    [
        (TimeoutError("abcdef"), True, RequestTimeoutError, Outcome.TIMED_OUT, "no answer within 7 s"),
        (TimeoutError("abcdef"), False, RequestTimeoutError, Outcome.NOT_SENT, "no connection within 7 s"),
        (aiohttp.ServerTimeoutError("abcdef"), True, RequestTimeoutError, Outcome.TIMED_OUT, "no answer within 7 s"),
        (aiohttp.ClientConnectorCertificateError(KEY, CERTIFICATE), False, ConnectError, Outcome.NOT_SENT, "see ssl="),
        (
            aiohttp.ServerFingerprintMismatch(b"a", b"abcdef", "h", 1),
            False,
            ConnectError,
            Outcome.NOT_SENT,
            "certificate",
        ),
        (aiohttp.ClientConnectorSSLError(KEY, OSError(1, "x")), False, ConnectError, Outcome.NOT_SENT, "agree on TLS"),
        (
            aiohttp.ClientConnectorError(KEY, OSError(111, "refused")),
            False,
            ConnectError,
            Outcome.NOT_SENT,
            "no connection",
        ),
        (OSError(111, "refused"), False, ConnectError, Outcome.NOT_SENT, "no connection could be made"),
        (aiohttp.ClientPayloadError("abcdef"), True, ProtocolError, Outcome.CUT, "broke off or could not be unpacked"),
        (aiohttp.ServerDisconnectedError("abcdef"), True, ProtocolError, Outcome.CUT, "cut before the answer"),
        (ConnectionResetError("abcdef"), True, ProtocolError, Outcome.CUT, "cut before the answer"),
        (BadStatusLine("abcdef"), True, ProtocolError, Outcome.CUT, "no valid HTTP (BadStatusLine)"),
        (zlib.error("abcdef"), True, ProtocolError, Outcome.CUT, "no valid HTTP"),
    ],
)
def test_what_became_of_an_attempt_is_told_by_a_table(
    error: Exception, sent: bool, kind: type[TransportError], outcome: Outcome, says: str
) -> None:
    """The error repeats nothing that aiohttp's may hold, and keeps none of its frames."""
    failed = map_exception(error, CALL, sent=sent, attempt=2, request_id="r1")
    assert failed is not None
    assert (type(failed.error), failed.outcome, failed.error.sent) == (kind, outcome, sent)
    assert says in str(failed.error)
    assert "abcdef" not in str(failed.error)
    cause = failed.error.__cause__
    assert cause is None or (isinstance(cause, OSError) and cause.__traceback__ is None)
    assert (failed.error.attempts, failed.error.request_id) == (2, "r1")


@for_each(
    ("error", "kind", "says"),
    [
        (aiohttp.InvalidURL("abcdef"), ConfigError, "base_url= and proxy="),
        (aiohttp.NonHttpUrlClientError("abcdef"), ConfigError, "base_url= and proxy="),
        (RuntimeError("Session is closed"), ClientClosedError, "was closed"),
    ],
)
def test_what_the_settings_or_the_session_are_at_fault_for_is_no_error_of_the_network(
    error: Exception, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says) as refused:
        map_exception(error, CALL, sent=False)
    assert "abcdef" not in str(refused.value)


@for_each("error", [KeyError("x"), IndexError(), TypeError(), ProtocolError("ours", method="GET", path="/x")])
def test_a_mistake_of_a_program_is_left_as_it_is(error: Exception) -> None:
    assert map_exception(error, CALL, sent=True) is None


def test_a_request_that_a_session_wants_to_send_again_ends_without_another_try() -> None:
    failed = map_exception(SentTwiceError(), CALL, sent=True)
    assert failed is not None
    assert failed.outcome is None
    assert "send it again by itself" in str(failed.error)


def test_an_answer_that_is_too_long_is_charged_and_not_asked_for_again() -> None:
    failed = too_long(CALL, 1_000_000, 200, 1, "r1")
    assert failed.outcome is None
    assert "1,000,000 bytes" in str(failed.error)
    assert "max_response_bytes=" in str(failed.error)
