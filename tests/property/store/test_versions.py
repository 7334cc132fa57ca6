"""In whichever order reads, events and writes of several processes reach the store, it ends equal to the server."""

from __future__ import annotations

import contextlib
import datetime
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.engines import ENGINES, place
from tonicdm.store import lookup, rows
from tonicdm.store.database import Database
from tonicdm.store.sqlite import SqliteDatabase, upgrade
from tonicdm.store.versions import OVERLAP, Origin, ReadStamp
from tonicdm.store.writing import write_records
from tonicdm.types import DataQuantity

KIND = "persons"
IDS = [f"{number:032x}" for number in range(3)]
START = 1_800_000_000.0


@attrs.define
class Server:
    """A server whose records change, are stamped in the future, and go back when it is restored from a backup.

    For up to the overlap it may go on showing what was true before.
    """

    now: float = START
    history: dict[str, list[tuple[float, dict[str, Any]]]] = attrs.field(factory=dict)
    changes: int = 0

    def __attrs_post_init__(self) -> None:
        for one in IDS:
            self.change(one)
        self.now += 2 * OVERLAP

    def change(self, one: str, stamped: float = 0.0) -> dict[str, Any]:
        """Let a record change now, with a timestamp that may lie ahead."""
        self.changes += 1
        at = datetime.datetime.fromtimestamp(int(self.now + stamped), datetime.UTC).isoformat()
        record = {"id": one, "datetimeUpdated": at, "name": f"change {self.changes}"}
        self.history.setdefault(one, []).append((self.now, record))
        return record

    def restore(self, one: str, back: int) -> None:
        """Let a record be again what it was some changes ago."""
        past = self.history[one]
        past.append((self.now, past[max(0, len(past) - 1 - back)][1]))

    def shown(self, one: str, lag: float = 0.0) -> dict[str, Any]:
        """Return a record as a server shows it that is late by *lag*."""
        return [record for since, record in self.history[one] if since <= self.now - lag][-1]


class Copy:
    """A store, and what is on its way to it."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.server = Server()
        self.on_its_way: list[tuple[list[dict[str, Any]], ReadStamp, Origin]] = []
        self.told: list[dict[str, Any]] = []
        self.skew = 0.0
        """By how much this machine's clock is wrong just now."""

    def draw(self) -> ReadStamp:
        return rows.draw(self.db, self.server.now + self.skew)

    def read(self, ids: list[str], origin: Origin, lag: float = 0.0) -> None:
        """Let a call leave; its answer is on its way."""
        stamp = self.draw()
        self.on_its_way.append(([self.server.shown(one, lag) for one in ids], stamp, origin))

    def receive(self, place: int) -> None:
        """Let an event arrive that the server had sent."""
        if self.told:
            record = self.told.pop(place % len(self.told))
            self.on_its_way.append(([record], self.draw(), Origin.EVENT))

    def land(self, place: int) -> None:
        """Write one of the answers that are on their way."""
        if self.on_its_way:
            records, stamp, origin = self.on_its_way.pop(place % len(self.on_its_way))
            write_records(self.db, KIND, records, DataQuantity.BASIC, stamp, origin=origin)

    def stored(self) -> dict[str, Any]:
        return {one: json.loads(raw) for one, raw in self.db.execute("SELECT id, raw FROM record")}


class _EndedError(Exception):
    """Undoes what an example has stored."""


Copies = Callable[[], AbstractContextManager[Copy]]


@pytest.fixture(params=ENGINES)
def copies(request: pytest.FixtureRequest) -> Iterator[Copies]:
    """Make empty copies: one database on each engine, of which nothing is ever committed."""
    if request.param == "sqlite":
        connection = sqlite3.connect(":memory:", isolation_level=None)
        upgrade(connection, 0)
        db: Database = SqliteDatabase(connection)
    else:
        db = place(request, request.param).open()

    @contextlib.contextmanager
    def copies() -> Iterator[Copy]:
        with contextlib.suppress(_EndedError), db.transaction():
            yield Copy(db)
            raise _EndedError

    yield copies
    db.close()


