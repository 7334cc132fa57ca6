"""Run a sync: all types side by side, within the budget, into one store. The plan decides what is done."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
from collections.abc import Awaitable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import attrs

from tonicdm.client import TonicDM
from tonicdm.errors import (
    EndlessListError,
    EndpointNotFoundError,
    OptionIgnoredError,
    PermissionDeniedError,
    TonicDMError,
)
from tonicdm.plan.estimate import estimate_type
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.list_end import ListError
from tonicdm.plan.lists import StepFailedError
from tonicdm.plan.order import Beginning, beginnings
from tonicdm.plan.passes import Watermark, begin, run_type
from tonicdm.plan.steps import Step
from tonicdm.store import lock, rows
from tonicdm.store.database import Database
from tonicdm.store.lock import WHOLE, Hold
from tonicdm.store.ownership import check_owner
from tonicdm.store.rows import Checkpoint
from tonicdm.store.store import Store, outlasting
from tonicdm.store.types import RecordType
from tonicdm.store.versions import ReadStamp
from tonicdm.store.writing import Written
from tonicdm.sync.ahead import stored_beside
from tonicdm.sync.estimate import estimate_run, options_for
from tonicdm.sync.facts import IDS, SyncOptions, facts_of, keep_learned, note_counted, parents_of
from tonicdm.sync.performing import Performed, Performer, Write, is_read_ahead
from tonicdm.sync.reader import Reader
from tonicdm.sync.report import Meter, OnProgress, OwnerReport, RunReport, TypeReport
from tonicdm.types import RecordID

Audit: TypeAlias = Literal["never", "daily", "weekly", "always"]
RENEWAL: Final = 30.0
"""Seconds after which a run shows that it is alive."""


async def synchronize(
    tonic: TonicDM,
    store: Store,
    types: Sequence[RecordType],
    *,
    audit: Audit = "weekly",
    confirmed: bool = False,
    projects: Sequence[RecordID] = (),
    counts: Mapping[str, int] | None = None,
    new_owner: bool = False,
    owner: OwnerReport | None = None,
    hold: Hold = WHOLE,
    estimated: bool = True,
    read_ahead: bool = False,
    on_progress: OnProgress = lambda _report: None,
) -> RunReport:
    """Bring *types* of a store up to date: a first load, or what changed since.

    A run that was interrupted goes on behind the last step that was stored.

    Args:
        tonic: Where to read.
        store: Where to write.
        types: What to read.
        audit: How often to look for records that are gone; a first load always knows.
        confirmed: Whether a large part of a type may vanish at once.
        projects: Only of these projects, for the types that can be asked so.
        counts: How many records a type has, where somebody knows; a list is then looked at where it should end.
        new_owner: Whether the store may go over to another organization.
        owner: What a look at whose records these are has shown already; without it the run looks itself.
        hold: What it takes of the store; a run that takes one type can go on beside those of others.
        estimated: Whether the reports say what each type was expected to cost. It is worked out step by step, which
            takes a while for types of many pages: a run that is put off again and again had better not.
        read_ahead: Whether a page is asked for while the one before it is stored. The calls and what is stored are
            the same. A run that is killed may then have paid for two pages of a type that it has not stored, instead
            of one.
        on_progress: Told after each step. An error that it raises ends the run. A page that is read meanwhile is
            stored first, as it is paid for; if the type is done with that, only what `on_progress` raises of that
            counts.

    Returns:
        What was done. A type that the server refuses is reported, not raised.

    Raises:
        BudgetTimeoutError: It can't be done by the client's ``finish_by``; nothing was sent.
        OwnerError: The store holds another organization's records; nothing was written.
        SyncStoppedError: Going on could have deleted what is still there.
        StoreError: The file is full, locked, or synced by somebody else.
        TonicDMError: A call failed for good; the pages stored before are kept.
    """
    clock = tonic.budget.clock
    began = clock.monotonic()
    await store.acquire_lock(clock, hold)
    facts = tonic.caller.facts
    options = options_for(tonic, SyncOptions(audit=audit, confirmed=confirmed, projects=projects, counts=counts or {}))
    runs = {
        record_type.name: _TypeRun(
            tonic,
            store,
            record_type,
            TypeReport(type=record_type.name),
            options,
            hold,
            estimated,
            read_ahead,
            on_progress,
        )
        for record_type in types
    }
    try:
        await _check_deadline(tonic, store, types, options)
        owner = owner or await look_at_owner(tonic, store, new_owner=new_owner)
        with outlasting():  # what is in hand was paid for
            await _side_by_side(_in_order(runs, runs), _renew(tonic, store, hold))
    finally:
        with contextlib.suppress(TonicDMError):
            facts.ids_per_call = min(facts.ids_per_call, int(await store.capability("", IDS) or facts.ids_per_call))
            await store.refresh_views()
            await store.release_lock(hold)
    return RunReport(types=[run.report for run in runs.values()], seconds=clock.monotonic() - began, owner=owner)


async def look_at_owner(tonic: TonicDM, store: Store, *, new_owner: bool = False) -> OwnerReport:
    """Look whose records a token gives, once for each token that the store does not know: 1 unit.

    Args:
        tonic: Where to look.
        store: Where the records are.
        new_owner: Whether the store may go over to another organization.

    Raises:
        OwnerError: The store holds another organization's records.
    """
    meter = Meter()
    checked = await check_owner(attrs.evolve(tonic.caller, meter=meter, job="owner"), store, rebind=new_owner)
    return OwnerReport(ownership=checked.ownership, meter=meter, why=checked.why)


def _in_order(runs: Mapping[str, _TypeRun], names: Iterable[str]) -> list[Coroutine[Any, Any, None]]:
    """Return what to await side by side, so that each of the types named is read behind the one it waits for."""

    async def run(beginning: Beginning) -> None:
        await runs[beginning.record_type].run()
        async with asyncio.TaskGroup() as group:
            for follower in _in_order(runs, beginning.followers):
                group.create_task(follower)

    return [run(beginning) for beginning in beginnings({name: runs[name].record_type.parents for name in names})]


async def _check_deadline(tonic: TonicDM, store: Store, types: Sequence[RecordType], options: SyncOptions) -> None:
    """Refuse a run that can't be done by the client's ``finish_by``: even the units that are expected come too late."""
    caller = tonic.caller
    if caller.finish_by is not None:
        plan = await estimate_run(tonic, store, types, options)
        tonic.budget.forecast(plan.expected, priority=caller.priority, share=caller.share, finish_by=caller.finish_by)


async def _side_by_side(works: Sequence[Coroutine[Any, Any, None]], renewal: Coroutine[Any, Any, None]) -> None:
    """Await all tasks; the first error ends the others, and is raised unchanged."""
    keeper = asyncio.ensure_future(renewal)
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except BaseExceptionGroup as errors:
        raise _first_of(errors) from None
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError, TonicDMError):
            await keeper


def _first_of(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first


async def _renew(tonic: TonicDM, store: Store, hold: Hold) -> None:
    while True:
        await tonic.budget.clock.sleep_until(tonic.budget.clock.monotonic() + min(RENEWAL, hold.seconds / 4))
        await store.acquire_lock(tonic.budget.clock, hold)


@attrs.define
class _TypeRun:
    """One type's run: makes the steps of its plan, and stores each with the place where to go on."""

    tonic: TonicDM
    store: Store
    record_type: RecordType
    report: TypeReport
    options: SyncOptions
    hold: Hold
    estimated: bool
    read_ahead: bool
    on_progress: OnProgress
    _ending: Exception | None = None
    """What is to end the run, once the page that is read ahead is stored."""

    async def run(self) -> None:
        """Make the steps that are due."""
        try:
            await self._run()
        except (PermissionDeniedError, EndpointNotFoundError) as error:
            self.report.refused, self.report.done = error, True
            self.on_progress(self.report)
        self.report.why += await self.store.remarks(self.record_type.name)

    async def _run(self) -> None:
        report, name = self.report, self.record_type.name
        reader = Reader(
            self.tonic,
            self.record_type,
            report.meter,
            clock=self.store.clock(self.tonic.budget.clock),
            parents=await parents_of(self.store, self.record_type, self.options),
            projects=self.options.projects,
        )
        report.cleaned = await self.store.clean(name, reader.server_time().isoformat())
        if report.cleaned:
            report.why.append(
                f"{report.cleaned:,} rows that were no records, stored by an earlier version, were removed"
            )
        facts = await facts_of(self.store, self.record_type, self.options, now=reader.now())
        if self.estimated:
            estimate = estimate_type(facts)
            report.expected, report.max_units = estimate.expected, estimate.max_units
        if facts.checkpoint is not None and begin(facts).pages == facts.checkpoint.pages:
            report.why.append(f"went on with an interrupted pass at page {facts.checkpoint.page:,}")
        performer = Performer(reader, self.store, self.record_type, report)
        steps = run_type(facts)
        try:
            try:
                step = next(steps)
            except StopIteration as end:  # a type that is asked for by project, and no project
                await self._finish(facts, reader, end.value, lambda _db: Written())
                return
            done = await performer.perform(step)
            while True:
                try:
                    following = steps.send(done.outcome)
                except StopIteration as end:
                    await self._finish(facts, reader, end.value, done.write)
                    return
                except (StepFailedError, ListError):
                    # What came is paid for.
                    await self._write(done.write)
                    raise
                keep = functools.partial(self._keep, facts=facts, following=following, write=done.write)
                done = await self._go_on(performer, following, keep)
        except StepFailedError:
            raise performer.error() from None
        except ListError as error:
            raise self._broken(error) from None

    async def _go_on(self, performer: Performer, following: Step, keep: Write) -> Performed:
        """Store the result of a step, and make the one that comes next: side by side where that is wanted."""
        if self._ending is not None or not (self.read_ahead and is_read_ahead(following)):
            self._note_stored(await self._write(keep))
            return await performer.perform(following)
        # Its call leaves before the write ends: so its stamp is drawn before the write begins.
        read = functools.partial(_perform_beside, performer, following, await performer.draw())
        return await stored_beside(self._write(keep), read, self._note_stored_beside)

    def _note_stored(self, written: Written) -> None:
        self.report.add(written)
        if self._ending is not None:
            raise self._ending
        self.on_progress(self.report)

    def _note_stored_beside(self, written: Written) -> None:
        self.report.add(written)
        try:
            self.on_progress(self.report)
        except Exception as error:  # noqa: BLE001 - raised later: the call that is under way is paid for
            self._ending = error

    async def _write(self, work: Write) -> Written:
        """Store the result of a step, unless another run has taken the type over: then it is that one's to read."""

        def run(db: Database) -> Written:
            lock.check_held(db, self.store.name, self.hold)
            return work(db)

        return await self.store.write(run)

    def _keep(self, db: Database, *, facts: TypeFacts, following: Step, write: Write) -> Written:
        """Store the result of a step, and the step that comes next."""
        written = write(db)
        progress = following.progress
        if progress is not None and not facts.partial:
            mark = Checkpoint(
                self.record_type.name,
                following.stage,
                progress.page,
                progress.since,
                progress.started,
                progress.to_json(),
            )
            rows.put_checkpoint(db, mark)
        return written

    async def _finish(self, facts: TypeFacts, reader: Reader, earned: Watermark, write: Write) -> None:
        """Store the result of the last step, the watermark, and the facts learned of the server."""
        report, progress = self.report, earned.progress
        report.why.extend(progress.why)

        def work(db: Database) -> Written:
            written = write(db)
            keep_learned(db, facts, progress)
            if progress.counted is not None and not facts.partial:
                note_counted(db, self.record_type.name, progress.counted)
            return written

        report.add(await self._write(work))
        if progress.pages_anyway:
            reader.facts.paged.add(self.record_type.listing.operation.path)
        reader.facts.ids_proven = max(reader.facts.ids_proven, progress.ids_proven)
        if not facts.partial:
            await self.store.finish(
                self.record_type.name,
                until=earned.until,
                audited=reader.server_time().isoformat() if earned.audited else None,
                changed=None if progress.first else report.changed,
                deleted=report.deleted,
                units=report.meter.units,
                changes=_local(reader, earned.until),
                listed=_local(reader, earned.listed),
            )
        report.done = True
        self.on_progress(report)

    def _broken(self, error: ListError) -> TonicDMError:
        operation = self.record_type.listing.operation.label
        if error.endless:
            return EndlessListError(f"{operation}: {error.reason}", self.report.pages)
        return OptionIgnoredError(error.option, error.reason, (), placement=self.tonic.caller.placement)


async def _perform_beside(performer: Performer, step: Step, stamp: ReadStamp, stored: Awaitable[Any]) -> Performed:
    return await performer.perform(step, stamp, stored=stored)


def _local(reader: Reader, moment: str | None) -> float | None:
    return reader.local_time(None if moment is None else datetime.datetime.fromisoformat(moment))
