"""Limits and Resets that are not believed before several responses agree. No clock, no I/O."""

from __future__ import annotations

from tonicdm.budget.rules import BudgetRules
from tonicdm.values import State, changed


class Claims(State):
    """The latest surprising Limit and Reset, and whose responses named them.

    A response that contradicts takes them back.

    A value: its methods return another one.
    """

    __slots__ = ("limit", "limit_call", "limit_remaining", "reset", "reset_call", "reset_responses", "reset_since")

    def __init__(
        self,
        limit: int | None = None,
        limit_call: int = 0,
        limit_remaining: int = 0,
        reset: float | None = None,
        reset_call: int = 0,
        reset_responses: int = 0,
        reset_since: float = 0.0,
    ) -> None:
        self.limit: int | None = limit
        """A Limit above the known one."""
        self.limit_call: int = limit_call
        """The reservation whose response named it."""
        self.limit_remaining: int = limit_remaining
        """Units left by that response."""
        self.reset: float | None = reset
        """A Reset further away than a window is long, or nearer than was named; server time."""
        self.reset_call: int = reset_call
        """The reservation whose response named it last."""
        self.reset_responses: int = reset_responses
        """How many responses agreed on it."""
        self.reset_since: float = reset_since
        """Monotonic time at which the first of them came."""

    def claim_limit(self, limit: int, remaining: int, call: int) -> tuple[Claims, int | None]:
        """Note that the response to *call* names *limit*.

        Returns:
            The claims from now on, and the least units left by the responses that agreed; None while it stands alone.
        """
        if limit != self.limit:
            return changed(self, limit=limit, limit_call=call, limit_remaining=remaining), None
        if call == self.limit_call:
            return self, None
        return self.without_limit(), min(remaining, self.limit_remaining)

    def in_a_new_window(self) -> Claims:
        """Keep the Limit; what was left in the window before says nothing of this one."""
        return self if self.limit is None else changed(self, limit_remaining=self.limit)

    def without_limit(self) -> Claims:
        """Forget the Limit."""
        return self if self.limit is None else changed(self, limit=None)

    def claim_reset(self, reset: float, call: int, monotonic: float, rules: BudgetRules) -> tuple[Claims, bool]:
        """Note that the response to *call* names *reset*.

        Returns:
            The claims from now on, and whether as many responses agreed, for as long, that it is believed.
        """
        if self.reset is None or abs(reset - self.reset) > rules.reset_tolerance:
            claims = changed(self, reset=reset, reset_call=call, reset_responses=1, reset_since=monotonic)
        elif call == self.reset_call:
            claims = self
        else:
            claims = changed(self, reset_call=call, reset_responses=self.reset_responses + 1)
        lasted = monotonic - claims.reset_since
        if claims.reset_responses < rules.agreeing_responses or lasted < rules.agreeing_seconds:
            return claims, False
        return claims.without_reset(), True

    def without_reset(self) -> Claims:
        """Forget the Reset."""
        return self if self.reset is None else changed(self, reset=None)
