"""The silence after a 429: until when, and how much longer if its end proved too early. No clock, no I/O."""

from __future__ import annotations

import attrs

from tonicdm.budget.rules import BudgetRules


@attrs.define
class Silence:
    """What the 429s of a token demand (concepts page, "Rate Limiting": a call meanwhile moves the reset away)."""

    until: float | None = None
    """Server time before which nothing may be sent; None while nothing forbids it."""
    limited_at: float | None = None
    """Monotonic time of the last 429's receipt."""
    strikes: int = 0
    """How many 429s came in a row, each to a call sent after the one before."""
    slack: float = 0.0
    """Seconds added behind every reset, after one at which the server still refused."""

    def end(self, reset: float, rules: BudgetRules) -> float:
        """Return the server time from which a call may go into the window behind *reset*."""
        return reset + rules.reset_tolerance + self.slack

    def impose(self, until: float, sent_at: float, monotonic: float, chance: float, rules: BudgetRules) -> None:
        """Send nothing before *until*; a 429 to a call sent after the last one came is a strike more."""
        if self.limited_at is None or sent_at > self.limited_at:
            self.strikes += 1
            if self.strikes > 1:
                self.back_off(chance, rules)
            self.limited_at = monotonic
        self.until = until if self.until is None else max(until, self.until)

    def back_off(self, chance: float, rules: BudgetRules) -> None:
        """Wait a growing random time more: polite clients that share nothing would lock each other out for good."""
        doublings = max(0, min(self.strikes - 2, 20))
        self.slack = 1.0 + chance * min(rules.backoff_cap, rules.backoff_base * 2.0**doublings)

    def forgive(self) -> None:
        """Forget the strikes: a call was served in a new window."""
        self.strikes, self.slack = 0, 0.0

    def inherit(self, old: Silence) -> None:
        """Obey also what *old*, of another token of the same user, demands."""
        if old.until is not None:
            self.until = max(old.until, self.until or 0.0)
            self.strikes, self.slack = max(old.strikes, self.strikes), max(old.slack, self.slack)
