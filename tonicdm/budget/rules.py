"""The settings of a budget, and the values its core takes and gives."""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

import attrs

from tonicdm import checks
from tonicdm.clock import Clock, counts_suspension
from tonicdm.errors import ConfigError
from tonicdm.values import Value

LONG_AGO: Final = float("-inf")
"""The monotonic time of a sending that nobody noted: so early that it proves nothing."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class BudgetRules(Value):
    """What is known or assumed about a budget; the defaults are TonicDM's (concepts page, "Rate Limiting")."""

    limit: int = 3600
    """Units of a window, until a response names the limit."""
    window: float = 3600.0
    """Length of a window in seconds; where it starts and ends is the server's to say."""
    reset_tolerance: float = 2.0
    """Resets that differ by no more seconds name the same window: some servers print "now + time to live", each cut to
    whole seconds. For the same reason a window may last so much longer than a Reset says."""
    max_cooldown: float = 86400.0
    """Longest cooldown after one 429 in seconds, however far away the Reset that it names; then one call goes alone."""
    min_cooldown: float = 3.0
    """Shortest cooldown after a 429 in seconds, whatever it names."""
    agreeing_responses: int = 3
    """Answers that must agree on a Reset further away than a window is long, or nearer than was named, to be believed.
    Until then it costs nothing but itself."""
    agreeing_seconds: float = 60.0
    """Seconds that lie at least between the first and the last of them."""
    settle_time: float = 30.0
    """T_settle: seconds after which the server has surely processed, or will never process, an abandoned call."""
    lease: float = 30.0
    """Seconds that a reservation may stay unsent before its units are taken back, as from a crashed process."""
    guard: int = 0
    """Units never spent, a margin against other users of the token; it grows by itself when they are noticed."""
    peers: int = 1
    """Processes that use the token but share no ledger, this one included."""
    max_call_cost: int = 20
    """Units that a single call costs at most (concepts page, "Rate Limiting")."""
    interactive_reserve: float = 0.10
    """Share of the limit kept for the interactive lane; it decays to zero until the reset."""
    reserve_tail: float = 60.0
    """Seconds before the reset at which that reserve is gone, so that there is time to use the last of it."""
    share_tail: float = 300.0
    """Seconds before the reset from which on a job may take more than its share, of what nobody else waits for; at most
    a tenth of a window."""
    clock_margin: float = 5.0
    """Seconds that the local clock may be wrong by, while no Date header has shown the server's."""
    drift: float = 200e-6
    """Seconds that the local clock may drift in a second."""
    backoff_base: float = 30.0
    """Longest extra wait after the second 429 in a row, in seconds; each further one lasts once and a half
    to three times as long."""
    backoff_cap: float = 1800.0
    """Upper bound of that extra wait, in seconds."""

    def __attrs_post_init__(self) -> None:
        for field in attrs.fields(BudgetRules):
            value = getattr(self, field.name)
            if isinstance(field.default, int):
                checks.whole_number(f"a budget's {field.name}", value, minimum=0, maximum=10**9)
            else:
                checks.real_number(f"a budget's {field.name}", value)
        checks.real_number("a budget's drift", self.drift, below=0.1)
        positive = {
            "limit": self.limit,
            "window": self.window,
            "lease": self.lease,
            "backoff_cap": self.backoff_cap,
            "min_cooldown": self.min_cooldown,
            "agreeing_responses": self.agreeing_responses,
        }
        for name, value in positive.items():
            if value <= 0:
                raise ConfigError(f"a budget's {name} must be positive, not {value}")
        if self.max_cooldown < self.min_cooldown:
            raise ConfigError("max_cooldown bounds the cooldown after a 429, so it can't be shorter than min_cooldown")
        if not 0 <= self.guard < self.limit:
            raise ConfigError(f"a budget's guard must lie between 0 and its limit, not at {self.guard}")
        if self.peers < 1:
            raise ConfigError(f"peers counts this process too, so it is at least 1, not {self.peers}")
        if not 0 <= self.interactive_reserve < 1:
            raise ConfigError("interactive_reserve is a share: at least 0 and below 1")


