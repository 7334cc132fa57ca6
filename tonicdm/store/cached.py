"""Reads by ID through a store: from the file while that is fresh enough, else by the cheapest calls."""

from __future__ import annotations

import copy
import datetime
import functools
import json
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from tonicdm.budget import UnitBudget
from tonicdm.budget.default import budget_key
from tonicdm.endpoints.base import ALL_STATUSES
from tonicdm.endpoints.caller import Caller
from tonicdm.endpoints.many import BatchReader, RawRecords
from tonicdm.endpoints.payload import decoded
from tonicdm.errors import OwnerError
from tonicdm.http.messages import Response
from tonicdm.models import Record, RecordStub
from tonicdm.models.records import UPDATED_NAMES
from tonicdm.plan.refresh import charged_as_stubs, check_pays
from tonicdm.singleflight import SingleFlight
from tonicdm.store import lookup, rows
from tonicdm.store.coalescing import Batch, Coalescer, Fetched
from tonicdm.store.direct import FEW
from tonicdm.store.freshness import is_fresh, is_unchanged, stale_share
from tonicdm.store.lookup import CachedRecord
from tonicdm.store.ownership import check_owner
from tonicdm.store.resolving import Resolver
from tonicdm.store.store import Store
from tonicdm.store.types import TYPES, RecordType
from tonicdm.store.versions import ReadStamp
from tonicdm.store.views import seen_fields
from tonicdm.types import DataQuantity, InvalidRecord, RecordID

STUB: Final = "?"
"""Suffix of a stub's name within a batch, so that one call serves all that want stubs."""

STUBS: Final = "id_only"
"""The capability of a list to answer with stubs for 1 unit, where its page does not show data_quantity."""

MAX_MISSING: Final = 10_000
"""IDs without a record that are remembered, so that asking for them again costs nothing while that is fresh."""


@attrs.frozen
class Request:
    """What a batch needs to know of the request that began it."""

    record_type: RecordType
    caller: Caller


