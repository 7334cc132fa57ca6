"""Read the elements of a JSON array, one by one where the whole can't be parsed; a bad one costs no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from tonicdm.codec.parsing import parse_array, parse_strictly
from tonicdm.codec.scalars import json_type
from tonicdm.errors import DecodeError
from tonicdm.types import InvalidRecord

MAX_DEPTH: Final = 64
"""Arrays and objects within each other in one element. The reference shows five at most, and SQLite reads 1,000."""

MAX_COUNTED: Final = 16_384
"""Bytes up to which the brackets of a body are counted."""

MAX_ELEMENTS: Final = 100_000
"""Elements of one answer; the largest page has 1,000 (reference: pageSize)."""

_TOKEN: Final = re.compile(rb'"(?>[^"\\]++|\\.)*+"|["\[\]{},]', re.DOTALL)
"""Strings and what gives an array its structure; a quotation mark alone begins a string that never ends."""

_CLOSERS: Final[Mapping[bytes, bytes]] = {b"[": b"]", b"{": b"}"}

_ESCAPED_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
"""Half of a pair of surrogates; most of them stand beside their other half."""

_RAW_SURROGATE: Final = re.compile(rb"\xed[\xa0-\xbf]")
"""The same as UTF-8, which has none. By itself: a search for both takes as long as parsing."""

_PLAIN_NAME: Final = re.compile(r"[A-Za-z_]{1,24}")
NAMES_SHOWN: Final = 3

BOM: Final = b"\xef\xbb\xbf"


@attrs.define  # each call makes one, and a frozen one takes twice the time
class Elements:
    """What an answer with an array holds. Nothing changes it."""

    values: list[Any]
    """The elements that are sound, in their order."""
    invalid: tuple[InvalidRecord, ...] = ()
    """Those that are not."""
    plain: bool | None = None
    """Whether the sound ones are plain (`tonicdm.codec.parsing.is_plain`); None where nobody has looked."""

    def __len__(self) -> int:
        return len(self.values) + len(self.invalid)


def read_elements(body: bytes, *, what: str = "the answer") -> Elements:
    """Read an array; what the parser does not take whole is cut into its elements, which are parsed one by one.

    Args:
        body: The answer's body.
        what: The call, for the error.

    Raises:
        DecodeError: It is no array, or ends in the middle.
    """
    may_be_deep = _may_be_deep(body)
    try:
        values, plain = parse_array(body, MAX_DEPTH) if may_be_deep else (parse_strictly(body), None)
    except (ValueError, RecursionError):
        return _one_by_one(body, what)
    if not isinstance(values, list):
        raise DecodeError([f"$: expected an array, found {json_shape(values)}"], what=what)
    if not _may_hold_surrogate(body) and (plain or not may_be_deep or not is_deeper(values, MAX_DEPTH + 1)):
        return Elements(values, plain=plain)
    return _sorted_out([(value, None) for value in values])


def _may_hold_surrogate(body: bytes) -> bool:
    # A search for the first byte, as a number, takes next to nothing, and rarely finds it.
    escaped = 0x5C in body and _ESCAPED_SURROGATE.search(body) is not None
    return escaped or (0xED in body and _RAW_SURROGATE.search(body) is not None)


def _may_be_deep(body: bytes) -> bool:
    """Tell whether there are enough brackets for a value that is nested too deep; they may stand side by side."""
    # A page always has enough. Without them, in one go: to count each takes three times as long.
    return len(body) > MAX_COUNTED or len(body) - len(body.translate(None, b"[{")) > MAX_DEPTH


def _one_by_one(body: bytes, what: str) -> Elements:
    cut = split(body, b"[", what=what)
    parsed: list[tuple[Any, bytes | None]] = []
    for raw in cut:
        try:
            parsed.append((parse_strictly(raw), None))
        except (ValueError, RecursionError) as error:
            parsed.append((error, raw))
    return _sorted_out(parsed)


def _sorted_out(parsed: list[tuple[Any, bytes | None]]) -> Elements:
    """Tell sound elements from others: each is a value, or the error that its text has met."""
    values: list[Any] = []
    invalid: list[InvalidRecord] = []
    for index, (value, raw) in enumerate(parsed):
        if raw is not None:
            invalid.append(InvalidRecord(index, _reason(value), raw, readable_fields(raw)))
        elif (reason := unstorable(value)) is not None:
            invalid.append(invalid_value(index, reason, value))
        else:
            values.append(value)
    return Elements(values, tuple(invalid))


def invalid_value(index: int, reason: str, value: Any) -> InvalidRecord:
    """Return an element that was parsed and is refused all the same, as text again.

    Args:
        index: Its place in the answer.
        reason: What is wrong with it.
        value: As parsed.
    """
    try:
        raw = json.dumps(value, separators=(",", ":")).encode()
    except RecursionError:
        raw = b""
    return InvalidRecord(index, reason, raw, readable_fields(raw))


def unstorable(value: Any) -> str | None:
    """Return why a parsed value can't be written again as JSON that every reader takes; None where it can."""
    if is_deeper(value, MAX_DEPTH):
        return f"nested more than {MAX_DEPTH} deep"
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        return "half of a pair of surrogates in a text"
    except (ValueError, RecursionError) as error:
        return _reason(error)
    return None


