"""The protocol by which the transport asks whether a call may leave: a budget of units, or a throttle without any."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from tonicdm.budget import Concurrency, Settlement, Share
from tonicdm.budget.headers import Report
from tonicdm.late import LateModule
from tonicdm.types import Priority

if TYPE_CHECKING:
    from tonicdm.budget import views
else:
    views = LateModule("tonicdm.budget.views")


class Admitted(Protocol):
    """One attempt; waits in ``async with`` until it may go."""

    @property
    def sent_at(self) -> float | None:
        """Monotonic time at which it passed the gate; None before."""
        ...

    def __aenter__(self) -> Awaitable[Any]: ...

    async def __aexit__(
        self, exc_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def try_sent(self) -> bool:
        """Pass the gate; False where a 429 came meanwhile, so that nothing may be sent."""
        ...

    def settle_from(
        self, headers: Mapping[str, str], status: int, report: Report | None = None
    ) -> Awaitable[Settlement]:
        """Take in what the head of an answer says of further calls; *report* is what `read` makes of the headers."""
        ...


class Admission(Protocol):
    """Gives each attempt of each call its leave."""

    def reserve(
        self,
        cost: int,
        *,
        priority: Priority,
        max_wait: float | None,
        timeout: float,
        job: Hashable,
        slots: Concurrency,
        read: bool,
        label: str,
        share: Share | None,
        on_wait: Callable[[views.WaitNotice], None] | None,
    ) -> Admitted:
        """Queue one attempt; the arguments are those of `UnitBudget.reserve`."""
        ...
