"""Whatever happens, nothing is served that is older than asked."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from tests.engines import ENGINES, place
from tests.integration.sync.conftest import drive
from tonicdm import RecordNotFoundError, TonicDM
from tonicdm.clock import VirtualClock
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store, choose
from tonicdm.store.database import Location
from tonicdm.sync import synchronize

FIELDS = {"offices": "name", "persons": "title", "submittals": "our_title"}
GONE = object()


@attrs.define
class History:
    """What a field of some records showed on the server, and since when."""

    box: Sandbox
    clock: VirtualClock
    versions: dict[tuple[str, str], list[tuple[float, Any]]] = attrs.field(factory=dict)

    def note(self, kind: str, one: str) -> None:
        record = self.box.world.get(kind, one)
        value = GONE if record is None else record.get(FIELDS[kind])
        self.versions.setdefault((kind, one), []).append((self.clock.now(), value))

    def shown(self, kind: str, one: str, since: float) -> list[Any]:
        """Return the values that were shown at any time from *since* on."""
        noted = self.versions[kind, one]
        ends = [began for began, _ in noted[1:]] + [math.inf]
        return [value for (_, value), end in zip(noted, ends, strict=True) if end >= since]


@pytest.fixture(params=ENGINES)
def where(request: pytest.FixtureRequest) -> Location:
    """Where the store is, on each engine."""
    return place(request, request.param)


SHORT = [("sqlite", 0, 0.0), ("sqlite", 1, -600.0), ("sqlite", 2, 600.0), ("postgresql", 3, 600.0)]
WHOLE = [(engine, seed, skew) for engine in ENGINES for seed in range(6) for skew in (0.0, -600.0, 600.0)]


@pytest.mark.parametrize(
    ("where", "seed", "skew"),
    [*SHORT, *(pytest.param(*each, marks=pytest.mark.thorough) for each in WHOLE if each not in SHORT)],
    indirect=["where"],
)
async def test_a_record_is_never_older_than_asked(
    seed: int, skew: float, make: Callable[..., TonicDM], box: Sandbox, clock: VirtualClock, where
):
    """Edits, true and soft deletes, writes of this client and of others, syncs with and without audits, two clients on
    one store, a server clock that is ten minutes off: each read shows a state of the last *max_age* seconds.
    """
    chance = random.Random(seed)
    box.settings.limit = 1_000_000
    box.settings.skew_seconds = skew
    history = History(box, clock)
    watched = {kind: chance.sample(list(box.world.ids(kind)), 2) for kind in FIELDS}
    for kind, ids in watched.items():
        for one in ids:
            history.note(kind, one)
    clients = [make(), make()]
    served = 0

    async def edit() -> None:
        kind = chance.choice(list(FIELDS))
        one = chance.choice(watched[kind])
        with contextlib.suppress(KeyError):
            if chance.random() < 0.15 and kind == "submittals":
                box.world.delete(kind, one)
            elif chance.random() < 0.15:
                box.world.update(kind, one, status=chance.choice(("active", "inactive", "deleted")))
            else:
                box.world.update(kind, one, **{FIELDS[kind]: f"word {chance.random()}"})
        history.note(kind, one)

    async def write() -> None:
        one = chance.choice(watched["offices"])
        await chance.choice(clients).offices.update(one, name=f"own {chance.random()}")
        history.note("offices", one)

    async def sync() -> None:
        kinds = choose(chance.sample(list(FIELDS), 2))
        audit = chance.choice(("never", "never", "always"))
        async with Store(where) as store:
            work = synchronize(clients[0], store, kinds, audit=audit, confirmed=True)
            await drive(clock, work, clients[0])

    async def read() -> None:
        nonlocal served
        kind = chance.choice(list(FIELDS))
        one, tonic = chance.choice(watched[kind]), chance.choice(clients)
        max_age = chance.choice((0, 1, 5, 30, 300, 4000))
        asked = clock.now()
        found: list[Any] = await asyncio.gather(
            *(getattr(tonic, kind).get(one, max_age=max_age) for _ in range(2)), return_exceptions=True
        )
        for record in found:
            if isinstance(record, BaseException) and not isinstance(record, RecordNotFoundError):
                raise record
            value = GONE if isinstance(record, RecordNotFoundError) else getattr(record, FIELDS[kind])
            assert value in history.shown(kind, one, asked - max_age), (kind, one, max_age)
        served += 1

    for _ in range(220):
        await chance.choices((edit, write, sync, read), (6, 1, 1, 12))[0]()
        clock.advance(chance.choice((0, 0, 0, 0, 0.3, 0.3, 1, 5, 20, 200)))
    assert served > 60


async def test_a_first_load_finds_what_was_deleted_since_it_was_read(
    tonic: TonicDM, box: Sandbox, clock: VirtualClock, where
):
    """The store may hold records before its first sync; those that are gone by then are not vouched for."""
    one, other, *_ = box.world.ids("submittals")
    for each in (one, other):
        await tonic.submittals.get(each)
    clock.advance(60)
    box.world.delete("submittals", one)
    clock.advance(60)
    async with Store(where) as store:
        await synchronize(tonic, store, choose(["submittals"]))
        reasons = await store.query("SELECT id, reason FROM record WHERE reason IS NOT NULL AND type = 'submittals'")
    assert one in dict(reasons)
    units = box.units()
    with pytest.raises(RecordNotFoundError):
        await tonic.submittals.get(one, max_age=30)
    assert (await tonic.submittals.get(other, max_age=30)).id == other
    assert box.units() == units


async def test_a_clock_set_back_makes_nothing_fresh(tonic: TonicDM, box: Sandbox, clock: VirtualClock):
    """A proof that lies in the future proves nothing: the record is asked for again."""
    (one, *_) = box.world.ids("offices")
    await tonic.offices.get(one, max_age=60)
    await tonic.store.write(lambda db: db.execute("UPDATE record SET checked = checked + 500"))
    box.world.update("offices", one, name="Annex")
    assert (await tonic.offices.get(one, max_age=60)).name == "Annex"


async def test_a_change_in_the_second_of_a_read_is_seen(tonic: TonicDM, box: Sandbox, clock: VirtualClock):
    """Timestamps have whole seconds: an equal one proves nothing for a record that was read in the second it names."""
    (one, *_) = box.world.ids("offices")
    box.world.update("offices", one, name="First")
    assert (await tonic.offices.get(one, max_age=5)).name == "First"
    clock.advance(0.2)
    box.world.update("offices", one, name="Second")
    clock.advance(60)
    assert (await tonic.offices.get(one, max_age=5)).name == "Second"


async def test_a_reference_vouches_for_no_record_that_was_read_in_the_second_of_its_change(
    tonic: TonicDM, box: Sandbox, clock: VirtualClock
):
    world = box.world
    person = next(record for record in world.records("persons") if record.get("office"))
    office = person["office"]["id"]
    world.update("offices", office, name="First")
    await tonic.persons.get(person["id"], max_age=5, resolve=["office"])
    clock.advance(0.2)
    world.update("offices", office, name="Second")
    clock.advance(60)
    world.update("persons", person["id"], title="Clerk")
    clock.advance(60)
    again = await tonic.persons.get(person["id"], max_age=5, resolve=["office"])
    assert again.resolved["office"].name == "Second"


async def test_a_call_that_left_too_long_ago_is_not_joined(tonic: TonicDM, box: Sandbox):
    """Who asks for the present gets an answer to a question that was asked after his own began."""
    (one, *_) = box.world.ids("offices")
    box.faults.next("slow", seconds=0.2)
    first = asyncio.ensure_future(tonic.offices.get(one))
    while not box.calls(path="/core/offices") and not tonic.caller.transport.slots.taken:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    box.world.update("offices", one, name="Annex")
    tonic.budget.clock.advance(1)  # type: ignore[attr-defined]
    assert (await tonic.offices.get(one)).name == "Annex"
    await first
