"""The world behind the server: read it, count it and change it without HTTP and without units."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import attrs

from tonicdm.sandbox.world.firm import DELETED, GONE, NOTHING, STATUSES, Firm, Record, Table
from tonicdm.sandbox.world.ids import compact
from tonicdm.sandbox.world.people import keep_example
from tonicdm.sandbox.world.person_slots import addresses, me
from tonicdm.sandbox.world.places import own_organization
from tonicdm.sandbox.world.record_types import RECORD_TYPES, counts
from tonicdm.sandbox.world.stamps import stamp


@attrs.frozen
class Change:
    """What was done to a record."""

    record_type: str
    id: str
    action: Literal["created", "updated", "deleted"]


@attrs.frozen
class WorldSnapshot:
    """All tables at one moment."""

    tables: dict[str, Table]


class World:
    """One firm's records.

    Args:
        records: How many over all types, from some hundreds to a million.
        seed: The same arguments give byte-identical records.
        zone: Home zone of the own organization.
        now: Server time in Unix seconds, called at each change; the machine's when not given.
        grouped: Whether contacts are grouped as the AdvancedContacts licence allows, see `Firm`.
    """

    def __init__(
        self,
        records: int = 1_000,
        seed: int = 1,
        zone: str = "us",
        *,
        now: Callable[[], float] | None = None,
        grouped: bool = True,
    ) -> None:
        self.firm: Firm = Firm(RECORD_TYPES, counts(records, grouped=grouped), seed, zone, grouped=grouped)
        keep_example(self.firm)
        self.milliseconds = False
        """Whether the time of a change keeps milliseconds; whole seconds otherwise."""
        self.listeners: list[Callable[[World, Change], None]] = []
        """Told of each change after it was made."""
        self._now = now or time.time

    @property
    def types(self) -> tuple[str, ...]:
        """Names of all record types."""
        return tuple(self.firm.tables)

    def count(self, record_type: str, *statuses: str) -> int:
        """Return how many records exist, of some statuses only if any are named."""
        status = self.table(record_type).status
        if statuses:
            return sum(status.count(STATUSES.index(name)) for name in statuses)
        return len(status) - status.count(GONE)

    def records(self, record_type: str) -> Iterator[Record]:
        """Iterate over all records with data_quantity basic, soft-deleted ones too, in the order of their IDs."""
        for rank in self.table(record_type).select(range(GONE)):
            yield copy.deepcopy(self.firm.record(record_type, rank))

    def get(self, record_type: str, record_id: str) -> Record | None:
        """Return a record with data_quantity basic, None when there is none."""
        rank = self.table(record_type).rank(compact(record_id))
        return None if rank is None else copy.deepcopy(self.firm.record(record_type, rank))

    def ids(self, record_type: str) -> list[str]:
        """Return all compact IDs of a type, in order."""
        table = self.table(record_type)
        return [table.id(rank) for rank in table.select(range(GONE))]

    def check(self, record_type: str, fields: Record) -> None:
        """Do nothing if `create` and `update` could follow all references in *fields*.

        Raises:
            KeyError: A field refers to a record that does not exist.
        """
        self._split(self.table(record_type), fields)

    def create(self, record_type: str, **fields: Any) -> str:
        """Create a record from wire fields and return its compact ID.

        Raises:
            KeyError: A field refers to a record that does not exist.
        """
        table = self.table(record_type)
        links, others = self._split(table, fields)
        moment = self.moment()
        rank = table.append(moment, links)
        table.patches[rank] = {"datetimeCreated": stamp(moment, rank)}
        self._assign(table, rank, {}, others)
        return self._notify(record_type, table.id(rank), "created")

    def update(self, record_type: str, record_id: str, **fields: Any) -> None:
        """Change wire fields of a record; its datetimeUpdated becomes the server's time.

        Raises:
            KeyError: There is no such record, or none that a field refers to; nothing was changed.
        """
        table, rank = self._find(record_type, record_id)
        self._assign(table, rank, *self._split(table, fields))
        table.touch(rank, self.moment())
        self._notify(record_type, table.id(rank), "updated")

    def touch(self, record_type: str, record_id: str, at: float | None = None) -> None:
        """Set a record's datetimeUpdated to Unix time *at*, or to the server's time, and change nothing else."""
        table, rank = self._find(record_type, record_id)
        table.touch(rank, self.moment() if at is None else at)
        self._notify(record_type, table.id(rank), "updated")

    def delete(self, record_type: str, record_id: str, *, soft: bool = False) -> None:
        """Remove a record truly, or set its status to deleted."""
        table, rank = self._find(record_type, record_id)
        table.status[rank] = DELETED if soft else GONE
        if soft:
            table.touch(rank, self.moment())
        else:
            table.patches.pop(rank, None)
            table.changed()
        self._notify(record_type, compact(record_id), "updated" if soft else "deleted")

    def table(self, record_type: str) -> Table:
        """Return the table of a type.

        Raises:
            KeyError: There is no such type; the message lists those there are.
        """
        try:
            return self.firm.tables[record_type]
        except KeyError:
            raise KeyError(f"no record type {record_type!r}; there are {', '.join(self.types)}") from None

    def moment(self) -> float:
        """Return the server's time at the precision that records keep."""
        now = float(self._now())
        return round(now, 3) if self.milliseconds else float(int(now))

    def snapshot(self) -> WorldSnapshot:
        """Return a copy of everything that can change."""
        return WorldSnapshot({name: table.copy({}) for name, table in self.firm.tables.items()})

    def restore(self, snapshot: WorldSnapshot) -> None:
        """Put a snapshot back; it can be used again."""
        cache = self.firm.cache
        cache.clear()
        self.firm.tables.update({name: table.copy(cache) for name, table in snapshot.tables.items()})

    def _notify(self, record_type: str, record_id: str, action: Literal["created", "updated", "deleted"]) -> str:
        for listener in self.listeners:
            listener(self, Change(record_type, record_id, action))
        return record_id

    def _find(self, record_type: str, record_id: str) -> tuple[Table, int]:
        table = self.table(record_type)
        rank = table.rank(compact(record_id))
        if rank is None:
            raise KeyError(f"no {record_type} record has the ID {record_id}")
        return table, rank

    def _split(self, table: Table, fields: Record) -> tuple[dict[str, int], Record]:
        """Separate the references that columns hold from the other fields."""
        links: dict[str, int] = {}
        others = dict(fields)
        for name, link in table.spec.links.items():
            if link.field is not None and link.field in others:
                links[name] = self._target(link.target, others.pop(link.field))
        return links, others

    def _assign(self, table: Table, rank: int, links: dict[str, int], others: Record) -> None:
        field = table.spec.status_field
        if field is not None and (word := others.get(field)) is not None:
            # "nonmember", which only teams know, is shown as sent and counts as deleted.
            table.status[rank] = STATUSES.index(word) if word in STATUSES else DELETED
            if word in STATUSES:
                del others[field]
                table.patches.get(rank, {}).pop(field, None)
        for name, target in links.items():
            table.refer(name, rank, target)
        if others:
            table.patches.setdefault(rank, {}).update(others)
        table.changed()

    def _target(self, record_type: str, value: Any) -> int:
        """Return the rank a reference in a body means: a flat ID, an object with one, or null."""
        text = value.get("id") if isinstance(value, dict) else value
        if text is None:
            return NOTHING
        rank = self.table(record_type).rank(compact(text)) if isinstance(text, str) else None
        if rank is None:
            raise KeyError(f"no {record_type} record has the ID {text}")
        return rank


SHARED_ADDRESS = "our-company@gmail.com"
"""The page's example of a shared-domain address."""


def reduce_to_one_user(world: World) -> None:
    """Remove all of the staff but the user, whose one address becomes a shared-domain one."""
    firm = world.firm
    persons, emails = firm.tables["persons"], firm.tables["email_addresses"]
    own, user = own_organization(firm), me(firm)
    colleagues = {rank for rank, link in enumerate(persons.links["organization"]) if link == own and rank != user}
    # What they wrote and answered for is the user's now.
    for table in firm.tables.values():
        for name, link in table.spec.links.items():
            if link.target == "persons" and table is not emails:
                for rank, target in enumerate(table.links[name]):
                    if target in colleagues:
                        table.refer(name, rank, user)
    first, *others = addresses(firm, user)
    of_colleagues = [number for rank in colleagues for number in addresses(firm, rank)]
    for number in (*others, *of_colleagues):
        world.delete("email_addresses", emails.id(number))
    for rank in colleagues:
        world.delete("persons", persons.id(rank))
    world.update("email_addresses", emails.id(first), emailAddress=SHARED_ADDRESS)
