"""CPU of a read by ID through a store, beside a SELECT and json.loads."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
import sqlite3
import tempfile
import time
from typing import Final

from benchmarks._sandbox import sandbox
from benchmarks.table import show
from tonicdm import TonicDM, UnitBudget
from tonicdm.store import Store, choose
from tonicdm.sync import synchronize

RECORDS, READS, ROUNDS = 20_000, 500, 7
BASE: Final = "SELECT + json.loads"
SELECT: Final = "SELECT raw FROM record WHERE type = 'persons' AND id = ?"


async def measure(url: str, file: pathlib.Path) -> dict[str, list[float]]:
    """Return the microseconds of a record in each round, by case."""
    budget = UnitBudget.memory(max_calls_per_second=None)
    async with TonicDM("sandbox-token", base_url=url, budget=budget) as tonic, Store(file) as store:
        await synchronize(tonic, store, choose(["persons"]))
    results: dict[str, list[float]] = {}
    settings = {"base_url": url, "budget": budget, "store": file, "max_age": 86_400.0}
    async with TonicDM("sandbox-token", **settings) as tonic:
        with contextlib.closing(sqlite3.connect(file)) as db:
            ids = [name for (name,) in db.execute("SELECT id FROM record WHERE type = 'persons' LIMIT ?", (READS,))]

            async def bare() -> None:
                for name in ids:
                    json.loads(db.execute(SELECT, (name,)).fetchone()[0])

            async def one_by_one() -> None:
                for name in ids:
                    await tonic.persons.get(name)

            async def together() -> None:
                for start in range(0, len(ids), 100):
                    await tonic.persons.get_many(ids[start : start + 100])

            cases = {BASE: bare, "get, one after the other": one_by_one, "get_many, 100 at once": together}
            for number in range(ROUNDS + 1):
                for name, case in cases.items():
                    began = time.process_time()
                    await case()
                    if number:
                        results.setdefault(name, []).append((time.process_time() - began) / len(ids) * 1e6)
    await budget.close()
    return results


def main() -> None:
    """Print the table."""
    with sandbox(records=RECORDS) as url, tempfile.TemporaryDirectory() as folder:
        results = asyncio.run(measure(url, pathlib.Path(folder, "firm.db")))
    title = f"A cached person, {READS} in {ROUNDS} rounds, CPU"
    show(title, "us", results, BASE, "A read checks whose the store is and how old the record is; target: 60 us.")


if __name__ == "__main__":
    main()
