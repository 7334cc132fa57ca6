"""The seeded firm: its record types, their tables, and its records as they are read.

A record is made from (seed, type, rank) whenever it is read. Kept are a byte for its status, eight for the time
of its last change, four for each reference that a filter asks for, and the fields somebody changed.
"""

from __future__ import annotations

import bisect
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress
from typing import Any, Literal

import attrs

from tonicdm.sandbox.world.ids import REMEMBERED, IdSpace, compact, hyphenated
from tonicdm.sandbox.world.noise import Shuffle, column, key_of, mix, raw
from tonicdm.sandbox.world.stamps import FIRST_DAY, LAST_DAY, stamp

Record = dict[str, Any]

NOTHING = 0xFFFFFFFF
"""In a column of references: this record refers to none."""

_PREPARED = 32
"""Prepared lists that are kept at most, four bytes a record each."""

STATUSES = ("active", "inactive", "deleted")
ACTIVE, INACTIVE, DELETED, GONE = range(4)
"""Status bytes; GONE is a record that was truly deleted and keeps its rank only."""


@attrs.frozen(kw_only=True)
class Link:
    """A column that refers to another type."""

    target: str
    """Name of the other type."""
    field: str | None
    """Wire name under which the reference is read and written; None for one that only seeded records have."""
    style: Literal["id", "stub", "hyphenated"] = "id"
    """How it is written: a flat ID, an object with ID and last change, or a flat ID with hyphens."""


@attrs.frozen(kw_only=True)
class RecordTypeSpec:
    """A record type: where its data come from and what its fields mean."""

    name: str
    """Name in the world, for example "offices"."""
    make: Callable[[Firm, int], Record]
    """Makes the own fields of the record at a rank, references as stubs."""
    share: int = 0
    """Part of the world's records, in thousandths."""
    minimum: int = 1
    """Fewest records, however small the world."""
    retires: bool = True
    """Whether some seeded records are inactive or deleted."""
    links: Mapping[str, Link] = attrs.field(factory=dict)
    """Columns of references, by column name."""
    fill: Callable[[Firm], Mapping[str, array[int]]] | None = None
    """Makes the columns."""
    references: Mapping[str, str] = attrs.field(factory=dict)
    """Fields that hold a reference or a list of them, and the type they refer to."""
    children: Callable[[Firm, int], Record] | None = None
    """Makes the fields that list a record's children, which a created record has too."""
    sorts: Mapping[str, str] = attrs.field(factory=dict)
    """Values of sortBy and the field each sorts by."""
    hyphenated: bool = False
    """Whether the record's own id is written with hyphens (reference: format uuid)."""
    status_field: str | None = "status"
    """Field that shows the status; None when the record shows none."""


