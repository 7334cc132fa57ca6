"""The worker: it takes jobs from the inbox, gets their records into the store, and calls the handlers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pathlib
import traceback
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Final

import attrs

from tonicdm.client import TonicDM
from tonicdm.errors import (
    APIError,
    AuthenticationError,
    BudgetError,
    ServerError,
    StoreError,
    TonicDMError,
    TransportError,
)
from tonicdm.plan.refresh import RECORD_UNITS
from tonicdm.store.types import TYPES
from tonicdm.sync.report import Meter
from tonicdm.webhooks import jobs
from tonicdm.webhooks.event import TEST_TYPE, storable
from tonicdm.webhooks.fetching import Fetch
from tonicdm.webhooks.handlers import Delivery, Handler
from tonicdm.webhooks.inbox import Inbox, Lease
from tonicdm.webhooks.jobs import Job
from tonicdm.webhooks.rules import State, Waiting, WorkerRules, is_ripe

logger: Final = logging.getLogger("tonicdm.webhooks")

CLEANUP_INTERVAL_SECONDS: Final = 3600.0
"""Seconds between two cleanups of what was kept for long enough."""
AT_ONCE_SECONDS: Final = 0.5
"""Seconds that a call may have to wait and still count as one that leaves at once."""
MAX_PAUSE_SECONDS: Final = 300.0
"""Seconds that fetches of a type rest at most after one failed by no event's fault."""
NOT_THEIR_FAULT: Final = (TransportError, ServerError, AuthenticationError)
"""Errors that would strike any call: no attempt of a job is counted for them."""
NO_RECORD: Final = "it names no record of a known type, and no handler is registered for it"


@attrs.define
class WorkReport:
    """What a worker has done so far."""

    applied: int = 0
    """Records that came whole and signed, and were written without a unit."""
    current: int = 0
    """Jobs whose record the store had already."""
    absent: int = 0
    """Records that the server did not return."""
    done: int = 0
    """Jobs done."""
    failed: int = 0
    """Attempts that failed."""
    dead: int = 0
    """Jobs given up."""
    meter: Meter = attrs.field(factory=Meter)
    """What its calls have cost."""


class HandlerCancelledError(Exception):
    """A handler ended by a cancellation of its own making."""


