"""A ledger for one process that forgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tonicdm.budget.rules import BudgetRules
from tonicdm.budget.window import Window

T = TypeVar("T")


class MemoryLedger:
    """Keeps the window in this process only; after a restart the budget is unknown again."""

    poll_seconds: float | None = None

    def __init__(self, rules: BudgetRules | None = None) -> None:
        self.window: Window = Window(rules or BudgetRules())

    @property
    def where(self) -> str:
        """The word ``memory``."""
        return "memory"

    async def run(self, step: Callable[[Window], T], undo: Callable[[Window], object] | None = None) -> T:  # noqa: ARG002
        """Apply *step*; there is no await inside, so nobody can be cancelled within."""
        self.window.holdings.touched.clear()
        return step(self.window)

    def peek(self) -> Window:
        """Return the window itself."""
        return self.window

    async def close(self) -> None:
        """Do nothing."""
