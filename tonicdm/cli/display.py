"""The progress of a sync on a terminal: records, units spent and left, time to the next window."""

from __future__ import annotations

import asyncio
import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tonicdm.client import TonicDM
from tonicdm.sync import TypeReport

REFRESH_SECONDS = 0.5
"""Seconds between two refreshes."""


class Display:
    """A bar over the types, and the state of the budget beside it.

    Args:
        tonic: Whose budget is shown.
        console: Where.
        types: How many types are synced.
    """

    def __init__(self, tonic: TonicDM, console: Console, types: int) -> None:
        self._tonic = tonic
        self._types = types
        self._reports: dict[str, TypeReport] = {}
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=console,
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
        window = f"reset in {max(0.0, end.timestamp() - time.time()):,.0f} s" if end else "window unknown"
        waiting = sum(calls for calls, _ in snapshot.waiting.values())
        held = f", {waiting} calls wait" if waiting else ""
        self._bar.update(
            self._task,
            description=f"{done} of {self._types} types",
            completed=done,
            state=f"{records:,} records, {units:,} units used, {snapshot.remaining:,} left, {window}{held}",
        )
