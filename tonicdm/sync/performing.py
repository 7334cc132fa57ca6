"""Make the steps of a plan: one call each, with what it brought ready to be stored beside the next step."""

from __future__ import annotations

import asyncio
import datetime
import functools
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from tonicdm.endpoints.listing import Fetched
from tonicdm.endpoints.many import RawRecords, may_be_length
from tonicdm.endpoints.options import DEFAULT_PAGE
from tonicdm.errors import APIError, BadRequestError, OptionIgnoredError, ProtocolError
from tonicdm.plan.arithmetic import ROUND_SIZES
from tonicdm.plan.deletions import CONTROLS
from tonicdm.plan.steps import SERIES, Outcome, Step, StepKind, Trouble
from tonicdm.plan.ties import is_ahead, parse, settles_at
from tonicdm.store import quarantine, rows, writing
from tonicdm.store.database import Database
from tonicdm.store.store import Store
from tonicdm.store.types import RecordType
from tonicdm.store.versions import Origin, ReadStamp
from tonicdm.store.writing import SortedOut, Written
from tonicdm.sync.facts import UPDATED_AFTER
from tonicdm.sync.reader import Reader
from tonicdm.sync.report import SyncStoppedError, TypeReport
from tonicdm.types import DataQuantity

DELETED: Final = "deleted"
OUT_OF_SIGHT: Final = "out of sight"

Write = Callable[[Database], Written]


def _nothing(_db: Database) -> Written:
    return Written()


@attrs.frozen
class Performed:
    """A step that was made."""

    outcome: Outcome
    write: Write = _nothing
    """Stores the result of a step, in the transaction that also notes the next one."""


