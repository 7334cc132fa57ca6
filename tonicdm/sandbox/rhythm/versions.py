"""Records of one type, computed from a seed when they are read, with their changes kept beside them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from tonicdm.sandbox.world.ids import IdSpace
from tonicdm.sandbox.world.noise import key_of
from tonicdm.sandbox.world.stamps import stamp

Record = dict[str, Any]
Fields = Mapping[str, Callable[[int], Any]]
"""How each field of a seeded record follows from its rank; None where the record lacks it."""

USER = "auth0|sandbox-operator"
"""Who changes records in the sandbox's own name."""


@attrs.frozen
class Version:
    """A record that was changed, and what a stale read still shows."""

    record: Record
    at: float
    before: Record | None


@attrs.define
class Table:
    """The records of one type in a fixed order, that of their ranks.

    Args:
        name: Type, in the plural.
        count: Seeded records.
        ids: Their IDs.
        fields: How their fields are computed.
    """

    name: str
    count: int
    ids: IdSpace
    fields: Fields
    changed: dict[int, Version] = attrs.field(factory=dict)
    """Changed and created records by rank."""
    created: list[str] = attrs.field(factory=list)
    """IDs of created records; the first has rank `count`."""
    deleted: set[int] = attrs.field(factory=set)
    """Ranks of deleted records."""

    @property
    def names(self) -> tuple[str, ...]:
        """Fields that a record can have."""
        return tuple(self.fields)

    def __len__(self) -> int:
        return self.count + len(self.created) - len(self.deleted)

    def ranks(self, first: int = 0) -> Iterator[int]:
        """Return the ranks of the records there are, from *first* on."""
        every = range(first, self.count + len(self.created))
        return (rank for rank in every if rank not in self.deleted) if self.deleted else iter(every)

    def id(self, rank: int) -> str:
        """Return the ID of the record at *rank*."""
        return self.ids.text(rank) if rank < self.count else self.created[rank - self.count]

    def rank(self, record_id: str) -> int | None:
        """Return the rank behind an ID, None when there is no such record."""
        rank = self.place(record_id)
        return None if rank in self.deleted else rank

    def place(self, record_id: str) -> int | None:
        """Return the rank behind an ID, also of a deleted record: a page may begin behind it."""
        if record_id in self.created:
            return self.count + self.created.index(record_id)
        return self.ids.rank(record_id)

    def record(self, rank: int, stale_since: float | None = None) -> Record:
        """Return a copy of a record.

        Args:
            rank: Its rank.
            stale_since: Server time; a change after it does not show yet.
        """
        version = self.changed.get(rank)
        if version is None:
            made = {name: make(rank) for name, make in self.fields.items()}
            return {name: value for name, value in made.items() if value is not None}
        if stale_since is not None and version.at > stale_since and version.before is not None:
            return dict(version.before)
        return dict(version.record)

    def value(self, rank: int, name: str) -> Any:
        """Return one field without making the whole record, None when the record lacks it."""
        version = self.changed.get(rank)
        if version is not None:
            return version.record.get(name)
        make = self.fields.get(name)
        return None if make is None else make(rank)

    def put(self, rank: int, record: Record, now: float, by: str = USER) -> Record:
        """Store a record in place of another and stamp it: sys_version, sys_last_modified_at."""
        before = self.record(rank)
        version = before.get("sys_version", 0) + 1
        stamped = {"sys_version": version, "sys_last_modified_at": stamp(now, 0), "sys_last_modified_by_id": by}
        self.changed[rank] = Version({**record, **stamped}, now, before)
        return self.record(rank)

    def add(self, record: Record, now: float, by: str = USER) -> Record:
        """Store a new record under an ID of the server's making."""
        number = key_of(self.name, len(self.created))
        record_id = uuid.UUID(int=number << 64 | key_of(number), version=4).hex
        rank = self.count + len(self.created)
        self.created.append(record_id)
        moment = stamp(now, 0)
        own = {
            "id": record_id,
            "sys_version": 1,
            "sys_created_at": moment,
            "sys_created_by_id": by,
            "sys_last_modified_at": moment,
            "sys_last_modified_by_id": by,
        }
        self.changed[rank] = Version({**record, **own}, now, None)
        return self.record(rank)

    def remove(self, rank: int) -> None:
        """Take a record out of sight; no list names it afterwards (no document shows how deletions are named)."""
        self.deleted.add(rank)

    def copy(self) -> Table:
        """Return the table as it is now, whatever happens to this one."""
        return attrs.evolve(self, changed=dict(self.changed), created=list(self.created), deleted=set(self.deleted))
