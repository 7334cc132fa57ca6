"""``/healthz`` and ``/metrics`` of a worker."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import AsyncGenerator
from typing import Final

from aiohttp import web

from tonicdm.errors import ConfigError, TonicDMError
from tonicdm.jobs.opening import OpenTenants
from tonicdm.jobs.queue import JobQueue
from tonicdm.monitoring import instruments
from tonicdm.monitoring.readings import Reading, read_budget
from tonicdm.monitoring.web import add_endpoints

ANSWER_SECONDS: Final = 3.0
"""Seconds that the database has for an answer; whoever asks a worker for its health does not wait for long."""


async def read_queue(queue: JobQueue, alive_seconds: float) -> list[Reading]:
    """Return how many jobs are in which queue and state, how late they are, and how many workers there are.

    Args:
        queue: The queue.
        alive_seconds: Seconds within which a worker has to have shown a sign of life.
    """
    readings = [Reading(instruments.WORKERS, await queue.workers(alive_seconds))]
    late: dict[str, float] = {}
    for part in await queue.figures():
        which = {instruments.QUEUE: part.queue, instruments.STATE: part.status}
        readings.append(Reading(instruments.JOBS, part.jobs, which))
        late[part.queue] = max(late.get(part.queue, 0.0), part.late)
    readings += [Reading(instruments.JOBS_LATE, round(late[name], 1), {instruments.QUEUE: name}) for name in late]
    return readings


@contextlib.asynccontextmanager
async def served(
    queue: JobQueue, tenants: OpenTenants, host: str, port: int, *, alive_seconds: float
) -> AsyncGenerator[None]:
    """Serve both paths for as long as the block lasts.

    Args:
        queue: What is told of; healthy is who can read it.
        tenants: Those that this worker works for now; their budgets are told of too.
        host: Where to listen.
        port: The same.
        alive_seconds: As for `read_queue`.

    Raises:
        ConfigError: The address can't be had.
    """

    async def trouble() -> str | None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await queue.now()
        except TonicDMError as error:
            return str(error)
        except TimeoutError:
            return f"{queue.where} does not answer within {ANSWER_SECONDS:g} s"
        return None

    async def read() -> list[Reading]:
        readings = []
        with contextlib.suppress(TonicDMError, TimeoutError):  # /healthz says what is wrong
            async with asyncio.timeout(ANSWER_SECONDS):
                readings += await read_queue(queue, alive_seconds)
        budgets = tenants.budgets()
        # Each look may have to wait for the database.
        snapshots = await asyncio.gather(*(asyncio.to_thread(budget.snapshot) for budget in budgets.values()))
        for (name, budget), snapshot in zip(budgets.items(), snapshots, strict=True):
            now = datetime.datetime.fromtimestamp(budget.clock.now(), datetime.UTC)
            readings += read_budget(snapshot, now, name)
        return readings

    app = web.Application()
    add_endpoints(app, trouble, read)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(f"{host}:{port} can't be served: {reason}. No job was taken") from error
        yield
    finally:
        await runner.cleanup()
