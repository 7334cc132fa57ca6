"""CSV is written without DuckDB, and as DuckDB would write it."""

from __future__ import annotations

import json
import pathlib
import random

import duckdb
import pytest

from tonicdm.export import csvfile
from tonicdm.export.duck import SEPARATOR, Staged
from tonicdm.store.columns import OWN_COLUMNS, Column, SqlType

VALUES = {
    SqlType.BOOLEAN: [True, False, None],
    SqlType.BIGINT: [0, -1, 2**62, None],
    SqlType.DOUBLE: [0.1, 3, 2.5, -0.0, 1e20, 1e-7, 12345678901234567, None],
    SqlType.TIMESTAMP: [
        "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5+02:00", "2026-01-02T03:04:05.123456789", "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z", "2026-12-31T23:30:00.100-05:30", None,
    ],
    SqlType.DATE: ["2020-02-29", None],
    SqlType.TEXT: [
        "", " x ", "a,b", 'a "quoted" word', "two\nlines", "and\rthese", "# no comment", "é\u2028\x1f\x7f", "=1+1",
        "NULL", True, 12, 123456789012345678901234567890, None,
    ],
    SqlType.JSON: [[], {}, {"b": [1, 2.5, "é\u2028/\x7f\n", None, True]}, "text", 7, None],
    None: [None],
}  # fmt: skip
COLUMNS = tuple(
    Column(f"c{number}", f"wire/{number}~", type_) for number, type_ in enumerate(VALUES) if number or type_ is not None
)


@pytest.fixture
def staged(tmp_path: pathlib.Path) -> Staged:
    """Rows in which each value comes with many others, some of them deleted."""
    chance = random.Random(1)
    lines = []
    for number in range(400):
        own = [f"{number:032x}", "2026-11-27T01:02:03.25+00:00", "basic", None, None, None, number, None, "basic"]
        if number % 7 == 0:
            own[4:6] = ["2026-11-27T01:02:03+00:00", "deleted"]
        record = {column.wire: chance.choice(VALUES[column.type]) for column in COLUMNS if chance.random() > 0.1}
        lines.append(f"{json.dumps(own)}{SEPARATOR}{json.dumps(record, ensure_ascii=number % 2 == 0)}\n".encode())
    assert len(own) == len(OWN_COLUMNS)
    file = tmp_path / "rows"
    file.write_bytes(b"".join(lines))
    return Staged(file, COLUMNS, max(map(len, lines)))


@pytest.mark.parametrize("keep_deleted", [False, True])
def test_the_bytes_are_those_that_duckdb_writes(keep_deleted: bool, staged: Staged, tmp_path: pathlib.Path) -> None:
    """Of every type of column, with every odd value; who compares files of two exports finds no difference."""
    ours, theirs = tmp_path / "ours.csv", tmp_path / "theirs.csv"
    where = "" if keep_deleted else "WHERE reason IS NULL"
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute(f"COPY (FROM ({staged.select}) {where}) TO '{theirs}' (FORMAT csv, HEADER)")
    written = csvfile.write(staged, ours, keep_deleted=keep_deleted, check=lambda: None)
    assert written == (400 if keep_deleted else 342)
    assert ours.read_bytes() == theirs.read_bytes()


def test_a_time_at_the_edge_of_the_calendar_stays_as_it_came() -> None:
    """In UTC it would be in a year that Python does not have."""
    assert csvfile._moment("0001-01-01T00:00:00+02:00") == "0001-01-01T00:00:00+02:00"


def test_who_stops_an_export_stops_the_writing(staged: Staged, tmp_path: pathlib.Path) -> None:
    def check() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        csvfile.write(staged, tmp_path / "ours.csv", keep_deleted=True, check=check)
