"""What a page costs the database: its own rows, whatever else is there."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import attrs
import psycopg
import pytest

from tests import postgres
from tests.engines import ENGINES, place
from tonicdm.store import Store, lookup, rows, writing
from tonicdm.store.database import Database
from tonicdm.store.opening import locate
from tonicdm.store.versions import ReadStamp
from tonicdm.types import DataQuantity
from tonicdm.webhooks import jobs

PAGE = 200
ODD = ["", "NULL", "null", "{}", '{"a"}', "a,b", 'a"b', "a'b", "a\\b", "a?b", "%s", "%b", " a ", "é", "𝄞", "\n"]
"""Texts that one or the other way to write an array, a statement or a literal might mistake for something else."""


@pytest.fixture(params=ENGINES)
def db(request: pytest.FixtureRequest) -> Iterator[Database]:
    with contextlib.closing(place(request, request.param).open()) as db:
        yield db


def page(first: int, count: int = PAGE) -> list[dict[str, Any]]:
    return [
        {"id": f"{number:032x}", "name": f"office {number} " * 40, "datetimeUpdated": "2026-01-01T00:00:00Z"}
        for number in range(first, first + count)
    ]


def test_rows_that_are_inserted_together_are_as_if_inserted_one_by_one(db: Database) -> None:
    """Values of each type that a column has, and none; what is there already is as the statement says."""
    columns = "type, key, id, page, raw, reason, quality, origin, read_number, read_at"
    insert = (
        f"INSERT INTO quarantine ({columns}) VALUES ({', '.join('?' * 10)}) "
        "ON CONFLICT (type, key) DO UPDATE SET reason = excluded.reason WHERE excluded.page > quarantine.page"
    )
    given = [
        ("type", key, None if n % 2 else key, None if n % 3 else n, key.encode(), key, "q", "o", 2**40 + n, n / 7)
        for n, key in enumerate(ODD)
    ]
    select = f"SELECT {columns} FROM quarantine ORDER BY read_number"
    with db.transaction():
        assert db.insert(insert, iter(given)) == len(ODD)
        assert db.execute(select).fetchall() == given
        changed = [(*row[:3], 5, row[4], "other", *row[6:]) for row in given]
        assert db.insert(insert, changed) == db.executemany(insert, []) + sum(row[3] in {0, 3} for row in given)
        assert db.insert(insert, []) == 0
        reasons = [reason for (reason,) in db.execute("SELECT reason FROM quarantine WHERE reason = 'other'")]
        assert len(reasons) == 2


def test_what_postgresql_cannot_hold_in_a_text_is_put_in_as_it_would_be_alone(db: Database) -> None:
    """NUL, and half of a surrogate pair; SQLite holds the first one."""
    sql = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    with db.transaction():
        db.insert(sql, [("together", "a\0b")])
        db.executemany(sql, [("alone", "a\0b")])
    assert rows.note(db, "together") == rows.note(db, "alone")
    assert list(db.look_up("SELECT value FROM meta WHERE name IN (?)", [], ["alone", "a\0b"])) == [
        (rows.note(db, "alone"),)
    ]


def test_keys_are_looked_up_whatever_they_hold_and_however_many_they_are(db: Database) -> None:
    with db.transaction():
        db.insert("INSERT INTO meta (name, value) VALUES (?, ?)", [(key, f"of {key}") for key in ODD])
    sql = "SELECT name, value, ? FROM meta WHERE value <> ? AND name IN (?)"
    keys = [*ODD, *map(str, range(2_000))]
    assert sorted(db.look_up(sql, ["x", "of NULL"], keys)) == sorted(
        (key, f"of {key}", "x") for key in ODD if key != "NULL"
    )
    assert list(db.look_up(sql, ["x", ""], [])) == []


def test_rows_that_are_changed_together_are_as_if_changed_one_by_one(db: Database) -> None:
    """Those that do not hold what they should stay; one that is named twice is changed once; others are not there."""
    insert = "INSERT INTO record (type, id, raw, updated, quality, change_seq) VALUES (?, ?, ?, ?, ?, ?)"
    records = [("offices", key, "{}", None if n % 4 == 0 else f"2026-{n}", "basic", n) for n, key in enumerate(ODD)]
    update = "UPDATE record SET checked = ?, change_seq = change_seq + ? WHERE {} AND updated = coalesce(?, updated)"
    own = [(row[3], row[1]) for row in records]
    named = [*own, ("2026-1", "NULL"), ("2027", "null"), (None, "a,b"), (None, "else")]
    with db.transaction():
        db.insert(insert, [*records, ("persons", "NULL", "{}", "2026-1", "basic", 99)])
        assert db.update(update.format("type = ?") + " AND id = ?", (7.5, 100, "offices"), own) == 12
        typed = [("offices", *row) for row in named]
        db.update(update.format("change_seq < ? AND type = ?") + " AND id = ?", (8.5, 100, 100), typed)
        assert db.update(update.format("type = ?") + " AND id = ?", (7.5, 100, "offices"), []) == 0
    found = db.execute("SELECT id, checked, change_seq FROM record WHERE type = ? ORDER BY change_seq", ("offices",))
    changed = {row[1]: row[3] is not None for row in records}
    assert {key: (checked, seq >= 100) for key, checked, seq in found} == {
        key: (7.5 if done else None, done) for key, done in changed.items()
    }
    assert db.execute("SELECT checked, change_seq FROM record WHERE type = 'persons'").fetchone() == (None, 99)


def read(db: psycopg.Connection[Any]) -> int:
    """Return how many rows and entries of indexes the server has read of the records and of what a pass has seen."""
    (count,) = db.execute(
        "SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname IN ('record', 'scan'))::bigint "
        "+ (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname IN ('record', 'scan'))::bigint"
    ).fetchone() or (0,)
    return int(count)


def write(db: Database, number: int, stamp: ReadStamp) -> None:
    writing.write_records(db, "offices", page(number * PAGE), DataQuantity.BASIC, stamp)


def write_without_times(db: Database, number: int, stamp: ReadStamp) -> None:
    records = [{"id": item["id"], "name": item["name"]} for item in page(number * PAGE)]
    writing.write_records(db, "disciplines", records, DataQuantity.BASIC, stamp)


def pass_over_stubs(db: Database, number: int, stamp: ReadStamp) -> None:
    """Do what a pass over stubs does, and the fetch behind it: some have a time that the record has not."""
    times: dict[str, str | None] = {item["id"]: "2026-01-01T00:00:00+00:00" for item in page(number * PAGE)}
    for record_type in ("offices", "disciplines"):
        assert bool(rows.stale_keys(db, record_type, times)) == (record_type == "disciplines")
        rows.note_scanned(db, record_type, times, number)
        rows.confirm(db, record_type, times, stamp, checked=stamp.at)
        rows.fetched(db, record_type, list(times))
        rows.stored_records(db, record_type, list(times))
        lookup.look_up(db, record_type, list(times), deletable=True)


def meet_in_another(db: Database, number: int, stamp: ReadStamp) -> None:
    """Take over a record that names all those of a page, with their times."""
    named = [{"id": item["id"], "datetimeUpdated": item["datetimeUpdated"]} for item in page(number * PAGE)]
    lookup.take_over(db, "persons", [{"id": f"{number:032x}", "offices": named}], attrs.evolve(stamp, at=2e9), ahead=0)
    ids = [item["id"] for item in named]
    checked = db.look_up("SELECT checked FROM record WHERE type = ? AND id IN (?)", ["offices"], ids)
    assert list(checked) == [(2e9,)] * PAGE


def change_one_by_one(db: Database, number: int, stamp: ReadStamp) -> None:
    times: dict[str, str | None] = {item["id"]: "2025-01-01T00:00:00+00:00" for item in page(number * PAGE)}
    rows.dissent(db, "disciplines", times, stamp)
    lookup.invalidate(db, "disciplines", times, stamp)
    gone = writing.write_tombstones(db, "disciplines", times, "deleted", "2026-01-02T00:00:00+00:00", stamp)
    assert gone == PAGE


@pytest.mark.parametrize("analyzed", [False, True], ids=["without statistics", "with those of a small table"])
async def test_a_page_reads_no_more_than_its_rows_however_the_tables_grow(postgres_url: str, *, analyzed: bool) -> None:
    """It needs no statistics of a table, and old ones mislead nobody; though many records bear one time, or none."""
    phases = (write, write_without_times, write, pass_over_stubs, meet_in_another, change_one_by_one)
    pages, costs, number = 6, list[list[int]](), 0
    async with Store(postgres_url, schema="firm") as store:
        with psycopg.connect(postgres_url, autocommit=True) as db:
            db.execute("ALTER TABLE firm.record SET (autovacuum_enabled = false)")
            db.execute("ALTER TABLE firm.scan SET (autovacuum_enabled = false)")
            for phase in phases:
                costs.append([])
                for place in range(pages):
                    before, number = read(db), number + 1
                    stamp = ReadStamp(number, 1.8e9)
                    await store.write(functools.partial(phase, number=place, stamp=stamp))
                    await store.read(lambda db: db.execute("SELECT pg_stat_force_next_flush()"))
                    costs[-1].append(read(db) - before)
                    if analyzed and phase is write and place == 1:
                        db.execute("ANALYZE firm.record, firm.scan")
    assert max(*costs[0][2:], *costs[1][2:]) <= 2 * PAGE, costs
    for row in costs[2:]:
        assert PAGE <= min(row[2:]) <= max(row[2:]) <= 1.5 * min(row[2:]) <= 80 * PAGE, costs
    # A table of a few disk pages may be read whole for each key.
    assert max(max(row[:2]) for row in costs) <= 400 * PAGE, costs


def test_jobs_are_compared_with_their_records_alone(postgres_url: str) -> None:
    """Those of a type that came up since the statistics were made."""
    with contextlib.closing(locate(postgres_url, "firm").open()) as db:
        for table in ("record", "job"):
            db.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
        with db.transaction():
            write_without_times(db, 0, ReadStamp(1, 1.8e9))
        for table in ("record", "job"):
            db.execute(f"ANALYZE {table}")
        with db.transaction():
            for number in range(6):
                write(db, number, ReadStamp(2, 1.8e9))
            db.execute("INSERT INTO event (key, type, signed, received) VALUES ('a', 'x', 1, 0)")
            db.insert(
                "INSERT INTO job (event, record_type, id, updated, due) VALUES (?, ?, ?, ?, ?)",
                [(1, "offices", item["id"], "2025", 0) for item in page(0, 50)],
            )
        with psycopg.connect(postgres_url, autocommit=True) as watch:
            db.execute("SELECT pg_stat_force_next_flush()")
            before = read(watch)
            with db.transaction():
                jobs.settle_older(db, ["offices"])
            db.execute("SELECT pg_stat_force_next_flush()")
            assert read(watch) - before <= 4 * 50
        assert db.execute("SELECT count(*) FROM job WHERE outcome = 'current'").fetchone() == (50,)


async def test_a_page_takes_as_many_round_trips_as_a_record(postgres_url: str) -> None:
    proxy = postgres.Proxy(postgres_url)
    await proxy.open()
    trips = list[int]()
    async with Store(proxy.url, schema="firm") as store:
        for count in (1, 1, PAGE):
            before = proxy.turns
            await store.write_page("offices", page(count, count), DataQuantity.BASIC)
            trips.append(proxy.turns - before)
    assert trips[2] <= trips[1] <= 10, trips
    await proxy.cut()
