"""Secrets as people have them: with a byte order mark, line ends, quotation marks, or a scheme's name around them.

A secret that was copied with something around it fails at the first event, days later, as "the signature is wrong". So
what surely does not belong to it is taken off, and what looks wrong is said. No message repeats any part of a secret.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

import attrs

from tonicdm.errors import ConfigError

PREFIX: Final = "whsec_"
"""Marks a secret that is written in base64 (Standard Webhooks 1.0, "Signature scheme")."""

MIN_KEY_BYTES: Final = 24
MAX_KEY_BYTES: Final = 64
"""Bytes of a key (Standard Webhooks 1.0, "Signature scheme"): fewer can be guessed, more come from something else."""

MIN_DIFFERENT_BYTES: Final = 8
"""Of a key made by chance: one with fewer is a placeholder."""

_BOM: Final = "\ufeff"
_QUOTES: Final = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}
_TOKEN: Final = re.compile(r"""(?:[A-Za-z_]\w*=)?(?:"[^"\r\n]*"|'[^'\r\n]*'|`[^`\r\n]*`|“[^”\r\n]*”)|\S+""")
"""One secret among several: up to a blank, or up to the second quotation mark."""

_ASSIGNED: Final = re.compile(r"[A-Za-z_]\w*=(?=[\"'`]|whsec_|v1,)")
_VERSION: Final = re.compile(r"v1,(?=\s*\S)")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{32,}={0,2}")


@attrs.frozen
class SecretText:
    """A secret as text, and what looked wrong about it."""

    text: str = attrs.field(repr=False)
    remarks: tuple[str, ...] = ()


@attrs.frozen
class Key:
    """The bytes of a secret, and what looked wrong about it."""

    content: bytes = attrs.field(repr=False)
    remarks: tuple[str, ...] = ()


def split_secrets(content: bytes | str) -> list[str]:
    """Return the secrets in a file or a variable: one a line, or several with blanks between.

    A secret with blanks in it stands in quotation marks. Lines that begin with ``#`` and a blank are remarks.

    Args:
        content: What the file or the variable holds.

    Raises:
        ConfigError: It is no text.
    """
    text = content if isinstance(content, str) else _decoded(content)
    lines = (line for line in text.removeprefix(_BOM).splitlines() if not line.lstrip().startswith("# "))
    return [token for line in lines for token in _TOKEN.findall(line.removeprefix("export ")) if token]


def _decoded(content: bytes) -> str:
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise ConfigError("a secret is written as text, and this is none") from None


def clean_secret(text: str) -> SecretText:
    """Take off what surely does not belong to a secret: marks, blanks, line ends, quotation marks, ``NAME=``, ``v1,``.

    Args:
        text: The secret as it was given.
    """
    remarks: list[str] = []
    remaining = text.strip().strip(_BOM).strip()
    for _ in range(4):  # as often as one of them can stand within another
        before = remaining
        if assigned := _ASSIGNED.match(remaining):
            remaining = remaining[assigned.end() :]
            remarks.append("has the name of a variable in front, which was taken off")
        if len(remaining) > 1 and _QUOTES.get(remaining[0]) == remaining[-1]:
            remaining = remaining[1:-1].strip()
            remarks.append("has quotation marks around it, which were taken off")
        if version := _VERSION.match(remaining):
            remaining = remaining[version.end() :].strip()
            remarks.append("has v1, in front, which was taken off: that marks a signature")
        if remaining == before:
            break
    if remaining.lower().startswith(PREFIX):
        remaining = remaining.rstrip(",;")
    return SecretText(remaining, tuple(dict.fromkeys(remarks)))


