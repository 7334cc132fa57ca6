"""CPU of a call of one record against bare aiohttp and json, beside other clients, in one run."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib.util
import json
import pathlib
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, Final

import aiohttp

from benchmarks._raw import LIMIT, raw_server
from benchmarks.table import show
from tonicdm import TonicDM, UnitBudget
from tonicdm.budget import BudgetRules
from tonicdm.sandbox import Sandbox

CALLS, AT_ONCE, ROUNDS = 400, 8, 7
BASE: Final = "aiohttp + json"
PATH: Final = "/core/offices"
TOKEN: Final = "sandbox-token"
USER: Final = {"id": "123", "username": "somebody", "discriminator": "0", "avatar": None, "public_flags": 0}

Call = Callable[[], Awaitable[Any]]


async def one_office() -> str:
    """Return the answer of the sandbox that holds one basic office."""
    async with Sandbox(records=1000, seed=1) as box, aiohttp.ClientSession() as session:
        lines = {"Authorization": f"Bearer {box.token}", "data_quantity": "basic"}
        lines["filterIDs"] = next(iter(box.world.ids("offices")))
        async with session.get(f"{box.url}{PATH}", headers=lines) as response:
            return await response.text()


@contextlib.contextmanager
def server() -> Iterator[tuple[str, str]]:
    """Run a server that answers with one office, and return its URL and the office's ID."""
    body = asyncio.run(one_office())
    with raw_server({PATH: body, "/users/123": json.dumps(USER)}) as url:
        yield url, json.loads(body)[0]["id"]


@contextlib.asynccontextmanager
async def bare(url: str, office: str, _: str) -> AsyncIterator[Call]:
    lines = {"Authorization": f"Bearer {TOKEN}", "filterIDs": office, "data_quantity": "basic"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def call() -> None:
            async with session.get(f"{url}{PATH}", headers=lines) as response:
                assert json.loads(await response.read())[0]["id"] == office

        yield call


@contextlib.asynccontextmanager
async def ours(url: str, office: str, budget: UnitBudget) -> AsyncIterator[Call]:
    async with TonicDM(f"{TOKEN}-{budget.ledger.where}", base_url=url, budget=budget, max_concurrency=AT_ONCE) as tonic:

        async def call() -> None:
            assert (await tonic.offices.get(office)).id == office

        yield call
    await budget.close()


def memory(url: str, office: str, _: str) -> contextlib.AbstractAsyncContextManager[Call]:
    rules = BudgetRules(limit=LIMIT)
    return ours(url, office, UnitBudget.memory(max_calls_per_second=None, rules=rules))


def sqlite(url: str, office: str, folder: str) -> contextlib.AbstractAsyncContextManager[Call]:
    file, rules = pathlib.Path(folder, "budget.db"), BudgetRules(limit=LIMIT)
    return ours(url, office, UnitBudget.shared(file, max_calls_per_second=None, rules=rules))


@contextlib.asynccontextmanager
async def gidgethub(url: str, office: str, _: str) -> AsyncIterator[Call]:
    from gidgethub.aiohttp import GitHubAPI

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        api = GitHubAPI(session, "somebody", oauth_token=TOKEN)

        async def call() -> None:
            assert (await api.getitem(f"{url}{PATH}", extra_headers={"filterIDs": office}))[0]["id"] == office

        yield call


@contextlib.asynccontextmanager
async def hikari(url: str, _: str, __: str) -> AsyncIterator[Call]:
    import hikari

    app = hikari.RESTApp(url=url)
    await app.start()
    async with app.acquire(TOKEN, "Bearer") as rest:

        async def call() -> None:
            assert (await rest.fetch_user(123)).id == 123

        yield call
    await app.close()


@contextlib.asynccontextmanager
async def httpx(url: str, office: str, _: str) -> AsyncIterator[Call]:
    import httpx

    lines = {"Authorization": f"Bearer {TOKEN}", "filterIDs": office, "data_quantity": "basic"}
    async with httpx.AsyncClient(headers=lines) as session:

        async def call() -> None:
            assert (await session.get(f"{url}{PATH}")).json()[0]["id"] == office

        yield call


@contextlib.asynccontextmanager
async def niquests(url: str, office: str, _: str) -> AsyncIterator[Call]:
    import niquests

    lines = {"Authorization": f"Bearer {TOKEN}", "filterIDs": office, "data_quantity": "basic"}
    async with niquests.AsyncSession() as session:

        async def call() -> None:
            assert (await session.get(f"{url}{PATH}", headers=lines)).json()[0]["id"] == office

        yield call


Opener = Callable[[str, str, str], contextlib.AbstractAsyncContextManager[Call]]

CASES: Final[dict[str, tuple[str, Opener]]] = {
    BASE: ("aiohttp", bare),
    "tonicdm, memory ledger": ("tonicdm", memory),
    "tonicdm, SQLite ledger": ("tonicdm", sqlite),
    "gidgethub": ("gidgethub", gidgethub),
    "hikari": ("hikari", hikari),
    "httpx": ("httpx", httpx),
    "niquests": ("niquests", niquests),
}
"""Cases by what they are called: the package that each needs, and what opens it."""


def installed(names: Iterable[str] = CASES) -> list[str]:
    """Return those of some cases whose package is there, and say which packages the others need."""
    found = [name for name in names if importlib.util.find_spec(CASES[name][0])]
    if missing := [CASES[name][0] for name in names if name not in found]:
        print(f"\nnot installed, and left out: {', '.join(missing)} (they are in the dependency group bench)")
    return found


async def spent(call: Call, calls: int) -> float:
    """Return the microseconds of CPU of one of *calls* calls, `AT_ONCE` of them under way."""
    left = iter(range(calls))

    async def work() -> None:
        for _ in left:
            await call()

    gc.collect()
    began = time.process_time()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return (time.process_time() - began) / calls * 1e6


async def measure(url: str, office: str, folder: str) -> dict[str, list[float]]:
    async with contextlib.AsyncExitStack() as stack:
        calls = {name: await stack.enter_async_context(CASES[name][1](url, office, folder)) for name in installed()}
        results: dict[str, list[float]] = {name: [] for name in calls}
        for number in range(ROUNDS + 1):
            for name, call in calls.items():
                cpu = await spent(call, CALLS)
                if number:
                    results[name].append(cpu)
        return results


def main() -> None:
    with server() as (url, office), tempfile.TemporaryDirectory() as folder:
        results = asyncio.run(measure(url, office, folder))
    title = f"CPU of a call of one basic record, {AT_ONCE} at once, {CALLS} calls a round, {ROUNDS} rounds in turns"
    show(title, "us", results, BASE, "Targets: 1.75 times with the ledger in memory, 3.0 times with SQLite.")


if __name__ == "__main__":
    main()
