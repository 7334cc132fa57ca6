"""CPU per call against bare aiohttp and json, on the same server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator

import aiohttp

from benchmarks.table import show
from tonicdm import TonicDM, UnitBudget

CALLS = 300
ROUNDS = 9
LIMIT = 1_000_000_000


@contextlib.contextmanager
def server(records: int = 1000) -> Iterator[str]:
    """Run a sandbox in a process of its own, so that its work is not counted."""
    command = [sys.executable, "-m", "tonicdm.sandbox", "--port", "0", "--records", str(records), "--limit", str(LIMIT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = re.search(r"http://\S+", process.stdout.readline())
            assert address is not None
            yield address.group()
        finally:
            process.terminate()


@contextlib.asynccontextmanager
async def clients(url: str, folder: str) -> AsyncIterator[dict[str, TonicDM]]:
    budgets = {
        "tonicdm, memory ledger": UnitBudget.memory(max_calls_per_second=None),
        "tonicdm, SQLite ledger": UnitBudget.shared(pathlib.Path(folder, "budget.db"), max_calls_per_second=None),
    }
    async with contextlib.AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(TonicDM("sandbox-token", base_url=url, budget=budget))
            for name, budget in budgets.items()
        }
        for budget in budgets.values():
            await budget.close()


async def measure(url: str, folder: str) -> dict[str, list[float]]:
    async with clients(url, folder) as ours, aiohttp.ClientSession() as session:
        some = next(iter(ours.values()))
        offices = await some.offices.list().all()
        office_id = str(offices[0].id)
        headers = {"Authorization": "Bearer sandbox-token", "filterIDs": office_id, "data_quantity": "basic"}

        async def bare() -> None:
            async with session.get(f"{url}/core/offices", headers=headers) as response:
                assert json.loads(await response.read())[0]["id"] == office_id

        async def call(tonic: TonicDM) -> None:
            assert (await tonic.offices.get(office_id)).id == office_id

        cases = {"aiohttp + json": bare}
        for name, tonic in ours.items():
            cases[name] = lambda tonic=tonic: call(tonic)
        results: dict[str, list[float]] = {name: [] for name in cases}
        for number in range(ROUNDS + 1):
            for name, case in cases.items():
                began = time.process_time()
                for _ in range(CALLS):
                    await case()
                if number:
                    results[name].append((time.process_time() - began) / CALLS * 1e6)
        return results


def main() -> None:
    with server() as url, tempfile.TemporaryDirectory() as folder:
        results = asyncio.run(measure(url, folder))
    show(
        f"CPU per call of one record, {CALLS} calls a round, {ROUNDS} rounds (sequential, one connection)",
        "us",
        results,
        "aiohttp + json",
        "Ours decode the record into attrs, reserve, settle and check the answer; target with memory: 1.5.",
    )


if __name__ == "__main__":
    main()
