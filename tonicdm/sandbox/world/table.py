"""One record type: columns for what sorting and filtering need, and what was changed since the start.

A record is made from (seed, type, rank) whenever it is read. Kept are a byte for its status, eight for the time
of its last change, four for each reference that a filter asks for, and the fields somebody changed.
"""

from __future__ import annotations

import bisect
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any, Literal

import attrs

from tonicdm.sandbox.world.ids import IdSpace
from tonicdm.sandbox.world.noise import Shuffle

if TYPE_CHECKING:
    from tonicdm.sandbox.world.firm import Firm

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
        found = self.cache.get(name)
        if found is None:
            if len(self.cache) >= _PREPARED:
                self.cache.clear()
            found = self.cache[name] = self._select(wanted, tests, sort)
        return found

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
        found = self._by_id(array("I", ranks))
        return found if sort is None else array("I", sorted(found, key=sort[1], reverse=sort[2]))

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
