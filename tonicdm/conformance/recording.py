"""Recordings: what was asked of a server and what came, as shapes, in a file that can be shown to anybody."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import attrs

from tonicdm import disk
from tonicdm.codec import OpenEnum
from tonicdm.conformance.shapes import Shape, shape_of
from tonicdm.conformance.state import Ask, Scalar, Seen, State
from tonicdm.errors import ConfigError
from tonicdm.models import enums

VERSION: Final = 1
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_NUMBERS: Final = frozenset({"x-rate-limit-limit", "x-rate-limit-remaining", "content-length", "retry-after", "age"})
"""Headers whose numbers are kept: they say something of the server and nothing of its customer."""


@attrs.frozen(kw_only=True)
class Exchange:
    """One question and the response to it."""

    question: str
    """Its name."""
    path: str
    """Path with its prefix; no path that is asked holds an ID."""
    header: Mapping[str, Shape] = attrs.field(factory=dict)
    """Options that were sent in headers."""
    query: Mapping[str, Shape] = attrs.field(factory=dict)
    """Options that were sent in the query string."""
    status: int
    """HTTP status; 0 where the connection was cut."""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """The response's headers."""
    body: Shape = None
    """Its body; None for none, ``not JSON`` for what is none."""
    cost: int = 0
    """Units that it cost at most."""

    @classmethod
    def of(cls, question: str, path: str, ask: Ask, seen: Seen) -> Self:
        """Take the shapes of a question and the response to it."""
        return cls(
            question=question,
            path=path,
            header={name: _option(value) for name, value in ask.headers.items()},
            query={name: _option(value) for name, value in ask.query.items()},
            status=seen.status,
            headers={name.lower(): _header(name.lower(), value, seen.at) for name, value in seen.headers.items()},
            body=None if seen.empty else "not JSON" if seen.payload is None else shape_of(seen.payload, _words()),
            cost=seen.cost,
        )


@attrs.frozen(kw_only=True)
class Recording:
    """The first contact with a server."""

    exchanges: Sequence[Exchange]
    answers: Mapping[str, Scalar] = attrs.field(factory=dict)
    """What was found out, as in a profile."""

    @classmethod
    def of(cls, state: State, exchanges: Sequence[Exchange]) -> Self:
        """Make the recording of a finished run."""
        return cls(exchanges=tuple(exchanges), answers=dict(sorted(state.answers.items())))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file in one step.

        Raises:
            ConfigError: It can't be written.
        """
        target = pathlib.Path(path)
        content = {
            "version": VERSION,
            "answers": dict(self.answers),
            "exchanges": [attrs.asdict(exchange) for exchange in self.exchanges],
        }
        part = target.with_name(f"{target.name}.part")
        try:
            part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            disk.replace(part, target)
        except OSError as error:
            raise ConfigError(f"the recording {os.fspath(path)} can't be written: {error.strerror}") from error

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file.

        Raises:
            ConfigError: It can't be read, or is no recording.
        """
        try:
            data: Any = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
            if data["version"] != VERSION:
                raise ConfigError(f"the recording has version {data['version']}, this package reads {VERSION}")
            return cls(exchanges=tuple(Exchange(**fields) for fields in data["exchanges"]), answers=data["answers"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(f"{os.fspath(path)} can't be read as a recording: {type(error).__name__}") from None


@functools.cache
def _words() -> frozenset[str]:
    """Return the texts of the reference's enumerations, which say nothing of a customer."""
    classes = [value for value in vars(enums).values() if isinstance(value, type) and issubclass(value, OpenEnum)]
    return frozenset(member.value for enumeration in classes for member in enumeration)


def _option(text: str) -> Shape:
    parts = text.split(",")
    if len(parts) > 1:
        return {"list": len(parts), "items": sorted({str(_option(part)) for part in parts})}
    if text.isascii() and text.isdigit() and len(text) < 6:
        return int(text)
    return text if text in {"id_only", "basic", "complete", "asc", "desc", "name", "small"} else shape_of(text)


def _header(name: str, text: str, now: float) -> str:
    if name == "x-rate-limit-reset":
        return _reset(text, now)
    if name in _NUMBERS and re.fullmatch(r"[0-9]{1,12}", text.strip()):
        return text.strip()
    media = text.partition(";")[0].strip().lower()
    if name == "content-type" and _MEDIA_TYPE.fullmatch(media):
        return media
    return "HTTP date" if name in {"date", "last-modified", "expires"} else str(shape_of(text))


def _reset(text: str, now: float) -> str:
    """Say what form a Reset has: its moment would tell when the recording was made."""
    try:
        value = float(text)
    except ValueError:
        return str(shape_of(text))
    for name, moment in (
        ("unix seconds", value),
        ("unix milliseconds", value / 1000),
        ("seconds from now", now + value),
    ):
        if -60 < moment - now < 2 * 86400:
            return f"{name}, {max(0, round(moment - now)):,} s ahead"
    return "a number that is no time"
