"""What the issuer's answers are taken for, where no document says what they look like."""

from __future__ import annotations

import json

import pytest

from tests.cases import for_each
from tests.unit.rhythm.fakeissuer import dates
from tonicdm.errors import ConfigError
from tonicdm.rhythm.tokens.issuer import Issuer, read_date, read_grant, read_refusal
from tonicdm.rhythm.tokens.ledger import Cause
from tonicdm.rhythm.tokens.minting import MintRules

NOW = 1_800_000_000.0
SPENT = "The monthly allowance of machine-to-machine tokens is spent."
EXPIRED = "The client secret expired a month ago"


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("example.us.auth0.com", "https://example.us.auth0.com"),
        (" https://Example.us.auth0.com/ ", "https://example.us.auth0.com"),
        ("http://127.0.0.1:8300/auth0", "http://127.0.0.1:8300/auth0"),
    ],
)
def test_a_domain_or_a_url_names_the_issuer(given: str, base: str) -> None:
    issuer = Issuer.parse(given)
    assert issuer.base == base
    assert issuer.token_url == f"{base}/oauth/token"


@for_each("wrong", ["", "http://example.us.auth0.com", "ftp://x", "https://a:b@x", "https://x?y=1", "a b"])
def test_a_secret_goes_to_no_wrong_or_open_place(wrong: str) -> None:
    with pytest.raises(ConfigError):
        Issuer.parse(wrong)


@for_each(
    ("status", "headers", "body", "cause", "pause"),
    [
        (429, {}, {"error": "too_many_requests"}, Cause.UNSURE, None),
        (429, {}, b"<html>Too many requests</html>", Cause.UNSURE, None),
        (429, {}, {"error": "too_many_requests", "error_description": SPENT}, Cause.LOCKED_OUT, None),
        (429, {"Retry-After": "30"}, {"error": "access_denied", "error_description": SPENT}, Cause.LOCKED_OUT, None),
        (429, {"Retry-After": "30"}, {}, Cause.THROTTLED, 30.0),
        (429, dates(NOW) | {"Retry-After": dates(NOW + 20)["Date"]}, {}, Cause.THROTTLED, 20.0),
        (429, {"Retry-After": "86400"}, {}, Cause.UNSURE, None),
        (429, {"Retry-After": "soon"}, {}, Cause.UNSURE, None),
        (429, {"Retry-After": "0"}, {}, Cause.THROTTLED, 0.0),
        (429, {"X-RateLimit-Reset": str(int(NOW) + 5)}, {}, Cause.THROTTLED, 5.0),
        (403, {}, {"error": "access_denied", "error_description": "Monthly quota exceeded"}, Cause.LOCKED_OUT, None),
        (403, {}, {"error": "access_denied", "error_description": "A limited trial of a month"}, Cause.UNSURE, None),
        (403, {}, {"error": "unauthorized", "error_description": "unlimited for 3 months"}, Cause.UNSURE, None),
        (
            403,
            {},
            {
                "error": "access_denied",
                "error_description": "10 requests per second exceeded; renew your plan by next month",
            },
            Cause.UNSURE,
            None,
        ),
        (403, {}, {"error": "quota_exceeded", "error_description": "1000 tokens this month"}, Cause.LOCKED_OUT, None),
        (403, {}, {"error": "access_denied", "error_description": "Client is not authorized"}, Cause.CREDENTIALS, None),
        (403, {}, {"error": "access_denied", "error_description": "Limit exceeded"}, Cause.UNSURE, None),
        (401, {}, {"error": "invalid_client"}, Cause.CREDENTIALS, None),
        (401, {}, {"error": "invalid_client", "error_description": EXPIRED}, Cause.CREDENTIALS, None),
        (
            400,
            {},
            {"error": "invalid_request", "error_description": "the audience exceeds 255"},
            Cause.CREDENTIALS,
            None,
        ),
        (400, {}, {"error": "unauthorized_client", "error_description": "the monthly limit"}, Cause.CREDENTIALS, None),
        (400, {}, {"error": "temporarily_unavailable"}, Cause.UNANSWERED, None),
        (400, {}, {"message": "the request exceeds a limit"}, Cause.UNANSWERED, None),
        (403, {}, b"<html>Forbidden by the firewall</html>", Cause.UNANSWERED, None),
        *(
            (status, {}, {"error": "access_denied"}, Cause.UNANSWERED, None)
            for status in (302, 307, 404, 407, 408, 425)
        ),
        (500, {}, {"error_description": "limit"}, Cause.UNANSWERED, None),
        (200, {}, {}, Cause.UNANSWERED, None),
    ],
)
def test_a_refusal_is_told_apart(status, headers, body, cause, pause) -> None:
    found = read_refusal(
        status, headers, body if isinstance(body, bytes) else json.dumps(body).encode(), NOW, MintRules()
    )
    assert (found.cause, found.pause) == (cause, pause)


def test_words_that_are_no_codes_are_not_repeated() -> None:
    """A description may hold anything, a secret for one."""
    body = json.dumps({"error": "Secret s3cret refused", "error_description": "s3cret"}).encode()
    assert "s3cret" not in repr(read_refusal(401, {}, body, NOW, MintRules()))


@for_each("body", [b"", b"x", b"[]", b"{}", b'{"access_token": ""}', b'{"access_token": "a b"}', b"[" * 9999])
def test_an_answer_without_a_usable_token_is_none(body: bytes) -> None:
    assert read_grant(200, body) is None


@for_each(
    ("given", "seconds"),
    [
        (86400, 86400.0),
        ("86400", 86400.0),
        (True, None),
        (-1, None),
        (0, None),
        ("-5", None),
        (None, None),
        ("x", None),
    ],
)
def test_the_lifetime_is_read_where_it_makes_sense(given, seconds) -> None:
    found = read_grant(200, json.dumps({"access_token": "a", "expires_in": given}).encode())
    assert found is not None
    assert found.expires_in == seconds
    assert "'a'" not in repr(found)


def test_a_date_that_is_none_is_passed_over() -> None:
    assert read_date(dates(NOW)) == NOW
    assert read_date(dates(NOW) | {"Age": "300"}) == NOW + 300, "a cache between tells an old Date"
    assert read_date(dates(NOW) | {"Age": "old"}) == NOW
    for wrong in ({}, {"Date": "yesterday"}, {"Date": ""}, {"Date": "Thu, 01 Jan 1970 00:00:00 GMT"}):
        assert read_date(wrong) is None
