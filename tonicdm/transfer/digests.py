"""Hashes of what is transferred, named by headers or callers, and computed while the bytes pass. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Final

from tonicdm.errors import InvalidOptionError

SIZES: Final[Mapping[str, int]] = {"md5": 16, "sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
"""Bytes of each hash that is known, by hashlib's name."""
_NAMES: Final[Mapping[str, str]] = {
    "md5": "md5",
    "sha": "sha1",
    "sha-1": "sha1",
    "sha-256": "sha256",
    "sha-384": "sha384",
    "sha-512": "sha512",
}
"""The names in Digest (RFC 3230) and Repr-Digest (RFC 9530)."""


def digests_of(headers: Mapping[str, str], *, whole: bool) -> dict[str, str]:
    """Return the hashes that an answer names, hex by name; what can't be read is left out.

    Args:
        headers: Of the answer.
        whole: Whether its body is the whole: Content-MD5 and Content-Digest are of the body alone.
    """
    digests: dict[str, str] = {}
    for name in ("Digest", "Repr-Digest", *(("Content-Digest",) if whole else ())):
        for item in headers.get(name, "").split(","):
            label, _, value = item.strip().partition("=")
            if (known := _NAMES.get(label.strip().lower())) and (text := _hex(known, value.strip().strip(":"))):
                digests[known] = text
    if whole and (text := _hex("md5", headers.get("Content-MD5", "").strip())):
        digests["md5"] = text
    return digests


def parse_checksum(text: str) -> tuple[str, str]:
    """Read a checksum that a caller gives, such as ``sha256:9f86d0...``.

    Raises:
        InvalidOptionError: It names no known hash, or is no hash of that kind.
    """
    if not isinstance(text, str):
        raise InvalidOptionError(f"checksum must be a text, not a {type(text).__name__}. Nothing was sent.")
    name, _, value = text.partition(":")
    known = name.strip().lower().replace("-", "")
    if known not in SIZES:
        raise InvalidOptionError(f"checksum must begin with one of {', '.join(SIZES)} and a colon. Nothing was sent.")
    digest = _hex(known, value.strip())
    if digest is None:
        raise InvalidOptionError(
            f"checksum is no {known}: that is {2 * SIZES[known]} hex characters, or base64. Nothing was sent."
        )
    return known, digest


class Hashes:
    """Hashes of bytes as they pass.

    Args:
        names: Which.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._running = {name: hashlib.new(name, usedforsecurity=False) for name in names}

    def __bool__(self) -> bool:
        return bool(self._running)

    def update(self, piece: bytes) -> None:
        """Take the next bytes."""
        for running in self._running.values():
            running.update(piece)

    def mismatch(self, expected: Mapping[str, str]) -> str | None:
        """Return the name of a hash that is another one than expected; None where all that were counted fit."""
        for name, running in self._running.items():
            if name in expected and not hmac.compare_digest(running.hexdigest(), expected[name]):
                return name
        return None


def _hex(name: str, text: str) -> str | None:
    """Return a hash as hex, whether it came as hex or as base64; None where it is neither."""
    size = SIZES[name]
    if len(text) == 2 * size and re.fullmatch(r"[0-9a-fA-F]+", text):
        return text.lower()
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.hex() if len(raw) == size else None
