"""Tables in HTML for notebooks: every value is escaped."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any, Final

MAX_ROWS: Final = 20
"""Rows of a table that are shown; it says how many more there are."""

MAX_CHARACTERS: Final = 80
"""Characters of a value that are shown."""


def text_of(value: Any) -> str:
    """Return a value as text for people, cut where it is long."""
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        text = f"{value:%Y-%m-%d %H:%M:%S}" + (f" {value.tzname()}" if value.tzinfo else "")
    elif isinstance(value, (list, tuple)):
        text = f"{len(value)}: {', '.join(map(text_of, value[:3]))}" + (", …" if len(value) > 3 else "")
    else:
        text = str(value)
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[Any]], *, more: int = 0) -> str:
    """Return a table.

    Args:
        caption: What it is.
        head: The names of its columns; none for a table without a head.
        rows: Its values, one for each column.
        more: How many rows there are besides.
    """
    import html  # with all names of characters; few programs show a table

    titles = "".join(f"<th>{html.escape(title)}</th>" for title in head)
    lines = [f"<thead><tr>{titles}</tr></thead>"] if head else []
    lines += ["<tr>" + "".join(f"<td>{html.escape(text_of(value))}</td>" for value in row) + "</tr>" for row in rows]
    below = f"<p>and {more:,} more</p>" if more else ""
    return f"<p>{html.escape(caption)}</p><table>{''.join(lines)}</table>{below}"


def fields(caption: str, values: Iterable[tuple[str, Any]]) -> str:
    """Return a table with a line for each name that has a value."""
    return table(caption, (), [(name, value) for name, value in values if value is not None])


def records(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table of the first of many rows."""
    return table(caption, columns, rows[:MAX_ROWS], more=max(0, len(rows) - MAX_ROWS))
