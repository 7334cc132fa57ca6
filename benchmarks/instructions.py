"""Instructions of a call by valgrind, which a noisy machine does not change; nothing where it is not installed."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Final

from benchmarks.client import BASE, CASES, installed, server, spent
from benchmarks.table import keep
from tonicdm.budget.ledgers import inloop, threads

FEW, MANY = 40, 140
CLIENTS: Final = (BASE, "tonicdm, memory ledger", "tonicdm, SQLite ledger", "gidgethub")


SLOWDOWN = 40
"""How many times slower a process is under valgrind."""
TIMED: Final = ((inloop, "FLUSH_SECONDS"), (threads, "QUICK_SECONDS"))
"""After how long the SQLite ledger stores what it was told, and which of its steps are slow: names of a module."""


def slow_down() -> None:
    """Give the ledger more time, as valgrind takes: else its timer would run at each call, and each step be slow."""
    for module, name in TIMED:
        setattr(module, name, getattr(module, name) * SLOWDOWN)


async def make(name: str, url: str, office: str, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with CASES[name][1](url, office, folder) as call:
            await spent(call, count)


def count(command: list[str], environment: dict[str, str] | None = None) -> int | None:
    """Return the instructions of a process that runs *command*; None where valgrind is not installed."""
    if shutil.which("valgrind") is None:
        return None
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    done = subprocess.run([*valgrind, *command], capture_output=True, text=True, check=True, env=environment)
    match = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    assert match is not None
    return int(match[1].replace(",", ""))


def each_call(name: str, url: str, office: str) -> float:
    """Return the instructions of a call: what more of them in a process come to."""
    command = [sys.executable, "-m", "benchmarks.instructions", name, url, office]
    # The first process compiles the modules that have changed, which is no part of a call.
    subprocess.run([*command, str(FEW)], check=True)
    few, many = (count([*command, str(calls)]) or 0 for calls in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def main() -> None:
    title = f"Instructions of a call of one record: {MANY} calls less {FEW}"
    if shutil.which("valgrind") is None:
        print(f"\n{title}: valgrind is not installed")
        return
    print(f"\n{title}\n{'case':<44}{'thousands':>14}{'ratio':>8}")
    base = 0.0
    with server() as (url, office):
        for name in installed(CLIENTS):
            each = each_call(name, url, office) / 1000
            base = base or each
            keep(title, name, "thousands", each)
            keep(title, name, "ratio", each / base)
            print(f"{name:<44}{each:>14,.0f}{each / base:>8.2f}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        slow_down()
        asyncio.run(make(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
    else:
        main()
