"""What columns mean: from the models' own words, on the command line, in DuckDB, and for Datasette."""

from __future__ import annotations

import asyncio
import json
import pathlib

import pytest
from click.testing import CliRunner

from tonicdm.cli.app import tonicdm
from tonicdm.export import export
from tonicdm.store import TYPES, Store
from tonicdm.store.columns import OWN_COLUMNS, model_columns
from tonicdm.store.meaning import OWN_MEANINGS, UNKNOWN, attribute_docs, meanings, plain
from tonicdm.types import DataQuantity


@pytest.fixture
def firm(file: pathlib.Path) -> pathlib.Path:
    async def fill() -> None:
        async with Store(file) as store:
            for name in ("offices", "persons"):
                await store.write_page(name, [{"id": "a" * 32, "name": "x", "zuluField": 1}], DataQuantity.BASIC)

    asyncio.run(fill())
    return file


def schema(file: pathlib.Path, *options: str) -> str:
    ended = CliRunner().invoke(tonicdm, ["schema", str(file), *options])
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def test_every_field_of_every_model_has_a_meaning() -> None:
    assert OWN_COLUMNS.keys() <= OWN_MEANINGS.keys()
    for name in TYPES:
        table = meanings(name, list(model_columns(name).values()))
        assert table.meaning
        assert [column.name for column in table.columns if column.meaning in {"", UNKNOWN}] == []


def test_words_of_a_base_count_and_markup_leaves() -> None:
    from tonicdm.models.email_addresses import EmailAddress

    docs = attribute_docs(EmailAddress)
    assert docs["email_address"] == "The address itself."
    assert docs["type"].startswith("What kind of address")
    assert plain("``raw`` is\n    `Store.raw`, `~x.y`") == "raw is Store.raw, x.y"


def test_the_command_says_types_and_meanings(firm: pathlib.Path) -> None:
    document = json.loads(schema(firm, "--types", "offices", "--json"))
    columns = {column["name"]: column for column in document["offices"]["columns"]}
    assert columns["zulu_field"] == {"name": "zulu_field", "type": "BIGINT", "meaning": UNKNOWN, "field": "zuluField"}
    assert columns["change_seq"]["type"] == "BIGINT"
    assert "change feed" in columns["change_seq"]["meaning"]
    shown = schema(firm, "--types", "offices", "--format", "table")
    assert max(map(len, shown.splitlines())) <= 80
    assert UNKNOWN in " ".join(shown.split())
    ended = CliRunner().invoke(tonicdm, ["schema", str(firm), "--types", "rfis"])
    assert (ended.exit_code, "no records of rfis" in ended.output) == (2, True)


def test_datasette_gets_the_views_and_hides_the_tables(firm: pathlib.Path) -> None:
    tables = json.loads(schema(firm, "--datasette"))["databases"][firm.stem]["tables"]
    assert tables["persons"]["columns"]["change_seq"]
    assert tables["record"] == {"hidden": True}

    async def names() -> set[str]:
        async with Store(firm) as store:
            return {
                name
                for (name,) in await store.query(
                    "SELECT name FROM sqlite_master WHERE type <> 'index' AND name NOT LIKE 'sqlite%'"
                )
            }

    assert tables.keys() == asyncio.run(names())


def test_duckdb_has_the_words_beside_its_columns_also_of_those_that_come_later(
    firm: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    duckdb = pytest.importorskip("duckdb")
    to = tmp_path / "firm.duckdb"
    asyncio.run(export(Store(firm), f"duckdb:{to}"))

    async def more() -> None:
        async with Store(firm) as store:
            await store.write_page("offices", [{"id": "b" * 32, "newField": "it's new"}], DataQuantity.BASIC)

    asyncio.run(more())
    asyncio.run(export(Store(firm), f"duckdb:{to}"))
    with duckdb.connect(str(to)) as db:
        sql = "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'offices'"
        comments = dict(db.execute(sql).fetchall())
        (comment,) = db.execute("SELECT comment FROM duckdb_tables() WHERE table_name = 'offices'").fetchone()
    assert comments["new_field"] == UNKNOWN
    assert comments["name"] not in {None, UNKNOWN}
    assert all(comments.values())
    assert comment
