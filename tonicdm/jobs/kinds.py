"""The kinds of jobs, the queues they wait in, and what may not run beside what. No clock, no I/O."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final, Self

import attrs

from tonicdm.errors import ConfigError

TASK_PREFIX: Final = "tonicdm."


class Kind(enum.Enum):
    """What a job does; its value is also the name of the queue it waits in."""

    WEBHOOKS = "webhooks"
    """Fetches the records that events in a tenant's inbox name, and calls the handlers."""
    GAP_REPAIR = "gap-repair"
    """Looks for what no event named, in one type."""
    SYNC = "sync"
    """Brings one type up to date."""
    RHYTHM_SYNC = "rhythm-sync"
    """Brings one type of Rhythm's up to date."""
    EXPORT = "export"
    """Brings an export of a copy up to date."""

    @property
    def priority(self) -> int:
        """A job of a higher one is taken first."""
        return _PRIORITIES[self]

    @property
    def task(self) -> str:
        """The name of its task in the queue's tables."""
        return TASK_PREFIX + self.value

    @property
    def has_types(self) -> bool:
        """Whether it is planned: split into a job for each record type of TonicDM's."""
        return self in {Kind.SYNC, Kind.GAP_REPAIR}


_PRIORITIES: Final = {Kind.WEBHOOKS: 40, Kind.GAP_REPAIR: 30, Kind.SYNC: 20, Kind.RHYTHM_SYNC: 20, Kind.EXPORT: 10}
QUEUES: Final = tuple(kind.value for kind in sorted(Kind, key=lambda kind: -kind.priority))
"""The queues, the one that goes first at the head."""


def kind_of(name: str) -> Kind:
    """Return the kind of a queue, or of a task.

    Raises:
        ConfigError: There is no such one.
    """
    try:
        return Kind(name.removeprefix(TASK_PREFIX))
    except ValueError:
        raise ConfigError(f"there is no queue {name}; there are {', '.join(QUEUES)}") from None


@attrs.frozen(kw_only=True)
class Job:
    """What a worker is to do."""

    kind: Kind
    tenant: str
    what: str = ""
    """A record type or a destination; for a plan the types with commas, none for those of the tenant."""
    then: tuple[str, ...] = ()
    """Types that wait for this one."""
    checked: str = ""
    """Names the token whose owner the plan has looked at; empty for a job that is still to be planned."""
    failures: int = 0
    """Failures in a row."""
    reason: str = ""
    """Why it waits."""

    @property
    def is_plan(self) -> bool:
        """Whether it decides which jobs there are to be, rather than doing one."""
        return self.kind.has_types and not self.checked

    @property
    def lock(self) -> str:
        """Of all jobs with the same one, one runs at a time: a sync and a gap repair of one type share theirs."""
        if self.is_plan:
            what = "plan"
        elif self.kind.has_types:
            what = self.what
        else:
            what = f"{self.kind.value} {self.what}"
        return f"{self.tenant} {what}"

    @property
    def waiting_lock(self) -> str:
        """Of all jobs with the same one, one waits at a time: to ask for the same twice is to ask once."""
        return f"{self.kind.value} {self.tenant} {'plan ' if self.is_plan else ''}{self.what}"

    @property
    def arguments(self) -> dict[str, Any]:
        """What the queue keeps of it."""
        return {
            "tenant": self.tenant,
            "what": self.what,
            "then": list(self.then),
            "checked": self.checked,
            "failures": self.failures,
            "reason": self.reason,
        }

    @classmethod
    def from_queue(cls, task: str, arguments: Mapping[str, Any]) -> Self:
        """Read it from what the queue keeps.

        Args:
            task: The name of its task.
            arguments: As `arguments` gives them; what is missing has its default.

        Raises:
            ConfigError: No such kind is known.
        """
        return cls(
            kind=kind_of(task),
            tenant=str(arguments.get("tenant", "")),
            what=str(arguments.get("what", "")),
            then=tuple(map(str, arguments.get("then", ()))),
            checked=str(arguments.get("checked", "")),
            failures=int(arguments.get("failures", 0)),
            reason=str(arguments.get("reason", "")),
        )