class CachedReads:
    """Reads records by ID through a store.

    Args:
        store: Where they are kept.
        budget: Tells the time, here and at the server.
        batch_window: Seconds that a request for single IDs waits for others of its type to share one call.
    """

    def __init__(self, store: Store, budget: UnitBudget, *, batch_window: float) -> None:
        self.store = store
        self._budget = budget
        self._clock = store.clock(budget.clock)
        self._coalescer = Coalescer(self._clock, self._fetch, batch_window=batch_window)
        self._missing: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._checks: SingleFlight[tuple[str, str], None] = SingleFlight(name="tonicdm-owner")
        """The checks of whose the store is that are under way, by server and digest of the token."""
        self._checked: dict[tuple[str, str], OwnerError | None] = {}
        """Result of each check, which is made once; None where the records are the token's."""

    async def check_owner(self, caller: Caller) -> None:
        """Make sure that the store's records are those of a token, before one is served or written.

        A store without a noted owner is not checked.

        Args:
            caller: Has the token and the server.

        Raises:
            OwnerError: They are another organization's.
        """
        token = await caller.transport.auth.token()
        key = (caller.base_url, budget_key(token.reveal()))
        if key not in self._checked:
            # Shared: calls that begin together must not be spread in time, or they would not share a batch.
            await self._checks.run(key, lambda: self._check(caller, key))
        elif (refusal := self._checked[key]) is not None:
            raise copy.copy(refusal)  # a traceback of its own

    async def _check(self, caller: Caller, key: tuple[str, str]) -> None:
        try:
            if await self.store.owner() is not None:
                await check_owner(caller, self.store)
        except OwnerError as error:
            self._checked[key] = copy.copy(error)
            raise
        self._checked[key] = None

    async def get_many(
        self, caller: Caller, type_name: str, wanted: Sequence[RecordID], *, max_age: float, resolve: Sequence[str]
    ) -> tuple[list[Record], list[RecordID], list[InvalidRecord]]:
        """Return the records of *wanted* that exist, the IDs of the others, and what is no record.

        Each is, with all references that are followed, as the server had it at most *max_age* seconds before this call.

        Args:
            caller: Makes the calls.
            type_name: The record type.
            wanted: Distinct IDs.
            max_age: Seconds.
            resolve: References to follow.
        """
        await self.check_owner(caller)
        oldest = self._clock.now() - max_age

        async def read(record_type: str, ids: Sequence[RecordID]) -> dict[RecordID, Any]:
            items = await self._read(caller, TYPES[record_type], ids, oldest, max_age)
            return {record_id: item for record_id, item in items.items() if not isinstance(item, InvalidRecord)}

        resolver = Resolver(read, self.seen_fields)
        tree = await resolver.check(type_name, tuple(resolve))
        items = await self._read(caller, TYPES[type_name], wanted, oldest, max_age)
        model, invalid = TYPES[type_name].listing.model, list[InvalidRecord]()
        sound, records = list[Any](), list[Record]()
        for item in (items[record_id] for record_id in wanted if record_id in items):
            good, bad = ([], [item]) if isinstance(item, InvalidRecord) else decoded([item], model, DataQuantity.BASIC)
            records += good
            invalid += bad
            sound += [item] if good else []
        followed = await resolver.follow(sound, records, tree)
        return followed, [record_id for record_id in wanted if record_id not in items], _distinct(invalid)

    async def get_stubs(
        self, caller: Caller, type_name: str, wanted: Sequence[RecordID], *, max_age: float
    ) -> tuple[list[RecordStub], list[RecordID], list[InvalidRecord]]:
        """Return stubs of the records of *wanted* that exist, the IDs of the others, and what is no record.

        They confirm the stored records, or make them stale.

        Args:
            caller: Makes the calls.
            type_name: The record type.
            wanted: Distinct IDs.
            max_age: Seconds; 0 asks the server.
        """
        await self.check_owner(caller)
        record_type, now = TYPES[type_name], self._clock.now()
        known = await self._known(record_type, wanted, now, max_age)
        items: dict[RecordID, Any] = {
            record_id: _stub(record_id, item.updated)
            for record_id, item in known.items()
            if item is not None and item.updated
        }
        gone = {record_id for record_id, item in known.items() if item is None}
        unknown = [record_id for record_id in wanted if record_id not in items and record_id not in gone]
        if unknown:
            items |= await self._ask(record_type, caller, unknown, now - max_age)
        values = [items[record_id] for record_id in wanted if record_id in items]
        invalid = _distinct(value for value in values if isinstance(value, InvalidRecord))
        sound = [value for value in values if not isinstance(value, InvalidRecord)]
        stubs, others = decoded(sound, RecordStub, DataQuantity.ID_ONLY)
        return stubs, [record_id for record_id in wanted if record_id not in items], [*invalid, *others]

    async def invalidate(self, type_name: str, record: RecordID) -> None:
        """Note that a record was written to, so that its earlier state is served no more."""
        self._coalescer.forget(lambda key: isinstance(key, tuple) and key[0] == type_name, [record, record + STUB])
        self._missing.pop((type_name, record), None)
        await self.store.write(lambda db: lookup.invalidate(db, type_name, [record], rows.draw(db, self._clock.now())))

    async def seen_fields(self, type_name: str) -> set[str]:
        """Return the wire names of the fields that records of *type_name* have shown."""
        return set(await self.store.read(functools.partial(seen_fields, record_type=type_name)))

    async def _known(
        self, record_type: RecordType, ids: Sequence[RecordID], now: float, max_age: float
    ) -> dict[RecordID, CachedRecord | None]:
        """Return the stored record of each of *ids* that is fresh enough; None where the server has no such record."""
        if max_age <= 0:
            return {}
        read = self.store.read_few if len(ids) <= FEW else self.store.read
        held = await read(lambda db: lookup.look_up(db, record_type.name, ids, deletable=record_type.deletable))
        known: dict[RecordID, CachedRecord | None] = {}
        for record_id in ids:
            if record_id in held and is_fresh(held[record_id].proofs.as_of, now, max_age):
                known[record_id] = None if held[record_id].gone else held[record_id]
            elif is_fresh(self._missing.get((record_type.name, record_id)), now, max_age):
                known[record_id] = None
        return known

    async def _read(
        self, caller: Caller, record_type: RecordType, ids: Sequence[RecordID], oldest: float, max_age: float
    ) -> dict[RecordID, Any]:
        now = self._clock.now()
        known = await self._known(record_type, ids, now, now - oldest if max_age > 0 else 0.0)
        items: dict[RecordID, Any] = {
            record_id: json.loads(item.raw) for record_id, item in known.items() if item is not None
        }
        unknown = [record_id for record_id in ids if record_id not in known]
        if unknown:
            shared = _sharing(record_type, caller)
            fetched = await self._coalescer.get(shared, unknown, oldest=oldest, request=Request(record_type, caller))
            items.update((RecordID(record_id), item) for record_id, item in fetched.items())
        return items

    async def _ask(
        self, record_type: RecordType, caller: Caller, ids: Sequence[RecordID], oldest: float
    ) -> dict[RecordID, Any]:
        """Return stubs out of the records that are under way already, or from the server."""
        key, request = _sharing(record_type, caller), Request(record_type, caller)
        whole = {record_id for record_id in ids if self._coalescer.is_under_way(key, record_id, oldest=oldest)}
        names = [record_id if record_id in whole else record_id + STUB for record_id in ids]
        fetched = await self._coalescer.get(key, names, oldest=oldest, request=request)
        stubs = {record_id: fetched[record_id + STUB] for record_id in ids if record_id + STUB in fetched}
        stubs |= {
            record_id: _stub(record_id, rows.updated_of(fetched[record_id]))
            for record_id in whole
            if record_id in fetched
        }
        # A record that shows no timestamp of its own may have one in its stub.
        untimed = [
            record_id for record_id in whole if record_id in stubs and stubs[record_id].get(UPDATED_NAMES[0]) is None
        ]
        if untimed:
            fetched = await self._coalescer.get(
                key, [record_id + STUB for record_id in untimed], oldest=oldest, request=request
            )
            stubs |= {record_id: fetched[record_id + STUB] for record_id in untimed if record_id + STUB in fetched}
        return stubs

    # --- one batch ------------------------------------------------------------------------------------------------

    async def _fetch(self, request: Request, batch: Batch) -> Fetched:
        """Bring the records of a batch up to date, and return them, and the stubs that it was asked for."""
        record_type = request.record_type
        whole = [RecordID(record_id) for record_id in batch.ids if not record_id.endswith(STUB)]
        stubs = [RecordID(record_id.removesuffix(STUB)) for record_id in batch.ids if record_id.endswith(STUB)]

        def sent() -> None:
            if batch.sent_at is None:
                batch.sent_at = self._clock.now()

        caller = attrs.evolve(request.caller, on_sent=sent)
        ids = list(dict.fromkeys([*whole, *stubs]))
        held = await self.store.read(
            lambda db: lookup.look_up(db, record_type.name, ids, deletable=record_type.deletable)
        )
        # What was written to, or has shown another timestamp, will have changed: no stub would spare its reading.
        known = {
            record_id: held[record_id] for record_id in whole if record_id in held and held[record_id].can_be_current
        }
        only = [record_id for record_id in stubs if record_id not in set(whole)]
        if not (known and await self._looking_pays(record_type, len(whole) - len(known), list(known.values()), caller)):
            known = {}
        stubs_shown, current = await self._compare_stubs(record_type, [*known, *only], held, caller, batch)
        came = await self._load(
            record_type, [record_id for record_id in whole if record_id not in current], caller, batch
        )
        unread = _unreadable(came, [record_id for record_id in whole if record_id not in current])
        stored = await self.store.read(
            lambda db: lookup.look_up(db, record_type.name, whole, deletable=record_type.deletable)
        )
        records = {
            record_id: json.loads(item.raw)
            for record_id, item in stored.items()
            # Where the newest version can't be read, the one before it is not what the server has.
            if not item.gone and (record_type.name, record_id) not in self._missing and record_id not in unread
        }
        shown = {
            record_id: stubs_shown.get(record_id) or _stub(record_id, stored[record_id].updated)
            for record_id in stubs
            if record_id in stubs_shown or record_id in records
        }
        stubs_unreadable = {record_id + STUB: bad for record_id, bad in _unreadable(stubs_shown, only).items()}
        unreadable = {str(record_id): bad for record_id, bad in unread.items()}
        return {
            **records,
            **unreadable,
            **{record_id + STUB: stub for record_id, stub in shown.items()},
            **stubs_unreadable,
        }

    async def _looking_pays(
        self, record_type: RecordType, unknown: int, known: Sequence[CachedRecord], caller: Caller
    ) -> bool:
        """Tell whether to ask for stubs of what the store has before what changed of it (docs/explanation/plan.md)."""
        if (
            not record_type.listing.operation.has_data_quantity
            and await self.store.capability(record_type.name, STUBS) == "no"
        ):
            return False
        interval = await self.store.read(lambda db: lookup.change_interval(db, record_type.name))
        now = self._clock.now()
        share = stale_share([now - (item.proofs.read_at or now - interval) for item in known], interval)
        return check_pays(len(known), share, caller.facts.ids_for(record_type.listing.operation.path), unknown=unknown)

    async def _compare_stubs(
        self,
        record_type: RecordType,
        ids: Sequence[RecordID],
        held: Mapping[str, CachedRecord],
        caller: Caller,
        batch: Batch,
    ) -> tuple[RawRecords, set[RecordID]]:
        """Ask for stubs; return them, and the IDs of the stored records that are current.

        What they show of the stored records is noted in one transaction.
        """
        if not ids:
            return RawRecords(), set()
        stubs, stamp = await self._read_stubs(record_type, ids, caller, batch)
        ahead = self._ahead()
        times = {record_id: rows.updated_of(stub) for record_id, stub in stubs.items()}
        mine = {record_id: held[record_id] for record_id in stubs if record_id in held and not held[record_id].gone}
        current = {
            record_id
            for record_id, item in mine.items()
            if is_unchanged(item.updated, times[record_id], _server_time(item, ahead), _seconds(times[record_id]))
        }
        missing = [record_id for record_id in ids if not stubs.shown(record_id)]
        # Those that are read whole by this batch are proven, or not, by what comes then.
        stale = [
            record_id
            for record_id, item in mine.items()
            if record_id not in current and times[record_id] not in {None, item.updated}
        ]
        against = [record_id for record_id in (*stale, *missing) if record_id not in batch.ids]

        confirmed: dict[str, str | None] = {record_id: times[record_id] for record_id in current}
        others: dict[str, str | None] = {record_id: at for record_id, at in times.items() if record_id not in current}

        def note(db: Any) -> None:
            rows.confirm(db, record_type.name, confirmed, stamp, checked=stamp.at)
            rows.dissent(db, record_type.name, others, stamp)
            lookup.invalidate(db, record_type.name, against, stamp)

        await self.store.write(note)
        self._note_missing(record_type, stubs, missing, stamp.at)
        return stubs, current

    async def _read_stubs(
        self, record_type: RecordType, ids: Sequence[RecordID], caller: Caller, batch: Batch
    ) -> tuple[RawRecords, ReadStamp]:
        """Ask for stubs, and note whether the list is able to answer with them; return them and the call's stamp."""
        units: list[int] = []

        def meter(answer: Response, cost: int) -> None:
            units.append(cost)
            if caller.meter is not None:
                caller.meter(answer, cost)

        stamp = await self.store.draw(self._clock.now())
        metered = attrs.evolve(caller, meter=meter)
        reader = BatchReader(metered, record_type.listing, DataQuantity.ID_ONLY, _statuses(record_type))
        stubs = await reader.read_raw(ids)
        if not record_type.listing.operation.has_data_quantity:
            heeded = "yes" if charged_as_stubs(units) else "no"
            await self.store.set_capability(record_type.name, STUBS, heeded)
        return stubs, attrs.evolve(stamp, at=batch.sent_at or stamp.at)

    async def _load(self, record_type: RecordType, ids: Sequence[RecordID], caller: Caller, batch: Batch) -> RawRecords:
        """Read records whole, store them, and return what came."""
        if not ids:
            return RawRecords()
        stamp = await self.store.draw(self._clock.now())
        fetched = await BatchReader(caller, record_type.listing, DataQuantity.BASIC, _statuses(record_type)).read_raw(
            ids
        )
        # Units may have been waited for in between.
        at, ahead = batch.sent_at or stamp.at, self._ahead()
        stamp = attrs.evolve(stamp, at=at)
        unread = [record_id for record_id in ids if record_id not in fetched]
        missing = [record_id for record_id in unread if not fetched.shown(record_id)]

        def note(db: Any) -> None:
            lookup.take_over(db, record_type.name, list(fetched.values()), stamp, ahead=ahead, invalid=fetched.invalid)
            # Whether it was deleted or went out of sight, an audit settles; until then it is not served.
            lookup.invalidate(db, record_type.name, unread, stamp)

        await self.store.write(note)
        self._note_missing(record_type, fetched, missing, at)
        return fetched

    def _note_missing(
        self, record_type: RecordType, stored: Iterable[RecordID], missing: Iterable[RecordID], at: float
    ) -> None:
        """Remember which records the server has and which not, the last ones asked for."""
        for record_id in stored:
            self._missing.pop((record_type.name, record_id), None)
        for record_id in missing:
            self._missing[record_type.name, record_id] = at
            self._missing.move_to_end((record_type.name, record_id))
        while len(self._missing) > MAX_MISSING:
            self._missing.popitem(last=False)

    def _ahead(self) -> float:
        """Return by how many seconds the server's clock is ahead of the store's, at least."""
        return self._budget.server_time() - self._clock.now()


