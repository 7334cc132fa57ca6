"""CSV: the cells of the staged rows, written without DuckDB, in the form that DuckDB gives them."""

from __future__ import annotations

import datetime
import itertools
import json
import pathlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from tonicdm.export.duck import SEPARATOR, Staged
from tonicdm.store.columns import OWN_COLUMNS, SqlType

BATCH_LINES: Final = 1000
"""Lines that are written between two looks at whether to go on."""

_QUOTED: Final = re.compile(r'[",\r\n]|^#')
"""What needs quotation marks; a line that begins with # is a comment to some readers."""

_REASON: Final = list(OWN_COLUMNS).index("reason")

ToText: TypeAlias = Callable[[Any], str]


def write(staged: Staged, file: pathlib.Path, *, keep_deleted: bool, check: Callable[[], None]) -> int:
    """Write the staged rows to *file*, with a header, and return how many there were.

    Args:
        staged: The rows.
        file: Is written anew.
        keep_deleted: Whether deleted records are written.
        check: Called every some rows; may raise to end it.
    """
    rows = _rows(staged, keep_deleted=keep_deleted)
    written = 0
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write(_line([*OWN_COLUMNS, *(column.name for column in staged.columns)]))
        while batch := list(itertools.islice(rows, BATCH_LINES)):
            check()
            out.writelines(map(_line, batch))
            written += len(batch)
    return written


def _rows(staged: Staged, *, keep_deleted: bool) -> Iterator[list[str | None]]:
    own_texts: Sequence[ToText] = [_TEXTS[type_] for type_ in OWN_COLUMNS.values()]
    fields = [(column.wire, _TEXTS[column.type or SqlType.TEXT]) for column in staged.columns]
    with staged.file.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            own_json, _, raw = line.partition(SEPARATOR)
            own = json.loads(own_json)
            if own[_REASON] is not None and not keep_deleted:
                continue
            get = json.loads(raw).get
            yield [
                *(None if value is None else text(value) for value, text in zip(own, own_texts, strict=True)),
                *(None if (value := get(wire)) is None else text(value) for wire, text in fields),
            ]


def _line(cells: Sequence[str | None]) -> str:
    return ",".join(["" if cell is None else _cell(cell) for cell in cells]) + "\n"


def _cell(text: str) -> str:
    # An empty text has quotation marks, a NULL has none: readers that can tell them apart do.
    if text and _QUOTED.search(text) is None:
        return text
    escaped = text.replace('"', '""')
    return f'"{escaped}"'


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _double(value: Any) -> str:
    return repr(float(value))


def _moment(value: str) -> str:
    """Return a date-time in UTC, to the microsecond; one without an offset is UTC."""
    moment = datetime.datetime.fromisoformat(value)
    try:
        moment = moment if moment.tzinfo is None else moment.astimezone(datetime.UTC)
    except OverflowError:  # the first or last hours that there are
        return value
    text = moment.replace(tzinfo=None).isoformat(sep=" ")
    return f"{text.rstrip('0') if moment.microsecond else text}+00"


_TEXTS: Final[dict[SqlType, ToText]] = {
    SqlType.BOOLEAN: _json,
    SqlType.BIGINT: _json,
    SqlType.DOUBLE: _double,
    SqlType.TIMESTAMP: _moment,
    SqlType.DATE: _text,
    SqlType.TEXT: _text,
    SqlType.JSON: _json,
}
"""How a value of a column becomes a cell."""
