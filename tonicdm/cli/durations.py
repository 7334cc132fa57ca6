"""Times on the command line: how long, and by when."""

from __future__ import annotations

import datetime
import re
from typing import Final

from tonicdm.errors import ConfigError

SECONDS_PER_UNIT: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds_of(text: str, option: str) -> float:
    """Return a time such as 90s, 30m, 1h or 1d in seconds.

    Raises:
        ConfigError: *text* is none; the message names *option*.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if match is None or float(match[1]) == 0:
        raise ConfigError(f"{option} takes a time such as 90s, 30m, 1h or 1d, not {text!r}")
    return float(match[1]) * SECONDS_PER_UNIT[match[2]]


def moment_of(text: str, option: str, now: datetime.datetime) -> datetime.datetime:
    """Return the moment that *text* names: the next such time of the day, or a date and time; else local time.

    Args:
        text: Such as ``06:00``, ``2027-01-31T06:00`` or ``2027-01-31T06:00+01:00``.
        option: Named by the message.
        now: The time, with its zone.

    Raises:
        ConfigError: *text* is none.
    """
    try:
        if re.fullmatch(r"\d{1,2}:\d\d", text.strip()):
            hours, minutes = map(int, text.split(":"))
            today = now.astimezone().replace(hour=hours, minute=minutes, second=0, microsecond=0)
            return today if today > now else today + datetime.timedelta(days=1)
        return datetime.datetime.fromisoformat(text.strip()).astimezone()
    except ValueError:
        raise ConfigError(
            f"{option} takes a time of the day such as 06:00, or a moment such as 2027-01-31T06:00, not {text!r}"
        ) from None
