"""The price of a call and the request-unit window of one token, as the server sees them. No clock, no I/O."""

from __future__ import annotations

import math

import attrs

from tonicdm.sandbox.settings import DataQuantity, SandboxSettings

FACTORS: dict[DataQuantity, int] = {"id_only": 1, "basic": 5, "complete": 20}


def data_quantity_of(
    asked: DataQuantity | None, method: str, *, listed: bool, settings: SandboxSettings
) -> DataQuantity:
    """Return the data_quantity a call is served and charged at.

    Args:
        asked: The option as sent, None when it was absent or did not arrive.
        method: HTTP method in capitals.
        listed: Whether the reference lists data_quantity for the operation.
        settings: Defaults for the three cases in which the option is absent.
    """
    if asked is not None:
        return asked
    if method != "GET":
        return settings.write_data_quantity
    return settings.default_data_quantity if listed else settings.unlisted_data_quantity


def cost_of(data_quantity: DataQuantity, records: int, settings: SandboxSettings) -> int:
    """Return the units of one call.

    The page says a *request* incurs the factor, so "call" is the default; "record" charges each record returned,
    and an answer without records like one.
    """
    factor = FACTORS[data_quantity]
    return factor if settings.cost_mode == "call" else factor * max(1, records)


@attrs.frozen
class WindowState:
    """A window at one moment."""

    used: int
    """Units charged in this window."""
    limit: int
    """Units of one window."""
    reset: float
    """Unix time by the server's clock at which the window ends; the end a fresh one would have if none is open."""
    exceeded: bool
    """Whether a call was rejected in this window."""
    extended: float
    """Seconds by which Reset was moved so far."""

    @property
    def remaining(self) -> int:
        """Units left; never negative, even when the limit was lowered meanwhile."""
        return max(0, self.limit - self.used)


@attrs.frozen
class Verdict:
    """What the window says to one call."""

    allowed: bool
    """Whether the call is served; if not, it is a 429."""
    state: WindowState
    """The window after the call."""


@attrs.define
class Window:
    """The windows of one token, one after the other."""

    settings: SandboxSettings
    _reset: float | None = None
    _used: int = 0
    _exceeded: bool = False
    _extended: float = 0.0

    def charge(self, cost: int, now: float) -> Verdict:
        """Charge a call or reject it.

        A call dearer than what remains is a 429, is not charged, and counts as exceeding. While exceeded, each
        further call is a 429 too and moves Reset ("the time until reset will be extended").

        Args:
            cost: Units of the call.
            now: Server time.

        Returns:
            Whether it is served, and the window after it.
        """
        self._open(now)
        fits = self._used + cost <= self.settings.limit
        if fits and not (self._exceeded and self.settings.exceeded_blocks):
            self._used += cost
            return Verdict(allowed=True, state=self.state(now))
        if self._exceeded or self.settings.first_rejection_extends:
            self._extend()
        self._exceeded = True
        return Verdict(allowed=False, state=self.state(now))

    def spend(self, units: int, now: float) -> None:
        """Use *units* as another user of the token would; never more than are left."""
        self._open(now)
        self._used = min(self.settings.limit, self._used + units)

    def refund(self, units: int) -> None:
        """Give back what a call was charged whose outcome costs nothing."""
        self._used = max(0, self._used - units)

    def state(self, now: float) -> WindowState:
        """Return the window at *now* without opening one."""
        limit = self.settings.limit
        if self._reset is None or now >= self._reset:
            return WindowState(used=0, limit=limit, reset=self._next_reset(now), exceeded=False, extended=0.0)
        return WindowState(
            used=self._used, limit=limit, reset=self._reset, exceeded=self._exceeded, extended=self._extended
        )

    def copy(self) -> Window:
        """Return an independent copy, for snapshots."""
        return attrs.evolve(self)

    def _open(self, now: float) -> None:
        if self._reset is not None and now < self._reset:
            return
        self._reset = self._next_reset(now)
        self._used, self._exceeded, self._extended = 0, False, 0.0

    def _extend(self) -> None:
        step = min(self.settings.extend_seconds, self.settings.extend_cap - self._extended)
        if self._reset is not None and step > 0:
            self._reset += step
            self._extended += step

    def _next_reset(self, now: float) -> float:
        length = self.settings.window_seconds
        match self.settings.window_start:
            case "aligned":
                end = (math.floor(now / length) + 1) * length
            case "back_to_back" if self._reset is not None:
                end = self._reset + (math.floor((now - self._reset) / length) + 1) * length
            case _:
                end = now + length
        return float(math.ceil(end)) if self.settings.reset_rounding == "up" else end


def reset_header(reset: float, settings: SandboxSettings) -> str:
    """Return the text of X-Rate-Limit-Reset: a Unix timestamp, whole seconds unless the setting says otherwise."""
    return f"{reset:.3f}" if settings.reset_rounding == "none" else str(math.floor(reset))
