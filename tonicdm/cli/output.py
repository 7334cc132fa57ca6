"""Records as a table, as JSON or as CSV."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tonicdm.codec import Record
from tonicdm.models import CODEC

COLUMNS: Final = 8
"""Columns of a table on a terminal; JSON and CSV have all."""


def show(records: Sequence[Record], form: str) -> None:
    """Print *records*.

    Args:
        records: What to print.
        form: ``table``, ``json`` (an array) or ``csv``.
    """
    rows = [CODEC.write(record) for record in records]
    if form == "json":
        json.dump(rows, sys.stdout, ensure_ascii=False, indent=2)
        print()
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, _columns(rows))
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    else:
        _table(rows)


def _columns(rows: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _table(rows: Sequence[dict[str, Any]]) -> None:
    plain = [name for name in _columns(rows) if not any(isinstance(row.get(name), (list, dict)) for row in rows)]
    table = Table(caption=f"{len(rows):,} records")
    for name in plain[:COLUMNS]:
        table.add_column(name, overflow="ellipsis", no_wrap=name == "id")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in plain[:COLUMNS]))
    Console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict, bool)) else str(value)
