"""The budget's rules as a state machine without clock or I/O.

A window is the server's: it is told apart by its Reset. Inside one, ``used = Limit - Remaining`` only grows, so it
orders the answers however late they come. U (`Window.used`) is the greatest value seen, H (`Window.held`) the sum of
all reservations whose fate is not in U yet; a call of cost c may go iff U + H + c <= limit - guard.
"""

from __future__ import annotations

import attrs

from tonicdm.budget.entries import Entry, EntryState, Holdings
from tonicdm.budget.others import Others
from tonicdm.budget.rules import BudgetRules, Denied, Granted, Instant, Named, Reason, Settlement
from tonicdm.budget.serverclock import ServerClock
from tonicdm.budget.silence import Silence
from tonicdm.types import Priority, RateLimit

LONG_AGO = float("-inf")
"""When a call was sent of which nobody knows it: so early that it proves nothing."""


@attrs.define
class Window:
    """The state of one budget. Every method takes the time and changes nothing but this object."""

    rules: BudgetRules = attrs.field(factory=BudgetRules)
    clock: ServerClock = attrs.field(factory=ServerClock)
    silence: Silence = attrs.field(factory=Silence)
    others: Others = attrs.field(factory=Others)
    limit: int = attrs.field(default=attrs.Factory(lambda self: self.rules.limit, takes_self=True))
    used: int = 0
    """U: the greatest ``Limit - Remaining`` seen in this window."""
    holdings: Holdings = attrs.field(default=attrs.Factory(lambda self: Holdings(self.rules), takes_self=True))
    reset: float | None = None
    """The latest Reset that named this window, server time; None while the window is unknown."""
    assumed: bool = False
    """Whether `reset` was reckoned from our own clock, because no answer carries rate headers."""
    previous_reset: float | None = None
    """The last Reset of the window before; answers that name it are late."""
    previous_used: int = 0
    """The greatest used of that window, in case it proves not to be over."""
    opened_at: float | None = None
    """Server time at which this window surely had begun; a Reset clearly before it names an older one."""
    rolled_at: float = LONG_AGO
    """Monotonic time at which this window was taken to have begun."""
    renewed_at: float = LONG_AGO
    """Monotonic time at which the token was refreshed; answers to earlier calls speak of another budget."""
    headers_seen: bool = False
    first: int | None = None
    """The entry of the call that went ahead while the window is unknown."""
    accounts: dict[tuple[str, str], tuple[int, int]] = attrs.field(factory=dict)
    """Settled calls and their units in this window, by lane and label; for people, not for the rules."""

    @property
    def held(self) -> int:
        """H: units of all reservations."""
        return self.holdings.held

    @property
    def unknown(self) -> int:
        """The part of H whose calls ended without a usable answer."""
        return self.holdings.unknown

    # --- time -------------------------------------------------------------------------------------------------

    def advance(self, now: Instant) -> None:
        """Do what the passing of time does: end blocks and windows, take back lapsed leases."""
        self.holdings.sweep(now.monotonic)
        server, silence = self.clock.lower(now, self.rules), self.silence
        if silence.until is not None and server >= silence.end(silence.until, self.rules):
            silence.until = None
        if silence.until is None and self.reset is not None and server >= silence.end(self.reset, self.rules):
            self._roll(self.reset, now)

    def _roll(self, ended: float, now: Instant) -> None:
        """Begin an unknown window: the known one is over by the server's own clock."""
        # Calls abandoned so early that the ended window must have charged them can't burden the next one.
        upper = self.clock.upper(now, self.rules)
        for entry in self.holdings:
            if entry.closed_at is not None:
                elapsed = (now.monotonic - entry.closed_at) * (1.0 - self.rules.drift)
                if upper - elapsed + self.rules.settle_time <= ended:
                    self.holdings.drop(entry)
        if not self.assumed:
            self.previous_reset, self.previous_used = ended, self.used
        self._forget_window(now)

    def _forget_window(self, now: Instant) -> None:
        self.reset = self.opened_at = self.first = None
        self.used, self.assumed, self.rolled_at = 0, False, now.monotonic
        self.others.begin(now.monotonic)
        self.accounts = {}

    # --- admission ----------------------------------------------------------------------------------------------

    def admit(
        self, cost: int, now: Instant, *, lane: Priority = "normal", label: str = "", holder: str = ""
    ) -> Granted | Denied:
        """Reserve *cost* units, or say why and until when not.

        Args:
            cost: Units of the call; at most the limit, which the caller has checked.
            now: The time.
            lane: Only the interactive lane may use the interactive reserve.
            label: Noted with the reservation, as the next.
            holder: Who reserves.
        """
        if (denied := self.explain(cost, now, lane)) is not None:
            return denied
        entry = self.holdings.reserve(cost, now.monotonic + self.rules.lease, lane, label, holder)
        if self.reset is None:
            self.first = entry.number
        return Granted(entry.number, first=self.reset is None)

    def explain(self, cost: int, now: Instant, lane: Priority) -> Denied | None:
        """Say why a call of *cost* units has to wait; None if it need not."""
        self.advance(now)
        return self._refusal(cost, now, lane)

    def _refusal(self, cost: int, now: Instant, lane: Priority) -> Denied | None:
        if self.silence.until is not None:
            return Denied(Reason.BLOCKED, self.silence.end(self.silence.until, self.rules))
        if self.reset is None:
            return Denied(Reason.FIRST_CALL) if self._awaits_first() else self._too_much(cost, self.limit)
        usable = self.limit - self.guard(now)
        if self.used + cost > usable:
            return Denied(Reason.SPENT, self.silence.end(self.reset, self.rules))
        denied = self._too_much(self.used + cost, usable)
        if denied is None and self.rules.peers > 1 and self._near_the_end() and self.held > self.unknown:
            # What peers without a shared ledger have under way is known only as a bound: one call each.
            return Denied(Reason.IN_FLIGHT)
        if denied is not None or lane == "interactive":
            return denied
        return self._kept_in_reserve(usable - self.used - self.held - cost, now)

    def _awaits_first(self) -> bool:
        """Tell whether a call went ahead that was neither given back nor lost, which passes the turn on."""
        entry = None if self.first is None else self.holdings.get(self.first)
        return entry is not None and entry.state is not EntryState.UNKNOWN

    def _too_much(self, wanted: int, usable: int) -> Denied | None:
        """Say what is in the way of *wanted* units, a call's own and those used."""
        if wanted + self.unknown > usable:
            return Denied(Reason.UNKNOWN)
        return Denied(Reason.IN_FLIGHT) if wanted + self.held > usable else None

    def _near_the_end(self) -> bool:
        return self.limit - self.used - self.held < self.limit * 2 // 9

    def _kept_in_reserve(self, left: int, now: Instant) -> Denied | None:
        """Say until when *left* units are too few to leave to the interactive lane."""
        assert self.reset is not None
        full = self.rules.interactive_reserve * self.limit
        tail = min(self.rules.reserve_tail, self.rules.window / 10)
        length = self.rules.window - tail
        time_left = self.reset - self.clock.lower(now, self.rules)
        if left >= full * min(1.0, max(0.0, time_left - tail) / length):
            return None
        return Denied(Reason.RESERVE, self.reset - tail - left / full * length)

    def guard(self, now: Instant) -> int:
        """Return the units to be left for others: as set, and for peers or for those noticed."""
        # Peers are the others one knows of: near the end each has one call under way, so no more needs guarding.
        peers = (self.rules.peers - 1) * self.rules.dearest
        return min(self.limit, max(self.rules.guard, peers or self.others.guard(now.monotonic, self.rules)))

    def earliest(self, cost: int, now: Instant, *, ahead: int = 0) -> float:
        """Return the least seconds until *cost* units could be reserved behind *ahead* units of other calls.

        In-flight calls may turn out not to count, so they do not make anybody wait by this reckoning.
        """
        self.advance(now)
        server = self.clock.lower(now, self.rules)
        start, used = server, self.used
        if self.silence.until is not None:
            start, used = self.silence.end(self.silence.until, self.rules), 0
        usable = max(1, self.limit - self.rules.guard)
        whole, rest = divmod(max(0, ahead + cost - max(0, usable - used)), usable)
        windows = whole + (rest > 0)
        if windows:
            first_end = start + self.rules.window
            if self.silence.until is None and self.reset is not None:
                first_end = self.silence.end(self.reset, self.rules)
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
        entry = self.holdings.get(number)
        if entry is None or entry.state is not EntryState.RESERVED:
            return False
        open_now = self.reset is not None or self.first == number
        if self.silence.until is not None or not open_now or self.used + self.held > self.limit:
            self.refund(number)
            return False
        self.holdings.send(entry, now.monotonic, timeout)
        return True

    def refund(self, *numbers: int) -> None:
        """Give back reservations of which surely no byte was sent; twice is once."""
        for number in numbers:
            if (entry := self.holdings.get(number)) is not None:
                self.holdings.drop(entry)

    def lose(self, number: int, now: Instant) -> None:
        """Note that a sent call ended without a usable answer: it stays charged until known better."""
        if (entry := self.holdings.get(number)) is not None:
            self.holdings.lose(entry, now.monotonic)

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
        entry = self.holdings.get(number)
        sent = entry.sent_at if entry is not None and entry.sent_at is not None else sent_at
        if date is not None and sent is not None:
            self.clock.observe(date, sent, now, self.rules)
        sent = LONG_AGO if sent is None else sent
        self.advance(now)
        if rate is None or not self._sensible(rate, now):
            return self._settle_without_headers(number, now, status, sent, chance)
        self.headers_seen = True
        entry = self.holdings.get(number)
        cost, held = (0, self.held) if entry is None else (entry.cost, self.held)
        self.refund(number)
        self.others.own += self.holdings.release(sent)
        known, before = self.reset is not None or self.previous_reset is not None, self.used
        latest = (self.reset or 0.0) + self.rules.reset_tolerance
        named = Named.OLDER if sent < self.renewed_at else self._locate(rate, sent, date, now, chance)
        if status == 429:
            self._limited(rate.reset, named, sent, now, chance)
        elif named is Named.NEW:
            self.silence.forgive()
        if named is Named.OLDER:
            return Settlement(blocked=status == 429)
        spent = rate.used - (before if named is Named.SAME else 0)
        # Behind a Reset that moved there may be a new window that happens to be used as much.
        alone = named is Named.SAME and rate.reset <= latest and held == cost and status != 429 and spent > 0 and cost
        self._account(entry, spent, rate, sent, known=known)
        foreign = self.others.measure(self.used, self.held)
        return Settlement(spent if alone else None, foreign, blocked=status == 429)

    def _account(self, entry: Entry | None, spent: int, rate: RateLimit, sent_at: float, *, known: bool) -> None:
        """Note what is ours in this window."""
        if entry is not None:
            # A call that raised U cost no more than U rose by, however much was reserved for it.
            units = min(entry.cost, spent) if spent > 0 else entry.cost
            self.others.own += units
            key = (entry.lane, entry.label)
            if key not in self.accounts and len(self.accounts) >= 100:
                key = (entry.lane, "...")
            calls, sum_ = self.accounts.get(key, (0, 0))
            self.accounts[key] = (calls + 1, sum_ + units)
        if not known:
            self.others.own = rate.used  # who spent what before our first call can't be told
        if rate.used >= self.used:
            self.others.seen_at = max(self.others.seen_at, sent_at)

    def _sensible(self, rate: RateLimit, now: Instant) -> bool:
        """Tell whether *rate* can come from the API rather than from something between."""
        earliest = self.clock.lower(now, self.rules) - self.rules.furthest_reset
        latest = self.clock.upper(now, self.rules) + self.rules.furthest_reset
        return 0 <= rate.remaining <= rate.limit and rate.limit > 0 and earliest <= rate.reset <= latest

    def _settle_without_headers(
        self, number: int, now: Instant, status: int, sent_at: float, chance: float
    ) -> Settlement:
        whole_window = self.clock.upper(now, self.rules) + self.rules.window
        if status == 429:
            self._limited(whole_window, Named.SAME, sent_at, now, chance)
        elif self.reset is None and not self.headers_seen and status < 500:
            # No answer of this server ever carried rate headers. Its window began somewhere between our first send
            # and this answer; to take it from the answer is safe.
            self.reset, self.assumed = whole_window, True
        self.lose(number, now)
        return Settlement(blocked=status == 429)

    def _limited(self, until: float, named: Named, sent_at: float, now: Instant, chance: float) -> None:
        if named is Named.OLDER:
            # Its window is over, or another token's: nothing but the time it names is left to obey.
            until = max(until, self.silence.until or until)
            self.silence.until = until if until > self.clock.lower(now, self.rules) else self.silence.until
            return
        until = until if self.reset is None else max(until, self.reset)
        self.silence.impose(until, sent_at, now.monotonic, chance, self.rules)

    # --- which window an answer names ---------------------------------------------------------------------------

    def _locate(self, rate: RateLimit, sent_at: float, date: float | None, now: Instant, chance: float) -> Named:
        tolerance = self.rules.reset_tolerance
        late = self.previous_reset is not None and rate.reset <= self.previous_reset + tolerance
        late = late or (self.opened_at is not None and rate.reset < self.opened_at - tolerance)
        if self.reset is None or self.assumed:
            if late and sent_at < self.rolled_at:
                self.previous_used = max(self.previous_used, rate.used)
                return Named.OLDER
            self.opened_at = self._served_at(rate, sent_at, date, now)
            self.reset, self.used, self.limit = rate.reset, rate.used, rate.limit
            self.assumed, self.first = False, None
            if late:
                self._reopen(sent_at, date, now, chance)
            return Named.SAME if late else Named.NEW
        if late:
            return Named.OLDER
        new = rate.reset > self.reset + tolerance and rate.used < self.used
        if new:
            self.previous_reset = self.reset
            self._forget_window(now)
            self.opened_at, self.reset = self._served_at(rate, sent_at, date, now), rate.reset
        # A later Reset with no fewer units used is the same window, extended. An earlier one than the latest known
        # may come from before an extension: to count it is safe, to drop it is not.
        if rate.used >= self.used:
            self.used, self.limit = rate.used, rate.limit
        assert self.reset is not None
        self.reset = max(self.reset, rate.reset)
        return Named.NEW if new else Named.SAME

    def _reopen(self, sent_at: float, date: float | None, now: Instant, chance: float) -> None:
        """Go on in the window that was taken to be over: the server still counts in it, our bounds were wrong."""
        self.used, self.previous_reset = max(self.used, self.previous_used), None
        self.clock.forget()
        if date is not None:
            self.clock.observe(date, sent_at, now, self.rules)
        self.silence.back_off(chance, self.rules)

    def _served_at(self, rate: RateLimit, sent_at: float, date: float | None, now: Instant) -> float | None:
        """Return a time at which the server surely had this window open: not before it served the call."""
        served = date
        if served is None and sent_at != LONG_AGO:
            served = self.clock.lower(now, self.rules) - (now.monotonic - sent_at)
        # After its own Reset? Then Date and Reset come from different clocks, and can't be compared.
        return None if served is None or served > rate.reset else served

    # --- other tokens, other starts of the machine --------------------------------------------------------------

    def renew(self, now: Instant) -> None:
        """Take a refreshed token: its window is unknown, but silence and what is under way stay as they are."""
        self._forget_window(now)
        self.previous_reset, self.renewed_at = None, now.monotonic

    def inherit(self, old: Window, now: Instant) -> None:
        """Take over the silence and the unresolved calls of *old*, the budget of the token before this one."""
        self.silence.inherit(old.silence)
        for entry in old.holdings:
            if entry.state is not EntryState.RESERVED:
                self.holdings.adopt(entry)
        self.renew(now)

    def recover(self, before: Window) -> None:
        """Take over what is remembered of this budget, as its ledger was lost or is another one.

        Args:
            before: The budget as last known; its reservations keep their numbers.
        """
        self.silence.inherit(before.silence)
        for entry in before.holdings:
            if entry.state is not EntryState.RESERVED:  # what was not sent queues anew
                self.holdings.restore(entry)
        if self.clock.low is None:
            self.clock = attrs.evolve(before.clock)

    def restarted(self, now: Instant) -> None:
        """Read everything anew on *now*'s monotonic clock, whose start changed when the machine restarted."""
        self.clock.forget()
        self.holdings.restart(now.monotonic)
        self.rolled_at = min(self.rolled_at, now.monotonic)
        self.renewed_at = min(self.renewed_at, now.monotonic)
        self.others.since = self.others.seen_at = now.monotonic
        self.silence.limited_at = None if self.silence.limited_at is None else now.monotonic
