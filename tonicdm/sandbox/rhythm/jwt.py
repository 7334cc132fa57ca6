"""JSON Web Tokens signed with a key of the sandbox (RFC 7519, HS256)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from tonicdm.sandbox.messages import to_json


def encode(claims: Mapping[str, Any], key: bytes) -> str:
    """Return a signed token with these claims."""
    head = f"{to_base64(to_json({'alg': 'HS256', 'typ': 'JWT'}))}.{to_base64(to_json(claims))}"
    return f"{head}.{to_base64(_signature(head, key))}"


def decode(token: str, key: bytes) -> dict[str, Any] | None:
    """Return the claims of a token, None when it was not signed with this key."""
    head, _, signature = token.rpartition(".")
    if not hmac.compare_digest(to_base64(_signature(head, key)).encode(), signature.encode()):
        return None
    claims: dict[str, Any] = json.loads(from_base64(head.partition(".")[2]))
    return claims


def from_base64(text: str) -> bytes:
    """Return the bytes behind URL-safe Base64 without padding.

    Raises:
        ValueError: It is something else.
    """
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def to_base64(data: bytes) -> str:
    """Return bytes as URL-safe Base64 without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signature(head: str, key: bytes) -> bytes:
    return hmac.digest(key, head.encode(), hashlib.sha256)
