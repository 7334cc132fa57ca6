"""Parse and write JSON by orjson where that is installed and makes the same of it, else by the standard library.

orjson refuses a whole text for one NaN or half of a pair of surrogates, and makes floats of integers beyond 64 bits.
So whatever it refuses, and whatever may hold such an integer, is left to Python's parser: no value depends on what is
installed. Nor does a text: orjson writes floats in another way, and null for NaN, so it is given values without them.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tonicdm.errors import DecodeError

MIN_DIGITS: Final = 19
"""Digits of the shortest integer beyond 64 bits."""

_DIGITS_ALIKE: Final = bytes.maketrans(b"123456789" + b",[- \t\r\n", b"0" * 9 + b":" * 7)
"""Makes all digits, and all that a number can stand behind, alike."""

_LONG_AT_START: Final = b"0" * MIN_DIGITS
_LONG: Final = b":" + _LONG_AT_START


class _Left(enum.Enum):
    """What is left to Python's parser."""

    LEFT = enum.auto()


LEFT: Final = _Left.LEFT


_write: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

_IS_CONTAINER: Final[Mapping[type, bool]] = {
    **dict.fromkeys((str, int, bool, type(None)), False),
    **dict.fromkeys((dict, list), True),
}
"""The types of values that are no floats."""


@functools.cache
def fast_writer() -> Callable[[Any], bytes] | None:
    """Return orjson's writer; None where it is not installed (extra ``orjson``)."""
    try:
        import orjson
    except ImportError:
        return None
    return orjson.dumps


@functools.cache
def fast_parser() -> Callable[[bytes], Any] | None:
    """Return orjson's parser; None where it is not installed (extra ``orjson``)."""
    try:
        import orjson
    except ImportError:
        return None
    return orjson.loads


def parse_json(body: bytes) -> Any:
    """Parse the body of an answer.

    Raises:
        DecodeError: It is no JSON; an HTML page, say, of a proxy.
    """
    try:
        value = _parse_fast(body)
        return json.loads(body) if value is LEFT else value
    except (ValueError, RecursionError):
        start = body[:64].lstrip().lower()
    shape = "an HTML page" if start.startswith((b"<!doctype", b"<html")) else f"{len(body):,} bytes"
    raise DecodeError([f"$: expected JSON, found {shape}"])


def parse_strictly(
    text: bytes | str, *, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None
) -> Any:
    """Parse JSON as RFC 8259 has it: without NaN and infinities, also none that a long exponent makes.

    Args:
        text: The JSON.
        object_pairs_hook: Makes an object of its members; a dict unless given.

    Raises:
        ValueError: It is no JSON, no UTF-8, or has a number that nothing can hold.
        RecursionError: It is nested too deep to be parsed.
    """
    value = LEFT if object_pairs_hook is not None else _parse_fast(text)
    if value is not LEFT:
        return value
    if object_pairs_hook is not None:
        return json.loads(text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=object_pairs_hook)
    return _parse_by_python(text)


def parse_array(text: bytes, depth: int) -> tuple[Any, bool]:
    """Parse a long array as `parse_strictly` does.

    Args:
        text: The JSON.
        depth: As for `is_plain`.

    Returns:
        The value, and whether it is an array of which `is_plain` says so.

    Raises:
        ValueError: As for `parse_strictly`.
        RecursionError: It is nested too deep to be parsed.
    """
    value = _loaded_fast(text)
    if isinstance(value, list) and is_plain(value, depth):
        # Without a float in it, there is none that orjson has made of a long integer.
        return value, True
    if value is LEFT or _may_hold_long_integer(text):
        value = _parse_by_python(text)
        return value, isinstance(value, list) and is_plain(value, depth)
    return value, False


def _loaded_fast(text: bytes | str) -> Any:
    """Return what orjson makes of a text; `LEFT` where it is not there, or refuses it."""
    loads = fast_parser()
    if loads is None or not isinstance(text, bytes):
        return LEFT
    try:
        return loads(text)
    except ValueError:
        return LEFT


def _parse_fast(text: bytes | str) -> Any:
    """Return what orjson makes of a text, which is what Python's parser would; `LEFT` where it may not be."""
    value = _loaded_fast(text)
    return LEFT if value is LEFT or not isinstance(text, bytes) or _may_hold_long_integer(text) else value


def _may_hold_long_integer(text: bytes) -> bool:
    """Tell whether so many digits stand together where a number may begin; so they may in a text, too."""
    alike = text.translate(_DIGITS_ALIKE)
    return _LONG in alike or alike.startswith(_LONG_AT_START)


def write_compact(value: Any, *, plain: bool = False) -> str:
    """Return a value as JSON without blanks, its texts as they are.

    Args:
        value: As parsed.
        plain: Whether `is_plain` has said so of it.

    Raises:
        ValueError: It holds a number that JSON has not.
        RecursionError: It is nested too deep to be written.
    """
    if plain and (dumps := fast_writer()) is not None:
        with contextlib.suppress(TypeError):  # half of a pair of surrogates, an integer beyond 64 bits
            return dumps(value).decode()
    return _write(value)


def write_all(values: Iterable[Any]) -> list[str]:
    """Return each of *values*, of which `is_plain` has said so, as `write_compact` does."""
    if (dumps := fast_writer()) is not None:
        with contextlib.suppress(TypeError):
            return [dumps(value).decode() for value in values]
    return [_write(value) for value in values]


def is_plain(values: list[Any], depth: int) -> bool:
    """Tell whether values hold no floats, and nothing is nested within them more than *depth* times.

    Args:
        values: As parsed.
        depth: At least 1.
    """
    level: list[Any] = [values]
    for _ in range(depth + 1):
        children = list(itertools.chain.from_iterable([one.values() if type(one) is dict else one for one in level]))
        try:
            # Of a page of records these are tens of thousands: no step of this is Python's.
            level = list(itertools.compress(children, map(_IS_CONTAINER.__getitem__, map(type, children))))
        except KeyError:
            return False
        if not level:
            return True
    return False


class _NumberError(ValueError):
    """A number that nothing can hold."""


def _no_constant(_name: str) -> Any:
    raise _NumberError


def _finite(text: str) -> float:
    value = float(text)
    if value - value != 0.0:
        raise _NumberError
    return value


_STRICT: Final = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


def _parse_by_python(text: bytes | str) -> Any:
    """Parse as `json.loads` does, which makes a decoder for each text where it is told what to refuse."""
    if isinstance(text, bytes):
        # What begins with one of these and another character of one byte is UTF-8 (RFC 4627, 3).
        encoding = "utf-8" if text[:1] in {b"[", b"{"} and text[1:2] != b"\0" else json.detect_encoding(text)
        text = text.decode(encoding, "surrogatepass")
    return _STRICT.decode(text)
