"""Build the lines of a request from an operation and its options. No I/O."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

import attrs
from multidict import istr

from tonicdm.errors import ConfigError, InvalidOptionError
from tonicdm.http.operation import NOTHING_SENT, Operation, Parameter
from tonicdm.types import OptionPlacement
from tonicdm.values import State

ENCODED: Final = '; option_placement="query" can send them encoded'
"""What can be done with an option that a header line can't carry."""

MAX_LINE_BYTES: Final = 8190
"""Bytes of one header value, or of the query string, that common servers still read."""


@attrs.define(eq=False, repr=False)  # each call makes one, and a frozen one takes twice the time
class Request(State):
    """A request without its token: what goes over the wire. Nothing changes it."""

    method: str
    path: str
    """Path with prefix, percent-encoded, without query."""
    query: str = ""
    """Encoded query string without the question mark."""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None

    @property
    def target(self) -> str:
        """Path and query as they stand in the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path


class Prepared:
    """A request of which some options are always the same: those are encoded and checked once, for all its calls.

    Args:
        operation: What is called.
        options: Values by Python name, always sent; None is left out.
        varying: Python names of the options that each call brings itself.
        placement: Whether options become header lines or the query string.
        prefix: Put before the path.
        data_quantity: The word of `data_quantity_option`, sent on every call.
        data_quantity_option: The option that carries it.

    Raises:
        InvalidOptionError: An option is unknown, missing, malformed, or too long for common servers.
    """

    __slots__ = ("_lines", "_operation", "_path", "_query", "_taken")

    def __init__(
        self,
        operation: Operation,
        options: Mapping[str, Any],
        *,
        varying: Iterable[str] = (),
        placement: OptionPlacement = "header",
        prefix: str = "",
        data_quantity: str | None = None,
        data_quantity_option: Parameter | None = None,
    ) -> None:
        operation.check({**options, **dict.fromkeys(varying, ...)})
        pairs = operation.encode(options)
        if data_quantity is not None and data_quantity_option is not None:
            pairs.append((data_quantity_option, data_quantity))
        self._operation = operation
        self._path = prefix + operation.path
        self._lines = header_lines(pairs) if placement == "header" else []
        self._query = None if placement == "header" else query_string(pairs)
        self._taken = {option.key for option, _ in pairs}

    def request(self, options: Mapping[str, Any], body: Any = None) -> Request:
        """Return the request of one call.

        Args:
            options: The varying ones, in front of the others.
            body: A JSON value; None for no body.

        Raises:
            InvalidOptionError: An option is malformed, or too long for common servers.
        """
        pairs = self._operation.encode(options) if options else []
        own, content, query = _ACCEPT, None, ""
        if body is not None:
            own, content = _ACCEPT_AND_CONTENT, dump(body)
        if self._query is None:
            own = (*own, *header_lines(pairs, self._taken), *self._lines)
        else:
            query = query_string(pairs, self._query)
        return Request(self._operation.method, self._path, query, own, content)


_ACCEPT: Final[tuple[tuple[str, str], ...]] = ((istr("Accept"), "application/json"),)
_ACCEPT_AND_CONTENT: Final = (*_ACCEPT, (istr("Content-Type"), "application/json"))


def build(
    operation: Operation,
    options: Mapping[str, Any],
    *,
    placement: OptionPlacement = "header",
    prefix: str = "",
    data_quantity: str | None = None,
    data_quantity_option: Parameter | None = None,
    body: Any = None,
) -> Request:
    """Build the request of a single call; the arguments are those of `Prepared` and its `request`.

    Raises:
        InvalidOptionError: An option is unknown, missing, malformed, or too long for common servers.
    """
    prepared = Prepared(
        operation,
        options,
        placement=placement,
        prefix=prefix,
        data_quantity=data_quantity,
        data_quantity_option=data_quantity_option,
    )
    return prepared.request({}, body)


def header_lines(pairs: Iterable[tuple[Parameter, str]], taken: Container[str] = ()) -> list[tuple[str, str]]:
    """Return one header line per option; a repeated line is never sent.

    Some servers read only the first of repeated lines, and answer a cut list with status 200.

    Args:
        pairs: The options with their texts.
        taken: Names in lower case under which there is a line already.

    Raises:
        InvalidOptionError: An option comes twice, or a header line can't carry its text.
    """
    lines: list[tuple[str, str]] = []
    for option, value in pairs:
        if option.key in taken or (lines and option.key in {name.lower() for name, _ in lines}):
            raise InvalidOptionError(f"the option {option.name} was given twice. {NOTHING_SENT}")
        lines.append((option.line, check_header(option.name, value)))
    return lines


def check_header(name: str, value: str, *, instead: str = ENCODED) -> str:
    """Return *value* if a header line can carry it.

    Args:
        name: Of the header.
        value: What it is to carry.
        instead: What can be done where it can't.

    Raises:
        InvalidOptionError: It has line breaks, control or non-ASCII characters, outer blanks, or is too long.
    """
    if not value.isascii() or not value.isprintable() or value.strip() != value:
        raise InvalidOptionError(
            f"{name} holds line breaks, outer blanks or characters that a header can't carry{instead}. {NOTHING_SENT}"
        )
    if len(value) > MAX_LINE_BYTES:
        raise too_long(name, value)
    return value


def too_long(name: str, value: str) -> InvalidOptionError:
    """Return the error of a *value* that common servers cut the connection for: longer than `MAX_LINE_BYTES` bytes."""
    return InvalidOptionError(
        f"{name} is {len(value):,} bytes long; common servers read {MAX_LINE_BYTES:,}. Split it into several calls, as "
        f"get_many() does with IDs. {NOTHING_SENT}"
    )


def query_string(pairs: Iterable[tuple[Parameter, str]], rest: str = "") -> str:
    """Return the options as a query string; commas stay readable, everything else unsafe is encoded.

    Args:
        pairs: The options with their texts.
        rest: What comes behind them, as this has returned it before.

    Raises:
        InvalidOptionError: It is too long for common servers.
    """
    parts = [f"{quote(option.query_name, safe='')}={quote(value, safe=',:')}" for option, value in pairs]
    query = "&".join([*parts, rest] if rest else parts)
    if len(query) > MAX_LINE_BYTES:
        raise too_long("the query string", query)
    return query


def dump(value: Any) -> bytes:
    """Return *value* as UTF-8 JSON.

    Raises:
        InvalidOptionError: It has no JSON form; NaN, for one.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise InvalidOptionError(f"the body has no JSON form: {error}. {NOTHING_SENT}") from None


def check_path(path: str) -> str:
    """Return *path* percent-encoded, for calls that name their path themselves.

    Raises:
        ConfigError: It is not absolute, has dot segments, a query or a fragment.
    """
    parts = path.split("/")
    if not path.startswith("/") or path.startswith("//") or any(part in {".", ".."} for part in parts):
        raise ConfigError(f"a path must start with one / and have no dot segments: {path!r}")
    if any(mark in path for mark in "?#\\") or not path.isprintable():
        raise ConfigError("a path has no query, fragment or control characters; options go into options=")
    return quote(path, safe="/:@!$&'()*+,;=-._~%")
