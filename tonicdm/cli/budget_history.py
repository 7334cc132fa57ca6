"""``tonicdm budget --history``: the windows that are over, as curves, and as a table for other programs."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tonicdm.budget import WindowRecord
from tonicdm.budget.lanes import LANES
from tonicdm.cli.output import Facts, Output, Part, Table
from tonicdm.cli.text import Column, number

BARS: Final = "▁▂▃▄▅▆▇█"
PLAIN_BARS: Final = ".:-=+*%#"
"""For a stdout that can't write the others."""
MAX_BARS: Final = 48
"""Windows that a curve shows: two days of hours fit a line of 80 characters."""
MAX_ROWS: Final = 12
"""Rows of a table that sums up."""


def show_history(output: Output, records: Sequence[WindowRecord], limit: int) -> None:
    """Print the windows that are over.

    Args:
        output: Where and how.
        records: The windows, the latest one last.
        limit: How many of them, the latest ones.
    """
    records = records[-limit:]
    parts: list[Part] = [_facts(records)] if records else ["No window has ended yet, as far as this ledger knows."]
    parts += [_table(records), *_sums(records)]
    output.show([as_document(record) for record in records], *parts)


def as_document(record: WindowRecord) -> dict[str, Any]:
    """Return a window as JSON has it."""
    return {
        "ended_at": _moment(record).isoformat(timespec="seconds"),
        "limit": record.limit,
        "used": record.used,
        "foreign": record.foreign,
        "limited": record.limited,
        "waits": record.waits,
        "waited_seconds": record.waited,
        "spent": [
            {"lane": lane, "endpoint": label, "calls": calls, "units": units}
            for (lane, label), (calls, units) in record.spent.items()
        ],
        "by_label": {label: {"calls": calls, "units": units} for label, (calls, units) in record.by_label.items()},
    }


def sparkline(values: Sequence[float], maximum: float, bars: str = BARS) -> str:
    """Return a curve of *values*, one character each; a blank for nothing at all.

    Args:
        values: What is shown.
        maximum: What the highest bar stands for.
        bars: The characters, from low to high.
    """
    top = max(maximum, 1)
    return "".join(" " if value <= 0 else bars[min(len(bars) - 1, int(value / top * len(bars)))] for value in values)


def _facts(records: Sequence[WindowRecord]) -> Facts:
    shown = records[-MAX_BARS:]
    span = f"{_moment(records[0]):%Y-%m-%d %H:%M} to {_moment(records[-1]):%Y-%m-%d %H:%M} UTC"
    pairs: list[tuple[str, Any]] = [("Windows", f"{len(records)}, ended {span}")]
    curves = [
        ("Used", [record.used for record in shown], max(record.limit for record in shown)),
        ("Foreign", [record.foreign for record in shown], max(record.limit for record in shown)),
        ("429s", [record.limited for record in shown], max(record.limited for record in shown)),
        ("Waits", [record.waits for record in shown], max(record.waits for record in shown)),
    ]
    width = len(shown)
    for label, values, maximum in curves:
        curve = f"{sparkline(values, maximum, _bars()):<{width}}".replace(
            " ", "\N{NO-BREAK SPACE}" if _can_write(BARS) else "_"
        )
        pairs.append((label, f"{curve} {_scale(label, values, maximum)}"))
    return Facts(pairs)


def _scale(label: str, values: Sequence[int], maximum: int) -> str:
    if label in {"Used", "Foreign"}:
        return f"{sum(values):,} units, {max(values):,} of {maximum:,} at most"
    return f"{sum(values):,}"


def _table(records: Sequence[WindowRecord]) -> Table:
    columns = [
        Column("ended at", whole=True),
        *(number(name) for name in ("used", "limit", "foreign", "429s", "waits", "waited s", *LANES)),
    ]
    rows = [_row(record) for record in records]
    wide = Table(
        [
            *("ended_at", "used", "limit", "foreign", "limited", "waits", "waited_seconds"),
            *(f"units_{lane}" for lane in LANES),
            "by_label",
            "by_endpoint",
        ],
        [
            [*row, _units(record.by_label), _units(_by_endpoint(record))]
            for row, record in zip(rows, records, strict=True)
        ],
    )
    return Table(columns, rows, wide=wide)


def _row(record: WindowRecord) -> list[Any]:
    lanes = [sum(units for (lane, _), (_, units) in record.spent.items() if lane == each) for each in LANES]
    moment = f"{_moment(record):%Y-%m-%d %H:%M:%S}Z"
    counted = (record.used, record.limit, record.foreign, record.limited, record.waits, record.waited)
    return [moment, *counted, *lanes]


def _sums(records: Sequence[WindowRecord]) -> list[Part]:
    """Return what cost most over all windows, by endpoint and by label."""
    endpoints: dict[str, tuple[int, int]] = {}
    labels: dict[str, tuple[int, int]] = {}
    for record in records:
        _add(endpoints, _by_endpoint(record))
        _add(labels, record.by_label)
    tables = (("endpoint", endpoints), ("label", labels))
    return [
        Table(
            [name, number("calls"), number("units")],
            [(key, calls, units) for key, (calls, units) in _dearest(sums)],
            title=f"Spent by {name}",
        )
        for name, sums in tables
        if sums
    ]


def _by_endpoint(record: WindowRecord) -> dict[str, tuple[int, int]]:
    sums: dict[str, tuple[int, int]] = {}
    for (_, label), spent in record.spent.items():
        _add(sums, {label: spent})
    return sums


def _add(sums: dict[str, tuple[int, int]], more: Mapping[str, tuple[int, int]]) -> None:
    for key, (calls, units) in more.items():
        before = sums.get(key, (0, 0))
        sums[key] = (before[0] + calls, before[1] + units)


def _dearest(sums: Mapping[str, tuple[int, int]]) -> list[tuple[str, tuple[int, int]]]:
    return sorted(sums.items(), key=lambda item: -item[1][1])[:MAX_ROWS]


def _units(sums: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    return {key: units for key, (_, units) in sums.items()}


def _moment(record: WindowRecord) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(record.ended_at, datetime.UTC)


def _bars() -> str:
    return BARS if _can_write(BARS) else PLAIN_BARS


def _can_write(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
