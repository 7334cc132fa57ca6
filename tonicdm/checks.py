"""Checks of the numbers that users give; a wrong one is refused before anything is done."""

from __future__ import annotations

import datetime
import math
import operator
from typing import SupportsIndex, cast

from tonicdm.errors import ConfigError


def whole_number(name: str, value: object, *, minimum: int, maximum: int | None = None) -> int:
    """Return *value* as an int.

    Args:
        name: Of the setting, for the error.
        value: What was given.
        minimum: The least that makes sense.
        maximum: The most, if there is one.

    Raises:
        ConfigError: It is no whole number, or out of range.
    """
    if isinstance(value, bool) or not hasattr(type(value), "__index__"):
        raise ConfigError(f"{name} must be a whole number, not {_shown(value)}")
    number = operator.index(cast("SupportsIndex", value))
    if number < minimum or (maximum is not None and number > maximum):
        bounds = f"at least {minimum:,}" if maximum is None else f"from {minimum:,} to {maximum:,}"
        raise ConfigError(f"{name} must be {bounds}, not {_shown(value)}")
    return number


def real_number(
    name: str,
    value: object,
    *,
    minimum: float = 0.0,
    below: float = math.inf,
    above_minimum: bool = False,
    unit: str = "",
) -> float:
    """Return *value* as it is, if it is a number in range.

    Args:
        name: Of the setting, for the error.
        value: What was given.
        minimum: The least that makes sense.
        below: What it must stay below; by default all that is finite.
        above_minimum: Whether *minimum* itself makes no sense.
        unit: What it counts, for the error.

    Raises:
        ConfigError: It is no number, not a number, or out of range.
    """
    of = f" of {unit}" if unit else ""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"{name} must be a number{of}, not {_shown(value)}")
    try:
        good = minimum <= float(value) < below and not (above_minimum and value == minimum)
    except OverflowError:
        good = False
    if not good:
        bounds = "positive" if above_minimum and minimum == 0 else f"at least {minimum:g}"
        bounds += "" if math.isinf(below) else f" and below {below:g}"
        raise ConfigError(f"{name} must be a number{of}, {bounds} and finite, not {_shown(value)}")
    return value


def seconds(name: str, value: object, *, positive: bool = False, endless: bool = False) -> float:
    """Return *value* as it is, if it can be a time to wait for.

    Args:
        name: Of the setting, for the error.
        value: What was given.
        positive: Whether no time at all makes no sense.
        endless: Whether ``math.inf`` makes sense.

    Raises:
        ConfigError: It is no number, negative, not a number, or endless where it must end.
    """
    if endless and value == math.inf:
        return math.inf
    return real_number(name, value, above_minimum=positive, unit="seconds")


def aware(name: str, value: object) -> datetime.datetime:
    """Return *value* as it is, if it is a datetime with a time zone.

    Args:
        name: Of the setting, for the error.
        value: What was given.

    Raises:
        ConfigError: It is no datetime, or has no time zone, so that nobody knows when it is.
    """
    if not isinstance(value, datetime.datetime) or value.utcoffset() is None:
        raise ConfigError(f"{name} must be a datetime with a time zone, not {_shown(value)}")
    return value


def _shown(value: object) -> str:
    """Describe what was given, without repeating a text, which may be anything that was pasted."""
    if isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < 10**15):
        return repr(value)
    return f"a {type(value).__name__}"