class Worker:
    """Works off an inbox.

    Args:
        tonic: Where records are fetched; calls go in the lane ``normal``.
        inbox: What to work off.
        trust_signed: Whether a signed event that carries a whole record is believed without a fetch.
        rules: How to wait, fetch and hand on.
    """

    def __init__(
        self, tonic: TonicDM, inbox: Inbox, *, trust_signed: bool = False, rules: WorkerRules | None = None
    ) -> None:
        self.inbox: Inbox = inbox
        self.rules: WorkerRules = rules or WorkerRules()
        self.report: WorkReport = WorkReport()
        self._tonic = tonic.with_options(priority="normal", max_wait=self.rules.units_wait)
        self._clock = inbox.clock
        self._trusted = trust_signed
        self._slots = asyncio.Semaphore(self.rules.concurrency)
        self._fetching: asyncio.Task[None] | None = None
        self._handling: set[asyncio.Task[None]] = set()
        self._leases: dict[str, set[int]] = {}
        self._pauses: dict[str, tuple[int, float]] = {}
        """How often in a row fetches of a type failed by no event's fault, and until when they rest."""

    # --- running ----------------------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> WorkReport:
        """Work until *stop* is set; then let the running handlers end, and release the other jobs.

        Args:
            stop: Ends the work.

        Raises:
            StoreError: The file can't be used any more; leases end by themselves.
        """
        cleaned = float("-inf")
        async with self._alive():
            while not stop.is_set():
                if self._clock.monotonic() - cleaned >= CLEANUP_INTERVAL_SECONDS:
                    await self.inbox.cleanup()
                    cleaned = self._clock.monotonic()
                if not await self._cycle():
                    await self._pause(stop)
        return self.report

    async def drain(self, stopping: Callable[[], bool] = lambda: False) -> WorkReport:
        """Work off all that can be done now, without waiting for more to come.

        What is due later, or lacks units, stays.

        Args:
            stopping: Asked again and again; once it says so, only what is under way is done.
        """
        async with self._alive():
            while True:
                more = not stopping() and await self._cycle(wait_for_more=False)
                if self._tasks:
                    await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
                    self._reap()
                elif not more:
                    return self.report

    @contextlib.asynccontextmanager
    async def _alive(self) -> AsyncGenerator[None]:
        renewal = asyncio.create_task(self._renew(), name="tonicdm-webhooks-lease")
        try:
            yield
            if self._handling:
                await self._first(asyncio.gather(*self._handling, return_exceptions=True), self.rules.grace)
        finally:
            await _cancel(renewal, *self._tasks)
            self._fetching = None
            with contextlib.suppress(StoreError):  # what is not given back is found again when its lease ends
                for owner, numbers in self._leases.items():
                    await self.inbox.release(sorted(numbers), owner)
            self._leases.clear()

    async def _renew(self) -> None:
        while True:
            await self._clock.sleep_until(self._clock.monotonic() + self.inbox.rules.lease / 3)
            await self.inbox.renew(list(self._leases))

    async def _pause(self, stop: asyncio.Event) -> None:
        """Wait until there may be something to do: the next check, a task that ended, or the end."""
        stopped = asyncio.ensure_future(stop.wait())
        next_poll = asyncio.ensure_future(self._clock.sleep_until(self._clock.monotonic() + self.rules.poll))
        try:
            await asyncio.wait({stopped, next_poll, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(stopped, next_poll)

    @property
    def _tasks(self) -> set[asyncio.Task[None]]:
        return self._handling | ({self._fetching} if self._fetching else set())

    async def _first(self, work: asyncio.Future[Any], seconds: float) -> bool:
        """Await *work* for some seconds by the clock, and tell whether it ended."""
        limit = asyncio.ensure_future(self._clock.sleep_until(self._clock.monotonic() + seconds))
        try:
            await asyncio.wait({work, limit}, return_when=asyncio.FIRST_COMPLETED)
            return work.done()
        finally:
            await _cancel(limit, work)

    # --- one round --------------------------------------------------------------------------------------------------

    async def _cycle(self, *, wait_for_more: bool = True) -> bool:
        """Do what needs no waiting, and tell whether there may be more at once."""
        self._reap()
        triaged = await self.inbox.triage(trusted=self._trusted)
        self.report.applied += triaged.applied
        self.report.current += triaged.current
        self.report.dead += triaged.dead
        began = await self._begin_fetch(wait_for_more=wait_for_more)
        handed = 0
        if len(self._handling) < self.rules.batch:
            lease = await self.inbox.lease(limit=self.rules.batch)
            handed = len(lease.jobs)
            await self._hand_on(lease)
        return bool(triaged.examined or began or handed)

    def _reap(self) -> None:
        """Drop the tasks that ended. An error of theirs is one of the store, and ends the worker."""
        ended = {task for task in self._tasks if task.done()}
        self._handling -= ended
        if self._fetching in ended:
            self._fetching = None
        for task in ended:
            task.result()

    async def _begin_fetch(self, *, wait_for_more: bool) -> bool:
        """Begin a fetch of one type, if units allow. One type is fetched at a time, so that a crash repeats little."""
        if self._fetching is not None or not self._affordable():
            return False
        now = self._clock.now()
        for waiting in await self.inbox.waiting():
            _, rests_until = self._pauses.get(waiting.record_type, (0, 0.0))
            if self._clock.monotonic() < rests_until or (wait_for_more and not is_ripe(waiting, now, self.rules)):
                continue
            lease = await self.inbox.lease(fetch=[waiting.record_type])
            if lease.jobs:
                self._leases[lease.owner] = {job.number for job in lease.jobs}
                self._fetching = asyncio.create_task(self._fetch(lease, waiting), name="tonicdm-webhooks-fetch")
                return True
        return False

    def _affordable(self) -> bool:
        """Tell whether a call would leave at once; while none would, new jobs join those that wait."""
        return self._tonic.budget.forecast(RECORD_UNITS).done_in <= AT_ONCE_SECONDS

    # --- fetching ---------------------------------------------------------------------------------------------------

    async def _fetch(self, lease: Lease, waiting: Waiting) -> None:
        """Get the records of a lease into the store, and hand its jobs on."""
        meter = Meter()
        error: Exception | None = None
        fetch = Fetch(self._tonic, self.inbox.store, TYPES[waiting.record_type], meter)
        try:
            self.report.absent += await fetch.run([job.id for job in lease.jobs], waiting)
            self._pauses.pop(waiting.record_type, None)
        except StoreError:
            raise
        except Exception as caught:  # noqa: BLE001 - what the records cause must not end the worker
            error = caught
        finally:
            self.report.dead += fetch.unkeepable
            self.report.meter.units += meter.units
            self.report.meter.calls += meter.calls
            await asyncio.shield(self._note(meter))
        outcomes = await self.inbox.outcomes(lease.owner)
        self._drop(lease.owner, [job.number for job in lease.jobs if job.number not in outcomes])
        if left := [number for number, outcome in outcomes.items() if outcome is None]:
            await self._put_off(lease.owner, left, waiting.record_type, error)
        ready = [job for job in lease.jobs if outcomes.get(job.number) is not None]
        ready = [attrs.evolve(job, outcome=outcomes[job.number]) for job in ready]
        await self._hand_on(Lease(lease.owner, ready))

    async def _note(self, meter: Meter) -> None:
        await self.inbox.store.write(lambda db: jobs.tally(db, units=meter.units, calls=meter.calls))

    async def _put_off(self, owner: str, numbers: list[int], record_type: str, error: Exception | None) -> None:
        """Give back or fail what a fetch did not settle."""
        self._drop(owner, numbers)
        if isinstance(error, (BudgetError, *NOT_THEIR_FAULT)):
            pause = 0.0
            if not isinstance(error, BudgetError):
                count = self._pauses.get(record_type, (0, 0.0))[0] + 1
                pause = min(MAX_PAUSE_SECONDS, self.rules.poll * 2**count)
                self._pauses[record_type] = (count, self._clock.monotonic() + pause)
            logger.info("%d records of %s wait on: %s", len(numbers), record_type, describe_error(error))
            await self.inbox.release(numbers, owner)
            return
        what = "the server returned an older version than the event names" if error is None else describe_error(error)
        self._count_failures(await self.inbox.fail(numbers, owner, what, attempted=False))
        logger.warning("%d records of %s could not be fetched: %s", len(numbers), record_type, what)

    # --- handing on -------------------------------------------------------------------------------------------------

    async def _hand_on(self, lease: Lease) -> None:
        """End the jobs without a handler, and begin the handlers of the others."""
        self._leases.setdefault(lease.owner, set()).update(job.number for job in lease.jobs)
        handled = {job.number: self.inbox.handlers.matching(job.type, job.record_type) for job in lease.jobs}
        unhandled = [job for job in lease.jobs if not handled[job.number]]
        known = [job.number for job in unhandled if (job.record_type and job.id) or job.type == TEST_TYPE]
        if known and await self.inbox.finish(known, lease.owner):
            self.report.done += len(known)
        nameless = [job.number for job in unhandled if job.number not in known]
        if nameless:
            self.report.dead += await self.inbox.give_up(nameless, lease.owner, NO_RECORD)
        self._drop(lease.owner, [*known, *nameless])
        for job in lease.jobs:
            if handlers := handled[job.number]:
                work = self._handle(job, lease.owner, handlers)
                self._handling.add(asyncio.create_task(work, name=f"tonicdm-webhooks-{job.number}"))

    async def _handle(self, job: Job, owner: str, handlers: Sequence[Handler]) -> None:
        """Call the handlers of one job, and end it in one transaction with what they want written."""
        begun = False
        try:
            async with self._slots:
                attempt = await self.inbox.begin(job.number, owner)
                begun = attempt is not None
                if attempt is not None:
                    await self._attempt(job, owner, handlers, attempt)
        except asyncio.CancelledError:
            # The end of the worker is no failure of the job.
            await asyncio.shield(self.inbox.release([job.number], owner, counted=begun))
            raise
        finally:
            self._drop(owner, [job.number])

    async def _attempt(self, job: Job, owner: str, handlers: Sequence[Handler], attempt: int) -> None:
        raw = await self.inbox.raw(job.record_type, job.id)
        delivery = Delivery(
            job.type,
            job.record_type,
            job.id,
            job.key,
            job.received,
            attempt,
            job.outcome == "absent",
            raw,
        )
        try:
            for handler in handlers:
                await self._call(handler, delivery)
            if await self.inbox.finish([job.number], owner, delivery._works):
                self.report.done += 1
            else:
                logger.warning("job %d: the lease ended before its handler; another worker has it", job.number)
        except StoreError as error:
            # A write that the handler queued may be at fault, or the file; if it is the file, the next line says so.
            await self._failed(job, owner, error)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its failure, not the worker's
            await self._failed(job, owner, error)

    async def _call(self, handler: Handler, delivery: Delivery) -> None:
        work = asyncio.ensure_future(_awaited(handler(delivery)))
        if not await self._first(work, self.rules.handler_timeout):
            raise TimeoutError
        if work.cancelled():
            # The handler cancelled itself. That must not pass for a stop of the worker.
            raise HandlerCancelledError
        work.result()

    async def _failed(self, job: Job, owner: str, error: Exception) -> None:
        what = describe_error(error)
        states = await self.inbox.fail([job.number], owner, what)
        self._count_failures(states)
        end = "; it is a dead letter now" if states.get(job.number) is State.DEAD else ""
        logger.warning("job %d (event %r): a handler failed: %s%s", job.number, job.key, what, end)
        logger.debug("job %d failed so:", job.number, exc_info=error)

    def _count_failures(self, states: dict[int, State]) -> None:
        self.report.failed += len(states)
        self.report.dead += sum(state is State.DEAD for state in states.values())

    def _drop(self, owner: str, numbers: Sequence[int]) -> None:
        """Note that jobs of a lease are over, so that it is renewed no longer than needed."""
        held = self._leases.get(owner)
        if held is not None:
            held.difference_update(numbers)
            if not held:
                del self._leases[owner]


def describe_error(error: BaseException) -> str:
    """Describe an error for logs and lists, without texts of servers and handlers: they may hold personal values."""
    name = storable(type(error).__name__)
    if isinstance(error, APIError):
        return storable(f"{name}: {error.method} {error.path} answered {error.status}")
    if isinstance(error, TonicDMError):
        first = storable(str(error)).partition("\n")[0]
        return f"{name}: {first}" if first else name
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return name
    return storable(f"{name} at {pathlib.PurePath(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}")


async def _awaited(work: Any) -> None:
    await work


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    """End tasks and wait until they have."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
