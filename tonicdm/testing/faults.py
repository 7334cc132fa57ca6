"""Inject faults by name, for a block of calls or for the next ones."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

from tonicdm.sandbox import FaultName, Sandbox


class FaultHelpers:
    """Injects faults into a sandbox.

    Args:
        box: The sandbox.
    """

    def __init__(self, box: Sandbox) -> None:
        self._box = box

    @contextlib.contextmanager
    def during(
        self, name: FaultName, *, rate: float = 1.0, method: str | None = None, path: str | None = None, **details: Any
    ) -> Generator[None]:
        """Inject a fault into all calls of a block, or into a seeded share of them.

        Args:
            name: What happens, see `tonicdm.sandbox.faults.SUMMARY`.
            rate: Share of the calls it hits.
            method: Only calls of this HTTP method.
            path: Only calls of this path.
            details: As for `Faults.on`.
        """
        self._box.faults.on(name, rate, method=method, path=path, **details)
        try:
            yield
        finally:
            self._box.faults.off(name)

    def next(
        self, name: FaultName, *, times: int = 1, method: str | None = None, path: str | None = None, **details: Any
    ) -> None:
        """Inject a fault into the next calls.

        Args:
            name: What happens, see `tonicdm.sandbox.faults.SUMMARY`.
            times: How many calls it hits.
            method: Only calls of this HTTP method.
            path: Only calls of this path.
            details: As for `Faults.next`.
        """
        self._box.faults.next(name, times=times, method=method, path=path, **details)

    def outage(self) -> contextlib.AbstractContextManager[None]:
        """Answer every call of a block with a proxy's 502, which says nothing of units."""
        return self.during("bad_gateway")

    def leave_units(self, units: int) -> None:
        """Spend, as another user of the token would, all but *units* of this window; 0 makes the next call a 429."""
        self._box.spend(max(0, self._box.window().remaining - units))
