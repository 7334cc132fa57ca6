"""CPU of a ledger's cycle: reserve, pass the gate, settle; beside the same three statements of sqlite3 alone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import pathlib
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from typing import Final

from benchmarks._raw import LIMIT
from benchmarks.table import show
from tonicdm import UnitBudget
from tonicdm.budget import BudgetRules

CYCLES, ROUNDS = 1_000, 7
BASE: Final = "sqlite3 alone, one transaction"
STATE: Final = "x" * 1_100
"""As long as the text of a window."""


@contextlib.contextmanager
def plain(folder: str) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(pathlib.Path(folder, "plain.db"), isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("CREATE TABLE window (key TEXT PRIMARY KEY, state TEXT) WITHOUT ROWID")
        columns = ", ".join(f"c{number}" for number in range(10))
        connection.execute(f"CREATE TABLE entry (number INTEGER PRIMARY KEY, {columns}) WITHOUT ROWID")
        connection.execute("INSERT INTO window VALUES ('k', ?)", (STATE,))
        yield connection


def floor(connection: sqlite3.Connection) -> float:
    began = time.process_time()
    for number in range(CYCLES):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE window SET state = ? WHERE key = 'k'", (f"{STATE}{number}",))
        connection.execute("DELETE FROM entry WHERE number = ?", (number - 1,))
        connection.execute(f"INSERT INTO entry VALUES ({', '.join('?' * 11)})", (number, *(["sent"] * 10)))
        connection.execute("COMMIT")
    connection.execute("DELETE FROM entry")
    return (time.process_time() - began) / CYCLES * 1e6


async def cycles(budget: UnitBudget, used: int, count: int) -> float:
    reset, date = time.time() + 3600, time.time()
    gc.collect()
    began = time.process_time()
    for number in range(1, count + 1):
        async with budget.reserve(1) as reservation:
            assert await reservation.try_sent()
            await reservation.settle(LIMIT, LIMIT - used - number, reset, date)
    return (time.process_time() - began) / count * 1e6


async def measure(folder: str) -> dict[str, list[float]]:
    rules = BudgetRules(limit=LIMIT)
    budgets = {
        "tonicdm, memory": UnitBudget.memory(max_calls_per_second=None, rules=rules),
        "tonicdm, SQLite": UnitBudget.shared(pathlib.Path(folder, "b.db"), max_calls_per_second=None, rules=rules),
    }
    results: dict[str, list[float]] = {name: [] for name in (BASE, *budgets)}
    with plain(folder) as connection:
        for number in range(ROUNDS + 1):
            figures = {BASE: floor(connection)}
            for name, budget in budgets.items():
                figures[name] = await cycles(budget, number * CYCLES, CYCLES)
            if number:
                for name, figure in figures.items():
                    results[name].append(figure)
    for budget in budgets.values():
        await budget.close()
    return results


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = asyncio.run(measure(folder))
    title = f"CPU of a ledger's cycle: reserve, gate, settle; {CYCLES} in a row, {ROUNDS} rounds in turns"
    show(title, "us", results, BASE, "Target: 130 us with SQLite where sqlite3 alone takes 78.")


if __name__ == "__main__":
    main()
