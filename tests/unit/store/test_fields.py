"""Fields whose names SQL can't spell, or that are too many, stay in raw; views, frames and all else work."""

from __future__ import annotations

import pathlib

import pytest

from tonicdm.store import Store
from tonicdm.store.columns import MAX_FIELDS
from tonicdm.types import DataQuantity

ID = "0" * 31 + "1"
ODD = ["a\0b", 'qu"ote', "back\\slash", "line\nend", "line\u2028end", "tab\tbed", "\x7f", "", "x" * 5_000]
FINE = ["it's", "two words", "ümläut", "a.b", "a-b", "$", "select", "%s", "?", "a]b", "\U0001f600"]


async def keep(store: Store, *records: dict) -> None:
    await store.write_page("offices", records, DataQuantity.BASIC, None, stamp=await store.draw(0.0))
    await store.refresh_views()


async def test_an_odd_name_costs_the_view_only_its_column(tmp_path: pathlib.Path) -> None:
    """Names with NUL, quotation marks, line ends, or none at all."""
    async with Store(tmp_path / "firm.db") as store:
        await keep(store, {"id": ID, "name": "London", **dict.fromkeys([*ODD, *FINE], "here")})
        names = [name for name, *_ in await store.query("SELECT name FROM pragma_table_info('offices')")]
        ((name, *values),) = await store.query(
            'SELECT name, "it\'s", "two words", "a.b", "a-b", "$", "select" FROM offices'
        )
        assert name == "London" and set(values) == {"here"}
        assert set(FINE) <= set(names)
        assert (await store.without_column())["offices"] == sorted(ODD)
        assert set(FINE) <= set((await store.drift())["offices"])
        assert not set(ODD) & set((await store.drift())["offices"])
        assert len(await store.to_pandas("offices")) == 1
        (record,) = [one async for one in store.records("offices")]
        assert all(record.extra[name] == "here" for name in ODD)
        (said,) = await store.remarks("offices")
        assert f"{len(ODD)} fields are in raw alone" in said


async def test_fields_beyond_what_sql_holds_stay_in_raw_and_the_first_keep_their_columns(
    tmp_path: pathlib.Path,
) -> None:
    async with Store(tmp_path / "firm.db") as store:
        await keep(store, {"id": ID, **{f"z{number}": number for number in range(1_000)}})
        await keep(store, {"id": ID, **{f"a{number}": number for number in range(3_000)}, "z7": 7})
        assert await store.query("SELECT z7, id FROM offices") == [(7, ID)]
        names = [name for name, *_ in await store.query("SELECT name FROM pragma_table_info('offices')")]
        assert MAX_FIELDS <= len(names) < 2_000
        assert {f"z{number}" for number in range(1_000)} <= set(names)
        left_out = (await store.without_column())["offices"]
        assert 2_000 < len(left_out) < 3_000
        assert (await store.to_arrow("offices")).num_rows == 1


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ("duckdb", 5),
        ("parquet", 5),
        ("csv", 5),
        *(pytest.param(form, 2_500, marks=pytest.mark.thorough) for form in ("duckdb", "parquet", "csv")),
    ],
)
async def test_an_export_goes_on_with_the_fields_that_have_columns(
    form: str, fields: int, tmp_path: pathlib.Path
) -> None:
    from tonicdm.export import export

    async with Store(tmp_path / "firm.db") as store:
        await keep(store, {"id": ID, **dict.fromkeys(FINE, "here")})
        await export(store, f"{form}:{tmp_path / 'out'}")
        await keep(store, {"id": ID, **dict.fromkeys([*ODD, *FINE, *(f"f{n}" for n in range(fields))], "there")})
        (done,) = (await export(store, f"{form}:{tmp_path / 'out'}")).types
        assert done.written == 1
