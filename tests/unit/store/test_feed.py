"""Whoever follows the changes ends up with the rows of the store."""

from __future__ import annotations

import pathlib

from tonicdm.store import Store
from tonicdm.store.rows import Checkpoint
from tonicdm.types import DataQuantity


async def test_a_record_that_gets_the_time_of_its_stub_is_in_the_feed_once(tmp_path: pathlib.Path) -> None:
    """Records of some types carry no time; an audit learns it from the stubs."""
    ids = [f"{number:032x}" for number in range(3)]
    async with Store(tmp_path / "firm.db") as store:
        await store.write_page(
            "rfis", [{"id": one} for one in ids], DataQuantity.BASIC, None, stamp=await store.draw(0.0)
        )
        position = (await store.changes())[-1].sequence
        stubs = [{"id": one, "datetimeUpdated": "2026-01-01T00:00:00Z"} for one in ids[:2]]
        for _ in range(2):
            await store.scan_page(
                "rfis", [*stubs, {"id": ids[2]}], Checkpoint("rfis", "scan", 2), stamp=await store.draw(0.0), trust=True
            )
        found = await store.changes(position)
        assert [change.id for change in found] == ids[:2]
        times = await store.query("SELECT updated FROM record ORDER BY id")
        assert times == [("2026-01-01T00:00:00+00:00",)] * 2 + [(None,)]
