"""A worker: takes jobs from the queue until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from tonicdm.errors import StoreError, TonicDMError
from tonicdm.jobs.kinds import QUEUES, Job, Kind, kind_of
from tonicdm.jobs.opening import OpenTenants
from tonicdm.jobs.queue import JobQueue
from tonicdm.jobs.rules import PutBack
from tonicdm.jobs.serving import served
from tonicdm.jobs.work import Work, wait_or
from tonicdm.webhooks.handlers import Handlers
from tonicdm.webhooks.worker import describe_error

if TYPE_CHECKING:
    from procrastinate import JobContext

logger: Final = logging.getLogger("tonicdm")

HEARTBEAT_SECONDS: Final = 10.0
STALLED_SECONDS: Final = 30.0
"""Seconds without a heartbeat after which a worker's jobs are put back."""
WATCHED_SECONDS: Final = 12.0
"""Seconds that a worker runs before it puts jobs back that others have: longer than from one heartbeat to the next."""
FORGET_SECONDS: Final = 86_400.0
"""Seconds after which a worker that shows no sign of life is forgotten: long after its jobs were put back.

The library forgets them when a worker begins, and takes whose heartbeat the clock has jumped over to be one of them.
"""
CARE_SECONDS: Final = 5.0
"""How often what is due is submitted, and the jobs of dead workers are put back."""
POLLING_SECONDS: Final = 1.0
"""How often a worker with a free place looks for a job that nobody told it of, such as one that was put back."""
GRACE_SECONDS: Final = 120.0
"""Seconds that running jobs have to end behind their step; then they are cancelled."""
AGAIN_SECONDS: Final = 5.0
"""Seconds after which a worker that has lost the database looks for it again."""


async def run_worker(
    database: str,
    *,
    concurrency: int = 4,
    queues: Sequence[str] = (),
    handlers: Handlers | None = None,
    read_ahead: bool = False,
    host: str = "127.0.0.1",
    port: int | None = None,
    wait: bool = True,
    stop: asyncio.Event | None = None,
) -> None:
    """Work jobs off until SIGTERM or SIGINT; then running ones end behind the step under way, and go on elsewhere.

    Args:
        database: ``postgresql://…``, in which the queue, the budgets and the copies are.
        concurrency: Jobs at once.
        queues: Take jobs of these only: ``webhooks``, ``gap-repair``, ``sync``, ``rhythm-sync``, ``export``. Each
            queue needs a worker that takes it.
        handlers: Called for the events of webhooks, of all tenants.
        read_ahead: Whether a sync and a gap repair ask for a page while the one before it is stored. The calls are
            the same; a worker that is killed may have paid for two pages of each type under way, instead of one.
        host: Where /healthz and /metrics are served.
        port: The same; None for nowhere.
        wait: Whether to wait for more when the queue is empty.
        stop: Ends the worker as SIGTERM does.

    Raises:
        ConfigError: *database* is no URL of PostgreSQL, a queue is unknown, or the extra is missing.
        StoreError: The database has no tables for jobs.
    """
    chosen = [kind_of(name).value for name in queues or QUEUES]
    async with JobQueue(database) as queue:
        await queue.figures()  # says at once what is wrong with the database
        worker = _Worker(queue, stop or asyncio.Event(), handlers, read_ahead=read_ahead)
        worker.register()
        async with contextlib.AsyncExitStack() as stack:
            if port is not None:
                await stack.enter_async_context(
                    served(queue, worker.tenants, host, port, alive_seconds=STALLED_SECONDS)
                )
            await worker.run(chosen, concurrency, wait=wait)


