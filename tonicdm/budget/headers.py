"""Read the rate headers, Date and Retry-After of one response, each judged by itself.

Nothing here raises on any text, and what is returned is plausible: a Limit is 1 to 10^9, a Remaining never negative, a
time lies between 2001 and 2286. What is unreadable, or named twice with different values, counts as absent.
"""

from __future__ import annotations

import datetime
import functools
import math
import re
from collections.abc import Mapping
from typing import Final

import attrs
from multidict import CIMultiDictProxy, istr

from tonicdm.types import RateLimit, plausible_unix_seconds
from tonicdm.values import Value

MAX_LIMIT: Final = 1_000_000_000
"""Units of a window beyond which a Limit is none."""
MAX_DELAY_SECONDS: Final = 366 * 86400.0
"""Seconds beyond which a time span is none, neither a Retry-After nor a Reset given as one."""
# In lower case for all mappings, and in the form by which aiohttp's own find them fastest.
_LIMIT: Final = istr("x-rate-limit-limit")
_REMAINING: Final = istr("x-rate-limit-remaining")
_RESET: Final = istr("x-rate-limit-reset")
_DATE: Final = istr("date")
_AGE: Final = istr("age")
_RETRY_AFTER: Final = istr("retry-after")
MAX_DIGITS: Final = 30
"""Digits of a number, before and behind its point, beyond which it is none."""
_NUMBER: Final = re.compile(rf"-?[0-9]{{1,{MAX_DIGITS}}}(\.[0-9]{{1,{MAX_DIGITS}}})?")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONE: Final = r"(?:\s+(?:GMT|UTC|UT|Z|[+-]0000))?"
_HTTP_DATES: Final = (
    # RFC 9110, 5.6.7: the form of today, and the two of old; the third has no zone and is UTC all the same.
    re.compile(
        r"(?:[a-z]{3,9},?\s+)?(?P<day>\d{1,2})[\s-](?P<month>[a-z]{3})[a-z]*[\s-](?P<year>\d{4}|\d\d)\s+"
        r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)" + _ZONE,
        re.IGNORECASE | re.ASCII,
    ),
    re.compile(
        r"[a-z]{3}\s+(?P<month>[a-z]{3})\s+(?P<day>\d{1,2})\s+"
        r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)\s+(?P<year>\d{4})" + _ZONE,
        re.IGNORECASE | re.ASCII,
    ),
)


@attrs.frozen(eq=False, repr=False)
class When(Value):
    """A time that a header names: a moment of the server's clock, or a span from the making of the response."""

    at: float | None = None
    """Unix time in seconds."""
    after: float = 0.0
    """Seconds from the making of the response, where `at` is None."""

    def on(self, made: float) -> float:
        """Return the Unix time it names in a response that was made at *made*."""
        return made + self.after if self.at is None else self.at


class Report(Value):
    """What the head of one response says of the budget (concepts page, "Managing Rate Limits")."""

    __slots__ = ("date", "limit", "remaining", "reset", "retry_after")

    def __init__(
        self,
        limit: int | None = None,
        remaining: int | None = None,
        reset: When | None = None,
        date: float | None = None,
        retry_after: When | None = None,
    ) -> None:
        self.limit: int | None = limit
        """Units of a window, 1 to 10^9."""
        self.remaining: int | None = remaining
        """Units left when the server had served the call; never negative, never more than `limit`."""
        self.reset: When | None = reset
        """When the next window begins."""
        self.date: float | None = date
        """When the server made the response, Unix seconds, whole; None where a cache may have."""
        self.retry_after: When | None = retry_after
        """Before when the server wants no further call."""

    @classmethod
    def of(cls, limit: float, remaining: float, reset: float, date: float | None = None) -> Report:
        """Judge values that a caller has read by other means as the headers themselves are judged.

        Args:
            limit: X-Rate-Limit-Limit.
            remaining: X-Rate-Limit-Remaining.
            reset: X-Rate-Limit-Reset, in any of its forms.
            date: The Date header as Unix seconds.
        """
        made = None if date is None or not plausible_unix_seconds(date) else date
        return _judge(_finite(limit), _finite(remaining), _reset(_finite(reset)), made)

    def rate_limit(self, now: float) -> RateLimit | None:
        """Return the budget as the response reported it, for people; None unless it named all three.

        Args:
            now: Unix time here, for responses without a Date.
        """
        if self.limit is None or self.remaining is None or self.reset is None:
            return None
        return RateLimit(self.limit, self.remaining, self.reset.on(now if self.date is None else self.date))


