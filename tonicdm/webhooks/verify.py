"""Verifiers of the sender: three ways to check a webhook, one of which must be chosen.

How TonicDM signs is not documented, so the check is a value that is given to the receiver. Header names are lower case.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from tonicdm.errors import ConfigError, SignatureError
from tonicdm.types import Secret

SecretLike = str | bytes | Secret
"""A secret as users have it; `bytes` are taken as they are."""

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
PREFIX: Final = "whsec_"
"""Marks a secret that is written in base64 (Standard Webhooks 1.0, "Signature scheme")."""

TOLERANCE_SECONDS: Final = 300.0
"""Seconds that a timestamp may lie in the past or in the future."""


class Verifier(Protocol):
    """Tells whether a request comes from whom it should; inherit from it to write one."""

    confirms: bool = True
    """Whether what passed may be believed; else an event is a hint, and its record is fetched before it counts."""

    def screen(self, headers: Mapping[str, str], now: float) -> None:  # noqa: ARG002 - for those that need less
        """Refuse what its headers alone give away, before its body is read.

        Args:
            headers: Names in lower case.
            now: Unix time, seconds.

        Raises:
            SignatureError: The request is refused.
        """
        return  # most checks need the body

    def check(self, headers: Mapping[str, str], body: bytes, now: float) -> None:
        """Refuse a request that is not genuine.

        Args:
            headers: Names in lower case.
            body: The whole raw body.
            now: Unix time, seconds.

        Raises:
            SignatureError: The request is refused.
        """
        ...


class StandardWebhooks(Verifier):
    """HMAC-SHA256 over ID, timestamp and body, as the Standard Webhooks specification 1.0 has it.

    Args:
        secrets: One, or several while they are rotated: any of them is accepted. A text that begins with ``whsec_`` is
            base64, another one stands for its own UTF-8 bytes.
        tolerance: Seconds that the timestamp may differ from this machine's clock, either way.

    Raises:
        ConfigError: There is no secret, or one can't be read.
    """

    __slots__ = ("_keys", "_tolerance")

    def __init__(self, *secrets: SecretLike, tolerance: float = TOLERANCE_SECONDS) -> None:
        self._keys = _keys(secrets)
        if not tolerance > 0:
            raise ConfigError("tolerance must be more than 0 seconds")
        self._tolerance = tolerance

    def __repr__(self) -> str:
        return f"StandardWebhooks({len(self._keys)} secrets, tolerance={self._tolerance:g})"

    def screen(self, headers: Mapping[str, str], now: float) -> None:
        """Refuse a request without signature, or of another time."""
        for name in (ID, TIMESTAMP, SIGNATURE):
            if not headers.get(name):
                raise SignatureError(f"no {name} header")
        sent = headers[TIMESTAMP]
        if not (sent.isascii() and sent.isdigit() and len(sent) <= 12):
            raise SignatureError(f"{TIMESTAMP} is no Unix time in seconds")
        if abs(now - int(sent)) > self._tolerance:
            raise SignatureError(f"{TIMESTAMP} is more than {self._tolerance:g} s away from this clock")

    def check(self, headers: Mapping[str, str], body: bytes, now: float) -> None:
        """Refuse a request none of whose signatures was made with one of the secrets."""
        self.screen(headers, now)
        signed = _bytes(f"{headers[ID]}.{headers[TIMESTAMP]}.") + body
        # Versions other than v1 are of other schemes; a sender may give several signatures while it rotates.
        given = [_bytes(part[3:]) for part in headers[SIGNATURE].split() if part.startswith("v1,")]
        matches = False
        for key in self._keys:
            right = base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
            # No early end: how long this takes gives away nothing of which one matched.
            for signature in given:
                matches |= hmac.compare_digest(right, signature)
        if not matches:
            raise SignatureError("the signature is wrong")


class SharedSecret(Verifier):
    """A header that holds a secret; it proves who sent a request, but neither when nor that the body is whole.

    Args:
        header: The header's name.
        secrets: Its value, or several while they are rotated.

    Raises:
        ConfigError: There is no header or no secret.
    """

    __slots__ = ("_header", "_keys")

    def __init__(self, header: str, *secrets: SecretLike) -> None:
        if not header.strip():
            raise ConfigError("SharedSecret needs the name of the header")
        self._header = header.strip().lower()
        self._keys = _keys(secrets, plain=True)

    def __repr__(self) -> str:
        return f"SharedSecret({self._header!r}, {len(self._keys)} secrets)"

    def screen(self, headers: Mapping[str, str], now: float) -> None:  # noqa: ARG002 - it is the same at any time
        """Refuse a request without the secret: the headers are all there is to see."""
        if not (given := headers.get(self._header)):
            raise SignatureError(f"no {self._header} header")
        value, matches = _bytes(given), False
        for key in self._keys:
            matches |= hmac.compare_digest(key, value)
        if not matches:
            raise SignatureError(f"the {self._header} header is wrong")

    def check(self, headers: Mapping[str, str], body: bytes, now: float) -> None:  # noqa: ARG002 - nor does the body count
        """Refuse a request without the secret."""
        self.screen(headers, now)


class Unverified(Verifier):
    """Takes every request: whoever knows the address can send. What comes is a hint and never written as data."""

    __slots__ = ()
    confirms = False

    def __repr__(self) -> str:
        return "Unverified()"

    def check(self, headers: Mapping[str, str], body: bytes, now: float) -> None:
        """Accept."""


def _keys(secrets: Sequence[SecretLike], *, plain: bool = False) -> tuple[bytes, ...]:
    keys = tuple(_key(secret, plain=plain) for secret in secrets)
    if not keys or not all(keys):
        raise ConfigError("a secret is missing or empty; to take webhooks without a check, say so with Unverified()")
    return keys


def _key(secret: SecretLike, *, plain: bool) -> bytes:
    if isinstance(secret, bytes):
        return secret
    text = secret.reveal() if isinstance(secret, Secret) else secret
    if plain or not text.startswith(PREFIX):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError(f"a secret begins with {PREFIX}, but what follows is no base64") from None


def _bytes(text: str) -> bytes:
    # Servers read headers as UTF-8 and keep what is none as surrogates: back to what was on the wire.
    return text.encode("utf-8", "surrogateescape")