def _sharing(record_type: RecordType, caller: Caller) -> Hashable:
    """Return what requests must have in common to share a call: all that decides how it is made."""
    return (
        record_type.name,
        caller.base_url,
        caller.priority,
        caller.max_wait,
        caller.timeout,
        caller.placement,
        caller.job,
    )


def _unreadable(came: RawRecords, asked: Iterable[RecordID]) -> dict[RecordID, InvalidRecord]:
    """Return the elements that can't be read as records; one without an ID may be any missing record."""
    return {
        record_id: next(bad for bad in came.invalid if bad.id in {record_id, None})
        for record_id in asked
        if record_id not in came and came.shown(record_id)
    }


def _distinct(invalid: Iterable[InvalidRecord]) -> list[InvalidRecord]:
    """Return each element once: one without an ID may stand for several records."""
    return list({id(element): element for element in invalid}.values())


def _stub(record: RecordID, updated: str | None) -> dict[str, Any]:
    """Return the stub of a record whose timestamp is known, as a server would write it."""
    return {"id": record, UPDATED_NAMES[0]: updated}


def _statuses(record_type: RecordType) -> dict[str, Any]:
    return {"filter_statuses": ALL_STATUSES} if "filter_statuses" in record_type.listing.operation.options else {}


def _server_time(held: CachedRecord, ahead: float) -> float | None:
    return None if held.proofs.read_at is None else held.proofs.read_at + ahead


def _seconds(updated: str | None) -> float | None:
    return None if updated is None else datetime.datetime.fromisoformat(updated).timestamp()
