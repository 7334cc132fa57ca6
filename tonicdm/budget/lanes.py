"""The order of waiting calls: by lane, jobs of a lane in turns, by arrival inside a job. No clock, no I/O."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Hashable, Iterator
from typing import Any, Final, NamedTuple

import attrs

from tonicdm import checks
from tonicdm.budget.rules import Denied, Granted, Instant, Reason, Share
from tonicdm.budget.window import Window
from tonicdm.types import Priority
from tonicdm.values import Shown, State

LANES: Final[tuple[Priority, ...]] = ("interactive", "normal", "bulk")


@attrs.define(eq=False, repr=False)
class Concurrency(Shown):
    """How many calls may be under way at once; shared by all calls of one client."""

    limit: int
    taken: int = 0

    def __attrs_post_init__(self) -> None:
        checks.whole_number("the number of calls under way", self.limit, minimum=1)

    @property
    def free(self) -> int:
        """Calls that may start now."""
        return self.limit - self.taken


class Tally(State):
    """Waiting calls, counted by their costs."""

    __slots__ = ("by_cost",)

    def __init__(self) -> None:
        self.by_cost: dict[int, int] = {}

    @property
    def calls(self) -> int:
        """How many they are."""
        return sum(self.by_cost.values())

    @property
    def units(self) -> int:
        """Units that they ask for together."""
        return sum(cost * calls for cost, calls in self.by_cost.items())

    def units_up_to(self, max_cost: int) -> int:
        """Return the units of those that ask for no more than *max_cost* each."""
        return sum(cost * calls for cost, calls in self.by_cost.items() if cost <= max_cost)

    def count(self, cost: int, sign: int) -> None:
        """Count a call of *cost* units in (1) or out (-1)."""
        self.by_cost[cost] = self.by_cost.get(cost, 0) + sign
        if not self.by_cost[cost]:
            del self.by_cost[cost]


class Ahead(NamedTuple):
    """The calls before one that waits."""

    calls: int = 0
    units: int = 0
    surely: int = 0
    """Units of those that it can't overtake: a costlier call that does not fit in this window lets it pass."""

    def without(self, cost: int) -> Ahead:
        """Return it without the call itself, of *cost* units, which was counted with them."""
        return Ahead(max(0, self.calls - 1), max(0, self.units - cost), max(0, self.surely - cost))

    def at_most(self, other: Ahead) -> Ahead:
        """Return the lesser of both in each."""
        return Ahead(*map(min, self, other))


class Waiter(Shown):
    """A call that waits for its units."""

    __slots__ = (
        "cost",
        "deadline",
        "gone",
        "handle",
        "job",
        "label",
        "lane",
        "left",
        "number",
        "read",
        "share",
        "since",
        "slots",
    )

    def __init__(
        self,
        cost: int,
        lane: Priority,
        job: Hashable,
        slots: Concurrency,
        read: bool,
        label: str = "",
        share: Share | None = None,
        handle: Any = None,
        deadline: float | None = None,
        number: int = 0,
    ) -> None:
        self.cost: int = cost
        self.lane: Priority = lane
        self.job: Hashable = job
        self.slots: Concurrency = slots
        self.read: bool = read
        """Whether the call only reads: such a one goes first into an unknown window."""
        self.label: str = label
        """What the call is, for people."""
        self.handle: Any = handle
        """What the shell wakes; the queue only carries it."""
        self.deadline: float | None = deadline
        """Monotonic time at which the caller gives up."""
        self.number: int = number
        """Its place in the order of arrival; kept when it lost its units at the gate and queues anew."""
        self.gone: bool = False
        """Set when the call was cancelled, refused or granted; the queue drops it when it comes across it."""
        self.left: bool = False
        """Whether the shell has counted it out."""
        self.share: Share | None = share
        """What its job may take of a window; None where it may take all."""
        self.since: float = 0.0
        """Monotonic time at which it began to queue."""