def signing_key(secret: str | bytes) -> Key:
    """Return the key of Standard Webhooks signatures that a secret stands for.

    Args:
        secret: Bytes are the key itself. A text that begins with ``whsec_`` is base64, another one stands for its own
            UTF-8 bytes.

    Raises:
        ConfigError: It can't be read, is no secret of this scheme, or has fewer than 24 bytes.
    """
    cleaned = SecretText("") if isinstance(secret, bytes) else clean_secret(secret)
    content, remarks = (secret, []) if isinstance(secret, bytes) else _read(cleaned.text)
    if len(content) < MIN_KEY_BYTES:
        raise ConfigError(
            f"a secret has {len(content)} bytes, and a key of webhook signatures at least {MIN_KEY_BYTES}: a shorter "
            "one can be guessed, or a part of it is missing. Copy the whole secret"
        )
    if len(content) > MAX_KEY_BYTES:
        remarks.append(f"has {len(content):,} bytes, and keys of Standard Webhooks have at most {MAX_KEY_BYTES}")
    return Key(content, (*cleaned.remarks, *remarks, *_oddities(content)))


def shared_value(secret: str | bytes) -> Key:
    """Return the value of a header that is a secret.

    Args:
        secret: As it was given; bytes are taken as they are.

    Raises:
        ConfigError: Nothing is left of it.
    """
    if isinstance(secret, bytes):
        return Key(secret)
    cleaned = clean_secret(secret)
    content = cleaned.text.encode()
    if not content:
        raise ConfigError("a secret is nothing but blanks and quotation marks")
    short = (f"has fewer than {MIN_KEY_BYTES} bytes and can be guessed",) if len(content) < MIN_KEY_BYTES else ()
    return Key(content, (*cleaned.remarks, *short, *_oddities(content)))


def _read(text: str) -> tuple[bytes, list[str]]:
    """Return the bytes that a cleaned text stands for, and what looks wrong about it."""
    if text.startswith(("whpk_", "whsk_")) or "-----BEGIN" in text:
        raise ConfigError(
            "a secret is a key of asymmetric signatures (v1a), which are not read here. Ask the sender for one that "
            f"begins with {PREFIX}"
        )
    if not text.lower().startswith(PREFIX):
        looks_encoded = _BASE64.fullmatch(text) is not None and len(text) % 4 == 0
        remark = f"looks like base64 but has no {PREFIX} in front, so it is used letter by letter"
        return text.encode("utf-8", "surrogateescape"), [remark] if looks_encoded else []
    encoded, remarks = text[len(PREFIX) :], list[str]()
    if not text.startswith(PREFIX):
        remarks.append(f"begins with {text[: len(PREFIX)]}, which is written {PREFIX}")
    if not encoded:
        raise ConfigError(f"a secret is {PREFIX} and nothing behind it")
    if "-" in encoded or "_" in encoded:
        encoded = encoded.translate(str.maketrans("-_", "+/"))
        remarks.append("is written in the base64 of URLs")
    padded = encoded + "=" * (-len(encoded) % 4)
    if padded != encoded:
        remarks.append("lacks the = at its end")
    try:
        return base64.b64decode(padded, validate=True), remarks
    except (binascii.Error, ValueError):
        raise ConfigError(f"a secret begins with {PREFIX}, but what follows is no base64") from None


def _oddities(content: bytes) -> list[str]:
    """Return what looks wrong about the bytes of a key."""
    oddities: list[str] = []
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return oddities  # made by chance
    if not text.isprintable():
        oddities.append("holds characters that can't be seen, such as a line end or a blank of no width")
    if text != text.strip():
        oddities.append("begins or ends with a blank")
    if 0 < len(set(content)) < MIN_DIFFERENT_BYTES:
        oddities.append("looks like a placeholder: few of its characters differ")
    return oddities


def remarks_of(keys: tuple[Key, ...]) -> list[str]:
    """Return what looks wrong about secrets, as lines for people.

    Args:
        keys: In the order in which they were given.
    """
    lines = [f"secret {number} of {len(keys)} {remark}" for number, key in enumerate(keys, 1) for remark in key.remarks]
    if len({key.content for key in keys}) < len(keys):
        lines.append("two of the secrets are the same")
    return lines
