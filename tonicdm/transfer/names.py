"""File names that a server proposes, made safe for every system. Pure."""

from __future__ import annotations

import re
import unicodedata
from email.message import Message
from typing import Final
from urllib.parse import unquote

UNNAMED: Final = "download"
"""The name of a file whose server gives it none."""
MAX_BYTES: Final = 200
"""Bytes of a name in UTF-8; file systems take 255, and a suffix or a number must fit behind it."""
_MAX_EXTENSION: Final = 20
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$)$", re.IGNORECASE)
"""Devices of Windows, which stay devices whatever stands behind a dot."""
_FORBIDDEN: Final = re.compile(r'[<>:"|?*\u2044\u2215\u29f5\u29f8\uff0f\uff3c\uff1a]')
"""What Windows forbids, and letters that look like a separator or are turned into one."""


def safe_name(text: str) -> str:
    """Return *text* as the name of a file that every system takes for what it is: one name in the folder it is put in.

    Args:
        text: A name as a stranger gives it.

    Returns:
        At most `MAX_BYTES` bytes in UTF-8; ``download`` where nothing is left.
    """
    name = unicodedata.normalize("NFC", re.split(r"[/\\]", text)[-1])
    # Control and format letters (NUL, line ends, marks that turn the direction of text), and halves of surrogate pairs.
    name = "".join(letter for letter in name if unicodedata.category(letter) not in {"Cc", "Cf", "Cs", "Zl", "Zp"})
    name = _FORBIDDEN.sub("_", name).lstrip(". \u3000").rstrip(". \u3000")
    name = re.sub(r"^-", "_", name)
    if _RESERVED.match(name.partition(".")[0].rstrip()):
        name = f"_{name}"
    return _shortened(name) or UNNAMED


def proposed_name(disposition: str | None, path: str) -> str:
    """Return a safe name for what a server sends.

    Args:
        disposition: The header Content-Disposition (RFC 6266); its ``filename*`` goes before its ``filename``.
        path: The link's path, percent-encoded, whose last part is the name where the header gives none.
    """
    name = _from_header(disposition) if disposition else None
    return safe_name(name or unquote(path.rpartition("/")[2]))


def numbered(name: str, number: int) -> str:
    """Return *name* with a number before its extension, for a folder where it is taken."""
    stem, dot, extension = name.rpartition(".")
    return f"{stem} ({number}).{extension}" if dot and stem else f"{name} ({number})"


def _from_header(disposition: str) -> str | None:
    message = Message()
    message["Content-Disposition"] = _as_text(disposition)
    given = [value for name, value in message.get_params([], "Content-Disposition") if name.lower() == "filename"]
    extended = [value for value in given if isinstance(value, tuple)]
    for value in (*extended, *given):
        if not isinstance(value, tuple):
            return str(value)
        charset, _, encoded = value
        try:
            return str(encoded).encode("latin-1").decode(charset or "utf-8")
        except (LookupError, UnicodeError):
            continue
    return None


def _as_text(header: str) -> str:
    """Return a header whose bytes, where they are no UTF-8, came as halves of surrogate pairs and mean Latin-1."""
    raw = header.encode("utf-8", "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _shortened(name: str) -> str:
    if len(name.encode()) <= MAX_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    end = f".{extension}" if dot and len(extension.encode()) <= _MAX_EXTENSION else ""
    kept = (stem if end else name).encode()[: MAX_BYTES - len(end.encode())].decode(errors="ignore")
    return kept.rstrip(". ") + end
