"""The progress of a sync on a terminal: records, units spent and left, time to the next window."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Self

from tonicdm.client import TonicDM
from tonicdm.sync import TypeReport

if TYPE_CHECKING:
    from rich.console import Console

REFRESH_SECONDS = 0.5
"""Seconds between two refreshes."""


@contextlib.contextmanager
def progress(tonic: TonicDM, types: int) -> Generator[Callable[[TypeReport], None]]:
    """Show how far a sync has come, on stderr, where that is a terminal; a log gets nothing.

    Args:
        tonic: Whose budget is shown.
        types: How many types are synced.
    """
    if not sys.stderr.isatty():
        yield lambda _report: None
        return
    from rich.console import Console

    with Display(tonic, Console(stderr=True), types) as display:
        yield display.update


class Display:
    """A bar over the types, and the state of the budget beside it.

    Args:
        tonic: Whose budget is shown.
        console: Where.
        types: How many types are synced.
    """

    def __init__(self, tonic: TonicDM, console: Console, types: int) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._tonic = tonic
        self._types = types
        self._reports: dict[str, TypeReport] = {}
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=10),
            TextColumn("{task.fields[state]}", markup=False),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("connecting", total=types, state="")
        self._ticker: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        self._ticker = asyncio.create_task(self._tick())
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
        self._refresh()
        self._bar.stop()

    def update(self, report: TypeReport) -> None:
        """Take in how far a type has come; shown at the next refresh."""
        self._reports[report.type] = report

    async def _tick(self) -> None:
        while True:
            self._refresh()
            await asyncio.sleep(REFRESH_SECONDS)

    def _refresh(self) -> None:
        snapshot = self._tonic.budget.snapshot()
        reports = self._reports.values()
        done = sum(report.done for report in reports)
        records, units = sum(report.records for report in reports), sum(report.meter.units for report in reports)
        end = snapshot.blocked_until or snapshot.reset_at
        window = f"reset {max(0.0, end.timestamp() - time.time()):,.0f} s" if end else "window unknown"
        waiting = sum(calls for calls, _ in snapshot.waiting.values())
        held = f", {waiting} wait" if waiting else ""
        self._bar.update(
            self._task,
            description=f"{done} of {self._types} types",
            completed=done,
            state=f"{records:,} records, {units:,} units, {snapshot.remaining:,} left, {window}{held}",
        )
