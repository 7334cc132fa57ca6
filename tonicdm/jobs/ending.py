"""The end of a job in the tables of the queue: its own worker notes it, and putting it back is one statement."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, LiteralString

import procrastinate
from procrastinate import exceptions, jobs, manager

from tonicdm.jobs import tables
from tonicdm.jobs.rules import PutBack

MAX_SECONDS: Final = 60.0
"""Seconds for which the end of a job is tried to be noted; its worker's heartbeat is missed sooner than that."""
PAUSE_SECONDS: Final = 1.0

logger: Final = logging.getLogger("tonicdm")


class Manager(manager.JobManager):
    """Ends jobs so that one which another worker has taken over meanwhile is left to that one.

    The library's own statements end a job whoever has it: a worker that was cut off, and whose job was taken to be
    stalled, would then delete what is waiting or running elsewhere.

    Args:
        connector: To the database.
        ending: Returns how a job goes back into its queue, or why it failed; None where it is done.
    """

    def __init__(self, connector: procrastinate.BaseConnector, ending: Callable[[int], PutBack | str | None]) -> None:
        super().__init__(connector)
        self._ending = ending

    async def finish_job(self, job: jobs.Job, status: jobs.Status, delete_job: bool) -> None:  # noqa: FBT001 - theirs
        """End a job that this worker has: delete it, keep it as failed, or put it back."""
        ending = self._ending(job.id or 0)
        back = ending if isinstance(ending, PutBack) else None
        mine = {"id": job.id, "worker": job.worker_id}
        if back is not None and status is jobs.Status.SUCCEEDED:
            ended = await self._run(tables.PUT_BACK, **mine, **put_values(back))
        elif delete_job:
            ended = await self._run(tables.DROP_DONE, **mine)
        else:
            reason = ending if isinstance(ending, str) else "was cancelled"
            ended = await self._run(tables.END, **mine, status=status.value, reason=reason)
        if not ended and back is None:
            logger.warning("job %s was taken over by another worker; that one ends it", job.id)

    async def _run(self, query: LiteralString, **values: object) -> bool:
        """Run a statement; where the database is away, again and again for as long as this worker counts as alive.

        A job that its living worker could not end would stay as it is for ever.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + MAX_SECONDS
        while True:
            try:
                return bool(list(await self.connector.execute_query_all_async(query, **values)))
            except exceptions.ConnectorException:
                if loop.time() >= until:
                    raise
                await asyncio.sleep(PAUSE_SECONDS)


def put_values(back: PutBack) -> dict[str, object]:
    """Return the values of a job that goes into the queue."""
    job = back.job
    return {
        "queue": job.kind.value,
        "task": job.kind.task,
        "priority": job.kind.priority,
        "lock": job.lock,
        "waiting_lock": job.waiting_lock,
        "args": job.arguments,
        "seconds": back.seconds,
    }