@attrs.define
class Performer:
    """Makes the steps of one type.

    Args:
        reader: Makes the calls.
        store: Where they are compared and stored.
        record_type: The type.
        report: What was done.
    """

    reader: Reader
    store: Store
    record_type: RecordType
    report: TypeReport
    _last: Exception | None = None
    """The error behind the last outcome's trouble."""
    _stored: Awaitable[Any] | None = None
    """Ends when the result of the step before is stored; None where it is."""

    async def draw(self) -> ReadStamp:
        """Return the stamp of a call that is about to leave."""
        return await self.store.draw(self.reader.now())

    async def perform(
        self, step: Step, stamp: ReadStamp | None = None, *, stored: Awaitable[Any] | None = None
    ) -> Performed:
        """Make a step; its result is not stored yet.

        Args:
            step: What to do.
            stamp: Drawn before; unless given it is drawn here.
            stored: Ends when the result of the step before is stored; None where it is. Only for a step of which
                `is_read_ahead` says that its call needs nothing of that.

        Raises:
            SyncStoppedError: The step is to stop.
            TonicDMError: Its call failed for good.
        """
        self.report.stage = step.stage
        self._last = None
        at = self.reader.server_time()
        if step.begins:
            await self.store.write(functools.partial(rows.begin_scan, record_type=self.record_type.name))
        self._stored = stored
        stamp = stamp or await self.draw()
        try:
            done = await _BY_KIND[step.kind](self, step, at, stamp)
        except (APIError, ProtocolError, OptionIgnoredError) as error:
            trouble = _trouble(step, error)
            if trouble is None:
                raise
            self._last = error
            return Performed(Outcome(at=at.isoformat(), trouble=trouble))
        if step.is_call:
            charged = self.report.meter.charged
            return attrs.evolve(done, outcome=attrs.evolve(done.outcome, units=charged))
        return done

    def error(self) -> Exception:
        """Return the error that a plan found hopeless."""
        assert self._last is not None
        return self._last

    # --- pages ----------------------------------------------------------------------------------------------------

    async def _page(self, step: Step, at: datetime.datetime, stamp: ReadStamp) -> Performed:
        """Read a page of records."""
        parents = self.reader.parents
        if self.record_type.by_own_ids and parents is not None:
            batch, count = await self._batch(step, parents[step.list_number : step.list_number + step.ids])
            return await self._records(step, at, stamp, list(batch.values()), batch.invalid, count, Origin.BY_ID)
        parent = None if parents is None else parents[step.list_number]
        fetched = await self._fetch(step, parent)
        return await self._records(
            step, at, stamp, fetched.payload, fetched.invalid, fetched.size, Origin.LIST, plain=fetched.plain
        )

    async def _fetch(self, step: Step, parent: str | None = None) -> Fetched:
        assert step.data_quantity is not None
        since = None if step.since is None else parse(step.since)
        fetched = await self.reader.page(
            DataQuantity(step.data_quantity), step.page, size=step.page_size, since=since, parent=parent
        )
        self.report.records += len(fetched.payload)
        self.report.pages += 1
        await self._catch_up()
        return fetched

    async def _catch_up(self) -> None:
        """Return when the store holds the results of all steps before."""
        if self._stored is not None:
            await asyncio.shield(self._stored)

    async def _records(
        self,
        step: Step,
        at: datetime.datetime,
        stamp: ReadStamp,
        records: Sequence[Any],
        invalid: Sequence[Any],
        count: int,
        origin: Origin,
        *,
        plain: bool | None = None,
    ) -> Performed:
        name = self.record_type.name

        def inspect(db: Database) -> tuple[SortedOut, Outcome, dict[str, datetime.datetime], dict[str, int]]:
            elements = writing.sorted_out(db, name, records, invalid, plain=plain)
            unsettled, before = _unsettled(elements.times, at), _pages_before(db, name, step, elements)
            outcome = _seen(db, name, step, at, elements, count, unsettled, elements.times.values(), before)
            return elements, outcome, unsettled, before

        elements, outcome, unsettled, before = await self.store.read(inspect)
        self.report.ahead += outcome.ahead
        marked = frozenset(unsettled) if step.mark else frozenset[str]()

        def write(db: Database) -> Written:
            written = writing.write_sorted(
                db,
                name,
                elements,
                DataQuantity(step.data_quantity or "basic"),
                stamp,
                origin=origin,
                page=step.page or None,
            )
            rows.fetched(db, name, list(before))
            if step.kind is not StepKind.STALE_PAGE:
                rows.note_scanned(db, name, elements.times, step.number, marked)
            if written.unidentified:
                rows.note_blind(db, name)
            return written

        return Performed(outcome, write)

    async def _end(self, step: Step, at: datetime.datetime, _stamp: ReadStamp) -> Performed:
        """Peek whether a list goes on. Nothing of the page is kept, as it is read whole if it does."""
        parents = self.reader.parents
        fetched = await self._fetch(step, None if parents is None else parents[step.list_number])
        name = self.record_type.name

        def inspect(db: Database) -> Outcome:
            elements = writing.sorted_out(db, name, fetched.payload, fetched.invalid, plain=fetched.plain)
            before = _pages_before(db, name, step, elements)
            return _seen(db, name, step, at, elements, fetched.size, {}, (), before)

        return Performed(await self.store.read(inspect))

    async def _stubs(self, step: Step, at: datetime.datetime, stamp: ReadStamp) -> Performed:
        """Read a page of stubs, and compare them with the store."""
        fetched = await self._fetch(step)
        name = self.record_type.name

        def inspect(db: Database) -> tuple[SortedOut, Outcome, set[str]]:
            elements = writing.sorted_out(db, name, fetched.payload, fetched.invalid, plain=fetched.plain)
            stale = rows.stale_keys(db, name, elements.times, ties=step.ties, trust=step.trust)
            unsettled = _unsettled({key: elements.times[key] for key in stale}, at)
            outcome = _seen(
                db,
                name,
                step,
                at,
                elements,
                fetched.size,
                unsettled,
                [elements.times[record_id] for record_id in stale],
                _pages_before(db, name, step, elements),
            )
            return elements, attrs.evolve(outcome, stale=len(stale)), stale

        elements, outcome, stale = await self.store.read(inspect)
        self.report.ahead += outcome.ahead

        def write(db: Database) -> Written:
            rows.note_scanned(db, name, elements.times, step.number, stale)
            rows.confirm(db, name, {key: time for key, time in elements.times.items() if key not in stale}, stamp)
            rows.dissent(db, name, {key: time for key, time in elements.times.items() if key in stale}, stamp)
            aside = [element for element in elements.invalid if element.id is None]
            if aside:
                rows.note_blind(db, name)
                quarantine.keep(db, name, aside, DataQuantity.ID_ONLY, stamp, Origin.LIST, page=step.page or None)
            return Written(quarantined=len(aside), unidentified=len(aside))

        return Performed(outcome, write)

    # --- what is stale --------------------------------------------------------------------------------------------

    async def _tally(self, _step: Step, at: datetime.datetime, _stamp: ReadStamp) -> Performed:
        sql = "SELECT page, count(*) FROM scan WHERE type = ? AND stale = 1 GROUP BY page ORDER BY page"
        counted = await self.store.query(sql, (self.record_type.name,))
        counts = tuple((int(page), int(count)) for page, count in counted)
        return Performed(Outcome(at=at.isoformat(), stale_by_page=counts))

    async def _by_id(self, step: Step, at: datetime.datetime, stamp: ReadStamp) -> Performed:
        """Fetch stale records by ID."""
        name = self.record_type.name
        sql = "SELECT id FROM scan WHERE type = ? AND stale = 1 ORDER BY id LIMIT ?"
        ids = [str(row[0]) for row in await self.store.query(sql, (name, step.ids))]
        if not ids:
            return Performed(Outcome(at=at.isoformat()))
        batch, count = await self._batch(step, ids)
        done = await self._records(
            attrs.evolve(step, kind=StepKind.STALE_PAGE),
            at,
            stamp,
            list(batch.values()),
            batch.invalid,
            count,
            Origin.BY_ID,
        )
        missing = [record_id for record_id in ids if not batch.shown(record_id)]
        # The server may have cut the answer at a page of its own size.
        cut = bool(missing) and len(ids) > DEFAULT_PAGE and count in ROUND_SIZES

        def write(db: Database) -> Written:
            written = done.write(db)
            if not cut:
                # Where an element has no ID that can be read, any of the others may be that one.
                rows.fetched(db, name, [record_id for record_id in ids if record_id not in missing])
                # Listed a moment ago and not there any more: they count as not seen.
                db.executemany(
                    "DELETE FROM scan WHERE type = ? AND id = ?", [(name, record_id) for record_id in missing]
                )
            return written

        return Performed(attrs.evolve(done.outcome, cut=cut), write)

    async def _batch(self, step: Step, ids: Sequence[str]) -> tuple[RawRecords, int]:
        assert step.data_quantity is not None
        batch, count = await self.reader.batch(ids, DataQuantity(step.data_quantity))
        self.report.records += len(batch)
        self.report.pages += 1
        await self._catch_up()
        return batch, count

    async def _wait(self, step: Step, at: datetime.datetime, _stamp: ReadStamp) -> Performed:
        await self.reader.sleep(step.seconds)
        self.report.settled += step.seconds
        return Performed(Outcome(at=max(at, self.reader.server_time()).isoformat()))

    async def _sample(self, step: Step, at: datetime.datetime, _stamp: ReadStamp) -> Performed:
        """Ask for some known records, and compare the fields that they show.

        As many as one call can name, of those with the most and the fewest fields: some fields are gated for a part of
        the records only.
        """
        of_many_fields, of_few_fields = -(-step.ids // 2), step.ids // 2
        sample: dict[str, tuple[str | None, str]] = {}
        for order, limit in (("DESC", of_many_fields), ("ASC", of_few_fields)):
            choose_some = functools.partial(_sample_of, name=self.record_type.name, order=order, limit=limit)
            sample |= {record_id: (updated, raw) for record_id, updated, raw in await self.store.read(choose_some)}
        if not sample:
            return Performed(Outcome(at=at.isoformat()))
        batch, count = await self._batch(step, list(sample))
        reshaped = any(
            # Values may differ without a new timestamp: a reference carries the time of what it points to.
            rows.updated_of(item) == sample[record_id][0]
            and rows.shape_of(item) != rows.shape_of(json.loads(sample[record_id][1]))
            for record_id, item in batch.items()
        )
        return Performed(Outcome(at=at.isoformat(), count=count, reshaped=reshaped))

    # --- what is absent -------------------------------------------------------------------------------------------

    async def _missing(self, _step: Step, at: datetime.datetime, _stamp: ReadStamp) -> Performed:
        name = self.record_type.name

        def inspect(db: Database) -> Outcome:
            # Each of these reads the whole type.
            earlier = rows.has_earlier(db, name)
            count = len(rows.vanished(db, name)) if earlier else 0
            if not count:
                return Outcome(at=at.isoformat(), earlier=earlier)
            (held,) = db.execute(
                "SELECT count(*) FROM record WHERE type = ? AND deleted_at IS NULL", (name,)
            ).fetchone()
            return Outcome(at=at.isoformat(), count=count, held=held, controls=len(_controls(db, name)))

        return Performed(await self.store.read(inspect))

    async def _confirm(self, step: Step, at: datetime.datetime, _stamp: ReadStamp) -> Performed:
        """Ask for absent records, beside some that are there."""
        name = self.record_type.name

        def choose(db: Database) -> tuple[list[str], list[str]]:
            asked = [record_id for record_id in sorted(rows.vanished(db, name)) if record_id > step.after][: step.ids]
            return asked, _controls(db, name)

        asked, controls = await self.store.read(choose)
        if not asked:
            return Performed(Outcome(at=at.isoformat(), controls=len(controls), last=step.after))
        batch, count = await self._batch(step, [*asked, *controls])
        alive = [record_id for record_id in asked if batch.shown(record_id)]
        outcome = Outcome(
            at=at.isoformat(),
            count=count,
            alive=len(alive),
            controls=sum(batch.shown(record_id) for record_id in controls),
            last=asked[-1],
        )

        def write(db: Database) -> Written:
            rows.note_scanned(db, name, dict.fromkeys(alive), 0, frozenset(alive))
            return Written()

        return Performed(outcome, write)

    async def _tombstones(self, _step: Step, at: datetime.datetime, stamp: ReadStamp) -> Performed:
        name = self.record_type.name

        before = self.report.deleted

        def write(db: Database) -> Written:
            proven = self.reader.has_statuses and statuses_proven(db, name)
            reason = DELETED if proven else OUT_OF_SIGHT
            gone = sorted(rows.vanished(db, name))
            deleted = writing.write_tombstones(db, name, gone, reason, at.isoformat(), stamp)
            # Where the database was away it may be done twice, and the second time nothing is left to be buried.
            self.report.deleted = max(self.report.deleted, before + deleted)
            return Written()

        return Performed(Outcome(at=at.isoformat()), write)

    async def _stop(self, step: Step, _at: datetime.datetime, _stamp: ReadStamp) -> Performed:
        raise SyncStoppedError(self.record_type.name, step.why)


_BY_KIND: Final[dict[StepKind, Callable[[Performer, Step, datetime.datetime, ReadStamp], Awaitable[Performed]]]] = {
    StepKind.PAGE: Performer._page,
    StepKind.CHANGED_PAGE: Performer._page,
    StepKind.STALE_PAGE: Performer._page,
    StepKind.END: Performer._end,
    StepKind.PROBE: Performer._stubs,
    StepKind.STUBS: Performer._stubs,
    StepKind.TALLY: Performer._tally,
    StepKind.BY_ID: Performer._by_id,
    StepKind.WAIT: Performer._wait,
    StepKind.SAMPLE: Performer._sample,
    StepKind.MISSING: Performer._missing,
    StepKind.CONFIRM: Performer._confirm,
    StepKind.TOMBSTONES: Performer._tombstones,
    StepKind.STOP: Performer._stop,
}


_FIXED_CALLS: Final = frozenset(
    {StepKind.PAGE, StepKind.CHANGED_PAGE, StepKind.STALE_PAGE, StepKind.END, StepKind.PROBE, StepKind.STUBS}
)
"""Steps whose call is known from the step alone, whatever the store holds by then."""


def is_read_ahead(step: Step) -> bool:
    """Tell whether a step's call may leave before the result of the step before it is stored."""
    return step.kind in _FIXED_CALLS and not step.begins


def statuses_proven(db: Database, record_type: str) -> bool:
    """Tell whether the list has shown records that are not active: only then absence means more than a status."""
    sql = "SELECT EXISTS (SELECT 1 FROM record WHERE type = ? AND status IN ('inactive', 'deleted', '0', '4'))"
    (proven,) = db.execute(sql, (record_type,)).fetchone()
    return bool(proven)


def _sample_of(db: Database, name: str, order: str, limit: int) -> list[tuple[str, str | None, str]]:
    """Return some live records, those with the most or the fewest fields first."""
    sql = "SELECT id, updated, raw FROM record WHERE type = ? AND deleted_at IS NULL"
    return db.execute(f"{sql} ORDER BY {db.dialect.fields_of_raw()} {order}, id LIMIT ?", (name, limit)).fetchall()


def _controls(db: Database, record_type: str) -> list[str]:
    sql = "SELECT id FROM scan WHERE type = ? AND stale = 0 LIMIT ?"
    return [record_id for (record_id,) in db.execute(sql, (record_type, CONTROLS))]


def _trouble(step: Step, error: Exception) -> Trouble | None:
    """Return what an error means to the plan; None where it ends the run."""
    if isinstance(error, OptionIgnoredError):
        return Trouble.OPTION_IGNORED if error.option == UPDATED_AFTER and step.since is not None else None
    if step.since is not None:
        return Trouble.OPTION_IGNORED if isinstance(error, BadRequestError) else None
    return Trouble.HEADER_TOO_LONG if step.ids and may_be_length(error) else None


def _unsettled(times: Mapping[str, str | None], at: datetime.datetime) -> dict[str, datetime.datetime]:
    """Return when each of the records that were just changed is settled."""
    # Nearly all were changed long ago, which their texts tell without being parsed.
    early = (at - datetime.timedelta(seconds=5)).isoformat()
    recent = {key: time for key, time in times.items() if time is not None and time >= early}
    return {key: moment for key, time in recent.items() if (moment := settles_at(time, at)) is not None}


def _seen(
    db: Database,
    record_type: str,
    step: Step,
    at: datetime.datetime,
    elements: SortedOut,
    count: int,
    unsettled: dict[str, datetime.datetime],
    news: Iterable[str | None],
    before: Mapping[str, int],
) -> Outcome:
    """Return what a page has shown, compared with the pages of the same list before it."""
    times = elements.times
    series = abs(step.number) // SERIES
    earlier = {
        key: page
        for key, page in before.items()
        if page and abs(page) // SERIES == series and (page < 0) == (step.number < 0) and page != step.number
    }
    last = step.number + 1 if step.number < 0 else step.number - 1
    repeated = bool(times) and len(earlier) == len(times) and set(earlier.values()) == {last}
    if repeated:
        (stood,) = db.execute("SELECT count(*) FROM scan WHERE type = ? AND page = ?", (record_type, last)).fetchone()
        repeated = stood == len(times)
    horizon = at.isoformat()
    return Outcome(
        at=horizon,
        count=count,
        fresh=count - len(earlier),
        repeated=repeated,
        has_ids=set(map(type, [item.get("id") for item, _ in elements.sound.values()])) <= {str},
        unstamped=all(time is None for time in times.values()),
        damaged=elements.unidentified > 0,
        settles_at=max(unsettled.values()).isoformat() if unsettled else None,
        ties_from=min(time for key, time in times.items() if key in unsettled and time) if unsettled else None,
        ahead=sum(is_ahead(time, at) for time in news if time is not None and time > horizon),
    )


def _pages_before(db: Database, record_type: str, step: Step, elements: SortedOut) -> dict[str, int]:
    """Return on which page of the run each record of a page was seen before, of those that were."""
    keys = [] if step.begins else list(elements.times)
    return dict(db.look_up("SELECT id, page FROM scan WHERE type = ? AND id IN (?)", [record_type], keys))