@attrs.frozen(eq=False, repr=False)
class Share(Value):
    """What the calls of one label may take of a window together, in all processes of the ledger."""

    label: str
    """Names the job."""
    fraction: float = 1.0
    """Of the window's limit."""

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.label, str) or not self.label.strip() or not self.label.isprintable():
            raise ConfigError("label= names a job: a text of printable characters")
        checks.real_number("share", self.fraction, above_minimum=True, unit="parts of a window, up to 1")
        if self.fraction > 1:
            raise ConfigError(f"share= is a part of a window: above 0 and up to 1, not {self.fraction}")

    def units(self, limit: int) -> int:
        """Return the units that it allows of a window of *limit* units."""
        return int(self.fraction * limit)


class Instant(Value):
    """One reading of both local clocks; made several times a call."""

    __slots__ = ("counts_suspension", "monotonic", "wall")

    def __init__(
        self,
        monotonic: float,
        wall: float,
        counts_suspension: bool = True,
    ) -> None:
        self.monotonic: float = monotonic
        """Seconds that never run backwards; the same for all processes of a host."""
        self.wall: float = wall
        """Unix time in seconds by the local clock."""
        self.counts_suspension: bool = counts_suspension
        """Whether `monotonic` goes on while the machine is suspended; where not, only `wall` tells of it."""

    @classmethod
    def read(cls, clock: Clock) -> Instant:
        """Read both of *clock*'s clocks."""
        return cls(clock.monotonic(), clock.now(), counts_suspension(clock))


class Reason(enum.StrEnum):
    """Why a call waits."""

    PAUSED = "paused"
    """Somebody has paused the budget; it goes on when that ends or is taken back."""
    BLOCKED = "blocked"
    """A 429 came; nothing is sent before the reset it named."""
    FIRST_CALL = "first call"
    """The window is unknown or new: one call went ahead and its response is awaited."""
    SPENT = "window spent"
    """This window has not enough units left."""
    IN_FLIGHT = "calls in flight"
    """The units are reserved by calls whose responses are awaited."""
    UNKNOWN = "outcome of lost calls unknown"
    """Calls without a response stay charged until a later response shows what became of them."""
    SHARE = "share of the window spent"
    """Its job has taken the share of the window that it may take."""
    RESERVE = "interactive reserve"
    """What is left is kept for the interactive lane for now."""
    QUEUE = "queue"
    """Calls that came earlier, or in a higher lane, go first."""
    CONCURRENCY = "concurrency"
    """As many calls as allowed are under way."""


class Granted(Value):
    """Units are reserved for a call."""

    __slots__ = ("entry", "first")

    def __init__(
        self,
        entry: int,
        first: bool = False,
    ) -> None:
        self.entry: int = entry
        """The ledger's number of the reservation."""
        self.first: bool = first
        """Whether this is the one call that goes ahead while the window is unknown."""


class Denied(NamedTuple):
    """A call has to wait."""

    reason: Reason
    until: float | None = None
    """Server time before which nothing changes, Unix seconds; None where it depends on responses still to come."""
    sooner: bool = False
    """Whether a response still to come may end the waiting of some call before `until`."""


class Named(enum.Enum):
    """Which window the Reset of a response names, seen from the known one."""

    SAME = enum.auto()
    NEW = enum.auto()
    OLDER = enum.auto()


SAME: Final = Named.SAME
NEW: Final = Named.NEW
OLDER: Final = Named.OLDER


@attrs.frozen(eq=False, repr=False)
class Settlement(Value):
    """What settling a response showed."""

    observed_cost: int | None = None
    """What the call really cost; None where other calls were in flight, so that it is not known."""
    foreign: int = 0
    """Units that others spent at least since the previous response."""
    foreign_in_window: int = 0
    """Units that others spent at least in this window."""
    blocked: bool = False
    """Whether the response was a 429."""
    blocked_until: float | None = None
    """Server time before which nothing is sent, Unix seconds; None where no cooldown is on."""
    learned_window: float | None = None
    """Length of the server's windows in seconds, where responses up to this one agreed on another than was known."""