def examples(request: pytest.FixtureRequest) -> settings:
    """Return how many examples an engine gets: each statement is a trip to the server in PostgreSQL."""
    ordinary = settings().max_examples
    return settings(max_examples=ordinary if request.node.callspec.params["copies"] == "sqlite" else ordinary // 5)


ones = st.sampled_from(IDS)
lags = st.floats(0, OVERLAP - 1)
numbers = st.integers(0, 9)
steps = st.one_of(
    st.tuples(st.just("wait"), st.floats(0, 3 * OVERLAP)),
    st.tuples(st.just("change"), ones, st.sampled_from([0.0, 0.0, 3600.0, 1e9])),
    st.tuples(st.just("restore"), ones, st.integers(1, 4)),
    st.tuples(st.just("page"), lags),
    st.tuples(st.just("cached"), ones, lags),
    st.tuples(st.just("write"), ones),
    st.tuples(st.just("receive"), numbers),
    st.tuples(st.just("land"), numbers),
)
clocks = st.tuples(st.just("clock"), st.floats(-7200, 7200))


def play(copy: Copy, script: list[tuple[Any, ...]]) -> None:
    server = copy.server
    for name, *values in script:
        match name, values:
            case "wait", [seconds]:
                server.now += seconds
            case "change", [one, stamped]:
                copy.told.append(server.change(one, stamped))
            case "restore", [one, back]:
                server.restore(one, back)
            case "page", [lag]:
                copy.read(IDS, Origin.LIST, lag)
            case "cached", [one, lag]:
                copy.read([one], Origin.BY_ID, lag)
            case "write", [one]:
                lookup.invalidate(copy.db, KIND, [one], copy.draw())
                copy.told.append(server.change(one))
                copy.read([one], Origin.BY_ID)
            case "receive", [place]:
                copy.receive(place)
            case "land", [place]:
                copy.land(place)
            case "clock", [skew]:
                copy.skew = skew


def test_a_whole_read_after_the_overlap_settles_everything_in_any_order(
    copies: Copies, request: pytest.FixtureRequest
) -> None:
    """Also if answers of earlier calls, and events, reach the store after it."""

    @examples(request)
    @given(st.lists(steps, max_size=30), st.lists(numbers, min_size=40, max_size=40))
    def holds(script: list, order: list[int]) -> None:
        with copies() as copy:
            play(copy, script)
            while copy.told:
                copy.receive(0)
            copy.server.now += 2 * OVERLAP
            copy.read(IDS, Origin.LIST)
            for number in order:
                copy.land(number)
            while copy.on_its_way:
                copy.land(0)
            assert copy.stored() == {one: copy.server.shown(one) for one in IDS}

    holds()


def test_an_audit_settles_everything_whatever_the_clock_did(copies: Copies, request: pytest.FixtureRequest) -> None:
    """Stubs of all records, and those that differ by ID: a second read agrees, and no clock is asked."""

    @examples(request)
    @given(st.lists(steps | clocks, max_size=30))
    def holds(script: list) -> None:
        with copies() as copy:
            audit(copy, script)

    holds()


def audit(copy: Copy, script: list) -> None:
    play(copy, script)
    while copy.told:
        copy.receive(0)
    while copy.on_its_way:
        copy.land(0)
    copy.server.now += 2 * OVERLAP
    stamp = copy.draw()
    times = {one: rows.updated_of(copy.server.shown(one)) for one in IDS}
    stale = rows.stale_keys(copy.db, KIND, times)
    rows.confirm(copy.db, KIND, {one: at for one, at in times.items() if one not in stale}, stamp)
    rows.dissent(copy.db, KIND, {one: at for one, at in times.items() if one in stale}, stamp)
    copy.read(sorted(stale), Origin.BY_ID)
    copy.land(0)
    found = {one: rows.updated_of(record) for one, record in copy.stored().items()}
    assert found == times


onwards = st.one_of(
    st.tuples(st.just("wait"), st.floats(0, 3 * OVERLAP)),
    st.tuples(st.just("change"), ones, st.just(0.0)),
    st.tuples(st.just("page"), lags),
    # One that were late as well would agree with a late list: then the server is taken to have gone back.
    st.tuples(st.just("cached"), ones, st.just(0.0)),
    st.tuples(st.just("receive"), numbers),
)


ONE = IDS[0]
LATE_EVENT_OF_WHAT_IS_HELD: list[tuple[Any, ...]] = [
    ("change", ONE, 0.0), ("page", 0.0), ("wait", 1.0), ("change", ONE, 0.0), ("page", 0.0), ("wait", 61.0),
    ("receive", 0),
]  # fmt: skip
LATE_EVENT_OF_A_NEWER_VERSION: list[tuple[Any, ...]] = [
    ("change", ONE, 0.0), ("page", 0.0), ("wait", 1.0), ("change", ONE, 0.0), ("wait", 1.0), ("change", ONE, 0.0),
    ("page", 0.0), ("wait", 61.0), ("receive", 1),
]  # fmt: skip
PAGE_THEN_EVENT = [0, 1] + [0] * 38
"""The first page is written, then the event, then the second page, which left a minute before the event arrived."""


def test_while_the_server_goes_on_no_version_gives_way_to_an_older_one(
    copies: Copies, request: pytest.FixtureRequest
) -> None:
    """However late a server shows a change, and however late an event is delivered."""

    @examples(request)
    @given(st.lists(onwards, max_size=30), st.lists(numbers, min_size=40, max_size=40))
    @example(LATE_EVENT_OF_WHAT_IS_HELD, PAGE_THEN_EVENT)
    @example(LATE_EVENT_OF_A_NEWER_VERSION, PAGE_THEN_EVENT)
    def holds(script: list, order: list[int]) -> None:
        with copies() as copy:
            go_on(copy, script, order)

    holds()


def go_on(copy: Copy, script: list, order: list[int]) -> None:
    play(copy, script)
    newest: dict[str, str] = {}
    for number in order:
        if copy.on_its_way:
            records, _, _ = copy.on_its_way[number % len(copy.on_its_way)]
            for record in records:
                at = rows.updated_of(record) or ""
                newest[record["id"]] = max(at, newest.get(record["id"], ""))
        copy.land(number)
        assert {one: rows.updated_of(record) for one, record in copy.stored().items()} == newest