def read(headers: Mapping[str, str]) -> Report:
    """Read the budget's headers of a response, names in any case; a multi-mapping gives its repeated lines too."""
    # aiohttp's find names in any case themselves.
    find = headers.getall if isinstance(headers, CIMultiDictProxy) else _by_name(headers).get
    reset, later = find(_RESET, None), find(_RETRY_AFTER, None)
    # What a cache kept was made for somebody else (RFC 9111, 5.1).
    date = None if find(_AGE, None) is not None else _date(find(_DATE, None))
    when = _reset(_number(reset)) or _moment(reset)
    wait = None if later is None else _span(_number(later)) or _moment(later)
    return _judge(_number(find(_LIMIT, None)), _number(find(_REMAINING, None)), when, date, wait)


def _by_name(headers: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the values of all lines by their names in lower case."""
    lines: dict[str, list[str]] = {}
    for name, value in headers.items():
        lines.setdefault(name.lower(), []).append(str(value))
    return lines


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that Retry-After names, never negative; None where it is absent or unreadable.

    Args:
        headers: Of the response. A date is measured from the response's own Date, which shares the server's clock.
        now: Unix time here, for responses without a Date.
    """
    report = read(headers)
    if report.retry_after is None:
        return None
    made = now if report.date is None else report.date
    return max(0.0, report.retry_after.on(made) - made)


@functools.lru_cache(maxsize=64)
def http_date(text: str) -> float | None:
    """Read an HTTP date (RFC 9110, 5.6.7) as Unix seconds.

    It is UTC, whether it says so or not; None where it names another zone, or is no date of the coming centuries.
    """
    text = text.strip()
    match = next((match for form in _HTTP_DATES if (match := form.fullmatch(text)) is not None), None)
    if match is None or (month := match["month"].lower()) not in _MONTHS:
        return None
    year = int(match["year"])
    if year < 100:
        year += 2000 if year < 70 else 1900
    # A leap second is the last one of its minute once more.
    time = int(match["hour"]), int(match["minute"]), min(int(match["second"]), 59)
    try:
        moment = datetime.datetime(year, _MONTHS.index(month) + 1, int(match["day"]), *time, tzinfo=datetime.UTC)
    except ValueError:
        return None
    seconds = moment.timestamp()
    return seconds if plausible_unix_seconds(seconds) else None


def _judge(
    limit: float | None,
    remaining: float | None,
    reset: When | None,
    date: float | None,
    retry_after: When | None = None,
) -> Report:
    if limit is not None and not 1 <= limit <= MAX_LIMIT:
        limit = None
    if remaining is not None:
        if remaining > MAX_LIMIT:
            remaining = None
        elif limit is not None and remaining > limit:
            limit = remaining = None  # one of them is wrong, and nobody knows which
        elif remaining < 0.0:
            remaining = 0.0
    units, left = None if limit is None else int(limit), None if remaining is None else int(remaining)
    return Report(units, left, reset, date, retry_after)


@functools.lru_cache(maxsize=64)  # it is the same for a whole window
def _reset(number: float | None) -> When | None:
    """Read a Unix time in seconds (concepts page, "Managing Rate Limits"), one in milliseconds, or a time span."""
    for seconds in () if number is None else (number, number / 1000):
        if plausible_unix_seconds(seconds):
            return When(seconds)
    return _span(number)


def _span(number: float | None) -> When | None:
    return When(after=number) if number is not None and 0 <= number <= MAX_DELAY_SECONDS else None


def _moment(lines: list[str] | None) -> When | None:
    moment = _date(lines)
    return None if moment is None else When(moment)


def _date(lines: list[str] | None) -> float | None:
    """Read the date that *lines* say, once or as often as they like, also joined by commas."""
    if not lines:
        return None
    if len(lines) == 1 and (moment := http_date(lines[0])) is not None:
        return moment
    return _agreed([http_date(text) for text in _dates(lines)])


def _finite(value: float) -> float | None:
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _number(lines: list[str] | None) -> float | None:
    """Read the number that *lines* say, once or as often as they like, also joined by commas."""
    if not lines:
        return None
    text = lines[0]
    if len(lines) == 1 and text.isdecimal() and text.isascii() and len(text) <= MAX_DIGITS:  # as almost all are
        return float(text)
    return _agreed([_plain_number(text) for line in lines for text in line.split(",")])


def _plain_number(text: str) -> float | None:
    text = text.strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def _dates(lines: list[str]) -> list[str]:
    """Take apart dates that were joined by commas, each of which has a comma of its own or none."""
    texts: list[str] = []
    for line in lines:
        parts = line.split(",")
        paired = len(parts) > 2 and len(parts) % 2 == 0
        texts += [",".join(parts[i : i + 2]) for i in range(0, len(parts), 2)] if paired else [line]
    return texts


def _agreed(values: list[float | None]) -> float | None:
    """Return the value that all of *values* are; None where one differs or none is there."""
    return values[0] if values and all(value == values[0] for value in values) else None