def is_deeper(value: Any, depth: int) -> bool:
    """Tell whether arrays and objects are nested within each other more than *depth* times."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(depth):
        if not level:
            return False
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)
            if type(child) is dict or type(child) is list
        ]
    return bool(level)


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return f"nested more than {MAX_DEPTH} deep"
    if isinstance(error, UnicodeDecodeError):
        return "no valid UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return "no valid JSON"
    return "a number that is NaN, infinite, or of too many digits"


def split(body: bytes, opener: bytes, *, what: str = "the answer") -> list[bytes]:
    """Cut an array, or an object, at the commas of its top level; nothing between them is judged.

    It takes time in proportion to the body, and no stack.

    Args:
        body: The text, UTF-8.
        opener: ``[`` or ``{``.
        what: The call, for the error.

    Raises:
        DecodeError: It does not begin so, ends in the middle, or its brackets do not match.
    """
    begun = body.removeprefix(BOM).lstrip()
    if not begun.startswith(opener):
        raise DecodeError([f"$: expected an array, found {_text_shape(begun)}"], what=what)
    try:
        return [part for part in _cut(begun) if part.strip()]
    except _StructureError as error:
        raise DecodeError([f"$: expected an array, found {error}"], what=what) from None


def _cut(text: bytes) -> list[bytes]:
    parts: list[bytes] = []
    start, end = 1, None
    for token, place in _top_level(text):
        parts.append(text[start:place])
        start = place + 1
        end = None if token == b"," else start
        if len(parts) > MAX_ELEMENTS:
            raise _StructureError(f"one of more than {MAX_ELEMENTS:,} elements")
    if end is None:
        raise _StructureError(f"one that ends in the middle, after {len(text):,} bytes")
    if text[end:].strip():
        raise _StructureError("more text behind it")
    return parts


class _StructureError(ValueError):
    """A text has not the structure of an array."""


def _top_level(text: bytes) -> Iterator[tuple[bytes, int]]:
    """Iterate over the commas of the top level, and over its end; nothing comes where the text ends before it."""
    stack: list[bytes] = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token == b'"':
            return
        if token in _CLOSERS:
            stack.append(_CLOSERS[token])
        elif token == b",":
            if len(stack) == 1:
                yield token, match.start()
        elif token in {b"]", b"}"}:
            if stack.pop() != token:
                raise _StructureError("brackets that do not match")
            if not stack:
                yield token, match.start()
                return


def readable_fields(raw: bytes) -> dict[str, Any]:
    """Return those fields of an object's text that can be parsed; none where it is no object."""
    fields: dict[str, Any] = {}
    try:
        members = split(raw, b"{")
    except DecodeError:
        return fields
    for member in members:
        try:
            parsed = parse_strictly(b"{" + member + b"}")
        except (ValueError, RecursionError):
            continue
        fields.update((name, value) for name, value in parsed.items() if unstorable([name, value]) is None)
    return fields


def json_shape(value: Any) -> str:
    """Say what a JSON value is, for an error: its kind, and of an object the names of some fields."""
    if not isinstance(value, dict):
        return json_type(value)
    # A name that is no plain word may be a value: addresses as keys, say.
    names = [name for name in value if _PLAIN_NAME.fullmatch(name)][:NAMES_SHOWN]
    return f"an object with {', '.join(names)}" if names else "an object"


def _text_shape(text: bytes) -> str:
    start = text[:64].lower()
    if start.startswith((b"<!doctype", b"<html")):
        return "an HTML page"
    if not text:
        return "nothing"
    return f"{len(text):,} bytes that are no JSON array"
