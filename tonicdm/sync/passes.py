"""One type's way from the server into the store: the passes, and the order in which they are made."""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
from collections.abc import Sequence
from typing import Any, Final

from tonicdm.errors import BadRequestError, OptionIgnoredError
from tonicdm.paging import Page
from tonicdm.plan.arithmetic import pages, probe_pays
from tonicdm.plan.mixture import choose
from tonicdm.store import rows, writing
from tonicdm.store.rows import Checkpoint, TypeState
from tonicdm.store.store import Store
from tonicdm.store.types import RecordType
from tonicdm.store.versions import Origin, ReadStamp
from tonicdm.store.writing import Written
from tonicdm.sync.absent import settle_absent
from tonicdm.sync.reader import Reader
from tonicdm.sync.report import Stage, SyncStoppedError, Tell, TypeReport
from tonicdm.types import DataQuantity

OVERLAP: Final = datetime.timedelta(seconds=60)
"""Read again before the watermark: records that share its second, and changes that became visible late."""

TIE: Final = datetime.timedelta(seconds=2)
"""Around the start of a pass: a record that it read may have changed again within the same second."""

ROUNDS: Final = 5
"""Passes over what changed during the pass before, until the next run may care for the rest."""

UPDATED_AFTER: Final = "updated_after"
BASIC, ID_ONLY = DataQuantity.BASIC, DataQuantity.ID_ONLY


