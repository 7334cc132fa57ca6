"""Calendar months, in which the issuer counts machine tokens. UTC is assumed: no document names the time zone."""

from __future__ import annotations

import datetime
import math


def moment(at: float) -> datetime.datetime:
    """Return Unix seconds as an aware time in UTC."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC)


def month_of(at: float) -> str:
    """Return the month of *at*, as in ``2026-11``."""
    # A time is rounded to microseconds, and must not be rounded into the next month.
    return f"{moment(math.floor(at)):%Y-%m}"


def month_start(at: float) -> float:
    """Return the first moment of the month of *at*, Unix seconds."""
    return moment(math.floor(at)).replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()


def next_month(at: float) -> float:
    """Return the first moment after the month of *at*, Unix seconds."""
    return month_start(month_start(at) + 32 * 86400)
