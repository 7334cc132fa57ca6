"""A ledger for one process that forgets."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import TypeVar

from tonicdm.budget import forks
from tonicdm.budget.history import WindowRecord, appended
from tonicdm.budget.rules import BudgetRules
from tonicdm.budget.window import Window

T = TypeVar("T")


class MemoryLedger:
    """Keeps the window in this process only; after a restart the budget is unknown again."""

    poll_seconds: float | None = None

    def __init__(self, rules: BudgetRules | None = None) -> None:
        self.window: Window = Window(rules or BudgetRules())
        self._history: list[WindowRecord] = []
        self._lock = threading.Lock()
        self._thread = threading.get_ident()
        forks.watch(self)

    @property
    def where(self) -> str:
        """The word ``memory``."""
        return "memory"

    def reserve_now(self, step: Callable[[Window], T]) -> tuple[T]:
        """Apply *step*; nothing has ever to be waited for."""
        self._thread = threading.get_ident()
        window = self.window
        self._lock.acquire()  # another thread may run a loop of its own; `with` takes twice as long
        try:
            window.holdings.touched.clear()
            result = step(window)
            if window.ended:
                self._keep_ended()
        finally:
            self._lock.release()
        return (result,)

    def note_now(self, step: Callable[[Window], T]) -> tuple[T]:
        """Apply *step*, as `reserve_now` does."""
        return self.reserve_now(step)

    def check_now(self, step: Callable[[Window], T]) -> tuple[T]:
        """Apply *step*, as `reserve_now` does."""
        return self.reserve_now(step)

    async def run(self, step: Callable[[Window], T], undo: Callable[[Window], object] | None = None) -> T:  # noqa: ARG002
        """Apply *step*; there is no await inside, so nobody can be cancelled within."""
        return self.reserve_now(step)[0]

    def _keep_ended(self) -> None:
        ended, self.window.ended = self.window.ended, []
        self._history = appended(self._history, ended, self.window.rules.reset_tolerance)

    def history(self) -> list[WindowRecord]:
        """Return the windows that are over."""
        with self._lock:
            self._keep_ended()
            return list(self._history)

    @property
    def used(self) -> bool:
        """Whether any call has been reserved here."""
        return self.window.holdings.next_number > 1

    def peek(self) -> Window:
        """Return the window itself; a copy, where another thread may change it meanwhile."""
        if threading.get_ident() == self._thread:
            return self.window
        with self._lock:
            return copy.deepcopy(self.window)

    def on_change(self, call: Callable[[], None]) -> None:
        """Do nothing: no other process changes it."""

    async def close(self) -> None:
        """Do nothing."""

    def before_fork(self) -> None:
        """Let a step of another thread end."""
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Let the steps go on."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Go on with a copy; the budget warns of that."""
        self._lock.release()
