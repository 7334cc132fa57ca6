"""The protocol of ledgers, which hold a window so that all tasks, processes or machines of a token share it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar, runtime_checkable

from tonicdm.budget.history import WindowRecord
from tonicdm.budget.window import Window
from tonicdm.errors import BudgetError

T = TypeVar("T")


class LedgerBusyError(BudgetError):
    """The ledger can't be used now; nothing was changed, the step may be tried again. It never leaves the package."""


class Ledger(Protocol):
    """Keeps one `Window` and lets one step at a time change it."""

    poll_seconds: float | None
    """How often to look for what other processes changed; None where there are no others."""

    @property
    def where(self) -> str:
        """Where the state lives, for people."""
        ...

    async def run(self, step: Callable[[Window], T], undo: Callable[[Window], object] | None = None) -> T:
        """Apply *step* to the window, alone and durably, and return its result.

        Args:
            step: Changes the window; quick, without I/O, and possibly on another thread.
            undo: Applied right after *step* when the caller was cancelled before it could learn the result.

        Raises:
            LedgerBusyError: It can't be done now and may be tried again.
            LedgerUnavailableError: It can't be done before somebody mends the ledger.
        """
        ...

    def history(self) -> list[WindowRecord]:
        """Return the windows that are over, as far as they are kept, the latest one last."""
        ...

    def peek(self) -> Window:
        """Return the window as last known, to look at only."""
        ...

    def on_change(self, call: Callable[[], None]) -> None:
        """Call *call*, from any thread, when another process has changed what waiting calls wait for.

        A ledger that can't know of it need not; it is looked at every `poll_seconds`.
        """
        ...

    async def close(self) -> None:
        """Let go of files and threads; twice is once."""
        ...


@runtime_checkable
class PromptLedger(Ledger, Protocol):
    """One that mostly takes the steps of a call without waiting, and tells at once where it can't.

    It need not store all at once. What is not stored yet is entered in everything that it shows in this process.
    """

    def reserve_now(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Apply a *step* that reserves units, without waiting for anything.

        Returns:
            Its result; None where it has to be a step of `run`, and nothing was done.

        Raises:
            LedgerBusyError: It can't be stored now; nothing was done.
        """
        ...

    def note_now(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Apply a *step* that tells how a call went, without waiting for anything.

        Returns:
            As `reserve_now`.

        Raises:
            LedgerBusyError: It can't be stored now, and has to be; nothing was done.
        """
        ...

    def check_now(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Apply a *step* that lets a reservation pass the gate, without waiting for anything.

        Returns:
            As `reserve_now`.

        Raises:
            LedgerBusyError: As `note_now`.
        """
        ...