class JobQueue:
    """The calls of one job, in order of arrival; found by cost, so that small ones can be asked for."""

    __slots__ = ("by_cost", "slots")

    def __init__(self, slots: Concurrency) -> None:
        self.slots: Concurrency = slots
        self.by_cost: dict[int, deque[Waiter]] = {}

    def heads(self) -> list[Waiter]:
        """Return the first waiting call of each cost, earliest first."""
        heads: list[Waiter] = []
        for cost in list(self.by_cost):
            queue = self.by_cost[cost]
            while queue and queue[0].gone:
                queue.popleft()
            if queue:
                heads.append(queue[0])
            else:
                del self.by_cost[cost]
        return sorted(heads, key=_arrival)

    def add(self, waiter: Waiter) -> None:
        """Put *waiter* behind those that came before it."""
        queue = self.by_cost.setdefault(waiter.cost, deque())
        if queue and queue[-1].number > waiter.number:  # it queues anew
            queue.insert(next(i for i, other in enumerate(queue) if other.number > waiter.number), waiter)
        else:
            queue.append(waiter)

    def compact(self) -> None:
        """Let go of calls that no longer wait."""
        for cost, queue in list(self.by_cost.items()):
            self.by_cost[cost] = deque(waiter for waiter in queue if not waiter.gone)

    def __iter__(self) -> Iterator[Waiter]:
        return (waiter for queue in self.by_cost.values() for waiter in queue if not waiter.gone)


def _arrival(waiter: Waiter) -> int:
    return waiter.number


