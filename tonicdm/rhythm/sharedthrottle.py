"""One pace and one cooldown for the clients of several hosts, in a database."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from tonicdm.budget.ledgers.postgresql import leave_to_parent
from tonicdm.clock import Clock
from tonicdm.errors import ConfigError, StoreError
from tonicdm.rhythm import database
from tonicdm.rhythm.database import SCHEMA, STATEMENT_MS, RhythmDatabase
from tonicdm.rhythm.throttle import Leave, Throttle, ThrottleRules, cooldown

if TYPE_CHECKING:
    import psycopg

logger: Final = logging.getLogger("tonicdm")
T = TypeVar("T")

LOOK_SECONDS: Final = 1.0
"""Seconds after which an attempt that had its turn looks again whether another host met a 429."""

_TABLE: Final = f"{SCHEMA}.throttle"
_TURN: Final = f"""
    WITH clock AS MATERIALIZED (SELECT {{time}} AS now)
    INSERT INTO {_TABLE} AS held (key, next_at) SELECT %(key)s, now + %(step)s FROM clock
    ON CONFLICT (key) DO UPDATE SET next_at = CASE
        WHEN held.opens_at > (SELECT now FROM clock) THEN held.next_at
        ELSE greatest(held.next_at, (SELECT now FROM clock)) + %(step)s END
    RETURNING held.next_at - %(step)s - %(ahead)s - (SELECT now FROM clock),
        held.opens_at - (SELECT now FROM clock), held.consecutive
"""  # noqa: S608 - names of ours
_LOOK: Final = f"SELECT opens_at - {{time}} FROM {_TABLE} WHERE key = %(key)s"  # noqa: S608
_MAKE: Final = f"INSERT INTO {_TABLE} (key) VALUES (%(key)s) ON CONFLICT (key) DO NOTHING"  # noqa: S608
_LOCK: Final = f"SELECT limited_at, consecutive, {{time}} FROM {_TABLE} WHERE key = %(key)s FOR UPDATE"  # noqa: S608
_CLOSE: Final = f"""
    UPDATE {_TABLE} SET limited_at = %(now)s, consecutive = %(consecutive)s, opens_at = greatest(opens_at, %(until)s)
    WHERE key = %(key)s RETURNING opens_at - %(now)s
"""  # noqa: S608 - names of ours
_END: Final = f"UPDATE {_TABLE} SET consecutive = 0 WHERE key = %(key)s"  # noqa: S608


@attrs.frozen
class _Turn:
    """What the database said of an attempt's turn."""

    wait: float
    """Seconds until it."""
    closed: float
    """Seconds for which nothing may be sent; then there is no turn yet."""
    consecutive: int


