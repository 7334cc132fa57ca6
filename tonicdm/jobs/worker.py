"""A worker: takes jobs from the queue until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from tonicdm.errors import ConfigError, TonicDMError
from tonicdm.jobs import work
from tonicdm.jobs.queue import EXPORT, QUEUE, SYNC, JobQueue
from tonicdm.jobs.rules import put_back

logger: Final = logging.getLogger("tonicdm")

HEARTBEAT_SECONDS: Final = 10.0
STALLED_SECONDS: Final = 30.0
"""Seconds without a heartbeat after which a worker's jobs are put back."""
CARE_SECONDS: Final = 15.0
"""How often due tenants are submitted and the jobs of dead workers put back."""
GRACE_SECONDS: Final = 120.0
"""Seconds that running jobs have to end behind their step; then they are cancelled."""


async def run_worker(
    database: str,
    *,
    concurrency: int = 4,
    host: str = "127.0.0.1",
    port: int | None = None,
    wait: bool = True,
    stop: asyncio.Event | None = None,
) -> None:
    """Work jobs off until SIGTERM or SIGINT; then running ones end behind the step under way, and go on elsewhere.

    Args:
        database: ``postgresql://…``, in which the queue, the budgets and the copies are.
        concurrency: Jobs at once.
        host: Where /healthz and /metrics are served.
        port: The same; None for nowhere.
        wait: Whether to wait for more when the queue is empty.
        stop: Ends the worker as SIGTERM does.

    Raises:
        ConfigError: *database* is no URL of PostgreSQL, or the extra is missing.
        StoreError: The database has no tables for jobs.
    """
    async with JobQueue(database) as queue:
        await queue.counts()  # says at once what is wrong with the database
        worker = _Worker(queue, stop or asyncio.Event())
        worker.register()
        async with contextlib.AsyncExitStack() as stack:
            if port is not None:
                await stack.enter_async_context(_served(queue, host, port))
            await worker.run(concurrency, wait=wait)


class _Worker:
    """Runs the tasks of one process."""

    def __init__(self, queue: JobQueue, stop: asyncio.Event) -> None:
        self.queue = queue
        self.stop = stop

    def register(self) -> None:
        """Tell procrastinate which function does which task."""
        database, app = self.queue.database, self.queue.app

        async def sync(tenant: str, what: str, failures: int = 0, reason: str = "") -> None:  # noqa: ARG001
            async def run() -> Any:
                return await work.sync_type(await self.queue.tenant(tenant), what, database, stopping=self.stop.is_set)

            await self._attempt(SYNC, tenant, what, failures, run)

        async def export(tenant: str, what: str, failures: int = 0, reason: str = "") -> None:  # noqa: ARG001
            async def run() -> Any:
                return await work.export_copy(await self.queue.tenant(tenant), what, database)

            await self._attempt(EXPORT, tenant, what, failures, run)

        for name, function in ((SYNC, sync), (EXPORT, export)):
            app.task(name=name, queue=QUEUE)(function)

    async def _attempt(
        self, task: str, tenant: str, what: str, failures: int, run: Callable[[], Awaitable[Any]]
    ) -> None:
        """Do a job; put it back where it can go on later."""
        try:
            done = await run()
        except work.YieldedError:
            await self.queue.put(task, tenant, what, failures=failures, reason="made way for others")
        except TonicDMError as error:
            back = put_back(error, failures, datetime.datetime.now(datetime.UTC))
            if back is None:
                logger.error("%s of %s, %s, is given up: %s", task, tenant, what, error)  # noqa: TRY400 - it says all
                raise
            logger.info("%s of %s, %s, %s until %s", task, tenant, what, back.reason, back.at)
            await self.queue.put(task, tenant, what, at=back.at, failures=back.failures, reason=back.reason)
        else:
            logger.info("%s of %s, %s, is done: %s", task, tenant, what, done)

    async def run(self, concurrency: int, *, wait: bool) -> None:
        """Work until the end."""
        care = asyncio.create_task(self._care(), name="tonicdm-jobs-care")
        ending = asyncio.create_task(self.stop.wait(), name="tonicdm-jobs-stop")
        try:
            await self._work(concurrency, ending, wait=wait)
            # A tenant's jobs go one after another, so the last of them may have become free meanwhile.
            while not wait and not self.stop.is_set() and await self.queue.ready():
                await self._work(concurrency, ending, wait=False)
        finally:
            for task in (care, ending):
                task.cancel()
            await asyncio.gather(care, ending, return_exceptions=True)

    async def _work(self, concurrency: int, ending: asyncio.Task[Any], *, wait: bool) -> None:
        running = asyncio.create_task(
            self.queue.app.run_worker_async(
                queues=[QUEUE],
                concurrency=concurrency,
                wait=wait,
                delete_jobs="successful",
                install_signal_handlers=False,
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=STALLED_SECONDS,
                shutdown_graceful_timeout=GRACE_SECONDS,
                fetch_job_polling_interval=1.0,
            ),
            name="tonicdm-jobs-worker",
        )
        await asyncio.wait({running, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            running.cancel()  # the library ends gracefully when its run is cancelled
        with contextlib.suppress(asyncio.CancelledError):
            await running

    async def _care(self) -> None:
        while not self.stop.is_set():
            try:
                await self.queue.rescue(STALLED_SECONDS)
                await self.queue.submit_due()
            except TonicDMError as error:
                logger.warning("the queue could not be looked after (%s); again in %g s", error, CARE_SECONDS)
            await work.wait_or(self.stop, CARE_SECONDS)


@contextlib.asynccontextmanager
async def _served(queue: JobQueue, host: str, port: int) -> AsyncGenerator[None]:
    """Serve /healthz and /metrics."""

    async def healthz(_request: web.Request) -> web.Response:
        try:
            await queue.counts()
        except TonicDMError as error:
            return web.Response(status=503, text=f"{error}\n")
        return web.Response(text="ok\n")

    async def metrics(_request: web.Request) -> web.Response:
        counts = await queue.counts()
        lines = ["# HELP tonicdm_jobs Jobs by state.", "# TYPE tonicdm_jobs gauge"]
        lines += [f'tonicdm_jobs{{status="{status}"}} {number}' for status, number in sorted(counts.items())]
        return web.Response(text="\n".join(lines) + "\n")

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ConfigError(f"{host}:{port} can't be served: {error.strerror}. No job was taken") from error
        yield
    finally:
        await runner.cleanup()
