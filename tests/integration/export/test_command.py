"""The command as users run it, and readers that are at work while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
import sys

import duckdb
import pandas
import pyarrow.parquet
import pytest

from tests import processes
from tests.processes import Completed
from tonicdm.store import Store

from .readback import differences, from_duckdb, from_parquet, stored
from .test_crash import change


def run(*arguments: str) -> Completed:
    return processes.run("export", *arguments)


def test_the_command_exports_what_changed_and_says_so(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    to = f"duckdb:{tmp_path / 'firm.duckdb'}"
    asyncio.run(change(path, 0, 30))
    first = processes.run_process("export", str(path), "--to", to)
    assert (first.returncode, first.stderr) == (0, "")
    assert "offices" in first.stdout
    asyncio.run(change(path, 1, 30))
    second = run(str(path), "--to", to, "--json", "--types", "offices")
    assert second.returncode == 0
    (line,) = second.stdout.splitlines()
    found = json.loads(line)
    assert found["types"] == {"offices": {"mode": "changes", "way": "changes", "written": 4, "removed": 1}}
    assert found["written"] == 4
    assert found["to"] == to
    assert not differences(from_duckdb(tmp_path / "firm.duckdb", "offices"), stored(path, "offices"))
    kept = run(str(path), "--to", to, "--keep-deleted")
    assert kept.returncode == 0
    assert not differences(from_duckdb(tmp_path / "firm.duckdb", "offices"), stored(path, "offices", deleted=True))


def test_exit_codes_are_those_of_the_other_commands(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    asyncio.run(change(path, 0, 5))
    missing = run(str(tmp_path / "none.db"), "--to", "duckdb:x.duckdb")
    assert missing.returncode == 2
    assert not (tmp_path / "none.db").exists()
    assert run(str(path), "--to", "excel:x").returncode == 2
    assert run(str(path), "--to", "csv:x", "--types", "planets").returncode == 2
    (tmp_path / "letter").write_text("Dear Sir or Madam, " * 1000)
    refused = run(str(path), "--to", f"duckdb:{tmp_path / 'letter'}")
    assert refused.returncode == 6
    assert "no DuckDB file" in refused.stderr
    assert "Traceback" not in refused.stderr
    store = run(str(tmp_path / "letter"), "--to", f"csv:{tmp_path / 'csv'}")
    assert store.returncode == 6
    assert "no SQLite file" in store.stderr


def test_who_reads_a_file_while_it_is_replaced_reads_the_old_one_to_its_end(
    path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """DuckDB, pyarrow in batches; and whoever comes later finds the new one under the same name."""
    asyncio.run(change(path, 0, 3_000))
    place = tmp_path / "parquet"
    assert run(str(path), "--to", f"parquet:{place}").returncode == 0
    file = place / "offices" / "offices.parquet"
    pattern = str(place / "offices" / "*.parquet")
    old = stored(path, "offices")
    with contextlib.closing(duckdb.connect()) as db, pyarrow.parquet.ParquetFile(file) as opened:
        under_way = db.execute("SELECT id, name, size FROM read_parquet(?)", [pattern])
        first = under_way.fetchmany(10)
        batches = opened.iter_batches(batch_size=100)
        head = next(batches)
        asyncio.run(change(path, 1, 3_000))
        assert run(str(path), "--to", f"parquet:{place}").returncode == 0
        rows = [*first, *under_way.fetchall()]
        names = [*head["name"].to_pylist(), *(name for batch in batches for name in batch["name"].to_pylist())]
        assert rows == [(one, row["name"], row["size"]) for one, row in sorted(old.items())]
        assert names == [row["name"] for _, row in sorted(old.items())]
        new = stored(path, "offices")
        assert db.execute("SELECT count(*), count(DISTINCT id) FROM read_parquet(?)", [pattern]).fetchone() == (
            len(new),
            len(new),
        )
    assert old != new
    assert not differences(from_parquet(place, "offices"), new)
    assert len(pandas.read_parquet(place / "offices")) == len(new)


async def test_frames_have_the_rows_and_types_of_the_store(path: pathlib.Path) -> None:
    await change(path, 0, 40)
    expected = stored(path, "offices")
    async with Store(path) as store:
        table = await store.to_arrow("offices")
        frame = await store.to_pandas("offices", include_deleted=True)
        rows = {row["id"]: row for row in table.to_pylist()}
        assert not differences(rows, expected)
        assert str(table.schema.field("size").type) == "int64"
        assert str(table.schema.field("datetime_created").type) == "timestamp[us, tz=UTC]"
        assert len(frame) == len(stored(path, "offices", deleted=True)) > len(expected)
        assert str(frame["size"].dtype) == "Int64"
        sums = await store.to_pandas("SELECT status, sum(size) AS size FROM offices GROUP BY 1 HAVING 1 = ?", [1])
        assert sums["size"].tolist() == [sum(range(40))]
        mixed = await store.to_arrow("SELECT 1 AS a UNION ALL SELECT 'x' UNION ALL SELECT NULL")
        assert mixed["a"].to_pylist() == ["1", "x", None]
        empty = await store.to_arrow("SELECT id FROM offices LIMIT 0")
        assert (empty.num_rows, empty.column_names) == (0, ["id"])


@pytest.mark.parametrize("include_deleted", [False, True])
async def test_records_come_as_models_each_once(include_deleted: bool, path: pathlib.Path) -> None:
    """More than a batch of them; the values that a model does not know are kept."""
    await change(path, 0, 1_200)
    async with Store(path) as store:
        found = {office.id: office async for office in store.records("offices", include_deleted=include_deleted)}
    expected = stored(path, "offices", deleted=include_deleted)
    assert found.keys() == expected.keys()
    assert all(office.name == expected[one]["name"] for one, office in found.items())
    assert all(office["size"] == expected[one]["size"] for one, office in found.items())


def test_csv_needs_no_extra(path: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where DuckDB is not installed CSV has the same bytes, and the other forms name what is missing."""
    asyncio.run(change(path, 0, 300))
    assert run(str(path), "--to", f"csv:{tmp_path / 'with'}").returncode == 0
    monkeypatch.setitem(sys.modules, "duckdb", None)
    for to, code in ((f"csv:{tmp_path / 'bare'}", 0), ("parquet:none", 2), ("duckdb:none.duckdb", 2)):
        ended = run(str(path), "--to", to)
        assert ended.returncode == code, ended.stderr
        assert ("the extra duckdb: pip install duckdb" in ended.stderr) == (code == 2)
    for record_type in ("offices", "persons", "projects"):
        one, other = (tmp_path / place / record_type / f"{record_type}.csv" for place in ("with", "bare"))
        assert one.read_bytes() == other.read_bytes() != b""
