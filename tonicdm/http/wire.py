"""Build the lines of a request from an operation and its options. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

import attrs

from tonicdm.errors import ConfigError, InvalidOptionError
from tonicdm.http.operation import NOTHING_SENT, Operation, Parameter
from tonicdm.types import OptionPlacement
from tonicdm.values import State

ENCODED: Final = '; option_placement="query" can send them encoded'
"""What can be done with an option that a header line can't carry."""

MAX_LINE_BYTES: Final = 8190
"""Bytes of one header value, or of the query string, that common servers still read."""


@attrs.define(kw_only=True, eq=False, repr=False)  # each call makes one, and a frozen one takes twice the time
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
    """Build the request of a call.

    Args:
        operation: What is called.
        options: Values by Python name; None is left out.
        placement: Whether options become header lines or the query string.
        prefix: Put before the path.
        data_quantity: The word of `data_quantity_option`, sent on every call.
        data_quantity_option: The option that carries it.
        body: A JSON value; None for no body.

    Raises:
        InvalidOptionError: An option is unknown, missing, malformed, or too long for common servers.
    """
    pairs = operation.encode(options)
    if data_quantity is not None and data_quantity_option is not None:
        pairs.append((data_quantity_option, data_quantity))
    content = None if body is None else dump(body)
    headers: list[tuple[str, str]] = [("Accept", "application/json")]
    if content is not None:
        headers.append(("Content-Type", "application/json"))
    query = ""
    if placement == "header":
        headers += header_lines(pairs)
    else:
        query = query_string(pairs)
    return Request(
        method=operation.method, path=prefix + operation.path, query=query, headers=tuple(headers), body=content
    )


def header_lines(pairs: Iterable[tuple[Parameter, str]]) -> list[tuple[str, str]]:
    """Return one header line per option; a repeated line is never sent.

    Some servers read only the first of repeated lines, and answer a cut list with status 200.
    """
    lines: dict[str, tuple[str, str]] = {}
    for option, value in pairs:
        if option.key in lines:
            raise InvalidOptionError(f"the option {option.name} was given twice. {NOTHING_SENT}")
        lines[option.key] = (option.name, check_header(option.name, value))
    return list(lines.values())


def check_header(name: str, value: str, *, instead: str = ENCODED) -> str:
    """Return *value* if a header line can carry it.

    Args:
        name: Of the header.
        value: What it is to carry.
        instead: What can be done where it can't.

    Raises:
        InvalidOptionError: It has line breaks, control or non-ASCII characters, outer blanks, or is too long.
    """
    if not value.isascii() or not value.isprintable() or value.startswith(" ") or value.endswith(" "):
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


def query_string(pairs: Iterable[tuple[Parameter, str]]) -> str:
    """Return the options as a query string; commas stay readable, everything else unsafe is encoded."""
    query = "&".join(f"{quote(option.query_name, safe='')}={quote(value, safe=',:')}" for option, value in pairs)
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
