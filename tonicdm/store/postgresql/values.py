"""Values on their way to PostgreSQL and back, as SQLite has them, and what it can't hold."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg.adapt import Loader
from psycopg.types.numeric import IntDumper
from psycopg.types.string import StrDumperUnknown, TextLoader

MAX_KEY_BYTES: Final = 2_000
"""Bytes of a text that an index holds, with some room; PostgreSQL's limit is 2,704."""


def holdable(text: str) -> str:
    """Return a text as PostgreSQL can hold it."""
    if text.isascii() and "\0" not in text:
        return text
    return re.sub("[\0\ud800-\udfff]", "\ufffd", text)


class _Flag(IntDumper):
    """Writes truth as 1 or 0, which the tables of both engines hold."""

    def dump(self, obj: bool) -> bytes:  # noqa: FBT001 - a value
        return b"1" if obj else b"0"


class _Text(StrDumperUnknown):
    """Writes a text; what PostgreSQL can't hold in one becomes the sign for an unknown character.

    A record that holds such a text is in quarantine, and an event has its body as bytes: nothing is lost.
    """

    def dump(self, obj: str) -> Any:
        return super().dump(holdable(obj))


class _Number(Loader):
    """Reads a number as SQLite gives it."""

    def load(self, data: Any) -> int | float:
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdigit() else float(text)


def register(connection: psycopg.Connection[Any]) -> None:
    """Let a connection take and give values as those of SQLite do."""
    for type_, dumper in ((bool, _Flag), (str, _Text)):
        connection.adapters.register_dumper(type_, dumper)
    for oid, loader in (("json", TextLoader), ("jsonb", TextLoader), ("numeric", _Number)):
        connection.adapters.register_loader(oid, loader)


_OF_ONE_ROW: Final = re.compile(r"\btype = \? AND (?:id|key) = \?|\brecord_type = \?")
"""The condition for one row of a table whose key is a type and a name, or for jobs, each of which names such a row."""


def by_key(condition: str) -> str:
    """Return a condition for one row so that the primary key serves it.

    Of a type that came up since its statistics were made, PostgreSQL expects no rows: then any index that begins with
    the type seems as good, and all rows of the type are read through it. A value that it can't see when it plans is
    taken for a common one. Of a table of less than some 300 rows it may read all of them all the same.
    """
    return re.sub(r"(?<![<>!])= \?", "= (SELECT ?)", condition)


@functools.lru_cache(maxsize=2_000)
def translated(sql: str) -> bytes:
    """Return a statement with the placeholders of psycopg: those in texts, names and comments are none."""
    sql = _OF_ONE_ROW.sub(lambda condition: by_key(condition[0]), sql)
    parts = re.split(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*)""", sql.replace("%", "%%"))
    # What the pattern captured stands at the odd places.
    return "".join(part if number % 2 else part.replace("?", "%s") for number, part in enumerate(parts)).encode()


def refusal(key: str, item: Mapping[str, Any], raw: str) -> str | None:
    """Return why a record can't be held, without its values; None where it can.

    Args:
        key: What names it in the store.
        item: The record.
        raw: The same as JSON.
    """
    if "\\u0000" in raw and _has_nul(item):
        return "a text with the character NUL, which PostgreSQL can't hold"
    if len(key.encode()) > MAX_KEY_BYTES or any(len(name.encode()) > MAX_KEY_BYTES for name in item):
        return "an ID, a content that stands for one, or a field's name too long for PostgreSQL"
    return None


def is_same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are one; jsonb keeps neither the order of fields nor how a number is written."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _has_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any("\0" in name or _has_nul(inner) for name, inner in value.items())
    if isinstance(value, list):
        return any(map(_has_nul, value))
    return isinstance(value, str) and "\0" in value
