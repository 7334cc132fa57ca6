"""A server as the concepts page describes it, written apart from the package: it shares no line with `Window`."""

import dataclasses
import math

from tonicdm.budget.headers import Report


@dataclasses.dataclass
class Reply:
    """What one call was answered."""

    status: int
    report: Report
    """What its headers say."""
    reset: float


@dataclasses.dataclass
class Server:
    """One token's budget. Windows begin with the first call after the last one ended."""

    now: float
    limit: int = 60
    length: float = 600.0
    extension: float = 60.0
    used: int = 0
    end: float = 0.0
    exceeded: bool = False
    foreign: int = 0
    windows: int = 0
    refusals: int = 0

    def serve(self, cost: int, *, ours: bool = True, wobble: int = 0) -> Reply:
        """Charge a call or refuse it, and print the headers as the page shows them."""
        self.turn()
        status = 200
        if self.exceeded or self.used + cost > self.limit:
            status = 429
            if self.exceeded:
                self.end += self.extension
            self.exceeded = True
            self.refusals += ours
        else:
            self.used += cost
            self.foreign += 0 if ours else cost
        # "Now" and the time to live are both cut to whole seconds by some servers: up to two seconds early.
        reset = math.floor(self.end) - wobble
        report = Report.of(self.limit, self.limit - self.used, reset, math.floor(self.now))
        return Reply(status, report, float(reset))

    def turn(self) -> None:
        """Begin a window if none is open."""
        if self.now >= self.end:
            self.end, self.used, self.foreign, self.exceeded = self.now + self.length, 0, 0, False
            self.windows += 1

    @property
    def is_open(self) -> bool:
        """Whether a window is under way."""
        return self.now < self.end