class SharedThrottle(Throttle):
    """A throttle whose pace and cooldown hold for all clients of a tenant, on whatever host.

    A call costs one statement. All times are the database's, so the hosts' clocks do not matter. Where the database is
    away, calls go on at the pace of this client alone and keep the cooldowns that it knows of, and the log says so.

    Args:
        clock: Time.
        rules: How fast, and how to step back; to be the same for all.
        place: The database.
        key: Whose calls these are.
    """

    def __init__(self, clock: Clock, rules: ThrottleRules | None, place: RhythmDatabase, key: str) -> None:
        super().__init__(clock, rules)
        self._place = place
        self._key = key
        rate = self.rules.calls_per_second
        self._step = 0.0 if rate is None else 1.0 / rate
        self._looked_at = float("-inf")
        self._consecutive = 0
        self._away = False
        self._pid = os.getpid()
        self._executor: ThreadPoolExecutor | None = None
        self._connection: psycopg.Connection[Any] | None = None

    async def close(self) -> None:
        """Close the connection."""
        if self._executor is not None and self._pid == os.getpid():
            executor, self._executor = self._executor, None
            executor.submit(self._disconnect)
            await asyncio.to_thread(executor.shutdown)

    # --- what a throttle does -----------------------------------------------------------------------------------

    async def _pace(self, leave: Leave) -> None:
        while True:
            turn = await self._asked(self._turn)
            if turn is None:
                await super()._pace(leave)
                return
            self._consecutive = turn.consecutive
            self._closed(turn.closed)
            if self.cooldown_left <= 0:
                if turn.wait > 0:
                    await self.clock.sleep_until(self.clock.monotonic() + turn.wait)
                if await self._is_open():
                    return
            await self._cooldown_over(leave)

    async def _is_open(self) -> bool:
        if self.cooldown_left <= 0 and self.clock.monotonic() - self._looked_at > LOOK_SECONDS:
            self._closed(await self._asked(self._look) or 0.0)
        return self.cooldown_left <= 0

    async def _refused(self, named: float | None, sent_at: float) -> None:
        await super()._refused(named, sent_at)
        self._closed(await self._asked(lambda connection: self._close_for_all(connection, named, sent_at)) or 0.0)

    async def _succeeded(self, sent_at: float) -> None:
        await super()._succeeded(sent_at)
        if self._consecutive:
            self._consecutive = 0
            await self._asked(lambda connection: self._end_row(connection, sent_at))

    def _closed(self, seconds: float) -> None:
        self._looked_at = self.clock.monotonic()
        self._opens_at = max(self._opens_at, self._looked_at + seconds)

    # --- statements, on the thread ------------------------------------------------------------------------------

    def _turn(self, connection: psycopg.Connection[Any]) -> _Turn:
        ahead = (self.rules.burst - 1) * self._step
        wait, closed, consecutive = self._execute(connection, _TURN, step=self._step, ahead=ahead).fetchone() or (
            0,
            0,
            0,
        )
        return _Turn(float(wait), float(closed), int(consecutive))

    def _look(self, connection: psycopg.Connection[Any]) -> float:
        row = self._execute(connection, _LOOK).fetchone()
        return 0.0 if row is None else float(row[0])

    def _close_for_all(self, connection: psycopg.Connection[Any], named: float | None, sent_at: float) -> float:
        self._execute(connection, _MAKE)
        limited_at, consecutive, now = self._execute(connection, _LOCK).fetchone() or (0.0, 0, 0.0)
        # What was under way when the first 429 came says nothing new, on whatever host.
        if not limited_at or self._sent(sent_at, now) > limited_at:
            consecutive += 1
        until = now + cooldown(self.rules, consecutive, named, self._chance())
        row = self._execute(connection, _CLOSE, now=now, consecutive=consecutive, until=until).fetchone()
        (left,) = row or (0.0,)
        self._consecutive = consecutive
        return float(left)

    def _end_row(self, connection: psycopg.Connection[Any], sent_at: float) -> None:
        limited_at, _, now = self._execute(connection, _LOCK).fetchone() or (0.0, 0, 0.0)
        if self._sent(sent_at, now) > limited_at:
            self._execute(connection, _END)

    def _sent(self, sent_at: float, now: float) -> float:
        """Return when a call was sent by the database's clock, which has just shown *now*; rather too early."""
        return now - (self.clock.monotonic() - sent_at)

    def _execute(self, connection: psycopg.Connection[Any], sql: str, **values: Any) -> psycopg.Cursor[Any]:
        return connection.execute(sql.format(time=database.TIME).encode(), {"key": self._key, **values})

    # --- the thread ---------------------------------------------------------------------------------------------

    async def _asked(self, ask: Callable[[psycopg.Connection[Any]], T]) -> T | None:
        """Return what the database says; None where it is away."""
        if self._pid != os.getpid():
            self._leave_to_parent()
        if self._executor is None:
            self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tonicdm-throttle")
        try:
            said = await asyncio.get_running_loop().run_in_executor(self._executor, self._try, ask)
        except (StoreError, ConfigError) as error:
            if not self._away:
                logger.warning("the pace is not shared now, and each client keeps its own: %s", error)
            self._away = True
            return None
        if self._away:
            logger.warning("the pace is shared again, in %s", self._place.where)
        self._away = False
        return said

    def _try(self, ask: Callable[[psycopg.Connection[Any]], T]) -> T:
        with self._place.errors():
            connection = self._connection
            if connection is None or connection.closed:
                connection = self._connection = self._place.connect()
            with connection.pipeline(), connection.transaction():
                connection.execute(f"SET LOCAL statement_timeout = {STATEMENT_MS}".encode())
                return ask(connection)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _leave_to_parent(self) -> None:
        """Take a thread and a connection of its own in a forked child."""
        if self._connection is not None:
            leave_to_parent(self._connection)
        self._executor, self._connection, self._pid = None, None, os.getpid()
