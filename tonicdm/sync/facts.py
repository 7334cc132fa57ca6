"""Read what a store knows of a type, as the plan takes it, and keep what a run has learned."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from tonicdm.endpoints.options import MAX_PAGE_SIZE
from tonicdm.plan.arithmetic import UNPROVEN_PAGE
from tonicdm.plan.facts import MAX_PAGES, TypeFacts
from tonicdm.plan.passes import resume_point
from tonicdm.plan.progress import Progress
from tonicdm.plan.ties import since_of
from tonicdm.store import rows
from tonicdm.store.database import Database
from tonicdm.store.rows import SOFT_DELETED, Checkpoint
from tonicdm.store.store import Store
from tonicdm.store.types import RecordType
from tonicdm.types import RecordID

UPDATED_AFTER: Final = "updated_after"
"""The capability of a list to be asked for what changed."""
PAGED: Final = "paged"
"""The capability of a list to be read in pages though the reference shows none: asking anew costs 6 units."""
IDS: Final = "ids_per_call"
"""The capability of a server to read so many IDs in one header, once one was refused."""
IDS_PROVEN: Final = "ids_proven"
LARGEST: Final = "largest_page"
STUB_TIMES: Final = "stub_times"
STUB_UNITS: Final = "units of id_only"
RECORD_UNITS: Final = "units of basic"
TIES: Final = "ties"
COUNTED: Final = "counted"
"""Elements of the last whole list, and records that the store held then."""

PARENT_OPTION: Final = "project_id"
INTERVALS: Final[Mapping[str, float]] = {"daily": 86_400.0, "weekly": 7 * 86_400.0, "always": 0.0}
LATE: Final = 900.0
"""Seconds after which a run that goes on also reads what changed since it was interrupted."""

_LIVE: Final = "(deleted_at IS NULL OR reason = ?)"
_ASIDE: Final = (
    "SELECT count(*) FROM quarantine AS aside WHERE type = ? AND id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM record "
    "WHERE record.type = aside.type AND record.id = aside.id AND (deleted_at IS NULL OR reason = ?))"
)
"""Records of a type that the store knows from its quarantine alone."""


@attrs.frozen(kw_only=True)
class SyncOptions:
    """What a run is to do."""

    audit: str = "weekly"
    """How often to look for records that are gone: ``never``, ``daily``, ``weekly``, ``always``."""
    confirmed: bool = False
    """Whether a large part of a type may vanish at once."""
    projects: Sequence[RecordID] = ()
    """Only of these projects, for the types that can be asked so."""
    counts: Mapping[str, int] = attrs.field(factory=dict)
    """How many records a type has, where somebody knows."""
    page_limit: int = MAX_PAGE_SIZE
    ids_per_call: int = 240
    ids_proven: int = 0
    largest_page: int = 0
    paged: frozenset[str] = frozenset()
    """Paths whose lists turned out to have pages, though the reference shows none."""
    max_pages: int = MAX_PAGES


async def facts_of(store: Store, record_type: RecordType, options: SyncOptions, *, now: float) -> TypeFacts:
    """Return what is known of a type.

    Args:
        store: What is known.
        record_type: The type.
        options: What is wanted.
        now: Unix time by the store's clock.
    """
    return await store.read(lambda db: _Reading(db, record_type, options, now).facts())


async def parents_of(store: Store, record_type: RecordType, options: SyncOptions) -> list[str] | None:
    """Return the records that a type is listed by; None for one that has a list of its own."""
    return await store.read(lambda db: _parents(db, record_type, options))


def _parents(db: Database, record_type: RecordType, options: SyncOptions) -> list[str] | None:
    if record_type.parents is not None:
        named = _ids_listed_by(db, record_type)
        return named if record_type.by_own_ids or not options.projects else list(options.projects)
    if options.projects and PARENT_OPTION in record_type.listing.operation.options:
        return list(options.projects)
    return None


def _ids_listed_by(db: Database, record_type: RecordType) -> list[str]:
    if not record_type.named_in:
        sql = "SELECT id FROM record WHERE type = ? AND deleted_at IS NULL ORDER BY id"
        return [str(identity) for (identity,) in db.execute(sql, (record_type.parents,))]
    identity = db.dialect.text_of(record_type.named_in)
    where = f"type = ? AND {identity} IS NOT NULL"
    sql = f"SELECT DISTINCT replace({identity}, '-', '') FROM record WHERE {where} ORDER BY 1"  # noqa: S608 - a field of ours
    return [str(identity) for (identity,) in db.execute(sql, (record_type.parents,))]


def audit_due(audited: str | None, audit: str, now: float) -> bool:
    """Tell whether deletions are to be looked for.

    Args:
        audited: When that was done last, ISO 8601, by the server's clock; None for never.
        audit: How often it is wanted.
        now: Unix time, by the own clock.
    """
    if audit == "never":
        return False
    if audited is None:
        return True
    # A server whose clock is or was ahead must not put the next one off: "always" is always, and a time further ahead
    # than the interval is no time at which anything was done.
    return abs(now - datetime.datetime.fromisoformat(audited).timestamp()) >= INTERVALS[audit]


class _Reading:
    """Reads the facts of a type in one go."""

    def __init__(self, db: Database, record_type: RecordType, options: SyncOptions, now: float) -> None:
        self._db, self._record_type, self._options, self._now = db, record_type, options, now
        sql = "SELECT type, name, value FROM capability WHERE type IN ('', ?)"
        learned = db.execute(sql, (record_type.name,)).fetchall()
        self._own = {name: value for type_name, name, value in learned if type_name}
        self._common = {name: value for type_name, name, value in learned if not type_name}

    def facts(self) -> TypeFacts:
        record_type, options = self._record_type, self._options
        listing = record_type.listing
        given = listing.operation.options
        state = rows.state(self._db, record_type.name)
        parents = _parents(self._db, record_type, options)
        partial = bool(options.projects) and parents is not None
        ties = self._own.get(TIES) or None
        facts = TypeFacts(
            record_type=record_type.name,
            paged=listing.paged,
            has_data_quantity=listing.operation.has_data_quantity,
            has_updated_after=UPDATED_AFTER in given and record_type.stamped,
            has_statuses="filter_statuses" in given,
            by_id=listing.askable,
            stamped=record_type.stamped,
            licensed=record_type.licensed,
            lists=None if parents is None else len(parents),
            lists_of_ids=record_type.by_own_ids,
            until=state.until,
            count=self._count(state.count, loaded=state.until is not None),
            list_counts=self._list_counts(parents) if parents is not None and not record_type.by_own_ids else None,
            counted=state.until is not None,
            held=state.count,
            overlap=self._since(since_of(state.until)) if state.until is not None else 0,
            tied=self._since(ties, strict=False) if ties else 0,
            ties=ties,
            likely=round(sum(state.runs) / len(state.runs)) if state.runs else None,
            sample=self._sample(),
            statuses_shown=self._statuses_shown(),
            updated_after={"yes": True, "no": False}.get(self._own.get(UPDATED_AFTER, "")),
            stub_times={"yes": True, "no": False}.get(self._own.get(STUB_TIMES, "")),
            page_limit=options.page_limit,
            largest_page=int(self._own.get(LARGEST, 0)),
            proven_elsewhere=max(int(self._common.get(LARGEST, 0)), options.largest_page) > UNPROVEN_PAGE,
            pages_anyway=self._own.get(PAGED) == "yes" or listing.operation.path in options.paged,
            ids_per_call=min(options.ids_per_call, int(self._common.get(IDS, options.ids_per_call))),
            ids_proven=max(int(self._common.get(IDS_PROVEN, 0)), options.ids_proven),
            stub_units=self._price(STUB_UNITS),
            record_units=self._price(RECORD_UNITS),
            audit=not partial and state.until is not None and audit_due(state.audited, options.audit, self._now),
            exact=options.audit == "always",
            confirmed=options.confirmed,
            partial=partial,
            max_pages=options.max_pages,
        )
        return self._with_checkpoint(facts, state.checkpoint)

    def _with_checkpoint(self, facts: TypeFacts, mark: Checkpoint | None) -> TypeFacts:
        if mark is None or facts.partial:
            return facts
        before = None if mark.progress is None else Progress.from_json(mark.progress)
        if before is None:
            before = resume_point(
                facts, stage=mark.stage, next_page=mark.next_page, since=mark.since, started=mark.started
            )
        if before is None:
            return facts
        at = before.now or before.started
        late = at is None or self._now - datetime.datetime.fromisoformat(at).timestamp() > LATE
        count = facts.count if before.counted is None else before.counted
        return attrs.evolve(facts, checkpoint=before, late=late, count=count)

    def _count(self, held: int, *, loaded: bool) -> int | None:
        given = self._options.counts.get(self._record_type.name)
        if given is not None or not loaded:
            return given
        held += self._value(_ASIDE, SOFT_DELETED)
        if COUNTED not in self._own:
            return held
        # A list may show more or fewer than the store holds: doubles, what no one can read, what has no status.
        listed, then = map(int, self._own[COUNTED].split())
        return max(0, listed + held - then)

    def _list_counts(self, parents: Sequence[str]) -> tuple[int, ...]:
        sql = f"SELECT substr(id, 1, 32), count(*) FROM record WHERE type = ? AND {_LIVE} GROUP BY 1"  # noqa: S608
        counts = dict(self._db.execute(sql, (self._record_type.name, SOFT_DELETED)).fetchall())
        return tuple(int(counts.get(parent, 0)) for parent in parents)

    def _since(self, moment: str, *, strict: bool = True) -> int:
        live = "SELECT count(*) FROM record WHERE type = ? AND (deleted_at IS NULL OR reason = ?) AND updated "
        return self._value(live + ("> ?" if strict else ">= ?"), SOFT_DELETED, moment)

    def _sample(self) -> int:
        if not (self._record_type.licensed and self._record_type.listing.askable):
            return 0
        return self._value("SELECT count(*) FROM record WHERE type = ? AND deleted_at IS NULL")

    def _statuses_shown(self) -> bool:
        sql = "SELECT EXISTS (SELECT 1 FROM record WHERE type = ? AND status IN ('inactive', 'deleted', '0', '4'))"
        return bool(self._value(sql))

    def _price(self, name: str) -> int | None:
        value = self._own.get(name)
        return None if value is None or self._record_type.listing.operation.has_data_quantity else int(value)

    def _value(self, sql: str, *values: Any) -> int:
        (value,) = self._db.execute(sql, (self._record_type.name, *values)).fetchone()
        return int(value)


def keep_learned(db: Database, facts: TypeFacts, progress: Progress) -> None:
    """Keep what a run has learned of the server.

    Args:
        db: The store, in a transaction.
        facts: What was known before.
        progress: The run's last.
    """
    record_type = facts.record_type
    common = {IDS: progress.ids_per_call if progress.ids_per_call < facts.batch else facts.ids_per_call}
    own: dict[str, Any] = {
        UPDATED_AFTER: _word(progress.updated_after),
        STUB_TIMES: _word(progress.stub_times),
        PAGED: "yes" if progress.pages_anyway else None,
        STUB_UNITS: progress.stub_units,
        RECORD_UNITS: progress.record_units,
        LARGEST: progress.largest_page or None,
        TIES: progress.ties or "",
    }
    db.executemany(
        rows.PUT_CAPABILITY, [(record_type, name, str(value)) for name, value in own.items() if value is not None]
    )
    # Types are read side by side: the least and the most of what they found count.
    sql = (
        "INSERT INTO capability (type, name, value) VALUES ('', ?, ?) ON CONFLICT (type, name) DO UPDATE SET "
        "value = excluded.value WHERE CAST(excluded.value AS BIGINT) {} CAST(capability.value AS BIGINT)"
    )
    db.executemany(sql.format("<"), [(name, str(value)) for name, value in common.items() if value])
    largest = {IDS_PROVEN: progress.ids_proven, LARGEST: progress.largest_page}
    db.executemany(sql.format(">"), [(name, str(value)) for name, value in largest.items() if value])


def note_counted(db: Database, record_type: str, counted: int) -> None:
    """Keep how many elements a whole list had, beside what the store holds of it."""
    sql = f"SELECT count(*) FROM record WHERE type = ? AND {_LIVE}"  # noqa: S608 - no values
    (held,) = db.execute(sql, (record_type, SOFT_DELETED)).fetchone()
    (more,) = db.execute(_ASIDE, (record_type, SOFT_DELETED)).fetchone()
    db.execute(rows.PUT_CAPABILITY, (record_type, COUNTED, f"{counted} {held + more}"))


def _word(proven: bool | None) -> str | None:  # noqa: FBT001 - a value, not a switch
    return None if proven is None else "yes" if proven else "no"
