"""The seeded firm: all tables, and what a record looks like when it is read."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import Any

from tonicdm.sandbox.world.ids import REMEMBERED, IdSpace, compact, hyphenated
from tonicdm.sandbox.world.noise import Shuffle, column, key_of, mix, raw
from tonicdm.sandbox.world.stamps import FIRST_DAY, LAST_DAY, stamp
from tonicdm.sandbox.world.table import (
    ACTIVE,
    DELETED,
    INACTIVE,
    NOTHING,
    STATUSES,
    Link,
    Record,
    RecordTypeSpec,
    Table,
)

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