@attrs.define
class Table:
    """The records of one type."""

    spec: RecordTypeSpec
    ids: IdSpace
    slots: Shuffle
    """From rank to slot: the number by which parents and children find each other."""
    status: bytearray
    updated: array[float]
    links: dict[str, array[int]] = attrs.field(factory=dict)
    patches: dict[int, Record] = attrs.field(factory=dict)
    """Fields changed since the start, and all fields of created records, by rank."""
    created: list[str] = attrs.field(factory=list)
    """IDs of the records created since the start; the first has rank `ids.count`."""
    moved: dict[str, dict[int, set[int]]] = attrs.field(factory=dict)
    """Records whose reference was set since the start, by column and rank referred to."""
    strangers: set[int] = attrs.field(factory=set)
    """Records of which any reference was set since the start."""
    _created_ranks: dict[str, int] = attrs.field(factory=dict)
    stubs: dict[int, Record] = attrs.field(factory=dict)
    """References to records of a small type, as they are shown until the next change."""
    cache: dict[object, array[int]] = attrs.field(factory=dict)
    """Prepared lists of all tables of a firm: a list may depend on records of other types."""

    def id(self, rank: int) -> str:
        """Return the compact ID of the record at *rank*."""
        base = self.ids.count
        return self.ids.text(rank) if rank < base else self.created[rank - base]

    def rank(self, record_id: str) -> int | None:
        """Return the rank behind an ID; None when there is no such record or it was truly deleted."""
        rank = self._created_ranks.get(record_id)
        if rank is None:
            rank = self.ids.rank(record_id)
        return None if rank is None or self.status[rank] == GONE else rank

    def append(self, moment: float, links: Mapping[str, int]) -> int:
        """Add a record and return its rank.

        Args:
            moment: Unix time of its creation.
            links: Ranks its columns refer to; the others refer to nothing.
        """
        rank = len(self.status)
        record_id = self.ids.created(len(self.created))
        self.created.append(record_id)
        self._created_ranks[record_id] = rank
        self.status.append(ACTIVE)
        self.updated.append(moment)
        for name, ranks in self.links.items():
            ranks.append(NOTHING)
            self.refer(name, rank, links.get(name, NOTHING))
        self.patches[rank] = {}
        self.touch(rank, moment)
        return rank

    def refer(self, name: str, rank: int, target: int) -> None:
        """Let a record refer to another one."""
        self.links[name][rank] = target
        self.strangers.add(rank)
        if target != NOTHING:
            self.moved.setdefault(name, {}).setdefault(target, set()).add(rank)

    def referring(self, name: str, target: int, seeded: Iterable[int]) -> list[int]:
        """Return the existing records that refer to *target*, without a scan.

        Args:
            name: Column.
            target: Rank referred to.
            seeded: Those that did at the start.
        """
        ranks, status = self.links[name], self.status
        moved = self.moved.get(name, {}).get(target)
        all_of_them = seeded if not moved else sorted({*seeded, *moved})
        return [rank for rank in all_of_them if ranks[rank] == target and status[rank] != GONE]

    def touch(self, rank: int, moment: float) -> None:
        """Set the time of the last change of a record."""
        self.updated[rank] = moment
        self.stubs.pop(rank, None)
        self.changed()

    def changed(self) -> None:
        """Forget prepared lists after a change."""
        self.cache.clear()

    def select(
        self,
        statuses: Iterable[int],
        tests: Sequence[tuple[object, Callable[[int], bool]]] = (),
        sort: tuple[object, Callable[[int], Any], bool] | None = None,
    ) -> array[int]:
        """Return the ranks of the matching records, ordered by ID or as asked.

        The answer is kept until the next change, so that the pages of one list cost one scan.

        Args:
            statuses: Status bytes to include.
            tests: What else must hold, each with a hashable name that says the same as the test.
            sort: Hashable name, key and whether to reverse; ties stay in the order of IDs.
        """
        wanted = frozenset(statuses)
        name = (self.spec.name, wanted, tuple(test[0] for test in tests), sort and (sort[0], sort[2]))
        ranks = self.cache.get(name)
        if ranks is None:
            if len(self.cache) >= _PREPARED:
                self.cache.clear()
            ranks = self.cache[name] = self._select(wanted, tests, sort)
        return ranks

    def copy(self, cache: dict[object, array[int]]) -> Table:
        """Return an independent copy, for snapshots.

        Args:
            cache: Where the copy keeps its prepared lists.
        """
        return attrs.evolve(
            self,
            status=bytearray(self.status),
            updated=array("d", self.updated),
            links={name: array("I", ranks) for name, ranks in self.links.items()},
            patches={rank: dict(fields) for rank, fields in self.patches.items()},
            moved={n: {t: set(r) for t, r in targets.items()} for n, targets in self.moved.items()},
            created=list(self.created),
            created_ranks=dict(self._created_ranks),
            strangers=set(self.strangers),
            stubs={},
            cache=cache,
        )

    def _select(
        self,
        statuses: frozenset[int],
        tests: Sequence[tuple[object, Callable[[int], bool]]],
        sort: tuple[object, Callable[[int], Any], bool] | None,
    ) -> array[int]:
        table = bytes(1 if status in statuses else 0 for status in range(256))
        chosen = self.status.translate(table)
        ranks: Iterable[int] = compress(range(len(chosen)), chosen)
        for _, test in tests:
            ranks = filter(test, ranks)
        ordered = self._by_id(array("I", ranks))
        return ordered if sort is None else array("I", sorted(ordered, key=sort[1], reverse=sort[2]))

    def _by_id(self, ranks: array[int]) -> array[int]:
        """Put created records, whose ranks are the highest, where their IDs belong."""
        base = self.ids.count
        start = bisect.bisect_left(ranks, base)
        if start == len(ranks):
            return ranks
        ordered = array("I")
        done = 0
        for rank in sorted(ranks[start:], key=self.id):
            place = bisect.bisect_left(ranks, self.id(rank), done, start, key=self.id)
            ordered.extend(ranks[done:place])
            ordered.append(rank)
            done = place
        ordered.extend(ranks[done:start])
        return ordered


