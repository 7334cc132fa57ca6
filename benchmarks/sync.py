"""Units of a sync against its plan, by the sandbox's journal; and a first load beside a bare loop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

from benchmarks._sandbox import sandbox
from benchmarks.table import show
from tonicdm import TonicDM, UnitBudget
from tonicdm.clock import VirtualClock
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store, choose
from tonicdm.sync import synchronize

LIMIT = 10_000_000
FIRM, ROUNDS = 200_000, 7
BARE_LOOP = "bare aiohttp loop"
RECORD_TYPE = "persons"


async def units() -> None:
    """Print what each form of run costs for a type of about 1e5 records."""
    clock = VirtualClock()
    print(f"\nUnits of a sync of {RECORD_TYPE}, by the sandbox's journal")
    print(f"{'case':<58}{'units':>8}{'planned':>14}  why")
    for records, share, works in ((846_000, 0.0936, True), (164_000, 0.1, True), (846_000, 0.05, False)):
        async with Sandbox(records=records, seed=1, clock=clock) as box:
            box.settings.limit = LIMIT
            box.settings.updated_after_supported = works
            budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
            async with TonicDM(box.token, base_url=box.url, budget=budget) as tonic:
                with tempfile.TemporaryDirectory() as folder:
                    await _case(box, tonic, clock, pathlib.Path(folder, "firm.db"), share, works=works)
            await budget.close()


async def _case(
    box: Sandbox, tonic: TonicDM, clock: VirtualClock, file: pathlib.Path, share: float, *, works: bool
) -> None:
    count = box.world.count(RECORD_TYPE)
    how = "" if works else ", no updated_after"
    await _run(box, tonic, file, f"first load of {count:,}{how}")
    clock.advance(3600)
    if works:
        await _run(box, tonic, file, f"nothing of {count:,} changed")
    else:
        await _run(box, tonic, file, f"nothing of {count:,} changed{how} (learns that it is ignored)")
    clock.advance(3600)
    changed = round(count * share)
    step = max(1, count // changed)
    for record_id in list(box.world.ids(RECORD_TYPE))[::step][:changed]:
        box.world.update(RECORD_TYPE, record_id, title="Partner")
    clock.advance(600)
    await _run(box, tonic, file, f"{changed:,} of {count:,} changed{how}")


async def _run(box: Sandbox, tonic: TonicDM, file: pathlib.Path, case: str) -> None:
    before = box.units()
    async with Store(file) as store:
        report = await synchronize(tonic, store, choose([RECORD_TYPE]), audit="never")
    spent, done = box.units() - before, report.types[0]
    maximum = "?" if done.max_units is None else f"{done.max_units:,}"
    planned = f"{done.expected:,} to {maximum}"
    print(f"{case:<58}{spent:>8,}{planned:>14}  {'; '.join(done.why)}")


OURS = """
import asyncio, sys
from tonicdm import TonicDM, UnitBudget
from tonicdm.store import Store, choose
from tonicdm.sync import synchronize
async def main(url, file):
    budget = UnitBudget.memory(max_calls_per_second=None)
    async with TonicDM("sandbox-token", base_url=url, budget=budget) as tonic, Store(file) as store:
        await synchronize(tonic, store, choose(sys.argv[3].split(",")))
    await budget.close()
asyncio.run(main(sys.argv[1], sys.argv[2]))
"""

# What one would write by hand: each record as JSON by type and ID, with that key alone, a page in one transaction.
BARE = """
import asyncio, json, sqlite3, sys
import aiohttp
PATHS = {"persons": "/core/persons", "email_addresses": "/core/emailaddresses", "projects": "/core/projects",
         "offices": "/core/offices", "brands": "/core/brands", "organizations": "/core/organizations",
         "notes": "/core/notes"}
async def fetch(session, url, kind, db):
    number = 1
    while True:
        headers = {"Authorization": "Bearer sandbox-token", "data_quantity": "basic", "pageSize": "1000",
                   "pageNumber": str(number), "filterStatuses": "active,inactive,deleted"}
        async with session.get(url + PATHS[kind], headers=headers) as response:
            page = json.loads(await response.read())
        rows = [(kind, item["id"], json.dumps(item)) for item in page]
        with db:
            db.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", rows)
        if len(page) < 1000:
            return
        number += 1
async def main(url, file, kinds):
    db = sqlite3.connect(file)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE record (type TEXT, id TEXT, raw TEXT, PRIMARY KEY (type, id))")
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(fetch(session, url, kind, db) for kind in kinds))
    db.close()
asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3].split(",")))
"""

KINDS = "persons,email_addresses,projects,offices,brands,organizations,notes"


@functools.cache
def environment() -> dict[str, str]:
    """Return that of a program whose modules, ours and the others', were compiled at its first start, as installed."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": tempfile.mkdtemp(prefix="tonicdm-bench-")}


def load(name: str, program: str, url: str) -> tuple[float, float, float, int]:
    """Return wall seconds, CPU seconds, the most MB and the records of a first load."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "firm.db")
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-c", program, url, str(file), KINDS], env=environment())
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, name
        wall = time.perf_counter() - began
        with contextlib.closing(sqlite3.connect(file)) as db:
            (rows,) = db.execute("SELECT count(*) FROM record").fetchone()
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, rows


def first_load() -> None:
    """Print CPU, wall time and memory of our first load beside a bare loop over the same pages, in turns."""
    loads: dict[str, list[tuple[float, float, float, int]]] = {BARE_LOOP: [], "tonicdm sync": []}
    programs = {BARE_LOOP: BARE, "tonicdm sync": OURS}
    with sandbox(records=FIRM) as url:
        for name, program in programs.items():
            load(name, program, url)  # the first start compiles
        for _ in range(ROUNDS):
            for name, program in programs.items():
                loads[name].append(load(name, program, url))
    shutil.rmtree(environment()["PYTHONPYCACHEPREFIX"])
    rows = loads[BARE_LOOP][0][3]
    assert {one[3] for rounds in loads.values() for one in rounds} == {rows}
    title = f"First load of {rows:,} records, the seven largest types of a firm"
    cpu, wall = ({name: [one[place] for one in rounds] for name, rounds in loads.items()} for place in (1, 0))
    show(f"{title}: CPU of the process", "s", cpu, BARE_LOOP, "Target: 1.25 times.")
    memory = max(one[2] for one in loads["tonicdm sync"])
    show(f"{title}: wall time", "s", wall, BARE_LOOP, f"At most {memory:.0f} MB.")


def main() -> None:
    asyncio.run(units())
    first_load()


if __name__ == "__main__":
    main()
