"""Schedules: what is submitted again and again, and when next. No clock, no I/O."""

from __future__ import annotations

import datetime
from typing import Any, Final, Self

import attrs

from tonicdm.errors import ConfigError
from tonicdm.jobs.kinds import Kind, kind_of

MIN_EVERY_SECONDS: Final = {Kind.WEBHOOKS: 1}
"""Seconds between two submissions at least, where it is not a minute: an inbox is looked at more often."""
MIN_SECONDS: Final = 60
MAX_SECONDS: Final = 2**31 - 1
"""What the database's integer holds."""


_ANY_DAY: Final = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@attrs.frozen(kw_only=True)
class Schedule:
    """Submits a job of one kind for one tenant, in an interval or by a calendar.

    Raises:
        ConfigError: The interval is too short, the calendar can't be read, or not exactly one of both is given.
    """

    tenant: str
    kind: Kind
    what: str = ""
    """Types with commas, or a destination."""
    every: int | None = None
    """Seconds."""
    cron: str | None = None
    """Minute, hour, day of the month, month, day of the week, as cron has them; UTC."""
    due: datetime.datetime | None = attrs.field(default=None, eq=False)
    """When it is submitted next; only a schedule that was read from the database has it."""
    id: int = attrs.field(default=0, eq=False)

    def __attrs_post_init__(self) -> None:
        if (self.every is None) == (self.cron is None):
            raise ConfigError("a schedule has either an interval or a calendar (--every or --cron)")
        least = MIN_EVERY_SECONDS.get(self.kind, MIN_SECONDS)
        if self.every is not None and self.every < least:
            raise ConfigError(f"{self.kind.value} goes every {least} s at most, not every {self.every} s")
        if self.every is not None and self.every > MAX_SECONDS:
            raise ConfigError(f"{self.kind.value} goes every {MAX_SECONDS:,} s at least, not every {self.every:,} s")
        if self.cron is not None:
            _checked(self.cron)

    def next_after(self, now: datetime.datetime) -> datetime.datetime:
        """Return when it is due behind *now*. What was missed while no worker ran is made good by one submission.

        Args:
            now: UTC.
        """
        if self.every is not None:
            return now + datetime.timedelta(seconds=self.every)
        from croniter import croniter

        following: datetime.datetime = croniter(self.cron or "", now).get_next(datetime.datetime)
        return following

    @property
    def rhythm(self) -> str:
        """When it is due, for people."""
        return f"every {self.every} s" if self.every is not None else f"at {self.cron} UTC"

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """Read it from what the database holds."""
        fields = {name: row[name] for name in ("tenant", "what", "every", "cron", "due", "id")}
        return cls(kind=kind_of(row["kind"]), **fields)


def _checked(cron: str) -> None:
    from croniter import CroniterBadDateError, croniter

    if len(cron.split()) != 5 or not croniter.is_valid(cron):
        raise ConfigError(
            f"a calendar has five fields, such as '30 2 * * *' for half past two each night, not {cron!r}"
        )
    try:
        croniter(cron, _ANY_DAY).get_next()
    except CroniterBadDateError:
        raise ConfigError(f"there is no such day in any year: {cron!r}") from None
