"""The history of a budget: what was counted in a window, and the record that is kept of it. No clock, no I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from tonicdm.values import State, Value

MAX_WINDOWS: Final = 720
"""Windows that a ledger keeps, the latest ones: thirty days of an hour each."""
MIN_WAIT_SECONDS: Final = 1.0
"""Seconds from which on the wait of a call is counted; shorter ones are the pace of the sending."""
MAX_LABELS: Final = 100
"""Labels that are counted apart in a window; what comes on top is counted together."""
MANY: Final = "..."
"""The label of what is counted together."""

Sums = tuple[int, int]
"""Calls and their units."""


class Counts(State):
    """What is counted in a window beside its units; for people, and for the shares of labels."""

    __slots__ = ("began_at", "by_label", "limited", "waited", "waits")

    def __init__(self, began_at: float = float("-inf")) -> None:
        self.began_at: float = began_at
        """`Window.rolled_at` of the window that is counted: an older version begins a window and leaves this alone."""
        self.limited: int = 0
        """Answers with status 429."""
        self.waits: int = 0
        """Calls that waited for their units for `MIN_WAIT_SECONDS` or longer."""
        self.waited: float = 0.0
        """Seconds that they waited together."""
        self.by_label: dict[str, Sums] = {}
        """Settled calls and their units, by the label of their job."""

    def are_of(self, rolled_at: float) -> bool:
        """Tell whether they are counts of the window that began at *rolled_at*."""
        return self.began_at == rolled_at or abs(self.began_at - rolled_at) <= 1.0

    def count_wait(self, seconds: float) -> None:
        """Count the wait of a call that has its units now."""
        if seconds >= MIN_WAIT_SECONDS:
            self.waits += 1
            self.waited += seconds

    def count_settled(self, label: str, units: int) -> None:
        """Count a settled call of a job with a label."""
        if label not in self.by_label and len(self.by_label) >= MAX_LABELS:
            label = MANY
        calls, sum_ = self.by_label.get(label, (0, 0))
        self.by_label = {**self.by_label, label: (calls + 1, sum_ + units)}


@attrs.frozen(kw_only=True, eq=False, repr=False)
class WindowRecord(Value):
    """A window that is over."""

    ended_at: float
    """The Reset that ended it, Unix seconds by the server's clock."""
    limit: int
    used: int
    """Units that the server counted, those of others included."""
    foreign: int = 0
    """Units that others spent, at least."""
    limited: int = 0
    """Answers with status 429."""
    waits: int = 0
    """Calls that waited for their units for a second or longer."""
    waited: float = 0.0
    """Seconds that they waited together."""
    spent: Mapping[tuple[str, str], Sums] = attrs.field(factory=dict)
    """Settled calls and their units, by lane and endpoint."""
    by_label: Mapping[str, Sums] = attrs.field(factory=dict)
    """Settled calls and their units, by the label of their job."""

    def continued(self, later: WindowRecord) -> WindowRecord:
        """Return one record of a window that was taken to be over, and went on."""
        return attrs.evolve(
            later,
            used=max(self.used, later.used),
            foreign=max(self.foreign, later.foreign),
            limited=self.limited + later.limited,
            waits=self.waits + later.waits,
            waited=self.waited + later.waited,
            spent=_joined(self.spent, later.spent),
            by_label=_joined(self.by_label, later.by_label),
        )

    def is_continued_by(self, later: WindowRecord, tolerance: float) -> bool:
        """Tell whether *later* is a record of the same window."""
        return abs(later.ended_at - self.ended_at) <= tolerance and self.limit == later.limit

    def to_json(self) -> str:
        """Return it as the ledger stores it."""
        values = attrs.asdict(self, recurse=False)
        values["spent"] = [[*key, *sums] for key, sums in self.spent.items()]
        values["by_label"] = [[label, *sums] for label, sums in self.by_label.items()]
        return json.dumps(values, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> WindowRecord | None:
        """Read what a ledger has stored; None where it is no such record.

        Args:
            text: As `to_json` returns it. What a later version has added is left out.
        """
        try:
            stored: dict[str, Any] = json.loads(text)
            values: dict[str, Any] = {
                field.name: stored[field.name] for field in attrs.fields(cls) if field.name in stored
            }
            values["spent"] = {
                (str(lane), str(label)): (int(calls), int(units)) for lane, label, calls, units in stored["spent"]
            }
            values["by_label"] = {str(label): (int(calls), int(units)) for label, calls, units in stored["by_label"]}
            return cls(**values)
        except (ValueError, TypeError, KeyError):
            return None


def _joined(former: Mapping[Any, Sums], later: Mapping[Any, Sums]) -> dict[Any, Sums]:
    sums = dict(former)
    for key, (calls, units) in later.items():
        before = sums.get(key, (0, 0))
        sums[key] = (before[0] + calls, before[1] + units)
    return sums


def appended(
    records: Iterable[WindowRecord], ended: Iterable[WindowRecord], tolerance: float, maximum: int = MAX_WINDOWS
) -> list[WindowRecord]:
    """Return *records* with the windows that have *ended* since, the latest *maximum* of them, in order."""
    result = list(records)
    for record in ended:
        if result and result[-1].is_continued_by(record, tolerance):
            record = result.pop().continued(record)  # noqa: PLW2901 - one record for one window
        result.append(record)
    return result[-maximum:]
