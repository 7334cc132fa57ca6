"""The budget's rules as a state machine without clock or I/O.

A window is the server's: it is told apart by its Reset. Inside one, ``used = Limit - Remaining`` only grows, so it
orders the answers however late they come. U (`Window.used`) is the greatest value seen, H (`Window.held`) the sum of
all reservations whose fate is not in U yet; a call of cost c may go iff U + H + c <= limit - guard.
"""

from __future__ import annotations

import enum

import attrs

from tonicdm.budget.entries import Entry, EntryState
from tonicdm.budget.rules import BudgetRules, Denied, Granted, Instant, Reason, Settlement
from tonicdm.budget.serverclock import ServerClock
from tonicdm.types import Priority, RateLimit


class Named(enum.Enum):
    """Which window the Reset of an answer names, seen from the known one."""

    SAME = enum.auto()
    NEW = enum.auto()
    OLDER = enum.auto()


@attrs.define
class Window:
    """The state of one budget. Every method takes the time and changes nothing but this object."""

    rules: BudgetRules = attrs.field(factory=BudgetRules)
    clock: ServerClock = attrs.field(factory=ServerClock)
    limit: int = attrs.field(default=attrs.Factory(lambda self: self.rules.limit, takes_self=True))
    used: int = 0
    """U: the greatest ``Limit - Remaining`` seen in this window."""
    held: int = 0
    """H: units of all entries."""
    reset: float | None = None
    """The latest Reset that named this window, server time; None while the window is unknown."""
    assumed: bool = False
    """Whether `reset` was reckoned from our first send, because no answer carries rate headers."""
    previous_reset: float | None = None
    """The last Reset of the window before; answers that name it are late."""
    rolled_at: float = 0.0
    """Monotonic time at which this window was taken to have begun."""
    headers_seen: bool = False
    first: int | None = None
    """The entry of the call that went ahead while the window is unknown."""
    first_sent: float | None = None
    """Server time of the first send into an unknown window, for servers without rate headers."""
    blocked_until: float | None = None
    """Server time before which nothing may be sent, after a 429."""
    limited_at: float | None = None
    """Monotonic time of the last 429's receipt."""
    strikes: int = 0
    """How many 429s came in a row, each to a call sent after the one before."""
    slack: float = 0.0
    """Seconds added behind a reset, after a release that proved too early."""
    foreign: int = 0
    """Units that others spent at least in this window."""
    entries: dict[int, Entry] = attrs.field(factory=dict)
    next_number: int = 1
    next_sweep: float = float("inf")
    """Monotonic time before which no entry changes by itself."""
    touched: set[int] = attrs.field(factory=set, eq=False, repr=False)
    """Entries changed or gone since a ledger last stored them."""

    # --- time -------------------------------------------------------------------------------------------------

    def advance(self, now: Instant) -> None:
        """Do what the passing of time does: end blocks and windows, take back lapsed leases."""
        if now.monotonic >= self.next_sweep:
            self._sweep(now.monotonic)
        server = self.clock.lower(now, self.rules)
        if self.blocked_until is not None and server >= self.blocked_until + self.slack:
            self.blocked_until = None
        if self.blocked_until is None and self.reset is not None and server >= self.reset + self.slack:
            self._roll(now)

    def _roll(self, now: Instant) -> None:
        """Begin an unknown window: the known one is over by the server's own clock."""
        ended, self.reset = self.reset, None
        assert ended is not None
        # Calls abandoned so early that the ended window must have charged them can't burden the next one.
        upper = self.clock.upper(now, self.rules)
        for entry in list(self.entries.values()):
            if entry.closed_at is not None:
                latest = upper - (now.monotonic - entry.closed_at) + self.rules.settle_time
                if latest <= ended:
                    self._drop(entry)
        self.previous_reset = ended
        self.used = self.foreign = 0
        self.assumed = False
        self.first = self.first_sent = None
        self.rolled_at = now.monotonic

    def _sweep(self, monotonic: float) -> None:
        for entry in list(self.entries.values()):
            if entry.state is EntryState.RESERVED and entry.until <= monotonic:
                self._drop(entry)
            elif entry.state is EntryState.SENT and entry.until <= monotonic:
                self._lose(entry, entry.until)
            elif entry.state is EntryState.UNKNOWN and self._end_of_unknown(entry) <= monotonic:
                self._drop(entry)
        self.next_sweep = min(map(self._wakes_at, self.entries.values()), default=float("inf"))

    def _wakes_at(self, entry: Entry) -> float:
        return self._end_of_unknown(entry) if entry.state is EntryState.UNKNOWN else entry.until

    def _end_of_unknown(self, entry: Entry) -> float:
        # The window that can have charged the call at the latest is over by then, answers or none.
        assert entry.closed_at is not None
        return entry.closed_at + self.rules.settle_time + self.rules.window

    # --- admission ----------------------------------------------------------------------------------------------

    def admit(self, cost: int, now: Instant, *, lane: Priority = "normal", holder: str = "") -> Granted | Denied:
        """Reserve *cost* units, or say why and until when not.

        Args:
            cost: Units of the call; at most the limit, which the caller has checked.
            now: The time.
            lane: Only the interactive lane may use the interactive reserve.
            holder: Noted with the reservation.
        """
        self.advance(now)
        denied = self._refusal(cost, now, lane)
        if denied is not None:
            return denied
        number, self.next_number = self.next_number, self.next_number + 1
        entry = Entry(number, cost, EntryState.RESERVED, now.monotonic + self.rules.lease, holder=holder)
        self.entries[number] = entry
        self.held += cost
        self._touch(entry)
        first = self.reset is None
        if first:
            self.first = number
        return Granted(number, first)

    def _refusal(self, cost: int, now: Instant, lane: Priority) -> Denied | None:  # noqa: PLR0911 - one line a rule
        if self.blocked_until is not None:
            return Denied(Reason.BLOCKED, self.blocked_until + self.slack)
        if self.reset is None:
            if self.first is not None:
                return Denied(Reason.FIRST_CALL)
            return Denied(Reason.IN_FLIGHT) if self.held + cost > self.limit else None
        usable = self.limit - self.rules.guard
        if self.used + cost > usable:
            return Denied(Reason.SPENT, self.reset + self.slack)
        if self.used + self.held + cost > usable:
            return Denied(Reason.IN_FLIGHT)
        if lane == "interactive":
            return None
        full = self.rules.interactive_reserve * self.limit
        left = usable - self.used - self.held - cost
        time_left = self.reset - self.clock.lower(now, self.rules)
        if left < full * min(1.0, time_left / self.rules.window):
            return Denied(Reason.RESERVE, self.reset - left / full * self.rules.window)
        return None

    def earliest(self, cost: int, now: Instant, *, ahead: int = 0) -> float:
        """Return the least seconds until *cost* units could be reserved behind *ahead* units of other calls.

        In-flight calls may turn out not to count, so they do not make anybody wait by this reckoning.
        """
        self.advance(now)
        server = self.clock.lower(now, self.rules)
        start, used = server, self.used
        if self.blocked_until is not None:
            start, used = self.blocked_until + self.slack, 0
        usable = max(1, self.limit - self.rules.guard)
        whole, rest = divmod(max(0, ahead + cost - max(0, usable - used)), usable)
        windows = whole + (rest > 0)
        if windows:
            first_end = start + self.rules.window
            if self.blocked_until is None and self.reset is not None:
                first_end = self.reset + self.slack
            start = first_end + (windows - 1) * self.rules.window
        return max(0.0, start - server) / (1.0 - self.rules.drift)

    def seconds_until(self, server_time: float, now: Instant) -> float:
        """Return the seconds after which the lower bound of server time has reached *server_time*."""
        return max(0.0, server_time - self.clock.lower(now, self.rules)) / (1.0 - self.rules.drift)

    # --- what happens to a reservation --------------------------------------------------------------------------

    def sent(self, number: int, now: Instant, timeout: float) -> bool:
        """Pass the gate: the next byte goes to the server.

        Args:
            number: The reservation.
            now: The time.
            timeout: Seconds for which an answer will be awaited.

        Returns:
            False where the lease has lapsed, a 429 came meanwhile, the window ended or others used it up; then the
            units are back and the call must queue anew.
        """
        self.advance(now)
        entry = self.entries.get(number)
        if entry is None or entry.state is not EntryState.RESERVED:
            return False
        open_now = self.reset is not None or self.first == number
        if self.blocked_until is not None or not open_now or self.used + self.held > self.limit:
            self.refund(number)
            return False
        entry.state, entry.sent_at, entry.until = EntryState.SENT, now.monotonic, now.monotonic + timeout
        self._touch(entry)
        if self.first_sent is None:
            self.first_sent = self.clock.upper(now, self.rules)
        return True

    def refund(self, *numbers: int) -> None:
        """Give back reservations of which surely no byte was sent; twice is once."""
        for number in numbers:
            if (entry := self.entries.get(number)) is not None:
                self._drop(entry)

    def lose(self, number: int, now: Instant) -> None:
        """Note that a sent call ended without a usable answer: it stays charged until known better."""
        entry = self.entries.get(number)
        if entry is not None and entry.state is not EntryState.UNKNOWN:
            self._lose(entry, now.monotonic)

    def settle(
        self,
        number: int,
        rate: RateLimit | None,
        now: Instant,
        *,
        status: int = 200,
        date: float | None = None,
        sent_at: float | None = None,
        chance: float = 0.5,
    ) -> Settlement:
        """Take in an answer.

        Args:
            number: The reservation; it may be gone already, the answer counts all the same.
            rate: What the rate headers said; None where they were absent or made no sense.
            now: The time of receipt.
            status: The HTTP status.
            date: The Date header as Unix time.
            sent_at: Monotonic time of the sending, where the reservation is gone.
            chance: A random number of [0, 1), for the back-off.
        """
        entry = self.entries.get(number)
        sent = entry.sent_at if entry is not None and entry.sent_at is not None else sent_at
        sent = now.monotonic if sent is None else sent
        if date is not None:
            self.clock.observe(date, sent, now.monotonic, self.rules)
        self.advance(now)
        if rate is not None and rate.reset > self.clock.upper(now, self.rules) + self.rules.furthest_reset:
            rate = None
        if rate is None:
            self._settle_without_headers(number, now, status)
            return Settlement(blocked=status == 429)
        self.headers_seen = True
        self.limit = rate.limit
        before_used, before_held, before_reset = self.used, self.held, self.reset
        cost = entry.cost if entry is not None and number in self.entries else 0
        self.refund(number)
        self._release_unknown(sent)
        named = self._locate(rate, sent, now, chance)
        if status == 429:
            self._block(rate.reset, sent, now, chance)
        elif named is Named.NEW:
            self.strikes, self.slack = 0, 0.0
        if named is not Named.SAME or before_reset is None or rate.used < before_used or status == 429:
            return Settlement(blocked=status == 429)
        spent = rate.used - before_used
        foreign = max(0, spent - before_held)
        self.foreign += foreign
        return Settlement(observed_cost=spent if before_held == cost and cost else None, foreign=foreign)

    def _settle_without_headers(self, number: int, now: Instant, status: int) -> None:
        if status == 429:
            self._block(self.clock.upper(now, self.rules) + self.rules.window, now.monotonic, now, 0.0)
        elif self.reset is None and not self.headers_seen and status < 500:
            # No answer of this server ever carried rate headers: count an own window from the first send.
            start = self.first_sent if self.first_sent is not None else self.clock.upper(now, self.rules)
            self.reset, self.assumed = start + self.rules.window, True
        self.lose(number, now)

    def _release_unknown(self, sent_at: float) -> None:
        """Drop attempts that any window seen by a call sent at *sent_at* has counted, if it ever will."""
        for entry in list(self.entries.values()):
            if entry.closed_at is not None and sent_at >= entry.closed_at + self.rules.settle_time:
                self._drop(entry)

    # --- which window an answer names ---------------------------------------------------------------------------

    def _locate(self, rate: RateLimit, sent_at: float, now: Instant, chance: float) -> Named:
        tolerance = self.rules.reset_tolerance
        late = self.previous_reset is not None and rate.reset <= self.previous_reset + tolerance
        if self.reset is None or self.assumed:
            if not late:
                self._open(rate)
                return Named.NEW
            if sent_at < self.rolled_at:
                return Named.OLDER
            # The server still counts in the window that we took to be over: the bounds of its clock were wrong.
            self.clock.forget()
            self._open(rate)
            self._back_off(chance)
            return Named.SAME
        if late:
            return Named.OLDER
        new = rate.reset > self.reset + tolerance and rate.used < self.used
        if new:
            self.previous_reset, self.used, self.foreign, self.rolled_at = self.reset, 0, 0, now.monotonic
        # A later Reset with no fewer units used is the same window, extended. An earlier one than the latest known
        # may come from before an extension: to count it is safe, to drop it is not.
        self.used = max(self.used, rate.used)
        self.reset = max(self.reset, rate.reset)
        return Named.NEW if new else Named.SAME

    def _open(self, rate: RateLimit) -> None:
        self.reset, self.used, self.assumed, self.first = rate.reset, rate.used, False, None

    def _block(self, until: float, sent_at: float, now: Instant, chance: float) -> None:
        """Send nothing before *until*; a 429 to a call sent after the last one is a strike more."""
        if self.limited_at is None or sent_at >= self.limited_at:
            self.strikes += 1
            if self.strikes > 1:
                self._back_off(chance)
            self.limited_at = now.monotonic
        self.blocked_until = max(until, self.blocked_until or 0.0)
        if self.reset is not None:
            self.blocked_until = max(self.blocked_until, self.reset)

    def _back_off(self, chance: float) -> None:
        """Wait a growing random time more: polite clients that share nothing would lock each other out for good."""
        self.strikes = max(self.strikes, 1)
        ceiling = min(self.rules.backoff_cap, self.rules.backoff_base * 2.0 ** min(self.strikes - 1, 20))
        self.slack = max(self.slack, 1.0) + chance * ceiling

    # --- bookkeeping --------------------------------------------------------------------------------------------

    @property
    def unknown(self) -> int:
        """Units of attempts whose fate is unknown."""
        return sum(entry.cost for entry in self.entries.values() if entry.state is EntryState.UNKNOWN)

    def restarted(self, now: Instant) -> None:
        """Read everything anew on *now*'s monotonic clock, whose start changed when the machine restarted."""
        self.clock.forget()
        for entry in list(self.entries.values()):
            if entry.state is EntryState.RESERVED:
                self._drop(entry)
            else:
                entry.sent_at = min(entry.sent_at or 0.0, now.monotonic)
                entry.state, entry.closed_at = EntryState.UNKNOWN, now.monotonic
                self._touch(entry)
        self.rolled_at = min(self.rolled_at, now.monotonic)
        self.limited_at = None if self.limited_at is None else now.monotonic

    def _lose(self, entry: Entry, closed_at: float) -> None:
        entry.state, entry.closed_at = EntryState.UNKNOWN, closed_at
        self._touch(entry)
        if self.first == entry.number:
            self.first = None

    def _drop(self, entry: Entry) -> None:
        del self.entries[entry.number]
        self.held -= entry.cost
        self.touched.add(entry.number)
        if self.first == entry.number:
            self.first = None

    def _touch(self, entry: Entry) -> None:
        self.touched.add(entry.number)
        self.next_sweep = min(self.next_sweep, self._wakes_at(entry))
