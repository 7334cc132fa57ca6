"""Access to the ledger within a bounded time, so that no result of a call is lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from tonicdm.budget.ledgers import Ledger, LedgerBusyError, PromptLedger
from tonicdm.budget.window import Window
from tonicdm.errors import ClientClosedError, LedgerUnavailableError, TonicDMError

T = TypeVar("T")

logger: Final = logging.getLogger("tonicdm")

RETRY_SECONDS: Final = 0.1
"""Seconds between two tries of a step."""
NOTE_SECONDS: Final = 1.0
"""Seconds for which a finished call waits at most until the ledger has taken note of it."""


class LedgerAccess:
    """Takes steps on a ledger that other processes use, and that may fail.

    Args:
        ledger: Returns the ledger; asked when it is needed first.
        seconds: For how long a step is tried.
    """

    def __init__(self, ledger: Callable[[], Ledger], seconds: float) -> None:
        self._open = ledger
        self._ledger: Ledger | None = None
        self._prompt: PromptLedger | None = None
        self.seconds = seconds
        self._lock = threading.Lock()
        self._notes: list[Callable[[Window], Any]] = []
        self._flushing: asyncio.Task[None] | None = None

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        if self._ledger is None:
            self._ledger = self._open()
            self._prompt = self._ledger if isinstance(self._ledger, PromptLedger) else None
        return self._ledger

    async def try_once(self, step: Callable[[Window], T], undo: Callable[[Window], object] | None = None) -> T:
        """Take *step*, behind what could not be noted before.

        Args:
            step: As for `Ledger.run`.
            undo: As for `Ledger.run`.

        Raises:
            LedgerBusyError: It can't be done now.
            LedgerUnavailableError: It can't be done before somebody mends the ledger.
        """
        ledger = self._ledger or self.ledger
        if not self._notes:
            return await ledger.run(step, undo)
        notes = self._notes.copy()

        def noted(window: Window) -> T:
            for note in notes:
                note(window)
            return step(window)

        result = await ledger.run(noted, undo)
        with self._lock:
            self._notes = [note for note in self._notes if note not in notes]
        return result

    def reserve_now(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Take *step*, which reserves units, without waiting for anything.

        Returns:
            Its result; None where it has to be taken by `try_once`, and nothing was done.

        Raises:
            LedgerBusyError: It can't be done now.
        """
        return None if self._prompt is None or self._notes else self._prompt.reserve_now(step)

    def check_now(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Take *step*, which lets a call pass the gate, without waiting for anything.

        Returns:
            As `reserve_now`.

        Raises:
            LedgerBusyError: It can't be done now.
        """
        return None if self._prompt is None or self._notes else self._prompt.check_now(step)

    async def run(self, step: Callable[[Window], T], undo: Callable[[Window], object] | None = None) -> T:
        """Take *step*, trying as long as is allowed.

        Args:
            step: As for `Ledger.run`.
            undo: As for `Ledger.run`.

        Raises:
            LedgerUnavailableError: It could not be taken for so long, or can't be before somebody mends the ledger.
        """
        loop = asyncio.get_running_loop()
        deadline: float | None = None
        while True:
            try:
                return await self.try_once(step, undo)
            except LedgerBusyError as error:
                deadline = loop.time() + self.seconds if deadline is None else deadline
                if loop.time() >= deadline:
                    raise self.unavailable(error) from error
            await asyncio.sleep(RETRY_SECONDS)

    def unavailable(self, error: Exception) -> LedgerUnavailableError:
        """Make the error for a step that was tried for long enough."""
        return LedgerUnavailableError(
            f"{error}, and so for {self.seconds:g} s. Nothing was sent. Free the way, or name another place for the "
            "budget (TONICDM_BUDGET, or budget=)",
            ledger=self.ledger.where,
        )

    def note_now(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Let the ledger know what became of a call, without waiting for anything.

        Returns:
            What *step* returned; None where it has to be taken by `note`.
        """
        try:
            return None if self._prompt is None or self._notes else self._prompt.note_now(step)
        except Exception:  # noqa: BLE001 - `note` meets it too, and says what it means
            return None

    async def note(self, step: Callable[[Window], T], otherwise: T) -> T:
        """Let the ledger know what became of a call, without holding up what is finished.

        Args:
            step: Notes it. If it can't be stored now it is kept, tried again, and goes before any later step.
            otherwise: Returned where the ledger does not answer; the units stay charged until known better.
        """
        if (done := self.note_now(step)) is not None:
            return done[0]
        try:
            # Another process may sit on the file.
            async with asyncio.timeout(NOTE_SECONDS):
                return await self.try_once(step)
        except ClientClosedError:
            return otherwise
        except (TonicDMError, TimeoutError):
            pass
        except Exception:  # whatever is wrong with the ledger, a response in hand is handed out
            logger.exception("the budget's ledger %s failed to note how a call ended", self.ledger.where)
        self.note_later(step)
        return otherwise

    def note_later(self, step: Callable[[Window], Any]) -> None:
        """Keep *step* for the next one that the ledger takes, and look for that moment for a while.

        Outside of a loop, where a call that was begun in one is thrown away, nobody can look for it.
        """
        with self._lock:
            self._notes.append(step)
        if self._flushing is None or self._flushing.done():
            with contextlib.suppress(RuntimeError):
                loop = asyncio.get_running_loop()
                self._flushing = loop.create_task(self._flush(), name="tonicdm-budget-notes")

    async def _flush(self) -> None:
        for _ in range(max(1, round(self.seconds / RETRY_SECONDS))):
            await asyncio.sleep(RETRY_SECONDS)
            try:
                await self.flush()
            except LedgerBusyError:
                continue
            except Exception:  # noqa: BLE001 - the next step meets it, and says so to whoever asks for one
                return
            if not self._notes:
                return

    async def flush(self) -> None:
        """Store what could not be noted before, if there is anything; once."""
        if self._notes:
            await self.try_once(_change_nothing)

    async def close(self) -> None:
        """Note what is left, if that can be done at once, and close the ledger."""
        if self._flushing is not None and self._flushing.get_loop() is asyncio.get_running_loop():
            self._flushing.cancel()
        with contextlib.suppress(TonicDMError, TimeoutError):
            async with asyncio.timeout(NOTE_SECONDS):
                await self.flush()
        await self.ledger.close()

    def forget(self) -> None:
        """Leave what is to be noted to the parent process, whose calls they are."""
        self._lock, self._notes, self._flushing = threading.Lock(), [], None


def _change_nothing(_: Window) -> None:
    """Change nothing."""
