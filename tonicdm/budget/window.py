"""The budget's rules as a state machine without clock or I/O.

A window is the server's: it is told apart by its Reset. Inside one, ``used = Limit - Remaining`` only grows, so it
orders the answers however late they come. U (`Window.used`) is the greatest value seen, H (`Window.held`) the sum of
all reservations whose outcome is not in U yet; a call of cost c may go iff U + H + c <= limit - guard.
"""

from __future__ import annotations

import copy
import math

import attrs

from tonicdm.budget.claims import Claims
from tonicdm.budget.cooldown import Cooldown
from tonicdm.budget.entries import Entry, EntryState, Holdings
from tonicdm.budget.foreign_usage import ForeignUsage
from tonicdm.budget.headers import Report
from tonicdm.budget.meaning import LONG_AGO, Heard, Known, Meaning, interpret, wait_after_429
from tonicdm.budget.rules import BudgetRules, Denied, Granted, Instant, Named, Reason, Settlement
from tonicdm.budget.serverclock import ServerClock
from tonicdm.types import Priority


@attrs.define
class Window:
    """The state of one budget. Every method takes the time and changes nothing but this object."""

    rules: BudgetRules = attrs.field(factory=BudgetRules)
    clock: ServerClock = attrs.field(factory=ServerClock)
    cooldown: Cooldown = attrs.field(factory=Cooldown)
    foreign_usage: ForeignUsage = attrs.field(factory=ForeignUsage)
    limit: int = attrs.field(default=attrs.Factory(lambda self: self.rules.limit, takes_self=True))
    limit_before: int = 0
    """The limit that held before, where one answer alone told the present one; 0 where others agreed."""
    limit_sent_at: float = LONG_AGO
    """Monotonic time at which the last call left whose answer told `limit`."""
    limit_call: int = 0
    """The reservation whose answer alone told `limit`; 0 where another has agreed."""
    used: int = 0
    """U: the greatest ``Limit - Remaining`` seen in this window."""
    used_reported_at: float = LONG_AGO
    """Monotonic time at which the answer came that told `used`."""
    holdings: Holdings = attrs.field(default=attrs.Factory(lambda self: Holdings(self.rules), takes_self=True))
    reset: float | None = None
    """The latest Reset that named this window, server time; None while the window is unknown."""
    assumed: bool = False
    """Whether no answer ever told how much is used, so that this window is one of our own."""
    provisional: bool = False
    """Whether `reset` was reckoned from our own clock, because what answers name is not believed."""
    reset_reported_at: float = LONG_AGO
    """Monotonic time at which an answer last named `reset`."""
    learned_length: float | None = None
    """Seconds that the server's windows last, where that is more than `BudgetRules.window`."""
    claims: Claims = attrs.field(factory=Claims)
    """What answers said that is not believed yet."""
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
    unconfirmed: bool = False
    """Whether this window is only remembered, as the ledger was lost: one call goes first, as others may have spent."""
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

    @property
    def length(self) -> float:
        """Seconds that a window lasts, as far as is known."""
        return self.rules.window if self.learned_length is None else self.learned_length

    @property
    def ceiling(self) -> int:
        """The units that no call can have more of. One odd answer must not fail dear calls for good: they only wait."""
        return max(self.limit, self.limit_before)

    @property
    def probing(self) -> bool:
        """Whether one call goes alone: the window is unknown or only remembered, or no call was served since a 429."""
        return self.reset is None or self.unconfirmed or self.cooldown.consecutive_429s > 0

    # --- time -------------------------------------------------------------------------------------------------

    def advance(self, now: Instant) -> None:
        """Do what the passing of time does: end blocks and windows, take back lapsed leases."""
        self.holdings.window = self.length
        self.holdings.sweep(now.monotonic)
        server, cooldown = self.clock.lower(now, self.rules), self.cooldown
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
        # Where the monotonic clock stands still in sleep, the wall clock may end a window; one call then looks.
        slept = 0.0 if now.counts_suspension else self.clock.slept(now)
        if self.reset is not None and server + slept >= cooldown.end(self.reset, self.rules):
            self._roll(self.reset, now)

    def _bound_reset(self, now: Instant) -> None:
        """Wait no longer than a window lasts where only the wall clock tells the time: that may have been set back."""
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
        self._forget_window(now)

    def _forget_window(self, now: Instant) -> None:
        self.reset = self.opened_at = self.first = None
        self.used, self.assumed, self.provisional, self.rolled_at = 0, False, False, now.monotonic
        self.unconfirmed = False
        self.claims = self.claims.in_a_new_window()
        if self.limit_call:
            self.limit_before = max(self.limit_before, self.rules.limit)
        self.foreign_usage.begin(now.monotonic)
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
        if self.probing:
            self.first = entry.number
        return Granted(entry.number, first=self.probing)

    def explain(self, cost: int, now: Instant, lane: Priority) -> Denied | None:
        """Say why a call of *cost* units has to wait; None if it need not."""
        self.advance(now)
        return self._refusal(cost, now, lane)

    def _refusal(self, cost: int, now: Instant, lane: Priority) -> Denied | None:
        if self.cooldown.until is not None:
            return Denied(Reason.BLOCKED, self.cooldown_until(now))
        if self.probing and self._awaits_first():
            return Denied(Reason.FIRST_CALL)
        if self.reset is None:
            return self._too_much(cost, self.ceiling)
        usable = self.limit - self.guard(now)
        if self.used + cost > usable:
            return Denied(Reason.SPENT, self.cooldown.end(self.reset, self.rules))
        denied = self._too_much(self.used + cost, usable)
        if denied is None and self.rules.peers > 1 and self._near_the_end() and self.held > self.unknown:
            # What peers without a shared ledger have under way is known only as a bound: one call each.
            denied = Denied(Reason.IN_FLIGHT)
        if denied is None and lane != "interactive":
            denied = self._kept_in_reserve(usable - self.used - self.held - cost, now)
        return denied

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
        ends, server = self.reserve_ends(left, self.reset), self.clock.lower(now, self.rules)
        if ends <= server:
            return None
        if self.held and self.reserve_ends(left + self.held, self.reset) <= server:
            # Calls without an answer are in the way: those may turn out not to count.
            return Denied(Reason.IN_FLIGHT if self.held > self.unknown else Reason.UNKNOWN, ends, sooner=True)
        return Denied(Reason.RESERVE, ends)

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
        # Peers are the others one knows of: near the end each has one call under way, so no more needs guarding.
        peers = (self.rules.peers - 1) * self.rules.max_call_cost
        return min(self.limit, max(self.rules.guard, peers or self.foreign_usage.guard(now.monotonic, self.rules)))

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
            timeout: Seconds for which an answer will be awaited.

        Returns:
            False where the lease has lapsed, a 429 came meanwhile, the window ended or others used it up; then the
            units are back and the call must queue anew.
        """
        self.advance(now)
        entry = self.holdings.get(number)
        if entry is None or entry.state is not EntryState.RESERVED:
            return False
        open_now = not self.probing or self.first == number
        # Measured by the same limit as in `admit`: if the two disagreed, a call would go round between them for good.
        limit = self.limit if self.reset is not None else self.ceiling
        if self.cooldown.until is not None or not open_now or self.used + self.held > limit:
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
        report: Report,
        now: Instant,
        *,
        status: int = 200,
        sent_at: float | None = None,
        chance: float = 0.5,
    ) -> Settlement:
        """Take in an answer.

        Args:
            number: The reservation; it may be gone already, the answer counts all the same.
            report: What its headers said.
            now: The time of receipt.
            status: The HTTP status.
            sent_at: Monotonic time of the sending, where the reservation is gone.
            chance: A random number of [0, 1), for the back-off.
        """
        entry = self.holdings.get(number)
        sent = entry.sent_at if entry is not None and entry.sent_at is not None else sent_at
        if report.date is not None and sent is not None:
            self._observe(report.date, sent, now)
        self.advance(now)
        heard = self._heard(number, report, now, status, LONG_AGO if sent is None else sent)
        known = self._known(now)
        meaning = interpret(known, heard)
        learned = self._learn_length(meaning)
        if status != 429 and status < 500 and self.cooldown.served(heard.sent_at):
            self.first = None
        if meaning.window is Named.OLDER:
            settlement = self._apply_older(heard, meaning, now)
        elif meaning.settles:
            settlement = self._apply_counted(known, heard, meaning, now, chance)
        else:
            settlement = self._apply_uncounted(known, heard, meaning, now)
        if status == 429:
            self._cool_down(known, heard, meaning, now, chance)
        return attrs.evolve(
            settlement,
            blocked=status == 429,
            blocked_until=None if self.cooldown.until is None else self.cooldown_until(now),
            learned_window=learned,
        )

    def _observe(self, date: float, sent_at: float, now: Instant) -> None:
        """Learn the server's time. Where its clock was set, no wait becomes longer by it."""
        was_set = self.clock.observe(date, sent_at, now, self.rules)
        # A Reset that was named stays where the clock was set forward: it may be over indeed. The next answers tell.
        if self.reset is not None and (was_set < 0 or (was_set and self.provisional)):
            self.reset, self.provisional = self.reset + was_set, True
        # Set back: else the next windows would bear the name of the last one, as if it still went on.
        if was_set < 0 and self.previous_reset is not None:
            self.previous_reset += was_set
        if was_set < 0 and self.opened_at is not None:
            self.opened_at += was_set
        if self.cooldown.reckoned:
            self.cooldown.shift(was_set)

    def _heard(self, number: int, report: Report, now: Instant, status: int, sent_at: float) -> Heard:
        made = self.clock.upper(now, self.rules) if report.date is None else report.date
        delayed = self.clock.lower(now, self.rules) if report.date is None else report.date
        served = report.date
        if served is None and sent_at != LONG_AGO:
            served = self.clock.lower(now, self.rules) - (now.monotonic - sent_at)
        return Heard(
            number=number,
            status=status,
            limit=report.limit,
            remaining=report.remaining,
            reset=None if report.reset is None else report.reset.on(made),
            date=report.date,
            delay=None if report.retry_after is None else report.retry_after.on(delayed) - delayed,
            sent_at=sent_at,
            served_at=served,
        )

    def _known(self, now: Instant) -> Known:
        return Known(
            rules=self.rules,
            length=self.length,
            lower=self.clock.lower(now, self.rules),
            upper=self.clock.upper(now, self.rules),
            monotonic=now.monotonic,
            limit=self.limit,
            limit_sent_at=self.limit_sent_at,
            used=self.used,
            used_reported_at=self.used_reported_at,
            reset=None if self.assumed else self.reset,
            provisional=self.provisional,
            reset_reported_at=self.reset_reported_at,
            opened_at=self.opened_at,
            rolled_at=self.rolled_at,
            renewed_at=self.renewed_at,
            previous_reset=self.previous_reset,
            previous_used=self.previous_used,
            claims=self.claims,
        )

    # --- applying what an answer means ----------------------------------------------------------------------------

    def _learn_length(self, meaning: Meaning) -> float | None:
        """Note how long a window lasts; return it where that is news."""
        if meaning.learned is None or abs(meaning.learned - self.length) <= self.rules.reset_tolerance:
            return None
        self.learned_length = meaning.learned
        return meaning.learned

    def _release(self, number: int, sent_at: float) -> Entry | None:
        """Take a settled call out of H, and lost ones that its answer proves to be counted."""
        entry = self.holdings.get(number)
        self.refund(number)
        self.foreign_usage.own += self.holdings.release(sent_at)
        return entry

    def _apply_counted(self, known: Known, heard: Heard, meaning: Meaning, now: Instant, chance: float) -> Settlement:
        """Take in an answer that says how much is used."""
        self.headers_seen = True
        held, entry = self.held, self._release(heard.number, heard.sent_at)
        self.refund(meaning.confirms)
        cost = 0 if entry is None else entry.cost
        # Before our first call, before the limit changed, and while we took the window to be over, nobody counted.
        reopened = known.reset is None and meaning.window is Named.SAME
        seen = known.reset is not None or known.previous_reset is not None
        counted = seen and not reopened and meaning.limit == known.limit
        before, ends = self.used, (known.reset or 0.0) + self.rules.reset_tolerance
        self._apply(known, heard, meaning, now, chance)
        spent = meaning.used - (before if meaning.window is Named.SAME else 0)
        # Behind a Reset that moved there may be a new window that happens to be used as much.
        alone = (
            meaning.window is Named.SAME
            and meaning.limit == known.limit
            and heard.limit in {None, known.limit}
            and heard.reset is not None
            and heard.reset <= ends
            and held == cost
            and heard.status != 429
        )
        self._account(entry, spent, heard.sent_at, told=meaning.reports_used, counted=counted)
        foreign = self.foreign_usage.measure(self.used, self.held)
        return Settlement(spent if alone and spent > 0 and cost else None, foreign)

    def _apply_older(self, heard: Heard, meaning: Meaning, now: Instant) -> Settlement:
        """Take in an answer that speaks of a window that is over: it changes nothing but its own reservation."""
        if not meaning.settles:
            self.lose(heard.number, now)
        else:
            self._release(heard.number, heard.sent_at)
            if heard.sent_at >= self.renewed_at and heard.limit == self.limit and heard.remaining is not None:
                self.previous_used = max(self.previous_used, self.limit - heard.remaining)
        return Settlement()

    def _apply_uncounted(self, known: Known, heard: Heard, meaning: Meaning, now: Instant) -> Settlement:
        """Take in an answer that does not say how much is used: what its call cost stays unknown."""
        if known.reset is not None:
            self._apply(known, heard, meaning, now, 0.0)
        else:
            self.claims = meaning.claims
            self._take_limit(heard, meaning)
        silent = heard.remaining is None and heard.status != 429 and heard.status < 500
        if self.reset is None and not self.headers_seen and silent:
            # No answer of this server ever told. Its window began somewhere between our first send and this answer;
            # to take it from the answer is safe, and so is a Reset that is believed.
            end = known.upper + self.length if meaning.provisional else meaning.reset
            self.reset, self.assumed = end, True
        self.lose(heard.number, now)
        return Settlement()

    def _apply(self, known: Known, heard: Heard, meaning: Meaning, now: Instant, chance: float) -> None:
        """Make what an answer means what is known; nothing else changes a window because of an answer."""
        if meaning.window is Named.NEW:
            if known.reset is not None:
                self.previous_reset = None if known.provisional else known.reset
                self._forget_window(now)
            if heard.status != 429:
                self.cooldown.clear_slack()
        if known.reset is None or meaning.window is Named.NEW:
            self.opened_at = self._opened_at(heard)
            self.assumed, self.first = False, None
        if known.reset is None and meaning.window is Named.SAME:
            self._reopen(heard, meaning, now)
        if meaning.early:
            self.cooldown.back_off(chance, self.rules)
        if meaning.reports_used:
            self.used_reported_at = now.monotonic
            if heard.number == self.first:
                self.unconfirmed = False
        self.used, self.reset, self.provisional = meaning.used, meaning.reset, meaning.provisional
        if meaning.reports_reset:
            self.reset_reported_at = now.monotonic
        self.claims = meaning.claims
        self._take_limit(heard, meaning)

    def _reopen(self, heard: Heard, meaning: Meaning, now: Instant) -> None:
        """Go on in the window that was taken to be over: the server still counts in it."""
        self.previous_reset = None
        if meaning.early:  # our bounds were wrong
            self.clock.forget()
            if heard.date is not None and heard.sent_at != LONG_AGO:
                self.clock.observe(heard.date, heard.sent_at, now, self.rules)

    def _take_limit(self, heard: Heard, meaning: Meaning) -> None:
        if not meaning.reports_limit:
            return
        if meaning.limit < self.limit:
            self.limit_call = heard.number
            if self.limit_sent_at != LONG_AGO:
                self.limit_before = max(self.limit, self.limit_before)
        elif meaning.limit > self.limit or heard.number != self.limit_call:
            self.limit_before = self.limit_call = 0
        self.limit, self.limit_sent_at = meaning.limit, max(self.limit_sent_at, heard.sent_at)

    def _opened_at(self, heard: Heard) -> float | None:
        """Return a time at which the server surely had this window open: not before it served the call."""
        served, reset = heard.served_at, heard.reset
        # After its own Reset? Then Date and Reset come from different clocks, and can't be compared.
        return None if served is None or (reset is not None and served > reset) else served

    def _account(self, entry: Entry | None, spent: int, sent_at: float, *, told: bool, counted: bool) -> None:
        """Note what is ours in this window."""
        if entry is not None:
            # A call that raised U cost no more than U rose by, however much was reserved for it.
            units = min(entry.cost, spent) if spent > 0 else entry.cost
            self.foreign_usage.own += units
            key = (entry.lane, entry.label)
            if key not in self.accounts and len(self.accounts) >= 100:
                key = (entry.lane, "...")
            calls, sum_ = self.accounts.get(key, (0, 0))
            self.accounts[key] = (calls + 1, sum_ + units)
        if not counted:
            self.foreign_usage.own = self.used  # who spent what can't be told
        if told:
            self.foreign_usage.seen_at = max(self.foreign_usage.seen_at, sent_at)

    def _cool_down(self, known: Known, heard: Heard, meaning: Meaning, now: Instant, chance: float) -> None:
        """Obey a 429: until the later of a believed Reset and Retry-After, else for a window."""
        wait = wait_after_429(known, heard)
        # What comes from something between knows nothing of the window.
        from_server = heard.reset is not None or heard.remaining is not None
        if from_server and meaning.window is not Named.OLDER and self.reset is not None and not self.provisional:
            wait = max(wait, self.reset - known.lower)  # the latest that was named
        self.cooldown.impose(
            wait,
            known.lower,
            heard.sent_at,
            now.monotonic,
            chance,
            self.rules,
            probes=from_server and self.provisional,
        )

    # --- other tokens, other starts of the machine --------------------------------------------------------------

    def renew(self, now: Instant) -> None:
        """Take a refreshed token: its window is unknown, but a cooldown and what is under way stay as they are."""
        self._forget_window(now)
        self.previous_reset, self.renewed_at = None, now.monotonic

    def inherit(self, old: Window, now: Instant) -> None:
        """Take over the cooldown and the unresolved calls of *old*, the budget of the token before this one."""
        old.advance(now)
        self.cooldown.inherit(old.cooldown)
        for entry in old.holdings:
            if entry.state is not EntryState.RESERVED:
                self.holdings.adopt(entry)
        self.renew(now)

    def recover(self, before: Window) -> None:
        """Take over what is remembered of this budget, as its ledger was lost or is another one.

        Args:
            before: The budget as last known; its reservations keep their numbers.
        """
        cooldown = self.cooldown
        if before.reset is not None and (self.reset is None or (before.reset, before.used) > (self.reset, self.used)):
            # What others spent since is not known, so one call goes first. A window that is spent is waited for.
            for field in attrs.fields(Window):
                if field.name not in {"rules", "holdings"}:
                    setattr(self, field.name, copy.copy(getattr(before, field.name)))
            self.first, self.unconfirmed = None, True
        else:
            cooldown = before.cooldown
        self.cooldown.inherit(cooldown)
        for entry in before.holdings:
            if entry.state is not EntryState.RESERVED:  # what was not sent queues anew
                self.holdings.restore(entry)
        if self.first is None:
            self.first = before.first  # where it is under way, its answer is awaited
        if self.clock.low is None:
            self.clock = copy.copy(before.clock)

    def restarted(self, now: Instant) -> None:
        """Read everything anew on *now*'s monotonic clock, whose start changed when the machine restarted."""
        self.clock.forget()
        self.holdings.restart(now.monotonic)
        for name in ("rolled_at", "renewed_at", "limit_sent_at", "used_reported_at", "reset_reported_at"):
            setattr(self, name, min(getattr(self, name), now.monotonic))
        self.claims = Claims()
        self.foreign_usage.since = self.foreign_usage.seen_at = now.monotonic
        self.cooldown.limited_at = None if self.cooldown.limited_at is None else now.monotonic
        self.cooldown.ends_at = None
