"""A small firm behind a server whose answers a test may replace, a client of it, and a run of a sync."""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.fixtures.before import firm
from tests.integration.sync.conftest import drive
from tests.listserver import ListServer
from tonicdm import TonicDM, UnitBudget
from tonicdm.clock import VirtualClock
from tonicdm.store import Store, choose
from tonicdm.sync import RunReport, TypeReport, synchronize

Run = Callable[..., Awaitable[RunReport]]
PERSONS = firm.PATHS["persons"]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(firm.LATER)


@pytest.fixture
async def server(clock: VirtualClock) -> AsyncIterator[ListServer]:
    async with firm.firm(clock) as server:
        yield server


@pytest.fixture
async def tonic(server: ListServer, clock: VirtualClock) -> AsyncIterator[TonicDM]:
    budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
    async with TonicDM("token", base_url=server.url, budget=budget) as tonic:
        tonic.caller.facts.page_limit = tonic.caller.facts.ids_per_call = firm.PAGE
        yield tonic
    await budget.close()


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "firm.db"


@pytest.fixture
def run(tonic: TonicDM, file: pathlib.Path, clock: VirtualClock) -> Run:
    async def run(*types: str, audit: str = "never", at: pathlib.Path | None = None, **options: Any) -> RunReport:
        async with Store(at or file) as store:
            work = synchronize(tonic, store, choose(list(types)), audit=audit, **options)
            return await drive(clock, work, tonic)

    return run


def report_of(run: RunReport, kind: str = "persons") -> TypeReport:
    return next(one for one in run.types if one.type == kind)


def rows(file: pathlib.Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(file)) as db:
        return db.execute(sql, values).fetchall()
