"""Fetch the records of one type that events name, by the cheapest calls, and write them to the store."""

from __future__ import annotations

import contextlib
import datetime
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from tonicdm.client import TonicDM
from tonicdm.endpoints.many import RawRecords
from tonicdm.errors import BadRequestError, OptionIgnoredError, TonicDMError
from tonicdm.plan.deletions import CONTROLS, too_many_deletions
from tonicdm.plan.refresh import Refresh, RefreshMethod, refresh
from tonicdm.plan.ties import OVERLAP
from tonicdm.store import lookup, rows, writing
from tonicdm.store.database import Database
from tonicdm.store.store import Store, outlasting
from tonicdm.store.types import RecordType
from tonicdm.store.versions import Origin, ReadStamp
from tonicdm.sync.estimate import options_for
from tonicdm.sync.facts import IDS, PAGED, UPDATED_AFTER, SyncOptions, facts_of
from tonicdm.sync.performing import DELETED, OUT_OF_SIGHT, statuses_proven
from tonicdm.sync.reader import Reader
from tonicdm.sync.report import Meter
from tonicdm.types import DataQuantity, InvalidRecord
from tonicdm.webhooks import jobs
from tonicdm.webhooks.rules import Waiting, changed_since

BASIC: Final = DataQuantity.BASIC


class UnfetchableError(TonicDMError):
    """Events name records of a type that no call can ask for by ID."""

    def __init__(self, record_type: str) -> None:
        super().__init__(f"records of {record_type} can't be asked for by ID; a sync that names the type reads them")


class UnprovenError(TonicDMError):
    """An answer by ID lacks even records that are there, so that nothing follows from it."""

    def __init__(self, record_type: str) -> None:
        super().__init__(
            f"{record_type}: filterIDs does not return records that are there; nothing was marked as deleted"
        )


class VanishedError(TonicDMError):
    """So much of a type was not returned at once that it is not believed; nothing was marked as deleted."""

    def __init__(self, record_type: str, gone: int, held: int) -> None:
        super().__init__(
            f"{record_type}: {gone:,} of {held:,} records vanished at once. Nothing was marked as deleted; if "
            "that is right, run tonicdm sync with --audit-deletions always --confirm-deletions"
        )


