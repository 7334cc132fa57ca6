"""Header lines beside the options of a call: those of a response, and those that a caller may add."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from typing import Any, Final

from tonicdm.errors import InvalidOptionError
from tonicdm.http.operation import NOTHING_SENT
from tonicdm.http.wire import check_header
from tonicdm.types import MASK

OWN: Final = frozenset({"accept", "accept-encoding", "authorization", "content-type", "host", "user-agent"})
"""Names that this package and aiohttp write themselves."""

FRAMING: Final = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Names that decide where a request ends and what becomes of its connection."""

CONDITIONAL: Final = frozenset(
    {"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"}
)
"""Names that turn an answer into a part of it, or into none: paid for all the same."""

FORBIDDEN: Final = frozenset({"cookie", "cookie2", "proxy-authorization", "x-http-method", "x-http-method-override"})
"""Names that speak for somebody else, or make another call of it."""

SECRET_LINES: Final = frozenset(
    {
        "authentication-info",
        "authorization",
        "cookie",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "set-cookie",
        "set-cookie2",
        "x-amz-security-token",
        "x-api-key",
        "x-auth-token",
        "x-csrf-token",
        "x-xsrf-token",
    }
)
"""Names in an answer whose values are somebody's key."""

LINKS: Final = frozenset({"content-location", "link", "location", "refresh", "uri"})
"""Names in an answer whose values are URLs; a signed one is a key."""

RATE: Final = ("x-rate-limit", "x-ratelimit", "ratelimit", "retry-after")
"""How the names begin by which a server tells what is left (concepts page, "Managing Rate Limits")."""

_RESERVED: Final = OWN | FRAMING | CONDITIONAL | FORBIDDEN

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_QUERY: Final = re.compile(r"\?[^\s>;,\"]*")


class Headers(Mapping[str, str]):
    """The header lines of an answer: found whatever their case, and without what is somebody's key.

    A name that came more than once has its values joined by commas (RFC 9110, 5.3). The lines are read when they are
    looked at first, and must not change until then: those of most answers never are.

    Args:
        lines: Names and values in their order.
        mask: Strikes out what must not be shown.
    """

    __slots__ = ("_came", "_read")

    def __init__(self, lines: Collection[tuple[str, str]] = (), mask: Callable[[str], str] = str) -> None:
        self._came: tuple[Collection[tuple[str, str]], Callable[[str], str]] | None = lines, mask
        self._read: dict[str, tuple[str, str]] = {}

    @property
    def _lines(self) -> dict[str, tuple[str, str]]:
        """Names and values as they may be shown, by name in lower case."""
        if (came := self._came) is not None:
            self._read = _shown(*came)
            self._came = None  # behind what was read: two threads that begin at once make the same of it
        return self._read

    def strike_out(self) -> None:
        """Read the lines now: an error's frames are captured, and must not keep them as they came."""
        len(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return Headers, (tuple(self._lines.values()),)

    def __setstate__(self, state: tuple[None, dict[str, dict[str, tuple[str, str]]]]) -> None:
        # As pickled by the version before, which kept nothing but the lines as they may be shown.
        self._came, self._read = None, state[1]["_lines"]

    def __getitem__(self, name: str) -> str:
        return self._lines[name.lower()][1]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._lines

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._lines.values())

    def __len__(self) -> int:
        return len(self._lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and other._lines == self._lines

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({dict(self.items())!r})"


def _shown(lines: Iterable[tuple[str, str]], mask: Callable[[str], str]) -> dict[str, tuple[str, str]]:
    read: dict[str, tuple[str, str]] = {}
    for name, value in lines:
        name_shown = mask(name)
        key = name_shown.lower()
        shown = MASK if key in SECRET_LINES else mask(value)
        if key in LINKS:
            shown = _QUERY.sub(f"?{MASK}", shown)
        before = read.get(key)
        read[key] = (name_shown, shown) if before is None else (before[0], f"{before[1]}, {shown}")
    return read


def is_header_name(name: object) -> bool:
    """Tell whether a header can have this name (RFC 9110, 5.6.2)."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def is_reserved(name: str) -> bool:
    """Tell whether a header *name* is one of those that say who calls, where a request ends, or what it costs."""
    key = name.lower()
    return key in _RESERVED or key.startswith(RATE)


def is_added(name: str, options: Container[str]) -> bool:
    """Tell whether a header *name* may stand beside the lines of a call.

    Args:
        name: The header's name.
        options: Names of options in lower case; a line of that name would change what is asked for, and what it costs.
    """
    key = name.lower()
    return not is_reserved(key) and key not in options and not key.startswith("filter")


def check_added(headers: Mapping[str, str], options: Container[str]) -> tuple[tuple[str, str], ...]:
    """Return header lines that a user wants sent beside those of a call.

    Args:
        headers: By name.
        options: Names of options in lower case.

    Raises:
        InvalidOptionError: A line can't be sent, is one that this package writes, or is an option.
    """
    lines: dict[str, tuple[str, str]] = {}
    if not isinstance(headers, Mapping):
        raise InvalidOptionError(f"headers must be a mapping, not a {type(headers).__name__}. {NOTHING_SENT}")
    for name, value in headers.items():
        if not is_header_name(name):
            raise InvalidOptionError(f"a header must have a header's name, not {name!r}. {NOTHING_SENT}")
        if not is_added(name, options):
            why = (
                "it says who calls, where a request ends, or what it costs"
                if is_reserved(name)
                else "it is an option of calls"
            )
            raise InvalidOptionError(f"the header {name} can't be added: {why}. {NOTHING_SENT}")
        if not isinstance(value, str):
            raise InvalidOptionError(f"the header {name} must be a text, not a {type(value).__name__}. {NOTHING_SENT}")
        if name.lower() in lines:
            raise InvalidOptionError(f"the header {name} was given twice. {NOTHING_SENT}")
        lines[name.lower()] = (name, check_header(name, value, instead=""))
    return tuple(lines.values())


def merged(lines: Iterable[tuple[str, str]], more: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return *lines* and *more*, which replace those of the same name whatever its case."""
    return tuple({name.lower(): (name, value) for name, value in (*lines, *more)}.values())
