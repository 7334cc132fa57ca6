"""One pace and one cooldown for the clients of several hosts, in a database."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from tonicdm.clock import SET_TOLERANCE_SECONDS, Clock, ClockWatch
from tonicdm.databases import leave_to_parent
from tonicdm.errors import ConfigError, StoreError
from tonicdm.rhythm import database
from tonicdm.rhythm.database import SCHEMA, SETTINGS, RhythmDatabase
from tonicdm.rhythm.throttle import Leave, Throttle, ThrottleRules, cooldown

if TYPE_CHECKING:
    import psycopg

logger: Final = logging.getLogger("tonicdm")
T = TypeVar("T")

LOOK_SECONDS: Final = 1.0
"""Seconds after which an attempt that had its turn looks again whether another host met a 429."""
AGAIN_SECONDS: Final = 5.0
"""Seconds for which a database that could not be reached is not looked for; calls go on without it meanwhile."""

_TABLE: Final = f"{SCHEMA}.throttle"
_TURN: Final = f"""
    WITH clock AS MATERIALIZED (SELECT {{time}} AS now)
    INSERT INTO {_TABLE} AS held (key, next_at, used_at) SELECT %(key)s, now + %(step)s, now FROM clock
    ON CONFLICT (key) DO UPDATE SET (next_at, used_at) = (
        SELECT CASE
            WHEN was_set OR held.opens_at > now THEN held.next_at ELSE greatest(held.next_at, now) + %(step)s
        END, CASE WHEN was_set THEN held.used_at ELSE now END
        FROM (
            SELECT now, coalesce(held.used_at > now + %(tolerance)s OR (
                now > %(expected)s::float8 + %(tolerance)s AND held.used_at <= %(expected)s::float8 + %(tolerance)s
            ), false) AS was_set FROM clock
        ) AS looked
    )
    RETURNING held.next_at - %(step)s - %(ahead)s - (SELECT now FROM clock),
        held.opens_at - (SELECT now FROM clock), held.consecutive, held.used_at, (SELECT now FROM clock)
"""  # noqa: S608 - names of ours
"""Takes a turn; where the database's clock was set since the row was used, see `_set_by`, nothing is changed."""
_LOOK: Final = f"SELECT opens_at, used_at, {{time}} FROM {_TABLE} WHERE key = %(key)s"  # noqa: S608
_MAKE: Final = f"INSERT INTO {_TABLE} (key) VALUES (%(key)s) ON CONFLICT (key) DO NOTHING"  # noqa: S608
_LOCK: Final = f"SELECT limited_at, consecutive, used_at, {{time}} FROM {_TABLE} WHERE key = %(key)s FOR UPDATE"  # noqa: S608
_MOVE: Final = f"""
    UPDATE {_TABLE} SET next_at = next_at + %(by)s, opens_at = opens_at + %(by)s, limited_at = limited_at + %(by)s,
    used_at = %(now)s WHERE key = %(key)s
"""  # noqa: S608 - names of ours
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

    A call costs one statement. All times are the database's, so the hosts' clocks do not matter; if that one is set,
    what stands in the row moves with it. Where the database is away, calls go on at the pace of this client alone and
    keep the cooldowns that it knows of, and the log says so.

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
        self._watch = ClockWatch(clock.monotonic)
        self._away = False
        self._again_at = float("-inf")
        self._is_closed = False
        self._pid = os.getpid()
        self._executor: ThreadPoolExecutor | None = None
        self._connection: psycopg.Connection[Any] | None = None

    async def close(self) -> None:
        """Close the connection."""
        self._is_closed = True
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
        wait, closed, consecutive, used_at, now = self._take_turn(connection)
        if used_at != now:
            self._lock(connection)
            wait, closed, consecutive, _, now = self._take_turn(connection)
        self._watch.read(now)
        return _Turn(float(wait), float(closed), int(consecutive))

    def _take_turn(self, connection: psycopg.Connection[Any]) -> tuple[float, float, int, float, float]:
        more = {
            "step": self._step,
            "ahead": (self.rules.burst - 1) * self._step,
            "expected": self._watch.now(),
            "tolerance": SET_TOLERANCE_SECONDS,
        }
        return self._execute(connection, _TURN, **more).fetchone() or (0.0, 0.0, 0, 0.0, 0.0)

    def _look(self, connection: psycopg.Connection[Any]) -> float:
        row = self._execute(connection, _LOOK).fetchone()
        if row is None:
            return 0.0
        opens_at, used_at, now = row
        if by := self._set_by(used_at, now):
            self._lock(connection)
        return float(opens_at + by - now)

    def _close_for_all(self, connection: psycopg.Connection[Any], named: float | None, sent_at: float) -> float:
        self._execute(connection, _MAKE)
        limited_at, consecutive, now = self._lock(connection)
        # What was under way when the first 429 came says nothing new, on whatever host.
        if not limited_at or self._sent(sent_at, now) > limited_at:
            consecutive += 1
        until = now + cooldown(self.rules, consecutive, named, self._chance())
        row = self._execute(connection, _CLOSE, now=now, consecutive=consecutive, until=until).fetchone()
        (left,) = row or (0.0,)
        self._consecutive = consecutive
        return float(left)

    def _end_row(self, connection: psycopg.Connection[Any], sent_at: float) -> None:
        limited_at, _, now = self._lock(connection)
        if self._sent(sent_at, now) > limited_at:
            self._execute(connection, _END)

    def _lock(self, connection: psycopg.Connection[Any]) -> tuple[float, int, float]:
        """Lock the row, with its times as the database's clock has them now; return what is known of 429s, and now."""
        limited_at, consecutive, used_at, now = self._execute(connection, _LOCK).fetchone() or (0.0, 0, 0.0, 0.0)
        by = self._set_by(used_at, now)
        self._watch.read(now)
        if by:
            self._execute(connection, _MOVE, by=by, now=now)
        return limited_at + by, consecutive, now

    def _set_by(self, used_at: float, now: float) -> float:
        """Return by how many seconds the database's clock was set since the row was used; mostly 0.

        It was set back if the row was used at a time to come; then any client knows. It was set forward if it shows
        more than this client expects and nobody has used the row since. A client that stood still takes its own pause
        for that, and a cooldown lasts for as much longer.
        """
        expected = self._watch.now()
        if used_at > now + SET_TOLERANCE_SECONDS:
            return now - used_at
        if expected is None or not used_at <= expected + SET_TOLERANCE_SECONDS < now:
            return 0.0
        return now - expected

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
        if self._is_closed:
            return None
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
                connection = self._connection = self._connect()
            with connection.pipeline(), connection.transaction():
                for setting in SETTINGS:
                    connection.execute(setting.encode())
                return ask(connection)

    def _connect(self) -> psycopg.Connection[Any]:
        if self.clock.monotonic() < self._again_at:
            raise StoreError(self._place.where, "could not be reached a moment ago")
        try:
            return self._place.connect()
        except BaseException:
            self._again_at = self.clock.monotonic() + AGAIN_SECONDS
            raise

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _leave_to_parent(self) -> None:
        """Take a thread and a connection of its own in a forked child."""
        if self._connection is not None:
            leave_to_parent(self._connection)
        self._executor, self._connection, self._pid = None, None, os.getpid()