class _Worker:
    """Runs the jobs of one process."""

    def __init__(
        self, queue: JobQueue, stop: asyncio.Event, handlers: Handlers | None, *, read_ahead: bool = False
    ) -> None:
        self.queue = queue
        self.stop = stop
        self.numbers: dict[int, int] = {}
        """For each job that runs, the number under which this process has taken it."""
        self.tenants = OpenTenants(queue.database)
        self.work = Work(self.tenants, queue.tenant, queue.put, handlers=handlers, read_ahead=read_ahead)

    def register(self) -> None:
        """Tell procrastinate which function does which kind of job."""
        for kind in Kind:
            self.queue.app.task(name=kind.task, queue=kind.value, pass_context=True)(self._do)

    async def _do(self, context: JobContext, /, **arguments: Any) -> None:
        """Do a job. One that somebody cancels goes on to its next stored step: the call in flight is paid for."""
        number = context.job.id or 0
        self.numbers[number] = context.job.worker_id or 0
        try:
            back = await self._done(context, Job.from_queue(context.job.task_name, arguments))
        except Exception as error:
            self.queue.endings[number] = describe_error(error)
            raise
        finally:
            del self.numbers[number]
        if back is not None:
            self.queue.endings[number] = back

    async def _done(self, context: JobContext, job: Job) -> PutBack | None:
        """Return how a job goes back into the queue; None where it is done."""
        from procrastinate.job_context import AbortReason

        cancelled = False
        running = asyncio.ensure_future(self.work.do(job, lambda: cancelled or self.stop.is_set()))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            cancelled = True
            if context.abort_reason() is not AbortReason.SHUTDOWN:
                with contextlib.suppress(asyncio.CancelledError):  # the worker ends meanwhile
                    await asyncio.wait([running], timeout=GRACE_SECONDS)
            running.cancel()  # it has had its time
            while not running.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([running])
            back = PutBack(attrs.evolve(job, reason="its worker ended")) if running.cancelled() else running.result()
            if back is None or context.abort_reason() is AbortReason.SHUTDOWN:
                return back
            raise

    async def run(self, queues: Sequence[str], concurrency: int, *, wait: bool) -> None:
        """Work until the end."""
        care = asyncio.create_task(self._care(wait=wait), name="tonicdm-jobs-care")
        ending = asyncio.create_task(self.stop.wait(), name="tonicdm-jobs-stop")
        alive = asyncio.create_task(self._stay_alive(), name="tonicdm-jobs-alive")
        try:
            while not self.stop.is_set():
                try:
                    with self.queue.errors():
                        await self._work(queues, concurrency, ending, wait=wait)
                except StoreError as error:
                    logger.warning("%s; the worker looks for it again in %g s", error, AGAIN_SECONDS)
                    if not wait:
                        raise
                    await wait_or(self.stop, AGAIN_SECONDS)
                else:
                    if wait:
                        await wait_or(self.stop, 1.0)
                    elif not await self.queue.ready(queues):  # jobs may have put others
                        return
        finally:
            for task in (care, ending, alive):
                task.cancel()
            await asyncio.gather(care, ending, alive, return_exceptions=True)

    async def _work(self, queues: Sequence[str], concurrency: int, ending: asyncio.Task[Any], *, wait: bool) -> None:
        running = asyncio.create_task(
            self.queue.app.run_worker_async(
                queues=list(queues),
                concurrency=concurrency,
                wait=wait,
                delete_jobs="successful",
                install_signal_handlers=False,
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=FORGET_SECONDS,
                shutdown_graceful_timeout=GRACE_SECONDS,
                fetch_job_polling_interval=POLLING_SECONDS,
            ),
            name="tonicdm-jobs-worker",
        )
        try:
            await asyncio.wait({running, ending}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self.stop.set()
            running.cancel()
            await asyncio.wait([running])
            raise
        if not running.done():
            running.cancel()  # the library ends gracefully when its run is cancelled
        with contextlib.suppress(asyncio.CancelledError):
            await running

    async def _stay_alive(self) -> None:
        """Show signs of life while jobs run: the library shows none any more once it waits for them to end."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if self.numbers:
                with contextlib.suppress(TonicDMError):
                    await self.queue.show_life(set(self.numbers.values()))

    async def _care(self, *, wait: bool) -> None:
        # Who has not watched the database's clock can't know whether it was set over the heartbeats of the living: they
        # show new ones meanwhile. A worker that is gone by then takes what it finds.
        loop = asyncio.get_running_loop()
        watched = loop.time() + (WATCHED_SECONDS if wait else 0.0)
        while not self.stop.is_set():
            try:
                if loop.time() < watched:
                    await self.queue.mend_times()
                else:
                    await self.queue.rescue(STALLED_SECONDS)
                await self.queue.submit_due()
            except TonicDMError as error:
                logger.warning("the queue could not be looked after (%s); again in %g s", error, CARE_SECONDS)
            except Exception:
                # Without it no schedule is submitted, and no dead worker's job put back.
                logger.exception("the queue could not be looked after; again in %g s", CARE_SECONDS)
            await wait_or(self.stop, CARE_SECONDS)
