"""Hooks: callbacks and the log are told the same events of calls."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from tonicdm.budget import Reason
from tonicdm.late import LateModule, late_names
from tonicdm.values import Value

if TYPE_CHECKING:
    from tonicdm.budget import views
    from tonicdm.http import events
    from tonicdm.http.events import (
        BudgetMismatchEvent,
        FailureEvent,
        ForeignUsageEvent,
        RequestEvent,
        ResponseEvent,
        RetryEvent,
        WindowEvent,
    )
else:
    events, views = LateModule("tonicdm.http.events"), LateModule("tonicdm.budget.views")

__all__ = [
    "BudgetMismatchEvent",
    "FailureEvent",
    "ForeignUsageEvent",
    "Hooks",
    "RequestEvent",
    "ResponseEvent",
    "RetryEvent",
    "WindowEvent",
]

logger: Final = logging.getLogger("tonicdm")
E = TypeVar("E")

# Most programs hear of no event.
__getattr__: Callable[[str], Any]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = late_names(__name__, {"tonicdm.http.events": [name for name in __all__ if name != "Hooks"]})


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Hooks(Value):
    """Functions that are told what happens; a fault in one is logged and stops nothing."""

    on_request: Callable[[events.RequestEvent], Any] | None = None
    on_response: Callable[[events.ResponseEvent], Any] | None = None
    on_wait: Callable[[views.WaitNotice], Any] | None = None
    on_retry: Callable[[events.RetryEvent], Any] | None = None
    on_budget_mismatch: Callable[[events.BudgetMismatchEvent], Any] | None = None
    on_window: Callable[[events.WindowEvent], Any] | None = None
    on_failure: Callable[[events.FailureEvent], Any] | None = None
    on_foreign_usage: Callable[[events.ForeignUsageEvent], Any] | None = None

    def joined(self, other: Hooks) -> Hooks:
        """Return hooks that tell both these and *other*."""
        names = [field.name for field in attrs.fields(Hooks)]
        return Hooks(**{name: _both(getattr(self, name), getattr(other, name)) for name in names})

    @property
    def hears_requests(self) -> bool:
        """Whether `request` would be heard by anybody, so that its event need be made."""
        return self.on_request is not None or logger.isEnabledFor(logging.DEBUG)

    @property
    def hears_responses(self) -> bool:
        """The same of `response`."""
        return self.on_response is not None or logger.isEnabledFor(logging.DEBUG)

    def request(self, event: events.RequestEvent) -> None:
        """Tell that a call is being sent."""
        # An API without units reserves none.
        reserved = f", {event.cost} units reserved" if event.cost else ""
        logger.debug("%s %s: sending%s%s", event.method, event.path, reserved, _named(event.request_id))
        _notify(self.on_request, event)

    def response(self, event: events.ResponseEvent) -> None:
        """Tell that an answer came."""
        units = "unknown" if event.rate_limit is None else event.rate_limit.remaining
        left = f", {units} units left" if event.cost else ""
        named = _named(event.request_id)
        logger.debug("%s %s: %d in %.3f s%s%s", event.method, event.path, event.status, event.elapsed, left, named)
        _notify(self.on_response, event)

    def wait(self, notice: views.WaitNotice) -> None:
        """Tell that a call waits for units."""
        level = logging.INFO if notice.wait >= 1 or notice.reason is Reason.PAUSED else logging.DEBUG
        units = f" for {notice.cost} units" if notice.cost else ""
        logger.log(level, "%s waits %.0f s%s: %s", notice.label, notice.wait, units, notice.reason)
        _notify(self.on_wait, notice)

    def failure(self, event: events.FailureEvent) -> None:
        """Tell that an attempt ended without a whole answer."""
        named = _named(event.request_id)
        logger.debug("%s %s: %s after %.3f s%s", event.method, event.path, event.error_type, event.elapsed, named)
        _notify(self.on_failure, event)

    def foreign_usage(self, event: events.ForeignUsageEvent) -> None:
        """Tell that others spend the token's units."""
        # The first sign in a window is news; what follows is a detail.
        level = logging.WARNING if event.units == event.in_window else logging.INFO
        logger.log(
            level,
            "others spent %d units of this token, %d in this window; as many are left to them from now on as they are "
            "expected to spend",
            event.units,
            event.in_window,
        )
        _notify(self.on_foreign_usage, event)

    def retry(self, event: events.RetryEvent) -> None:
        """Tell that a call goes again."""
        logger.info(
            "%s %s: attempt %d failed (%s), again in %.1f s%s",
            event.method,
            event.path,
            event.attempt,
            event.reason,
            event.pause,
            _named(event.request_id),
        )
        _notify(self.on_retry, event)

    def budget_mismatch(self, event: events.BudgetMismatchEvent) -> None:
        """Tell that a call cost other units than expected."""
        logger.warning(
            "%s %s: %d units charged instead of %d", event.method, event.path, event.observed, event.expected
        )
        _notify(self.on_budget_mismatch, event)

    def window(self, event: events.WindowEvent) -> None:
        """Tell that the length of a window was learned."""
        logger.warning("the budget's windows last %.0f s, as several answers agree", event.seconds)
        _notify(self.on_window, event)


def _named(request_id: str) -> str:
    return f" [{request_id}]" if request_id else ""


def _both(first: Callable[[Any], Any] | None, second: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    if first is None or second is None:
        return first or second

    def notify(event: Any) -> None:
        _notify(first, event)
        _notify(second, event)

    return notify


def _notify(hook: Callable[[E], Any] | None, event: E) -> None:
    if hook is None:
        return
    try:
        hook(event)
    except Exception:
        # An answer that was paid for must not be lost to a faulty listener.
        logger.exception("a hook failed")
