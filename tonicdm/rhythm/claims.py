"""Claims of an access token; they are verified only where a key is given."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import attrs

from tonicdm.rhythm.errors import InvalidTokenError, NoContactError, WrongAudienceError, WrongTenantError
from tonicdm.types import Secret

AUDIENCE: Final = "https://api.rhythmsoftware.com"
"""The only audience that the API accepts (reference: TokenRequest)."""

NAMESPACE: Final = "http://rhythmsoftware.com/"
"""Put before the names of Rhythm's own claims; http and not https (reference: AccessTokenClaims)."""

MAX_TOKEN_LENGTH: Final = 65_536
"""Characters of a token that are looked at."""

Verifier: TypeAlias = Callable[[Mapping[str, Any], bytes, bytes], bool]
"""Given the token's header, the bytes that were signed and the signature, says whether the signature is good."""


@attrs.frozen(kw_only=True)
class Claims:
    """The claims of an access token that Rhythm documents (reference: AccessTokenClaims); None for those missing."""

    tenant: str | None = None
    """The tenant that the token is for."""
    customer: str | None = attrs.field(default=None, repr=False)
    """The customer."""
    contact: str | None = attrs.field(default=None, repr=False)
    """The user's contact; missing until the user has logged in to Rhythm once, and in machine tokens."""
    name: str | None = attrs.field(default=None, repr=False)
    """The contact's name, which only public code mentions."""
    audience: tuple[str, ...] = ()
    """The APIs that the token is for."""
    expires_at: float | None = None
    """End of the token's life, Unix seconds by the issuer's clock."""
    verified: bool = False
    """Whether the signature was checked."""


def read_claims(token: str | Secret, *, verify: Verifier | None = None) -> Claims:
    """Read the claims of a JSON Web Token.

    Whoever received the token from somebody else than the issuer must give a verifier: without one the claims
    are what the token says, and anybody can write a token.

    Args:
        token: The token's text.
        verify: Checks the signature, for example `hs256`, or a function around a JWT library with the issuer's keys.

    Raises:
        InvalidTokenError: The text is no such token, or its signature was not accepted.
    """
    text = token.reveal() if isinstance(token, Secret) else token
    parts = text.split(".") if len(text) <= MAX_TOKEN_LENGTH else []
    if len(parts) != 3:
        raise InvalidTokenError(
            f"a text of {len(text)} characters is no JSON Web Token: it must have three parts between dots"
        )
    header, payload = _object(parts[0], "header"), _object(parts[1], "payload")
    if verify is not None and not verify(header, f"{parts[0]}.{parts[1]}".encode(), _bytes(parts[2], "signature")):
        raise InvalidTokenError("the token's signature was not accepted: it is not of this issuer, or was changed")
    return Claims(
        tenant=_text(payload, NAMESPACE + "tenant_id"),
        customer=_text(payload, NAMESPACE + "customer_id"),
        contact=_text(payload, NAMESPACE + "contact_id"),
        name=_text(payload, NAMESPACE + "contact_name"),
        audience=_audience(payload.get("aud")),
        expires_at=_number(payload.get("exp")),
        verified=verify is not None,
    )


def peek_claims(token: Secret) -> Claims | None:
    """Read the claims of *token*; None where it is opaque, which an issuer is free to choose."""
    try:
        return read_claims(token)
    except InvalidTokenError:
        return None


def hs256(key: bytes | str) -> Verifier:
    """Return a verifier of HMAC-SHA256 signatures by *key*; every other algorithm is refused."""
    secret = key.encode() if isinstance(key, str) else key

    def verify(header: Mapping[str, Any], signed: bytes, signature: bytes) -> bool:
        good = hmac.compare_digest(hmac.new(secret, signed, hashlib.sha256).digest(), signature)
        return header.get("alg") == "HS256" and good

    return verify


# --- what must hold before a call -----------------------------------------------------------------------------------


def check_audience(claims: Claims, expected: str = AUDIENCE) -> None:
    """Refuse a token for another API; one without the claim passes.

    Raises:
        WrongAudienceError: Naming both audiences.
    """
    if claims.audience and expected not in claims.audience:
        raise WrongAudienceError(
            f"the token is for {', '.join(claims.audience)}, and the API accepts {expected} only: it answers 401. "
            "Correct audience= where the token is asked for; another token of the same audience is refused as well.",
            expected=expected,
            actual=claims.audience,
        )


def check_tenant(claims: Claims, tenant: str) -> None:
    """Refuse a token of another tenant than *tenant*; one without the claim passes.

    Raises:
        WrongTenantError: Naming both tenants.
    """
    if claims.tenant is not None and claims.tenant != tenant:
        raise WrongTenantError(expected=tenant, actual=claims.tenant)


def require_contact(claims: Claims | None) -> str:
    """Return the contact of a user's token.

    Args:
        claims: The token's claims; None for a token whose claims can't be read.

    Raises:
        NoContactError: There is none (concepts page, "Users vs. Contacts").
    """
    if claims is None or claims.contact is None:
        raise NoContactError(
            "this call is bound to a contact, and the token names none. A user has one after the first login to the "
            "Rhythm portal, and must log in here again after that; a machine token never has one, see as_user(). "
            "Nothing was sent and no token was spent."
        )
    return claims.contact


# --- reading --------------------------------------------------------------------------------------------------------


def _bytes(part: str, name: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidTokenError(f"the token's {name} is not base64url") from None


def _object(part: str, name: str) -> dict[str, Any]:
    text = _bytes(part, name)
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise InvalidTokenError(f"the token's {name} is no JSON object")
    return parsed


def _text(payload: Mapping[str, Any], name: str) -> str | None:
    value = payload.get(name)
    return value if isinstance(value, str) and value else None


def _audience(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(name for name in values if isinstance(name, str))


def _number(value: object) -> float | None:
    # JSON as Python reads it has infinities, which are no time.
    is_time = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12
    return float(value) if is_time else None  # type: ignore[arg-type]
