"""State and rules of one budget, as a state machine without clock or I/O.

A window is the server's, and is known by its Reset. Inside one, ``used = Limit - Remaining`` only grows, so it
orders the responses however late they come. U (`Window.used`) is the greatest value seen, H (`Window.held`) the sum of
all reservations whose outcome is not in U yet; a call of cost c may go iff U + H + c <= limit - guard.
"""

from __future__ import annotations

import copy
import math
from typing import ClassVar

from tonicdm.budget.claims import Claims
from tonicdm.budget.cooldown import Cooldown
from tonicdm.budget.entries import RESERVED, UNKNOWN, Holdings
from tonicdm.budget.foreign_usage import ForeignUsage
from tonicdm.budget.history import Counts, WindowRecord
from tonicdm.budget.rules import LONG_AGO, BudgetRules, Denied, Granted, Instant, Reason, Share
from tonicdm.budget.serverclock import ServerClock
from tonicdm.types import Priority
from tonicdm.values import State


class Window(State):
    """The state of one budget. Every method takes the time and changes nothing but this object."""

    __slots__ = (
        "accounts",
        "assumed",
        "claims",
        "clock",
        "cooldown",
        "counts",
        "ended",
        "first",
        "foreign_usage",
        "headers_seen",
        "holdings",
        "learned_length",
        "limit",
        "limit_before",
        "limit_call",
        "limit_sent_at",
        "opened_at",
        "previous_reset",
        "previous_used",
        "provisional",
        "renewed_at",
        "reset",
        "reset_reported_at",
        "rolled_at",
        "rules",
        "unconfirmed",
        "used",
        "used_reported_at",
    )
    BESIDE: ClassVar[frozenset[str]] = frozenset({"ended"})

    def __init__(self, rules: BudgetRules | None = None) -> None:
        self.rules: BudgetRules = BudgetRules() if rules is None else rules
        self.clock: ServerClock = ServerClock()
        self.cooldown: Cooldown = Cooldown()
        self.foreign_usage: ForeignUsage = ForeignUsage()
        self.limit: int = self.rules.limit
        self.limit_before: int = 0
        """The limit that held before, where one response alone named the present one; 0 where others agreed."""
        self.limit_sent_at: float = LONG_AGO
        """Monotonic time at which the last call left whose response reported `limit`."""
        self.limit_call: int = 0
        """The reservation whose response alone named `limit`; 0 where another response has agreed."""
        self.used: int = 0
        """U: the greatest ``Limit - Remaining`` seen in this window."""
        self.used_reported_at: float = LONG_AGO
        """Monotonic time at which the response came that reported `used`."""
        self.holdings: Holdings = Holdings(self.rules)
        self.reset: float | None = None
        """The latest Reset that named this window, server time; None while the window is unknown."""
        self.assumed: bool = False
        """Whether no response ever reported how much is used, so that this window is one of our own."""
        self.provisional: bool = False
        """Whether `reset` was reckoned from our own clock, because what responses name is not believed."""
        self.reset_reported_at: float = LONG_AGO
        """Monotonic time at which a response last named `reset`."""
        self.learned_length: float | None = None
        """Seconds that the server's windows last, where that is more than `BudgetRules.window`."""
        self.claims: Claims = Claims()
        """Limit and Reset that responses named and that are not believed yet."""
        self.previous_reset: float | None = None
        """The last Reset of the window before; responses that name it are late."""
        self.previous_used: int = 0
        """The greatest used of that window, in case it proves not to be over."""
        self.opened_at: float | None = None
        """Server time at which this window surely had begun; a Reset clearly before it names an older one."""
        self.rolled_at: float = LONG_AGO
        """Monotonic time at which this window was taken to have begun."""
        self.renewed_at: float = LONG_AGO
        """Monotonic time at which the token was refreshed; responses to earlier calls speak of another budget."""
        self.headers_seen: bool = False
        self.first: int | None = None
        """The entry of the call that went ahead while the window is unknown."""
        self.unconfirmed: bool = False
        """Whether it is only remembered, as the ledger was lost. One call goes first, as others may have spent."""
        self.accounts: dict[tuple[str, str], tuple[int, int]] = {}
        """Settled calls and their units in this window, by lane and label; for people, not for the rules."""
        self.counts: Counts = Counts()
        """What else is counted in this window, and the units of jobs that have a label."""
        self.ended: list[WindowRecord] = []
        """Windows that ended since a ledger last stored them."""

    @property
    def held(self) -> int:
        """H: units of all reservations."""
        return self.holdings.held

    @property
    def unknown(self) -> int:
        """The part of H whose calls ended without a usable response."""
        return self.holdings.unknown

    @property
    def length(self) -> float:
        """Seconds that a window lasts, as far as is known."""
        return self.rules.window if self.learned_length is None else self.learned_length

    @property
    def ceiling(self) -> int:
        """The units that no call can exceed.

        One odd response must not fail costly calls for good. They only wait.
        """
        return self.limit if self.limit > self.limit_before else self.limit_before

    @property
    def probing(self) -> bool:
        """Whether one call goes alone: the window is unknown or only remembered, or no call was served since a 429."""
        return self.reset is None or self.unconfirmed or self.cooldown.consecutive_429s > 0

    # --- time -------------------------------------------------------------------------------------------------

    def advance(self, now: Instant) -> None:
        """Do what the passing of time does: end blocks and windows, take back lapsed leases."""
        if self.learned_length is not None:
            self.holdings.window = self.learned_length
        self.holdings.sweep(now.monotonic)
        server, cooldown = self.clock.lower(now, self.rules), self.cooldown
        if cooldown.paused_until is not None and server >= cooldown.paused_until:
            cooldown.paused_until = None
        if cooldown.until is not None:
            if not cooldown.reckoned:
                cooldown.resume(server, now.monotonic, self.rules)
            if now.monotonic < (cooldown.ends_at or 0.0):
                return
            cooldown.until = None
            if cooldown.probes and self.reset is not None:
                self._roll(self.reset, now)
        if self.reset is not None and self.clock.low is None:
            self._bound_reset(now)
        # Where the monotonic clock stands still in sleep, the wall clock may end a window. One call then goes to see.
        slept = 0.0 if now.counts_suspension else self.clock.slept(now)
        if self.reset is not None and server + slept >= cooldown.end(self.reset, self.rules):
            self._roll(self.reset, now)

    def _bound_reset(self, now: Instant) -> None:
        """Wait no longer than a window lasts where only the wall clock is known, which may have been set back."""
        latest = self.clock.upper(now, self.rules) + self.length
        if self.reset is not None and self.reset > latest + self.rules.reset_tolerance:
            self.reset, self.provisional = latest, True

    def _roll(self, ended: float, now: Instant) -> None:
        """Begin an unknown window: the known one is over by the server's own clock."""
        # Calls abandoned so early that the ended window must have charged them can't burden the next one.
        upper = self.clock.upper(now, self.rules)
        for entry in self.holdings:
            if entry.closed_at is not None:
                elapsed = (now.monotonic - entry.closed_at) * (1.0 - self.rules.drift)
                if upper - elapsed + self.rules.settle_time <= ended:
                    self.holdings.drop(entry)
        if not self.assumed and not self.provisional:
            self.previous_reset, self.previous_used = ended, self.used
        self.forget_window(now)

    def forget_window(self, now: Instant) -> None:
        """Begin an unknown window; reservations and cooldown stay."""
        self._record_end(now)
        self.reset = self.opened_at = self.first = None
        self.used, self.assumed, self.provisional, self.rolled_at = 0, False, False, now.monotonic
        self.unconfirmed = False
        self.claims = self.claims.in_a_new_window()
        if self.limit_call:
            self.limit_before = max(self.limit_before, self.rules.limit)
        self.foreign_usage.begin(now.monotonic)
        self.accounts, self.counts = {}, Counts(self.rolled_at)

    def counts_now(self) -> Counts:
        """Return the counts of this window."""
        if not self.counts.are_of(self.rolled_at):
            self.counts = Counts(self.rolled_at)
        return self.counts

    def record(self, ended_at: float) -> WindowRecord | None:
        """Return a record of this window, ended at *ended_at*; None where nothing happened in it."""
        counts = self.counts_now()
        if not (self.used or self.accounts or counts.limited):
            return None
        return WindowRecord(
            ended_at=ended_at,
            limit=self.limit,
            used=self.used,
            foreign=self.foreign_usage.spent,
            limited=counts.limited,
            waits=counts.waits,
            waited=round(counts.waited, 1),
            spent=dict(self.accounts),
            by_label=counts.by_label,
        )

    def _record_end(self, now: Instant) -> None:
        ended_at = self.clock.lower(now, self.rules) if self.reset is None else self.reset
        if (record := self.record(ended_at)) is not None:
            self.ended.append(record)

    # --- admission ----------------------------------------------------------------------------------------------

    def admit(
        self,
        cost: int,
        now: Instant,
        *,
        lane: Priority = "normal",
        label: str = "",
        holder: str = "",
        share: Share | None = None,
        beyond_share: bool = False,
    ) -> Granted | Denied:
        """Reserve *cost* units, or say why and until when not.

        Args:
            cost: Units of the call; at most the limit, which the caller has checked.
            now: The time.
            lane: Only the interactive lane may use the interactive reserve.
            label: Noted with the reservation, as the next.
            holder: Who reserves.
            share: What its job may take; None where it may take all.
            beyond_share: Whether it may take more, as nobody else waits for what is left.
        """
        self.advance(now)
        if (denied := self._refusal(cost, now, lane, None if beyond_share else share)) is not None:
            return denied
        job_label = "" if share is None else share.label
        entry = self.holdings.reserve(cost, now.monotonic + self.rules.lease, lane, label, holder, job_label)
        probing = self.probing
        if probing:
            self.first = entry.number
        return Granted(entry.number, probing)

    def explain(self, cost: int, now: Instant, lane: Priority, share: Share | None = None) -> Denied | None:
        """Say why a call of *cost* units has to wait; None if it need not."""
        self.advance(now)
        return self._refusal(cost, now, lane, share)

    def _refusal(self, cost: int, now: Instant, lane: Priority, share: Share | None) -> Denied | None:
        if (forbidden := self._forbidden(now)) is not None:
            return forbidden
        if self.probing and self._awaits_first():
            return Denied(Reason.FIRST_CALL)
        if self.reset is None:
            return self._too_much(cost, self.ceiling)
        if share is not None and cost > self.left_of_share(share):
            return self._share_is_spent(self.reset, now)
        usable = self.limit - self.guard(now)
        if self.used + cost > usable:
            return Denied(Reason.SPENT, self.cooldown.end(self.reset, self.rules))
        denied = self._too_much(self.used + cost, usable)
        if denied is None and self.rules.peers > 1 and self._near_the_end() and self.held > self.unknown:
            # What peers without a shared ledger have under way is known only as a bound: one call each.
            denied = Denied(Reason.IN_FLIGHT)
        if denied is None and lane != "interactive":
            denied = self._kept_in_reserve(usable - self.used - self.holdings.held - cost, now)
        return denied

    def _forbidden(self, now: Instant) -> Denied | None:
        """Say until when nothing may be sent, whatever is left."""
        if self.cooldown.paused_until is not None:
            return Denied(Reason.PAUSED, self.cooldown.paused_until, sooner=True)
        return None if self.cooldown.until is None else Denied(Reason.BLOCKED, self.cooldown_until(now))

    def _awaits_first(self) -> bool:
        """Tell whether a call went ahead that was neither given back nor lost, which passes the turn on."""
        entry = None if self.first is None else self.holdings.get(self.first)
        return entry is not None and entry.state is not UNKNOWN

    def _too_much(self, wanted: int, usable: int) -> Denied | None:
        """Say what is in the way of *wanted* units, a call's own and those used."""
        if wanted + self.holdings.held <= usable:
            return None
        return Denied(Reason.UNKNOWN if wanted + self.unknown > usable else Reason.IN_FLIGHT)

    def _near_the_end(self) -> bool:
        return self.limit - self.used - self.held < self.limit * 2 // 9

    def _kept_in_reserve(self, left: int, now: Instant) -> Denied | None:
        """Say until when *left* units are too few to leave to the interactive lane."""
        assert self.reset is not None
        ends = self.reserve_ends(left, self.reset)
        if ends == -math.inf or ends <= (server := self.clock.lower(now, self.rules)):
            return None
        if self.held and self.reserve_ends(left + self.held, self.reset) <= server:
            # Calls without a response are in the way: those may turn out not to count.
            return Denied(Reason.IN_FLIGHT if self.held > self.unknown else Reason.UNKNOWN, ends, sooner=True)
        return Denied(Reason.RESERVE, ends)

    def left_of_share(self, share: Share) -> int:
        """Return the units that one more call of a job may cost, so that its share is kept.

        A share that is smaller than a call allows one call in a window.
        """
        label = share.label
        taken = self.counts_now().by_label.get(label, (0, 0))[1]
        taken += sum(entry.cost for entry in self.holdings.entries.values() if entry.job_label == label)
        return share.units(self.limit) - taken if taken else max(share.units(self.limit), self.ceiling)

    def share_opens(self, reset: float) -> float:
        """Return the server time from which on jobs may take what nobody else waits for, beyond their shares."""
        return reset - min(self.rules.share_tail, self.length / 10)

    def _share_is_spent(self, reset: float, now: Instant) -> Denied:
        opens = self.share_opens(reset)
        later = self.clock.lower(now, self.rules) >= opens
        until = self.cooldown.end(reset, self.rules) if later else opens
        return Denied(Reason.SHARE, until, sooner=self.held > 0)

    def reserve_ends(self, left: int, reset: float) -> float:
        """Return the server time from which *left* units are enough to leave to the interactive lane.

        Args:
            left: Units that nobody holds.
            reset: When the window ends.
        """
        full = self.rules.interactive_reserve * self.limit
        if left >= full:
            return -math.inf
        tail = min(self.rules.reserve_tail, self.length / 10)
        return reset - tail - left / full * (self.length - tail)

    def guard(self, now: Instant) -> int:
        """Return the units to be left for others: as set, and for peers or for those noticed."""
        # Peers are the processes that are known of. Near the end each has one call under way, so no more is guarded.
        peers = (self.rules.peers - 1) * self.rules.max_call_cost
        others = peers or self.foreign_usage.guard(now.monotonic, self.rules)
        return min(self.limit, max(self.rules.guard, others)) if others or self.rules.guard else 0

    def cooldown_until(self, now: Instant) -> float:
        """Return the end of the cooldown as a time of the server's clock."""
        left = max(0.0, (self.cooldown.ends_at or 0.0) - now.monotonic)
        return self.clock.lower(now, self.rules) + left * (1.0 - self.rules.drift)

    def seconds_until(self, server_time: float, now: Instant) -> float:
        """Return the seconds after which the lower bound of server time has reached *server_time*."""
        return max(0.0, server_time - self.clock.lower(now, self.rules)) / (1.0 - self.rules.drift)

    # --- what happens to a reservation --------------------------------------------------------------------------

    def sent(self, number: int, now: Instant, timeout: float) -> bool:
        """Pass the gate: the next byte goes to the server.

        Args:
            number: The reservation.
            now: The time.
            timeout: Seconds for which a response will be awaited.

        Returns:
            False where the lease has lapsed, a 429 came meanwhile, the window ended or others used it up; then the
            units are back and the call must queue anew.
        """
        self.advance(now)
        entry = self.holdings.get(number)
        if entry is None or entry.state is not RESERVED:
            return False
        open_now = not self.probing or self.first == number
        # The same limit as in `admit`: if the two disagreed, a call would pass from one to the other without end.
        limit = self.limit if self.reset is not None else self.ceiling
        if self._forbidden(now) is not None or not open_now or self.used + self.holdings.held > limit:
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
        """Note that a sent call ended without a usable response: it stays charged until known better."""
        if (entry := self.holdings.get(number)) is not None:
            self.holdings.lose(entry, now.monotonic)

    # --- other tokens, other starts of the machine --------------------------------------------------------------

    def renew(self, now: Instant) -> None:
        """Take a refreshed token: its window is unknown, but a cooldown and what is under way stay as they are."""
        self.forget_window(now)
        self.previous_reset, self.renewed_at = None, now.monotonic

    def inherit(self, old: Window, now: Instant) -> None:
        """Take over the cooldown and the unresolved calls of *old*, the budget of the token before this one."""
        old.advance(now)
        self.cooldown.inherit(old.cooldown)
        for entry in old.holdings:
            if entry.state is not RESERVED:
                self.holdings.adopt(entry)
        self.renew(now)

    def recover(self, before: Window) -> None:
        """Take over what is remembered of this budget, after its ledger was lost or replaced.

        Args:
            before: The budget as last known; its reservations keep their numbers.
        """
        cooldown = self.cooldown
        if before.reset is not None and (self.reset is None or (before.reset, before.used) > (self.reset, self.used)):
            # What others spent since is not known, so one call goes first. A window that is spent is waited for.
            for name in Window.__slots__:
                if name not in {"rules", "holdings", "ended"}:
                    setattr(self, name, copy.copy(getattr(before, name)))
            self.holdings.window, self.first, self.unconfirmed = self.length, None, True
        else:
            cooldown = before.cooldown
        self.cooldown.inherit(cooldown)
        for entry in before.holdings:
            if entry.state is not RESERVED:  # what was not sent queues anew
                self.holdings.restore(entry)
        if self.first is None:
            self.first = before.first  # where it is under way, its response is awaited
        if self.clock.low is None:
            self.clock = copy.copy(before.clock)

    def restarted(self, now: Instant) -> None:
        """Read everything anew on *now*'s monotonic clock, whose start changed when the machine restarted."""
        self.clock.forget()
        self.holdings.restart(now.monotonic)
        for name in ("rolled_at", "renewed_at", "limit_sent_at", "used_reported_at", "reset_reported_at"):
            setattr(self, name, min(getattr(self, name), now.monotonic))
        self.counts.began_at = self.rolled_at
        self.claims = Claims()
        self.foreign_usage.since = self.foreign_usage.seen_at = now.monotonic
        self.cooldown.limited_at = None if self.cooldown.limited_at is None else now.monotonic
        self.cooldown.ends_at = None