class TypeSync:
    """Brings one type of the store up to date.

    Args:
        reader: Reads it.
        store: Keeps it.
        kind: The type.
        report: What was done, kept up to date.
        tell: Told of the progress.
        audit: Whether to look for deletions too.
        confirmed: Whether a large part of the records may vanish at once.
        exact: Whether to list everything once more where changes during a load can't be asked for.
    """

    def __init__(
        self,
        reader: Reader,
        store: Store,
        kind: RecordType,
        report: TypeReport,
        tell: Tell,
        *,
        audit: bool,
        confirmed: bool,
        exact: bool = False,
    ) -> None:
        self.reader = reader
        self.store = store
        self.kind = kind
        self.report = report
        self.tell = tell
        self.audit = audit
        self.confirmed = confirmed
        self.exact = exact
        self.listed: datetime.datetime | None = None
        """When the last whole pass began, as far as it proves which records are gone."""
        self._fresh = False
        self._scanned = False
        self._until: datetime.datetime | None = None
        self._previous: datetime.datetime | None = None

    async def run(self) -> None:
        """Make the passes that are due; an interrupted one goes on where it ended."""
        if self.reader.partial:
            await self._load_part()
            return
        state = await self.store.state(self.kind.name)
        mark = state.checkpoint
        self._fresh = state.until is None
        if state.until is not None:
            self._previous = datetime.datetime.fromisoformat(state.until)
        if mark is not None:
            await self._resume(mark, state)
        elif state.until is None:
            await self._load()
        else:
            await self._follow(state)
        if self.audit and not self._scanned and not self._fresh:
            await self._scan(Stage.AUDIT)
        if self.audit and self.kind.licensed and state.until is not None and self.reader.has_ids:
            await self._check_view()
        if self._scanned:
            await settle_absent(self)
        self.report.lower_bound = await self._lower_bound(state)
        await self._finish()

    async def _load_part(self) -> None:
        """Read the records of some projects; the store learns nothing of the rest, so no watermark is set."""
        async with contextlib.aclosing(self.reader.stamped(self.store, self.reader.pages(BASIC))) as found:
            async for stamp, page in found:
                self._count(page, await self._keep(page, None, stamp))
        self.report.why.append("only the projects that were named")
        self.report.lower_bound = 5 * max(1, self.report.pages)
        self.report.done = True
        self.tell(self.report)

    async def _finish(self) -> None:
        report = self.report
        await self.store.finish(
            self.kind.name,
            until=None if self._until is None else self._until.isoformat(),
            audited=self.reader.server_time().isoformat() if self._scanned or self._fresh else None,
            changed=None if self._fresh else report.changed,
            deleted=report.deleted,
            units=report.meter.units,
            changes=self.reader.local_time(self._until),
            listed=self.reader.local_time(self.listed),
        )
        report.done = True
        self.tell(report)

    async def _resume(self, mark: Checkpoint, state: TypeState) -> None:
        stage = Stage(mark.stage)
        started = datetime.datetime.fromisoformat(mark.started) if mark.started else self.reader.server_time()
        self.report.why.append(f"went on with an interrupted pass at page {mark.next_page:,}")
        if stage is Stage.LOAD:
            await self._load(mark.next_page, started)
        elif stage is Stage.CHANGES and mark.since is not None:
            since = datetime.datetime.fromisoformat(mark.since)
            try:
                await self._changes(since, probe=False, start=mark.next_page, started=started)
            except (OptionIgnoredError, BadRequestError) as error:
                # Else the checkpoint would lead every later run to the same error.
                await self._disprove(error)
                await self._scan(Stage.COMPARE)
        else:
            if stage is Stage.AUDIT and state.until is not None:
                await self._follow(state)
            if not self._scanned:
                await self._scan(stage, mark.next_page, started)

    # --- whole passes ---------------------------------------------------------------------------------------------

    async def _load(self, start: int = 1, started: datetime.datetime | None = None) -> None:
        """Read all records; then, if it took more than one page, what changed meanwhile."""
        self.report.stage = Stage.LOAD
        began = await self._begin(start)
        started = started or began
        before = self.report.pages
        # Into an empty store a first load has nothing that could have vanished: what it has seen is not remembered.
        remembers = not self._fresh or await self.store.read(functools.partial(rows.has_earlier, kind=self.kind.name))
        stamped = self.reader.stamped(self.store, self.reader.pages(BASIC, start=start))
        async with contextlib.aclosing(stamped) as found:
            async for stamp, page in found:
                mark = Checkpoint(self.kind.name, Stage.LOAD, page.number + 1, None, started.isoformat())
                self._count(page, await self._keep(page, mark, stamp, scan_page=page.number if remembers else None))
        self._scanned, self._until, self._previous = remembers, started, started
        self.listed = started
        if self.report.pages - before > 1 and not await self._catch_up(started) and self.exact:
            await self._scan(Stage.COMPARE)

    async def _catch_up(self, started: datetime.datetime) -> bool:
        """Read what changed while several pages were read; tell whether that could be asked for."""
        works = await self.store.capability(self.kind.name, UPDATED_AFTER)
        if not self.reader.has_updated_after or works == "no":
            return False
        try:
            await self._changes(started - OVERLAP, probe=True)
        except (OptionIgnoredError, BadRequestError) as error:
            await self._disprove(error)
            return False
        return True

    async def _disprove(self, error: OptionIgnoredError | BadRequestError) -> None:
        """Remember that updated_after does not work here, or raise an error of another cause again."""
        if isinstance(error, OptionIgnoredError) and error.option != UPDATED_AFTER:
            raise error
        await self.store.set_capability(self.kind.name, UPDATED_AFTER, "no")
        self.report.why.append("the server does not heed updated_after here: all stubs are compared instead")

    async def _begin(self, start: int) -> datetime.datetime:
        """Return the server's time at the start of a whole pass, and forget what an earlier one had seen."""
        if start == 1:
            await self.store.write(functools.partial(rows.begin_scan, kind=self.kind.name))
        return self.reader.server_time()

    async def _scan(
        self, stage: Stage, start: int = 1, started: datetime.datetime | None = None, *, rounds: int = ROUNDS
    ) -> None:
        """List all stubs, compare them with the store, and fetch what differs."""
        if not self.kind.stamped or not self.reader.has_quantity:
            # Stubs would tell nothing of changes, or cost as much as records.
            await self._load(start, started)
            return
        self.report.stage = stage
        began = await self._begin(start)
        started = started or began
        unstamped, stale, before = False, 0, self.report.pages
        ties = self._ties()
        # After a pass over the changes, what carries no timestamp of its own is current all the same.
        trust = stage is Stage.AUDIT and self.reader.has_updated_after and self._until is not None
        stamped = self.reader.stamped(self.store, self.reader.pages(ID_ONLY, start=start))
        async with contextlib.aclosing(stamped) as found:
            async for stamp, page in found:
                unstamped = unstamped or (
                    bool(page.records) and all(rows.updated_of(stub) is None for stub in page.records)
                )
                mark = Checkpoint(self.kind.name, stage, page.number + 1, None, started.isoformat())
                stale += await self.store.scan_page(
                    self.kind.name, page.records, mark, stamp=stamp, invalid=page.invalid, ties=ties, trust=trust
                )
                self._count(page)
        if unstamped:
            self.report.why.append("its stubs carry no timestamps, so that only reading all records shows changes")
            await self._load()
            return
        await self._fetch_stale()
        self._scanned, self._previous, self.listed = True, started, started
        if self._until is None:
            self._until = started
        if self.report.pages - before > 1 and (stage is Stage.AUDIT or self.exact):
            # While pages were listed, records of the earlier ones may have changed.
            caught_up = await self._catch_up(started)
            if not caught_up and self.exact and stale and rounds:
                await self._scan(stage, rounds=rounds - 1)

    async def _fetch_stale(self) -> None:
        """Fetch what a scan found stale: whole pages where many are, the rest by ID."""
        name = self.kind.name
        sql = "SELECT page, count(*) FROM scan WHERE type = ? AND stale GROUP BY page"
        counts = dict(await self.store.query(sql, (name,)))
        if not counts:
            return
        stale = [counts.get(page, 0) for page in range(1, max(counts) + 1)]
        mixture = choose(stale, self.reader.facts.ids_per_call if self.reader.has_ids else None)
        for number in mixture.whole:
            stamp = await self.store.draw(self.reader.now())
            await self._store_fetched(await self.reader.page(number), stamp)
        while self.reader.has_ids:
            size = self.reader.facts.ids_per_call
            found = await self.store.query("SELECT id FROM scan WHERE type = ? AND stale LIMIT ?", (name, size))
            if not found:
                break
            ids = [row[0] for row in found]
            stamp = await self.store.draw(self.reader.now())
            answer = await self.reader.by_id(ids, BASIC)
            page = Page(0, tuple(answer.values()), tuple(answer.invalid))
            await self._store_fetched(page, stamp, Origin.BY_ID)
            # Listed a moment ago and not there any more: they count as not seen.
            await self._unsee([one for one in ids if not answer.shown(one)])
            # Where an element has no ID that can be read, any of the others may be that one.
            await self.store.write(functools.partial(rows.fetched, kind=name, keys=ids))

    def _ties(self) -> str | None:
        """Return the time from which stubs prove nothing, because the pass before may have read in that second."""
        return None if self._previous is None else (self._previous - TIE).isoformat()

    async def _unsee(self, ids: Sequence[str]) -> None:
        name = self.kind.name
        drop = "DELETE FROM scan WHERE type = ? AND id = ?"
        await self.store.write(lambda db: db.executemany(drop, [(name, one) for one in ids]))

    async def _store_fetched(self, page: Page[Any], stamp: ReadStamp, origin: Origin = Origin.LIST) -> None:
        self._count(page, await self._keep(page, None, stamp, origin=origin))

    # --- what changed ---------------------------------------------------------------------------------------------

    async def _follow(self, state: TypeState) -> None:
        """Read what changed since the watermark, by the cheapest way that this server has proven."""
        works = await self.store.capability(self.kind.name, UPDATED_AFTER)
        if not self.reader.has_updated_after or works == "no" or state.until is None:
            self.report.why.append("without updated_after all of the type is listed to find what changed")
            await self._scan(Stage.COMPARE)
            return
        since = datetime.datetime.fromisoformat(state.until) - OVERLAP
        quiet = state.p_quiet
        try:
            await self._changes(since, probe=quiet is None or probe_pays(quiet))
        except (OptionIgnoredError, BadRequestError) as error:
            await self._disprove(error)
            await self._scan(Stage.COMPARE)
        else:
            if works is None and state.count > self.report.records:
                await self.store.set_capability(self.kind.name, UPDATED_AFTER, "yes")

    async def _changes(
        self,
        since: datetime.datetime,
        *,
        probe: bool,
        start: int = 1,
        started: datetime.datetime | None = None,
    ) -> None:
        """Read what changed after *since*; and what changed while more than one page of it was read."""
        self.report.stage = Stage.CHANGES
        for _ in range(ROUNDS):
            started = started or self.reader.server_time()
            if probe and not await self._anything_new(since):
                self._until = started
                return
            read = await self._read_changes(since, start, started)
            self._until = self._previous = started
            if read <= 1:
                return
            since, probe, start, started = started - OVERLAP, True, 1, None
        self.report.why.append("records keep changing faster than they can be read; the next run goes on")

    async def _anything_new(self, since: datetime.datetime) -> bool:
        """Tell, from stubs, whether the store lacks anything that changed after *since*."""
        name, ties = self.kind.name, self._ties()
        async with contextlib.aclosing(self.reader.pages(ID_ONLY, since=since)) as found:
            async for page in found:
                self._count(page)
                times = writing.sorted_out(name, page.records, page.invalid).times
                if await self.store.read(functools.partial(rows.stale_keys, kind=name, times=times, ties=ties)):
                    return True
        return False

    async def _read_changes(self, since: datetime.datetime, start: int, started: datetime.datetime) -> int:
        read = 0
        stamped = self.reader.stamped(self.store, self.reader.pages(BASIC, start=start, since=since))
        async with contextlib.aclosing(stamped) as found:
            async for stamp, page in found:
                mark = Checkpoint(
                    self.kind.name, Stage.CHANGES, page.number + 1, since.isoformat(), started.isoformat()
                )
                # What came after a whole pass was seen as well, by this one.
                self._count(page, await self._keep(page, mark, stamp, scan_page=0 if self._scanned else None))
                read += 1
        return read

    # --- the rest -------------------------------------------------------------------------------------------------

    async def _check_view(self) -> None:
        """Reload the type if its records show other fields than before: a licence was switched on or off.

        Such a change leaves the timestamps alone, so no comparison of stubs can see it.
        """
        # As many as one call can name, of those with the most and the fewest fields: some fields are gated for a part
        # of the records only.
        sql = (
            "SELECT id, updated, raw FROM record WHERE type = ? AND deleted_at IS NULL "
            "ORDER BY (SELECT count(*) FROM json_each(raw)) {}, id LIMIT ?"
        )
        half = max(1, self.reader.facts.ids_per_call // 2)
        sample = [
            row
            for order in ("DESC", "ASC")
            for row in await self.store.query(sql.format(order), (self.kind.name, half))
        ]
        if not sample:
            return
        answer = await self.reader.by_id([one for one, _, _ in sample], BASIC)
        held = {one: (updated, raw) for one, updated, raw in sample}
        for one, item in answer.items():
            updated, raw = held[one]
            # Values may differ without a new timestamp: a reference carries the time of what it points to.
            if rows.updated_of(item) == updated and rows.shape_of(item) != rows.shape_of(json.loads(raw)):
                self.report.why.append(
                    "the server shows other fields than before (a licence?): all records are read anew"
                )
                await self._load()
                return

    async def rescan(self) -> None:
        """List everything again: what a list did not show turned out to be there."""
        await self._scan(Stage.AUDIT)

    def stop(self, reason: str) -> SyncStoppedError:
        """Return the error that ends this type's sync before anything is deleted wrongly."""
        return SyncStoppedError(self.kind.name, reason)

    async def _keep(
        self, page: Page[Any], mark: Checkpoint | None, stamp: ReadStamp, *, scan_page: int | None = None,
        origin: Origin = Origin.LIST,
    ) -> Written:  # fmt: skip
        return await self.store.write_page(
            self.kind.name, page.records, BASIC, mark, stamp=stamp, origin=origin, invalid=page.invalid,
            page=page.number or None, scan_page=scan_page,
        )  # fmt: skip

    def _count(self, page: Page[Any], written: Written | None = None) -> None:
        self.report.records += len(page.records)
        self.report.pages += 1
        if written is not None:
            self.report.add(written)
        self.tell(self.report)

    async def _lower_bound(self, before: TypeState) -> int:
        """Return the units that no way could have undercut (design: the plan's arithmetic, lower bound)."""
        size = 1000
        count = (await self.store.state(self.kind.name)).count
        if before.until is None:
            return 5 * max(1, pages(count, size))
        changed = pages(self.report.changed, size)
        if self.audit:
            return max(1, pages(count, size)) + 4 * changed
        return max(1, 5 * changed)