class Lanes:
    """All waiting calls of one process."""

    def __init__(self) -> None:
        self._jobs: dict[Priority, dict[tuple[int, Hashable], JobQueue]] = {lane: {} for lane in LANES}
        self._order = itertools.count(1)
        self._deadlines: list[tuple[float, int, Waiter]] = []

    def push(self, waiter: Waiter) -> None:
        """Let *waiter* queue behind the calls of its own job."""
        waiter.number = waiter.number or next(self._order)
        jobs, key = self._jobs[waiter.lane], (id(waiter.slots), waiter.job)
        if key not in jobs:
            jobs[key] = JobQueue(waiter.slots)
        jobs[key].add(waiter)
        if waiter.deadline is not None:
            heapq.heappush(self._deadlines, (waiter.deadline, waiter.number, waiter))

    def push_again(self, waiters: list[Waiter]) -> None:
        """Let *waiters*, whose units could not be stored, queue where they stood."""
        self.compact()  # lets go of them wherever they still are
        for waiter in waiters:
            waiter.gone = False
            self.push(waiter)

    def expire(self, monotonic: float) -> list[Waiter]:
        """Return the calls whose max_wait has ended."""
        late: list[Waiter] = []
        while self._deadlines and (self._deadlines[0][2].gone or self._deadlines[0][0] <= monotonic):
            waiter = heapq.heappop(self._deadlines)[2]
            if not waiter.gone:
                late.append(waiter)
        return late

    @property
    def next_deadline(self) -> float | None:
        """Monotonic time at which the next call gives up."""
        return self._deadlines[0][0] if self._deadlines else None

    def waiting(self) -> Iterator[Waiter]:
        """Iterate over all calls that still wait, in no set order."""
        for jobs in self._jobs.values():
            for queue in jobs.values():
                yield from queue

    def over_limit(self, limit: int) -> list[Waiter]:
        """Return the calls that no window of *limit* units can ever serve."""
        queues = [queue for jobs in self._jobs.values() for queue in jobs.values()]
        deques = [waiters for queue in queues for cost, waiters in queue.by_cost.items() if cost > limit]
        return [waiter for waiters in deques for waiter in waiters if not waiter.gone]

    def compact(self) -> None:
        """Let go of all calls that no longer wait."""
        for jobs in self._jobs.values():
            for key, queue in list(jobs.items()):
                queue.compact()
                if not any(queue.by_cost.values()):
                    del jobs[key]
        self._deadlines = [item for item in self._deadlines if not item[2].gone]
        heapq.heapify(self._deadlines)

    def grant(
        self, window: Window, now: Instant, granted: list[tuple[Waiter, Granted]], holder: str = ""
    ) -> Denied | None:
        """Reserve units for as many calls as may go now.

        Args:
            window: Decides.
            now: The time.
            granted: Filled with the calls that got their units; its owner knows them even if the ledger then fails.
            holder: Noted with the reservations.

        Returns:
            Why the next call in line got none; None where none is waiting, or none may start for want of slots.
        """
        taken: dict[int, int] = {}
        window.advance(now)
        while True:
            waiter, decision = self._next(window, now, taken, holder)
            if waiter is None or not isinstance(decision, Granted):
                return decision if isinstance(decision, Denied) else None
            waiter.gone = True
            window.counts_now().count_wait(now.monotonic - waiter.since)
            taken[id(waiter.slots)] = taken.get(id(waiter.slots), 0) + 1
            granted.append((waiter, decision))
            self._take_turns(waiter)

    def _next(
        self, window: Window, now: Instant, taken: dict[int, int], holder: str
    ) -> tuple[Waiter | None, Granted | Denied | None]:
        candidates = self._candidates(taken)
        if window.probing:
            # The cheapest read goes first, never an upload while a read waits. But a call that fits only into an
            # untouched window goes before all others, else it would wait for ever.
            usable = window.limit - window.guard(now)
            candidates.sort(key=lambda waiter: (waiter.cost <= usable, not waiter.read, waiter.cost))
        refusals: list[Denied] = []
        bounded: list[Waiter] = []
        skipped: set[int] = set()
        for waiter in candidates:
            if waiter.cost in skipped:
                continue
            decision = _ask(window, waiter, now, holder)
            if isinstance(decision, Granted):
                return waiter, decision
            refusals.append(decision)
            if decision.reason is Reason.SHARE:
                bounded.append(waiter)
                continue
            if decision.reason not in {Reason.SPENT, Reason.UNKNOWN}:
                # It will fit once responses come or the reserve decays: nobody may take these units before it.
                break
            # It can't fit in this window at all, so smaller calls may use what is left of it. Or it could if it were
            # known what became of lost calls: then the responses to smaller ones tell.
            skipped.add(waiter.cost)
        if bounded and len(bounded) == len(refusals):
            return self._beyond_shares(window, now, bounded, _sum_up(refusals), holder)
        return None, _sum_up(refusals)

    def _beyond_shares(
        self, window: Window, now: Instant, bounded: list[Waiter], refusal: Denied | None, holder: str
    ) -> tuple[Waiter | None, Granted | Denied | None]:
        """Give a job what is left near the end of a window, beyond its share, if no other call waits for it."""
        server = window.clock.lower(now, window.rules)
        if window.reset is None or server < window.share_opens(window.reset):
            return None, refusal
        queues = (queue for jobs in self._jobs.values() for queue in jobs.values())
        if any(waiter not in bounded for queue in queues for waiter in queue.heads()):
            return None, refusal  # it waits for a slot
        for waiter in bounded:
            decision = _ask(window, waiter, now, holder, beyond_share=True)
            if isinstance(decision, Granted):
                return waiter, decision
        return None, refusal

    def _candidates(self, taken: dict[int, int]) -> list[Waiter]:
        """Return the calls that may be asked next, in the order of lanes, turns and arrival."""
        candidates: list[Waiter] = []
        for lane in LANES:
            for key, queue in list(self._jobs[lane].items()):
                heads = queue.heads()
                if not heads:
                    del self._jobs[lane][key]
                elif queue.slots.free - taken.get(id(queue.slots), 0) > 0:
                    candidates.extend(heads)
        return candidates

    def _take_turns(self, waiter: Waiter) -> None:
        """Put the job that was served behind the others of its lane."""
        jobs, key = self._jobs[waiter.lane], (id(waiter.slots), waiter.job)
        jobs[key] = jobs.pop(key)


def _ask(window: Window, waiter: Waiter, now: Instant, holder: str, *, beyond_share: bool = False) -> Granted | Denied:
    return window.admit(
        waiter.cost,
        now,
        lane=waiter.lane,
        label=waiter.label,
        holder=holder,
        share=waiter.share,
        beyond_share=beyond_share,
    )


def _sum_up(refusals: list[Denied]) -> Denied | None:
    """Say why the first in line waits, and when the first of all asked can be served."""
    if not refusals:
        return None
    times = [refusal.until for refusal in refusals if refusal.until is not None]
    sooner = len(times) < len(refusals) or any(refusal.sooner for refusal in refusals)
    return Denied(refusals[0].reason, min(times, default=None), sooner=sooner)
