"""Whoever follows the changes ends up with the rows of the store."""

from __future__ import annotations

import pathlib

from tonicdm.store import Store, rows
from tonicdm.types import DataQuantity


async def test_a_record_that_gets_the_time_of_its_stub_is_in_the_feed_once(tmp_path: pathlib.Path) -> None:
    """Records of some types carry no time; an audit learns it from the stubs."""
    ids = [f"{number:032x}" for number in range(3)]
    async with Store(tmp_path / "firm.db") as store:
        await store.write_page(
            "rfis", [{"id": one} for one in ids], DataQuantity.BASIC, None, stamp=await store.draw(0.0)
        )
        position = (await store.changes())[-1].sequence
        stamp = await store.draw(0.0)
        times: dict[str, str | None] = {**dict.fromkeys(ids[:2], "2026-01-01T00:00:00+00:00"), ids[2]: None}
        for _ in range(2):
            await store.write(lambda db: rows.confirm(db, "rfis", times, stamp))
        found = await store.changes(position)
        assert [change.id for change in found] == ids[:2]
        stored = await store.query("SELECT updated FROM record ORDER BY id")
        assert stored == [("2026-01-01T00:00:00+00:00",)] * 2 + [(None,)]
