"""Paging by keys: a page's LastEvaluatedKey is the next one's exclusiveStartKey, until there is none."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final, TypeAlias, TypeVar

from tonicdm.codec import Record, parse_json
from tonicdm.codec.scalars import json_type
from tonicdm.errors import DecodeError
from tonicdm.paging import Page, Paginator
from tonicdm.rhythm.errors import RepeatedKeyError
from tonicdm.rhythm.models import CODEC

R = TypeVar("R", bound=Record)
Fetch: TypeAlias = Callable[[str | None], Awaitable[Any]]
"""Asks for the page behind a key; the first one behind None."""


def read_page(answer: Any) -> tuple[list[Any], str | None]:
    """Return the items of a page, and the key of the next one; None at the end.

    The key's absence is the end, not an empty page (concepts page, "Paging"). A bare array is a whole list. A key that
    is an object travels as JSON text.

    Raises:
        DecodeError: The answer is neither an array nor a wrapped page.
    """
    if isinstance(answer, list):
        return answer, None
    if not isinstance(answer, dict) or not isinstance(answer.get("Items"), list):
        actual = "no array Items" if isinstance(answer, dict) else json_type(answer)
        raise DecodeError([f"$: expected an array, or an object with Items, found {actual}"])
    key = answer.get(KEY)
    if key is None or key in ("", {}):
        return answer["Items"], None
    return answer["Items"], key if isinstance(key, str) else json.dumps(key, sort_keys=True, separators=(",", ":"))


KEY: Final = "LastEvaluatedKey"
_DECODER: Final = json.JSONDecoder()
_BLANK: Final = re.compile(r"\s*")


def parse_page(body: bytes) -> Any:
    """Parse the body of a page; its key, unless it is a text or absent, becomes its own text.

    A key is opaque. Parsed and written again, a long number in it would lose digits, and another page would follow.

    Raises:
        DecodeError: It is no JSON.
    """
    parsed = parse_json(body)
    if isinstance(parsed, dict) and parsed.get(KEY) and not isinstance(parsed[KEY], str):
        return {**parsed, KEY: _text_of(body.decode(json.detect_encoding(body)), KEY)}
    return parsed


def _text_of(text: str, name: str) -> str:
    """Return the text of a member's value in a JSON object that was parsed before; the last one, if it comes twice."""
    place, value = _after_blank(text, text.index("{") + 1), ""
    while text[place] == '"':
        key, place = _DECODER.raw_decode(text, place)
        begin = _after_blank(text, _after_blank(text, place) + 1)
        _, end = _DECODER.raw_decode(text, begin)
        value = text[begin:end] if key == name else value
        place = _after_blank(text, _after_blank(text, end) + 1) if text[_after_blank(text, end)] == "," else end
    return value


def _after_blank(text: str, place: int) -> int:
    match = _BLANK.match(text, place)
    assert match is not None
    return match.end()


def paginate(fetch: Fetch, model: type[R], label: str, *, prefetch: int = 0) -> Paginator[R]:
    """Return the list whose pages *fetch* gets.

    Args:
        fetch: Asks for a page.
        model: The records' class.
        label: Method and path, for errors.
        prefetch: Pages to fetch ahead.
    """
    return Paginator(lambda _start: read_pages(fetch, model, label), prefetch=prefetch, label=label)


async def read_pages(fetch: Fetch, model: type[R], label: str) -> AsyncGenerator[Page[R], None]:
    """Yield all pages, empty ones included.

    Raises:
        RepeatedKeyError: A page names a key that was named before.
    """
    key: str | None = None
    seen: set[str] = set()
    number = 0
    while number == 0 or key is not None:
        items, following = read_page(await fetch(key))
        number += 1
        yield Page(number, tuple(CODEC.read_all(items, model)))
        if following is not None and following in seen:
            raise RepeatedKeyError(label, number)
        if following is not None:
            seen.add(following)
        key = following
