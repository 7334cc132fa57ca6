"""A window as one process knows it, beyond what is stored for all of them. No clock, no I/O.

A reservation is stored as a call that was sent already, so passing the gate need not be stored at all. How a call went
is taken in at once, and stored with the next reservation or a moment later, as long as what is stored is no less
careful meanwhile. What is lost with a process that dies only makes the others wait for the answer of a later call.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeVar

from tonicdm.budget.entries import RESERVED, SENT, UNKNOWN, Entry, EntryState
from tonicdm.budget.window import Window
from tonicdm.values import Value

T = TypeVar("T")

MAX_NOTES: Final = 32
"""Steps that wait to be stored at most, two a call: what a process that dies leaves charged though it was answered."""
Step = Callable[[Window], Any]

_DECISIVE: Final = operator.attrgetter(
    "limit",
    "limit_before",
    "limit_call",
    "reset",
    "assumed",
    "provisional",
    "learned_length",
    "claims",
    "previous_reset",
    "previous_used",
    "opened_at",
    "rolled_at",
    "renewed_at",
    "headers_seen",
    "first",
    "unconfirmed",
    "foreign_usage.spent",
    "foreign_usage.rate",
    "foreign_usage.since",
    "cooldown.until",
    "cooldown.limited_at",
    "cooldown.consecutive_429s",
    "cooldown.slack",
    "cooldown.ends_at",
    "cooldown.ends_for",
    "cooldown.paused_until",
    "cooldown.probes",
)
"""What others decide by, beside the units used and held; a change of it is stored at once. What is left out makes them
no less careful while they know it as it was: the bounds of the server's clock are wider, an older response is judged by
what was known when it was older still."""


def _refund(window: Window, numbers: list[int]) -> None:
    window.refund(*numbers)


class Own(Value):
    """A reservation of this process, as far as it is stored otherwise."""

    __slots__ = ("sent_at", "state", "stored_until", "until")

    def __init__(
        self,
        state: EntryState,
        until: float,
        sent_at: float | None,
        stored_until: float,
    ) -> None:
        self.state: EntryState = state
        self.until: float = until
        self.sent_at: float | None = sent_at
        self.stored_until: float = stored_until
        """Until when others take it for a call under way."""


def stored_form(entry: Entry, lease: float) -> Entry:
    """Return *entry* as it is stored: one that was not sent yet as a call that left when it was made.

    It stands for any call that passes the gate within its lease and is awaited no longer than a lease.

    Args:
        entry: A reservation.
        lease: Seconds that a reservation may stay unsent.
    """
    if entry.state is not RESERVED:
        return entry
    return Entry(
        entry.number,
        entry.cost,
        SENT,
        entry.until + lease,
        entry.until - lease,
        None,
        entry.lane,
        entry.label,
        entry.holder,
        entry.job_label,
    )


class Beyond(NamedTuple):
    """What a process knows beyond what is stored."""

    notes: tuple[Step, ...]
    """Steps that were taken, in their order."""
    own: dict[int, Own]
    """Its reservations by number."""

    def enter_in(self, window: Window) -> None:
        """Enter it in *window*, as it is stored; twice is once."""
        holdings = window.holdings
        for number, own in self.own.items():
            entry = holdings.get(number)
            if entry is None:
                continue
            if entry.state is UNKNOWN:  # others have given it up
                holdings.unknown -= entry.cost
            entry.state, entry.until, entry.sent_at, entry.closed_at = own.state, own.until, own.sent_at, None
            holdings.next_sweep = min(holdings.next_sweep, own.until)
        for note in self.notes:
            note(window)


class Draft:
    """The window in memory, and what of it is not stored.

    Args:
        window: As it is before anything was read.
    """

    def __init__(self, window: Window) -> None:
        self.window: Window = window
        self.notes: tuple[Step, ...] = ()
        """Steps that were taken and are not stored, in their order."""
        self._own: dict[int, Own] = {}
        self._decisive: Any = None
        self._units = 0
        self._before: tuple[tuple[Step, ...], dict[int, Own]] = (), {}
        """The notes, and of the own reservations those that changed, as they were before the last note or check."""

    def load(self, window: Window) -> None:
        """Take *window* as it is stored, and enter what this process knows beyond that."""
        self.window = window
        self._remember()
        self._own = {number: own for number, own in self._own.items() if number in window.holdings.entries}
        self.beyond().enter_in(window)

    def recover(self, window: Window, before: Window) -> None:
        """Take *window* of another file than was known; it gets what is remembered.

        Args:
            window: As it is stored there, where the numbers of our reservations mean nothing, or what they did.
            before: As it was known last, with all that was noted.
        """
        self.window, self._own = window, {}
        window.recover(before)
        self.beyond().enter_in(window)  # calls that ended may still stand there

    def beyond(self) -> Beyond:
        """Return what is known beyond what is stored."""
        return Beyond(self.notes, self._own.copy())

    # --- steps that need not be stored at once ------------------------------------------------------------------

    def note(self, step: Callable[[Window], T]) -> T:
        """Take *step*, which tells how a call went."""
        self._before = self.notes, {}
        result = step(self.window)
        self.notes = (*self.notes, step, *self._part_with())
        return result

    def check(self, step: Callable[[Window], T]) -> T:
        """Take *step*, which lets a call pass the gate or takes its units back.

        It is not taken again where the window is read anew: what was decided has been done.
        """
        self._before = self.notes, {}
        result = step(self.window)
        if gone := self._part_with():
            self.notes = (*self.notes, *gone)
        return result

    def take_back(self) -> None:
        """Forget the last note or check; the window has to be loaded anew."""
        self.notes, changed = self._before
        self._own |= changed

    def _part_with(self) -> list[Step]:
        """Let go of own reservations that need no care any more, and return what gives back those that are gone."""
        holdings = self.window.holdings
        gone: list[int] = []
        for number in self._own.keys() & holdings.touched:
            entry, own = holdings.get(number), self._own.pop(number)
            self._before[1][number] = own
            if entry is None:
                gone.append(number)
            elif entry.state is SENT and entry.until <= own.stored_until:
                holdings.touched.discard(number)  # what is stored says as much
                self._own[number] = Own(entry.state, entry.until, entry.sent_at, own.stored_until)
        return [functools.partial(_refund, numbers=gone)] if gone else []

    @property
    def may_wait(self) -> bool:
        """Whether what is stored is no less careful than what is known."""
        window, holdings = self.window, self.window.holdings
        if window.ended or window.used + holdings.held > self._units or _DECISIVE(window) != self._decisive:
            return False
        entries = holdings.entries
        changed = entries.keys() & holdings.touched
        return not changed or all(entries[number].state is UNKNOWN for number in changed)

    @property
    def reserved(self) -> list[int] | None:
        """The new reservations, where it is enough to store them; None where all that is known has to be stored."""
        window, holdings = self.window, self.window.holdings
        if len(self.notes) >= MAX_NOTES or window.ended or _DECISIVE(window) != self._decisive:
            return None
        new: list[int] = []
        units, entries = self._units, holdings.entries
        for number in entries.keys() & holdings.touched:
            entry = entries[number]
            if entry.state is UNKNOWN:
                continue
            if entry.state is not RESERVED or number in self._own:
                return None
            new.append(number)
            units += entry.cost
        return new if window.used + holdings.held <= units else None

    # --- what is stored -----------------------------------------------------------------------------------------

    def stored(self, touched: set[int]) -> None:
        """Note that all is stored, the reservations *touched* in their `stored_form`."""
        self.notes = ()
        self._own_as_stored(touched)
        self._remember()

    def stored_reserved(self, numbers: list[int]) -> None:
        """Note that of all that is known the new reservations are stored, in their `stored_form`."""
        holdings = self.window.holdings
        holdings.touched.difference_update(numbers)
        self._own_as_stored(numbers)
        for number in numbers:
            self._units += holdings.entries[number].cost

    def _own_as_stored(self, touched: Iterable[int]) -> None:
        entries, lease = self.window.holdings.entries, self.window.rules.lease
        for number in touched:
            entry = entries.get(number)
            if entry is not None and entry.state is RESERVED:
                self._own[number] = Own(entry.state, entry.until, None, entry.until + lease)
            else:
                self._own.pop(number, None)

    def forget(self) -> None:
        """Leave what is not stored to the process whose calls they are."""
        self.notes, self._own, self._before = (), {}, ((), {})

    def _remember(self) -> None:
        self._decisive, self._units = _DECISIVE(self.window), self.window.used + self.window.held
