"""What the calls cost that are made inside a block, in all tasks that begin there."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Generator

import attrs


@attrs.define
class Spent:
    """What was spent so far inside ``async with tonic.meter()``."""

    units: int = 0
    """Units: as the server charged them where that can be told, else as they were reserved."""
    calls: int = 0
    """Calls that were sent, each attempt counted."""


class Meters:
    """The meters of one client that are running; each task counts into those it began under."""

    @contextlib.contextmanager
    def running(self) -> Generator[Spent]:
        """Count what is spent inside the block, by this task and by those that it starts."""
        spent = Spent()
        token = _RUNNING.set((*_RUNNING.get(), (self, spent)))
        try:
            yield spent
        finally:
            # A fixture of a test may be left in another context than it was entered in; there it never ran.
            with contextlib.suppress(ValueError):
                _RUNNING.reset(token)

    def count(self, units: int) -> None:
        """Count one call that was sent."""
        for owner, spent in _RUNNING.get():
            if owner is self:
                spent.units += units
                spent.calls += 1


_RUNNING: contextvars.ContextVar[tuple[tuple[Meters, Spent], ...]] = contextvars.ContextVar(
    "tonicdm-meters", default=()
)
