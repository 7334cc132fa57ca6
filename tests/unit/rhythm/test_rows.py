"""Rows are counted exactly while they stream, however the text is cut."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm.rhythm.query.rows import CsvCounter, JsonCounter, JsonReader, MalformedError, NoCounter, counter_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
CUTS = st.lists(st.integers(1, 7), min_size=1, max_size=5)


def pieces(text: bytes, cuts: list[int]) -> Iterator[bytes]:
    place, number = 0, 0
    while place < len(text):
        size = cuts[number % len(cuts)]
        yield text[place : place + size]
        place, number = place + size, number + 1


def read(text: bytes, cuts: list[int]) -> list[Any]:
    reader = JsonReader()
    found = [value for piece in pieces(text, cuts) for value in reader.read(piece)]
    return [*found, *reader.read(b"", last=True)]


@given(
    rows=st.lists(VALUES, max_size=6), cuts=CUTS, indent=st.none() | st.just(1), bom=st.booleans(), ascii_=st.booleans()
)
def test_an_array_is_read_as_written(
    rows: list[Any], cuts: list[int], indent: int | None, bom: bool, ascii_: bool
) -> None:
    text = json.dumps(rows, indent=indent, ensure_ascii=ascii_).encode("utf-8", "surrogatepass" if ascii_ else "strict")
    assert read(b"\xef\xbb\xbf" * bom + text, cuts) == rows
    counter = JsonCounter()
    for piece in pieces(text, cuts):
        counter.feed(piece)
    assert counter.end() == len(rows)


@pytest.mark.parametrize("number", ["0.0", "1e5", "1E+5", "-2.5e-3", "12"])
def test_a_number_that_is_cut_anywhere_is_read_whole(number: str) -> None:
    assert read(f"[{number},true]".encode(), [1]) == [float(number), True]


@given(rows=st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=3), max_size=6), cuts=CUTS)
def test_objects_one_after_another_are_read_as_well(rows: list[Any], cuts: list[int]) -> None:
    """The documents name the format, not its form."""
    assert read("\n".join(json.dumps(row) for row in rows).encode() or b"[]", cuts) == rows


@given(rows=st.lists(VALUES, min_size=1, max_size=4), cuts=CUTS, data=st.data())
def test_an_array_that_breaks_off_is_never_taken_for_whole(rows: list[Any], cuts: list[int], data: Any) -> None:
    text = json.dumps(rows).encode()
    end = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(MalformedError):
        read(text[:end], cuts)


@for_each(
    "text",
    [b"", b" ", b"[1,]", b"[,1]", b"[1 2]", b"[1]]", b"[1] 2", b"[1", b"<html>", b"[1,,2]", b'[{"a":}]', b"\xff"],
)
def test_what_is_no_result_is_told(text: bytes) -> None:
    with pytest.raises(MalformedError):
        read(text, [3])


CELLS = st.text(alphabet=st.sampled_from('a",\r\n;ü '), max_size=5)


@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=6),
    cuts=CUTS,
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_csv_is_counted_as_the_csv_module_writes_it(rows: list[list[str]], cuts: list[int], newline: str) -> None:
    """Line ends, quotes and commas inside quotes end no record; the last line end may be absent."""
    text = io.StringIO()
    csv.writer(text, lineterminator=newline).writerows([["x", "y"], *rows])
    whole = text.getvalue().encode()
    for end in (len(whole), len(whole) - len(newline)):
        counter = CsvCounter(header=True)
        for piece in pieces(whole[:end], cuts):
            counter.feed(piece)
        assert counter.end() == len(rows)


def test_csv_without_a_header_counts_all_records() -> None:
    counter = CsvCounter(header=False)
    counter.feed(b"1,2\n3,4")
    assert counter.end() == 2
    assert CsvCounter(header=True).end() == 0


def test_csv_that_breaks_off_in_quotes_is_told() -> None:
    counter = CsvCounter(header=True)
    counter.feed(b'a\n"b')
    with pytest.raises(MalformedError):
        counter.end()


def test_formats_without_a_reader_are_not_counted() -> None:
    assert isinstance(counter_of("excel", csv_header=True), NoCounter)
    assert counter_of("excel", csv_header=True).end() is None


def test_memory_is_flat_however_many_rows_there_are() -> None:
    """Ten times the rows take no more; and one row of many pieces is not parsed again with each of them."""
    row = b'{"id": "x", "name": "' + b"n" * 200 + b'"},'

    def peak(rows: int) -> int:
        counter = JsonCounter()
        tracemalloc.start()
        counter.feed(b"[")
        for _ in range(rows // 100):
            counter.feed(row * 100)
        counter.feed(row[:-1] + b"]")
        assert counter.end() == rows + 1
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(20_000) < 1.5 * peak(2_000)


def test_a_row_longer_than_many_pieces_is_read_in_time() -> None:
    text = json.dumps([{"a": "x" * 2_000_000}]).encode()
    counter = JsonCounter()
    for piece in pieces(text, [1000]):
        counter.feed(piece)
    assert counter.end() == 1
