"""Ledgers and stores on both engines: steps beside a bare UPDATE, a first load of 200,000 records beside COPY."""

from __future__ import annotations

import asyncio
import json
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from benchmarks.table import keep, show
from tests import postgres
from tonicdm.budget.ledgers.memory import MemoryLedger
from tonicdm.budget.ledgers.postgresql import PostgreSQLLedger
from tonicdm.budget.ledgers.sqlite import SQLiteLedger
from tonicdm.budget.rules import BudgetRules, Granted, Instant
from tonicdm.budget.window import Window
from tonicdm.clock import SystemClock
from tonicdm.store import Store
from tonicdm.types import DataQuantity

STEPS, ROUNDS = 300, 5
RECORDS, PAGE = 200_000, 1_000


def main() -> None:
    # The server keeps what is committed, as one does that is to be relied on.
    with postgres.server(settings="") as url, tempfile.TemporaryDirectory() as folder:
        database = postgres.make_database(url)
        asyncio.run(steps(database, pathlib.Path(folder)))
        asyncio.run(first_load(database, pathlib.Path(folder)))


def step(window: Window) -> None:
    """Give back what the step before has reserved, and reserve anew: an entry leaves, another one comes."""
    for entry in list(window.holdings):
        window.refund(entry.number)
    granted = window.admit(1, Instant.read(SystemClock()), lane="interactive")
    assert isinstance(granted, Granted)


async def steps(url: str, folder: pathlib.Path) -> None:
    """Time steps of each ledger, one behind the other."""
    rules, clock = BudgetRules(limit=1_000_000_000), SystemClock()
    ledgers: dict[str, Any] = {
        "memory": MemoryLedger(rules),
        "SQLite": SQLiteLedger(folder / "budget.db", key="k", rules=rules, clock=clock),
        "PostgreSQL": PostgreSQLLedger(url, key="k", rules=rules, clock=clock),
    }
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        connection.execute("CREATE TABLE bare (key text PRIMARY KEY, version bigint, state text)")
        connection.execute("INSERT INTO bare VALUES ('k', 0, repeat('x', 600))")
        sql = "UPDATE bare SET version = version + 1, state = %s WHERE key = 'k' RETURNING version"

        async def bare() -> None:
            await asyncio.to_thread(lambda: connection.execute(sql, ("x" * 600,)).fetchone())

        cases: dict[str, Callable[[], Any]] = {
            **{name: lambda ledger=ledger: ledger.run(step) for name, ledger in ledgers.items()},
            "bare UPDATE ... RETURNING": bare,
        }
        results: dict[str, list[float]] = {name: [] for name in cases}
        latencies: dict[str, list[float]] = {name: [] for name in cases}
        for number in range(ROUNDS + 1):
            for name, case in cases.items():
                began = time.perf_counter()
                for _ in range(STEPS):
                    at = time.perf_counter()
                    await case()
                    latencies[name].append((time.perf_counter() - at) * 1000)
                if number:
                    results[name].append((time.perf_counter() - began) / STEPS * 1000)
    title = "A step of a ledger: units reserved and given back, one behind the other"
    show(title, "ms", results, "bare UPDATE ... RETURNING")
    for name, values in latencies.items():
        quick, slow = statistics.median(values), sorted(values)[int(len(values) * 0.99)]
        rate = 1000 / statistics.median(results[name])
        keep(title, name, "steps a second", rate)
        keep(title, name, "p99 ms", slow)
        print(f"{name:<44}{rate:>12,.0f} a second, half within {quick:.2f} ms, 99 % within {slow:.2f} ms")
    for ledger in ledgers.values():
        await ledger.close()


def pages() -> Iterator[list[dict[str, Any]]]:
    """Yield the pages of a first load; records of some 500 bytes."""
    for first in range(0, RECORDS, PAGE):
        yield [
            {"id": f"{number:032x}", "datetimeUpdated": "2026-01-01T00:00:00Z", "name": f"Office {number}",
             "address": "1 Long Street, " * 10, "organizationId": f"{number % 97:032x}", "number": number,
             "phones": [{"type": "work", "number": f"555-{number:07d}"}, {"type": "home", "number": None}]}
            for number in range(first, first + PAGE)
        ]  # fmt: skip


async def first_load(url: str, folder: pathlib.Path) -> None:
    """Time a first load into each engine, and COPY of the same pages into a bare table."""
    taken: dict[str, list[float]] = {}
    for name, store in (
        ("SQLite", Store(folder / "firm.db")),
        ("PostgreSQL", Store(url, schema="firm")),
    ):
        spent = 0.0
        async with store:
            for page in pages():
                began = time.perf_counter()
                await store.write_page("offices", page, DataQuantity.BASIC)
                spent += time.perf_counter() - began
        taken[name] = [spent]
    taken["COPY of the same pages"] = [await asyncio.to_thread(copy, url)]
    show(f"A first load of {RECORDS:,} records, {PAGE:,} a page", "s", taken, "COPY of the same pages")


def copy(url: str) -> float:
    """Copy the pages as text and jsonb into a table with a primary key; a transaction a page."""
    spent = 0.0
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE copied (type text, id text, raw jsonb, PRIMARY KEY (type, id))")
        for page in pages():
            began = time.perf_counter()
            with connection.cursor().copy("COPY copied FROM STDIN") as rows:
                for record in page:
                    rows.write_row(("offices", record["id"], json.dumps(record)))
            connection.commit()
            spent += time.perf_counter() - began
    return spent
