"""The inbox: events in the store's file, each taking effect once for each record that it names."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

import attrs

from tonicdm.clock import Clock, SystemClock
from tonicdm.store.database import Database, Lock
from tonicdm.store.rows import SOFT_DELETED
from tonicdm.store.store import Store
from tonicdm.webhooks import jobs, mending
from tonicdm.webhooks.event import Event
from tonicdm.webhooks.handlers import H, Handlers
from tonicdm.webhooks.jobs import Job, Triage, records_in, reread, triage
from tonicdm.webhooks.listing import Entry, Filter, InboxStats, find, stats
from tonicdm.webhooks.payload import PayloadReader, TolerantReader
from tonicdm.webhooks.rules import InboxRules, State, Waiting

MAX_JOBS: Final = 10_000
"""Jobs that one statement by hand, or one lease for a fetch, takes at most."""


@attrs.frozen
class Lease:
    """Jobs that a worker has, as long as it renews them."""

    owner: str
    """Names this lease; what is done under it counts only while it holds."""
    jobs: list[Job]


class Inbox:
    """Events waiting in a store, and what has become of them.

    The receiver and the worker may be one process or two: both open the same file.

    Args:
        store: The file.
        rules: Attempts, leases and retention.
        reader: Reads bodies; the one that the receiver has.
        handlers: Functions to call for events; `on` adds to them.
        clock: Time; the machine's unless given.
    """

    def __init__(
        self,
        store: Store,
        *,
        rules: InboxRules | None = None,
        reader: PayloadReader | None = None,
        handlers: Handlers | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.store: Store = store
        self.rules: InboxRules = rules or InboxRules()
        self.reader: PayloadReader = reader or TolerantReader()
        self.handlers: Handlers = handlers or Handlers()
        self.clock: Clock = store.clock(clock or SystemClock())
        self._chance = random.random

    def on(self, pattern: str) -> Callable[[H], H]:
        """Register a handler, as `Handlers.on` does."""
        return self.handlers.on(pattern)

    async def receive(self, events: Sequence[Event]) -> list[bool]:
        """Store events in one transaction; on return they survive the loss of power.

        Returns:
            For each, whether it is new; a duplicate of one that is known is only counted.

        Raises:
            StoreError: Nothing was stored.
        """
        read = [list(records_in(event.body, self.reader).values()) for event in events]

        def work(db: Database) -> list[bool]:
            return [jobs.receive(db, event, records) for event, records in zip(events, read, strict=True)]

        return await self.store.write(work, durable=True)

    # --- for the worker ---------------------------------------------------------------------------------------------

    async def triage(self, *, trusted: bool, limit: int = 50) -> Triage:
        """Settle what events carry themselves, without a unit, see `jobs.triage`.

        Few at a time: a receiver in another process waits for the file meanwhile, and its senders for the receiver.
        """

        def work(db: Database) -> Triage:
            now = self.clock.now()
            mending.mend_times(db, now, self.rules)
            triaged = triage(db, self.reader, trusted=trusted, limit=limit, now=now)
            jobs.tally(db, applied=triaged.applied)
            return triaged

        return await self.store.write(work)

    async def waiting(self) -> list[Waiting]:
        """Return what waits to be fetched, by type; the type with the oldest event first."""
        now = self.clock.now()
        return await self.store.read(lambda db: jobs.waiting(db, now))

    async def lease(self, *, fetch: Collection[str] | None = None, limit: int = MAX_JOBS) -> Lease:
        """Lease what is due: the earliest open job of each record, while none of that record is leased.

        Args:
            fetch: Types whose records are to be fetched; None takes what needs no fetch.
            limit: At most so many.
        """
        owner = secrets.token_hex(8)

        def work(db: Database) -> list[Job]:
            now = self.clock.now()
            mending.mend_leases(db, now, self.rules)
            jobs.expire(db, now, self.rules)
            jobs.settle_older(db, fetch or ())
            return jobs.lease(db, owner, now, now + self.rules.lease, fetchable=fetch, limit=limit)

        return Lease(owner, await self.store.write(work, lock=Lock.LEASE))

    async def renew(self, owners: Collection[str]) -> None:
        """Show that the worker which holds these leases is alive."""
        if owners:
            await self.store.write(lambda db: jobs.renew(db, owners, self.clock.now() + self.rules.lease))

    async def begin(self, number: int, owner: str) -> int | None:
        """Count an attempt at a job and return its number; None where the lease is lost."""
        return await self.store.write(lambda db: jobs.begin(db, number, owner))

    async def finish(
        self, numbers: Sequence[int], owner: str, works: Sequence[Callable[[Database], object]] = ()
    ) -> bool:
        """Note that jobs are done, together with what else is to be written, in one transaction.

        Returns:
            Whether the lease of all still held; else nothing was written.
        """

        def work(db: Database) -> None:
            if jobs.finish(db, numbers, owner, self.clock.now()) < len(numbers):
                raise _LeaseLostError
            for write in works:
                write(db)

        try:
            await self.store.write(work)
        except _LeaseLostError:
            return False
        return True

    async def fail(self, numbers: Iterable[int], owner: str, error: str, *, attempted: bool = True) -> dict[int, State]:
        """Put jobs off, or give them up after their last attempt.

        Args:
            numbers: Which.
            owner: The lease they are held by; those that it does not hold any more are left alone.
            error: What happened, without anything personal.
            attempted: Whether `begin` has counted the attempt.

        Returns:
            What became of each.
        """

        def work(db: Database) -> dict[int, State]:
            now, states = self.clock.now(), dict[int, State]()
            for number in numbers:
                if not attempted:
                    jobs.begin(db, number, owner)
                state = jobs.fail(db, number, owner, error, now, self.rules, self._chance())
                if state is not None:
                    states[number] = state
            return states

        return await self.store.write(work)

    async def release(self, numbers: Sequence[int], owner: str, *, after: float = 0.0, counted: bool = False) -> None:
        """Give jobs back that did not fail by their own fault, to be leased again *after* so many seconds."""
        await self.store.write(lambda db: jobs.release(db, numbers, owner, self.clock.now() + after, counted=counted))

    async def give_up(self, numbers: Sequence[int], owner: str, why: str) -> int:
        """Make dead letters of leased jobs that no further attempt would help; return how many."""
        return await self.store.write(lambda db: jobs.give_up(db, numbers, owner, why, self.clock.now()))

    async def outcomes(self, owner: str) -> dict[int, str | None]:
        """Return how the store got the records of the jobs of a lease, by number."""
        return await self.store.read(lambda db: jobs.outcomes(db, owner))

    async def raw(self, record_type: str, record_id: str) -> str | None:
        """Return a record as the store has it; None where it is not there, or is gone."""
        sql = "SELECT raw FROM record WHERE type = ? AND id = ? AND (deleted_at IS NULL OR reason = ?)"
        rows = await self.store.query(sql, (record_type, record_id, SOFT_DELETED))
        return rows[0][0] if rows else None

    async def cleanup(self) -> tuple[int, int]:
        """Delete bodies and keys that are kept for long enough; return how many of each."""
        return await self.store.write(lambda db: jobs.cleanup(db, self.clock.now(), self.rules))

    # --- for people -------------------------------------------------------------------------------------------------

    async def find(self, chosen: Filter | None = None, *, limit: int = 100) -> list[Entry]:
        """Return jobs, the newest first.

        Args:
            chosen: Which; all unless given.
            limit: At most so many.
        """
        return await self.store.read(lambda db: find(db, chosen or Filter(), limit))

    async def body(self, key: str) -> bytes | None:
        """Return the body of an event, which may hold personal data; None where it is gone or never was."""
        rows = await self.store.query("SELECT body FROM event WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    async def replay(self, chosen: Filter) -> int:
        """Make dead or done jobs open again, with all attempts before them; return how many."""

        def work(db: Database, numbers: list[int]) -> int:
            reread(db, numbers, self.reader)
            return jobs.replay(db, numbers, self.clock.now())

        return await self._all(chosen, work)

    async def purge(self, chosen: Filter) -> int:
        """Forget dead or done jobs and their events; return how many.

        An event that comes again after that is new.
        """
        return await self._all(chosen, jobs.purge)

    async def stats(self) -> InboxStats:
        """Return how many jobs are in which state, and what the inbox has cost so far."""
        return await self.store.read(lambda db: stats(db, self.clock.now()))

    async def _all(self, chosen: Filter, work: Callable[[Database, list[int]], int]) -> int:
        """Apply *work* to all jobs of a filter that have ended, by parts, so that nobody waits long for the file."""
        ended, count = attrs.evolve(chosen, ended=True), 0
        numbers = await self.store.read(lambda db: [entry.number for entry in find(db, ended, None)])
        for start in range(0, len(numbers), MAX_JOBS):
            part = numbers[start : start + MAX_JOBS]
            count += await self.store.write(lambda db, part=part: work(db, part))  # type: ignore[misc]
        return count


class _LeaseLostError(Exception):
    """Rolls a transaction back."""
