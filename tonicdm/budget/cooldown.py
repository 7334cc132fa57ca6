"""The cooldown after a 429: until when nothing is sent, and longer where its end proved too early. No clock, no I/O."""

from __future__ import annotations

from typing import Final

from tonicdm.budget.rules import BudgetRules
from tonicdm.values import State

UNTIL_RESUMED: Final = 4_102_444_800.0
"""The end of a pause that only lasts until it is taken back: the year 2100, which older versions can read as well."""


class Cooldown(State):
    """What the 429s of a token demand (concepts page, "Rate Limiting": a call meanwhile moves the reset away)."""

    __slots__ = ("consecutive_429s", "ends_at", "ends_for", "limited_at", "paused_until", "probes", "slack", "until")

    def __init__(
        self,
        *,
        until: float | None = None,
        limited_at: float | None = None,
        consecutive_429s: int = 0,
        slack: float = 0.0,
        ends_at: float | None = None,
        ends_for: float | None = None,
        paused_until: float | None = None,
        probes: bool = False,
    ) -> None:
        self.until: float | None = until
        """Server time that the 429s name, at least; None while nothing is forbidden."""
        self.limited_at: float | None = limited_at
        """Monotonic time at which the last 429 came to a call that left after the one before."""
        self.consecutive_429s: int = consecutive_429s
        """How many 429s came in a row, each to a call sent after the last. Until one is served, one goes alone."""
        self.slack: float = slack
        """Seconds added behind every reset, after one at which the server still refused."""
        self.ends_at: float | None = ends_at
        """Monotonic time at which the cooldown ends, or ended: the server's clock may be set meanwhile."""
        self.ends_for: float | None = ends_for
        """The `until` from which `ends_at` was reckoned; an older version changes that alone."""
        self.paused_until: float | None = paused_until
        """Server time until which somebody has paused the budget; no part of what the 429s demand."""
        self.probes: bool = probes
        """Whether a call tries when it ends, whatever is known of the window: no 429 named an end that is obeyed."""

    @property
    def until_or_paused(self) -> float | None:
        """The later of `until` and `paused_until`, stored as the first: a version that knows no pause obeys it too."""
        return max(filter(None, (self.until, self.paused_until)), default=None)

    @until_or_paused.setter
    def until_or_paused(self, value: float | None) -> None:
        # `until_beside_pause` was read before.
        if self.paused_until is None or value != self.paused_until:
            self.until = value

    @property
    def until_beside_pause(self) -> float | None:
        """What the 429s name while the budget is paused, stored beside `until_or_paused`."""
        return None if self.paused_until is None else self.until

    @until_beside_pause.setter
    def until_beside_pause(self, value: float | None) -> None:
        self.until = value

    def end(self, reset: float, rules: BudgetRules) -> float:
        """Return the server time from which a call may go into the window behind *reset*."""
        return reset + rules.reset_tolerance + self.slack

    def impose(
        self,
        wait: float,
        server: float,
        sent_at: float,
        monotonic: float,
        chance: float,
        rules: BudgetRules,
        *,
        probes: bool = False,
    ) -> None:
        """Send nothing for some time; a 429 to a call that left after the last one came counts as consecutive.

        Args:
            wait: Seconds to the time that the 429 names.
            server: The earliest that the server's clock can show now.
            sent_at: Monotonic time at which the call left.
            monotonic: The same of now.
            chance: A random number of [0, 1).
            rules: The budget's settings.
            probes: Whether the end of the window was not named by the server, so that a call has to try.
        """
        if self.limited_at is None or sent_at > self.limited_at:
            self.consecutive_429s += 1
            if self.consecutive_429s > 1:
                self.back_off(chance, rules)
            self.limited_at = monotonic
        self.consecutive_429s = max(1, self.consecutive_429s)
        self.probes = (self.probes and self.until is not None) or probes or wait > rules.max_cooldown
        wait = min(max(wait, rules.min_cooldown - rules.reset_tolerance), rules.max_cooldown)
        self.until = server + wait if self.until is None else max(self.until, server + wait)
        self._end_at(monotonic, monotonic + self.end(wait, rules) / (1.0 - rules.drift), rules)

    @property
    def reckoned(self) -> bool:
        """Whether `ends_at` is the end of the cooldown that is on."""
        return self.ends_at is not None and self.ends_for == self.until

    def shift(self, seconds: float) -> None:
        """Name the same time after the server's clock was set."""
        if self.until is not None and self.ends_for is not None:
            self.until, self.ends_for = self.until + seconds, self.ends_for + seconds

    def resume(self, server: float, monotonic: float, rules: BudgetRules) -> None:
        """Reckon anew when the cooldown ends: it was noted by another start of the machine, or by an older version."""
        if self.until is not None:
            self.ends_at = None
            left = max(0.0, self.end(self.until, rules) - server)
            self._end_at(monotonic, monotonic + left / (1.0 - rules.drift), rules)

    def _end_at(self, monotonic: float, ends_at: float, rules: BudgetRules) -> None:
        self.ends_for, ends_at = self.until, min(ends_at, monotonic + rules.max_cooldown)
        self.ends_at = ends_at if self.ends_at is None else max(self.ends_at, ends_at)

    def back_off(self, chance: float, rules: BudgetRules) -> None:
        """Wait a growing random time more: polite clients that share nothing would lock each other out for good."""
        max_slack = min(rules.backoff_cap, max(rules.backoff_base, 3.0 * self.slack))
        self.slack = max_slack * (1.0 + chance) / 2.0

    def served(self, sent_at: float) -> bool:
        """Take in that a call was served; return whether that ends the row of 429s."""
        if not self.consecutive_429s or self.until is not None or (self.ends_at is not None and sent_at < self.ends_at):
            return False
        self.consecutive_429s, self.slack = 0, 0.0
        return True

    def clear_slack(self) -> None:
        """Add nothing behind the next reset: a call was served in a new window."""
        self.slack = 0.0

    def inherit(self, old: Cooldown) -> None:
        """Obey also what *old*, of another token of the same user, demands."""
        self.consecutive_429s, self.slack = max(old.consecutive_429s, self.consecutive_429s), max(old.slack, self.slack)
        self.paused_until = max(filter(None, (self.paused_until, old.paused_until)), default=None)
        if old.until is None:
            return
        known = [cooldown.ends_at for cooldown in (self, old) if cooldown.ends_at is not None and cooldown.reckoned]
        self.ends_at = max(known) if old.reckoned else None
        self.until = self.ends_for = max(old.until, self.until or 0.0)
        self.probes = self.probes or old.probes
