"""Reservations as the ledger keeps them: which calls hold how many units. No clock, no I/O."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import ClassVar, Final

from tonicdm.budget.rules import BudgetRules
from tonicdm.values import State, changed

NEVER: Final = float("inf")


class EntryState(enum.StrEnum):
    """Where a reservation stands; settled and refunded ones are gone from the ledger."""

    RESERVED = "reserved"
    SENT = "sent"
    UNKNOWN = "unknown"


# Asked for in every step of a call. In Python 3.11 an attribute of an enumeration takes fifteen times as long.
RESERVED: Final = EntryState.RESERVED
SENT: Final = EntryState.SENT
UNKNOWN: Final = EntryState.UNKNOWN


class Entry(State):
    """Units held for one attempt of one call."""

    __slots__ = ("closed_at", "cost", "holder", "job_label", "label", "lane", "number", "sent_at", "state", "until")

    def __init__(
        self,
        number: int,
        cost: int,
        state: EntryState,
        until: float,
        sent_at: float | None = None,
        closed_at: float | None = None,
        lane: str = "normal",
        label: str = "",
        holder: str = "",
        job_label: str = "",
    ) -> None:
        self.number: int = number
        self.cost: int = cost
        self.state: EntryState = state
        self.until: float = until
        """Monotonic time: a reservation's lease, or the latest at which a sent call is still awaited."""
        self.sent_at: float | None = sent_at
        """Monotonic time at which the call passed the gate."""
        self.closed_at: float | None = closed_at
        """Monotonic time at which an unknown attempt's socket was closed."""
        self.lane: str = lane
        """The lane it waited in; for people, not for the rules, as the next two."""
        self.label: str = label
        """What the call is."""
        self.holder: str = holder
        """Which process made it."""
        self.job_label: str = job_label
        """The label of its job, whose units are counted together; empty where it has none."""


class Holdings(State):
    """All entries of a budget, and their sums."""

    __slots__ = ("entries", "held", "next_number", "next_sweep", "rules", "touched", "unknown", "window")
    BESIDE: ClassVar[frozenset[str]] = frozenset({"rules", "touched"})

    def __init__(self, rules: BudgetRules | None = None, next_number: int = 1) -> None:
        self.rules: BudgetRules = BudgetRules() if rules is None else rules
        self.entries: dict[int, Entry] = {}
        self.held: int = 0
        """H: units of all entries."""
        self.unknown: int = 0
        """The part of H whose calls ended without a usable response."""
        self.window: float = self.rules.window
        """Seconds that a window lasts, as far as is known."""
        self.next_number: int = next_number
        self.next_sweep: float = NEVER
        """Monotonic time before which no entry changes by itself."""
        self.touched: set[int] = set()
        """Entries changed or gone since a ledger last stored them."""

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self.entries.values()))

    def get(self, number: int) -> Entry | None:
        """Return the entry of *number* if it still holds units."""
        return self.entries.get(number)

    def reserve(self, cost: int, until: float, lane: str, label: str, holder: str, job_label: str = "") -> Entry:
        """Hold *cost* units for a call that was not sent yet."""
        number = self._new_number()
        return self._hold(Entry(number, cost, RESERVED, until, None, None, lane, label, holder, job_label))

    def adopt(self, entry: Entry) -> None:
        """Hold the same units as *entry* of another budget."""
        self._hold(changed(entry, number=self._new_number()))

    def restore(self, entry: Entry) -> None:
        """Hold the units of *entry* under the number that it had, unless it is there."""
        if entry.number not in self.entries:
            self.next_number = max(self.next_number, entry.number + 1)
            self._hold(changed(entry))

    def _new_number(self) -> int:
        number = self.next_number
        self.next_number = number + 1
        return number

    def _hold(self, entry: Entry) -> Entry:
        self.entries[entry.number] = entry
        self.held += entry.cost
        if entry.state is UNKNOWN:
            self.unknown += entry.cost
        self._touch(entry)
        return entry

    def send(self, entry: Entry, monotonic: float, timeout: float) -> None:
        """Note that the call left, and until when its response is awaited."""
        entry.state, entry.sent_at, entry.until = SENT, monotonic, monotonic + timeout
        self._touch(entry)

    def lose(self, entry: Entry, closed_at: float) -> None:
        """Note that the call ended without a usable response."""
        if entry.state is not UNKNOWN:
            self.unknown += entry.cost
            entry.state, entry.closed_at = UNKNOWN, closed_at
            self._touch(entry)

    def drop(self, entry: Entry) -> None:
        """Hold nothing for this call any more; twice is once."""
        if self.entries.pop(entry.number, None) is not None:
            self.held -= entry.cost
            if entry.state is UNKNOWN:
                self.unknown -= entry.cost
            self.touched.add(entry.number)

    def sweep(self, monotonic: float) -> None:
        """Take back lapsed leases, give up responses that are overdue, and units that no window can hold any more."""
        if monotonic < self.next_sweep:
            return
        for entry in self:
            if entry.state is SENT and entry.until <= monotonic:
                self.lose(entry, entry.until)
            if entry.state is not SENT and self._ends_at(entry) <= monotonic:
                self.drop(entry)
        self.schedule()

    def schedule(self) -> None:
        """Reckon anew when the next entry changes by itself."""
        self.next_sweep = min(map(self._ends_at, self), default=NEVER)

    def release(self, sent_at: float) -> int:
        """Drop lost calls that any window seen by a call sent at *sent_at* has counted, if it ever will.

        Returns:
            The units dropped.
        """
        held = self.held
        for entry in self:
            if entry.closed_at is not None and sent_at >= entry.closed_at + self.rules.settle_time:
                self.drop(entry)
        return held - self.held

    def restart(self, monotonic: float) -> None:
        """Carry everything over to a new start of the machine: what was not sent is free, the rest is lost."""
        for entry in self:
            if entry.state is RESERVED:
                self.drop(entry)
            else:
                self.lose(entry, monotonic)
                entry.sent_at = entry.closed_at = monotonic
                self.touched.add(entry.number)
        self.schedule()

    def _ends_at(self, entry: Entry) -> float:
        if entry.closed_at is None:
            return entry.until
        # The window that can have charged the call at the latest is over by then, responses or none.
        return entry.closed_at + self.rules.settle_time + self.window

    def _touch(self, entry: Entry) -> None:
        self.touched.add(entry.number)
        ends_at = entry.until if entry.closed_at is None else self._ends_at(entry)
        if ends_at >= self.next_sweep:
            return
        self.next_sweep = ends_at
