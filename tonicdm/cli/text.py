"""Text for terminals: control characters made visible, and tables that fit a width."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

import attrs
import click
from rich.cells import cell_len, set_cell_size

GAP: Final = "  "
"""What stands between two columns."""
MIN_WIDTH: Final = 10
"""Cells below which a column is not cut; it is left out before that."""

_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a text to stdout or stderr at once, in the encoding that the stream has.

    Args:
        text: What is printed.
        err: Whether to stderr.
        nl: Whether a line end follows.
    """
    # Unless a stream is named, click writes UTF-8 where ASCII was asked for.
    click.echo(text, file=sys.stderr if err else sys.stdout, nl=nl)


def printable(text: str) -> str:
    """Return *text* with each character that could steer a terminal written as an escape.

    These are control characters, line ends, changes of the writing direction, and halves of surrogate pairs. Blanks of
    any kind stay.
    """
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@attrs.frozen
class Column:
    """A column of a table.

    Attributes:
        name: Its title, also in CSV and tab-separated lines.
        right: Whether its cells end at the right, as numbers do.
        whole: Whether its cells are never cut, as IDs and numbers are; it is left out instead.
        short: Makes the cell of a terminal's table out of the whole text.
    """

    name: str
    right: bool = False
    whole: bool = False
    short: Callable[[str], str] = str


def number(name: str) -> Column:
    """Return a column of numbers, with commas between thousands on a terminal."""
    return Column(name, right=True, whole=True, short=thousands)


def thousands(text: str) -> str:
    """Return a whole number with commas between thousands; any other text as it is."""
    return f"{int(text):,}" if text.isdecimal() else text


@attrs.frozen
class Fitted:
    """A table that fits: its lines, and the names of the columns that found no room."""

    lines: Sequence[str]
    left_out: Sequence[str]


def fit(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, *, ellipsis: str = "…") -> Fitted:
    """Lay out a table, one line a row, in at most *width* cells a line.

    The last columns are left out first. What is shown of the rest is cut, the widest first, and never below
    `MIN_WIDTH`.

    Args:
        columns: The columns, the most important first.
        rows: The cells of each row, already free of control characters.
        width: Cells that a line may have.
        ellipsis: What stands at the end of a cell that was cut.
    """
    natural = [
        max([cell_len(column.name), *(cell_len(row[position]) for row in rows)])
        for position, column in enumerate(columns)
    ]
    count = len(columns)
    while count > 1 and _least(columns[:count], natural) > width:
        count -= 1
    widths = _cut(columns[:count], natural[:count], width)
    titles = [column.name for column in columns]
    lines = [_line(columns[:count], row, widths, ellipsis) for row in (titles, *rows)]
    return Fitted(lines, titles[count:])


def _least(columns: Sequence[Column], natural: Sequence[int]) -> int:
    """Return the cells that the columns take at the very least."""
    cells = sum(
        wanted if column.whole else min(wanted, MIN_WIDTH) for column, wanted in zip(columns, natural, strict=False)
    )
    return cells + len(GAP) * (len(columns) - 1)


def _cut(columns: Sequence[Column], natural: list[int], width: int) -> list[int]:
    """Return the width of each column, the widest of those that may be cut lowered until all fit."""
    widths = list(natural)
    over = sum(widths) + len(GAP) * (len(columns) - 1) - width
    flexible = [position for position, column in enumerate(columns) if not column.whole] or [0]
    while over > 0:
        widest = max(flexible, key=lambda position: widths[position])
        if widths[widest] <= 1:
            break
        others = [widths[position] for position in flexible if position != widest and widths[position] < widths[widest]]
        step = max(1, min(over, widths[widest] - max([*others, min(MIN_WIDTH, widths[widest] - 1)])))
        widths[widest] -= step
        over -= step
    return widths


def _line(columns: Sequence[Column], row: Sequence[str], widths: Sequence[int], ellipsis: str) -> str:
    cells = [
        _padded(cell, wanted, ellipsis, right=column.right)
        for column, cell, wanted in zip(columns, row, widths, strict=False)
    ]
    return GAP.join(cells).rstrip()


def _padded(cell: str, width: int, ellipsis: str, *, right: bool) -> str:
    length = cell_len(cell)
    if length > width:
        return set_cell_size(cell, max(0, width - cell_len(ellipsis))) + ellipsis[:width]
    return " " * (width - length) + cell if right else cell + " " * (width - length)


def wrapped(text: str, width: int) -> list[str]:
    """Return a remark in lines of at most *width* cells, broken at blanks; a longer word stays whole."""
    lines: list[str] = []
    line = text[: len(text) - len(text.lstrip())]
    for word in text.strip().split(" "):
        longer = f"{line} {word}" if line.strip() else line + word
        if line.strip() and cell_len(longer) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]
