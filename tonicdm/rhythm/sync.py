"""Contacts and organizations in the local store, kept up to date by queries.

Each run asks for what changed since the one before, less a lookback (vendor's guide on integration): a missed run, a
wrong clock, a time zone or a slow replica then costs a few rows twice and none at all. Rows are stored by their id, so
reading one twice changes nothing. Deletions show nowhere, so from time to time all ids are compared.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import itertools
import json
import logging
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, TypeVar

import attrs

from tonicdm.codec import Record, wire_names
from tonicdm.errors import ConfigError, TonicDMError
from tonicdm.plan.deletions import too_many_deletions
from tonicdm.rhythm.client import RhythmClient
from tonicdm.rhythm.criteria import field
from tonicdm.rhythm.databasenotes import StoreNote
from tonicdm.rhythm.errors import ResultError
from tonicdm.rhythm.jobs import MAX_JOB_SECONDS, JobFile, JobNote
from tonicdm.rhythm.models import Contact, Organization
from tonicdm.rhythm.query.forms import read_rows
from tonicdm.rhythm.query.polling import PollRules
from tonicdm.rhythm.query.rows import MalformedError
from tonicdm.rhythm.query.spec import QuerySpec
from tonicdm.rhythm.strategy import query_type_of
from tonicdm.store import Store, lock, rows, writing
from tonicdm.store.columns import enter_model
from tonicdm.store.database import Database
from tonicdm.store.lock import WHOLE, Hold
from tonicdm.sync.engine import RENEWAL, Audit
from tonicdm.sync.facts import audit_due
from tonicdm.sync.performing import DELETED
from tonicdm.sync.report import SyncStoppedError
from tonicdm.types import DataQuantity

logger: Final = logging.getLogger("tonicdm")

MODELS: Final[Mapping[str, type[Record]]] = {"contacts": Contact, "organizations": Organization}
"""What can be synced; in the store each has ``rhythm_`` before its name, as TonicDM has organizations too."""

MODIFIED: Final = "sys_last_modified_at"
"""The field that changes are told by (reference: SysFields)."""
LOOKBACK: Final = datetime.timedelta(days=3)
"""How far before the last run each run asks for changes."""
BATCH_ROWS: Final = 1000
"""Rows of one transaction."""

for _name, _model in MODELS.items():
    enter_model(f"rhythm_{_name}", _model)

T = TypeVar("T")
Rows: TypeAlias = list[dict[str, Any]]


@attrs.define
class TypeSynced:
    """What a run did for one type."""

    type: str
    """Its name in the store."""
    rows: int = 0
    """Rows that were read."""
    changed: int = 0
    """Records that are new or other than before."""
    deleted: int = 0
    """Records that are gone."""
    since: str | None = None
    """From when on changes were asked for; None for everything."""
    compared: bool = False
    """Whether deletions were looked for."""
    done: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return attrs.asdict(self)


OnProgress: TypeAlias = Callable[[TypeSynced], None]


@attrs.frozen(kw_only=True)
class SyncRules:
    """How a run goes about it."""

    lookback: datetime.timedelta = LOOKBACK
    compare: Audit = "weekly"
    """How often to look for deletions; a first load has none."""
    confirmed: bool = False
    """Whether a large part of a type may vanish at once."""
    fields: Sequence[str] | None = None
    """Fields to keep; all that the query type names, unless given."""
    poll: PollRules = attrs.field(factory=PollRules)

    def __attrs_post_init__(self) -> None:
        if self.lookback < datetime.timedelta():
            raise ConfigError("lookback must not be negative")


async def synchronize(
    rhythm: RhythmClient,
    store: Store,
    types: Iterable[str] = tuple(MODELS),
    *,
    rules: SyncRules | None = None,
    hold: Hold = WHOLE,
    on_progress: OnProgress = lambda _report: None,
) -> list[TypeSynced]:
    """Bring *types* up to date in a store: a first load, or what changed.

    A run that was interrupted goes on with the query it had started.

    Args:
        rhythm: Where to read.
        store: Where to write; a TonicDM copy may be in the same file.
        types: ``contacts``, ``organizations``.
        rules: How to go about it.
        hold: What it takes of the store; a run that takes one type can go on beside those of others.
        on_progress: Called with the report as it goes on.

    Raises:
        ConfigError: A type is unknown.
        SyncStoppedError: A large part of a type would vanish at once; nothing was marked as deleted.
        StoreError: The file is full, locked, or synced by somebody else.
        TonicDMError: A query failed for good; what was stored before is kept.
    """
    chosen = list(dict.fromkeys(types))
    if unknown := [name for name in chosen if name not in MODELS]:
        raise ConfigError(f"{', '.join(unknown)} can't be synced; there are {', '.join(MODELS)}. Nothing was sent.")
    clock = rhythm._caller.transport.clock
    await store.acquire_lock(clock, hold)
    keeper = asyncio.create_task(_renew(rhythm, store, hold), name="tonicdm-rhythm-sync")
    reports = []
    try:
        for name in chosen:
            type_sync = _TypeSync(rhythm, store, name, rules or SyncRules(), on_progress, hold)
            reports.append(type_sync.report)
            await type_sync.run()
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError, TonicDMError):
            await keeper
        with contextlib.suppress(TonicDMError):
            await store.refresh_views()
            await store.release_lock(hold)
    return reports


async def _renew(rhythm: RhythmClient, store: Store, hold: Hold) -> None:
    clock = rhythm._caller.transport.clock
    while True:
        await clock.sleep_until(clock.monotonic() + min(RENEWAL, hold.seconds / 4))
        await store.acquire_lock(clock, hold)


Step: TypeAlias = Literal["changes", "ids"]


class _TypeSync:
    """One type, one run."""

    def __init__(
        self, rhythm: RhythmClient, store: Store, name: str, rules: SyncRules, on_progress: OnProgress, hold: Hold
    ) -> None:
        self.hold = hold
        self.rhythm, self.store, self.rules, self.on_progress = rhythm, store, rules, on_progress
        self.query_type = query_type_of(name, rhythm._caller.dialect)
        self.model = MODELS[name]
        self.report = TypeSynced(f"rhythm_{name}")

    async def run(self) -> None:
        record_type, report = self.report.type, self.report
        state = await self.store.state(record_type)
        fields = await self._fields()
        since = self._since(state.until)
        report.since = None if since is None else since.isoformat()
        began = await self._load(fields, since)
        first = state.until is None
        due = not first and audit_due(state.audited, self.rules.compare, began)
        compared = await self._compare(since) if due else (began if first else None)
        await self.store.finish(
            record_type,
            until=_stamp(began),
            audited=None if compared is None else _stamp(compared),
            changed=None if first else report.changed,
            deleted=report.deleted,
            units=0,
        )
        report.compared, report.done = due, True
        self.on_progress(report)

    def _since(self, until: str | None) -> datetime.datetime | None:
        """Return from when on changes are asked for; None for everything.

        A window that begins in the future, by the API's Date, was left by a wrong clock. Nothing would be asked for
        until that moment comes, and what changed before it never: so it is not believed, and everything is read.
        """
        if until is None:
            return None
        since = datetime.datetime.fromisoformat(until) - self.rules.lookback
        if since.timestamp() <= self._now():
            return since
        logger.warning(
            "%s: the last run ended at %s by a clock that was ahead; everything is read again", self.report.type, until
        )
        return None

    def _now(self) -> float:
        return self.rhythm._caller.server_clock.now()

    async def _load(self, fields: tuple[str, ...], since: datetime.datetime | None) -> float:
        """Read what changed since, or everything; return the time before it was asked for."""
        criteria = None if since is None else field(MODIFIED) >= since
        spec = QuerySpec(type=self.query_type, fields=fields, criteria=criteria, sort=("id",))

        clock = self.store.clock(self.rhythm._caller.transport.clock)
        stamp = await self.store.draw(clock.now())

        async def keep(part: Rows) -> None:
            record_type = self.report.type
            written = await self._write(
                lambda db: writing.write_records(db, record_type, part, DataQuantity.BASIC, stamp)
            )
            self.report.changed += written.changed
            self.report.rows += len(part)
            self.on_progress(self.report)

        return await self._read("changes", spec, keep)

    async def _compare(self, since: datetime.datetime | None) -> float:
        """Mark as deleted what a list of all ids has not; records changed of late are left for the next time."""
        record_type = self.report.type
        await self._write(lambda db: db.execute("DELETE FROM scan WHERE type = ?", (record_type,)))
        spec = QuerySpec(type=self.query_type, fields=("id", MODIFIED), sort=("id",))

        async def keep(part: Rows) -> None:
            def note(db: Database) -> None:
                rows.note_scanned(db, record_type, writing.sorted_out(db, record_type, part).times, 1)

            await self._write(note)

        began = await self._read("ids", spec, keep)
        until = None if since is None else since.astimezone(datetime.UTC).isoformat()
        gone = await self.store.read(lambda db: _gone(db, record_type, until))
        held = (await self.store.state(record_type)).count
        if too_many_deletions(len(gone), held) and not self.rules.confirmed:
            raise SyncStoppedError(
                record_type,
                f"{len(gone):,} of {held:,} records vanished at once; if that is right, run again with "
                "--confirm-deletions",
            )
        at = _stamp(began)
        self.report.deleted = await self._write(
            lambda db: writing.write_tombstones(db, record_type, gone, DELETED, at, rows.draw(db, began))
        )
        return began

    async def _write(self, work: Callable[[Database], T]) -> T:
        """Store something, unless another run has taken the type over."""

        def run(db: Database) -> T:
            lock.check_held(db, self.store.name, self.hold)
            return work(db)

        return await self.store.write(run)

    async def _read(self, step: Step, spec: QuerySpec, keep: Callable[[Rows], Any]) -> float:
        """Run a query beside the store, hand its rows on, and forget it; return the time before it was started.

        The note stays until all rows are in the store: a crash before that reads the same result again.
        """
        path = self.store.location.beside(f"{self.report.type}.{step}.json")
        job = self._note(step, path)
        result = await self.rhythm.queries.run(spec, path, rules=self.rules.poll, anew=True, keep_note=True, note=job)
        results = read_rows(path)
        while part := await asyncio.to_thread(self._take, results, result.query, path, job):
            await keep(part)
        await asyncio.to_thread(path.unlink, missing_ok=True)
        await asyncio.to_thread(job.remove)
        assert result.started_at is not None
        # A note that an earlier version wrote by a clock that was ahead must not move the window there.
        return result.started_at if result.started_at <= self._now() else self._now() - MAX_JOB_SECONDS

    def _note(self, step: Step, path: pathlib.Path) -> JobNote:
        """Return where a query is noted: what is beside a store in a database is on one host only."""
        location = self.store.location
        return JobFile.beside(path) if location.schema is None else StoreNote(location, f"{self.report.type}.{step}")

    def _take(self, results: Iterable[Any], query: str, path: pathlib.Path, job: JobNote) -> Rows:
        try:
            part = list(itertools.islice(results, BATCH_ROWS))
            if all(isinstance(row, dict) and isinstance(row.get("id"), str) and row["id"] for row in part):
                return part
            what = "has rows without an id, by which they would be stored"
        except MalformedError as error:
            what = str(error)
        note = job.read()
        if note is not None and job.failed(note, self._now()):
            path.unlink(missing_ok=True)
            what += "; it is given up, and the next run starts another query"
        raise ResultError(query, what, file=str(path))

    async def _fields(self) -> tuple[str, ...]:
        """Return what to ask for: what is wished, else all fields that the query type names, else the model's own."""
        needed = ("id", MODIFIED)
        if self.rules.fields is not None:
            return tuple(dict.fromkeys((*needed, *self.rules.fields)))
        described = await self.rhythm.queries.describe_type(self.query_type)
        key = self.rhythm._caller.dialect.query.field_key
        listed = described.fields if isinstance(described.fields, list) else []
        named = [entry[key] for entry in listed if isinstance(entry, dict) and isinstance(entry.get(key), str)]
        return tuple(dict.fromkeys((*needed, *(named or wire_names(self.model).values()))))


def _gone(db: Database, record_type: str, until: str | None) -> list[str]:
    """Return the records that are not among the ids and have not changed since *until*."""
    held: set[str] = set(rows.vanished(db, record_type))
    if until is not None:
        sql = "SELECT id FROM record WHERE type = ? AND updated >= ?"
        held -= {record_id for (record_id,) in db.execute(sql, (record_type, until))}
    return sorted(held)


def _stamp(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat()


def as_line(reports: Sequence[TypeSynced], seconds: float) -> str:
    """Return a run as one line of JSON.

    Args:
        reports: What was done.
        seconds: How long it took.
    """
    return json.dumps(
        {
            "changed": sum(report.changed for report in reports),
            "deleted": sum(report.deleted for report in reports),
            "seconds": round(seconds, 3),
            "types": [report.as_json() for report in reports],
        },
        separators=(",", ":"),
    )
