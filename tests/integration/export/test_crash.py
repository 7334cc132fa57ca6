"""A run that ends anywhere leaves what was there, and the next one completes it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import duckdb
import pytest

from tonicdm.export import duck
from tonicdm.store import Store
from tonicdm.types import DataQuantity

from .conftest import Hand
from .readback import differences, from_csv, from_duckdb, from_parquet, stored
from .test_refusals import FORMS, files

READ = {"duckdb": from_duckdb, "parquet": from_parquet, "csv": from_csv}
KINDS = ("offices", "persons", "projects")


async def change(path: pathlib.Path, number: int, records: int) -> None:
    """Make a night's changes in three types: rows changed, rows gone, and one more field."""
    async with Store(path) as store:
        for kind in KINDS:
            page = [
                {"id": f"{one:032x}", "status": "active", "name": f"night {number}", "size": one, f"field{number}": 1}
                for one in range(0 if number == 0 else number, records, 1 if number == 0 else 7)
            ]
            for start in range(0, len(page), 1000):
                await store.write_page(
                    kind, page[start : start + 1000], DataQuantity.BASIC, None, stamp=await store.draw(0.0)
                )
        gone = [f"{one:032x}" for one in range(number, records, 997)]
        await store.write(lambda db: _bury(db, gone))


def _bury(db, gone: list[str]) -> None:
    from tonicdm.store.writing import write_tombstones

    write_tombstones(db, "offices", gone, "deleted", "2026-01-01T00:00:00+00:00")


class KilledError(BaseException):
    """Stands in for the end of the process: nothing may catch it."""


class Steps:
    """Counts what a run does to the disk and to DuckDB, and ends it at one of these steps."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.taken, self.last = 0, -1
        for name in ("replace", "fsync"):
            patch.setattr(os, name, self._counted(getattr(os, name)))
        connect = duckdb.connect
        patch.setattr(duck, "connect", lambda where, file=None: Connection(self, connect(str(file or ":memory:"))))

    def _counted(self, work):
        def counted(*given):
            self.step()
            return work(*given)

        return counted

    def step(self) -> None:
        self.taken += 1
        if self.taken == self.last:
            raise KilledError


class Connection:
    def __init__(self, steps: Steps, db: duckdb.DuckDBPyConnection) -> None:
        self._steps, self._db = steps, db
        db.execute("SET TimeZone = 'UTC'")

    def execute(self, *given):
        self._steps.step()
        return self._db.execute(*given)

    def __getattr__(self, name: str):
        return getattr(self._db, name)


STRIDES = {"duckdb": (13, 4), "parquet": (2, 1), "csv": (2, 1)}
"""How many steps lie between two at which a run is ended, in the suite and in `nox -s thorough`."""


@pytest.mark.parametrize(
    ("form", "stride"),
    [
        *((form, short) for form, (short, _) in STRIDES.items()),
        *(pytest.param(form, whole, marks=pytest.mark.thorough) for form, (_, whole) in STRIDES.items()),
    ],
)
async def test_ended_at_steps_all_along_it_a_run_leaves_the_last_export_or_the_new_one(
    form: str, stride: int, hand: Hand, path: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the manifest is in place not a byte of a reader's has changed; from then on the next run completes it
    without the store. What a killed run leaves behind never gets into a table.
    """
    place = tmp_path / f"out.{form}"

    def seen() -> dict:
        return {kind: READ[form](place, kind) for kind in KINDS}

    await change(path, 0, 40)
    await hand(f"{form}:{place}")
    number, ended, last = 0, 0, {kind: stored(path, kind) for kind in KINDS}
    while True:
        number += 1
        await change(path, number, 40)
        old, bytes_before = seen(), files(place) if form != "duckdb" else {}
        with monkeypatch.context() as patch:
            steps = Steps(patch)
            steps.last = number * stride
            with contextlib.suppress(KilledError):
                await hand(f"{form}:{place}")
            reached = steps.taken >= steps.last
        new = {kind: stored(path, kind) for kind in KINDS}
        now = seen()
        if form == "duckdb":
            assert now == old or not any(differences(now[kind], new[kind]) for kind in KINDS)
        elif (place / "manifest.json").read_bytes() == bytes_before[str(place / "manifest.json")]:
            assert files(place) == bytes_before
        else:
            # Where the last run was ended behind its manifest, this one has completed that first.
            for kind in KINDS:
                assert now[kind] == old[kind] or not all(differences(now[kind], one[kind]) for one in (last, new))
        last = new
        if not reached:
            break
        ended += 1
        if number % 2:
            await hand(f"{form}:{place}")
            assert not any(differences(seen()[kind], stored(path, kind)) for kind in KINDS), number
    assert ended >= 8, "a run has more steps than that"
    assert not any(differences(seen()[kind], stored(path, kind)) for kind in KINDS)
    assert not list(tmp_path.rglob("*.new"))  # noqa: ASYNC240 - nothing else waits


@pytest.mark.parametrize("form", ["duckdb", "parquet"])
def test_killed_at_random_moments_the_command_leaves_the_last_export_or_the_new_one(
    form: str, path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """SIGKILL, three times, each with new changes in the store; then one run completes it."""
    place, chance = tmp_path / f"out.{form}", random.Random(7)
    staging = tmp_path / "out.duckdb.rows" if form == "duckdb" else place / ".export" / "rows"
    command = [sys.executable, "-m", "tonicdm.cli", "export", str(path), "--to", f"{form}:{place}"]
    records = 2_500
    asyncio.run(change(path, 0, records))
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    states = [{kind: stored(path, kind) for kind in KINDS}]
    kills = 0
    for number in range(1, 4):
        asyncio.run(change(path, number, records))
        states.append({kind: stored(path, kind) for kind in KINDS})
        staging.unlink(missing_ok=True)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 60
            while not staging.exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.002)
            time.sleep(chance.random() * 0.2)
            process.send_signal(signal.SIGKILL)
        kills += process.returncode == -signal.SIGKILL
        found = {kind: READ[form](place, kind) for kind in KINDS}
        whole = [state for state in states if not any(differences(found[kind], state[kind]) for kind in KINDS)]
        if form == "duckdb":
            assert len(whole) == 1, "one export, and all of it"
        else:
            assert all(any(not differences(found[kind], state[kind]) for state in states) for kind in KINDS)
    assert kills >= 1, "the runs were over before they could be killed"
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert not any(differences(READ[form](place, kind), states[-1][kind]) for kind in KINDS)


@pytest.mark.parametrize("form", FORMS)
async def test_a_cancelled_export_has_closed_its_destination_and_changed_nothing(
    form: str, hand: Hand, path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    place = tmp_path / f"out.{form}"
    await change(path, 0, 5_000)
    started = asyncio.Event()
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(
        hand(f"{form}:{place}", on_progress=lambda come: come.rows and loop.call_soon_threadsafe(started.set))
    )
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not (place / "manifest.json").exists()
    await hand(f"{form}:{place}")
    assert not any(differences(READ[form](place, kind), stored(path, kind)) for kind in KINDS)
