"""Verifiers of the sender: three ways to check a webhook, one of which must be chosen.

How TonicDM signs is not documented, so the check is a value that is given to the receiver. Header names are lower case.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from tonicdm.errors import ConfigError, SignatureError
from tonicdm.types import Secret
from tonicdm.webhooks.secrets import remarks_of, shared_value, signing_key

SecretLike = str | bytes | Secret
"""A secret as users have it; `bytes` are taken as they are, a text is cleaned of what surrounds it."""

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
VERSION: Final = "v1"
"""Of signatures by a secret that both sides have."""
TOLERANCE_SECONDS: Final = 300.0
"""Seconds that a timestamp may lie in the past or in the future."""


class Verifier(Protocol):
    """Tells whether a request comes from whom it should; inherit from it to write one."""

    confirms: bool = True
    """Whether what passed may be believed; else an event is a hint, and its record is fetched before it counts."""

    remarks: Sequence[str] = ()
    """What looks wrong about its secrets, without any part of them; said when a receiver opens."""

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
            base64, another one stands for its own UTF-8 bytes. Line ends, quotation marks and ``v1,`` around it are
            taken off.
        tolerance: Seconds that the timestamp may differ from this machine's clock, either way.

    Raises:
        ConfigError: There is no secret, or one can't be read or has fewer than 24 bytes.
    """

    __slots__ = ("_keys", "_tolerance", "remarks")

    def __init__(self, *secrets: SecretLike, tolerance: float = TOLERANCE_SECONDS) -> None:
        keys = tuple(signing_key(secret) for secret in _present(secrets))
        self._keys = tuple(key.content for key in keys)
        self.remarks: Sequence[str] = remarks_of(keys)
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
        given = [_bytes(signature) for signature in signatures_in(headers[SIGNATURE])]
        matches = False
        for key in self._keys:
            right = _signature(key, signed)
            # No early end: how long this takes gives away nothing of which one matched.
            for signature in given:
                matches |= hmac.compare_digest(right, signature)
        if not matches:
            raise SignatureError("the signature is wrong")

    def sign(self, body: bytes, *, event_id: str, now: float) -> dict[str, str]:
        """Return the headers of a request that this verifier accepts, signed with the first secret.

        Args:
            body: The body to send.
            event_id: The event's ID.
            now: Unix time, seconds.
        """
        sent = str(int(now))
        signature = _signature(self._keys[0], _bytes(f"{event_id}.{sent}.") + body).decode()
        return {ID: event_id, TIMESTAMP: sent, SIGNATURE: f"v1,{signature}"}


class SharedSecret(Verifier):
    """A header that holds a secret; it proves who sent a request, but neither when nor that the body is whole.

    Args:
        header: The header's name.
        secrets: Its value, or several while they are rotated.

    Raises:
        ConfigError: There is no header or no secret.
    """

    __slots__ = ("_header", "_keys", "remarks")

    def __init__(self, header: str, *secrets: SecretLike) -> None:
        if not header.strip():
            raise ConfigError("SharedSecret needs the name of the header")
        self._header = header.strip().lower()
        keys = tuple(shared_value(secret) for secret in _present(secrets))
        self._keys = tuple(key.content for key in keys)
        self.remarks: Sequence[str] = remarks_of(keys)

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

    def sign(self, body: bytes, *, event_id: str, now: float) -> dict[str, str]:  # noqa: ARG002 - it signs nothing
        """Return the headers of a request that this verifier accepts, with the first secret.

        Args:
            body: The body to send.
            event_id: The event's ID.
            now: Unix time, seconds.
        """
        return {ID: event_id, self._header: self._keys[0].decode("utf-8", "surrogateescape")}


class Unverified(Verifier):
    """Takes every request: whoever knows the address can send. What comes is a hint and never written as data."""

    __slots__ = ()
    confirms = False

    def __repr__(self) -> str:
        return "Unverified()"

    def check(self, headers: Mapping[str, str], body: bytes, now: float) -> None:
        """Accept."""


def signatures_in(header: str) -> list[str]:
    """Return the v1 signatures in a header; versions other than v1 are of other schemes.

    A sender may give several while it rotates. They are separated by blanks, by commas where a proxy has joined lines
    of the same name, and each may itself be separated from its ``v1`` then.
    """
    signatures: list[str] = []
    version = ""
    for part in header.replace(",", " ").split():
        if version == VERSION:
            signatures.append(part)
            version = ""
        else:
            version = part
    return signatures


def _signature(key: bytes, signed: bytes) -> bytes:
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256))


def _present(secrets: Sequence[SecretLike]) -> list[str | bytes]:
    revealed = [secret.reveal() if isinstance(secret, Secret) else secret for secret in secrets]
    if not revealed or not all(secret.strip() for secret in revealed):
        raise ConfigError("a secret is missing or empty; to take webhooks without a check, say so with Unverified()")
    return revealed


def _bytes(text: str) -> bytes:
    # Servers read headers as UTF-8 and keep what is none as surrogates: back to what was on the wire.
    return text.encode("utf-8", "surrogateescape")
