"""Claims are read, believed only with a key, and shown to nobody."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tests.unit.rhythm.fakeissuer import jwt
from tonicdm.rhythm.claims import (
    AUDIENCE,
    NAMESPACE,
    Claims,
    check_audience,
    check_tenant,
    hs256,
    peek_claims,
    read_claims,
    require_contact,
)
from tonicdm.rhythm.errors import InvalidTokenError, NoContactError, WrongAudienceError, WrongTenantError
from tonicdm.types import Secret

FULL = {
    NAMESPACE + "tenant_id": "example.org",
    NAMESPACE + "customer_id": "c-1",
    NAMESPACE + "contact_id": "p-1",
    NAMESPACE + "contact_name": "Ada",
    "aud": [AUDIENCE, "https://example.us.auth0.com/userinfo"],
    "exp": 1_800_000_000,
}


def signed(key: bytes, claims: dict, alg: str = "HS256") -> str:
    def b64(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    head = f"{b64(json.dumps({'alg': alg}).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{head}.{b64(hmac.new(key, head.encode(), hashlib.sha256).digest())}"


def test_all_documented_claims_are_read() -> None:
    found = read_claims(jwt(**FULL))
    assert found == Claims(
        tenant="example.org",
        customer="c-1",
        contact="p-1",
        name="Ada",
        audience=(AUDIENCE, "https://example.us.auth0.com/userinfo"),
        expires_at=1_800_000_000.0,
    )
    assert not found.verified


@for_each("missing", list(FULL))
def test_any_claim_may_be_missing(missing: str) -> None:
    """Two pages contradict each other on which are there."""
    read_claims(jwt(**{name: value for name, value in FULL.items() if name != missing}))


@for_each("value", [None, 5, "", [], {}, True])
def test_a_claim_of_another_kind_counts_as_missing(value) -> None:
    found = read_claims(jwt(**{NAMESPACE + "contact_id": value, "exp": value if value != 5 else "x", "aud": value}))
    assert found.contact is None
    assert found.expires_at is None
    assert found.audience in {(), ("",)}


def test_the_names_are_with_http_and_not_https() -> None:
    assert read_claims(jwt(**{"https://rhythmsoftware.com/tenant_id": "x"})).tenant is None


@for_each(
    "text", ["", "abc", "a.b", "a.b.c.d", "..", "a.b.c", "é.é.é", "e30.W10.x", "e30.bnVsbA.x", "x" * 70_000, "{}.{}.{}"]
)
def test_garbage_is_a_clear_error_that_does_not_repeat_it(text: str) -> None:
    with pytest.raises(InvalidTokenError) as caught:
        read_claims(text)
    assert not text or len(text) < 8 or text not in str(caught.value)
    assert peek_claims(Secret(text)) is None


@given(
    st.one_of(st.text(max_size=200), st.lists(st.text(alphabet="abYZ09-_=+/", max_size=30), max_size=4).map(".".join))
)
def test_no_text_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(InvalidTokenError):
        read_claims(text)


def test_with_a_key_a_foreign_or_changed_token_is_refused() -> None:
    good = signed(b"key", FULL)
    assert read_claims(good, verify=hs256("key")).verified
    head, body, signature = good.split(".")
    other = signed(b"key", {**FULL, NAMESPACE + "contact_id": "p-2"}).split(".")[1]
    for bad in (signed(b"other", FULL), f"{head}.{other}.{signature}", f"{head}.{body}.", signed(b"key", FULL, "none")):
        with pytest.raises(InvalidTokenError, match="signature"):
            read_claims(bad, verify=hs256(b"key"))


def test_no_personal_value_is_in_the_repr() -> None:
    shown = repr(read_claims(jwt(**FULL)))
    assert not any(value in shown for value in ("Ada", "p-1", "c-1"))


def test_each_mismatch_is_an_error_of_its_own() -> None:
    claims = read_claims(jwt(**FULL))
    check_audience(claims)
    check_tenant(claims, "example.org")
    assert require_contact(claims) == "p-1"
    with pytest.raises(WrongAudienceError, match="https://elsewhere"):
        check_audience(Claims(audience=("https://elsewhere",)))
    with pytest.raises(WrongTenantError, match=r"'example\.org', not for 'other\.org'"):
        check_tenant(claims, "other.org")
    for without in (Claims(tenant="example.org"), None):
        with pytest.raises(NoContactError, match="log in"):
            require_contact(without)
    check_audience(Claims())
    check_tenant(Claims(), "other.org")