_CREATED = tuple(stamp(FIRST_DAY - 86400 * 90 + day * 86400 + day * 7919 % 86400, day) for day in range(90))
"""Seeded records were created on one of these days, before the first of them changed."""


class Firm:
    """Everything one tenant has.

    Args:
        specs: The record types, each after those it refers to.
        counts: How many records each has.
        seed: The same seed and counts give the same records, byte by byte.
        zone: Home zone of the own organization.
        grouped: Whether contacts are grouped by organization and person, as the AdvancedContacts licence allows;
            if not, each domain is an organization and a brand of its own (concepts page, "Organizations").
    """

    def __init__(
        self, specs: Iterable[RecordTypeSpec], counts: Mapping[str, int], seed: int, zone: str, *, grouped: bool = True
    ) -> None:
        self.seed = seed
        self.grouped = grouped
        self.zone = zone
        self.tables: dict[str, Table] = {}
        self.cache: dict[object, array[int]] = {}
        self._keys: dict[str, int] = {}
        for spec in specs:
            self._keys[spec.name] = key_of(seed, spec.name, "fields")
            self.tables[spec.name] = table = _table(spec, counts[spec.name], seed, self.cache)
            if spec.fill is not None:
                table.links.update(spec.fill(self))

    def noise(self, record_type: str, rank: int) -> int:
        """Return 64 random bits that belong to one record."""
        return mix(rank + self._keys[record_type])

    def id(self, record_type: str, rank: int) -> str:
        """Return a record's compact ID."""
        return self.tables[record_type].id(rank)

    def draw(self, record_type: str, name: str, target: str, none: float = 0.0) -> array[int]:
        """Return a random reference to *target* for each record of *record_type*.

        Args:
            record_type: The referring type.
            name: Name of the column.
            target: The type referred to.
            none: Share of records that refer to nothing.
        """
        size = self.tables[target].ids.count
        empty = int(none * 0xFFFF)
        numbers = column(self.tables[record_type].ids.count, self.seed, record_type, name)
        return array("I", [NOTHING if (n & 0xFFFF) < empty else (n >> 8) % size for n in numbers])

    def stub(self, record_type: str, rank: int) -> Record:
        """Return a reference as `basic` shows it: ID and last change (concepts page, "Rate Limiting").

        It may be shared with other records: whoever hands it out of the world copies it.
        """
        table = self.tables[record_type]
        stub = table.stubs.get(rank)
        if stub is None:
            text = table.id(rank)
            stub = {
                "id": hyphenated(text) if table.spec.hyphenated else text,
                "datetimeUpdated": stamp(table.updated[rank], rank),
            }
            if table.ids.count <= REMEMBERED:
                table.stubs[rank] = stub
        return stub

    def maybe(self, record_type: str, rank: int) -> Record | None:
        """Return a stub, or None for a reference to nothing."""
        return None if rank == NOTHING else self.stub(record_type, rank)

    def maybe_id(self, record_type: str, rank: int) -> str | None:
        """Return an ID, or None for a reference to nothing."""
        return None if rank == NOTHING else self.tables[record_type].id(rank)

    def record(self, record_type: str, rank: int) -> Record:
        """Return a record with data_quantity basic, as it is now."""
        table = self.tables[record_type]
        made = table.spec.make(self, rank) if rank < table.ids.count else self._made_later(table, rank)
        if (patch := table.patches.get(rank)) is not None:
            made.update(patch)
            for field, target in table.spec.references.items():
                if field in patch:
                    made[field] = self._restubbed(target, patch[field])
        return made

    def complete(self, record_type: str, rank: int) -> Record:
        """Return a record with its references expanded by one level."""
        record = self.record(record_type, rank)
        for field, target in self.tables[record_type].spec.references.items():
            value = record.get(field)
            if isinstance(value, list):
                record[field] = [self._expanded(target, item) for item in value]
            elif value is not None:
                record[field] = self._expanded(target, value)
        return record

    def _expanded(self, record_type: str, stub: Record) -> Record:
        rank = self.tables[record_type].rank(compact(stub["id"]))
        return stub if rank is None else self.record(record_type, rank)

    def _made_later(self, table: Table, rank: int) -> Record:
        """Return what a record that somebody created has besides the fields it was given."""
        spec = table.spec
        text = table.id(rank)
        made: Record = {
            "id": hyphenated(text) if spec.hyphenated else text,
            "datetimeCreated": stamp(table.updated[rank], rank),
            "datetimeUpdated": stamp(table.updated[rank], rank),
        }
        if spec.status_field is not None:
            made[spec.status_field] = STATUSES[table.status[rank]]
        for name, link in spec.links.items():
            if link.field is not None and (target := table.links[name][rank]) != NOTHING:
                made[link.field] = self.link(link, target)
        if spec.children is not None:
            made.update(spec.children(self, rank))
        return made

    def link(self, link: Link, rank: int) -> Any:
        """Return the wire value of a reference column."""
        if link.style == "stub":
            return self.stub(link.target, rank)
        text = self.tables[link.target].id(rank)
        return hyphenated(text) if link.style == "hyphenated" else text

    def _restubbed(self, record_type: str, value: Any) -> Any:
        """Return references somebody sent, as stubs of today; what refers to nothing known stays as it is."""
        if isinstance(value, list):
            return [self._restubbed(record_type, item) for item in value]
        text = value.get("id") if isinstance(value, dict) else None
        rank = self.tables[record_type].rank(compact(text)) if isinstance(text, str) else None
        return value if rank is None else self.stub(record_type, rank)

    def children(self, record_type: str, column: str, parent: str, rank: int) -> list[int]:
        """Return the ranks of the records of *record_type* that refer to a parent by a column.

        The seeded ones need no index: `parents` has dealt them out by their slots.
        """
        table = self.tables[record_type]
        count, parents = table.ids.count, self.tables[parent]
        slots = range(parents.slots(rank), count, parents.ids.count) if rank < parents.ids.count else ()
        return table.referring(column, rank, map(table.slots.back, slots))

    def parents(self, record_type: str, parent: str) -> array[int]:
        """Return a column that deals records out to parents in turn: each has one before any has two."""
        table, above = self.tables[record_type], self.tables[parent]
        count, back, slots = above.ids.count, above.slots.back, table.slots
        return array("I", [back(slots(rank) % count) for rank in range(table.ids.count)])

    def created(self, rank: int) -> str:
        """Return datetimeCreated of a record: some time before its last seeded change."""
        return _CREATED[rank % len(_CREATED)]

    def status(self, record_type: str, rank: int) -> str:
        """Return a record's status word."""
        return STATUSES[self.tables[record_type].status[rank]]


def _table(spec: RecordTypeSpec, count: int, seed: int, cache: dict[object, array[int]]) -> Table:
    return Table(
        spec=spec,
        ids=IdSpace(seed, spec.name, count),
        slots=Shuffle(count, seed, spec.name),
        status=_statuses(spec, count, seed),
        updated=_updates(spec, count, seed),
        cache=cache,
    )


def _statuses(spec: RecordTypeSpec, count: int, seed: int) -> bytearray:
    if not spec.retires:
        return bytearray(count)
    # Of 256 records about 10 are inactive and 6 soft-deleted.
    table = bytes(DELETED if byte < 6 else INACTIVE if byte < 16 else ACTIVE for byte in range(256))
    return bytearray(raw(count, seed, spec.name, "status").translate(table))


def _updates(spec: RecordTypeSpec, count: int, seed: int) -> array[float]:
    span = LAST_DAY - FIRST_DAY
    # One record in four came in a nightly import at 02:00, so equal timestamps are common.
    return array(
        "d",
        [
            FIRST_DAY + ((number % span) // 604800 * 604800 + 7200 if number & 3 == 3 else number % span)
            for number in column(count, seed, spec.name, "updated")
        ],
    )