@attrs.define
class Fetch:
    """One fetch of the records of one type.

    Args:
        tonic: Where to read.
        store: Where to write.
        record_type: The type.
        meter: Adds up what it costs.
    """

    tonic: TonicDM
    store: Store
    record_type: RecordType
    meter: Meter
    unkeepable: int = 0
    """Jobs that are dead letters now, because what the server returns of their record can't be kept."""
    _reader: Reader = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        clock = self.store.clock(self.tonic.budget.clock)
        self._reader = Reader(self.tonic, self.record_type, self.meter, clock=clock)

    async def run(self, ids: Sequence[str], waiting: Waiting) -> int:
        """Bring the records named by *ids* up to date; return how many the server does not return.

        Each answer and what it settles are one transaction, so a crash re-pays at most the call under way.

        Args:
            ids: Distinct IDs.
            waiting: What is known of their events.

        Raises:
            UnfetchableError: No call can ask for them; nothing was sent.
            UnprovenError: The answers contradict what the store holds.
            VanishedError: More is gone than is believed.
            TonicDMError: A call failed; what came before it is stored.
        """
        if not self._reader.has_ids and not (self.record_type.default and self.record_type.parents is None):
            raise UnfetchableError(self.record_type.name)
        await self._recall()
        upto, since = await self.store.read(jobs.horizon), self._since(waiting)
        plan = await self._plan(len(ids), since)
        remaining = dict.fromkeys(ids)
        try:
            await self._by_list(plan, remaining, since)
        except (OptionIgnoredError, BadRequestError) as error:
            if not _reads_changes(plan) or (isinstance(error, OptionIgnoredError) and error.option != UPDATED_AFTER):
                raise
            # Proven once, and not heeded any more: another proxy, or another version of the server.
            await self.store.set_capability(self.record_type.name, UPDATED_AFTER, "no")
            await self._by_list(await self._plan(len(remaining), since), remaining, since)
        gone = await self._by_id(list(remaining)) if self._reader.has_ids else list(remaining)
        if gone:
            await self._settle_absent(gone, upto)
        return len(gone)

    async def _recall(self) -> None:
        """Take over what earlier runs found out about this server."""
        facts = self._reader.facts
        facts.ids_per_call = min(facts.ids_per_call, int(await self.store.capability("", IDS) or facts.ids_per_call))
        if await self.store.capability(self.record_type.name, PAGED) == "yes":
            facts.paged.add(self.record_type.listing.operation.path)

    # --- which calls ------------------------------------------------------------------------------------------------

    async def _plan(self, ids: int, since: datetime.datetime) -> Refresh:
        """Compare asking by ID with a read of all that changed since the oldest event, and with the whole type."""
        sql = "SELECT finished, changed FROM history WHERE type = ? ORDER BY number DESC LIMIT 20"
        runs = [
            (datetime.datetime.fromisoformat(finished).timestamp(), changed)
            for finished, changed in await self.store.query(sql, (self.record_type.name,))
        ]
        elapsed = (self._reader.server_time() - since - OVERLAP).total_seconds()
        likely = changed_since(ids, runs, max(0.0, elapsed), OVERLAP.total_seconds())
        options = options_for(self.tonic, SyncOptions(audit="never"))
        facts = await facts_of(self.store, self.record_type, options, now=self._reader.now())
        # What a list of changes does not show has to be asked for by ID: it may be gone, or unchanged.
        return refresh(facts, ids, changed_since=likely if self._reader.has_ids else None)

    def _since(self, waiting: Waiting) -> datetime.datetime:
        """Return when the oldest of the changes was made, by the server's clock and with the overlap before it."""
        since = self._reader.server_time() - datetime.timedelta(seconds=max(0.0, self._reader.now() - waiting.oldest))
        if waiting.stamp is not None:
            # An event that was delivered late carries the time of its change.
            since = min(since, datetime.datetime.fromisoformat(waiting.stamp))
        return since - OVERLAP

    # --- making them ------------------------------------------------------------------------------------------------

    async def _by_list(self, plan: Refresh, remaining: dict[str, None], since: datetime.datetime) -> None:
        """Read a list, if the plan is to read one; what it shows is taken out of *remaining*.

        It ends early where nothing is left to be found, or where it goes on longer than was planned. Then the remaining
        records are asked for by ID, whose price is known.
        """
        async with contextlib.aclosing(
            self._reader.pages(BASIC, since=since if _reads_changes(plan) else None)
        ) as pages:
            for _ in range(plan.pages):
                # What arrives while a page is on its way may be newer than the page.
                upto, stamp = await self.store.read(jobs.horizon), await self.store.draw(self._reader.now())
                page = await anext(pages, None)
                if page is None:
                    return
                for record_id in await self._write(page.records, page.invalid, upto, stamp, Origin.LIST):
                    remaining.pop(record_id, None)
                if not remaining:
                    return

    async def _by_id(self, ids: Sequence[str]) -> list[str]:
        """Fetch records by ID, and return the IDs of those that the server denies.

        Raises:
            UnprovenError: An answer lacks records that are there as well.
        """
        gone: list[str] = []
        start = 0
        while start < len(ids):
            size = self._reader.facts.ids_per_call
            part = ids[start : start + size]
            start += len(part)
            controls = await self._controls(part, size - len(part))
            returned = await self._ask(part, controls)
            if (
                not (returned or returned.invalid)
                and not controls
                and (controls := await self._controls(part, CONTROLS))
            ):
                # A whole batch that is gone: the next question names some that are there.
                returned = await self._ask(part[: size - len(controls)], controls)
            if not (returned or returned.invalid) and controls:
                raise UnprovenError(self.record_type.name)
            gone += [record_id for record_id in part if not returned.shown(record_id)]
        return gone

    async def _ask(self, part: Sequence[str], controls: Sequence[str]) -> RawRecords:
        upto, stamp = await self.store.read(jobs.horizon), await self.store.draw(self._reader.now())
        returned = await self._reader.by_id([*part, *controls], BASIC)
        await self._write(list(returned.values()), returned.invalid, upto, stamp, Origin.BY_ID)
        return returned

    async def _controls(self, part: Sequence[str], limit: int) -> list[str]:
        """Return some records that are there, to be named beside others as far as the header has room.

        They cost nothing more, and an answer without them proves nothing (docs/explanation/copy.md, "Tombstones").
        """
        sql = "SELECT id FROM record WHERE type = ? AND deleted_at IS NULL ORDER BY coalesce(checked, 0) DESC LIMIT ?"
        # Those asked for may be among them.
        checked = await self.store.query(sql, (self.record_type.name, len(part) + CONTROLS))
        controls = [record_id for (record_id,) in checked if record_id not in set(part)]
        return controls[: min(limit, CONTROLS)]

    async def _write(
        self, records: Sequence[Any], invalid: Sequence[InvalidRecord], upto: int, stamp: ReadStamp, origin: Origin
    ) -> Mapping[str, str | None]:
        """Store what a call has brought; return the timestamps of the records that it named, by ID."""
        name = self.record_type.name
        ahead, now = self._reader.server_time().timestamp() - self._reader.now(), self._reader.now()

        def work(db: Database) -> tuple[int, Mapping[str, str | None]]:
            sound = writing.sorted_out(db, name, records, invalid)
            times = sound.times
            reasons = {str(element.id): element.reason for element in sound.invalid if element.id is not None}
            lookup.take_over(db, name, records, stamp, ahead=ahead, origin=origin, invalid=invalid)
            dead = jobs.settle_unkeepable(db, name, reasons, upto, now)
            jobs.settle(db, name, times, upto)
            jobs.tally(db, fetched=len(records))
            return dead, times

        with outlasting():  # it was paid for
            dead, times = await self.store.write(work)
        self.unkeepable += dead
        return times

    # --- what is absent ---------------------------------------------------------------------------------------------

    async def _settle_absent(self, gone: Sequence[str], upto: int) -> None:
        """Make tombstones of records that the server denies, by the same proofs as a sync."""
        name = self.record_type.name
        held = await self.store.read(functools.partial(_held_of, record_type=name, ids=gone))
        total = (await self.store.counts()).get(name, 0)
        if too_many_deletions(len(held), total):
            raise VanishedError(name, len(held), total)
        # With no other record to name beside it, the last one of a type is left as it is.
        certain = held if total > len(held) or not self._reader.has_ids else []
        proven = self._reader.has_statuses and await self.store.read(
            functools.partial(statuses_proven, record_type=name)
        )
        reason = DELETED if proven else OUT_OF_SIGHT
        at = self._reader.server_time().isoformat()

        def work(db: Database) -> None:
            writing.write_tombstones(db, name, certain, reason, at, rows.draw(db, self._reader.now()))
            jobs.settle_absent(db, name, gone, upto)

        await self.store.write(work)


def _reads_changes(plan: Refresh) -> bool:
    return plan.method is RefreshMethod.CHANGES


def _held_of(db: Database, record_type: str, ids: Iterable[str]) -> list[str]:
    """Return those of *ids* that the store holds as live."""
    sql = "SELECT 1 FROM record WHERE type = ? AND id = ? AND (deleted_at IS NULL OR reason = ?)"
    return [record_id for record_id in ids if db.execute(sql, (record_type, record_id, rows.SOFT_DELETED)).fetchone()]
