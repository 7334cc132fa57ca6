"""A disk that is full: what was stored or paid for stays, and it goes on once there is room."""

from __future__ import annotations

import asyncio
import itertools
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.disks import filled, small_disk
from tonicdm import TonicDM, UnitBudget
from tonicdm.errors import StoreError
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store
from tonicdm.types import DataQuantity

PAGE = 400
LOG_BYTES = 1000 * 4096
"""The log from which on SQLite copies it into the file."""


@pytest.fixture
def disk() -> Iterator[pathlib.Path]:
    with small_disk(9) as folder:
        yield folder


def page(number: int) -> list[dict[str, Any]]:
    names = range(PAGE * number, PAGE * (number + 1))
    return [{"id": f"{name:032x}", "name": f"office {name} " * 40} for name in names]


async def fill(store: Store) -> int:
    """Store pages until the disk is full; return how many."""
    for stored in itertools.count():
        try:
            await store.write_page("offices", page(stored), DataQuantity.BASIC)
        except StoreError:
            return stored
    raise AssertionError


async def test_a_log_that_no_longer_fits_into_the_file_loses_no_page(
    disk: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """The disk has room for the log of a store and for a part of the file that it is to be copied into."""
    async with Store(disk / "firm.db") as store:
        stored = await fill(store)
        assert (disk / "firm.db-wal").stat().st_size > LOG_BYTES, "it was to be copied"
        assert await store.counts() == {"offices": PAGE * stored}
        with pytest.raises(StoreError, match=r"the disk is full\. Every page stored before is kept"):
            await store.write_page("offices", page(stored), DataQuantity.BASIC)
    roomy = tmp_path / "roomy"
    shutil.copytree(disk, roomy)
    async with Store(roomy / "firm.db") as store:
        assert await store.counts() == {"offices": PAGE * stored}
        await store.write_page("offices", page(stored), DataQuantity.BASIC)
        assert await store.counts() == {"offices": PAGE * (stored + 1)}
        assert await store.query("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.thorough
async def test_a_call_that_meets_a_full_disk_counts_once_and_its_answer_is_handed_out(disk: pathlib.Path) -> None:
    """The budget keeps what it could not store, and stores it once there is room, or when the program ends."""
    file = disk / "budget.db"
    async with Sandbox(records=600) as box:
        (person, *_) = box.world.ids("persons")
        async with (
            UnitBudget.shared(file, max_calls_per_second=None) as budget,
            TonicDM(box.token, base_url=box.url, budget=budget) as tonic,
        ):
            await tonic.persons.get(person)
            box.settings.latency_seconds = (0.2, 0.2)
            calling = asyncio.ensure_future(tonic.persons.get(person))
            while len(box.journal) < 2:
                await asyncio.sleep(0)
            with filled(disk):
                assert (await calling).id == person
                assert budget.snapshot().reserved == 0
            await tonic.persons.get(person)
            left = box.settings.limit - box.units()
            assert budget.snapshot().remaining == left
        async with (
            UnitBudget.shared(file, max_calls_per_second=None) as later,
            TonicDM(box.token, base_url=box.url, budget=later) as tonic,
        ):
            await tonic.persons.get(person)
            assert later.snapshot().remaining == box.settings.limit - box.units() == left - 5
