"""Timestamps as the published samples write them: with an offset, and not always the same one."""

from __future__ import annotations

from datetime import UTC, datetime

_MINUTES = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440))
_SECONDS = tuple(f"{second:02d}" for second in range(60))
_SUFFIXES = ("Z", "+00:00", "Z", "+00:01")

FIRST_DAY = int(datetime(2021, 1, 4, tzinfo=UTC).timestamp())
"""Earliest timestamp of a seeded record."""
LAST_DAY = int(datetime(2024, 12, 20, tzinfo=UTC).timestamp())
"""Latest one: before any clock a test would use."""


_DAYS: dict[int, str] = {}


def _day(number: int) -> str:
    text = _DAYS.get(number)
    if text is None:
        text = _DAYS[number] = datetime.fromtimestamp(number * 86400, UTC).strftime("%Y-%m-%d")
    return text


def stamp(moment: float, form: int) -> str:
    """Return a date-time text.

    Args:
        moment: Unix time in seconds.
        form: Any number, usually the record's; one form in four carries the samples' odd offset of +00:01
            ("2021-11-03T16:21:02+00:01"), so texts of equal instants differ.
    """
    whole = int(moment)
    fraction = "" if whole == moment else f".{round((moment - whole) * 1000):03d}"
    form &= 3
    if form == 3:
        whole += 60
    day, second = divmod(whole, 86400)
    return f"{_DAYS.get(day) or _day(day)}T{_MINUTES[second // 60]}{_SECONDS[second % 60]}{fraction}{_SUFFIXES[form]}"


def date(moment: float) -> str:
    """Return the UTC date of a Unix time, as in dateActive."""
    return _day(int(moment) // 86400)
