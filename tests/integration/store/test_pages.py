"""What a page costs the database: its own rows, whatever else is there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests import postgres
from tests.engines import ENGINES, place
from tonicdm.store import Store, rows
from tonicdm.store.database import Database
from tonicdm.store.versions import ReadStamp
from tonicdm.types import DataQuantity

PAGE = 400
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


def read(db: psycopg.Connection[Any]) -> int:
    """Return how many rows and entries of indexes the server has read of the records."""
    sql = (
        "SELECT coalesce(sum(idx_tup_read), 0)::bigint + (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relid = "
        "'firm.record'::regclass) FROM pg_stat_user_indexes WHERE relid = 'firm.record'::regclass"
    )
    (count,) = db.execute(sql).fetchone() or (0,)
    return int(count)


@pytest.mark.parametrize("analyzed", [False, True], ids=["without statistics", "with those of a small table"])
async def test_a_page_reads_no_more_than_its_rows_however_the_table_grows(postgres_url: str, *, analyzed: bool) -> None:
    """New records, and the same once more: the server needs no statistics of the table, and old ones mislead nobody."""
    pages, costs = 10, dict[str, list[int]]()
    async with Store(postgres_url, schema="firm") as store:
        with psycopg.connect(postgres_url, autocommit=True) as db:
            db.execute("ALTER TABLE firm.record SET (autovacuum_enabled = false)")
            for name in ("new", "same"):
                for number in range(pages):
                    before = read(db)
                    stamp = ReadStamp(number + 1 + pages * (name == "same"), 1e9)
                    await store.write_page("offices", page(number * PAGE), DataQuantity.BASIC, stamp=stamp)
                    await store.read(lambda db: db.execute("SELECT pg_stat_force_next_flush()"))
                    costs.setdefault(name, []).append(read(db) - before)
                    if analyzed and name == "new" and not number:
                        db.execute("ANALYZE firm.record")
    assert max(costs["new"]) <= 2 * PAGE, costs
    assert max(costs["same"]) <= 5 * PAGE, costs
    assert min(costs["same"]) >= PAGE, "the counters count"


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
